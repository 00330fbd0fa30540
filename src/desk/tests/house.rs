//! A small house: a ledger, two centres, one endpoint, a caller of each role, and the desk. Every answer is held
//! against the description.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, Request, header};
use axum::response::Response;
use bytes::Bytes;
use http_body_util::BodyExt;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::access::{Access, CertificateEntry, Config as AccessConfig, Grant, Role, TokenFile};
use crate::claims::agreement::Agreements;
use crate::claims::delivery::{Event, Form};
use crate::claims::document::{Cents, Facts, Key, Kind, Purpose};
use crate::claims::entry::{Next, Reason, Sealed};
use crate::claims::example;
use crate::claims::foundation;
use crate::claims::id::{Amo, Destination, Digest, DocumentId, EndpointName, Finess, LotId, Name};
use crate::claims::outcome::{Named, Refusal};
use crate::claims::receipt::{
    Coverage, DocumentVerdict, Evidence, Item, Part, PartOutcome, PartSettlement, Receipt,
    Settlement, SettlementContent, Verdict,
};
use crate::claims::registry::{
    Caisse, Centre, EndpointVersion, Gestionnaire, GestionnaireId, Registration,
};
use crate::claims::retention::Rules;
use crate::claims::routes::Routes;
use crate::claims::terms::Terms;
use crate::claims::time::{Day, Timestamp};
use crate::clock::{Clock, ManualClock};
use crate::desk::registry::Written;
use crate::desk::{self, Config, Desk, Parts, Scrapers};
use crate::formats::json::described::foresees;
use crate::formats::json::problem::FaultText;
use crate::formats::json::{problem, refusal};
use crate::formats::jws::unencoded::{Signer, pem_of};
use crate::formats::registry::Lined;
use crate::formats::xml::{Reader, write_receipt, write_settlement};
use crate::http;
use crate::report::CentreLabel;
use crate::report::agreements::File;
use crate::report::count::snapshot::Snapshot;
use crate::report::statement::publisher::Publisher;
use crate::store::lanes::Board;
use crate::store::ledger::Secret;
use crate::store::memory::Memory;
use crate::store::traces::Traces;
use crate::store::{
    self, Admission, Admitted, Command, Conclusion, Heard, Lease, Outcome, Store, TallyQuery, Unity,
};
use crate::telemetry::Telemetry;
use crate::tls::Peer;
use crate::tls::authority::{Authority, ClientName};

pub(super) const OWN: &str = "750712184";
pub(super) const OTHER: &str = "750000002";
/// What an operator orders where only the reason has to be said.
pub(super) const ORDER: &str = r#"{"reason": "maintenance"}"#;

/// A listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Door {
    Public,
    Operators,
}

pub(super) struct House {
    pub(super) store: Arc<Memory>,
    pub(super) clock: Arc<ManualClock>,
    pub(super) desk: Arc<Desk>,
    /// The endpoints' lanes, as dispatch would leave them.
    pub(super) lanes: Arc<Board>,
    /// Which endpoint serves whom.
    pub(super) routes: watch::Sender<Arc<Routes>>,
    /// What the keeper publishes.
    pub(super) snapshots: watch::Sender<Arc<Snapshot>>,
    /// Ends streams.
    pub(super) closing: CancellationToken,
    tokens: BTreeMap<&'static str, String>,
    certificate: Arc<[u8]>,
    directory: TempDir,
}

pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Answer {
    pub(super) async fn of(response: Response) -> Answer {
        let (parts, body) = response.into_parts();
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: body.collect().await.unwrap().to_bytes(),
        }
    }

    pub(super) fn is_foreseen(&self, method: &str, path: &str) {
        let media_type = self.headers.get(header::CONTENT_TYPE);
        let media_type = media_type.map_or("", |value| value.to_str().unwrap());
        let json = if media_type.ends_with("json") {
            self.json()
        } else {
            Value::Null
        };
        foresees(method, path, self.status, media_type, &json);
    }

    /// Holds an answer against its golden file in `fixtures/answers/desk`: a problem with its status and
    /// headers, anything else must be found and is its JSON alone.
    #[allow(
        clippy::disallowed_methods,
        reason = "UPDATE=1 rewrites the golden file"
    )]
    pub(super) fn is(&self, slug: &str) {
        let body = format!("{:#}\n", self.json());
        let (slug, found) = if self.header(header::CONTENT_TYPE) == problem::MEDIA_TYPE {
            let status = self.status;
            let head = format!("{status}\n{}", self.shown_headers());
            (format!("{status}-{slug}.http"), format!("{head}\n{body}"))
        } else {
            assert_eq!(self.status, 200, "{slug}: {body}");
            (format!("{slug}.json"), body)
        };
        let file = format!("fixtures/answers/desk/{slug}");
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&file, &found).unwrap();
        }
        let kept = std::fs::read_to_string(&file).unwrap_or_default();
        assert_eq!(found, kept, "{file}: UPDATE=1 rewrites it");
        assert_eq!(self.header(header::CACHE_CONTROL), "no-store");
    }

    fn shown_headers(&self) -> String {
        let shown = [header::CONTENT_TYPE, header::RETRY_AFTER, header::ALLOW];
        let shown = shown.iter().filter_map(|name| {
            let value = self.headers.get(name)?;
            Some(format!("{name}: {}\n", value.to_str().unwrap()))
        });
        shown.collect()
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(super) fn header(&self, name: header::HeaderName) -> &str {
        self.headers[name].to_str().unwrap()
    }
}

pub(super) fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

pub(super) fn caisse() -> Destination {
    Destination::Amo(example::caisse())
}

pub(super) fn endpoint() -> EndpointName {
    EndpointName::parse("paris").unwrap()
}

pub(super) fn facts(kind: Kind, number: &str) -> Facts {
    let ordinary = example::facts(kind, number);
    Facts {
        key: Key {
            centre: Finess::parse(OWN).unwrap(),
            ..ordinary.key
        },
        ..ordinary
    }
}

pub(super) fn admission(id: u128, facts: Facts) -> Admission {
    let body = Bytes::from(format!("<document n=\"{id}\"/>"));
    Admission {
        document: DocumentId(id),
        purpose: Purpose::Real,
        facts,
        digest: Digest(Sha256::digest(&body).into()),
        body: store::Body {
            bytes: body,
            salt: [7; 16],
        },
        warnings: vec![name("ACT_QUALIFIER")],
    }
}

fn centre(finess: &str, gestionnaire: &str) -> Centre {
    Centre {
        finess: Finess::parse(finess).unwrap(),
        gestionnaire: name(gestionnaire),
        agreement: name("national"),
        ..example::centre()
    }
}

pub(super) fn agreements() -> Agreements {
    let file: File = serde_json::from_value(serde_json::json!({
        "id": "national", "title": "Accord", "role": "agreement", "source": "a test", "parties": ["UNCAM"],
        "in_force_from": "2020-01-01", "status": "unconfirmed",
        "counting": {
            "kinds": ["FSE", "paper"], "numerator_modes": ["S", "F", "C"],
            "modes_shown_apart": ["D", "L", "P", "N"], "day_basis": "clock",
            "minimum_paper_coverage": [1, 1], "paper_duplicate": "paper", "rejected": "transmitted",
        },
    }))
    .unwrap();
    let agreement = file.agreement().ok().unwrap();
    Agreements::new(vec![agreement]).ok().unwrap()
}

/// Reads words of FINESS, name and first day in the place of a file; the program's own reader is tried elsewhere.
fn read_registry(text: &str, _: Written) -> Result<Vec<Lined>, Vec<FaultText>> {
    let rows = (1..).zip(text.lines()).map(|(number, line)| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let lined = |registration| Lined {
            line: Some(number),
            registration,
        };
        let from = |text| Day::parse(text).unwrap();
        match words[..] {
            ["gestionnaire", id, name, day] => {
                Ok(lined(Registration::Gestionnaire(Gestionnaire {
                    id: GestionnaireId::parse(id).unwrap(),
                    name: name.into(),
                    from: from(day),
                    until: None,
                })))
            }
            ["caisse", code, name, day] => Ok(lined(Registration::Caisse(Caisse {
                code: Amo::parse(code).unwrap(),
                name: name.into(),
                from: from(day),
                until: None,
            }))),
            ["endpoint", name, destination, day] => {
                Ok(lined(Registration::Endpoint(EndpointVersion {
                    name: EndpointName::parse(name).unwrap(),
                    purpose: Purpose::Real,
                    destinations: vec![Destination::parse(destination).unwrap()],
                    settings: "base = 'https://caisse.example'".into(),
                    from: from(day),
                    until: None,
                })))
            }
            [finess, name, agreement, day] => Ok(lined(Registration::Centre(Centre {
                name: name.into(),
                agreement: self::name(agreement),
                from: from(day),
                ..centre(finess, "G1")
            }))),
            _ => Err(vec![FaultText {
                place: line.into(),
                reason: "four words".into(),
            }]),
        }
    });
    rows.collect()
}

fn grant(name: &str, role: Role) -> Grant {
    Grant {
        name: name.into(),
        role,
        centres: Vec::new(),
        gestionnaire: None,
        insurer: None,
        test: false,
    }
}

fn grants() -> [(&'static str, Grant); 7] {
    let of = |name, finess: &str, test| Grant {
        centres: vec![finess.into()],
        test,
        ..grant(name, Role::Centre)
    };
    let gestionnaire = Grant {
        gestionnaire: Some("G1".into()),
        ..grant("gestionnaire", Role::Centre)
    };
    [
        ("centre", of("centre", OWN, false)),
        ("other", of("other", OTHER, false)),
        ("tester", of("tester", OWN, true)),
        ("gestionnaire", gestionnaire),
        ("operator", grant("operator", Role::Operator)),
        ("national", grant("national", Role::National)),
        ("metrics", grant("metrics", Role::Metrics)),
    ]
}

fn certificate() -> Arc<[u8]> {
    let authority = Authority::new("Test").unwrap();
    let client = ClientName {
        common_name: "caisse",
        uri: None,
    };
    let pair = authority.client(client).unwrap();
    let pem = x509_parser::pem::parse_x509_pem(pair.certificate.as_bytes()).unwrap();
    pem.1.contents.into()
}

impl House {
    /// Where traces are kept.
    pub(super) fn traces(&self) -> std::path::PathBuf {
        self.directory.path().join("traces")
    }

    pub(super) async fn new() -> House {
        House::with(Config::default()).await
    }

    pub(super) async fn with(config: Config) -> House {
        let now = Timestamp::parse("2026-11-22T12:00:00Z").unwrap();
        let clock = Arc::new(ManualClock::new(now, 1));
        let store = Arc::new(Memory::new(Secret::new([9; 32])));
        let centres = vec![centre(OWN, "G1"), centre(OTHER, "G2")];
        store.commit(now, Command::Registry(centres)).await.unwrap();
        let directory = tempfile::tempdir().unwrap();
        let (access, tokens) = access(directory.path(), now);
        let routes = Routes::new([(endpoint(), Purpose::Real, vec![caisse()])]);
        let routes = watch::Sender::new(Arc::new(routes));
        let telemetry = Telemetry::new(&Default::default(), &[endpoint()]).unwrap();
        let agreements = Arc::new(agreements());
        let (snapshots, published) = watch::channel(Arc::default());
        let tallies = store.tallies(every_day()).await.unwrap();
        let registry = store.centres().await.unwrap();
        let snapshot = Snapshot::balanced(now, tallies, registry, &agreements);
        snapshots.send_replace(Arc::new(snapshot));
        let closing = CancellationToken::new();
        let telemetry = Arc::new(telemetry);
        let publisher = Publisher::new(
            store.clone(),
            clock.clone(),
            Some(Signer::from_pem(&pem_of([42; 32])).unwrap()),
            telemetry.clone(),
            &Default::default(),
        );
        let lanes: Arc<Board> = Arc::default();
        let desk = Desk::new(Parts {
            lanes: lanes.clone(),
            store: store.clone(),
            retaining: store.clone(),
            traces: Arc::new(Traces::of(directory.path())),
            retention: Rules::default(),
            terms: Terms::default(),
            proof_months: foundation::DEFAULT_MONTHS,
            custody: store.clone(),
            access: Arc::new(access),
            clock: clock.clone(),
            reader: Arc::new(Reader::new().unwrap()),
            routes: routes.subscribe(),
            agreements,
            snapshots: published,
            publisher: Arc::new(publisher),
            read_registry: Arc::new(read_registry),
            imported: Arc::default(),
            telemetry,
            config,
            past: crate::report::Config::default().past(),
            centre_label: CentreLabel::UpTo(10),
            closing: closing.clone(),
        });
        House {
            store,
            clock,
            lanes,
            routes,
            desk,
            snapshots,
            closing,
            tokens,
            certificate: certificate(),
            directory,
        }
    }

    /// A house whose metrics are open on loopback.
    pub(super) async fn with_open_metrics() -> House {
        House::with(Config {
            metrics: Scrapers::Loopback,
            ..Config::default()
        })
        .await
    }

    /// Counts the ledger as the keeper does, and publishes it.
    pub(super) async fn count(&self) -> Arc<Snapshot> {
        let tallies = self.store.tallies(every_day()).await.unwrap();
        let registry = self.store.centres().await.unwrap();
        let now = self.clock.now();
        let snapshot = Arc::new(Snapshot::balanced(now, tallies, registry, &agreements()));
        self.snapshots.send_replace(snapshot.clone());
        snapshot
    }

    pub(super) async fn get(&self, door: Door, who: &str, path: &str) -> Answer {
        self.ask(door, who, "GET", path, Body::empty()).await
    }

    /// Up to where the ledger goes.
    pub(super) fn store_position(&self) -> u64 {
        self.store.health().position.0
    }

    /// An operator's order, with a reason.
    pub(super) async fn order(&self, path: &str) -> Answer {
        self.post("operator", path, ORDER).await
    }

    pub(super) async fn post(&self, who: &str, path: &str, body: &'static str) -> Answer {
        self.ask(Door::Operators, who, "POST", path, Body::from(body))
            .await
    }

    /// Asks as a caller: one of the tokens, `insurer` by certificate, or `nobody`.
    pub(super) async fn ask(
        &self,
        door: Door,
        who: &str,
        method: &str,
        path: &str,
        body: Body,
    ) -> Answer {
        let request = Request::builder().method(method).uri(path);
        let response = self.send(door, who, request, body).await;
        let answer = Answer::of(response).await;
        answer.is_foreseen(method, path.split('?').next().unwrap());
        answer
    }

    /// Opens a stream, after a last event.
    pub(super) async fn open(
        &self,
        door: Door,
        who: &str,
        path: &str,
        last: Option<&str>,
    ) -> Response {
        let mut request = Request::builder().uri(path);
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        self.send(door, who, request, Body::empty()).await
    }

    pub(super) async fn send(
        &self,
        door: Door,
        who: &str,
        mut request: axum::http::request::Builder,
        body: Body,
    ) -> Response {
        if let Some(token) = self.tokens.get(who) {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let address: SocketAddr = match door {
            Door::Public => "192.0.2.1:1".parse().unwrap(),
            Door::Operators => "127.0.0.1:1".parse().unwrap(),
        };
        let request = request.extension(Peer {
            address,
            certificate: (who == "insurer").then(|| self.certificate.clone()),
        });
        let router = match door {
            Door::Public => desk::public(self.desk.clone()),
            Door::Operators => desk::operators(self.desk.clone()),
        };
        let router = http::closed(router);
        router.oneshot(request.body(body).unwrap()).await.unwrap()
    }

    pub(super) async fn commit(&self, command: Command) -> Outcome {
        self.store.commit(self.clock.now(), command).await.unwrap()
    }

    pub(super) async fn admit(&self, admission: Admission) {
        let outcome = self
            .commit(Command::Admit {
                caller: name("centre"),
                documents: vec![admission],
                unity: Unity::Each,
            })
            .await;
        let Outcome::Admitted(rows) = outcome else {
            panic!("{outcome:?}")
        };
        assert!(matches!(rows[0], Admitted::Received { .. }), "{rows:?}");
    }

    /// The document 1, admitted.
    pub(super) async fn admitted() -> House {
        let house = House::new().await;
        house
            .admit(admission(1, facts(Kind::Fse, "100000001")))
            .await;
        house
    }

    /// Seals document 1 into lot 11.
    pub(super) async fn seal(&self) {
        self.seal_all(vec![DocumentId(1)]).await;
    }

    async fn seal_all(&self, documents: Vec<DocumentId>) {
        self.seal_for(endpoint(), documents).await;
    }

    /// Seals documents into lot 11 for an endpoint.
    pub(super) async fn seal_for(&self, endpoint: EndpointName, documents: Vec<DocumentId>) {
        self.commit(Command::Seal(Sealed {
            lot: LotId(11),
            centre: Finess::parse(OWN).unwrap(),
            destination: caisse(),
            endpoint,
            purpose: Purpose::Real,
            documents,
            digest: Digest([1; 32]),
            length: 100,
            due: self.clock.now(),
            form: Form::Composed,
        }))
        .await;
    }

    /// Seals documents 1 and 2 into lot 11.
    pub(super) async fn seal_both(&self) {
        self.seal_all(vec![DocumentId(1), DocumentId(2)]).await;
    }

    pub(super) async fn lease(&self) {
        let lease = Lease {
            endpoint: endpoint(),
            until: self.clock.now() + Duration::from_secs(60),
            most: 10,
        };
        let leased = self.store.lease_due(self.clock.now(), lease).await.unwrap();
        assert_eq!(leased.len(), 1);
    }

    /// Sends lot 11 for the first time, with this end.
    pub(super) async fn attempt(&self, event: Event, reason: Reason) {
        self.lease().await;
        self.conclude(event, reason, None).await;
    }

    pub(super) async fn conclude(&self, event: Event, reason: Reason, refusal: Option<Refusal>) {
        let named = refusal.iter().flat_map(|refusal| &refusal.named);
        let named = named
            .map(|named| (named.document, named.code.clone()))
            .collect();
        let words = refusal.map(|words| store::Body {
            bytes: refusal::write(&words).into(),
            salt: [5; 16],
        });
        self.commit(Command::Conclude(Conclusion {
            lot: LotId(11),
            attempt: 1,
            asked: None,
            event,
            next: Next {
                at: self.clock.now() + Duration::from_secs(3600),
                reason,
            },
            named,
            words,
        }))
        .await;
    }

    pub(super) async fn conclude_attempt(&self, attempt: u32, event: Event, reason: Reason) {
        self.commit(Command::Conclude(Conclusion {
            lot: LotId(11),
            attempt,
            asked: None,
            event,
            next: Next {
                at: self.clock.now() + Duration::from_secs(3600),
                reason,
            },
            named: Vec::new(),
            words: None,
        }))
        .await;
    }

    /// The insurer's answer refuses document 1, in its own words.
    pub(super) async fn refuse(&self) {
        self.lease().await;
        let refusal = Refusal {
            code: Some(name("L01")),
            text: Some("Lot refusé".into()),
            named: vec![Named {
                document: DocumentId(1),
                code: Some(name("D07")),
                text: Some("Droits fermés".into()),
            }],
        };
        self.conclude(Event::ContentRefused, Reason::Turn, Some(refusal))
            .await;
    }

    pub(super) async fn receipt(&self, verdict: Verdict) {
        self.receipt_of("arl-1", verdict).await;
    }

    /// Another receipt for the same lot.
    pub(super) async fn receipt_again(&self, verdict: Verdict) {
        self.receipt_of("arl-2", verdict).await;
    }

    /// One for the lot's first document alone: refused.
    pub(super) async fn receipt_for_one(&self) {
        let refused = DocumentVerdict {
            document: DocumentId(1),
            verdict: Verdict::Refused,
            code: Some(name("A12")),
            text: Some("Facture en double".to_owned()),
        };
        self.hear(Item::Receipt(Receipt {
            id: name("arl-1"),
            lot: LotId(11),
            digest: Digest([1; 32]),
            issued: self.clock.now(),
            verdict: Verdict::Accepted,
            documents: vec![refused],
            coverage: Coverage::Listed,
            code: None,
            text: None,
        }))
        .await;
    }

    async fn receipt_of(&self, id: &str, verdict: Verdict) {
        let (code, text) = match verdict {
            Verdict::Accepted => (None, None),
            Verdict::Refused => (Some(name("A12")), Some("Facture en double".to_owned())),
        };
        self.hear(Item::Receipt(Receipt {
            id: name(id),
            lot: LotId(11),
            digest: Digest([1; 32]),
            issued: self.clock.now(),
            verdict,
            documents: Vec::new(),
            coverage: Coverage::Whole,
            code,
            text,
        }))
        .await;
    }

    pub(super) async fn settle(&self, outcome: PartOutcome) {
        let (code, text) = match outcome {
            PartOutcome::Paid => (None, None),
            PartOutcome::Rejected | PartOutcome::Deferred => {
                (Some(name("R42")), Some("Acte non remboursable".to_owned()))
            }
        };
        let part = PartSettlement {
            part: Part::Amo,
            outcome,
            amount: Cents(1750),
            code,
            text,
        };
        self.hear(Item::Settlement(Settlement {
            id: name("rsp-1"),
            document: DocumentId(1),
            issued: self.clock.now(),
            content: SettlementContent::Parts(vec![part]),
        }))
        .await;
    }

    async fn hear(&self, item: Item) {
        let bytes = match &item {
            Item::Receipt(receipt) => write_receipt(receipt),
            Item::Settlement(settlement) => write_settlement(settlement),
        };
        let heard = Heard {
            evidence: Evidence::Item(item),
            body: store::Body {
                bytes: bytes.into(),
                salt: [3; 16],
            },
        };
        self.commit(Command::Receipts {
            formerly: Vec::new(),
            endpoint: endpoint(),
            purpose: Purpose::Real,
            destinations: vec![caisse()],
            items: vec![heard],
            cursor: None,
        })
        .await;
    }
}

fn access(directory: &std::path::Path, now: Timestamp) -> (Access, BTreeMap<&'static str, String>) {
    let path = directory.join("tokens");
    let file = TokenFile::new(path.clone());
    let until = now + Duration::from_secs(30 * 86_400);
    let issue = |(name, grant)| {
        let issued = file.issue(grant, until, now).unwrap();
        (name, issued.secret.reveal().to_owned())
    };
    let tokens = grants().into_iter().map(issue).collect();
    let config = AccessConfig {
        tokens: Some(path),
        certificates: vec![CertificateEntry {
            identity: "cn:caisse".into(),
            caller: Grant {
                insurer: Some("paris".into()),
                ..grant("caisse", Role::Insurer)
            },
        }],
    };
    let access = Access::open(&config, Arc::new(|_| {}), now).unwrap();
    (access, tokens)
}

fn every_day() -> TallyQuery {
    TallyQuery {
        centre: None,
        from: Day::new(2000, 1, 1).unwrap(),
        to: Day::new(2100, 1, 1).unwrap(),
    }
}
