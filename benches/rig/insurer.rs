//! A simulated insurer that makes no trouble.

use std::sync::Arc;

use bordereau::clock::SystemClock;
use bordereau::config;
use bordereau::simulator::insurer::{Config, Handle, Insurer};
use tokio::net::TcpListener;

use crate::gateway::Place;

/// Starts one in a place; it gives its address as a base.
pub async fn start(place: &Place) -> (Handle, String) {
    let config = Config {
        book: place.path("book.jsonl"),
        tls: place.tls("insurer"),
        plan: config::parse("", "the plan").expect("a plan"),
        limits: config::parse("", "the limits").expect("limits"),
        sign: None,
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let insurer = Insurer::start(config, listener, Arc::new(SystemClock)).expect("an insurer");
    let base = format!("https://localhost:{}", insurer.address.port());
    (insurer, base)
}
