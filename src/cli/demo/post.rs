//! The centres at work: they declare their paper, post, wait when asked to, replace what was refused, cancel, and
//! look where their documents are, all by the public interface with a token each. Nothing is asked of the store.

use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use futures_util::{StreamExt, TryStreamExt, stream};
use indicatif::ProgressBar;
use reqwest::{Certificate, Client, Method};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::cli::demo::book::{Book, By, Deed, End, Parcel, Post, Round};
use crate::cli::demo::gateway::{Body, Desk};
use crate::cli::demo::world::World;
use crate::formats::xml::write_lot;

/// Requests at the same time.
const AT_ONCE: usize = 16;

/// Between two looks at what is not finished.
const LOOK: Duration = Duration::from_millis(400);

/// The centres, and what they know of their documents.
pub(super) struct Centres<'a> {
    book: &'a Book,
    world: &'a World,
    desk: Desk,
    /// By the place in the book.
    fates: Vec<Fate>,
}

/// What a centre knows of a document.
#[derive(Clone, Debug, Default)]
pub(super) struct Fate {
    /// The status of the answer; none while it is not posted.
    pub(super) status: Option<u16>,
    /// The codes of the findings.
    pub(super) codes: Vec<String>,
    /// Its id, when it is in the ledger.
    pub(super) id: Option<String>,
    /// Where it was last seen.
    pub(super) seen: Seen,
    /// Whether what is to be done to it is done.
    is_done: bool,
}

/// Where a document was seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Seen {
    /// Nowhere yet.
    #[default]
    Unseen,
    /// On its way: the gateway's word for it.
    Underway(String),
    /// At an end.
    At(End),
}

/// What the gateway says of its counts.
pub(super) struct Counted {
    /// The rate of each centre, by its place.
    pub(super) rates: Vec<Value>,
    /// Unfinished documents without a next instant.
    pub(super) stuck: Option<u64>,
}

impl<'a> Centres<'a> {
    /// Nothing is posted yet.
    pub(super) fn new(book: &'a Book, world: &'a World) -> anyhow::Result<Centres<'a>> {
        let roots = Certificate::from_pem_bundle(&world.roots()?)?;
        let client = Client::builder().tls_certs_only(roots).build()?;
        let operators = world
            .operators()
            .context("the operators' listener is not open")?;
        Ok(Centres {
            book,
            world,
            desk: Desk {
                client,
                public: world.public(),
                operators,
            },
            fates: vec![Fate::default(); book.posts.len()],
        })
    }

    /// What is known of the document at a place of the book.
    pub(super) fn fate(&self, place: usize) -> &Fate {
        &self.fates[place]
    }

    /// Declares the paper of every day.
    pub(super) async fn declare(&self) -> anyhow::Result<()> {
        let all = self.book.declarations.iter().map(|declared| async move {
            let centre = &self.book.centres[declared.centre];
            let rows = match declared.sheets {
                0 => json!([]),
                sheets => json!([{ "caisse": centre.caisse, "sheets": sheets }]),
            };
            let path = format!("/v1/declarations/{}/{}", centre.finess, declared.day);
            let token = &self.world.tokens.centres[declared.centre];
            let body = Body::Json(json!({ "rows": rows }).to_string().into());
            let url = format!("{}{path}", self.desk.public);
            let answered = self.desk.ask(Method::PUT, &url, token, &body).await?;
            match answered.status {
                200 => Ok(()),
                status => Err(anyhow!(
                    "a declaration of paper was answered {status}: {}",
                    answered.body
                )),
            }
        });
        stream::iter(all)
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await
    }

    /// Posts the first round, then the second.
    pub(super) async fn post(&mut self, bar: &ProgressBar) -> anyhow::Result<()> {
        self.hand_in(self.book.parcels.clone(), bar).await?;
        let second = self.places(|post| post.round == Round::Second);
        self.hand_in(second.into_iter().map(Parcel::Single).collect(), bar)
            .await
    }

    /// Looks after the documents until each is where it is to end, or the time is up.
    pub(super) async fn follow(&mut self, bar: &ProgressBar, until: Instant) -> anyhow::Result<()> {
        loop {
            let (began, before) = (Instant::now(), self.ended());
            let unended = self
                .places(|_| true)
                .into_iter()
                .filter(|place| self.is_awaited(*place));
            self.look(unended.collect()).await?;
            self.act().await?;
            let ready = self.places(|post| self.may_follow(post.round));
            let ready = ready
                .into_iter()
                .filter(|place| self.fates[*place].status.is_none());
            self.hand_in(ready.map(Parcel::Single).collect(), bar)
                .await?;
            bar.inc(self.ended().saturating_sub(before) as u64);
            let is_over = (0..self.fates.len()).all(|place| !self.is_awaited(place));
            if is_over || Instant::now() >= until {
                return Ok(());
            }
            // However slow the machine, half of its time is the gateway's own.
            sleep(LOOK.max(began.elapsed())).await;
        }
    }

    /// Looks at every document once more: what is at its end must have stayed there.
    pub(super) async fn look_again(&mut self) -> anyhow::Result<()> {
        let admitted = |place: &usize| self.fates[*place].status == Some(202);
        let places = (0..self.fates.len()).filter(admitted).collect();
        self.look(places).await
    }

    /// What the gateway counted: the rate of every centre over the days of the book, and what is stuck.
    pub(super) async fn counted(&self) -> anyhow::Result<Counted> {
        let period = format!("{}%2F{}", self.book.first_day(), self.book.today);
        let all = (0..self.book.centres.len()).map(|place| {
            let finess = &self.book.centres[place].finess;
            let url = format!(
                "{}/v1/centres/{finess}/rate?period={period}",
                self.desk.public
            );
            let token = &self.world.tokens.centres[place];
            async move {
                anyhow::Ok(
                    self.desk
                        .ask(Method::GET, &url, token, &Body::None)
                        .await?
                        .body,
                )
            }
        });
        let rates = stream::iter(all).buffered(AT_ONCE).try_collect().await?;
        let url = format!("{}/v1/queue", self.desk.operators);
        let operator = &self.world.tokens.operator;
        let queue = self
            .desk
            .ask(Method::GET, &url, operator, &Body::None)
            .await?;
        let stuck = queue.body["stuck"].as_u64();
        Ok(Counted { rates, stuck })
    }

    fn places(&self, wanted: impl Fn(&Post) -> bool) -> Vec<usize> {
        let posts = self.book.posts.iter().enumerate();
        posts
            .filter(|(_, post)| wanted(post))
            .map(|(place, _)| place)
            .collect()
    }

    /// Whether the turn of a replacement has come.
    fn may_follow(&self, round: Round) -> bool {
        match round {
            Round::First | Round::Second => false,
            Round::After(place, end) => self.fates[place].seen == Seen::At(end),
        }
    }

    /// Whether something is still to happen to a document.
    fn is_awaited(&self, place: usize) -> bool {
        let (post, fate) = (&self.book.posts[place], &self.fates[place]);
        match (post.end, &fate.seen) {
            (None, _) => fate.status.is_none(),
            // A replacement whose turn has not come is awaited as what it replaces.
            (Some(_), _) if fate.status.is_none() => true,
            (Some(_), _) if fate.id.is_none() => false,
            (Some(end), Seen::At(seen)) => *seen != end && !is_final(*seen),
            (Some(_), Seen::Unseen | Seen::Underway(_)) => true,
        }
    }

    fn ended(&self) -> usize {
        let fates = self.fates.iter().zip(&self.book.posts);
        fates
            .filter(|(fate, post)| post.end.is_some_and(|end| fate.seen == Seen::At(end)))
            .count()
    }

    /// Cancels what is to be cancelled and confirms the paper duplicates, as soon as the gateway lets them.
    async fn act(&mut self) -> anyhow::Result<()> {
        for place in self.places(|post| post.deed.is_some()) {
            let (Some(deed), Some(id)) =
                (self.book.posts[place].deed, self.fates[place].id.clone())
            else {
                continue;
            };
            if self.fates[place].is_done {
                continue;
            }
            let (url, token, body) = match deed {
                Deed::Cancel => (
                    format!("{}/v1/documents/{id}/cancel", self.desk.public),
                    self.token(place),
                    Body::None,
                ),
                Deed::Paper => {
                    let url = format!("{}/v1/documents/{id}/paper", self.desk.operators);
                    let why = json!({ "reason": "the book of the demo has it on paper" });
                    let order = Body::Json(why.to_string().into());
                    (url, self.world.tokens.operator.as_str(), order)
                }
            };
            let answered = self.desk.ask(Method::POST, &url, token, &body).await?;
            match answered.status {
                200 => self.fates[place].is_done = true,
                // An attempt runs: it is asked again at the next look.
                409 => {}
                status => bail!("{deed:?} was answered {status}: {}", answered.body),
            }
        }
        Ok(())
    }

    async fn hand_in(&mut self, parcels: Vec<Parcel>, bar: &ProgressBar) -> anyhow::Result<()> {
        let posting = parcels.into_iter().map(|parcel| {
            let centres = &*self;
            async move {
                let fates = match &parcel {
                    Parcel::Single(place) => vec![(*place, centres.single(*place).await?)],
                    Parcel::Lot(places) => centres.lot(places).await?,
                };
                bar.inc(fates.len() as u64);
                anyhow::Ok(fates)
            }
        });
        let fates: Vec<_> = stream::iter(posting)
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await?;
        for (place, fate) in fates.into_iter().flatten() {
            self.fates[place] = fate;
        }
        Ok(())
    }

    async fn single(&self, place: usize) -> anyhow::Result<Fate> {
        let url = format!("{}/v1/documents", self.desk.public);
        let body = Body::Xml(self.book.posts[place].text.clone().into());
        let answered = self
            .desk
            .ask(Method::POST, &url, self.token(place), &body)
            .await?;
        Ok(Fate::of(
            answered.status,
            &answered.body,
            answered.is_repeated,
        ))
    }

    async fn lot(&self, places: &[usize]) -> anyhow::Result<Vec<(usize, Fate)>> {
        let url = format!("{}/v1/lots", self.desk.public);
        let texts = places
            .iter()
            .map(|place| self.book.posts[*place].text.as_str());
        let body = Body::Xml(write_lot(texts).into());
        let answered = self
            .desk
            .ask(Method::POST, &url, self.token(places[0]), &body)
            .await?;
        let rows = answered.body["documents"].as_array();
        let Some(rows) = rows.filter(|rows| rows.len() == places.len()) else {
            bail!("a lot was answered {}: {}", answered.status, answered.body);
        };
        let fate = |row: &Value| {
            let status = row["status"]
                .as_u64()
                .and_then(|status| u16::try_from(status).ok());
            Fate::of(status.unwrap_or(0), row, answered.is_repeated)
        };
        Ok(places.iter().copied().zip(rows.iter().map(fate)).collect())
    }

    fn token(&self, place: usize) -> &'a str {
        let tokens = &self.world.tokens;
        let post = &self.book.posts[place];
        match post.by {
            By::Centre => &tokens.centres[post.centre],
            By::Neighbour => &tokens.centres[(post.centre + 1) % tokens.centres.len()],
            By::Test => &tokens.tests[post.centre],
        }
    }

    async fn look(&mut self, places: Vec<usize>) -> anyhow::Result<()> {
        let looking = places.into_iter().filter_map(|place| {
            let id = self.fates[place].id.clone()?;
            let centres = &*self;
            Some(async move {
                let url = format!("{}/v1/documents/{id}", centres.desk.public);
                let token = centres.token(place);
                let answered = centres
                    .desk
                    .ask(Method::GET, &url, token, &Body::None)
                    .await?;
                match answered.status {
                    200 => Ok((place, Seen::of(&answered.body))),
                    status => Err(anyhow!("{id} was answered {status}: {}", answered.body)),
                }
            })
        });
        let seen: Vec<_> = stream::iter(looking)
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await?;
        for (place, seen) in seen {
            self.fates[place].seen = seen;
        }
        Ok(())
    }
}

impl Fate {
    /// A known document is the admitted one where an earlier try of the same post may have been heard.
    fn of(status: u16, body: &Value, is_repeated: bool) -> Fate {
        let findings = body["findings"].as_array().into_iter().flatten();
        let codes = findings.filter_map(|finding| finding["code"].as_str());
        Fate {
            status: Some(match (status, is_repeated) {
                (200, true) => 202,
                (status, _) => status,
            }),
            codes: codes.map(str::to_owned).collect(),
            id: body["id"].as_str().map(str::to_owned),
            ..Fate::default()
        }
    }
}

impl Seen {
    /// Where a document is, by the gateway's words.
    fn of(body: &Value) -> Seen {
        let word = body["standing"].as_str().unwrap_or_default();
        let at = End::ALL.into_iter().find(|end| end.as_str() == word);
        match at {
            Some(end) => Seen::At(end),
            None if body["paper_owed"].is_string() && body["transmitted"].is_null() => {
                Seen::At(End::PaperOwed)
            }
            None => Seen::Underway(word.to_owned()),
        }
    }
}

/// Whether nothing moves a document from there but another fact; paper owed is a duty, and what was refused or
/// acknowledged goes on.
fn is_final(end: End) -> bool {
    match end {
        End::Refused | End::Acknowledged | End::PaperOwed => false,
        End::Cancelled | End::Rejected => false,
        End::Paid | End::PartPaid | End::Granted | End::Declined | End::OnPaper | End::Replaced => {
            true
        }
    }
}
