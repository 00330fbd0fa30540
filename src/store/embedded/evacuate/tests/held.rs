//! A legal hold on a centre: what it did on these days is kept, of it and of no other.

use crate::claims::id::Finess;
use crate::claims::registry::Centre;
use crate::store::Unity;

use super::*;

/// Of the other centre, or of another day: none is on the hold.
const BESIDE: [u128; 2] = [1_000, 1_001];

fn other() -> Finess {
    Finess::parse("750000010").unwrap()
}

async fn cancel(store: &Embedded, document: DocumentId) {
    let caller = name("vendor");
    let cancelled = commit(store, Command::Cancel { document, caller }).await;
    assert!(matches!(cancelled, Outcome::Done(_)), "{cancelled:?}");
}

#[tokio::test]
async fn a_hold_on_a_centre_keeps_what_it_did_on_its_days_and_no_other_body() {
    let (_directory, store) = sixty(Arc::new(Unobserved)).await;
    let registered = Centre {
        finess: other(),
        ..example::centre()
    };
    commit(&store, Command::Registry(vec![registered])).await;
    let mut elsewhere = contract::admission(BESIDE[0], 1_000, Bytes::from_static(b"elsewhere"));
    elsewhere.facts.key.centre = other();
    let mut before = contract::admission(BESIDE[1], 1_001, Bytes::from_static(b"a day before"));
    let care_day = Day::new(2026, 11, 19).unwrap();
    before.facts.care_day = care_day;
    let rows = contract::admit(&*store, vec![elsewhere, before], Unity::Each).await;
    assert_eq!(rows.unwrap().len(), 2);
    for document in BESIDE {
        cancel(&store, DocumentId(document)).await;
    }
    let day = example::facts(crate::claims::document::Kind::Fse, "000000001").care_day;
    assert!(care_day < day);
    let place = Command::PlaceLegalHold {
        on: OnHold::Centre {
            centre: example::centre().finess,
            from: day,
            to: day,
        },
        review: Day::new(2027, 11, 20).unwrap(),
        actor: name("ops"),
    };
    let placed = commit(&store, place).await;
    assert!(matches!(placed, Outcome::Done(_)), "{placed:?}");
    // So that what is on it is not in the segment that is written to.
    fill(&store, DOCUMENTS..DOCUMENTS + 60).await;
    let before = contract::picture(&*store).await;
    assert!(!evacuate(&store, later(151)).await.is_empty());
    for number in 0..DOCUMENTS {
        assert!(
            store.body(body(number)).await.unwrap().is_some(),
            "{number}"
        );
    }
    for document in BESIDE {
        let beside = BodyId::Document(DocumentId(document));
        assert!(store.body(beside).await.unwrap().is_none(), "{document}");
    }
    let after = contract::picture(&*store).await;
    assert_eq!(after.documents, before.documents);
    assert_eq!(after.tallies.units, before.tallies.units);

    // Lifted, what is finished has its own time again.
    let holds = store.legal_holds().await.unwrap();
    let of_centre = |on: &OnHold| match on {
        OnHold::Centre { .. } => true,
        OnHold::Document(_) => false,
    };
    let hold = holds.iter().find(|hold| of_centre(&hold.hold.on)).unwrap();
    let lift = Command::LiftLegalHold {
        hold: hold.position,
        actor: name("ops"),
    };
    store.commit(later(160), lift).await.unwrap();
    fill(&store, DOCUMENTS + 60..DOCUMENTS + 120).await;
    assert!(!evacuate(&store, later(191)).await.is_empty());
    for number in 0..DOCUMENTS {
        let kept = !is_past(number) || number == HELD;
        let is = store.body(body(number)).await.unwrap();
        assert_eq!(is.is_some(), kept, "{number}");
    }
}
