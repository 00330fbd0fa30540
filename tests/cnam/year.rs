//! A year in the ledger: the same year that is reconciled elsewhere in memory, as the entries of a real store, and what
//! it costs to rebuild, to count, to rate, to publish and to reconcile it.
//!
//! A sample runs with the other tests. The whole country, 3.1 million documents and 11 million entries:
//!
//! ```sh
//! YEAR_CENTRES=3005 YEAR_DOCUMENTS=86 cargo test --release --test cnam a_year -- --nocapture
//! ```

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use bordereau::claims::aggregate::{By, Filter};
use bordereau::claims::agreement::Agreements;
use bordereau::claims::entry::Position;
use bordereau::claims::id::{Digest, Finess, Name};
use bordereau::claims::period::Period;
use bordereau::claims::reconcile::bridge::Span;
use bordereau::claims::time::{Day, Timestamp};
use bordereau::clock::{Clock, ManualClock};
use bordereau::formats::figures::{Format, Limits, Reader};
use bordereau::formats::jws::unencoded::{Signer, pem_of};
use bordereau::report::CentreLabel;
use bordereau::report::count::conservation::Conservation;
use bordereau::report::count::snapshot::Snapshot;
use bordereau::report::exposition;
use bordereau::report::rate::past;
use bordereau::report::rate::{self, Selection};
use bordereau::report::reconciliation::text::SpanText;
use bordereau::report::reconciliation::{self, Asked};
use bordereau::report::statement::publisher::Publisher;
use bordereau::store::embedded::{Config, Embedded};
use bordereau::store::{Body, Command, Store, TallyQuery, Unobserved, WhichStatements};
use bordereau::telemetry::{self, Telemetry};
use bordereau::{config, report};
use tokio::runtime::Runtime;

use crate::finder::{self, Found};
use crate::generator::{self, Size};
use crate::{asked, clock, road};

#[test]
fn a_year_in_the_ledger_is_rebuilt_counted_rated_published_and_reconciled() {
    let size = Size {
        centres: asked("YEAR_CENTRES", 24),
        documents: asked("YEAR_DOCUMENTS", 3),
    };
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
    generator::write(directory.path(), 20_261_122, size).expect("the generator writes");
    let store_config = Config {
        directory: directory.path().join("store"),
        // A year goes by in minutes, and so must the rounds that take along what is long past.
        round_seconds: 10.0,
        ..Config::default()
    };
    let runtime = Runtime::new().expect("a runtime starts");
    let begun = Step::begin("put into the ledger");
    let store = open(&store_config);
    let travelled = runtime.block_on(road::travel(&store, directory.path()));
    println!(
        "{size:?}: {travelled:?}, {} entries",
        store.health().position.0
    );
    drop(store);
    begun.end();
    for derived in ["index", "sorted"] {
        fs::remove_dir_all(store_config.directory.join(derived)).expect("it is there");
    }
    let begun = Step::begin("index rebuilt from the journal");
    let store: Arc<dyn Store> = Arc::new(open(&store_config));
    begun.end();
    runtime.block_on(evidence(&store, directory.path()));
}

/// All that is made of the ledger.
async fn evidence(store: &Arc<dyn Store>, directory: &Path) {
    let agreements = config::agreements::load(&[]).expect("the shipped agreements");
    counted(store).await;
    let snapshot = rated(store, &agreements).await;
    reconciled(store, &agreements, directory).await;
    earlier(store, &snapshot, &agreements).await;
    drop(snapshot);
    published(store, &agreements).await;
}

/// `rate rebuild --verify` of a running gateway: the tallies, the second count and the standings.
async fn counted(store: &Arc<dyn Store>) {
    let page = 1_000;
    let begun = Step::begin("tallies verified by the three counts");
    let mut conservation = Conservation::new(store.clone(), page, 8);
    let account = conservation.account().await.expect("it can be counted");
    begun.end();
    println!(
        "{} units, {} declared days",
        account.units, account.declared_days
    );
    assert!(account.holds, "{:?}", account.differences);
}

/// Every rate of every period, of centres and of all groups of them.
async fn rated(store: &Arc<dyn Store>, agreements: &Agreements) -> Snapshot {
    let at = timestamp("2026-12-31T12:00:00Z");
    let begun = Step::begin("snapshot of all tallies");
    let tallies = store
        .tallies(TallyQuery::everything())
        .await
        .expect("tallies");
    let registry = store.centres().await.expect("a registry");
    let snapshot = Snapshot::balanced(at, tallies, registry, agreements);
    begun.end();
    let filter = Filter::default();
    let selection = Selection {
        scope: &|_| true,
        filter: &filter,
        after: None,
        most: usize::MAX,
    };
    let begun = Step::begin("rates of all centres in 19 periods");
    for period in periods() {
        let found = rate::of_all(&snapshot, agreements, period, &selection).expect("rates");
        assert_eq!(found.rates.len(), snapshot.centres.len());
    }
    begun.end();
    let begun = Step::begin("rates of all groups in 19 periods");
    for period in periods() {
        for by in [
            By::Gestionnaire,
            By::Category,
            By::Caisse,
            By::Agreement,
            By::All,
        ] {
            let found = rate::of_groups(&snapshot, agreements, (by, period), &selection);
            assert!(!found.expect("groups").groups.is_empty());
        }
    }
    begun.end();
    let begun = Step::begin("scrape");
    let text = exposition::render(&snapshot, agreements, CentreLabel::UpTo(4_000), at);
    begun.end();
    assert!(text.contains("bordereau_obligation_forecast_ratio{"));
    snapshot
}

/// The same bridge as of the same year in memory, step by step.
async fn reconciled(store: &Arc<dyn Store>, agreements: &Agreements, directory: &Path) {
    let limits = Limits {
        bytes: 1 << 30,
        ..Limits::default()
    };
    let text = fs::read(directory.join("theirs.csv")).expect("a file");
    let begun = Step::begin("figures read");
    let file = Reader::default().read(&text, Format::Csv, &limits);
    let file = file.expect("figures");
    drop(text);
    begun.end();
    let asked = Asked {
        digest: Digest([1; 32]),
        file: &file,
        period: year(),
        destinations: None,
    };
    let begun = Step::begin("reconciled");
    let outcome = reconciliation::run(&**store, agreements, &asked).await;
    begun.end();
    let outcome = outcome.expect("it can be reconciled");
    println!("{} differences", outcome.differences.len());
    assert!(outcome.without.is_empty(), "{:?}", outcome.without);
    drop(file);
    assert_eq!(
        outcome.total,
        SpanText::from(&total(&finder::find(directory)))
    );
}

fn total(found: &Found) -> Span {
    let mut total = Span::default();
    for span in found
        .centres
        .values()
        .flat_map(|centre| centre.months.values())
    {
        total.add(span);
    }
    total
}

/// Earlier answers: of one centre and of all at the end of June, and the last state of all again.
async fn earlier(store: &Arc<dyn Store>, snapshot: &Snapshot, agreements: &Agreements) {
    let bounds = report::Config::default().past();
    let last = store.health().position;
    let all: BTreeSet<Finess> = snapshot.centres.keys().copied().collect();
    let one: BTreeSet<Finess> = all.iter().take(1).copied().collect();
    let begun = Step::begin("documents behind a figure of now");
    for centre in &one {
        let at = timestamp("2026-12-31T12:00:00Z");
        let present = past::present(&**store, *centre, snapshot, at).await;
        let of = |snapshot: &Snapshot| snapshot.obligation(agreements, *centre, year());
        let present = present.expect("it can be read").snapshot;
        assert_eq!(of(&present).ok(), of(snapshot).ok());
    }
    begun.end();
    for (name, centres, position) in [
        ("as of the middle, one centre", &one, Position(last.0 / 2)),
        ("as of the end, all centres", &all, last),
    ] {
        let begun = Step::begin(name);
        let past = past::recount(&**store, centres.clone(), position, bounds).await;
        begun.end();
        let past = past.expect("it can be counted again");
        assert_eq!(past.snapshot.centres.len(), centres.len());
        for centre in centres.iter().filter(|_| position == last) {
            let of = |snapshot: &Snapshot| snapshot.obligation(agreements, *centre, year());
            assert_eq!(of(&past.snapshot).ok(), of(snapshot).ok());
        }
    }
}

/// The year is closed, and each centre has its statement.
async fn published(store: &Arc<dyn Store>, agreements: &Agreements) {
    let now = timestamp("2027-04-01T08:00:00Z");
    let close = Command::Close {
        period: year(),
        centres: Vec::new(),
        actor: Name::parse("operator").expect("a name"),
        policies: agreements.all().cloned().collect(),
        reason: Body {
            bytes: "the year is over".into(),
            salt: [1; 16],
        },
    };
    store.commit(now, close).await.expect("it is closed");
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::new(now, 1));
    let signer = Signer::from_pem(&pem_of([42; 32])).expect("a key");
    let telemetry = Telemetry::new(&telemetry::Config::default(), &[]).expect("telemetry");
    let config = report::Config::default();
    let telemetry = Arc::new(telemetry);
    let publisher = Publisher::new(store.clone(), clock, Some(signer), telemetry, &config);
    let begun = Step::begin("statements of all centres");
    let caught_up = publisher.catch_up(&mut BTreeSet::new()).await;
    begun.end();
    caught_up.expect("all are published");
    let which = WhichStatements::After {
        centre: None,
        after: Position(0),
        most: usize::MAX,
    };
    let statements = store.statements(which).await.expect("statements");
    let centres = store.centres().await.expect("a registry");
    assert_eq!(statements.len(), centres.len());
}

/// A step, its time, and its memory.
struct Step {
    name: &'static str,
    before: u64,
    began: std::time::Instant,
}

impl Step {
    fn begin(name: &'static str) -> Step {
        // From here on the system keeps the peak anew.
        fs::write("/proc/self/clear_refs", "5").expect("the system keeps a peak");
        Step {
            name,
            before: megabytes("VmRSS:"),
            began: clock(),
        }
    }

    fn end(self) {
        println!(
            "{:<40} {:>8.2} s, {:>6} MB at most ({} MB before)",
            self.name,
            self.began.elapsed().as_secs_f64(),
            megabytes("VmHWM:"),
            self.before,
        );
    }
}

fn megabytes(of: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("this process runs");
    let line = status.lines().find(|line| line.starts_with(of));
    let kilobytes = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    kilobytes.expect("a number of kB") / 1024
}

/// Months, quarters, the year, the year to date, and twelve months that roll.
fn periods() -> Vec<Period> {
    let today = Day::new(2026, 12, 31).expect("a day");
    let months = (1..=12).map(|month| format!("2026-{month:02}"));
    let quarters = (1..=4).map(|quarter| format!("2026-Q{quarter}"));
    let others = ["2026", "ytd", "rolling"].map(str::to_owned);
    let names = months.chain(quarters).chain(others);
    names
        .map(|name| Period::parse(&name, today).expect("a period"))
        .collect()
}

fn year() -> Period {
    Period::year_of(Day::new(2026, 1, 1).expect("a day"))
}

fn open(config: &Config) -> Embedded {
    let entropy = Box::new(|| {
        let mut id = [0; 16];
        getrandom::fill(&mut id).expect("the system has randomness");
        id
    });
    let at = timestamp("2026-01-01T00:00:00Z");
    Embedded::open(config, at, entropy, Arc::new(Unobserved)).expect("the store opens")
}

fn timestamp(text: &str) -> Timestamp {
    Timestamp::parse(text).expect("an instant")
}
