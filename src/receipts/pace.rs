//! How long a poller waits between two questions: each kind of answer has a pause of its own, which doubles.

use std::time::Duration;

use super::Config;

/// What one question brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Round {
    /// Items: more may wait.
    Items,
    /// Items, and nothing new of any document among them: more may wait, or the endpoint repeats itself.
    Vain,
    /// Nothing new.
    Nothing,
    /// Trouble, of the endpoint or of the store.
    Trouble,
    /// A feed that cannot be read: trouble of the endpoint, of which the first one in a row is kept.
    Unreadable,
}

/// The last question and the pause after it.
#[derive(Debug)]
pub(super) struct Pace {
    last: Round,
    pause: Duration,
    /// Rounds in vain, in a row.
    vain: u32,
}

impl Default for Pace {
    /// Before the first question.
    fn default() -> Pace {
        Pace {
            last: Round::Items,
            pause: Duration::ZERO,
            vain: 0,
        }
    }
}

impl Pace {
    /// What the last question brought.
    pub(super) fn last(&self) -> Round {
        self.last
    }

    /// The pause after a question. It begins at the shortest one whenever the kind of answer changes: an hour
    /// without news does not make a first trouble wait for long.
    pub(super) fn after(
        &mut self,
        round: Round,
        asked: Option<Duration>,
        config: &Config,
    ) -> Duration {
        let first = span(config.poll_seconds);
        let again = match (self.last, round) {
            (Round::Nothing, Round::Nothing) => self.pause * 2,
            (Round::Trouble | Round::Unreadable, Round::Trouble | Round::Unreadable) => {
                self.pause * 2
            }
            (
                Round::Items | Round::Vain | Round::Nothing | Round::Trouble | Round::Unreadable,
                Round::Items | Round::Vain | Round::Nothing | Round::Trouble | Round::Unreadable,
            ) => first,
        };
        self.vain = match round {
            Round::Vain => self.vain.saturating_add(1),
            // Trouble on the way says nothing of what the endpoint has to say.
            Round::Trouble | Round::Unreadable => self.vain,
            Round::Items | Round::Nothing => 0,
        };
        self.last = round;
        self.pause = match round {
            // Its feed may be longer than one answer: it is asked again at once.
            Round::Items => Duration::ZERO,
            Round::Vain if self.vain <= config.vain_pages => Duration::ZERO,
            Round::Vain => first,
            Round::Nothing => again.max(first).min(span(config.idle_cap_seconds)),
            Round::Trouble | Round::Unreadable => {
                let cap = span(config.trouble_cap_seconds);
                asked.unwrap_or(again).max(first).min(cap)
            }
        };
        self.pause
    }
}

fn span(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_answer_doubles_its_own_pause_up_to_its_cap() {
        use Round::{Items, Nothing, Trouble, Unreadable, Vain};
        let config = Config {
            poll_seconds: 5.0,
            idle_cap_seconds: 20.0,
            trouble_cap_seconds: 60.0,
            vain_pages: 2,
        };
        let mut pace = Pace::default();
        for (round, asked, seconds) in [
            (Nothing, None, 5),
            (Nothing, None, 10),
            (Nothing, None, 20),
            (Nothing, None, 20),
            // The first trouble after a long calm waits the shortest time.
            (Trouble, None, 5),
            (Trouble, None, 10),
            (Unreadable, None, 20),
            (Unreadable, None, 40),
            (Unreadable, None, 60),
            (Trouble, Some(30), 30),
            // Neither nothing at all nor for ever, whatever the endpoint asks.
            (Trouble, Some(0), 5),
            (Trouble, Some(9000), 60),
            (Items, None, 0),
            (Trouble, None, 5),
            (Nothing, None, 5),
            (Items, None, 0),
            (Nothing, None, 5),
            // What it repeats is read on for a while, and then slowly, until it says something new or nothing more.
            (Vain, None, 0),
            (Vain, None, 0),
            (Vain, None, 5),
            (Trouble, None, 5),
            (Vain, None, 5),
            (Items, None, 0),
            (Vain, None, 0),
            (Nothing, None, 5),
            (Vain, None, 0),
        ] {
            let asked = asked.map(Duration::from_secs);
            let pause = pace.after(round, asked, &config);
            assert_eq!((pause.as_secs(), pace.last()), (seconds, round));
        }
    }
}
