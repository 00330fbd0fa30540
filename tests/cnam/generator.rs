//! The caisse's side of a year, made up apart from the gateway: this file imports nothing of the crate.
//!
//! It writes three files with its own rules and its own random numbers: what the gateway is to know
//! (`ours.csv`, `paper.csv`), what the caisse says (`theirs.csv`), and the truth of every difference that it
//! put between them (`truth.csv`), which the finder never reads.
//!
//! Its own rules: entity 102 has coarser letters than the gateway's modes, and some are wrong; months close on
//! the fifth, so some documents of a month's end fall into the next; some centres are missing; some figures
//! are counts alone, and some of those are rounded to tens.

use std::fs::File;
use std::io::{BufWriter, Result, Write};
use std::path::Path;

/// How large a year to make.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Centres.
    pub centres: u32,
    /// Documents of one centre in one month, on average.
    pub documents: u32,
}

/// Random numbers of this file alone (splitmix64).
pub struct Dice(u64);

/// How a centre appears in the caisse's figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Documents,
    /// Documents, and counts rounded to tens beside them.
    Rounded,
    Counts,
    Missing,
}

struct Files {
    ours: BufWriter<File>,
    paper: BufWriter<File>,
    theirs: BufWriter<File>,
    truth: BufWriter<File>,
}

/// One document of a centre as it came about.
struct Made {
    number: String,
    month: u32,
    day: u32,
    mode: char,
    standing: &'static str,
    receipted: bool,
}

/// A row that the caisse has.
struct Row {
    letter: char,
    year: u32,
    month: u32,
    day: u32,
    number: String,
    received: Option<(u32, u32)>,
}

impl Dice {
    /// From a seed.
    pub fn new(seed: u64) -> Dice {
        Dice(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 to below `most`.
    pub fn below(&mut self, most: u32) -> u32 {
        (self.next() % u64::from(most.max(1))) as u32
    }

    /// True so many times in a thousand.
    pub fn once_in_a_thousand(&mut self, times: u32) -> bool {
        self.below(1000) < times
    }
}

/// The FINESS of the nth centre: department 75 and on, seven digits, Luhn.
pub fn finess(n: u32) -> String {
    let head = format!("{:02}{:06}", 1 + n % 95, 100_000 + n);
    let mut sum = 0;
    for (index, digit) in head.bytes().rev().enumerate() {
        let digit = u32::from(digit - b'0');
        sum += match (index % 2, digit) {
            (0, digit) if digit > 4 => digit * 2 - 9,
            (0, digit) => digit * 2,
            (_, digit) => digit,
        };
    }
    format!("{head}{}", (10 - sum % 10) % 10)
}

/// The months of one centre: documents that reach the numerator, and others. Each centre has a level of its own,
/// months that stray from it, a slow drift, and an August.
pub fn months(dice: &mut Dice) -> Vec<(u32, u32)> {
    let level = 500 + dice.below(400) as i64;
    let drift = dice.below(5) as i64 - 2;
    let size = 60 + dice.below(200);
    let mut months = Vec::new();
    for month in 0..12 {
        // The sum of four dice strays by about 30 of a thousand.
        let stray = (0..4).map(|_| dice.below(53) as i64 - 26).sum::<i64>();
        let share = (level + drift * month + stray).clamp(0, 1000) as u32;
        let size = if month == 7 { size / 2 } else { size };
        let documents = size * 9 / 10 + dice.below(size / 5 + 1);
        let good = (0..documents)
            .filter(|_| dice.once_in_a_thousand(share))
            .count() as u32;
        months.push((good, documents - good));
    }
    months
}

/// Writes the four files of the year 2026 into a directory.
pub fn write(directory: &Path, seed: u64, size: Size) -> Result<()> {
    let open = |name: &str| File::create(directory.join(name)).map(BufWriter::new);
    let mut files = Files {
        ours: open("ours.csv")?,
        paper: open("paper.csv")?,
        theirs: open("theirs.csv")?,
        truth: open("truth.csv")?,
    };
    writeln!(
        files.ours,
        "centre,id,numbers,mode,day,standing,receipted,deadline"
    )?;
    writeln!(files.paper, "centre,day,sheets")?;
    writeln!(
        files.theirs,
        "centre,kind,type,month,count,date,number,received"
    )?;
    writeln!(files.truth, "how,cause,centre,what,documents")?;
    let mut id = 0;
    for n in 0..size.centres {
        let mut dice = Dice::new(seed ^ (u64::from(n) << 20));
        let shape = match dice.below(20) {
            0 => Shape::Missing,
            1..=3 => Shape::Counts,
            4..=5 => Shape::Rounded,
            _ => Shape::Documents,
        };
        let centre = finess(n);
        match shape {
            Shape::Counts => counted(&mut files, &mut dice, &centre, size, &mut id)?,
            Shape::Documents | Shape::Rounded | Shape::Missing => {
                listed(&mut files, &mut dice, &centre, size, &mut id, shape)?;
            }
        }
    }
    files.ours.flush()?;
    files.paper.flush()?;
    files.theirs.flush()?;
    files.truth.flush()
}

/// A centre of which the caisse says each document, or that it does not know at all.
fn listed(
    files: &mut Files,
    dice: &mut Dice,
    centre: &str,
    size: Size,
    id: &mut u64,
    shape: Shape,
) -> Result<()> {
    let mut rows = Vec::new();
    let mut number = 0;
    for month in 1..=12 {
        for _ in 0..size.documents / 2 + dice.below(size.documents + 1) {
            number += 1;
            *id += 1;
            let made = document(dice, number, month);
            one(files, dice, centre, *id, made, shape, &mut rows)?;
        }
        sheets(files, dice, centre, month, shape, &mut rows)?;
        // Another software of the centre sent some documents past the gateway.
        for _ in 0..=size.documents / 40 {
            if dice.once_in_a_thousand(400) && shape != Shape::Missing {
                number += 1;
                let stranger = format!("X{number:08}");
                rows.push(row('F', month, 1 + dice.below(28), &stranger));
                truth(files, "document", "unknown-to-us", centre, &stranger, 1)?;
            }
        }
    }
    tell(files, dice, centre, shape, &rows)
}

fn document(dice: &mut Dice, number: u32, month: u32) -> Made {
    let mode = match dice.below(100) {
        0..=69 => 'S',
        70..=84 => 'F',
        85..=89 => 'D',
        90..=93 => 'L',
        94..=96 => 'N',
        97 => 'P',
        _ => 'C',
    };
    Made {
        number: format!("{number:09}"),
        month,
        day: 1 + dice.below(28),
        mode,
        standing: if dice.once_in_a_thousand(900) {
            "paid"
        } else {
            "acknowledged"
        },
        receipted: true,
    }
}

/// The letter of entity 102 for a mode.
fn letter(mode: char) -> char {
    match mode {
        'S' | 'F' | 'C' => 'F',
        _ => 'B',
    }
}

fn row(letter: char, month: u32, day: u32, number: &str) -> Row {
    Row {
        letter,
        year: 2026,
        month,
        day,
        number: number.to_owned(),
        received: None,
    }
}

/// One document: what became of it here, what the caisse has of it, and the truth.
fn one(
    files: &mut Files,
    dice: &mut Dice,
    centre: &str,
    id: u64,
    mut made: Made,
    shape: Shape,
    rows: &mut Vec<Row>,
) -> Result<()> {
    let mut numbers = made.number.clone();
    let mut there = Some(row(letter(made.mode), made.month, made.day, &made.number));
    let mut again = None;
    let mut why = Vec::new();
    match dice.below(1000) {
        0..=15 => {
            (made.standing, made.receipted) = ("in lot", false);
            if dice.once_in_a_thousand(700) {
                there = None;
            }
            // Not counted as secured either way: the caisse's B says the same as no receipt.
            if there.is_none() || letter(made.mode) == 'F' {
                why.push("not-yet-answered");
            }
        }
        16..=29 => {
            (made.standing, made.receipted) = ("refused", false);
            there = None;
            why.push("refused");
        }
        30..=39 => {
            made.standing = "rejected";
            if dice.once_in_a_thousand(500) {
                there = None;
                why.push("rejected-later");
            }
        }
        40..=54 => {
            // The month was closed before the document was booked.
            if let Some(row) = &mut there {
                (row.year, row.month) = match made.month {
                    12 => (2027, 1),
                    month => (2026, month + 1),
                };
                row.day = 1 + dice.below(5);
            }
            why.push("other-period");
            if dice.once_in_a_thousand(100) {
                wrong_letter(&mut there, dice, &mut why);
            }
        }
        55..=69 => wrong_letter(&mut there, dice, &mut why),
        70..=76 => {
            // Replaced once; the caisse kept both.
            let before = format!("R{}", &made.number[1..]);
            numbers = format!("{before} {}", made.number);
            again = Some(row(letter(made.mode), made.month, made.day, &before));
            why.push("duplicate");
        }
        77..=81 => {
            // Replaced once; the caisse has it under the number of before.
            let before = format!("R{}", &made.number[1..]);
            numbers = format!("{before} {}", made.number);
            if let Some(row) = &mut there {
                row.number = before;
            }
        }
        82..=84 => {
            (made.standing, made.receipted) = ("by hand", false);
            if letter(made.mode) == 'F' {
                why.push("other-route");
            }
        }
        85..=87 => {
            (made.standing, made.receipted) = ("cancelled", false);
            why.push("other-route");
        }
        88..=90 => {
            (made.standing, made.receipted) = ("cancelled", false);
            there = None;
        }
        91..=98 => {
            there = None;
            why.push("unknown-to-them");
        }
        _ => {}
    }
    let proven = made.receipted;
    if let Some(row) = &mut there
        && dice.once_in_a_thousand(300)
    {
        // In time on both sides, or late there alone.
        let late = dice.once_in_a_thousand(30);
        let (month, day) = if late {
            later(made.month, made.day)
        } else {
            (made.month, made.day)
        };
        row.received = Some((month, day));
        if late && proven {
            why.push("late-on-one-side");
        }
    }
    let (month, day) = deadline(made.month, made.day);
    writeln!(
        files.ours,
        "{centre},{id},{numbers},{},2026-{:02}-{:02},{},{},2026-{month:02}-{day:02}",
        made.mode, made.month, made.day, made.standing, made.receipted,
    )?;
    if shape == Shape::Missing {
        return missing(files, centre, &made);
    }
    let known = there
        .as_ref()
        .map_or(made.number.clone(), |row| row.number.clone());
    for cause in why {
        let of = if cause == "duplicate" {
            format!("R{}", &made.number[1..])
        } else {
            known.clone()
        };
        truth(files, "document", cause, centre, &of, 1)?;
    }
    rows.extend(there);
    rows.extend(again);
    Ok(())
}

fn wrong_letter(there: &mut Option<Row>, dice: &mut Dice, why: &mut Vec<&'static str>) {
    if let Some(row) = there {
        row.letter = match row.letter {
            'F' if dice.once_in_a_thousand(800) => 'B',
            'F' => 'P',
            _ => 'F',
        };
        why.push("other-mode");
    }
}

/// A centre that the caisse does not know: every document that counts is a difference.
fn missing(files: &mut Files, centre: &str, made: &Made) -> Result<()> {
    let cause = match made.standing {
        "in lot" => "not-yet-answered",
        "refused" => "refused",
        "rejected" => "rejected-later",
        "cancelled" => return Ok(()),
        _ => "unknown-to-them",
    };
    truth(files, "document", cause, centre, &made.number, 1)
}

/// The last day in time: ten days later, within the month.
fn deadline(month: u32, day: u32) -> (u32, u32) {
    if day + 10 <= 28 {
        (month, day + 10)
    } else {
        (month, 28)
    }
}

/// A day after the deadline, within the year.
fn later(month: u32, day: u32) -> (u32, u32) {
    match deadline(month, day) {
        (month, day) if day < 28 => (month, day + 1),
        (12, _) => (12, 29),
        (month, _) => (month + 1, 1),
    }
}

/// Paper of a month: declared by most centres, and in some months not.
fn sheets(
    files: &mut Files,
    dice: &mut Dice,
    centre: &str,
    month: u32,
    shape: Shape,
    rows: &mut Vec<Row>,
) -> Result<()> {
    let sheets = 1 + dice.below(6);
    let declared = !dice.once_in_a_thousand(150);
    let (unknown_there, more_there) = (
        dice.once_in_a_thousand(60).then(|| dice.below(sheets + 1)),
        dice.once_in_a_thousand(60).then(|| 1 + dice.below(3)),
    );
    if declared {
        writeln!(files.paper, "{centre},2026-{month:02}-15,{sheets}")?;
    }
    let there = match (shape, unknown_there, more_there) {
        (Shape::Missing, ..) => 0,
        (_, Some(lost), _) => sheets - lost,
        (_, None, Some(more)) => sheets + more,
        (_, None, None) => sheets,
    };
    let here = if declared { sheets } else { 0 };
    let what = format!("2026-{month:02}");
    if there > here {
        truth(
            files,
            "month",
            "paper-only-there",
            centre,
            &what,
            there - here,
        )?;
    }
    if here > there {
        truth(
            files,
            "month",
            "unknown-to-them",
            centre,
            &what,
            here - there,
        )?;
    }
    for _ in 0..there {
        let mut row = row('P', month, 1 + dice.below(28), "");
        row.received = None;
        rows.push(row);
    }
    Ok(())
}

/// What the caisse says, in an order of its own.
fn tell(
    files: &mut Files,
    dice: &mut Dice,
    centre: &str,
    shape: Shape,
    rows: &[Row],
) -> Result<()> {
    if shape == Shape::Missing {
        return Ok(());
    }
    let mut order: Vec<usize> = (0..rows.len()).collect();
    for index in (1..order.len()).rev() {
        order.swap(index, dice.below(index as u32 + 1) as usize);
    }
    for row in order.into_iter().map(|index| &rows[index]) {
        let received = row.received.map_or(String::new(), |(month, day)| {
            format!("2026-{month:02}-{day:02}")
        });
        let Row {
            letter,
            year,
            month,
            day,
            number,
            ..
        } = row;
        writeln!(
            files.theirs,
            "{centre},FSE,{letter},,,{year}-{month:02}-{day:02},{number},{received}"
        )?;
    }
    if shape == Shape::Rounded {
        for month in 1..=12 {
            for letter in ['F', 'B', 'P'] {
                let exact = rows
                    .iter()
                    .filter(|row| row.year == 2026 && row.month == month && row.letter == letter);
                let exact = exact.count();
                let rounded = (exact + 5) / 10 * 10;
                writeln!(
                    files.theirs,
                    "{centre},FSE,{letter},2026-{month:02},{rounded},,,"
                )?;
                let what = format!("2026-{month:02} {letter}");
                let off = (rounded as i64 - exact as i64).to_string();
                writeln!(files.truth, "residual,,{centre},{what},{off}")?;
            }
        }
    }
    Ok(())
}

/// A centre of which the caisse says counts alone: one thing goes wrong in a month, or two.
fn counted(
    files: &mut Files,
    dice: &mut Dice,
    centre: &str,
    size: Size,
    id: &mut u64,
) -> Result<()> {
    let (mut number, mut carried) = (0, 0);
    for month in 1..=12 {
        let what = format!("2026-{month:02}");
        let all = 20 + size.documents / 2 + dice.below(size.documents + 1);
        let (unanswered, rejected) = (1 + dice.below(5), 1 + dice.below(5));
        for n in 0..all + unanswered + rejected {
            number += 1;
            *id += 1;
            let (standing, receipted) = match n {
                n if n < unanswered => ("in lot", false),
                n if n < unanswered + rejected => ("rejected", true),
                _ => ("paid", true),
            };
            let day = 1 + dice.below(28);
            writeln!(
                files.ours,
                "{centre},{id},{number:09},S,2026-{month:02}-{day:02},{standing},{receipted},2026-{month:02}-28"
            )?;
        }
        let (mut f, mut b) = (all + rejected, 0);
        // What came too late last month is booked in this one, and nothing else goes wrong then.
        let event = if carried > 0 { 0 } else { dice.below(8) };
        f += std::mem::take(&mut carried);
        truth(
            files,
            "month",
            "not-yet-answered",
            centre,
            &what,
            unanswered,
        )?;
        match event {
            1 => f += unanswered,
            2 => {
                f -= rejected;
                truth(files, "month", "rejected-later", centre, &what, rejected)?;
            }
            3 if month < 12 => {
                carried = 6 + dice.below(10);
                f -= carried;
                truth(files, "month", "other-period", centre, &what, carried)?;
            }
            4 => {
                b = 6 + dice.below(10);
                f -= b;
                truth(files, "month", "other-mode", centre, &what, b)?;
            }
            5 => {
                let rounded = (f + 5) / 10 * 10;
                let off = i64::from(rounded) - i64::from(f);
                if off != 0 {
                    unexplained(files, centre, &what, off, unanswered)?;
                }
                f = rounded;
            }
            6 => {
                // Two things at once: counts alone cannot tell them apart.
                let lost = 6 + dice.below(10);
                f = f + 1 - lost;
                unexplained(files, centre, &what, 1 - i64::from(lost), unanswered)?;
            }
            _ => {}
        }
        writeln!(files.theirs, "{centre},FSE,F,{what},{f},,,")?;
        if b > 0 {
            writeln!(files.theirs, "{centre},FSE,B,{what},{b},,,")?;
        }
    }
    Ok(())
}

/// Where something is off that no whole set of documents explains, what is unanswered cannot be told from it: all of
/// the month is left.
fn unexplained(
    files: &mut Files,
    centre: &str,
    what: &str,
    off: i64,
    unanswered: u32,
) -> Result<()> {
    let left = off - i64::from(unanswered);
    writeln!(files.truth, "residual,,{centre},{what},{left}")
}

fn truth(
    files: &mut Files,
    how: &str,
    cause: &str,
    centre: &str,
    what: &str,
    documents: u32,
) -> Result<()> {
    writeln!(files.truth, "{how},{cause},{centre},{what},{documents}")
}
