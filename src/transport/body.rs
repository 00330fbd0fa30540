//! The body of an attempt: the segments of a lot, in order, and a mark that says whether any was given.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::Sleep;

use super::opening::Mark;
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
    entry: Entry,
}

/// What comes before the first segment.
enum Entry {
    /// The connection has not asked for any yet.
    Outside(Mark),
    /// The connection is new; it may yet be refused.
    Pausing(Pin<Box<Sleep>>),
    /// Segments go.
    Open,
}

impl Segments {
    pub(super) fn of(lot: &Composed, mark: Mark) -> Segments {
        Segments {
            left: lot.segments.clone().into_iter(),
            length: lot.length,
            begun: Begun::default(),
            entry: Entry::Outside(mark),
        }
    }

    pub(super) fn begun(&self) -> Begun {
        self.begun.clone()
    }

    fn poll_entry(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if let Entry::Outside(mark) = &self.entry {
            self.entry = mark.pause().map_or(Entry::Open, Entry::Pausing);
        }
        if let Entry::Pausing(pause) = &mut self.entry {
            ready!(pause.as_mut().poll(context));
            self.entry = Entry::Open;
        }
        Poll::Ready(())
    }
}

impl Body for Segments {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        ready!(self.poll_entry(context));
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
