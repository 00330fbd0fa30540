//! One attempt, one question: send or ask, judge what came of it, record that.

use std::time::Duration;

use crate::claims::deadline;
use crate::claims::entry::{Next, Reason};
use crate::claims::outcome::{self, Asked, Judgement, Refusal, Reply, Retry, Sent, StatusReply};
use crate::claims::registry::Centre;
use crate::claims::terms::Region;
use crate::claims::time::Timestamp;
use crate::dispatch::lanes::Place;
use crate::dispatch::{Dispatch, ReceiptExpected, seal};
use crate::formats::json;
use crate::formats::lot::Composed;
use crate::store::{self, Body, Command, Conclusion, Leased, LotRecord};
use crate::telemetry::event::{Attempt, Event, Question};
use crate::telemetry::lane::Alert;

/// How often the recording of an outcome is tried; after that the lease runs out and the lot is in doubt.
const RECORDINGS: u32 = 5;

/// How an attempt or a question ended that did not break off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// The ledger has what came of it.
    Recorded,
    /// The store took no record of it.
    Unrecorded,
}

/// What came of an attempt.
struct Heard {
    judgement: Judgement,
    /// What the insurer said of the content.
    refusal: Option<Refusal>,
    word: Attempt,
    /// Until when and why the lane holds back what failed.
    lane_wait: Option<Next>,
}

impl Dispatch {
    /// Sends a leased lot: its attempt is durable already.
    pub(super) async fn attempt(
        &self,
        leased: Leased,
        fresh: Option<Composed>,
        mut place: Place,
    ) -> Ended {
        let Leased { lot, attempt } = leased;
        let started = self.clock.now();
        let heard = self.sent(&lot, fresh, &mut place).await;
        let ended = self.clock.now();
        let judgement = heard.judgement;
        let next = self.next(&judgement, &lot, attempt, ended).await;
        let next = held_back(next, judgement.retry, heard.lane_wait);
        let waits_for = (judgement.retry != Retry::Never).then_some(next.reason);
        let conclusion = Conclusion {
            lot: lot.sealed.lot,
            attempt,
            asked: None,
            event: judgement.event,
            next,
            named: judgement.named,
            words: self.words(heard.refusal),
        };
        let ended_as = self.conclude(&lot, conclusion, judgement.alert).await;
        self.telemetry.record(Event::Attempted {
            lot: lot.sealed.lot,
            endpoint: &lot.sealed.endpoint,
            attempt,
            outcome: heard.word,
            waits_for,
            took: ended.since(started),
        });
        ended_as
    }

    /// Sends the bytes of a lot, if they can be read, and judges what comes back.
    async fn sent(&self, lot: &LotRecord, fresh: Option<Composed>, place: &mut Place) -> Heard {
        let unsent = |reason, retry| Heard {
            judgement: judge_unsent(reason, retry),
            refusal: None,
            word: Attempt::NotReached,
            lane_wait: None,
        };
        let composed = match self.composed(lot, fresh).await {
            Ok(composed) => composed,
            Err(seal::Error::Store(error)) => {
                self.stalled(&error);
                return unsent(Reason::Turn, Retry::Backoff);
            }
            Err(error @ (seal::Error::Missing(_) | seal::Error::OtherBytes(_))) => {
                self.telemetry.record(Event::LotUnreadable {
                    lot: lot.sealed.lot,
                    why: &error.to_string(),
                });
                // A person must look before it helps to try again.
                return unsent(Reason::Unreadable, Retry::Longest);
            }
        };
        // The lease ends before anybody else may think that the attempt is over.
        let now = self.clock.now();
        let within = lot.next.map_or(Duration::ZERO, |next| next.at.since(now));
        let send = self.transport.send(&lot.sealed.endpoint, &composed);
        let sent = tokio::time::timeout(within, send).await;
        let sent = sent.unwrap_or(Sent::Unanswered(outcome::Cause::Timeout));
        Heard {
            lane_wait: place.hear(sent.signal(), sent.failed_by(), self.clock.now()),
            judgement: outcome::judge_sent(&sent, &lot.sealed.documents),
            word: attempt_word(&sent),
            refusal: refusal_sent(sent),
        }
    }

    /// Asks an insurer what became of a lot.
    pub(super) async fn question(&self, lot: LotRecord, mut place: Place) -> Ended {
        let sealed = &lot.sealed;
        let ask = self
            .transport
            .status(&sealed.endpoint, sealed.lot, sealed.digest);
        let asked = match tokio::time::timeout(self.config.lease(), ask).await {
            Ok(asked) => asked,
            Err(_) => Asked::NoAnswer(outcome::Cause::Timeout),
        };
        let waits = lot.next.map(|next| next.reason);
        let judgement = outcome::judge_asked(&asked, &sealed.documents, lot.state, waits);
        let outcome = question_word(&asked);
        let now = self.clock.now();
        let signal = asked.signal();
        let lane_wait = signal.and_then(|signal| place.hear(signal, asked.failed_by(), now));
        // Not by its attempts where it is asked again: a lot may never have been attempted, or long ago.
        let tried = match asked {
            // It goes again, by how often it went.
            Asked::NoService => lot.attempts.max(1),
            Asked::Answered(_) | Asked::NoAnswer(_) => lot.asked.saturating_add(1),
        };
        let next = self.next(&judgement, &lot, tried, now).await;
        let next = held_back(next, judgement.retry, lane_wait);
        let conclusion = Conclusion {
            lot: sealed.lot,
            attempt: lot.attempts,
            asked: Some(lot.stood()),
            event: judgement.event,
            next,
            named: judgement.named,
            words: self.words(refusal_asked(asked)),
        };
        let ended = self.conclude(&lot, conclusion, judgement.alert).await;
        self.telemetry.record(Event::Asked {
            lot: sealed.lot,
            endpoint: &sealed.endpoint,
            outcome,
        });
        ended
    }

    /// Records what came of it, as often as it takes within reason.
    async fn conclude(
        &self,
        lot: &LotRecord,
        conclusion: Conclusion,
        alert: Option<outcome::Alert>,
    ) -> Ended {
        if let Some(alert) = alert {
            self.alert(lot.sealed.lot, &lot.sealed.endpoint, alert_word(alert));
        }
        for _ in 0..RECORDINGS {
            let command = Command::Conclude(conclusion.clone());
            match self.store.commit(self.clock.now(), command).await {
                Ok(_) => return Ended::Recorded,
                Err(store::Error::Busy | store::Error::Full) => {
                    tokio::time::sleep(self.config.pause()).await
                }
                Err(
                    error @ (store::Error::Stopped(_)
                    | store::Error::Read(_)
                    | store::Error::Impossible(_)),
                ) => {
                    self.stalled(&error);
                    break;
                }
            }
        }
        self.alert(lot.sealed.lot, &lot.sealed.endpoint, Alert::Unrecorded);
        Ended::Unrecorded
    }

    /// What an insurer said of the content, as a body.
    fn words(&self, refusal: Option<Refusal>) -> Option<Body> {
        refusal.map(|refusal| Body {
            bytes: json::refusal::write(&refusal).into(),
            salt: self.clock.salt(),
        })
    }

    /// When the next thing is to be done for the lot, after so many attempts, or questions in vain.
    async fn next(
        &self,
        judgement: &Judgement,
        lot: &LotRecord,
        tried: u32,
        now: Timestamp,
    ) -> Next {
        let schedule = self.config.schedule();
        let id = lot.sealed.lot;
        let at = match judgement.retry {
            Retry::Never | Retry::Now => now,
            Retry::Pause => now + schedule.wait(id, 1),
            Retry::Backoff => now + schedule.wait(id, tried),
            Retry::After(asked) => now + schedule.honour(asked, id, tried),
            Retry::Longest => now + schedule.longest(),
            Retry::Receipt => self.receipt_expected(lot, now).await,
        };
        Next {
            at,
            reason: judgement.reason,
        }
    }

    async fn receipt_expected(&self, lot: &LotRecord, now: Timestamp) -> Timestamp {
        match self.config.receipt() {
            ReceiptExpected::After(span) => now + span,
            ReceiptExpected::Terms => {
                let region = self.region(lot, now).await;
                deadline::receipt_overdue(now.day(), region, &self.terms)
            }
        }
    }

    async fn region(&self, lot: &LotRecord, now: Timestamp) -> Region {
        let centre = self.store.centre(lot.sealed.centre).await;
        Centre::region_on(&centre.unwrap_or_default(), now.day())
    }
}

fn alert_word(alert: outcome::Alert) -> Alert {
    match alert {
        outcome::Alert::OtherBytes => Alert::OtherBytes,
        outcome::Alert::Forgotten => Alert::Forgotten,
        outcome::Alert::Unaccounted => Alert::Unaccounted,
        outcome::Alert::RefusedAfterTaking => Alert::RefusedAfterTaking,
    }
}

/// What waits for its endpoint waits for the lane too: whichever is later, and the reason of that.
fn held_back(next: Next, retry: Retry, lane_wait: Option<Next>) -> Next {
    match retry {
        Retry::Now | Retry::Pause | Retry::Backoff | Retry::After(_) => {
            lane_wait.filter(|wait| wait.at > next.at).unwrap_or(next)
        }
        // It is finished, it waits for its receipt, or for a person, who must know why.
        Retry::Never | Retry::Receipt | Retry::Longest => next,
    }
}

/// The bytes could not be read: nothing left.
fn judge_unsent(reason: Reason, retry: Retry) -> Judgement {
    Judgement {
        event: crate::claims::delivery::Event::NotReached,
        reason,
        retry,
        named: Vec::new(),
        alert: None,
    }
}

fn refusal_sent(sent: Sent) -> Option<Refusal> {
    match sent {
        Sent::Answered(Reply::Refused(refusal)) => Some(refusal),
        Sent::Answered(Reply::Taken | Reply::OtherBytes | Reply::Trouble(..))
        | Sent::NotReached(_)
        | Sent::Unanswered(_) => None,
    }
}

fn refusal_asked(asked: Asked) -> Option<Refusal> {
    match asked {
        Asked::Answered(StatusReply::Refused(refusal)) => Some(refusal),
        Asked::Answered(
            StatusReply::Known
            | StatusReply::Unknown
            | StatusReply::OtherBytes
            | StatusReply::Trouble(..),
        )
        | Asked::NoAnswer(_)
        | Asked::NoService => None,
    }
}

fn attempt_word(sent: &Sent) -> Attempt {
    match sent {
        Sent::Answered(Reply::Taken) => Attempt::Taken,
        Sent::Answered(Reply::Refused(_)) => Attempt::Refused,
        Sent::Answered(Reply::OtherBytes | Reply::Trouble(..)) => Attempt::Deferred,
        Sent::NotReached(_) => Attempt::NotReached,
        Sent::Unanswered(_) => Attempt::NoAnswer,
    }
}

fn question_word(asked: &Asked) -> Question {
    match asked {
        Asked::Answered(StatusReply::Known) => Question::Known,
        Asked::Answered(StatusReply::Unknown) => Question::Unknown,
        Asked::Answered(StatusReply::Refused(_)) => Question::Refused,
        Asked::Answered(StatusReply::OtherBytes | StatusReply::Trouble(..))
        | Asked::NoAnswer(_) => Question::Unreachable,
        Asked::NoService => Question::NoService,
    }
}
