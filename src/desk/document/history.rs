//! The whole history of a document: every entry about it, about the lots that it was in and about the legal holds that
//! cover it, in words.
//!
//! Everybody who may see the document sees what happened and when; who steered, and the operator's reason, are
//! for operators.

use serde::Serialize;

use crate::claims::bearing::Bearing;
use crate::claims::delivery::Event;
use crate::claims::entry::{Delivery, Entry, Next, Position, Receipted, Received, Stamped};
use crate::claims::id::{DocumentId, LotId, Name};
use crate::claims::receipt::Verdict;
use crate::desk::document::heard::Eyes;
use crate::store::retention::HoldRecord;
use crate::store::{self, BodyId, Store};

/// One thing that happened.
#[derive(Debug, Default, Serialize)]
pub(in crate::desk) struct Happened {
    /// The entry.
    pub(in crate::desk) position: u64,
    /// When it was decided.
    pub(in crate::desk) at: String,
    /// What: a word of a closed list.
    pub(in crate::desk) event: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::desk) lot: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::desk) endpoint: Option<String>,
    /// Number of the attempt, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::desk) attempt: Option<u32>,
    /// The insurer's code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::desk) code: Option<String>,
    /// When the next thing was to happen from then on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::desk) next: Option<String>,
    /// Why then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::desk) why: Option<&'static str>,
    /// Who did it; for operators.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::desk) by: Option<String>,
    /// The operator's reason; for operators.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::desk) reason: Option<String>,
}

/// The entries about a document.
pub(in crate::desk) struct Chronicle {
    /// In the order of the ledger.
    pub(in crate::desk) entries: Vec<(Position, Stamped)>,
    /// Older ones that were not read.
    pub(in crate::desk) left_out: usize,
}

impl Chronicle {
    /// Reads the entries at these positions, the latest of them.
    ///
    /// # Errors
    /// When the store cannot read.
    pub(in crate::desk) async fn read(
        store: &dyn Store,
        history: &[Position],
        most: usize,
    ) -> Result<Chronicle, store::Error> {
        let left_out = history.len().saturating_sub(most);
        let mut entries = Vec::with_capacity(history.len() - left_out);
        for position in &history[left_out..] {
            let before = Position(position.0.saturating_sub(1));
            entries.extend(store.entries(before, 1).await?);
        }
        Ok(Chronicle { entries, left_out })
    }

    /// Adds the entries that placed and lifted legal holds, and their reasons: they cover the document, and speak of it
    /// or of its whole centre.
    ///
    /// # Errors
    /// When the store cannot read.
    pub(in crate::desk) async fn cover(
        &mut self,
        store: &dyn Store,
        holds: &[HoldRecord],
    ) -> Result<(), store::Error> {
        for hold in holds {
            let lifted = hold.lifted.as_ref().map(|lifted| lifted.position);
            for position in [Some(hold.position), lifted].into_iter().flatten() {
                let before = Position(position.0.saturating_sub(1));
                let found = store.entries(before, 2).await?;
                self.entries
                    .extend(found.into_iter().filter(|(at, stamped)| {
                    *at == position
                        || matches!(stamped.entry, Entry::Explained { of, .. } if of == position)
                }));
            }
        }
        self.entries.sort_by_key(|(position, _)| *position);
        Ok(())
    }

    /// What happened to a document, for these eyes.
    ///
    /// # Errors
    /// When the store cannot read.
    pub(in crate::desk) async fn tell(
        &self,
        store: &dyn Store,
        document: DocumentId,
        eyes: Eyes,
    ) -> Result<Vec<Happened>, store::Error> {
        let mut rows: Vec<Happened> = Vec::with_capacity(self.entries.len());
        for (position, stamped) in &self.entries {
            if let Entry::Explained { of, .. } = &stamped.entry {
                if eyes == Eyes::Operator
                    && let Some(row) = rows.iter_mut().find(|row| row.position == of.0)
                {
                    let body = store.body(BodyId::Entry(*position)).await?;
                    row.reason = body.map(|body| String::from_utf8_lossy(&body.bytes).into());
                }
                continue;
            }
            let mut row = happened(document, &stamped.entry);
            row.position = position.0;
            row.at = stamped.at.to_string();
            if eyes == Eyes::Owner {
                row.by = None;
            }
            rows.push(row);
        }
        Ok(rows)
    }
}

/// What an entry in the history of a document says of it.
fn happened(document: DocumentId, entry: &Entry) -> Happened {
    let Some(bearing) = entry.bearing() else {
        return held(entry);
    };
    match bearing {
        Bearing::Received(received) => admitted(document, received),
        Bearing::Sealed(sealed) => Happened {
            endpoint: Some(sealed.endpoint.to_string()),
            ..of_lot("sealed", sealed.lot)
        },
        Bearing::Delivery(delivery) => delivered(document, delivery),
        Bearing::Receipted(receipted) => heard(document, receipted),
        Bearing::Settled(settled) if settled.document == document => Happened {
            endpoint: Some(settled.endpoint.to_string()),
            ..event("settlement")
        },
        // It is in the history of a PJ because it acknowledged the FSE.
        Bearing::Settled(_) => event("fse acknowledged"),
        Bearing::Cancelled { by: who, .. } => by("cancelled", who),
        Bearing::ByHand { by: who, .. } => by("by hand", who),
        Bearing::OnPaper { by: who, .. } => by("on paper", who),
        Bearing::PaperOwed(_) => event("paper owed"),
        Bearing::Lapsed(_) => event("lapsed"),
        Bearing::Unsettled(_) => event("unsettled"),
        Bearing::Retried { lot, by, next } => Happened {
            by: Some(by.to_string()),
            ..waiting(of_lot("retried", lot), Some(next))
        },
        // These are in no document's history.
        Bearing::Declared { .. } | Bearing::Explained(_) => event("other"),
    }
}

/// A legal hold covers documents and bears on none; no other such entry is in a document's history.
fn held(entry: &Entry) -> Happened {
    if let Entry::LegalHoldPlaced(hold) = entry {
        by("legal hold placed", &hold.actor)
    } else if let Entry::LegalHoldLifted { actor, .. } = entry {
        by("legal hold lifted", actor)
    } else {
        event("other")
    }
}

fn event(event: &'static str) -> Happened {
    Happened {
        event,
        ..Happened::default()
    }
}

fn by(what: &'static str, actor: &Name) -> Happened {
    Happened {
        by: Some(actor.to_string()),
        ..event(what)
    }
}

fn of_lot(what: &'static str, lot: LotId) -> Happened {
    Happened {
        lot: Some(lot.to_string()),
        ..event(what)
    }
}

fn waiting(row: Happened, next: Option<Next>) -> Happened {
    Happened {
        next: next.map(|next| next.at.to_string()),
        why: next.map(|next| next.reason.as_str()),
        ..row
    }
}

/// Another document's admission is in the history of what it replaced, and of the PJs of that.
fn admitted(document: DocumentId, received: &Received) -> Happened {
    if received.document == document {
        by("admitted", &received.caller)
    } else if received.replaces == Some(document) {
        event("replaced")
    } else {
        event("fse replaced")
    }
}

fn delivered(document: DocumentId, delivery: &Delivery) -> Happened {
    let named = delivery.named.iter().find(|(named, _)| *named == document);
    let code = named.and_then(|(_, code)| code.as_ref());
    let row = Happened {
        attempt: Some(delivery.attempt).filter(|attempt| *attempt > 0),
        code: code.map(Name::to_string),
        ..of_lot(delivery_word(delivery.event), delivery.lot)
    };
    // A lot whose content was refused waits for nothing more.
    let next = match delivery.event.refuses_content() {
        true => None,
        false => delivery.next,
    };
    waiting(row, next)
}

fn heard(document: DocumentId, receipted: &Receipted) -> Happened {
    let own = receipted.verdicts.iter().find(|(id, ..)| *id == document);
    let what = match own {
        Some((_, Verdict::Accepted, _)) => "receipt accepted",
        Some((_, Verdict::Refused, _)) => "receipt refused",
        None => "receipt for others",
    };
    let code = own.and_then(|(.., code)| code.as_ref());
    Happened {
        endpoint: Some(receipted.endpoint.to_string()),
        code: code.map(Name::to_string),
        ..of_lot(what, receipted.lot)
    }
}

/// The word for something that happened to a lot.
fn delivery_word(event: Event) -> &'static str {
    match event {
        Event::Leased => "attempt begun",
        Event::NotReached => "not reached",
        Event::Deferred => "sent back",
        Event::Taken => "taken",
        Event::ContentRefused => "content refused",
        Event::NoAnswer => "no answer",
        Event::StatusKnown => "asked: known",
        Event::StatusRefused => "asked: refused",
        Event::StatusUnknown => "asked: unknown",
        Event::StatusUnreachable => "asked: no answer",
        Event::NoStatusService => "asked: no service",
        Event::ReceiptComplete => "lot answered",
        Event::ReceiptPartial => "lot answered in part",
        Event::ExpectedBy => "receipt overdue",
        Event::Cancel => "lot void: cancelled",
        Event::DuplicateConfirmed => "lot touched: on paper",
        Event::ByHand => "lot touched: by hand",
        Event::Restored => "restored",
        Event::Unrouted => "lot void: its endpoint is not configured",
    }
}

/// Every word for what happened, for the description.
#[cfg(test)]
pub(in crate::desk) fn words() -> std::collections::BTreeSet<String> {
    let own = [
        "admitted",
        "replaced",
        "fse replaced",
        "sealed",
        "receipt accepted",
        "receipt refused",
        "receipt for others",
        "settlement",
        "fse acknowledged",
        "cancelled",
        "by hand",
        "on paper",
        "paper owed",
        "lapsed",
        "unsettled",
        "retried",
        "legal hold placed",
        "legal hold lifted",
        "other",
    ];
    let of_lots = Event::ALL.into_iter().map(delivery_word);
    own.into_iter().chain(of_lots).map(str::to_owned).collect()
}
