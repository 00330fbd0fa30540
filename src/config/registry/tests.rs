//! Files of registrations, and everything that is wrong with them.

use super::*;
use crate::claims::document::Purpose;
use crate::claims::registry::{Category, Centre, EndpointVersion, SETTINGS_LENGTH};
use crate::claims::terms::Region;
use crate::claims::time::Day;

const TABLE: &str = "finess;name;category;gestionnaire;caisse;alsace_moselle;agreement;from;until\n\
    750712184;Centre de la Place;medical;750000002;017510000;;centres-2025;2026-01-01;2026-06-30\n\
    750712184;Centre de la Place;polyvalent;732829320;017510000;false;centres-2025;2026-07-01;\n";

/// One of each kind but centres, in TOML.
const OTHERS: &str = r#"[[gestionnaire]]
id = "750000002"
name = "Association de la Place"
from = 2026-01-01

[[caisse]]
code = "017510000"
name = "CPAM de Paris"
from = 2026-01-01
until = "2026-12-31"

[[endpoint]]
name = "caisse-751"
base = "https://caisse.example/wire"
destinations = ["amo:017510000", "amc:12345678"]
purpose = "test"
status = "absent"
receipt_keys = "receipts.pem"
tls = { roots = "roots.pem", identity = { certificate = "own.pem", key = "own.key" } }
from = 2026-01-01
"#;

/// The same as tables.
const TABLES: [&str; 3] = [
    "id,name,from,until\n750000002,Association de la Place,2026-01-01,\n",
    "code,name,from,until\n017510000,CPAM de Paris,2026-01-01,2026-12-31\n",
    "name,base,destinations,purpose,status,roots,certificate,key,receipt_keys,from,until\n\
     caisse-751,https://caisse.example/wire,amo:017510000 amc:12345678,test,absent,roots.pem,own.pem,own.key,\
     receipts.pem,2026-01-01,\n",
];

fn nothing(_: &Endpoint) -> Vec<String> {
    Vec::new()
}

fn taken(read: Result<Vec<Lined>, Error>) -> Vec<Registration> {
    let read = read.unwrap().into_iter();
    read.map(|lined| lined.registration).collect()
}

fn centres(read: Result<Vec<Lined>, Error>) -> Vec<Centre> {
    let centre = |registration| match registration {
        Registration::Centre(centre) => centre,
        other => panic!("{other:?}"),
    };
    taken(read).into_iter().map(centre).collect()
}

fn faults(read: Result<Vec<Lined>, Error>) -> Vec<String> {
    match read {
        Err(Error::Faulty(found)) => found.faults.iter().map(ToString::to_string).collect(),
        other => panic!("{other:?}"),
    }
}

/// Each of these begins as expected.
fn begin(found: &[String], expected: &[&str]) {
    let begins = |(found, expected): (&String, &&str)| found.starts_with(expected);
    let all = found.len() == expected.len() && found.iter().zip(expected).all(begins);
    assert!(all, "{found:#?}\n{expected:#?}");
}

#[test]
fn centres_are_read_from_their_file() {
    let text = include_str!("../../../fixtures/config/centres.toml");
    let centres = centres(read(text, "centres.toml", &nothing));
    let rows: Vec<_> = centres
        .iter()
        .map(|centre| (centre.finess.to_string(), centre.category, centre.region))
        .collect();
    assert_eq!(
        rows,
        [
            (
                "750712184".to_owned(),
                Category::Polyvalent,
                Region::Metropole
            ),
            (
                "2A0000156".to_owned(),
                Category::Dentaire,
                Region::Metropole
            ),
            (
                "750712184".to_owned(),
                Category::Polyvalent,
                Region::AlsaceMoselle
            ),
        ]
    );
    assert_eq!(centres[2].until, Day::parse("2027-06-30"));
    begin(
        &faults(read(&[text, text].concat(), "centres", &nothing)),
        &["centre[5].from", "centre[4].from", "centre[6].from"],
    );
}

#[test]
fn every_fault_of_a_file_of_centres_is_named() {
    let text = include_str!("../../../fixtures/config/centres-faulty.toml");
    begin(
        &faults(read(text, "centres", &nothing)),
        &[
            "centre[1].finess: line 3: ",
            "centre[1].name: line 3: ",
            "centre[1].category: line 3: ",
            "centre[1].caisse: line 3: ",
            "centre[2].agreement: line 12: ",
            "centre[2].from: line 12: ",
            "centre[3].until: line 21: ",
        ],
    );
}

#[test]
fn a_centre_changes_in_mid_year_and_its_documents_follow_the_dates() {
    let versions = centres(read_csv(TABLE, "centres.csv", &nothing));
    for (text, category, gestionnaire) in [
        ("2026-06-30", Category::Medical, "750000002"),
        ("2026-07-01", Category::Polyvalent, "732829320"),
    ] {
        let version = Centre::on(&versions, Day::parse(text).unwrap()).unwrap();
        assert_eq!(
            (version.category, version.gestionnaire.as_str()),
            (category, gestionnaire)
        );
    }
}

#[test]
fn a_table_and_toml_say_the_same() {
    let toml = "[[centre]]\nfiness = \"750712184\"\nname = \"Centre de la Place\"\ncategory = \"medical\"\n\
        gestionnaire = \"750000002\"\ncaisse = \"017510000\"\nagreement = \"centres-2025\"\n\
        from = \"2026-01-01\"\nuntil = \"2026-06-30\"\n";
    assert_eq!(
        taken(read(toml, "t", &nothing))[..],
        taken(read_csv(TABLE, "c", &nothing))[..1]
    );
    let others = taken(read(OTHERS, "t", &nothing));
    let tables = TABLES.map(|table| taken(read_csv(table, "c", &nothing)));
    assert_eq!(others, tables.concat());
}

/// What the ledger keeps of an endpoint is read as its section was, whatever the order of its keys.
#[test]
fn an_endpoint_is_kept_in_one_form_and_read_again() {
    let kept = |text: &str| match taken(read(text, "t", &nothing)).pop() {
        Some(Registration::Endpoint(version)) => version,
        other => panic!("{other:?}"),
    };
    let version = kept(OTHERS);
    assert_eq!(version.purpose, Purpose::Test);
    let again = endpoint(&version).unwrap();
    assert_eq!(
        (&again.name, &again.destinations, again.base.as_str()),
        (
            &version.name,
            &version.destinations,
            "https://caisse.example/wire"
        )
    );
    let of = |head: &str, tail: &str| format!("[[endpoint]]\nfrom = 2026-01-01\n{head}{tail}");
    let (name, rest) = (
        "name = 'a'\nbase = 'https://a.example'\n",
        "destinations = []\ntls.roots = 'r'\n",
    );
    let forms = [of(name, rest), of(rest, name)].map(|text| kept(&text));
    assert_eq!(forms[0], forms[1]);
    let foreign = EndpointVersion {
        settings: "name = 'a'\nroad = 1\n".to_owned(),
        ..version
    };
    assert!(endpoint(&foreign).unwrap_err().to_string().contains("road"));
}

#[test]
fn every_fault_of_a_table_is_named_with_its_line() {
    let text = TABLE
        .replacen("750712184", "750712185", 1)
        .replacen("polyvalent", "clinic", 1)
        .replacen(";false;", ";no;", 1);
    begin(
        &faults(read_csv(&(text + "1;2\n"), "c", &nothing)),
        &[
            "line 4: ",
            "centre[1].finess: line 2: ",
            "centre[2].alsace_moselle: line 3: ",
            "centre[2].category: line 3: ",
        ],
    );
    for (table, expected) in [
        (
            "id;name;from;until\n750000001;A;2026-01-01;\nG1;;yesterday;2026-01-01\n",
            &[
                "gestionnaire[1].id: line 2: ",
                "gestionnaire[2].id: line 3: ",
                "gestionnaire[2].name: line 3: ",
                "gestionnaire[2].from: line 3: ",
            ][..],
        ),
        (
            "name;code;from\nC;01751;2026-01-01\nC;017510000;2026-01-01\nC;017510000;2026-01-01\n",
            &[
                "caisse[1].code: line 2: ",
                "caisse[3].from: line 4: another row",
            ],
        ),
        (
            "name;base;destinations;roots;from\nA;https://a.example;751;r;2026\n",
            &[
                "endpoint[1].from: line 2: ",
                "endpoint[1].destinations: line 2: ",
                "endpoint[1].name: line 2: ",
            ],
        ),
        (
            "name;from\nA;2026-01-01\n",
            &["line 1: a column must tell the kind"],
        ),
        ("", &["line 1: a column must tell the kind"]),
        ("id;code\n", &["line 1: the header has a column"]),
    ] {
        begin(&faults(read_csv(table, "c", &nothing)), expected);
    }
}

#[test]
fn every_fault_of_a_file_of_all_kinds_is_named_with_its_line() {
    let text = OTHERS
        .replace("750000002", "750000001")
        .replace("017510000\"\nname", "0175\"\nname")
        .replace("\"test\"", "\"tests\"")
        .replace("status", "road")
        .replace("2026-12-31", "2025-12-31");
    begin(
        &faults(read(&text, "t", &nothing)),
        &[
            "gestionnaire[1].id: line 1: ",
            "caisse[1].code: line 6: ",
            "caisse[1].until: line 6: ",
            "endpoint[1].purpose: line 12: ",
            "endpoint[1].road: line 12: ",
        ],
    );
    // Keys that are unknown or missing have their line too, and hide no other table.
    let text = format!(
        "[[centre]]\nroad = 1\n{}",
        text.replace("\"tests\"", "\"test\"")
    );
    let found = faults(read(&text, "t", &nothing));
    assert!(
        found
            .iter()
            .any(|fault| fault.starts_with("centre[1].road: line 1: "))
    );
    assert!(
        found
            .iter()
            .any(|fault| fault.starts_with("endpoint[1].road: line 14: "))
    );
    begin(
        &faults(read("endpoint = 3", "t", &nothing)),
        &["endpoint[1]: is integer"],
    );
    begin(&faults(read("[[endpoint", "t", &nothing)), &["TOML"]);
    // Who misspells a kind is told all of them.
    let found = faults(read("[[centres]]\nfiness = \"750712184\"\n", "t", &nothing));
    for kind in RegistrationKind::ALL {
        assert!(found[0].contains(kind.as_str()), "{found:?}");
    }
}

#[test]
fn what_is_looked_at_beside_an_endpoint_s_keys_is_a_fault_like_others() {
    let unreadable = |endpoint: &Endpoint| vec![format!("{} cannot be read", endpoint.name)];
    let long = OTHERS.replace("wire", &"w".repeat(SETTINGS_LENGTH));
    begin(
        &faults(read(&long, "t", &unreadable)),
        &[
            "endpoint[1]: line 12: must have at most",
            "endpoint[1]: line 12: caisse-751 cannot be read",
        ],
    );
}

#[test]
fn versions_that_overlap_are_refused() {
    let table = TABLE.replace("2026-06-30", "2026-07-01");
    begin(
        &faults(read_csv(&table, "c", &nothing)),
        &["centre[2].from: line 3: the version before it"],
    );
}

#[test]
fn thousands_of_registrations_are_read_with_all_their_faults() {
    let mut text = String::new();
    for n in 0..3_005 {
        let (key, days) = (n % 10, "from = 2026-01-01\n");
        text += &format!(
            "[[centre]]\nfiness = \"75071218{key}\"\nname = \"C\"\ncategory = \"medical\"\ngestionnaire = \"G\"\n\
             caisse = \"017510000\"\nagreement = \"centres-2025\"\n{days}\
             [[gestionnaire]]\nid = \"75000000{key}\"\nname = \"G\"\n{days}\
             [[caisse]]\ncode = \"01751{key}\"\nname = \"C\"\n{days}"
        );
    }
    let found = faults(read(&text, "t", &nothing));
    // Of ten keys nine are wrong, and the tenth comes again and again; no code is one.
    assert_eq!(found.len(), 2 * (3_005 - 1) + 3_005);
}
