//! The command line: what a person at the machine can ask of the gateway.
//!
//! It decides nothing that the daemon decides: questions go to the running daemon through its Unix socket, whose
//! peer is recorded as the actor. Exit codes are those of `sysexits.h`.

#[macro_use]
mod out;
mod exit;
mod validate;
mod schemas;
mod token;
mod progress;
mod daemon;
mod ask;
mod history;
mod documents;
mod hand;
mod keys;
mod retention;
mod rates;
mod period;
mod statement;
mod places;
mod registry;
mod reconcile;
mod forecast;
mod verify_store;
mod backup;
mod restore;
mod ledger;
mod export;
mod simulate;
mod conformance;
mod lab;
mod demo;
mod load;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::config::{self, Config};

pub use exit::Code;

/// The gateway of French health centres for electronic claims: it validates and durably queues reimbursement
/// documents, transmits them until the insurer's receipt is there, and counts.
#[derive(Debug, Parser)]
#[command(name = "bordereau", version, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
enum Command {
    /// Run the gateway until SIGTERM or SIGINT.
    Serve(Settings),
    /// Show the main job on this machine: insurers, centres, documents and a table that must be right.
    Demo(demo::Options),
    /// Check the configuration and everything it names; bind nothing.
    CheckConfig(Settings),
    /// Validate documents offline; exit 0 when all are valid, 65 when any is not.
    Validate(validate::Options),
    /// Write out the XML schemas and the API descriptions.
    Schemas(schemas::Options),
    /// Issue, list and revoke bearer tokens.
    Token(token::Options),
    /// Post documents to a gateway.
    Submit(ask::SubmitOptions),
    /// Show a document: where it is, what comes next, when and why.
    Status(ask::StatusOptions),
    /// List documents: by standing, or one of the lists that the gateway keeps.
    Documents(documents::Options),
    /// List the documents for which a paper duplicate is owed.
    Owed(documents::Owed),
    /// Hold or release an endpoint.
    #[command(subcommand)]
    Endpoint(hand::Endpoint),
    /// Ask for the next attempt of a lot now, with the same id and bytes.
    Retry(hand::OfLot),
    /// Ask for the next attempt of many lots, spread over time; never of an answered or void one.
    Replay(hand::Replay),
    /// Cancel a document, while nothing of it can be with the insurer.
    Cancel(hand::OfDocument),
    /// Declare, with evidence, that a document reached its insurer outside of the gateway, as on its portal or by mail: it is
    /// sent no more, and counts in the rate as not transmitted.
    ByHand(hand::ByHand),
    /// Confirm that the paper duplicate of a document was sent.
    Paper(hand::OfDocument),
    /// Make, change and show the master key under which bodies are encrypted.
    #[command(subcommand)]
    Keys(keys::Keys),
    /// Place, lift and list legal holds.
    #[command(subcommand)]
    LegalHold(retention::LegalHold),
    /// Show what of the bytes that are kept would go, and when.
    #[command(subcommand)]
    Retention(retention::Retention),
    /// List who read the content or history of documents.
    Traces(retention::Traces),
    /// Show rates.
    Rate(Box<rates::Options>),
    /// Close periods and show what was frozen.
    Period(period::Options),
    /// Show, publish and verify signed statements of closed periods; make the key that signs them.
    Statement(statement::Options),
    /// Show registrations of centres, gestionnaires, caisses and endpoints, and import them.
    Registry(registry::Options),
    /// Show where the year of a centre ends at the present pace, and what it would take to reach a threshold.
    Forecast(forecast::Options),
    /// Lay a caisse's figures beside the ledger, and show why the two differ.
    Reconcile(reconcile::Options),
    /// Check that everything in the ledger agrees; exit 0 when it does, 1 when anything differs.
    VerifyStore(verify_store::Options),
    /// Copy the store to a backup, while the gateway works or at rest; or check a backup.
    Backup(backup::Options),
    /// Make a store from a backup; afterwards, let lots go again.
    Restore(restore::Options),
    /// Walk along the chain of the ledger, or show its anchors.
    #[command(subcommand)]
    Ledger(ledger::Act),
    /// Write out what proves a document to those who do not have the gateway; or check such a proof.
    Export(export::Options),
    /// List what insurers say that fits nothing: all that is known of what a restore lost.
    Orphans(ledger::Orphans),
    /// Act as somebody else, to test against.
    Simulate(simulate::Options),
    /// Let documents of many centres arrive at a rate, and show figures if everything was counted as it should be.
    Load(load::Options),
    /// Put an insurer's endpoint for tests to the test: does it keep the wire contract?
    Conformance(conformance::Options),
}

/// Where the configuration is.
#[derive(Clone, Debug, Args)]
pub struct Settings {
    /// The configuration file; without one the defaults and the environment hold.
    #[arg(long, short, global = true, value_name = "FILE", env = config::FILE)]
    config: Option<PathBuf>,
}

impl Settings {
    /// Reads it.
    fn load(&self) -> Result<Config, exit::Failure> {
        config::load(self.config.as_deref(), config::environment()).map_err(exit::Failure::config)
    }

    /// The text of its file; none without a file, or where it cannot be read.
    fn text(&self) -> Option<String> {
        std::fs::read_to_string(self.config.as_deref()?).ok()
    }
}

/// Reads the arguments.
///
/// # Errors
/// What clap says about them; also when help or the version was asked for.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(arguments)
}

/// Says why the arguments are not taken.
pub fn refuse(usage: &clap::Error) -> ExitCode {
    // Help that was asked for is no error, and there is nobody to tell when the terminal is gone.
    let _ = usage.print();
    if usage.use_stderr() {
        Code::Usage.into()
    } else {
        Code::Ok.into()
    }
}

/// Does what the arguments say.
pub fn run(cli: Cli) -> ExitCode {
    let result = match cli.command {
        Command::Serve(settings) => daemon::serve(&settings),
        Command::CheckConfig(settings) => daemon::check(&settings),
        Command::Demo(options) => demo::run(&options),
        Command::Validate(options) => validate::run(&options),
        Command::Schemas(options) => schemas::run(&options),
        Command::Token(options) => token::run(&options),
        Command::Submit(options) => ask::submit(&options),
        Command::Status(options) => ask::status(&options),
        Command::Documents(options) => documents::list(&options),
        Command::Owed(options) => documents::owed(&options),
        Command::Endpoint(endpoint) => hand::endpoint(&endpoint),
        Command::Retry(options) => hand::retry(&options),
        Command::Replay(options) => hand::replay(&options),
        Command::Cancel(options) => hand::cancel(&options),
        Command::ByHand(options) => hand::by_hand(&options),
        Command::Paper(options) => hand::paper(&options),
        Command::Keys(keys) => keys::run(&keys),
        Command::LegalHold(what) => retention::legal_hold(&what),
        Command::Retention(what) => retention::retention(&what),
        Command::Traces(options) => retention::traces(&options),
        Command::Rate(options) => rates::run(&options),
        Command::Period(options) => period::run(&options),
        Command::Statement(options) => statement::run(&options),
        Command::Registry(options) => registry::run(&options),
        Command::Forecast(options) => forecast::run(&options),
        Command::Reconcile(options) => reconcile::run(&options),
        Command::VerifyStore(options) => verify_store::run(&options),
        Command::Backup(options) => backup::run(&options),
        Command::Restore(options) => restore::run(&options),
        Command::Ledger(act) => ledger::run(&act),
        Command::Export(options) => export::run(&options),
        Command::Orphans(options) => ledger::orphans(&options),
        Command::Simulate(options) => simulate::run(&options),
        Command::Load(options) => load::run(&options),
        Command::Conformance(options) => conformance::run(&options),
    };
    match result {
        Ok(code) => code.into(),
        Err(failure) => {
            eprintln!("bordereau: {:#}", failure.error);
            failure.code.into()
        }
    }
}
