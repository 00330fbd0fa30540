//! The table of replies as golden fixtures: `fixtures/replies/{sent,asked}/*.http`, an answer as it comes,
//! beside `*.judgement`, what it means. `UPDATE=1` writes the latter anew.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::*;
use crate::claims::delivery::State;
use crate::claims::lane::Signal;
use crate::claims::outcome::{Asked, Judgement, Sent, judge_asked, judge_sent};

const LOT: LotId = LotId(0x0192_f3a4_5b6c_7d8e_9fa0_b1c2_d3e4_f506);
const DOCUMENTS: [DocumentId; 2] = [
    DocumentId(0x0192_f3a4_0000_7000_8000_0000_0000_0001),
    DocumentId(0x0192_f3a4_0000_7000_8000_0000_0000_0002),
];
const DIGEST: Digest = Digest([0xab; 32]);

#[test]
fn every_reply_to_a_lot_means_what_its_fixture_says() {
    let mut classes = BTreeSet::new();
    for path in fixtures("sent") {
        let text = fs::read_to_string(&path).unwrap();
        let reply = read_reply(answer(&text), LOT);
        classes.insert(class_of_reply(&reply));
        let sent = Sent::Answered(reply);
        let judgement = judge_sent(&sent, &DOCUMENTS);
        compare(&path, &judgement, Some(sent.signal()));
    }
    let all = [
        "taken",
        "refused",
        "other bytes",
        "identity",
        "address",
        "busy",
        "failing",
        "unintelligible",
    ];
    assert_eq!(classes, BTreeSet::from(all), "each class has its fixture");
}

#[test]
fn every_answer_about_a_lot_means_what_its_fixture_says() {
    let mut classes = BTreeSet::new();
    for path in fixtures("asked") {
        let text = fs::read_to_string(&path).unwrap();
        let reply = read_status(answer(&text), LOT, DIGEST);
        classes.insert(class_of_status(&reply));
        let asked = Asked::Answered(reply);
        let judgement = judge_asked(&asked, &DOCUMENTS, State::InDoubt, None);
        compare(&path, &judgement, asked.signal());
    }
    let all = [
        "known",
        "unknown",
        "refused",
        "other bytes",
        "identity",
        "address",
        "busy",
        "failing",
        "unintelligible",
    ];
    assert_eq!(classes, BTreeSet::from(all), "each class has its fixture");
}

/// The statuses that `trouble` names one by one, and one of each hundred that it names whole.
#[test]
fn every_status_that_means_trouble_has_its_fixture() {
    for folder in ["sent", "asked"] {
        let status = |path: &PathBuf| {
            let text = fs::read_to_string(path).unwrap();
            answer(&text).status
        };
        let statuses: BTreeSet<_> = fixtures(folder).iter().map(status).collect();
        for named in [401, 403, 407, 404, 405, 410, 408, 425, 429] {
            assert!(statuses.contains(&named), "{folder}: {named}");
        }
        for hundred in [300..400, 500..600] {
            assert!(
                statuses.range(hundred.clone()).next().is_some(),
                "{folder}: {hundred:?}"
            );
        }
    }
}

#[test]
fn a_wait_is_read_in_seconds_or_against_the_answers_own_date() {
    let noon = Some("Sun, 22 Nov 2026 12:00:00 GMT");
    for (retry_after, date, expected) in [
        (Some("120"), None, Some(120)),
        (Some("0"), None, Some(0)),
        (Some("-5"), None, None),
        (Some("soon"), noon, None),
        (Some("99999999999"), None, None),
        (Some("Sun, 22 Nov 2026 12:02:00 GMT"), noon, Some(120)),
        (Some("Sun, 22 Nov 2026 11:00:00 GMT"), noon, Some(0)),
        (Some("Sun, 22 Nov 2026 12:02:00 GMT"), None, None),
        (None, noon, None),
    ] {
        let answer = Answer {
            status: 503,
            retry_after,
            date,
            body: b"",
        };
        assert_eq!(
            wait(answer),
            expected.map(Duration::from_secs),
            "{retry_after:?}"
        );
    }
}

#[test]
fn a_digest_is_written_as_rfc_9530_has_it() {
    let digest =
        Digest::parse("44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a").unwrap();
    assert_eq!(
        write_digest(digest),
        "sha-256=:RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o=:"
    );
}

fn fixtures(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures/replies")
        .join(folder);
    let mut paths: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    let of = |ending: &str| {
        let has = |path: &&PathBuf| path.extension().is_some_and(|found| found == ending);
        let found = paths.iter().filter(has);
        found.cloned().collect::<Vec<_>>()
    };
    let (replies, judgements) = (of("http"), of("judgement"));
    let judged = replies.iter().map(|path| path.with_extension("judgement"));
    assert!(
        judged.eq(judgements),
        "each reply has its judgement, and each judgement its reply"
    );
    replies
}

/// A status line, headers, an empty line, the body.
fn answer(text: &str) -> Answer<'_> {
    let (head, body) = text.split_once("\n\n").unwrap();
    let header = |name: &str| {
        head.lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    };
    Answer {
        status: head.split(' ').nth(1).unwrap()[..3].parse().unwrap(),
        retry_after: header("Retry-After"),
        date: header("Date"),
        body: body.as_bytes(),
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "UPDATE=1 rewrites the golden file"
)]
fn compare(path: &Path, judgement: &Judgement, signal: Option<Signal>) {
    let mut found = format!(
        "event: {:?}\nreason: {:?}\nretry: {:?}\nalert: {:?}\n",
        judgement.event, judgement.reason, judgement.retry, judgement.alert
    );
    found.push_str(&format!("of the endpoint: {signal:?}\n"));
    for (document, code) in &judgement.named {
        found.push_str(&format!("refused: {document} {code:?}\n"));
    }
    let golden = path.with_extension("judgement");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&golden, &found).unwrap();
    }
    let expected = fs::read_to_string(&golden).unwrap_or_default();
    assert_eq!(found, expected, "{}", path.display());
}

fn class_of_reply(reply: &Reply) -> &'static str {
    match reply {
        Reply::Taken => "taken",
        Reply::Refused(_) => "refused",
        Reply::OtherBytes => "other bytes",
        Reply::Trouble(trouble, _) => class_of_trouble(*trouble),
    }
}

fn class_of_status(reply: &StatusReply) -> &'static str {
    match reply {
        StatusReply::Known => "known",
        StatusReply::Unknown => "unknown",
        StatusReply::Refused(_) => "refused",
        StatusReply::OtherBytes => "other bytes",
        StatusReply::Trouble(trouble, _) => class_of_trouble(*trouble),
    }
}

fn class_of_trouble(trouble: Trouble) -> &'static str {
    match trouble {
        Trouble::Identity => "identity",
        Trouble::Address => "address",
        Trouble::Busy => "busy",
        Trouble::Failing => "failing",
        Trouble::Unintelligible => "unintelligible",
    }
}
