//! Processor time from /proc: it stays what it is when others use the machine too.

use std::fs;
use std::time::Duration;

/// Ticks a second in /proc, the same on every Linux that we know.
const TICKS: f64 = 100.0;

/// User and system time of a process (an id, or `self`), to a hundredth of a second: from field 11 after its name its
/// own, from field 13 that of the children that it has waited for.
pub fn taken(process: &str, field: usize) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).expect("it runs");
    let (_, after) = stat.rsplit_once(") ").expect("a name in brackets");
    let fields = after.split(' ').skip(field).take(2);
    let ticks: f64 = fields.filter_map(|text| text.parse::<f64>().ok()).sum();
    Duration::from_secs_f64(ticks / TICKS)
}
