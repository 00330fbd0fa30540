//! The document as it streams by, gathered into a `Document` in the same pass that checks its structure.
//!
//! Names, and the bytes of attachments and payloads, are never kept. What is gathered counts only when the
//! reading had nothing to refuse, so the form of each value is already known here.

use super::element::{
    at, attribute, carried, ccam, clock, coverage, destination_amo, optional, owned, read,
    replaces, text_of, third_party,
};
use super::lexical;
use super::node::Node;
use crate::claims::document::{
    Act, ActCode, At, Carried, Cents, ClockBasis, Coverage, DestinationText, Document, Kind, Mode,
    Person, Practitioner, PractitionerId, ReplacementReason, ThirdParty, Totals,
};
use crate::claims::time::Day;
use crate::schema::{Element, Position, Visitor};

/// Gathers one document.
#[derive(Default)]
pub(super) struct Gather {
    /// Where the stream is: the open elements, outermost first.
    open: Vec<Node>,
    parts: Parts,
    person: Person,
    practitioner: PractitionerParts,
    act: ActParts,
    totals: TotalsParts,
    carried: Option<Carried>,
    /// Something that the XSD promises was not there.
    incomplete: bool,
}

#[derive(Default)]
struct Parts {
    schema_version: Option<At<String>>,
    kind: Option<At<Kind>>,
    number: Option<At<String>>,
    centre: Option<At<String>>,
    mode: Option<At<Mode>>,
    clock: Option<At<(ClockBasis, Day)>>,
    third_party: Option<(ThirdParty, ThirdParty)>,
    destination: Option<At<DestinationText>>,
    settled_for: Option<At<String>>,
    replaces: Option<At<(Kind, String, ReplacementReason)>>,
    beneficiary: Option<Person>,
    insured: Option<Person>,
    coverage: Option<Coverage>,
    prescriber: Option<Practitioner>,
    practitioner: Option<Practitioner>,
    acts: Vec<Act>,
    totals: Option<Totals>,
    supports: Option<At<String>>,
    attachment: Option<Carried>,
    payload: Option<Carried>,
}

#[derive(Default)]
struct PractitionerParts {
    id: Option<At<PractitionerId>>,
    specialty: Option<At<String>>,
    prescribed: Option<At<Day>>,
}

#[derive(Default)]
struct ActParts {
    date: Option<At<Day>>,
    code: Option<At<ActCode>>,
    quantity: Option<At<u16>>,
    coefficient: Option<At<u32>>,
    unit_price: Option<At<Cents>>,
    fees: Option<At<Cents>>,
    base: Option<At<Cents>>,
    rate: Option<At<u8>>,
    amo: Option<At<Cents>>,
    amc: Option<At<Cents>>,
    qualifier: Option<At<String>>,
}

#[derive(Default)]
struct TotalsParts {
    fees: Option<At<Cents>>,
    amo: Option<At<Cents>>,
    amc: Option<At<Cents>>,
}

impl Gather {
    /// The document, if all that the XSD promises was there.
    pub(super) fn finish(self) -> Option<Document> {
        let parts = self.parts;
        let (third_party_amo, third_party_amc) = parts.third_party?;
        if self.incomplete {
            return None;
        }
        Some(Document {
            schema_version: parts.schema_version?,
            kind: parts.kind?,
            number: parts.number?,
            centre: parts.centre?,
            mode: parts.mode?,
            clock: parts.clock?,
            third_party_amo,
            third_party_amc,
            destination: parts.destination?,
            settled_for: parts.settled_for,
            replaces: parts.replaces,
            beneficiary: parts.beneficiary,
            insured: parts.insured,
            coverage: parts.coverage,
            prescriber: parts.prescriber,
            practitioner: parts.practitioner,
            acts: parts.acts,
            totals: parts.totals,
            supports: parts.supports,
            attachment: parts.attachment,
            payload: parts.payload,
        })
    }

    /// Takes an optional value that is there: not being able to read it must not look like its absence.
    fn promised<T>(&mut self, value: Option<T>) -> Option<T> {
        self.incomplete |= value.is_none();
        value
    }
}

impl Visitor for Gather {
    fn open(&mut self, element: Element<'_>) {
        let node = Node::of(self.open.last().copied(), element.name);
        self.open.push(node);
        match node {
            Node::Document => self.open_document(&element),
            Node::Centre => self.parts.centre = attribute(&element, "finess", owned),
            Node::Clock => self.parts.clock = clock(&element),
            Node::ThirdParty => self.parts.third_party = third_party(&element),
            Node::DestinationAmo => self.parts.destination = destination_amo(&element),
            Node::DestinationAmc => {
                let number = text_of(&element, "number").map(DestinationText::Amc);
                self.parts.destination = number.map(|value| at(value, element.place));
            }
            Node::SettledFor => self.parts.settled_for = attribute(&element, "amc", owned),
            Node::Replaces => {
                let replaces = replaces(&element);
                self.parts.replaces = self.promised(replaces);
            }
            Node::Beneficiary | Node::Insured => self.person = Person::default(),
            Node::Nir => self.open_nir(&element),
            Node::Coverage => {
                let coverage = coverage(&element);
                self.parts.coverage = self.promised(coverage);
            }
            Node::Prescriber | Node::Practitioner => {
                let prescribed = optional(&element, "prescribed", lexical::day);
                self.practitioner = PractitionerParts {
                    id: None,
                    specialty: attribute(&element, "specialty", owned),
                    prescribed: self.promised(prescribed).flatten(),
                }
            }
            Node::Act => {
                self.act = ActParts {
                    date: attribute(&element, "date", lexical::day),
                    ..ActParts::default()
                }
            }
            Node::Ccam => self.act.code = ccam(&element),
            Node::Totals => self.totals = TotalsParts::default(),
            Node::Supports => self.parts.supports = attribute(&element, "number", owned),
            Node::Attachment | Node::Payload => self.carried = carried(&element),
            Node::Destination | Node::Acts | Node::Passed => {}
            Node::BirthDate | Node::BirthRank | Node::Rpps | Node::Am => {}
            Node::Ngap | Node::Quantity | Node::Coefficient | Node::UnitPrice | Node::Fees => {}
            Node::Base | Node::Rate | Node::Amo | Node::Amc | Node::Qualifier => {}
            Node::TotalFees | Node::TotalAmo | Node::TotalAmc => {}
        }
    }

    fn text(&mut self, text: &str, place: Position) {
        if let Some(node) = self.open.last() {
            self.value(*node, text, place);
        }
    }

    /// No element without attributes that holds a text alone has anything to begin or to end.
    fn leaf(&mut self, element: Element<'_>, text: &str, _end: usize) {
        let node = Node::of(self.open.last().copied(), element.name);
        self.value(node, text, element.place);
    }

    fn close(&mut self, _end: usize) {
        match self.open.pop() {
            Some(Node::Beneficiary) => {
                self.parts.beneficiary = Some(std::mem::take(&mut self.person));
            }
            Some(Node::Insured) => self.parts.insured = Some(std::mem::take(&mut self.person)),
            Some(Node::Prescriber) => {
                let prescriber = std::mem::take(&mut self.practitioner).finish();
                self.parts.prescriber = self.promised(prescriber);
            }
            Some(Node::Practitioner) => {
                let practitioner = std::mem::take(&mut self.practitioner).finish();
                self.parts.practitioner = self.promised(practitioner);
            }
            Some(Node::Act) => {
                let act = std::mem::take(&mut self.act).finish();
                let act = self.promised(act);
                self.parts.acts.extend(act);
            }
            Some(Node::Totals) => {
                let totals = std::mem::take(&mut self.totals).finish();
                self.parts.totals = self.promised(totals);
            }
            Some(Node::Attachment) => {
                let carried = self.carried.take();
                self.parts.attachment = self.promised(carried);
            }
            Some(Node::Payload) => {
                let carried = self.carried.take();
                self.parts.payload = self.promised(carried);
            }
            // The others were complete when they opened, or with their text.
            Some(_) | None => {}
        }
    }
}

impl Gather {
    /// The text of an element.
    fn value(&mut self, node: Node, text: &str, place: Position) {
        match node {
            Node::Nir => {
                if let Some(nir) = &mut self.person.nir {
                    nir.value.0 = text.to_owned();
                }
            }
            Node::BirthDate => {
                let day = lexical::day(text).map(|day| at(day, place));
                self.person.birth_date = self.promised(day);
            }
            Node::BirthRank => {
                let rank = lexical::whole(text).map(|rank| at(rank, place));
                self.person.birth_rank = self.promised(rank);
            }
            Node::Rpps => {
                self.practitioner.id = Some(at(PractitionerId::Rpps(text.to_owned()), place));
            }
            Node::Am => {
                self.practitioner.id = Some(at(PractitionerId::Am(text.to_owned()), place));
            }
            Node::Ngap => self.act.code = Some(at(ActCode::Ngap(text.to_owned()), place)),
            Node::Quantity => self.act.quantity = read(text, place, lexical::whole),
            Node::Coefficient => self.act.coefficient = read(text, place, lexical::hundredths),
            Node::UnitPrice => self.act.unit_price = read(text, place, lexical::cents),
            Node::Fees => self.act.fees = read(text, place, lexical::cents),
            Node::Base => self.act.base = read(text, place, lexical::cents),
            Node::Rate => self.act.rate = read(text, place, lexical::whole),
            Node::Amo => self.act.amo = read(text, place, lexical::cents),
            Node::Amc => self.act.amc = read(text, place, lexical::cents),
            Node::Qualifier => self.act.qualifier = read(text, place, owned),
            Node::TotalFees => self.totals.fees = read(text, place, lexical::cents),
            Node::TotalAmo => self.totals.amo = read(text, place, lexical::cents),
            Node::TotalAmc => self.totals.amc = read(text, place, lexical::cents),
            Node::Attachment | Node::Payload => self.text_of_carried(text),
            Node::Document | Node::Centre | Node::Clock | Node::ThirdParty => {}
            Node::Destination | Node::DestinationAmo | Node::DestinationAmc => {}
            Node::SettledFor | Node::Replaces | Node::Beneficiary | Node::Insured => {}
            Node::Coverage | Node::Prescriber | Node::Practitioner => {}
            Node::Acts | Node::Act | Node::Ccam | Node::Totals | Node::Supports | Node::Passed => {}
        }
    }

    fn open_document(&mut self, element: &Element<'_>) {
        self.parts.schema_version = attribute(element, "version", owned);
        self.parts.kind = attribute(element, "kind", Kind::parse);
        self.parts.number = attribute(element, "number", owned);
        self.parts.mode = attribute(element, "mode", Mode::parse);
    }

    fn open_nir(&mut self, element: &Element<'_>) {
        let key = text_of(element, "key");
        let key = self.promised(key);
        self.person.nir = key.map(|key| at((String::new(), key), element.place));
    }

    fn text_of_carried(&mut self, text: &str) {
        if let (Some(carried), Some((length, digest))) = (&mut self.carried, lexical::decoded(text))
        {
            carried.computed = Some(digest);
            carried.length = length;
        }
    }
}

impl PractitionerParts {
    fn finish(self) -> Option<Practitioner> {
        Some(Practitioner {
            id: self.id?,
            specialty: self.specialty?,
            prescribed: self.prescribed,
        })
    }
}

impl ActParts {
    fn finish(self) -> Option<Act> {
        Some(Act {
            date: self.date?,
            code: self.code?,
            quantity: self.quantity?,
            coefficient: self.coefficient?,
            unit_price: self.unit_price?,
            fees: self.fees?,
            base: self.base?,
            rate: self.rate?,
            amo: self.amo?,
            amc: self.amc?,
            qualifier: self.qualifier,
        })
    }
}

impl TotalsParts {
    fn finish(self) -> Option<Totals> {
        Some(Totals {
            fees: self.fees?,
            amo: self.amo?,
            amc: self.amc?,
        })
    }
}
