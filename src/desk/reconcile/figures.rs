//! Figures over HTTP: a caisse's file comes in, is read as a whole or refused as a whole, and is kept.
//!
//! National readers, operators and insurers; an insurer sees its own figures. One file is worked on at a time, so memory
//! is bounded by one. A crash before the commit leaves nothing, and the caller repeats.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::access::{Action, Caller, Scope};
use crate::claims::entry::FiguresLoaded;
use crate::claims::id::{Digest, EndpointName};
use crate::claims::reconcile::figures::Month;
use crate::desk::Desk;
use crate::desk::door::Entered;
use crate::desk::order::whole;
use crate::formats::figures::{Format, Limits};
use crate::formats::json::problem::{Kind, Problem};
use crate::http::answer::{Refused, json};
use crate::store::{Command, FiguresRecord};

/// Figures that were loaded.
#[derive(Debug, Serialize)]
struct FiguresText {
    figures: String,
    loaded_at: String,
    by: String,
    insurer: Option<String>,
    from: String,
    last: String,
    counts: u32,
    documents: u32,
}

#[derive(Debug, Serialize)]
struct AllFigures {
    figures: Vec<FiguresText>,
}

/// `POST /v1/figures`: a caisse's figures, CSV or XML.
pub(in crate::desk) async fn load(
    State(desk): State<Arc<Desk>>,
    Entered(caller): Entered,
    body: Body,
) -> Result<Response, Refused> {
    desk.allow(&caller, Action::Reconcile).await?;
    let reader = desk.reconciling.lock().await;
    let limit = desk.parts.config.figures_bytes.get();
    let file = whole(body, limit).await?;
    let digest = Digest(Sha256::digest(&file).into());
    if let Some(known) = desk.figures_of(&caller, digest).await? {
        return Ok(json(200, &FiguresText::from(&known)));
    }
    let limits = Limits {
        bytes: limit,
        ..Limits::default()
    };
    let read = reader.read(&file, Format::guess(&file), &limits);
    let read = read.map_err(|findings| Problem::findings(Kind::FiguresFaulty, &findings))?;
    let day = |month: Month| month.first_day().ok_or(Kind::Defect);
    let (from, last) = read.months.ok_or(Kind::Defect)?;
    let file = desk.as_body(file);
    let command = Command::LoadFigures {
        figures: FiguresLoaded {
            digest,
            caller: caller.name().clone(),
            insurer: insurer(&caller).cloned(),
            from: day(from)?,
            last: day(last)?,
            counts: read.counts,
            documents: read.documents,
            commitment: file.commitment(),
        },
        file,
    };
    desk.commit(command).await?;
    let loaded = desk.figures_of(&caller, digest).await?;
    Ok(json(
        201,
        &FiguresText::from(&loaded.ok_or(Kind::OutOfScope)?),
    ))
}

/// `GET /v1/figures`: what was loaded.
pub(in crate::desk) async fn all(
    State(desk): State<Arc<Desk>>,
    Entered(caller): Entered,
) -> Result<Response, Refused> {
    desk.allow(&caller, Action::Reconcile).await?;
    let known = desk.parts.store.figures().await;
    let mut known = known.map_err(|error| desk.unread(&error))?;
    known.retain(|record| desk.sees(&caller, &record.figures));
    known.sort_by_key(|record| record.position);
    let figures = known.iter().map(FiguresText::from).collect();
    Ok(json(200, &AllFigures { figures }))
}

/// The insurer for whom a caller acts.
fn insurer(caller: &Caller) -> Option<&EndpointName> {
    match caller.scope() {
        Scope::Insurer(endpoint) => Some(endpoint),
        Scope::Centres(_) | Scope::Gestionnaire(_) | Scope::All => None,
    }
}

impl Desk {
    /// An insurer sees its own figures, under whichever of its names they were loaded; everybody else who may come in
    /// sees all.
    fn sees(&self, caller: &Caller, figures: &FiguresLoaded) -> bool {
        let routes = self.parts.routes.borrow();
        let loaded = figures.insurer.as_ref().map(|name| routes.present(name));
        insurer(caller).is_none_or(|own| loaded == Some(routes.present(own)))
    }

    /// Figures by digest, if they are known and the caller may see them.
    pub(in crate::desk) async fn figures_of(
        &self,
        caller: &Caller,
        digest: Digest,
    ) -> Result<Option<FiguresRecord>, Refused> {
        let known = self.parts.store.figures().await;
        let known = known.map_err(|error| self.unread(&error))?;
        let found = known
            .into_iter()
            .find(|record| record.figures.digest == digest);
        Ok(found.filter(|record| self.sees(caller, &record.figures)))
    }
}

impl From<&FiguresRecord> for FiguresText {
    fn from(record: &FiguresRecord) -> FiguresText {
        let figures = &record.figures;
        let month = |day| Month::of(day).to_string();
        FiguresText {
            figures: figures.digest.to_string(),
            loaded_at: record.at.to_string(),
            by: figures.caller.to_string(),
            insurer: figures.insurer.as_ref().map(|name| name.to_string()),
            from: month(figures.from),
            last: month(figures.last),
            counts: figures.counts,
            documents: figures.documents,
        }
    }
}
