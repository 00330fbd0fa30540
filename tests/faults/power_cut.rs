//! A power cut at any moment: what was synced is there, what was not is lost or torn, and no admission is missing.
//!
//! `FAULTS_CUTS` is how many cuts are made, 10 if it is not set: `FAULTS_CUTS=200 cargo test --test faults power`.

use std::time::Duration;

use crate::account::Posted;
use crate::disk::{Disk, Unsynced};
use crate::gateway::Place;
use crate::insurer;

fn cuts() -> u64 {
    match std::env::var("FAULTS_CUTS") {
        Ok(number) => number.parse().expect("FAULTS_CUTS is a number"),
        Err(_) => 10,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_admitted_document_survives_power_cuts_and_is_counted_once() {
    let place = Place::bare();
    let plan = r#"
[wire]
drawn = [{ fault = "reset-when-done", permille = 100 }, { fault = "failing", permille = 100 }]
"#;
    let (insurer, base) = insurer::start(&place, plan).await;
    let place = place.ready(&base);
    let posted = Posted::default();
    let mut disk = Disk::new(&place);
    for cut in 1..=cuts() {
        let gateway = place.start_with(&disk.environment());
        // Not a wait for something to happen: the moment of the cut is what varies.
        let moment = Duration::from_millis(50 + 90 * (cut * 7 % 10) + cut % 13);
        tokio::select! {
            () = tokio::time::sleep(moment) => {}
            () = posted.post_until_gone(&gateway, 4) => panic!("the gateway went by itself"),
        }
        gateway.kill_after(&["torn tail"]);
        let unsynced = if cut % 2 == 0 {
            Unsynced::Lost
        } else {
            Unsynced::Torn(cut)
        };
        disk = disk.cut(&place, cut, unsynced);
    }
    let gateway = place.start_with(&disk.environment());
    let admitted = posted.admitted();
    assert!(admitted > 50, "only {admitted} were admitted");
    posted.settle(&gateway, &insurer).await;
    assert_eq!(gateway.stop(&["torn tail"]).code(), Some(0));
    insurer.shutdown().await;
}
