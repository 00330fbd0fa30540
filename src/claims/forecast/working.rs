//! On which days of a year a centre works, as far as its registration and its counts say.

use crate::claims::agreement::Counting;
use crate::claims::forecast::Working;
use crate::claims::period::Period;
use crate::claims::registry::Centre;
use crate::claims::tally::Counts;
use crate::claims::time::Day;

impl Working {
    /// In the year of a day.
    ///
    /// A centre that was registered within the year works from then on. One that was registered before works from
    /// the first day of the year, if it had documents in the year before; otherwise the gateway began within the
    /// year, and its first document says when. Its last day is that of its last registration.
    pub fn in_year(versions: &[Centre], counting: &Counting, counts: &Counts, day: Day) -> Working {
        let year = Period::year_of(day);
        let before = Period::year_of(year.from().plus_days(-1));
        let registered = versions.iter().map(|version| version.from).min();
        let registered = registered.filter(|from| year.contains(*from));
        let first = registered.or_else(|| match first_active(counting, counts, before) {
            Some(_) => None,
            None => first_active(counting, counts, year),
        });
        let closed = Centre::begun(versions, year.to()).and_then(|version| version.until);
        Working {
            first: first.unwrap_or(year.from()),
            last: closed.map_or(year.to(), |closed| closed.min(year.to())),
        }
    }
}

/// The first day of a period with a unit or a sheet.
fn first_active(counting: &Counting, counts: &Counts, period: Period) -> Option<Day> {
    let days = (period.from(), period.to());
    let units = counts.units(counting.day_basis, days);
    let unit = units.map(|(cell, _)| cell.day).next();
    let mut paper = counts.paper(days).filter(|(cell, _)| cell.caisse.is_some());
    let sheet = paper.next().map(|(cell, _)| cell.day);
    unit.into_iter().chain(sheet).min()
}
