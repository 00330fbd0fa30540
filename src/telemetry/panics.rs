//! What is said of a panic: where it was. Its message may hold what was being read, a name or a NIR, so one that was
//! made of values is never shown.

use std::any::Any;
use std::panic::{self, PanicHookInfo};

/// From now on a panic is told by its place alone, for the whole process: as a log line, or to standard error where
/// no log is written. It goes on as before: a task of its own ends, the program otherwise.
pub fn tell_places() {
    panic::set_hook(Box::new(|panic: &PanicHookInfo<'_>| {
        let place = panic.location().map(ToString::to_string);
        let place = place.as_deref().unwrap_or("an unknown place");
        let why = constant(panic.payload()).unwrap_or("its words may hold values");
        if tracing::dispatcher::has_been_set() {
            tracing::error!(place, why, "a defect: the program panicked");
        } else {
            eprintln!("bordereau: a defect: the program panicked at {place}: {why}");
        }
    }));
}

/// The message of a panic, where it stands in the program as it is.
fn constant(payload: &dyn Any) -> Option<&'static str> {
    payload.downcast_ref::<&'static str>().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_made_of_values_are_not_shown() {
        let nir = "1840775123456";
        let made = panic::catch_unwind(|| panic!("{nir} is no key")).unwrap_err();
        assert_eq!(constant(&*made), None);
        let cut = panic::catch_unwind(|| "é".split_at(1).0.len()).unwrap_err();
        assert_eq!(constant(&*cut), None);
        let written = panic::catch_unwind(|| panic!("a law is broken")).unwrap_err();
        assert_eq!(constant(&*written), Some("a law is broken"));
    }
}
