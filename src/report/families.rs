//! The families of the obligation's metrics: what each is called, which labels it has, and what it says.
//!
//! The list is closed. No hash, id or date is ever a label, and no family carries more than is named here.

/// One family of metrics; all are gauges.
#[derive(Clone, Copy, Debug)]
pub struct Family {
    /// Its name.
    pub name: &'static str,
    /// Its labels, in order; the centre may be switched off.
    pub labels: &'static str,
    /// What it says.
    pub help: &'static str,
}

const LABELS: &str = "centre, category, agreement, period";

const NATIONAL: &str = "category, agreement, period";

/// All families, in the order in which they are written.
pub const FAMILIES: [Family; 15] = [
    Family {
        name: "bordereau_obligation_ratio",
        labels: LABELS,
        help: "Share of documents transmitted, computed by the gateway under the agreement; absent without activity.",
    },
    Family {
        name: "bordereau_obligation_numerator_documents",
        labels: LABELS,
        help: "Documents transmitted on a positive receipt in the modes that the agreement counts.",
    },
    Family {
        name: "bordereau_obligation_denominator_documents",
        labels: LABELS,
        help: "Documents and declared paper sheets that the agreement counts.",
    },
    Family {
        name: "bordereau_obligation_threshold_ratio",
        labels: LABELS,
        help: "Confirmed threshold of the agreement for the category; absent where there is none.",
    },
    Family {
        name: "bordereau_obligation_paper_coverage_ratio",
        labels: LABELS,
        help: "Share of days with activity that have a declaration of paper sheets; absent without activity.",
    },
    Family {
        name: "bordereau_obligation_gap_documents",
        labels: LABELS,
        help: "Documents that must be transmitted besides to reach the confirmed threshold; absent where there is none, or all would not be enough.",
    },
    Family {
        name: "bordereau_obligation_forecast_ratio",
        labels: LABELS,
        help: "Share of documents transmitted with which the year ends at the present pace; absent without activity.",
    },
    Family {
        name: "bordereau_obligation_national_ratio",
        labels: NATIONAL,
        help: "Share of documents transmitted by all centres of the category together; absent without activity.",
    },
    Family {
        name: "bordereau_obligation_national_numerator_documents",
        labels: NATIONAL,
        help: "Documents of all centres of the category transmitted in the modes that the agreement counts.",
    },
    Family {
        name: "bordereau_obligation_national_denominator_documents",
        labels: NATIONAL,
        help: "Documents and declared paper sheets of all centres of the category.",
    },
    Family {
        name: "bordereau_obligation_national_forecast_ratio",
        labels: NATIONAL,
        help: "Share of documents transmitted with which the year of all centres of the category ends at the present pace of each.",
    },
    Family {
        name: "bordereau_obligation_national_centres",
        labels: "category, agreement, period, verdict",
        help: "Centres of the category by what may be said of their rate.",
    },
    Family {
        name: "bordereau_obligation_statement_age_seconds",
        labels: "",
        help: "Time since the last statement was published; absent where there is none.",
    },
    Family {
        name: "bordereau_obligation_reconciliation_age_seconds",
        labels: "",
        help: "Time since the last reconciliation; absent where there is none.",
    },
    Family {
        name: "bordereau_obligation_left_out_centres",
        labels: "",
        help: "Centres whose obligation is not shown because more are registered than the configured cap.",
    },
];
