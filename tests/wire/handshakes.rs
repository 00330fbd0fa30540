//! Certificates that are out of date, revoked or not vouched for, and how many handshakes a thousand lots cost.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bordereau::claims::delivery::Event;
use bordereau::claims::entry::Reason;
use bordereau::claims::id::{DocumentId, EndpointName, LotId};
use bordereau::claims::outcome::{Asked, Cause, Reply, Sent, StatusReply, judge_sent};
use bordereau::clock::ManualClock;
use bordereau::formats::lot::{Composed, compose};
use bordereau::tls::authority::{Authority, ClientName};
use bordereau::transport::https::Https;
use bordereau::transport::{Config, Endpoint, Faults, Transport};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use tempfile::TempDir;
use tokio::io::{AsyncWriteExt, copy, sink};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::rig::{Rig, caisse, certificates, endpoint, header, https, insurer, piece};

/// Lots in the count, and how many senders share them.
const LOTS: usize = 1_000;
const SENDERS: usize = 8;

/// By when a connection is free again after an answer, on a busy machine too.
const GIVEN_BACK: Duration = Duration::from_millis(300);

#[tokio::test]
async fn a_certificate_that_has_expired_holds_the_lot_and_says_why() {
    for (stale, cause, reason) in [
        ("client", Cause::OwnCertificate, Reason::OwnCertificate),
        ("server", Cause::Tls, Reason::Tls),
    ] {
        let folder = dated(stale);
        let clock = Arc::new(ManualClock::new(Default::default(), 1));
        let insurer = insurer(folder.path(), "{}", clock).await;
        let base = format!("https://localhost:{}", insurer.address.port());
        let transport = https(endpoint(folder.path(), &base));
        let lot = lot(1);
        let sent = transport.send(&caisse(), &lot).await;
        assert_eq!(sent, Sent::NotReached(cause), "{stale}");
        let judgement = judge_sent(&sent, &[DocumentId(1)]);
        let held = (judgement.event, judgement.reason);
        assert_eq!(held, (Event::NotReached, reason), "{stale}");
        assert!(insurer.book().lots.is_empty(), "{stale}");
        insurer.shutdown().await;
    }
}

/// What we refuse ourselves holds the lot with a reason of its own: nothing left.
#[tokio::test]
async fn a_revoked_or_unvouched_certificate_holds_the_lot_and_says_which() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new("Simulated insurers").unwrap();
    authority.write(folder.path()).unwrap();
    let server = authority.server(&["localhost"]).unwrap();
    server.write(folder.path(), "server").unwrap();
    let name = ClientName {
        common_name: "gateway",
        uri: None,
    };
    let client = authority.client(name).unwrap();
    client.write(folder.path(), "client").unwrap();
    let clock = Arc::new(ManualClock::new(Default::default(), 1));
    let insurer = insurer(folder.path(), "{}", clock).await;
    let base = format!("https://localhost:{}", insurer.address.port());
    let mut through = endpoint(folder.path(), &base);
    let list = folder.path().join("list.crl");
    through.tls.crls = vec![list.clone()];
    for (revoked, next, cause, reason) in [
        (vec![&server], 2120, Cause::Revoked, Reason::Revoked),
        (vec![&server], 2021, Cause::Revoked, Reason::Revoked),
        (vec![], 2021, Cause::Unvouched, Reason::Unvouched),
    ] {
        std::fs::write(&list, authority.revoke_in(&revoked, 2020, next).unwrap()).unwrap();
        let transport = https(through.clone());
        let sent = transport.send(&caisse(), &lot(1)).await;
        assert_eq!(sent, Sent::NotReached(cause));
        let judgement = judge_sent(&sent, &[DocumentId(1)]);
        assert_eq!(
            (judgement.event, judgement.reason),
            (Event::NotReached, reason)
        );
        // The list of the day is taken up without a restart.
        std::fs::write(&list, authority.revoke_in(&[], 2022, 2120).unwrap()).unwrap();
        let now = Config {
            endpoints: vec![through.clone()],
            ..Config::default()
        };
        transport.follow(&now, 0).unwrap();
        let asked = transport.status(&caisse(), LotId(1), lot(1).digest).await;
        assert_eq!(asked, Asked::Answered(StatusReply::Unknown), "{cause:?}");
    }
    assert!(insurer.book().lots.is_empty());
    insurer.shutdown().await;
}

/// A connection is one handshake: between the gateway and the insurer stands whoever counts them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_lots_share_the_connections_of_their_senders() {
    let rig = Rig::start("{}").await;
    let (address, opened) = counted(rig.insurer.address).await;
    let through = Endpoint {
        base: format!("https://localhost:{}/wire", address.port()),
        ..endpoint(rig.folder.path(), "https://localhost")
    };
    let transport = Arc::new(https(through));
    let start = Instant::now();
    let mut senders = JoinSet::new();
    for sender in 0..SENDERS {
        let transport = Arc::clone(&transport);
        senders.spawn(async move {
            for id in (sender..LOTS).step_by(SENDERS) {
                let sent = transport.send(&caisse(), &lot(1 + id as u128)).await;
                assert_eq!(sent, Sent::Answered(Reply::Taken));
            }
        });
    }
    while let Some(ended) = senders.join_next().await {
        ended.unwrap();
    }
    let opened = opened.load(Ordering::Relaxed);
    println!(
        "{LOTS} lots, {SENDERS} senders: {opened} handshakes, {:?}",
        start.elapsed()
    );
    // One that is given back a moment too late is opened beside: never more than each sender's second.
    assert!((1..=2 * SENDERS).contains(&opened), "{opened} handshakes");
    assert_eq!(rig.insurer.book().lots.len(), LOTS);
    rig.insurer.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn endpoints_become_others_and_connections_to_the_same_go_on() {
    let rig = Rig::start("{}").await;
    let (first, opened_first) = counted(rig.insurer.address).await;
    let (second, opened_second) = counted(rig.insurer.address).await;
    let at = |name: &str, to: SocketAddr| Endpoint {
        name: EndpointName::parse(name).unwrap(),
        base: format!("https://localhost:{}/wire", to.port()),
        destinations: Vec::new(),
        ..endpoint(rig.folder.path(), "https://localhost")
    };
    let ways = |endpoints| Config {
        endpoints,
        ..Config::default()
    };
    let transport = Https::new(&ways(vec![at("caisse", first)])).unwrap();
    let mut id = 0;
    let mut send = async |name: &str| {
        id += 1;
        // A connection is given back a moment after its answer; the next lot would else open another.
        tokio::time::sleep(GIVEN_BACK).await;
        let name = EndpointName::parse(name).unwrap();
        transport.send(&name, &lot(id)).await
    };
    let opened = || {
        let count = |counter: &AtomicUsize| counter.load(Ordering::Relaxed);
        (count(&opened_first), count(&opened_second))
    };
    let taken = Sent::Answered(Reply::Taken);
    let nowhere = Sent::NotReached(Cause::NoEndpoint);
    assert_eq!(send("caisse").await, taken);
    assert_eq!(send("autre").await, nowhere);
    assert_eq!(opened(), (1, 0));

    // One came: the other's connection serves on.
    let both = ways(vec![at("caisse", first), at("autre", second)]);
    transport.follow(&both, 0).unwrap();
    assert_eq!(
        (send("caisse").await, send("autre").await),
        (taken.clone(), taken.clone())
    );
    assert_eq!(opened(), (1, 1));

    // A set of which one cannot be used changes nothing, and says all that is wrong.
    let mut faulty = both.clone();
    faulty.endpoints[0].base = format!("https://localhost:{}/wire", second.port());
    faulty.endpoints[0].tls.roots = "/nowhere".into();
    faulty.endpoints[1].tls.roots = "/nowhere else".into();
    let Faults(faults) = transport.follow(&faulty, 0).unwrap_err();
    assert_eq!(faults.len(), 2, "{faults:?}");
    assert_eq!(send("caisse").await, taken);
    assert_eq!(opened(), (1, 1));

    // At another place, with as long for an answer as before; the other one left.
    transport
        .follow(&ways(vec![at("caisse", second)]), 0)
        .unwrap();
    assert_eq!(
        (send("caisse").await, send("autre").await),
        (taken.clone(), nowhere)
    );
    assert_eq!(opened(), (1, 2));

    // Under another name it is still reached by the former one, on the same connection.
    let mut renamed = at("lutece", second);
    renamed.formerly = vec![caisse()];
    transport.follow(&ways(vec![renamed]), 0).unwrap();
    assert_eq!(
        (send("lutece").await, send("caisse").await),
        (taken.clone(), taken.clone())
    );
    let names: Vec<_> = transport.expiries().into_iter().map(|row| row.0).collect();
    assert_eq!(names, [EndpointName::parse("lutece").unwrap()]);
    assert_eq!(opened(), (1, 2));

    // Whose certificate is read anew opens anew, and so do all where nothing vouches any more.
    let name = ClientName {
        common_name: "gateway",
        uri: None,
    };
    let caisse = ways(vec![at("caisse", second)]);
    transport.follow(&caisse, 0).unwrap();
    assert_eq!(send("caisse").await, taken);
    assert_eq!(opened(), (1, 2));
    transport.forget_connections().unwrap();
    assert_eq!(send("caisse").await, taken);
    assert_eq!(opened(), (1, 3));
    let stranger = Authority::new("Somebody else").unwrap();
    let stranger = stranger.client(name).unwrap();
    stranger.write(rig.folder.path(), "client").unwrap();
    transport.follow(&caisse, 0).unwrap();
    assert_eq!(
        send("caisse").await,
        Sent::NotReached(Cause::OwnCertificate)
    );
    rig.insurer.shutdown().await;
}

fn lot(id: u128) -> Composed {
    let pieces = vec![piece(
        DocumentId(id),
        bordereau::claims::document::Kind::Fse,
        "A-1",
    )];
    compose(header(LotId(id)), pieces)
}

/// Passes on connections to an address, and counts them.
async fn counted(to: SocketAddr) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let opened = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&opened);
    tokio::spawn(async move {
        while let Ok((mut from, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::Relaxed);
            tokio::spawn(async move {
                let mut there = TcpStream::connect(to).await.unwrap();
                let (mut asked, mut answers) = from.split();
                let (mut answered, mut asks) = there.split();
                // Either side may end it as it likes. What the insurer said before it closed is passed on even
                // if nothing more can be written to it: its last word is the alert that a test waits for.
                let onward = async {
                    let _ = copy(&mut asked, &mut asks).await;
                    let _ = copy(&mut asked, &mut sink()).await;
                    let _ = asks.shutdown().await;
                };
                let back = async {
                    let _ = copy(&mut answered, &mut answers).await;
                    let _ = answers.shutdown().await;
                };
                tokio::join!(onward, back);
            });
        }
    });
    (address, opened)
}

/// Certificates of one authority, of which that of one side has expired.
fn dated(stale: &str) -> TempDir {
    let folder = certificates();
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let key = KeyPair::generate().unwrap();
    let issuer = CertifiedIssuer::self_signed(params, key).unwrap();
    std::fs::write(folder.path().join("authority.pem"), issuer.pem()).unwrap();
    for (name, usage) in [
        ("server", ExtendedKeyUsagePurpose::ServerAuth),
        ("client", ExtendedKeyUsagePurpose::ClientAuth),
    ] {
        let last = if name == stale { 2021 } else { 2120 };
        issue(folder.path(), &issuer, name, usage, last);
    }
    folder
}

fn issue(
    folder: &Path,
    issuer: &CertifiedIssuer<'_, KeyPair>,
    name: &str,
    usage: ExtendedKeyUsagePurpose,
    last: i32,
) {
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(last, 1, 1);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![usage];
    params.use_authority_key_identifier_extension = true;
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, issuer).unwrap();
    std::fs::write(folder.join(format!("{name}.pem")), certificate.pem()).unwrap();
    std::fs::write(folder.join(format!("{name}.key")), key.serialize_pem()).unwrap();
}
