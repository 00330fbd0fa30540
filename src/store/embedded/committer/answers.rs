//! The answers of a batch: given out together, and exactly once, whatever becomes of it.

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::oneshot;

use crate::store::{Error, Outcome};

/// The runtime of whoever asks, if threads of its own drive it: there the answers of a batch are given out together.
pub fn workers() -> Option<Handle> {
    let handle = Handle::try_current().ok();
    handle.filter(|handle| handle.runtime_flavor() == RuntimeFlavor::MultiThread)
}

/// What will be answered once the batch is durable.
struct Answer {
    to: oneshot::Sender<Result<Outcome, Error>>,
    outcome: Result<Outcome, Error>,
}

/// Answers of a batch that is not durable yet. Whatever ends it early, a panic too, nobody hears that it happened: who
/// waits finds that no answer comes.
#[derive(Default)]
pub struct Answers {
    waiting: Vec<Answer>,
    workers: Option<Handle>,
}

/// Answers that are true now. They go to whom they belong at the end of this, wherever and however it ends.
struct Given(Vec<Answer>);

impl Answers {
    /// One more, and where who waits for it runs.
    pub fn add(
        &mut self,
        to: oneshot::Sender<Result<Outcome, Error>>,
        outcome: Result<Outcome, Error>,
        workers: Option<Handle>,
    ) {
        self.waiting.push(Answer { to, outcome });
        let before = self.workers.take();
        self.workers = workers.or(before);
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Gives them out. To wake a worker that sleeps costs this thread more than all the rest of an answer: the runtime
    /// is woken once and wakes its own tasks.
    pub fn give(self) {
        let given = Given(self.waiting);
        match self.workers {
            Some(workers) if given.0.len() > 1 => {
                drop(workers.spawn(async move { drop(given) }));
            }
            Some(_) | None => drop(given),
        }
    }

    /// Nothing of the batch happened.
    pub fn refuse(self, error: &Error) {
        let mut given = Given(self.waiting);
        for answer in &mut given.0 {
            answer.outcome = Err(error.clone());
        }
    }
}

impl Drop for Given {
    fn drop(&mut self) {
        for answer in self.0.drain(..) {
            // Who asked may have gone; the command is done all the same.
            let _ = answer.to.send(answer.outcome);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claims::entry::Position;

    #[test]
    fn answers_come_whatever_becomes_of_the_runtime_that_gives_them_out() {
        let runtime = || {
            let mut builder = tokio::runtime::Builder::new_multi_thread();
            builder.worker_threads(1).build().unwrap()
        };
        let (alive, gone) = (runtime(), runtime());
        let gone_handle = gone.handle().clone();
        drop(gone);
        for workers in [None, Some(alive.handle().clone()), Some(gone_handle)] {
            for count in [1, 5] {
                let mut answers = Answers::default();
                let mut asked = Vec::new();
                for _ in 0..count {
                    let (to, answered) = oneshot::channel();
                    answers.add(to, Ok(Outcome::Done(Position(7))), workers.clone());
                    asked.push(answered);
                }
                // Who has gone keeps nobody else from an answer.
                asked.remove(0);
                answers.give();
                for answered in asked {
                    let outcome = alive.block_on(answered).unwrap().unwrap();
                    assert_eq!(outcome, Outcome::Done(Position(7)));
                }
            }
        }
        let (to, answered) = oneshot::channel();
        let mut answers = Answers::default();
        answers.add(to, Ok(Outcome::Done(Position(7))), None);
        answers.refuse(&Error::Full);
        assert!(matches!(alive.block_on(answered), Ok(Err(Error::Full))));
    }

    #[test]
    fn a_batch_that_ends_in_a_panic_is_not_answered() {
        let (to, mut answered) = oneshot::channel();
        let mut answers = Answers::default();
        answers.add(to, Ok(Outcome::Done(Position(7))), None);
        let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
            let _gathered = answers;
            panic!("as a decision may");
        }));
        assert!(ended.is_err());
        let none = oneshot::error::TryRecvError::Closed;
        assert_eq!(answered.try_recv().map(|_| ()), Err(none));
    }

    #[tokio::test]
    async fn a_runtime_that_one_thread_drives_is_not_asked_to_give_answers_out() {
        assert!(workers().is_none());
    }
}
