//! A directory on a disk that can lose power and can fail. `disk.c` says how; here it is compiled and steered.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::gateway::Place;

/// Smallest unit that a disk writes or does not write.
const SECTOR: usize = 512;

/// An input or output error.
pub const EIO: i32 = 5;
/// No space left on the device.
pub const ENOSPC: i32 = 28;

/// No error: the program is killed before the call, where the power is to be cut.
pub const KILL: i32 = 0;

/// A fault of one kind of call.
#[derive(Clone, Copy)]
pub struct Order {
    /// What the call ends with.
    pub error: i32,
    /// The first call that fails, counted from 1 and from now on.
    pub from: u32,
    /// How many fail; 0: all.
    pub times: u32,
    /// Only calls on paths with this in them are counted; with a `$` behind it, on paths that end so.
    pub part: &'static str,
}

/// A disk: what the program sees, and what is on the platter.
pub struct Disk {
    root: PathBuf,
    platter: PathBuf,
    orders: PathBuf,
}

/// What becomes of writes that were not synced when the power goes.
#[derive(Clone, Copy, Debug)]
pub enum Unsynced {
    /// None of them reached the platter.
    Lost,
    /// Any of their sectors reached it, in no order; drawn from this seed.
    Torn(u64),
}

impl Disk {
    /// An empty disk in a place.
    pub fn new(place: &Place) -> Disk {
        let disk = Disk::numbered(place, 0);
        fs::create_dir_all(&disk.root).unwrap();
        disk
    }

    /// An empty disk in a place that has others.
    pub fn numbered(place: &Place, number: u64) -> Disk {
        let at = place.path(&format!("disk-{number}"));
        let orders = at.join("orders");
        fs::create_dir_all(&orders).unwrap();
        Disk {
            root: at.join("live"),
            platter: at.join("platter"),
            orders,
        }
    }

    /// A directory beside that of the store.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// The directory of the store.
    pub fn store(&self) -> PathBuf {
        self.root.join("store")
    }

    /// The environment of a gateway whose store is on this disk. A small segment makes many of them.
    pub fn environment(&self) -> Vec<(&'static str, PathBuf)> {
        vec![
            ("LD_PRELOAD", preloaded().to_owned()),
            ("FAULTS_ROOT", self.root.clone()),
            ("FAULTS_PLATTER", self.platter.clone()),
            ("FAULTS_ORDERS", self.orders.clone()),
            ("BORDEREAU_STORE__DIRECTORY", self.store()),
            ("BORDEREAU_STORE__SEGMENT_BYTES", "262144".into()),
            ("BORDEREAU_STORE__LOOK_SECONDS", "0.1".into()),
        ]
    }

    /// Orders faults of a call, in the place of those ordered before.
    pub fn order(&self, call: &str, order: Order) {
        let Order {
            error,
            from,
            times,
            part,
        } = order;
        let _ = fs::remove_file(self.orders.join(format!("{call}.done")));
        self.write(call, format!("{error} {from} {times} {part}\n"));
    }

    /// Whether every fault that was ordered of a call has happened.
    pub fn is_done(&self, call: &str) -> bool {
        self.orders.join(format!("{call}.done")).exists()
    }

    /// Takes an order back.
    pub fn lift(&self, call: &str) {
        fs::remove_file(self.orders.join(call)).unwrap();
    }

    /// What the disk says is free, in bytes.
    pub fn set_free(&self, bytes: u64) {
        self.write("free", bytes.to_string());
    }

    fn write(&self, name: &str, text: String) {
        // A new file each time: the disk begins to count anew.
        let unfinished = self.orders.join(format!("{name}.new"));
        fs::write(&unfinished, text).unwrap();
        fs::rename(unfinished, self.orders.join(name)).unwrap();
    }

    /// The disk after a power cut, as the next start finds it. The program must have been killed.
    pub fn cut(self, place: &Place, number: u64, unsynced: Unsynced) -> Disk {
        let next = Disk::numbered(place, number);
        let root = fs::metadata(&self.root).unwrap().ino();
        let names = self.platter.join("dirs").join(root.to_string());
        self.restore(&names, &self.root, &next.root, unsynced);
        fs::remove_dir_all(self.root.parent().unwrap()).unwrap();
        next
    }

    /// Copies what the platter has by these names; `live` is where the program had them.
    fn restore(&self, names: &Path, live: &Path, to: &Path, unsynced: Unsynced) {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(names).unwrap() {
            let entry = entry.unwrap();
            let (live, to) = (live.join(entry.file_name()), to.join(entry.file_name()));
            if entry.path().is_dir() {
                self.restore(&entry.path(), &live, &to, unsynced);
                continue;
            }
            let mut bytes = fs::read(entry.path()).unwrap();
            if let Unsynced::Torn(seed) = unsynced
                && self.is_same(&entry.path(), &live)
            {
                tear(&mut bytes, &fs::read(&live).unwrap(), seed);
            }
            fs::write(to, bytes).unwrap();
        }
    }

    /// Whether the program's file of this name is the one that the platter has by it.
    fn is_same(&self, kept: &Path, live: &Path) -> bool {
        let Ok(live) = fs::metadata(live) else {
            return false;
        };
        let inode = self.platter.join("inodes").join(live.ino().to_string());
        let inode = fs::metadata(inode).map(|inode| inode.ino());
        inode.is_ok_and(|inode| inode == fs::metadata(kept).unwrap().ino())
    }
}

/// Takes over any sectors of `live`; one draw in eight takes over all, and one none.
fn tear(bytes: &mut Vec<u8>, live: &[u8], seed: u64) {
    let mut state = seed;
    let odds = next(&mut state) % 8;
    if bytes.len() < live.len() && odds > 0 {
        bytes.resize(live.len(), 0);
    }
    for (kept, live) in bytes.chunks_mut(SECTOR).zip(live.chunks(SECTOR)) {
        if kept.len() == live.len() && next(&mut state) % 7 < odds {
            kept.copy_from_slice(live);
        }
    }
}

/// SplitMix64.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// The disk as a library, compiled once.
fn preloaded() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/faults/disk.c");
        let library = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("libdisk.so");
        let made = Command::new("cc")
            .args([
                "-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Werror", "-o",
            ])
            .args([&library, &source])
            .output()
            .expect("a C compiler is installed: tests/run installs one");
        let said = String::from_utf8_lossy(&made.stderr);
        assert!(made.status.success(), "the disk does not compile: {said}");
        library
    })
}
