//! A gateway's intake with a clock that stands, a store in memory, and callers of every kind.

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response, header};
use http_body_util::BodyExt;
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::watch;
use tower::ServiceExt;

use crate::access::{self, Access, CertificateEntry, Grant, Role, TokenFile};
use crate::claims::document::{
    ActCode, Cents, ClockBasis, DestinationText, Key, Kind, Mode, Nature, PractitionerId, Purpose,
    ThirdParty,
};
use crate::claims::entry::{Entry, Position, Stamped};
use crate::claims::id::{Amc, Amo, Destination, Digest, EndpointName, Finess, LotId, Name};
use crate::claims::registry::{Category, Centre, Registry};
use crate::claims::routes::Routes;
use crate::claims::terms::{Region, Terms};
use crate::claims::time::{Day, Timestamp};
use crate::clock::ManualClock;
use crate::formats::json::described::foresees;
use crate::formats::jws::{Keyring, Keys};
use crate::formats::xml::{
    ActText, CarriedText, CoverageText, DocumentText, PersonText, PractitionerText, Reader,
    write_document,
};
use crate::intake::{Config, Intake, Parts, router};
use crate::store::ledger::Secret;
use crate::store::memory::Memory;
use crate::store::{
    Body as StoredBody, BodyId, Command, DocumentRecord, DocumentView, Due, EndpointRecord, Error,
    FiguresRecord, Find, Group, Health, JudgedRecord, Lease, Leased, Lines, LotRecord, Outcome,
    Readiness, RunRecord, Sealing, StatementRecord, Store, Tallies, TallyQuery, WhichStatements,
};
use crate::telemetry::Telemetry;
use crate::tls::Peer;
use crate::tls::authority::{Authority, ClientName};

/// The vendor's centre, one of another gestionnaire, and one that has closed.
pub(super) const CENTRE: &str = "750712184";
pub(super) const OTHER_CENTRE: &str = "750990012";
pub(super) const CLOSED_CENTRE: &str = "2A0000156";

/// Who calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    /// Nobody: neither token nor certificate.
    Nobody,
    /// A token that was never issued.
    Stranger,
    /// The vendor of the centre and of the closed one.
    Vendor,
    /// The same centre's test caller.
    Tester,
    /// The gestionnaire of the centre, by its registration.
    Gestionnaire,
    /// Who runs the gateway.
    Operator,
    /// The insurer behind `paris`, by certificate.
    Paris,
    /// The insurer behind `mutuelle`, by certificate.
    Mutuelle,
    /// The insurer behind `signee`, whose receipts are signed, by certificate.
    Signee,
}

pub(super) struct House {
    pub(super) router: Router,
    pub(super) store: Arc<Moody>,
    pub(super) clock: Arc<ManualClock>,
    pub(super) now: Timestamp,
    /// The routes as they are at present.
    pub(super) routes: watch::Sender<Arc<Routes>>,
    tokens: Vec<(Who, String)>,
    certificates: Vec<(Who, Arc<[u8]>)>,
    _directory: TempDir,
}

pub(super) fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

pub(super) fn day(text: &str) -> Day {
    Day::parse(text).unwrap()
}

pub(super) fn endpoint(text: &str) -> EndpointName {
    EndpointName::parse(text).unwrap()
}

pub(super) fn caisse() -> Destination {
    Destination::Amo(Amo::parse("017510000").unwrap())
}

pub(super) fn mutuelle() -> Destination {
    Destination::Amc(Amc::parse("77567227").unwrap())
}

impl House {
    pub(super) async fn new() -> House {
        House::with(Config::default()).await
    }

    pub(super) async fn with(config: Config) -> House {
        let now = Timestamp::parse("2026-11-20T09:00:00Z").unwrap();
        let clock = Arc::new(ManualClock::new(now, 1));
        let store = Arc::new(Moody::new());
        let centres = vec![
            centre(CENTRE, "G1", None),
            centre(OTHER_CENTRE, "G2", None),
            centre(CLOSED_CENTRE, "G1", Some(day("2026-10-31"))),
        ];
        store.commit(now, Command::Registry(centres)).await.unwrap();
        let directory = tempfile::tempdir().unwrap();
        let (access, tokens, certificates) = callers(directory.path(), now);
        let routes = Routes::new([
            (endpoint("paris"), Purpose::Real, vec![caisse()]),
            (endpoint("mutuelle"), Purpose::Real, vec![mutuelle()]),
            (endpoint("banc"), Purpose::Test, vec![caisse()]),
            (endpoint("signee"), Purpose::Real, Vec::new()),
        ]);
        let keys = include_str!("../../../fixtures/signatures/ed25519.pem");
        let keys = Keys::from_pem(keys).unwrap();
        let unsigned = ["paris", "mutuelle", "banc"].map(|name| (endpoint(name), None));
        let keys = Keyring::new(
            unsigned
                .into_iter()
                .chain([(endpoint("signee"), Some(keys))]),
        );
        let routes = watch::Sender::new(Arc::new(routes));
        let parts = Parts {
            store: store.clone(),
            access: Arc::new(access),
            clock: clock.clone(),
            reader: Arc::new(Reader::new().unwrap()),
            telemetry: Arc::new(Telemetry::new(&Default::default(), &[]).unwrap()),
            routes: routes.subscribe(),
            keys: watch::channel(Arc::new(keys)).1,
            terms: Terms::default(),
        };
        let intake = Intake::open(parts, config).await.unwrap();
        House {
            router: router(intake),
            store,
            clock,
            now,
            routes,
            tokens,
            certificates,
            _directory: directory,
        }
    }

    /// A request with the caller's identity; XML when it has a body.
    pub(super) fn request(
        &self,
        who: Who,
        method: &str,
        path: &str,
        body: impl Into<Body>,
    ) -> Request<Body> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::CONTENT_TYPE, "application/xml; charset=utf-8")
            .body(body.into())
            .unwrap();
        let certificate = self.certificates.iter().find(|(known, _)| *known == who);
        request.extensions_mut().insert(Peer {
            address: "127.0.0.1:1".parse().unwrap(),
            certificate: certificate.map(|(_, der)| der.clone()),
        });
        if let Some((_, token)) = self.tokens.iter().find(|(known, _)| *known == who) {
            let bearer = format!("Bearer {token}").parse().unwrap();
            request.headers_mut().insert(header::AUTHORIZATION, bearer);
        }
        request
    }

    /// Every answer is held against the description.
    pub(super) async fn send(&self, request: Request<Body>) -> Answer {
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let response = self.router.clone().oneshot(request).await.unwrap();
        let answer = Answer::of(response).await;
        let media_type = answer.header("content-type").unwrap_or_default();
        // Only the description is the same for everybody.
        let is_public = (path.as_str(), answer.status) == ("/v1/openapi.json", 200);
        let kept = (!is_public).then_some("no-store");
        assert_eq!(answer.header("cache-control"), kept, "{method} {path}");
        foresees(
            method.as_str(),
            &path,
            answer.status,
            media_type,
            &answer.json,
        );
        answer
    }

    pub(super) async fn post(&self, who: Who, path: &str, body: impl Into<Body>) -> Answer {
        self.send(self.request(who, "POST", path, body)).await
    }

    /// All entries after those of the registry.
    pub(super) async fn entries(&self) -> Vec<Entry> {
        let entries = self.store.entries(Position(3), 1000).await.unwrap();
        let entry = |(_, stamped): (Position, Stamped)| stamped.entry;
        entries.into_iter().map(entry).collect()
    }

    /// Codes of each post that was turned away.
    pub(super) async fn turned_away(&self) -> Vec<Vec<String>> {
        let entries = self.entries().await.into_iter();
        let codes = entries.filter_map(|entry| match entry {
            Entry::TurnedAway(turned) => Some(turned.codes.iter().map(Name::to_string).collect()),
            _ => None,
        });
        codes.collect()
    }

    /// How many documents were admitted.
    pub(super) async fn received(&self) -> usize {
        let entries = self.entries().await;
        let received = entries.iter();
        received
            .filter(|entry| matches!(entry, Entry::Received(_)))
            .count()
    }
}

/// An answer, whole.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) json: Value,
    text: String,
}

impl Answer {
    async fn of(response: Response<Body>) -> Answer {
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let shown = [
            "content-type",
            "cache-control",
            "location",
            "retry-after",
            "www-authenticate",
        ];
        let headers = shown.iter().filter_map(|name| {
            let value = parts.headers.get(*name)?;
            Some(((*name).to_owned(), value.to_str().unwrap().to_owned()))
        });
        Answer {
            status: parts.status.as_u16(),
            headers: headers.collect(),
            json: serde_json::from_slice(&bytes).unwrap_or_default(),
            text: String::from_utf8(bytes.into()).unwrap(),
        }
    }

    /// Holds the answer against its fixture, whose name begins with the status.
    #[allow(
        clippy::disallowed_methods,
        reason = "golden fixtures are written anew when a person asks for it"
    )]
    pub(super) fn is(&self, fixture: &str) -> &Answer {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("fixtures/answers")
            .join(format!("{}-{fixture}.http", self.status));
        let headers: String = self
            .headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}\n"))
            .collect();
        let text = format!("{}\n{headers}\n{}\n", self.status, indented(&self.text));
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&path, &text).unwrap();
        }
        let expected = fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(text, expected, "{}", path.display());
        self
    }

    /// The last part of the problem's type.
    pub(super) fn problem(&self) -> &str {
        let uri = self.json["type"].as_str().unwrap_or_default();
        uri.strip_prefix("urn:bordereau:problem:").unwrap_or(uri)
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let header = self.headers.iter().find(|(known, _)| known == name);
        header.map(|(_, value)| value.as_str())
    }
}

/// JSON on many lines, its keys in the order in which they were written.
fn indented(json: &str) -> String {
    let mut text = String::new();
    let (mut depth, mut quoted, mut escaped) = (0, false, false);
    for (index, character) in json.char_indices() {
        let next = json[index + character.len_utf8()..].chars().next();
        let closes = matches!(character, ']' | '}') && !quoted;
        let opens = matches!(character, '[' | '{') && !quoted;
        let was_empty = closes && text.ends_with(['[', '{']);
        if closes {
            depth -= 1;
        }
        if closes && !was_empty {
            text += &format!("\n{:1$}", "", depth * 2);
        }
        text.push(character);
        if opens {
            depth += 1;
        }
        let is_empty = opens && matches!(next, Some(']' | '}'));
        if (opens && !is_empty) || (character == ',' && !quoted) {
            text += &format!("\n{:1$}", "", depth * 2);
        }
        if character == ':' && !quoted {
            text.push(' ');
        }
        quoted ^= character == '"' && !escaped;
        escaped = quoted && character == '\\' && !escaped;
    }
    text
}

pub(super) fn centre(finess: &str, gestionnaire: &str, until: Option<Day>) -> Centre {
    Centre {
        finess: Finess::parse(finess).unwrap(),
        name: "Centre".into(),
        category: Category::Medical,
        gestionnaire: name(gestionnaire),
        caisse: Amo::parse("017510000").unwrap(),
        region: Region::Metropole,
        agreement: name("national-2025"),
        from: day("2020-01-01"),
        until,
    }
}

type Callers = (Access, Vec<(Who, String)>, Vec<(Who, Arc<[u8]>)>);

fn callers(directory: &Path, now: Timestamp) -> Callers {
    let grant = |name: &str, role| Grant {
        name: name.into(),
        role,
        centres: Vec::new(),
        gestionnaire: None,
        insurer: None,
        test: false,
    };
    let own = vec![CENTRE.to_owned(), CLOSED_CENTRE.to_owned()];
    let granted = [
        (
            Who::Vendor,
            Grant {
                centres: own.clone(),
                ..grant("vendor", Role::Centre)
            },
        ),
        (
            Who::Tester,
            Grant {
                centres: own,
                test: true,
                ..grant("tester", Role::Centre)
            },
        ),
        (
            Who::Gestionnaire,
            Grant {
                gestionnaire: Some("G1".into()),
                ..grant("gestionnaire", Role::Centre)
            },
        ),
        (Who::Operator, grant("operator", Role::Operator)),
    ];
    let path = directory.join("tokens");
    let file = TokenFile::new(path.clone());
    let expires = now + std::time::Duration::from_secs(86_400);
    let mut tokens = vec![(Who::Stranger, format!("brd_{}", "A".repeat(43)))];
    for (who, grant) in granted {
        let issued = file.issue(grant, expires, now).unwrap();
        tokens.push((who, issued.secret.reveal().to_owned()));
    }
    let authority = Authority::new("insurers").unwrap();
    let insurers = [
        (Who::Paris, "paris"),
        (Who::Mutuelle, "mutuelle"),
        (Who::Signee, "signee"),
    ];
    let certificates = insurers.map(|(who, insurer)| {
        let client = ClientName {
            common_name: insurer,
            uri: None,
        };
        let pair = authority.client(client).unwrap();
        let (_, pem) = x509_parser::pem::parse_x509_pem(pair.certificate.as_bytes()).unwrap();
        (who, Arc::from(pem.contents))
    });
    let config = access::Config {
        tokens: Some(path),
        certificates: insurers
            .map(|(_, insurer)| CertificateEntry {
                identity: format!("cn:{insurer}"),
                caller: Grant {
                    insurer: Some(insurer.into()),
                    ..grant(insurer, Role::Insurer)
                },
            })
            .into(),
    };
    let access = Access::open(&config, Arc::new(|_| {}), now).unwrap();
    (access, tokens, certificates.into())
}

/// A valid FSE of the centre under a number, or what an edit makes of it.
pub(super) fn fse(number: &str, edit: impl FnOnce(&mut DocumentText)) -> String {
    let date = day("2026-11-16");
    let mut document = DocumentText {
        kind: Kind::Fse,
        number: number.into(),
        mode: Mode::Secured,
        centre: CENTRE.into(),
        clock: (ClockBasis::Completed, date),
        third_party: (ThirdParty::InsurerPays, ThirdParty::PatientPaid),
        destination: DestinationText::Amo("01".into(), "751".into(), "0000".into()),
        settled_for: None,
        replaces: None,
        beneficiary: Some(PersonText {
            nir: ("1850578006084".into(), "91".into()),
            birth_date: day("1985-05-12"),
            birth_rank: 1,
            names: None,
        }),
        insured: None,
        coverage: Some(CoverageText {
            nature: Nature::Maladie,
            exemption: "0".into(),
            accident_date: None,
            state_medical_aid: None,
            patient_absent: None,
        }),
        prescriber: None,
        practitioner: Some(PractitionerText {
            id: PractitionerId::Rpps("10002519899".into()),
            specialty: "01".into(),
        }),
        acts: vec![ActText {
            date,
            code: ActCode::Ngap("G".into()),
            quantity: 1,
            coefficient: 100,
            unit_price: Cents(3000),
            fees: Cents(3000),
            base: Cents(3000),
            rate: 70,
            amo: Cents(2100),
            amc: Cents(0),
            qualifier: None,
        }],
        supports: None,
        attachment: None,
        payload: None,
    };
    edit(&mut document);
    write_document(&document)
}

/// A PJ of an FSE.
pub(super) fn pj(number: &str, supports: &str) -> String {
    fse(number, |document| {
        document.kind = Kind::Pj;
        document.beneficiary = None;
        document.coverage = None;
        document.practitioner = None;
        document.acts = Vec::new();
        document.supports = Some(supports.into());
        document.attachment = Some(CarriedText {
            media_type: "application/pdf".into(),
            bytes: b"%PDF-1.7".to_vec(),
        });
    })
}

/// A store in memory that can be unwell.
pub(super) struct Moody {
    inner: Memory,
    mood: Mutex<Mood>,
}

#[derive(Clone)]
pub(super) enum Mood {
    Well,
    Says(Readiness),
    Commits(Error),
    /// As after the time of bodies.
    WithoutBodies,
}

impl Moody {
    fn new() -> Moody {
        Moody {
            inner: Memory::new(Secret::new([9; 32])),
            mood: Mutex::new(Mood::Well),
        }
    }

    pub(super) fn feels(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    fn mood(&self) -> Mood {
        self.mood.lock().unwrap().clone()
    }
}

#[async_trait]
impl Store for Moody {
    async fn commit(&self, at: Timestamp, command: Command) -> Result<Outcome, Error> {
        match self.mood() {
            Mood::Commits(error) => Err(error),
            Mood::Well | Mood::Says(_) | Mood::WithoutBodies => {
                self.inner.commit(at, command).await
            }
        }
    }

    async fn lease_due(&self, at: Timestamp, lease: Lease) -> Result<Vec<Leased>, Error> {
        self.inner.lease_due(at, lease).await
    }

    async fn due(&self, at: Timestamp, sealing: Sealing, most: usize) -> Result<Due, Error> {
        self.inner.due(at, sealing, most).await
    }

    async fn group_behind(&self, group: Group, sealing: Sealing) -> Result<Group, Error> {
        self.inner.group_behind(group, sealing).await
    }

    async fn body(&self, body: BodyId) -> Result<Option<StoredBody>, Error> {
        match self.mood() {
            Mood::WithoutBodies => Ok(None),
            Mood::Well | Mood::Says(_) | Mood::Commits(_) => self.inner.body(body).await,
        }
    }

    async fn entries(
        &self,
        after: Position,
        most: usize,
    ) -> Result<Vec<(Position, Stamped)>, Error> {
        self.inner.entries(after, most).await
    }

    async fn document(&self, find: Find) -> Result<Option<DocumentView>, Error> {
        self.inner.document(find).await
    }

    async fn known(
        &self,
        key: Key,
        purpose: Purpose,
        digest: Digest,
    ) -> Result<Option<DocumentRecord>, Error> {
        self.inner.known(key, purpose, digest).await
    }

    async fn lot(&self, lot: LotId) -> Result<Option<LotRecord>, Error> {
        self.inner.lot(lot).await
    }

    async fn documents(
        &self,
        after: Option<crate::claims::id::DocumentId>,
        most: usize,
    ) -> Result<Vec<DocumentRecord>, Error> {
        self.inner.documents(after, most).await
    }

    async fn list(
        &self,
        listing: crate::store::listing::Listing,
    ) -> Result<Vec<crate::store::listing::Listed>, Error> {
        self.inner.list(listing).await
    }

    async fn changes(
        &self,
        after: Position,
        most: usize,
    ) -> Result<crate::store::change::DocumentChanges, Error> {
        self.inner.changes(after, most).await
    }

    async fn notified(
        &self,
    ) -> Result<std::collections::BTreeMap<crate::claims::id::Name, Position>, Error> {
        self.inner.notified().await
    }

    async fn lots(
        &self,
        after: Option<crate::claims::id::LotId>,
        most: usize,
    ) -> Result<Vec<crate::store::LotRecord>, Error> {
        self.inner.lots(after, most).await
    }

    async fn tallies(&self, query: TallyQuery) -> Result<Tallies, Error> {
        self.inner.tallies(query).await
    }

    async fn statements(&self, which: WhichStatements) -> Result<Vec<StatementRecord>, Error> {
        self.inner.statements(which).await
    }

    async fn registry(&self) -> Result<Registry, Error> {
        self.inner.registry().await
    }

    async fn centres(&self) -> Result<std::collections::BTreeMap<Finess, Vec<Centre>>, Error> {
        self.inner.centres().await
    }

    async fn endpoints(
        &self,
    ) -> Result<std::collections::BTreeMap<EndpointName, EndpointRecord>, Error> {
        self.inner.endpoints().await
    }

    async fn lines(&self, centre: Finess) -> Result<Lines, Error> {
        self.inner.lines(centre).await
    }

    async fn figures(&self) -> Result<Vec<FiguresRecord>, Error> {
        self.inner.figures().await
    }

    async fn runs(&self) -> Result<Vec<RunRecord>, Error> {
        self.inner.runs().await
    }

    async fn judged(&self, run: Position) -> Result<Vec<JudgedRecord>, Error> {
        self.inner.judged(run).await
    }

    async fn stuck(&self, documents: Vec<crate::claims::id::DocumentId>) -> Result<u64, Error> {
        self.inner.stuck(documents).await
    }

    async fn orphans(&self) -> Result<u64, Error> {
        self.inner.orphans().await
    }

    async fn free_bytes(&self) -> Result<Option<u64>, Error> {
        self.inner.free_bytes().await
    }

    fn health(&self) -> Health {
        let health = self.inner.health();
        match self.mood() {
            Mood::Says(state) => Health { state, ..health },
            Mood::Well | Mood::Commits(_) | Mood::WithoutBodies => health,
        }
    }

    fn watch(&self) -> watch::Receiver<Position> {
        self.inner.watch()
    }
}
