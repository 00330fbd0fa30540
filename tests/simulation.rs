//! The seeded simulation: the transmitting and collecting loops among centres and insurers that fail in every way,
//! on a paused clock, with a crash between any two awaits. All invariants of `src/ARCHITECTURE.md` are looked at
//! after every step.
//!
//! `cargo test --test simulation` lives through 200 seeds and those in `fixtures/seeds.txt`, which failed once.
//! `SEEDS=10000` sets how many, `FROM=5001` where they begin; `SEED=7` lives through one and tells of its steps.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a run that cannot go on has failed"
)]

#[path = "simulation/apart.rs"]
mod apart;
#[path = "simulation/insurers.rs"]
mod insurers;
#[path = "simulation/laws.rs"]
mod laws;
#[path = "simulation/mortal.rs"]
mod mortal;
#[path = "simulation/office.rs"]
mod office;
#[path = "simulation/operator.rs"]
mod operator;
#[path = "simulation/path.rs"]
mod path;
#[path = "simulation/random.rs"]
mod random;
#[path = "simulation/returns.rs"]
mod returns;
#[path = "simulation/run.rs"]
mod run;
#[path = "simulation/watched.rs"]
mod watched;
#[path = "simulation/world.rs"]
mod world;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use laws::Falsified;
use run::{Story, Voice, live};
use world::Tools;

/// Seeds of an ordinary run.
const SEEDS: u64 = 200;

/// Seeds that failed once.
const KEPT: &str = include_str!("../fixtures/seeds.txt");

#[test]
fn every_seed_keeps_the_laws() {
    let tools = Tools::new();
    if let Some(seed) = number("SEED") {
        let story = live(seed, &tools, Falsified::Nothing, Voice::Tells);
        let story = story.unwrap_or_else(|broken| panic!("seed {seed}: {broken}"));
        eprintln!("seed {seed}: {}", account([&story].into_iter()));
        return;
    }
    let (first, last) = (
        number("FROM").unwrap_or(1),
        number("SEEDS").unwrap_or(SEEDS),
    );
    let seeds: Vec<u64> = kept().into_iter().chain(first..=last).collect();
    let (stories, broken) = live_through(&seeds, &tools);
    println!("{} seeds: {}", seeds.len(), account(stories.iter()));
    assert!(
        broken.is_empty(),
        "{} seeds failed:\n{}",
        broken.len(),
        broken.join("\n")
    );
    // A run in which little happens proves little.
    let deaths: u32 = stories.iter().map(|story| story.deaths).sum();
    assert!(deaths as usize > seeds.len(), "only {deaths} deaths");
    let lost: usize = stories.iter().map(|story| story.lost).sum();
    assert!(lost * 10 > seeds.len(), "only {lost} lots were lost");
}

#[test]
fn a_dropped_or_doubled_increment_is_noticed() {
    let tools = Tools::new();
    for falsified in [Falsified::Dropped, Falsified::Doubled] {
        let broken = live(1, &tools, falsified, Voice::Silent).unwrap_err();
        assert!(
            broken.contains("tallies and second count differ"),
            "{broken}"
        );
    }
}

#[test]
fn a_seed_repeats_itself() {
    let tools = Tools::new();
    for seed in 1..=3 {
        let again = || live(seed, &tools, Falsified::Nothing, Voice::Silent).unwrap();
        assert!(again() == again(), "seed {seed} took two ways");
    }
}

/// Lives through seeds on every core; the stories, and what was broken by which seed.
fn live_through(seeds: &[u64], tools: &Tools) -> (Vec<Story>, Vec<String>) {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let next = AtomicUsize::new(0);
    let found = Mutex::new((Vec::new(), Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                while let Some(seed) = seeds.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let lived = live(*seed, tools, Falsified::Nothing, Voice::Silent);
                    let mut found = found.lock().unwrap();
                    match lived {
                        Ok(story) => found.0.push(story),
                        Err(broken) => found.1.push(format!("SEED={seed}: {broken}")),
                    }
                }
            });
        }
    });
    found.into_inner().unwrap()
}

fn account<'a>(stories: impl Iterator<Item = &'a Story>) -> String {
    let (mut entries, mut deaths, mut lost) = (0, 0, 0);
    let mut standings: BTreeMap<&str, usize> = BTreeMap::new();
    for story in stories {
        entries += story.entries.len();
        deaths += story.deaths;
        lost += story.lost;
        for standing in &story.standings {
            *standings.entry(standing.as_str()).or_default() += 1;
        }
    }
    format!("{entries} entries, {deaths} deaths, {lost} lots lost, {standings:?}")
}

fn kept() -> Vec<u64> {
    let lines = KEPT.lines().map(str::trim);
    let seeds = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    seeds
        .map(|line| {
            line.split_whitespace()
                .next()
                .unwrap_or_default()
                .parse()
                .unwrap()
        })
        .collect()
}

#[allow(
    clippy::disallowed_methods,
    reason = "a long run and a single seed are asked for by the environment"
)]
fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}
