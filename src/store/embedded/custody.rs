//! The embedded store in custody: its files copied while it is at work, up to what is committed.

use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;

use crate::claims::custody::Anchor;
use crate::claims::entry::Position;
use crate::store::custody::backup::{self, Done, Mark, Order, Source};
use crate::store::custody::record::{AnchorRecord, Orphan, OrphanName, RestorationRecord};
use crate::store::custody::verified::Verified;
use crate::store::custody::walk::{self, Walked};
use crate::store::custody::{self, Custody};
use crate::store::embedded::Embedded;
use crate::store::embedded::verify::at_work::Working;
use crate::store::{Error, Space, ledger};

#[async_trait]
impl Custody for Embedded {
    async fn kept_orphans(
        &self,
        after: Option<OrphanName>,
        most: usize,
    ) -> Result<Vec<Orphan>, Error> {
        self.ask(move |view| ledger::custody::kept_orphans(view, after.as_ref(), most))
            .await
    }

    async fn restoration(&self) -> Result<Option<RestorationRecord>, Error> {
        self.ask(|view| ledger::custody::restoration(view)).await
    }

    async fn anchors(&self, after: Position, most: usize) -> Result<Vec<AnchorRecord>, Error> {
        self.ask(move |view| ledger::custody::anchors(view, after, most))
            .await
    }

    async fn last_anchor(&self) -> Result<Option<AnchorRecord>, Error> {
        self.ask(|view| ledger::custody::last_anchor(view)).await
    }

    async fn end(&self) -> Result<Anchor, Error> {
        let head = self.overlay.head();
        Ok(Anchor {
            position: head.position,
            chain: head.chain,
        })
    }

    fn walk(&self, from: Option<Position>, to: Option<Position>) -> Result<Walked, custody::Error> {
        Ok(walk::walk(&self.reader, self.overlay.head(), from, to))
    }

    async fn check(&self) -> Result<Verified, Error> {
        if self.state.room() != Space::Ample {
            return Err(Error::Full);
        }
        let _nothing_is_cleared = self.evacuating.lock().await;
        let (reader, overlay) = (self.reader.clone(), self.overlay.clone());
        let (directory, state) = (self.directory.clone(), self.state.clone());
        self.ask_alone(move |asker| {
            // It writes an index anew: once it has filled the disk to the mark it is over, or it would end admissions.
            let was_full = AtomicBool::new(false);
            let goes_on = || {
                was_full.fetch_or(state.room() != Space::Ample, Ordering::Relaxed);
                match was_full.load(Ordering::Relaxed) {
                    true => Err(Error::Full),
                    false => asker.waits(),
                }
            };
            let working = Working {
                reader: &reader,
                overlay: &overlay,
                directory: &directory,
            };
            working.check(&goes_on)
        })
        .await
    }

    fn backup(&self, order: &Order, stop: &dyn Fn() -> bool) -> Result<Done, custody::Error> {
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
