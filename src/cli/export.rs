//! `bordereau export`: what proves a document to those who do not have the gateway, and whether such a proof holds.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use clap::{Args, Subcommand};

use crate::cli::exit::{Code, Failure};
use crate::cli::{Settings, ask};
use crate::report::evidence::{self, Kept, Proven, Spoken};

/// Which document, or which bundle.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Options {
    #[command(subcommand)]
    act: Option<Act>,
    #[command(flatten)]
    settings: Settings,
    /// The document, by its id.
    #[arg(long, value_name = "ID", requires = "to")]
    document: Option<String>,
    /// The archive to be written (tar); nothing may be there.
    #[arg(long, value_name = "FILE", requires = "document")]
    to: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// Check a bundle from its own bytes; exit 0 when it holds, 1 when it does not.
    Verify {
        /// The archive.
        file: PathBuf,
    },
}

/// Writes a bundle, or checks one.
pub fn run(options: &Options) -> Result<Code, Failure> {
    match (&options.act, &options.document, &options.to) {
        (Some(Act::Verify { file }), ..) => verify(file),
        (None, Some(document), Some(to)) => make(&options.settings, document, to),
        (None, ..) => {
            let error = anyhow!("say what: --document ID --to FILE");
            Err(Failure::new(Code::Usage, error))
        }
    }
}

fn make(settings: &Settings, document: &str, to: &Path) -> Result<Code, Failure> {
    let path = format!("/v1/documents/{document}/evidence");
    let bundle = match ask::fetch(settings, &path)? {
        Ok(bundle) => bundle,
        Err((code, problem)) => {
            println!("{problem:#}");
            return Ok(code);
        }
    };
    let mut options = OpenOptions::new();
    // It holds what was posted.
    options.write(true).create_new(true).mode(0o600);
    let written = options.open(to).and_then(|mut file| {
        file.write_all(&bundle)?;
        file.sync_all()
    });
    let written = written.with_context(|| format!("cannot write {}", to.display()));
    written.map_err(|error| Failure::new(Code::Io, error))?;
    println!(
        "{} bytes; how to check them stands in README.txt",
        bundle.len()
    );
    Ok(Code::Ok)
}

fn verify(file: &PathBuf) -> Result<Code, Failure> {
    match evidence::verify(&ask::read(file)?) {
        Ok(proven) => {
            print(&proven);
            Ok(Code::Ok)
        }
        Err(why) => {
            println!("it does not hold: {why}");
            Ok(Code::No)
        }
    }
}

fn print(proven: &Proven) {
    println!("document  {}", proven.document);
    for (from, to) in &proven.windows {
        println!("from      entry {}, hash {}", from.position.0, from.chain);
        println!("to        entry {}, hash {}", to.position.0, to.chain);
    }
    proven.history.iter().for_each(said);
    println!(
        "{} entries of these windows speak of it, {} bodies are those that were committed to, {} are not here",
        proven.history.len(),
        proven.bodies(Kept::Here),
        proven.bodies(Kept::LeftOut)
    );
    println!("it holds; compare these hashes with anchors that you kept");
    let uncovered = proven.uncovered();
    let uncovered = uncovered.iter().map(|(first, last)| match last {
        Some(last) if last == first => format!("entry {}", first.0),
        Some(last) => format!("entries {} to {}", first.0, last.0),
        None => format!("whatever came from entry {} on", first.0),
    });
    println!(
        "NOT PROVEN: whether other entries speak of it, in {}: they are not in this bundle",
        uncovered.collect::<Vec<_>>().join(", ")
    );
}

fn said(spoken: &Spoken) {
    let body = match spoken.body {
        None => "",
        Some(Kept::Here) => "; its body is here",
        Some(Kept::LeftOut) => "; its body is not here",
    };
    let (entry, at, what) = (spoken.position.0, spoken.at, &spoken.what);
    println!("says      entry {entry}, {at}: {what}{body}");
}
