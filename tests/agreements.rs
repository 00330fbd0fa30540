//! The agreements that come with the program are read, are right in themselves, and claim no more than is known.

use bordereau::claims::agreement::{Agreement, Agreements, Role, Status};
use bordereau::claims::document::AgreementId;
use bordereau::claims::period::Form;
use bordereau::claims::registry::Category;
use bordereau::claims::time::Day;
use bordereau::report::agreements::{File, SHIPPED};

fn read(text: &str) -> Agreement {
    let file: File = toml::from_str(text).expect("a file of an agreement");
    file.agreement().expect("values that can be read")
}

fn shipped() -> Agreements {
    let agreements = SHIPPED.map(|(_, text)| read(text));
    Agreements::new(agreements.into()).expect("agreements that are right")
}

fn id(text: &str) -> AgreementId {
    AgreementId::parse(text).expect("an id")
}

#[test]
fn every_file_is_named_after_its_agreement() {
    for (name, text) in SHIPPED {
        assert_eq!(name, format!("{}.toml", read(text).id));
    }
}

#[test]
fn no_threshold_is_claimed_for_centres() {
    for agreement in shipped().all() {
        assert_eq!(agreement.status, Status::Unconfirmed, "{}", agreement.id);
        let bound = match agreement.role {
            Role::Agreement => 0,
            Role::Reference => Category::ALL.len(),
        };
        assert_eq!(agreement.thresholds.len(), bound, "{}", agreement.id);
    }
}

#[test]
fn who_concluded_an_agreement_and_over_what_it_is_measured_is_said() {
    for agreement in shipped().all() {
        let named = match agreement.role {
            Role::Agreement => 2,
            Role::Reference => 0,
        };
        assert_eq!(agreement.parties.len(), named, "{}", agreement.id);
        assert_eq!(agreement.period, Form::Year, "{}", agreement.id);
    }
    // A calendar year, where a file does not say it; and no period that depends on who asks.
    let (_, text) = SHIPPED[0];
    assert_eq!(
        read(&text.replace("period = \"year\"", "")).period,
        Form::Year
    );
    let rolling = read(&text.replace("period = \"year\"", "period = \"rolling\""));
    assert_eq!(rolling.period, Form::Rolling);
    for wrong in ["days", "year_to_date"] {
        let wrong = read(&text.replace("period = \"year\"", &format!("period = \"{wrong}\"")));
        assert!(Agreements::new(vec![wrong]).is_err());
    }
}

#[test]
fn an_agreement_has_effect_until_its_successor_is_published() {
    let agreements = shipped();
    for (day, expected) in [
        ("2015-12-31", None),
        ("2016-01-01", Some("national-2015")),
        ("2025-10-14", Some("national-2015")),
        ("2025-10-15", Some("national-2025")),
    ] {
        let day = Day::parse(day).expect("a day");
        let found = agreements.in_effect(&id("national-2025"), day);
        assert_eq!(found.map(|found| found.id.as_str()), expected, "{day}");
    }
}

#[test]
fn a_file_says_all_that_cannot_be_read_at_once() {
    let (_, text) = SHIPPED[0];
    let wrong = text
        .replace("\"2016-01-01\"", "\"2016-13-01\"")
        .replace("\"clock\"", "\"noon\"")
        .replace("\"FSE\"", "\"FSP\"")
        .replace("[1, 1]", "[1, 0]");
    let file: File = toml::from_str(&wrong).expect("a file of an agreement");
    let problems = file.agreement().expect_err("four values are wrong");
    let keys: Vec<&str> = problems.iter().map(|problem| problem.key).collect();
    assert_eq!(
        keys,
        [
            "in_force_from",
            "counting.kinds",
            "counting.day_basis",
            "counting.minimum_paper_coverage",
        ]
    );
    assert!(toml::from_str::<File>(&format!("{text}\nsurprise = 1")).is_err());
}
