//! An insurer in memory, for simulations: it keeps the wire contract, and what goes wrong on the way is
//! decided by a script. Its book is an account of its own: who took what, and what should never have come.
//!
//! It waits on tokio's time only, so that a paused clock runs it through years. Dropping a call leaves
//! what has arrived in the book, as a crash of the gateway would.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::sleep;

use crate::claims::id::{Digest, DocumentId, EndpointName, LotId, Name};
use crate::claims::outcome::{Asked, Cause, Refusal, Reply, Sent, StatusReply, Trouble};
use crate::claims::receipt::Item;
use crate::formats::lot::{Composed, Row};
use crate::formats::xml;

use super::{Fetched, Transport};

/// Insurers in memory.
pub struct Simulated {
    script: Script,
    state: Mutex<State>,
}

/// Decides what becomes of each call. A function of its argument alone, if runs shall be the same.
pub type Script = Box<dyn Fn(&Call<'_>) -> Fate + Send + Sync>;

/// A call whose fate is asked.
pub struct Call<'a> {
    /// The endpoint.
    pub endpoint: &'a EndpointName,
    /// What is asked of it.
    pub request: Request<'a>,
    /// Calls of any kind before this one.
    pub before: u64,
}

/// What is asked of an insurer.
pub enum Request<'a> {
    /// To take a lot.
    Send(&'a Composed),
    /// What became of a lot.
    Status(LotId),
    /// What was issued.
    Receipts,
}

/// What becomes of a call.
#[derive(Clone, Debug)]
pub struct Fate {
    /// Until it arrives, or is known not to.
    pub there: Duration,
    /// From then until its answer is heard, or is known not to come.
    pub back: Duration,
    /// What happens.
    pub course: Course,
}

/// What happens to a call.
#[derive(Clone, Debug)]
pub enum Course {
    /// It arrives and is answered as the contract has it.
    Answered,
    /// It arrives, the content is refused, and nothing of the lot is taken.
    Refused(Refusal),
    /// It arrives and is done, and the destination answers with a trouble all the same.
    DoneInTrouble(Trouble, Option<Duration>),
    /// The destination answers with a trouble and does nothing.
    Trouble(Trouble, Option<Duration>),
    /// It arrives and is done; the answer is lost.
    AnswerLost(Cause),
    /// It is lost on the way, after it was begun.
    Lost(Cause),
    /// It is not begun.
    NotReached(Cause),
}

/// What the insurers have in their books.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Book {
    /// Lots taken, with the digest and rows they came with.
    pub lots: BTreeMap<LotId, (Digest, Vec<Row>)>,
    /// Lots whose content was refused.
    pub refused: BTreeMap<LotId, Refusal>,
    /// Documents taken, and the lot they came in.
    pub documents: BTreeMap<DocumentId, LotId>,
    /// What should never have come, in order.
    pub breaches: Vec<Breach>,
}

/// What a gateway must never do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Breach {
    /// Send other bytes under the id of a lot.
    OtherBytes(LotId),
    /// Send a document in a second lot after the first was taken.
    Twice {
        /// The document.
        document: DocumentId,
        /// The lot in which it was taken.
        taken: LotId,
        /// The lot in which it came again.
        again: LotId,
    },
    /// Send a body that is not that of its digest.
    WrongDigest(LotId),
}

#[derive(Default)]
struct State {
    calls: u64,
    book: Book,
    feeds: BTreeMap<EndpointName, Vec<String>>,
}

impl Simulated {
    /// Insurers whose books are empty.
    pub fn new(script: Script) -> Simulated {
        Simulated {
            script,
            state: Mutex::default(),
        }
    }

    /// A copy of the books as they are.
    pub fn book(&self) -> Book {
        self.lock().book.clone()
    }

    /// The insurer loses a lot that it took, and knows nothing of it any more; where it is sent again it is taken anew.
    pub fn forget(&self, lot: LotId) {
        let mut state = self.lock();
        state.book.lots.remove(&lot);
        state.book.documents.retain(|_, taken| *taken != lot);
    }

    /// Puts a receipt or settlement into the feed of an endpoint.
    pub fn issue(&self, endpoint: &EndpointName, item: &Item) {
        let text = match item {
            Item::Receipt(receipt) => xml::write_receipt(receipt),
            Item::Settlement(settlement) => xml::write_settlement(settlement),
        };
        self.issue_text(endpoint, text);
    }

    /// Puts an element into the feed of an endpoint, whatever it says.
    pub fn issue_text(&self, endpoint: &EndpointName, text: String) {
        let mut state = self.lock();
        let feed = state.feeds.entry(endpoint.clone()).or_default();
        feed.push(text);
    }

    fn fate(&self, endpoint: &EndpointName, request: Request<'_>) -> Fate {
        let mut state = self.lock();
        let before = state.calls;
        state.calls += 1;
        drop(state);
        (self.script)(&Call {
            endpoint,
            request,
            before,
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Fate {
    /// At once.
    pub fn now(course: Course) -> Fate {
        Fate {
            there: Duration::ZERO,
            back: Duration::ZERO,
            course,
        }
    }
}

#[async_trait]
impl Transport for Simulated {
    async fn send(&self, endpoint: &EndpointName, lot: &Composed) -> Sent {
        let fate = self.fate(endpoint, Request::Send(lot));
        sleep(fate.there).await;
        let sent = match fate.course {
            Course::Answered => Sent::Answered(self.lock().book.take(lot)),
            Course::Refused(refusal) => Sent::Answered(self.lock().book.refuse(lot, refusal)),
            Course::DoneInTrouble(trouble, wait) => {
                self.lock().book.take(lot);
                Sent::Answered(Reply::Trouble(trouble, wait))
            }
            Course::Trouble(trouble, wait) => Sent::Answered(Reply::Trouble(trouble, wait)),
            Course::AnswerLost(cause) => {
                self.lock().book.take(lot);
                Sent::Unanswered(cause)
            }
            Course::Lost(cause) => Sent::Unanswered(cause),
            Course::NotReached(cause) => Sent::NotReached(cause),
        };
        sleep(fate.back).await;
        sent
    }

    async fn status(&self, endpoint: &EndpointName, lot: LotId, digest: Digest) -> Asked {
        let fate = self.fate(endpoint, Request::Status(lot));
        sleep(fate.there).await;
        let asked = match fate.course {
            Course::Answered => Asked::Answered(self.lock().book.status(lot, digest)),
            Course::Refused(refusal) => Asked::Answered(StatusReply::Refused(refusal)),
            Course::DoneInTrouble(trouble, wait) | Course::Trouble(trouble, wait) => {
                Asked::Answered(StatusReply::Trouble(trouble, wait))
            }
            Course::AnswerLost(cause) | Course::Lost(cause) | Course::NotReached(cause) => {
                Asked::NoAnswer(cause)
            }
        };
        sleep(fate.back).await;
        asked
    }

    async fn fetch_receipts(&self, endpoint: &EndpointName, after: Option<&Name>) -> Fetched {
        let fate = self.fate(endpoint, Request::Receipts);
        sleep(fate.there).await;
        let fetched = match fate.course {
            Course::Answered | Course::Refused(_) => self.lock().feed(endpoint, after),
            Course::DoneInTrouble(trouble, wait) | Course::Trouble(trouble, wait) => {
                Fetched::Trouble(trouble, wait)
            }
            Course::AnswerLost(cause) | Course::Lost(cause) | Course::NotReached(cause) => {
                Fetched::NoAnswer(cause)
            }
        };
        sleep(fate.back).await;
        fetched
    }
}

impl Book {
    fn take(&mut self, lot: &Composed) -> Reply {
        let id = lot.lot.id;
        if !lot.is_whole() {
            self.breaches.push(Breach::WrongDigest(id));
            return Reply::Trouble(Trouble::Unintelligible, None);
        }
        if let Some((digest, _)) = self.lots.get(&id) {
            if *digest == lot.digest {
                return Reply::Taken;
            }
            self.breaches.push(Breach::OtherBytes(id));
            return Reply::OtherBytes;
        }
        if let Some(refusal) = self.refused.get(&id) {
            return Reply::Refused(refusal.clone());
        }
        for row in &lot.rows {
            if let Some(taken) = self.documents.insert(row.document, id) {
                self.breaches.push(Breach::Twice {
                    document: row.document,
                    taken,
                    again: id,
                });
            }
        }
        self.lots.insert(id, (lot.digest, lot.rows.clone()));
        Reply::Taken
    }

    /// A lot that was taken stays taken, whatever the script says later.
    fn refuse(&mut self, lot: &Composed, refusal: Refusal) -> Reply {
        if self.lots.contains_key(&lot.lot.id) {
            return self.take(lot);
        }
        self.refused.insert(lot.lot.id, refusal.clone());
        Reply::Refused(refusal)
    }

    fn status(&self, lot: LotId, digest: Digest) -> StatusReply {
        match (self.lots.get(&lot), self.refused.get(&lot)) {
            (Some((taken, _)), _) if *taken == digest => StatusReply::Known,
            (Some(_), _) => StatusReply::OtherBytes,
            (None, Some(refusal)) => StatusReply::Refused(refusal.clone()),
            (None, None) => StatusReply::Unknown,
        }
    }
}

impl State {
    /// The cursor is the number of items before.
    fn feed(&self, endpoint: &EndpointName, after: Option<&Name>) -> Fetched {
        let items = self.feeds.get(endpoint).map_or(&[][..], Vec::as_slice);
        let from = after.map_or(Some(0), |after| after.as_str().parse::<usize>().ok());
        let Some(rest) = from.and_then(|from| items.get(from..)) else {
            return Fetched::Trouble(Trouble::Unintelligible, None);
        };
        let page = &rest[..rest.len().min(PAGE)];
        let next = items.len() - rest.len() + page.len();
        let feed = xml::write_feed(&next.to_string(), page.iter().map(String::as_str));
        Fetched::Feed(feed.into())
    }
}

/// Items of one answer: small, so that simulations turn pages.
const PAGE: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claims::document::{Kind, Purpose};
    use crate::claims::id::{Amc, Destination, Finess, Number};
    use crate::formats::lot::{Lot, MediaType, Piece, compose};

    const DIGEST: Digest = Digest([7; 32]);

    fn lot(id: u128, documents: &[u128]) -> Composed {
        let lot = Lot {
            id: LotId(id),
            centre: Finess::parse("750712184").unwrap(),
            destination: Destination::Amc(Amc::parse("12345678").unwrap()),
            purpose: Purpose::Real,
        };
        let piece = |document: &u128| {
            let number = Number::parse("A-1").unwrap();
            let bytes = "<document/>".into();
            Piece::new(
                DocumentId(*document),
                number,
                Kind::Dre,
                MediaType::Xml,
                bytes,
            )
        };
        compose(lot, documents.iter().map(piece).collect())
    }

    fn endpoint() -> EndpointName {
        EndpointName::parse("caisse").unwrap()
    }

    fn scripted(courses: Vec<Course>) -> Simulated {
        Simulated::new(Box::new(move |call| {
            let course = courses.get(call.before as usize).cloned();
            Fate {
                there: Duration::from_secs(3600),
                back: Duration::from_secs(3600),
                course: course.unwrap_or(Course::Answered),
            }
        }))
    }

    #[tokio::test(start_paused = true)]
    async fn a_lost_answer_is_found_by_asking() {
        let simulated = scripted(vec![
            Course::Lost(Cause::Broken),
            Course::Answered,
            Course::AnswerLost(Cause::Timeout),
            Course::Answered,
            Course::Answered,
        ]);
        let (endpoint, lot) = (endpoint(), lot(1, &[1, 2]));
        let status = || simulated.status(&endpoint, LotId(1), lot.digest);
        assert_eq!(
            simulated.send(&endpoint, &lot).await,
            Sent::Unanswered(Cause::Broken)
        );
        assert_eq!(status().await, Asked::Answered(StatusReply::Unknown));
        assert_eq!(
            simulated.send(&endpoint, &lot).await,
            Sent::Unanswered(Cause::Timeout)
        );
        assert_eq!(status().await, Asked::Answered(StatusReply::Known));
        assert_eq!(
            simulated.send(&endpoint, &lot).await,
            Sent::Answered(Reply::Taken)
        );
        assert_eq!(
            simulated.status(&endpoint, LotId(1), DIGEST).await,
            Asked::Answered(StatusReply::OtherBytes)
        );
        let book = simulated.book();
        assert_eq!(
            (book.lots.len(), book.documents.len(), book.breaches.len()),
            (1, 2, 0)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn breaches_are_written_down() {
        let simulated = scripted(vec![]);
        let endpoint = endpoint();
        simulated.send(&endpoint, &lot(1, &[1, 2])).await;
        assert_eq!(
            simulated.send(&endpoint, &lot(1, &[3])).await,
            Sent::Answered(Reply::OtherBytes)
        );
        simulated.send(&endpoint, &lot(2, &[2])).await;
        let mut torn = lot(3, &[4]);
        torn.segments.pop();
        simulated.send(&endpoint, &torn).await;
        let expected = [
            Breach::OtherBytes(LotId(1)),
            Breach::Twice {
                document: DocumentId(2),
                taken: LotId(1),
                again: LotId(2),
            },
            Breach::WrongDigest(LotId(3)),
        ];
        assert_eq!(simulated.book().breaches, expected);
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_is_dropped_leaves_what_has_arrived() {
        let simulated = scripted(vec![]);
        let (endpoint, lot) = (endpoint(), lot(1, &[1]));
        let limit = Duration::from_secs(5400);
        tokio::time::timeout(limit, simulated.send(&endpoint, &lot))
            .await
            .unwrap_err();
        assert!(simulated.book().lots.contains_key(&LotId(1)));
        let limit = Duration::from_secs(1800);
        let second = self::lot(2, &[2]);
        tokio::time::timeout(limit, simulated.send(&endpoint, &second))
            .await
            .unwrap_err();
        assert!(!simulated.book().lots.contains_key(&LotId(2)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_lot_stays_refused_and_a_taken_one_taken() {
        let refusal = Refusal::default();
        let simulated = scripted(vec![
            Course::Refused(refusal.clone()),
            Course::Answered,
            Course::Answered,
            Course::Refused(refusal.clone()),
        ]);
        let (endpoint, first, second) = (endpoint(), lot(1, &[1]), lot(2, &[2]));
        let refused = Sent::Answered(Reply::Refused(refusal));
        assert_eq!(simulated.send(&endpoint, &first).await, refused);
        assert_eq!(simulated.send(&endpoint, &first).await, refused);
        assert_eq!(
            simulated.send(&endpoint, &second).await,
            Sent::Answered(Reply::Taken)
        );
        assert_eq!(
            simulated.send(&endpoint, &second).await,
            Sent::Answered(Reply::Taken)
        );
    }
}
