//! Requests as the contract has them, and some as it has them not. Nothing is repeated, nothing followed.

use std::convert::Infallible;
use std::io;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::stream;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE};
use reqwest::{Client, RequestBuilder, redirect, retry};
use serde_json::Value;
use tokio::sync::oneshot;

use super::{Config, Error};
use crate::claims::id::{Digest, LotId};
use crate::claims::outcome::{Refusal, Reply, StatusReply};
use crate::formats::json::answer::{self, Answer};
use crate::formats::lot::Composed;
use crate::tls::ClientFiles;

/// How long the first half of a body has to leave before the connection ends.
const LEAVING: Duration = Duration::from_millis(300);

/// The way to the endpoint, with and without a certificate.
pub(super) struct Line {
    known: Client,
    nobody: Client,
    base: String,
    wait: Duration,
}

/// What came back.
#[derive(Clone, Debug)]
pub(super) enum Heard {
    /// An answer.
    Answer(u16, Bytes),
    /// None: the connection or the time ended.
    Nothing,
}

/// What the insurer says became of a lot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// `known`, with the digest of its bytes.
    Known,
    /// `known`, with another digest.
    OtherBytes,
    /// `unknown`.
    Unknown,
    /// `refused`.
    Refused,
    /// 503: it is being worked on, or it is trouble.
    Later,
    /// Anything else, in words.
    Other(String),
}

/// How a lot is handed over: each field as it will stand on the wire, right or wrong.
pub(super) struct Handing {
    pub(super) at: LotId,
    pub(super) content_type: String,
    pub(super) digest: Digest,
    pub(super) body: Bytes,
}

impl Handing {
    /// As the contract has it.
    pub(super) fn of(lot: &Composed) -> Handing {
        Handing {
            at: lot.lot.id,
            content_type: lot.content_type(),
            digest: lot.digest,
            body: lot.segments.concat().into(),
        }
    }
}

impl Line {
    pub(super) fn new(config: &Config) -> Result<Line, Error> {
        let nobody = ClientFiles {
            identity: None,
            ..config.tls.clone()
        };
        Ok(Line {
            known: client(&config.tls)?,
            nobody: client(&nobody)?,
            base: config.base.trim_end_matches('/').to_owned(),
            wait: config.answer,
        })
    }

    /// Hands a lot over.
    pub(super) async fn put(&self, handing: &Handing) -> Heard {
        self.ask(self.request(handing).body(handing.body.clone()))
            .await
    }

    /// Hands a lot over in two halves; `between` passes before the second.
    pub(super) async fn put_in_halves(
        &self,
        handing: &Handing,
        between: impl Future<Output = ()> + Send + 'static,
    ) -> Heard {
        let (first, second) = halves(&handing.body);
        let second = async move {
            between.await;
            Ok::<Bytes, Infallible>(second)
        };
        let first = async move { Ok(first) };
        let body = reqwest::Body::wrap_stream(stream_of(first, second));
        let length = handing.body.len();
        self.ask(
            self.request(handing)
                .header(CONTENT_LENGTH, length)
                .body(body),
        )
        .await
    }

    /// Hands the first half of a lot over and ends the connection.
    pub(super) async fn put_half(&self, handing: &Handing) -> Heard {
        let (first, _) = halves(&handing.body);
        let cut = async {
            // What is written has to leave first: a body that ends at once would never be begun.
            tokio::time::sleep(LEAVING).await;
            Err(io::Error::other("the kit ends the connection here"))
        };
        let body = reqwest::Body::wrap_stream(stream_of(async move { Ok(first) }, cut));
        let length = handing.body.len();
        self.ask(
            self.request(handing)
                .header(CONTENT_LENGTH, length)
                .body(body),
        )
        .await
    }

    /// Hands a lot over, and says when all of it has been given to the connection.
    pub(super) async fn put_and_tell(&self, handing: &Handing, left: oneshot::Sender<()>) -> Heard {
        let whole = handing.body.clone();
        // Told when it is asked for more, or when nobody asks for more.
        let end = async move {
            let _ = left.send(());
            Ok::<Bytes, Infallible>(Bytes::new())
        };
        let body = reqwest::Body::wrap_stream(stream_of(async move { Ok(whole) }, end));
        let length = handing.body.len();
        self.ask(
            self.request(handing)
                .header(CONTENT_LENGTH, length)
                .body(body),
        )
        .await
    }

    /// Asks what became of a lot that was handed over with this digest.
    pub(super) async fn fate(&self, lot: LotId, digest: Digest) -> Fate {
        let heard = self.ask(self.known.get(self.lot(lot))).await;
        heard.fate(lot, digest)
    }

    /// Asks what became of a lot until the answer is not "later", within the time for one answer.
    pub(super) async fn settled_fate(&self, lot: LotId, digest: Digest) -> Fate {
        let mut fate = self.fate(lot, digest).await;
        for _ in 0..10 {
            if fate != Fate::Later {
                break;
            }
            tokio::time::sleep(self.wait / 10).await;
            fate = self.fate(lot, digest).await;
        }
        fate
    }

    /// Asks what became of a lot, showing no certificate.
    pub(super) async fn ask_as_nobody(&self, lot: LotId) -> Heard {
        self.ask(self.nobody.get(self.lot(lot))).await
    }

    /// Asks for a page of the feed.
    pub(super) async fn feed(&self, after: Option<&str>) -> Heard {
        // A cursor is of letters that stand in an address as they are.
        let query = after.map_or(String::new(), |after| format!("?after={after}"));
        let address = format!("{}/receipts{query}", self.base);
        self.ask(self.known.get(address)).await
    }

    fn lot(&self, lot: LotId) -> String {
        format!("{}/lots/{lot}", self.base)
    }

    fn request(&self, handing: &Handing) -> RequestBuilder {
        let digest = format!("sha-256=:{}:", STANDARD.encode(handing.digest.0));
        self.known
            .put(self.lot(handing.at))
            .header(CONTENT_TYPE, &handing.content_type)
            .header("repr-digest", digest)
    }

    async fn ask(&self, request: RequestBuilder) -> Heard {
        let asking = async {
            let response = request.send().await.ok()?;
            let status = response.status().as_u16();
            Some(Heard::Answer(status, response.bytes().await.ok()?))
        };
        let asked = tokio::time::timeout(self.wait, asking).await;
        asked.ok().flatten().unwrap_or(Heard::Nothing)
    }
}

/// Answers are read by the reader of the gateway: what it would not believe is not kept.
impl Heard {
    /// Whether it takes the lot.
    pub(super) fn takes(&self, lot: LotId) -> Result<(), String> {
        match self.reply(lot) {
            Some(Reply::Taken) => Ok(()),
            Some(Reply::Refused(_) | Reply::OtherBytes | Reply::Trouble(..)) | None => {
                Err(self.instead_of("taken"))
            }
        }
    }

    /// Whether it says that other bytes are there.
    pub(super) fn conflicts(&self, lot: LotId) -> Result<(), String> {
        match self.reply(lot) {
            Some(Reply::OtherBytes) => Ok(()),
            Some(Reply::Taken | Reply::Refused(_) | Reply::Trouble(..)) | None => {
                Err(self.instead_of("digest-conflict"))
            }
        }
    }

    /// What it says against the lot, if it refuses it.
    pub(super) fn refuses(&self, lot: LotId) -> Result<Refusal, String> {
        match self.reply(lot) {
            Some(Reply::Refused(refusal)) => Ok(refusal),
            Some(Reply::Taken | Reply::OtherBytes | Reply::Trouble(..)) | None => {
                Err(self.instead_of("refused"))
            }
        }
    }

    /// Whether it says that some lot is taken, rightly or wrongly.
    pub(super) fn seems_taken(&self) -> bool {
        match self {
            Heard::Answer(200..=299, _) => self.words()["outcome"] == "taken",
            Heard::Answer(..) | Heard::Nothing => false,
        }
    }

    /// What it is, without any content.
    pub(super) fn described(&self) -> String {
        match self {
            Heard::Nothing => "no answer".to_owned(),
            Heard::Answer(status, _) => {
                let words = self.words();
                let word = ["outcome", "status"].map(|key| words[key].as_str().map(plain));
                match word.into_iter().flatten().next() {
                    Some(word) => format!("status {status}, \"{word}\""),
                    None => format!("status {status}, in other words"),
                }
            }
        }
    }

    fn instead_of(&self, expected: &str) -> String {
        let came = self.described();
        match self.words()["outcome"] == expected {
            true => format!("{came} came, but its status, its lot or another field is wrong"),
            false => format!("\"{expected}\" was expected, {came} came"),
        }
    }

    fn reply(&self, lot: LotId) -> Option<Reply> {
        Some(answer::read_reply(self.answer()?, lot))
    }

    fn fate(&self, lot: LotId, digest: Digest) -> Fate {
        let Some(answer) = self.answer() else {
            return Fate::Other(self.described());
        };
        match answer::read_status(answer, lot, digest) {
            StatusReply::Known => Fate::Known,
            StatusReply::OtherBytes => Fate::OtherBytes,
            StatusReply::Unknown => Fate::Unknown,
            StatusReply::Refused(_) => Fate::Refused,
            StatusReply::Trouble(..) if answer.status == 503 => Fate::Later,
            StatusReply::Trouble(..) => Fate::Other(self.described()),
        }
    }

    fn answer(&self) -> Option<Answer<'_>> {
        match self {
            Heard::Answer(status, body) => Some(Answer {
                status: *status,
                retry_after: None,
                date: None,
                body,
            }),
            Heard::Nothing => None,
        }
    }

    fn words(&self) -> Value {
        match self {
            Heard::Answer(_, body) => serde_json::from_slice(body).unwrap_or_default(),
            Heard::Nothing => Value::Null,
        }
    }
}

impl Fate {
    /// In words.
    pub(super) fn described(&self) -> String {
        match self {
            Fate::Known => "known".to_owned(),
            Fate::OtherBytes => "known, with another digest".to_owned(),
            Fate::Unknown => "unknown".to_owned(),
            Fate::Refused => "refused".to_owned(),
            Fate::Later => "status 503".to_owned(),
            Fate::Other(words) => words.clone(),
        }
    }
}

/// A word of an answer as it can be shown: short, and nothing but letters and hyphens.
fn plain(word: &str) -> String {
    let shown = |letter: &char| letter.is_ascii_alphanumeric() || *letter == '-';
    word.chars().filter(shown).take(24).collect()
}

fn halves(body: &Bytes) -> (Bytes, Bytes) {
    let half = body.len() / 2;
    (body.slice(..half), body.slice(half..))
}

fn stream_of<E>(
    first: impl Future<Output = Result<Bytes, E>> + Send + 'static,
    second: impl Future<Output = Result<Bytes, E>> + Send + 'static,
) -> impl stream::Stream<Item = Result<Bytes, E>> + Send + 'static
where
    E: Send + 'static,
{
    use futures_util::StreamExt as _;
    stream::once(first).chain(stream::once(second))
}

fn client(files: &ClientFiles) -> Result<Client, Error> {
    Ok(Client::builder()
        .tls_backend_preconfigured(files.load()?)
        .https_only(true)
        .http1_only()
        .no_proxy()
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        .build()?)
}
