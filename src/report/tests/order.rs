//! Whatever the order in which receipts and settlements arrive between two commands, repeats included, the tallies are
//! those of the same facts in order of issue; and the three counts agree on them.

use proptest::prelude::*;

use super::ledger_text;
use crate::claims::document::{Cents, Purpose};
use crate::claims::entry::PaperRow;
use crate::claims::id::{Amo, Destination, Digest, DocumentId, EndpointName, Finess, LotId, Name};
use crate::claims::receipt::{
    Coverage, DocumentVerdict, Evidence, Item, Part, PartOutcome, PartSettlement, Receipt,
    Settlement, SettlementContent, Verdict,
};
use crate::claims::standing::Standing;
use crate::claims::tally::DayBasis;
use crate::claims::time::{Day, Timestamp};
use crate::report::count::conservation::Conservation;
use crate::store::ledger::Secret;
use crate::store::memory::Memory;
use crate::store::{Body, Command, Heard, Store, Tallies, TallyQuery};

/// Two lots under way, one of which the insurer has answered; a document that went on paper, one that was never sealed,
/// and one that replaces another.
const LEDGER: &str = "
    2026-10-05T08:00:00Z centre 750000010 medical confirmed 2020-01-01
    2026-10-05T08:00:00Z received 1 750000010 FSE S 2026-10-05 deadline=2026-10-15
    2026-10-05T08:00:00Z received 2 750000010 FSE D 2026-10-05 deadline=2026-10-15
    2026-10-05T08:00:00Z received 3 750000010 FSE F 2026-10-04 deadline=2026-10-05
    2026-10-05T08:00:00Z received 4 750000010 FSE S 2026-10-06 deadline=2026-10-15
    2026-10-05T08:00:00Z received 5 750000010 FSE S 2026-10-06 deadline=2026-10-15
    2026-10-05T08:00:00Z received 6 750000010 FSE S 2026-10-06
    2026-10-05T08:00:00Z sealed 7 5
    2026-10-05T08:00:00Z lot 7 Leased
    2026-10-05T08:30:00Z receipt 7 5-
    2026-10-05T08:40:00Z received 8 750000010 FSE S 2026-10-07 replaces=5
    2026-10-06T09:00:00Z sealed 9 1 2 3
    2026-10-06T09:00:00Z lot 9 Leased
    2026-10-06T09:10:00Z lot 9 Taken
    2026-10-06T09:20:00Z on-paper 3
    2026-10-06T09:30:00Z sealed 10 4 8
    2026-10-06T09:30:00Z lot 10 Leased
";

const LOTS: [(u128, &[u128]); 2] = [(9, &[1, 2, 3]), (10, &[4, 8])];

/// A fact as an insurer issues it.
#[derive(Clone, Debug)]
struct Fact {
    /// The insurer's id.
    id: String,
    /// Minutes after noon.
    issued: i64,
    says: Says,
}

#[derive(Clone, Debug)]
enum Says {
    /// Of a whole lot, or of some of its documents.
    Receipt(usize, Verdict, Vec<Verdict>),
    Settlement(usize, PartOutcome),
}

fn facts() -> impl Strategy<Value = Vec<Fact>> {
    let verdict = || prop_oneof![2 => Just(Verdict::Accepted), 1 => Just(Verdict::Refused)];
    let outcome = prop_oneof![
        Just(PartOutcome::Paid),
        Just(PartOutcome::Rejected),
        Just(PartOutcome::Deferred)
    ];
    let receipt = (
        0..2_usize,
        verdict(),
        prop::collection::vec(verdict(), 0..3),
    );
    let says = prop_oneof![
        receipt.prop_map(|(lot, whole, listed)| Says::Receipt(lot, whole, listed)),
        (0..5_usize, outcome).prop_map(|(document, outcome)| Says::Settlement(document, outcome)),
    ];
    let fact = (0..6_i64, says).prop_map(|(issued, says)| Fact {
        id: String::new(),
        issued,
        says,
    });
    prop::collection::vec(fact, 0..7)
}

/// Facts in order of issue, and the same in another order with some of them again.
fn facts_twice(group: &'static str) -> impl Strategy<Value = (Vec<Fact>, Vec<Fact>)> {
    facts().prop_flat_map(move |facts| {
        let named = (0..).zip(facts).map(|(number, fact): (usize, Fact)| Fact {
            id: format!("{group}{number}"),
            ..fact
        });
        let mut facts: Vec<Fact> = named.collect();
        facts.sort_by_key(|fact| (fact.issued, fact.id.clone()));
        let arriving = prop::sample::subsequence(facts.clone(), 0..=facts.len());
        let arriving = arriving.prop_map({
            let facts = facts.clone();
            move |again| [facts.clone(), again].concat()
        });
        (Just(facts), arriving.prop_shuffle())
    })
}

fn item(fact: &Fact) -> Item {
    let noon = Timestamp::parse("2026-10-06T12:00:00Z").unwrap();
    let issued = noon + std::time::Duration::from_secs(60 * fact.issued.unsigned_abs());
    let id = Name::parse(&fact.id).unwrap();
    match &fact.says {
        Says::Receipt(lot, verdict, listed) => {
            let (lot, documents) = LOTS[*lot];
            let verdicts = documents.iter().zip(listed);
            Item::Receipt(Receipt {
                id,
                lot: LotId(lot),
                digest: Digest([0; 32]),
                issued,
                verdict: *verdict,
                coverage: match listed.is_empty() {
                    true => Coverage::Whole,
                    false => Coverage::Listed,
                },
                documents: verdicts
                    .map(|(document, verdict)| DocumentVerdict {
                        document: DocumentId(*document),
                        verdict: *verdict,
                        code: None,
                        text: None,
                    })
                    .collect(),
                code: None,
                text: None,
            })
        }
        Says::Settlement(document, outcome) => Item::Settlement(Settlement {
            id,
            document: DocumentId([1, 2, 3, 4, 8][*document]),
            issued,
            content: SettlementContent::Parts(vec![PartSettlement {
                part: Part::Amo,
                outcome: *outcome,
                amount: Cents(1_000),
                code: None,
                text: None,
            }]),
        }),
    }
}

/// What is commanded between the two groups of facts.
fn command(which: u8) -> Command {
    let cancel = |document| Command::Cancel {
        document: DocumentId(document),
        caller: Name::parse("vendor").unwrap(),
    };
    match which {
        0 => cancel(6),
        1 => cancel(4),
        2 => cancel(1),
        _ => Command::Declare {
            centre: Finess::parse("750000010").unwrap(),
            day: Day::parse("2026-10-06").unwrap(),
            caller: Name::parse("vendor").unwrap(),
            rows: vec![PaperRow {
                caisse: caisse(),
                sheets: 3,
            }],
        },
    }
}

fn caisse() -> Amo {
    Amo::new("01", "751", "0000").unwrap()
}

async fn hear(store: &Memory, facts: &[Fact]) {
    let at = Timestamp::parse("2026-10-08T08:00:00Z").unwrap();
    for fact in facts {
        let item = item(fact);
        let heard = Heard {
            body: Body {
                bytes: item.canonical().into(),
                salt: [3; 16],
            },
            evidence: Evidence::Item(item),
        };
        let command = Command::Receipts {
            formerly: Vec::new(),
            endpoint: EndpointName::parse("paris").unwrap(),
            purpose: Purpose::Real,
            destinations: vec![Destination::Amo(caisse())],
            items: vec![heard],
            cursor: None,
        };
        store.commit(at, command).await.unwrap();
    }
}

/// The tallies after facts, a command, and more facts; the three counts must agree on them.
async fn tallies(first: &[Fact], which: u8, second: &[Fact]) -> Tallies {
    let entries = ledger_text::read(LEDGER);
    let store = Memory::rebuilt(Secret::new([9; 32]), entries).unwrap();
    hear(&store, first).await;
    let at = Timestamp::parse("2026-10-08T08:00:00Z").unwrap();
    store.commit(at, command(which)).await.unwrap();
    hear(&store, second).await;
    let found = store.tallies(TallyQuery::everything()).await.unwrap();
    let mut conservation = Conservation::new(std::sync::Arc::new(store), 100, 9);
    let account = conservation.account().await.unwrap();
    assert!(account.holds, "{:?}", account.differences);
    found
}

/// The facts of the property are evidence and move what is counted; were they orphans, no order could matter.
#[tokio::test]
async fn what_is_heard_moves_the_tallies() {
    let fact = |id: &str, issued, says| Fact {
        id: id.into(),
        issued,
        says,
    };
    let first = [
        fact("a0", 0, Says::Receipt(0, Verdict::Accepted, Vec::new())),
        fact(
            "a1",
            1,
            Says::Receipt(1, Verdict::Refused, vec![Verdict::Refused]),
        ),
    ];
    let second = [fact("b0", 2, Says::Settlement(0, PartOutcome::Paid))];
    let units = tallies(&first, 0, &second).await.units;
    let clock = units
        .iter()
        .filter(|(cell, _)| cell.basis == DayBasis::Clock);
    let mut standings: Vec<(Standing, i64)> = clock
        .map(|(cell, number)| (cell.standing, *number))
        .collect();
    standings.sort_unstable();
    let mut expected = vec![
        (Standing::Paid, 1),
        (Standing::Acknowledged, 1),
        (Standing::OnPaper, 1),
        (Standing::Refused, 1),
        (Standing::InLot, 1),
        (Standing::Cancelled, 1),
    ];
    expected.sort_unstable();
    assert_eq!(standings, expected);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn the_order_of_arrival_changes_no_tally(
        (first, first_arriving) in facts_twice("a"),
        which in 0..4_u8,
        (second, second_arriving) in facts_twice("b"),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (ordered, arrived) = runtime.block_on(async {
            let ordered = tallies(&first, which, &second).await;
            (ordered, tallies(&first_arriving, which, &second_arriving).await)
        });
        prop_assert_eq!(ordered.units, arrived.units);
        prop_assert_eq!(ordered.paper, arrived.paper);
    }
}
