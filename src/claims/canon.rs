//! Canonical bytes: one byte form of each value that the ledger keeps, so that a chain of hashes means
//! something and every store derives the same.
//!
//! # Form
//! Integers are big-endian, texts and lists are prefixed by their length as `u32`, an option by 0 or 1, an
//! enum by its tag. An entry begins with [`VERSION`]. Tags and field orders never change; a new field or
//! variant is a new tag, and the old one stays readable.

use crate::claims::delivery::{self, Arrival};
use crate::claims::document::{
    Cents, ClockBasis, Exclusions, Facts, Key, Kind, Mode, Purpose, ReplacementReason, ThirdParty,
};
use crate::claims::entry::{
    Delivery, Entry, FiguresLoaded, Gate, Judged, Next, OrphanCause, Orphaned, PaperRow, Position,
    Reason, Receipted, Received, Reconciled, Ruling, Sealed, Settled, SettledContent, Stamped,
    Subject, TurnedAway,
};
use crate::claims::id::{
    Amc, Amo, Destination, Digest, DocumentId, EndpointName, Finess, LotId, Name, Number,
};
use crate::claims::receipt::{Answer, Part, PartOutcome, Verdict};
use crate::claims::registry::{Category, Centre, Registration};
use crate::claims::standing::{self, Duplicate, Standing};
use crate::claims::tally::{Cell, DayBasis, Lateness, PaperCell};
use crate::claims::terms::{DayCount, Region, Terms};
use crate::claims::time::{Day, Timestamp};

/// Version of the canonical form of an entry.
pub const VERSION: u8 = 1;

/// Bytes that are not the canonical form of anything known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a canonical {0}")]
pub struct Malformed(pub &'static str);

/// A value with a canonical byte form.
pub trait Canon: Sized {
    /// Appends the bytes.
    fn put(&self, out: &mut Vec<u8>);
    /// Reads the bytes.
    fn take(from: &mut Take<'_>) -> Result<Self, Malformed>;
}

/// Bytes being read from the front.
pub struct Take<'a>(&'a [u8]);

impl<'a> Take<'a> {
    /// Reads from these bytes.
    pub fn new(bytes: &'a [u8]) -> Take<'a> {
        Take(bytes)
    }

    /// The next `count` bytes.
    pub fn bytes(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let (head, rest) = self.0.split_at_checked(count).ok_or(Malformed("length"))?;
        self.0 = rest;
        Ok(head)
    }

    /// Refuses bytes that are left over.
    pub fn end(self) -> Result<(), Malformed> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(Malformed("end"))
        }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        self.bytes(N)?.try_into().map_err(|_| Malformed("length"))
    }
}

/// The canonical bytes of a value.
pub fn bytes_of<T: Canon>(value: &T) -> Vec<u8> {
    let mut out = Vec::with_capacity(64);
    value.put(&mut out);
    out
}

/// The value of canonical bytes, all of them.
pub fn value_of<T: Canon>(bytes: &[u8]) -> Result<T, Malformed> {
    let mut from = Take::new(bytes);
    let value = T::take(&mut from)?;
    from.end()?;
    Ok(value)
}

impl Stamped {
    /// The bytes that the chain runs over.
    pub fn canonical(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(256);
        VERSION.put(&mut out);
        self.at.put(&mut out);
        self.entry.put(&mut out);
        out
    }

    /// Reads such bytes.
    pub fn read(bytes: &[u8]) -> Result<Stamped, Malformed> {
        let mut from = Take::new(bytes);
        if u8::take(&mut from)? != VERSION {
            return Err(Malformed("version"));
        }
        let at = Timestamp::take(&mut from)?;
        let entry = Entry::take(&mut from)?;
        from.end()?;
        Ok(Stamped { at, entry })
    }
}

macro_rules! canon_integer {
    ($($integer:ty),*) => {$(
        impl Canon for $integer {
            fn put(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_be_bytes());
            }
            fn take(from: &mut Take<'_>) -> Result<Self, Malformed> {
                from.array().map(<$integer>::from_be_bytes)
            }
        }
    )*};
}

/// A struct is its fields in the order named here.
macro_rules! canon_struct {
    ($($type:ident { $($field:tt),* $(,)? })*) => {$(
        impl $crate::claims::canon::Canon for $type {
            fn put(&self, out: &mut Vec<u8>) {
                $(self.$field.put(out);)*
            }
            fn take(
                from: &mut $crate::claims::canon::Take<'_>,
            ) -> Result<Self, $crate::claims::canon::Malformed> {
                use $crate::claims::canon::Canon;
                Ok($type { $($field: Canon::take(from)?),* })
            }
        }
    )*};
}

/// An enum is its tag and then the fields of its variant in the order named here.
macro_rules! canon_enum {
    ($($type:ty { $($tag:literal => $variant:ident $(($($place:ident),*))? $({$($field:ident),*})?),* $(,)? })*) => {$(
        impl $crate::claims::canon::Canon for $type {
            fn put(&self, out: &mut Vec<u8>) {
                type Of = $type;
                match self {
                    $(Of::$variant $(($($place),*))? $({$($field),*})? => {
                        out.push($tag);
                        $($($place.put(out);)*)?
                        $($($field.put(out);)*)?
                    })*
                }
            }
            fn take(from: &mut Take<'_>) -> Result<Self, Malformed> {
                type Of = $type;
                match u8::take(from)? {
                    $($tag => {
                        $($(let $place = Canon::take(from)?;)*)?
                        $($(let $field = Canon::take(from)?;)*)?
                        Ok(Of::$variant $(($($place),*))? $({$($field),*})?)
                    })*
                    _ => Err(Malformed(stringify!($type))),
                }
            }
        }
    )*};
}

/// An identifier is its text, checked again when it is read.
macro_rules! canon_text {
    ($($type:ty),*) => {$(
        impl $crate::claims::canon::Canon for $type {
            fn put(&self, out: &mut Vec<u8>) {
                put_bytes(self.as_str().as_bytes(), out);
            }
            fn take(from: &mut Take<'_>) -> Result<Self, Malformed> {
                <$type>::parse(take_str(from)?).map_err(|_| Malformed(stringify!($type)))
            }
        }
    )*};
}

pub(crate) use {canon_enum, canon_struct};

canon_integer!(u8, u16, u32, u64, u128, i32, i64);
canon_text!(Finess, Amc, Number, EndpointName, Name);

canon_struct! {
    Cents { 0 }
    Position { 0 }
    DocumentId { 0 }
    LotId { 0 }
    Digest { 0 }
    Key { centre, kind, number }
    Facts {
        key, mode, destination, clock_day, clock_basis, care_day, third_party_amo, third_party_amc, amount_amo,
        amount_amc, settled_for, exclusions, replaces, supports,
    }
    Terms {
        patient_paid_days, third_party_days, day_count, paper_owed_after_days, pj_paper_days,
        unsettled_after_days, lapsed_after_days, receipt_expected_days,
    }
    Centre { finess, name, category, gestionnaire, caisse, region, agreement, from, until }
    Received {
        document, purpose, caller, facts, root, replaces, supports, deadline, length, commitment, fingerprint,
        warnings,
    }
    TurnedAway { centre, kind, caller, codes }
    Sealed { lot, centre, destination, endpoint, purpose, documents, digest, length, due, form }
    Delivery { lot, event, attempt, next, named, words }
    Next { at, reason }
    Receipted { endpoint, id, lot, issued, verdicts, commitment, fingerprint }
    Settled { endpoint, id, document, issued, content, commitment, fingerprint }
    Orphaned { endpoint, id, cause, commitment, fingerprint }
    PaperRow { caisse, sheets }
    FiguresLoaded { digest, caller, insurer, from, last, counts, documents, commitment }
    Reconciled { figures, from, to, actor, position, centres, differences, commitment }
    Judged { run, line, judgement, actor, comment }
    Cell { basis, centre, day, kind, mode, destination, standing, receipted, late, exclusions }
    PaperCell { centre, day, caisse }
}

canon_enum! {
    Kind { 1 => Fse, 2 => Dre, 3 => Pj, 4 => Pec }
    Mode {
        1 => Secured, 2 => WithoutVitale, 3 => Clear, 4 => Degraded, 5 => Online, 6 => Sefi, 7 => Unsecured
    }
    ClockBasis { 1 => Completed, 2 => Paid, 3 => LastAct }
    ThirdParty { 1 => PatientPaid, 2 => InsurerPays }
    Purpose { 1 => Real, 2 => Test }
    ReplacementReason { 1 => Refused, 2 => Rejected, 3 => Cancelled, 4 => Lapsed }
    Destination { 1 => Amo(number), 2 => Amc(number) }
    DayCount { 1 => Ouvres, 2 => Ouvrables }
    Region { 1 => Metropole, 2 => AlsaceMoselle }
    Category { 1 => Medical, 2 => Dentaire, 3 => Polyvalent, 4 => Infirmier }
    Gate { 1 => Open, 2 => Held }
    Ruling { 1 => Accepted, 2 => Disputed }
    Subject { 1 => Document(id), 2 => Lot(id), 3 => Endpoint(name), 4 => LegalHold(hold) }
    Verdict { 1 => Accepted, 2 => Refused }
    Part { 1 => Amo, 2 => Amc }
    PartOutcome { 1 => Paid, 2 => Rejected, 3 => Deferred }
    Answer { 1 => Granted, 2 => Declined }
    SettledContent { 1 => Parts(parts), 2 => Answer(answer, code) }
    OrphanCause {
        1 => UnknownLot, 2 => OtherDigest, 3 => UnknownDocument, 4 => OtherDestination, 5 => Unreadable,
        6 => OtherContent, 7 => UnreadableFeed, 8 => Signature, 9 => TooMany
    }
    Registration { 1 => Centre(centre), 2 => Gestionnaire(gestionnaire), 3 => Caisse(caisse), 4 => Endpoint(endpoint) }
    Reason {
        1 => Sealing, 2 => Fse, 3 => Turn, 4 => Unreachable, 5 => Tls, 6 => Identity, 7 => Address, 8 => Busy,
        9 => Failing, 10 => Breaker, 11 => HeldByHand, 12 => NoRoute, 13 => Attempt, 14 => Doubt, 15 => Receipt,
        16 => Overdue, 17 => Settlement, 18 => Replacement, 19 => Lapse, 20 => Unreadable,
        21 => Closed, 22 => Revoked, 23 => Unvouched, 24 => OwnCertificate, 25 => OtherBytes
    }
    delivery::State {
        1 => Due, 2 => Sending, 3 => InDoubt, 4 => Taken, 5 => Overdue, 6 => Answered, 7 => Void
    }
    delivery::Event {
        1 => Leased, 2 => NotReached, 3 => Deferred, 4 => Taken, 5 => ContentRefused, 6 => NoAnswer,
        7 => StatusKnown, 8 => StatusRefused, 9 => StatusUnknown, 10 => StatusUnreachable, 11 => NoStatusService,
        12 => ReceiptComplete, 13 => ReceiptPartial, 14 => ExpectedBy, 15 => Cancel, 16 => DuplicateConfirmed,
        17 => ByHand, 18 => Restored, 19 => Unrouted
    }
    delivery::Form { 1 => Composed, 2 => PreFormed }
    Arrival { 1 => Nothing, 2 => Perhaps, 3 => Proven }
    Standing {
        1 => Open, 2 => InLot, 3 => Acknowledged, 4 => Refused, 5 => Paid, 6 => PartPaid, 7 => Rejected,
        8 => Unsettled, 9 => OnPaper, 10 => ByHand, 11 => Cancelled, 12 => Replaced, 13 => Lapsed, 14 => Granted,
        15 => Declined
    }
    standing::Receipted { 1 => No, 2 => Yes, 3 => BothWays }
    Duplicate { 1 => No, 2 => Confirmed }
    standing::Word { 1 => Receipt(verdict), 2 => ContentRefused, 3 => Settled(part, outcome), 4 => Answered(answer) }
    DayBasis { 1 => Clock, 2 => Care, 3 => Reception }
    Lateness { 1 => InTime, 2 => Late, 3 => Unproven }
    Entry {
        1 => Terms(terms),
        2 => Registered(centre),
        3 => Received(received),
        4 => TurnedAway(turned),
        5 => Sealed(sealed),
        6 => Delivery(delivery),
        7 => Receipted(receipted),
        8 => Settled(settled),
        9 => Orphaned(orphaned),
        10 => Foreign(orphaned),
        11 => Cursor { endpoint, cursor },
        12 => Declared { centre, day, caller, rows },
        13 => Cancelled { document, caller },
        14 => ByHand { document, actor, evidence },
        15 => OnPaper { document, actor },
        16 => PaperOwed { document },
        17 => Lapsed { document },
        18 => Unsettled { document },
        19 => Endpoint { endpoint, gate, actor },
        20 => Rewound { endpoint, actor },
        21 => Restored(restored),
        22 => Retried { lot, actor, next },
        23 => Explained { of, subject, actor, reason },
        24 => Notified { target, upto },
        25 => Resumed(resumed),
        26 => Anchored(anchor),
        27 => Closed(closed),
        28 => Published(published),
        29 => Imported(imported),
        30 => FiguresLoaded(figures),
        31 => Reconciled(run),
        32 => Judged(judged),
        33 => LegalHoldPlaced(hold),
        34 => LegalHoldLifted { hold, actor },
        35 => Evacuated(evacuated),
        36 => GestionnaireRegistered(gestionnaire),
        37 => CaisseRegistered(caisse),
        38 => Rewrapped { master, actor, reason },
        39 => Founded(founded),
        45 => EndpointRegistered(endpoint)
    }
}

fn put_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    let length = u32::try_from(bytes.len()).expect("nothing of 4 GiB is put in an entry");
    length.put(out);
    out.extend_from_slice(bytes);
}

fn take_str<'a>(from: &mut Take<'a>) -> Result<&'a str, Malformed> {
    let length = u32::take(from)? as usize;
    std::str::from_utf8(from.bytes(length)?).map_err(|_| Malformed("text"))
}

impl Canon for String {
    fn put(&self, out: &mut Vec<u8>) {
        put_bytes(self.as_bytes(), out);
    }
    fn take(from: &mut Take<'_>) -> Result<Self, Malformed> {
        take_str(from).map(str::to_owned)
    }
}

impl<const N: usize> Canon for [u8; N] {
    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self);
    }
    fn take(from: &mut Take<'_>) -> Result<Self, Malformed> {
        from.array()
    }
}

impl Canon for bool {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }
    fn take(from: &mut Take<'_>) -> Result<Self, Malformed> {
        match u8::take(from)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Malformed("bool")),
        }
    }
}

impl<T: Canon> Canon for Option<T> {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            None => out.push(0),
            Some(value) => {
                out.push(1);
                value.put(out);
            }
        }
    }
    fn take(from: &mut Take<'_>) -> Result<Self, Malformed> {
        match u8::take(from)? {
            0 => Ok(None),
            1 => T::take(from).map(Some),
            _ => Err(Malformed("option")),
        }
    }
}

impl<T: Canon> Canon for Vec<T> {
    fn put(&self, out: &mut Vec<u8>) {
        u32::try_from(self.len())
            .expect("no list of an entry is that long")
            .put(out);
        self.iter().for_each(|item| item.put(out));
    }
    fn take(from: &mut Take<'_>) -> Result<Self, Malformed> {
        let count = u32::take(from)?;
        // Each item takes a byte at least, so a false count ends at the end of the bytes.
        (0..count).map(|_| T::take(from)).collect()
    }
}

impl<T: Canon> Canon for Box<T> {
    fn put(&self, out: &mut Vec<u8>) {
        T::put(self, out);
    }
    fn take(from: &mut Take<'_>) -> Result<Self, Malformed> {
        T::take(from).map(Box::new)
    }
}

impl<T: Canon> Canon for Box<[T]> {
    fn put(&self, out: &mut Vec<u8>) {
        u32::try_from(self.len())
            .expect("no list is that long")
            .put(out);
        self.iter().for_each(|item| item.put(out));
    }
    fn take(from: &mut Take<'_>) -> Result<Self, Malformed> {
        Vec::take(from).map(Vec::into_boxed_slice)
    }
}

macro_rules! canon_tuple {
    ($($name:ident),*) => {
        impl<$($name: Canon),*> Canon for ($($name,)*) {
            #[allow(non_snake_case)]
            fn put(&self, out: &mut Vec<u8>) {
                let ($($name,)*) = self;
                $($name.put(out);)*
            }
            fn take(from: &mut Take<'_>) -> Result<Self, Malformed> {
                Ok(($($name::take(from)?,)*))
            }
        }
    };
}

canon_tuple!(A, B);
canon_tuple!(A, B, C);
canon_tuple!(A, B, C, D);

impl Canon for Timestamp {
    fn put(&self, out: &mut Vec<u8>) {
        self.micros().put(out);
    }
    fn take(from: &mut Take<'_>) -> Result<Self, Malformed> {
        i64::take(from).map(Timestamp::from_micros)
    }
}

impl Canon for Day {
    fn put(&self, out: &mut Vec<u8>) {
        self.number().put(out);
    }
    fn take(from: &mut Take<'_>) -> Result<Self, Malformed> {
        Day::from_number(i32::take(from)?).ok_or(Malformed("day"))
    }
}

impl Canon for Amo {
    fn put(&self, out: &mut Vec<u8>) {
        put_bytes(self.as_str().as_bytes(), out);
    }
    fn take(from: &mut Take<'_>) -> Result<Self, Malformed> {
        Amo::parse(take_str(from)?).map_err(|_| Malformed("Amo"))
    }
}

impl Canon for Exclusions {
    fn put(&self, out: &mut Vec<u8>) {
        self.bits().put(out);
    }
    fn take(from: &mut Take<'_>) -> Result<Self, Malformed> {
        Exclusions::from_bits(u8::take(from)?).ok_or(Malformed("exclusions"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        Name::parse(text).unwrap()
    }

    fn stamped() -> Stamped {
        let centre = Finess::parse("750712184").unwrap();
        let facts = Facts {
            key: Key {
                centre,
                kind: Kind::Fse,
                number: Number::parse("000000123").unwrap(),
            },
            mode: Mode::Degraded,
            destination: Destination::Amo(Amo::new("01", "751", "0000").unwrap()),
            clock_day: Day::new(2026, 11, 20).unwrap(),
            clock_basis: ClockBasis::Paid,
            care_day: Day::new(2026, 11, 19).unwrap(),
            third_party_amo: ThirdParty::InsurerPays,
            third_party_amc: ThirdParty::PatientPaid,
            amount_amo: Cents(1750),
            amount_amc: Cents(-1),
            settled_for: Some(Amc::parse("7700001").unwrap()),
            exclusions: Exclusions::from_bits(5).unwrap(),
            replaces: Some((
                Kind::Fse,
                Number::parse("000000122").unwrap(),
                ReplacementReason::Rejected,
            )),
            supports: None,
        };
        Stamped {
            at: Timestamp::from_micros(1_790_000_000_000_000),
            entry: Entry::Received(Box::new(Received {
                document: DocumentId(7),
                purpose: Purpose::Real,
                caller: name("vendor"),
                facts,
                root: DocumentId(6),
                replaces: Some(DocumentId(6)),
                supports: None,
                deadline: Day::new(2026, 12, 2),
                length: 8192,
                commitment: Digest([1; 32]),
                fingerprint: Digest([2; 32]),
                warnings: vec![name("BIRTH_TOO_OLD")],
            })),
        }
    }

    #[test]
    fn an_entry_is_read_as_it_was_written() {
        let entry = stamped();
        assert_eq!(Stamped::read(&entry.canonical()), Ok(entry));
    }

    #[test]
    fn a_cut_or_longer_entry_is_refused() {
        let bytes = stamped().canonical();
        for length in 0..bytes.len() {
            assert!(Stamped::read(&bytes[..length]).is_err(), "{length}");
        }
        let longer = [bytes, vec![0]].concat();
        assert_eq!(Stamped::read(&longer), Err(Malformed("end")));
    }

    #[test]
    fn the_form_does_not_change() {
        // The hash chain of every ledger stands on these bytes.
        let head: Vec<u8> = stamped().canonical()[..30].to_vec();
        let hex: String = head.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(
            hex,
            "0100065bfeda25e000030000000000000000000000000000000701000000"
        );
    }
}
