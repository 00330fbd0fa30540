//! The queue as operators and metrics see it: what waits, where, why and since when.
//!
//! A survey is one pass over the standings. It is taken again only when the ledger has grown, and never takes
//! more than a tenth of the time. It counts for people: no rate is ever computed from it.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::claims::deadline::{self, Alerts};
use crate::claims::document::{Kind, Purpose};
use crate::claims::entry::{Position, Reason};
use crate::claims::id::{DocumentId, EndpointName, LotId};
use crate::claims::routes::Routes;
use crate::claims::standing::Standing;
use crate::claims::time::{Day, Timestamp};
use crate::desk::document::way::{Way, Ways};
use crate::desk::document::words;
use crate::store::custody::Custody;
use crate::store::lanes::Board;
use crate::store::{DocumentRecord, Error, LotRecord, Store};
use crate::telemetry::Telemetry;
use crate::telemetry::reading::{Deadline, Reading, Stage};

/// Everything that is not finished, as of an entry.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    /// True at least up to this entry; later ones may be in it in part.
    pub position: Position,
    /// When it was taken.
    pub at: Timestamp,
    /// From when on it is another without any entry: the day ends, or a document is past an alert.
    pub until: Timestamp,
    /// The routes by which it was taken.
    pub routes: Arc<Routes>,
    /// What waits at each endpoint; every configured one is there.
    pub endpoints: BTreeMap<EndpointName, Waiting>,
    /// What waits and has no route to its insurer.
    pub unrouted: Waiting,
    /// Unfinished documents without a next instant; always 0.
    pub stuck: u64,
    /// Receipts and settlements that match nothing.
    pub orphans: u64,
    /// Real documents that are not proven to be transmitted, or are owed on paper, by their deadline.
    pub deadlines: Vec<(Deadline, u64)>,
    /// The hours of each alert, and how many of them are past it whose last day is not.
    pub alerted: Vec<(u16, u64)>,
}

/// Unfinished documents of one endpoint.
#[derive(Clone, Debug, Default)]
pub struct Waiting {
    /// How many stand where.
    pub stages: Vec<(Stage, u64)>,
    /// How many wait for what.
    pub reasons: BTreeMap<Reason, u64>,
    /// When the oldest was admitted that is not transmitted.
    pub oldest: Option<Timestamp>,
}

/// Reads a survey from a store.
pub(in crate::desk) struct Surveyor<'a> {
    pub(in crate::desk) store: &'a dyn Store,
    pub(in crate::desk) custody: &'a dyn Custody,
    pub(in crate::desk) routes: &'a Arc<Routes>,
    pub(in crate::desk) lanes: &'a Board,
    pub(in crate::desk) page: usize,
    /// When somebody must hear of a document that is not transmitted.
    pub(in crate::desk) alerts: &'a Alerts,
}

/// A survey being taken.
struct Pass<'a> {
    surveyor: &'a Surveyor<'a>,
    ways: Ways<'a>,
    lots: BTreeMap<LotId, LotRecord>,
    survey: Survey,
}

impl Surveyor<'_> {
    /// Reads all standings, a page at a time.
    ///
    /// # Errors
    /// When the store cannot read.
    pub(in crate::desk) async fn survey(&self, at: Timestamp) -> Result<Survey, Error> {
        let endpoints = self.routes.endpoints();
        let ways = Ways::read(self.store, self.custody, self.routes, self.lanes, at).await?;
        let mut pass = Pass {
            surveyor: self,
            ways,
            lots: BTreeMap::new(),
            survey: Survey {
                position: self.store.health().position,
                at,
                until: at.day().end(),
                routes: Arc::clone(self.routes),
                orphans: self.store.orphans().await?,
                endpoints: endpoints
                    .map(|name| (name.clone(), Waiting::default()))
                    .collect(),
                alerted: self
                    .alerts
                    .hours()
                    .iter()
                    .map(|hours| (*hours, 0))
                    .collect(),
                ..Survey::default()
            },
        };
        let mut after: Option<DocumentId> = None;
        loop {
            let records = self.store.documents(after, self.page).await?;
            let Some(last) = records.last() else {
                return Ok(pass.survey);
            };
            after = Some(last.received.document);
            let unfinished = records.iter().filter(|record| !is_finished(record));
            let ids = unfinished.clone().map(|record| record.received.document);
            for record in unfinished.clone() {
                pass.take(record).await?;
            }
            pass.survey.stuck += self.store.stuck(ids.collect()).await?;
        }
    }
}

impl Pass<'_> {
    async fn take(&mut self, record: &DocumentRecord) -> Result<(), Error> {
        let received = &record.received;
        let lot = match (record.standing(), record.lot) {
            (Standing::InLot, Some(lot)) => self.lot(lot).await?,
            (_, _) => None,
        };
        let routes = self.surveyor.routes;
        let endpoint = match &lot {
            Some(lot) => Some(&lot.sealed.endpoint),
            None => routes.find(received.facts.destination, received.purpose),
        };
        let way = self.ways.of(record, lot.as_ref());
        let reason = reason(record, lot.as_ref(), way);
        if let Some(stage) = words::stage(record, lot.as_ref(), way) {
            let waiting = match endpoint {
                Some(endpoint) => self.survey.endpoints.entry(endpoint.clone()).or_default(),
                None => &mut self.survey.unrouted,
            };
            waiting.add(record, stage, reason);
        }
        self.deadline(record);
        Ok(())
    }

    /// A lot, read once for all its documents.
    async fn lot(&mut self, id: LotId) -> Result<Option<LotRecord>, Error> {
        if let Some(lot) = self.lots.get(&id) {
            return Ok(Some(lot.clone()));
        }
        let lot = self.surveyor.store.lot(id).await?;
        if let Some(lot) = &lot {
            self.lots.insert(id, lot.clone());
        }
        Ok(lot)
    }

    fn deadline(&mut self, record: &DocumentRecord) {
        let (alerts, at) = (self.surveyor.alerts, self.survey.at);
        if let Some(stands) = deadline(record, alerts, at) {
            add(&mut self.survey.deadlines, stands);
        }
        let Some(last_day) = runs(record).filter(|last_day| !deadline::passed(*last_day, at))
        else {
            return;
        };
        for ((_, documents), (_, instant)) in
            self.survey.alerted.iter_mut().zip(alerts.of(last_day))
        {
            if instant <= at {
                *documents += 1;
            } else {
                self.survey.until = self.survey.until.min(instant);
            }
        }
    }
}

/// The last day of a document that must yet be transmitted: a real one that is neither taken nor owed on paper.
pub(in crate::desk) fn runs(record: &DocumentRecord) -> Option<Day> {
    let received = &record.received;
    let must = received.purpose == Purpose::Real && !record.is_taken() && !record.owes_paper();
    received.deadline.filter(|_| must && !is_finished(record))
}

/// How a document that is not transmitted, or is owed on paper, stands to its deadline.
pub(in crate::desk) fn deadline(
    record: &DocumentRecord,
    alerts: &Alerts,
    at: Timestamp,
) -> Option<Deadline> {
    if record.owes_paper() {
        return Some(Deadline::PaperOwed);
    }
    let last_day = runs(record)?;
    let is_alerted = alerts.of(last_day).any(|(_, instant)| instant <= at);
    Some(match last_day.cmp(&at.day()) {
        Ordering::Greater if is_alerted => Deadline::AtRisk,
        Ordering::Greater => Deadline::Ahead,
        Ordering::Equal => Deadline::Today,
        Ordering::Less => Deadline::Passed,
    })
}

fn is_finished(record: &DocumentRecord) -> bool {
    record
        .standing()
        .is_finished(record.received.facts.key.kind)
}

fn is_pj(record: &DocumentRecord) -> bool {
    record.received.facts.key.kind == Kind::Pj
}

/// What an unfinished document waits for; none if its lot moved on while it was read.
fn reason(record: &DocumentRecord, lot: Option<&LotRecord>, way: Way) -> Option<Reason> {
    match record.standing() {
        Standing::Open => Some(match record.waits_for {
            Some(_) => Reason::Fse,
            None => way.until_sealed(),
        }),
        Standing::InLot => way.waits_for(lot?).map(|next| next.reason),
        Standing::Acknowledged => record.timer.map(|_| Reason::Settlement),
        Standing::Refused => record.timer.map(|_| match record.paper_owed {
            None if record.received.deadline.is_some() || is_pj(record) => Reason::Replacement,
            None | Some(_) => Reason::Lapse,
        }),
        Standing::Paid
        | Standing::PartPaid
        | Standing::Rejected
        | Standing::Unsettled
        | Standing::OnPaper
        | Standing::ByHand
        | Standing::Cancelled
        | Standing::Replaced
        | Standing::Lapsed
        | Standing::Granted
        | Standing::Declined => None,
    }
}

impl Survey {
    /// How many documents are not finished.
    pub fn documents(&self) -> u64 {
        let waiting = self.endpoints.values().chain([&self.unrouted]);
        waiting.map(Waiting::documents).sum()
    }

    /// Shows it as metrics; the age of the oldest grows with time alone.
    pub fn show(&self, telemetry: &Telemetry, now: Timestamp) {
        for (endpoint, waiting) in &self.endpoints {
            telemetry.show(Reading::Queue {
                endpoint,
                documents: &waiting.stages,
                oldest: waiting.age(now),
            });
            telemetry.show(Reading::Overdue {
                endpoint,
                documents: waiting.at(Stage::Overdue),
            });
        }
        // Of an endpoint that left, and has nothing any more, the series stay.
        for endpoint in &telemetry.named() {
            if !self.endpoints.contains_key(endpoint) {
                let (documents, oldest): (&[_], _) = (&[], Duration::ZERO);
                telemetry.show(Reading::Queue {
                    endpoint,
                    documents,
                    oldest,
                });
                let documents = 0;
                telemetry.show(Reading::Overdue {
                    endpoint,
                    documents,
                });
            }
        }
        telemetry.show(Reading::Stuck {
            documents: self.stuck,
        });
        telemetry.show(Reading::Orphans {
            items: self.orphans,
        });
        telemetry.show(Reading::Deadlines {
            documents: &self.deadlines,
            alerted: &self.alerted,
        });
    }
}

impl Waiting {
    /// How many wait here.
    pub fn documents(&self) -> u64 {
        self.stages.iter().map(|(_, count)| count).sum()
    }

    /// How many stand at a stage.
    pub fn at(&self, stage: Stage) -> u64 {
        let found = self.stages.iter().find(|(known, _)| *known == stage);
        found.map_or(0, |(_, count)| *count)
    }

    /// How long the oldest waits that is not transmitted.
    pub fn age(&self, now: Timestamp) -> Duration {
        self.oldest
            .map_or(Duration::ZERO, |oldest| now.since(oldest))
    }

    fn add(&mut self, record: &DocumentRecord, stage: Stage, reason: Option<Reason>) {
        add(&mut self.stages, stage);
        if let Some(reason) = reason {
            *self.reasons.entry(reason).or_default() += 1;
        }
        let waits = match stage {
            Stage::Open | Stage::Queued | Stage::Held | Stage::Transmitting | Stage::InDoubt => {
                true
            }
            Stage::Transmitted | Stage::Overdue | Stage::Acknowledged | Stage::Refused => false,
        };
        if waits {
            let oldest = self
                .oldest
                .map_or(record.at, |oldest| oldest.min(record.at));
            self.oldest = Some(oldest);
        }
    }
}

fn add<T: Copy + PartialEq>(counts: &mut Vec<(T, u64)>, what: T) {
    match counts.iter_mut().find(|(known, _)| *known == what) {
        Some((_, count)) => *count += 1,
        None => counts.push((what, 1)),
    }
}
