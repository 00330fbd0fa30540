//! Sums of groups against the sums of their centres, and the days on which a unit changes its group or period.

use proptest::prelude::*;

use super::*;
use crate::claims::agreement::tests::{agreement, day, id};
use crate::claims::document::{Exclusion, Exclusions, Kind, Mode};
use crate::claims::id::Destination;
use crate::claims::loss::losses;
use crate::claims::obligation::of_centre;
use crate::claims::rate::{Slice, Verdict};
use crate::claims::standing::{Receipted, Standing};
use crate::claims::tally::{Cell, DayBasis, Lateness, PaperCell};
use crate::claims::terms::Region;
use crate::claims::time::Timestamp;

const CENTRES: [&str; 3] = ["130000011", "590000014", "750000010"];

fn caisse(code: &str) -> Amo {
    Amo::new("01", code, "0000").unwrap()
}

fn finess(index: usize) -> Finess {
    Finess::parse(CENTRES[index]).unwrap()
}

fn version(centre: usize, from: &str, category: Category, gestionnaire: &str) -> Centre {
    Centre {
        finess: finess(centre),
        name: "Centre".into(),
        category,
        gestionnaire: Name::parse(gestionnaire).unwrap(),
        caisse: caisse(if category == Category::Dentaire {
            "751"
        } else {
            "131"
        }),
        region: Region::Metropole,
        agreement: id("old"),
        from: day(from),
        until: None,
    }
}

fn agreements() -> Agreements {
    let mut new = agreement("new", "2026-06-01");
    new.succeeds = Some(id("old"));
    new.counting.exclusions = Exclusions::NONE.with(Exclusion::StateMedicalAid);
    Agreements::new(vec![agreement("old", "2016-01-01"), new]).unwrap()
}

fn unit(centre: usize, on: Day) -> Cell {
    Cell {
        basis: DayBasis::Clock,
        centre: finess(centre),
        day: on,
        kind: Kind::Fse,
        mode: Mode::Secured,
        destination: Destination::Amo(caisse("751")),
        standing: Standing::Acknowledged,
        receipted: Receipted::Yes,
        late: Lateness::InTime,
        exclusions: Exclusions::NONE,
    }
}

fn period(text: &str) -> Period {
    Period::parse(text, day("2026-12-31")).unwrap()
}

fn sums(
    by: By,
    filter: &Filter,
    text: &str,
    centres: &[(Vec<Centre>, Counts)],
) -> BTreeMap<(Group, AgreementId), Aggregate> {
    let agreements = agreements();
    let mut sums = Sums::new(by, filter, &agreements, period(text));
    for (versions, counts) in centres {
        sums.add(versions, counts).unwrap();
    }
    sums.finish()
}

fn cells() -> impl Strategy<Value = Vec<(usize, i32, u8, u8, u8, u8, i64)>> {
    let cell = (
        0..3_usize,
        0..400_i32,
        0..7_u8,
        0..15_u8,
        0..3_u8,
        0..8_u8,
        1..5_i64,
    );
    prop::collection::vec(cell, 0..120)
}

proptest! {
    #[test]
    fn splits_sum_to_the_denominator_and_groups_to_their_centres(
        cells in cells(),
        sheets in prop::collection::vec((0..3_usize, 0..400_i32, 0..4_i64), 0..40),
    ) {
        let first = day("2026-01-01");
        let registry = [
            vec![version(0, "2020-01-01", Category::Medical, "A")],
            vec![
                version(1, "2020-01-01", Category::Medical, "A"),
                version(1, "2026-05-10", Category::Dentaire, "A"),
                version(1, "2026-09-01", Category::Dentaire, "B"),
            ],
            // Registered only in the year: the units of earlier days are in its first group.
            vec![version(2, "2026-03-01", Category::Infirmier, "B")],
        ];
        let mut counts: [Counts; 3] = Default::default();
        for (centre, offset, mode, standing, late, exclusions, number) in cells {
            let cell = Cell {
                mode: Mode::ALL[usize::from(mode)],
                standing: Standing::ALL[usize::from(standing)],
                receipted: if number % 2 == 0 { Receipted::Yes } else { Receipted::No },
                late: [Lateness::InTime, Lateness::Late, Lateness::Unproven][usize::from(late)],
                exclusions: Exclusions::from_bits(exclusions).unwrap(),
                ..unit(centre, first.plus_days(offset))
            };
            counts[centre].add_units(cell, number);
        }
        for (centre, offset, number) in sheets {
            let on = first.plus_days(offset);
            let cell = |caisse| PaperCell { centre: finess(centre), day: on, caisse };
            counts[centre].add_paper(cell(None), 1);
            counts[centre].add_paper(cell(Some(caisse("751"))), number);
        }
        let centres: Vec<_> = registry.into_iter().zip(counts).collect();
        let agreements = agreements();
        for text in ["2026", "2026-02", "2026-Q2", "2026-12-31/rolling", "2026-04-03/2026-10-07"] {
            let mut expected = Rate::default();
            for (versions, counts) in &centres {
                if let Ok(found) = of_centre(versions, counts, &agreements, period(text)) {
                    let policy = agreements.get(&found.agreement).unwrap();
                    let days = (period(text).from(), period(text).to());
                    let lost = losses(&policy.counting, counts, days);
                    let missing = found.rate.denominator - found.rate.numerator;
                    prop_assert_eq!(lost.iter().map(|loss| loss.documents).sum::<i64>(), missing);
                    expected.join(&found.rate);
                }
            }
            for by in By::ALL {
                let filter = Filter::default();
                let mut sum = Sums::new(by, &filter, &agreements, period(text));
                for (versions, counts) in &centres {
                    // A centre that is registered later is in no group, as it has no rate.
                    let _ = sum.add(versions, counts);
                }
                let mut total = Rate::default();
                for aggregate in sum.finish().into_values() {
                    let rate = aggregate.rate;
                    for split in [
                        rate.splits.mode.values().sum::<i64>(),
                        rate.splits.kind.values().sum(),
                        rate.splits.standing.values().sum(),
                        rate.splits.lateness.values().sum(),
                    ] {
                        prop_assert_eq!(split, rate.denominator);
                    }
                    prop_assert_eq!(rate.excluded.values().sum::<i64>(), rate.beside.excluded);
                    prop_assert!(rate.numerator <= rate.denominator);
                    total.join(&rate);
                }
                prop_assert_eq!(&total, &expected, "{} {}", by.as_str(), text);
            }
        }
    }
}

/// Which period, and which group, a unit is in on the days around a change.
#[test]
fn boundaries() {
    let at = |text| Timestamp::parse(text).unwrap().day();
    for (why, instant, within, without) in [
        (
            "31 December, 23:59 in Paris",
            "2026-12-31T22:59:59Z",
            "2026-12",
            "2027-01",
        ),
        (
            "1 January, 00:00 in Paris",
            "2026-12-31T23:00:00Z",
            "2027-01",
            "2026",
        ),
        (
            "the last second before summer time",
            "2026-03-29T00:59:59Z",
            "2026-03",
            "2026-Q2",
        ),
        (
            "the last second of a month in summer time",
            "2026-03-31T21:59:59Z",
            "2026-Q1",
            "2026-Q2",
        ),
        (
            "the first second of a month in summer time",
            "2026-03-31T22:00:00Z",
            "2026-04",
            "2026-Q1",
        ),
        (
            "the repeated hour, first time",
            "2026-10-25T00:30:00Z",
            "2026-10-25/2026-10-25",
            "2026-10-24/2026-10-24",
        ),
        (
            "the repeated hour, second time",
            "2026-10-25T01:30:00Z",
            "2026-10-25/2026-10-25",
            "2026-10-26/2026-10-26",
        ),
        (
            "the last second of the longest day",
            "2026-10-25T22:59:59Z",
            "2026-10-25/2026-10-25",
            "2026-10-26/2026-10-26",
        ),
        ("29 February", "2028-02-29T12:00:00Z", "2028-02", "2028-03"),
        (
            "29 February ends its twelve months",
            "2028-02-29T12:00:00Z",
            "2028-02-29/rolling",
            "2028-02-28/rolling",
        ),
        (
            "a year to date ends with its day",
            "2026-11-22T22:59:59Z",
            "2026-11-22/ytd",
            "2026-11-21/ytd",
        ),
    ] {
        assert!(period(within).contains(at(instant)), "{why}: in {within}");
        assert!(
            !period(without).contains(at(instant)),
            "{why}: not in {without}"
        );
    }
}

#[test]
fn a_category_that_changes_takes_its_days_with_it() {
    let versions = vec![
        version(0, "2020-01-01", Category::Medical, "A"),
        version(0, "2026-05-10", Category::Dentaire, "B"),
    ];
    let mut counts = Counts::default();
    for text in ["2026-05-08", "2026-05-09", "2026-05-10"] {
        counts.add_units(unit(0, day(text)), 1);
    }
    let centres = [(versions, counts)];
    let found = |by, filter: &Filter| {
        let found = sums(by, filter, "2026-05", &centres).into_iter();
        let found =
            found.map(|((group, _), sum)| (group.to_string(), sum.centres, sum.rate.denominator));
        found.collect::<Vec<_>>()
    };
    let all = Filter::default();
    let row = |group: &str, units| (group.to_owned(), 1_u64, units);
    assert_eq!(
        found(By::Category, &all),
        [row("medical", 2), row("dentaire", 1)]
    );
    assert_eq!(found(By::Gestionnaire, &all), [row("A", 2), row("B", 1)]);
    assert_eq!(
        found(By::Caisse, &all),
        [row("011310000", 2), row("017510000", 1)]
    );
    assert_eq!(found(By::All, &all), [row("all", 3)]);
    let dentaire = Filter {
        category: Some(Category::Dentaire),
        ..Filter::default()
    };
    assert_eq!(found(By::All, &dentaire), [row("all", 1)]);
}

#[test]
fn an_agreement_changes_at_midnight_and_a_centre_that_left_keeps_its_units() {
    let mut left = version(0, "2020-01-01", Category::Medical, "A");
    left.until = Some(day("2026-05-15"));
    let mut counts = Counts::default();
    let excluded = |on| Cell {
        exclusions: Exclusions::NONE.with(Exclusion::StateMedicalAid),
        ..unit(0, day(on))
    };
    // The last unit was sent in after the centre had left: its day of care was before.
    for on in ["2026-05-15", "2026-05-31", "2026-06-01"] {
        counts.add_units(excluded(on), 1);
    }
    let centres = [(vec![left], counts)];
    for (text, policy, denominator, beside) in [
        ("2026-05", "old", 2, 0),
        ("2026-05-31/2026-06-01", "new", 0, 2),
        ("2026-06", "new", 0, 1),
    ] {
        let found = sums(By::Agreement, &Filter::default(), text, &centres);
        let [((group, agreement), sum)] = &found.into_iter().collect::<Vec<_>>()[..] else {
            panic!("{text}: one group");
        };
        assert_eq!(
            (group, agreement),
            (&Group::Agreement(id(policy)), &id(policy)),
            "{text}"
        );
        let rate = &sum.rate;
        assert_eq!(
            (rate.denominator, rate.beside.excluded),
            (denominator, beside),
            "{text}"
        );
        let reasons: i64 = rate.excluded.values().sum();
        assert_eq!(reasons, beside, "{text}");
        let verdict = if denominator == 0 {
            Verdict::NoData
        } else {
            Verdict::PaperUnknown
        };
        assert_eq!(rate.verdict, verdict, "{text}");
        assert!(!rate.splits.kind.contains_key(&Slice::Paper), "{text}");
    }
}
