//! The body of an attempt: the segments of a lot, in order, and a mark that says whether any was asked for.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

use crate::formats::lot::Composed;

/// Set when the first segment is handed to the connection. While it is not, no byte of the body can have
/// been written: the one proof of "nothing can have arrived" that the sender has by itself.
#[derive(Clone, Default)]
pub(super) struct Begun(Arc<AtomicBool>);

impl Begun {
    pub(super) fn get(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// Segments on their way. Its length is known, so the request carries `Content-Length`.
pub(super) struct Segments {
    left: std::vec::IntoIter<Bytes>,
    length: u64,
    begun: Begun,
}

impl Segments {
    pub(super) fn of(lot: &Composed) -> Segments {
        Segments {
            left: lot.segments.clone().into_iter(),
            length: lot.length,
            begun: Begun::default(),
        }
    }

    pub(super) fn begun(&self) -> Begun {
        self.begun.clone()
    }
}

impl Body for Segments {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.begun.0.store(true, Ordering::Release);
        let next = self.left.next();
        self.length -= next.as_ref().map_or(0, |segment| segment.len() as u64);
        Poll::Ready(next.map(|segment| Ok(Frame::data(segment))))
    }

    fn is_end_stream(&self) -> bool {
        self.left.as_slice().is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.length)
    }
}
