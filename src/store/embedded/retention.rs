//! The port to retention, answered by views, by the evacuator, and by the file of the clock.

use async_trait::async_trait;

use crate::claims::retention::Rules;
use crate::claims::time::Timestamp;
use crate::store::Error;
use crate::store::embedded::Embedded;
use crate::store::embedded::trusted;
use crate::store::ledger;
use crate::store::retention::{
    Ending, EvacuationRecord, HoldRecord, Outlook, Pace, Plan, Proofs, Retaining, Run, Trusted,
};

#[async_trait]
impl Retaining for Embedded {
    async fn legal_holds(&self) -> Result<Vec<HoldRecord>, Error> {
        self.ask(|view| ledger::retention::legal_holds(view)).await
    }

    async fn evacuations(&self) -> Result<Vec<EvacuationRecord>, Error> {
        self.ask(|view| ledger::retention::evacuations(view)).await
    }

    fn recorded(&self) -> Option<Timestamp> {
        self.recorded
    }

    async fn trusted(&self) -> Result<Option<Trusted>, Error> {
        let directory = self.directory.clone();
        self.ask_apart(move |_| trusted::read(&directory)).await
    }

    async fn trust(&self, trusted: Trusted) -> Result<(), Error> {
        let directory = self.directory.clone();
        self.ask_apart(move |_| trusted::write(&directory, trusted))
            .await
    }

    async fn plan(&self, at: Timestamp, rules: Rules) -> Result<Plan, Error> {
        let evacuator = self.evacuator.clone();
        self.ask_next(move |asker| evacuator.plan(asker, at, rules))
            .await
    }

    async fn outlook(&self, rules: Rules) -> Result<Outlook, Error> {
        let evacuator = self.evacuator.clone();
        self.ask_apart(move |_| evacuator.outlook(rules)).await
    }

    async fn proofs(&self, before: Timestamp) -> Result<Proofs, Error> {
        let evacuator = self.evacuator.clone();
        self.ask_apart(move |_| evacuator.proofs(before)).await
    }

    async fn ending(&self, before: Timestamp, rules: Rules) -> Result<Ending, Error> {
        let evacuator = self.evacuator.clone();
        self.ask_next(move |asker| evacuator.ending(asker, before, rules))
            .await
    }

    async fn evacuate(&self, at: Timestamp, rules: Rules, pace: Pace) -> Result<Run, Error> {
        let queue = self.queue.clone().ok_or_else(|| self.state.error())?;
        if self.state.rebuilding().is_some() {
            return Err(Error::Busy);
        }
        let _one = self.evacuating.lock().await;
        self.evacuator.run(queue, at, rules, pace).await
    }
}
