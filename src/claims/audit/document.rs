//! A document in the second count: what it was admitted with, and all that happened to it since.

use std::collections::BTreeSet;

use crate::claims::audit::facts::{Fact, Facts};
use crate::claims::audit::reading::Reading;
use crate::claims::canon::{Canon, Malformed, Take, canon_struct};
use crate::claims::document::{Exclusions, Kind, Mode, Purpose};
use crate::claims::entry::{Position, Received};
use crate::claims::id::{Destination, DocumentId, Finess};
use crate::claims::receipt::Part;
use crate::claims::standing::Standing;
use crate::claims::tally::{Cell, DayBasis, Lateness};
use crate::claims::time::{Day, Timestamp};

/// Which parts a settlement may have to name.
const AWAITED: [&[Part]; 4] = [&[], &[Part::Amo], &[Part::Amc], &[Part::Amo, Part::Amc]];

/// Where a document stands among the documents of a count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct DocumentRow(pub(super) u32);

/// Where a lot stands among the lots of a count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LotRow(pub(super) u32);

/// One document.
#[derive(Clone, Debug)]
pub(super) struct Document {
    pub(super) id: DocumentId,
    pub(super) purpose: Purpose,
    pub(super) root: DocumentRow,
    pub(super) centre: Finess,
    pub(super) kind: Kind,
    mode: Mode,
    destination: Destination,
    exclusions: Exclusions,
    clock_day: Day,
    care_day: Day,
    reception_day: Day,
    deadline: Option<Day>,
    /// Which parts a settlement must name before it moves the standing.
    pub(super) awaited: &'static [Part],
    pub(super) facts: Facts,
    pub(super) lot: Option<LotRow>,
    /// Whether its insurer spoke of it since it is in that lot.
    pub(super) is_answered: bool,
    /// Whether it went another way than that lot.
    pub(super) has_gone: bool,
    /// The day on which the attempt began that is proven.
    pub(super) left: Option<Day>,
    pub(super) replaced: bool,
    /// The last entry that spoke of the document; on a root, of any document of its line.
    pub(super) touched: Position,
}

canon_struct! {
    DocumentRow { 0 }
    LotRow { 0 }
    Document {
        id, purpose, root, centre, kind, mode, destination, exclusions, clock_day, care_day, reception_day, deadline,
        awaited, facts, lot, is_answered, has_gone, left, replaced, touched,
    }
}

impl Canon for &'static [Part] {
    fn put(&self, out: &mut Vec<u8>) {
        self.to_vec().put(out);
    }

    fn take(from: &mut Take<'_>) -> Result<Self, Malformed> {
        let parts: Vec<Part> = Canon::take(from)?;
        let mut known = AWAITED.into_iter();
        let known = known.find(|known| **known == *parts);
        known.ok_or(Malformed("parts"))
    }
}

impl Document {
    pub(super) fn admitted(
        at: Timestamp,
        received: &Received,
        root: DocumentRow,
        position: Position,
    ) -> Document {
        let facts = &received.facts;
        let asked_of_amc = facts.settled_for.is_some() && facts.amount_amc.0 != 0;
        let awaited: &[Part] = match facts.key.kind {
            Kind::Dre => &[Part::Amc],
            Kind::Fse if asked_of_amc && facts.amount_amo.0 == 0 => &[Part::Amc],
            Kind::Fse if asked_of_amc => &[Part::Amo, Part::Amc],
            Kind::Fse => &[Part::Amo],
            Kind::Pj | Kind::Pec => &[],
        };
        Document {
            id: received.document,
            purpose: received.purpose,
            root,
            centre: facts.key.centre,
            kind: facts.key.kind,
            mode: facts.mode,
            destination: facts.destination,
            exclusions: facts.exclusions,
            clock_day: facts.clock_day,
            care_day: facts.care_day,
            reception_day: at.day(),
            deadline: received.deadline,
            awaited,
            facts: Facts::default(),
            lot: None,
            is_answered: false,
            has_gone: false,
            left: None,
            replaced: false,
            touched: position,
        }
    }

    /// The days of a root, without repeats.
    pub(super) fn days(&self) -> BTreeSet<Day> {
        BTreeSet::from([self.clock_day, self.care_day, self.reception_day])
    }

    pub(super) fn cells(&self, root: &Document) -> [Cell; 3] {
        let now = self.read();
        let late = match (root.deadline, self.left) {
            (_, None) => Lateness::Unproven,
            (Some(last_day), Some(left)) if left > last_day => Lateness::Late,
            (_, Some(_)) => Lateness::InTime,
        };
        let on = |basis, day| Cell {
            basis,
            centre: self.centre,
            day,
            kind: self.kind,
            mode: self.mode,
            destination: self.destination,
            standing: now.standing,
            receipted: now.receipted,
            late,
            exclusions: self.exclusions,
        };
        [
            on(DayBasis::Clock, root.clock_day),
            on(DayBasis::Care, root.care_day),
            on(DayBasis::Reception, root.reception_day),
        ]
    }

    /// Reads all facts again: what insurers said between two acts is put in order of issue first. The same
    /// word said twice is one word. Where a lot is refused, what was said before its sealing is read with it.
    pub(super) fn read(&self) -> Reading {
        let mut reading = Reading::admitted(self);
        let (mut said, mut known) = (BTreeSet::new(), BTreeSet::new());
        let mut earlier = BTreeSet::new();
        for fact in self.facts.all() {
            if let Fact::Said(issued, id, word) = fact {
                if known.insert((issued, id, word)) {
                    said.insert((issued, id, word));
                }
                continue;
            }
            if let Fact::SaidBefore(issued, id, word) = fact {
                if known.insert((issued, id, word)) {
                    earlier.insert((issued, id, word));
                }
                continue;
            }
            let mut next = reading.clone();
            next.hear_span(&said, &earlier);
            let sends_paper = matches!(
                next.standing,
                Standing::Open | Standing::InLot | Standing::Refused
            );
            if fact == Fact::OnPaper {
                reading.on_paper_too = true;
                next.on_paper_too = true;
            }
            next.standing = match fact {
                Fact::Sealed => Standing::InLot,
                // The lot's end touches only the documents that are still in it.
                Fact::LotVoided if next.standing != Standing::InLot => continue,
                Fact::LotVoided => Standing::Open,
                Fact::Cancelled => Standing::Cancelled,
                Fact::ByHand => Standing::ByHand,
                Fact::OnPaper if sends_paper => Standing::OnPaper,
                // Beside what stands: what was said before is read on.
                Fact::OnPaper => continue,
                Fact::Replaced => Standing::Replaced,
                Fact::Unsettled => Standing::Unsettled,
                Fact::Lapsed => Standing::Lapsed,
                Fact::Said(..) | Fact::SaidBefore(..) => next.standing,
            };
            reading = next;
            earlier.append(&mut said);
        }
        reading.hear_span(&said, &earlier);
        reading.with_its_duplicate()
    }
}
