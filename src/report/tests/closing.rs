//! A closed period: frozen for good, with every later fact as a correction that adds up.

use super::ledger_text;
use crate::claims::agreement::Agreements;
use crate::claims::entry::Position;
use crate::claims::id::{Finess, Name};
use crate::claims::period::Period;
use crate::claims::registry::{Category, Centre};
use crate::claims::time::{Day, Timestamp};
use crate::report::closing::{ClosedPeriod, of_centre};
use crate::report::past::Bounds;
use crate::report::snapshot::Snapshot;
use crate::store::ledger::Secret;
use crate::store::memory::Memory;
use crate::store::{BodyId, Command, Outcome, Store, TallyQuery};

const BOUNDS: Bounds = Bounds {
    page: 3,
    documents: 1_000,
};

fn october() -> Period {
    Period::month_of(Day::parse("2026-10-05").unwrap())
}

async fn close(store: &Memory, at: Timestamp, policies: &Agreements) -> Outcome {
    let command = Command::Close {
        period: october(),
        centres: Vec::new(),
        actor: Name::parse("operator").unwrap(),
        policies: policies.all().cloned().collect(),
        reason: "the month is over".into(),
        salt: [1; 16],
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
            let sum = |of: fn(&crate::report::closing::Correction) -> i64| {
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
    let rows: Vec<_> = found
        .corrections
        .iter()
        .map(|row| (row.cause, row.numerator, row.denominator))
        .collect();
    assert_eq!(rows, [("declaration", 0, 1)]);
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
