//! `fixtures/ledgers/NAME.ledger` → `fixtures/reports/NAME.{json,csv,prom}`; `UPDATE=1` writes them again.
//!
//! The first line of a ledger names the periods: `# periods: 2026-10 2026-Q4`. The metrics are those of the
//! day of the last entry.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::ledger_text;
use crate::claims::aggregate::Filter;
use crate::claims::agreement::Agreements;
use crate::claims::entry::Stamped;
use crate::claims::period::Period;
use crate::claims::registry::Centre;
use crate::claims::time::Timestamp;
use crate::clock::ManualClock;
use crate::report::count::Keeper;
use crate::report::count::snapshot::{Snapshot, Soundness};
use crate::report::exposition;
use crate::report::exposition::families;
use crate::report::rate;
use crate::report::rate::table;
use crate::report::{CentreLabel, Config};
use crate::store::ledger::Secret;
use crate::store::memory::Memory;

#[tokio::test]
async fn the_reports_of_the_ledgers() {
    let mut seen = 0;
    for path in ledgers() {
        let text = fs::read_to_string(&path).unwrap();
        let entries = ledger_text::read(&text);
        let now = entries.last().unwrap().at;
        let today = now.day();
        let snapshot = counted(entries).await;
        let agreements = super::agreements();
        let everyone = rate::Selection {
            scope: &|_| true,
            filter: &Filter::default(),
            after: None,
            most: 100,
        };
        let periods = text.lines().next().unwrap().strip_prefix("# periods: ");
        let reports: Vec<rate::Rates> = periods
            .unwrap()
            .split_whitespace()
            .map(|period| Period::parse(period, today).unwrap())
            .map(|period| rate::of_all(&snapshot, &agreements, period, &everyone).unwrap())
            .collect();
        let json = serde_json::to_string_pretty(&reports).unwrap() + "\n";
        let csv: String = reports.iter().map(table::of_centres).collect();
        let each = exposition::render(&snapshot, &agreements, CentreLabel::UpTo(2), now);
        let all = exposition::render(&snapshot, &agreements, CentreLabel::Off, now);
        let name = path.file_stem().unwrap().to_str().unwrap();
        golden(&format!("{name}.json"), &json);
        golden(&format!("{name}.csv"), &csv);
        golden(&format!("{name}.prom"), &each);
        golden(&format!("{name}.national.prom"), &all);
        seen += 1;
    }
    assert!(seen >= 3, "the ledgers are there");
}

/// A centre has at most fifteen series, and no series at all once it has left.
#[tokio::test]
async fn a_centre_has_few_series() {
    let text = fs::read_to_string(fixtures().join("ledgers/verdicts.ledger")).unwrap();
    let snapshot = counted(ledger_text::read(&text)).await;
    let rendered = exposition::render(
        &snapshot,
        &super::agreements(),
        CentreLabel::UpTo(9),
        Timestamp::default(),
    );
    let series = |finess: &str| {
        let label = format!("centre=\"{finess}\"");
        rendered
            .lines()
            .filter(|line| line.contains(&label))
            .count()
    };
    for finess in snapshot.centres.keys() {
        assert!(series(&finess.to_string()) <= 15, "{finess}");
    }
    assert_eq!(series("130000011"), 13, "without activity in the month");
    assert_eq!(series("2A0000016"), 0, "it left on 31 October");
    let busy = counted(ledger_text::read(super::past::LEDGER)).await;
    let rendered = exposition::render(
        &busy,
        &super::agreements(),
        CentreLabel::UpTo(9),
        Timestamp::default(),
    );
    let full = rendered
        .lines()
        .filter(|line| line.contains("{centre=\"750000010\""));
    assert_eq!(full.count(), 15, "a confirmed threshold and all periods");
}

/// The rows of the obligation in `fixtures/metrics.txt` are what is rendered.
#[tokio::test]
async fn the_family_is_in_the_list_of_metrics() {
    let text = fs::read_to_string(fixtures().join("metrics.txt")).unwrap();
    let listed: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("bordereau_obligation_"))
        .collect();
    let rows: Vec<String> = families::ALL
        .iter()
        .map(|family| {
            format!(
                "{} | gauge | {} | {}",
                family.name, family.labels, family.help
            )
        })
        .collect();
    assert_eq!(listed, rows);
    let entries = fs::read_to_string(fixtures().join("ledgers/verdicts.ledger")).unwrap();
    let entries = ledger_text::read(&entries);
    let now = entries.last().unwrap().at;
    let snapshot = counted(entries).await;
    let nothing = Agreements::new(Vec::new()).unwrap();
    let unbound = exposition::render(&snapshot, &nothing, CentreLabel::Off, now);
    let versions = snapshot.centres.values().map(|centre| &centre.versions);
    let registered = versions.filter(|versions| Centre::on(versions, now.day()).is_some());
    let registered = registered.count();
    assert!(registered > 0);
    let line = format!("bordereau_obligation_unbound_centres {registered}\n");
    assert!(unbound.contains(&line), "{unbound}");
    let rendered = exposition::render(
        &snapshot,
        &super::agreements(),
        CentreLabel::UpTo(9),
        Timestamp::default(),
    );
    let mut series = rendered.lines().filter(|line| !line.starts_with('#'));
    assert!(series.all(|line| {
        let name = line.split(['{', ' ']).next().unwrap();
        let family = families::ALL.iter().find(|family| family.name == name);
        let labels: Vec<&str> = line
            .split(['{', ','])
            .filter_map(|label| Some(label.split_once("=\"")?.0))
            .collect();
        labels.join(", ") == family.unwrap().labels
    }));
}

pub(super) async fn counted(entries: Vec<Stamped>) -> Arc<Snapshot> {
    let clock = ManualClock::new(entries.last().unwrap().at, 1);
    let store = Memory::rebuilt(Secret::new([9; 32]), entries).unwrap();
    let mut keeper = Keeper::new(
        Arc::new(store),
        Arc::new(clock),
        super::agreements(),
        super::telemetry(),
        Config::default(),
    );
    keeper.count().await.unwrap();
    let snapshot = keeper.published().borrow().clone();
    assert_eq!(snapshot.soundness, Soundness::Balanced);
    snapshot
}

fn ledgers() -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(fixtures().join("ledgers"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    paths
}

#[allow(
    clippy::disallowed_methods,
    reason = "UPDATE is a word to the test, and no setting of the program"
)]
fn golden(name: &str, found: &str) {
    let path = fixtures().join("reports").join(name);
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, found).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(found, expected, "{name} (UPDATE=1 writes it again)");
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}
