//! Kept handles of every metric: made once, so that counting is an addition.
//!
//! The exporter cannot remove a series, so every series that a closed set allows is made at the start, at
//! zero. Only finding codes appear as they come, which are constants of the program, and endpoints (`endpoints`).

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use metrics::{
    Counter, Gauge, Histogram, Key, KeyName, Label, Level, Metadata, Recorder, SharedString,
};
use metrics_exporter_prometheus::PrometheusRecorder;

use crate::claims::document::Kind;
use crate::claims::entry::OrphanCause;
use crate::claims::id::{EndpointName, Name};
use crate::claims::lane::breaker;
use crate::telemetry::endpoints::{Endpoint, Endpoints, ListGauges};
use crate::telemetry::event::{Denial, Event, Intake, Item, Poll, Space, kind_word};
use crate::telemetry::family::{self, Family, Shape};
use crate::telemetry::lane;
use crate::telemetry::reading::{Deadline, Reading, Ready};
use crate::telemetry::renewal;
use crate::telemetry::retention::{self, Hold};
use crate::telemetry::targets::{Target, Targets};

/// Values of one label and what is kept for each.
pub(super) type ByWord<T> = BTreeMap<&'static str, T>;

/// Counters of posted documents by kind and outcome.
type ByOutcome = BTreeMap<(&'static str, &'static str), Counter>;

pub(super) struct Handles {
    recorder: PrometheusRecorder,
    denied: ByWord<Counter>,
    handshakes_failed: Counter,
    documents: ByOutcome,
    intake_seconds: Histogram,
    findings: Mutex<HashMap<&'static str, Counter>>,
    shed: Counter,
    commit_seconds: Histogram,
    commit_entries: Histogram,
    written: Counter,
    sync_errors: Counter,
    reopened: Counter,
    room: Gauge,
    replayed: Counter,
    damaged: Counter,
    tail_cut: Counter,
    index_failures: Counter,
    master_key: Gauge,
    sorted_files: Gauge,
    sorted_bytes: Gauge,
    sorted_failures: Counter,
    public_certificate: Gauge,
    public_lists: ListGauges,
    renewals: BTreeMap<&'static str, ByWord<Counter>>,
    fetches: ByWord<Counter>,
    ready: Gauge,
    free: Gauge,
    lag: Gauge,
    waiting: Gauge,
    position: Gauge,
    anchor_position: Gauge,
    anchor_age: Gauge,
    anchor_failures: Counter,
    imbalance: Gauge,
    backup_age: Gauge,
    backup_position: Gauge,
    backup_failures: Counter,
    restored: Gauge,
    restored_lost: Gauge,
    stuck: Gauge,
    orphans: Gauge,
    deadlines: ByWord<Gauge>,
    alerted: Mutex<BTreeMap<u16, Gauge>>,
    unreadable: Counter,
    unsealed: ByWord<Gauge>,
    stalls: Counter,
    targets: Targets,
    delivery_seconds: Histogram,
    retention: retention::Handles,
    endpoints: Endpoints,
}

impl Handles {
    pub(super) fn new(recorder: PrometheusRecorder, endpoints: &[EndpointName]) -> Handles {
        let make = Make(&recorder);
        make.describe();
        Handles {
            denied: make.counters(family::ACCESS_DENIED, &[], Denial::WORDS),
            handshakes_failed: make.counter(family::ACCESS_HANDSHAKES_FAILED, &[]),
            documents: make.documents(),
            intake_seconds: make.histogram(family::INTAKE_SECONDS),
            findings: Mutex::default(),
            shed: make.counter(family::INTAKE_SHED, &[]),
            commit_seconds: make.histogram(family::STORE_COMMIT_SECONDS),
            commit_entries: make.histogram(family::STORE_COMMIT_ENTRIES),
            written: make.counter(family::STORE_WRITTEN, &[]),
            sync_errors: make.counter(family::STORE_SYNC_ERRORS, &[]),
            reopened: make.counter(family::STORE_REOPENED, &[]),
            room: make.gauge(family::STORE_ROOM, &[]),
            replayed: make.counter(family::STORE_REPLAYED, &[]),
            damaged: make.counter(family::STORE_DAMAGED, &[]),
            tail_cut: make.counter(family::STORE_TAIL_CUT, &[]),
            index_failures: make.counter(family::STORE_INDEX_FAILURES, &[]),
            master_key: make.gauge(family::STORE_MASTER_KEY, &[]),
            sorted_files: make.gauge(family::STORE_SORTED_FILES, &[]),
            sorted_bytes: make.gauge(family::STORE_SORTED_BYTES, &[]),
            sorted_failures: make.counter(family::STORE_SORTED_FAILURES, &[]),
            public_certificate: make.gauge(family::PUBLIC_CERTIFICATE, &[]),
            public_lists: ListGauges {
                issued: make.gauge(family::PUBLIC_LISTS_ISSUED, &[]),
                until: make.gauge(family::PUBLIC_LISTS_UNTIL, &[]),
            },
            renewals: make.renewals(),
            fetches: make.counters(family::REVOCATION_FETCHES, &[], renewal::Fetch::WORDS),
            ready: make.gauge(family::STORE_READY, &[]),
            free: make.gauge(family::STORE_FREE, &[]),
            lag: make.gauge(family::STORE_INDEX_LAG, &[]),
            waiting: make.gauge(family::STORE_WAITING, &[]),
            position: make.gauge(family::LEDGER_POSITION, &[]),
            anchor_position: make.gauge(family::LEDGER_ANCHOR_POSITION, &[]),
            anchor_age: make.gauge(family::LEDGER_ANCHOR_AGE, &[]),
            anchor_failures: make.counter(family::LEDGER_ANCHOR_FAILURES, &[]),
            imbalance: make.gauge(family::LEDGER_IMBALANCE, &[]),
            backup_age: make.gauge(family::STORE_BACKUP_AGE, &[]),
            backup_position: make.gauge(family::STORE_BACKUP_POSITION, &[]),
            backup_failures: make.counter(family::STORE_BACKUP_FAILURES, &[]),
            restored: make.gauge(family::STORE_RESTORED, &[]),
            restored_lost: make.gauge(family::STORE_RESTORED_LOST, &[]),
            stuck: make.gauge(family::QUEUE_STUCK, &[]),
            orphans: make.gauge(family::RECEIPTS_ORPHANS, &[]),
            deadlines: make.gauges(family::DEADLINE_DOCUMENTS, &[], Deadline::WORDS),
            alerted: Mutex::default(),
            unreadable: make.counter(family::DELIVERY_UNREADABLE, &[]),
            unsealed: make.gauges(family::DELIVERY_UNSEALED, &[], lane::Obstacle::WORDS),
            stalls: make.counter(family::DELIVERY_STALLS, &[]),
            targets: Targets::default(),
            delivery_seconds: make.histogram(family::DELIVERY_SECONDS),
            retention: make.retention(),
            endpoints: Endpoints::new(&make, endpoints),
            recorder,
        }
    }

    pub(super) fn count(&self, event: &Event<'_>) {
        match *event {
            Event::Started { .. } | Event::Draining | Event::Stopped => (),
            Event::Denied { reason } => one(&self.denied, reason.as_str()),
            Event::HandshakeFailed => self.handshakes_failed.increment(1),
            Event::Admitted { kind, warnings, .. } => {
                self.document(Some(kind), Intake::Admitted);
                self.findings(warnings);
            }
            Event::KnownAgain { kind, .. } => self.document(Some(kind), Intake::Known),
            Event::TurnedAway { kind, codes, .. } => {
                self.document(kind, Intake::TurnedAway);
                self.findings(codes);
            }
            Event::Conflicted { kind, .. } => self.document(Some(kind), Intake::Conflict),
            Event::Answered { took, .. } => self.intake_seconds.record(took),
            Event::Shed => self.shed.increment(1),
            Event::Committed {
                entries,
                bytes,
                sync,
            } => {
                self.commit_seconds.record(sync);
                self.commit_entries.record(entries as f64);
                self.written.increment(bytes as u64);
            }
            Event::SyncFailed => self.sync_errors.increment(1),
            Event::Reopened => self.reopened.increment(1),
            Event::RoomChanged { room } => self.room.set(match room {
                Space::Ample => 0.0,
                Space::Low => 1.0,
                Space::Full => 2.0,
            }),
            Event::Replayed { entries } => self.replayed.increment(entries),
            Event::Damaged { .. } => self.damaged.increment(1),
            Event::TailCut { bytes } => self.tail_cut.increment(bytes),
            // The reading shows since when it is in use.
            Event::Unencrypted | Event::MasterKeyOld { .. } | Event::MasterKeyChanged { .. } => {}
            Event::IndexFailed => self.index_failures.increment(1),
            Event::AnchorFailed => self.anchor_failures.increment(1),
            Event::Sorted { files, bytes } => {
                self.sorted_files.set(files as f64);
                self.sorted_bytes.set(bytes as f64);
            }
            Event::SortedFailed => self.sorted_failures.increment(1),
            Event::BackedUp { .. } | Event::Anchored { .. } => (),
            Event::BackupFailed { .. } => self.backup_failures.increment(1),
            Event::Sealed { endpoint, .. } => self.endpoint(endpoint).lots.increment(1),
            Event::Attempted {
                endpoint,
                outcome,
                took,
                ..
            } => {
                one(&self.endpoint(endpoint).attempts, outcome.as_str());
                self.delivery_seconds.record(took);
            }
            Event::Asked {
                endpoint, outcome, ..
            } => {
                one(&self.endpoint(endpoint).questions, outcome.as_str());
            }
            Event::BreakerMoved {
                endpoint, state, ..
            } => {
                self.endpoint(endpoint).breaker.set(match state {
                    breaker::State::Closed => 0.0,
                    breaker::State::HalfOpen => 1.0,
                    breaker::State::Open => 2.0,
                });
            }
            Event::LotUnreadable { .. } => self.unreadable.increment(1),
            Event::Lane(said) => self.lane(said),
            Event::Retention(said) => self.retention.count(said),
            Event::Heard { endpoint, kind } => self.item(endpoint, kind),
            Event::HeardAgain { endpoint } => self.item(endpoint, Item::Repeated),
            Event::Orphaned { endpoint, cause } => {
                self.item(endpoint, Item::Orphan);
                one(&self.endpoint(endpoint).orphaned, cause.as_str());
            }
            Event::Foreign { endpoint } => {
                self.item(endpoint, Item::Foreign);
                let cause = OrphanCause::OtherDestination.as_str();
                one(&self.endpoint(endpoint).orphaned, cause);
            }
            Event::Polled {
                endpoint, outcome, ..
            } => {
                one(&self.endpoint(endpoint).polls, outcome.as_str());
            }
            Event::FeedUnreadable { endpoint, .. } => {
                one(&self.endpoint(endpoint).polls, Poll::Unreadable.as_str());
            }
            Event::Told {
                target, outcome, ..
            } => one(&self.target(target).requests, outcome.as_str()),
            Event::Renewal(said) => self.renewal(said),
            Event::Imbalanced { documents, .. } => self.imbalance.set(documents as f64),
            Event::Unpublished { .. } | Event::Uncounted { .. } => {}
        }
    }

    fn target(&self, target: &Name) -> Arc<Target> {
        self.targets.of(&Make(&self.recorder), target)
    }

    fn lane(&self, said: lane::Event<'_>) {
        match said {
            lane::Event::Alert {
                endpoint, alert, ..
            } => one(&self.endpoint(endpoint).alerts, alert.as_str()),
            lane::Event::Unsealed {
                without_route,
                unreadable,
                ..
            } => {
                let groups = [
                    (lane::Obstacle::NoRoute.as_str(), without_route),
                    (lane::Obstacle::Unreadable.as_str(), unreadable),
                ];
                set_all(&self.unsealed, groups.into_iter());
            }
            lane::Event::Stalled { .. } => self.stalls.increment(1),
            lane::Event::LimitMoved { endpoint, attempts } => {
                self.endpoint(endpoint).limit.set(f64::from(attempts));
            }
        }
    }

    fn renewal(&self, said: renewal::Event<'_>) {
        let (part, outcome) = match said {
            renewal::Event::Taken { part } => (part, renewal::Outcome::Taken),
            renewal::Event::Kept { part, .. } => (part, renewal::Outcome::Kept),
            // What is in force is in the labels.
            renewal::Event::Endpoints { .. } | renewal::Event::Shadowed { .. } => return,
            // The readings show until when each is good.
            renewal::Event::Ends { .. } | renewal::Event::Ended { .. } => return,
            renewal::Event::List { outcome } => return one(&self.fetches, outcome.as_str()),
        };
        if let Some(counters) = self.renewals.get(part.as_str()) {
            one(counters, outcome.as_str());
        }
    }

    pub(super) fn show(&self, reading: &Reading<'_>) {
        match *reading {
            Reading::Running { since, version } => {
                let make = Make(&self.recorder);
                make.gauge(family::BUILD_INFO, &[version]).set(1.0);
                let seconds = since.micros() as f64 / 1e6;
                make.gauge(family::START_TIME, &[]).set(seconds);
            }
            Reading::Store {
                ready,
                position,
                lag,
                waiting,
            } => {
                self.ready.set(match ready {
                    Ready::No => 0.0,
                    Ready::Yes => 1.0,
                });
                self.position.set(position.0 as f64);
                self.lag.set(lag as f64);
                self.waiting.set(waiting as f64);
            }
            Reading::MasterKey { since } => {
                let since = since.map_or(f64::INFINITY, |since| since.micros() as f64 / 1e6);
                self.master_key.set(since);
            }
            Reading::PublicCertificate { expires } => self.public_certificate.set(expires as f64),
            Reading::ClientCertificate { endpoint, expires } => {
                let until = expires.map_or(f64::INFINITY, |seconds| seconds as f64);
                self.endpoint(endpoint).certificate.set(until);
            }
            Reading::Lists {
                endpoint,
                issued,
                until,
            } => {
                let issued = issued.unwrap_or_default() as f64;
                let until = until.map_or(f64::INFINITY, |seconds| seconds as f64);
                match endpoint {
                    None => self.public_lists.set(issued, until),
                    Some(endpoint) => self.endpoint(endpoint).lists.set(issued, until),
                }
            }
            Reading::Target { target, behind } => self.target(target).behind.set(behind as f64),
            Reading::Left { endpoint } => self.endpoint(endpoint).leave(),
            Reading::FreeSpace { bytes } => self.free.set(bytes as f64),
            Reading::Queue {
                endpoint,
                documents,
                oldest,
            } => {
                let handles = self.endpoint(endpoint);
                let documents = documents
                    .iter()
                    .map(|(stage, count)| (stage.as_str(), *count));
                set_all(&handles.queue, documents);
                handles.oldest.set(oldest.as_secs_f64());
            }
            Reading::Overdue {
                endpoint,
                documents,
            } => {
                self.endpoint(endpoint).overdue.set(documents as f64);
            }
            Reading::Stuck { documents } => self.stuck.set(documents as f64),
            Reading::Kept(ref kept) => self.retention.show(kept),
            Reading::Holds(holds) => self.retention.show_holds(holds),
            Reading::Orphans { items } => self.orphans.set(items as f64),
            Reading::Deadlines { documents, alerted } => {
                let documents = documents
                    .iter()
                    .map(|(state, count)| (state.as_str(), *count));
                set_all(&self.deadlines, documents);
                self.alerted(alerted);
            }
            Reading::Backup { age, position } => {
                self.backup_age.set(seconds(age));
                self.backup_position.set(position.0 as f64);
            }
            Reading::Restored { waits, lost } => {
                self.restored.set(f64::from(u8::from(waits)));
                self.restored_lost.set(lost.as_secs_f64());
            }
            Reading::Anchor { age, position } => {
                self.anchor_age.set(seconds(age));
                self.anchor_position.set(position.0 as f64);
            }
            Reading::Imbalance { documents } => self.imbalance.set(documents as f64),
        }
    }

    /// Gives these endpoints labels of their own.
    pub(super) fn name<'a>(&self, endpoints: impl IntoIterator<Item = &'a EndpointName>) {
        self.endpoints.name(&Make(&self.recorder), endpoints);
    }

    /// Every endpoint that has a label of its own.
    pub(super) fn named(&self) -> Vec<EndpointName> {
        self.endpoints.named()
    }

    fn endpoint(&self, name: &EndpointName) -> Arc<Endpoint> {
        self.endpoints.of(&Make(&self.recorder), name)
    }

    fn document(&self, kind: Option<Kind>, outcome: Intake) {
        if let Some(counter) = self.documents.get(&(kind_word(kind), outcome.as_str())) {
            counter.increment(1);
        }
    }

    fn item(&self, endpoint: &EndpointName, kind: Item) {
        one(&self.endpoint(endpoint).receipts, kind.as_str());
    }

    fn findings(&self, codes: &[&'static str]) {
        if codes.is_empty() {
            return;
        }
        // A panic between two increments leaves the map whole.
        let mut findings = self.findings.lock().unwrap_or_else(PoisonError::into_inner);
        for code in codes {
            let counter = findings
                .entry(code)
                .or_insert_with(|| Make(&self.recorder).counter(family::INTAKE_FINDINGS, &[code]));
            counter.increment(1);
        }
    }

    fn alerted(&self, alerted: &[(u16, u64)]) {
        // Each gauge is set by itself: a panic leaves the map whole.
        let mut gauges = self.alerted.lock().unwrap_or_else(PoisonError::into_inner);
        for (hours, documents) in alerted {
            let make = || {
                let hours = hours.to_string();
                Make(&self.recorder).gauge(family::DEADLINE_ALERTED, &[&hours])
            };
            gauges
                .entry(*hours)
                .or_insert_with(make)
                .set(*documents as f64);
        }
    }
}

fn one(counters: &ByWord<Counter>, word: &'static str) {
    if let Some(counter) = counters.get(word) {
        counter.increment(1);
    }
}

/// Sets every gauge: to the sum of its word's counts, zero where it has none.
fn set_all(gauges: &ByWord<Gauge>, counts: impl Iterator<Item = (&'static str, u64)> + Clone) {
    for (word, gauge) in gauges {
        let listed = counts.clone().filter(|(other, _)| other == word);
        gauge.set(listed.map(|(_, count)| count).sum::<u64>() as f64);
    }
}

/// Makes handles of families.
pub(super) struct Make<'a>(&'a PrometheusRecorder);

const METADATA: Metadata<'static> = Metadata::new("bordereau", Level::INFO, None);

impl Make<'_> {
    fn describe(&self) {
        for family in family::ALL {
            let (name, help) = (
                KeyName::from_const_str(family.name),
                SharedString::const_str(family.help),
            );
            match family.shape {
                Shape::Counter => self.0.describe_counter(name, None, help),
                Shape::Gauge => self.0.describe_gauge(name, None, help),
                Shape::Histogram(_) => self.0.describe_histogram(name, None, help),
            }
        }
    }

    pub(super) fn counter(&self, family: &'static Family, values: &[&str]) -> Counter {
        self.0.register_counter(&key(family, values), &METADATA)
    }

    pub(super) fn gauge(&self, family: &'static Family, values: &[&str]) -> Gauge {
        self.0.register_gauge(&key(family, values), &METADATA)
    }

    fn histogram(&self, family: &'static Family) -> Histogram {
        self.0.register_histogram(&key(family, &[]), &METADATA)
    }

    /// One counter a word; the word is the last label.
    pub(super) fn counters(
        &self,
        family: &'static Family,
        values: &[&str],
        words: &[&'static str],
    ) -> ByWord<Counter> {
        let counter =
            |word: &&'static str| (*word, self.counter(family, &[values, &[*word]].concat()));
        words.iter().map(counter).collect()
    }

    /// One gauge a word; the word is the last label.
    pub(super) fn gauges(
        &self,
        family: &'static Family,
        values: &[&str],
        words: &[&'static str],
    ) -> ByWord<Gauge> {
        let gauge = |word: &&'static str| (*word, self.gauge(family, &[values, &[*word]].concat()));
        words.iter().map(gauge).collect()
    }

    fn retention(&self) -> retention::Handles {
        retention::Handles {
            gone: self.counter(family::RETENTION_GONE, &[]),
            gone_bytes: self.counter(family::RETENTION_GONE_BYTES, &[]),
            copied_bytes: self.counter(family::RETENTION_COPIED_BYTES, &[]),
            stalls: self.counter(family::RETENTION_STALLS, &[]),
            doubted: self.gauge(family::RETENTION_CLOCK, &[]),
            oldest: self.gauge(family::RETENTION_OLDEST, &[]),
            next: self.gauge(family::RETENTION_NEXT, &[]),
            standing: self.gauge(family::RETENTION_HOLDS, &[Hold::Standing.as_str()]),
            overdue: self.gauge(family::RETENTION_HOLDS, &[Hold::Overdue.as_str()]),
            oldest_proof: self.gauge(family::RETENTION_OLDEST_PROOF, &[]),
            next_proofs: self.gauge(family::RETENTION_NEXT_PROOFS, &[]),
            past_segments: self.gauge(family::RETENTION_PAST_PROOFS, &[]),
        }
    }

    fn documents(&self) -> ByOutcome {
        let kinds = Kind::ALL.into_iter().map(Some).chain([None]).map(kind_word);
        let pairs =
            kinds.flat_map(|kind| Intake::WORDS.iter().map(move |outcome| (kind, *outcome)));
        pairs
            .map(|(kind, outcome)| {
                let counter = self.counter(family::INTAKE_DOCUMENTS, &[kind, outcome]);
                ((kind, outcome), counter)
            })
            .collect()
    }

    fn renewals(&self) -> BTreeMap<&'static str, ByWord<Counter>> {
        let words = renewal::Outcome::WORDS;
        let counters =
            |part: &&'static str| (*part, self.counters(family::RENEWALS, &[part], words));
        renewal::Part::WORDS.iter().map(counters).collect()
    }
}

fn key(family: &'static Family, values: &[&str]) -> Key {
    assert_eq!(
        values.len(),
        family.labels.len(),
        "labels of {}",
        family.name
    );
    let labels = family.labels.iter().zip(values);
    let labels = labels.map(|(label, value)| Label::new(*label, (*value).to_owned()));
    Key::from_parts(family.name, labels.collect::<Vec<_>>())
}

/// An age; what never happened is infinitely long ago.
fn seconds(age: Option<std::time::Duration>) -> f64 {
    age.map_or(f64::INFINITY, |age| age.as_secs_f64())
}
