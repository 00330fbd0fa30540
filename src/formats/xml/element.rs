//! The parts of a document that one start tag holds: its attributes as values with their places.

use super::lexical;
use crate::claims::document::{
    ActCode, At, Carried, ClockBasis, Coverage, DestinationText, Kind, Nature, ReplacementReason,
    Spot, ThirdParty,
};
use crate::claims::time::Day;
use crate::schema::{Element, Position};

pub(super) fn clock(element: &Element<'_>) -> Option<At<(ClockBasis, Day)>> {
    let basis = attribute(element, "basis", ClockBasis::parse)?.value;
    let day = attribute(element, "date", lexical::day)?.value;
    Some(at((basis, day), element.place))
}

pub(super) fn third_party(element: &Element<'_>) -> Option<(ThirdParty, ThirdParty)> {
    let part = |name| {
        Some(match attribute(element, name, lexical::boolean)?.value {
            true => ThirdParty::InsurerPays,
            false => ThirdParty::PatientPaid,
        })
    };
    Some((part("amo")?, part("amc")?))
}

pub(super) fn destination_amo(element: &Element<'_>) -> Option<At<DestinationText>> {
    let regime = text_of(element, "regime")?;
    let caisse = text_of(element, "caisse")?;
    let centre = text_of(element, "centre")?;
    Some(at(
        DestinationText::Amo(regime, caisse, centre),
        element.place,
    ))
}

pub(super) fn replaces(element: &Element<'_>) -> Option<At<(Kind, String, ReplacementReason)>> {
    let kind = attribute(element, "kind", Kind::parse)?.value;
    let number = text_of(element, "number")?;
    let reason = attribute(element, "reason", ReplacementReason::parse)?.value;
    Some(at((kind, number, reason), element.place))
}

pub(super) fn coverage(element: &Element<'_>) -> Option<Coverage> {
    let flag = |name| {
        let flag = optional(element, name, lexical::boolean)?;
        Some(flag.filter(|flag| flag.value).map(|flag| flag.spot))
    };
    Some(Coverage {
        nature: attribute(element, "nature", Nature::parse)?,
        exemption: attribute(element, "exemption", owned)?,
        accident_date: optional(element, "accidentDate", lexical::day)?,
        state_medical_aid: flag("stateMedicalAid")?,
        patient_absent: flag("patientAbsent")?,
    })
}

pub(super) fn ccam(element: &Element<'_>) -> Option<At<ActCode>> {
    let code = ActCode::Ccam {
        code: text_of(element, "code")?,
        activity: text_of(element, "activity")?,
        phase: text_of(element, "phase")?,
        modifiers: text_of(element, "modifiers").unwrap_or_default(),
    };
    Some(at(code, element.place))
}

pub(super) fn carried(element: &Element<'_>) -> Option<Carried> {
    Some(Carried {
        media_type: attribute(element, "mediaType", owned)?,
        declared: attribute(element, "digest", owned)?,
        computed: None,
        length: 0,
    })
}

/// An attribute's value and place.
pub(super) fn attribute<T>(
    element: &Element<'_>,
    name: &str,
    parse: impl Fn(&str) -> Option<T>,
) -> Option<At<T>> {
    let attribute = element.attributes().find(|found| found.name == name)?;
    read(attribute.value, attribute.place, parse)
}

/// An attribute that may be absent: one that cannot be read is not an absent one.
pub(super) fn optional<T>(
    element: &Element<'_>,
    name: &str,
    parse: impl Fn(&str) -> Option<T>,
) -> Option<Option<At<T>>> {
    match element.attribute(name) {
        None => Some(None),
        Some(_) => attribute(element, name, parse).map(Some),
    }
}

pub(super) fn text_of(element: &Element<'_>, name: &str) -> Option<String> {
    element.attribute(name).map(str::to_owned)
}

pub(super) fn read<T>(
    text: &str,
    place: Position,
    parse: impl Fn(&str) -> Option<T>,
) -> Option<At<T>> {
    parse(text).map(|value| at(value, place))
}

pub(super) fn owned(text: &str) -> Option<String> {
    Some(text.to_owned())
}

pub(super) fn at<T>(value: T, place: Position) -> At<T> {
    At {
        value,
        spot: Spot {
            // Documents are capped far below 4 GiB.
            offset: u32::try_from(place.offset()).unwrap_or(u32::MAX),
        },
    }
}
