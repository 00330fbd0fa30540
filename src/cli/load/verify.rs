//! What must hold at the end: every document is with its insurer once, byte for byte, and counted once.

use super::arrivals::Arrivals;
use super::world::World;
use super::{Settling, Shape};
use crate::claims::document::Kind;
use crate::clock::{Clock, SystemClock};

/// Differences of one sort that are told one by one.
const TOLD: usize = 5;

/// Whether the gateway has counted every FSE as transmitted.
pub(super) async fn is_counted(shape: Shape, world: &World) -> anyhow::Result<bool> {
    // DRE never enter the rate: their standing is looked at in the queue.
    let counted = counted(world).await?;
    Ok(counted.numerator >= expected(shape) && queue(shape, world).await?.is_empty())
}

/// Everything that is wrong, in words.
pub(super) async fn compare(
    shape: Shape,
    world: &World,
    arrivals: &Arrivals,
) -> anyhow::Result<Vec<String>> {
    let mut wrong = books(world, arrivals);
    let counted = counted(world).await?;
    let fse = arrivals
        .admitted
        .iter()
        .filter(|admitted| admitted.kind == Kind::Fse)
        .count() as i64;
    if arrivals.admitted.len() != shape.documents {
        let (admitted, posted) = (arrivals.admitted.len(), shape.documents);
        wrong.push(format!("{admitted} of {posted} documents were admitted"));
    }
    for (what, count) in [
        ("numerators", counted.numerator),
        ("denominators", counted.denominator),
    ] {
        if count != fse {
            wrong.push(format!("the {what} sum up to {count}, {fse} FSE arrived"));
        }
    }
    if counted.ledger != "balanced" {
        wrong.push(format!("the ledger is {}", counted.ledger));
    }
    wrong.extend(queue(shape, world).await?);
    let account = world.gateway.tell("/v1/verify").await?;
    if account["holds"] != true || account["units"] != shape.documents {
        let units = &account["units"];
        wrong.push(format!("the three counts do not agree, or not on {units}"));
    }
    Ok(wrong)
}

/// The insurers' books against what was admitted, one book after the other: a national day is too large for copies.
fn books(world: &World, arrivals: &Arrivals) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut found = vec![0_u8; arrivals.admitted.len()];
    let (mut booked, mut other) = (0_usize, 0_usize);
    for insurer in world.insurers() {
        insurer.read_book(|book| {
            wrong.extend(book.breaches.iter().take(TOLD).cloned());
            let lots = book.lots.values();
            booked += lots.map(|taken| taken.documents.len()).sum::<usize>();
            for (admitted, found) in arrivals.admitted.iter().zip(&mut found) {
                let Some((document, _)) = book.find(admitted.id) else {
                    continue;
                };
                *found = found.saturating_add(1);
                other += usize::from(document.digest != admitted.digest);
            }
        });
    }
    let missing = found.iter().filter(|found| **found == 0).count();
    let known = found.len() - missing;
    for (count, what) in [
        (missing, "admitted and with no insurer"),
        (other, "with an insurer in other bytes"),
        (
            booked.saturating_sub(known),
            "in the books beyond those: doubled, or never admitted",
        ),
    ] {
        if count > 0 {
            wrong.push(format!("{count} documents are {what}"));
        }
    }
    wrong
}

/// What the queue should not hold.
async fn queue(shape: Shape, world: &World) -> anyhow::Result<Vec<String>> {
    let queue = world.gateway.ask("/v1/queue").await?;
    let mut wrong = Vec::new();
    if queue["stuck"] != 0 {
        wrong.push(format!("{} documents are stuck", queue["stuck"]));
    }
    let waiting = match shape.settling {
        Settling::Settled => 0,
        // Acknowledged, and unfinished until a settlement comes that does not.
        Settling::Receipted => shape.documents,
    };
    if queue["documents"] != waiting {
        let found = &queue["documents"];
        wrong.push(format!(
            "{found} documents are unfinished, not {waiting} as expected"
        ));
    }
    let endpoints = queue["endpoints"].as_array().into_iter().flatten();
    let acknowledged: u64 = endpoints
        .filter_map(|endpoint| endpoint["standings"]["acknowledged"].as_u64())
        .sum();
    if acknowledged != waiting as u64 {
        wrong.push(format!(
            "{acknowledged} documents are acknowledged and not settled, not {waiting} as expected"
        ));
    }
    Ok(wrong)
}

/// What the gateway says of its rates.
#[derive(Default)]
struct Counted {
    numerator: i64,
    denominator: i64,
    ledger: String,
}

/// The sums over all centres, today.
async fn counted(world: &World) -> anyhow::Result<Counted> {
    let today = SystemClock.now().day();
    let mut counted = Counted::default();
    let mut after = String::new();
    loop {
        // A run may end after midnight: the period begins a day before.
        let from = today.plus_days(-1);
        let path = format!("/v1/rates?period={from}%2F{today}{after}");
        let page = world.gateway.ask(&path).await?;
        for rate in page["rates"].as_array().into_iter().flatten() {
            counted.numerator += rate["numerator"].as_i64().unwrap_or_default();
            counted.denominator += rate["denominator"].as_i64().unwrap_or_default();
        }
        counted.ledger = page["basis"]["ledger"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => return Ok(counted),
        }
    }
}

/// FSE of a run: nine of ten documents.
fn expected(shape: Shape) -> i64 {
    (shape.documents - shape.documents / 10) as i64
}
