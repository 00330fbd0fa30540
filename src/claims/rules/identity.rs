//! Who sends what to whom: FINESS, number, destination, securing mode, replacement.
//!
//! What is read here becomes the document's [`Facts`]; a value that could not be read has its finding.

use super::sheet::Sheet;
use super::{Context, Reach, Registration, Registry, Rule, dates};
use crate::claims::document::{
    At, Cents, DestinationText, Document, Exclusions, Facts, Key, Kind, Mode, ReplacementReason,
};
use crate::claims::id::{Amc, Amo, Destination, Finess, Number, holds_nir};
use crate::claims::terms::Region;

/// The identifiers of a document as read; none where one is wrong.
pub(super) struct Identity {
    /// Holidays of the centre.
    pub(super) region: Region,
    centre: Option<Finess>,
    number: Option<Number>,
    destination: Option<Destination>,
    settled_for: Option<Amc>,
    replaces: Option<(Kind, Number, ReplacementReason)>,
    supports: Option<Number>,
}

/// Reads and checks the identifiers.
pub(super) fn check(document: &Document, context: &Context<'_>, sheet: &mut Sheet) -> Identity {
    let centre = check_finess(&document.centre, sheet);
    let destination = check_destination(document, context, sheet);
    check_mode(document, sheet);
    Identity {
        region: check_centre(document, centre, context, sheet),
        centre,
        number: check_number(document.kind.value, &document.number, sheet),
        destination,
        settled_for: check_settled_for(document, context, sheet),
        replaces: check_replaces(document, sheet),
        supports: document
            .supports
            .as_ref()
            .and_then(|number| check_number(Kind::Fse, number, sheet)),
    }
}

impl Identity {
    /// What the ledger keeps of a document that no rule refuses; none while an identifier is wrong.
    ///
    /// Amounts are those that this document asks for: a DRE asks the AMC only, though it shows the AMO's
    /// part, and an FSE the AMC's part only where its AMO settles both.
    pub(super) fn facts(&self, document: &Document, exclusions: Exclusions) -> Option<Facts> {
        let (clock_basis, clock_day) = document.clock.value;
        let totals = document.totals.as_ref();
        let shown_amo = totals.map_or(Cents(0), |totals| totals.amo.value);
        let amount_amc = totals.map_or(Cents(0), |totals| totals.amc.value);
        let amount_amo = match document.kind.value {
            Kind::Fse | Kind::Pec | Kind::Pj => shown_amo,
            Kind::Dre => Cents(0),
        };
        Some(Facts {
            key: Key {
                centre: self.centre?,
                kind: document.kind.value,
                number: self.number?,
            },
            mode: document.mode.value,
            destination: self.destination?,
            clock_day,
            clock_basis,
            care_day: dates::care_day(document),
            third_party_amo: document.third_party_amo,
            third_party_amc: document.third_party_amc,
            amount_amo,
            amount_amc,
            settled_for: self.settled_for,
            exclusions,
            replaces: self.replaces,
            supports: self.supports,
        })
    }
}

fn check_finess(written: &At<String>, sheet: &mut Sheet) -> Option<Finess> {
    let finess = Finess::parse(&written.value).ok();
    if finess.is_none() {
        sheet.add(Rule::FinessKey, written.spot);
    }
    finess
}

/// A centre must be open on the day of its care: what it did before it closed may still be sent after.
fn check_centre(
    document: &Document,
    centre: Option<Finess>,
    context: &Context<'_>,
    sheet: &mut Sheet,
) -> Region {
    let (Some(finess), Registry::Known(directory)) = (centre, context.registry) else {
        return Region::Metropole;
    };
    let spot = document.centre.spot;
    match directory.centre(finess, dates::care_day(document)) {
        Registration::Open(region) => return region,
        Registration::Closed => sheet.add(Rule::CentreClosed, spot),
        Registration::Unknown => sheet.add(Rule::CentreUnknown, spot),
    }
    Region::Metropole
}

fn check_number(kind: Kind, written: &At<String>, sheet: &mut Sheet) -> Option<Number> {
    let text = &written.value;
    let invoice = text.len() == 9
        && text.bytes().all(|byte| byte.is_ascii_digit())
        && text.bytes().any(|byte| byte != b'0');
    let fits = match kind {
        Kind::Fse | Kind::Dre => invoice,
        // It stands in the ledger, which holds nothing nominative: no NIR, and no name alone.
        Kind::Pj | Kind::Pec => text.bytes().any(|byte| byte.is_ascii_digit()) && !holds_nir(text),
    };
    let number = Number::parse(text).ok().filter(|_| fits);
    if number.is_none() {
        sheet.add(Rule::NumberForm, written.spot);
    }
    number
}

fn check_destination(
    document: &Document,
    context: &Context<'_>,
    sheet: &mut Sheet,
) -> Option<Destination> {
    let At { value, spot } = &document.destination;
    let fits = match (document.kind.value, value) {
        (Kind::Fse | Kind::Pj | Kind::Pec, DestinationText::Amo(..)) => true,
        (Kind::Dre | Kind::Pec, DestinationText::Amc(_)) => true,
        (Kind::Dre, DestinationText::Amo(..)) => false,
        (Kind::Fse | Kind::Pj, DestinationText::Amc(_)) => false,
    };
    if !fits {
        sheet.add(Rule::DestinationKind, *spot);
    }
    let destination = match read_destination(value, context) {
        Ok(destination) => destination,
        Err(rule) => {
            sheet.add(rule, *spot);
            return None;
        }
    };
    // A destination of the wrong kind is one fault; whether it has a route does not matter then.
    if let (true, Registry::Known(directory)) = (fits, context.registry) {
        match directory.reaches(destination) {
            Reach::Routed => {}
            Reach::Unknown => sheet.add(Rule::DestinationUnknown, *spot),
        }
    }
    Some(destination)
}

/// Reads a destination, or names the rule that it breaks: a caisse that cannot exist has no route,
/// whoever is asked.
fn read_destination(written: &DestinationText, context: &Context<'_>) -> Result<Destination, Rule> {
    match written {
        DestinationText::Amo(regime, caisse, centre) => Amo::new(regime, caisse, centre)
            .map(Destination::Amo)
            .map_err(|_| Rule::DestinationUnknown),
        DestinationText::Amc(number) => read_amc(number, context)
            .map(Destination::Amc)
            .ok_or(Rule::AmcForm),
    }
}

fn check_settled_for(document: &Document, context: &Context<'_>, sheet: &mut Sheet) -> Option<Amc> {
    let written = document.settled_for.as_ref()?;
    match document.kind.value {
        Kind::Fse => {}
        Kind::Dre | Kind::Pj | Kind::Pec => sheet.add(Rule::SettledForKind, written.spot),
    }
    let amc = read_amc(&written.value, context);
    if amc.is_none() {
        sheet.add(Rule::AmcForm, written.spot);
    }
    amc
}

fn read_amc(text: &str, context: &Context<'_>) -> Option<Amc> {
    let fits = context.amc_lengths.contains(&text.len());
    Amc::parse(text).ok().filter(|_| fits)
}

fn check_mode(document: &Document, sheet: &mut Sheet) {
    let invoices_only = match document.mode.value {
        Mode::Online | Mode::Sefi => true,
        Mode::Secured | Mode::WithoutVitale | Mode::Clear | Mode::Degraded | Mode::Unsecured => {
            false
        }
    };
    if invoices_only && document.kind.value != Kind::Fse {
        sheet.add(Rule::ModeKind, document.mode.spot);
    }
}

fn check_replaces(
    document: &Document,
    sheet: &mut Sheet,
) -> Option<(Kind, Number, ReplacementReason)> {
    let At { value, spot } = document.replaces.as_ref()?;
    let (kind, number, reason) = value;
    if *kind != document.kind.value {
        sheet.add(Rule::ReplacesKind, *spot);
    }
    match reason {
        ReplacementReason::Rejected if *kind == Kind::Pj => sheet.add(Rule::ReplacesReason, *spot),
        ReplacementReason::Rejected
        | ReplacementReason::Refused
        | ReplacementReason::Cancelled
        | ReplacementReason::Lapsed => {}
    }
    let written = At {
        value: number.clone(),
        spot: *spot,
    };
    let number = check_number(*kind, &written, sheet)?;
    Some((*kind, number, *reason))
}
