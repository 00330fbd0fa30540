//! Closed periods: the frozen rate, the rate of today beside it, and every later fact as a dated correction.
//!
//! A frozen rate is recomputed from the entries up to the closing, under the policies that the closing holds:
//! nothing later can change it. Corrections are found by following the later entries one by one; together
//! they are exactly the difference between the two rates.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::claims::agreement::{Agreement, Agreements, PaperSheets};
use crate::claims::audit::{Audit, Line};
use crate::claims::bearing::Bearing;
use crate::claims::entry::{Entry, Position, Stamped};
use crate::claims::id::{DocumentId, Finess};
use crate::claims::obligation::Unbound;
use crate::claims::period::Period;
use crate::claims::place::{Member, Place, Transmitted, place};
use crate::claims::tally::{Cell, PaperCell};
use crate::claims::time::Day;
use crate::report::Error;
use crate::report::rate::past::{self, Bounds, Past};
use crate::report::rate::shapes::PeriodShape;
use crate::report::rate::{self, CentreRate};
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

/// `GET /v1/centres/{finess}/periods`: the closed periods of a centre.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Periods {
    /// One row for each period, of the closing that froze it for the centre.
    pub periods: Vec<ClosedPeriod>,
    /// Closed periods of which the proofs have gone, so that they cannot be counted again.
    pub ended: Vec<EndedPeriod>,
}

/// A closed period of which the proofs have gone.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EndedPeriod {
    /// The closing.
    pub closing: ClosingShape,
    /// The last day of which the documents can no longer be told one by one.
    pub until: String,
}

/// A later fact that changed what is said of a closed period: its rate, what is beside it, or the coverage by declared
/// paper, which moves the verdict and no count.
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
    /// Change of the numerator; zero of both when it changed the coverage, or what is beside the rate.
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
    let rate = |past: &Past| rate::of_centre(&past.snapshot, &found.policies, centre, period);
    Ok(ClosedPeriod {
        closing: closing.into(),
        frozen: rate(&found.then)?,
        current: rate(&found.now)?,
        corrections: found.corrections,
    })
}

/// What closings say of a centre, and all that came since, up to an entry. The first closing of a period froze it;
/// periods in which the centre was not bound are left out.
///
/// # Errors
/// [`Error::UnknownCentre`], [`Error::Unbound`] where no period is left to be shown; when the store cannot be read.
pub async fn all_of_centre(
    store: &dyn Store,
    closings: &[Closing],
    centre: Finess,
    upto: Position,
    bounds: Bounds,
) -> Result<Periods, Error> {
    let (mut found, mut without) = (Periods::default(), None);
    for closing in first_of_each(closings, centre) {
        match of_centre(store, closing, centre, upto, bounds).await {
            Ok(period) => found.periods.push(period),
            Err(Error::Founded { until, .. }) => found.ended.push(EndedPeriod {
                closing: closing.into(),
                until: until.to_string(),
            }),
            Err(error @ (Error::UnknownCentre | Error::Unbound(_))) => without = Some(error),
            Err(error) => return Err(error),
        }
    }
    match without {
        Some(error) if found == Periods::default() => Err(error),
        Some(_) | None => Ok(found),
    }
}

/// Of each period the closing that froze it for a centre: the first one that covers it.
fn first_of_each(closings: &[Closing], centre: Finess) -> Vec<&Closing> {
    let mut found: Vec<&Closing> = Vec::new();
    for closing in closings.iter().filter(|one| one.closed.covers(centre)) {
        let period = closing.closed.period;
        if found.iter().all(|earlier| earlier.closed.period != period) {
            found.push(closing);
        }
    }
    found
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
    let account = Account::new(policy, centre, period);
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
            return Err(Error::Founded {
                until: beginning.until,
                least: beginning.position,
            });
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

/// What each unit and declared day of the period adds to the rate.
struct Account<'a> {
    policy: &'a Agreement,
    centre: Finess,
    period: Period,
    units: BTreeMap<DocumentId, Part>,
    sheets: BTreeMap<Day, i64>,
}

/// What a unit adds to a rate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Part {
    /// Its day; none outside the period.
    day: Option<Day>,
    /// To numerator and denominator.
    adds: (i64, i64),
    /// And to which of the counts beside them.
    beside: Option<Member>,
}

/// What stands beside a rate: each is shown with it, and moves it by nothing.
const BESIDE: [Member; 4] = [
    Member::Cancelled,
    Member::Excluded,
    Member::ByHand,
    Member::BothWays,
];

impl<'a> Account<'a> {
    fn new(policy: &'a Agreement, centre: Finess, period: Period) -> Account<'a> {
        Account {
            policy,
            centre,
            period,
            units: BTreeMap::new(),
            sheets: BTreeMap::new(),
        }
    }

    /// The account at the closing.
    fn open(&mut self, audit: &Audit) {
        for line in audit.lines() {
            let part = self.part(&line);
            self.units.insert(line.root, part);
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
        for line in audit.lines_spoken_of() {
            let now = self.part(&line);
            let before = self.units.insert(line.root, now).unwrap_or_default();
            if now != before {
                let (numerator, denominator) =
                    (now.adds.0 - before.adds.0, now.adds.1 - before.adds.1);
                found.push(row(Some(line.latest), (numerator, denominator)));
            }
        }
        if let Entry::Declared { centre, day, .. } = &stamped.entry
            && *centre == self.centre
            && self.period.contains(*day)
        {
            let now = self.declared(&audit.paper());
            let before = std::mem::replace(&mut self.sheets, now);
            let (was, is) = (before.get(day), self.sheets.get(day));
            let change = is.unwrap_or(&0) - was.unwrap_or(&0);
            let covers = was.is_some() != is.is_some() && self.is_active(*day);
            if change != 0 || covers {
                found.push(row(None, (0, change)));
            }
        }
        found
    }

    /// Whether the coverage asks for a declaration of the day.
    fn is_active(&self, day: Day) -> bool {
        let mut units = self.units.values();
        units.any(|part| {
            let counts = part.adds.1 > 0 || part.beside == Some(Member::Excluded);
            counts && part.day == Some(day)
        })
    }

    fn part(&self, line: &Line) -> Part {
        let counting = &self.policy.counting;
        let is_asked = |cell: &&Cell| cell.basis == counting.day_basis;
        let cell = line.cells.iter().find(is_asked);
        let Some(cell) = cell.filter(|cell| self.period.contains(cell.day)) else {
            return Part::default();
        };
        let adds = match place(counting, cell) {
            Place::Elsewhere => return Part::default(),
            Place::Cancelled | Place::Excluded(_) => (0, 0),
            Place::Counted(counted) => match counted.transmitted {
                Transmitted::Numerator => (1, 1),
                Transmitted::Apart | Transmitted::No => (0, 1),
            },
        };
        let mut beside = BESIDE.into_iter();
        Part {
            day: Some(cell.day),
            adds,
            beside: beside.find(|member| member.holds(counting, cell)),
        }
    }

    /// The sheets of each declared day. A day that is declared without any is among them: it covers.
    fn declared(&self, paper: &BTreeMap<PaperCell, i64>) -> BTreeMap<Day, i64> {
        let mut days = BTreeMap::new();
        match self.policy.counting.paper_sheets {
            PaperSheets::NotCounted => {}
            PaperSheets::Counted => {
                let asked = paper
                    .iter()
                    .filter(|(cell, _)| self.period.contains(cell.day));
                for (cell, sheets) in asked {
                    let day: &mut i64 = days.entry(cell.day).or_default();
                    *day += cell.caisse.map_or(0, |_| *sheets);
                }
            }
        }
        days
    }
}

/// The word for what an entry does to units or sheets; none for those that never change one.
pub(in crate::report) fn cause(entry: &Entry) -> Option<&'static str> {
    match entry.bearing()? {
        Bearing::Received(received) if received.replaces.is_some() => Some("replacement"),
        Bearing::Received(_) => Some("admission"),
        Bearing::Sealed(_) => Some("sealing"),
        Bearing::Delivery(_) => Some("delivery"),
        Bearing::Receipted(_) => Some("receipt"),
        Bearing::Settled(_) => Some("settlement"),
        Bearing::Declared { .. } => Some("declaration"),
        Bearing::Cancelled { .. } => Some("cancellation"),
        Bearing::ByHand { .. } => Some("by hand"),
        Bearing::OnPaper { .. } => Some("on paper"),
        Bearing::Lapsed(_) => Some("lapse"),
        Bearing::Unsettled(_) => Some("unsettled"),
        Bearing::PaperOwed(_) | Bearing::Retried { .. } | Bearing::Explained(_) => None,
    }
}
