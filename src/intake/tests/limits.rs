//! Who and how much, before a byte is judged.

use std::convert::Infallible;
use std::num::{NonZeroU32, NonZeroU64};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{Request, header};
use futures_util::{StreamExt, stream};

use super::house::{House, Mood, OTHER_CENTRE, Who, fse};
use crate::intake::Config;
use crate::store::{Error, Readiness};

const DOCUMENTS: &str = "/v1/documents";

/// A body in pieces of which nobody announced the length.
fn pieces(xml: &str, pause: Duration) -> Body {
    let chunks: Vec<_> = xml
        .as_bytes()
        .chunks(100)
        .map(Bytes::copy_from_slice)
        .collect();
    Body::from_stream(stream::unfold(
        chunks.into_iter(),
        move |mut chunks| async move {
            let chunk = chunks.next()?;
            tokio::time::sleep(pause).await;
            Some((Ok::<_, Infallible>(chunk), chunks))
        },
    ))
}

fn with(mut request: Request<Body>, name: header::HeaderName, value: &str) -> Request<Body> {
    request.headers_mut().insert(name, value.parse().unwrap());
    request
}

#[tokio::test]
async fn who_is_calling_comes_first() {
    let house = House::new().await;
    let xml = fse("000000017", |_| {});
    for who in [Who::Nobody, Who::Stranger] {
        house
            .post(who, DOCUMENTS, xml.clone())
            .await
            .is("not-identified");
    }
    let garbled = house.request(Who::Paris, "POST", "/v1/receipts", "");
    let garbled = with(garbled, header::AUTHORIZATION, "Bearer brd_unknown");
    assert_eq!(
        house.send(garbled).await.status,
        401,
        "a token alone decides"
    );
    for who in [Who::Operator, Who::Paris] {
        house
            .post(who, DOCUMENTS, xml.clone())
            .await
            .is("role-forbidden");
    }
    let other = fse("000000017", |document| {
        document.centre = OTHER_CENTRE.into()
    });
    house
        .post(Who::Vendor, DOCUMENTS, other)
        .await
        .is("out-of-scope");
    assert!(house.entries().await.is_empty());
}

#[tokio::test]
async fn only_plain_xml_is_taken() {
    let house = House::new().await;
    let xml = fse("000000017", |_| {});
    for (media_type, status) in [
        ("application/json", 415),
        ("application/xmlx", 415),
        ("TEXT/XML", 202),
        ("application/xml;charset=iso-8859-1", 200),
    ] {
        let request = house.request(Who::Vendor, "POST", DOCUMENTS, xml.clone());
        let request = with(request, header::CONTENT_TYPE, media_type);
        assert_eq!(house.send(request).await.status, status, "{media_type}");
    }
    let mut bare = house.request(Who::Vendor, "POST", DOCUMENTS, xml.clone());
    bare.headers_mut().remove(header::CONTENT_TYPE);
    house.send(bare).await.is("media-type");
    let packed = house.request(Who::Vendor, "POST", DOCUMENTS, xml);
    let packed = with(packed, header::CONTENT_ENCODING, "gzip");
    assert_eq!(house.send(packed).await.problem(), "media-type");
}

#[tokio::test(start_paused = true)]
async fn a_body_is_cut_off_at_its_cap_announced_or_not() {
    let xml = fse("000000017", |_| {});
    let config = |document_bytes| Config {
        document_bytes,
        ..Config::default()
    };
    let house = House::with(config(xml.len() - 1)).await;
    let announced = house.request(Who::Vendor, "POST", DOCUMENTS, xml.clone());
    let announced = with(announced, header::CONTENT_LENGTH, &xml.len().to_string());
    let answer = house.send(announced).await;
    assert_eq!(answer.json["limit"], xml.len() - 1);
    assert_eq!(answer.problem(), "body-too-large");
    let body = pieces(&xml, Duration::ZERO);
    assert_eq!(house.post(Who::Vendor, DOCUMENTS, body).await.status, 413);

    let house = House::with(config(xml.len())).await;
    let body = pieces(&xml, Duration::ZERO);
    assert_eq!(house.post(Who::Vendor, DOCUMENTS, body).await.status, 202);
    assert_eq!(
        house.post(Who::Vendor, DOCUMENTS, xml).await.status,
        200,
        "the same bytes"
    );
}

#[tokio::test]
async fn a_body_too_large_says_the_limit() {
    let config = Config {
        document_bytes: 100,
        ..Config::default()
    };
    let house = House::with(config).await;
    house
        .post(Who::Vendor, DOCUMENTS, fse("000000017", |_| {}))
        .await
        .is("body-too-large");
}

#[tokio::test(start_paused = true)]
async fn a_body_has_its_time() {
    let config = Config {
        read_seconds: NonZeroU64::new(5).unwrap(),
        ..Config::default()
    };
    let house = House::with(config).await;
    let body = pieces(&fse("000000017", |_| {}), Duration::from_secs(1));
    house
        .post(Who::Vendor, DOCUMENTS, body)
        .await
        .is("body-too-slow");
    let broken = Body::from_stream(stream::once(async { Err::<Bytes, _>("cut") }));
    house
        .post(Who::Vendor, DOCUMENTS, broken)
        .await
        .is("body-incomplete");
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_comes_too_often_waits() {
    let config = Config {
        requests_per_second: NonZeroU32::new(1).unwrap(),
        requests_burst: NonZeroU32::new(2).unwrap(),
        ..Config::default()
    };
    let house = House::with(config).await;
    let xml = fse("000000017", |_| {});
    for status in [202, 200, 429] {
        assert_eq!(
            house.post(Who::Vendor, DOCUMENTS, xml.clone()).await.status,
            status
        );
    }
    let answer = house.post(Who::Vendor, DOCUMENTS, xml.clone()).await;
    assert_eq!(answer.is("too-often").header("retry-after"), Some("1"));
    let other = house.post(Who::Gestionnaire, DOCUMENTS, xml.clone()).await;
    assert_eq!(other.status, 200, "each caller has its own");
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(house.post(Who::Vendor, DOCUMENTS, xml).await.status, 200);
}

#[tokio::test]
async fn a_store_that_asks_for_patience_is_heard_before_the_body() {
    let house = House::new().await;
    for state in [
        Readiness::Shedding,
        Readiness::Rebuilding { percent: 40 },
        Readiness::Failed("the disk is full"),
    ] {
        house.store.feels(Mood::Says(state));
        let unread = Body::from_stream(stream::pending::<Result<Bytes, Infallible>>());
        let answer = house.post(Who::Vendor, DOCUMENTS, unread).await;
        assert_eq!(answer.is("unavailable").header("retry-after"), Some("5"));
    }
    // On a disk that is filling up and after a rebuild centres wait, and insurers are heard: here, that it is no receipt.
    for (state, problem) in [
        (Readiness::LowOnDisk, "disk-full"),
        (Readiness::Resuming, "unavailable"),
    ] {
        house.store.feels(Mood::Says(state));
        let unread = Body::from_stream(stream::pending::<Result<Bytes, Infallible>>());
        let answer = house.post(Who::Vendor, DOCUMENTS, unread).await;
        assert_eq!(answer.is(problem).header("retry-after"), Some("5"));
        let answer = house.post(Who::Paris, "/v1/receipts", "none").await;
        assert_eq!(answer.problem(), "receipt-unreadable");
    }
    house.store.feels(Mood::Well);
    let admitted = house
        .post(Who::Vendor, DOCUMENTS, fse("000000017", |_| {}))
        .await;
    assert_eq!(admitted.status, 202);
    // Of what centres do, the store refuses admissions alone while its disk is filling up, and so does the door.
    house.store.feels(Mood::Says(Readiness::LowOnDisk));
    for path in [DOCUMENTS, "/v1/lots"] {
        let answer = house
            .post(Who::Vendor, path, fse("000000018", |_| {}))
            .await;
        answer.is("disk-full");
    }
    let xml = fse("000000018", |_| {});
    assert_eq!(
        house.post(Who::Vendor, "/v1/validate", xml).await.status,
        200
    );
    let id = admitted.json["id"].as_str().unwrap().to_owned();
    let cancel = format!("/v1/documents/{id}/cancel");
    assert_eq!(house.post(Who::Vendor, &cancel, "").await.status, 200);
}

#[tokio::test]
async fn nothing_is_promised_when_the_store_does_not_say() {
    let house = House::new().await;
    let sound = fse("000000017", |_| {});
    let faulty = fse("17", |_| {});
    for (error, status) in [
        (Error::Busy, 503),
        (Error::Full, 503),
        (Error::Stopped("sync".into()), 503),
        (Error::Impossible("a defect"), 500),
    ] {
        house.store.feels(Mood::Commits(error));
        for xml in [&sound, &faulty] {
            let answer = house.post(Who::Vendor, DOCUMENTS, xml.clone()).await;
            assert_eq!(answer.status, status);
        }
    }
    house.post(Who::Vendor, DOCUMENTS, sound).await.is("defect");
    assert!(house.entries().await.is_empty());
}

#[tokio::test]
async fn bodies_share_one_memory() {
    let config = Config {
        memory_bytes: 32 << 20,
        lot_bytes: 32 << 20,
        ..Config::default()
    };
    let house = House::with(config).await;
    // What has arrived is held, and not what may come.
    let arriving = |bytes: usize| {
        let first = stream::iter([Ok::<_, Infallible>(Bytes::from(vec![b' '; bytes]))]);
        Body::from_stream(first.chain(stream::pending()))
    };
    let xml = fse("000000017", |_| {});
    let mut held = Box::pin(house.post(Who::Vendor, "/v1/lots", arriving(1000)));
    assert!(futures_util::poll!(held.as_mut()).is_pending());
    assert_eq!(
        house.post(Who::Vendor, DOCUMENTS, xml.clone()).await.status,
        202
    );
    let mut most = Box::pin(house.post(Who::Vendor, "/v1/lots", arriving((32 << 20) - (64 << 10))));
    assert!(futures_util::poll!(most.as_mut()).is_pending());
    let answer = house.post(Who::Vendor, DOCUMENTS, xml.clone()).await;
    assert_eq!((answer.status, answer.problem()), (503, "unavailable"));
    drop((held, most));
    assert_eq!(house.post(Who::Vendor, DOCUMENTS, xml).await.status, 200);
}

#[tokio::test]
async fn a_body_for_which_there_is_no_memory_is_not_read_to_its_end() {
    let config = Config {
        memory_bytes: 32 << 20,
        lot_bytes: 32 << 20,
        ..Config::default()
    };
    let house = House::with(config).await;
    let part = Bytes::from(vec![b' '; 20 << 20]);
    let whole = stream::iter([Ok::<_, Infallible>(part.clone())]).chain(stream::pending());
    let mut first = Box::pin(house.post(Who::Vendor, "/v1/lots", Body::from_stream(whole)));
    assert!(futures_util::poll!(first.as_mut()).is_pending());
    let second = stream::iter([Ok::<_, Infallible>(part)]).chain(stream::pending());
    let second = house
        .post(Who::Vendor, "/v1/lots", Body::from_stream(second))
        .await;
    assert_eq!((second.status, second.problem()), (503, "unavailable"));
}
