//! Simple types: the built-in ones, and restrictions, lists and unions of them.

use std::cmp::Ordering;

use super::Compiler;
use crate::schema::bound::{Bound, Side};
use crate::schema::declare::Type;
use crate::schema::error::Error;
use crate::schema::node::Node;
use crate::schema::pattern::Pattern;
use crate::schema::simple::{Kind, Simple, SimpleId};
use crate::schema::value::{Builtin, Family};
use crate::schema::white::White;

impl<'n> Compiler<'n> {
    /// A simple type, named or not.
    pub(super) fn simple_type(&mut self, node: &'n Node) -> Result<SimpleId, Error> {
        node.only(&["name"])?;
        let [child] = &node.children[..] else {
            return Err(node.invalid("a simple type has one child"));
        };
        match &*child.name {
            "restriction" => self.restriction(child),
            "list" => {
                child.only(&["itemType"])?;
                let item = match self.members(child, child.get("itemType"))?[..] {
                    [item] => item,
                    _ => return Err(child.invalid("a list has one item type")),
                };
                self.plain_member(child, item)?;
                Ok(self
                    .simples
                    .add(Simple::plain(Kind::List(item), White::Collapse)))
            }
            "union" => {
                child.only(&["memberTypes"])?;
                let members = self.members(child, child.get("memberTypes"))?;
                if members.is_empty() {
                    return Err(child.invalid("a union of nothing"));
                }
                members
                    .iter()
                    .try_for_each(|member| self.plain_member(child, *member))?;
                Ok(self
                    .simples
                    .add(Simple::plain(Kind::Union(members.into()), White::Preserve)))
            }
            other => Err(child.unsupported(format!("xs:{other} in xs:simpleType"))),
        }
    }

    /// A built-in type.
    pub(super) fn builtin(&mut self, node: &Node, local: &str) -> Result<SimpleId, Error> {
        if let Some(id) = self.builtins.get(local) {
            return Ok(*id);
        }
        let simple = builtin(local)
            .ok_or_else(|| node.unsupported(format!("the built-in type xs:{local}")))?;
        let id = self.simples.add(simple);
        self.builtins.insert(local.to_owned(), id);
        Ok(id)
    }

    /// The types that a list or a union names or holds.
    fn members(&mut self, node: &'n Node, named: Option<&str>) -> Result<Vec<SimpleId>, Error> {
        let mut members = Vec::new();
        for value in named.unwrap_or("").split_whitespace() {
            members.push(self.simple_by_name(node, value)?);
        }
        for child in &node.children {
            if child.name != "simpleType" {
                return Err(child.unsupported(format!("xs:{} in xs:{}", child.name, node.name)));
            }
            members.push(self.simple_type(child)?);
        }
        Ok(members)
    }

    /// Lists of lists are not XSD; identifiers in lists and unions are not followed here.
    fn plain_member(&self, node: &Node, member: SimpleId) -> Result<(), Error> {
        match &self.simples.get(member).kind {
            Kind::Atomic(Builtin::Id | Builtin::IdRef) => {
                Err(node.unsupported("xs:ID or xs:IDREF in a list or union"))
            }
            Kind::List(_) => Err(node.unsupported("a list in a list or union")),
            Kind::Atomic(_) | Kind::Union(_) => Ok(()),
        }
    }

    fn simple_by_name(&mut self, node: &Node, value: &str) -> Result<SimpleId, Error> {
        match self.type_by_name(node, value)? {
            Type::Simple(simple) => Ok(simple),
            Type::Complex(_) => Err(node.invalid(format!("{value} is a complex type"))),
        }
    }

    fn restriction(&mut self, node: &'n Node) -> Result<SimpleId, Error> {
        node.only(&["base"])?;
        let inner = node
            .children
            .iter()
            .find(|child| child.name == "simpleType");
        let base = match (node.get("base"), inner) {
            (Some(value), None) => self.simple_by_name(node, value)?,
            (None, Some(inner)) => self.simple_type(inner)?,
            _ => return Err(node.invalid("a restriction has one base")),
        };
        let mut simple = self.simples.get(base).clone();
        let mut patterns: Vec<&str> = Vec::new();
        let mut values = Vec::new();
        for facet in node
            .children
            .iter()
            .filter(|child| child.name != "simpleType")
        {
            facet.only(&["value"])?;
            let value = facet.need("value")?;
            match &*facet.name {
                "pattern" => patterns.push(value),
                "enumeration" => values.push(self.enumerated(facet, base, value)?),
                _ => narrow(&mut simple, facet, value)?,
            }
        }
        if !patterns.is_empty() {
            simple
                .patterns
                .push(Pattern::compile(&patterns).map_err(|why| node.unsupported(why))?);
        }
        if !values.is_empty() {
            simple.enumeration = values;
        }
        if simple.length.0 > simple.length.1 {
            return Err(node.invalid("no length is allowed"));
        }
        Ok(self.simples.add(simple))
    }

    fn enumerated(&self, facet: &Node, base: SimpleId, value: &str) -> Result<Box<str>, Error> {
        let family = match &self.simples.get(base).kind {
            Kind::Atomic(builtin) => builtin.family(),
            Kind::List(_) => return Err(facet.unsupported("enumeration of lists")),
            Kind::Union(_) => return Err(facet.unsupported("enumeration of a union")),
        };
        match family {
            Family::Binary | Family::Boolean => {
                Err(facet.unsupported("enumeration of binary or boolean values"))
            }
            Family::Text | Family::Number | Family::Instant => self.value_of(facet, base, value),
        }
    }
}

/// A facet that narrows: it holds together with those of the base.
fn narrow(simple: &mut Simple, facet: &Node, value: &str) -> Result<(), Error> {
    let count = || {
        value
            .parse::<usize>()
            .map_err(|_| facet.invalid(format!("the number {value}")))
    };
    let family = match &simple.kind {
        Kind::Atomic(builtin) => Some(builtin.family()),
        Kind::List(_) | Kind::Union(_) => None,
    };
    let is_list = matches!(simple.kind, Kind::List(_));
    let name = &*facet.name;
    let fits = match name {
        "length" | "minLength" | "maxLength" => {
            is_list || matches!(family, Some(Family::Text | Family::Binary))
        }
        "totalDigits" | "fractionDigits" => family == Some(Family::Number),
        "minInclusive" | "minExclusive" | "maxInclusive" | "maxExclusive" => {
            matches!(family, Some(Family::Number | Family::Instant))
        }
        "whiteSpace" => family == Some(Family::Text),
        _ => return Err(facet.unsupported(format!("xs:{name} in xs:restriction"))),
    };
    if !fits {
        return Err(facet.invalid(format!("the facet {name} does not apply to its type")));
    }
    match name {
        "length" => simple.length = (simple.length.0.max(count()?), simple.length.1.min(count()?)),
        "minLength" => simple.length.0 = simple.length.0.max(count()?),
        "maxLength" => simple.length.1 = simple.length.1.min(count()?),
        "totalDigits" => {
            simple.total_digits = Some(simple.total_digits.unwrap_or(usize::MAX).min(count()?))
        }
        "fractionDigits" => {
            simple.fraction_digits =
                Some(simple.fraction_digits.unwrap_or(usize::MAX).min(count()?));
        }
        "whiteSpace" => simple.white = narrower(facet, simple.white, value)?,
        _ => {
            let side = match name {
                "minInclusive" => Side::MinInclusive,
                "minExclusive" => Side::MinExclusive,
                "maxInclusive" => Side::MaxInclusive,
                _ => Side::MaxExclusive,
            };
            bound(simple, facet, side, value)?;
        }
    }
    Ok(())
}

/// Adds a bound; it takes the place of the base's on the same side, which it may not loosen.
fn bound(simple: &mut Simple, facet: &Node, side: Side, value: &str) -> Result<(), Error> {
    let Kind::Atomic(builtin) = simple.kind else {
        return Err(facet.invalid("a bound of a list or union"));
    };
    let Some(bound) = Bound::new(side, builtin, value) else {
        return Err(facet.invalid(format!("the bound {value} is not a value of its type")));
    };
    let looser = match side {
        Side::MinInclusive | Side::MinExclusive => Ordering::Less,
        Side::MaxInclusive | Side::MaxExclusive => Ordering::Greater,
    };
    let before = simple.bounds.iter().find(|bound| bound.side == side);
    if before.is_some_and(|bound| {
        builtin
            .compare(value, &bound.value)
            .is_none_or(|order| order == looser)
    }) {
        return Err(facet.invalid(format!("the bound {value} is looser than that of the base")));
    }
    simple.bounds.retain(|bound| bound.side != side);
    simple.bounds.push(bound);
    Ok(())
}

fn narrower(facet: &Node, base: White, value: &str) -> Result<White, Error> {
    let white = match value {
        "preserve" => White::Preserve,
        "replace" => White::Replace,
        "collapse" => White::Collapse,
        other => return Err(facet.invalid(format!("whiteSpace {other}"))),
    };
    match white >= base {
        true => Ok(white),
        false => Err(facet.invalid("whiteSpace looser than in its base")),
    }
}

fn builtin(local: &str) -> Option<Simple> {
    let atomic = |builtin, white| Simple::plain(Kind::Atomic(builtin), white);
    let collapsed = |builtin| atomic(builtin, White::Collapse);
    let whole = |low: Option<&str>, high: Option<&str>| {
        let mut simple = collapsed(Builtin::Integer);
        let bound = |side, value: Option<&str>| Bound::new(side, Builtin::Integer, value?);
        let low = bound(Side::MinInclusive, low);
        let high = bound(Side::MaxInclusive, high);
        simple.bounds.extend(low.into_iter().chain(high));
        simple
    };
    Some(match local {
        "string" => atomic(Builtin::Text, White::Preserve),
        "normalizedString" => atomic(Builtin::Text, White::Replace),
        "token" => collapsed(Builtin::Text),
        "NMTOKEN" => collapsed(Builtin::NmToken),
        "Name" => collapsed(Builtin::Name),
        "NCName" => collapsed(Builtin::NcName),
        "ID" => collapsed(Builtin::Id),
        "IDREF" => collapsed(Builtin::IdRef),
        "language" => collapsed(Builtin::Language),
        "anyURI" => collapsed(Builtin::AnyUri),
        "boolean" => collapsed(Builtin::Boolean),
        "base64Binary" => collapsed(Builtin::Base64),
        "hexBinary" => collapsed(Builtin::Hex),
        "date" => collapsed(Builtin::Date),
        "dateTime" => collapsed(Builtin::DateTime),
        "time" => collapsed(Builtin::Time),
        "gYear" => collapsed(Builtin::GYear),
        "gYearMonth" => collapsed(Builtin::GYearMonth),
        "decimal" => collapsed(Builtin::Decimal),
        "integer" => whole(None, None),
        "nonNegativeInteger" => whole(Some("0"), None),
        "positiveInteger" => whole(Some("1"), None),
        "nonPositiveInteger" => whole(None, Some("0")),
        "negativeInteger" => whole(None, Some("-1")),
        "long" => whole(Some("-9223372036854775808"), Some("9223372036854775807")),
        "int" => whole(Some("-2147483648"), Some("2147483647")),
        "short" => whole(Some("-32768"), Some("32767")),
        "byte" => whole(Some("-128"), Some("127")),
        "unsignedLong" => whole(Some("0"), Some("18446744073709551615")),
        "unsignedInt" => whole(Some("0"), Some("4294967295")),
        "unsignedShort" => whole(Some("0"), Some("65535")),
        "unsignedByte" => whole(Some("0"), Some("255")),
        _ => return None,
    })
}
