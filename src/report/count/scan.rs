//! The third count: the standings as the store holds them, one document after the other.
//!
//! Documents move while they are read, so the scan keeps the root of each line: lines that an entry touched
//! meanwhile are set aside by the caller, and every other line must be in the cell that the second count
//! has it in. It reads records and decides nothing.

use std::collections::BTreeMap;

use crate::claims::document::Purpose;
use crate::claims::id::DocumentId;
use crate::claims::tally::{Cell, DayBasis, Lateness};
use crate::claims::time::{Day, Timestamp};
use crate::store::{DocumentRecord, Error, Store};

/// The units found in the standings, by the root of their line.
#[derive(Debug, Default)]
pub struct Scan {
    units: Vec<Unit>,
}

/// A unit: its cell on any of the days of its root.
#[derive(Debug)]
struct Unit {
    root: DocumentId,
    cell: Cell,
    /// By each basis, in the order of [`DayBasis::ALL`].
    days: [Day; 3],
}

/// What a line takes from its root.
#[derive(Clone, Copy)]
struct Root {
    clock: Day,
    care: Day,
    reception: Day,
    deadline: Option<Day>,
}

/// A latest document whose root was replaced: counted once its root is known.
struct Latest {
    root: DocumentId,
    cell: Cell,
    proven: Option<Timestamp>,
}

impl Scan {
    /// Reads all documents, a page at a time.
    pub async fn read(store: &dyn Store, page: usize) -> Result<Scan, Error> {
        let (mut scan, mut roots, mut waiting) = (Scan::default(), BTreeMap::new(), Vec::new());
        let mut after = None;
        loop {
            let records = store.documents(after, page).await?;
            let Some(last) = records.last() else {
                break;
            };
            after = Some(last.received.document);
            for record in &records {
                scan.take(record, &mut roots, &mut waiting);
            }
        }
        for latest in waiting {
            // A root is never missing; were it, the unit would be missing too, and the counts differ.
            if let Some(root) = roots.get(&latest.root) {
                scan.units.push(latest.on(root));
            }
        }
        Ok(scan)
    }

    /// The units of the lines that pass.
    pub fn units(&self, passes: impl Fn(DocumentId) -> bool) -> BTreeMap<Cell, i64> {
        let mut cells = BTreeMap::new();
        for unit in self.units.iter().filter(|unit| passes(unit.root)) {
            for (basis, day) in DayBasis::ALL.into_iter().zip(unit.days) {
                let cell = Cell {
                    basis,
                    day,
                    ..unit.cell
                };
                *cells.entry(cell).or_default() += 1;
            }
        }
        cells
    }

    fn take(
        &mut self,
        record: &DocumentRecord,
        roots: &mut BTreeMap<DocumentId, Root>,
        waiting: &mut Vec<Latest>,
    ) {
        let received = &record.received;
        let real = match received.purpose {
            Purpose::Real => true,
            Purpose::Test => false,
        };
        let is_root = received.root == received.document;
        let is_latest = record.replaced_by.is_none();
        if !real {
            return;
        }
        match (is_root, is_latest) {
            (true, true) => {
                self.units.push(Latest::of(record).on(&Root::of(record)));
            }
            (true, false) => {
                roots.insert(received.document, Root::of(record));
            }
            (false, true) => waiting.push(Latest::of(record)),
            (false, false) => {}
        }
    }
}

impl Root {
    fn of(record: &DocumentRecord) -> Root {
        let facts = &record.received.facts;
        Root {
            clock: facts.clock_day,
            care: facts.care_day,
            reception: record.at.day(),
            deadline: record.received.deadline,
        }
    }
}

impl Latest {
    /// The document as it stands, on the days of its own.
    fn of(record: &DocumentRecord) -> Latest {
        let facts = &record.received.facts;
        Latest {
            root: record.received.root,
            proven: record.proven,
            cell: Cell {
                basis: DayBasis::Clock,
                centre: facts.key.centre,
                day: facts.clock_day,
                kind: facts.key.kind,
                mode: facts.mode,
                destination: facts.destination,
                standing: record.course.standing(),
                receipted: record.course.position().receipted,
                late: Lateness::Unproven,
                exclusions: facts.exclusions,
            },
        }
    }

    fn on(&self, root: &Root) -> Unit {
        let late = match (self.proven, root.deadline) {
            (None, _) => Lateness::Unproven,
            (Some(_), None) => Lateness::InTime,
            (Some(left), Some(day)) if left < day.end() => Lateness::InTime,
            (Some(_), Some(_)) => Lateness::Late,
        };
        Unit {
            root: self.root,
            cell: Cell { late, ..self.cell },
            days: DayBasis::ALL.map(|basis| match basis {
                DayBasis::Clock => root.clock,
                DayBasis::Care => root.care,
                DayBasis::Reception => root.reception,
            }),
        }
    }
}
