//! The path of a lane's limit, drawn: slow start, an endpoint that bears less for a while, an outage with its probes,
//! and the ramp after it.
//!
//! `fixtures/plots/limit.svg` is what the lane does today; `UPDATE=1 cargo test --test simulation path` draws it anew.

use std::fmt::Write as _;
use std::num::NonZeroU32;
use std::time::Duration;

use bordereau::claims::lane::{Kind, Lane, Room, Rules, Signal};
use bordereau::claims::outcome::Trouble;
use bordereau::claims::time::Timestamp;

const PLOT: &str = "fixtures/plots/limit.svg";

/// Seconds of the scenario, and attempts at once at most.
const SECONDS: usize = 180;
const MOST: u32 = 32;

/// Pixels: of a second, of an attempt, and around the drawing.
const X: usize = 5;
const Y: usize = 8;
const MARGIN: usize = 40;

/// One second of the scenario.
struct Second {
    /// Attempts at once that the endpoint bears; none in the outage.
    bears: Option<u32>,
    /// The limit after it.
    limit: u32,
    /// Attempts that began.
    begun: u32,
}

#[test]
#[allow(
    clippy::disallowed_methods,
    reason = "UPDATE=1 draws the golden file anew"
)]
fn the_path_of_the_limit_is_as_drawn() {
    let seconds = scenario();
    let begun = |from: usize, to: usize| seconds[from..to].iter().map(|second| second.begun);
    assert_eq!(
        begun(0, 6).collect::<Vec<_>>(),
        [1, 2, 4, 8, 16, 32],
        "slow start"
    );
    assert!(
        begun(90, 130).sum::<u32>() < 32,
        "an outage is probed, not flooded"
    );
    let drawn = draw(&seconds);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::create_dir_all("fixtures/plots").unwrap();
        std::fs::write(PLOT, &drawn).unwrap();
    }
    let kept = std::fs::read_to_string(PLOT).unwrap_or_default();
    assert!(
        kept == drawn,
        "{PLOT}: draw it with UPDATE=1 and look at it"
    );
}

/// What the endpoint bears, and what the lane makes of it, second by second.
fn scenario() -> Vec<Second> {
    let start = Timestamp::parse("2026-11-20T08:00:00Z").unwrap();
    let mut lane = Lane::new(Rules::new(NonZeroU32::new(MOST).unwrap()));
    let mut seconds = Vec::new();
    for number in 0..SECONDS {
        let bears = match number {
            0..30 => Some(24),
            30..90 => Some(10),
            90..130 => None,
            _ => Some(24),
        };
        let at = start + Duration::from_secs(number as u64);
        let begun = second(&mut lane, at, bears);
        let limit = lane.limit(Kind::Attempt);
        seconds.push(Second {
            bears,
            limit,
            begun,
        });
    }
    seconds
}

/// Everything begins that may; what is more than the endpoint bears is answered 503.
fn second(lane: &mut Lane, at: Timestamp, bears: Option<u32>) -> u32 {
    let mut slots = Vec::new();
    while let Room::Now(_) = lane.room(Kind::Attempt, at) {
        slots.push(lane.begin(Kind::Attempt, at));
    }
    let begun = slots.len() as u32;
    for (number, mut slot) in (0..).zip(slots) {
        let signal = match bears {
            None => Signal::Unserved,
            Some(bears) if number < bears => Signal::Served,
            Some(_) => Signal::Strained(Trouble::Failing, None),
        };
        let end = at + Duration::from_millis(500);
        lane.hear(&mut slot, signal, end);
        lane.end(slot, end);
    }
    begun
}

fn draw(seconds: &[Second]) -> String {
    let (width, height) = (SECONDS * X + 2 * MARGIN, MOST as usize * Y + 2 * MARGIN);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <title>Attempts at once at one endpoint</title>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    for attempts in (0..=MOST).step_by(8) {
        let (y, right) = (height_of(attempts), MARGIN + SECONDS * X);
        writeln!(
            svg,
            "<path d=\"M{MARGIN} {y}H{right}\" stroke=\"#ddd\"/>\
             <text x=\"{}\" y=\"{}\" text-anchor=\"end\">{attempts}</text>",
            MARGIN - 6,
            y + 4
        )
        .unwrap();
    }
    for second in (0..=SECONDS).step_by(30) {
        let (x, y) = (MARGIN + second * X, height_of(0) + 16);
        writeln!(
            svg,
            "<text x=\"{x}\" y=\"{y}\" text-anchor=\"middle\">{second} s</text>"
        )
        .unwrap();
    }
    let bears = seconds.iter().map(|second| second.bears.unwrap_or(0));
    let limit = seconds.iter().map(|second| second.limit);
    for (label, colour, x, path) in [
        ("what the endpoint bears", "#b35806", 60, steps(bears)),
        ("the limit", "#2166ac", 260, steps(limit)),
    ] {
        writeln!(
            svg,
            "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>\
             <text x=\"{x}\" y=\"20\" fill=\"{colour}\">{label}</text>"
        )
        .unwrap();
    }
    for (second, _) in seconds
        .iter()
        .enumerate()
        .filter(|(_, second)| second.begun > 0)
    {
        let (x, y) = (MARGIN + second * X + X / 2, height_of(0) - 2);
        writeln!(
            svg,
            "<circle cx=\"{x}\" cy=\"{y}\" r=\"1.5\" fill=\"#555\"/>"
        )
        .unwrap();
    }
    svg.push_str("<text x=\"360\" y=\"20\" fill=\"#555\">• seconds in which something was sent</text>\n</svg>\n");
    svg
}

/// A line that goes level through each second.
fn steps(values: impl Iterator<Item = u32>) -> String {
    let mut path = String::new();
    for (second, value) in values.enumerate() {
        let (x, y) = (MARGIN + second * X, height_of(value));
        let joined = if second == 0 {
            format!("M{x} {y}")
        } else {
            format!("V{y}")
        };
        write!(path, "{joined}H{}", x + X).unwrap();
    }
    path
}

fn height_of(attempts: u32) -> usize {
    MARGIN + (MOST - attempts) as usize * Y
}
