//! Closed periods: the frozen rate, the rate of today beside it, and every later fact as a dated correction.
//!
//! A frozen rate is recomputed from the entries up to the closing, under the policies that the closing holds:
//! nothing later can change it. Corrections are found by following the later entries one by one; together
//! they are exactly the difference between the two rates.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::claims::agreement::{Agreement, Agreements, PaperSheets};
use crate::claims::audit::{Audit, Line};
use crate::claims::entry::{Entry, Position, Stamped};
use crate::claims::id::{DocumentId, Finess};
use crate::claims::obligation::Unbound;
use crate::claims::period::Period;
use crate::claims::place::{Place, Transmitted, place};
use crate::claims::tally::{Cell, PaperCell};
use crate::claims::time::Day;
use crate::report::Error;
use crate::report::past::{self, Bounds, Past};
use crate::report::rates::{self, CentreRate};
use crate::report::shapes::PeriodShape;
use crate::store::{Closing, Store};

/// One closing, for programs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClosingShape {
    /// The entry that closed it.
    pub position: u64,
    /// When.
    pub at: String,
    /// The period.
    pub period: PeriodShape,
    /// The centres; empty: all.
    pub centres: Vec<String>,
    /// Who closed it.
    pub actor: String,
    /// The policies that it froze.
    pub policies: Vec<String>,
}

/// A closed period of a centre.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClosedPeriod {
    /// The closing.
    pub closing: ClosingShape,
    /// The rate as it was at the closing.
    pub frozen: CentreRate,
    /// The rate with all that came since, under the same policies.
    pub current: CentreRate,
    /// What came since, in order.
    pub corrections: Vec<Correction>,
}

/// A later fact that changed the rate of a closed period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Correction {
    /// The entry.
    pub position: u64,
    /// When.
    pub at: String,
    /// What happened: `admission`, `replacement`, `sealing`, `delivery`, `receipt`, `settlement`, `declaration`,
    /// `cancellation`, `by hand`, `on paper`, `lapse`, `unsettled`.
    pub cause: &'static str,
    /// The latest document of the unit; none for declared sheets.
    pub document: Option<String>,
    /// Change of the numerator.
    pub numerator: i64,
    /// Change of the denominator.
    pub denominator: i64,
}

impl From<&Closing> for ClosingShape {
    fn from(closing: &Closing) -> ClosingShape {
        let closed = &closing.closed;
        ClosingShape {
            position: closing.position.0,
            at: closing.at.to_string(),
            period: closed.period.into(),
            centres: closed.centres.iter().map(Finess::to_string).collect(),
            actor: closed.actor.to_string(),
            policies: closed
                .policies
                .iter()
                .map(|policy| policy.id.to_string())
                .collect(),
        }
    }
}

/// A closed period of a centre, counted at its closing and again up to an entry.
pub struct Followed {
    /// The policies that the closing froze.
    pub policies: Agreements,
    /// The centre at the closing.
    pub then: Past,
    /// The centre at the entry, under the registration of the closing.
    pub now: Past,
    /// What came between them, in order.
    pub corrections: Vec<Correction>,
}

/// What a closing says of a centre, and all that came since, up to an entry.
///
/// # Errors
/// As [`followed`].
pub async fn of_centre(
    store: &dyn Store,
    closing: &Closing,
    centre: Finess,
    upto: Position,
    bounds: Bounds,
) -> Result<ClosedPeriod, Error> {
    let period = closing.closed.period;
    let found = followed(store, closing, centre, upto, bounds).await?;
    let rate = |past: &Past| rates::of_centre(&past.snapshot, &found.policies, centre, period);
    Ok(ClosedPeriod {
        closing: closing.into(),
        frozen: rate(&found.then)?,
        current: rate(&found.now)?,
        corrections: found.corrections,
    })
}

/// The policies that a closing froze.
///
/// # Errors
/// [`Error::Unbound`] where they contradict each other, which the closing refused.
pub fn policies(closing: &Closing) -> Result<Agreements, Error> {
    let policies = Agreements::new(closing.closed.policies.clone());
    policies.map_err(|_| Error::Unbound(Unbound::NoAgreement))
}

/// Counts a closed period of a centre twice, and follows what came between.
///
/// # Errors
/// [`Error::UnknownCentre`], [`Error::Unbound`]; when the store cannot be read.
pub async fn followed(
    store: &dyn Store,
    closing: &Closing,
    centre: Finess,
    upto: Position,
    bounds: Bounds,
) -> Result<Followed, Error> {
    let period = closing.closed.period;
    let policies = policies(closing)?;
    let then = past::of_centre(store, centre, closing.position, bounds).await?;
    let mut now = past::of_centre(store, centre, upto.max(closing.position), bounds).await?;
    let obligation = then.snapshot.obligation(&policies, centre, period)?;
    let policy = policies.get(&obligation.agreement);
    let policy = policy.ok_or(Error::Unbound(Unbound::NoAgreement))?;
    let account = Account::new(policy, period);
    let corrections = follow(store, account, closing.position, (centre, upto), bounds).await?;
    // The registration of today may bind the centre otherwise; the closed period stays under its own.
    if let (Some(now), Some(then)) = (
        now.snapshot.centres.get_mut(&centre),
        then.snapshot.centres.get(&centre),
    ) {
        std::sync::Arc::make_mut(now).versions = then.versions.clone();
    }
    Ok(Followed {
        policies,
        then,
        now,
        corrections,
    })
}

/// Reads the ledger once; from the closing on, every entry that changes the account is a correction.
async fn follow(
    store: &dyn Store,
    mut account: Account<'_>,
    closed: Position,
    (centre, upto): (Finess, Position),
    bounds: Bounds,
) -> Result<Vec<Correction>, Error> {
    let mut audit = Audit::of(BTreeSet::from([centre]));
    let mut corrections = Vec::new();
    if let Some(beginning) = store.beginning().await? {
        if closed <= beginning.position {
            return Err(Error::Founded(beginning.until));
        }
        audit = beginning.audit;
        audit.narrow(BTreeSet::from([centre]));
    }
    while audit.position() < upto {
        let entries = store.entries(audit.position(), bounds.page).await?;
        if entries.is_empty() {
            return Err(Error::Cut);
        }
        for (position, stamped) in entries.iter().take_while(|(place, _)| *place <= upto) {
            audit.feed(*position, stamped)?;
            if *position < closed {
                continue;
            }
            if *position == closed {
                account.open(&audit);
                continue;
            }
            corrections.extend(account.corrected(&audit, *position, stamped));
        }
    }
    Ok(corrections)
}

/// What each unit and declared day of the period adds to numerator and denominator.
struct Account<'a> {
    policy: &'a Agreement,
    period: Period,
    units: BTreeMap<DocumentId, (i64, i64)>,
    sheets: BTreeMap<Day, i64>,
}

impl<'a> Account<'a> {
    fn new(policy: &'a Agreement, period: Period) -> Account<'a> {
        Account {
            policy,
            period,
            units: BTreeMap::new(),
            sheets: BTreeMap::new(),
        }
    }

    /// The account at the closing.
    fn open(&mut self, audit: &Audit) {
        for line in audit.lines() {
            let adds = self.adds(&line);
            self.units.insert(line.root, adds);
        }
        self.sheets = self.declared(&audit.paper());
    }

    /// What an entry changed.
    fn corrected(
        &mut self,
        audit: &Audit,
        position: Position,
        stamped: &Stamped,
    ) -> Vec<Correction> {
        let Some(cause) = cause(&stamped.entry) else {
            return Vec::new();
        };
        let row = |document: Option<DocumentId>, (numerator, denominator): (i64, i64)| Correction {
            position: position.0,
            at: stamped.at.to_string(),
            cause,
            document: document.map(|document| document.to_string()),
            numerator,
            denominator,
        };
        let mut found = Vec::new();
        for line in audit.lines_touched_at(position) {
            let now = self.adds(&line);
            let before = self.units.insert(line.root, now).unwrap_or_default();
            let change = (now.0 - before.0, now.1 - before.1);
            if change != (0, 0) {
                found.push(row(Some(line.latest), change));
            }
        }
        if let Entry::Declared { .. } = &stamped.entry {
            let now = self.declared(&audit.paper());
            let sum = |days: &BTreeMap<Day, i64>| days.values().sum::<i64>();
            let change = sum(&now) - sum(&self.sheets);
            self.sheets = now;
            if change != 0 {
                found.push(row(None, (0, change)));
            }
        }
        found
    }

    fn adds(&self, line: &Line) -> (i64, i64) {
        let counting = &self.policy.counting;
        let is_asked = |cell: &&Cell| cell.basis == counting.day_basis;
        let cell = line.cells.iter().find(is_asked);
        let Some(cell) = cell.filter(|cell| self.period.contains(cell.day)) else {
            return (0, 0);
        };
        match place(counting, cell) {
            Place::Elsewhere | Place::Cancelled | Place::Excluded(_) => (0, 0),
            Place::Counted(counted) => match counted.transmitted {
                Transmitted::Numerator => (1, 1),
                Transmitted::Apart | Transmitted::No => (0, 1),
            },
        }
    }

    fn declared(&self, paper: &BTreeMap<PaperCell, i64>) -> BTreeMap<Day, i64> {
        let mut days = BTreeMap::new();
        match self.policy.counting.paper_sheets {
            PaperSheets::NotCounted => {}
            PaperSheets::Counted => {
                let asked = paper
                    .iter()
                    .filter(|(cell, _)| cell.caisse.is_some() && self.period.contains(cell.day));
                for (cell, sheets) in asked {
                    *days.entry(cell.day).or_default() += sheets;
                }
            }
        }
        days
    }
}

/// The word for what an entry does to a unit; none for those that never change one.
fn cause(entry: &Entry) -> Option<&'static str> {
    match entry {
        Entry::Received(received) if received.replaces.is_some() => Some("replacement"),
        Entry::Received(_) => Some("admission"),
        Entry::Sealed(_) => Some("sealing"),
        Entry::Delivery(_) => Some("delivery"),
        Entry::Receipted(_) => Some("receipt"),
        Entry::Settled(_) => Some("settlement"),
        Entry::Declared { .. } => Some("declaration"),
        Entry::Cancelled { .. } => Some("cancellation"),
        Entry::ByHand { .. } => Some("by hand"),
        Entry::OnPaper { .. } => Some("on paper"),
        Entry::Lapsed { .. } => Some("lapse"),
        Entry::Unsettled { .. } => Some("unsettled"),
        Entry::Terms(_)
        | Entry::Registered(_)
        | Entry::GestionnaireRegistered(_)
        | Entry::CaisseRegistered(_)
        | Entry::EndpointRegistered(_)
        | Entry::TurnedAway(_)
        | Entry::Orphaned(_)
        | Entry::Foreign(_)
        | Entry::Cursor { .. }
        | Entry::PaperOwed { .. }
        | Entry::Endpoint { .. }
        | Entry::Retried { .. }
        | Entry::Explained { .. }
        | Entry::Rewound { .. }
        | Entry::Restored(_)
        | Entry::Resumed(_)
        | Entry::Anchored(_)
        | Entry::Notified { .. }
        | Entry::FiguresLoaded(_)
        | Entry::Reconciled(_)
        | Entry::LegalHoldPlaced(_)
        | Entry::LegalHoldLifted { .. }
        | Entry::Rewrapped { .. }
        | Entry::Evacuated(_)
        | Entry::Founded(_)
        | Entry::Published(_)
        | Entry::Imported(_)
        | Entry::Judged(_)
        | Entry::Closed(_) => None,
    }
}
