//! Requests that break off, and requests that meet: the lot is taken once whatever happens on the line.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Barrier, oneshot};

use super::line::{Fate, Handing, Heard};
use super::{Case, Kit, Report, Status, Verdict};

/// How long one request waits in its middle for the other.
const MEETING: Duration = Duration::from_secs(2);

/// How long the last bytes of a lot may take to the endpoint.
const ARRIVING: Duration = Duration::from_millis(300);

impl Kit {
    /// Judges half a body, and the same lot twice at the same time.
    pub(super) async fn doubts(&self, report: &mut Report) {
        report.note(Case::CutOff, self.cut_off().await);
        let verdict = match report.kept(Case::TakenAgain) {
            true => Verdict::of(self.same_time().await),
            false => Verdict::Unjudged("the same lot is not even taken twice in turn".to_owned()),
        };
        report.note(Case::SameTime, verdict);
        let verdict = match self.config.status {
            Status::Offered => Verdict::of(self.worked_on().await),
            Status::Absent => Verdict::Unjudged("there is no status service to ask".to_owned()),
        };
        report.note(Case::WorkedOn, verdict);
    }

    /// Asks about a lot that has left and may not have been answered yet: what is taken then was never unknown.
    async fn worked_on(&self) -> Result<(), String> {
        let lot = self.sheets.lot(1);
        let (id, handing) = (lot.lot.id, Handing::of(&lot));
        let (left, leaves) = oneshot::channel();
        let asking = async {
            let _ = leaves.await;
            tokio::time::sleep(ARRIVING).await;
            self.line.fate(id, lot.digest).await
        };
        let (heard, fate) = tokio::join!(self.line.put_and_tell(&handing, left), asking);
        match (heard, fate) {
            (Heard::Answer(408 | 425 | 429 | 500..=599, _), _) => {
                self.line.put(&handing).await.takes(id)
            }
            (heard, Fate::Known | Fate::Later | Fate::Other(_)) => heard.takes(id),
            (heard, fate @ (Fate::Unknown | Fate::Refused | Fate::OtherBytes)) => {
                heard.takes(id)?;
                Err(format!(
                    "a lot that was just being taken was {}",
                    fate.described()
                ))
            }
        }
    }

    async fn cut_off(&self) -> Verdict {
        let lot = self.sheets.lot(2);
        let handing = Handing::of(&lot);
        let heard = self.line.put_half(&handing).await;
        if heard.seems_taken() {
            return Verdict::Broken("half a body was answered \"taken\"".to_owned());
        }
        if self.config.status == Status::Offered {
            match self.line.settled_fate(lot.lot.id, lot.digest).await {
                Fate::Known | Fate::OtherBytes => {
                    return Verdict::Broken("half a body is known".to_owned());
                }
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
