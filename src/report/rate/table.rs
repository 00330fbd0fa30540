//! Rates as a table: CSV, a header and one row a centre or group.

use crate::formats::cells;
use crate::report::rate::shapes::{RateShape, Ratio};
use crate::report::rate::{CentreRate, GroupRate, Groups, Rates};

/// The columns of counts, the same for centres and groups.
const COUNTS: &str = "verdict,numerator,denominator,percent,secured,secured_percent,electronic,\
                      electronic_percent,paper_sheets,active_days,declared_days,cancelled,excluded,by_hand,\
                      both_ways,late";

/// A list of centres.
pub fn of_centres(rates: &Rates) -> String {
    let mut out = format!(
        "centre,name,category,agreement,policy,from,to,position,ledger,{COUNTS},references\r\n"
    );
    for rate in &rates.rates {
        out.push_str(&cells::line(&of_centre(rate)));
    }
    out
}

/// A list of groups.
pub fn of_groups(groups: &Groups) -> String {
    let mut out =
        format!("by,group,name,agreement,policy,centres,from,to,position,ledger,{COUNTS}\r\n");
    for group in &groups.groups {
        out.push_str(&cells::line(&of_group(groups, group)));
    }
    out
}

fn of_centre(rate: &CentreRate) -> Vec<String> {
    let references = rate.references.iter().filter_map(|reference| {
        let distance = reference.threshold.distance.as_ref()?;
        Some(format!("{} {}", reference.policy, distance.points))
    });
    let references: Vec<String> = references.collect();
    let head = [
        rate.centre.clone(),
        rate.name.clone(),
        rate.category.to_owned(),
        rate.agreement.clone(),
        rate.policy.clone().unwrap_or_default(),
        rate.period.from.clone(),
        rate.period.to.clone(),
        rate.basis.position.to_string(),
        rate.basis.ledger.to_owned(),
    ];
    let mut cells = head.to_vec();
    cells.extend(counts(&rate.counts));
    cells.push(references.join("; "));
    cells
}

fn of_group(groups: &Groups, group: &GroupRate) -> Vec<String> {
    let head = [
        groups.by.to_owned(),
        group.group.clone(),
        group.name.clone().unwrap_or_default(),
        group.agreement.clone(),
        group.policy.clone().unwrap_or_default(),
        group.centres.to_string(),
        groups.period.from.clone(),
        groups.period.to.clone(),
        groups.basis.position.to_string(),
        groups.basis.ledger.to_owned(),
    ];
    let mut cells = head.to_vec();
    cells.extend(counts(&group.counts));
    cells
}

fn counts(counts: &RateShape) -> [String; 16] {
    let upper = |ratio: &Option<Ratio>| text(ratio.as_ref().map(|ratio| ratio.numerator));
    let percent = |ratio: &Option<Ratio>| text(ratio.as_ref().map(|ratio| &ratio.percent));
    [
        counts.verdict.to_owned(),
        counts.numerator.to_string(),
        counts.denominator.to_string(),
        percent(&counts.rate),
        upper(&counts.secured_rate),
        percent(&counts.secured_rate),
        upper(&counts.electronic_rate),
        percent(&counts.electronic_rate),
        counts.paper_sheets.to_string(),
        counts.paper_coverage.active_days.to_string(),
        counts.paper_coverage.declared_days.to_string(),
        counts.beside.cancelled.to_string(),
        counts.beside.excluded.to_string(),
        counts.beside.by_hand.to_string(),
        counts.beside.both_ways.to_string(),
        text(counts.splits.lateness.get("late").or(Some(&0))),
    ]
}

fn text(value: Option<impl ToString>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}
