//! `bordereau token`: who may call, by bearer token. The running daemon takes changes up by itself.

use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use comfy_table::{Table, presets};

use crate::access::{Fault, Grant, Role, TokenFile, TokenId};
use crate::cli::Settings;
use crate::cli::exit::{Code, Failure};
use crate::clock::{Clock, SystemClock};

/// What to do with tokens.
#[derive(Debug, Args)]
pub struct Options {
    #[command(flatten)]
    settings: Settings,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a token and show it, this once.
    Issue(Issue),
    /// Show all tokens; never the secrets, which nobody has.
    List,
    /// Make a token useless from now on.
    Revoke {
        /// Its id, from the list.
        id: String,
    },
}

#[derive(Debug, Args)]
struct Issue {
    /// Name of the caller, for the ledger.
    name: String,
    /// What it may do.
    #[arg(long, value_enum)]
    role: RoleName,
    /// FINESS of a centre that it acts for; repeat for more.
    #[arg(long = "centre", value_name = "FINESS")]
    centres: Vec<String>,
    /// The gestionnaire whose centres it acts for.
    #[arg(long, conflicts_with = "centres")]
    gestionnaire: Option<String>,
    /// What it posts is a test and never counted.
    #[arg(long)]
    test: bool,
    /// Days until it expires; 396 at most.
    #[arg(long, default_value_t = 365)]
    days: u64,
}

/// The roles that a token can have; insurers come by certificate.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum RoleName {
    Centre,
    Operator,
    National,
    Metrics,
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Role {
        match name {
            RoleName::Centre => Role::Centre,
            RoleName::Operator => Role::Operator,
            RoleName::National => Role::National,
            RoleName::Metrics => Role::Metrics,
        }
    }
}

/// Does it.
pub fn run(options: &Options) -> Result<Code, Failure> {
    let config = options.settings.load()?;
    let Some(path) = config.access.tokens.clone() else {
        return Err(Failure::config(anyhow::anyhow!(
            "access.tokens names no file: set it to use tokens"
        )));
    };
    let file = TokenFile::new(path);
    let now = SystemClock.now();
    match &options.action {
        Action::Issue(issue) => {
            let grant = Grant {
                name: issue.name.clone(),
                role: issue.role.into(),
                centres: issue.centres.clone(),
                gestionnaire: issue.gestionnaire.clone(),
                insurer: None,
                test: issue.test,
            };
            let expires = now + Duration::from_secs(issue.days.saturating_mul(86_400));
            let issued = file.issue(grant, expires, now).map_err(failure)?;
            eprintln!(
                "token {} for {}, good until {}; it is shown this once:",
                issued.token.id, issue.name, expires
            );
            println!("{}", issued.secret.reveal());
        }
        Action::List => list(&file)?,
        Action::Revoke { id } => {
            let unknown =
                || Failure::new(Code::Usage, anyhow::anyhow!("`{id}` is no id of a token"));
            let id = TokenId::parse(id).ok_or_else(unknown)?;
            file.revoke(&id, now).map_err(failure)?;
            eprintln!("token {id} is revoked");
        }
    }
    Ok(Code::Ok)
}

fn list(file: &TokenFile) -> Result<(), Failure> {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header([
        "id", "caller", "role", "for", "issued", "expires", "revoked",
    ]);
    for token in file.list().map_err(failure)? {
        table.add_row([
            token.id.to_string(),
            token.grant.name.clone(),
            format!("{:?}", token.grant.role).to_lowercase(),
            scope(&token.grant),
            token.issued_at.to_string(),
            token.expires_at.to_string(),
            token
                .revoked_at
                .map_or_else(String::new, |at| at.to_string()),
        ]);
    }
    println!("{table}");
    Ok(())
}

/// What a token opens: whose documents, and whether they are tests.
fn scope(grant: &Grant) -> String {
    let whole = [&grant.gestionnaire, &grant.insurer];
    let mut words: Vec<&str> = grant.centres.iter().map(String::as_str).collect();
    words.extend(whole.into_iter().flatten().map(String::as_str));
    if grant.test {
        words.push("(test)");
    }
    words.join(" ")
}

fn failure(fault: Fault) -> Failure {
    match fault {
        Fault::NoSuchToken(_) => Failure::new(Code::Data, fault),
        Fault::Caller { .. } | Fault::Identity(_) | Fault::Twice(_) | Fault::Expiry => {
            Failure::new(Code::Usage, fault)
        }
        Fault::Unreadable { .. }
        | Fault::Unwritable { .. }
        | Fault::Malformed { .. }
        | Fault::Randomness(_) => Failure::new(Code::Io, fault),
    }
}
