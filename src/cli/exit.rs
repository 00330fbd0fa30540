//! How the program ends: the codes of `sysexits.h`, so that scripts and service managers can tell.

use std::process::ExitCode;

/// Exit codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// Done.
    Ok,
    /// The answer is no: a check that was asked for did not hold.
    No,
    /// The arguments are wrong (EX_USAGE).
    Usage,
    /// The data are wrong (EX_DATAERR).
    Data,
    /// A file cannot be read (EX_NOINPUT).
    NoInput,
    /// The daemon cannot be reached (EX_UNAVAILABLE).
    Unavailable,
    /// A defect of the program (EX_SOFTWARE).
    Software,
    /// A file cannot be written (EX_IOERR).
    Io,
    /// Refused for who asks (EX_NOPERM).
    NoPermission,
    /// The configuration is wrong (EX_CONFIG).
    Config,
}

/// Why a command failed, for people, and the code to end with.
pub struct Failure {
    /// The code.
    pub code: Code,
    /// The reason.
    pub error: anyhow::Error,
}

impl Failure {
    /// With a code.
    pub fn new(code: Code, error: impl Into<anyhow::Error>) -> Failure {
        Failure {
            code,
            error: error.into(),
        }
    }

    /// The configuration is wrong.
    pub fn config(error: impl Into<anyhow::Error>) -> Failure {
        Failure::new(Code::Config, error)
    }
}

impl From<Code> for ExitCode {
    fn from(code: Code) -> ExitCode {
        ExitCode::from(match code {
            Code::Ok => 0,
            Code::No => 1,
            Code::Usage => 64,
            Code::Data => 65,
            Code::NoInput => 66,
            Code::Unavailable => 69,
            Code::Software => 70,
            Code::Io => 74,
            Code::NoPermission => 77,
            Code::Config => 78,
        })
    }
}
