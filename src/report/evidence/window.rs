//! The stretches of the ledger around entries: from an anchor before to an anchor after, or from where the ledger
//! begins, or to its present end.

use crate::claims::custody::Anchor;
use crate::claims::entry::Position;
use crate::claims::time::Timestamp;
use crate::store;
use crate::store::custody::Custody;
use crate::store::custody::record::AnchorRecord;

use super::PAGE;

/// So many entries before one, its anchor is looked for first.
const NEAR: u64 = 32_768;

/// From which anchor to which.
pub(super) struct Window {
    pub(super) from: Anchor,
    /// When it was anchored; none: it is the beginning of the ledger.
    pub(super) from_at: Option<Timestamp>,
    pub(super) to: Anchor,
    /// When it was anchored; none: not yet.
    pub(super) to_at: Option<Timestamp>,
}

impl Window {
    /// The windows around entries, which are in order and come after the beginning: where two meet they are one.
    pub(super) async fn around(
        custody: &dyn Custody,
        beginning: Anchor,
        entries: &[Position],
    ) -> Result<Vec<Window>, store::Error> {
        let mut windows: Vec<Window> = Vec::new();
        for entry in entries {
            if windows
                .last()
                .is_some_and(|window| *entry <= window.to.position)
            {
                continue;
            }
            let before = Window::before(custody, *entry).await?;
            let before = before.filter(|before| before.anchor.position >= beginning.position);
            let (to, to_at) = Window::first_from(custody, *entry).await?;
            match windows.last_mut() {
                Some(last) if before.is_some_and(|before| before.anchor == last.to) => {
                    (last.to, last.to_at) = (to, to_at);
                }
                Some(_) | None => windows.push(Window {
                    from: before.map_or(beginning, |before| before.anchor),
                    from_at: before.map(|before| before.at),
                    to,
                    to_at,
                }),
            }
        }
        Ok(windows)
    }

    /// The last anchor before an entry. None knows how far back it is, so the way back grows until one is found.
    async fn before(
        custody: &dyn Custody,
        entry: Position,
    ) -> Result<Option<AnchorRecord>, store::Error> {
        let mut back = NEAR;
        loop {
            let mut after = Position(entry.0.saturating_sub(back));
            let mut last = None;
            loop {
                let mut page = custody.anchors(after, PAGE).await?;
                let is_whole = page.len() == PAGE;
                page.retain(|record| record.anchor.position < entry);
                let Some(record) = page.last() else { break };
                last = Some(*record);
                after = record.anchor.position;
                if !is_whole || page.len() < PAGE {
                    break;
                }
            }
            if last.is_some() || back >= entry.0 {
                return Ok(last);
            }
            back = back.saturating_mul(4);
        }
    }

    /// The first anchor of an entry or of a later one; else the present end, which is not anchored yet.
    async fn first_from(
        custody: &dyn Custody,
        entry: Position,
    ) -> Result<(Anchor, Option<Timestamp>), store::Error> {
        let after = Position(entry.0.saturating_sub(1));
        match custody.anchors(after, 1).await?.pop() {
            Some(record) => Ok((record.anchor, Some(record.at))),
            None => Ok((custody.end().await?, None)),
        }
    }

    /// Its directory: windows are named by the entry before them, so that they come in their order.
    pub(super) fn directory(&self) -> String {
        directory(self.from.position)
    }
}

/// The directory of the window that begins behind an entry.
pub(super) fn directory(after: Position) -> String {
    format!("windows/{:020}", after.0)
}
