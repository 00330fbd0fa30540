//! The program: read the arguments, do what they say, end with a code that says how it went.

use std::process::ExitCode;

use bordereau::cli;
use bordereau::telemetry::panics;

fn main() -> ExitCode {
    panics::tell_places();
    match cli::parse(std::env::args_os()) {
        Ok(command) => cli::run(command),
        Err(usage) => cli::refuse(&usage),
    }
}
