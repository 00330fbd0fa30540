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

macro_rules! families {
    ($($constant:ident = $name:literal $labels:expr, $help:literal;)*) => {
        $(
            #[doc = $help]
            pub const $constant: Family = Family {
                name: concat!("bordereau_obligation_", $name),
                labels: $labels,
                help: $help,
            };
        )*
        /// All families, in the order in which they are written.
        #[cfg(test)]
        pub const ALL: &[Family] = &[$($constant),*];
    };
}

families! {
    RATIO = "ratio" LABELS,
        "Share of documents transmitted, computed by the gateway under the agreement; absent without activity.";
    NUMERATOR = "numerator_documents" LABELS,
        "Documents transmitted on a positive receipt in the modes that the agreement counts.";
    DENOMINATOR = "denominator_documents" LABELS,
        "Documents and declared paper sheets that the agreement counts.";
    THRESHOLD = "threshold_ratio" LABELS,
        "Confirmed threshold of the agreement for the category; absent where there is none.";
    PAPER_COVERAGE = "paper_coverage_ratio" LABELS,
        "Share of days with activity that have a declaration of paper sheets; absent without activity.";
    GAP = "gap_documents" LABELS,
        "Documents that must be transmitted besides to reach the confirmed threshold; absent where there is none, or all would not be enough.";
    FORECAST = "forecast_ratio" LABELS,
        "Share of documents transmitted with which the year ends at the present pace; absent without activity.";
    NATIONAL_RATIO = "national_ratio" NATIONAL,
        "Share of documents transmitted by all centres of the category together; absent without activity.";
    NATIONAL_NUMERATOR = "national_numerator_documents" NATIONAL,
        "Documents of all centres of the category transmitted in the modes that the agreement counts.";
    NATIONAL_DENOMINATOR = "national_denominator_documents" NATIONAL,
        "Documents and declared paper sheets of all centres of the category.";
    NATIONAL_FORECAST = "national_forecast_ratio" NATIONAL,
        "Share of documents transmitted with which the year of all centres of the category ends at the present pace of each.";
    NATIONAL_CENTRES = "national_centres" "category, agreement, period, verdict",
        "Centres of the category by what may be said of their rate.";
    UNBOUND = "unbound_centres" "",
        "Registered centres that no agreement in effect binds today: they have no rate.";
    STATEMENT_AGE = "statement_age_seconds" "",
        "Time since the last statement was published; absent where there is none.";
    RECONCILIATION_AGE = "reconciliation_age_seconds" "",
        "Time since the last reconciliation; absent where there is none.";
    LEFT_OUT = "left_out_centres" "",
        "Centres whose obligation is not shown because more are registered than the configured cap.";
}
