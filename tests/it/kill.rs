//! kill -9 at any moment: nothing admitted is lost, nothing is counted twice.
//!
//! `IT_KILLS` is how many kills are made, 20 if it is not set: `IT_KILLS=1000 cargo test --test it kill`.

use std::path::PathBuf;
use std::time::Duration;

use crate::account::Posted;
use crate::gateway::Place;
use crate::insurer;

fn kills() -> u64 {
    match std::env::var("IT_KILLS") {
        Ok(number) => number.parse().expect("IT_KILLS is a number"),
        Err(_) => 20,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_admitted_document_is_accepted_and_counted_once() {
    let place = Place::bare();
    let plan = r#"
[wire]
drawn = [{ fault = "reset-when-done", permille = 100 }, { fault = "failing", permille = 100 }]
"#;
    let (insurer, base) = insurer::start(&place, plan).await;
    let place = place.ready(&base);
    let posted = Posted::default();
    // Of thousands of attempts some that fail by the plan come one after the other, and open the breaker; of hundreds of
    // kills some come in the middle of a write.
    let announced = [
        "lots are held: the endpoint does not serve",
        "torn tail cut from the journal",
    ];
    // Every other time, whatever may lie in sorted files goes there past the index, all the time.
    let eager = [
        ("BORDEREAU_STORE__SORTED_BYTES", PathBuf::from("1")),
        ("BORDEREAU_STORE__OVERLAY_BYTES", PathBuf::from("65536")),
    ];
    for round in 0..kills() {
        let settings = if round % 2 == 0 { &eager[..] } else { &[] };
        let gateway = place.start_with(settings);
        // Not a wait for something to happen: the moment of the kill is what varies.
        let moment = Duration::from_millis(100 + 170 * (round * 7 % 10) + round % 13);
        tokio::select! {
            () = tokio::time::sleep(moment) => {}
            () = posted.post_until_gone(&gateway, 4) => panic!("the gateway went by itself"),
        }
        gateway.kill_after(&announced);
    }
    let gateway = place.start();
    let admitted = posted.admitted();
    assert!(admitted > 50, "only {admitted} were admitted");
    posted.settle(&gateway, &insurer).await;
    assert_eq!(gateway.stop(&announced).code(), Some(0));
    insurer.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_daemons_never_share_a_directory() {
    let place = Place::bare().ready("https://localhost:9");
    let gateway = place.start();
    let second = crate::gateway::program()
        .args(["serve", "--config"])
        .arg(place.config())
        .output()
        .unwrap();
    assert_eq!(
        second.status.code(),
        Some(74),
        "{}",
        String::from_utf8_lossy(&second.stderr)
    );
    let said = String::from_utf8_lossy(&second.stderr);
    assert!(said.contains("another process"), "it says why: {said}");
    assert_eq!(gateway.stop(&[]).code(), Some(0));
}
