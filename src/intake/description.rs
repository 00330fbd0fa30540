//! The description of the gateway's HTTP, as a file of the project: served as it is, to anybody.

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};

/// OpenAPI 3.1, in JSON.
pub(super) const TEXT: &str = include_str!("../../schemas/gateway-1.openapi.json");

/// `GET /v1/openapi.json`.
pub(super) async fn get() -> Response {
    let json = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, json)], TEXT).into_response()
}
