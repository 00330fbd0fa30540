//! What a command prints, for whoever still reads it.
//!
//! The macros of the standard library panic where the reader has gone, as `bordereau documents | head -1` does: that is no
//! defect, and the command comes to its end with its own exit code. Here they have the same names, so that none of the
//! others is used in this room by mistake.

use std::fmt::Arguments;
use std::io::{ErrorKind, Write};

/// As that of the standard library, to whoever still reads.
macro_rules! println {
    ($($what:tt)*) => {
        $crate::cli::out::write(&mut std::io::stdout().lock(), format_args!("{}\n", format_args!($($what)*)))
    };
}

/// As that of the standard library, to whoever still reads.
macro_rules! print {
    ($($what:tt)*) => {
        $crate::cli::out::write(&mut std::io::stdout().lock(), format_args!($($what)*))
    };
}

/// As that of the standard library, to whoever still reads.
macro_rules! eprintln {
    ($($what:tt)*) => {
        $crate::cli::out::write(&mut std::io::stderr().lock(), format_args!("{}\n", format_args!($($what)*)))
    };
}

/// Writes to a stream of the process.
///
/// # Panics
/// When the system refuses for another reason than that nobody reads: what was asked for would be cut off silently.
pub fn write(to: &mut dyn Write, what: Arguments<'_>) {
    match to.write_fmt(what) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => panic!("cannot print: {error}"),
        Ok(()) | Err(_) => {}
    }
}

/// Writes bytes as they are to whoever still reads.
///
/// # Errors
/// As those of the stream; that nobody reads is none.
pub fn bytes(to: &mut dyn Write, bytes: &[u8]) -> std::io::Result<()> {
    match to.write_all(bytes).and_then(|()| to.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    struct Gone(ErrorKind);

    impl Write for Gone {
        fn write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_who_has_gone_is_no_defect() {
        write(&mut Gone(ErrorKind::BrokenPipe), format_args!("{}", 1));
        bytes(&mut Gone(ErrorKind::BrokenPipe), b"1").unwrap();
        bytes(&mut Gone(ErrorKind::StorageFull), b"1").unwrap_err();
        let mut printed = Vec::new();
        write(&mut printed, format_args!("{} {}", 1, 2));
        assert_eq!(printed, b"1 2");
    }

    #[test]
    #[should_panic(expected = "cannot print")]
    fn what_cannot_be_printed_is_not_silent() {
        write(&mut Gone(ErrorKind::StorageFull), format_args!("1"));
    }
}
