//! What a statement says: the closed period of a centre, under the policies that its closing froze.
//!
//! It is a function of the ledger up to an entry and of nothing else but the instant at which it is written. It
//! computes no rate of its own: the counts are those that `GET /v1/centres/{finess}/rate?as_of=` gives.

pub mod publisher;

use crate::claims::agreement::{Agreement, Agreements, Status, Threshold};
use crate::claims::commitment::Chain;
use crate::claims::entry::Position;
use crate::claims::fraction::Fraction;
use crate::claims::id::{Digest, Finess};
use crate::claims::loss;
use crate::claims::obligation::{Obligation, Reference, Segment, Unbound};
use crate::claims::period::Period;
use crate::claims::rate::{Rate, Slice};
use crate::claims::time::{Day, Timestamp};
use crate::formats::statement as form;
use crate::report::Error;
use crate::report::count::snapshot::{CentreCounts, Snapshot};
use crate::report::rate::closing::Correction;
use crate::report::rate::method;
use crate::report::rate::past::Anchored;
use crate::report::rate::shapes::{comparator, hundredths, policy_digest, words};
use crate::store::{Closing, StatementRecord};

/// What a statement is made of.
pub struct Facts<'a> {
    /// The centre.
    pub centre: Finess,
    /// The closing of the period.
    pub closing: &'a Closing,
    /// The policies that it froze.
    pub policies: &'a Agreements,
    /// The counts at the closing.
    pub then: &'a Snapshot,
    /// The counts that the statement is about: the same, or later ones.
    pub now: &'a Snapshot,
    /// The chain of entries there.
    pub chain: Chain,
    /// The end of the day before.
    pub anchor: Option<Anchored>,
    /// What came between the two, in order.
    pub corrections: &'a [Correction],
    /// The statement of the same period before this one.
    pub follows: Option<&'a StatementRecord>,
    /// The statement of the centre before this one.
    pub previous: Option<&'a StatementRecord>,
    /// When it is written.
    pub issued: Timestamp,
}

/// The statement, and the digest of the policy by which it was counted.
///
/// # Errors
/// [`Error::UnknownCentre`], [`Error::Unbound`].
pub fn of(facts: &Facts<'_>) -> Result<(form::Statement, Digest), Error> {
    let period = facts.closing.closed.period;
    let counts = |snapshot: &Snapshot| snapshot.centres.get(&facts.centre).cloned();
    let now = counts(facts.now).ok_or(Error::UnknownCentre)?;
    let then = counts(facts.then).ok_or(Error::UnknownCentre)?;
    let frozen = then.obligation(facts.policies, period)?.rate;
    let found = now.obligation(facts.policies, period)?;
    let policy = facts.policies.get(&found.agreement);
    let policy = policy.ok_or(Unbound::NoAgreement)?;
    let digest = policy_digest(policy);
    let rate = &found.rate;
    let statement = form::Statement {
        schema: form::NAMESPACE.to_owned(),
        centre: centre(facts, period)?,
        period: form::Span {
            name: period.to_string(),
            form: period.form().as_str().to_owned(),
            from: period.from().to_string(),
            to: period.to().to_string(),
        },
        issued: facts.issued.to_string(),
        method: method(&found.agreement),
        policy: shape(policy, digest),
        threshold: rate.threshold.map(|threshold| bound(threshold, rate)),
        verdict: rate.verdict.as_str().to_owned(),
        rate: share(rate.numerator, rate.denominator),
        secured: share(rate.secured, rate.denominator),
        electronic: share(rate.electronic, rate.denominator),
        losses: losses(&now, policy, period, rate.denominator),
        paper: paper(rate, policy.counting.minimum_paper_coverage),
        splits: splits(rate),
        beside: beside(rate),
        references: found
            .references
            .iter()
            .map(|one| reference(one, rate))
            .collect(),
        segments: found.segments.iter().map(segment).collect(),
        months: months(&now, facts.policies, period),
        closing: form::Closing {
            position: facts.closing.position.0,
            at: facts.closing.at.to_string(),
            rate: share(frozen.numerator, frozen.denominator),
        },
        corrections: facts.corrections.iter().map(correction).collect(),
        follows: facts.follows.map(named),
        previous: facts.previous.map(named),
        ledger: form::Ledger {
            position: facts.now.position.0,
            hash: facts.chain.to_string(),
        },
        anchor: facts.anchor.map(|anchor| form::Anchor {
            day: anchor.day.to_string(),
            entry: anchor.entry.0,
            position: anchor.anchor.position.0,
            hash: anchor.anchor.chain.to_string(),
        }),
    };
    Ok((statement, digest))
}

/// Whether two statements say the same of the period, whenever they were written.
pub fn says_the_same(one: &form::Statement, other: &form::Statement) -> bool {
    let timeless = |statement: &form::Statement| form::Statement {
        issued: String::new(),
        follows: None,
        previous: None,
        ledger: form::Ledger {
            position: 0,
            hash: String::new(),
        },
        anchor: None,
        ..statement.clone()
    };
    timeless(one) == timeless(other)
}

fn centre(facts: &Facts<'_>, period: Period) -> Result<form::Centre, Error> {
    let version = facts.now.version(facts.centre, period);
    let version = version.ok_or(Unbound::NotRegistered)?;
    Ok(form::Centre {
        finess: version.finess.to_string(),
        name: version.name.clone(),
        category: version.category.as_str().to_owned(),
        gestionnaire: version.gestionnaire.to_string(),
        caisse: version.caisse.to_string(),
    })
}

fn shape(policy: &Agreement, digest: Digest) -> form::Policy {
    form::Policy {
        id: policy.id.to_string(),
        title: policy.title.clone(),
        source: policy.source.clone(),
        from: policy.in_force_from.to_string(),
        until: policy.until.map(|until| until.to_string()),
        status: match policy.status {
            Status::Confirmed => "confirmed".to_owned(),
            Status::Unconfirmed => "unconfirmed".to_owned(),
        },
        period: policy.period.as_str().to_owned(),
        digest: digest.to_string(),
    }
}

fn share(numerator: i64, denominator: i64) -> form::Share {
    let percent = Fraction::new(numerator, denominator)
        .map(|_| hundredths(i128::from(numerator), i128::from(denominator)));
    form::Share {
        numerator,
        denominator,
        percent,
    }
}

fn bound(threshold: Threshold, rate: &Rate) -> form::Threshold {
    let (numerator, denominator) = threshold.fraction;
    let distance = rate.distance(threshold);
    form::Threshold {
        comparator: comparator(threshold.comparator).to_owned(),
        numerator,
        denominator,
        points: distance.map(|distance| hundredths(distance.numerator(), distance.denominator())),
        missing: threshold.missing(rate.numerator, rate.denominator),
    }
}

fn losses(
    counts: &CentreCounts,
    policy: &Agreement,
    period: Period,
    denominator: i64,
) -> Vec<form::Loss> {
    let days = (period.from(), period.to());
    let found = loss::losses(&policy.counting, &counts.counts, days);
    let shown = found.into_iter().map(|loss| form::Loss {
        cause: loss.cause.as_str().to_owned(),
        documents: loss.documents,
        points: hundredths(i128::from(loss.documents), i128::from(denominator.max(1))),
    });
    shown.collect()
}

fn paper(rate: &Rate, minimum: Fraction) -> form::Paper {
    form::Paper {
        sheets: rate.paper_sheets,
        active_days: rate.coverage.active,
        declared_days: rate.coverage.declared,
        minimum: share(minimum.numerator(), minimum.denominator()),
    }
}

fn splits(rate: &Rate) -> form::Splits {
    let part = |name: &str, documents: i64| form::Part {
        name: name.to_owned(),
        documents,
    };
    let transmitted = rate.transmitted.iter();
    form::Splits {
        mode: parts(&rate.splits.mode, |mode| mode.as_str()),
        kind: parts(&rate.splits.kind, |kind| kind.as_str()),
        standing: parts(&rate.splits.standing, |standing| standing.as_str()),
        lateness: parts(&rate.splits.lateness, |late| late.as_str()),
        transmitted: transmitted
            .map(|(mode, documents)| part(mode.as_str(), *documents))
            .collect(),
    }
}

fn parts<T: Copy>(
    split: &std::collections::BTreeMap<Slice<T>, i64>,
    word: impl Fn(T) -> &'static str,
) -> Vec<form::Part> {
    let parts = split.iter().map(|(slice, documents)| form::Part {
        name: match slice {
            Slice::Units(part) => word(*part).to_owned(),
            Slice::Paper => "paper".to_owned(),
        },
        documents: *documents,
    });
    parts.collect()
}

fn beside(rate: &Rate) -> Vec<form::Beside> {
    let row = |what: &str, reason: &str, documents: i64| form::Beside {
        what: what.to_owned(),
        reason: reason.to_owned(),
        documents,
    };
    let mut rows = vec![row("cancelled", "withdrawn", rate.beside.cancelled)];
    let excluded = rate.excluded.iter();
    rows.extend(excluded.map(|(reasons, documents)| row("excluded", &words(*reasons), *documents)));
    rows.push(row("by_hand", "on an operator's word", rate.beside.by_hand));
    let both = "receipt and paper duplicate";
    rows.push(row("both_ways", both, rate.beside.both_ways));
    rows
}

fn reference(reference: &Reference, rate: &Rate) -> form::Reference {
    form::Reference {
        policy: reference.policy.to_string(),
        threshold: bound(reference.threshold, rate),
    }
}

fn segment(segment: &Segment) -> form::Segment {
    form::Segment {
        from: segment.from.to_string(),
        to: segment.to.to_string(),
        category: segment.category.as_str().to_owned(),
        agreement: segment.agreement.to_string(),
        verdict: segment.rate.verdict.as_str().to_owned(),
        rate: share(segment.rate.numerator, segment.rate.denominator),
    }
}

/// The months from January of the period's first year up to its last day; those in which nothing binds the centre
/// are left out.
fn months(counts: &CentreCounts, policies: &Agreements, period: Period) -> Vec<form::Month> {
    let mut found = Vec::new();
    let mut day = Day::new(period.from().year(), 1, 1).unwrap_or(period.from());
    while day <= period.to() {
        let month = Period::month_of(day);
        let days = Period::days(day, month.to().min(period.to())).unwrap_or(month);
        if let Ok(obligation) = counts.obligation(policies, days) {
            found.push(of_month(day, &obligation));
        }
        day = month.to().plus_days(1);
    }
    found
}

fn of_month(day: Day, obligation: &Obligation) -> form::Month {
    let rate = &obligation.rate;
    form::Month {
        month: Period::month_of(day).to_string(),
        rate: share(rate.numerator, rate.denominator),
        active_days: rate.coverage.active,
        declared_days: rate.coverage.declared,
    }
}

fn correction(correction: &Correction) -> form::Correction {
    form::Correction {
        position: correction.position,
        at: correction.at.clone(),
        cause: correction.cause.to_owned(),
        document: correction.document.clone(),
        numerator: correction.numerator,
        denominator: correction.denominator,
    }
}

fn named(record: &StatementRecord) -> form::Named {
    let Position(number) = record.number;
    form::Named {
        number,
        digest: record.published.digest.to_string(),
    }
}
