//! The port to what is kept: legal holds, and the evacuation of bodies that are past their time.
//!
//! # The contract
//! - **A body that may be needed again is never lost.** Before a segment goes, every body in it that is kept is on
//!   stable storage elsewhere and found there.
//! - **Bodies end by an entry.** The entry is durable before the first byte goes; a legal hold that was answered
//!   before it is heeded.
//! - **Entries go by a foundation alone.** Until then what proves counts stays readable, in its order; behind it the
//!   running hashes go on as before, and the counts of what has gone stay.
//! - **Commits never wait for it.**
//!
//! A crash at any point leaves a segment that is whole, or whose bodies have ended by their entry.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;

use crate::claims::audit::Audit;
use crate::claims::commitment::Chain;
use crate::claims::entry::Position;
use crate::claims::foundation::Founded;
use crate::claims::id::{Finess, Name};
use crate::claims::registry::Centre;
use crate::claims::retention::{Class, Evacuated, LegalHold, Rules, Why};
use crate::claims::time::{Day, Timestamp};
use crate::store::Error;
use crate::store::custody::record::AnchorRecord;

/// Who keeps and clears.
#[async_trait]
pub trait Retaining: Send + Sync {
    /// All legal holds, lifted ones too, in order of the ledger.
    async fn legal_holds(&self) -> Result<Vec<HoldRecord>, Error>;

    /// All evacuations so far, by segment.
    async fn evacuations(&self) -> Result<Vec<EvacuationRecord>, Error>;

    /// The instant of the last entry that was there when it was opened; none if there was none.
    fn recorded(&self) -> Option<Timestamp>;

    /// What was written down of the clock last; none if nothing ever was.
    async fn trusted(&self) -> Result<Option<Trusted>, Error>;

    /// Writes down what is known of the clock: durable when it returns.
    async fn trust(&self, trusted: Trusted) -> Result<(), Error>;

    /// What an evacuation at an instant would clear, as things stand.
    async fn plan(&self, at: Timestamp, rules: Rules) -> Result<Plan, Error>;

    /// Evacuates the oldest segment that is due at an instant, at a pace.
    async fn evacuate(&self, at: Timestamp, rules: Rules, pace: Pace) -> Result<Run, Error>;

    /// How things are, as far as was looked: nothing is cleared, and no segment is read whole.
    async fn outlook(&self, rules: Rules) -> Result<Outlook, Error>;

    /// How the proofs are: what was decided before an instant is past its time.
    async fn proofs(&self, before: Timestamp) -> Result<Proofs, Error>;

    /// What would become of the documents in what is past its time, as things stand.
    async fn ending(&self, before: Timestamp, rules: Rules) -> Result<Ending, Error>;
}

/// What is known of the clock, whatever process saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trusted {
    /// What it said when it was trusted last.
    pub at: Timestamp,
    /// That it has been doubted since; none if it has not.
    pub doubt: Option<Doubt>,
}

/// A clock that is doubted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Doubt {
    /// What it said last.
    pub at: Timestamp,
    /// For so long gateways have run on by it, all of them together.
    pub run: Duration,
}

impl From<Timestamp> for Trusted {
    fn from(at: Timestamp) -> Trusted {
        Trusted { at, doubt: None }
    }
}

/// What came of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Run {
    /// A segment was cleared; another one may be due.
    Evacuated(Evacuated),
    /// No segment is due.
    Nothing(Outlook),
}

/// How things are when no segment is due.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outlook {
    /// When the oldest body that is kept was admitted or heard; none if there is none. All in the segment that is
    /// written to count with its first entry.
    pub oldest: Option<Timestamp>,
    /// Before this no segment is due, unless a legal hold is lifted; none if none can be told.
    pub next: Option<Timestamp>,
}

/// How the proofs are. They give way to a foundation by whole segments, the oldest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Proofs {
    /// When the oldest entry was decided that no foundation stands for; none if there is none.
    pub oldest: Option<Timestamp>,
    /// When the oldest segment had ended: with that instant all of it is past its time; none while it is written to.
    pub ended: Option<Timestamp>,
    /// Segments that are past their time.
    pub segments: u64,
    /// The last entry in them.
    pub upto: Position,
}

/// What would become of documents that were admitted in what is past its time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ending {
    /// Would go, but for those that are kept with another or because a later entry speaks of them.
    pub goes: u64,
    /// Stay: they are not finished, their last legal event is too young, or a legal hold stands on them.
    pub stays: u64,
}

/// How much an evacuation may take from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Bytes a second that it reads or writes; 0: as fast as it can.
    pub bytes_per_second: u64,
    /// It lets commits pass: with so many commands waiting it pauses, a second at most each time.
    pub pause_commands: usize,
}

impl Pace {
    /// How long so many bytes take.
    pub fn of(self, bytes: u64) -> Duration {
        match self.bytes_per_second {
            0 => Duration::ZERO,
            per_second => Duration::from_secs_f64(bytes as f64 / per_second as f64),
        }
    }
}

/// A legal hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldRecord {
    /// Its entry, by which it is named.
    pub position: Position,
    /// When it was placed.
    pub at: Timestamp,
    /// What was placed.
    pub hold: LegalHold,
    /// How it was lifted.
    pub lifted: Option<Lifted>,
}

/// The end of a legal hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lifted {
    /// Its entry.
    pub position: Position,
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub actor: Name,
}

impl HoldRecord {
    /// Whether it stands and its day of review has passed.
    pub fn is_overdue(&self, at: Timestamp) -> bool {
        self.lifted.is_none() && self.hold.review < at.day()
    }
}

/// The end of a segment's bodies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvacuationRecord {
    /// Its entry.
    pub position: Position,
    /// When.
    pub at: Timestamp,
    /// What went and what was kept.
    pub evacuated: Evacuated,
}

/// What the ledger begins with where a foundation stands for its oldest entries.
#[derive(Clone, Debug)]
pub struct Beginning {
    /// The last entry that the foundation stands for; entries after it are all there.
    pub position: Position,
    /// The running hash after it.
    pub chain: Chain,
    /// When it was decided.
    pub at: Timestamp,
    /// The last anchor up to there.
    pub anchor: Option<AnchorRecord>,
    /// Of units up to this day some have gone, and are in the counts alone.
    pub until: Day,
    /// The second count after that entry.
    pub audit: Audit,
    /// The versions of the registered centres after that entry.
    pub registry: BTreeMap<Finess, Vec<Centre>>,
}

/// A foundation that was laid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundationRecord {
    /// Its entry.
    pub position: Position,
    /// When.
    pub at: Timestamp,
    /// What it stands for.
    pub founded: Founded,
}

/// What would go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Segments that have bodies and were looked into, oldest first. Younger ones cannot have a body past its time.
    pub segments: Vec<Planned>,
    /// Segments that are damaged or missing, or that the disk does not give, and those whose end nothing proves, because
    /// the next one is missing: they are left as they are until a person has looked.
    pub damaged: Vec<u64>,
    /// Younger segments, in which everything is kept.
    pub younger: u64,
    /// When the first of those may have a body past its time.
    pub younger_from: Option<Timestamp>,
    /// The segment that is written to; none while it has no entry.
    pub open: Option<OpenSegment>,
}

/// The segment that is written to: nothing in it is cleared before it has ended. A plan of a later instant looks into it as
/// if it had ended as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenSegment {
    /// When its first entry was decided.
    pub begun: Timestamp,
    /// When it is ended, full or not.
    pub ends: Timestamp,
    /// Before this nothing in it is cleared.
    pub from: Timestamp,
}

impl Plan {
    /// What the next run clears, by class.
    pub fn goes(&self) -> BTreeMap<Class, Sum> {
        let mut goes: BTreeMap<Class, Sum> = BTreeMap::new();
        for segment in self.segments.iter().filter(|one| one.due == Goes::Now) {
            for (class, sum) in &segment.past {
                let whole = goes.entry(*class).or_default();
                whole.bodies += sum.bodies;
                whole.bytes += sum.bytes;
            }
        }
        goes
    }

    /// When the next segment is due after those that are now, if nothing happens until then.
    pub fn next(&self) -> Option<Timestamp> {
        let later = self.segments.iter().filter_map(|one| match one.due {
            Goes::At(at) => Some(at),
            Goes::Now | Goes::Never => None,
        });
        let open = self.open.map(|open| open.from);
        later.chain(self.younger_from).chain(open).min()
    }
}

/// What would become of a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// Its ordinal.
    pub segment: u64,
    /// When its first entry was decided.
    pub begun: Timestamp,
    /// Whether it is due at the instant of the plan.
    pub due: Goes,
    /// Bodies past their time, by class.
    pub past: BTreeMap<Class, Sum>,
    /// Bodies that are kept, by class and reason.
    pub kept: BTreeMap<(Class, Why), Sum>,
}

/// When a segment goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goes {
    /// At the next run.
    Now,
    /// Then, if nothing happens until then.
    At(Timestamp),
    /// Not as long as everything in it is kept.
    Never,
}

/// Bodies, summed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// How many.
    pub bodies: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Sum {
    /// One more body.
    pub fn add(&mut self, bytes: u64) {
        self.bodies += 1;
        self.bytes += bytes;
    }
}
