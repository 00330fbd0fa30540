//! Statements that tests begin with: one with every field, and one with as few as there can be. Only for tests.

use super::{
    Anchor, Beside, Centre, Closing, Correction, Ledger, Loss, Month, NAMESPACE, Named, Paper,
    Part, Policy, Reference, Segment, Share, Span, Splits, Statement, Threshold,
};

/// A share, with its percent where it has one.
pub fn share(numerator: i64, denominator: i64) -> Share {
    let hundredths = (numerator * 10_000).checked_div(denominator);
    Share {
        numerator,
        denominator,
        percent: hundredths.map(|part| format!("{}.{:02}", part / 100, part % 100)),
    }
}

fn parts(rows: &[(&str, i64)]) -> Vec<Part> {
    let parts = rows.iter().map(|(name, documents)| Part {
        name: (*name).to_owned(),
        documents: *documents,
    });
    parts.collect()
}

fn threshold(points: &str) -> Threshold {
    Threshold {
        comparator: "at_least".into(),
        numerator: 7,
        denominator: 10,
        points: Some(points.into()),
        missing: Some(0),
    }
}

/// Every field is there, and a text that has to be escaped.
pub fn full() -> Statement {
    let months = [(812, 1_130, 21), (790, 1_061, 20), (861, 1_143, 22)];
    let months = (7..)
        .zip(months)
        .map(|(month, (upper, lower, days))| Month {
            month: format!("2026-{month:02}"),
            rate: share(upper, lower),
            active_days: days,
            declared_days: days,
        });
    let idle = Month {
        month: "2026-06".into(),
        rate: share(0, 0),
        active_days: 0,
        declared_days: 0,
    };
    Statement {
        schema: NAMESPACE.into(),
        centre: Centre {
            finess: "750712184".into(),
            name: "Centre de santé « Soins & Vie » <Paris>".into(),
            category: "polyvalent".into(),
            gestionnaire: "750000001".into(),
            caisse: "017510000".into(),
        },
        period: Span {
            name: "2026-Q3".into(),
            form: "quarter".into(),
            from: "2026-07-01".into(),
            to: "2026-09-30".into(),
        },
        issued: "2026-10-20T09:12:00.5Z".into(),
        method: "rate computed by the gateway under policy centres".into(),
        policy: Policy {
            id: "centres".into(),
            title: "Accord national des centres de santé".into(),
            source: "an example of the tests".into(),
            from: "2025-10-15".into(),
            until: Some("2030-10-14".into()),
            status: "confirmed".into(),
            period: "year".into(),
            digest: "11".repeat(32),
        },
        threshold: Some(threshold("3.88")),
        verdict: "reached".into(),
        rate: share(2_463, 3_334),
        secured: share(2_463, 3_334),
        electronic: share(2_875, 3_334),
        losses: vec![
            loss("mode D", 412, "12.35"),
            loss("paper", 300, "8.99"),
            loss("paper duplicate", 63, "1.88"),
            loss("refused", 55, "1.64"),
            loss("unanswered", 38, "1.13"),
            loss("by hand", 3, "0.08"),
        ],
        paper: Paper {
            sheets: 300,
            active_days: 63,
            declared_days: 63,
            minimum: share(1, 1),
        },
        splits: Splits {
            mode: parts(&[("S", 2_100), ("F", 441), ("D", 430), ("paper", 363)]),
            kind: parts(&[("FSE", 3_034), ("paper", 300)]),
            standing: parts(&[
                ("in lot", 41),
                ("acknowledged", 300),
                ("refused", 55),
                ("paid", 2_470),
                ("part paid", 105),
                ("on paper", 63),
                ("paper", 300),
            ]),
            lateness: parts(&[
                ("in time", 2_750),
                ("late", 125),
                ("unproven", 159),
                ("paper", 300),
            ]),
            transmitted: parts(&[("S", 2_050), ("F", 413), ("D", 412)]),
        },
        beside: vec![
            beside("cancelled", "withdrawn", 12),
            beside("excluded", "state-medical-aid", 7),
            beside("excluded", "state-medical-aid+patient-absent", 1),
            beside("by_hand", "on an operator's word", 3),
            beside("both_ways", "receipt and paper duplicate", 2),
        ],
        references: vec![Reference {
            policy: "reference-70".into(),
            threshold: threshold("3.88"),
        }],
        segments: vec![
            segment(("2026-07-01", "2026-08-31"), "medical", share(1_602, 2_191)),
            segment(
                ("2026-09-01", "2026-09-30"),
                "polyvalent",
                share(861, 1_143),
            ),
        ],
        months: std::iter::once(idle).chain(months).collect(),
        closing: Closing {
            position: 91_204,
            at: "2026-10-05T08:00:00Z".into(),
            rate: share(2_461, 3_333),
        },
        corrections: vec![
            Correction {
                position: 91_377,
                at: "2026-10-07T10:00:00Z".into(),
                cause: "receipt".into(),
                document: Some("0190a000-0000-7000-8000-000000000001".into()),
                numerator: 2,
                denominator: 0,
            },
            Correction {
                position: 92_001,
                at: "2026-10-09T10:00:00Z".into(),
                cause: "declaration".into(),
                document: None,
                numerator: 0,
                denominator: 1,
            },
        ],
        follows: Some(Named {
            number: 91_310,
            digest: "22".repeat(32),
        }),
        previous: Some(Named {
            number: 91_311,
            digest: "33".repeat(32),
        }),
        ledger: Ledger {
            position: 92_111,
            hash: "44".repeat(32),
        },
        anchor: Some(Anchor {
            day: "2026-10-20".into(),
            entry: 92_091,
            position: 92_090,
            hash: "55".repeat(32),
        }),
    }
}

/// A centre without activity under a policy that asks for nothing: its first statement.
pub fn idle() -> Statement {
    let full = full();
    let none = || Vec::new();
    Statement {
        policy: Policy {
            until: None,
            status: "unconfirmed".into(),
            ..full.policy
        },
        threshold: None,
        verdict: "no data".into(),
        rate: share(0, 0),
        secured: share(0, 0),
        electronic: share(0, 0),
        losses: Vec::new(),
        paper: Paper {
            sheets: 0,
            active_days: 0,
            declared_days: 0,
            minimum: share(1, 1),
        },
        splits: Splits {
            mode: none(),
            kind: none(),
            standing: none(),
            lateness: none(),
            transmitted: none(),
        },
        beside: Vec::new(),
        references: Vec::new(),
        segments: Vec::new(),
        months: Vec::new(),
        closing: Closing {
            rate: share(0, 0),
            ..full.closing
        },
        corrections: Vec::new(),
        follows: None,
        previous: None,
        anchor: None,
        ..full
    }
}

fn loss(cause: &str, documents: i64, points: &str) -> Loss {
    Loss {
        cause: cause.into(),
        documents,
        points: points.into(),
    }
}

fn beside(what: &str, reason: &str, documents: i64) -> Beside {
    Beside {
        what: what.into(),
        reason: reason.into(),
        documents,
    }
}

fn segment((from, to): (&str, &str), category: &str, rate: Share) -> Segment {
    Segment {
        from: from.into(),
        to: to.into(),
        category: category.into(),
        agreement: "centres".into(),
        verdict: "reached".into(),
        rate,
    }
}
