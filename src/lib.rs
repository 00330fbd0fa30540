#![doc = include_str!("ARCHITECTURE.md")]

// Level 0: pure.
pub mod claims;
pub mod schema;
pub mod formats;

// Level 1: small tools.
pub mod clock;
pub mod telemetry;
pub mod tls;
pub mod access;

// Level 2: ports and adapters.
pub mod store;
pub mod transport;
pub mod http;

// Level 3: services. They never import each other; they meet at the store.
pub mod intake;
pub mod dispatch;
pub mod receipts;
pub mod webhooks;
pub mod report;
pub mod retention;

// Level 4: the outside.
pub mod desk;
pub mod simulator;
pub mod config;
pub mod app;
pub mod cli;

#[doc = include_str!("DECISIONS.md")]
pub mod decisions {}

/// All memory is by mimalloc: the system's allocator costs a fifth of the processor's time of a rebuild. Without huge
/// pages, or it would hold twice as much.
#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;
