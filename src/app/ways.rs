//! The ways to insurers as they are at present: which endpoints there are, and all that follows from it for those who
//! send, ask and admit. They become others while the gateway runs, without a restart.
//!
//! Must never put a set in force of which a part cannot be used: all of it is read before anything changes, and on an
//! error everything stays as it was. An endpoint that is as it was keeps its connections; one that left is given nothing
//! new, and what may have arrived there stays with it. Nothing is kept: the next start reads the configuration.

use std::collections::BTreeSet;
use std::num::NonZeroU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::claims::id::EndpointName;
use crate::claims::lane::Rules;
use crate::claims::routes::Routes;
use crate::config::Config;
use crate::formats::jws::Keyring;
use crate::store::lanes::Board;
use crate::transport::https::Https;
use crate::transport::{self, Endpoint, Faults};

/// The ways, and what was last wanted of them.
pub struct Ways {
    /// Carries lots over them.
    pub transport: Arc<Https>,
    /// Their lanes.
    pub lanes: Arc<Board>,
    routes: watch::Sender<Arc<Routes>>,
    keys: watch::Sender<Arc<Keyring>>,
    present: watch::Sender<Arc<transport::Config>>,
    wanted: Mutex<Wanted>,
    bounds: Bounds,
    /// They change one change after the other.
    changing: Mutex<()>,
}

/// Endpoints by who names them.
#[derive(Clone, Debug, Default)]
struct Wanted {
    /// Those of the configuration.
    configured: Vec<Endpoint>,
    /// Those that are registered beside it.
    registered: Vec<Endpoint>,
    /// Those that were registered once and are not in force: what they signed is verified by their last keys.
    ended: Vec<Endpoint>,
}

/// What no endpoint may go beyond: the settings of the start.
struct Bounds {
    /// The rules of a lane where an endpoint has none.
    lane: Rules,
    /// An attempt that takes as long would be in doubt while it runs.
    lease_seconds: NonZeroU64,
}

/// What became of the endpoints.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Followed {
    /// Those that are new.
    pub came: usize,
    /// Those that are gone.
    pub left: Vec<EndpointName>,
    /// Those whose settings are others.
    pub changed: usize,
    /// Those that are registered and stand in the configuration too, which counts.
    pub shadowed: Vec<EndpointName>,
    /// Why the files of endpoints that are as they were cannot be used, if it is so: they keep what they had.
    pub unread: Option<String>,
}

impl Wanted {
    /// The one set of both, and the names that stand in both: there the configuration counts, which whoever runs the
    /// gateway has in hand when nothing else works.
    fn composed(&self) -> (Vec<Endpoint>, Vec<EndpointName>) {
        let configured: BTreeSet<_> = self.configured.iter().map(|known| &known.name).collect();
        let (shadowed, others): (Vec<_>, Vec<_>) = self
            .registered
            .iter()
            .partition(|endpoint| configured.contains(&endpoint.name));
        let all = self.configured.iter().chain(others).cloned().collect();
        let shadowed = shadowed.iter().map(|endpoint| endpoint.name.clone());
        (all, shadowed.collect())
    }
}

impl Ways {
    /// The ways of a configuration. It reads files; nothing is connected.
    ///
    /// # Errors
    /// [`Faults`].
    pub fn open(config: &Config) -> Result<Ways, Faults> {
        let nothing = transport::Config::default();
        let transport = Https::with(&nothing, config.renewal.clone())?;
        let ways = Ways {
            transport: Arc::new(transport),
            lanes: Arc::default(),
            routes: watch::Sender::default(),
            keys: watch::Sender::default(),
            present: watch::Sender::new(Arc::new(nothing)),
            wanted: Mutex::default(),
            bounds: Bounds {
                lane: config.dispatch.lane(),
                lease_seconds: config.dispatch.lease_seconds,
            },
            changing: Mutex::new(()),
        };
        ways.configure(config.transport.endpoints.clone());
        // Nothing is in force yet, so nothing can be worse.
        ways.follow(i64::MIN)?;
        Ok(ways)
    }

    /// From the next [`Ways::follow`] on, the endpoints of the configuration are these.
    pub fn configure(&self, endpoints: Vec<Endpoint>) {
        locked(&self.wanted).configured = endpoints;
    }

    /// From the next [`Ways::follow`] on, the endpoints that are registered beside the configuration are these, and those
    /// that are not in force, which count by their keys alone, the others.
    pub fn register(&self, endpoints: Vec<Endpoint>, ended: Vec<Endpoint>) {
        let mut wanted = locked(&self.wanted);
        wanted.registered = endpoints;
        wanted.ended = ended;
    }

    /// Puts in force what is wanted, with what the files hold now, at an instant in seconds since 1970. Where the files of
    /// an endpoint that is as it was cannot be used, it keeps what it had and the others do not wait. It reads files: not
    /// for an async task.
    ///
    /// # Errors
    /// [`Faults`]: everything stays as it was.
    pub fn follow(&self, at: i64) -> Result<Followed, Faults> {
        let _changing = locked(&self.changing);
        let before = self.present();
        let (endpoints, shadowed) = locked(&self.wanted).composed();
        let now = transport::Config {
            endpoints,
            ..transport::Config::default()
        };
        if now.endpoints == before.endpoints {
            let faults = self.transport.follow(&now, at)?;
            // Files of keys that cannot be read are told by whoever reads them alone; until then the keys stay.
            self.take_keys(now.readable_keys().0);
            return Ok(Followed {
                shadowed,
                unread: said(faults),
                ..Followed::default()
            });
        }
        // First all that may fail. What is in force does not wait for a new set that cannot be used: its files are
        // taken up.
        let usable = || -> Result<_, Faults> {
            now.check()?;
            now.within(self.bounds.lease_seconds)?;
            let rules = now.lanes(&self.bounds.lane)?;
            let keys = now.keyring_beside(&before)?;
            Ok((rules, keys, self.transport.follow(&now, at)?))
        };
        let (rules, keys, faults) = usable().map_err(|Faults(mut faults)| {
            match self.transport.follow(&before, at) {
                Ok(own) | Err(Faults(own)) => faults.extend(own),
            }
            Faults(faults)
        })?;
        // A way is there before anybody is told of it, and no item is taken without the signature that it needs.
        let routes = Arc::new(now.routes());
        self.lanes.follow(rules, &routes);
        self.take_keys(keys);
        self.routes.send_replace(routes);
        let followed = Followed {
            unread: said(faults),
            ..Followed::of(&before.endpoints, &now.endpoints, shadowed)
        };
        self.present.send_replace(Arc::new(now));
        Ok(followed)
    }

    /// Reads the keys that sign receipts again, of each endpoint by itself.
    ///
    /// # Errors
    /// [`Faults`]: the keys of these endpoints stay.
    pub fn renew_keys(&self) -> Result<(), Faults> {
        let _changing = locked(&self.changing);
        let (keys, faults) = self.present().readable_keys();
        self.take_keys(keys);
        Faults::none_of(faults)
    }

    /// The other side of every connection has to prove itself again.
    ///
    /// # Errors
    /// [`Faults`]: everything stays as it was.
    pub fn forget_connections(&self) -> Result<(), Faults> {
        self.transport.forget_connections()
    }

    /// Which endpoint serves which destination.
    pub fn routes(&self) -> watch::Receiver<Arc<Routes>> {
        self.routes.subscribe()
    }

    /// The keys of the endpoints whose receipts are signed.
    pub fn keys(&self) -> watch::Receiver<Arc<Keyring>> {
        self.keys.subscribe()
    }

    /// The endpoints in force, as they are told of.
    pub fn told(&self) -> watch::Receiver<Arc<transport::Config>> {
        self.present.subscribe()
    }

    /// The endpoints in force.
    pub fn present(&self) -> Arc<transport::Config> {
        Arc::clone(&self.present.borrow())
    }

    /// The endpoints that are wanted, whether they can be used or not.
    pub fn wanted(&self) -> Vec<Endpoint> {
        locked(&self.wanted).composed().0
    }

    /// What an endpoint that left may still hand in has to be signed as before: by the keys of its last registration, or by
    /// those that it had in this run. Of a name that is nowhere nothing is known, alike before and after a restart.
    fn take_keys(&self, keys: Keyring) {
        let ended = transport::Config {
            endpoints: locked(&self.wanted).ended.clone(),
            ..transport::Config::default()
        };
        let before = self.keys.borrow().signed();
        let keys = keys.beside(ended.readable_keys().0).beside(before);
        self.keys.send_replace(Arc::new(keys));
    }
}

impl Followed {
    fn of(before: &[Endpoint], now: &[Endpoint], shadowed: Vec<EndpointName>) -> Followed {
        let of = |all: &[Endpoint], name: &EndpointName| {
            all.iter().position(|known| known.name == *name)
        };
        let came = now.iter().filter(|new| of(before, &new.name).is_none());
        let left = before.iter().filter(|old| of(now, &old.name).is_none());
        let changed = now.iter().filter(|new| {
            let before = of(before, &new.name).and_then(|place| before.get(place));
            before.is_some_and(|old| old != *new)
        });
        Followed {
            came: came.count(),
            left: left.map(|old| old.name.clone()).collect(),
            changed: changed.count(),
            shadowed,
            unread: None,
        }
    }
}

/// All of them in words, if there are any.
fn said(faults: Vec<transport::Error>) -> Option<String> {
    Faults::none_of(faults)
        .err()
        .map(|faults| faults.to_string())
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is behind them is exchanged at once, whoever panicked.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claims::document::Purpose;
    use crate::claims::id::Destination;
    use crate::tls::IdentityFiles;
    use crate::tls::authority::{Authority, ClientName};

    /// The authorities of every endpoint, on the disk.
    fn place() -> tempfile::TempDir {
        crate::app::crypto();
        let place = tempfile::tempdir().unwrap();
        Authority::new("Tests")
            .unwrap()
            .write(place.path())
            .unwrap();
        place
    }

    fn endpoint(place: &tempfile::TempDir, name: &str, amc: u32) -> Endpoint {
        serde_json::from_value(serde_json::json!({
            "name": name,
            "base": "https://localhost:9",
            "destinations": [format!("amc:{amc}")],
            "tls": { "roots": place.path().join("authority.pem") },
        }))
        .unwrap()
    }

    fn opened(endpoints: Vec<Endpoint>) -> Ways {
        let mut config = Config::default();
        config.transport.endpoints = endpoints;
        Ways::open(&config).unwrap()
    }

    /// Who serves a destination.
    fn found(ways: &Ways, amc: u32) -> Option<String> {
        let destination = Destination::parse(&format!("amc:{amc}")).unwrap();
        let routes = Arc::clone(&ways.routes().borrow());
        routes
            .find(destination, Purpose::Real)
            .map(EndpointName::to_string)
    }

    #[test]
    fn a_name_in_both_sources_is_the_configurations() {
        let place = place();
        let of = |name, amc| endpoint(&place, name, amc);
        let ways = opened(vec![of("a", 7_700_001)]);
        ways.register(vec![of("a", 7_700_009), of("b", 7_700_002)], Vec::new());
        let followed = ways.follow(0).unwrap();
        let expected = Followed {
            came: 1,
            shadowed: vec![EndpointName::parse("a").unwrap()],
            ..Followed::default()
        };
        assert_eq!(followed, expected);
        let both = [7_700_001, 7_700_002, 7_700_009].map(|amc| found(&ways, amc));
        assert_eq!(both, [Some("a".to_owned()), Some("b".to_owned()), None]);

        // Where the configuration lets it go, the other counts.
        ways.configure(Vec::new());
        let followed = ways.follow(0).unwrap();
        assert_eq!(
            (followed.came, followed.left.len(), followed.changed),
            (0, 0, 1)
        );
        assert_eq!(found(&ways, 7_700_009), Some("a".to_owned()));
        assert_eq!(ways.follow(0).unwrap(), Followed::default());
    }

    #[test]
    fn what_cannot_be_used_together_changes_nothing_and_all_of_it_is_said() {
        let place = place();
        let of = |name, amc| endpoint(&place, name, amc);
        let ways = opened(vec![of("a", 7_700_001)]);
        let changed = |change: fn(&mut Endpoint)| {
            let mut wanted = of("b", 7_700_002);
            change(&mut wanted);
            vec![wanted]
        };
        for (registered, words) in [
            (
                vec![of("b", 7_700_001)],
                vec!["`amc:7700001` has two endpoints, `a` and `b`"],
            ),
            (
                changed(|endpoint| endpoint.limits.answer_seconds = NonZeroU64::new(120).unwrap()),
                vec!["`b`: an attempt may take 120 s"],
            ),
            (
                changed(|endpoint| endpoint.base = "http://localhost".to_owned()),
                vec!["endpoint `b`: `base`"],
            ),
            (
                changed(|endpoint| {
                    endpoint.base = "nowhere".to_owned();
                    endpoint.tls.crl_urls = vec!["ldap://lists".to_owned()];
                }),
                vec!["endpoint `b`: `base`", "`ldap://lists`"],
            ),
            (
                changed(|endpoint| endpoint.receipt_keys = Some("/nowhere".into())),
                vec!["endpoint `b`: `receipt_keys` cannot be read"],
            ),
            (
                changed(|endpoint| endpoint.tls.roots = "/nowhere".into()),
                vec!["endpoint `b`: its certificates", "cannot read /nowhere"],
            ),
            (
                changed(|endpoint| endpoint.lane.requests_per_second = -1.0),
                vec!["endpoint `b`: `requests_per_second`"],
            ),
        ] {
            ways.register(registered, Vec::new());
            let faults = ways.follow(0).unwrap_err().to_string();
            for word in words {
                assert!(faults.contains(word), "{faults}");
            }
            assert_eq!(found(&ways, 7_700_001), Some("a".to_owned()));
            assert_eq!(found(&ways, 7_700_002), None);
            assert_eq!(ways.transport.expiries().len(), 1);
            assert_eq!(ways.present().endpoints.len(), 1);
        }
    }

    /// Whether what nobody signed is proven in the name of an endpoint.
    fn takes_unsigned(ways: &Ways, name: &str) -> bool {
        let keys = Arc::clone(&ways.keys().borrow());
        let name = EndpointName::parse(name).unwrap();
        keys.verify(&name, b"<receipt/>", None).is_ok()
    }

    #[test]
    fn after_a_restart_nothing_unsigned_is_taken_in_a_name_that_once_had_keys() {
        let place = place();
        let path = place.path().join("keys.pem");
        let key = include_str!("../../fixtures/signatures/p256.pem");
        std::fs::write(&path, key).unwrap();
        let of = |name, keys: Option<&std::path::PathBuf>| {
            let mut endpoint = endpoint(&place, name, 7_700_001);
            endpoint.receipt_keys = keys.cloned();
            endpoint
        };
        let formerly = |name, keys| {
            let mut endpoint = of(name, keys);
            endpoint.formerly = vec![EndpointName::parse("paris").unwrap()];
            endpoint
        };
        let lost = place.path().join("lost.pem");
        for (configured, ended, takes) in [
            (vec![of("paris", Some(&path))], vec![], false),
            (vec![of("paris", None)], vec![], true),
            // Renamed.
            (vec![formerly("lutece", Some(&path))], vec![], false),
            (vec![formerly("lutece", None)], vec![], true),
            // Registered, and ended.
            (vec![], vec![of("paris", Some(&path))], false),
            (vec![], vec![of("paris", None)], true),
            (vec![], vec![of("paris", Some(&lost))], false),
            (
                vec![of("paris", Some(&path))],
                vec![of("paris", None)],
                false,
            ),
            // Nowhere: nobody can say that it never had any.
            (vec![of("lyon", None)], vec![], false),
        ] {
            let ways = opened(configured.clone());
            ways.register(Vec::new(), ended.clone());
            ways.follow(0).unwrap();
            let case = format!("{configured:?} {ended:?}");
            assert_eq!(takes_unsigned(&ways, "paris"), takes, "{case}");
            ways.renew_keys().unwrap();
            assert_eq!(takes_unsigned(&ways, "paris"), takes, "{case}");
        }
    }

    #[test]
    fn new_keys_of_an_endpoint_count_under_its_former_name_too() {
        let place = place();
        let path = place.path().join("keys.pem");
        std::fs::write(&path, include_str!("../../fixtures/signatures/p256.pem")).unwrap();
        let mut signed = endpoint(&place, "paris", 7_700_001);
        signed.receipt_keys = Some(path);
        let ways = opened(vec![signed]);
        let mut renamed = endpoint(&place, "lutece", 7_700_001);
        renamed.formerly = vec![EndpointName::parse("paris").unwrap()];
        ways.configure(vec![renamed]);
        ways.follow(0).unwrap();
        assert!(takes_unsigned(&ways, "paris"), "as it says of itself now");
    }

    #[test]
    fn connections_are_forgotten_without_a_look_at_the_files() {
        let place = place();
        let authority = Authority::new("Tests").unwrap();
        let identity = |name| {
            let name = ClientName {
                common_name: name,
                uri: None,
            };
            authority
                .client(name)
                .unwrap()
                .write(place.path(), "own")
                .unwrap();
        };
        identity("before");
        let mut presenting = endpoint(&place, "a", 7_700_001);
        presenting.tls.identity = Some(IdentityFiles {
            certificate: place.path().join("own.pem"),
            key: place.path().join("own.key"),
        });
        let ways = opened(vec![presenting]);
        let before = ways.transport.expiries();
        assert!(before[0].1.is_some());
        // Half of a new pair, as it may lie there while it is written; taken up, it would be an error.
        std::fs::write(place.path().join("own.pem"), "no certificate").unwrap();
        assert!(ways.follow(0).unwrap().unread.is_some());
        ways.forget_connections().unwrap();
        assert_eq!(ways.transport.expiries(), before);
    }

    #[test]
    fn an_endpoint_that_left_keeps_its_keys_until_it_is_back_without() {
        let place = place();
        let path = place.path().join("keys.pem");
        let key = include_str!("../../fixtures/signatures/p256.pem");
        std::fs::write(&path, key).unwrap();
        let mut signed = endpoint(&place, "a", 7_700_001);
        signed.receipt_keys = Some(path);
        let ways = opened(vec![signed]);
        let needs_signature = || !takes_unsigned(&ways, "a");
        assert!(needs_signature());
        for (endpoints, needed) in [
            (Vec::new(), true),
            (vec![endpoint(&place, "a", 7_700_001)], false),
        ] {
            ways.configure(endpoints);
            ways.follow(0).unwrap();
            assert_eq!(needs_signature(), needed);
            ways.renew_keys().unwrap();
            assert_eq!(needs_signature(), needed);
        }
    }
    /// When the list of each endpoint was issued.
    fn issued(ways: &Ways) -> Vec<Option<i64>> {
        let standings = ways.transport.revocations().into_iter();
        standings.map(|(_, standing)| standing?.issued).collect()
    }

    #[test]
    fn files_of_each_endpoint_are_taken_up_by_themselves() {
        let place = place();
        let authority = Authority::new("Lists").unwrap();
        let of = |name: &str| place.path().join(name);
        let issue = |list: &str, year| {
            let written = authority.revoke_in(&[], year, 2120).unwrap();
            std::fs::write(of(list), written).unwrap();
        };
        let key = include_str!("../../fixtures/signatures/p256.pem");
        let both = ["a", "b"].map(|name| {
            issue(&format!("{name}.crl"), 2020);
            std::fs::write(of(&format!("{name}.keys")), key).unwrap();
            let amc = 7_700_001 + u32::from(name == "b");
            let mut endpoint = endpoint(&place, name, amc);
            endpoint.tls.roots = of(&format!("{name}.roots"));
            std::fs::write(&endpoint.tls.roots, authority.certificate()).unwrap();
            endpoint.tls.crls = vec![of(&format!("{name}.crl"))];
            endpoint.receipt_keys = Some(of(&format!("{name}.keys")));
            endpoint
        });
        let ways = opened(both.to_vec());
        let before = issued(&ways);
        // One cannot be used, the other is new: in either order.
        for (broken, mended, year) in [("a", "b", 2021), ("b", "a", 2025)] {
            issue("a.crl", year);
            issue("b.crl", year);
            std::fs::write(of(&format!("{broken}.roots")), "no certificate").unwrap();
            std::fs::write(of(&format!("{broken}.keys")), "no key").unwrap();
            let earlier = issued(&ways);
            let unread = ways.follow(0).unwrap().unread.unwrap();
            assert!(unread.contains(&format!("`{broken}`")), "{unread}");
            assert!(!unread.contains(&format!("`{mended}`")), "{unread}");
            let now = issued(&ways);
            let is_new = [now[0] != earlier[0], now[1] != earlier[1]];
            assert_eq!(is_new, [mended == "a", mended == "b"]);
            let faults = ways.renew_keys().unwrap_err().to_string();
            assert!(faults.contains(&format!("`{broken}`")), "{faults}");
            assert!(!takes_unsigned(&ways, "a") && !takes_unsigned(&ways, "b"));
            // Neither keeps a new endpoint waiting, but for one that cannot be used itself.
            let more = |name: &str| endpoint(&place, name, 7_700_003);
            let mut wanted = both.to_vec();
            wanted.push(more("c"));
            ways.configure(wanted.clone());
            let followed = ways.follow(0).unwrap();
            assert_eq!((followed.came, followed.unread), (1, Some(unread)));
            wanted[2].tls.roots = of("nowhere");
            ways.configure(wanted);
            issue("a.crl", year + 2);
            issue("b.crl", year + 2);
            let earlier = issued(&ways);
            let faults = ways.follow(0).unwrap_err().to_string();
            assert!(
                faults.contains("`c`") && faults.contains(&format!("`{broken}`")),
                "{faults}"
            );
            // What is in force has its files taken up meanwhile.
            let now = issued(&ways);
            let is_new = [now[0] != earlier[0], now[1] != earlier[1]];
            assert_eq!(is_new, [mended == "a", mended == "b"]);
            // As they were before, and sound again.
            std::fs::write(of(&format!("{broken}.roots")), authority.certificate()).unwrap();
            std::fs::write(of(&format!("{broken}.keys")), key).unwrap();
            ways.configure(both.to_vec());
            assert_eq!(ways.follow(0).unwrap().unread, None);
            ways.renew_keys().unwrap();
            let now = issued(&ways);
            assert!(now[0] == now[1] && now != before, "{now:?}");
        }
    }
}
