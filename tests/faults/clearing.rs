//! A disk that refuses while bodies past their time are cleared: each call in turn, once. What the ledger says has ended
//! ends without a restart, what is kept stays, and nothing else of the gateway minds.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::disk::{Disk, EIO, ENOSPC, Order};
use crate::gateway::{Gateway, Place, program, until};
use crate::stock::{Stock, content};

/// Documents: they came at once, into a segment of their own.
const DOCUMENTS: u64 = 200;

/// Bytes of a segment.
const SEGMENT: u64 = 32 << 10;

/// One that nobody cancelled.
const UNFINISHED: u64 = 2;

/// Lines that such a disk and such a stock are a reason for.
const COMPLAINTS: &[&str] = &[
    "no endpoint serves them",
    "older than it should be",
    "the clock is ahead",
    "bodies past their time cannot be cleared",
    "sync failed",
    "opened anew",
    "the store fails",
    "anchor of the day could not",
];

/// Old documents of which all but one are past their time, on a disk of their own.
async fn stocked() -> (Place, Disk) {
    let place = Place::bare().ready("https://localhost:9");
    Stock::of_old(&place, SEGMENT, DOCUMENTS, UNFINISHED).await;
    let disk = Disk::new(&place);
    copy(&place.path("store"), &disk.store());
    (place, disk)
}

pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => copy(&entry.path(), &to),
            false => fs::copy(entry.path(), &to).map(|_| ()).unwrap(),
        }
    }
}

/// The ordinals of the segments in a part of the store.
pub fn ordinals(disk: &Disk, part: &str) -> BTreeSet<String> {
    let names = fs::read_dir(disk.store().join(part)).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let whole = names.filter(|name| !name.ends_with(".new"));
    whole
        .filter_map(|name| Some(name.split_once('-')?.0.to_owned()))
        .collect()
}

/// How many keys are forgotten.
pub fn forgotten(place: &Place) -> usize {
    let mut command = program();
    command.args(["keys", "show", "--config"]);
    let shown = command.arg(place.config()).output().unwrap();
    let said = String::from_utf8(shown.stdout).unwrap();
    let line = said.lines().find(|line| line.contains("forgotten"));
    let (_, number) = line.unwrap().split_once(": ").unwrap();
    number.parse().unwrap()
}

pub async fn read(gateway: &Gateway, number: u64) -> (u16, String) {
    let path = format!("/v1/documents/00000000-0000-0000-0000-{number:012x}/content");
    let answer = gateway.get(&path).await;
    (answer.status().as_u16(), answer.text().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_ended_ends_whatever_call_fails_once() {
    for (call, error, part) in [
        ("unlink", EIO, ".segment"),
        ("dirsync", EIO, "journal"),
        ("rename", EIO, "keys.new"),
        ("write", ENOSPC, "keys.new"),
        ("rename", ENOSPC, "keys.new"),
        ("dirsync", EIO, "/store$"),
        ("open", ENOSPC, "archive/"),
        ("write", EIO, "archive/"),
        ("write", ENOSPC, "archive/"),
        ("sync", EIO, "archive/"),
        ("rename", EIO, "archive/"),
        ("rename", ENOSPC, "archive/"),
        ("dirsync", EIO, "/archive$"),
    ] {
        let (place, disk) = stocked().await;
        let mut environment = disk.environment();
        // Time enough to order the fault before anything is cleared.
        environment.extend([
            ("BORDEREAU_RETENTION__CLOCK_SECONDS", PathBuf::from("3")),
            ("BORDEREAU_RETENTION__LOOK_SECONDS", PathBuf::from("1")),
        ]);
        let gateway = place.start_with(&environment);
        disk.order(
            call,
            Order {
                error,
                from: 1,
                times: 1,
                part,
            },
        );
        until("the fault comes", || async { disk.is_done(call) }).await;
        until("everything is cleared", || async {
            read(&gateway, DOCUMENTS).await.0 == 410 && read(&gateway, 1).await.0 == 410
        })
        .await;
        until("nothing that ended is there", || async {
            let archived = ordinals(&disk, "archive");
            let live = ordinals(&disk, "journal");
            !archived.is_empty()
                && archived.is_disjoint(&live)
                && forgotten(&place) == archived.len()
        })
        .await;
        assert_eq!(read(&gateway, UNFINISHED).await, (200, content(UNFINISHED)));
        assert_eq!(gateway.stop(COMPLAINTS).code(), Some(0), "{call} {part}");
    }
}

/// What a run tries again no start fails by: purging late is no reason to admit nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_start_goes_on_with_what_the_disk_does_not_let_go() {
    let (place, disk) = stocked().await;
    let mut environment = disk.environment();
    environment.extend([
        ("BORDEREAU_RETENTION__CLOCK_SECONDS", PathBuf::from("3")),
        ("BORDEREAU_RETENTION__LOOK_SECONDS", PathBuf::from("1")),
    ]);
    let never = Order {
        error: EIO,
        from: 1,
        times: 0,
        part: ".segment",
    };
    let mut gateway = place.start_with(&environment);
    disk.order("unlink", never);
    gateway.wait_for("bodies past their time cannot be cleared");
    assert!(!ordinals(&disk, "archive").is_disjoint(&ordinals(&disk, "journal")));
    assert_eq!(gateway.stop(COMPLAINTS).code(), Some(0));

    let mut gateway = place.start_with(&environment);
    assert_eq!(gateway.get_as_nobody("/readyz").await.status(), 200);
    assert_eq!(read(&gateway, UNFINISHED).await, (200, content(UNFINISHED)));
    gateway.wait_for("bodies past their time cannot be cleared");
    disk.lift("unlink");
    until("nothing that ended is there", || async {
        let archive = ordinals(&disk, "archive");
        archive.is_disjoint(&ordinals(&disk, "journal")) && forgotten(&place) == archive.len()
    })
    .await;
    assert_eq!(gateway.stop(COMPLAINTS).code(), Some(0));
}
