//! How far an index is, as a bar on stderr; where that is no terminal, nothing is drawn. It is gone when it is done.

use std::convert::Infallible;
use std::future;

use indicatif::{ProgressBar, ProgressFinish, ProgressStyle};
use tokio::sync::watch;

use crate::store::Readiness;

/// A bar of percents that is gone when it is dropped.
pub fn bar(message: &'static str) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg} {bar:50} {percent} % {elapsed}");
    ProgressBar::new(100)
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        .with_message(message)
        .with_finish(ProgressFinish::AndClear)
}

/// Draws how far a store is while it opens. Never ends: whoever waits for the store drops it then.
pub async fn follow(mut told: watch::Receiver<Readiness>) -> Infallible {
    let mut drawn = None;
    while told.changed().await.is_ok() {
        match *told.borrow_and_update() {
            Readiness::Rebuilding { percent } => drawn
                .get_or_insert_with(|| bar("building the index"))
                .set_position(u64::from(percent)),
            Readiness::Opening
            | Readiness::Ready
            | Readiness::Shedding
            | Readiness::LowOnDisk
            | Readiness::Resuming
            | Readiness::Failed(_) => {}
        }
    }
    future::pending().await
}
