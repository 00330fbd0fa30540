//! The evidence of one document, for those who do not have the gateway: its bytes and what insurers said, the entries
//! that commit to them, and the chain around each of these from an anchor before to an anchor after.
//!
//! The chain is one line of hashes over all entries, so the proof holds windows of it: every entry between two anchors,
//! those of other centres too. What lies outside of the windows is not in it, and nothing in a bundle can say whether
//! anything there speaks of the document. Entries hold nothing nominative; a bundle is for who may see all centres. It
//! is checked here as well, from its own bytes alone: what `document.json` says is all found
//! again in the entries, and what cannot be found there stands in a file that says so by its name.

mod speech;
mod verify;
mod window;

use serde::{Deserialize, Serialize};

use crate::claims::commitment::Chain;
use crate::claims::custody::Anchor;
use crate::claims::entry::{Position, Stamped};
use crate::claims::id::DocumentId;
use crate::claims::registry::Centre;
use crate::claims::time::Timestamp;
use crate::formats::tar;
use crate::store::custody::Custody;
use crate::store::{self, DocumentView, Store};

use speech::{Listener, Unsealed};
use window::Window;

pub use verify::{Kept, Proven, Spoken, verify};

/// What stands beside the evidence, for people.
const INSTRUCTIONS: &str = include_str!("instructions.txt");
/// Its name.
const README: &str = "README.txt";
/// The file that says what is what.
const MANIFEST: &str = "document.json";
/// What the gateway says beside, and the chain does not prove.
const ASIDE: &str = "not-proven.json";
/// The version of the form of all this.
const VERSION: u32 = 3;
/// Entries and anchors read at once.
const PAGE: usize = 1_000;
/// Where a ledger begins without a foundation.
const BEGINNING: Anchor = Anchor {
    position: Position(0),
    chain: Chain::BEGINNING,
};

/// Whether the bodies are in the bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bodies {
    /// They are, as far as they are kept.
    Included,
    /// Only the commitments to them are.
    LeftOut,
}

/// Why there is no bundle.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// It would be longer than it may be.
    #[error("the evidence would be too large")]
    TooLarge,
    /// A foundation stands for entries around it, and without them no chain is proven.
    #[error("entries that would prove it have gone")]
    Founded,
}

/// What is what in a bundle: nothing that cannot be found again in its entries.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    /// The version of this form.
    version: u32,
    document: String,
    /// Those that it was sealed into.
    lots: Vec<String>,
    windows: Vec<WindowText>,
    /// The entries of the windows that speak of the document.
    history: Vec<u64>,
    /// The bodies that these commit to.
    bodies: Vec<BodyText>,
}

/// A stretch of the ledger: the first entry is the one after `after`, the last one is `upto`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WindowText {
    after: u64,
    upto: u64,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct BodyText {
    /// Its directory among the bodies.
    name: String,
    /// The entry that commits to it.
    entry: u64,
    commitment: String,
    /// Whether its bytes are in the bundle; if not, they are kept back or gone.
    included: bool,
}

/// What helps to read a bundle, and is proven by nothing in it.
#[derive(Debug, Serialize)]
struct AsideText {
    made_at: String,
    /// When the hashes at the ends of windows were anchored.
    anchors: Vec<AnchoredText>,
    /// The registrations of the document's centre.
    centre: Vec<CentreText>,
}

#[derive(Debug, Serialize)]
struct AnchoredText {
    position: u64,
    anchored_at: String,
}

#[derive(Debug, Serialize)]
struct CentreText {
    finess: String,
    category: String,
    caisse: String,
    agreement: String,
    from: String,
    until: Option<String>,
}

/// Puts the evidence of a document together: an archive of at most so many bytes.
///
/// # Errors
/// [`Error`].
pub async fn bundle(
    store: &dyn Store,
    custody: &dyn Custody,
    view: &DocumentView,
    bodies: Bodies,
    at: Timestamp,
    most: usize,
) -> Result<Vec<u8>, Error> {
    let received = &view.record.received;
    let beginning = store.beginning().await?;
    let beginning = beginning.map_or(BEGINNING, |beginning| Anchor {
        position: beginning.position,
        chain: beginning.chain,
    });
    if view.record.position <= beginning.position {
        return Err(Error::Founded);
    }
    let windows = Window::around(custody, beginning, &view.history).await?;
    let mut gathering = Gathering {
        store,
        document: received.document,
        listener: Listener::of(received.document),
        kept: bodies,
        seconds: u64::try_from(at.micros() / 1_000_000).unwrap_or(0),
        tar: tar::Writer::default(),
        history: Vec::new(),
        bodies: Vec::new(),
    };
    for window in &windows {
        gathering.window(window, most).await?;
    }
    let centre = store.centres().await?.remove(&received.facts.key.centre);
    let aside = AsideText {
        made_at: at.to_string(),
        anchors: windows.iter().flat_map(AnchoredText::of).collect(),
        centre: centre.iter().flatten().map(CentreText::from).collect(),
    };
    gathering.add(ASIDE, &json(&aside));
    gathering.add(README, gathering.instructions(view).as_bytes());
    let manifest = gathering.manifest(&windows);
    gathering.add(MANIFEST, &json(&manifest));
    Ok(gathering.tar.finish())
}

fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec_pretty(value).expect("texts and numbers can be written")
}

/// A bundle that is put together.
struct Gathering<'a> {
    store: &'a dyn Store,
    document: DocumentId,
    listener: Listener,
    kept: Bodies,
    seconds: u64,
    tar: tar::Writer,
    history: Vec<u64>,
    bodies: Vec<BodyText>,
}

impl Gathering<'_> {
    fn add(&mut self, name: &str, bytes: &[u8]) {
        self.tar.add(name, self.seconds, bytes);
    }

    /// Adds a window: every entry, the hashes at both ends, and the bodies of entries that speak of the document.
    async fn window(&mut self, window: &Window, most: usize) -> Result<(), Error> {
        let directory = window.directory();
        let mut chain = window.from.chain;
        self.add(&format!("{directory}/before"), &chain.0);
        let mut after = window.from.position;
        while after < window.to.position {
            let left = usize::try_from(window.to.position.0 - after.0).unwrap_or(PAGE);
            let page = self.store.entries(after, left.min(PAGE)).await?;
            let Some((last, _)) = page.last() else {
                return Err(store::Error::Read("entries of the proof are gone".into()).into());
            };
            after = *last;
            for (position, stamped) in &page {
                let bytes = stamped.canonical();
                chain = chain.after(&bytes);
                self.add(&format!("{directory}/entries/{:020}", position.0), &bytes);
                self.entry(*position, stamped).await?;
                if self.tar.length() > most {
                    return Err(Error::TooLarge);
                }
            }
        }
        self.add(&format!("{directory}/after"), &chain.0);
        Ok(())
    }

    /// What of an entry belongs to the document.
    async fn entry(&mut self, position: Position, stamped: &Stamped) -> Result<(), store::Error> {
        let said = self.listener.hears(&stamped.entry);
        let said = said.map_err(|Unsealed(lot)| {
            let what = format!("no entry before {} sealed it into lot {lot}", position.0);
            store::Error::Read(what.into())
        })?;
        if said.is_none() {
            return Ok(());
        }
        self.history.push(position.0);
        let Some((name, id, commitment)) = speech::body(self.document, position, stamped) else {
            return Ok(());
        };
        let body = match self.kept {
            // What an insurer wrote of other patients alone is not this document's to hand on.
            Bodies::Included if speech::is_of_others(self.document, &stamped.entry) => None,
            Bodies::Included => self.store.body(id).await?,
            Bodies::LeftOut => None,
        };
        if let Some(body) = &body {
            self.add(&format!("bodies/{name}/bytes"), &body.bytes);
            self.add(&format!("bodies/{name}/salt"), &body.salt);
            self.add(&format!("bodies/{name}/commitment"), &commitment.0);
        }
        self.bodies.push(BodyText {
            name,
            entry: position.0,
            commitment: commitment.to_string(),
            included: body.is_some(),
        });
        Ok(())
    }

    /// The instructions for this document: where it was admitted, and what it and its lots are called in entries.
    fn instructions(&self, view: &DocumentView) -> String {
        let lots = self.listener.lots().map(|lot| lot.0);
        let ids = std::iter::once(self.document.0).chain(lots);
        let ids: Vec<_> = ids.map(|id| format!("{id:032x}")).collect();
        INSTRUCTIONS
            .replace("{ADMITTED}", &format!("{:020}", view.record.position.0))
            .replace("{IDS}", &ids.join(" "))
    }

    fn manifest(&mut self, windows: &[Window]) -> Manifest {
        let windows = windows.iter().map(|window| WindowText {
            after: window.from.position.0,
            upto: window.to.position.0,
        });
        Manifest {
            version: VERSION,
            document: self.document.to_string(),
            lots: self.listener.lots().map(|lot| lot.to_string()).collect(),
            windows: windows.collect(),
            history: std::mem::take(&mut self.history),
            bodies: std::mem::take(&mut self.bodies),
        }
    }
}

impl AnchoredText {
    fn of(window: &Window) -> impl Iterator<Item = AnchoredText> {
        let ends = [(window.from, window.from_at), (window.to, window.to_at)];
        ends.into_iter().filter_map(|(anchor, at)| {
            Some(AnchoredText {
                position: anchor.position.0,
                anchored_at: at?.to_string(),
            })
        })
    }
}

impl From<&Centre> for CentreText {
    fn from(centre: &Centre) -> CentreText {
        CentreText {
            finess: centre.finess.to_string(),
            category: centre.category.as_str().to_owned(),
            caisse: centre.caisse.to_string(),
            agreement: centre.agreement.to_string(),
            from: centre.from.to_string(),
            until: centre.until.map(|day| day.to_string()),
        }
    }
}
