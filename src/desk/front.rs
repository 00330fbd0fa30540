//! What every listener answers first: while the store opens, that the gateway lives and how far it is; from then on,
//! whatever the whole gateway answers.
//!
//! It never lets anything through before all of it can be answered: until then a request is asked to come again, and
//! nothing of it is read. A crash leaves nothing behind.

use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::sync::watch as channel;
use tower::ServiceExt;

use crate::desk::{Config, watch};
use crate::formats::json::problem::Kind;
use crate::http::answer::Refused;
use crate::store::Readiness;

/// The front of one listener.
#[derive(Clone)]
pub struct Front(Arc<Inner>);

struct Inner {
    opening: Router,
    whole: OnceLock<Router>,
}

impl Front {
    /// Tells how far the store is.
    pub fn new(config: &Config, store: channel::Receiver<Readiness>) -> Front {
        let readyz = move || {
            let state = *store.borrow();
            async move { watch::readiness(state, "") }
        };
        let wait = config.retry();
        let later = move || async move { Refused::later(Kind::Unavailable, wait) };
        let opening = Router::new()
            .route("/healthz", get(watch::healthz))
            .route("/readyz", get(readyz))
            .fallback(later);
        Front(Arc::new(Inner {
            opening,
            whole: OnceLock::new(),
        }))
    }

    /// From now on it answers by these routes. Once; what comes later changes nothing.
    pub fn opens(&self, whole: Router) {
        let _ = self.0.whole.set(whole);
    }

    /// What the listener serves.
    pub fn router(&self) -> Router {
        Router::new().fallback(answer).with_state(self.clone())
    }
}

async fn answer(State(front): State<Front>, request: Request) -> Response {
    let routes = front.0.whole.get().unwrap_or(&front.0.opening).clone();
    routes.oneshot(request).await.into_response()
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use http_body_util::BodyExt;

    use super::*;

    async fn ask(front: &Front, method: &str, path: &str) -> (u16, Option<String>, String) {
        let request = Request::builder().method(method).uri(path);
        let request = request.body(Body::empty()).unwrap();
        let response = front.router().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let wait = response.headers().get("retry-after");
        let wait = wait.map(|wait| wait.to_str().unwrap().to_owned());
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, wait, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn it_asks_for_patience_until_it_opens() {
        let (store, told) = channel::channel(Readiness::Opening);
        let front = Front::new(&Config::default(), told);
        for (state, said) in [
            (Readiness::Opening, "opening\n"),
            (Readiness::Rebuilding { percent: 41 }, "rebuilding 41 %\n"),
        ] {
            store.send_replace(state);
            let (status, wait, text) = ask(&front, "GET", "/readyz").await;
            assert_eq!((status, wait, text.as_str()), (503, None, said));
        }
        assert_eq!(ask(&front, "GET", "/healthz").await.0, 200);
        for (method, path) in [
            ("POST", "/v1/documents"),
            ("GET", "/metrics"),
            ("PUT", "/x"),
        ] {
            let (status, wait, text) = ask(&front, method, path).await;
            assert_eq!(
                (status, wait.as_deref()),
                (503, Some("5")),
                "{method} {path}"
            );
            assert!(text.contains("urn:bordereau:problem:unavailable"), "{text}");
        }
        front.opens(Router::new().route("/readyz", get(|| async { "whole" })));
        assert_eq!(ask(&front, "GET", "/readyz").await.2, "whole");
        assert_eq!(ask(&front, "POST", "/v1/documents").await.0, 404);
    }
}
