//! The keys of the index, one function each: every key begins with a letter that names its table.
//!
//! | letter | key | value |
//! |---|---|---|
//! | `a` | digest | figures of a caisse |
//! | `b` | position | reconciliation |
//! | `c` | FINESS | versions of the centre |
//! | `d` | document | its record |
//! | `e` | endpoint | cursor and gate |
//! | `f` | FSE, PJ | – (PJs that support an FSE) |
//! | `g` | group | oldest, count and bytes of its open documents |
//! | `h` | document, position | what it was after the entry (of its admission its record tells) |
//! | `i` | lot, position | – (entries about a lot) |
//! | `j` | list, centre, instant, document | – (documents by list) |
//! | `k` | centre, purpose, kind, numéro | latest document (tests are numbered apart) |
//! | `l` | lot | its record |
//! | `m` | – | terms in force |
//! | `m` | `c`, position | instant and closing of a period |
//! | `m` | `a`, position | an anchor, by the entry that is anchored |
//! | `m` | `b` | the anchor of the latest entry |
//! | `m` | `r` | the last restore, and whether lots are sent again |
//! | `m` | `e`, segment | what an evacuation left of it |
//! | `m` | `f`, segment | a foundation that was laid |
//! | `m` | `h`, position | legal hold |
//! | `m` | `s`, number | statement |
//! | `m` | `t`, centre, number | – (statements of a centre) |
//! | `m` | `g`, gestionnaire | versions of its registration |
//! | `m` | `p`, caisse | versions of its registration |
//! | `m` | `w`, endpoint | versions of its registration |
//! | `m` | `i`, actor | digest of the registrations that it imported last |
//! | `m` | `l` | number of the last statement |
//! | `m` | `n`, centre | number of the centre's last statement |
//! | `m` | `k`, public key | number of the first statement that it verifies |
//! | `n` | target | how far it was told |
//! | `o` | group, span, span of ids | bundle: instant, document, length (open documents that may be sealed, and since when) |
//! | `p` | centre, day | declared paper sheets |
//! | `q` | `a`, oldest, group | – (groups by age) |
//! | `q` | `c` or `b`, class, group | – (groups by size: count, or bytes) |
//! | `r` | endpoint, id | fingerprint (receipts known) |
//! | `s` | endpoint, id | fingerprint (settlements known) |
//! | `t` | instant, span of ids | bundle: document (timers of documents) |
//! | `u` | what, endpoint, instant, lot | – (lots by next instant) |
//! | `v` | `l`, endpoint, centre, deadline, lot | next instant (lots to be sent, by centre and deadline) |
//! | `v` | `c`, endpoint | the centre whose lot was leased last |
//! | `w` | centre, day, caller | count of posts turned away |
//! | `x` | endpoint, id, fingerprint | cause, and the entry that keeps it (orphans) |
//! | `y` | cell | count of units |
//! | `z` | reconciliation, line | its last judgement |
//!
//! The letters `A`–`Z` are the implementations' own.

use crate::claims::canon::{self, Canon};
use crate::claims::document::{Key, Purpose};
use crate::claims::entry::Position;
use crate::claims::id::{Amo, Destination, Digest, DocumentId, EndpointName, Finess, LotId, Name};
use crate::claims::registry::GestionnaireId;
use crate::claims::tally::{Cell, DayBasis};
use crate::claims::time::{Day, Timestamp};
use crate::store::listing::{Book, Place};

/// Open documents of 2^13 microseconds (8 ms), and of ids as near, are one bundle: at ten thousand a second of one group 2 kB.
const SPAN: u32 = 13;

/// Ids of documents that begin alike to here, which is to 8 milliseconds of their making (UUID version 7: 48 bits of
/// milliseconds), have their timers in one bundle.
const ID_SPAN: u32 = 80 + 3;

/// What a lot waits for, as a part of its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Its next attempt, at whichever endpoint serves its insurer: nothing of it can have arrived.
    Send,
    /// Its next attempt, at its endpoint and no other: something of it may have arrived there, or it is a file.
    SendHere,
    /// The question to its insurer.
    Ask,
    /// Time alone: a lease that runs out, a receipt that becomes overdue.
    Time,
}

impl Wait {
    /// Every one.
    pub const ALL: [Wait; 4] = [Wait::Send, Wait::SendHere, Wait::Ask, Wait::Time];

    /// Those of lots to be sent.
    pub const SENDS: [Wait; 2] = [Wait::Send, Wait::SendHere];

    /// Whether it is for the next attempt.
    pub fn is_send(self) -> bool {
        match self {
            Wait::Send | Wait::SendHere => true,
            Wait::Ask | Wait::Time => false,
        }
    }
}

/// What a group is sized by, as a part of its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// How many documents.
    Count,
    /// How many bytes.
    Bytes,
}

/// Open documents that may be sealed together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupKey {
    /// Sender.
    pub centre: Finess,
    /// Destination.
    pub destination: Destination,
    /// Real or test.
    pub purpose: Purpose,
}

crate::claims::canon::canon_struct! { GroupKey { centre, destination, purpose } }

impl Wait {
    fn letter(self) -> u8 {
        match self {
            Wait::Send => b's',
            Wait::SendHere => b'h',
            Wait::Ask => b'a',
            Wait::Time => b't',
        }
    }
}

impl Size {
    fn letter(self) -> u8 {
        match self {
            Size::Count => b'c',
            Size::Bytes => b'b',
        }
    }

    /// The class of a size: between two powers of two. So a group changes its key seldom, and who looks for groups
    /// from a size on reads at most those of half that size besides.
    pub fn class(size: u64) -> u8 {
        (u64::BITS - size.leading_zeros()) as u8
    }
}

fn key(letter: u8, parts: &[&dyn Part]) -> Vec<u8> {
    let mut out = Vec::with_capacity(48);
    out.push(letter);
    parts.iter().for_each(|part| part.append(&mut out));
    out
}

trait Part {
    fn append(&self, out: &mut Vec<u8>);
}

impl<T: Canon> Part for T {
    fn append(&self, out: &mut Vec<u8>) {
        self.put(out);
    }
}

/// What a key is about, for people: ids, centres, days and cells; never a number or another value.
pub fn subject(key: &[u8]) -> String {
    let (letter, rest) = key.split_first().unwrap_or((&0, &[]));
    let first = rest.get(..16).unwrap_or_default();
    let last = rest.len().checked_sub(16).map_or(rest, |at| &rest[at..]);
    let (what, named) = match letter {
        b'a' => ("figures of a caisse", None),
        b'b' => ("a reconciliation", None),
        b'c' => ("registration of centre", shown::<Finess>(rest)),
        b'd' => ("document", shown::<DocumentId>(first)),
        b'e' => ("endpoint", shown::<EndpointName>(rest)),
        b'f' => ("support by document", shown::<DocumentId>(last)),
        b'g' => ("sums of a group of open documents", None),
        b'h' => ("history of document", shown::<DocumentId>(first)),
        b'i' => ("history of lot", shown::<LotId>(first)),
        b'j' => ("list with document", shown::<DocumentId>(last)),
        b'k' => ("the latest document of a number", None),
        b'l' => ("lot", shown::<LotId>(first)),
        b'm' if rest.first() == Some(&b'c') => ("closing of a period", None),
        b'm' if matches!(rest.first(), Some(b'a' | b'b')) => ("an anchor", None),
        b'm' if rest.first() == Some(&b'r') => ("the last restore", None),
        b'm' if rest.first() == Some(&b'e') => ("an evacuation", None),
        b'm' if rest.first() == Some(&b'f') => ("a foundation", None),
        b'm' if rest.first() == Some(&b'h') => ("a legal hold", None),
        b'm' if rest.first() == Some(&b'i') => ("the last import of registrations", None),
        b'm' if rest.first() == Some(&b'g') => (
            "registration of gestionnaire",
            shown::<GestionnaireId>(&rest[1..]),
        ),
        b'm' if rest.first() == Some(&b'p') => ("registration of caisse", shown::<Amo>(&rest[1..])),
        b'm' if rest.first() == Some(&b'w') => (
            "registration of endpoint",
            shown::<EndpointName>(&rest[1..]),
        ),
        b'm' if rest.first() == Some(&b's') => ("statement", None),
        b'm' if rest.first() == Some(&b't') => ("statements of a centre", None),
        b'm' if rest.first() == Some(&b'l') => ("the last statement", None),
        b'm' if rest.first() == Some(&b'n') => ("the last statement of a centre", None),
        b'm' if rest.first() == Some(&b'k') => ("a key of statements", None),
        b'm' => ("terms", None),
        b'n' => ("how far a target was told", None),
        b'o' => ("open documents of a group", None),
        b'p' => ("declared paper", centre_and_day(rest)),
        b'q' => ("age or size of a group of open documents", None),
        b'r' => ("a receipt known", None),
        b's' => ("a settlement known", None),
        b't' => ("timers of documents", None),
        b'u' => ("next instant of lot", shown::<LotId>(last)),
        b'v' if rest.first() == Some(&b'l') => ("turn of lot", shown::<LotId>(last)),
        b'v' => ("the centre whose turn was last", None),
        b'w' => ("count of posts turned away", None),
        b'x' => ("an orphan", None),
        b'y' => ("cell", shown::<Cell>(rest)),
        b'z' => ("a judgement on a reconciliation", None),
        _ => ("a key of no table", None),
    };
    match named {
        Some(named) => format!("{what} {named}"),
        None => what.to_owned(),
    }
}

fn shown<T: Canon + ToString>(bytes: &[u8]) -> Option<String> {
    let value: T = canon::value_of(bytes).ok()?;
    Some(value.to_string())
}

fn centre_and_day(bytes: &[u8]) -> Option<String> {
    let (centre, day): (Finess, Day) = canon::value_of(bytes).ok()?;
    Some(format!("{centre} {day}"))
}

/// The first key after all keys with this prefix.
pub fn after(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < 0xff {
            end.push(last + 1);
            return end;
        }
    }
    vec![0xff; 64]
}

pub fn figures(digest: Digest) -> Vec<u8> {
    key(b'a', &[&digest])
}

pub fn all_figures() -> Vec<u8> {
    vec![b'a']
}

pub fn run(position: Position) -> Vec<u8> {
    key(b'b', &[&position])
}

pub fn runs() -> Vec<u8> {
    vec![b'b']
}

pub fn judged(run: Position, line: u32) -> Vec<u8> {
    key(b'z', &[&run, &line])
}

pub fn judged_of(run: Position) -> Vec<u8> {
    key(b'z', &[&run])
}

pub fn centre(finess: Finess) -> Vec<u8> {
    key(b'c', &[&finess])
}

pub fn centres() -> Vec<u8> {
    vec![b'c']
}

pub fn document(id: DocumentId) -> Vec<u8> {
    key(b'd', &[&id])
}

pub fn documents() -> Vec<u8> {
    vec![b'd']
}

pub fn endpoint(name: &EndpointName) -> Vec<u8> {
    key(b'e', &[name])
}

pub fn endpoints() -> Vec<u8> {
    vec![b'e']
}

pub fn supporting(fse: DocumentId, pj: DocumentId) -> Vec<u8> {
    key(b'f', &[&fse, &pj])
}

pub fn supporting_of(fse: DocumentId) -> Vec<u8> {
    key(b'f', &[&fse])
}

pub fn group(group: GroupKey) -> Vec<u8> {
    key(b'g', &[&group])
}

pub fn document_history(document: DocumentId, position: Position) -> Vec<u8> {
    key(b'h', &[&document, &position])
}

pub fn document_histories(document: DocumentId) -> Vec<u8> {
    key(b'h', &[&document])
}

pub fn lot_history(lot: LotId, position: Position) -> Vec<u8> {
    key(b'i', &[&lot, &position])
}

pub fn lot_histories(lot: LotId) -> Vec<u8> {
    key(b'i', &[&lot])
}

pub fn listed(book: Book, place: Place) -> Vec<u8> {
    let Place {
        centre,
        at,
        document,
    } = place;
    key(b'j', &[&letter(book), &centre, &at, &document])
}

pub fn listed_of(book: Book, centre: Finess) -> Vec<u8> {
    key(b'j', &[&letter(book), &centre])
}

pub fn listed_since(book: Book, centre: Finess, at: Timestamp) -> Vec<u8> {
    key(b'j', &[&letter(book), &centre, &at])
}

fn letter(book: Book) -> [u8; 2] {
    match book {
        Book::All => [b'a', 0],
        Book::PaperOwed => [b'p', 0],
        Book::BothWays => [b'b', 0],
        Book::Contradicted => [b'c', 0],
        Book::Rare(standing) => [b's', canon::bytes_of(&standing)[0]],
    }
}

/// A test must not be what a claim is known by, so both may have the same number.
pub fn latest(of: &Key, purpose: Purpose) -> Vec<u8> {
    key(b'k', &[&of.centre, &purpose, &of.kind, &of.number])
}

pub fn numbers_of(centre: Finess, purpose: Purpose) -> Vec<u8> {
    key(b'k', &[&centre, &purpose])
}

pub fn lot(id: LotId) -> Vec<u8> {
    key(b'l', &[&id])
}

pub fn lots() -> Vec<u8> {
    vec![b'l']
}

pub fn terms() -> Vec<u8> {
    vec![b'm']
}

pub fn notified(target: &Name) -> Vec<u8> {
    key(b'n', &[target])
}

pub fn all_notified() -> Vec<u8> {
    vec![b'n']
}

pub fn open(group: GroupKey, since: Timestamp, document: DocumentId) -> Vec<u8> {
    let (since, ids) = open_spans(since, document);
    key(b'o', &[&group, &since, &ids])
}

/// What decides in which bundle of its group an open document is. The ids bound a bundle where many documents are
/// open since the same instant, as all are that come while a clock that was set back catches up.
pub fn open_spans(since: Timestamp, document: DocumentId) -> (i64, u64) {
    (since.micros() >> SPAN, (document.0 >> ID_SPAN) as u64)
}

pub fn opens(group: GroupKey) -> Vec<u8> {
    key(b'o', &[&group])
}

pub fn paper(centre: Finess, day: Day) -> Vec<u8> {
    key(b'p', &[&centre, &day])
}

pub fn papers() -> Vec<u8> {
    vec![b'p']
}

pub fn papers_of(centre: Finess) -> Vec<u8> {
    key(b'p', &[&centre])
}

pub fn group_by_age(oldest: Timestamp, group: GroupKey) -> Vec<u8> {
    key(b'q', &[&b'a', &oldest, &group])
}

pub fn groups_by_age() -> Vec<u8> {
    key(b'q', &[&b'a'])
}

pub fn groups_until(oldest: Timestamp) -> Vec<u8> {
    after(&key(b'q', &[&b'a', &oldest]))
}

pub fn group_by_size(size: Size, class: u8, group: GroupKey) -> Vec<u8> {
    key(b'q', &[&size.letter(), &class, &group])
}

pub fn groups_by_size(size: Size) -> Vec<u8> {
    key(b'q', &[&size.letter()])
}

pub fn groups_from_class(size: Size, class: u8) -> Vec<u8> {
    key(b'q', &[&size.letter(), &class])
}

pub fn receipt(endpoint: &EndpointName, id: &Name) -> Vec<u8> {
    key(b'r', &[endpoint, id])
}

pub fn settlement(endpoint: &EndpointName, id: &Name) -> Vec<u8> {
    key(b's', &[endpoint, id])
}

/// The tables of what is known of receipts and of settlements.
pub fn heard() -> [Vec<u8>; 2] {
    [vec![b'r'], vec![b's']]
}

pub fn timer(at: Timestamp, document: DocumentId) -> Vec<u8> {
    key(b't', &[&at, &((document.0 >> ID_SPAN) as u64)])
}

pub fn timers() -> Vec<u8> {
    vec![b't']
}

pub fn timers_until(at: Timestamp) -> Vec<u8> {
    after(&key(b't', &[&at]))
}

pub fn waiting(wait: Wait, endpoint: &EndpointName, at: Timestamp, lot: LotId) -> Vec<u8> {
    key(b'u', &[&wait.letter(), endpoint, &at, &lot])
}

pub fn all_waits() -> Vec<u8> {
    vec![b'u']
}

pub fn waits(wait: Wait) -> Vec<u8> {
    key(b'u', &[&wait.letter()])
}

pub fn waits_at(wait: Wait, endpoint: &EndpointName) -> Vec<u8> {
    key(b'u', &[&wait.letter(), endpoint])
}

pub fn waits_until(wait: Wait, endpoint: &EndpointName, at: Timestamp) -> Vec<u8> {
    after(&key(b'u', &[&wait.letter(), endpoint, &at]))
}

/// A lot to be sent; one without a legal deadline comes after all that have one.
pub fn turn(endpoint: &EndpointName, centre: Finess, deadline: Option<Day>, lot: LotId) -> Vec<u8> {
    let deadline = deadline.or(Day::new(9999, 12, 31));
    let deadline = deadline.map_or(i32::MAX, Day::number);
    key(b'v', &[&b'l', endpoint, &centre, &deadline, &lot])
}

pub fn turns(endpoint: &EndpointName) -> Vec<u8> {
    key(b'v', &[&b'l', endpoint])
}

pub fn turns_of(endpoint: &EndpointName, centre: Finess) -> Vec<u8> {
    key(b'v', &[&b'l', endpoint, &centre])
}

pub fn last_turn(endpoint: &EndpointName) -> Vec<u8> {
    key(b'v', &[&b'c', endpoint])
}

pub fn turned_away(centre: Option<Finess>, day: Day, caller: &Name) -> Vec<u8> {
    key(b'w', &[&centre, &day, caller])
}

pub fn orphan(endpoint: &EndpointName, id: &Name, fingerprint: Digest) -> Vec<u8> {
    key(b'x', &[endpoint, id, &fingerprint])
}

pub fn orphans() -> Vec<u8> {
    vec![b'x']
}

pub fn cell(of: &Cell) -> Vec<u8> {
    key(b'y', &[of])
}

pub fn cells(basis: DayBasis) -> Vec<u8> {
    key(b'y', &[&basis])
}

pub fn cells_of(basis: DayBasis, centre: Finess, from: Day) -> Vec<u8> {
    key(b'y', &[&basis, &centre, &from])
}

/// The day of a key of what is counted by day (`p`, `w`, `y`); none of another key.
pub fn day_of(key: &[u8]) -> Option<Day> {
    let (letter, rest) = key.split_first()?;
    let mut from = canon::Take::new(rest);
    match letter {
        b'p' => skip::<Finess>(&mut from)?,
        b'w' => skip::<Option<Finess>>(&mut from)?,
        b'y' => {
            skip::<DayBasis>(&mut from)?;
            skip::<Finess>(&mut from)?;
        }
        _ => return None,
    }
    Day::take(&mut from).ok()
}

fn skip<T: Canon>(from: &mut canon::Take<'_>) -> Option<()> {
    T::take(from).ok().map(drop)
}

pub fn anchor(position: Position) -> Vec<u8> {
    key(b'm', &[&b'a', &position])
}

pub fn anchors() -> Vec<u8> {
    vec![b'm', b'a']
}

pub fn last_anchor() -> Vec<u8> {
    vec![b'm', b'b']
}

pub fn restoration() -> Vec<u8> {
    vec![b'm', b'r']
}

pub fn closing(position: Position) -> Vec<u8> {
    key(b'm', &[&b'c', &position])
}

pub fn closings() -> Vec<u8> {
    vec![b'm', b'c']
}

pub fn evacuation(segment: u64) -> Vec<u8> {
    key(b'm', &[&b'e', &segment])
}

pub fn evacuations() -> Vec<u8> {
    vec![b'm', b'e']
}

pub fn foundation(segment: u64) -> Vec<u8> {
    key(b'm', &[&b'f', &segment])
}

pub fn foundations() -> Vec<u8> {
    vec![b'm', b'f']
}

pub fn legal_hold(position: Position) -> Vec<u8> {
    key(b'm', &[&b'h', &position])
}

pub fn legal_holds() -> Vec<u8> {
    vec![b'm', b'h']
}

pub fn gestionnaire(id: GestionnaireId) -> Vec<u8> {
    key(b'm', &[&b'g', &id])
}

pub fn gestionnaires() -> Vec<u8> {
    vec![b'm', b'g']
}

pub fn caisse(code: Amo) -> Vec<u8> {
    key(b'm', &[&b'p', &code])
}

pub fn caisses() -> Vec<u8> {
    vec![b'm', b'p']
}

pub fn endpoint_versions(name: &EndpointName) -> Vec<u8> {
    key(b'm', &[&b'w', name])
}

pub fn endpoints_versions() -> Vec<u8> {
    vec![b'm', b'w']
}

pub fn imported(actor: &Name) -> Vec<u8> {
    key(b'm', &[&b'i', actor])
}

pub fn statement(number: Position) -> Vec<u8> {
    key(b'm', &[&b's', &number])
}

pub fn statements() -> Vec<u8> {
    vec![b'm', b's']
}

pub fn statement_of(centre: Finess, number: Position) -> Vec<u8> {
    key(b'm', &[&b't', &centre, &number])
}

pub fn statements_of(centre: Finess) -> Vec<u8> {
    key(b'm', &[&b't', &centre])
}

pub fn last_statement() -> Vec<u8> {
    vec![b'm', b'l']
}

pub fn last_statement_of(centre: Finess) -> Vec<u8> {
    key(b'm', &[&b'n', &centre])
}

pub fn statement_key(public: [u8; 32]) -> Vec<u8> {
    key(b'm', &[&b'k', &public])
}

pub fn statement_keys() -> Vec<u8> {
    vec![b'm', b'k']
}
