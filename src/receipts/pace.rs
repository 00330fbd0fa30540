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
    /// Items of which some were kept as orphans for the first time and none was recorded: each page costs room on the
    /// disk, and none may be of use.
    Stray,
    /// Nothing new.
    Nothing,
    /// Trouble, of the endpoint or of the store.
    Trouble,
    /// A feed that cannot be read: trouble of the endpoint. The first one is kept until one can be read.
    Unreadable,
}

/// The last question and the pause after it.
#[derive(Debug)]
pub(super) struct Pace {
    last: Round,
    pause: Duration,
    /// Rounds in vain, in a row.
    vain: u32,
    /// Whether a page that cannot be read is kept, and none could be read since.
    kept: bool,
}

impl Default for Pace {
    /// Before the first question.
    fn default() -> Pace {
        Pace {
            last: Round::Items,
            pause: Duration::ZERO,
            vain: 0,
            kept: false,
        }
    }
}

impl Pace {
    /// Whether a page that cannot be read is to be kept: none is since one could be read. What comes between two of
    /// them, such as a failing server, makes the second no news.
    pub(super) fn keeps_unreadable(&self) -> bool {
        !self.kept
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
            (Round::Nothing, Round::Nothing) | (Round::Stray, Round::Stray) => self.pause * 2,
            (Round::Trouble | Round::Unreadable, Round::Trouble | Round::Unreadable) => {
                self.pause * 2
            }
            (
                Round::Items
                | Round::Vain
                | Round::Stray
                | Round::Nothing
                | Round::Trouble
                | Round::Unreadable,
                Round::Items
                | Round::Vain
                | Round::Stray
                | Round::Nothing
                | Round::Trouble
                | Round::Unreadable,
            ) => first,
        };
        self.vain = match round {
            Round::Vain => self.vain.saturating_add(1),
            // Trouble on the way says nothing of what the endpoint has to say.
            Round::Trouble | Round::Unreadable => self.vain,
            Round::Items | Round::Stray | Round::Nothing => 0,
        };
        self.kept = match round {
            Round::Unreadable => true,
            Round::Trouble => self.kept,
            Round::Items | Round::Vain | Round::Stray | Round::Nothing => false,
        };
        self.last = round;
        self.pause = match round {
            // Its feed may be longer than one answer: it is asked again at once.
            Round::Items => Duration::ZERO,
            Round::Vain if self.vain <= config.vain_pages => Duration::ZERO,
            Round::Vain => first,
            Round::Stray | Round::Nothing => again.max(first).min(span(config.idle_cap_seconds)),
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
        use Round::{Items, Nothing, Stray, Trouble, Unreadable, Vain};
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
            // What is only kept as orphans comes ever more slowly, until something is recorded.
            (Stray, None, 5),
            (Stray, None, 10),
            (Stray, None, 20),
            (Stray, None, 20),
            (Items, None, 0),
            (Stray, None, 5),
        ] {
            let asked = asked.map(Duration::from_secs);
            let pause = pace.after(round, asked, &config);
            assert_eq!((pause.as_secs(), pace.last), (seconds, round));
        }
    }

    #[test]
    fn an_unreadable_page_is_kept_until_one_can_be_read() {
        use Round::{Items, Nothing, Stray, Trouble, Unreadable, Vain};
        let config = Config::default();
        let mut pace = Pace::default();
        assert!(pace.keeps_unreadable());
        for read in [Items, Vain, Stray, Nothing] {
            for round in [Unreadable, Trouble, Unreadable, Trouble, Trouble] {
                pace.after(round, None, &config);
                assert!(!pace.keeps_unreadable(), "{round:?}");
            }
            pace.after(read, None, &config);
            assert!(pace.keeps_unreadable(), "{read:?}");
            // Trouble alone keeps nothing.
            pace.after(Trouble, None, &config);
            assert!(pace.keeps_unreadable());
        }
    }
}
