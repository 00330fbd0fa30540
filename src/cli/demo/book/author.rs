//! What the book of one centre is made of: little stories of one to three documents, each with its end.
//!
//! What insurers decide hangs on the last two digits of a number, by the rules that they are started with.

use crate::claims::document::{Kind, Mode, ReplacementReason, ThirdParty};
use crate::claims::time::Day;
use crate::cli::demo::book::story::{STORIES, Story};
use crate::cli::demo::book::{Answer, Book, By, Deed, End, FRESH, Line, OLD, Post, Round};
use crate::cli::demo::cast::Insurer;
use crate::cli::lab::draw::Draw;
use crate::cli::lab::sheet::{self, Flaw, Sender};
use crate::formats::xml::{DocumentText, write_document};

/// Ends of numbers whose documents have another fate than to be paid.
pub(in crate::cli::demo) mod suffix {
    /// The receipt is negative.
    pub(in crate::cli::demo) const NEGATIVE: &str = "97";
    /// The lot is refused on arrival, naming the document.
    pub(in crate::cli::demo) const AT_THE_DOOR: &str = "96";
    /// All parts are rejected.
    pub(in crate::cli::demo) const REJECTED: &str = "95";
    /// The AMC part alone is rejected.
    pub(in crate::cli::demo) const AMC_REJECTED: &str = "94";
    /// Deferred first, paid later.
    pub(in crate::cli::demo) const DEFERRED: &str = "93";
    /// Never settled.
    pub(in crate::cli::demo) const SILENT: &str = "92";
    /// A prise en charge that is declined.
    pub(in crate::cli::demo) const DECLINED: &str = "91";
}

/// Numbers that end below this are paid or granted.
const PAID_BELOW: usize = 90;

/// Writes so many documents of a centre: every story once, in a drawn order, then by their weights.
pub(super) fn fill(book: &mut Book, centre: usize, documents: usize, seed: u32) {
    let mut author = Author {
        draw: Draw::new(seed, centre as u64),
        end: book.posts.len() + documents,
        book,
        centre,
        serial: 0,
    };
    let mut untold: Vec<Story> = STORIES.iter().map(|(story, _)| *story).collect();
    while author.left() > 0 {
        let story = match untold.len() {
            0 => author.draw.weigh(&STORIES),
            some => untold.swap_remove(author.draw.below(some)),
        };
        author.tell(story);
    }
}

struct Author<'a> {
    book: &'a mut Book,
    draw: Draw,
    centre: usize,
    /// How long the list of posts is when this centre has its share.
    end: usize,
    serial: usize,
}

impl Author<'_> {
    fn left(&self) -> usize {
        self.end - self.book.posts.len()
    }

    fn tell(&mut self, story: Story) {
        // The last story must not be longer than what is left.
        let story = match (story.length() > self.left(), self.book.centres.len()) {
            (true, _) => Story::Paid,
            (false, 1) if story == Story::Neighbour => Story::Paid,
            (false, _) => story,
        };
        self.serial += 1;
        match story {
            Story::Paid => self.simple(End::Paid, None),
            Story::Rejected => self.simple(End::Rejected, Some(suffix::REJECTED)),
            Story::Deferred => self.simple(End::Paid, Some(suffix::DEFERRED)),
            Story::Acknowledged => self.simple(End::Acknowledged, Some(suffix::SILENT)),
            Story::RefusedByReceipt => self.simple(End::Refused, Some(suffix::NEGATIVE)),
            Story::RefusedAtTheDoor => self.at_the_door(),
            Story::PatientPaid => self.patient_paid(),
            Story::MedicalAid => self.medical_aid(),
            Story::Late => self.late(),
            Story::BothPaid => self.both(End::Paid, None),
            Story::PartPaid => self.both(End::PartPaid, Some(suffix::AMC_REJECTED)),
            Story::Replaced => self.replaced(),
            Story::Rebilled => self.rebilled(),
            Story::Corrected => self.corrected(),
            Story::WithDre => self.with_dre(),
            Story::DreRejected => self.dre(suffix::REJECTED, End::Rejected),
            Story::Granted => self.request(End::Granted, None),
            Story::Declined => self.request(End::Declined, Some(suffix::DECLINED)),
            Story::WithPiece => self.with_piece(),
            Story::Again => self.again(),
            Story::OtherContent => self.other_content(),
            Story::Flawed => self.flawed(),
            Story::PaperOwed => self.paper_owed(),
            Story::OnPaper => self.on_paper(),
            Story::Cancelled => self.cancelled(),
            Story::Test => self.test(),
            Story::Neighbour => self.neighbour(),
        }
    }

    /// An FSE with a fate of its own.
    fn simple(&mut self, end: End, fate: Option<&str>) {
        let (sheet, insurer) = self.fresh(fate);
        self.unit(&sheet, end, Some(insurer));
    }

    fn at_the_door(&mut self) {
        let (sheet, _) = self.fresh(Some(suffix::AT_THE_DOOR));
        self.unit(&sheet, End::Refused, None);
    }

    fn patient_paid(&mut self) {
        let (mut sheet, insurer) = self.fresh(None);
        sheet.third_party = (ThirdParty::PatientPaid, ThirdParty::PatientPaid);
        self.unit(&sheet, End::Paid, Some(insurer));
    }

    fn medical_aid(&mut self) {
        let (mut sheet, insurer) = self.fresh(None);
        if let Some(coverage) = &mut sheet.coverage {
            coverage.state_medical_aid = Some(true);
        }
        self.unit(&sheet, End::Paid, Some(insurer));
    }

    fn late(&mut self) {
        let insurer = self.caisse();
        let sheet = self.fse(None, &OLD, insurer);
        self.unit(&sheet, End::Paid, Some(insurer));
    }

    /// An FSE whose AMO settles the AMC's part too.
    fn both(&mut self, end: End, fate: Option<&str>) {
        let (mut sheet, insurer) = self.fresh(fate);
        sheet.settled_for = Some(Insurer::Mutuelle.number().to_owned());
        sheet::add_amc(&mut sheet);
        self.unit(&sheet, end, Some(insurer));
    }

    /// Refused, and replaced under a new number; the line keeps the day of its root.
    fn replaced(&mut self) {
        let insurer = self.caisse();
        let ages = self.draw.pick(&[&FRESH[..], &OLD[..]]);
        let root = self.fse(Some(suffix::NEGATIVE), ages, insurer);
        let place = self.post(&root, End::Replaced, Some(insurer));
        self.serial += 1;
        let mut latest = self.fse(None, &[0], insurer);
        replace(&mut latest, &root, ReplacementReason::Refused);
        self.line(root.clock.1, &latest, End::Paid);
        self.post_after(
            &latest,
            Round::After(place, End::Refused),
            End::Paid,
            Some(insurer),
        );
    }

    /// Rejected, replaced under the same number, and rejected again.
    fn rebilled(&mut self) {
        let (root, insurer) = self.fresh(Some(suffix::REJECTED));
        let place = self.post(&root, End::Replaced, Some(insurer));
        let mut latest = self.fse(Some(suffix::REJECTED), &[0], insurer);
        latest.number.clone_from(&root.number);
        replace(&mut latest, &root, ReplacementReason::Rejected);
        self.line(root.clock.1, &latest, End::Rejected);
        let round = Round::After(place, End::Rejected);
        self.post_after(&latest, round, End::Rejected, Some(insurer));
    }

    /// Cancelled before it could leave, and sent to the right caisse under the same number.
    fn corrected(&mut self) {
        let root = self.fse(None, &FRESH, Insurer::Strasbourg);
        let place = self.post(&root, End::Replaced, None);
        self.book.posts[place].deed = Some(Deed::Cancel);
        let insurer = self.caisse();
        let mut latest = self.fse(None, &[0], insurer);
        latest.number.clone_from(&root.number);
        replace(&mut latest, &root, ReplacementReason::Cancelled);
        self.line(root.clock.1, &latest, End::Paid);
        let round = Round::After(place, End::Cancelled);
        self.post_after(&latest, round, End::Paid, Some(insurer));
    }

    /// Care billed to both insurers: an FSE and a DRE of one facture number.
    fn with_dre(&mut self) {
        let (sheet, insurer) = self.fresh(None);
        self.unit(&sheet, End::Paid, Some(insurer));
        let mut dre = self.claim(Kind::Dre, &sheet.number, &FRESH, Insurer::Mutuelle);
        dre.clock.1 = sheet.clock.1;
        dre.acts.iter_mut().for_each(|act| act.date = sheet.clock.1);
        dre.prescriber = None;
        self.post(&dre, End::Paid, Some(Insurer::Mutuelle));
    }

    fn dre(&mut self, fate: &str, end: End) {
        let number = self.number(Some(fate));
        let dre = self.claim(Kind::Dre, &number, &FRESH, Insurer::Mutuelle);
        self.post(&dre, end, Some(Insurer::Mutuelle));
    }

    /// A demande de prise en charge.
    fn request(&mut self, end: End, fate: Option<&str>) {
        let number = format!("PEC-{}", self.number(fate));
        let request = self.claim(Kind::Pec, &number, &FRESH, Insurer::Mutuelle);
        self.post(&request, end, Some(Insurer::Mutuelle));
    }

    /// An FSE and its piece, which leaves when the receipt is there.
    fn with_piece(&mut self) {
        let (sheet, insurer) = self.fresh(None);
        self.unit(&sheet, End::Paid, Some(insurer));
        self.piece(&sheet, End::Acknowledged, Some(insurer));
    }

    /// The same bytes again: the first answer again.
    fn again(&mut self) {
        let (sheet, insurer) = self.fresh(None);
        self.unit(&sheet, End::Paid, Some(insurer));
        let text = write_document(&sheet);
        self.other(&sheet, text, Round::Second, By::Centre, Answer::Known);
    }

    /// The number of an admitted document with other content.
    fn other_content(&mut self) {
        let (sheet, insurer) = self.fresh(None);
        self.unit(&sheet, End::Paid, Some(insurer));
        let mut other = self.claim(Kind::Fse, &sheet.number, &FRESH, insurer);
        other.mode = Mode::Unsecured;
        other.payload = Some(sheet::payload(&mut self.draw));
        let text = write_document(&other);
        self.other(&other, text, Round::Second, By::Centre, Answer::Conflict);
    }

    fn flawed(&mut self) {
        let (sheet, _) = self.fresh(None);
        let flaw = self.draw.pick(&Flaw::ALL);
        let text = flaw.spoil(sheet.clone());
        let answer = Answer::TurnedAway(flaw.finding());
        self.other(&sheet, text, Round::First, By::Centre, answer);
    }

    /// To a caisse that cannot be reached, long after the deadline.
    fn paper_owed(&mut self) {
        let sheet = self.fse(None, &OLD, Insurer::Strasbourg);
        self.unit(&sheet, End::PaperOwed, None);
    }

    /// The same, and its paper duplicate is confirmed; its piece shares its fate.
    fn on_paper(&mut self) {
        let sheet = self.fse(None, &OLD, Insurer::Strasbourg);
        let place = self.unit(&sheet, End::OnPaper, None);
        self.book.posts[place].deed = Some(Deed::Paper);
        self.piece(&sheet, End::OnPaper, None);
    }

    fn cancelled(&mut self) {
        let sheet = self.fse(None, &FRESH, Insurer::Strasbourg);
        let place = self.unit(&sheet, End::Cancelled, None);
        self.book.posts[place].deed = Some(Deed::Cancel);
    }

    /// A vendor's test: it reaches the test platform and no account.
    fn test(&mut self) {
        let sheet = self.fse(None, &FRESH, Insurer::Platform);
        let place = self.post(&sheet, End::Paid, Some(Insurer::Platform));
        self.book.posts[place].by = By::Test;
    }

    /// Another centre posts in this one's name.
    fn neighbour(&mut self) {
        let (sheet, _) = self.fresh(None);
        let text = write_document(&sheet);
        self.other(&sheet, text, Round::First, By::Neighbour, Answer::Forbidden);
    }

    /// A fresh FSE to a caisse that can be reached.
    fn fresh(&mut self, fate: Option<&str>) -> (DocumentText, Insurer) {
        let insurer = self.caisse();
        (self.fse(fate, &FRESH, insurer), insurer)
    }

    fn fse(&mut self, fate: Option<&str>, ages: &[i32], insurer: Insurer) -> DocumentText {
        let number = self.number(fate);
        let mut sheet = self.claim(Kind::Fse, &number, ages, insurer);
        sheet.mode = self.draw.weigh(&MODES);
        if self.draw.below(20) == 0 {
            sheet.payload = Some(sheet::payload(&mut self.draw));
        }
        sheet
    }

    fn claim(&mut self, kind: Kind, number: &str, ages: &[i32], insurer: Insurer) -> DocumentText {
        let day = self.book.today.plus_days(-self.draw.pick(ages));
        let centre = &self.book.centres[self.centre];
        let sender = Sender {
            finess: &centre.finess,
            category: centre.category,
        };
        let destination = insurer.addressee();
        sheet::claim(&mut self.draw, sender, kind, number, day, destination)
    }

    /// Nine digits: the story's own seven, and the two that decide its fate.
    fn number(&mut self, fate: Option<&str>) -> String {
        let paid = format!("{:02}", self.draw.below(PAID_BELOW));
        format!("{:07}{}", self.serial, fate.unwrap_or(&paid))
    }

    fn caisse(&mut self) -> Insurer {
        self.draw.pick(&[Insurer::Paris, Insurer::Marseille])
    }

    /// A sound FSE of the first round that is a line by itself.
    fn unit(&mut self, sheet: &DocumentText, end: End, taken_by: Option<Insurer>) -> usize {
        self.line(sheet.clock.1, sheet, end);
        self.post(sheet, end, taken_by)
    }

    fn line(&mut self, root: Day, latest: &DocumentText, end: End) {
        let coverage = latest.coverage.as_ref();
        self.book.lines.push(Line {
            centre: self.centre,
            day: root,
            mode: latest.mode,
            end,
            is_medical_aid: coverage
                .is_some_and(|coverage| coverage.state_medical_aid == Some(true)),
            is_old: root < self.book.today.plus_days(-OLD[0] + 1),
        });
    }

    fn piece(&mut self, fse: &DocumentText, end: End, taken_by: Option<Insurer>) {
        let number = format!("PJ-{}", fse.number);
        let piece = sheet::piece(&mut self.draw, fse, &number);
        self.post_after(&piece, Round::Second, end, taken_by);
    }

    fn post(&mut self, sheet: &DocumentText, end: End, taken_by: Option<Insurer>) -> usize {
        self.post_after(sheet, Round::First, end, taken_by)
    }

    fn post_after(
        &mut self,
        sheet: &DocumentText,
        round: Round,
        end: End,
        taken_by: Option<Insurer>,
    ) -> usize {
        let place = self.other(
            sheet,
            write_document(sheet),
            round,
            By::Centre,
            Answer::Admitted,
        );
        let post = &mut self.book.posts[place];
        post.end = Some(end);
        post.taken_by = taken_by;
        place
    }

    fn other(
        &mut self,
        sheet: &DocumentText,
        text: String,
        round: Round,
        by: By,
        answer: Answer,
    ) -> usize {
        self.book.posts.push(Post {
            centre: self.centre,
            by,
            kind: sheet.kind,
            number: sheet.number.clone(),
            text,
            round,
            answer,
            end: None,
            deed: None,
            taken_by: None,
        });
        self.book.posts.len() - 1
    }
}

/// What the securing modes of FSEs are, roughly as in the field.
const MODES: [(Mode, usize); 7] = [
    (Mode::Secured, 76),
    (Mode::WithoutVitale, 8),
    (Mode::Clear, 4),
    (Mode::Degraded, 6),
    (Mode::Online, 2),
    (Mode::Sefi, 2),
    (Mode::Unsecured, 2),
];

fn replace(latest: &mut DocumentText, root: &DocumentText, reason: ReplacementReason) {
    latest.replaces = Some((root.kind, root.number.clone(), reason));
}
