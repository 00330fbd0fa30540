//! `bordereau keys`: the master key under which the bodies of the store are encrypted.
//!
//! It makes a key and writes it to a new file; what is done with it, the running daemon does. Must never show a key.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Map, Value};

use crate::cli::Settings;
use crate::cli::ask;
use crate::cli::exit::{Code, Failure};
use crate::cli::hand::{Why, order, tell};
use crate::clock::{Clock, SystemClock};
use crate::store::journal::master::{KEY, write_new};

/// What to do with keys.
#[derive(Debug, Subcommand)]
pub enum Keys {
    /// Make a master key and write it to a new file that only its owner can read.
    Generate(Generate),
    /// Encrypt under the next master key from now on: it lies beside the present one, under its name and `.next`.
    Rotate(Why),
    /// Show under which master key the store is encrypted, and since when.
    Show(Settings),
}

/// Where to.
#[derive(Debug, Args)]
pub struct Generate {
    /// The file; it must not be there yet.
    #[arg(long, value_name = "FILE")]
    write: PathBuf,
}

/// Does it.
pub fn run(keys: &Keys) -> Result<Code, Failure> {
    match keys {
        Keys::Generate(options) => generate(options),
        Keys::Rotate(why) => order(why, "/v1/keys/rotate", Map::new(), |answer| {
            shown(answer)
                + "now put the next key in the place of the present one: mv FILE.next FILE\n"
        }),
        Keys::Show(settings) => tell(ask::ask(settings, "/v1/keys")?, shown),
    }
}

fn generate(options: &Generate) -> Result<Code, Failure> {
    let mut key = [0; KEY];
    for half in key.chunks_mut(16) {
        half.copy_from_slice(&SystemClock.salt());
    }
    let master = write_new(&options.write, &key);
    let id = master.map_err(|error| Failure::new(Code::Io, error))?;
    println!(
        "master key {id} is in {file}, which its owner alone can read\n\
         keep a copy of it apart, where neither the store nor its backups are: without it no body in them can be read again\n\
         the gateway reads it where `store.encryption.master_key` names it, or beside that as FILE.next for `bordereau keys rotate`",
        file = options.write.display()
    );
    Ok(Code::Ok)
}

/// The master key and how much it wraps.
fn shown(answer: &Value) -> String {
    match answer["master_key"].as_str() {
        Some(id) => format!(
            "master key {id}, in use since {}\nsegments with a key: {}\nsegments whose key was forgotten: {}\n",
            answer["since"].as_str().unwrap_or_default(),
            answer["kept"],
            answer["forgotten"],
        ),
        None => "nothing is encrypted\n".to_owned(),
    }
}
