//! The arrivals: every post has its instant, and is made then, whatever became of those before.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, bail};
use indicatif::ProgressBar;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, StatusCode};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use super::Shape;
use super::world::{Centre, World};
use crate::claims::document::{DestinationText, Kind};
use crate::claims::id::{Digest, DocumentId};
use crate::claims::time::{Day, Timestamp};
use crate::cli::lab::draw::Draw;
use crate::cli::lab::sheet::{self, Sender};
use crate::clock::{Clock, SystemClock};
use crate::formats::xml::{write_document, write_lot};

/// Posts that are made ready ahead of their instants.
const AHEAD: usize = 256;

/// Before a post without an answer, or told to wait, is made again, and how often it is.
const REPEAT: Duration = Duration::from_millis(100);
const REPEATS: usize = 600;

/// The AMC of the load.
const AMC: &str = "99999997";

/// What arrived.
pub(super) struct Arrivals {
    /// Every document that was admitted.
    pub(super) admitted: Vec<Admitted>,
    /// From the instant of each post to its answer.
    pub(super) answered: Vec<Duration>,
    /// Posts that were made again: told to wait, or without an answer.
    pub(super) repeated: u64,
}

/// A document that was admitted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Admitted {
    pub(super) id: DocumentId,
    pub(super) kind: Kind,
    /// SHA-256 of the bytes as posted.
    pub(super) digest: Digest,
    /// Its instant.
    pub(super) due: Timestamp,
}

/// A post that waits for its instant.
struct Parcel {
    /// After the beginning.
    due: Duration,
    body: String,
    documents: Vec<(Kind, Digest)>,
}

/// How a post is made.
struct Line {
    client: Client,
    url: String,
    token: String,
    began: Instant,
    began_at: Timestamp,
}

impl Arrivals {
    /// Lets everything arrive.
    pub(super) async fn run(
        shape: Shape,
        world: &World,
        bar: &ProgressBar,
    ) -> anyhow::Result<Arrivals> {
        let today = SystemClock.now().day();
        let (sender, mut parcels) = mpsc::channel(AHEAD);
        let centres = world.centres.clone();
        // Documents are drawn on a thread of their own: an arrival must not wait for its paper.
        let author = std::thread::spawn(move || write(shape, &centres, today, &sender));
        let path = match shape.lot {
            1 => "documents",
            _ => "lots",
        };
        let line = Arc::new(Line {
            client: world.gateway.client.clone(),
            url: format!("{}/v1/{path}", world.gateway.public),
            token: world.gateway.token.clone(),
            began: Instant::now(),
            began_at: SystemClock.now(),
        });
        let room = Arc::new(Semaphore::new(shape.in_flight));
        let arrived = Arc::new(Mutex::new(Arrivals {
            admitted: Vec::with_capacity(shape.documents),
            answered: Vec::with_capacity(shape.documents / shape.lot + 1),
            repeated: 0,
        }));
        let mut posting = JoinSet::new();
        while let Some(parcel) = parcels.recv().await {
            sleep_until(line.began + parcel.due).await;
            let permit = room.clone().acquire_owned().await?;
            let (line, arrived, bar) = (line.clone(), arrived.clone(), bar.clone());
            posting.spawn(async move {
                let posted = line.post(&parcel).await;
                drop(permit);
                let posted = posted?;
                bar.inc(posted.admitted.len() as u64);
                let mut all = arrived.lock().unwrap_or_else(PoisonError::into_inner);
                all.admitted.extend(posted.admitted);
                all.answered.extend(posted.answered);
                all.repeated += posted.repeated;
                anyhow::Ok(())
            });
            while let Some(ended) = posting.try_join_next() {
                ended??;
            }
        }
        while let Some(ended) = posting.join_next().await {
            ended??;
        }
        if author.join().is_err() {
            bail!("documents could not be written");
        }
        let arrived = Arc::into_inner(arrived).context("nobody posts any more")?;
        Ok(arrived.into_inner().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Line {
    /// Posts until there is an answer that says what became of it.
    async fn post(&self, parcel: &Parcel) -> anyhow::Result<Arrivals> {
        let mut repeated = 0;
        for _ in 0..REPEATS {
            let request = self.client.post(&self.url).bearer_auth(&self.token);
            let request = request
                .header(CONTENT_TYPE, "application/xml")
                .body(parcel.body.clone());
            let Ok(response) = request.send().await else {
                repeated += 1;
                sleep(REPEAT).await;
                continue;
            };
            let status = response.status();
            if status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() {
                repeated += 1;
                sleep(REPEAT).await;
                continue;
            }
            let answer: Value = serde_json::from_slice(&response.bytes().await?)?;
            let answered = self.began.elapsed().saturating_sub(parcel.due);
            return Ok(Arrivals {
                admitted: self.admitted(parcel, status, &answer)?,
                answered: vec![answered],
                repeated,
            });
        }
        bail!("a post was not answered in {REPEATS} tries")
    }

    fn admitted(
        &self,
        parcel: &Parcel,
        status: StatusCode,
        answer: &Value,
    ) -> anyhow::Result<Vec<Admitted>> {
        let one = std::slice::from_ref(answer);
        let rows = answer["documents"].as_array().map_or(one, Vec::as_slice);
        if !status.is_success() || rows.len() != parcel.documents.len() {
            bail!("a post was answered {status}");
        }
        let due = self.began_at + parcel.due;
        let rows = rows.iter().zip(&parcel.documents);
        rows.map(|(row, (kind, digest))| {
            let id = row["id"].as_str().context("a document was turned away")?;
            Ok(Admitted {
                id: DocumentId::parse(id)?,
                kind: *kind,
                digest: *digest,
                due,
            })
        })
        .collect()
    }
}

/// Writes every post in the order of their instants; it ends early when nobody takes them any more.
fn write(shape: Shape, centres: &[Centre], today: Day, to: &mpsc::Sender<Parcel>) {
    let mut draw = Draw::new(shape.seed, 0);
    let numbers: Vec<usize> = (0..shape.documents).collect();
    for (place, numbers) in numbers.chunks(shape.lot).enumerate() {
        let centre = &centres[place % centres.len()];
        let texts: Vec<(Kind, String)> = numbers
            .iter()
            .map(|number| document(&mut draw, centre, *number, today))
            .collect();
        let documents = texts
            .iter()
            .map(|(kind, text)| (*kind, Digest(Sha256::digest(text).into())))
            .collect();
        let body = match texts.as_slice() {
            [(_, text)] if shape.lot == 1 => text.clone(),
            _ => write_lot(texts.iter().map(|(_, text)| text.as_str())),
        };
        let first = numbers.first().copied().unwrap_or_default();
        let parcel = Parcel {
            due: Duration::from_secs_f64(first as f64 / f64::from(shape.rate)),
            body,
            documents,
        };
        if to.blocking_send(parcel).is_err() {
            return;
        }
    }
}

/// Nine of ten for the centre's caisse, one for the complementary insurer.
fn document(draw: &mut Draw, centre: &Centre, number: usize, today: Day) -> (Kind, String) {
    let (kind, destination) = match number % 10 {
        9 => (Kind::Dre, DestinationText::Amc(AMC.to_owned())),
        _ => (Kind::Fse, sheet::amo(centre.caisse)),
    };
    let sender = Sender {
        finess: &centre.finess,
        category: centre.category,
    };
    // A numéro de facture: nine digits.
    let number = (100_000_000 + number).to_string();
    let sheet = sheet::claim(draw, sender, kind, &number, today, destination);
    (kind, write_document(&sheet))
}
