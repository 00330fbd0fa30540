//! The generator's book: every document that the demo will post, what must be answered, where it must end, and
//! the rates that follow. It is written whole before the first post, from the seed and today's date alone, by
//! arithmetic of its own: nothing here asks the gateway or `claims::rate`.
//!
//! Dates are chosen so that their outcome is certain whatever the hour and the calendar: fresh ones are at most
//! two days old, and no deadline is shorter than three jours ouvrés; old ones are at least thirty, and eight jours
//! ouvrés and the two after which paper is owed never span so many.

mod story;
pub(super) mod author;

use std::collections::{BTreeMap, BTreeSet};

use crate::claims::document::{Kind, Mode};
use crate::claims::time::Day;
use crate::cli::demo::Size;
use crate::cli::demo::cast::{Centre, Insurer, Policy};
use crate::cli::lab::draw::Draw;

/// Ages in days of documents that are in time.
const FRESH: [i32; 3] = [0, 1, 2];

/// Ages in days of documents whose deadline has passed, and after which paper is owed.
const OLD: [i32; 4] = [30, 31, 32, 33];

/// The oldest age.
const OLDEST: i32 = 33;

/// Documents of a lot at most.
const LOT: usize = 40;

/// Everything that will be posted, and what must come of it.
pub(super) struct Book {
    /// The day in Paris on which it was written.
    pub(super) today: Day,
    /// The centres.
    pub(super) centres: Vec<Centre>,
    /// Every document, by the place that others refer to.
    pub(super) posts: Vec<Post>,
    /// How the documents of the first round are posted.
    pub(super) parcels: Vec<Parcel>,
    /// Paper declared by centre and day.
    pub(super) declarations: Vec<Declaration>,
    /// The FSEs as units of account.
    lines: Vec<Line>,
}

/// One document.
pub(super) struct Post {
    /// For which centre, by its place.
    pub(super) centre: usize,
    /// Who posts it.
    pub(super) by: By,
    /// Its kind.
    pub(super) kind: Kind,
    /// Its number.
    pub(super) number: String,
    /// Its bytes.
    pub(super) text: String,
    /// When it is posted.
    pub(super) round: Round,
    /// What must be answered.
    pub(super) answer: Answer,
    /// Where it must end.
    pub(super) end: Option<End>,
    /// What is done to it beside the insurers.
    pub(super) deed: Option<Deed>,
    /// Who must have taken it, exactly once and with the same bytes.
    pub(super) taken_by: Option<Insurer>,
}

/// Who posts a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// The centre.
    Centre,
    /// Another centre, which may not.
    Neighbour,
    /// A caller marked `test`.
    Test,
}

/// When a document is posted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Round {
    /// At once.
    First,
    /// When all of the first round are answered.
    Second,
    /// When the document at that place stands so.
    After(usize, End),
}

/// What must be answered to a post.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// 202: admitted.
    Admitted,
    /// 200: known, the same bytes.
    Known,
    /// 409: other content under the same number.
    Conflict,
    /// 422, with this code among the findings.
    TurnedAway(&'static str),
    /// 403: another's centre.
    Forbidden,
}

/// Where a document ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum End {
    /// The insurer refused it.
    Refused,
    /// The receipt is positive, and nothing more comes.
    Acknowledged,
    /// Paid in all its parts.
    Paid,
    /// Paid in one of two.
    PartPaid,
    /// Rejected in all its parts.
    Rejected,
    /// A prise en charge is granted.
    Granted,
    /// A prise en charge is declined.
    Declined,
    /// Not taken, and a paper duplicate is owed.
    PaperOwed,
    /// A paper duplicate was sent.
    OnPaper,
    /// Cancelled by the centre.
    Cancelled,
    /// Another document took its place.
    Replaced,
}

/// What is done to a document beside the insurers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    /// The centre cancels it.
    Cancel,
    /// An operator confirms its paper duplicate.
    Paper,
}

/// How documents of the first round are posted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Parcel {
    /// Alone.
    Single(usize),
    /// In an envelope, all of one centre.
    Lot(Vec<usize>),
}

/// The paper sheets of a day.
pub(super) struct Declaration {
    /// The centre, by its place.
    pub(super) centre: usize,
    /// The day.
    pub(super) day: Day,
    /// Sheets for its own caisse; zero is declared as no row.
    pub(super) sheets: u64,
}

/// An FSE and its replacements: counted once, on the root's day, as the latest stands.
struct Line {
    centre: usize,
    day: Day,
    mode: Mode,
    end: End,
    is_medical_aid: bool,
    is_old: bool,
}

/// What a centre's rate must be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Rate {
    /// Transmitted in the modes S, F and C.
    pub(super) secured: u64,
    /// Transmitted in any mode.
    pub(super) electronic: u64,
    /// Documents and sheets.
    pub(super) all: u64,
    /// Transmitted after the deadline.
    pub(super) late: u64,
    /// Days with activity that are declared.
    pub(super) declared: u64,
    /// Days with activity.
    pub(super) active: u64,
    /// What may be said.
    pub(super) verdict: String,
}

impl Book {
    /// Writes the book.
    pub(super) fn write(size: Size, today: Day) -> Book {
        let mut book = Book {
            today,
            centres: (0..size.centres).map(Centre::nth).collect(),
            posts: Vec::new(),
            parcels: Vec::new(),
            declarations: Vec::new(),
            lines: Vec::new(),
        };
        for centre in 0..size.centres {
            // What does not divide goes to the first centres.
            let share = size.documents / size.centres;
            let more = usize::from(centre < size.documents % size.centres);
            author::fill(&mut book, centre, share + more, size.seed);
            book.declare(centre, size.seed);
        }
        book.pack(size.seed);
        book
    }

    /// The first day that anything is dated by.
    pub(super) fn first_day(&self) -> Day {
        self.today.plus_days(-OLDEST)
    }

    /// What the rate of a centre must be, counted by hand.
    pub(super) fn rate(&self, centre: usize) -> Rate {
        let policy = self.centres[centre].policy;
        let mut rate = Rate::default();
        let mut active = BTreeSet::new();
        let mut declared = BTreeSet::new();
        for line in self.lines.iter().filter(|line| line.centre == centre) {
            if line.end == End::Cancelled {
                continue;
            }
            active.insert(line.day);
            if line.is_medical_aid && policy == Policy::Invented {
                continue;
            }
            rate.all += 1;
            if line.end.is_transmitted() {
                rate.electronic += 1;
                rate.secured += u64::from(is_secured(line.mode));
                rate.late += u64::from(line.is_old);
            }
        }
        for day in self.declarations.iter().filter(|day| day.centre == centre) {
            declared.insert(day.day);
            rate.all += day.sheets;
            if day.sheets > 0 {
                active.insert(day.day);
            }
        }
        rate.active = active.len() as u64;
        rate.declared = active.intersection(&declared).count() as u64;
        rate.verdict = rate.verdict_under(policy).to_owned();
        rate
    }

    /// How many documents of a centre must be answered so; those of test callers are of no account.
    pub(super) fn answered(&self, centre: usize, wanted: impl Fn(&Answer) -> bool) -> u64 {
        let own = self.posts_of(centre);
        own.filter(|post| wanted(&post.answer)).count() as u64
    }

    /// How many documents of a centre must end where.
    pub(super) fn ends(&self, centre: usize) -> BTreeMap<End, u64> {
        let mut ends = BTreeMap::new();
        for end in self.posts_of(centre).filter_map(|post| post.end) {
            *ends.entry(end).or_default() += 1;
        }
        ends
    }

    /// How many documents of a centre its insurers must have taken.
    pub(super) fn taken(&self, centre: usize) -> u64 {
        let own = self.posts_of(centre);
        own.filter(|post| post.taken_by.is_some()).count() as u64
    }

    fn posts_of(&self, centre: usize) -> impl Iterator<Item = &Post> {
        let own = move |post: &&Post| post.centre == centre && post.by != By::Test;
        self.posts.iter().filter(own)
    }

    /// Paper of every day that a document may have: one centre in four forgets a day, one in eight has much.
    fn declare(&mut self, centre: usize, seed: u32) {
        let mut draw = Draw::new(seed, 0x9a9e_0000 + centre as u64);
        let forgotten = (centre % 4 == 2).then_some(OLD[1]);
        let documents = self.posts_of(centre).count();
        for age in FRESH.into_iter().chain(OLD) {
            if Some(age) == forgotten {
                continue;
            }
            let sheets = match centre % 8 {
                3 => documents / 10,
                _ => draw.below(3),
            };
            self.declarations.push(Declaration {
                centre,
                day: self.today.plus_days(-age),
                sheets: sheets as u64,
            });
        }
    }

    /// Puts half of the first round into envelopes.
    fn pack(&mut self, seed: u32) {
        let mut draw = Draw::new(seed, 0x107);
        for centre in 0..self.centres.len() {
            let mut lot = Vec::new();
            for (place, post) in self.posts.iter().enumerate() {
                if post.centre != centre || post.round != Round::First {
                    continue;
                }
                if post.by != By::Centre || !post.fits_in_lot() || draw.below(2) == 0 {
                    self.parcels.push(Parcel::Single(place));
                    continue;
                }
                lot.push(place);
                if lot.len() == 1 + draw.below(LOT) {
                    self.parcels.push(Parcel::Lot(std::mem::take(&mut lot)));
                }
            }
            for part in lot.chunks(LOT) {
                self.parcels.push(Parcel::Lot(part.to_vec()));
            }
        }
    }
}

impl Post {
    /// Whether it can stand in an envelope without spoiling it.
    fn fits_in_lot(&self) -> bool {
        match self.answer {
            Answer::Admitted | Answer::Known | Answer::Conflict => true,
            Answer::TurnedAway(code) => !code.starts_with("XML_"),
            Answer::Forbidden => false,
        }
    }
}

impl Rate {
    fn verdict_under(&self, policy: Policy) -> &'static str {
        if self.all == 0 {
            "no data"
        } else if self.declared < self.active {
            "paper unknown"
        } else {
            match policy {
                Policy::National => "unconfirmed",
                Policy::Invented if self.secured * 10 >= self.all * 7 => "reached",
                Policy::Invented => "not reached",
            }
        }
    }
}

impl End {
    /// Every end, in the order of the table.
    pub(super) const ALL: [End; 11] = [
        End::Refused,
        End::Acknowledged,
        End::Paid,
        End::PartPaid,
        End::Rejected,
        End::Granted,
        End::Declined,
        End::PaperOwed,
        End::OnPaper,
        End::Cancelled,
        End::Replaced,
    ];

    /// The word in the table, and the gateway's word for the standing; `paper owed` is a duty beside one.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            End::Refused => "refused",
            End::Acknowledged => "acknowledged",
            End::Paid => "paid",
            End::PartPaid => "part paid",
            End::Rejected => "rejected",
            End::Granted => "granted",
            End::Declined => "declined",
            End::PaperOwed => "paper owed",
            End::OnPaper => "on paper",
            End::Cancelled => "cancelled",
            End::Replaced => "replaced",
        }
    }

    /// Whether the insurer's positive receipt stands behind it.
    fn is_transmitted(self) -> bool {
        match self {
            End::Acknowledged | End::Paid | End::PartPaid | End::Rejected => true,
            End::Granted | End::Declined => true,
            End::Refused | End::PaperOwed | End::OnPaper | End::Cancelled | End::Replaced => false,
        }
    }
}

fn is_secured(mode: Mode) -> bool {
    match mode {
        Mode::Secured | Mode::WithoutVitale | Mode::Clear => true,
        Mode::Degraded | Mode::Online | Mode::Sefi | Mode::Unsecured => false,
    }
}

#[cfg(test)]
mod tests;
