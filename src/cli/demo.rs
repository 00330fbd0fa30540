//! `bordereau demo` (being written).

use clap::Args;

use crate::cli::exit::{Code, Failure};

/// Options.
#[derive(Debug, Args)]
pub struct Options {}

/// Runs it.
pub fn run(_options: &Options) -> Result<Code, Failure> {
    Ok(Code::No)
}
