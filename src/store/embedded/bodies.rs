//! Bodies of the journal, found by the index.
//!
//! Must never take a body that is damaged for one that has ended: the one can be healed.

use std::sync::Arc;

use crate::claims::id::DocumentId;
use crate::store::embedded::overlay::{Overlay, View};
use crate::store::embedded::{places, unreadable};
use crate::store::journal;
use crate::store::journal::reader::Reader;
use crate::store::ledger::records;
use crate::store::{Body, BodyId, Carried, Error};

/// What lies where the index says that a body is.
enum Found {
    Body(Body),
    Nothing,
    /// The bodies of its segment are gone, or all of it.
    Archived,
    /// It cannot be read, for this reason.
    Damaged(Error),
}

/// A body; none if there is none, or it has ended.
pub(super) fn body(
    view: &View,
    overlay: &Arc<Overlay>,
    reader: &Reader,
    body: BodyId,
) -> Result<Option<Body>, Error> {
    match look(view, overlay, reader, body)? {
        Found::Body(found) => Ok(Some(found)),
        Found::Nothing | Found::Archived => Ok(None),
        Found::Damaged(error) => Err(error),
    }
}

/// A document as it is carried; none where a part of it is not there, or its bytes cannot be read.
pub(super) fn carried(
    view: &View,
    overlay: &Arc<Overlay>,
    reader: &Reader,
    document: DocumentId,
) -> Result<Option<Carried>, Error> {
    let Some(record) = records::document(view, document)? else {
        return Ok(None);
    };
    match look(view, overlay, reader, BodyId::Document(document))? {
        Found::Body(body) => Ok(Some(Carried {
            received: record.received,
            body,
        })),
        Found::Nothing | Found::Archived | Found::Damaged(_) => Ok(None),
    }
}

fn look(
    view: &View,
    overlay: &Arc<Overlay>,
    reader: &Reader,
    body: BodyId,
) -> Result<Found, Error> {
    match find(view, reader, body)? {
        // It was copied before its segment lost its bodies: whoever looks now finds it elsewhere, or it has ended.
        Found::Archived => find(&overlay.view(), reader, body),
        found @ (Found::Body(_) | Found::Nothing | Found::Damaged(_)) => Ok(found),
    }
}

fn find(view: &View, reader: &Reader, body: BodyId) -> Result<Found, Error> {
    let Some(place) = places::body(view, body)? else {
        return Ok(Found::Nothing);
    };
    match reader.body(place) {
        Ok((name, found)) if name == body => Ok(Found::Body(found)),
        Ok(_) => Ok(Found::Damaged(Error::Read(
            "another body lies in its place".into(),
        ))),
        // The key of a segment goes after its archive has its name, and while one still reads the segment itself.
        Err(
            journal::Error::Archived(_) | journal::Error::Founded(_) | journal::Error::Purged(_),
        ) => Ok(Found::Archived),
        Err(error) => Ok(Found::Damaged(unreadable(error))),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::FileExt as _;
    use std::path::Path;

    use tempfile::TempDir;

    use super::*;
    use crate::store::embedded::tests::{config, fill, open_config};
    use crate::store::{Store, Unobserved};

    /// Changes the last byte of a body in its segment.
    fn damage(directory: &Path, body: &str) {
        for file in fs::read_dir(directory.join("journal")).unwrap() {
            let path = file.unwrap().path();
            let bytes = fs::read(&path).unwrap();
            let mut windows = bytes.windows(body.len());
            if let Some(at) = windows.position(|window| window == body.as_bytes()) {
                let file = fs::OpenOptions::new().write(true).open(path).unwrap();
                file.write_at(b"!", (at + body.len() - 1) as u64).unwrap();
                return;
            }
        }
        panic!("the body is in no segment");
    }

    #[tokio::test]
    async fn a_damaged_body_is_the_trouble_of_its_document_alone() {
        let directory = TempDir::new().unwrap();
        let store = open_config(&config(directory.path()), Arc::new(Unobserved)).unwrap();
        fill(&store, 1..4).await;
        damage(directory.path(), &format!("{:0400}", 2));
        let asked = [3, 2, 9, 1].map(DocumentId);
        let carried = store.carried(&asked).await.unwrap();
        let found = carried.iter().map(|carried| {
            let Carried { received, body } = carried.as_ref()?;
            let text = std::str::from_utf8(&body.bytes).unwrap();
            Some((received.document.0, text.parse::<u128>().unwrap()))
        });
        assert_eq!(
            found.collect::<Vec<_>>(),
            [Some((3, 3)), None, None, Some((1, 1))]
        );
        let damaged = store.body(BodyId::Document(DocumentId(2))).await;
        assert!(matches!(damaged, Err(Error::Read(_))));
    }
}
