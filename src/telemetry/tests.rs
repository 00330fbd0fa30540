//! Every event and reading once, and what comes out of it.

use std::collections::BTreeMap;
use std::time::Duration;

use super::event::*;
use super::family::Family;
use super::lines::Lines;
use super::reading::{Deadline, Ready, Stage};
use super::*;
use crate::claims::commitment::Chain;
use crate::claims::document::Kind;
use crate::claims::entry::{OrphanCause, Position, Reason};
use crate::claims::id::{DocumentId, Finess, LotId, Name};
use crate::claims::lane::breaker;
use crate::claims::time::{Day, Timestamp};

/// Rows of the obligation family are the report room's, and are held against what it renders.
const ELSEWHERE: &str = "bordereau_obligation_";
const PATH: &str = "fixtures/metrics.txt";
const HEAD: &str =
    "# name | type | labels | help. Rewritten with UPDATE=1; a row is added or changed with care:
# alerts, dashboards and other people's queries stand on it.
";

fn endpoint() -> EndpointName {
    EndpointName::parse("caisse-a").unwrap()
}

fn exercised() -> Telemetry {
    let endpoint = endpoint();
    let telemetry = Telemetry::new(&Config::default(), std::slice::from_ref(&endpoint)).unwrap();
    let caller = Name::parse("centre-1").unwrap();
    let (lot, document) = (LotId(7), DocumentId(8));
    let (kind, took) = (Kind::Fse, Duration::from_millis(3));
    let endpoint = &endpoint;
    for event in [
        Event::Started { version: "0" },
        Event::Draining,
        Event::Stopped,
        Event::Denied {
            reason: Denial::Scope,
        },
        Event::HandshakeFailed,
        Event::Admitted {
            document,
            centre: Finess::parse("750712184").unwrap(),
            kind,
            bytes: 9000,
            warnings: &["WARNING_CODE"],
        },
        Event::KnownAgain { document, kind },
        Event::TurnedAway {
            kind: None,
            caller: &caller,
            codes: &["NIR_KEY", "NIR_KEY"],
        },
        Event::Conflicted {
            kind,
            caller: &caller,
        },
        Event::Answered { status: 202, took },
        Event::Shed,
        Event::Committed {
            entries: 3,
            bytes: 100,
            sync: took,
        },
        Event::SyncFailed,
        Event::Replayed { entries: 5 },
        Event::TailCut { bytes: 6 },
        Event::Unencrypted,
        Event::MasterKeyOld { days: 91 },
        Event::MasterKeyChanged {
            master: "0123456789abcdef",
        },
        Event::IndexFailed,
        Event::AnchorFailed,
        Event::Sorted { files: 2, bytes: 7 },
        Event::SortedFailed,
        Event::BackedUp {
            position: Position(3),
            files: 2,
            bytes: 100,
        },
        Event::BackupFailed { why: "no room" },
        Event::Anchored {
            position: Position(3),
            chain: Chain([1; 32]),
        },
        Event::Sealed {
            lot,
            endpoint,
            documents: 2,
            bytes: 100,
        },
        Event::Attempted {
            lot,
            endpoint,
            attempt: 1,
            outcome: Attempt::Deferred,
            waits_for: Some(Reason::Busy),
            took,
        },
        Event::Asked {
            lot,
            endpoint,
            outcome: Question::Known,
        },
        Event::BreakerMoved {
            endpoint,
            state: breaker::State::Open,
            failed_by: Some(Reason::Identity),
        },
        Event::LotUnreadable { lot, why: "gone" },
        Event::Lane(lane::Event::Alert {
            lot,
            endpoint,
            alert: lane::Alert::Forgotten,
        }),
        Event::Lane(lane::Event::Unsealed {
            without_route: 3,
            unreadable: 1,
            document: Some(document),
        }),
        Event::Lane(lane::Event::Stalled { why: "no disk" }),
        Event::Retention(retention::Event::Evacuated {
            segment: 3,
            gone: 5,
            gone_bytes: 5000,
            kept: 2,
            kept_bytes: 2000,
        }),
        Event::Retention(retention::Event::Stalled { why: "no disk" }),
        Event::Retention(retention::Event::HoldOverdue {
            hold: Position(4),
            review: Day::new(2026, 11, 22).unwrap(),
        }),
        Event::Retention(retention::Event::ProofsPast {
            segments: 2,
            upto: Position(4),
        }),
        Event::Retention(retention::Event::ClockDoubted { seconds: 90_000 }),
        Event::Retention(retention::Event::ClockTrusted),
        Event::Retention(retention::Event::TracesEnded { months: 1 }),
        Event::Told {
            target: &caller,
            outcome: Telling::Refused,
            changes: 3,
        },
        Event::Renewal(renewal::Event::Taken {
            part: renewal::Part::Public,
        }),
        Event::Renewal(renewal::Event::Kept {
            part: renewal::Part::Webhooks,
            why: "no PEM",
        }),
        Event::Renewal(renewal::Event::Ends {
            endpoint: Some(endpoint),
            days: 3,
        }),
        Event::Renewal(renewal::Event::Ended {
            endpoint: None,
            days: 0,
        }),
        Event::Renewal(renewal::Event::List {
            outcome: renewal::Fetch::Unproven,
        }),
        Event::Lane(lane::Event::LimitMoved {
            endpoint,
            attempts: 5,
        }),
        Event::Heard {
            endpoint,
            kind: Item::Accepted,
        },
        Event::HeardAgain { endpoint },
        Event::Orphaned {
            endpoint,
            cause: OrphanCause::UnknownLot,
        },
        Event::Foreign { endpoint },
        Event::Polled {
            endpoint,
            outcome: Poll::NoAnswer,
            items: 0,
        },
        Event::FeedUnreadable {
            endpoint,
            code: "XML_SYNTAX",
            line: 3,
        },
        Event::Imbalanced {
            documents: 2,
            position: Position(4),
            between: Compared::Tallies,
            cells: &[],
        },
    ] {
        telemetry.record(event);
    }
    for reading in [
        Reading::Running {
            since: Timestamp::from_micros(1_500_000),
            version: "0",
        },
        Reading::Store {
            ready: Ready::Yes,
            position: Position(4),
            lag: 1,
            waiting: 2,
        },
        Reading::FreeSpace { bytes: 1024 },
        Reading::Queue {
            endpoint,
            documents: &[(Stage::Held, 3), (Stage::Open, 1)],
            oldest: Duration::from_secs(90),
        },
        Reading::Overdue {
            endpoint,
            documents: 11,
        },
        Reading::Target {
            target: &caller,
            behind: 12,
        },
        Reading::Stuck { documents: 0 },
        Reading::Backup {
            age: None,
            position: Position(0),
        },
        Reading::Restored {
            waits: true,
            lost: Duration::from_secs(7),
        },
        Reading::Anchor {
            age: Some(Duration::from_secs(30)),
            position: Position(2),
        },
        Reading::Orphans { items: 1 },
        Reading::Holds(retention::Holds {
            standing: 3,
            overdue: 1,
        }),
        Reading::Kept(retention::Kept {
            oldest: Some(Timestamp::from_micros(2_500_000)),
            next: None,
            oldest_proof: Some(Timestamp::from_micros(1_500_000)),
            next_proofs: None,
            past_segments: 2,
        }),
        Reading::Deadlines {
            documents: &[(Deadline::Passed, 2)],
            alerted: &[(48, 3), (8, 1)],
        },
    ] {
        telemetry.show(reading);
    }
    telemetry
}

fn row(family: &Family) -> String {
    let shape = match family.shape {
        Shape::Counter => "counter",
        Shape::Gauge => "gauge",
        Shape::Histogram(_) => "histogram",
    };
    let labels = family.labels.join(", ");
    format!("{} | {shape} | {labels} | {}", family.name, family.help)
}

/// Rows as the exporter's text shows them.
fn rendered_rows(text: &str) -> BTreeMap<String, String> {
    let mut rows = BTreeMap::new();
    let (mut help, mut shape) = (BTreeMap::new(), BTreeMap::new());
    for line in text.lines() {
        if let Some((name, words)) = line
            .strip_prefix("# HELP ")
            .and_then(|rest| rest.split_once(' '))
        {
            help.insert(name, words);
        } else if let Some((name, word)) = line
            .strip_prefix("# TYPE ")
            .and_then(|rest| rest.split_once(' '))
        {
            shape.insert(name, word);
        } else if let Some((series, _)) = line.rsplit_once(' ') {
            let (name, labels) = series.split_once('{').unwrap_or((series, ""));
            let parts = ["_bucket", "_sum", "_count"];
            let family = parts.iter().find_map(|part| name.strip_suffix(part));
            let family = family.filter(|family| shape.get(family) == Some(&"histogram"));
            let name = family.unwrap_or(name);
            let labels: Vec<_> = labels
                .split("\",")
                .filter_map(|label| label.split_once('='))
                .map(|(label, _)| label)
                .filter(|label| *label != "le")
                .collect();
            let row = format!(
                "{name} | {} | {} | {}",
                shape[name],
                labels.join(", "),
                help[name]
            );
            let before = rows.insert(name.to_owned(), row.clone());
            assert!(
                before.is_none_or(|before| before == row),
                "{name} has one set of labels"
            );
        }
    }
    rows
}

#[test]
#[allow(
    clippy::disallowed_methods,
    reason = "UPDATE=1 rewrites the golden file"
)]
fn the_list_of_metrics_is_what_is_rendered() {
    let rendered = rendered_rows(&exercised().render());
    let declared: BTreeMap<_, _> = family::ALL
        .iter()
        .map(|family| (family.name.to_owned(), row(family)))
        .collect();
    assert_eq!(rendered, declared);

    let rows: Vec<_> = family::ALL.iter().map(|family| row(family)).collect();
    let kept = std::fs::read_to_string(PATH).unwrap_or_default();
    let (elsewhere, kept): (Vec<_>, Vec<_>) = kept
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .partition(|line| line.starts_with(ELSEWHERE));
    if std::env::var_os("UPDATE").is_some() {
        let all: Vec<_> = rows.iter().map(String::as_str).chain(elsewhere).collect();
        std::fs::write(PATH, format!("{HEAD}{}\n", all.join("\n"))).unwrap();
    } else {
        assert_eq!(
            kept, rows,
            "{PATH}: rewrite it with UPDATE=1 and look at the change"
        );
    }
}

#[test]
fn log_lines_hold_the_words_that_orders_take() {
    let (lines, guard) = Lines::begin();
    exercised();
    drop(guard);
    let text = lines.text();
    for of_rust in ["Some(", "None", "[\\\""] {
        assert!(!text.contains(of_rust), "{of_rust} in {text}");
    }
    for said in [
        r#""waits_for":"busy""#,
        r#""codes":"NIR_KEY NIR_KEY""#,
        r#""failed_by":"identity""#,
        r#""webhook":"centre-1""#,
        r#""shown_to":"public""#,
    ] {
        assert!(text.contains(said), "{said} in {text}");
    }
}

#[test]
fn what_no_endpoint_has_as_its_own_expires_never() {
    let text = Telemetry::new(&Config::default(), &[endpoint()])
        .unwrap()
        .render();
    for series in [
        "bordereau_delivery_certificate_expires_seconds",
        "bordereau_delivery_lists_until_seconds",
    ] {
        let line = format!("{series}{{endpoint=\"other\"}} inf");
        assert!(text.to_lowercase().contains(&line), "{line}");
    }
}

#[test]
fn events_and_readings_are_counted() {
    let text = exercised().render();
    for line in [
        r#"bordereau_intake_documents_total{kind="FSE",outcome="admitted"} 1"#,
        r#"bordereau_intake_documents_total{kind="FSE",outcome="known"} 1"#,
        r#"bordereau_intake_documents_total{kind="unknown",outcome="turned away"} 1"#,
        r#"bordereau_intake_documents_total{kind="PEC",outcome="admitted"} 0"#,
        r#"bordereau_intake_findings_total{code="NIR_KEY"} 2"#,
        r#"bordereau_intake_findings_total{code="WARNING_CODE"} 1"#,
        r#"bordereau_intake_seconds_bucket{le="0.0025"} 0"#,
        r#"bordereau_intake_seconds_bucket{le="0.005"} 1"#,
        "bordereau_store_commit_entries_sum 3",
        "bordereau_store_sync_errors_total 1",
        "bordereau_store_written_bytes_total 100",
        "bordereau_store_ready 1",
        "bordereau_ledger_position 4",
        "bordereau_ledger_imbalance_documents 2",
        "bordereau_start_time_seconds 1.5",
        r#"bordereau_delivery_attempts_total{endpoint="caisse-a",outcome="deferred"} 1"#,
        r#"bordereau_delivery_breaker_state{endpoint="caisse-a"} 2"#,
        r#"bordereau_delivery_alerts_total{endpoint="caisse-a",alert="forgotten"} 1"#,
        r#"bordereau_delivery_alerts_total{endpoint="caisse-a",alert="other bytes"} 0"#,
        r#"bordereau_delivery_limit_attempts{endpoint="caisse-a"} 5"#,
        r#"bordereau_delivery_unsealed_groups{cause="no-route"} 3"#,
        r#"bordereau_delivery_unsealed_groups{cause="unreadable"} 1"#,
        "bordereau_delivery_stalls_total 1",
        "bordereau_retention_gone_bytes_total 5000",
        "bordereau_retention_copied_bytes_total 2000",
        "bordereau_retention_oldest_body_seconds 2.5",
        r#"bordereau_retention_legal_holds{state="overdue"} 1"#,
        "bordereau_retention_oldest_proof_seconds 1.5",
        "bordereau_retention_past_proof_segments 2",
        r#"bordereau_webhook_requests_total{target="centre-1",outcome="refused"} 1"#,
        r#"bordereau_webhook_behind_entries{target="centre-1"} 12"#,
        r#"bordereau_webhook_requests_total{target="centre-1",outcome="taken"} 0"#,
        r#"bordereau_receipts_total{endpoint="caisse-a",kind="repeated"} 1"#,
        r#"bordereau_queue_documents{endpoint="caisse-a",standing="held"} 3"#,
        r#"bordereau_queue_oldest_seconds{endpoint="caisse-a"} 90"#,
        r#"bordereau_deadline_documents{state="passed"} 2"#,
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
}

#[test]
fn what_a_reading_does_not_list_stands_at_zero() {
    let telemetry = exercised();
    telemetry.show(Reading::Queue {
        endpoint: &endpoint(),
        documents: &[(Stage::Open, 5)],
        oldest: Duration::ZERO,
    });
    let text = telemetry.render();
    let held = r#"bordereau_queue_documents{endpoint="caisse-a",standing="held"} 0"#;
    assert!(text.lines().any(|line| line == held), "{text}");
}

#[test]
fn endpoints_that_are_not_configured_have_few_labels() {
    let telemetry = exercised();
    let name = |number: usize| EndpointName::parse(&format!("stranger-{number}")).unwrap();
    for number in 0..40 {
        let endpoint = &name(number);
        telemetry.record(Event::Foreign { endpoint });
    }
    telemetry.name(&[name(39)]);
    let endpoint = &name(39);
    telemetry.record(Event::Foreign { endpoint });
    let text = telemetry.render();
    for (label, count) in [
        ("stranger-0", "1"),
        ("stranger-31", "1"),
        ("other", "8"),
        ("stranger-39", "1"),
    ] {
        let line =
            format!(r#"bordereau_receipts_total{{endpoint="{label}",kind="foreign"}} {count}"#);
        assert!(text.lines().any(|known| known == line), "{line} in {text}");
    }
    assert!(!text.contains("stranger-32\""));
    assert!(telemetry.named().contains(&name(39)));
}

#[test]
fn names_keep_to_base_units_and_suffixes() {
    for family in family::ALL {
        let counter = matches!(family.shape, Shape::Counter);
        assert_eq!(family.name.ends_with("_total"), counter, "{}", family.name);
        assert!(
            !family.help.is_empty() && !family.help.contains('\n'),
            "{}",
            family.name
        );
    }
}

#[test]
fn a_filter_is_checked_without_starting_anything() {
    for (filter, fits) in [
        ("info", true),
        ("warn,bordereau=debug", true),
        ("bordereau=loud", false),
    ] {
        let config = log::Config {
            filter: filter.to_owned(),
            ..log::Config::default()
        };
        assert_eq!(log::filter(&config).is_ok(), fits, "{filter}");
    }
}

#[tokio::test(start_paused = true)]
async fn upkeep_ends_with_the_gateway() {
    let telemetry = std::sync::Arc::new(exercised());
    let shutdown = CancellationToken::new();
    let upkeep = tokio::spawn({
        let (telemetry, shutdown) = (telemetry.clone(), shutdown.clone());
        async move { telemetry.run_upkeep(shutdown).await }
    });
    tokio::time::advance(Duration::from_secs(60)).await;
    shutdown.cancel();
    upkeep.await.unwrap();
    let count = "bordereau_delivery_seconds_count 1";
    assert!(
        telemetry.render().lines().any(|line| line == count),
        "summed up once"
    );
}
