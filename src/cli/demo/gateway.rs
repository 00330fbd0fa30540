//! The gateway as its callers reach it: a request is repeated as it is until an answer says what became of it.
//!
//! 429 is waited out; no answer and 5xx mean that it is not known, and the same request asks again.

use std::time::Duration;

use anyhow::bail;
use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::{Client, Method, StatusCode};
use serde_json::Value;
use tokio::time::sleep;

/// Before a request without an answer is repeated, and how often it is.
const REPEAT: Duration = Duration::from_millis(200);
const REPEATS: usize = 50;

/// A connection to the gateway.
pub(super) struct Desk {
    pub(super) client: Client,
    pub(super) public: String,
    pub(super) operators: String,
}

/// An answer, and whether an earlier try of the same request may have been heard.
pub(super) struct Answered {
    pub(super) status: u16,
    pub(super) body: Value,
    pub(super) is_repeated: bool,
}

/// What a request carries.
pub(super) enum Body {
    None,
    Xml(Bytes),
    Json(Bytes),
}

impl Desk {
    /// Asks until there is an answer that says what became of it.
    pub(super) async fn ask(
        &self,
        method: Method,
        url: &str,
        token: &str,
        body: &Body,
    ) -> anyhow::Result<Answered> {
        let mut is_repeated = false;
        for _ in 0..REPEATS {
            let request = self.client.request(method.clone(), url).bearer_auth(token);
            let request = match body {
                Body::None => request,
                Body::Xml(bytes) => request
                    .header(CONTENT_TYPE, "application/xml")
                    .body(bytes.clone()),
                Body::Json(bytes) => request
                    .header(CONTENT_TYPE, "application/json")
                    .body(bytes.clone()),
            };
            let Ok(response) = request.send().await else {
                is_repeated = true;
                sleep(REPEAT).await;
                continue;
            };
            let status = response.status();
            let wait = wait(response.headers());
            match status {
                StatusCode::TOO_MANY_REQUESTS => sleep(wait).await,
                _ if status.is_server_error() => {
                    is_repeated = true;
                    sleep(wait).await;
                }
                _ => {
                    let bytes = response.bytes().await?;
                    let body = serde_json::from_slice(&bytes).unwrap_or_default();
                    return Ok(Answered {
                        status: status.as_u16(),
                        body,
                        is_repeated,
                    });
                }
            }
        }
        bail!("the gateway does not answer {method} {url}")
    }
}

/// How long an answer asks to wait.
fn wait(headers: &HeaderMap) -> Duration {
    let seconds = headers
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok()?.parse().ok());
    seconds.map_or(REPEAT, Duration::from_secs)
}
