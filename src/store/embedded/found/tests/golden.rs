//! The golden foundation of the present version: what it holds is taken up whole, by both counts.

use super::*;
use crate::store::embedded::{base, places};
use crate::store::journal::foundation as file_of;
use crate::store::journal::pack::{Compression, Packer};
use crate::store::ledger::query;
use crate::store::memory::Map;

#[tokio::test]
#[allow(
    clippy::disallowed_methods,
    reason = "UPDATE=1 rewrites the golden file"
)]
async fn the_golden_foundation_is_taken_up_whole() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/journal/v1.foundation");
    if std::env::var_os("UPDATE").is_some() {
        let directory = sixty().await;
        let (laid, _) = founded(directory.path()).await;
        let made = file(directory.path(), laid.unwrap().segment, ".foundation");
        fs::copy(made.unwrap(), &golden).unwrap();
    }
    let bytes = fs::read(&golden).unwrap();
    let number = |at: usize| u64::from_be_bytes(bytes[at..at + 8].try_into().unwrap());
    let (segment, position) = (number(16), number(24));
    let archive = TempDir::new().unwrap();
    let name = format!("{segment:010}-{position:020}.foundation");
    fs::copy(&golden, archive.path().join(name)).unwrap();
    let foundation = file_of::newest(archive.path()).unwrap().unwrap();
    assert_eq!(foundation.header.layout, u16::from(places::LAYOUT));
    assert_eq!(foundation.segments().unwrap().len() as u64, segment);

    let packer = Arc::new(Packer::new(Compression::Off));
    let reader = Reader::new(None, packer).on(Some(foundation));
    let mut state = Map::default();
    let laid = base::lay(&reader, |changes| {
        state.apply(changes);
        Ok(())
    });
    laid.unwrap();
    let beginning = base::beginning(&reader).unwrap().unwrap();
    let query = store::TallyQuery::everything();
    let tallies = query::tallies(&state, Position(position), query).unwrap();
    assert_eq!(beginning.audit.units(), tallies.units);
    let gone = beginning.audit.gone().iter();
    let gone = gone.filter(|(cell, _)| cell.basis == DayBasis::Reception);
    assert_eq!(gone.map(|(_, units)| units).sum::<i64>(), 29);
    let kept = query::documents(&state, None, usize::MAX).unwrap();
    assert_eq!(beginning.audit.held(), kept.len());
    assert!(kept.iter().any(|of| of.received.document == id(HELD)));
    for (position, bytes) in reader.kept(Position(0), usize::MAX).unwrap() {
        assert!(position <= reader.begin().position);
        Stamped::read(&bytes).unwrap();
    }
}
