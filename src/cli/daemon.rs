//! `bordereau serve` and `check-config`: the daemon's life from its configuration to its last answer.

use std::future::Future;
use std::sync::Arc;

use anyhow::Context as _;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use crate::app::{self, App};
use crate::cli::exit::{Code, Failure};
use crate::cli::{Settings, progress};
use crate::clock::{Clock as _, SystemClock};
use crate::config;
use crate::store::Readiness;
use crate::store::embedded::OpenError;
use crate::store::journal;
use crate::store::journal::format::Bodies;
use crate::telemetry;

/// Serves until SIGTERM or SIGINT, then finishes what runs. SIGHUP reads certificates, keys, secrets, revocation lists
/// and tokens again, takes up endpoints and the targets of webhooks, and says what else of the configuration changed:
/// that needs a restart.
pub fn serve(settings: &Settings) -> Result<Code, Failure> {
    let text = settings.text();
    let config = settings.load()?;
    telemetry::log::start(&config.telemetry.log).map_err(Failure::config)?;
    block_on(async {
        // From now on: none that comes during the start may end the program in its own way.
        let mut hangup = listen(SignalKind::hangup())?;
        let mut stop = Stop::listen()?;
        let (telling, told) = watch::channel(Readiness::Opening);
        let mut app = tokio::select! {
            started = App::start_telling(config, Arc::new(SystemClock), telling) => started.map_err(failure)?,
            // Like a crash, it leaves nothing that the next start does not find.
            () = stop.asked() => {
                tracing::info!("told to end before the store was open");
                return Ok(Code::Ok);
            }
            never = progress::follow(told) => match never {},
        };
        loop {
            tokio::select! {
                () = stop.asked() => break,
                Some(()) = hangup.recv() => {
                    match settings.load() {
                        Ok(config) => {
                            tell_changes(text.as_deref(), settings.text().as_deref());
                            app.want(config.transport);
                        }
                        Err(failure) => tracing::error!(
                            why = format!("{:#}", failure.error),
                            "the configuration changed and cannot be used: a restart would fail"
                        ),
                    }
                    app.renew().await;
                }
                () = app.broke_off() => {
                    app.stop().await;
                    return Err(Failure::new(Code::Software, anyhow::anyhow!("a task of the gateway ended by itself")));
                }
            }
        }
        app.stop().await;
        Ok(Code::Ok)
    })
}

/// Tells which sections of the configuration are not those of the start, beyond what is taken up.
fn tell_changes(before: Option<&str>, now: Option<&str>) {
    let (Some(before), Some(now)) = (before, now) else {
        return;
    };
    // The text was read as a configuration just now; what is written to it in between is for the next SIGHUP.
    let sections = config::differences(before, now).unwrap_or_default();
    if !sections.is_empty() {
        let sections = sections.join(", ");
        tracing::warn!(
            sections,
            "the configuration changed: it is taken up by a restart alone"
        );
    }
}

/// Reads everything that the configuration names and says whether it can be used; binds nothing.
pub fn check(settings: &Settings) -> Result<Code, Failure> {
    let config = settings.load()?;
    let wanting = app::check(&config, SystemClock.now()).map_err(failure)?;
    println!("the configuration can be used");
    wanting.iter().for_each(|wanting| println!("{wanting}"));
    match config.store.encryption.bodies() {
        Bodies::Sealed => {}
        Bodies::Open => println!(
            "bodies will not be encrypted on the disk: make a key with `bordereau keys generate` and name it in \
             `store.encryption.master_key`"
        ),
    }
    Ok(Code::Ok)
}

/// Runs a future to its end on a runtime of its own.
pub fn block_on<T>(future: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    crypto();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("the runtime does not start")
        .map_err(|error| Failure::new(Code::Software, error))?;
    runtime.block_on(future)
}

/// Ends when the process is asked to stop.
pub async fn stop_signal() -> Result<(), Failure> {
    Stop::listen()?.asked().await;
    Ok(())
}

/// SIGTERM and SIGINT, heard from the moment it is made.
struct Stop {
    terminate: Signal,
    interrupt: Signal,
}

impl Stop {
    fn listen() -> Result<Stop, Failure> {
        Ok(Stop {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
        })
    }

    /// Ends when one of them has come.
    async fn asked(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

fn listen(kind: SignalKind) -> Result<Signal, Failure> {
    signal(kind)
        .context("signals cannot be heard")
        .map_err(|error| Failure::new(Code::Software, error))
}

/// The one cryptography of the program, for the client library that asks for a default.
pub fn crypto() {
    app::crypto();
}

/// Why a store does not open, and the code to end with: keys that do not fit are for the configuration to mend.
pub fn unopened(error: OpenError) -> Failure {
    let code = match &error {
        OpenError::Master(_) | OpenError::Journal(journal::Error::Key(_)) => Code::Config,
        OpenError::Journal(_)
        | OpenError::Ledger(_)
        | OpenError::Entry(_)
        | OpenError::JournalBehind { .. }
        | OpenError::Secret
        | OpenError::Foundation(_)
        | OpenError::BrokenOff
        | OpenError::Thread(_) => Code::Io,
    };
    Failure::new(code, error)
}

fn failure(error: app::Error) -> Failure {
    let code = match &error {
        app::Error::Config(_) => Code::Config,
        app::Error::Listen { .. } => Code::Unavailable,
        app::Error::Store(_) => Code::Io,
        app::Error::Start(_) => Code::Software,
    };
    Failure::new(code, error)
}
