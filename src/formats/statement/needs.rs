//! The part of the page that a centre acts on: how many documents are missing, for which causes, and what to do.

use super::words::{count, decimal, french, loss, measure};
use super::xml::escaped;
use super::{Reference, Statement, Threshold};

/// The causes, the dearest first, each with what a centre can do; nothing where nothing was counted.
pub(super) fn section(statement: &Statement) -> String {
    let rate = &statement.rate;
    if rate.denominator == 0 {
        return String::new();
    }
    let mut out = "<section>\n<h2>Ce qui manque au taux, et que faire</h2>\n".to_owned();
    if statement.losses.is_empty() {
        return out
            + "<p>Rien ne manque : tous les documents comptent comme transmis.</p>\n</section>\n";
    }
    out += &format!(
        "<p>{} documents sur {} ne comptent pas comme transmis. La cause qui coûte le plus est la première.</p>\n\
         <table class=\"needs\">\n<thead><tr><th>Cause</th><th>documents</th><th>points</th><th>À faire</th></tr></thead>\n\
         <tbody>\n",
        count(rate.denominator - rate.numerator),
        count(rate.denominator),
    );
    for lost in &statement.losses {
        let (cause, remedy) = loss(&lost.cause);
        out += &format!(
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>\n",
            escaped(cause),
            count(lost.documents),
            decimal(&lost.points),
            escaped(remedy),
        );
    }
    out + "</tbody>\n</table>\n</section>\n"
}

/// What stands beside the verdict: the threshold or the policies to compare with, the gap in documents, and over
/// what a threshold is measured.
pub(super) fn gaps(statement: &Statement) -> String {
    let mut out = match &statement.threshold {
        Some(threshold) => {
            let status = french(&statement.policy.status);
            format!("<p>Seuil {status} : {}</p>", against(threshold))
        }
        None => "<p>La règle ne donne pas de seuil pour cette catégorie.</p>".to_owned(),
    };
    for Reference { policy, threshold } in &statement.references {
        out += &format!(
            "<p>Repère sans verdict ({}) : {}</p>",
            escaped(policy),
            against(threshold)
        );
    }
    let has_any = statement.threshold.is_some() || !statement.references.is_empty();
    if has_any && statement.policy.period != statement.period.form {
        out += &format!(
            "<p>La règle se mesure sur {} : sur cette période, un écart est une indication.</p>",
            measure(&statement.policy.period)
        );
    }
    if has_any && statement.verdict == "paper unknown" {
        out += "<p>Le papier qui n'est pas déclaré n'y est pas compté : il peut manquer davantage.</p>";
    }
    out
}

/// A threshold, the distance to it, and the gap in documents.
fn against(threshold: &Threshold) -> String {
    let mut text = bound(threshold);
    if let Some(points) = &threshold.points {
        text += &format!(" · écart {} points", decimal(points));
    }
    match threshold.missing {
        None => {}
        Some(0) => text += " · aucun document ne manque",
        Some(1) => text += " · il manque 1 document transmis",
        Some(missing) => text += &format!(" · il manque {} documents transmis", count(missing)),
    }
    escaped(&text)
}

/// A threshold as people say it: in percent where that is exact, and as the fraction that it is elsewhere.
pub(super) fn bound(threshold: &Threshold) -> String {
    let (upper, lower) = (threshold.numerator, threshold.denominator);
    let comparator = french(&threshold.comparator);
    let hundred = u64::from(upper) * 100;
    match hundred.checked_rem(u64::from(lower)) {
        Some(0) => format!("{comparator} {}\u{a0}%", hundred / u64::from(lower)),
        Some(_) | None => format!("{comparator} {upper}/{lower}"),
    }
}
