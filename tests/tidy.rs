//! Checks on the code itself: room direction, purity of the core, module docs.
//!
//! The tables are the plan of `src/ARCHITECTURE.md`: a new edge gets its own commit and a dated decision in
//! `src/DECISIONS.md`.
//! Runs under plain `cargo test`, so nothing here depends on CI.

#![allow(clippy::unwrap_used, reason = "a test ends at what it cannot read")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Rooms in reading order. A room may import only the rooms in its row, and a row may only name
/// rooms above it, so the table cannot hold a cycle.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("claims", &[]),
    ("schema", &["claims"]),
    ("formats", &["claims", "schema"]),
    ("clock", &["claims"]),
    ("telemetry", &["claims"]),
    ("tls", &[]),
    ("access", &["claims", "tls"]),
    ("store", &["claims"]),
    ("transport", &["claims", "formats", "tls"]),
    (
        "http",
        &["claims", "formats", "telemetry", "tls", "access", "store"],
    ),
    (
        "intake",
        &[
            "claims",
            "formats",
            "clock",
            "telemetry",
            "tls",
            "access",
            "store",
            "http",
        ],
    ),
    (
        "dispatch",
        &[
            "claims",
            "formats",
            "clock",
            "telemetry",
            "store",
            "transport",
        ],
    ),
    (
        "receipts",
        &[
            "claims",
            "formats",
            "clock",
            "telemetry",
            "store",
            "transport",
        ],
    ),
    (
        "webhooks",
        &[
            "claims",
            "formats",
            "clock",
            "telemetry",
            "store",
            "transport",
        ],
    ),
    (
        "report",
        &["claims", "formats", "clock", "telemetry", "store"],
    ),
    ("retention", &["claims", "clock", "telemetry", "store"]),
    (
        "desk",
        &[
            "claims",
            "formats",
            "clock",
            "telemetry",
            "tls",
            "access",
            "store",
            "http",
            "report",
        ],
    ),
    (
        "simulator",
        &["claims", "formats", "clock", "telemetry", "tls"],
    ),
    // Only the rooms' `Config` and file types.
    (
        "config",
        &[
            "claims",
            "schema",
            "formats",
            "telemetry",
            "tls",
            "access",
            "store",
            "transport",
            "intake",
            "dispatch",
            "receipts",
            "report",
            "retention",
            "desk",
            "simulator",
        ],
    ),
    (
        "app",
        &[
            "claims",
            "schema",
            "formats",
            "clock",
            "telemetry",
            "tls",
            "access",
            "store",
            "transport",
            "http",
            "intake",
            "dispatch",
            "receipts",
            "webhooks",
            "report",
            "retention",
            "desk",
            "simulator",
            "config",
        ],
    ),
    (
        "cli",
        &[
            "claims",
            "schema",
            "formats",
            "clock",
            "telemetry",
            "tls",
            "access",
            "store",
            "transport",
            "intake",
            "dispatch",
            "receipts",
            "report",
            "retention",
            "desk",
            "simulator",
            "config",
            "app",
        ],
    ),
];

/// Crates that only the named rooms may touch.
const ONLY_IN: &[(&str, &[&str])] = &[
    ("axum", &["http", "intake", "desk", "simulator", "app"]),
    ("reqwest", &["transport", "simulator", "cli"]),
    ("rustls", &["tls", "access", "transport"]),
    ("quick_xml", &["schema", "formats"]),
    ("sled", &["store"]),
    ("metrics", &["telemetry"]),
    ("metrics_exporter_prometheus", &["telemetry"]),
    ("tracing_subscriber", &["telemetry"]),
    ("uuid", &["clock"]),
    ("regex_automata", &["schema"]),
    ("clap", &["cli"]),
    ("comfy_table", &["cli"]),
    ("indicatif", &["cli"]),
    ("anyhow", &["app", "cli"]),
    ("toml", &["config"]),
    ("csv", &["formats"]),
    ("zstd", &["store"]),
];

/// What of the store is its own: other rooms see its port. `app` builds a store and binds its observers, `cli` works on
/// the files of one at rest, `config` has its settings.
const OWN_OF_STORE: &[&str] = &["journal", "embedded", "ledger", "memory"];

/// The rooms that see more of the store than its port.
const SEES_INTO_STORE: &[&str] = &["store", "config", "app", "cli"];

/// The positive space of the core: everything else from `std`, and every other crate, is out.
const CORE_STD: &[&str] = &[
    "borrow",
    "cmp",
    "collections",
    "convert",
    "error",
    "fmt",
    "hash",
    "iter",
    "mem",
    "num",
    "ops",
    "slice",
    "str",
    "time",
];

/// What a `use` in the core may begin with; a hash for commitments, proptest in its tests.
const CORE_ROOTS: &[&str] = &[
    "crate",
    "self",
    "super",
    "std",
    "chrono",
    "chrono_tz",
    "thiserror",
    "sha2",
    "proptest",
];

/// `std::time` is in for `Duration`; these words are not.
const CORE_WORDS: &[&str] = &[
    "async ",
    ".await",
    "tokio",
    "SystemTime",
    "Instant::now",
    "time::Instant",
    "rand::",
    "tracing::",
    "println!",
    "serde",
];

#[test]
fn rooms_import_one_way() {
    let mut errors = Errors::default();
    for source in sources() {
        let Some(room) = &source.room else { continue };
        let Some((_, allowed)) = MAY_IMPORT.iter().find(|(name, _)| name == room) else {
            errors.add(
                &source,
                0,
                format!("room `{room}` has no row in MAY_IMPORT"),
            );
            continue;
        };
        let mut targets = source.segments_after("crate");
        // At the door of a room `super::store` is `crate::store` by another name.
        if source.is_door() {
            targets.extend(source.segments_after("super"));
        }
        for target in targets {
            let known = MAY_IMPORT.iter().any(|(name, _)| *name == target);
            if known && target != *room && !allowed.contains(&target.as_str()) {
                errors.add(&source, 0, format!("`{room}` must not import `{target}`"));
            }
        }
        for (line, text) in source.code() {
            if text.contains("super::super") {
                errors.add(
                    &source,
                    line,
                    "write `crate::room`, so that the edge is visible".into(),
                );
            }
            if text.trim_start().starts_with("pub") && text.contains("use crate::") {
                errors.add(&source, line, "re-exports another room".into());
            }
            for (name, rooms) in ONLY_IN {
                if names_crate(text, name) && !rooms.contains(&room.as_str()) {
                    errors.add(&source, line, format!("`{name}` belongs to {rooms:?}"));
                }
            }
        }
    }
    errors.finish();
}

#[test]
fn the_store_is_seen_through_its_port() {
    let mut errors = Errors::default();
    for source in sources() {
        let Some(room) = &source.room else { continue };
        if SEES_INTO_STORE.contains(&room.as_str()) || source.is_test() {
            continue;
        }
        for part in source.outside_tests().segments_after("store") {
            if OWN_OF_STORE.contains(&part.as_str()) {
                errors.add(&source, 0, format!("`store::{part}` is the store's own"));
            }
        }
    }
    errors.finish();
}

#[test]
fn table_is_acyclic() {
    for (index, (room, allowed)) in MAY_IMPORT.iter().enumerate() {
        for target in *allowed {
            let above = MAY_IMPORT[..index].iter().any(|(name, _)| name == target);
            assert!(above, "`{room}` lists `{target}`, which is not above it");
        }
    }
}

#[test]
fn core_is_pure() {
    let mut errors = Errors::default();
    let sources = sources();
    let core = sources
        .iter()
        .filter(|source| source.room.as_deref() == Some("claims"));
    let modules: BTreeSet<String> = core
        .flat_map(|source| {
            source
                .path
                .with_extension("")
                .into_os_string()
                .into_string()
        })
        .flat_map(|path| path.split('/').map(str::to_owned).collect::<Vec<_>>())
        .collect();
    for source in sources {
        if source.room.as_deref() != Some("claims") {
            continue;
        }
        for module in source.segments_after("std") {
            if !CORE_STD.contains(&module.as_str()) {
                errors.add(&source, 0, format!("`std::{module}` in the core"));
            }
        }
        for (line, text) in source.code() {
            if let Some(path) = text.trim_start().strip_prefix("use ") {
                let root = identifier(path);
                // An upper-case name is a type in scope, a module's name is the core's own.
                let known = CORE_ROOTS.contains(&root.as_str()) || modules.contains(&root);
                if !known && root.starts_with(|first: char| first.is_ascii_lowercase()) {
                    errors.add(&source, line, format!("`{root}` in the core"));
                }
            }
            for word in CORE_WORDS {
                if has_word(text, word) {
                    errors.add(&source, line, format!("`{}` in the core", word.trim()));
                }
            }
        }
    }
    errors.finish();
}

#[test]
fn root_does_not_reexport() {
    // A `pub use` in lib.rs would let a room reach another without naming it.
    for source in sources() {
        if source.path.ends_with("lib.rs") {
            assert!(!source.text.contains("pub use"), "lib.rs re-exports");
        }
    }
}

#[test]
fn every_module_has_a_first_sentence() {
    let mut errors = Errors::default();
    for source in sources() {
        if source.room.is_some() && !source.text.starts_with("//! ") {
            errors.add(&source, 0, "no module doc".into());
        }
    }
    errors.finish();
}

#[test]
fn a_module_with_parts_is_a_directory() {
    let mut errors = Errors::default();
    for source in sources() {
        for (line, text) in source.code() {
            if text.trim_start().starts_with("#[path") {
                errors.add(&source, line, "a module lies where its name says".into());
            }
        }
        let parts = source.path.with_extension("");
        let name = parts.file_name().unwrap().to_owned();
        if name == "tests" || !parts.is_dir() {
            continue;
        }
        for part in fs::read_dir(&parts).unwrap() {
            if part.unwrap().path().file_stem().unwrap() != "tests" {
                let message = format!("it has parts: it is `{}/mod.rs`", parts.display());
                errors.add(&source, 0, message);
            }
        }
    }
    errors.finish();
}

#[test]
fn fences_are_put_around_crates_that_are_used() {
    let manifest = fs::read_to_string("Cargo.toml").unwrap();
    for (name, rooms) in ONLY_IN {
        let package = name.replace('_', "-");
        let declared = manifest.contains(&format!("\n{package} = "));
        assert!(declared, "`{name}` is no dependency");
        for room in *rooms {
            assert!(
                MAY_IMPORT.iter().any(|(known, _)| known == room),
                "`{room}` is no room"
            );
        }
    }
}

#[test]
fn architecture_names_every_room() {
    let text = fs::read_to_string("src/ARCHITECTURE.md").unwrap();
    for (room, _) in MAY_IMPORT {
        assert!(
            text.contains(&format!("`{room}`")),
            "ARCHITECTURE.md does not name `{room}`"
        );
    }
}

struct Source {
    path: PathBuf,
    room: Option<String>,
    text: String,
}

impl Source {
    /// Whether this is the file in which a room begins: `src/room.rs` or `src/room/mod.rs`.
    fn is_door(&self) -> bool {
        let depth = self.path.components().count();
        depth == 2 || (depth == 3 && self.path.ends_with("mod.rs"))
    }

    /// Whether all of it is for tests.
    fn is_test(&self) -> bool {
        let mut parts = self.path.iter().filter_map(|part| part.to_str());
        parts.any(|part| part == "tests" || part.ends_with("tests.rs"))
    }

    /// Its lines before the tests that stand at its end.
    fn outside_tests(&self) -> Source {
        let end = self.text.find("#[cfg(test)]\nmod tests {");
        Source {
            path: self.path.clone(),
            room: self.room.clone(),
            text: self.text[..end.unwrap_or(self.text.len())].to_owned(),
        }
    }

    /// Lines that are not comments, with their one-based number.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self
            .text
            .lines()
            .enumerate()
            .map(|(index, line)| (index + 1, line));
        lines.filter(|(_, line)| !line.trim_start().starts_with("//"))
    }

    /// First path segment of every `root::x` and of every item inside `root::{ ... }`.
    fn segments_after(&self, root: &str) -> BTreeSet<String> {
        let code: String = self.code().map(|(_, line)| format!("{line}\n")).collect();
        let mut found = BTreeSet::new();
        let mut rest = code.as_str();
        while let Some(at) = rest.find(&format!("{root}::")) {
            rest = &rest[at + root.len() + 2..];
            let Some(group) = rest.strip_prefix('{') else {
                found.insert(identifier(rest));
                continue;
            };
            let mut depth = 1;
            let mut item_starts = true;
            for (index, character) in group.char_indices() {
                match character {
                    '{' => depth += 1,
                    '}' if depth == 1 => break,
                    '}' => depth -= 1,
                    ',' if depth == 1 => item_starts = true,
                    _ if character.is_whitespace() => (),
                    _ if item_starts => {
                        found.insert(identifier(&group[index..]));
                        item_starts = false;
                    }
                    _ => (),
                }
            }
        }
        found
    }
}

#[derive(Default)]
struct Errors(Vec<String>);

impl Errors {
    fn add(&mut self, source: &Source, line: usize, message: String) {
        self.0
            .push(format!("{}:{line}: {message}", source.path.display()));
    }

    fn finish(self) {
        assert!(self.0.is_empty(), "untidy:\n{}\n", self.0.join("\n"));
    }
}

/// Whether a line has a word, and not a longer one that begins with it.
fn has_word(text: &str, word: &str) -> bool {
    let is_part = |character: char| character.is_alphanumeric() || character == '_';
    text.match_indices(word).any(|(at, _)| {
        let after = text[at + word.len()..].chars().next();
        !word.ends_with(is_part) || !after.is_some_and(is_part)
    })
}

/// Whether a line begins a path with a crate's name; `config::toml::` and `my_toml::` are others.
fn names_crate(text: &str, name: &str) -> bool {
    let path = format!("{name}::");
    text.match_indices(&path).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        before.is_none_or(|before| !before.is_alphanumeric() && before != '_' && before != ':')
    })
}

fn identifier(text: &str) -> String {
    text.chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect()
}

fn room_of(path: &Path) -> Option<String> {
    let first = path.strip_prefix("src").ok()?.components().next()?;
    let room = first.as_os_str().to_str()?.trim_end_matches(".rs");
    (room != "main" && room != "lib").then(|| room.to_owned())
}

fn sources() -> Vec<Source> {
    let mut found = Vec::new();
    let mut directories = vec![PathBuf::from("src")];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                found.push(Source {
                    room: room_of(&path),
                    path,
                    text,
                });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(!found.is_empty(), "run from the repository root");
    found
}
