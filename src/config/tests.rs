//! The documented file names every key, and what is wrong is named by its full key, all at once.

use std::collections::BTreeSet;

use super::*;

fn no_variables() -> [(String, String); 0] {
    []
}

/// The documented file with its examples set: `#key = value` and `#[section]`.
fn with_examples() -> String {
    let line = |line: &str| match line.strip_prefix('#') {
        Some(rest)
            if rest.starts_with(|first: char| first.is_ascii_lowercase() || first == '[') =>
        {
            format!("{rest}\n")
        }
        Some(_) | None => format!("{line}\n"),
    };
    DEFAULT.lines().map(line).collect()
}

/// Every key that a document names, and the sections on the way.
fn named(prefix: &str, table: &Table, keys: &mut BTreeSet<String>) {
    for (key, value) in table {
        let path = if prefix.is_empty() {
            key.clone()
        } else {
            format!("{prefix}.{key}")
        };
        let tables = match value {
            toml::Value::Table(table) => vec![table],
            toml::Value::Array(values) => values.iter().filter_map(toml::Value::as_table).collect(),
            _ => Vec::new(),
        };
        for table in tables {
            named(&path, table, keys);
        }
        keys.insert(path);
    }
}

#[test]
fn the_documented_file_is_the_default() {
    let read = read(DEFAULT, "config/default.toml", no_variables()).unwrap();
    assert_eq!(format!("{read:#?}"), format!("{:#?}", Config::default()));
}

#[test]
fn the_documented_file_names_every_key() {
    let table = table_of(&with_examples()).unwrap();
    let mut documented = BTreeSet::new();
    named("", &table, &mut documented);
    let reading = reader::read::<Config>(table).unwrap();
    assert_eq!(documented, reading.known);
}

#[test]
fn every_key_of_the_documented_file_stands_below_a_comment() {
    let (text, mut before) = (with_examples(), "");
    for line in text.lines() {
        let key = line
            .split_once(" = ")
            .is_some_and(|(key, _)| !key.contains(' '));
        if key {
            assert!(
                before.starts_with("# "),
                "{line}: say what it does on the line above"
            );
        }
        before = line;
    }
}

fn faults(text: &str, variables: &[(&str, &str)]) -> Vec<String> {
    let variables = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    match read(text, "test", variables) {
        Ok(_) => Vec::new(),
        Err(Error::Faulty(faults)) => faults.faults.iter().map(Fault::to_string).collect(),
        Err(Error::Unreadable { .. }) => panic!("nothing was to be read"),
    }
}

#[test]
fn every_fault_is_named_by_its_key_at_once() {
    let text = "
        nothing = 1
        [telemetry]
        upkeep_secnds = 3
        upkeep_seconds = 0
        [telemetry.log]
        format = \"xml\"
        fliter = \"\"
    ";
    let found = faults(
        text,
        &[
            ("BORDEREAU_TELEMETRY__LGO__FORMAT", "text"),
            ("BORDEREAU___", "1"),
        ],
    );
    let keys: Vec<_> = found
        .iter()
        .map(|fault| fault.split(':').next().unwrap_or_default())
        .collect();
    assert_eq!(
        keys,
        [
            "BORDEREAU___",
            "nothing",
            "BORDEREAU_TELEMETRY__LGO__FORMAT",
            "telemetry.log.fliter",
            "telemetry.log.format",
            "telemetry.upkeep_secnds",
            "telemetry.upkeep_seconds",
        ],
        "{found:#?}"
    );
}

#[test]
fn a_contradiction_is_named_by_its_key() {
    let found = faults(
        "",
        &[("BORDEREAU_TELEMETRY__LOG__FILTER", "bordereau=loud")],
    );
    assert_eq!(found.len(), 1);
    let variable = "BORDEREAU_TELEMETRY__LOG__FILTER: ";
    assert!(found[0].starts_with(variable), "{found:?}");
    let found = faults("[telemetry.log]\nfilter = \"bordereau=loud\"", &[]);
    assert!(found[0].starts_with("telemetry.log.filter: "), "{found:?}");
}

#[test]
fn a_value_that_does_not_fit_hides_no_contradiction_of_others() {
    let text = "
        [desk]
        operators = \"192.0.2.1:9090\"
        streams = 0
        [store]
        full_bytes = \"many\"
        low_bytes = 1
        [terms]
        pj_paper_days = 91
    ";
    let found = faults(text, &[("BORDEREAU_INTAKE__LOT_DOCUMENTS", "none")]);
    let keys: Vec<_> = found
        .iter()
        .map(|fault| fault.split(':').next().unwrap_or_default())
        .collect();
    // `store.low_bytes` may or may not contradict: that is not known before the other one is a number.
    assert_eq!(
        keys,
        [
            "desk.streams",
            "BORDEREAU_INTAKE__LOT_DOCUMENTS",
            "store.full_bytes",
            "terms.pj_paper_days",
            "desk.operators",
        ],
        "{found:#?}"
    );
}

#[test]
fn faults_of_variables_alone_do_not_name_the_file() {
    let variable = ("BORDEREAU_TERMS__PJ_PAPER_DAYS".to_owned(), "91".to_owned());
    let said = |text: &str| {
        read(text, "the file", [variable.clone()])
            .unwrap_err()
            .to_string()
    };
    assert!(
        said("").starts_with("the environment is not taken:"),
        "{}",
        said("")
    );
    let both = said("nothing = 1");
    assert!(both.starts_with("the file is not taken:"), "{both}");
}

#[test]
fn a_master_key_is_a_file_or_a_credential_and_never_in_the_store() {
    let key = |text: &str, variables: &[(&str, &str)]| {
        let variables = variables.iter();
        let variables = variables.map(|(name, value)| ((*name).into(), (*value).into()));
        let config = read(text, "test", variables).unwrap();
        config.store.encryption.master_key.unwrap()
    };
    let credentials = ("CREDENTIALS_DIRECTORY", "/run/credentials/bordereau");
    let text = |value: &str| format!("[store.encryption]\nmaster_key = '{value}'");
    assert_eq!(
        key(&text("/etc/key"), &[credentials]),
        Path::new("/etc/key")
    );
    let path = Path::new("/run/credentials/bordereau/key");
    assert_eq!(key(&text("credential:key"), &[credentials]), path);
    let named = ("BORDEREAU_STORE__ENCRYPTION__MASTER_KEY", "credential:key");
    assert_eq!(key("", &[credentials, named]), path);
    for (text, variables) in [
        (text("credential:key"), &[][..]),
        (text("credential:../key"), &[credentials]),
        (text("credential:"), &[credentials]),
        (text("/var/lib/bordereau/key"), &[]),
    ] {
        let found = faults(&text, variables);
        assert_eq!(found.len(), 1, "{text}");
        assert!(
            found[0].starts_with("store.encryption.master_key: "),
            "{found:?}"
        );
    }
    // No backup of the store holds the tokens.
    let within = "[store]\ndirectory = '/srv/store'\n[access]\ntokens = '/srv/store/tokens.json'";
    let found = faults(within, &[]);
    assert!(
        found.len() == 1 && found[0].starts_with("access.tokens: "),
        "{found:?}"
    );
    assert_eq!(
        faults(&within.replace("store/tokens", "tokens"), &[]),
        [""; 0]
    );
    let found = faults("[store.encryption]\nmode = 'required'", &[]);
    assert!(found[0].starts_with("store.encryption.mode: "), "{found:?}");
}

#[test]
fn values_that_contradict_each_other_are_named_by_their_keys() {
    let text = "
        [terms]
        pj_paper_days = 91
        [dispatch]
        lease_seconds = 3601
        retry_first_seconds = 10.0
        retry_cap_seconds = 5.0
        lot_age_seconds = nan
        [desk]
        operators = '0.0.0.0:8444'
        [receipts]
        poll_seconds = 1000.0
        [[access.certificates]]
        identity = 'cn:caisse'
        caller = { name = 'caisse', role = 'insurer', insurer = 'registered' }
        [[access.certificates]]
        identity = 'cn:caisse'
        caller = { name = 'centre', role = 'centre' }
        [[transport.endpoints]]
        name = 'caisse-a'
        base = 'https://caisse.example/wire'
        destinations = ['amo:017510000']
        tls = { roots = 'roots.pem' }
        limits = { answer_seconds = 3601 }
    ";
    let found = faults(text, &[]);
    let keys: Vec<_> = found
        .iter()
        .map(|fault| fault.split(':').next().unwrap_or_default())
        .collect();
    assert_eq!(
        keys,
        [
            "terms.pj_paper_days",
            "desk.operators",
            "access.certificates[2].identity",
            "access.certificates[2].caller",
            "dispatch.lot_age_seconds",
            "dispatch.retry_cap_seconds",
            "receipts.idle_cap_seconds",
            "receipts.trouble_cap_seconds",
            "dispatch.lease_seconds",
            "transport.endpoints[1].limits.answer_seconds",
        ],
        "{found:#?}"
    );
}

/// Every key of a table and below it whose value may be a part of a whole number.
fn parts(prefix: &str, table: &Table, keys: &mut Vec<String>) {
    for (key, value) in table {
        let path = format!("{prefix}{key}");
        match value {
            toml::Value::Table(table) => parts(&format!("{path}."), table, keys),
            toml::Value::Float(_) => keys.push(path),
            _ => {}
        }
    }
}

#[test]
fn alert_hours_fall() {
    for (value, expected) in [
        ("[72, 24]", 0),
        ("[1]", 0),
        ("[]", 1),
        ("[24, 24]", 1),
        ("[24, 48]", 1),
        ("[0]", 1),
    ] {
        let found = faults(&format!("[desk]\nalert_hours = {value}"), &[]);
        assert_eq!(found.len(), expected, "{value}: {found:?}");
        let named = |fault: &String| {
            fault.starts_with("desk.alert_hours") && fault.contains("each smaller")
        };
        assert!(found.iter().all(named), "{found:?}");
    }
}

#[test]
fn a_span_that_is_none_is_refused_by_its_key_whichever_it_is() {
    let mut keys = Vec::new();
    parts("", &table_of(DEFAULT).unwrap(), &mut keys);
    assert!(keys.len() >= 10, "{keys:?}");
    for key in keys {
        for value in ["nan", "-1.0", "inf", "1e300"] {
            let found = faults(&format!("{key} = {value}"), &[]);
            let named = found
                .iter()
                .any(|fault| fault.starts_with(&format!("{key}: ")));
            assert!(named, "{key} = {value}: {found:?}");
        }
    }
}

#[test]
fn shipped_agreements_are_taken_and_a_file_takes_the_place_of_its_id() {
    let shipped = agreements::load(&[]).unwrap();
    assert_eq!(shipped.all().count(), 4);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("own.toml");
    let (_, text) = crate::report::agreements::SHIPPED[1];
    std::fs::write(
        &path,
        text.replace("\nsource = \"", "\nsource = \"Read by us. "),
    )
    .unwrap();
    let own = agreements::load(std::slice::from_ref(&path)).unwrap();
    assert_eq!(own.all().count(), 4);
    let read = own
        .all()
        .filter(|agreement| agreement.source.starts_with("Read by us."));
    assert_eq!(read.count(), 1);

    let wrong = text
        .replace("signed = \"2015-07-08\"", "")
        .replace("\"FSE\"", "\"FES\"");
    let error = agreements::read(&wrong, "own.toml")
        .unwrap_err()
        .to_string();
    assert!(error.contains("counting.kinds: \"FES\""), "{error}");
}

#[test]
fn a_document_that_is_no_toml_is_named_with_its_line() {
    let found = faults("[telemetry]\nupkeep_seconds =\n", &[]);
    assert_eq!(found.len(), 1);
    assert!(found[0].contains("line 2"), "{found:?}");
}

#[test]
fn the_environment_goes_over_the_file() {
    let text = "[telemetry]\nupkeep_seconds = 3\n[telemetry.log]\nfilter = \"info\"";
    let variables = [
        ("BORDEREAU_TELEMETRY__UPKEEP_SECONDS", "4"),
        ("BORDEREAU_TELEMETRY__LOG__FORMAT", "text"),
        ("BORDEREAU_CONFIG", "/etc/bordereau.toml"),
        ("HOME", "/root"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let config = read(text, "test", variables).unwrap();
    assert_eq!(config.telemetry.upkeep_seconds.get(), 4);
    assert_eq!(config.telemetry.log.format, telemetry::log::Format::Text);
    assert_eq!(config.telemetry.log.filter, "info");
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Plan {
    fault: Vec<Step>,
    day: Option<String>,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Step {
    Slow { seconds: f64 },
    Reset,
}

#[test]
fn other_documents_are_read_alike() {
    let text = "day = 2026-02-03\nfault = [\"reset\", { slow = { seconds = 2 } }]";
    let plan: Plan = parse(text, "plan").unwrap();
    let fault = vec![Step::Reset, Step::Slow { seconds: 2.0 }];
    assert_eq!(
        plan,
        Plan {
            fault,
            day: Some("2026-02-03".to_owned())
        }
    );

    let text = "fault = [\"reset\", { slow = { seconds = \"two\" } }, \"rest\"]";
    let error = parse::<Plan>(text, "plan").unwrap_err().to_string();
    assert!(
        error.contains("fault[2].slow.seconds: invalid type"),
        "{error}"
    );
    let error = parse::<Plan>("", "plan").unwrap_err().to_string();
    assert!(error.contains("fault: is missing"), "{error}");
}

#[test]
fn what_differs_is_named_by_its_section() {
    let before = "[desk]\nsurvey_page = 10\n[dispatch]\nlot_documents = 5\n";
    for (after, expected) in [
        (before, &[][..]),
        (
            "# only a word\n[dispatch]\nlot_documents = 5\n[desk]\nsurvey_page = 10\n",
            &[],
        ),
        (
            "[desk]\nsurvey_page = 11\n[dispatch]\nlot_documents = 5\n",
            &["desk"],
        ),
        (
            "[dispatch]\nlot_documents = 6\n[report]\n",
            &["desk", "dispatch", "report"],
        ),
        // Webhooks and endpoints need no restart, whether they are the first of their section or not.
        (
            &format!("{before}[transport.webhooks]\nanswer_seconds = 5\n"),
            &[],
        ),
        (
            &format!("{before}[transport]\nwebhooks = {{}}\nendpoints = []\n"),
            &[],
        ),
    ] {
        assert_eq!(super::differences(before, after).unwrap(), expected);
    }
    assert!(super::differences(before, "[desk").is_err());
}
