//! Where the year of a centre ends at the present pace, and what it would take to reach a threshold.
//!
//! The method is the *mean method* (Hyndman and Athanasopoulos, Forecasting: Principles and Practice, 3rd ed.,
//! §5.2): every coming month is forecast by the mean of the months so far, weighted by their documents, and the
//! spread is Student's 80 % interval of that mean over the months to come. It is chosen because most centres have
//! one year or less behind them, so a seasonal method has nothing to repeat, and because the share moves about a
//! level far more than along a slope: a drift fitted to a few months runs away from it. The coming number of
//! documents is the pace so far per working day times the working days that remain, of those on which the centre
//! works: a centre that began within the year, here or at all, has not been slow before, and one that closes has
//! nothing to come.
//!
//! Documents that wait for their receipt are forecast like coming ones: they would otherwise pull the last days
//! down. Counts are integers; shares are millionths, cut off; what a threshold needs is exact for the forecast
//! number of documents. A forecast is no statement of a rate. Before any fate is known there is no pace, and no
//! forecast: none answered is not none transmitted.

mod year;
mod working;

use crate::claims::agreement::{Counting, Threshold};
use crate::claims::calendar::Calendar;
use crate::claims::document::AgreementId;
use crate::claims::forecast::year::{Year, share_of};
use crate::claims::fraction::Fraction;
use crate::claims::loss::Loss;
use crate::claims::reconcile::bridge::Count;
use crate::claims::reconcile::figures::Month;
use crate::claims::tally::Counts;
use crate::claims::time::Day;

/// The unit of shares here: a whole is a million.
pub const WHOLE: i64 = 1_000_000;

/// The name of the method, in answers.
pub const METHOD: &str = "mean method, 80 % Student interval";

/// Where the year ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forecast {
    /// Up to which day documents are counted.
    pub until: Day,
    /// The year so far.
    pub so_far: Count,
    /// Of these, waiting for their receipt.
    pub waiting: i64,
    /// Documents still to come.
    pub coming: i64,
    /// The share of coming documents that reach the numerator, in millionths.
    pub pace: i64,
    /// The year as it ends.
    pub end: Count,
    /// Where the year's share lies with 80 %, in millionths; none with fewer than two months of activity.
    pub spread: Option<(i64, i64)>,
    /// What each threshold needs.
    pub thresholds: Vec<Need>,
    /// What keeps documents out of the numerator, the dearest first: they sum to all that is missing.
    pub losses: Vec<Loss>,
}

/// What reaching one threshold needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    /// The agreement or reference policy that sets it.
    pub policy: AgreementId,
    /// The threshold.
    pub threshold: Threshold,
    /// How many of the waiting and coming documents must reach the numerator.
    pub documents: i64,
    /// Whether and when it can no longer be reached.
    pub outlook: Outlook,
}

/// Whether a threshold can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outlook {
    /// At the present pace it is.
    OnCourse,
    /// Not at the present pace, but if more documents are electronic from now on; after the end of this month no
    /// longer.
    PossibleUntil(Month),
    /// Not even if every coming document is.
    Impossible,
}

/// The days of a year on which a centre works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Working {
    /// From this one on its pace is measured.
    pub first: Day,
    /// After this one nothing comes.
    pub last: Day,
}

/// The forecast of a centre for the year of `until`; none where the fate of nothing is known yet.
pub fn forecast(
    counting: &Counting,
    thresholds: &[(AgreementId, Threshold)],
    counts: &Counts,
    (calendar, working): (Calendar, Working),
    until: Day,
) -> Option<Forecast> {
    let year = Year::of(counting, counts, until)?;
    let coming = coming(year.so_far.denominator, (calendar, working), until);
    let open = coming + year.waiting;
    let pace = year.pace();
    let end = Count {
        numerator: year.so_far.numerator + share_of(pace, open),
        denominator: year.so_far.denominator + coming,
    };
    let spread = year.spread(open, end.denominator);
    let needs = thresholds.iter().map(|(policy, threshold)| {
        let left = (calendar, until, working.last.max(until));
        let (documents, outlook) = year.need(*threshold, end, open, left);
        Need {
            policy: policy.clone(),
            threshold: *threshold,
            documents,
            outlook,
        }
    });
    Some(Forecast {
        until,
        so_far: year.so_far,
        waiting: year.waiting,
        coming,
        pace,
        end,
        spread,
        thresholds: needs.collect(),
        losses: year.losses(),
    })
}

impl Forecast {
    /// The year's share as it ends; what the metric shows.
    pub fn share(&self) -> Option<Fraction> {
        self.end.share()
    }
}

/// Documents to come by the end of the year: the pace so far per working day, for the working days that remain.
fn coming(so_far: i64, (calendar, working): (Calendar, Working), until: Day) -> i64 {
    let before = working.first.plus_days(-1);
    let passed = calendar.working_days_between(before, until).max(1);
    let left = calendar.working_days_between(until, working.last);
    let coming = i128::from(so_far) * i128::from(left) / i128::from(passed);
    i64::try_from(coming).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
