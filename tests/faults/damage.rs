//! Damage in a segment, under the real program: the start ends with an exit or with a gateway that says what it
//! cannot read and counts nothing over it; the file put back heals it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use crate::account::{Posted, counted};
use crate::gateway::{CENTRE, Gateway, Place, program};
use crate::insurer;

const UNCOUNTED: &str = "the ledger could not be counted";

const DAMAGED: &str = "the journal is damaged";

/// There is no insurer in a test that needs none.
const NOBODY: &str = "lots are held";

/// Starts a gateway whose segments are short, and full soon.
fn start(place: &Place) -> Gateway {
    place.start_with(&[
        ("BORDEREAU_STORE__SEGMENT_BYTES", "65536".into()),
        ("BORDEREAU_STORE__COMPRESSION", "off".into()),
    ])
}

fn segments(place: &Place) -> Vec<PathBuf> {
    let mut found: Vec<_> = fs::read_dir(place.path("store/journal"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "segment"))
        .collect();
    found.sort();
    assert!(found.len() > 1);
    found
}

fn run(place: &Place, command: &str) -> (Option<i32>, String) {
    let output: Output = program()
        .args([command, "--config"])
        .arg(place.config())
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).unwrap())
}

fn name(path: &Path) -> &str {
    path.file_name().unwrap().to_str().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_that_cannot_be_read_are_named_and_no_rate_is_counted_over_them() {
    let place = Place::bare();
    let (insurer, base) = insurer::start(&place, "").await;
    let place = place.ready(&base);
    let posted = Posted::default();
    let gateway = start(&place);
    for _ in 0..40 {
        assert_eq!(posted.post(&gateway).await, Some(202));
    }
    counted(&gateway, 40).await;
    assert_eq!(gateway.stop(&[]).code(), Some(0));

    let first = segments(&place).remove(0);
    let whole = fs::read(&first).unwrap();
    let mut flipped = whole.clone();
    // One bit of the first entry.
    flipped[145] ^= 1;
    fs::write(&first, flipped).unwrap();
    let (code, said) = run(&place, "verify-store");
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains(name(&first)) && said.contains("cannot be proven"),
        "{said}"
    );

    let mut gateway = start(&place);
    let line = gateway.wait_for(UNCOUNTED);
    assert!(line.contains(name(&first)), "it says where: {line}");
    assert_eq!(gateway.get_as_nobody("/readyz").await.status(), 200);
    assert_eq!(posted.post(&gateway).await, Some(202));
    let counted_now = format!("bordereau_obligation_numerator_documents{{centre=\"{CENTRE}\"");
    let counted_now = gateway.metric(&counted_now).await;
    assert_eq!(counted_now, None, "a count without proof");
    assert_eq!(gateway.stop(&[UNCOUNTED]).code(), Some(0));

    // What a start finds by itself is counted: one that is no segment any more.
    let damaged = "bordereau_store_damaged_places_total";
    let mut headless = whole.clone();
    headless[20] ^= 1;
    fs::write(&first, headless).unwrap();
    let mut gateway = start(&place);
    let line = gateway.wait_for(UNCOUNTED);
    assert!(line.contains(name(&first)), "it says where: {line}");
    assert_eq!(gateway.metric(damaged).await, Some(1.0));
    assert_eq!(gateway.stop(&[UNCOUNTED, DAMAGED]).code(), Some(0));

    fs::write(&first, whole).unwrap();
    let gateway = start(&place);
    assert_eq!(gateway.metric(damaged).await, Some(0.0));
    posted.settle(&gateway, &insurer).await;
    assert_eq!(gateway.stop(&[]).code(), Some(0));
    let (code, said) = run(&place, "verify-store");
    assert_eq!(code, Some(0), "{said}");
    insurer.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_last_segment_that_cannot_be_read_ends_the_start() {
    let place = Place::bare().ready("https://localhost:9");
    let posted = Posted::default();
    let gateway = start(&place);
    for _ in 0..100 {
        assert_eq!(posted.post(&gateway).await, Some(202));
    }
    gateway.kill_after(&[NOBODY]);
    let last = segments(&place).pop().unwrap();
    let whole = fs::read(&last).unwrap();
    for damage in [vec![0; whole.len()], whole[..whole.len() / 2].to_vec()] {
        fs::write(&last, damage).unwrap();
        let (code, said) = run(&place, "serve");
        assert_eq!(code, Some(74), "{said}");
        assert!(said.contains(name(&last)), "it says where: {said}");
        let (code, said) = run(&place, "verify-store");
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains(name(&last)), "it says where: {said}");
    }
    fs::write(&last, whole).unwrap();
    assert_eq!(start(&place).stop(&[NOBODY]).code(), Some(0));
}
