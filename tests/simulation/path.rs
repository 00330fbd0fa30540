//! The path of a lane's limit, drawn: slow start, an endpoint that bears less for a while, an outage with its probes,
//! and the ramp after it.
//!
//! `fixtures/plots/limit.svg` is what the lane does today, `fixtures/plots/slow-start.svg` the same at the insurer of
//! `fixtures/scenarios/slow-start.toml`; `UPDATE=1 cargo test --test simulation path` draws them anew.

use std::fmt::Write as _;
use std::num::NonZeroU32;
use std::time::Duration;

use bordereau::claims::lane::{Kind, Lane, MayGo, Rules, Signal};
use bordereau::claims::outcome::Trouble;
use bordereau::claims::time::Timestamp;
use bordereau::simulator::insurer::Plan;

const PLOT: &str = "fixtures/plots/limit.svg";
const SLOW_START: &str = "fixtures/plots/slow-start.svg";

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
fn the_path_of_the_limit_is_as_drawn() {
    let seconds = scenario(
        Signal::Strained(Trouble::Failing, None),
        |number| match number {
            0..30 => Some(24),
            30..90 => Some(10),
            90..130 => None,
            _ => Some(24),
        },
    );
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
    is_drawn(PLOT, &seconds);
}

/// An insurer that takes one lot at once at first, and one more every five seconds.
#[test]
fn the_path_of_the_limit_at_a_slow_start_is_as_drawn() {
    let text = std::fs::read_to_string("fixtures/scenarios/slow-start.toml").unwrap();
    let plan: Plan = toml::from_str(&text).unwrap();
    let capacity = plan.wire.capacity.unwrap();
    let wait = Duration::from_secs(plan.wire.retry_after_seconds.into());
    let bears = |number: usize| {
        let borne = capacity.lots + (number as f64 * capacity.more_each_second) as u32;
        borne.min(MOST)
    };
    let crowded = Signal::Strained(Trouble::Busy, Some(wait));
    let seconds = scenario(crowded, |number| Some(bears(number)));
    let served = |seconds: &[Second]| -> u32 {
        let served = seconds
            .iter()
            .map(|second| second.begun.min(second.bears.unwrap()));
        served.sum()
    };
    let (begun, borne): (Vec<_>, Vec<_>) = seconds
        .iter()
        .map(|second| (second.begun, second.bears.unwrap()))
        .unzip();
    // It follows: of what the insurer bears half is used at least, and of what is sent it refuses a quarter at most.
    let (sent, used) = (begun.iter().sum::<u32>(), served(&seconds));
    assert!(2 * used >= borne.iter().sum(), "{used} of {borne:?}");
    assert!(
        4 * (sent - used) <= sent,
        "{} of {sent} refused",
        sent - used
    );
    is_drawn(SLOW_START, &seconds);
}

#[allow(
    clippy::disallowed_methods,
    reason = "UPDATE=1 draws the golden file anew"
)]
fn is_drawn(plot: &str, seconds: &[Second]) {
    let drawn = draw(seconds);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::create_dir_all("fixtures/plots").unwrap();
        std::fs::write(plot, &drawn).unwrap();
    }
    let kept = std::fs::read_to_string(plot).unwrap_or_default();
    assert!(
        kept == drawn,
        "{plot}: draw it with UPDATE=1 and look at it"
    );
}

/// What the endpoint bears, and what the lane makes of it, second by second. What is too much for it is answered so.
fn scenario(crowded: Signal, bears: impl Fn(usize) -> Option<u32>) -> Vec<Second> {
    let start = Timestamp::parse("2026-11-20T08:00:00Z").unwrap();
    let mut lane = Lane::new(Rules::new(NonZeroU32::new(MOST).unwrap()));
    let mut seconds = Vec::new();
    for number in 0..SECONDS {
        let bears = bears(number);
        let at = start + Duration::from_secs(number as u64);
        let begun = second(&mut lane, at, bears, crowded);
        let limit = lane.limit(Kind::Attempt);
        seconds.push(Second {
            bears,
            limit,
            begun,
        });
    }
    seconds
}

/// Everything begins that may; what is more than the endpoint bears is answered so.
fn second(lane: &mut Lane, at: Timestamp, bears: Option<u32>, crowded: Signal) -> u32 {
    let mut slots = Vec::new();
    while let MayGo::Now(_) = lane.may_go(Kind::Attempt, at) {
        slots.push(lane.begin(Kind::Attempt, at));
    }
    let begun = slots.len() as u32;
    for (number, mut slot) in (0..).zip(slots) {
        let signal = match bears {
            None => Signal::Unserved,
            Some(bears) if number < bears => Signal::Served,
            Some(_) => crowded,
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
