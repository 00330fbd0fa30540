//! The room, tried on ledgers written by hand: golden reports, and a keeper that must not be deceived.

mod ledger_text;
mod golden;
mod counting;
mod past;
mod order;
mod boundaries;
mod closing;
mod statement;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::claims::agreement::tests::{agreement, id};
use crate::claims::agreement::{Agreement, Agreements, Comparator, Role, Status, Threshold};
use crate::claims::registry::Category;
use crate::telemetry::{self, Telemetry};

fn telemetry() -> Arc<Telemetry> {
    Arc::new(Telemetry::new(&telemetry::Config::default(), &[]).unwrap())
}

/// Two unconfirmed agreements in succession, a confirmed one, and two policies to compare with.
fn agreements() -> Arc<Agreements> {
    let everywhere = |comparator, fraction| {
        let threshold = Threshold {
            comparator,
            fraction,
        };
        BTreeMap::from(Category::ALL.map(|category| (category, threshold)))
    };
    let seventy = everywhere(Comparator::AtLeast, (7, 10));
    let two_thirds = everywhere(Comparator::MoreThan, (2, 3));
    let unconfirmed = |name, from| Agreement {
        status: Status::Unconfirmed,
        ..agreement(name, from)
    };
    let reference = |name, thresholds| Agreement {
        role: Role::Reference,
        thresholds,
        ..unconfirmed(name, "2016-01-01")
    };
    let all = vec![
        unconfirmed("national-2015", "2016-01-01"),
        Agreement {
            succeeds: Some(id("national-2015")),
            ..unconfirmed("national-2025", "2025-10-15")
        },
        Agreement {
            thresholds: seventy.clone(),
            ..agreement("confirmed", "2020-01-01")
        },
        reference("reference-70", seventy),
        reference("reference-two-thirds", two_thirds),
    ];
    Arc::new(Agreements::new(all).unwrap())
}
