//! `bordereau schemas`: the XML schemas and API descriptions that are embedded, written out.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;

use crate::cli::exit::{Code, Failure};
use crate::formats::{figures, statement, xml::SCHEMAS};

/// The contracts over HTTP: of the gateway with centres and insurers, and of insurers with the gateway.
const CONTRACTS: [(&str, &str); 2] = [
    (
        "gateway-1.openapi.json",
        include_str!("../../schemas/gateway-1.openapi.json"),
    ),
    (
        "wire-1.openapi.yaml",
        include_str!("../../schemas/wire-1.openapi.yaml"),
    ),
];

/// Where to.
#[derive(Debug, Args)]
pub struct Options {
    /// Write every file into this directory; without it, list their names.
    #[arg(long, value_name = "DIR")]
    write: Option<PathBuf>,
}

/// Lists or writes them.
pub fn run(options: &Options) -> Result<Code, Failure> {
    for (name, text) in SCHEMAS
        .iter()
        .copied()
        .chain([figures::XSD, statement::XSD])
        .chain(CONTRACTS)
    {
        let Some(directory) = &options.write else {
            println!("{name}");
            continue;
        };
        let path = directory.join(name);
        std::fs::create_dir_all(directory)
            .and_then(|()| std::fs::write(&path, text))
            .with_context(|| format!("cannot write {}", path.display()))
            .map_err(|error| Failure::new(Code::Io, error))?;
        println!("{}", path.display());
    }
    Ok(Code::Ok)
}
