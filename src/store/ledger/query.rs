//! Questions to the ledger, answered from the index alone.

use std::collections::{BTreeMap, BTreeSet};

use crate::claims::canon::Canon;
use crate::claims::closing::Closed;
use crate::claims::document::Kind;
use crate::claims::entry::{Next, PaperRow, Position, Reason};
use crate::claims::id::{DocumentId, EndpointName, Finess, LotId};
use crate::claims::registry::{Centre, Registry};
use crate::claims::standing::Standing;
use crate::claims::tally::{Cell, DayBasis, PaperCell};
use crate::claims::time::{Day, Timestamp};
use crate::store::index::Index;
use crate::store::ledger::bundle;
use crate::store::ledger::change::Moment;
use crate::store::ledger::keys::{self, GroupKey, Size, Wait};
use crate::store::ledger::numbers;
use crate::store::ledger::records::{self, OpenDocument, OpenGroup};
use crate::store::{
    Closing, DocumentRecord, DocumentView, Due, EndpointRecord, Error, Find, Group, LotRecord,
    Sealing, Tallies, TallyQuery,
};

/// The value at the end of a key.
pub fn last_id<T: Canon>(key: &[u8]) -> Result<T, Error> {
    let start = key
        .len()
        .checked_sub(16)
        .ok_or_else(|| Error::Read("short key".into()))?;
    records::read(&key[start..])
}

/// One document with what belongs to it.
pub fn document(index: &dyn Index, find: Find) -> Result<Option<DocumentView>, Error> {
    let record = match find {
        Find::Id(id) => records::document(index, id)?,
        Find::Key(key, purpose) => numbers::latest(index, &key, purpose)?,
    };
    record.map(|record| view(index, record)).transpose()
}

fn view(index: &dyn Index, record: DocumentRecord) -> Result<DocumentView, Error> {
    let root = if record.received.root == record.received.document {
        record.clone()
    } else {
        records::known_document(index, record.received.root)?
    };
    let lot = record
        .lot
        .map(|lot| records::known_lot(index, lot))
        .transpose()?;
    let next = next(index, &record, lot.as_ref())?;
    let mut history = vec![record.position];
    history.extend(self::history(index, record.received.document)?);
    history.sort_unstable();
    history.dedup();
    Ok(DocumentView {
        late: records::lateness(&root, &record),
        lot,
        next,
        history,
        record,
    })
}

/// What happens next to a document, when and why; none when it is finished.
pub fn next(
    index: &dyn Index,
    record: &DocumentRecord,
    lot: Option<&LotRecord>,
) -> Result<Option<Next>, Error> {
    match record.standing() {
        Standing::Open => match record.waits_for {
            Some(fse) => next_of_fse(index, record, fse).map(Some),
            None => Ok(Some(Next {
                at: record.since,
                reason: Reason::Sealing,
            })),
        },
        Standing::InLot => Ok(lot.and_then(|lot| lot.next)),
        Standing::Acknowledged
        | Standing::Refused
        | Standing::Paid
        | Standing::PartPaid
        | Standing::Rejected
        | Standing::Unsettled
        | Standing::OnPaper
        | Standing::ByHand
        | Standing::Cancelled
        | Standing::Replaced
        | Standing::Lapsed
        | Standing::Granted
        | Standing::Declined => {
            let region = records::region(index, &record.received.facts)?;
            let limit = record.time_limit(region, &records::terms(index)?);
            // The instant is the one that is filed, and kept: terms may have changed since.
            Ok(limit.zip(record.timer).map(|(limit, at)| Next {
                at,
                reason: limit.reason,
            }))
        }
    }
}

/// A PJ waits for its FSE: its next instant is that of the FSE.
fn next_of_fse(index: &dyn Index, pj: &DocumentRecord, fse: DocumentId) -> Result<Next, Error> {
    let fse = records::known_document(index, fse)?;
    let lot = match fse.lot {
        Some(lot) => records::known_lot(index, lot)?.next,
        None => None,
    };
    let at = lot.map(|next| next.at).or(fse.timer).unwrap_or(pj.at);
    Ok(Next {
        at,
        reason: Reason::Fse,
    })
}

/// Positions of the entries about a document and about every lot that it was in.
fn history(index: &dyn Index, document: DocumentId) -> Result<Vec<Position>, Error> {
    let prefix = keys::document_histories(document);
    let mut found = Vec::new();
    for (key, value) in index.scan(&prefix, &keys::after(&prefix), usize::MAX)? {
        found.push(records::read(&key[prefix.len()..])?);
        let moment: Moment = records::read(&value)?;
        if let Some(lot) = moment.lot {
            found.extend(positions(index, &keys::lot_histories(lot))?);
        }
    }
    Ok(found)
}

fn positions(index: &dyn Index, prefix: &[u8]) -> Result<Vec<Position>, Error> {
    let found = index.scan(prefix, &keys::after(prefix), usize::MAX)?;
    found
        .iter()
        .map(|(key, _)| records::read(&key[prefix.len()..]))
        .collect()
}

/// One lot.
pub fn lot(index: &dyn Index, id: LotId) -> Result<Option<LotRecord>, Error> {
    records::lot(index, id)
}

/// Documents in order of id.
pub fn documents(
    index: &dyn Index,
    after: Option<DocumentId>,
    most: usize,
) -> Result<Vec<DocumentRecord>, Error> {
    let from = after.map_or_else(keys::documents, |id| keys::after(&keys::document(id)));
    let found = index.scan(&from, &keys::after(&keys::documents()), most)?;
    found
        .iter()
        .map(|(_, value)| records::read(value))
        .collect()
}

/// What is due at an instant, and when the next thing is.
pub fn due(index: &dyn Index, at: Timestamp, sealing: Sealing, most: usize) -> Result<Due, Error> {
    let mut due = Due::default();
    groups(index, at, sealing, most, &mut due)?;
    for endpoint in endpoints_waiting(index, Wait::Ask)? {
        due.asks
            .extend(waiting(index, Wait::Ask, &endpoint, at, most)?);
        later(index, Wait::Ask, &endpoint, at, &mut due)?;
    }
    let mut endpoints = BTreeSet::new();
    for wait in Wait::SENDS {
        for endpoint in endpoints_waiting(index, wait)? {
            later(index, wait, &endpoint, at, &mut due)?;
            if waiting(index, wait, &endpoint, at, 1)?.is_empty() {
                continue;
            }
            if wait == Wait::Send {
                due.unsent.push(endpoint.clone());
            }
            endpoints.insert(endpoint);
        }
    }
    due.endpoints.extend(endpoints);
    for endpoint in endpoints_waiting(index, Wait::Time)? {
        due.timers |= !waiting(index, Wait::Time, &endpoint, at, 1)?.is_empty();
        later(index, Wait::Time, &endpoint, at, &mut due)?;
    }
    due.timers |= !index
        .scan(&keys::timers(), &keys::timers_until(at), 1)?
        .is_empty();
    let after = index.scan(&keys::timers_until(at), &keys::after(&keys::timers()), 1)?;
    if let Some((key, _)) = after.first() {
        sooner(&mut due.next, records::read(&key[1..9])?);
    }
    Ok(due)
}

fn sooner(next: &mut Option<Timestamp>, at: Timestamp) {
    *next = Some(next.map_or(at, |next| next.min(at)));
}

/// Groups that are old enough ([`is_aged`]), oldest first, then those that are full; each cut to the size of one lot. Reads what is
/// due, and of what is not the next by age and the groups of more than half the size.
fn groups(
    index: &dyn Index,
    at: Timestamp,
    sealing: Sealing,
    most: usize,
    due: &mut Due,
) -> Result<(), Error> {
    let until = keys::groups_until(at - sealing.age);
    let ahead = keys::groups_until(at + sealing.age);
    let end = keys::after(&keys::groups_by_age());
    let mut found = Vec::new();
    for (from, to) in [(&keys::groups_by_age(), &until), (&ahead, &end)] {
        let most = most.saturating_add(1) - found.len();
        for (key, _) in index.scan(from, to, most)? {
            let group: GroupKey = records::read(&key[10..])?;
            found.push((group, sums(index, group)?));
        }
    }
    full(index, at, sealing, most, &mut found)?;
    if found.len() > most {
        found.truncate(most);
        sooner(&mut due.next, at);
    }
    for (group, sums) in found {
        due.groups.push(cut(index, group, None, sealing)?);
        if sums.count > sealing.documents || sums.bytes > sealing.bytes {
            sooner(&mut due.next, at);
        }
    }
    let young = index.scan(&until, &ahead, 1)?;
    if let Some((key, _)) = young.first() {
        let oldest: Timestamp = records::read(&key[2..10])?;
        sooner(&mut due.next, oldest + sealing.age);
    }
    Ok(())
}

/// Adds the groups that are full and not old, until there are more than `most`.
fn full(
    index: &dyn Index,
    at: Timestamp,
    sealing: Sealing,
    most: usize,
    found: &mut Vec<(GroupKey, OpenGroup)>,
) -> Result<(), Error> {
    const PAGE: usize = 64;
    let by_count = |sums: &OpenGroup| sums.count >= sealing.documents;
    let by_bytes = |sums: &OpenGroup| sums.bytes >= sealing.bytes;
    for (size, least) in [
        (Size::Count, u64::from(sealing.documents)),
        (Size::Bytes, sealing.bytes),
    ] {
        let mut from = keys::groups_from_class(size, Size::class(least));
        let end = keys::after(&keys::groups_by_size(size));
        while found.len() <= most {
            let page = index.scan(&from, &end, PAGE)?;
            let Some((last, _)) = page.last() else { break };
            from = keys::after(last);
            for (key, _) in &page {
                let group: GroupKey = records::read(&key[3..])?;
                let sums = sums(index, group)?;
                let is_new = match size {
                    Size::Count => by_count(&sums),
                    Size::Bytes => by_bytes(&sums) && !by_count(&sums),
                };
                if is_new && !is_aged(&sums, at, sealing) {
                    found.push((group, sums));
                }
            }
        }
    }
    Ok(())
}

/// Whether a group waited long enough. Instants of entries never go back, so after the clock was ahead for a while new
/// documents are stamped ahead of it, and how long they wait is not known: those further ahead than a group waits at
/// most do not wait.
fn is_aged(sums: &OpenGroup, at: Timestamp, sealing: Sealing) -> bool {
    sums.oldest + sealing.age <= at || sums.oldest > at + sealing.age
}

/// The sums of a group that is found by its age or size.
fn sums(index: &dyn Index, group: GroupKey) -> Result<OpenGroup, Error> {
    records::load(index, &keys::group(group))?
        .ok_or_else(|| Error::Read("a group of open documents has no sums".into()))
}

/// See [`crate::store::Store::group_behind`].
pub fn group_behind(index: &dyn Index, group: &Group, sealing: Sealing) -> Result<Group, Error> {
    let behind = group.documents.last().map(|(document, _)| *document);
    let group = GroupKey {
        centre: group.centre,
        destination: group.destination,
        purpose: group.purpose,
    };
    cut(index, group, behind, sealing)
}

/// The open documents of a group, behind one of them if it is named, up to the size of one lot.
fn cut(
    index: &dyn Index,
    group: GroupKey,
    mut behind: Option<DocumentId>,
    sealing: Sealing,
) -> Result<Group, Error> {
    const PAGE: usize = 8;
    let mut from = keys::opens(group);
    let end = keys::after(&from);
    let mut documents: Vec<(DocumentId, u32)> = Vec::new();
    let mut bytes = 0;
    'whole: loop {
        let page = index.scan(&from, &end, PAGE)?;
        let Some((last, _)) = page.last() else { break };
        from = keys::after(last);
        for (_, value) in &page {
            for item in bundle::items(value)? {
                let open = OpenDocument::of_item(item)?;
                if let Some(last) = behind {
                    behind = behind.filter(|_| open.document != last);
                    continue;
                }
                bytes += u64::from(open.length);
                let is_full = documents.len() >= sealing.documents as usize;
                if is_full || (bytes > sealing.bytes && !documents.is_empty()) {
                    break 'whole;
                }
                documents.push((open.document, open.length));
            }
        }
    }
    let GroupKey {
        centre,
        destination,
        purpose,
    } = group;
    Ok(Group {
        centre,
        destination,
        purpose,
        documents,
    })
}

fn endpoints_waiting(index: &dyn Index, wait: Wait) -> Result<Vec<EndpointName>, Error> {
    let end = keys::after(&keys::waits(wait));
    let mut from = keys::waits(wait);
    let mut found = Vec::new();
    while let Some((key, _)) = index.scan(&from, &end, 1)?.pop() {
        let mut take = crate::claims::canon::Take::new(&key[2..]);
        let endpoint = EndpointName::take(&mut take)
            .map_err(|malformed| Error::Read(malformed.to_string().into()))?;
        from = keys::after(&keys::waits_at(wait, &endpoint));
        found.push(endpoint);
    }
    Ok(found)
}

/// Lots of one endpoint that wait for something that is due, by their instants.
pub fn waiting(
    index: &dyn Index,
    wait: Wait,
    endpoint: &EndpointName,
    at: Timestamp,
    most: usize,
) -> Result<Vec<LotRecord>, Error> {
    let found = index.scan(
        &keys::waits_at(wait, endpoint),
        &keys::waits_until(wait, endpoint, at),
        most,
    )?;
    found
        .iter()
        .map(|(key, _)| records::known_lot(index, last_id(key)?))
        .collect()
}

/// Lots that wait for something that is due, at every endpoint.
pub fn lots_waiting(
    index: &dyn Index,
    wait: Wait,
    at: Timestamp,
    most: usize,
) -> Result<Vec<LotRecord>, Error> {
    let mut found = Vec::new();
    for endpoint in endpoints_waiting(index, wait)? {
        found.extend(waiting(
            index,
            wait,
            &endpoint,
            at,
            most - found.len().min(most),
        )?);
    }
    Ok(found)
}

/// The first instant after `at` at which a lot of this endpoint is due.
fn later(
    index: &dyn Index,
    wait: Wait,
    endpoint: &EndpointName,
    at: Timestamp,
    due: &mut Due,
) -> Result<(), Error> {
    let prefix = keys::waits_at(wait, endpoint);
    let found = index.scan(
        &keys::waits_until(wait, endpoint, at),
        &keys::after(&prefix),
        1,
    )?;
    if let Some((key, _)) = found.first() {
        sooner(
            &mut due.next,
            records::read(&key[prefix.len()..prefix.len() + 8])?,
        );
    }
    Ok(())
}

/// Tallies of units and paper.
pub fn tallies(index: &dyn Index, position: Position, query: TallyQuery) -> Result<Tallies, Error> {
    let mut tallies = Tallies {
        position,
        ..Tallies::default()
    };
    for basis in DayBasis::ALL {
        let (from, to) = match query.centre {
            Some(centre) => (
                keys::cells_of(basis, centre, query.from),
                keys::cells_of(basis, centre, query.to.plus_days(1)),
            ),
            None => (keys::cells(basis), keys::after(&keys::cells(basis))),
        };
        for (key, value) in index.scan(&from, &to, usize::MAX)? {
            let cell: Cell = records::read(&key[1..])?;
            if (query.from..=query.to).contains(&cell.day) {
                tallies.units.insert(cell, records::read(&value)?);
            }
        }
    }
    paper(index, query, &mut tallies)?;
    Ok(tallies)
}

fn paper(index: &dyn Index, query: TallyQuery, tallies: &mut Tallies) -> Result<(), Error> {
    let prefix = query.centre.map_or_else(keys::papers, keys::papers_of);
    for (key, value) in index.scan(&prefix, &keys::after(&prefix), usize::MAX)? {
        let (centre, day): (Finess, Day) = records::read(&key[1..])?;
        if !(query.from..=query.to).contains(&day) {
            continue;
        }
        sheets(
            (centre, day),
            &records::read::<Vec<PaperRow>>(&value)?,
            tallies,
        );
    }
    Ok(())
}

/// The sheets of a declared day, and 1 on the row without caisse.
fn sheets((centre, day): (Finess, Day), rows: &[PaperRow], tallies: &mut Tallies) {
    let cell = |caisse| PaperCell {
        centre,
        day,
        caisse,
    };
    tallies.paper.insert(cell(None), 1);
    for row in rows {
        let sheets = tallies.paper.entry(cell(Some(row.caisse))).or_default();
        *sheets += i64::from(row.sheets);
    }
}

/// Adds the units of a range of cells.
pub fn units(
    index: &dyn Index,
    (from, to): (&[u8], &[u8]),
    tallies: &mut Tallies,
) -> Result<(), Error> {
    for (key, value) in index.scan(from, to, usize::MAX)? {
        let cell: Cell = records::read(&key[1..])?;
        tallies.units.insert(cell, records::read(&value)?);
    }
    Ok(())
}

/// Adds the declared paper of one day.
pub fn paper_of(
    index: &dyn Index,
    (centre, day): (Finess, Day),
    tallies: &mut Tallies,
) -> Result<(), Error> {
    let rows: Option<Vec<PaperRow>> = records::load(index, &keys::paper(centre, day))?;
    if let Some(rows) = rows {
        sheets((centre, day), &rows, tallies);
    }
    Ok(())
}

/// All centres.
pub fn centres(index: &dyn Index) -> Result<BTreeMap<Finess, Vec<Centre>>, Error> {
    histories(index, &keys::centres())
}

/// Everything that is registered.
pub fn registry(index: &dyn Index) -> Result<Registry, Error> {
    Ok(Registry {
        centres: centres(index)?,
        gestionnaires: histories(index, &keys::gestionnaires())?,
        caisses: histories(index, &keys::caisses())?,
        endpoints: histories(index, &keys::endpoints_versions())?,
    })
}

/// The versions of all things that are registered under a prefix.
fn histories<K: Canon + Ord, V: Canon>(
    index: &dyn Index,
    prefix: &[u8],
) -> Result<BTreeMap<K, Vec<V>>, Error> {
    let found = index.scan(prefix, &keys::after(prefix), usize::MAX)?;
    found
        .iter()
        .map(|(key, value)| Ok((records::read(&key[prefix.len()..])?, records::read(value)?)))
        .collect()
}

/// All closings of periods, in order.
pub fn closings(index: &dyn Index) -> Result<Vec<Closing>, Error> {
    let prefix = keys::closings();
    let found = index.scan(&prefix, &keys::after(&prefix), usize::MAX)?;
    found
        .iter()
        .map(|(key, value)| {
            let (at, closed): (Timestamp, Closed) = records::read(value)?;
            Ok(Closing {
                position: records::read(&key[prefix.len()..])?,
                at,
                closed,
            })
        })
        .collect()
}

/// All endpoints that have a cursor or a gate.
pub fn endpoints(index: &dyn Index) -> Result<BTreeMap<EndpointName, EndpointRecord>, Error> {
    let prefix = keys::endpoints();
    let found = index.scan(&prefix, &keys::after(&prefix), usize::MAX)?;
    found
        .iter()
        .map(|(key, value)| Ok((records::read(&key[1..])?, records::read(value)?)))
        .collect()
}

/// How many receipts and settlements match nothing, read a page at a time.
pub fn orphans(index: &dyn Index) -> Result<u64, Error> {
    const PAGE: usize = 1_000;
    let end = keys::after(&keys::orphans());
    let (mut from, mut count) = (keys::orphans(), 0);
    loop {
        let found = index.scan(&from, &end, PAGE)?;
        let Some((last, _)) = found.last() else {
            return Ok(count);
        };
        from = keys::after(last);
        count += found.len() as u64;
    }
}

/// How many of these documents are stuck; one that is not known is.
pub fn count_stuck(index: &dyn Index, documents: &[DocumentId]) -> Result<u64, Error> {
    let mut count = 0;
    for id in documents {
        let is_stuck = match records::document(index, *id)? {
            Some(record) => stuck(index, &record)?,
            None => true,
        };
        count += u64::from(is_stuck);
    }
    Ok(count)
}

/// Whether a document violates "nothing is stuck": unfinished, and in no index by which it would be found again.
fn stuck(index: &dyn Index, record: &DocumentRecord) -> Result<bool, Error> {
    let kind: Kind = record.received.facts.key.kind;
    if record.standing().is_finished(kind) {
        return Ok(false);
    }
    match record.standing() {
        Standing::Open => match record.waits_for {
            Some(fse) => Ok(records::document(index, fse)?.is_none()),
            None => {
                let key = keys::open(
                    record.group(),
                    record.sealable_since,
                    record.received.document,
                );
                Ok(!bundle::has(index, &key, OpenDocument::of(record).item())?)
            }
        },
        Standing::InLot => {
            let Some(lot) = record.lot else {
                return Ok(true);
            };
            let lot = records::known_lot(index, lot)?;
            let Some((wait, at)) = lot.wait() else {
                return Ok(true);
            };
            Ok(index
                .get(&keys::waiting(
                    wait,
                    &lot.sealed.endpoint,
                    at,
                    lot.sealed.lot,
                ))?
                .is_none())
        }
        // Finished ones were answered above; the others wait for time alone.
        Standing::Acknowledged
        | Standing::Refused
        | Standing::Paid
        | Standing::PartPaid
        | Standing::Rejected
        | Standing::Unsettled
        | Standing::OnPaper
        | Standing::ByHand
        | Standing::Cancelled
        | Standing::Replaced
        | Standing::Lapsed
        | Standing::Granted
        | Standing::Declined => match record.timer {
            Some(at) => {
                let document = record.received.document;
                let key = keys::timer(at, document);
                Ok(!bundle::has(index, &key, document.0.to_be_bytes())?)
            }
            None => Ok(true),
        },
    }
}
