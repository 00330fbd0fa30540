//! Ledgers as short texts: one entry a line, so that a reader can count along.
//!
//! `INSTANT VERB …`; `#` begins a comment. Verbs:
//! `centre FINESS CATEGORY AGREEMENT FROM [until=DAY]` · `received N FINESS KIND MODE DAY [deadline=DAY]
//! [care=DAY] [replaces=N] [excluded=WORD] [test]` · `sealed LOT N…` · `lot LOT EVENT` · `receipt LOT N± …` ·
//! `settled N OUTCOME` · `paper FINESS DAY SHEETS` · `cancelled N` · `by-hand N` · `on-paper N`.

use crate::claims::delivery::{Event, Form};
use crate::claims::document::{
    Cents, ClockBasis, Exclusion, Exclusions, Facts, Key, Kind, Mode, Purpose, ThirdParty,
};
use crate::claims::entry::{
    Delivery, Entry, PaperRow, Receipted, Received, Sealed, Settled, SettledContent, Stamped,
};
use crate::claims::id::{
    Amo, Destination, Digest, DocumentId, EndpointName, Finess, LotId, Name, Number,
};
use crate::claims::receipt::{Part, PartOutcome, Verdict};
use crate::claims::registry::{Category, Centre};
use crate::claims::terms::Region;
use crate::claims::time::{Day, Timestamp};

/// Reads a ledger.
pub(super) fn read(text: &str) -> Vec<Stamped> {
    let mut entries: Vec<Stamped> = Vec::new();
    for line in text.lines() {
        let line = line.split('#').next().unwrap().trim();
        if !line.is_empty() {
            let words: Vec<&str> = line.split_whitespace().collect();
            let entry = entry(&words[1..], &entries);
            let at = Timestamp::parse(words[0]).unwrap();
            entries.push(Stamped { at, entry });
        }
    }
    entries
}

fn entry(words: &[&str], before: &[Stamped]) -> Entry {
    let actor = name("operator");
    match words {
        ["centre", finess, category, agreement, from, rest @ ..] => Entry::Registered(Centre {
            finess: Finess::parse(finess).unwrap(),
            name: format!("Centre {finess}"),
            category: Category::parse(category).unwrap(),
            gestionnaire: name("750000028"),
            caisse: caisse(),
            region: Region::Metropole,
            agreement: name(agreement),
            from: day(from),
            until: option(rest, "until").map(day),
        }),
        ["received", number, centre, kind, mode, clock, rest @ ..] => Entry::Received(Box::new(
            received([number, centre, kind, mode, clock], rest, before),
        )),
        ["sealed", lot, documents @ ..] => Entry::Sealed(Box::new(Sealed {
            lot: lot_id(lot),
            centre: Finess::parse("750000010").unwrap(),
            destination: Destination::Amo(caisse()),
            endpoint: endpoint(),
            purpose: Purpose::Real,
            documents: documents.iter().map(|word| document(word)).collect(),
            digest: Digest([0; 32]),
            length: 100,
            due: Timestamp::default(),
            form: Form::Composed,
        })),
        ["lot", lot, event] => Entry::Delivery(Box::new(Delivery {
            lot: lot_id(lot),
            event: Event::ALL
                .into_iter()
                .find(|known| format!("{known:?}") == *event)
                .unwrap(),
            attempt: 1,
            next: None,
            named: Vec::new(),
            words: None,
        })),
        ["receipt", lot, verdicts @ ..] => Entry::Receipted(Box::new(Receipted {
            endpoint: endpoint(),
            id: name(&format!("r{}", before.len())),
            lot: lot_id(lot),
            issued: Timestamp::from_micros(before.len() as i64),
            verdicts: verdicts.iter().map(|word| verdict(word)).collect(),
            commitment: Digest([0; 32]),
            fingerprint: Digest([0; 32]),
        })),
        ["settled", number, outcome] => Entry::Settled(Box::new(Settled {
            endpoint: endpoint(),
            id: name(&format!("s{}", before.len())),
            document: document(number),
            issued: Timestamp::from_micros(before.len() as i64),
            content: SettledContent::Parts(vec![(Part::Amo, self::outcome(outcome), 1_000, None)]),
            commitment: Digest([0; 32]),
            fingerprint: Digest([0; 32]),
        })),
        ["paper", centre, of, sheets] => Entry::Declared {
            centre: Finess::parse(centre).unwrap(),
            day: day(of),
            caller: actor,
            rows: match sheets.parse().unwrap() {
                0 => Vec::new(),
                sheets => vec![PaperRow {
                    caisse: caisse(),
                    sheets,
                }],
            },
        },
        ["cancelled", number] => Entry::Cancelled {
            document: document(number),
            caller: actor,
        },
        ["by-hand", number] => Entry::ByHand {
            document: document(number),
            actor,
            evidence: Digest([0; 32]),
        },
        ["on-paper", number] => Entry::OnPaper {
            document: document(number),
            actor,
        },
        other => panic!("not a line of a ledger: {other:?}"),
    }
}

fn received(words: [&str; 5], rest: &[&str], before: &[Stamped]) -> Received {
    let [number, centre, kind, mode, clock] = words;
    let replaces = option(rest, "replaces").map(document);
    let root = replaces.map(|replaced| root_of(replaced, before));
    let exclusion = option(rest, "excluded").map(|word| {
        let known = Exclusion::ALL.into_iter();
        known.clone().find(|known| known.as_str() == word).unwrap()
    });
    Received {
        document: document(number),
        purpose: if rest.contains(&"test") {
            Purpose::Test
        } else {
            Purpose::Real
        },
        caller: name("vendor"),
        facts: Facts {
            key: Key {
                centre: Finess::parse(centre).unwrap(),
                kind: Kind::parse(kind).unwrap(),
                number: Number::parse(number).unwrap(),
            },
            mode: Mode::parse(mode).unwrap(),
            destination: Destination::Amo(caisse()),
            clock_day: day(clock),
            clock_basis: ClockBasis::Completed,
            care_day: day(option(rest, "care").unwrap_or(clock)),
            third_party_amo: ThirdParty::InsurerPays,
            third_party_amc: ThirdParty::InsurerPays,
            amount_amo: Cents(1_000),
            amount_amc: Cents(0),
            settled_for: None,
            exclusions: exclusion.map_or(Exclusions::NONE, |e| Exclusions::NONE.with(e)),
            replaces: None,
            supports: None,
        },
        root: root.unwrap_or(document(number)),
        replaces,
        supports: None,
        deadline: option(rest, "deadline").map(day),
        length: 100,
        commitment: Digest([0; 32]),
        fingerprint: Digest([0; 32]),
        warnings: Vec::new(),
    }
}

fn root_of(replaced: DocumentId, before: &[Stamped]) -> DocumentId {
    let root = before.iter().find_map(|stamped| match &stamped.entry {
        Entry::Received(received) if received.document == replaced => Some(received.root),
        _ => None,
    });
    root.unwrap()
}

fn verdict(word: &str) -> (DocumentId, Verdict, Option<Name>) {
    let (number, sign) = word.split_at(word.len() - 1);
    let verdict = match sign {
        "+" => Verdict::Accepted,
        "-" => Verdict::Refused,
        other => panic!("a verdict ends with + or -: {other}"),
    };
    (document(number), verdict, None)
}

fn outcome(word: &str) -> PartOutcome {
    let known = [
        PartOutcome::Paid,
        PartOutcome::Rejected,
        PartOutcome::Deferred,
    ];
    known
        .into_iter()
        .find(|known| known.as_str() == word)
        .unwrap()
}

fn option<'a>(words: &[&'a str], key: &str) -> Option<&'a str> {
    let mut pairs = words.iter().filter_map(|word| word.split_once('='));
    pairs
        .find(|(found, _)| *found == key)
        .map(|(_, value)| value)
}

fn document(word: &str) -> DocumentId {
    DocumentId(word.parse().unwrap())
}

fn lot_id(word: &str) -> LotId {
    LotId(word.parse().unwrap())
}

fn day(text: &str) -> Day {
    Day::parse(text).unwrap()
}

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn caisse() -> Amo {
    Amo::new("01", "751", "0000").unwrap()
}

fn endpoint() -> EndpointName {
    EndpointName::parse("paris").unwrap()
}
