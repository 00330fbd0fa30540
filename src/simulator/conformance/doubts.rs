//! Requests that break off, and requests that meet: the lot is taken once whatever happens on the line.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Barrier;

use super::line::{Fate, Handing, Heard};
use super::{Case, Kit, Report, Status, Verdict};

/// How long one request waits in its middle for the other.
const MEETING: Duration = Duration::from_secs(2);

impl Kit {
    /// Judges half a body, and the same lot twice at the same time.
    pub(super) async fn doubts(&self, report: &mut Report) {
        report.note(Case::CutOff, self.cut_off().await);
        let verdict = match report.kept(Case::TakenAgain) {
            true => Verdict::of(self.same_time().await),
            false => Verdict::Unjudged("the same lot is not even taken twice in turn".to_owned()),
        };
        report.note(Case::SameTime, verdict);
    }

    async fn cut_off(&self) -> Verdict {
        let lot = self.sheets.lot(2);
        let handing = Handing::of(&lot);
        let heard = self.line.put_half(&handing).await;
        if heard.seems_taken() {
            return Verdict::Broken("half a body was answered \"taken\"".to_owned());
        }
        if self.config.status == Status::Offered {
            match self.line.settled_fate(lot.lot.id).await {
                Fate::Known(_) => return Verdict::Broken("half a body is known".to_owned()),
                Fate::Later => {
                    return Verdict::Broken("it is being worked on without end".to_owned());
                }
                Fate::Unknown | Fate::Refused | Fate::Other(_) => {}
            }
        }
        Verdict::of(self.line.put(&handing).await.takes(lot.lot.id))
    }

    /// Two requests of which neither is over when the other begins its second half.
    async fn same_time(&self) -> Result<(), String> {
        let lot = self.sheets.lot(2);
        let handing = Handing::of(&lot);
        let meeting = Arc::new(Barrier::new(2));
        let half = || {
            let meeting = meeting.clone();
            self.line.put_in_halves(&handing, async move {
                // One that is answered before its second half does not come.
                let _ = tokio::time::timeout(MEETING, meeting.wait()).await;
            })
        };
        let (one, other) = tokio::join!(half(), half());
        // One of them may be told to come again: then it is, and it is taken.
        for heard in [one, other] {
            match heard {
                Heard::Answer(408 | 425 | 429 | 500..=599, _) => {
                    self.line.put(&handing).await.takes(lot.lot.id)?;
                }
                Heard::Answer(..) | Heard::Nothing => {
                    heard.takes(lot.lot.id)?;
                }
            }
        }
        Ok(())
    }
}
