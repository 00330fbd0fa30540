//! Handing over: what is taken, once and for all, and what never is.

use sha2::{Digest as _, Sha256};

use super::line::{Fate, Handing, Heard};
use super::{Case, Kit, Report, Status, Verdict};
use crate::claims::id::{Digest, LotId};
use crate::formats::lot::{Composed, Piece, boundary};

/// The lots by which later cases are judged.
pub(super) struct First {
    /// Taken.
    pub(super) taken: Composed,
    /// A document of it.
    pub(super) piece: Piece,
    /// Refused, or at least never taken.
    pub(super) refused: Vec<LotId>,
}

impl Kit {
    /// Judges who is let in, what is taken and what is refused; none when no lot is taken at all.
    pub(super) async fn lots(&self, report: &mut Report) -> Option<First> {
        self.nobody(report).await;
        let piece = self.sheets.piece();
        let taken = self.sheets.lot_of(vec![
            piece.clone(),
            self.sheets.piece(),
            self.sheets.piece(),
        ]);
        let heard = self.line.put(&Handing::of(&taken)).await;
        let is_taken = heard.takes(taken.lot.id);
        report.note(Case::Taken, Verdict::of(is_taken.clone()));
        is_taken.ok()?;
        let mut first = First {
            taken,
            piece,
            refused: Vec::new(),
        };
        self.again(report, &first).await;
        self.twice(report, &mut first).await;
        self.faulty(report, &mut first).await;
        self.shapes(report).await;
        Some(first)
    }

    /// Who shows no certificate is turned away; who does is told that a lot is unknown.
    async fn nobody(&self, report: &mut Report) {
        let lot = self.sheets.fresh_lot();
        if self.config.status == Status::Absent {
            let absent = || Verdict::Unjudged("there is no status service to ask".to_owned());
            for case in [Case::NoCertificate, Case::Unknown, Case::Known] {
                report.note(case, absent());
            }
            return;
        }
        let fate = self.line.fate(lot, Digest([0; 32])).await;
        let nobody = self.line.ask_as_nobody(lot).await;
        let turned_away = match &nobody {
            Heard::Nothing | Heard::Answer(401 | 403, _) => Ok(()),
            Heard::Answer(..) => Err(format!(
                "401, 403 or no connection was expected, {} came",
                nobody.described()
            )),
        };
        // Silence proves nothing where nobody is heard at all.
        let verdict = match (&fate, turned_away) {
            (Fate::Other(words), Ok(())) if words == "no answer" => {
                Verdict::Unjudged("the endpoint cannot be reached".to_owned())
            }
            (_, turned_away) => Verdict::of(turned_away),
        };
        report.note(Case::NoCertificate, verdict);
        let unknown = match fate {
            Fate::Unknown => Ok(()),
            other => Err(format!(
                "\"unknown\" was expected, {} came",
                other.described()
            )),
        };
        report.note(Case::Unknown, Verdict::of(unknown));
    }

    /// The same bytes again, the status, and other bytes under the same id.
    async fn again(&self, report: &mut Report, first: &First) {
        let (id, digest) = (first.taken.lot.id, first.taken.digest);
        let heard = self.line.put(&Handing::of(&first.taken)).await;
        report.note(Case::TakenAgain, Verdict::of(heard.takes(id)));
        if self.config.status == Status::Offered {
            let known = self.is_known(id, digest).await;
            report.note(Case::Known, Verdict::of(known));
        }
        let other = self.sheets.other_lot(id);
        let heard = self.line.put(&Handing::of(&other)).await;
        report.note(Case::Conflict, Verdict::of(heard.conflicts(id)));
        let verdict = match report.kept(Case::Known) {
            true => Verdict::of(self.is_known(id, digest).await),
            false => Verdict::Unjudged("the status of a lot cannot be relied on".to_owned()),
        };
        report.note(Case::ConflictChangesNothing, verdict);
    }

    async fn is_known(&self, lot: LotId, digest: Digest) -> Result<(), String> {
        match self.line.settled_fate(lot, digest).await {
            Fate::Known => Ok(()),
            Fate::OtherBytes => Err("the digest is not that of the lot's bytes".to_owned()),
            other => Err(format!(
                "\"known\" with its digest was expected, {} came",
                other.described()
            )),
        }
    }

    /// A document that comes again, in another lot.
    async fn twice(&self, report: &mut Report, first: &mut First) {
        let second = self
            .sheets
            .lot_of(vec![self.sheets.piece(), first.piece.clone()]);
        let id = second.lot.id;
        let heard = self.line.put(&Handing::of(&second)).await;
        let named = heard.refuses(id).and_then(|refusal| {
            let named = refusal.named.iter().map(|named| named.document);
            match named.eq([first.piece.document]) {
                true => Ok(()),
                false => Err("the refusal does not name that document alone".to_owned()),
            }
        });
        let is_refused = named.is_ok();
        report.note(Case::DocumentOnce, Verdict::of(named));
        if !is_refused {
            let why = "no lot was refused".to_owned();
            report.note(Case::RefusedStays, Verdict::Unjudged(why));
            return;
        }
        first.refused.push(id);
        let again = self.line.put(&Handing::of(&second)).await.refuses(id);
        let mut stays = again.map(|_| ());
        if stays.is_ok() && self.config.status == Status::Offered {
            stays = match self.line.settled_fate(id, second.digest).await {
                Fate::Refused => Ok(()),
                other => Err(format!(
                    "status \"refused\" was expected, {} came",
                    other.described()
                )),
            };
        }
        report.note(Case::RefusedStays, Verdict::of(stays));
    }

    /// Bodies that are not what they say.
    async fn faulty(&self, report: &mut Report, first: &mut First) {
        let lot = self.sheets.lot(1);
        let wrong = Handing {
            digest: first.taken.digest,
            ..Handing::of(&lot)
        };
        let verdict = self.is_not_taken(&wrong, first).await;
        report.note(Case::DigestChecked, verdict);
        // What was damaged on its way comes again as it is, and is a lot like any other then.
        first.refused.retain(|refused| *refused != lot.lot.id);
        let again = self.line.put(&Handing::of(&lot)).await;
        let again = Verdict::of(again.takes(lot.lot.id));
        report.note(Case::DamagedAgain, again);

        let lot = self.sheets.lot(1);
        let mut body = lot.segments.concat();
        // One byte less than the manifest and the part's own length say.
        let end = lot.segments.last().map_or(0, |end| end.len());
        body.remove(body.len() - end - 1);
        let wrong = Handing {
            digest: digest_of(&body),
            body: body.into(),
            ..Handing::of(&lot)
        };
        let verdict = self.is_not_taken(&wrong, first).await;
        report.note(Case::LengthsChecked, verdict);

        let wrong = Handing {
            at: self.sheets.fresh_lot(),
            ..Handing::of(&self.sheets.lot(1))
        };
        let verdict = self.is_not_taken(&wrong, first).await;
        report.note(Case::AddressChecked, verdict);
    }

    /// Whether a lot that must not be taken is not, by its answer and by its status.
    async fn is_not_taken(&self, wrong: &Handing, first: &mut First) -> Verdict {
        let heard = self.line.put(wrong).await;
        if heard.seems_taken() {
            return Verdict::Broken(format!("trouble was expected, {} came", heard.described()));
        }
        first.refused.push(wrong.at);
        if self.config.status == Status::Absent {
            return Verdict::Kept;
        }
        match self.line.settled_fate(wrong.at, wrong.digest).await {
            Fate::Known | Fate::OtherBytes => Verdict::Broken("it is known afterwards".to_owned()),
            Fate::Unknown | Fate::Refused | Fate::Later | Fate::Other(_) => Verdict::Kept,
        }
    }

    /// Lots of unusual shape that are right.
    async fn shapes(&self, report: &mut Report) {
        let id = self.sheets.fresh_lot();
        let boundary = boundary(id);
        let piece = self.sheets.piece_with(&format!("\r\n--{boundary}\r\n"));
        let lot = self.sheets.lot_under(id, vec![piece, self.sheets.piece()]);
        let heard = self.line.put(&Handing::of(&lot)).await;
        report.note(Case::AnyText, Verdict::of(heard.takes(id)));

        let lot = self.sheets.lot(100);
        let heard = self.line.put(&Handing::of(&lot)).await;
        report.note(Case::Hundred, Verdict::of(heard.takes(lot.lot.id)));
    }
}

fn digest_of(bytes: &[u8]) -> Digest {
    Digest(Sha256::digest(bytes).into())
}
