//! A simulated insurer within the test, behind real TLS.

use std::sync::Arc;

use bordereau::clock::SystemClock;
use bordereau::simulator::insurer::plan::Plan;
use bordereau::simulator::insurer::{Config, Handle, Insurer};
use tokio::net::TcpListener;

use crate::gateway::Place;

/// Starts one with the certificates of the place; it gives its address as a base.
pub async fn start(place: &Place, plan: &str) -> (Handle, String) {
    start_as(place, plan, "book.jsonl").await
}

/// The same beside another one, with a book of this name.
pub async fn start_as(place: &Place, plan: &str, book: &str) -> (Handle, String) {
    let at = place.path("");
    let at = at.display();
    let text = format!(
        r#"
book = "{at}/{book}"
[tls]
certificate = "{at}/insurer.pem"
key = "{at}/insurer.key"
client_roots = "{at}/authority.pem"
"#
    );
    let mut config: Config = bordereau::config::parse(&text, "the test").unwrap();
    let plan: Plan = bordereau::config::parse(plan, "the plan").unwrap();
    config.plan = plan;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let handle = Insurer::start(config, listener, Arc::new(SystemClock)).unwrap();
    let base = format!("https://localhost:{}", handle.address.port());
    (handle, base)
}
