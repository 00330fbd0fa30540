//! The command line without a daemon: exit codes and what is printed.

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Output, Stdio};

use serde_json::Value;

use crate::gateway::{Place, program};

fn run(arguments: &[&str]) -> Output {
    program()
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap()
}

#[test]
fn validate_tells_all_findings_and_ends_with_65() {
    let valid = "fixtures/documents/valid/fse-tiers-payant.xml";
    assert_eq!(run(&["validate", valid]).status.code(), Some(0));
    let faulty = std::fs::read_dir("fixtures/documents/invalid").unwrap();
    let faulty = faulty
        .map(|entry| entry.unwrap().path())
        .find(|path| path.to_str().unwrap().contains("/NIR_KEY."));
    let faulty = faulty.unwrap().with_extension("xml");
    let output = run(&["validate", "--json", valid, faulty.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(65));
    let lines: Vec<Value> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(
        (&lines[0]["valid"], &lines[1]["valid"]),
        (&true.into(), &false.into())
    );
    let finding = &lines[1]["findings"][0];
    assert_eq!(finding["code"], "NIR_KEY");
    for key in ["severity", "layer", "path", "fr", "en"] {
        assert!(
            finding[key].as_str().is_some_and(|text| !text.is_empty()),
            "{key}"
        );
    }
    assert!(finding["line"].as_u64() > Some(1) && finding["column"].as_u64() >= Some(1));
}

#[test]
fn validate_takes_the_limits_of_a_configuration_and_every_file() {
    let valid = "fixtures/documents/valid/fse-tiers-payant.xml";
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("bordereau.toml");
    std::fs::write(&config, "[intake]\ndocument_bytes = 100\n").unwrap();
    let config = config.to_str().unwrap();
    let output = run(&["validate", "--json", "--config", config, valid]);
    assert_eq!(output.status.code(), Some(65));
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("XML_SIZE"), "{said}");

    let marked = directory.path().join("marked.xml");
    let text = std::fs::read_to_string(valid).unwrap();
    let (_, root) = text.split_once("?>").unwrap();
    std::fs::write(&marked, format!("\u{feff}\u{feff}{}", root.trim_start())).unwrap();
    let output = run(&["validate", marked.to_str().unwrap(), valid]);
    assert_eq!(output.status.code(), Some(65));
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("XML_ROOT"), "{said}");
    assert!(said.contains(&format!("{valid}: valid")), "{said}");
}

#[test]
fn validate_judges_what_comes_after_a_file_that_cannot_be_read() {
    let valid = "fixtures/documents/valid/fse-tiers-payant.xml";
    let directory = "fixtures";
    let output = run(&["validate", "--json", "no-such-file.xml", valid, directory]);
    assert_eq!(output.status.code(), Some(66));
    let lines: Vec<Value> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let told: Vec<_> = lines
        .iter()
        .map(|line| (&line["valid"], line["error"].is_string()))
        .collect();
    assert_eq!(
        told,
        [
            (&Value::Null, true),
            (&true.into(), false),
            (&Value::Null, true)
        ]
    );
    let output = run(&["validate", "no-such-file.xml", valid]);
    assert_eq!(output.status.code(), Some(66));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("no-such-file.xml: cannot be read"), "{text}");
    assert!(text.contains("tiers-payant.xml: valid"), "{text}");
}

#[test]
fn a_reader_who_has_gone_is_no_defect() {
    let mut command = program();
    let mut files = command.arg("validate");
    for _ in 0..200 {
        files = files.arg("no-such-file.xml");
    }
    let child = files.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), &*errors), (Some(66), ""));
}

#[test]
fn what_is_not_understood_ends_with_the_codes_of_sysexits() {
    assert_eq!(run(&["no-such-command"]).status.code(), Some(64));
    assert_eq!(
        run(&["validate", "no-such-file.xml"]).status.code(),
        Some(66)
    );
    assert_eq!(
        run(&["check-config", "--config", "no-such-file.toml"])
            .status
            .code(),
        Some(78)
    );
    assert_eq!(run(&["--help"]).status.code(), Some(0));
}

#[test]
fn schemas_are_written_out() {
    let directory = tempfile::tempdir().unwrap();
    let output = run(&["schemas", "--write", directory.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0));
    for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas")).unwrap() {
        let entry = entry.unwrap();
        let written = std::fs::read(directory.path().join(entry.file_name())).unwrap();
        assert!(
            written == std::fs::read(entry.path()).unwrap(),
            "{:?}",
            entry.file_name()
        );
    }
}

#[test]
fn a_configuration_is_checked_before_anything_is_bound() {
    let place = Place::bare().ready("https://localhost:9");
    let config = place.config();
    let check = || {
        program()
            .args(["check-config", "--config"])
            .arg(&config)
            .output()
            .unwrap()
    };
    assert_eq!(
        check().status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&check().stderr)
    );
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace("lot_age_seconds", "lot_aeg_seconds")).unwrap();
    let refused = check();
    assert_eq!(refused.status.code(), Some(78));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("dispatch.lot_aeg_seconds"));
    assert!(!place.path("store").exists(), "nothing was opened");
}

/// Writes the configuration anew, with one text in place of another.
fn reword(place: &Place, before: &str, after: &str) {
    let text = std::fs::read_to_string(place.config()).unwrap();
    assert!(text.contains(before), "{text}");
    std::fs::write(place.config(), text.replace(before, after)).unwrap();
}

#[test]
fn a_check_and_a_start_say_the_same_of_what_cannot_be_used() {
    let other_key = |place: &Place| {
        std::fs::copy(place.path("gateway.key"), place.path("public.key")).unwrap();
    };
    let no_tokens = |place: &Place| std::fs::write(place.path("tokens.json"), "{garbage").unwrap();
    let no_pair = "public.tls: the certificate and its key cannot be used together";
    let no_file = "is not a token file (line 1, column 2)";
    type Spoil<'a> = Box<dyn Fn(&Place) + 'a>;
    let rows: [(Spoil<'_>, &[&str]); 6] = [
        (Box::new(other_key), &[no_pair]),
        (Box::new(no_tokens), &[no_file]),
        (
            Box::new(|place| {
                other_key(place);
                no_tokens(place);
            }),
            &[no_pair, no_file],
        ),
        (
            Box::new(|place| reword(place, "/bordereau.sock", "/public.pem/bordereau.sock")),
            &["desk.socket: nothing can be listened on at "],
        ),
        (
            Box::new(|place| {
                let centres = std::fs::read_to_string(place.path("centres.toml")).unwrap();
                let typo = centres.replace("national-2025", "nat");
                std::fs::write(place.path("centres.toml"), typo).unwrap();
            }),
            &["agreement: line 2: no agreement of the configuration has this id"],
        ),
        (
            Box::new(|place| reword(place, "/tokens.json", "/store/tokens.json")),
            &["access.tokens: must not lie in `store.directory`"],
        ),
    ];
    for (spoil, words) in rows {
        let place = Place::bare().ready("https://localhost:9");
        spoil(&place);
        for command in ["check-config", "serve"] {
            let mut asked = program();
            asked.args([command, "--config"]).arg(place.config());
            let said = asked.output().unwrap();
            let text = String::from_utf8_lossy(&said.stderr);
            assert_eq!(said.status.code(), Some(78), "{command}: {text}");
            assert!(
                words.iter().all(|word| text.contains(word)),
                "{command}: {text}"
            );
        }
        assert!(!place.path("store").exists(), "nothing was opened");
    }
}

#[test]
fn directories_are_made_and_what_is_wanting_is_said() {
    let place = Place::bare().ready("https://localhost:9");
    reword(&place, "/bordereau.sock", "/run/gateway/bordereau.sock");
    reword(&place, "/tokens.json", "/etc/tokens.json");
    let caller = "[access]\ncertificates = [{ identity = \"cn:b\", \
                  caller = { name = \"b\", role = \"insurer\", insurer = \"lyon\" } }]\n";
    reword(&place, "[access]\n", caller);
    let wanting = [
        "etc/tokens.json is not there, so nobody comes in",
        "no endpoint `lyon`",
    ];
    let mut check = program();
    check.args(["check-config", "--config"]).arg(place.config());
    let said = check.output().unwrap();
    let text = String::from_utf8(said.stdout).unwrap();
    assert_eq!(said.status.code(), Some(0), "{text}");
    assert!(wanting.iter().all(|words| text.contains(words)), "{text}");
    assert!(!place.path("etc").exists() && !place.path("run").exists());

    assert_eq!(place.start().stop(&wanting).code(), Some(0));
    let mut issue = program();
    issue.args(["token", "--config"]).arg(place.config());
    issue.args(["issue", "metrics", "--role", "metrics"]);
    assert_eq!(issue.output().unwrap().status.code(), Some(0));
    assert_eq!(place.start().stop(&wanting[1..]).code(), Some(0));
    for made in ["etc", "run/gateway"] {
        let mode = std::fs::metadata(place.path(made))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o700, "{made}");
    }
}

#[test]
fn an_insurer_is_simulated_with_a_plan_of_its_own_file() {
    let place = Place::bare();
    let at = place.path("");
    let at = at.display();
    let config = place.path("insurer.toml");
    let text = format!(
        "book = '{at}/book.jsonl'\n[tls]\ncertificate = '{at}/insurer.pem'\nkey = '{at}/insurer.key'\n\
         client_roots = '{at}/authority.pem'\n"
    );
    std::fs::write(&config, text).unwrap();
    let simulate = |plan: &Path| {
        let mut command = program();
        command.args(["simulate", "insurer", "--config"]);
        command.arg(&config).arg("--plan").arg(plan);
        command
    };
    let scenarios = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/scenarios");
    let mut running = simulate(&scenarios.join("poison.toml"))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut said = BufReader::new(running.stdout.take().unwrap());
    said.read_line(&mut line).unwrap();
    running.kill().unwrap();
    running.wait().unwrap();
    assert!(line.starts_with("https://127.0.0.1:"), "{line}");
    // What is no plan is refused.
    let refused = simulate(&config).output().unwrap();
    let text = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(78), "{text}");
    assert!(text.contains("book: is no key"), "{text}");
}

#[test]
fn tokens_are_issued_listed_and_revoked() {
    let place = Place::bare().ready("https://localhost:9");
    let token = |arguments: &[&str]| {
        let output = program()
            .args(["token", "--config"])
            .arg(place.config())
            .args(arguments)
            .output()
            .unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stdout).unwrap(),
        )
    };
    let (code, list) = token(&["list"]);
    assert_eq!(code, Some(0));
    assert!(
        list.contains("centre") && !list.contains(&place.centre),
        "{list}"
    );
    let id = list
        .lines()
        .find(|line| line.contains("metrics"))
        .unwrap()
        .split_whitespace()
        .next()
        .unwrap()
        .to_owned();
    assert_eq!(token(&["revoke", &id]).0, Some(0));
    assert_eq!(token(&["revoke", "0000000000000000"]).0, Some(65));
}
