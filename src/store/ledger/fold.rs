//! The fold: what each entry does to the index. It computes from the entry and the index alone, so a replay
//! derives the same as the first time; it decides nothing and refuses nothing.

use crate::claims::deadline;
use crate::claims::delivery::{Event, Presence, State, Step};
use crate::claims::document::{Kind, Purpose};
use crate::claims::entry::{
    Delivery, Entry, Next, OrphanCause, Position, Reason, Receipted, Received, Sealed, Settled,
    SettledContent, Stamped,
};
use crate::claims::id::{DocumentId, EndpointName, LotId, Name};
use crate::claims::registry::Centre;
use crate::claims::standing::{self, Act, Course, Expected, Heard, Standing, Word};
use crate::claims::time::Timestamp;
use crate::store::index::{Index, Working};
use crate::store::ledger::keys::{self, GroupKey};
use crate::store::ledger::records::{self, OpenGroup, load, save};
use crate::store::{DocumentRecord, Error, LotRecord};

/// Applies one entry.
pub fn fold(working: &mut Working<'_>, position: Position, stamped: &Stamped) -> Result<(), Error> {
    Fold {
        working,
        position,
        at: stamped.at,
    }
    .entry(&stamped.entry)
}

/// Whether an event ends an attempt.
pub fn ends_attempt(event: Event) -> bool {
    match event {
        Event::NotReached
        | Event::Deferred
        | Event::Taken
        | Event::ContentRefused
        | Event::NoAnswer => true,
        Event::Leased
        | Event::StatusKnown
        | Event::StatusRefused
        | Event::StatusUnknown
        | Event::StatusUnreachable
        | Event::NoStatusService
        | Event::ReceiptComplete
        | Event::ReceiptPartial
        | Event::ExpectedBy
        | Event::Cancel
        | Event::DuplicateConfirmed
        | Event::ByHand
        | Event::Restored => false,
    }
}

impl LotRecord {
    /// Whether all of its documents still want to be sent.
    pub fn presence(&self) -> Presence {
        if self.diminished {
            Presence::Diminished
        } else {
            Presence::Whole
        }
    }

    /// What an event does to it. The answer of an attempt that is no longer running is recorded only.
    pub fn step(&self, event: Event) -> Step {
        if ends_attempt(event) && self.state != State::Sending {
            return Step::Stay;
        }
        self.state.step(event, self.arrival, self.presence())
    }
}

struct Fold<'w, 'b> {
    working: &'w mut Working<'b>,
    position: Position,
    at: Timestamp,
}

impl Fold<'_, '_> {
    fn entry(&mut self, entry: &Entry) -> Result<(), Error> {
        match entry {
            Entry::Terms(terms) => {
                save(self.working, keys::terms(), terms);
                Ok(())
            }
            Entry::Registered(centre) => self.registered(centre),
            Entry::Received(received) => self.received(received),
            Entry::TurnedAway(turned) => {
                let key = keys::turned_away(turned.centre, self.at.day(), &turned.caller);
                self.add(key, 1)
            }
            Entry::Sealed(sealed) => self.sealed(sealed),
            Entry::Delivery(delivery) => self.delivery(delivery),
            Entry::Receipted(receipted) => self.receipted(receipted),
            Entry::Settled(settled) => self.settled(settled),
            Entry::Orphaned(orphan) | Entry::Foreign(orphan) => {
                self.orphaned(&orphan.endpoint, &orphan.id, orphan.cause);
                Ok(())
            }
            Entry::Cursor { endpoint, cursor } => {
                let mut record = records::endpoint(self.working, endpoint)?;
                record.cursor = Some(cursor.clone());
                save(self.working, keys::endpoint(endpoint), &record);
                Ok(())
            }
            Entry::Declared {
                centre, day, rows, ..
            } => {
                save(self.working, keys::paper(*centre, *day), rows);
                Ok(())
            }
            Entry::Cancelled { document, .. } => self.act(*document, Act::Cancelled),
            Entry::ByHand { document, .. } => self.act(*document, Act::ByHand),
            Entry::OnPaper { document, .. } => self.act(*document, Act::DuplicateConfirmed),
            Entry::PaperOwed { document } => {
                let at = self.at;
                self.change(*document, |record| {
                    record.paper_owed = Some(at);
                    Ok(())
                })
            }
            Entry::Lapsed { document } => self.act(*document, Act::LapsePassed),
            Entry::Unsettled { document } => self.act(*document, Act::UnsettledPassed),
            Entry::Endpoint { endpoint, gate, .. } => {
                let mut record = records::endpoint(self.working, endpoint)?;
                record.gate = *gate;
                save(self.working, keys::endpoint(endpoint), &record);
                Ok(())
            }
        }
    }

    fn registered(&mut self, centre: &Centre) -> Result<(), Error> {
        let mut versions = records::centre(self.working, centre.finess)?;
        versions.retain(|version| version.from != centre.from);
        versions.push(centre.clone());
        versions.sort_by_key(|version| version.from);
        save(self.working, keys::centre(centre.finess), &versions);
        Ok(())
    }

    fn received(&mut self, received: &Received) -> Result<(), Error> {
        if let Some(replaced) = received.replaces {
            self.replaced(replaced, received.document)?;
        }
        let waits_for = match received.supports {
            None => None,
            Some(fse) => {
                self.working
                    .put(keys::supporting(fse, received.document), Vec::new());
                let fse_record = records::known_document(self.working, fse)?;
                (fse_record.receipted() == standing::Receipted::No).then_some(fse)
            }
        };
        let record = DocumentRecord {
            received: received.clone(),
            at: self.at,
            course: Course::admitted(),
            lot: None,
            replaced_by: None,
            proven: None,
            paper_owed: None,
            since: self.at,
            timer: None,
            answered_in: None,
            waits_for,
        };
        save(
            self.working,
            keys::latest(&received.facts.key),
            &received.document,
        );
        self.put_document(None, record)
    }

    /// The replaced document leaves the account to the one that takes its place, and so do its PJs.
    fn replaced(&mut self, replaced: DocumentId, by: DocumentId) -> Result<(), Error> {
        self.change(replaced, |record| {
            record.replaced_by = Some(by);
            act(record, Act::ReplacementAdmitted)
        })?;
        for pj in supporting(self.working, replaced)? {
            self.working.remove(keys::supporting(replaced, pj));
            self.working.put(keys::supporting(by, pj), Vec::new());
            self.change(pj, |record| {
                record.waits_for = record.waits_for.map(|_| by);
                Ok(())
            })?;
        }
        Ok(())
    }

    fn sealed(&mut self, sealed: &Sealed) -> Result<(), Error> {
        let count =
            u32::try_from(sealed.documents.len()).expect("a lot holds fewer documents than a u32");
        let lot = LotRecord {
            sealed: sealed.clone(),
            state: State::Due,
            arrival: crate::claims::delivery::Arrival::Nothing,
            attempts: 0,
            attempted: None,
            ask: false,
            diminished: false,
            unanswered: count,
            next: Some(Next {
                at: sealed.due,
                reason: Reason::Turn,
            }),
        };
        self.working
            .put(keys::lot_history(sealed.lot, self.position), Vec::new());
        self.put_lot(None, lot);
        for document in &sealed.documents {
            self.change(*document, |record| {
                record.lot = Some(sealed.lot);
                act(record, Act::Sealed)
            })?;
        }
        Ok(())
    }

    fn delivery(&mut self, delivery: &Delivery) -> Result<(), Error> {
        let before = records::known_lot(self.working, delivery.lot)?;
        let mut after = before.clone();
        let event = delivery.event;
        match before.step(event) {
            Step::To(state) => after.state = state,
            Step::AskFirst => after.ask = true,
            // What the decider let through and the table does not move is a record of what happened.
            Step::Stay | Step::Conflict | Step::Impossible(_) => {}
        }
        match event {
            Event::Leased => {
                after.attempts = delivery.attempt;
                after.attempted = Some(self.at);
            }
            Event::StatusKnown
            | Event::StatusRefused
            | Event::StatusUnknown
            | Event::NoStatusService => {
                after.ask = false;
            }
            _ => {}
        }
        if !ends_attempt(event) || before.state == State::Sending {
            after.arrival = before.arrival.after(event);
        }
        after.next = match after.state {
            State::Answered | State::Void => None,
            // A receipt during the attempt proved the taking, whatever the attempt's own end says.
            State::Taken if before.state == State::Sending && event != Event::Taken => {
                Some(self.receipt_expected(&after)?)
            }
            State::Due | State::Sending | State::InDoubt | State::Taken | State::Overdue => {
                delivery.next.or(before.next)
            }
        };
        self.working
            .put(keys::lot_history(delivery.lot, self.position), Vec::new());
        let voided = after.state == State::Void && before.state != State::Void;
        let documents = after.sealed.documents.clone();
        let attempted = after.attempted;
        self.put_lot(Some(&before), after);
        if event == Event::Taken || event == Event::StatusKnown {
            self.prove(&documents, delivery.lot, attempted)?;
        }
        if voided {
            self.voided(&documents, delivery)
        } else {
            Ok(())
        }
    }

    /// The clock of each document of a lot stops at the start of the attempt that is proven to be taken.
    fn prove(
        &mut self,
        documents: &[DocumentId],
        lot: LotId,
        attempted: Option<Timestamp>,
    ) -> Result<(), Error> {
        for document in documents {
            self.change(*document, |record| {
                if record.lot == Some(lot) {
                    record.proven = record.proven.or(attempted);
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    /// A void lot: the named documents are refused (all of them, when a refusal names none), the others
    /// are open again.
    fn voided(&mut self, documents: &[DocumentId], delivery: &Delivery) -> Result<(), Error> {
        let refusal =
            delivery.event == Event::ContentRefused || delivery.event == Event::StatusRefused;
        let named =
            |document: &DocumentId| delivery.named.iter().find(|(named, _)| named == document);
        let none_named = !documents.iter().any(|document| named(document).is_some());
        for document in documents {
            let code = match named(document) {
                Some((_, code)) => Some(code.clone()),
                None if none_named => Some(None),
                None => None,
            };
            match code.filter(|_| refusal) {
                Some(code) => {
                    let id = Name::parse(&delivery.lot.to_string()).expect("an id is a name");
                    let heard = Heard {
                        issued: self.at,
                        id,
                        word: Word::ContentRefused,
                        code,
                    };
                    self.hear(*document, heard, Some(delivery.lot), None)?;
                }
                None => self.change(*document, |record| match record.lot {
                    Some(lot) if lot == delivery.lot => act(record, Act::LotVoided),
                    Some(_) | None => Ok(()),
                })?,
            }
        }
        Ok(())
    }

    fn receipted(&mut self, receipted: &Receipted) -> Result<(), Error> {
        self.working
            .put(keys::known(&receipted.endpoint, &receipted.id), Vec::new());
        self.working
            .put(keys::lot_history(receipted.lot, self.position), Vec::new());
        let lot = records::known_lot(self.working, receipted.lot)?;
        for (document, verdict, code) in &receipted.verdicts {
            let heard = Heard {
                issued: receipted.issued,
                id: receipted.id.clone(),
                word: Word::Receipt(*verdict),
                code: code.clone(),
            };
            // A refusal, too, proves that the lot arrived.
            self.hear(*document, heard, Some(receipted.lot), lot.attempted)?;
        }
        Ok(())
    }

    fn settled(&mut self, settled: &Settled) -> Result<(), Error> {
        self.working
            .put(keys::known(&settled.endpoint, &settled.id), Vec::new());
        let record = records::known_document(self.working, settled.document)?;
        let attempted = match record.lot {
            Some(lot) => records::known_lot(self.working, lot)?.attempted,
            None => None,
        };
        let words: Vec<(Word, Option<Name>)> = match &settled.content {
            SettledContent::Parts(parts) => parts
                .iter()
                .map(|(part, outcome, _, code)| (Word::Settled(*part, *outcome), code.clone()))
                .collect(),
            SettledContent::Answer(answer, code) => vec![(Word::Answered(*answer), code.clone())],
        };
        for (word, code) in words {
            let heard = Heard {
                issued: settled.issued,
                id: settled.id.clone(),
                word,
                code,
            };
            self.hear(settled.document, heard, record.lot, attempted)?;
        }
        Ok(())
    }

    fn orphaned(&mut self, endpoint: &EndpointName, id: &Name, cause: OrphanCause) {
        self.working.put(keys::known(endpoint, id), Vec::new());
        save(self.working, keys::orphan(endpoint, id), &cause);
    }

    fn act(&mut self, document: DocumentId, what: Act) -> Result<(), Error> {
        self.change(document, |record| act(record, what))
    }

    /// One word of an insurer about a document of a lot.
    fn hear(
        &mut self,
        document: DocumentId,
        heard: Heard,
        lot: Option<LotId>,
        attempted: Option<Timestamp>,
    ) -> Result<(), Error> {
        let mut newly = false;
        self.change(document, |record| {
            let expected = Expected::of(&record.received.facts);
            record.course.hear(heard, expected);
            if record.lot == lot {
                record.proven = record.proven.or(attempted);
            }
            newly = lot.is_some() && record.answered_in != lot;
            record.answered_in = lot;
            Ok(())
        })?;
        match lot {
            Some(lot) if newly => self.answered(lot),
            Some(_) | None => Ok(()),
        }
    }

    /// One more document of the lot has its answer.
    fn answered(&mut self, lot: LotId) -> Result<(), Error> {
        let before = records::known_lot(self.working, lot)?;
        let mut after = before.clone();
        after.unanswered = before.unanswered.saturating_sub(1);
        let event = if after.unanswered == 0 {
            Event::ReceiptComplete
        } else {
            Event::ReceiptPartial
        };
        after.arrival = before.arrival.after(event);
        if let Step::To(state) = before.step(event) {
            after.state = state;
            after.next = match state {
                State::Taken => Some(self.receipt_expected(&after)?),
                State::Due | State::Sending | State::InDoubt | State::Overdue => before.next,
                State::Answered | State::Void => None,
            };
        }
        self.put_lot(Some(&before), after);
        Ok(())
    }

    fn receipt_expected(&self, lot: &LotRecord) -> Result<Next, Error> {
        let terms = records::terms(self.working)?;
        let versions = records::centre(self.working, lot.sealed.centre)?;
        let day = self.at.day();
        let region = Centre::on(&versions, day)
            .map(|centre| centre.region)
            .unwrap_or_default();
        Ok(Next {
            at: deadline::receipt_overdue(day, region, &terms),
            reason: Reason::Receipt,
        })
    }

    /// Changes a document and everything that follows from it.
    fn change(
        &mut self,
        document: DocumentId,
        how: impl FnOnce(&mut DocumentRecord) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let before = records::known_document(self.working, document)?;
        let mut after = before.clone();
        how(&mut after)?;
        if after == before {
            return Ok(());
        }
        if after.standing() != before.standing() {
            after.since = self.at;
        }
        self.put_document(Some(before), after)
    }

    fn put_document(
        &mut self,
        before: Option<DocumentRecord>,
        mut after: DocumentRecord,
    ) -> Result<(), Error> {
        let id = after.received.document;
        let terms = records::terms(self.working)?;
        let region = records::region(self.working, &after.received.facts)?;
        after.timer = after.time_limit(region, &terms).map(|next| next.at);
        let old_timer = before.as_ref().and_then(|before| before.timer);
        if old_timer != after.timer {
            if let Some(at) = old_timer {
                self.working.remove(keys::timer(at, id));
            }
            if let Some(at) = after.timer {
                self.working.put(keys::timer(at, id), Vec::new());
            }
        }
        self.working
            .put(keys::document_history(id, self.position), Vec::new());
        save(self.working, keys::document(id), &after);
        self.regroup(before.as_ref(), &after)?;
        self.recount(before.as_ref(), &after)?;
        self.follow(before.as_ref(), &after)
    }

    /// Keeps the groups of open documents.
    fn regroup(
        &mut self,
        before: Option<&DocumentRecord>,
        after: &DocumentRecord,
    ) -> Result<(), Error> {
        let was = before.is_some_and(DocumentRecord::is_sealable);
        if was == after.is_sealable() {
            return Ok(());
        }
        let (group, id) = (after.group(), after.received.document);
        let length = u64::from(after.received.length);
        let old: Option<OpenGroup> = load(self.working, &keys::group(group))?;
        if was {
            self.working.remove(keys::open(group, id));
            let Some(old) = old else { return Ok(()) };
            let oldest = self.oldest(group)?;
            let new = oldest.map(|oldest| OpenGroup {
                oldest,
                count: old.count.saturating_sub(1),
                bytes: old.bytes.saturating_sub(length),
            });
            self.put_group(group, Some(old), new);
        } else {
            save(
                self.working,
                keys::open(group, id),
                &(after.received.length, self.at),
            );
            let new = match old {
                None => OpenGroup {
                    oldest: self.at,
                    count: 1,
                    bytes: length,
                },
                Some(old) => OpenGroup {
                    oldest: old.oldest,
                    count: old.count + 1,
                    bytes: old.bytes + length,
                },
            };
            self.put_group(group, old, Some(new));
        }
        Ok(())
    }

    /// When the first open document of a group became open; ids are in order of admission.
    fn oldest(&self, group: GroupKey) -> Result<Option<Timestamp>, Error> {
        let prefix = keys::opens(group);
        let first = self.working.scan(&prefix, &keys::after(&prefix), 1)?.pop();
        first
            .map(|(_, value)| records::read::<(u32, Timestamp)>(&value).map(|(_, at)| at))
            .transpose()
    }

    fn put_group(&mut self, group: GroupKey, old: Option<OpenGroup>, new: Option<OpenGroup>) {
        if let Some(old) = old {
            self.working.remove(keys::group_by_age(old.oldest, group));
        }
        match new {
            None => self.working.remove(keys::group(group)),
            Some(new) => {
                save(self.working, keys::group(group), &new);
                save(self.working, keys::group_by_age(new.oldest, group), &new);
            }
        }
    }

    /// Keeps the tallies: the unit leaves its old cells and enters its new ones.
    fn recount(
        &mut self,
        before: Option<&DocumentRecord>,
        after: &DocumentRecord,
    ) -> Result<(), Error> {
        if after.received.purpose == Purpose::Test {
            return Ok(());
        }
        let root = if after.received.root == after.received.document {
            after.clone()
        } else {
            records::known_document(self.working, after.received.root)?
        };
        let cells =
            |record: &DocumentRecord| record.is_latest().then(|| records::cells(&root, record));
        let (old, new) = (before.and_then(cells), cells(after));
        if old == new {
            return Ok(());
        }
        for cell in old.iter().flatten() {
            self.add(keys::cell(cell), -1)?;
        }
        for cell in new.iter().flatten() {
            self.add(keys::cell(cell), 1)?;
        }
        Ok(())
    }

    /// What other records learn: the lot that a document left, the PJs that waited for its receipt.
    fn follow(
        &mut self,
        before: Option<&DocumentRecord>,
        after: &DocumentRecord,
    ) -> Result<(), Error> {
        let Some(before) = before else { return Ok(()) };
        let left = match after.standing() {
            Standing::OnPaper | Standing::ByHand | Standing::Cancelled => {
                before.standing() == Standing::InLot
            }
            _ => false,
        };
        if let (true, Some(lot)) = (left, after.lot) {
            let old = records::known_lot(self.working, lot)?;
            let new = LotRecord {
                diminished: true,
                ..old.clone()
            };
            self.put_lot(Some(&old), new);
        }
        let receipted = before.receipted() == standing::Receipted::No
            && after.receipted() == standing::Receipted::Yes
            && after.received.facts.key.kind == Kind::Fse;
        if receipted {
            for pj in supporting(self.working, after.received.document)? {
                self.change(pj, |record| {
                    record.waits_for = None;
                    Ok(())
                })?;
            }
        }
        Ok(())
    }

    fn put_lot(&mut self, before: Option<&LotRecord>, after: LotRecord) {
        let id = after.sealed.lot;
        let endpoint = &after.sealed.endpoint;
        let (old, new) = (before.and_then(LotRecord::wait), after.wait());
        if old != new {
            if let Some((wait, at)) = old {
                self.working.remove(keys::waiting(wait, endpoint, at, id));
            }
            if let Some((wait, at)) = new {
                self.working
                    .put(keys::waiting(wait, endpoint, at, id), Vec::new());
            }
        }
        save(self.working, keys::lot(id), &after);
    }

    fn add(&mut self, key: Vec<u8>, change: i64) -> Result<(), Error> {
        let count: i64 = load(self.working, &key)?.unwrap_or_default();
        match count + change {
            0 => self.working.remove(key),
            count => save(self.working, key, &count),
        }
        Ok(())
    }
}

/// The PJs that support an FSE.
pub fn supporting(index: &dyn Index, fse: DocumentId) -> Result<Vec<DocumentId>, Error> {
    let prefix = keys::supporting_of(fse);
    let found = index.scan(&prefix, &keys::after(&prefix), usize::MAX)?;
    found
        .iter()
        .map(|(key, _)| records::read(&key[prefix.len()..]))
        .collect()
}

/// Does an act that the decider allowed.
fn act(record: &mut DocumentRecord, what: Act) -> Result<(), Error> {
    record.course.act(what).map_err(|refusal| {
        Error::Read(
            format!(
                "entry against the table: {what:?} of {:?}: {refusal:?}",
                record.standing()
            )
            .into(),
        )
    })
}
