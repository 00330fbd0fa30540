//! `bordereau simulate insurer`: a real server of the wire contract with a book of its own, to test against.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use tokio::net::TcpListener;

use crate::cli::daemon;
use crate::cli::exit::{Code, Failure};
use crate::clock::SystemClock;
use crate::config;
use crate::simulator::insurer::{Config, Insurer};

/// Whom to act as.
#[derive(Debug, Args)]
pub struct Options {
    #[command(subcommand)]
    who: Who,
}

#[derive(Debug, Subcommand)]
enum Who {
    /// An insurer: it takes lots over mutual TLS and gives out receipts and settlements by its plan of faults.
    Insurer {
        /// Its configuration, in TOML: `book` (the file of what it took, made if it is not there), `[tls]` (certificate
        /// and key, `client_roots` of the gateways that may call), and if wanted `sign` (the key by which it signs), `[plan]`
        /// (what it does and gets wrong) and `[limits]` (`lot_bytes`, `feed_items`).
        #[arg(long, short, value_name = "FILE")]
        config: PathBuf,
        /// A fault plan of its own file, as those of `bordereau load --plan`; in place of the `[plan]` of the configuration.
        #[arg(long, value_name = "FILE")]
        plan: Option<PathBuf>,
        /// A private key of Ed25519 (PEM, PKCS#8), by which it signs receipts and settlements; in place of the `sign` of
        /// the configuration.
        #[arg(long, value_name = "KEY")]
        sign: Option<PathBuf>,
        /// Where it listens.
        #[arg(long, default_value = "127.0.0.1:0")]
        listen: SocketAddr,
    },
}

/// Acts until SIGTERM or SIGINT.
pub fn run(options: &Options) -> Result<Code, Failure> {
    let Who::Insurer {
        config: file,
        plan,
        sign,
        listen,
    } = &options.who;
    let mut config: Config = config::parse_file(file).map_err(Failure::config)?;
    if let Some(plan) = plan {
        config.plan = config::parse_file(plan).map_err(Failure::config)?;
    }
    if sign.is_some() {
        config.sign.clone_from(sign);
    }
    daemon::block_on(async {
        let listener = TcpListener::bind(listen)
            .await
            .with_context(|| format!("cannot listen on {listen}"))
            .map_err(|error| Failure::new(Code::Unavailable, error))?;
        let insurer =
            Insurer::start(config, listener, Arc::new(SystemClock)).map_err(Failure::config)?;
        println!("https://{}", insurer.address);
        daemon::stop_signal().await?;
        insurer.shutdown().await;
        Ok(Code::Ok)
    })
}
