//! The evidence of a document, checked with the tools that everybody has, by the instructions inside.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::gateway::{Place, document, program};
use crate::insurer;
use crate::operating::paid;

fn shell(directory: &Path, script: &str) -> Output {
    let mut command = Command::new("sh");
    command.args(["-euc", script]).current_dir(directory);
    command.output().unwrap()
}

/// The commands of the instructions, by the number of their step.
fn step(instructions: &str, number: usize) -> String {
    let begin = format!("\n  {number}. ");
    let from = instructions.find(&begin).unwrap() + begin.len();
    let lines = instructions[from..].lines();
    // The sentence before them.
    let lines = lines.skip_while(|line| !line.is_empty());
    let lines = lines.take_while(|line| line.is_empty() || line.starts_with("     "));
    lines
        .map(|line| format!("{}\n", line.trim_start()))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_checked_without_the_gateway_and_no_changed_byte_passes() {
    let place = Place::bare();
    let (insurer, base) = insurer::start(&place, "").await;
    let place = place.ready(&base);
    let gateway = place.start();
    let ids = paid(&gateway, 3).await;
    let file = place.path("evidence.tar");
    let mut export = program();
    export.args(["export", "--config"]).arg(place.config());
    export.args(["--document", &ids[1], "--to"]).arg(&file);
    let said = export.output().unwrap();
    assert_eq!(said.status.code(), Some(0), "{said:?}");
    let mut traces = program();
    traces.args(["traces", "--config"]).arg(place.config());
    let said = String::from_utf8(traces.output().unwrap().stdout).unwrap();
    let read = said.lines().find(|line| line.contains(&ids[1]));
    assert!(read.is_some_and(|line| line.contains("content")), "{said}");
    assert_eq!(gateway.stop(&[]).code(), Some(0));
    insurer.shutdown().await;

    let verify = |file: &Path| {
        program()
            .args(["export", "verify"])
            .arg(file)
            .output()
            .unwrap()
    };
    let said = verify(&file);
    let text = String::from_utf8_lossy(&said.stdout).into_owned();
    assert_eq!(said.status.code(), Some(0), "{text}");
    // The document, its receipt and its settlement.
    assert!(
        text.contains("3 bodies are those that were committed to"),
        "{text}"
    );

    let unpacked = place.path("unpacked");
    fs::create_dir(&unpacked).unwrap();
    let tar = format!("tar -xf {}", file.display());
    assert!(shell(&unpacked, &tar).status.success());
    assert_eq!(
        fs::read_to_string(unpacked.join("bodies/document/bytes")).unwrap(),
        document(2)
    );
    assert!(
        text.contains("receipt: accepted; its body is here"),
        "{text}"
    );
    assert!(
        text.contains("NOT PROVEN: whether other entries speak of it"),
        "{text}"
    );
    let instructions = fs::read_to_string(unpacked.join("README.txt")).unwrap();
    let printed = |number: usize| {
        let output = shell(&unpacked, &step(&instructions, number));
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(printed(1), "chain holds\n");
    let bodies = printed(2);
    assert_eq!(bodies.lines().count(), 3, "{bodies}");
    assert!(bodies.contains("bodies/document holds\n"), "{bodies}");
    let stands = printed(3);
    assert_eq!(stands.lines().count(), 3, "{stands}");
    assert!(
        stands.contains("bodies/document stands in entry 0000"),
        "{stands}"
    );
    // The document and its lot, each in the entries that the list names.
    let manifest = fs::read(unpacked.join("document.json")).unwrap();
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    let named = printed(4);
    for entry in manifest["history"].as_array().unwrap() {
        let entry = format!("/entries/{:020}\n", entry.as_u64().unwrap());
        assert!(named.contains(&entry), "{entry}: {named}");
    }
    let history = manifest["history"].as_array().unwrap().len();
    let entries: BTreeSet<_> = named
        .lines()
        .filter_map(|line| line.split(" in ").nth(1))
        .collect();
    assert_eq!(entries.len(), history, "{named}");

    // A byte of the body, of an entry, of a hash.
    let whole = fs::read(&file).unwrap();
    for name in ["bodies/document/bytes", "/entries/0", "/after\0"] {
        let name = name.as_bytes();
        let head = whole
            .windows(name.len())
            .rposition(|window| window == name)
            .unwrap();
        // Behind its block of the header.
        let mut changed = whole.clone();
        changed[head / 512 * 512 + 512] ^= 1;
        fs::write(&file, changed).unwrap();
        assert_eq!(verify(&file).status.code(), Some(1), "{name:?}");
    }
    fs::write(unpacked.join("bodies/document/bytes"), document(3)).unwrap();
    assert!(!printed(2).contains("bodies/document holds"));
}
