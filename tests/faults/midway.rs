//! Power cuts in the middle of what takes long: an evacuation, a foundation, a backup. Each comes just before a chosen
//! call, and what is begun anew after it ends. What was admitted is all there, and every count as before.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Output};

use bordereau::claims::time::Timestamp;
use serde_json::Value;

use crate::clearing::{copy, forgotten, ordinals, read};
use crate::disk::{Disk, KILL, Order, Unsynced};
use crate::failing::Scene;
use crate::gateway::{CENTRE, Gateway, Place, program, until};
use crate::stock::{Stock, content};

/// Documents of long ago.
const DOCUMENTS: u64 = 120;

/// They fill many of these.
const SEGMENT: u64 = 8 << 10;

/// One that is not finished.
const UNFINISHED: u64 = 2;

/// One on which a legal hold stands.
const HELD: u64 = 5;

/// Lines that such a stock and cuts are a reason for.
const COMPLAINTS: &[&str] = &[
    "no endpoint serves them",
    "older than it should be",
    "proofs are past their time",
    "the clock is ahead",
    "torn tail",
    "lots are held",
];

/// A store of long ago on a disk that is still whole.
struct Old {
    place: Place,
    disk: Disk,
    cuts: u64,
}

impl Old {
    /// Some of its documents were cancelled and some brought by hand.
    async fn of(month: &str) -> Old {
        let place = Place::bare().ready("https://localhost:9");
        let day = Timestamp::parse(&format!("{month}-16T09:00:00Z")).unwrap();
        let stock = Stock::open(&place, SEGMENT, day).await;
        for first in (1..=DOCUMENTS).step_by(20) {
            stock.admit(first..=first + 19).await;
        }
        stock.hold(HELD).await;
        for number in (1..=DOCUMENTS).filter(|number| *number != UNFINISHED) {
            match number % 2 {
                0 => stock.cancel(number).await,
                _ => stock.by_hand(number).await,
            }
        }
        drop(stock);
        let disk = Disk::new(&place);
        copy(&place.path("store"), &disk.store());
        Old {
            place,
            disk,
            cuts: 0,
        }
    }

    fn environment(&self, more: &[(&'static str, &str)]) -> Vec<(&'static str, PathBuf)> {
        let mut environment = self.disk.environment();
        environment.extend(more.iter().map(|(key, value)| (*key, PathBuf::from(value))));
        environment
    }

    /// Runs a command on the disk.
    fn run(&self, words: &[&str]) -> Output {
        let mut command = program();
        command.args(words).arg("--config").arg(self.place.config());
        command.envs(self.environment(&[])).output().unwrap()
    }

    fn done(&self, words: &[&str]) -> String {
        let output = self.run(words);
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8(said).unwrap();
        assert_eq!(output.status.code(), Some(0), "{words:?}: {said}");
        said
    }

    /// Lets proofs end and takes the power before the so-manieth call; what it says if there are fewer.
    fn run_before(&self, call: &str, part: &'static str, from: u32) -> Option<String> {
        self.disk.order(call, before(part, from));
        let output = self.run(&["retention", "end-proofs"]);
        if self.disk.is_done(call) {
            assert_eq!(output.status.code(), None, "{call} {part}: {output:?}");
            return None;
        }
        assert_eq!(output.status.code(), Some(0), "{call} {part}: {output:?}");
        Some(String::from_utf8(output.stdout).unwrap())
    }

    /// A disk with a copy of a store on it.
    fn anew(self, base: &Path) -> Old {
        let cuts = self.cuts + 1;
        let disk = Disk::numbered(&self.place, cuts);
        copy(base, &disk.store());
        Old { disk, cuts, ..self }
    }

    /// Takes the power; nothing runs on the disk any more.
    fn cut(self) -> Old {
        let cuts = self.cuts + 1;
        let unsynced = match cuts % 2 {
            0 => Unsynced::Lost,
            _ => Unsynced::Torn(cuts),
        };
        let disk = self.disk.cut(&self.place, cuts, unsynced);
        Old { disk, cuts, ..self }
    }
}

/// The next call like this is not made: the program is killed.
fn before(part: &'static str, from: u32) -> Order {
    Order {
        error: KILL,
        from,
        times: 1,
        part,
    }
}

/// The rate of a month as soon as it is counted, without what it was computed from.
async fn rate(gateway: &Gateway, month: &str) -> Value {
    let path = format!("/v1/centres/{CENTRE}/rate?period={month}");
    until("it is counted", || async {
        gateway.get(&path).await.status() == 200
    })
    .await;
    let mut rate: Value = gateway.get(&path).await.json().await.unwrap();
    assert!(rate.as_object_mut().unwrap().remove("basis").is_some());
    rate
}

async fn keeps(gateway: &Gateway) {
    for kept in [UNFINISHED, HELD] {
        assert_eq!(read(gateway, kept).await, (200, content(kept)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_evacuation_that_loses_its_power_is_ended_and_nothing_else_is_lost() {
    let month = "2025-01";
    let mut old = Old::of(month).await;
    // Nothing goes yet: the clock is doubted for a day.
    let gateway = old.place.start_with(&old.environment(&[]));
    let counted = rate(&gateway, month).await;
    assert!(counted["denominator"].as_u64() > Some(0), "{counted}");
    gateway.kill_after(COMPLAINTS);
    old = old.cut();
    let clock = [
        ("BORDEREAU_RETENTION__CLOCK_SECONDS", "1"),
        ("BORDEREAU_RETENTION__LOOK_SECONDS", "1"),
    ];
    // A segment takes half a second, so that each cut is in the middle of one.
    let slow = [
        &clock[..],
        &[("BORDEREAU_RETENTION__BYTES_PER_SECOND", "16384")],
    ]
    .concat();
    for (call, part) in [
        ("write", "archive/"),
        ("sync", "archive/"),
        ("rename", "archive/"),
        ("dirsync", "/archive$"),
        ("sync", ".segment"),
        ("unlink", ".segment"),
        ("dirsync", "/journal$"),
        ("rename", "keys.new"),
        ("dirsync", "/store$"),
    ] {
        let gateway = old.place.start_with(&old.environment(&slow));
        keeps(&gateway).await;
        old.disk.order(call, before(part, 1));
        until("the power goes", || async { old.disk.is_done(call) }).await;
        gateway.kill_after(COMPLAINTS);
        old = old.cut();
    }
    let gateway = old.place.start_with(&old.environment(&clock));
    until("everything is cleared", || async {
        let archived = ordinals(&old.disk, "archive");
        read(&gateway, DOCUMENTS).await.0 == 410
            && archived.is_disjoint(&ordinals(&old.disk, "journal"))
            && forgotten(&old.place) == archived.len()
    })
    .await;
    for number in (1..=DOCUMENTS).filter(|number| ![UNFINISHED, HELD].contains(number)) {
        assert_eq!(read(&gateway, number).await.0, 410, "{number}");
    }
    keeps(&gateway).await;
    assert_eq!(rate(&gateway, month).await, counted);
    old.done(&["rate", "rebuild", "--verify"]);
    assert_eq!(gateway.stop(COMPLAINTS).code(), Some(0));
    old.done(&["verify-store"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foundation_that_loses_its_power_is_laid_at_last_and_counts_as_before() {
    let month = "2023-01";
    let mut old = Old::of(month).await;
    let clock = [
        ("BORDEREAU_RETENTION__CLOCK_SECONDS", "1"),
        ("BORDEREAU_RETENTION__LOOK_SECONDS", "1"),
    ];
    let gateway = old.place.start_with(&old.environment(&clock));
    let past = "bordereau_retention_past_proof_segments";
    until("the proofs are told of", || async {
        gateway.metric(past).await > Some(0.0)
    })
    .await;
    let counted = rate(&gateway, month).await;
    assert!(counted["denominator"].as_u64() > Some(0), "{counted}");
    gateway.kill_after(COMPLAINTS);
    old = old.cut();
    let base = old.place.path("base");
    copy(&old.disk.store(), &base);
    for (call, part) in [
        ("write", "archive/"),
        ("sync", "archive/"),
        ("rename", "archive/"),
        ("dirsync", "/archive$"),
        ("sync", ".segment"),
        ("dirsync", "/journal$"),
        ("rename", "keys.new"),
        ("dirsync", "/store$"),
        ("unlink", "archive/"),
    ] {
        old = old.anew(&base);
        let mut laid = old.run_before(call, part, 1);
        let mut cuts = 0;
        while laid.is_none() {
            cuts += 1;
            old = old.cut();
            let checked = old.run(&["verify-store"]);
            let said = String::from_utf8(checked.stdout).unwrap();
            // Of one that has its name the next start makes an index.
            let is_laid = said.contains("it was begun on another foundation");
            assert!(is_laid || checked.status.success(), "{call} {part}: {said}");
            // So many may be made before the power goes again.
            laid = old.run_before(call, part, 1 + cuts);
        }
        assert!(cuts > 0, "{call} {part}");
        old = old.cut();
        let gateway = old.place.start_with(&old.environment(&clock));
        let shown = gateway.get("/v1/documents/00000000-0000-0000-0000-000000000001");
        assert_eq!(shown.await.status(), 404, "its proofs have gone");
        assert_eq!(rate(&gateway, month).await, counted);
        keeps(&gateway).await;
        old.done(&["rate", "rebuild", "--verify"]);
        assert_eq!(gateway.stop(COMPLAINTS).code(), Some(0));
        old.done(&["verify-store"]);
    }
}

/// The backup of a scene's store, and its keys.
fn backup(scene: &Scene) -> [String; 2] {
    ["backup", "backup.keys"].map(|name| scene.disk.beside(name).display().to_string())
}

/// Has the gateway make a backup.
fn back_up(scene: &Scene) -> ExitStatus {
    let [to, keys_to] = backup(scene);
    let mut command = program();
    command.args(["backup", "--to", &to, "--keys-to", &keys_to]);
    command.arg("--config").arg(scene.place.config());
    command.env("BORDEREAU_STORE__DIRECTORY", scene.disk.store());
    command.output().unwrap().status
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_loses_its_power_is_the_earlier_one_or_the_new_one() {
    let mut scene = Scene::new().await;
    let gateway = scene.start();
    for _ in 0..20 {
        assert_eq!(scene.posted.post(&gateway).await, Some(202));
    }
    assert!(back_up(&scene).success());
    scene = scene.cut(gateway, 1, Unsynced::Lost);
    let mut backed_up = BTreeSet::new();
    for (number, (call, part)) in (2..).zip([
        ("write", "/backup/"),
        ("sync", "/backup/journal/"),
        ("rename", "/backup/journal/"),
        ("dirsync", "/backup/journal$"),
        ("rename", "/backup.keys/"),
        ("rename", "/backup/manifest"),
        // It counts by now.
        ("rename", "/backup.keys/keys"),
    ]) {
        let gateway = scene.start();
        for _ in 0..5 {
            assert_eq!(scene.posted.post(&gateway).await, Some(202));
        }
        scene.disk.order(call, before(part, 1));
        let said = back_up(&scene);
        assert!(scene.disk.is_done(call), "{call} {part}");
        assert!(!said.success(), "{call} {part}");
        let unsynced = match number % 2 {
            0 => Unsynced::Lost,
            _ => Unsynced::Torn(number),
        };
        scene = scene.cut(gateway, number, unsynced);
        let [to, keys] = backup(&scene);
        let mut verify = program();
        let checked = verify.args(["backup", "verify", &to, "--keys", &keys]);
        let checked = checked.output().unwrap();
        assert_eq!(checked.status.code(), Some(0), "{call} {part}: {checked:?}");
        backed_up.insert(checked.stdout);
    }
    assert_eq!(backed_up.len(), 2, "the earlier one and a new one");
    let gateway = scene.start();
    assert!(back_up(&scene).success());
    scene.settle(gateway).await;
}
