//! What readers give back, held against the fixtures.

mod documents;
mod lots;
mod returns;
mod hostile;

use super::Reader;

/// The bytes of a file in `fixtures/`.
macro_rules! fixture {
    ($path:literal) => {
        include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/", $path)).as_slice()
    };
}
use fixture;

const TIERS_PAYANT: &[u8] = fixture!("documents/valid/fse-tiers-payant.xml");

fn reader() -> Reader {
    Reader::new().unwrap()
}
