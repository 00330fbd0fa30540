//! The evidence of a document: what is in it for whom, and that nothing of it can be left out, put in or edited without
//! the check of it seeing that.

use std::collections::BTreeMap;
use std::num::NonZeroU64;

use serde_json::{Value, json};

use super::house::{Door, House, admission, facts};
use crate::claims::custody::Anchor;
use crate::claims::delivery::Event;
use crate::claims::document::Kind;
use crate::claims::entry::{Position, Reason};
use crate::claims::id::DocumentId;
use crate::claims::receipt::{PartOutcome, Verdict};
use crate::clock::Clock;
use crate::desk::Config;
use crate::formats::tar;
use crate::report::evidence::{self, Bodies, Kept};
use crate::store::custody::Custody;
use crate::store::{Command, Find, Store};

/// Anchors the present end.
async fn anchored(house: &House) -> Anchor {
    let end = house.store.end().await.unwrap();
    let apart = NonZeroU64::MIN;
    house.commit(Command::Anchor { end, apart }).await;
    end
}

/// A bundle of document 1 as its operator gets it at the machine: it went with document 2, was refused, and paid.
async fn whole() -> Bundle {
    let house = House::new().await;
    anchored(&house).await;
    for number in [1, 2] {
        let facts = facts(Kind::Fse, &(100 + number).to_string());
        house.admit(admission(number, facts)).await;
    }
    house.seal_both().await;
    house.attempt(Event::Taken, Reason::Receipt).await;
    // What comes after lies in a window of its own.
    for _ in 0..3 {
        anchored(&house).await;
    }
    house.receipt(Verdict::Refused).await;
    house.settle(PartOutcome::Paid).await;
    Bundle::read(&bundle(&house, 1).await)
}

/// That of a document, as its operator gets it at the machine.
async fn bundle(house: &House, number: u128) -> Vec<u8> {
    let find = Find::Id(DocumentId(number));
    let view = house.store.document(find).await.unwrap().unwrap();
    let (store, now) = (&*house.store, house.clock.now());
    let bundle = evidence::bundle(store, store, &view, Bodies::Included, now, 1 << 20);
    bundle.await.unwrap()
}

#[tokio::test]
async fn what_an_insurer_wrote_of_others_alone_is_not_handed_on() {
    let house = House::new().await;
    for number in [1, 2] {
        let facts = facts(Kind::Fse, &(100 + number).to_string());
        house.admit(admission(number, facts)).await;
    }
    house.seal_both().await;
    house.attempt(Event::Taken, Reason::Receipt).await;
    house.receipt_for_one().await;
    let kept = async |number| {
        let proven = evidence::verify(&bundle(&house, number).await).unwrap();
        let receipts = proven.history.iter();
        let receipts = receipts.filter(|spoken| spoken.what.starts_with("receipt"));
        let receipts = receipts.map(|spoken| (spoken.what.clone(), spoken.body));
        receipts.collect::<Vec<_>>()
    };
    let own = ("receipt: refused".to_owned(), Some(Kept::Here));
    assert_eq!(kept(1).await, [own]);
    let others = (
        "receipt for others of its lot".to_owned(),
        Some(Kept::LeftOut),
    );
    assert_eq!(kept(2).await, [others]);
}

/// The files of a bundle.
#[derive(Clone)]
struct Bundle(BTreeMap<String, Vec<u8>>);

impl Bundle {
    fn read(bytes: &[u8]) -> Bundle {
        let files = tar::read(bytes).unwrap().into_iter();
        Bundle(
            files
                .map(|(name, bytes)| (name.to_owned(), bytes.to_vec()))
                .collect(),
        )
    }

    fn written(&self) -> Vec<u8> {
        let mut writer = tar::Writer::default();
        for (name, bytes) in &self.0 {
            writer.add(name, 0, bytes);
        }
        writer.finish()
    }

    fn verify(&self) -> Result<evidence::Proven, String> {
        evidence::verify(&self.written())
    }

    fn manifest(&self) -> Value {
        serde_json::from_slice(&self.0["document.json"]).unwrap()
    }

    fn say(&mut self, edit: impl FnOnce(&mut Value)) {
        let mut manifest = self.manifest();
        edit(&mut manifest);
        self.0
            .insert("document.json".into(), manifest.to_string().into());
    }

    fn remove(&mut self, within: &str) {
        self.0.retain(|name, _| !name.contains(within));
    }

    /// Every number one further, wherever it stands.
    fn renumber(&mut self, shift: impl Fn(u64) -> u64) {
        let files = std::mem::take(&mut self.0).into_iter();
        let renamed = files.map(|(name, bytes)| {
            let parts = name.split('/').map(|part| match part.parse::<u64>() {
                Ok(number) => format!("{:020}", shift(number)),
                Err(_) => part.to_owned(),
            });
            (parts.collect::<Vec<_>>().join("/"), bytes)
        });
        self.0 = renamed.collect();
        self.say(|manifest| shift_all(manifest, &shift));
    }
}

fn shift_all(value: &mut Value, shift: &impl Fn(u64) -> u64) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(|value| shift_all(value, shift)),
        Value::Object(values) => {
            for (key, value) in values {
                let text = value.as_str().and_then(|text| text.parse().ok());
                match (key.as_str(), text) {
                    ("version", _) => {}
                    ("name", Some(number)) => *value = json!(format!("{:020}", shift(number))),
                    _ => shift_all(value, shift),
                }
            }
        }
        Value::Number(number) => *value = json!(shift(number.as_u64().unwrap())),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

fn list<'a>(manifest: &'a mut Value, key: &str) -> &'a mut Vec<Value> {
    manifest[key].as_array_mut().unwrap()
}

fn of_entry(entry: u64) -> impl Fn(&Value) -> bool {
    move |value| value.as_u64() == Some(entry) || value["entry"].as_u64() == Some(entry)
}

#[tokio::test]
async fn what_is_left_out_put_in_or_edited_is_named() {
    let bundle = whole().await;
    let proven = bundle.verify().unwrap();
    let said = |what: &str| {
        let mut history = proven.history.iter();
        let spoken = history.find(|spoken| spoken.what.starts_with(what));
        spoken
            .unwrap_or_else(|| panic!("{what}: {proven:?}"))
            .position
            .0
    };
    let words: Vec<_> = proven.history.iter().map(|spoken| &*spoken.what).collect();
    assert_eq!(
        words,
        [
            "admitted",
            "sealed into lot 00000000-0000-0000-0000-00000000000b",
            "attempt begun (attempt 1)",
            "taken (attempt 1)",
            "receipt: refused",
            "settlement: amo paid",
        ]
    );
    let (admitted, sealed, receipt) = (said("admitted"), said("sealed"), said("receipt"));
    // The entry behind the admission admits document 2.
    let foreign = admitted + 1;
    let leave_out = |bundle: &mut Bundle, entry: u64| {
        bundle.remove(&format!("bodies/{entry:020}/"));
        bundle.say(|manifest| list(manifest, "bodies").retain(|body| !of_entry(entry)(body)));
    };
    type Edit<'a> = Box<dyn Fn(&mut Bundle) + 'a>;
    let edits: Vec<(&str, String, Edit<'_>)> = vec![
        (
            "the receipt is left out with its body",
            format!("entry {receipt} speaks of the document (receipt: refused)"),
            Box::new(|bundle| {
                leave_out(bundle, receipt);
                bundle.say(|manifest| {
                    list(manifest, "history").retain(|entry| !of_entry(receipt)(entry))
                });
            }),
        ),
        (
            "the sealing is left out",
            format!("entry {sealed} speaks of the document (sealed"),
            Box::new(|bundle| {
                bundle.say(|manifest| {
                    list(manifest, "history").retain(|entry| !of_entry(sealed)(entry))
                });
            }),
        ),
        (
            "a body is left out of the list",
            format!("entry {receipt} commits to a body, and document.json leaves it out"),
            Box::new(|bundle| leave_out(bundle, receipt)),
        ),
        (
            "an entry about another document",
            format!("names entry {foreign}, which does not speak"),
            Box::new(|bundle| {
                bundle.say(|manifest| list(manifest, "history").insert(1, json!(foreign)))
            }),
        ),
        (
            "an entry that is not here",
            "names entry 4000, which does not speak".into(),
            Box::new(|bundle| bundle.say(|manifest| list(manifest, "history").push(json!(4000)))),
        ),
        (
            "entries twice",
            "does not name the entries and lots of the document as they are".into(),
            Box::new(|bundle| {
                bundle.say(|manifest| list(manifest, "history").push(json!(receipt)))
            }),
        ),
        (
            "a body of another document",
            "names a body \"x\" to which no entry about the document commits".into(),
            Box::new(|bundle| {
                bundle.say(|manifest| {
                    let body =
                        json!({"name": "x", "entry": foreign, "commitment": "", "included": false});
                    list(manifest, "bodies").push(body);
                });
            }),
        ),
        (
            "another commitment",
            format!("entry {admitted} commits to a body, and document.json leaves it out or says"),
            Box::new(|bundle| {
                bundle.say(|manifest| manifest["bodies"][0]["commitment"] = json!("0".repeat(64)));
            }),
        ),
        (
            "a body that is here and said not to be",
            "bodies/document/bytes belongs to no window and no entry".into(),
            Box::new(|bundle| {
                bundle.remove("bodies/document/commitment");
                bundle.remove("bodies/document/salt");
                bundle.say(|manifest| manifest["bodies"][0]["included"] = json!(false));
            }),
        ),
        (
            "a body that is not here and said to be",
            "bodies/document/bytes is missing".into(),
            Box::new(|bundle| bundle.remove("bodies/document/")),
        ),
        (
            "another commitment beside the bytes",
            format!("are not those that entry {admitted} commits to"),
            Box::new(|bundle| {
                bundle
                    .0
                    .insert("bodies/document/commitment".into(), vec![0; 32]);
            }),
        ),
        (
            "a file that nothing names",
            "bodies/more/bytes belongs to no window and no entry".into(),
            Box::new(|bundle| {
                bundle
                    .0
                    .insert("bodies/more/bytes".into(), b"<receipt/>".to_vec());
            }),
        ),
        (
            "another document",
            "no entry admits the document".into(),
            Box::new(|bundle| {
                bundle.say(|manifest| {
                    manifest["document"] = json!("00000000-0000-0000-0000-00000000000f")
                });
            }),
        ),
        (
            "another lot",
            "does not name the entries and lots of the document as they are".into(),
            Box::new(|bundle| bundle.say(|manifest| list(manifest, "lots").clear())),
        ),
        (
            "a claim that no entry makes",
            "unknown field `centre`".into(),
            Box::new(|bundle| bundle.say(|manifest| manifest["centre"] = json!([]))),
        ),
        (
            "another version",
            "the bundle is of version 2".into(),
            Box::new(|bundle| bundle.say(|manifest| manifest["version"] = json!(2))),
        ),
        (
            "later numbers",
            "the anchor in entry".into(),
            Box::new(|bundle| bundle.renumber(|number| number + 1)),
        ),
        (
            "earlier numbers",
            "the anchor in entry".into(),
            Box::new(|bundle| bundle.renumber(|number| number - 1)),
        ),
        (
            "a window that goes on too far",
            "is missing".into(),
            Box::new(|bundle| bundle.say(|manifest| manifest["windows"][0]["upto"] = json!(4000))),
        ),
        (
            "a window without an entry",
            "is none, or not in order".into(),
            Box::new(|bundle| {
                bundle.say(|manifest| {
                    manifest["windows"][0]["upto"] = manifest["windows"][0]["after"].clone()
                });
            }),
        ),
    ];
    for (name, words, edit) in edits {
        let mut edited = bundle.clone();
        edit(&mut edited);
        let fault = edited.verify().unwrap_err();
        assert!(fault.contains(&words), "{name}: {fault}");
    }
    let mut twice = bundle.written();
    twice.truncate(twice.len() - 1024);
    twice.extend(bundle.written());
    assert!(
        evidence::verify(&twice)
            .unwrap_err()
            .contains("is there twice")
    );
}

#[tokio::test]
async fn a_window_that_is_left_out_is_said_to_be_unproven() {
    let bundle = whole().await;
    let windows = bundle.verify().unwrap().windows;
    let [(first, first_end), (second, end)] = windows[..] else {
        panic!("{windows:?}");
    };
    let uncovered = |from: Position, to: Position| (Position(from.0 + 1), Some(to));
    let before = uncovered(Position(0), first.position);
    let after = |last: Position| (Position(last.0 + 1), None);
    let between = uncovered(first_end.position, second.position);
    let proven = bundle.verify().unwrap();
    assert_eq!(proven.uncovered(), [before, between, after(end.position)]);

    let without = |window: usize, begin: Anchor, is_of: &dyn Fn(u64) -> bool| {
        let mut cut = bundle.clone();
        cut.remove(&format!("windows/{:020}/", begin.position.0));
        for body in bundle.manifest()["bodies"].as_array().unwrap() {
            if is_of(body["entry"].as_u64().unwrap()) {
                cut.remove(&format!("bodies/{}/", body["name"].as_str().unwrap()));
            }
        }
        cut.say(|manifest| {
            list(manifest, "windows").remove(window);
            list(manifest, "history").retain(|entry| !is_of(entry.as_u64().unwrap()));
            list(manifest, "bodies").retain(|body| !is_of(body["entry"].as_u64().unwrap()));
        });
        cut.verify()
    };
    let proven = without(1, second, &|entry| entry > second.position.0).unwrap();
    assert_eq!((proven.history.len(), proven.bodies(Kept::Here)), (4, 1));
    assert_eq!(proven.uncovered(), [before, after(first_end.position)]);
    // An answer about a lot tells that the sealing is missing.
    let fault = without(0, first, &|entry| entry <= second.position.0).unwrap_err();
    assert!(
        fault.contains("the entry that sealed it into that lot is not here"),
        "{fault}"
    );
}

#[tokio::test]
async fn far_from_the_machine_evidence_is_commitments_alone() {
    let house = House::admitted().await;
    let path = "/v1/documents/00000000-0000-0000-0000-000000000001/evidence";
    for who in ["operator", "national"] {
        let answer = house.get(Door::Public, who, path).await;
        assert_eq!(answer.status, 200, "{who}");
        let proven = evidence::verify(&answer.body).unwrap();
        let bodies = [Kept::Here, Kept::LeftOut].map(|kept| proven.bodies(kept));
        assert_eq!(bodies, [0, 1]);
        let [(_, to)] = proven.windows[..] else {
            panic!("{proven:?}");
        };
        assert_eq!(to, house.store.end().await.unwrap());
    }
    for who in ["centre", "insurer", "metrics"] {
        assert_eq!(
            house.get(Door::Public, who, path).await.status,
            403,
            "{who}"
        );
    }
    let unknown = "/v1/documents/00000000-0000-0000-0000-00000000000f/evidence";
    let unknown = house.get(Door::Public, "operator", unknown).await;
    assert_eq!(unknown.status, 404);
}

#[tokio::test]
async fn evidence_holds_the_ledger_around_its_own_entries_alone() {
    let path = "/v1/documents/00000000-0000-0000-0000-000000000001/evidence";
    let house = House::admitted().await;
    let anchored = async || {
        let end = house.store.end().await.unwrap();
        let apart = NonZeroU64::MIN;
        house.commit(Command::Anchor { end, apart }).await;
        end
    };
    let first = anchored().await;
    let mut last = first;
    for number in 2..=6 {
        let facts = facts(Kind::Fse, &(100 + number).to_string());
        house.admit(admission(number, facts)).await;
        last = anchored().await;
    }
    house.settle(PartOutcome::Paid).await;
    let answer = house.get(Door::Public, "operator", path).await;
    let proven = evidence::verify(&answer.body).unwrap();
    let end = house.store.end().await.unwrap();
    let windows = [(Position(0), first.position), (last.position, end.position)];
    let found = proven.windows.iter();
    let found: Vec<_> = found
        .map(|(from, to)| (from.position, to.position))
        .collect();
    assert_eq!(found, windows);
    assert_eq!((proven.windows[0].1, proven.windows[1].0), (first, last));
    assert_eq!(proven.history.len(), 2);
    let files = tar::read(&answer.body).unwrap();
    let entries = files.iter().filter(|(name, _)| name.contains("/entries/"));
    let expected = first.position.0 + end.position.0 - last.position.0;
    assert_eq!(entries.count() as u64, expected);
}

#[tokio::test]
async fn windows_that_meet_are_one() {
    let path = "/v1/documents/00000000-0000-0000-0000-000000000001/evidence";
    let house = House::admitted().await;
    let apart = NonZeroU64::MIN;
    let end = house.store.end().await.unwrap();
    house.commit(Command::Anchor { end, apart }).await;
    house.settle(PartOutcome::Paid).await;
    let end = house.store.end().await.unwrap();
    house.commit(Command::Anchor { end, apart }).await;
    let answer = house.get(Door::Public, "operator", path).await;
    let proven = evidence::verify(&answer.body).unwrap();
    let [(from, to)] = proven.windows[..] else {
        panic!("{proven:?}");
    };
    assert_eq!((from.position, to), (Position(0), end));
    assert_eq!(proven.history.len(), 2);
}

#[tokio::test]
async fn evidence_has_a_limit() {
    let path = "/v1/documents/00000000-0000-0000-0000-000000000001/evidence";
    let house = House::admitted().await;
    let whole = house.get(Door::Public, "operator", path).await;
    let length = whole.body.len();
    for (limit, fits) in [(length, true), (3_000, false)] {
        let house = House::with(Config {
            evidence_bundle_bytes: std::num::NonZeroUsize::new(limit).unwrap(),
            ..Config::default()
        })
        .await;
        house.admit(admission(1, facts(Kind::Fse, "101"))).await;
        let answer = house.get(Door::Public, "operator", path).await;
        if fits {
            assert_eq!(answer.status, 200);
        } else {
            answer.is("evidence-too-large");
        }
    }
}
