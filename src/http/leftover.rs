//! What is left of a small body when its request is answered is read all the same, before the answer goes.
//!
//! A server may answer before it has read a body and reset what is left of the stream (RFC 9113 §8.1), but clients of
//! today (curl 7.88) take that for a failure and lose the answer: a refusal would look like a fault of the network, and
//! what was done like what was not. It must never hold an answer back for long, nor have a body sent that whoever asks
//! first keeps back (`Expect`). It keeps nothing.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::extract::Request;
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream::Fuse;
use futures_util::{Stream, StreamExt};
use tokio::time::timeout;

/// Bytes of a body that is still read: what HTTP/2 lets a client send unasked.
const MOST: u64 = 64 << 10;

/// For so long: whoever has sent the head has sent such a body too.
const PATIENCE: Duration = Duration::from_secs(1);

/// A body that is lent to whoever answers, and looked at again after.
#[derive(Clone)]
struct Lent(Arc<Mutex<Fuse<BodyDataStream>>>);

/// Answers, then reads what is left of a small body.
pub(super) async fn read(request: Request, next: Next) -> Response {
    if !is_small(request.headers()) {
        return next.run(request).await;
    }
    let (head, body) = request.into_parts();
    let mut body = Lent(Arc::new(Mutex::new(body.into_data_stream().fuse())));
    let lent = Body::from_stream(body.clone());
    let response = next.run(Request::from_parts(head, lent)).await;
    let rest = async { while let Some(Ok(_)) = body.next().await {} };
    // Whoever does not send the rest gets the answer without.
    let _ = timeout(PATIENCE, rest).await;
    response
}

/// Whether there is a body, all of it may be read, and it is sent without a further word.
fn is_small(headers: &HeaderMap) -> bool {
    let length = headers.get(header::CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    length.is_some_and(|length| (1..=MOST).contains(&length))
        && !headers.contains_key(header::EXPECT)
}

impl Stream for Lent {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        // A body is whole or at its end, whoever panicked.
        let mut body = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        body.poll_next_unpin(context)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::Router;
    use futures_util::stream;
    use tower::ServiceExt;

    use super::*;

    /// How many of three parts are read of a body that nobody wants, and whether it then never ends.
    async fn parts_read(length: u64, expect: Option<&str>, is_endless: bool) -> usize {
        let read = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&read);
        let parts = stream::iter(0..3).map(move |_| {
            count.fetch_add(1, Ordering::Relaxed);
            Ok::<_, std::io::Error>(Bytes::from_static(b"part"))
        });
        let body = match is_endless {
            true => Body::from_stream(parts.chain(stream::pending())),
            false => Body::from_stream(parts),
        };
        let mut request = Request::builder()
            .method("POST")
            .uri("/nowhere")
            .header(header::CONTENT_LENGTH, length);
        if let Some(expect) = expect {
            request = request.header(header::EXPECT, expect);
        }
        let router = crate::http::closed(Router::new());
        let answer = router.oneshot(request.body(body).unwrap()).await.unwrap();
        assert_eq!(answer.status().as_u16(), 404);
        read.load(Ordering::Relaxed)
    }

    #[tokio::test(start_paused = true)]
    async fn the_rest_of_a_small_body_is_read_and_no_other() {
        for (length, expect, is_endless, parts) in [
            (12, None, false, 3),
            (MOST, None, false, 3),
            (12, None, true, 3),
            (MOST + 1, None, false, 0),
            (12, Some("100-continue"), false, 0),
        ] {
            let read = parts_read(length, expect, is_endless).await;
            assert_eq!(read, parts, "{length} {expect:?} {is_endless}");
        }
    }
}
