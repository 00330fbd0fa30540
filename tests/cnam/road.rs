//! The gateway's side of a year as a real ledger: every document of `ours.csv` goes its whole road through a store,
//! day by day, as its real commands.
//!
//! Admitted, withdrawn or done by hand where it was; sealed, leased, taken; its receipt days later, and now and then
//! weeks later; refused ones replaced after that; settled after some more days. Each active day has its declaration,
//! each day its anchor, and some centres change category in mid-year.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::num::NonZeroU64;
use std::path::Path;
use std::time::Duration;

use bordereau::claims::delivery::{Event, Form};
use bordereau::claims::document::{
    Cents, ClockBasis, Exclusions, Facts, Key, Kind, Mode, Purpose, ReplacementReason, ThirdParty,
};
use bordereau::claims::entry::{Next, PaperRow, Reason, Sealed};
use bordereau::claims::id::{
    Amo, Destination, Digest, DocumentId, EndpointName, Finess, LotId, Name, Number,
};
use bordereau::claims::receipt::HeardOutcome;
use bordereau::claims::receipt::{
    Coverage, DocumentVerdict, Evidence, Item, Part, PartOutcome, PartSettlement, Receipt,
    Settlement, SettlementContent, Verdict,
};
use bordereau::claims::registry::{Category, Centre};
use bordereau::claims::standing::Standing;
use bordereau::claims::terms::{Region, Terms};
use bordereau::claims::time::{Day, Timestamp};
use bordereau::store::custody::Custody;
use bordereau::store::embedded::Embedded;
use bordereau::store::{
    Admission, Admitted, Body, Command, Conclusion, Heard, Lease, Outcome, Store, Unity,
};
use bytes::Bytes;
use futures_util::future::join_all;
use sha2::{Digest as _, Sha256};

use crate::generator::Dice;

/// Commands under way at once, so that they share syncs.
const TOGETHER: usize = 512;
/// Documents of one post, items of one collection, lots of one lease.
const MANY: usize = 200;
/// Caisses, each with an endpoint of its own: as many as the country has, fewer for a sample.
const CAISSES: u32 = 101;
/// Centres of a caisse at least.
const OF_A_CAISSE: u32 = 30;
/// Days on which something still happens to the documents of a day.
const AFTERWARDS: i32 = 60;

/// One unit of `ours.csv` on its way.
#[derive(Clone, Copy)]
struct Unit {
    centre: u32,
    number: Number,
    /// The number that was refused before.
    before: Option<Number>,
    mode: Mode,
    day: Day,
    /// Where it ends.
    standing: Standing,
}

/// A document that was posted: a unit's only one, the refused one, or its replacement.
#[derive(Clone, Copy)]
struct Posted {
    unit: Unit,
    id: DocumentId,
    /// Where this document ends.
    standing: Standing,
    /// It is refused first, and replaced then.
    is_replaced: bool,
}

/// What is posted on each day: a unit, and the number that it replaces where it was refused before.
type Posts = BTreeMap<Day, Vec<(Unit, Option<Number>)>>;

/// What the insurers still have to say, by the day on which they do, and by caisse.
#[derive(Default)]
struct Ahead {
    units: Posts,
    heard: BTreeMap<(Day, u32), Vec<Item>>,
}

/// A store and what is on its way through it.
struct Road<'a> {
    store: &'a Embedded,
    centres: Vec<Centre>,
    /// How many caisses there are.
    caisses: u32,
    ahead: Ahead,
    sheets: BTreeMap<(Day, u32), u32>,
    dice: Dice,
    now: Timestamp,
    last: u64,
}

/// How much went through.
#[derive(Debug, Default)]
pub struct Travelled {
    pub documents: u64,
    pub lots: u64,
    pub declarations: u64,
}

/// Puts the year of a directory into a store.
pub async fn travel(store: &Embedded, directory: &Path) -> Travelled {
    let (centres, days) = units(directory);
    let caisses = (centres.len() as u32 / OF_A_CAISSE).clamp(1, CAISSES);
    let numbered = centres.iter().zip(0..);
    let mut road = Road {
        store,
        sheets: sheets(directory, &centres),
        centres: numbered
            .map(|(finess, n)| centre(*finess, n, caisses))
            .collect(),
        caisses,
        ahead: Ahead {
            units: days,
            heard: BTreeMap::new(),
        },
        dice: Dice::new(7),
        now: at(first(), 5),
        last: 0,
    };
    let terms = Command::Terms(Terms::default());
    let registry = Command::Registry(road.centres.clone());
    road.commit(vec![terms, registry]).await;
    let mut travelled = Travelled::default();
    for offset in 0..365 + AFTERWARDS {
        road.day(first().plus_days(offset), &mut travelled).await;
    }
    assert!(road.ahead.units.is_empty() && road.ahead.heard.is_empty());
    travelled
}

/// The nth centre: 44 % médicaux and polyvalents, 42 % dentaires, 14 % infirmiers.
fn centre(finess: Finess, n: u32, caisses: u32) -> Centre {
    // Steps through all hundredths, so that a sample has every category.
    let category = match n * 37 % 100 {
        0..=29 => Category::Medical,
        30..=43 => Category::Polyvalent,
        44..=85 => Category::Dentaire,
        _ => Category::Infirmier,
    };
    Centre {
        finess,
        name: format!("Centre {n}"),
        category,
        gestionnaire: name(&format!("G{}", n % 500)),
        caisse: caisse(n % caisses),
        region: Region::Metropole,
        agreement: name("national-2025"),
        from: Day::new(2020, 1, 1).expect("a day"),
        until: None,
    }
}

impl Road<'_> {
    /// One day of everybody.
    async fn day(&mut self, day: Day, travelled: &mut Travelled) {
        self.now = at(day, 5);
        let mut morning = self.heard(day);
        if day == Day::new(2026, 7, 1).expect("a day") {
            morning.push(self.changed_categories(day));
        }
        if !morning.is_empty() {
            let end = self.store.end().await.expect("the store answers");
            self.commit(vec![Command::Anchor {
                end,
                apart: NonZeroU64::MAX,
            }])
            .await;
        }
        self.commit(morning).await;
        let posted = self.post(day).await;
        self.now = at(day, 18);
        let (declared, sealed) = (self.declarations(day, &posted), self.lots(day, &posted));
        travelled.documents += posted.len() as u64;
        travelled.declarations += declared.len() as u64;
        travelled.lots += sealed.len() as u64;
        let mut evening = withdrawals(&posted);
        evening.extend(declared);
        evening.extend(sealed);
        self.commit(evening).await;
        let caisses = posted.iter().map(|one| one.unit.centre % self.caisses);
        for n in caisses.collect::<BTreeSet<u32>>() {
            self.deliver(n).await;
        }
    }

    /// Each fortieth centre becomes polyvalent.
    fn changed_categories(&self, day: Day) -> Command {
        let changed = self.centres.iter().step_by(40).map(|centre| Centre {
            category: Category::Polyvalent,
            from: day,
            ..centre.clone()
        });
        Command::Registry(changed.collect())
    }

    /// What insurers say on a day.
    fn heard(&mut self, day: Day) -> Vec<Command> {
        let mut commands = Vec::new();
        let later = self.ahead.heard.split_off(&(day.plus_days(1), 0));
        for ((_, n), items) in std::mem::replace(&mut self.ahead.heard, later) {
            for some in items.chunks(MANY) {
                commands.push(Command::Receipts {
                    formerly: Vec::new(),
                    endpoint: endpoint(n),
                    purpose: Purpose::Real,
                    destinations: vec![Destination::Amo(caisse(n))],
                    items: some.iter().cloned().map(heard).collect(),
                    cursor: None,
                });
            }
        }
        commands
    }

    async fn post(&mut self, day: Day) -> Vec<Posted> {
        let units = self.ahead.units.remove(&day).unwrap_or_default();
        let mut posted = Vec::with_capacity(units.len());
        for (unit, replaces) in units {
            let is_replaced = unit.before.is_some() && replaces.is_none();
            posted.push(Posted {
                unit,
                id: self.fresh(),
                standing: if is_replaced {
                    Standing::Refused
                } else {
                    unit.standing
                },
                is_replaced,
            });
        }
        let caller = name("vendor");
        let commands = posted.chunks(MANY).map(|some| Command::Admit {
            caller: caller.clone(),
            documents: some.iter().map(|one| self.admission(one)).collect(),
            unity: Unity::Each,
        });
        self.commit(commands.collect()).await;
        posted
    }

    fn admission(&self, posted: &Posted) -> Admission {
        let unit = posted.unit;
        let centre = &self.centres[unit.centre as usize];
        let number = match unit.before {
            Some(before) if posted.is_replaced => before,
            Some(_) | None => unit.number,
        };
        let body = Bytes::from(format!(
            "<fse centre=\"{}\" numero=\"{number}\"/>",
            centre.finess
        ));
        let replaces = unit.before.filter(|_| !posted.is_replaced);
        Admission {
            document: posted.id,
            purpose: Purpose::Real,
            facts: Facts {
                key: Key {
                    centre: centre.finess,
                    kind: Kind::Fse,
                    number,
                },
                mode: unit.mode,
                destination: Destination::Amo(centre.caisse),
                clock_day: unit.day,
                clock_basis: ClockBasis::Completed,
                care_day: unit.day,
                third_party_amo: ThirdParty::PatientPaid,
                third_party_amc: ThirdParty::PatientPaid,
                amount_amo: Cents(1750),
                amount_amc: Cents(0),
                settled_for: None,
                exclusions: Exclusions::NONE,
                replaces: replaces.map(|before| (Kind::Fse, before, ReplacementReason::Refused)),
                supports: None,
            },
            digest: Digest(Sha256::digest(&body).into()),
            body: Body {
                bytes: body,
                salt: posted.id.0.to_be_bytes(),
            },
            warnings: Vec::new(),
        }
    }

    /// Of each centre that did something on a day, its sheets of that day.
    fn declarations(&mut self, day: Day, posted: &[Posted]) -> Vec<Command> {
        let mut sheets: BTreeMap<u32, u32> = BTreeMap::new();
        for one in posted.iter().filter(|one| one.unit.day == day) {
            sheets.entry(one.unit.centre).or_default();
        }
        let later = self.sheets.split_off(&(day.plus_days(1), 0));
        for ((_, centre), count) in std::mem::replace(&mut self.sheets, later) {
            *sheets.entry(centre).or_default() = count;
        }
        let commands = sheets.into_iter().map(|(n, count)| {
            let centre = &self.centres[n as usize];
            let rows = (count > 0).then_some(PaperRow {
                caisse: centre.caisse,
                sheets: count,
            });
            Command::Declare {
                centre: centre.finess,
                day,
                caller: name("vendor"),
                rows: rows.into_iter().collect(),
            }
        });
        commands.collect()
    }

    /// What was posted, sealed by centre; what insurers will say of it is known then.
    fn lots(&mut self, day: Day, posted: &[Posted]) -> Vec<Command> {
        let mut lots: BTreeMap<u32, Vec<&Posted>> = BTreeMap::new();
        let leaves = |standing| !matches!(standing, Standing::Cancelled | Standing::ByHand);
        for one in posted.iter().filter(|one| leaves(one.standing)) {
            lots.entry(one.unit.centre).or_default().push(one);
        }
        let mut seals = Vec::with_capacity(lots.len());
        for (n, documents) in &lots {
            let lot = LotId(self.fresh().0);
            seals.push(Command::Seal(self.sealed(lot, *n, documents)));
            self.foresee(day, lot, n % self.caisses, documents);
        }
        seals
    }

    fn sealed(&self, lot: LotId, n: u32, documents: &[&Posted]) -> Sealed {
        let centre = &self.centres[n as usize];
        Sealed {
            lot,
            centre: centre.finess,
            destination: Destination::Amo(centre.caisse),
            endpoint: endpoint(n % self.caisses),
            purpose: Purpose::Real,
            documents: documents.iter().map(|one| one.id).collect(),
            digest: Digest([1; 32]),
            length: 100 * documents.len() as u64,
            due: self.now,
            form: Form::Composed,
        }
    }

    async fn deliver(&mut self, n: u32) {
        loop {
            let lease = Lease {
                endpoint: endpoint(n),
                until: self.now + Duration::from_secs(60),
                most: MANY,
            };
            let leased = self.store.lease_due(self.now, lease).await.expect("leases");
            if leased.is_empty() {
                return;
            }
            let next = Next {
                at: self.now + Duration::from_secs(86_400),
                reason: Reason::Receipt,
            };
            let conclusions = leased.into_iter().map(|leased| {
                Command::Conclude(Conclusion {
                    lot: leased.lot.sealed.lot,
                    attempt: leased.attempt,
                    asked: None,
                    event: Event::Taken,
                    next,
                    named: Vec::new(),
                    words: None,
                })
            });
            self.commit(conclusions.collect()).await;
        }
    }

    /// What the insurer will say of a lot, and when; and what the centre does then.
    fn foresee(&mut self, day: Day, lot: LotId, n: u32, documents: &[&Posted]) {
        let late = self.dice.once_in_a_thousand(30);
        let answers = day.plus_days(if late {
            20
        } else {
            1 + self.dice.below(3) as i32
        });
        let verdict = |standing| match standing {
            Standing::InLot => None,
            Standing::Refused => Some(Verdict::Refused),
            _ => Some(Verdict::Accepted),
        };
        let verdicts = documents.iter().filter_map(|one| {
            Some(DocumentVerdict {
                document: one.id,
                verdict: verdict(one.standing)?,
                code: None,
                text: None,
            })
        });
        let verdicts: Vec<DocumentVerdict> = verdicts.collect();
        let accepted = verdicts
            .iter()
            .filter(|one| one.verdict == Verdict::Accepted);
        let is_whole = accepted.count() == documents.len();
        let id = self.fresh().0;
        let said = self.ahead.heard.entry((answers, n)).or_default();
        if !verdicts.is_empty() {
            said.push(Item::Receipt(Receipt {
                id: name(&format!("ARL{id:032X}")),
                lot,
                digest: Digest([1; 32]),
                issued: at(answers, 1),
                verdict: Verdict::Accepted,
                coverage: if is_whole {
                    Coverage::Whole
                } else {
                    Coverage::Listed
                },
                documents: if is_whole { Vec::new() } else { verdicts },
                code: None,
                text: None,
            }));
        }
        for one in documents {
            self.settle(answers, n, one);
            if one.is_replaced {
                let tomorrow = self.ahead.units.entry(answers.plus_days(1)).or_default();
                tomorrow.push((one.unit, one.unit.before));
            }
        }
    }

    fn settle(&mut self, answered: Day, n: u32, one: &Posted) {
        let outcome = match one.standing {
            Standing::Paid => PartOutcome::Paid,
            Standing::Rejected => PartOutcome::Rejected,
            _ => return,
        };
        let day = answered.plus_days(2 + self.dice.below(18) as i32);
        let said = self.ahead.heard.entry((day, n)).or_default();
        said.push(Item::Settlement(Settlement {
            id: name(&format!("RSP{:032X}", one.id.0)),
            document: one.id,
            issued: at(day, 1),
            content: SettlementContent::Parts(vec![PartSettlement {
                part: Part::Amo,
                outcome,
                amount: Cents(1750),
                code: None,
                text: None,
            }]),
        }));
    }

    /// An id as of one that comes a tenth of a millisecond after the one before it.
    fn fresh(&mut self) -> DocumentId {
        self.last += 1;
        let milliseconds = self.now.micros() / 1000;
        DocumentId((milliseconds as u128) << 80 | 7 << 76 | u128::from(self.last))
    }

    async fn commit(&self, commands: Vec<Command>) {
        let mut commands = commands.into_iter().peekable();
        while commands.peek().is_some() {
            let some = commands.by_ref().take(TOGETHER);
            let some = some.map(|command| self.store.commit(self.now, command));
            for outcome in join_all(some).await {
                expected(&outcome.expect("the store commits"));
            }
        }
    }
}

/// Nothing on this road is refused, known before, or an orphan.
fn expected(outcome: &Outcome) {
    let is_expected = match outcome {
        Outcome::Done(_) => true,
        Outcome::Admitted(rows) => rows
            .iter()
            .all(|row| matches!(row, Admitted::Received { .. })),
        Outcome::Heard(rows) => rows.iter().all(|row| *row == HeardOutcome::Recorded),
        Outcome::Leased(_) | Outcome::LookedAt(_) | Outcome::Conflict(_) => false,
    };
    assert!(is_expected, "{outcome:?}");
}

/// What never leaves through the gateway: cancelled, or done by hand.
fn withdrawals(posted: &[Posted]) -> Vec<Command> {
    let command = |posted: &Posted| match posted.standing {
        Standing::Cancelled => Some(Command::Cancel {
            document: posted.id,
            caller: name("vendor"),
        }),
        Standing::ByHand => Some(Command::Hand {
            document: posted.id,
            actor: name("operator"),
            evidence: Body {
                bytes: Bytes::from_static(b"fax of the day"),
                salt: [5; 16],
            },
        }),
        _ => None,
    };
    posted.iter().filter_map(command).collect()
}

/// The centres, and their units by day.
fn units(directory: &Path) -> (Vec<Finess>, Posts) {
    let text = fs::read_to_string(directory.join("ours.csv")).expect("a file");
    let rows = || text.lines().skip(1).map(|row| row.split(','));
    let finess = |text: &str| Finess::parse(text).expect("a FINESS");
    let centres = rows().map(|mut cells| finess(cells.next().expect("a centre")));
    let centres: Vec<Finess> = centres.collect::<BTreeSet<Finess>>().into_iter().collect();
    let mut days = Posts::new();
    for cells in rows() {
        let cells: Vec<&str> = cells.collect();
        let mut numbers = cells[2].split(' ').rev();
        let mut number = || {
            let text = numbers.next()?;
            Some(Number::parse(text).expect("a number"))
        };
        let standings = Standing::ALL.into_iter();
        let standing = standings.clone().find(|it| it.as_str() == cells[5]);
        let unit = Unit {
            centre: centres.binary_search(&finess(cells[0])).expect("known") as u32,
            number: number().expect("each has a number"),
            before: number(),
            mode: Mode::parse(cells[3]).expect("a mode"),
            day: Day::parse(cells[4]).expect("a day"),
            standing: standing.expect("a standing"),
        };
        days.entry(unit.day).or_default().push((unit, None));
    }
    (centres, days)
}

fn sheets(directory: &Path, centres: &[Finess]) -> BTreeMap<(Day, u32), u32> {
    let text = fs::read_to_string(directory.join("paper.csv")).expect("a file");
    let row = |row: &str| {
        let cells: Vec<&str> = row.split(',').collect();
        let finess = Finess::parse(cells[0]).expect("a FINESS");
        let centre = centres.binary_search(&finess).ok()? as u32;
        let day = Day::parse(cells[1]).expect("a day");
        Some(((day, centre), cells[2].parse().expect("sheets")))
    };
    text.lines().skip(1).filter_map(row).collect()
}

fn heard(item: Item) -> Heard {
    let id = match &item {
        Item::Receipt(receipt) => receipt.id.clone(),
        Item::Settlement(settlement) => settlement.id.clone(),
    };
    Heard {
        evidence: Evidence::Item(item),
        body: Body {
            bytes: Bytes::from(format!("<item id=\"{id}\"/>")),
            salt: [3; 16],
        },
    }
}

fn first() -> Day {
    Day::new(2026, 1, 1).expect("a day")
}

/// An hour of UTC on a day.
fn at(day: Day, hour: u32) -> Timestamp {
    Timestamp::parse(&format!("{day}T{hour:02}:00:00Z")).expect("an instant")
}

fn caisse(n: u32) -> Amo {
    Amo::new("01", &format!("{:03}", 100 + n), "0000").expect("a caisse")
}

fn endpoint(n: u32) -> EndpointName {
    EndpointName::parse(&format!("caisse-{n}")).expect("a name")
}

fn name(text: &str) -> Name {
    Name::parse(text).expect("a name")
}
