//! A statement as a page in French, to be read and printed on A4: no script, no font and no picture from elsewhere.
//!
//! It says of the rate what the verdict says, and never that a centre complies: the official figure is the caisse's.

use std::fmt::Write as _;

use super::needs;
use super::plot::{self, Mode, percent};
use super::words::{count, day, decimal, french, mode, verdict};
use super::xml::escaped;
use super::{Named, Part, Share, Statement};

const STYLE: &str = include_str!("page.css");

/// The page.
pub(super) fn write(statement: &Statement) -> Vec<u8> {
    let mut page = Page::default();
    page.head(statement);
    page.summary(statement);
    page.out.push_str(&needs::section(statement));
    page.drawings(statement);
    page.tables(statement);
    page.corrections(statement);
    page.proof(statement);
    page.out.push_str("</main>\n</body>\n</html>\n");
    page.out.into_bytes()
}

#[derive(Default)]
struct Page {
    out: String,
}

impl Page {
    fn add(&mut self, text: std::fmt::Arguments<'_>) {
        self.out.write_fmt(text).expect("a string takes every text");
    }

    fn head(&mut self, statement: &Statement) {
        let (centre, period) = (&statement.centre, &statement.period);
        let (name, named) = (escaped(&centre.name), escaped(&period.name));
        self.add(format_args!(
            "<!DOCTYPE html>\n<html lang=\"fr\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width\">\n\
             <title>Taux de télétransmission – {name} – {named}</title>\n<style>\n{STYLE}</style>\n</head>\n\
             <body>\n<main>\n<header>\n<p class=\"kind\">Relevé du taux de télétransmission</p>\n<h1>{name}</h1>\n"
        ));
        self.add(format_args!(
            "<p>FINESS {} · centre {} · gestionnaire {} · caisse {}</p>\n\
             <p>Période {named}, du {} au {} · établi le {} (UTC)</p>\n</header>\n",
            escaped(&centre.finess),
            escaped(french(&centre.category)),
            escaped(&centre.gestionnaire),
            escaped(&centre.caisse),
            day(&period.from),
            day(&period.to),
            escaped(&instant(&statement.issued)),
        ));
    }

    fn summary(&mut self, statement: &Statement) {
        let rate = &statement.rate;
        let class = match statement.verdict.as_str() {
            "reached" => "good",
            "not reached" => "poor",
            _ => "open",
        };
        self.add(format_args!(
            "<section class=\"summary\">\n<div class=\"rate\"><strong>{}</strong>\
             <span>{} documents transmis sur {}</span></div>\n<div class=\"verdict {class}\"><p>{}</p>",
            percent(rate),
            count(rate.numerator),
            count(rate.denominator),
            escaped(verdict(&statement.verdict)),
        ));
        self.out.push_str(&needs::gaps(statement));
        self.add(format_args!(
            "</div>\n</section>\n<p class=\"note\">{} : ce que la passerelle peut prouver. Le chiffre officiel est \
             celui de la caisse.</p>\n",
            escaped(&method(statement)),
        ));
    }

    /// Nothing is drawn of a period without activity.
    fn drawings(&mut self, statement: &Statement) {
        if statement.rate.denominator == 0 {
            return;
        }
        let splits = &statement.splits;
        self.out.push_str("<section>\n<h2>Taux par mois</h2>\n");
        self.out.push_str(&plot::months(statement));
        self.out.push_str("<h2>Mode de sécurisation</h2>\n");
        self.out
            .push_str(&plot::parts("Par mode", &splits.mode, Mode::Yes));
        self.out.push_str("<h2>Situation des documents</h2>\n");
        self.out
            .push_str(&plot::parts("Par situation", &splits.standing, Mode::No));
        self.out.push_str("<h2>Papier déclaré</h2>\n");
        self.out.push_str(&plot::coverage(statement));
        self.out.push_str("</section>\n");
    }

    fn tables(&mut self, statement: &Statement) {
        self.out
            .push_str("<section>\n<h2>Chiffres</h2>\n<div class=\"columns\">\n");
        let shares = [
            ("Taux de la règle", &statement.rate),
            ("Taux sécurisé (S, F, C)", &statement.secured),
            ("Taux électronique (tous modes)", &statement.electronic),
        ];
        let rows = shares.map(|(name, share)| [name.to_owned(), fraction(share), percent(share)]);
        self.table(&["", "documents", "taux"], &rows);
        let splits = &statement.splits;
        self.parts("Mode", &splits.mode, mode);
        self.parts("Type", &splits.kind, french);
        self.parts("Situation", &splits.standing, french);
        self.parts("Délai", &splits.lateness, french);
        self.parts("Transmis, par mode", &splits.transmitted, mode);
        let beside = statement.beside.iter().map(|beside| {
            let reasons: Vec<&str> = beside.reason.split('+').map(french).collect();
            let name = format!("{} : {}", french(&beside.what), reasons.join(", "));
            [name, count(beside.documents)]
        });
        let beside: Vec<_> = beside.collect();
        self.table(&["À part", "documents"], &beside);
        let paper = [[
            "Feuilles de papier au dénominateur".to_owned(),
            count(statement.paper.sheets),
        ]];
        self.table(&["Papier", "feuilles"], &paper);
        let references = statement.references.iter().map(|reference| {
            let points = reference.threshold.points.as_deref();
            [
                reference.policy.clone(),
                needs::bound(&reference.threshold),
                points.map_or_else(
                    || "–".to_owned(),
                    |points| format!("{} points", decimal(points)),
                ),
            ]
        });
        let references: Vec<_> = references.collect();
        self.table(&["Repère, sans verdict", "seuil", "écart"], &references);
        self.out.push_str("</div>\n");
        self.stretches(statement);
        self.out.push_str("</section>\n");
    }

    fn stretches(&mut self, statement: &Statement) {
        let segments = statement.segments.iter().map(|segment| {
            [
                format!("{} – {}", day(&segment.from), day(&segment.to)),
                french(&segment.category).to_owned(),
                segment.agreement.clone(),
                fraction(&segment.rate),
                percent(&segment.rate),
                french(&segment.verdict).to_owned(),
            ]
        });
        let segments: Vec<_> = segments.collect();
        let head = [
            "Partie de la période",
            "catégorie",
            "accord",
            "documents",
            "taux",
            "",
        ];
        self.table(&head, &segments);
        let months = statement.months.iter().map(|month| {
            [
                month.month.clone(),
                fraction(&month.rate),
                percent(&month.rate),
                format!("{} / {}", month.declared_days, month.active_days),
            ]
        });
        let months: Vec<_> = months.collect();
        self.table(&["Mois", "documents", "taux", "jours déclarés"], &months);
    }

    fn corrections(&mut self, statement: &Statement) {
        let closing = &statement.closing;
        self.add(format_args!(
            "<section>\n<h2>Clôture et corrections</h2>\n<p>Période close le {} (UTC), écriture {} : {} ({}).</p>\n",
            escaped(&instant(&closing.at)),
            closing.position,
            fraction(&closing.rate),
            percent(&closing.rate),
        ));
        if let Some(follows) = &statement.follows {
            self.add(format_args!(
                "<p>Ce relevé corrige le relevé n° {} de la même période.</p>\n",
                follows.number
            ));
        }
        let rows = statement.corrections.iter().map(|correction| {
            [
                instant(&correction.at),
                correction.position.to_string(),
                french(&correction.cause).to_owned(),
                correction.document.clone().unwrap_or_default(),
                change(correction.numerator),
                change(correction.denominator),
            ]
        });
        let rows: Vec<_> = rows.collect();
        let head = [
            "Date (UTC)",
            "écriture",
            "cause",
            "document",
            "num.",
            "dén.",
        ];
        self.table(&head, &rows);
        if rows.is_empty() {
            self.out
                .push_str("<p>Aucun fait postérieur à la clôture ne change ce taux ni ce qui l'accompagne.</p>\n");
        }
        self.out.push_str("</section>\n");
    }

    fn proof(&mut self, statement: &Statement) {
        let (policy, ledger) = (&statement.policy, &statement.ledger);
        self.out
            .push_str("<section class=\"proof\">\n<h2>Provenance</h2>\n<dl>\n");
        let until = policy.until.as_deref().map(day);
        let until = until.map_or_else(String::new, |until| format!(", terme {until}"));
        let mut rows = vec![
            (
                "Règle",
                format!(
                    "{} ({}), en vigueur depuis le {}{until}",
                    policy.title,
                    policy.id,
                    day(&policy.from)
                ),
            ),
            ("Source", policy.source.clone()),
            ("Seuils", french(&policy.status).to_owned()),
            ("Empreinte de la règle", policy.digest.clone()),
            (
                "Registre",
                format!("écriture {}, {}", ledger.position, ledger.hash),
            ),
        ];
        if let Some(anchor) = &statement.anchor {
            let place = format!(
                "{} : inscrite à l’écriture {}, chaîne jusqu’à l’écriture {}, {}",
                day(&anchor.day),
                anchor.entry,
                anchor.position,
                anchor.hash
            );
            rows.push(("Ancre du jour", place));
        }
        rows.push(("Relevé précédent", named(&statement.previous)));
        for (term, text) in rows {
            self.add(format_args!("<dt>{term}</dt><dd>{}</dd>\n", escaped(&text)));
        }
        self.out.push_str(
            "</dl>\n<p class=\"note\">La signature porte sur la forme JSON de ce relevé. Toute personne peut la \
             vérifier avec la clé publique de la passerelle : <code>bordereau statement verify</code>.</p>\n</section>\n",
        );
    }

    fn parts(&mut self, title: &str, parts: &[Part], word: fn(&str) -> &str) {
        let rows: Vec<_> = parts
            .iter()
            .map(|part| [word(&part.name).to_owned(), count(part.documents)])
            .collect();
        self.table(&[title, "documents"], &rows);
    }

    /// A table; one without rows is not shown. The first column is text, the others are set to the right.
    fn table<const N: usize>(&mut self, head: &[&str; N], rows: &[[String; N]]) {
        if rows.is_empty() {
            return;
        }
        self.out.push_str("<table>\n<thead><tr>");
        for name in head {
            self.add(format_args!("<th>{}</th>", escaped(name)));
        }
        self.out.push_str("</tr></thead>\n<tbody>\n");
        for row in rows {
            self.out.push_str("<tr>");
            for cell in row {
                self.add(format_args!("<td>{}</td>", escaped(cell)));
            }
            self.out.push_str("</tr>\n");
        }
        self.out.push_str("</tbody>\n</table>\n");
    }
}

fn method(statement: &Statement) -> String {
    format!(
        "Taux calculé par la passerelle selon la règle {}",
        statement.policy.id
    )
}

fn fraction(share: &Share) -> String {
    format!("{} / {}", count(share.numerator), count(share.denominator))
}

fn change(number: i64) -> String {
    let sign = if number > 0 { "+" } else { "" };
    format!("{sign}{}", count(number))
}

fn named(statement: &Option<Named>) -> String {
    match statement {
        Some(named) => format!("n° {}, {}", named.number, named.digest),
        None => "aucun : c'est le premier de ce centre".to_owned(),
    }
}

/// An instant to the second, without its letters.
fn instant(text: &str) -> String {
    let (date, time) = text.split_once('T').unwrap_or((text, ""));
    format!("{} {}", day(date), time.get(..8).unwrap_or(time))
}
