//! The drawings of the page: SVG in place, no script and nothing from elsewhere. Lengths are in pixels, cut to tenths.

use std::fmt::Write as _;

use super::words::{count, decimal, french, mode};
use super::xml::escaped;
use super::{Part, Share, Statement};

const WIDTH: i64 = 660;

/// The colours of parts, in their order; the last one is used for all others.
const COLOURS: [&str; 8] = [
    "#1b5e8c", "#4d94c4", "#9cc3e0", "#e0a030", "#c46a1b", "#8c8c8c", "#b0b0b0", "#d4d4d4",
];

/// The rate of each month against the thresholds.
pub(super) fn months(statement: &Statement) -> String {
    const LEFT: i64 = 44;
    const TOP: i64 = 14;
    const HEIGHT: i64 = 180;
    let width = WIDTH - LEFT - 96;
    let level = |tenths: i64| TOP + HEIGHT - tenths * HEIGHT / 1_000;
    let mut svg = begin(TOP + HEIGHT + 46, "Taux de télétransmission par mois");
    for percent in [0, 25, 50, 75, 100] {
        let at = level(percent * 10);
        svg += &format!(
            "<line x1=\"{LEFT}\" y1=\"{at}\" x2=\"{}\" y2=\"{at}\" class=\"grid\"/>\
             <text x=\"{}\" y=\"{}\" class=\"axis end\">{percent}\u{a0}%</text>\n",
            LEFT + width,
            LEFT - 6,
            at + 4
        );
    }
    let slots = i64::try_from(statement.months.len()).unwrap_or(1).max(1);
    let step = (width / slots).min(80);
    for (index, month) in (0..).zip(&statement.months) {
        let middle = LEFT + step * index + step / 2;
        let bar = (step * 6 / 10).max(2);
        let label = month_name(&month.month);
        svg += &format!(
            "<text x=\"{middle}\" y=\"{}\" class=\"axis\">{label}</text>\n",
            TOP + HEIGHT + 16
        );
        svg += &match tenths(&month.rate) {
            Some(tenths) => format!(
                "<rect x=\"{}\" y=\"{}\" width=\"{bar}\" height=\"{}\" fill=\"{}\"/>\
                 <text x=\"{middle}\" y=\"{}\" class=\"axis\">{}</text>\n",
                middle - bar / 2,
                level(tenths),
                level(0) - level(tenths),
                COLOURS[0],
                (level(tenths) - 4).max(10),
                whole(&month.rate),
            ),
            None => format!(
                "<text x=\"{middle}\" y=\"{}\" class=\"axis\">–</text>\n",
                level(0) - 4
            ),
        };
        svg += &format!(
            "<text x=\"{middle}\" y=\"{}\" class=\"axis small\">{} doc.</text>\n",
            TOP + HEIGHT + 32,
            count(month.rate.denominator)
        );
    }
    for (class, name, tenths) in thresholds(statement) {
        let at = level(tenths);
        svg += &format!(
            "<line x1=\"{LEFT}\" y1=\"{at}\" x2=\"{}\" y2=\"{at}\" class=\"{class}\"/>\
             <text x=\"{}\" y=\"{}\" class=\"axis start\">{}</text>\n",
            LEFT + width,
            LEFT + width + 5,
            at + 4,
            escaped(&name)
        );
    }
    svg + "</svg>\n"
}

/// The lines that a rate is compared with: of the agreement, or else of the policies to compare with.
fn thresholds(statement: &Statement) -> Vec<(&'static str, String, i64)> {
    let place = |upper: u32, lower: u32| i64::from(upper) * 1_000 / i64::from(lower.max(1));
    match &statement.threshold {
        Some(own) => {
            let tenths = place(own.numerator, own.denominator);
            vec![("threshold", format!("seuil {}", percent_of(tenths)), tenths)]
        }
        None => {
            let all = statement.references.iter().map(|reference| {
                let threshold = &reference.threshold;
                let tenths = place(threshold.numerator, threshold.denominator);
                (
                    "reference",
                    format!("repère {}", percent_of(tenths)),
                    tenths,
                )
            });
            all.collect()
        }
    }
}

/// The parts of a whole as one bar, with a legend.
pub(super) fn parts(title: &str, parts: &[Part], is_mode: Mode) -> String {
    let whole: i64 = parts.iter().map(|part| part.documents).sum();
    let shown: Vec<&Part> = parts.iter().filter(|part| part.documents > 0).collect();
    let rows = i64::try_from(shown.len().div_ceil(3)).unwrap_or(1);
    let mut svg = begin(30 + rows * 20, title);
    let mut at = 0;
    for (index, part) in shown.iter().enumerate() {
        let colour = COLOURS[index.min(COLOURS.len() - 1)];
        let width = (part.documents * WIDTH * 10 / whole.max(1)).max(1);
        svg += &format!(
            "<rect x=\"{}\" y=\"0\" width=\"{}\" height=\"18\" fill=\"{colour}\"/>\n",
            pixels(at),
            pixels(width)
        );
        at += width;
        let (column, row) = (index % 3, index / 3);
        let (x, y) = (column * 220, 40 + row * 20);
        let name = match is_mode {
            Mode::Yes => mode(&part.name),
            Mode::No => french(&part.name),
        };
        svg += &format!(
            "<rect x=\"{x}\" y=\"{}\" width=\"10\" height=\"10\" fill=\"{colour}\"/>\
             <text x=\"{}\" y=\"{y}\" class=\"axis start\">{} ({})</text>\n",
            y - 9,
            x + 15,
            escaped(name),
            count(part.documents)
        );
    }
    svg + "</svg>\n"
}

/// Whether the parts of a cut are modes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Yes,
    No,
}

/// Days with activity, and those of them that are declared.
pub(super) fn coverage(statement: &Statement) -> String {
    let paper = &statement.paper;
    let mut svg = begin(48, "Jours d'activité dont le papier est déclaré");
    let declared = paper.declared_days * WIDTH * 10 / paper.active_days.max(1);
    let minimum = &paper.minimum;
    let least = minimum.numerator * WIDTH * 10 / minimum.denominator.max(1);
    svg += &format!(
        "<rect x=\"0\" y=\"0\" width=\"{WIDTH}\" height=\"18\" fill=\"#e6e6e6\"/>\
         <rect x=\"0\" y=\"0\" width=\"{}\" height=\"18\" fill=\"{}\"/>\
         <line x1=\"{2}\" y1=\"-2\" x2=\"{2}\" y2=\"22\" class=\"threshold\"/>\n",
        pixels(declared),
        COLOURS[1],
        pixels(least - 10)
    );
    svg += &format!(
        "<text x=\"0\" y=\"38\" class=\"axis start\">{} jours déclarés sur {} jours d'activité</text>\
         <text x=\"{WIDTH}\" y=\"38\" class=\"axis end\">minimum : {}</text>\n",
        count(paper.declared_days),
        count(paper.active_days),
        percent(minimum)
    );
    svg + "</svg>\n"
}

fn begin(height: i64, title: &str) -> String {
    let title = escaped(title);
    format!(
        "<svg viewBox=\"0 -4 {WIDTH} {}\" width=\"{WIDTH}\" height=\"{}\" role=\"img\" aria-label=\"{title}\">\n",
        height + 4,
        height + 4
    )
}

/// A share in tenths of a percent, cut off.
fn tenths(share: &Share) -> Option<i64> {
    let tenths = i128::from(share.numerator) * 1_000;
    let tenths = tenths.checked_div(i128::from(share.denominator))?;
    i64::try_from(tenths.clamp(0, 1_000)).ok()
}

/// A share in percent as people read it.
pub(super) fn percent(share: &Share) -> String {
    match &share.percent {
        Some(percent) => format!("{}\u{a0}%", decimal(percent)),
        None => "pas de taux".to_owned(),
    }
}

/// A share in whole percent, cut off, for the head of a bar.
fn whole(share: &Share) -> String {
    tenths(share).map_or_else(String::new, |tenths| format!("{}\u{a0}%", tenths / 10))
}

fn percent_of(tenths: i64) -> String {
    match tenths % 10 {
        0 => format!("{}\u{a0}%", tenths / 10),
        part => format!("{},{part}\u{a0}%", tenths / 10),
    }
}

fn pixels(tenths: i64) -> String {
    let mut out = String::new();
    write!(out, "{}.{}", tenths / 10, tenths % 10).expect("a string takes every text");
    out
}

/// The month of `2026-10`, short.
fn month_name(month: &str) -> String {
    const NAMES: [&str; 12] = [
        "janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.",
        "déc.",
    ];
    let number = month.split('-').nth(1).and_then(|text| text.parse().ok());
    let name = number.and_then(|number: usize| NAMES.get(number.wrapping_sub(1)));
    name.map_or_else(|| escaped(month), |name| (*name).to_owned())
}
