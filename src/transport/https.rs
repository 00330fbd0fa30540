//! The wire contract over HTTPS with mutual TLS: HTTP/1.1 on pooled connections, nothing followed,
//! nothing repeated, no proxy, no trust but the endpoint's own roots.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use reqwest::header::{ACCEPT, CONTENT_TYPE, DATE, HeaderName, RETRY_AFTER};
use reqwest::{Client, RequestBuilder, Response, Url, redirect, retry};

use crate::claims::id::{Digest, EndpointName, LotId, Name};
use crate::claims::outcome::{Asked, Cause, Sent};
use crate::formats::json::answer::{self, Answer};
use crate::formats::lot::Composed;
use crate::tls::revocation::{Over, Standing};
use crate::tls::{self, Identity, Trust, renewal};

use super::body::Segments;
use super::cause;
use super::opening::Openings;
use super::{Config, Endpoint, Error, Faults, Fetched, StatusService, Transport};

/// The header that carries the digest of a lot (RFC 9530).
const REPR_DIGEST: HeaderName = HeaderName::from_static("repr-digest");

/// Every endpoint, each with its own pool of connections.
pub struct Https {
    lines: ArcSwap<Lines>,
    renewal: renewal::Config,
    /// The endpoints change one change after the other.
    changing: Mutex<()>,
}

/// By each of an endpoint's names.
type Lines = BTreeMap<EndpointName, Arc<Line>>;

/// One endpoint.
struct Line {
    endpoint: Endpoint,
    base: String,
    ready: Arc<Ready>,
}

/// What one reading of an endpoint's certificates gave.
struct Ready {
    client: Client,
    openings: Openings,
    /// What we present.
    identity: Option<Identity>,
    /// Whom we trust.
    trust: Trust,
}

/// A whole answer.
struct Heard {
    status: u16,
    retry_after: Option<String>,
    date: Option<String>,
    body: Body,
}

/// The body of an answer.
enum Body {
    Whole(Bytes),
    /// Longer than the limit: it says nothing.
    TooLong,
    /// The connection ended before its end.
    Broken(Cause),
}

impl Https {
    /// Reads the certificates and builds one client an endpoint. Nothing is connected.
    ///
    /// # Errors
    /// [`Faults`]: those of [`Config::check`], [`Error::Tls`] and [`Error::Client`].
    pub fn new(config: &Config) -> Result<Https, Faults> {
        Https::with(config, renewal::Config::default())
    }

    /// The same with settings for revocation lists.
    ///
    /// # Errors
    /// Those of [`Https::new`].
    pub fn with(config: &Config, renewal: renewal::Config) -> Result<Https, Faults> {
        let https = Https {
            lines: ArcSwap::default(),
            renewal,
            changing: Mutex::new(()),
        };
        // Nothing is kept yet, so nothing can be worse.
        https.follow(config, i64::MIN)?;
        Ok(https)
    }

    /// From now on these are the endpoints, with what their files hold now. Whose files and limits are as they were
    /// keeps its connections; attempts that run end on what they began with. An endpoint that is as it was and whose
    /// files cannot be used keeps what it had, and no other waits for it: why is the answer. Else all or nothing: on an
    /// error everything stays as it was. `at` is the present instant, in seconds since 1970. It reads files: not for an
    /// async task.
    ///
    /// # Errors
    /// Those of [`Https::new`], of endpoints that are new or have other settings, and [`Error::Expired`].
    pub fn follow(&self, config: &Config, at: i64) -> Result<Vec<Error>, Faults> {
        config.check()?;
        let _changing = self.change();
        let before = self.lines.load_full();
        let mut faults = Vec::new();
        let lines = config.endpoints.iter().map(|endpoint| {
            let kept = endpoint.names().find_map(|name| before.get(name));
            match Line::open(endpoint, &self.renewal, kept.map(Arc::as_ref), at) {
                Ok(line) => Ok(named(Arc::new(line))),
                Err(fault) => match kept.filter(|line| line.endpoint == *endpoint) {
                    Some(line) => {
                        faults.push(fault);
                        Ok(named(Arc::clone(line)))
                    }
                    None => Err(fault),
                },
            }
        });
        let lines = Faults::or(lines)?.into_iter().flatten().collect();
        self.lines.store(Arc::new(lines));
        Ok(faults)
    }

    /// Forgets all connections: the other side has to prove itself again. No file is read: what files hold is taken up
    /// by [`Https::follow`] alone, with its guards.
    ///
    /// # Errors
    /// [`Error::Tls`] and [`Error::Client`], of each endpoint that keeps its connections.
    pub fn forget_connections(&self) -> Result<(), Faults> {
        let _changing = self.change();
        let before = self.lines.load_full();
        let mut lines = Lines::clone(&before);
        let mut faults = Vec::new();
        for line in present(&before) {
            match line.unconnected() {
                Ok(fresh) => lines.extend(named(Arc::new(fresh))),
                Err(fault) => faults.push(fault),
            }
        }
        self.lines.store(Arc::new(lines));
        if faults.is_empty() {
            Ok(())
        } else {
            Err(Faults(faults))
        }
    }

    /// Until when the certificate that each endpoint is shown is good, in seconds since 1970; none where none is
    /// shown.
    pub fn expiries(&self) -> Vec<(EndpointName, Option<i64>)> {
        self.each(|ready| ready.identity.as_ref()?.expires())
    }

    /// How the revocation lists of each endpoint's authorities stand; none where no list is wanted.
    pub fn revocations(&self) -> Vec<(EndpointName, Option<Standing>)> {
        self.each(|ready| ready.trust.revocation())
    }

    /// Which of those lists are over at an instant, in seconds since 1970.
    pub fn lists_over(&self, at: i64) -> Vec<(EndpointName, Over)> {
        self.each(|ready| ready.trust.over(at))
    }

    fn each<T>(&self, of: impl Fn(&Ready) -> T) -> Vec<(EndpointName, T)> {
        let lines = self.lines.load();
        present(&lines)
            .map(|line| (line.endpoint.name.clone(), of(&line.ready)))
            .collect()
    }

    fn change(&self) -> MutexGuard<'_, ()> {
        // Lines are exchanged at once or not at all, whoever panicked.
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn line(&self, endpoint: &EndpointName) -> Option<Arc<Line>> {
        self.lines.load().get(endpoint).cloned()
    }
}

/// A line by each of its endpoint's names.
fn named(line: Arc<Line>) -> Vec<(EndpointName, Arc<Line>)> {
    let names = line.endpoint.names();
    names.map(|name| (name.clone(), line.clone())).collect()
}

/// The line of each endpoint, once.
fn present(lines: &Lines) -> impl Iterator<Item = &Arc<Line>> {
    let present = lines
        .iter()
        .filter(|(name, line)| **name == line.endpoint.name);
    present.map(|(_, line)| line)
}

#[async_trait]
impl Transport for Https {
    async fn send(&self, endpoint: &EndpointName, lot: &Composed) -> Sent {
        let Some(line) = self.line(endpoint) else {
            return Sent::NotReached(Cause::NoEndpoint);
        };
        let body = Segments::of(lot, line.ready.openings.mark());
        let begun = body.begun();
        let request = line
            .ready
            .client
            .put(line.lot(lot.lot.id))
            .header(CONTENT_TYPE, lot.content_type())
            .header(REPR_DIGEST, answer::write_digest(lot.digest))
            .header(ACCEPT, "application/json")
            .body(reqwest::Body::wrap(body));
        match line.ask_about_lot(request).await {
            Ok(heard) => Sent::Answered(answer::read_reply(heard.answer(), lot.lot.id)),
            Err(cause) if !begun.get() || cause::precedes_the_request(cause) => {
                Sent::NotReached(cause)
            }
            Err(cause) => Sent::Unanswered(cause),
        }
    }

    async fn status(&self, endpoint: &EndpointName, lot: LotId, digest: Digest) -> Asked {
        let Some(line) = self.line(endpoint) else {
            return Asked::NoAnswer(Cause::NoEndpoint);
        };
        match line.endpoint.status {
            StatusService::Absent => return Asked::NoService,
            StatusService::Offered => {}
        }
        let request = line
            .ready
            .client
            .get(line.lot(lot))
            .header(ACCEPT, "application/json");
        match line.ask_about_lot(request).await {
            Ok(heard) => Asked::Answered(answer::read_status(heard.answer(), lot, digest)),
            Err(cause) => Asked::NoAnswer(cause),
        }
    }

    async fn fetch_receipts(&self, endpoint: &EndpointName, after: Option<&Name>) -> Fetched {
        let Some(line) = self.line(endpoint) else {
            return Fetched::NoAnswer(Cause::NoEndpoint);
        };
        let request = line
            .ready
            .client
            .get(line.receipts(after))
            .header(ACCEPT, "application/xml");
        let cap = line.endpoint.limits.feed_bytes.get();
        let heard = match line.exchange(request, cap).await {
            Ok(heard) => heard,
            Err(cause) => return Fetched::NoAnswer(cause),
        };
        match (heard.status, &heard.body) {
            (200, Body::Whole(bytes)) => Fetched::Feed(bytes.clone()),
            (200, Body::Broken(cause)) => Fetched::NoAnswer(*cause),
            (status, _) => Fetched::Trouble(answer::trouble(status), answer::wait(heard.answer())),
        }
    }
}

impl Line {
    /// Reads an endpoint's files; where they hold what they held, and the limits are the same, with the client that
    /// there was. A certificate that has expired never takes the place of one that is good.
    fn open(
        endpoint: &Endpoint,
        renewal: &renewal::Config,
        kept: Option<&Line>,
        at: i64,
    ) -> Result<Line, Error> {
        let failed = |source| Error::Tls {
            endpoint: endpoint.name.clone(),
            source,
        };
        let identity = endpoint.tls.identity().map_err(failed)?;
        let expires = |identity: Option<&Identity>| identity.and_then(Identity::expires);
        let before = kept.and_then(|line| expires(line.ready.identity.as_ref()));
        if before.is_some_and(|before| before > at)
            && expires(identity.as_ref()).is_some_and(|expires| expires <= at)
        {
            return Err(Error::Expired(endpoint.name.clone()));
        }
        let trust = endpoint.tls.trust(renewal).map_err(failed)?;
        let kept = kept.filter(|line| {
            line.endpoint.limits == endpoint.limits && line.ready.is_of(identity.as_ref(), &trust)
        });
        let ready = match kept {
            Some(line) => Arc::clone(&line.ready),
            None => Arc::new(Ready::new(endpoint, identity, trust)?),
        };
        Ok(Line {
            base: endpoint.url()?,
            endpoint: endpoint.clone(),
            ready,
        })
    }

    /// The same without a connection.
    fn unconnected(&self) -> Result<Line, Error> {
        let Ready {
            identity, trust, ..
        } = &*self.ready;
        let ready = Ready::new(&self.endpoint, identity.clone(), trust.clone())?;
        Ok(Line {
            endpoint: self.endpoint.clone(),
            base: self.base.clone(),
            ready: Arc::new(ready),
        })
    }

    fn lot(&self, lot: LotId) -> String {
        format!("{}/lots/{lot}", self.base)
    }

    fn receipts(&self, after: Option<&Name>) -> Url {
        let mut url = Url::parse(&self.base).expect("checked when the configuration was read");
        url.path_segments_mut()
            .expect("https has a path")
            .push("receipts");
        if let Some(after) = after {
            url.query_pairs_mut().append_pair("after", after.as_str());
        }
        url
    }

    /// An exchange whose answer means something only with its body, where the contract gives it one.
    async fn ask_about_lot(&self, request: RequestBuilder) -> Result<Heard, Cause> {
        let heard = self
            .exchange(request, self.endpoint.limits.answer_bytes.get())
            .await?;
        match (&heard.body, heard.status) {
            (Body::Broken(cause), 200..=299 | 409 | 422) => Err(*cause),
            (Body::Broken(_) | Body::TooLong | Body::Whole(_), _) => Ok(heard),
        }
    }

    /// One request and its whole answer, within the endpoint's time.
    async fn exchange(&self, request: RequestBuilder, cap: usize) -> Result<Heard, Cause> {
        let exchange = async {
            let response = request.send().await.map_err(|error| cause::of(&error))?;
            Ok(Heard {
                status: response.status().as_u16(),
                retry_after: header(&response, RETRY_AFTER),
                date: header(&response, DATE),
                body: read(response, cap).await,
            })
        };
        within(self.endpoint.limits.answer(), exchange).await
    }
}

impl Ready {
    fn new(endpoint: &Endpoint, identity: Option<Identity>, trust: Trust) -> Result<Ready, Error> {
        let tls = tls::client_config(&trust, identity.as_ref());
        let tls = tls.map_err(|source| Error::Tls {
            endpoint: endpoint.name.clone(),
            source,
        })?;
        let limits = &endpoint.limits;
        let openings = Openings::default();
        let client = Client::builder()
            .tls_backend_preconfigured(tls)
            .https_only(true)
            .http1_only()
            .tcp_nodelay(true)
            .no_proxy()
            .referer(false)
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .connector_layer(openings.clone())
            .connect_timeout(limits.connect())
            .pool_idle_timeout(limits.idle())
            .pool_max_idle_per_host(limits.idle_connections.get() as usize)
            .build()
            .map_err(|source| Error::Client {
                endpoint: endpoint.name.clone(),
                source,
            })?;
        Ok(Ready {
            client,
            openings,
            identity,
            trust,
        })
    }

    fn is_of(&self, identity: Option<&Identity>, trust: &Trust) -> bool {
        self.identity.as_ref() == identity && self.trust.is_like(trust)
    }
}

impl Heard {
    fn answer(&self) -> Answer<'_> {
        Answer {
            status: self.status,
            retry_after: self.retry_after.as_deref(),
            date: self.date.as_deref(),
            body: match &self.body {
                Body::Whole(bytes) => bytes,
                Body::TooLong | Body::Broken(_) => &[],
            },
        }
    }
}

async fn within<T>(
    limit: std::time::Duration,
    work: impl Future<Output = Result<T, Cause>>,
) -> Result<T, Cause> {
    match tokio::time::timeout(limit, work).await {
        Ok(done) => done,
        Err(_) => Err(Cause::Timeout),
    }
}

/// Reads the body up to the limit; beyond it the rest is left and the connection with it.
async fn read(mut response: Response, cap: usize) -> Body {
    let mut body = BytesMut::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() > cap => return Body::TooLong,
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => return Body::Whole(body.freeze()),
            Err(error) => return Body::Broken(cause::of(&error)),
        }
    }
}

fn header(response: &Response, name: HeaderName) -> Option<String> {
    Some(response.headers().get(name)?.to_str().ok()?.to_owned())
}
