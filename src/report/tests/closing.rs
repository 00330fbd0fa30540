//! A closed period: frozen for good, with every later fact as a correction that adds up.

use super::ledger_text;
use crate::claims::agreement::{Agreements, RejectedUnit};
use crate::claims::entry::Position;
use crate::claims::id::{Finess, Name};
use crate::claims::period::Period;
use crate::claims::registry::{Category, Centre};
use crate::claims::time::{Day, Timestamp};
use crate::report::Error;
use crate::report::count::snapshot::Snapshot;
use crate::report::rate::closing::{ClosedPeriod, all_of_centre, of_centre};
use crate::report::rate::past::Bounds;
use crate::report::rate::shapes::{RateShape, policy_digest};
use crate::store::ledger::Secret;
use crate::store::memory::Memory;
use crate::store::{Body, BodyId, Command, Outcome, Store, TallyQuery};

const BOUNDS: Bounds = Bounds {
    page: 3,
    documents: 1_000,
};

fn october() -> Period {
    Period::month_of(Day::parse("2026-10-05").unwrap())
}

async fn close(store: &Memory, at: Timestamp, policies: &Agreements) -> Outcome {
    close_for(store, at, policies, (october(), &[])).await
}

/// For these centres, or for all.
async fn close_for(
    store: &Memory,
    at: Timestamp,
    policies: &Agreements,
    (period, centres): (Period, &[Finess]),
) -> Outcome {
    let command = Command::Close {
        period,
        centres: centres.to_vec(),
        actor: Name::parse("operator").unwrap(),
        policies: policies.all().cloned().collect(),
        reason: Body {
            bytes: "the month is over".into(),
            salt: [1; 16],
        },
    };
    store.commit(at, command).await.unwrap()
}

/// Follows the ledger of the earlier answers: its first `cut` entries, the closing, and then all the others.
pub(super) async fn closed_after(cut: usize) -> (Memory, Position) {
    let mut entries = ledger_text::read(super::past::LEDGER);
    let later = entries.split_off(cut);
    let store = Memory::rebuilt(Secret::new([9; 32]), entries).unwrap();
    let at = Timestamp::parse("2026-11-01T08:00:00Z").unwrap();
    close(&store, at, &super::agreements()).await;
    let position = store.health().position;
    // A repeated command changes nothing.
    close(&store, at, &super::agreements()).await;
    assert_eq!(store.health().position, position);
    let mut all = store.entries(Position(0), usize::MAX).await.unwrap();
    let mut entries: Vec<_> = all.drain(..).map(|(_, stamped)| stamped).collect();
    entries.extend(later);
    let body = store.body(BodyId::Entry(position)).await.unwrap().unwrap();
    assert_eq!(&body.bytes[..], b"the month is over");
    (
        Memory::rebuilt(Secret::new([9; 32]), entries).unwrap(),
        position,
    )
}

async fn shown(store: &Memory, centre: &str) -> ClosedPeriod {
    let closings = store.closings().await.unwrap();
    let [closing] = &closings[..] else {
        panic!("one closing: {closings:?}");
    };
    let centre = Finess::parse(centre).unwrap();
    let upto = store.health().position;
    of_centre(store, closing, centre, upto, BOUNDS)
        .await
        .unwrap()
}

/// Causes and changes of the corrections.
fn changes(found: &ClosedPeriod) -> Vec<(&'static str, i64, i64)> {
    let rows = found.corrections.iter();
    rows.map(|row| (row.cause, row.numerator, row.denominator))
        .collect()
}

#[tokio::test]
async fn corrections_are_the_difference_between_frozen_and_current() {
    let length = ledger_text::read(super::past::LEDGER).len();
    let mut corrected = 0;
    for cut in 3..length {
        let (store, position) = closed_after(cut).await;
        for centre in ["750000010", "130000011"] {
            let found = shown(&store, centre).await;
            assert_eq!(found.closing.position, position.0);
            assert_eq!(found.frozen.basis.position, position.0);
            let sum = |of: fn(&crate::report::rate::closing::Correction) -> i64| {
                found.corrections.iter().map(of).sum::<i64>()
            };
            let (frozen, current) = (&found.frozen.counts, &found.current.counts);
            assert_eq!(
                frozen.numerator + sum(|row| row.numerator),
                current.numerator,
                "{cut}"
            );
            assert_eq!(
                frozen.denominator + sum(|row| row.denominator),
                current.denominator,
                "{cut}"
            );
            assert!(
                found
                    .corrections
                    .iter()
                    .all(|row| row.position > position.0)
            );
            corrected += found.corrections.len();
        }
    }
    assert!(corrected > 20, "{corrected}");
}

#[tokio::test]
async fn a_frozen_rate_stays_as_it_was_and_names_its_causes() {
    // Closed before the receipts of lot 8 and the new declaration came.
    let (store, _) = closed_after(19).await;
    let found = shown(&store, "750000010").await;
    // What went by hand never counts, and is shown beside the rate.
    assert_eq!(changes(&found), [("declaration", 0, 1), ("by hand", 0, 0)]);
    let (frozen, current) = (&found.frozen.counts, &found.current.counts);
    assert_eq!((frozen.numerator, frozen.denominator), (1, 4));
    assert_eq!((current.numerator, current.denominator), (1, 5));
}

/// A registration that is put for days of the past is an entry: periods that are open follow it, and one that was
/// closed stays under its own.
#[tokio::test]
async fn a_retroactive_registration_moves_open_periods_and_no_closed_one() {
    let (store, _) = closed_after(19).await;
    let centre = Finess::parse("750000010").unwrap();
    let agreements = super::agreements();
    let quarter = Period::quarter_of(october().from());
    let category = async |store: &Memory| {
        let tallies = store.tallies(TallyQuery::everything()).await.unwrap();
        let registry = store.centres().await.unwrap();
        let at = Timestamp::parse("2026-11-02T08:00:00Z").unwrap();
        let snapshot = Snapshot::balanced(at, tallies, registry, &agreements);
        let found = snapshot.obligation(&agreements, centre, quarter).unwrap();
        (found.category, found.rate.denominator)
    };
    let before = shown(&store, "750000010").await;
    assert_eq!(category(&store).await, (Category::Medical, 5));
    let known = store.centres().await.unwrap().remove(&centre).unwrap();
    let dentaire = Centre {
        category: Category::Dentaire,
        from: october().from(),
        ..known[0].clone()
    };
    let at = Timestamp::parse("2026-11-02T08:00:00Z").unwrap();
    let put = Command::Registry(vec![dentaire]);
    store.commit(at, put).await.unwrap();
    assert_eq!(category(&store).await, (Category::Dentaire, 5));
    let after = shown(&store, "750000010").await;
    assert_eq!(after.frozen, before.frozen);
    assert_eq!(
        (after.current.category, &after.current.counts),
        ("medical", &before.current.counts)
    );
    assert_eq!(after.corrections, before.corrections);
}

/// One centre first, then all: what was frozen first stays what is shown of it.
#[tokio::test]
async fn a_period_of_a_centre_has_one_frozen_rate() {
    let store = Memory::rebuilt(Secret::new([9; 32]), ledger_text::read(super::past::LEDGER));
    let (store, agreements) = (store.unwrap(), super::agreements());
    let [one, other] = ["750000010", "130000011"].map(|text| Finess::parse(text).unwrap());
    let at = |day: u32| Timestamp::parse(&format!("2026-11-{day:02}T08:00:00Z")).unwrap();
    let mut positions = Vec::new();
    for (day, centres) in [(10, &[one][..]), (15, &[])] {
        close_for(&store, at(day), &agreements, (october(), centres)).await;
        positions.push(store.health().position.0);
    }
    let closings = store.closings().await.unwrap();
    assert_eq!(closings.len(), 2);
    let upto = store.health().position;
    for (centre, expected) in [(one, positions[0]), (other, positions[1])] {
        let found = all_of_centre(&store, &closings, centre, upto, BOUNDS).await;
        let found = found.unwrap().periods;
        let shown: Vec<_> = found.iter().map(|row| row.closing.position).collect();
        assert_eq!(shown, [expected], "{centre}");
    }
}

/// October was closed for all; a centre of November is shown its own periods, and none of before.
#[tokio::test]
async fn periods_in_which_nothing_bound_a_centre_are_left_out() {
    let (store, _) = closed_after(19).await;
    let agreements = super::agreements();
    let known = store.centres().await.unwrap();
    let [old, young] = ["750000010", "750000028"].map(|text| Finess::parse(text).unwrap());
    let registered = Centre {
        finess: young,
        from: Day::parse("2026-11-01").unwrap(),
        ..known[&old][0].clone()
    };
    let at = Timestamp::parse("2026-12-01T08:00:00Z").unwrap();
    let put = Command::Registry(vec![registered]);
    store.commit(at, put).await.unwrap();
    let october_alone = store.closings().await.unwrap();
    let upto = store.health().position;
    let none = all_of_centre(&store, &october_alone, young, upto, BOUNDS).await;
    assert!(matches!(none, Err(Error::UnknownCentre)), "{none:?}");
    let november = Period::month_of(Day::parse("2026-11-05").unwrap());
    close_for(&store, at, &agreements, (november, &[])).await;
    let (closings, upto) = (store.closings().await.unwrap(), store.health().position);
    for (centre, expected) in [(old, &["2026-10", "2026-11"][..]), (young, &["2026-11"])] {
        let found = all_of_centre(&store, &closings, centre, upto, BOUNDS).await;
        let found = found.unwrap();
        let names = found.periods.iter().map(|row| &*row.closing.period.name);
        assert_eq!(names.collect::<Vec<_>>(), expected, "{centre}");
        assert_eq!(found.ended, []);
    }
}

/// A day is declared after the closing, without any sheet: no count moves, and the verdict may.
#[tokio::test]
async fn what_moves_the_coverage_alone_is_a_correction() {
    let sixth = "2026-10-20T08:00:00Z received 8 750000010 FSE S 2026-10-06";
    let entries = ledger_text::read(&format!("{}    {sixth}\n", super::past::LEDGER));
    let store = Memory::rebuilt(Secret::new([9; 32]), entries).unwrap();
    let closed = Timestamp::parse("2026-11-01T08:00:00Z").unwrap();
    close(&store, closed, &super::agreements()).await;
    let declare = |day: &str| Command::Declare {
        centre: Finess::parse("750000010").unwrap(),
        day: Day::parse(day).unwrap(),
        caller: Name::parse("vendor").unwrap(),
        rows: Vec::new(),
    };
    let at = Timestamp::parse("2026-11-02T08:00:00Z").unwrap();
    // What is said twice changes nothing, nor what is said of a day without activity, or of another month.
    for day in ["2026-10-06", "2026-10-06", "2026-10-07", "2026-11-01"] {
        store.commit(at, declare(day)).await.unwrap();
    }
    let found = shown(&store, "750000010").await;
    assert_eq!(changes(&found), [("declaration", 0, 0)]);
    let (frozen, current) = (&found.frozen.counts, &found.current.counts);
    assert_eq!(frozen.denominator, current.denominator);
    let declared = |counts: &RateShape| counts.paper_coverage.declared_days;
    assert_eq!((declared(frozen), declared(current)), (1, 2));
}

/// A policy that was changed under its own id: the answers are told apart by its digest.
#[tokio::test]
async fn a_frozen_rate_names_the_policy_as_it_was() {
    let (store, _) = closed_after(19).await;
    let found = shown(&store, "750000010").await;
    let policies = super::agreements();
    let digest = |agreements: &Agreements| {
        let policy = agreements.get(&Name::parse(&found.frozen.agreement).unwrap());
        policy_digest(policy.unwrap()).to_string()
    };
    assert_eq!(found.frozen.policy, Some(digest(&policies)));
    assert_eq!(found.current.policy, found.frozen.policy);
    let changed = policies.all().cloned().map(|mut policy| {
        policy.counting.rejected = RejectedUnit::NotTransmitted;
        policy
    });
    let changed = Agreements::new(changed.collect()).unwrap();
    assert_ne!(found.frozen.policy, Some(digest(&changed)));
}
