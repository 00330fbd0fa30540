//! Reads a body: of the right type, within its cap, its time and the memory that all bodies share.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, header};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

use super::Intake;
use crate::formats::json::problem::Kind;
use crate::http::answer::Refused;
use crate::telemetry::event::Event;

/// Bytes of memory that are held for a body before it comes: more are taken as they arrive.
const FIRST: usize = 64 << 10;

/// A body as posted, and the memory that it takes until the answer.
pub(super) struct Posted {
    /// The bytes.
    pub(super) bytes: Bytes,
    _memory: OwnedSemaphorePermit,
}

/// What an address takes.
#[derive(Clone, Copy)]
pub(super) enum Media {
    /// `application/xml`, `text/xml`. A charset parameter is not looked at: the bytes say their encoding,
    /// and they are carried as they are.
    Xml,
    /// `application/json`.
    Json,
}

/// Whole KiB that hold so many bytes.
pub(super) fn kib(bytes: usize) -> usize {
    bytes.div_ceil(1024)
}

impl Intake {
    /// Reads the body of a request.
    pub(super) async fn read(
        &self,
        request: Request,
        media: Media,
        cap: usize,
    ) -> Result<Posted, Refused> {
        check_media(request.headers(), media)?;
        let announced = announced(request.headers());
        if announced.is_some_and(|length| length > cap) {
            return Err(Refused::too_large(cap));
        }
        let most = announced.unwrap_or(cap);
        let mut memory = self.take_memory(most.min(FIRST))?;
        let arrived = |bytes: usize| {
            let held = memory.num_permits();
            if kib(bytes) > held {
                // Twice as much each time, so that a long body asks seldom; what is not sent is not held.
                let wanted = kib(bytes).max(2 * held).min(kib(most.max(bytes)));
                memory.merge(self.take_memory((wanted - held) * 1024)?);
            }
            Ok(())
        };
        let collected = collect(request.into_body(), announced.unwrap_or(0), cap, arrived);
        let bytes = timeout(self.config.read(), collected)
            .await
            .unwrap_or_else(|_| Err(Kind::BodyTooSlow.into()))?;
        Ok(Posted {
            bytes,
            _memory: memory,
        })
    }

    /// Takes memory for a body, or asks the caller to come later: nobody waits while holding a connection.
    fn take_memory(&self, bytes: usize) -> Result<OwnedSemaphorePermit, Refused> {
        self.free_memory(bytes).ok_or_else(|| {
            self.parts.telemetry.record(Event::Shed);
            Refused::later(Kind::Unavailable, self.config.retry())
        })
    }

    /// Memory for so many bytes of bodies, if it is free now.
    pub(super) fn free_memory(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let kib = u32::try_from(kib(bytes)).unwrap_or(u32::MAX);
        Arc::clone(&self.bodies).try_acquire_many_owned(kib).ok()
    }
}

fn check_media(headers: &HeaderMap, media: Media) -> Result<(), Refused> {
    let named = headers
        .get(header::CONTENT_TYPE)
        .and_then(|header| header.to_str().ok());
    let essence = named.and_then(|named| named.split(';').next());
    let essence = essence.unwrap_or_default().trim();
    let taken: &[&str] = match media {
        Media::Xml => &["application/xml", "text/xml"],
        Media::Json => &["application/json"],
    };
    let is_taken = taken.iter().any(|name| name.eq_ignore_ascii_case(essence));
    let is_plain = headers
        .get(header::CONTENT_ENCODING)
        .is_none_or(|coding| coding.as_bytes().eq_ignore_ascii_case(b"identity"));
    if is_taken && is_plain {
        Ok(())
    } else {
        Err(Kind::MediaType.into())
    }
}

fn announced(headers: &HeaderMap) -> Option<usize> {
    let header = headers.get(header::CONTENT_LENGTH)?;
    header.to_str().ok()?.parse().ok()
}

/// Reads to the end, or to the first byte beyond the cap. A body of one frame is not copied. `arrived` hears how many
/// bytes there are before they are kept, and may refuse them.
async fn collect(
    mut body: Body,
    expected: usize,
    cap: usize,
    mut arrived: impl FnMut(usize) -> Result<(), Refused>,
) -> Result<Bytes, Refused> {
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Refused::from(Kind::BodyIncomplete))?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        let length = first.len() + rest.len() + data.len();
        if length > cap {
            return Err(Refused::too_large(cap));
        }
        arrived(length)?;
        if first.is_empty() && rest.is_empty() {
            first = data;
            continue;
        }
        if rest.is_empty() {
            rest.reserve(expected.max(first.len() + data.len()));
            rest.extend_from_slice(&std::mem::take(&mut first));
        }
        rest.extend_from_slice(&data);
    }
    if rest.is_empty() {
        Ok(first)
    } else {
        Ok(rest.freeze())
    }
}
