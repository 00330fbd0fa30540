//! Questions to a running gateway: by its Unix socket on the same machine, or over TLS as a centre does.

use std::path::PathBuf;

use anyhow::{Context as _, anyhow};
use clap::Args;
use reqwest::{Certificate, Client, Method, RequestBuilder, StatusCode};
use serde_json::Value;

use crate::cli::exit::{Code, Failure};
use crate::cli::{Settings, daemon, history};

/// Which documents to post, and where.
#[derive(Debug, Args)]
pub struct SubmitOptions {
    /// The gateway, for example `https://bordereau.example:8443`.
    #[arg(long, value_name = "URL")]
    url: String,
    /// A file that holds the bearer token.
    #[arg(long, value_name = "FILE")]
    token: PathBuf,
    /// Authorities of the gateway's certificate, in PEM.
    #[arg(long, value_name = "FILE")]
    roots: PathBuf,
    /// Documents, one a file.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// Which document to show.
#[derive(Debug, Args)]
pub struct StatusOptions {
    #[command(flatten)]
    settings: Settings,
    /// Its id, as the gateway gave it out.
    id: String,
    /// The whole answer as JSON.
    #[arg(long)]
    json: bool,
}

/// Posts documents one by one and prints what the gateway answers, a line each.
pub fn submit(options: &SubmitOptions) -> Result<Code, Failure> {
    let token = read(&options.token)?;
    let token = String::from_utf8_lossy(&token).trim().to_owned();
    let roots = Certificate::from_pem_bundle(&read(&options.roots)?)
        .context("the roots are no certificates in PEM")
        .map_err(Failure::config)?;
    let client = client(Client::builder().tls_certs_only(roots))?;
    daemon::block_on(async {
        let mut code = Code::Ok;
        for file in &options.files {
            let request = client
                .post(format!(
                    "{}/v1/documents",
                    options.url.trim_end_matches('/')
                ))
                .bearer_auth(&token)
                .header("content-type", "application/xml")
                .body(read(file)?);
            let (status, body) = whole(request).await.map_err(unreachable)?;
            let body = value(&body);
            println!("{}: {} {}", file.display(), status.as_u16(), body);
            if !status.is_success() {
                code = self::code(status);
            }
        }
        Ok(code)
    })
}

/// Shows a document.
pub fn status(options: &StatusOptions) -> Result<Code, Failure> {
    let (status, body) = ask(&options.settings, &format!("/v1/documents/{}", options.id))?;
    if options.json || !status.is_success() {
        println!("{body:#}");
    } else {
        print!("{}", history::text(&body));
    }
    Ok(code(status))
}

/// Asks the daemon of this machine to do something.
pub fn post(settings: &Settings, path: &str) -> Result<(StatusCode, Value), Failure> {
    let local = local(settings)?;
    daemon::block_on(local.answer(local.to(Method::POST, path)))
}

/// Asks the daemon of this machine to do something, and says what and why.
pub fn order(
    settings: &Settings,
    path: &str,
    order: &Value,
) -> Result<(StatusCode, Value), Failure> {
    let local = local(settings)?;
    daemon::block_on(local.answer(local.to(Method::POST, path).json(order)))
}

/// Has the daemon of this machine put something, and says what and why.
pub fn put(settings: &Settings, path: &str, order: &Value) -> Result<(StatusCode, Value), Failure> {
    let local = local(settings)?;
    daemon::block_on(local.answer(local.to(Method::PUT, path).json(order)))
}

/// Asks the daemon of this machine for what is no JSON, or is wanted as it is.
pub fn bytes(settings: &Settings, path: &str) -> Result<(StatusCode, Vec<u8>), Failure> {
    let local = local(settings)?;
    daemon::block_on(local.whole(local.to(Method::GET, path)))
}

/// Sends bytes to the daemon of this machine.
pub fn send(
    settings: &Settings,
    path: &str,
    body: Vec<u8>,
) -> Result<(StatusCode, Value), Failure> {
    let local = local(settings)?;
    daemon::block_on(local.answer(local.to(Method::POST, path).body(body)))
}

/// A path and its query; every byte that could be taken for something else is escaped.
pub fn path(path: &str, query: &[(&str, String)]) -> String {
    let mut out = path.to_owned();
    for (index, (key, value)) in query.iter().enumerate() {
        out.push(if index == 0 { '?' } else { '&' });
        out.push_str(key);
        out.push('=');
        for byte in value.bytes() {
            if byte.is_ascii_alphanumeric() || b"-._/".contains(&byte) {
                out.push(char::from(byte));
            } else {
                out.push_str(&format!("%{byte:02X}"));
            }
        }
    }
    out
}

/// The query of what was named on the command line.
pub fn query<const N: usize>(
    named: [(&'static str, Option<String>); N],
) -> Vec<(&'static str, String)> {
    let named = named.into_iter();
    let known = named.filter_map(|(key, value)| Some((key, value?)));
    known.collect()
}

/// How a command ends that was answered with this status: whoever runs it from a timer can tell a gateway that asks for
/// patience from an order that is wrong.
pub fn code(status: StatusCode) -> Code {
    match status {
        status if status.is_success() => Code::Ok,
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => Code::Unavailable,
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Code::NoPermission,
        _ => Code::Data,
    }
}

/// Asks the daemon of this machine.
pub fn ask(settings: &Settings, path: &str) -> Result<(StatusCode, Value), Failure> {
    let local = local(settings)?;
    daemon::block_on(local.answer(local.to(Method::GET, path)))
}

/// Asks the daemon of this machine for a page, and with what `after` the next one is asked for.
pub fn page(
    settings: &Settings,
    path: &str,
) -> Result<(StatusCode, Value, Option<String>), Failure> {
    let local = local(settings)?;
    daemon::block_on(async {
        let asked = async {
            let response = local.to(Method::GET, path).send().await?;
            let link = response.headers().get("link");
            let after = link.and_then(|link| after(link.to_str().ok()?));
            let (status, body) = taken(response).await?;
            Ok((status, value(&body), after))
        };
        asked.await.map_err(|error| local.unreachable(error))
    })
}

/// What a link to the next page asks for (RFC 8288).
fn after(link: &str) -> Option<String> {
    let (path, _) = link.strip_prefix('<')?.split_once(">; rel=\"next\"")?;
    let url = reqwest::Url::parse(&format!("http://localhost{path}")).ok()?;
    let mut asked = url.query_pairs();
    let (_, after) = asked.find(|(key, _)| key == "after")?;
    Some(after.into_owned())
}

/// Asks the daemon of this machine for bytes; a problem, and how the command ends, where it has none to give.
pub fn fetch(settings: &Settings, path: &str) -> Result<Result<Vec<u8>, (Code, Value)>, Failure> {
    let (status, body) = bytes(settings, path)?;
    Ok(match status.is_success() {
        true => Ok(body),
        false => Err((code(status), value(&body))),
    })
}

/// A command that needs an answer ends as one that shows it: with the code of the status.
pub fn refused(status: StatusCode, answer: &Value) -> Failure {
    let why = answer["detail"].as_str().unwrap_or("no reason given");
    Failure::new(code(status), anyhow!("the gateway answers {status}: {why}"))
}

/// The daemon of this machine, behind its socket.
struct Local {
    client: Client,
    socket: PathBuf,
}

fn local(settings: &Settings) -> Result<Local, Failure> {
    let socket = settings.load()?.desk.socket;
    let client = client(Client::builder().unix_socket(socket.clone()))?;
    Ok(Local { client, socket })
}

impl Local {
    fn to(&self, method: Method, path: &str) -> RequestBuilder {
        // Behind a socket the host says nothing.
        self.client
            .request(method, format!("http://localhost{path}"))
    }

    /// An error in the words of whoever runs the command: the address of the request is none of theirs.
    fn unreachable(&self, error: reqwest::Error) -> Failure {
        let socket = self.socket.display();
        let context = format!("the gateway cannot be reached at {socket} (`desk.socket`)");
        let error = anyhow!(error.without_url()).context(context);
        Failure::new(Code::Unavailable, error)
    }

    async fn answer(&self, request: RequestBuilder) -> Result<(StatusCode, Value), Failure> {
        let (status, body) = self.whole(request).await?;
        Ok((status, value(&body)))
    }

    async fn whole(&self, request: RequestBuilder) -> Result<(StatusCode, Vec<u8>), Failure> {
        let whole = whole(request).await;
        whole.map_err(|error| self.unreachable(error))
    }
}

fn client(builder: reqwest::ClientBuilder) -> Result<Client, Failure> {
    daemon::crypto();
    builder
        .build()
        .map_err(|error| Failure::new(Code::Software, error))
}

/// What is no JSON is a text.
fn value(body: &[u8]) -> Value {
    serde_json::from_slice(body)
        .unwrap_or_else(|_| String::from_utf8_lossy(body).into_owned().into())
}

async fn whole(request: RequestBuilder) -> reqwest::Result<(StatusCode, Vec<u8>)> {
    taken(request.send().await?).await
}

async fn taken(response: reqwest::Response) -> reqwest::Result<(StatusCode, Vec<u8>)> {
    let status = response.status();
    let body = response.bytes().await?;
    Ok((status, body.to_vec()))
}

fn unreachable(error: reqwest::Error) -> Failure {
    let error = anyhow!(error).context("the gateway cannot be reached");
    Failure::new(Code::Unavailable, error)
}

/// The bytes of a file.
pub fn read(file: &PathBuf) -> Result<Vec<u8>, Failure> {
    std::fs::read(file)
        .with_context(|| format!("cannot read {}", file.display()))
        .map_err(|error| Failure::new(Code::NoInput, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_nobody_listens_the_socket_is_named() {
        daemon::crypto();
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("bordereau.sock");
        let client = client(Client::builder().unix_socket(socket.clone()));
        let local = Local {
            client: client.ok().unwrap(),
            socket: socket.clone(),
        };
        let asked = daemon::block_on(local.answer(local.to(Method::GET, "/v1/queue")));
        let failure = asked.err().unwrap();
        let said = format!("{:#}", failure.error);
        assert!(said.contains(&socket.display().to_string()), "{said}");
        assert!(
            said.contains("desk.socket") && !said.contains("localhost"),
            "{said}"
        );
    }

    #[test]
    fn a_refusal_ends_a_command_with_the_code_of_its_status() {
        let problem = serde_json::json!({"detail": "Wait as Retry-After says."});
        for (status, code) in [
            (StatusCode::SERVICE_UNAVAILABLE, Code::Unavailable),
            (StatusCode::TOO_MANY_REQUESTS, Code::Unavailable),
            (StatusCode::FORBIDDEN, Code::NoPermission),
            (StatusCode::UNAUTHORIZED, Code::NoPermission),
            (StatusCode::NOT_FOUND, Code::Data),
            (StatusCode::BAD_REQUEST, Code::Data),
        ] {
            let failure = refused(status, &problem);
            assert_eq!(failure.code, code, "{status}");
            assert!(
                failure
                    .error
                    .to_string()
                    .ends_with("Wait as Retry-After says.")
            );
        }
    }

    #[test]
    fn a_link_says_with_what_the_next_page_is_asked_for() {
        for (link, expected) in [
            (
                "</v1/rates?format=csv&after=750712184>; rel=\"next\"",
                Some("750712184"),
            ),
            (
                "</v1/rates?by=category&after=dentaire%20national-2025>; rel=\"next\"",
                Some("dentaire national-2025"),
            ),
            ("</v1/rates?format=csv>; rel=\"next\"", None),
            ("</v1/rates?after=1>; rel=\"prev\"", None),
        ] {
            assert_eq!(after(link).as_deref(), expected, "{link}");
        }
    }
}
