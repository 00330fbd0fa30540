//! Versions, each from a day on: which of them holds on a day, and which days none does.

use crate::claims::canon::canon_struct;
use crate::claims::time::Day;

/// Days from one on, up to another where there is an end; both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first day.
    pub from: Day,
    /// The last day.
    pub until: Option<Day>,
}

canon_struct! { Span { from, until } }

/// One version of something that is registered.
pub trait Version: Clone + PartialEq {
    /// The days that it states. Where there is no last day, the version after it begins one.
    fn span(&self) -> Span;
}

impl Span {
    /// Whether a day is one of them.
    pub fn covers(&self, day: Day) -> bool {
        self.from <= day && self.until.is_none_or(|until| day <= until)
    }

    /// The first day that two spans share.
    pub fn shared(&self, other: &Span) -> Option<Day> {
        let first = self.from.max(other.from);
        (self.covers(first) && other.covers(first)).then_some(first)
    }
}

/// The version of a day: the latest that has begun, if it covers the day.
pub fn on<V: Version>(versions: &[V], day: Day) -> Option<&V> {
    begun(versions, day).filter(|version| version.span().covers(day))
}

/// The latest version that has begun by a day, ended or not.
pub fn begun<V: Version>(versions: &[V], day: Day) -> Option<&V> {
    let begun = versions.iter().filter(|version| version.span().from <= day);
    begun.max_by_key(|version| version.span().from)
}

/// The days on which each version holds, of versions in order of days: it ends where the next one begins.
pub fn in_force<V: Version>(history: &[V]) -> impl Iterator<Item = (Span, &V)> {
    history.iter().enumerate().map(|(at, version)| {
        let Span { from, until } = version.span();
        let next = history.get(at + 1).map(|next| next.span().from);
        let before = next.map(|next| next.plus_days(-1));
        let until = match (until, before) {
            (Some(until), Some(before)) => Some(until.min(before)),
            (until, before) => until.or(before),
        };
        (Span { from, until }, version)
    })
}

/// The first days of versions, in order of days, that begin before the one before them has ended.
pub(super) fn overlaps<V: Version>(history: &[V]) -> impl Iterator<Item = Day> {
    history.windows(2).filter_map(|pair| match pair {
        [before, after] => {
            let from = after.span().from;
            let begins_early = before.span().until.is_some_and(|until| until >= from);
            begins_early.then_some(from)
        }
        _ => None,
    })
}

/// The first of these days on which no version holds, of versions in order of days.
pub(super) fn gap<V: Version>(history: &[V], days: Span) -> Option<Day> {
    let mut day = days.from;
    for (held, _) in in_force(history) {
        if held.covers(day) {
            // To the end of all days, or of those that are asked for.
            let until = held.until?;
            if days.until.is_some_and(|last| last <= until) {
                return None;
            }
            day = until.plus_days(1);
        }
    }
    Some(day)
}

/// Puts a version into others in order of days, in the place of the one from the same day; whether it changes any.
pub fn put<V: Version>(history: &mut Vec<V>, version: &V) -> bool {
    if history.contains(version) {
        return false;
    }
    let from = version.span().from;
    history.retain(|other| other.span().from != from);
    let at = history.partition_point(|other| other.span().from < from);
    history.insert(at, version.clone());
    true
}
