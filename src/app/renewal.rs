//! Certificates, keys, secrets and revocation lists are read again while the gateway runs: when their files change, and
//! all of them when it is told to (SIGHUP). Endpoints and the targets of webhooks are those of the configuration that it
//! is told of.
//!
//! Open connections keep what they were opened with. What cannot be read again stays as it was, and is said as an
//! error: somebody must act before it expires. A crash loses nothing: the next start reads the files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::ways::{Followed, Ways};
use crate::access::Access;
use crate::claims::id::EndpointName;
use crate::clock::Clock;
use crate::config;
use crate::telemetry::renewal::{Event as Said, Part};
use crate::telemetry::{Event, Reading, Telemetry};
use crate::tls::revocation::{Over, Sources, Standing};
use crate::tls::{self, Server};
use crate::transport::webhook::{self, Target, Webhooks};
use crate::transport::{self, Endpoint};

/// Everything that is read again, in this order.
const PARTS: [Part; 4] = [
    Part::Public,
    Part::Endpoints,
    Part::ReceiptKeys,
    Part::Webhooks,
];

/// Why a certificate is not taken.
const EXPIRED: &str = "has expired, and the one before is still good";

/// The files that can be read again, as the configuration names them.
#[derive(Clone, Debug)]
pub struct Files {
    /// How they are renewed.
    pub settings: tls::renewal::Config,
    /// The public listener's; those of endpoints and webhooks may change, and are given with each look.
    pub public: config::Public,
}

/// All that can be read again.
#[derive(Clone)]
pub struct Renewal {
    /// Where it comes from.
    pub files: Arc<Files>,
    /// The public listener's certificate.
    pub server: Arc<Server>,
    /// The endpoints, their certificates and the keys that sign their receipts.
    pub ways: Arc<Ways>,
    /// Secrets and authorities of webhooks.
    pub webhooks: Arc<Webhooks>,
    /// The targets as they shall be.
    pub wanted: watch::Sender<webhook::Config>,
    /// The targets as they are.
    pub targets: watch::Sender<Vec<Target>>,
    /// Who may call.
    pub access: Arc<Access>,
    /// For dates.
    pub clock: Arc<dyn Clock>,
    /// Where it is said.
    pub telemetry: Arc<Telemetry>,
}

/// The files of each part as they were seen once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Look(BTreeMap<&'static str, Vec<Option<Stamp>>>);

/// Which lists of each set vouch no longer for what they do not name.
type Lapsed = BTreeMap<Option<EndpointName>, Over>;

/// One state of a file: a replaced one has another inode, an edited one another length or time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    bytes: u64,
    modified: (i64, i64),
}

impl Files {
    /// Looks at all of them and at those of endpoints and webhooks, without reading.
    pub fn look(&self, ways: &transport::Config) -> Look {
        let stamps = |part: Part| {
            let files = self.of(part, ways);
            let stamps = files.iter().map(|file| Stamp::of(file)).collect();
            (part.as_str(), stamps)
        };
        Look(PARTS.map(stamps).into_iter().collect())
    }

    /// Where the revocation lists of each set of authorities come from.
    pub fn sources<'a>(&'a self, ways: &'a transport::Config) -> Vec<Sources<'a>> {
        let endpoints = ways.endpoints.iter();
        let endpoints = endpoints.map(|endpoint| endpoint.tls.lists());
        self.public
            .tls
            .lists()
            .into_iter()
            .chain(endpoints)
            .collect()
    }

    fn of(&self, part: Part, ways: &transport::Config) -> Vec<PathBuf> {
        let endpoints = ways.endpoints.iter();
        let keys = endpoints.clone();
        let keys = keys.filter_map(|endpoint| endpoint.receipt_keys.clone());
        match part {
            Part::Public => self.public.tls.read_files(&self.settings),
            // A set of endpoints that could not be put in force may be by a file of keys.
            Part::Endpoints => endpoints
                .flat_map(|endpoint| endpoint.tls.read_files(&self.settings))
                .chain(keys)
                .collect(),
            Part::ReceiptKeys => keys.collect(),
            Part::Webhooks => ways.webhooks.read_files(),
        }
    }
}

impl Stamp {
    fn of(file: &Path) -> Option<Stamp> {
        let metadata = fs::metadata(file).ok()?;
        Some(Stamp {
            inode: metadata.ino(),
            bytes: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        })
    }
}

impl Renewal {
    /// From the next reading on these are the endpoints of the configuration, and webhooks go to these targets. Where
    /// either cannot be used, the ones before stay until their files can.
    pub fn want(&self, transport: transport::Config) {
        self.ways.configure(transport.endpoints);
        self.wanted.send_replace(transport.webhooks);
    }

    /// Puts these endpoints in force beside those of the configuration, and no more than the keys of those that ended, with
    /// what the files hold now.
    ///
    /// # Errors
    /// They cannot be used: everything stays as it was.
    pub async fn register(
        &self,
        endpoints: Vec<Endpoint>,
        ended: Vec<Endpoint>,
    ) -> anyhow::Result<()> {
        self.ways.register(endpoints, ended);
        let renewal = self.clone();
        let followed = apart(move || renewal.follow()).await;
        let unread = followed.unwrap_or_else(|| Err(anyhow::anyhow!("the reading panicked")))?;
        self.told(Part::Endpoints, refused(unread));
        Ok(())
    }

    /// Reads all of it again, each for itself. It reads files, on a thread that may block.
    pub async fn run(&self) {
        let renewal = self.clone();
        let reading = move || {
            PARTS.into_iter().for_each(|part| {
                renewal.renew(part);
            });
            // Its observer says what came of it.
            renewal.access.reload(renewal.clock.now());
        };
        apart(reading).await;
    }

    /// Takes up what changes until shutdown; `taken` is what the files were before they were read. A change is taken
    /// up when two looks in a row see the same: a certificate and its key are two files, not written at one instant.
    pub async fn watch(self, mut taken: Look, shutdown: CancellationToken) {
        let mut before = taken.clone();
        let mut failing = BTreeSet::new();
        let mut lapsed = self.lapsed();
        let between = self.files.settings.watch();
        while shutdown
            .run_until_cancelled(tokio::time::sleep(between))
            .await
            .is_some()
        {
            let files = Arc::clone(&self.files);
            let wanted = transport::Config {
                endpoints: self.ways.wanted(),
                webhooks: self.wanted.borrow().clone(),
            };
            let Some(now) = apart(move || files.look(&wanted)).await else {
                continue;
            };
            let changed = now.settled(&before, &taken);
            for part in &changed {
                taken.follow(*part, &now);
            }
            let renewal = self.clone();
            // A session that is resumed is not verified again, nor a connection that is kept: where a list vouches no
            // longer, new configurations forget both.
            if is_other(&lapsed, &self.lapsed()) {
                apart(move || renewal.forget()).await;
            }
            let renewal = self.clone();
            let again = failing.clone();
            // A panic is a defect, and what it left undone is tried with the next change.
            failing = apart(move || renewal.take_up(&changed, &again))
                .await
                .unwrap_or_default();
            lapsed = self.lapsed();
            before = now;
        }
    }

    /// Shows until when certificates are good, and how the revocation lists of the other side stand.
    pub fn show(&self) {
        if let Some(expires) = self.server.expires() {
            self.telemetry.show(Reading::PublicCertificate { expires });
        }
        self.show_lists(None, self.server.revocation());
        for (endpoint, expires) in &self.ways.transport.expiries() {
            let expires = *expires;
            self.telemetry
                .show(Reading::ClientCertificate { endpoint, expires });
        }
        for (endpoint, standing) in &self.ways.transport.revocations() {
            self.show_lists(Some(endpoint), *standing);
        }
    }

    fn show_lists(&self, endpoint: Option<&EndpointName>, standing: Option<Standing>) {
        self.telemetry.show(Reading::Lists {
            endpoint,
            issued: standing.and_then(|standing| standing.issued),
            until: standing.map(|standing| standing.until),
        });
    }

    /// Which lists vouch no longer: of the public listener, and of each endpoint.
    fn lapsed(&self) -> Lapsed {
        let now = self.seconds();
        let endpoints = self.ways.transport.lists_over(now).into_iter();
        let endpoints = endpoints.map(|(name, over)| (Some(name), over));
        std::iter::once((None, self.server.over(now)))
            .chain(endpoints)
            .collect()
    }

    fn renew(&self, part: Part) -> bool {
        let read = self.read(part);
        let is_taken = read.is_ok();
        self.told(part, read);
        is_taken
    }

    /// Reads the parts that changed, and once more those that could not be used at the last look, for whose trouble there
    /// may have been another reason than their bytes: that is said only when it is over. What comes back could not be used.
    fn take_up(
        &self,
        changed: &[Part],
        failing: &BTreeSet<&'static str>,
    ) -> BTreeSet<&'static str> {
        let mut fails = BTreeSet::new();
        for part in PARTS {
            let is_taken = if changed.contains(&part) {
                self.renew(part)
            } else if failing.contains(part.as_str()) {
                let read = self.read(part);
                let is_taken = read.is_ok();
                if is_taken {
                    self.told(part, read);
                }
                is_taken
            } else {
                true
            };
            if !is_taken {
                fails.insert(part.as_str());
            }
        }
        fails
    }

    /// All sessions of the public listener, and all connections to endpoints. No file is read.
    fn forget(&self) {
        self.told(
            Part::Public,
            self.server.forget_sessions().map_err(Into::into),
        );
        let forgotten = self.ways.forget_connections();
        self.told(Part::Endpoints, forgotten.map_err(Into::into));
    }

    /// Says what came of reading a part again.
    pub(super) fn told(&self, part: Part, read: anyhow::Result<()>) {
        let why = read.map_err(|error| format!("{error:#}"));
        let said = match &why {
            Ok(()) => Said::Taken { part },
            Err(why) => Said::Kept { part, why },
        };
        // Also where some of it was not taken: the rest was.
        self.show();
        self.telemetry.record(Event::Renewal(said));
    }

    /// Puts the endpoints in force that are wanted, and says what came of it. What comes back is why the files of some
    /// cannot be used, if it is so: these keep what they had.
    fn follow(&self) -> anyhow::Result<Option<String>> {
        let followed = self.ways.follow(self.seconds())?;
        let routes = Arc::clone(&self.ways.routes().borrow());
        self.telemetry.name(routes.endpoints());
        for endpoint in &followed.shadowed {
            self.telemetry
                .record(Event::Renewal(Said::Shadowed { endpoint }));
        }
        let Followed {
            came,
            left,
            changed,
            unread,
            ..
        } = followed;
        for endpoint in &left {
            self.telemetry.show(Reading::Left { endpoint });
        }
        let left = left.len();
        if came + left + changed > 0 {
            let said = Said::Endpoints {
                came,
                left,
                changed,
            };
            self.telemetry.record(Event::Renewal(said));
        }
        Ok(unread)
    }

    /// The present instant, in seconds since 1970.
    fn seconds(&self) -> i64 {
        self.clock.now().micros() / 1_000_000
    }

    /// Whether a certificate that is good would be exchanged for one that is not.
    fn is_worse(&self, before: Option<i64>, after: Option<i64>) -> bool {
        let now = self.seconds();
        before.is_some_and(|before| before > now) && after.is_some_and(|after| after <= now)
    }

    fn read(&self, part: Part) -> anyhow::Result<()> {
        let Files { settings, public } = &*self.files;
        match part {
            Part::Public => {
                let material = public.tls.load(settings)?;
                let expires = material.identity.expires();
                if self.is_worse(self.server.expires(), expires) {
                    anyhow::bail!("the certificate of `public.tls` {EXPIRED}");
                }
                self.server.renew(&material)?;
            }
            Part::Endpoints => refused(self.follow()?)?,
            Part::ReceiptKeys => self.ways.renew_keys()?,
            Part::Webhooks => {
                let wanted = self.wanted.borrow().clone();
                let renewed = self.webhooks.renew(&wanted)?;
                self.targets.send_if_modified(|targets| {
                    let is_other = *targets != renewed.targets;
                    *targets = renewed.targets;
                    is_other
                });
                refused(unread(renewed.unread))?;
            }
        }
        Ok(())
    }
}

/// What cannot be used of endpoints or webhooks, as an error.
fn refused(unread: Option<String>) -> anyhow::Result<()> {
    unread.map_or(Ok(()), |why| Err(anyhow::anyhow!(why)))
}

/// Why some files of webhooks cannot be used, in one line.
fn unread(errors: Vec<webhook::Error>) -> Option<String> {
    let said = errors.into_iter().map(anyhow::Error::from);
    let said: Vec<_> = said.map(|error| format!("{error:#}")).collect();
    (!said.is_empty()).then(|| said.join("; "))
}

/// Whether of a set that is in both another list lapsed, or one no longer has.
fn is_other(before: &Lapsed, now: &Lapsed) -> bool {
    now.iter()
        .any(|(name, over)| before.get(name).is_some_and(|before| before != over))
}

impl Look {
    /// The parts that are as they were at the last look, and not as they were taken up.
    fn settled(&self, before: &Look, taken: &Look) -> Vec<Part> {
        let is_settled = |part: &Part| {
            let of = |look: &Look| look.0.get(part.as_str()).cloned();
            of(self) == of(before) && of(self) != of(taken)
        };
        PARTS.into_iter().filter(is_settled).collect()
    }

    fn follow(&mut self, part: Part, other: &Look) {
        let stamps = other.0.get(part.as_str()).cloned();
        self.0.insert(part.as_str(), stamps.unwrap_or_default());
    }
}

/// Does something on a thread that may block; nothing comes of it if it panics, which is a defect and is told.
pub(super) async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let done = tokio::task::spawn_blocking(work).await;
    if done.is_err() {
        tracing::error!("files stay as they were read before: the reading panicked");
    }
    done.ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claims::time::Timestamp;
    use crate::clock::ManualClock;
    use crate::config::Config;
    use crate::tls::authority::Authority;

    fn look(public: u64, keys: u64) -> Look {
        let stamp = |inode| {
            vec![Some(Stamp {
                inode,
                bytes: 1,
                modified: (0, 0),
            })]
        };
        let parts = [(Part::Public, public), (Part::ReceiptKeys, keys)];
        let parts = parts.map(|(part, inode)| (part.as_str(), stamp(inode)));
        Look(parts.into_iter().collect())
    }

    #[test]
    fn a_change_is_taken_up_once_it_stays() {
        let mut taken = look(1, 1);
        for (before, now, expected) in [
            (look(1, 1), look(1, 1), vec![]),
            (look(1, 1), look(2, 1), vec![]),
            (look(2, 1), look(3, 1), vec![]),
            (look(3, 1), look(3, 2), vec![Part::Public]),
            (look(3, 2), look(3, 2), vec![Part::ReceiptKeys]),
            (look(3, 2), look(3, 2), vec![]),
            // As it was before: taken up again, for it was read in between.
            (look(1, 2), look(1, 2), vec![Part::Public]),
        ] {
            let settled = now.settled(&before, &taken);
            assert_eq!(settled, expected, "{now:?}");
            for part in settled {
                taken.follow(part, &now);
            }
        }
    }
    /// All that is renewed, with one endpoint whose two authorities have lists until 2030 and 2031.
    fn renewal(place: &Path, clock: Arc<ManualClock>) -> Renewal {
        crate::app::crypto();
        let of = |name: &str| place.join(name);
        let mut roots = String::new();
        for (name, next) in [("one", 2030), ("two", 2031)] {
            let authority = Authority::new(name).unwrap();
            roots.push_str(&authority.certificate());
            let list = authority.revoke_in(&[], 2029, next).unwrap();
            fs::write(of(&format!("{name}.crl")), list).unwrap();
        }
        fs::write(of("roots.pem"), roots).unwrap();
        let own = Authority::new("own").unwrap();
        own.server(&["localhost"])
            .unwrap()
            .write(place, "public")
            .unwrap();
        let mut config = Config::default();
        config.renewal.grace_seconds = 100;
        let endpoint = serde_json::json!({
            "name": "paris",
            "base": "https://localhost:9",
            "destinations": ["amc:7700001"],
            "tls": { "roots": of("roots.pem"), "crls": [of("one.crl"), of("two.crl")] },
        });
        config.transport.endpoints = vec![serde_json::from_value(endpoint).unwrap()];
        let public: config::Public = serde_json::from_value(serde_json::json!({
            "address": "127.0.0.1:0",
            "tls": { "certificate": of("public.pem"), "key": of("public.key") },
        }))
        .unwrap();
        let material = public.tls.load(&config.renewal).unwrap();
        let name = EndpointName::parse("paris").unwrap();
        let access = Access::open(&Default::default(), Arc::new(|_| {}), clock.now()).unwrap();
        Renewal {
            server: Arc::new(Server::new(&material).unwrap()),
            ways: Arc::new(Ways::open(&config).unwrap()),
            webhooks: Arc::new(Webhooks::new(&config.transport.webhooks).unwrap()),
            wanted: watch::Sender::new(config.transport.webhooks.clone()),
            targets: watch::Sender::new(Vec::new()),
            access: Arc::new(access),
            clock,
            telemetry: Arc::new(Telemetry::new(&Default::default(), &[name]).unwrap()),
            files: Arc::new(Files {
                settings: config.renewal,
                public,
            }),
        }
    }

    /// How often what is renewed of endpoints was taken, or kept.
    fn told(renewal: &Renewal, outcome: &str) -> u32 {
        let series =
            format!(r#"bordereau_renewals_total{{part="endpoints",outcome="{outcome}"}} "#);
        let text = renewal.telemetry.render();
        let count = text.lines().find_map(|line| line.strip_prefix(&series));
        count.map_or(0, |count| count.parse().unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn each_list_that_lapses_ends_connections_once() {
        let place = tempfile::tempdir().unwrap();
        let at = |text| Timestamp::parse(text).unwrap();
        let clock = Arc::new(ManualClock::new(at("2029-06-01T00:00:00Z"), 1));
        let renewal = renewal(place.path(), clock.clone());
        let ways = transport::Config {
            endpoints: renewal.ways.wanted(),
            ..transport::Config::default()
        };
        let (look, shutdown) = (renewal.files.look(&ways), CancellationToken::new());
        let watching = tokio::spawn(renewal.clone().watch(look, shutdown.clone()));
        let ten_looks = 10 * renewal.files.settings.watch();
        for (instant, ended) in [
            ("2030-01-01T00:01:00Z", 0),
            ("2030-01-01T00:02:00Z", 1),
            ("2031-01-01T00:01:00Z", 1),
            ("2031-01-01T00:02:00Z", 2),
            ("2032-01-01T00:00:00Z", 2),
        ] {
            clock.set(at(instant));
            tokio::time::sleep(ten_looks).await;
            assert_eq!(told(&renewal, "taken"), ended, "{instant}");
        }
        assert_eq!(told(&renewal, "kept"), 0);
        shutdown.cancel();
        watching.await.unwrap();
    }

    #[test]
    fn what_cannot_be_used_is_tried_again_and_said_once() {
        let place = tempfile::tempdir().unwrap();
        let now = Timestamp::parse("2029-06-01T00:00:00Z").unwrap();
        let renewal = renewal(place.path(), Arc::new(ManualClock::new(now, 1)));
        let roots = place.path().join("roots.pem");
        let sound = fs::read(&roots).unwrap();
        fs::write(&roots, "no certificate").unwrap();
        let counts = || (told(&renewal, "taken"), told(&renewal, "kept"));
        let mut failing = renewal.take_up(&[Part::Endpoints], &BTreeSet::new());
        for _ in 0..3 {
            assert_eq!(failing, BTreeSet::from([Part::Endpoints.as_str()]));
            assert_eq!(counts(), (0, 1));
            failing = renewal.take_up(&[], &failing);
        }
        fs::write(&roots, sound).unwrap();
        failing = renewal.take_up(&[], &failing);
        assert!(failing.is_empty());
        assert_eq!(counts(), (1, 1));
        assert!(renewal.take_up(&[], &failing).is_empty());
        assert_eq!(counts(), (1, 1));
    }
}
