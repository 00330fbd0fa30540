//! What the law says of keeping: a configuration beyond it is refused with its reason, by a check and by a start.

use crate::gateway::{Place, program};

/// Runs a command with one setting of retention.
fn said(place: &Place, command: &str, key: &str, value: u32) -> (Option<i32>, String) {
    let mut asked = program();
    asked.args([command, "--config"]).arg(place.config());
    asked.env(format!("BORDEREAU_RETENTION__{key}"), value.to_string());
    let output = asked.output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(text).unwrap())
}

#[test]
fn nothing_is_kept_shorter_or_longer_than_the_law_allows() {
    let place = Place::bare().ready("https://localhost:9");
    let floor = "body_days: must be 90 at least: that long the electronic double and its receipts are kept (R161-48)";
    // A body waits 30 days at most for its segment, and 30 days until that ends.
    let ceiling = "must stay below 393: after thirteen months no body may be there any more";
    let proofs = "proof_months: must be between 36 and 63: ";
    let traces = "trace_months: must be between 6 and 12";
    for (key, value, refused) in [
        ("BODY_DAYS", 89, Some(floor)),
        ("BODY_DAYS", 90, None),
        ("BODY_DAYS", 332, None),
        ("BODY_DAYS", 333, Some(ceiling)),
        ("WAIT_DAYS", 242, None),
        ("WAIT_DAYS", 243, Some(ceiling)),
        ("SEGMENT_DAYS", 242, None),
        ("SEGMENT_DAYS", 243, Some(ceiling)),
        ("PROOF_MONTHS", 35, Some(proofs)),
        ("PROOF_MONTHS", 36, None),
        ("PROOF_MONTHS", 63, None),
        ("PROOF_MONTHS", 64, Some(proofs)),
        ("TRACE_MONTHS", 5, Some(traces)),
        ("TRACE_MONTHS", 6, None),
        ("TRACE_MONTHS", 12, None),
        ("TRACE_MONTHS", 13, Some(traces)),
    ] {
        let (code, text) = said(&place, "check-config", key, value);
        let Some(reason) = refused else {
            assert_eq!(code, Some(0), "{key} {value}: {text}");
            continue;
        };
        for (code, text) in [(code, text), said(&place, "serve", key, value)] {
            assert_eq!(code, Some(78), "{key} {value}: {text}");
            let small = text.to_lowercase();
            assert!(
                small.contains(&reason.to_lowercase()),
                "{key} {value}: {text}"
            );
        }
    }
    assert!(!place.path("store").exists(), "nothing was opened");
}
