//! The one walk over a statement from which tables and XML are written.
//!
//! Every type is taken apart whole, so a field that is added and not written does not compile.

use std::fmt::Display;

use super::{
    Anchor, Beside, Centre, Closing, Correction, Ledger, Loss, Month, Named, Paper, Part, Policy,
    Reference, Segment, Share, Span, Splits, Statement, Threshold,
};

/// What writes the fields, in their order.
pub(super) trait Pen {
    /// A group begins.
    fn open(&mut self, name: &'static str);
    /// The group that began last ends.
    fn close(&mut self, name: &'static str);
    /// A field.
    fn value(&mut self, name: &'static str, value: &dyn Display);
}

/// What is written as a group.
trait Group {
    fn fields(&self, pen: &mut dyn Pen);
}

/// Writes all fields but the schema, which names the form itself.
pub(super) fn walk(statement: &Statement, pen: &mut dyn Pen) {
    let Statement {
        schema: _,
        centre,
        period,
        issued,
        method,
        policy,
        threshold,
        verdict,
        rate,
        secured,
        electronic,
        losses,
        paper,
        splits,
        beside,
        references,
        segments,
        months,
        closing,
        corrections,
        follows,
        previous,
        ledger,
        anchor,
    } = statement;
    one(pen, "centre", centre);
    one(pen, "period", period);
    pen.value("issued", issued);
    pen.value("method", method);
    one(pen, "policy", policy);
    each(pen, "threshold", threshold);
    pen.value("verdict", verdict);
    one(pen, "rate", rate);
    one(pen, "secured", secured);
    one(pen, "electronic", electronic);
    each(pen, "loss", losses);
    one(pen, "paper", paper);
    one(pen, "splits", splits);
    each(pen, "beside", beside);
    each(pen, "reference", references);
    each(pen, "segment", segments);
    each(pen, "month", months);
    one(pen, "closing", closing);
    each(pen, "correction", corrections);
    each(pen, "follows", follows);
    each(pen, "previous", previous);
    one(pen, "ledger", ledger);
    each(pen, "anchor", anchor);
}

fn one(pen: &mut dyn Pen, name: &'static str, group: &impl Group) {
    pen.open(name);
    group.fields(pen);
    pen.close(name);
}

fn each<'a, G: Group + 'a>(
    pen: &mut dyn Pen,
    name: &'static str,
    groups: impl IntoIterator<Item = &'a G>,
) {
    groups.into_iter().for_each(|group| one(pen, name, group));
}

fn known(pen: &mut dyn Pen, name: &'static str, value: &Option<impl Display>) {
    if let Some(value) = value {
        pen.value(name, value);
    }
}

/// A group of fields: `!` is a value, `?` a value that may be missing, `>` a group, `*` any number of groups.
macro_rules! groups {
    ($($type:ident { $($field:ident $mark:tt $name:literal),* $(,)? })*) => {$(
        impl Group for $type {
            fn fields(&self, pen: &mut dyn Pen) {
                let $type { $($field),* } = self;
                $(groups!(@ $mark pen $name $field);)*
            }
        }
    )*};
    (@ ! $pen:ident $name:literal $field:ident) => { $pen.value($name, $field) };
    (@ ? $pen:ident $name:literal $field:ident) => { known($pen, $name, $field) };
    (@ > $pen:ident $name:literal $field:ident) => { one($pen, $name, $field) };
    (@ * $pen:ident $name:literal $field:ident) => { each($pen, $name, $field) };
}

groups! {
    Centre { finess ! "finess", name ! "name", category ! "category", gestionnaire ! "gestionnaire", caisse ! "caisse" }
    Span { name ! "name", form ! "form", from ! "from", to ! "to" }
    Policy {
        id ! "id", title ! "title", source ! "source", from ! "from", until ? "until", status ! "status",
        period ! "period", digest ! "digest",
    }
    Threshold {
        comparator ! "comparator", numerator ! "numerator", denominator ! "denominator", points ? "points",
        missing ? "missing",
    }
    Loss { cause ! "cause", documents ! "documents", points ! "points" }
    Share { numerator ! "numerator", denominator ! "denominator", percent ? "percent" }
    Paper {
        sheets ! "sheets", active_days ! "active_days", declared_days ! "declared_days", minimum > "minimum",
    }
    Part { name ! "name", documents ! "documents" }
    Beside { what ! "what", reason ! "reason", documents ! "documents" }
    Reference { policy ! "policy", threshold > "threshold" }
    Segment {
        from ! "from", to ! "to", category ! "category", agreement ! "agreement", verdict ! "verdict", rate > "rate",
    }
    Month { month ! "month", rate > "rate", active_days ! "active_days", declared_days ! "declared_days" }
    Closing { position ! "position", at ! "at", rate > "rate" }
    Correction {
        position ! "position", at ! "at", cause ! "cause", document ? "document", numerator ! "numerator",
        denominator ! "denominator",
    }
    Named { number ! "number", digest ! "digest" }
    Ledger { position ! "position", hash ! "hash" }
    Anchor { day ! "day", entry ! "entry", position ! "position", hash ! "hash" }
    Splits { mode * "mode", kind * "kind", standing * "standing", lateness * "lateness", transmitted * "transmitted" }
}
