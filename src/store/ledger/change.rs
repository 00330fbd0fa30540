//! Which documents each entry changed, and where they stood after it: read from the entry and the histories that
//! the fold kept, so that an old entry tells the same today as when it was new.

use std::collections::BTreeMap;

use crate::claims::bearing::Bearing;
use crate::claims::canon;
use crate::claims::change::{Change, What};
use crate::claims::delivery::{Event, Form, State};
use crate::claims::entry::{Delivery, Entry, Position, Settled, SettledContent, Stamped};
use crate::claims::id::{DocumentId, LotId, Name};
use crate::claims::standing::{Course, Standing};
use crate::store::Error;
use crate::store::change::DocumentChanges;
use crate::store::index::Index;
use crate::store::ledger::{keys, records};

/// What a document was after an entry that changed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Its standing.
    pub standing: Standing,
    /// The lot that it came into by this entry.
    pub lot: Option<LotId>,
}

canon::canon_struct! { Moment { standing, lot } }

impl Moment {
    /// What every document is after its admission.
    fn of_admission() -> Moment {
        Moment {
            standing: Course::admitted().standing(),
            lot: None,
        }
    }
}

/// What entries changed, in their order. `upto` is how far was read.
pub fn changes(
    index: &dyn Index,
    entries: &[(Position, Stamped)],
    upto: Position,
) -> Result<DocumentChanges, Error> {
    let mut changes = Vec::new();
    for (position, stamped) in entries {
        for (document, what, code) in touched(index, &stamped.entry)? {
            let record = records::known_document(index, document)?;
            let key = keys::document_history(document, *position);
            let moment = match records::load(index, &key)? {
                Some(moment) => moment,
                None if record.position == *position => Moment::of_admission(),
                // An entry that only repeats what is known changed nothing.
                None => continue,
            };
            let received = record.received;
            changes.push(Change {
                position: *position,
                at: stamped.at,
                document,
                key: received.facts.key,
                purpose: received.purpose,
                what,
                standing: moment.standing,
                code,
            });
        }
    }
    Ok(DocumentChanges { upto, changes })
}

type Touched = (DocumentId, What, Option<Name>);

/// The documents that an entry can have changed, and how.
fn touched(index: &dyn Index, entry: &Entry) -> Result<Vec<Touched>, Error> {
    let Some(bearing) = entry.bearing() else {
        return Ok(Vec::new());
    };
    let one = |document, what| vec![(document, what, None)];
    Ok(match bearing {
        Bearing::Received(received) => {
            let replaced = received.replaces.map(|id| (id, What::Replaced, None));
            let own = (received.document, What::Admitted, None);
            replaced.into_iter().chain([own]).collect()
        }
        Bearing::Sealed(sealed) => {
            let documents = sealed.documents.iter();
            documents.map(|id| (*id, What::Sealed, None)).collect()
        }
        Bearing::Delivery(delivery) => delivered(index, delivery)?,
        Bearing::Receipted(receipted) => {
            let verdicts = receipted.verdicts.iter();
            verdicts
                .map(|(id, _, code)| (*id, What::Receipt, code.clone()))
                .collect()
        }
        Bearing::Settled(settled) => vec![(settled.document, What::Settlement, code(settled))],
        Bearing::Cancelled { document, .. } => one(document, What::Cancelled),
        Bearing::ByHand { document, .. } => one(document, What::ByHand),
        Bearing::OnPaper { document, .. } => one(document, What::OnPaper),
        Bearing::PaperOwed(document) => one(document, What::PaperOwed),
        Bearing::Lapsed(document) => one(document, What::Lapsed),
        Bearing::Unsettled(document) => one(document, What::Unsettled),
        Bearing::Declared { .. } | Bearing::Retried { .. } | Bearing::Explained(_) => Vec::new(),
    })
}

fn delivered(index: &dyn Index, delivery: &Delivery) -> Result<Vec<Touched>, Error> {
    let what = match delivery.event {
        Event::Taken | Event::StatusKnown => What::Taken,
        Event::ContentRefused | Event::StatusRefused => What::Refused,
        Event::NotReached
        | Event::StatusUnknown
        | Event::Cancel
        | Event::DuplicateConfirmed
        | Event::ByHand
        | Event::Unrouted => What::Void,
        // These move the lot alone.
        Event::Leased
        | Event::Deferred
        | Event::NoAnswer
        | Event::StatusUnreachable
        | Event::NoStatusService
        | Event::ReceiptComplete
        | Event::ReceiptPartial
        | Event::ExpectedBy
        | Event::Restored => return Ok(Vec::new()),
    };
    let lot = records::known_lot(index, delivery.lot)?;
    // What is wanted still goes again: that moves the lot alone.
    if delivery.event == Event::NotReached && lot.state != State::Void {
        return Ok(Vec::new());
    }
    // Of a refusal that names some, the others' lot is only void; but a file is refused whole.
    let others = match lot.sealed.form {
        Form::Composed if !delivery.named.is_empty() => What::Void,
        Form::Composed | Form::PreFormed => What::Refused,
    };
    let documents = lot.sealed.documents.into_iter();
    let touched = documents.map(|id| {
        let named = delivery.named.iter().find(|(named, _)| *named == id);
        match named {
            Some((_, code)) => (id, what, code.clone()),
            None if what == What::Refused => (id, others, None),
            None => (id, what, None),
        }
    });
    Ok(touched.collect())
}

/// How far each target was told.
pub fn notified(index: &dyn Index) -> Result<BTreeMap<Name, Position>, Error> {
    let prefix = keys::all_notified();
    let found = index.scan(&prefix, &keys::after(&prefix), usize::MAX)?;
    found
        .iter()
        .map(|(key, value)| Ok((records::read(&key[1..])?, records::read(value)?)))
        .collect()
}

/// The first code of a settlement.
fn code(settled: &Settled) -> Option<Name> {
    match &settled.content {
        SettledContent::Parts(parts) => parts.iter().find_map(|(.., code)| code.clone()),
        SettledContent::Answer(_, code) => code.clone(),
    }
}
