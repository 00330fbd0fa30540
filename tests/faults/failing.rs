//! A disk that refuses: each call of the journal's in turn, once and for long. What was not synced is never
//! acknowledged, the store goes on when the disk does, and nothing admitted is lost or counted twice.

use std::path::PathBuf;

use bordereau::simulator::insurer::Handle;
use reqwest::StatusCode;

use crate::account::{Posted, counted};
use crate::disk::{Disk, EIO, ENOSPC, Order, Unsynced};
use crate::gateway::{Gateway, Place, document, until};
use crate::insurer;

/// Lines that a failing disk is a reason for.
const COMPLAINTS: &[&str] = &[
    "torn tail",
    "sync failed",
    "opened anew",
    "the disk is filling up",
    "the disk is full",
    "the store fails",
    "anchor of the day could not",
    "receipts cannot be recorded",
    "documents cannot be sealed",
    "\"unrecorded\"",
    "the index failed",
    "a sorted file could not be written",
    "could not be counted",
    "its index is built anew",
    "sled::",
];

/// An insurer, what is posted for it, and the disk of the gateway in between.
pub struct Scene {
    insurer: Handle,
    pub place: Place,
    pub posted: Posted,
    pub disk: Disk,
}

impl Scene {
    pub async fn new() -> Scene {
        let place = Place::bare();
        let (insurer, base) = insurer::start(&place, "").await;
        let place = place.ready(&base);
        Scene {
            insurer,
            posted: Posted::default(),
            disk: Disk::new(&place),
            place,
        }
    }

    /// Starts a gateway on the disk.
    pub fn start(&self) -> Gateway {
        self.start_with(&[])
    }

    /// Starts a gateway on the disk, with more in its environment.
    fn start_with(&self, more: &[(&'static str, &str)]) -> Gateway {
        let mut environment = self.disk.environment();
        environment.extend(more.iter().map(|(key, value)| (*key, PathBuf::from(value))));
        self.place.start_with(&environment)
    }

    /// Kills the gateway and takes the power from its disk.
    pub fn cut(self, gateway: Gateway, number: u64, unsynced: Unsynced) -> Scene {
        gateway.kill_after(COMPLAINTS);
        let disk = self.disk.cut(&self.place, number, unsynced);
        Scene { disk, ..self }
    }

    /// What was admitted is accepted and counted once, and the gateway ends well.
    pub async fn settle(self, gateway: Gateway) {
        self.posted.settle(&gateway, &self.insurer).await;
        assert_eq!(gateway.stop(COMPLAINTS).code(), Some(0));
        self.insurer.shutdown().await;
    }
}

async fn room(gateway: &Gateway) -> Option<f64> {
    gateway.metric("bordereau_store_room_state").await
}

/// The type of the problem that a post is answered with, and whether it says when to come again.
async fn refused(gateway: &Gateway, number: usize) -> (StatusCode, String, bool) {
    let answer = gateway.post(&document(number)).await.unwrap();
    let (status, waits) = (
        answer.status(),
        answer.headers().contains_key("retry-after"),
    );
    let problem: serde_json::Value = answer.json().await.unwrap();
    (
        status,
        problem["type"].as_str().unwrap_or_default().to_owned(),
        waits,
    )
}

/// Has each call on such paths fail while documents are posted and go their way, once with either error, and takes the
/// power after both: no answer is other than yes or not now, and what was admitted is counted once at the end.
async fn each_fails_once(calls: &[(&'static str, &'static str)], more: &[(&'static str, &str)]) {
    let mut scene = Scene::new().await;
    // Few posts fill a segment.
    let short = [("BORDEREAU_STORE__SEGMENT_BYTES", "32768")];
    let more = &[&short, more].concat();
    for (number, &(call, part)) in (1..).zip(calls) {
        let gateway = scene.start_with(more);
        for error in [EIO, ENOSPC] {
            fails_once(&scene, &gateway, call, error, part).await;
        }
        scene = scene.cut(gateway, number, Unsynced::Lost);
    }
    let gateway = scene.start_with(more);
    scene.settle(gateway).await;
}

async fn fails_once(scene: &Scene, gateway: &Gateway, call: &str, error: i32, part: &'static str) {
    let Scene { posted, disk, .. } = scene;
    // The third call from now on: it meets a batch of posts, or one of what is sent and heard.
    let order = Order {
        error,
        from: 3,
        times: 1,
        part,
    };
    disk.order(call, order);
    let before = posted.admitted();
    let mut answers = Vec::new();
    while !disk.is_done(call) || posted.admitted() < before + 20 {
        answers.push(posted.post(gateway).await.expect("an answer"));
        assert!(answers.len() < 2_000, "{call} {part}: the fault never came");
    }
    assert!(
        answers.iter().all(|status| [202, 503].contains(status)),
        "{call} {part} {error}: {answers:?}"
    );
    until("it can commit again", || async {
        gateway.get_as_nobody("/readyz").await.status() == 200
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_of_the_journal_that_fails_once_costs_no_admission() {
    let calls = [
        ("write", ".segment"),
        ("sync", ".segment"),
        ("open", ".segment.new"),
        ("fallocate", ".segment.new"),
        ("sync", ".segment.new"),
        ("rename", ".segment.new"),
        ("dirsync", "store/journal$"),
    ];
    each_fails_once(&calls, &[]).await;
}

/// No body is sealed under a key that the file may not have.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_of_the_key_file_that_fails_once_costs_no_admission() {
    let calls = [
        ("open", "store/keys.new"),
        ("write", "store/keys.new"),
        ("sync", "store/keys.new"),
        ("rename", "store/keys.new"),
        ("dirsync", "/store$"),
    ];
    each_fails_once(&calls, &[]).await;
}

/// Whatever may lie in sorted files goes there past the index, all the time.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_of_the_sorted_files_that_fails_once_costs_no_admission() {
    let calls = [
        ("open", "store/sorted/"),
        ("write", "store/sorted/"),
        ("sync", "store/sorted/"),
        ("rename", "store/sorted/"),
        ("dirsync", "store/sorted$"),
    ];
    let eager = [
        ("BORDEREAU_STORE__SORTED_BYTES", "1"),
        ("BORDEREAU_STORE__OVERLAY_BYTES", "65536"),
    ];
    each_fails_once(&calls, &eager).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_syncs_fail_nothing_is_acknowledged_and_it_goes_on_by_itself() {
    let scene = Scene::new().await;
    let Scene { posted, disk, .. } = &scene;
    let gateway = scene.start();
    for _ in 0..20 {
        assert_eq!(posted.post(&gateway).await, Some(202));
    }
    disk.order(
        "sync",
        Order {
            error: EIO,
            from: 1,
            times: 0,
            part: ".segment",
        },
    );
    for _ in 0..20 {
        assert_eq!(posted.post(&gateway).await, Some(503));
    }
    let ready = gateway.get_as_nobody("/readyz").await;
    assert_eq!(ready.status(), 503);
    assert_eq!(ready.text().await.unwrap(), "the journal failed");
    assert!(gateway.metric("bordereau_store_sync_errors_total").await > Some(0.0));
    disk.lift("sync");
    until("it goes on", || async {
        gateway.get_as_nobody("/readyz").await.status() == 200
    })
    .await;
    for _ in 0..20 {
        assert_eq!(posted.post(&gateway).await, Some(202));
    }
    // What the failed syncs dropped is not on the platter: had one been repeated, admissions would be missing.
    let scene = scene.cut(gateway, 1, Unsynced::Lost);
    let gateway = scene.start();
    scene.settle(gateway).await;
}

/// What failed for the index fails for the next one too, for as long as it lasts.
#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_cannot_be_written_for_a_while_is_there_again_without_a_restart() {
    let scene = Scene::new().await;
    let Scene { posted, disk, .. } = &scene;
    let gateway = scene.start();
    for _ in 0..20 {
        assert_eq!(posted.post(&gateway).await, Some(202));
    }
    for call in ["write", "open"] {
        let order = Order {
            error: EIO,
            from: 1,
            times: 0,
            part: "/index/",
        };
        disk.order(call, order);
    }
    let rebuilds = || async { gateway.metric("bordereau_store_index_failures_total").await };
    until("the index failed, and the next one too", || async {
        posted.post(&gateway).await;
        rebuilds().await > Some(1.0)
    })
    .await;
    let ready = gateway.get_as_nobody("/readyz").await;
    assert!(ready.text().await.unwrap().starts_with("rebuilding "));
    disk.lift("write");
    disk.lift("open");
    until("it is there again", || async {
        gateway.get_as_nobody("/readyz").await.status() == 200
    })
    .await;
    assert_eq!(posted.post(&gateway).await, Some(202));
    scene.settle(gateway).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_full_disk_posts_wait_and_what_was_admitted_goes_its_way() {
    let scene = Scene::new().await;
    let Scene { posted, disk, .. } = &scene;
    let gateway = scene.start();
    let full = Order {
        error: ENOSPC,
        from: 1,
        times: 0,
        part: "journal/",
    };
    disk.order("fallocate", full);
    disk.order("open", full);
    // The segment that is there is filled up, then the reserve is taken.
    let mut status = Some(202);
    while status == Some(202) {
        status = posted.post(&gateway).await;
    }
    until("posts wait for the disk", || async {
        refused(&gateway, 900_000).await
            == (
                StatusCode::SERVICE_UNAVAILABLE,
                "urn:bordereau:problem:disk-full".into(),
                true,
            )
    })
    .await;
    assert_eq!(room(&gateway).await, Some(1.0));
    assert_eq!(gateway.get_as_nobody("/readyz").await.status(), 200);
    let admitted = posted.admitted();
    assert!(admitted > 20, "only {admitted} were admitted");
    // Sent, accepted and counted.
    counted(&gateway, admitted).await;
    disk.lift("fallocate");
    disk.lift("open");
    until("there is room again", || async {
        room(&gateway).await == Some(0.0)
    })
    .await;
    assert_eq!(posted.post(&gateway).await, Some(202));
    let scene = scene.cut(gateway, 1, Unsynced::Torn(5));
    let gateway = scene.start();
    scene.settle(gateway).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn both_watermarks_are_kept_and_left_by_themselves() {
    let scene = Scene::new().await;
    let Scene { posted, disk, .. } = &scene;
    let marks = [("LOW", "10000000"), ("FULL", "5000000")];
    let marks = marks.map(|(mark, bytes)| (format!("BORDEREAU_STORE__{mark}_BYTES"), bytes));
    let mut environment = disk.environment();
    environment.extend(
        marks
            .iter()
            .map(|(key, bytes)| (key.as_str(), PathBuf::from(bytes))),
    );
    disk.set_free(100_000_000);
    let gateway = scene.place.start_with(&environment);
    for _ in 0..20 {
        assert_eq!(posted.post(&gateway).await, Some(202));
    }

    disk.set_free(9_999_999);
    until("the first mark is seen", || async {
        room(&gateway).await == Some(1.0)
    })
    .await;
    let disk_full = (
        StatusCode::SERVICE_UNAVAILABLE,
        "urn:bordereau:problem:disk-full".into(),
        true,
    );
    assert_eq!(refused(&gateway, 900_000).await, disk_full);
    assert_eq!(gateway.get_as_nobody("/readyz").await.status(), 200);
    // Sending and receipts go on.
    counted(&gateway, 20).await;

    disk.set_free(4_999_999);
    until("the second mark is seen", || async {
        room(&gateway).await == Some(2.0)
    })
    .await;
    let ready = gateway.get_as_nobody("/readyz").await;
    assert_eq!(ready.status(), 503);
    assert_eq!(ready.text().await.unwrap(), "the disk is full");
    let position = gateway.metric("bordereau_ledger_position").await;
    assert_eq!(refused(&gateway, 900_000).await.0, 503);
    assert_eq!(gateway.metric("bordereau_ledger_position").await, position);

    // Who starts it anew meanwhile can read, and is told the same.
    gateway.kill_after(COMPLAINTS);
    let gateway = scene.place.start_with(&environment);
    let ready = gateway.get_as_nobody("/readyz").await;
    assert_eq!(ready.text().await.unwrap(), "the disk is full");
    let listed = gateway.get("/v1/documents?limit=1").await;
    assert_eq!(listed.status(), 200);
    assert_eq!(refused(&gateway, 900_000).await.0, 503);

    disk.set_free(100_000_000);
    until("there is room again", || async {
        room(&gateway).await == Some(0.0)
    })
    .await;
    for _ in 0..20 {
        assert_eq!(posted.post(&gateway).await, Some(202));
    }
    scene.settle(gateway).await;
}
