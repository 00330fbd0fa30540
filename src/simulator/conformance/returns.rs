//! What the insurer says later: a feed that can be read again, of receipts that say what they are about.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;

use super::line::Heard;
use super::lots::First;
use super::{Case, Kit, Report, Verdict};
use crate::claims::id::{Digest, DocumentId, LotId, Name};
use crate::claims::receipt::{Coverage, Item, Receipt};
use crate::formats::jws::Fault;
use crate::formats::xml::Limits;

/// Pages of one feed that are read at most: a feed without end is no feed.
const PAGES: usize = 1000;

/// Between two looks at the feed.
const PAUSE: Duration = Duration::from_millis(500);

/// A cursor that no feed gives out.
const NO_CURSOR: &str = "no~such.cursor";

/// Pages of a feed, one after the other.
#[derive(Default)]
struct Pages {
    /// Each with the cursor it was asked by and the bytes of its items.
    pages: Vec<(Option<String>, Vec<Bytes>)>,
    receipts: Vec<Receipt>,
    /// Documents that were settled, which implies a receipt.
    settled: BTreeSet<DocumentId>,
    /// What was said under each id; receipts and settlements are numbered apart.
    said: BTreeMap<(&'static str, Name), Vec<u8>>,
    /// An id under which two items say different things.
    twice: Option<&'static str>,
    /// How many items came, and why the first of those proves nothing that are not signed as agreed.
    items: usize,
    unproven: Option<Fault>,
    /// The cursor after the last of them.
    next: Option<String>,
}

impl Kit {
    /// Judges the feed, by the lots that were handed over before.
    pub(super) async fn returns(&self, report: &mut Report, first: &First) {
        let mut pages = Pages::default();
        let read = self.read_until(&mut pages, first).await;
        report.note(Case::Feed, Verdict::of(read.clone()));
        if read.is_err() {
            for case in [
                Case::Receipts,
                Case::ReceiptDigest,
                Case::ReceiptRows,
                Case::NothingElse,
                Case::OwnIds,
                Case::Signed,
                Case::FeedOrder,
                Case::FeedEnd,
                Case::CursorChecked,
            ] {
                report.note(
                    case,
                    Verdict::Unjudged("the feed cannot be read".to_owned()),
                );
            }
            return;
        }
        let lot = first.taken.lot.id;
        let missing = pages.unanswered(first).len();
        let all = match missing {
            0 => Ok(()),
            _ => Err(format!("{missing} documents have none")),
        };
        report.note(Case::Receipts, Verdict::of(all));
        report.note(Case::ReceiptDigest, pages.digests(lot, first.taken.digest));
        report.note(Case::ReceiptRows, Verdict::of(pages.rows(first)));
        report.note(
            Case::NothingElse,
            Verdict::of(pages.nothing_of(&first.refused)),
        );
        report.note(Case::OwnIds, Verdict::of(pages.ids()));
        report.note(Case::Signed, self.signed(&pages));
        report.note(Case::FeedOrder, Verdict::of(self.same_order(&pages).await));
        report.note(Case::FeedEnd, self.end(&mut pages).await);
        let heard = self.line.feed(Some(NO_CURSOR)).await;
        let trouble = match &heard {
            Heard::Answer(200..=299, _) => Err("a page of the feed came".to_owned()),
            Heard::Answer(..) | Heard::Nothing => Ok(()),
        };
        report.note(Case::CursorChecked, Verdict::of(trouble));
    }

    /// Reads the feed on until every document of the first lot has a receipt, or the time is over.
    async fn read_until(&self, pages: &mut Pages, first: &First) -> Result<(), String> {
        let looks = self.config.receipts.as_millis() / PAUSE.as_millis();
        for _ in 0..=looks {
            self.read_to_end(pages).await?;
            if pages.unanswered(first).is_empty() {
                return Ok(());
            }
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    }

    async fn read_to_end(&self, pages: &mut Pages) -> Result<(), String> {
        for _ in 0..PAGES {
            let page = self.page(pages.next.as_deref()).await?;
            if page.items.is_empty() {
                pages.next = pages.next.take().or(Some(page.next));
                return Ok(());
            }
            let asked = pages.next.replace(page.next);
            pages.unproven = pages.unproven.or(page.unproven);
            pages.take(asked, page.items);
        }
        Err(format!("it has no end within {PAGES} pages"))
    }

    async fn page(&self, after: Option<&str>) -> Result<Page, String> {
        let heard = self.line.feed(after).await;
        let Heard::Answer(200, bytes) = &heard else {
            return Err(format!(
                "status 200 was expected, {} came",
                heard.described()
            ));
        };
        let feed = self.reader.read_feed(bytes, &Limits::default());
        if let Some(finding) = feed.findings.first() {
            let (code, line) = (finding.code, finding.place.line);
            return Err(format!("{code} at line {line}"));
        }
        let (mut items, mut unproven) = (Vec::new(), None);
        for part in &feed.parts {
            let read = self.reader.read_feed_item(bytes, part, &Limits::default());
            let Some(item) = read.value else {
                let code = read.findings.first().map_or("", |finding| finding.code);
                return Err(format!("an item has the finding {code}"));
            };
            items.push((bytes.slice(part.range.clone()), item));
            unproven = unproven.or_else(|| self.fault(part.of(bytes), part.signature(bytes)));
        }
        let next = feed.next.ok_or("it has no next cursor")?;
        Ok(Page {
            items,
            next,
            unproven,
        })
    }

    /// Why the signature of an item proves nothing; none where it does, or no keys were agreed.
    fn fault(&self, bytes: &[u8], jws: Option<&str>) -> Option<Fault> {
        let keys = self.config.receipt_keys.as_ref()?;
        let proven = jws
            .ok_or(Fault::Missing)
            .and_then(|jws| keys.verify(bytes, jws));
        proven.err()
    }

    fn signed(&self, pages: &Pages) -> Verdict {
        match (&self.config.receipt_keys, pages.unproven) {
            (None, _) => Verdict::Unjudged("no keys of receipts are known".to_owned()),
            (Some(_), Some(fault)) => Verdict::Broken(format!("an item with {fault}")),
            (Some(_), None) if pages.items == 0 => Verdict::Unjudged("no item came".to_owned()),
            (Some(_), None) => Verdict::Kept,
        }
    }

    /// Asks for every page again: it begins with what it held before.
    async fn same_order(&self, pages: &Pages) -> Result<(), String> {
        for (asked, before) in &pages.pages {
            let page = self.page(asked.as_deref()).await?;
            let again = page.items.iter().map(|(bytes, _)| bytes);
            if !before.iter().zip(again.clone()).all(|(was, is)| was == is)
                || again.len() < before.len()
            {
                return Err("a page that was asked for again is another one".to_owned());
            }
        }
        Ok(())
    }

    /// At the end nothing comes, and the cursor stays. More may have been issued in between.
    async fn end(&self, pages: &mut Pages) -> Verdict {
        for _ in 0..10 {
            if let Err(why) = self.read_to_end(pages).await {
                return Verdict::Broken(why);
            }
            let asked = pages.next.clone();
            match self.page(asked.as_deref()).await {
                Err(why) => return Verdict::Broken(why),
                Ok(page) if page.items.is_empty() => {
                    return Verdict::of(match Some(page.next) == asked {
                        true => Ok(()),
                        false => Err("an empty page moves the cursor".to_owned()),
                    });
                }
                Ok(_) => {}
            }
        }
        Verdict::Unjudged("the feed was never at its end".to_owned())
    }
}

/// One page.
struct Page {
    items: Vec<(Bytes, Item)>,
    next: String,
    /// Why the first of its items proves nothing that is not signed as agreed.
    unproven: Option<Fault>,
}

impl Pages {
    fn take(&mut self, asked: Option<String>, items: Vec<(Bytes, Item)>) {
        let mut bytes = Vec::with_capacity(items.len());
        self.items += items.len();
        for (raw, item) in items {
            bytes.push(raw);
            let kind = match item {
                Item::Receipt(_) => "receipts",
                Item::Settlement(_) => "settlements",
            };
            // The same item may come twice.
            let (key, says) = ((kind, item.id().clone()), item.canonical());
            if *self.said.entry(key).or_insert_with(|| says.clone()) != says {
                self.twice = Some(kind);
            }
            match item {
                Item::Receipt(receipt) => self.receipts.push(receipt),
                Item::Settlement(settlement) => {
                    self.settled.insert(settlement.document);
                }
            }
        }
        self.pages.push((asked, bytes));
    }

    /// Documents of the first lot that no receipt speaks for.
    fn unanswered(&self, first: &First) -> BTreeSet<DocumentId> {
        let mut left: BTreeSet<_> = first.taken.rows.iter().map(|row| row.document).collect();
        for receipt in self.of(first.taken.lot.id) {
            match receipt.coverage {
                Coverage::Whole => left.clear(),
                Coverage::Listed => {
                    for row in &receipt.documents {
                        left.remove(&row.document);
                    }
                }
            }
        }
        left.retain(|document| !self.settled.contains(document));
        left
    }

    fn digests(&self, lot: LotId, digest: Digest) -> Verdict {
        match self.of(lot).next() {
            None => Verdict::Unjudged("the lot has no receipt".to_owned()),
            Some(_) => Verdict::of(match self.of(lot).all(|receipt| receipt.digest == digest) {
                true => Ok(()),
                false => Err("a receipt carries another digest".to_owned()),
            }),
        }
    }

    /// A receipt that lists a document of another lot is kept aside as a whole.
    fn rows(&self, first: &First) -> Result<(), String> {
        let own = |document| first.taken.rows.iter().any(|row| row.document == document);
        let mut rows = self
            .of(first.taken.lot.id)
            .flat_map(|receipt| &receipt.documents);
        match rows.all(|row| own(row.document)) {
            true => Ok(()),
            false => Err("a receipt lists a document that is not of its lot".to_owned()),
        }
    }

    fn ids(&self) -> Result<(), String> {
        match self.twice {
            None => Ok(()),
            Some(kind) => Err(format!("two {kind} of one id say different things")),
        }
    }

    fn nothing_of(&self, refused: &[LotId]) -> Result<(), String> {
        match refused.iter().any(|lot| self.of(*lot).next().is_some()) {
            true => Err("a lot that was not taken has a receipt".to_owned()),
            false => Ok(()),
        }
    }

    fn of(&self, lot: LotId) -> impl Iterator<Item = &Receipt> {
        self.receipts
            .iter()
            .filter(move |receipt| receipt.lot == lot)
    }
}
