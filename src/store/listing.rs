//! Lists of documents: which, in what order, and what is said of each. A list names ids, facts and standings; it
//! never holds content.

use crate::claims::document::Purpose;
use crate::claims::entry::Next;
use crate::claims::id::{DocumentId, Finess};
use crate::claims::standing::Standing;
use crate::claims::tally::Lateness;
use crate::claims::time::Timestamp;
use crate::store::{DocumentRecord, LotRecord};

/// A question for a page of a list: documents in order of centre, then of admission.
#[derive(Clone, Debug)]
pub struct Listing {
    /// The list.
    pub book: Book,
    /// Whose documents, in ascending order.
    pub centres: Vec<Finess>,
    /// Those admitted at this instant or later.
    pub since: Option<Timestamp>,
    /// Those after this one.
    pub after: Option<Place>,
    /// At most so many.
    pub most: usize,
}

/// Where a document is in every list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Its centre.
    pub centre: Finess,
    /// When it was admitted.
    pub at: Timestamp,
    /// Its id.
    pub document: DocumentId,
}

/// A list that the store keeps. Standings through which most documents pass have none of their own: they are found
/// among all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Book {
    /// Every document.
    All,
    /// A paper duplicate is owed (R161-47 CSS: re-transmission failed).
    PaperOwed,
    /// On paper, and with a positive receipt.
    BothWays,
    /// An insurer said, or a paper duplicate says, what contradicts the standing.
    Contradicted,
    /// Documents of one of the standings that few reach.
    Rare(Standing),
}

/// A document of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed {
    /// Its record.
    pub record: DocumentRecord,
    /// Its lot, while it is in one.
    pub lot: Option<LotRecord>,
    /// Whether it was transmitted late, as far as proven.
    pub late: Lateness,
    /// Its next instant and reason, unless it is finished.
    pub next: Option<Next>,
}

impl Book {
    /// The list to look for a standing in.
    pub fn of(standing: Standing) -> Book {
        match standing {
            Standing::Open
            | Standing::InLot
            | Standing::Acknowledged
            | Standing::Paid
            | Standing::Replaced
            | Standing::Granted => Book::All,
            Standing::Refused
            | Standing::PartPaid
            | Standing::Rejected
            | Standing::Unsettled
            | Standing::OnPaper
            | Standing::ByHand
            | Standing::Cancelled
            | Standing::Lapsed
            | Standing::Declined => Book::Rare(standing),
        }
    }

    /// The lists that a document is in.
    pub fn holding(record: &DocumentRecord) -> Vec<Book> {
        let position = record.course.position();
        let mut books = vec![Book::All];
        if record.owes_paper() {
            books.push(Book::PaperOwed);
        }
        if position.went_both_ways() {
            books.push(Book::BothWays);
        }
        if position.contradicted {
            books.push(Book::Contradicted);
        }
        match Book::of(record.standing()) {
            Book::All => {}
            rare @ (Book::PaperOwed | Book::BothWays | Book::Contradicted | Book::Rare(_)) => {
                books.push(rare);
            }
        }
        books
    }
}

impl DocumentRecord {
    /// Where it is in every list.
    pub fn place(&self) -> Place {
        Place {
            centre: self.received.facts.key.centre,
            at: self.at,
            document: self.received.document,
        }
    }

    /// Whether a paper duplicate is owed now: the duty ends when it is on paper, and when it is taken after all. A
    /// test has no sheet that anybody could send.
    pub fn owes_paper(&self) -> bool {
        let is_claim = match self.received.purpose {
            Purpose::Real => true,
            Purpose::Test => false,
        };
        match self.standing() {
            Standing::Open | Standing::InLot | Standing::Refused => {
                is_claim && self.paper_owed.is_some()
            }
            Standing::Acknowledged
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
            | Standing::Declined => false,
        }
    }
}
