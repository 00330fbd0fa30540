//! `bordereau statement`: list, show and publish statements of a running gateway; verify some with nothing but the
//! public key; make the key that signs.
//!
//! A statement is printed as it was signed, byte for byte, so that what is redirected into a file can be verified.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::Value;

use crate::cli::exit::{Code, Failure};
use crate::cli::places::Places;
use crate::cli::{Settings, ask, out};
use crate::clock::{Clock, SystemClock};
use crate::formats::jws::Keys;
use crate::formats::jws::unencoded::{Signer, pem_of};
use crate::formats::statement::verify::{self, Proven};

/// What to do with statements.
#[derive(Debug, Args)]
pub struct Options {
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// List what was published.
    List(List),
    /// Print a statement, or its signature, as it was published.
    Show(Show),
    /// Publish the statement of a closed period with all that came since.
    Publish(Publish),
    /// Check statements against their signatures, and that each follows the one before it; exit 0 when all hold, 1
    /// when any does not. Needs no gateway; with `--ledger` or `--in` the chain of a ledger at hand is walked too, and
    /// must have the hashes that the statements name.
    Verify(Verify),
    /// Make a key that signs statements: the private key with mode 0600, and the public key beside it.
    Key(Key),
}

#[derive(Debug, Args)]
struct List {
    #[command(flatten)]
    settings: Settings,
    /// One centre.
    #[arg(long, value_name = "FINESS")]
    centre: Option<String>,
    /// One period.
    #[arg(long)]
    period: Option<String>,
    /// Those after this number: `next` of the page before.
    #[arg(long, value_name = "NUMBER")]
    after: Option<u64>,
    /// The whole answer as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Show {
    #[command(flatten)]
    settings: Settings,
    /// Its number.
    statement: u64,
    /// The form.
    #[arg(long, value_enum, default_value = "json")]
    form: Form,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    /// What is signed.
    Json,
    /// A table of fields.
    Csv,
    /// By `statement-1.xsd`.
    Xml,
    /// A page to be read and printed.
    Html,
    /// The detached JWS over the JSON.
    Signature,
    /// The public keys of all statements.
    Keys,
}

#[derive(Debug, Args)]
struct Publish {
    #[command(flatten)]
    settings: Settings,
    /// The centre.
    #[arg(long, value_name = "FINESS")]
    centre: String,
    /// The closed period.
    #[arg(long)]
    period: String,
}

#[derive(Debug, Args)]
struct Verify {
    /// Statements in JSON, in order of publication when they are several.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Their signatures, in the same order; without them each is beside its statement, with the ending `.jws`.
    #[arg(long, value_name = "FILE")]
    signature: Vec<PathBuf>,
    /// The public keys: in PEM, or as `/v1/statements/keys` gives them.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Compare with the store of the configuration, at rest or at work.
    #[arg(long)]
    ledger: bool,
    /// Compare with a backup, or a store at rest.
    #[arg(long = "in", value_name = "DIR")]
    directory: Option<PathBuf>,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Debug, Args)]
struct Key {
    /// Where the private key goes; a file that is there is never replaced.
    file: PathBuf,
}

/// Does it.
pub fn run(options: &Options) -> Result<Code, Failure> {
    match &options.act {
        Act::List(list) => self::list(list),
        Act::Show(show) => self::show(show),
        Act::Publish(publish) => self::publish(publish),
        Act::Verify(verify) => self::verified(verify),
        Act::Key(key) => make_key(&key.file),
    }
}

fn list(list: &List) -> Result<Code, Failure> {
    let query = ask::query([
        ("centre", list.centre.clone()),
        ("period", list.period.clone()),
        ("after", list.after.map(|after| after.to_string())),
    ]);
    let (status, body) = ask::ask(&list.settings, &ask::path("/v1/statements", &query))?;
    if list.json || !status.is_success() {
        println!("{body:#}");
    } else {
        for row in body["statements"].as_array().into_iter().flatten() {
            println!("{}", line(row));
        }
        if let Some(next) = body["next"].as_u64() {
            println!("more follow: --after {next}");
        }
    }
    Ok(ask::code(status))
}

fn show(show: &Show) -> Result<Code, Failure> {
    let number = show.statement;
    let path = match show.form {
        Form::Json => format!("/v1/statements/{number}?form=json"),
        Form::Csv => format!("/v1/statements/{number}?form=csv"),
        Form::Xml => format!("/v1/statements/{number}?form=xml"),
        Form::Html => format!("/v1/statements/{number}?form=html"),
        Form::Signature => format!("/v1/statements/{number}/signature"),
        Form::Keys => "/v1/statements/keys".to_owned(),
    };
    let (status, bytes) = ask::bytes(&show.settings, &path)?;
    let written = out::bytes(&mut std::io::stdout().lock(), &bytes);
    written
        .context("cannot write to standard output")
        .map_err(|error| Failure::new(Code::Io, error))?;
    Ok(ask::code(status))
}

fn publish(publish: &Publish) -> Result<Code, Failure> {
    let query = [
        ("centre", publish.centre.clone()),
        ("period", publish.period.clone()),
    ];
    let (status, body) = ask::post(&publish.settings, &ask::path("/v1/statements", &query))?;
    if status.is_success() {
        println!("{}", line(&body));
    } else {
        println!("{body:#}");
    }
    Ok(ask::code(status))
}

fn line(row: &Value) -> String {
    let word = |value: &Value| value.as_str().unwrap_or("–").to_owned();
    let follows = row["follows"].as_u64();
    let follows = follows.map_or_else(String::new, |follows| format!(", corrects {follows}"));
    format!(
        "{}  {}  {}  at {} by {}, ledger up to {}{follows}  {}",
        row["statement"],
        word(&row["centre"]),
        word(&row["period"]["name"]),
        word(&row["at"]),
        word(&row["by"]),
        row["position"],
        word(&row["digest"]),
    )
}

fn verified(options: &Verify) -> Result<Code, Failure> {
    if !options.signature.is_empty() && options.signature.len() != options.files.len() {
        let error = anyhow!("as many signatures as statements are needed, or none");
        return Err(Failure::new(Code::Usage, error));
    }
    let keys = ask::read(&options.key)?;
    let keys = Keys::of_statements(&String::from_utf8_lossy(&keys))
        .with_context(|| options.key.display().to_string())
        .map_err(|error| Failure::new(Code::Data, error))?;
    let mut found = proven(options, &keys)?;
    if options.ledger || options.directory.is_some() {
        let of = found.iter().filter_map(|(_, proven)| proven.as_ref().ok());
        let statements = of.map(|proven| &proven.statement);
        let places = Places::read(&options.settings, options.directory.as_deref(), statements)?;
        for (_, one) in &mut found {
            if let Ok(proven) = one
                && let Err(fault) = places.have(&proven.statement)
            {
                *one = Err(fault);
            }
        }
    }
    for (file, one) in &found {
        match one {
            Ok(proven) => println!("{}: {}", file.display(), summary(proven)),
            Err(fault) => println!("{}: NOT PROVEN: {fault}", file.display()),
        }
    }
    let holds = found.iter().all(|(_, one)| one.is_ok());
    Ok(if holds { Code::Ok } else { Code::No })
}

/// A file, and what was found in it or why it proves nothing.
type Found<'a> = (&'a Path, Result<Proven, String>);

/// Each file by its signature, and by the one before it.
fn proven<'a>(options: &'a Verify, keys: &Keys) -> Result<Vec<Found<'a>>, Failure> {
    let mut found: Vec<Found<'a>> = Vec::new();
    for (index, file) in options.files.iter().enumerate() {
        let signature = options.signature.get(index).cloned();
        let signature = signature.unwrap_or_else(|| file.with_extension("jws"));
        let (bytes, jws) = (ask::read(file)?, ask::read(&signature)?);
        let jws = String::from_utf8_lossy(&jws);
        let before = found.last().and_then(|(_, before)| before.as_ref().ok());
        let one = verify::one(keys, &bytes, jws.trim_end()).and_then(|proven| {
            before.map_or(Ok(()), |before| verify::follows(before, &proven))?;
            Ok(proven)
        });
        found.push((file, one.map_err(|fault| fault.to_string())));
    }
    Ok(found)
}

fn summary(proven: &Proven) -> String {
    let statement = &proven.statement;
    format!(
        "proven: centre {}, {}, {}/{}, verdict {}, policy {}, ledger up to {}, digest {}",
        statement.centre.finess,
        statement.period.name,
        statement.rate.numerator,
        statement.rate.denominator,
        statement.verdict,
        statement.policy.id,
        statement.ledger.position,
        proven.digest,
    )
}

fn make_key(file: &Path) -> Result<Code, Failure> {
    let clock = SystemClock;
    let mut secret = [0; 32];
    secret[..16].copy_from_slice(&clock.salt());
    secret[16..].copy_from_slice(&clock.salt());
    let pem = pem_of(secret);
    let signer = Signer::from_pem(&pem).map_err(|error| Failure::new(Code::Software, error))?;
    let public = file.with_extension("pem");
    write_new(file, 0o600, &pem)?;
    write_new(&public, 0o644, &signer.public().pem())?;
    println!("private key  {}", file.display());
    println!("public key   {}", public.display());
    println!("id           {}", signer.public().id());
    Ok(Code::Ok)
}

fn write_new(path: &Path, mode: u32, text: &str) -> Result<(), Failure> {
    let mut options = OpenOptions::new();
    let opened = options.write(true).create_new(true).mode(mode).open(path);
    let written = opened.and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    written
        .with_context(|| format!("cannot write {}", path.display()))
        .map_err(|error| Failure::new(Code::Io, error))
}
