//! A private authority, a simulated insurer and a transport that reaches it, on this machine.

use std::path::Path;
use std::sync::Arc;

use bordereau::claims::document::{Kind, Purpose};
use bordereau::claims::id::{Amo, Destination, DocumentId, EndpointName, Finess, LotId, Number};
use bordereau::claims::time::Timestamp;
use bordereau::clock::{Clock, ManualClock};
use bordereau::formats::jws::unencoded;
use bordereau::formats::lot::{Composed, Lot, MediaType, Piece, compose};
use bordereau::simulator::insurer::plan::Plan;
use bordereau::simulator::insurer::{self, Handle, Insurer};
use bordereau::tls::authority::{Authority, ClientName};
use bordereau::transport::https::Https;
use bordereau::transport::{self, Endpoint};
use serde_json::json;
use tempfile::TempDir;
use tokio::net::TcpListener;

/// What the key derives from by which the insurer signs.
const SIGNER: [u8; 32] = [0x51; 32];

/// Certificates on disk, an insurer that listens, and the way to it.
pub struct Rig {
    pub insurer: Handle,
    pub transport: Https,
    pub clock: Arc<ManualClock>,
    pub folder: TempDir,
}

impl Rig {
    pub async fn start(plan: &str) -> Rig {
        let folder = certificates();
        let start = Timestamp::parse("2026-11-20T08:00:00Z").unwrap();
        let clock = Arc::new(ManualClock::new(start, 1));
        let insurer = insurer(folder.path(), plan, clock.clone()).await;
        let address = format!("https://localhost:{}/wire", insurer.address.port());
        let transport = https(endpoint(folder.path(), &address));
        Rig {
            insurer,
            transport,
            clock,
            folder,
        }
    }

    /// A new lot of documents with these kinds and numbers.
    pub fn lot(&self, documents: &[(Kind, &str)]) -> Composed {
        let pieces = documents
            .iter()
            .map(|(kind, number)| piece(DocumentId(self.clock.fresh_id()), *kind, number));
        compose(header(LotId(self.clock.fresh_id())), pieces.collect())
    }
}

/// `authority.pem`, and `server`, `client`, `stranger` (of another authority), each `.pem` and `.key`.
pub fn certificates() -> TempDir {
    let folder = TempDir::new().unwrap();
    let authority = Authority::new("Simulated insurers").unwrap();
    authority.write(folder.path()).unwrap();
    let server = authority.server(&["localhost", "127.0.0.1"]).unwrap();
    server.write(folder.path(), "server").unwrap();
    let name = ClientName {
        common_name: "gateway",
        uri: None,
    };
    authority
        .client(name)
        .unwrap()
        .write(folder.path(), "client")
        .unwrap();
    let stranger = Authority::new("Somebody else")
        .unwrap()
        .client(name)
        .unwrap();
    stranger.write(folder.path(), "stranger").unwrap();
    folder
}

pub async fn insurer(folder: &Path, plan: &str, clock: Arc<dyn Clock>) -> Handle {
    let plan: Plan = serde_json::from_str(plan).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let sign = folder.join("sign.key");
    std::fs::write(&sign, unencoded::pem_of(SIGNER)).unwrap();
    let config = insurer::Config {
        book: folder.join("book.jsonl"),
        tls: server(folder),
        plan,
        limits: serde_json::from_value(json!({ "feed_items": 4 })).unwrap(),
        sign: Some(sign),
    };
    Insurer::start(config, listener, clock).unwrap()
}

/// The public key by which the insurer signs, in PEM.
pub fn signs_with() -> String {
    let signer = unencoded::Signer::from_pem(&unencoded::pem_of(SIGNER)).unwrap();
    signer.public().pem()
}

pub fn server(folder: &Path) -> bordereau::tls::Config {
    serde_json::from_value(json!({
        "certificate": folder.join("server.pem"),
        "key": folder.join("server.key"),
        "client_roots": folder.join("authority.pem"),
    }))
    .unwrap()
}

pub fn endpoint(folder: &Path, base: &str) -> Endpoint {
    serde_json::from_value(json!({
        "name": "caisse",
        "base": base,
        "destinations": ["amo:017510000"],
        "tls": {
            "roots": folder.join("authority.pem"),
            "identity": { "certificate": folder.join("client.pem"), "key": folder.join("client.key") },
        },
        "limits": { "answer_seconds": 2, "connect_seconds": 1, "answer_bytes": 10_000 },
    }))
    .unwrap()
}

pub fn https(endpoint: Endpoint) -> Https {
    Https::new(&transport::Config {
        endpoints: vec![endpoint],
        webhooks: Default::default(),
    })
    .unwrap()
}

pub fn caisse() -> EndpointName {
    EndpointName::parse("caisse").unwrap()
}

pub fn header(id: LotId) -> Lot {
    Lot {
        id,
        centre: Finess::parse("750712184").unwrap(),
        destination: Destination::Amo(Amo::new("01", "751", "0000").unwrap()),
        purpose: Purpose::Real,
    }
}

pub fn piece(document: DocumentId, kind: Kind, number: &str) -> Piece {
    let text = format!(
        "<document number=\"{number}\"><settledFor amc=\"1\"/>\
         <totals><fees>30.00</fees><amo>21.00</amo><amc>9.00</amc></totals></document>\r\n"
    );
    let number = Number::parse(number).unwrap();
    Piece::new(document, number, kind, MediaType::Xml, text.into())
}
