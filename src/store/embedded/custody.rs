//! The embedded store's files in custody: copied while it is at work, up to what is committed.

use crate::store::custody::backup::{self, Done, Mark, Order, Source};
use crate::store::custody::{Custody, Error};
use crate::store::embedded::Embedded;

impl Custody for Embedded {
    fn backup(&self, order: &Order, stop: &dyn Fn() -> bool) -> Result<Done, Error> {
        let source = Source {
            directory: &self.directory,
            head: &|| self.overlay.head(),
        };
        backup::backup(&source, order, stop)
    }

    fn last_backup(&self) -> Option<Mark> {
        backup::last(&self.directory)
    }
}
