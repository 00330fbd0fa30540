//! The world of the demo: certificates, tokens, simulated insurers and the gateway, each with a configuration that
//! is written to disk as a person would write it.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpSocket};

use crate::access::{Grant, Role};
use crate::app::App;
use crate::cli::demo::book::Book;
use crate::cli::demo::cast::Insurer;
use crate::cli::demo::papers;
use crate::cli::lab::home::Home;
use crate::clock::{Clock, SystemClock};
use crate::config;
use crate::simulator::insurer::{self, book::Contents};

/// Everything that runs.
pub(super) struct World {
    /// The insurers that are there.
    pub(super) insurers: Vec<(Insurer, insurer::Handle)>,
    /// The tokens.
    pub(super) tokens: Tokens,
    app: App,
    /// Holds the address at which nobody listens.
    _nobody: TcpSocket,
    home: Home,
}

/// The tokens in clear, for those who post.
pub(super) struct Tokens {
    /// Of each centre, by its place.
    pub(super) centres: Vec<String>,
    /// Of each centre as a vendor's test.
    pub(super) tests: Vec<String>,
    /// Of the operator.
    pub(super) operator: String,
}

impl World {
    /// Makes certificates and tokens, starts the insurers, then the gateway.
    pub(super) async fn start(
        book: &Book,
        seed: u32,
        clock: Arc<SystemClock>,
    ) -> anyhow::Result<World> {
        let home = Home::make("demo", &*clock)?;
        home.certify("Demo of bordereau")?;
        home.lock(&*clock)?;
        let tokens = Tokens::issue(book, &home, &*clock)?;
        let mut insurers = Vec::new();
        for insurer in Insurer::PRESENT {
            insurers.push((insurer, open(insurer, seed, &home, clock.clone()).await?));
        }
        let nobody = TcpSocket::new_v4()?;
        nobody.bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
        let mut addresses: Vec<_> = insurers
            .iter()
            .map(|(who, run)| (*who, run.address))
            .collect();
        addresses.push((Insurer::Strasbourg, nobody.local_addr()?));

        let text = papers::gateway(&home.path, &addresses);
        home.write("gateway.toml", &text)?;
        home.write("centres.toml", &papers::registry(book))?;
        home.write("agreement.toml", &papers::agreement(book))?;
        let config = config::read(&text, "gateway.toml", [])?;
        let app = App::start(config, clock).await?;
        Ok(World {
            insurers,
            tokens,
            app,
            _nobody: nobody,
            home,
        })
    }

    /// Where everything lies.
    pub(super) fn directory(&self) -> &Path {
        &self.home.path
    }

    /// Where centres post.
    pub(super) fn public(&self) -> String {
        format!("https://{}", self.app.public())
    }

    /// Where operators look.
    pub(super) fn operators(&self) -> Option<String> {
        self.app
            .operators()
            .map(|address| format!("http://{address}"))
    }

    /// The authority of every certificate, in PEM.
    pub(super) fn roots(&self) -> anyhow::Result<Vec<u8>> {
        self.home.roots()
    }

    /// The insurers' own books as they stand.
    pub(super) fn books(&self) -> Vec<(Insurer, Contents)> {
        let books = self.insurers.iter();
        books
            .map(|(insurer, running)| (*insurer, running.book()))
            .collect()
    }

    /// Says where everything is, for those who stay.
    pub(super) fn invite(&self, book: &Book) {
        let home = self.home.path.display();
        eprintln!(
            "\nEverything stays up until Ctrl-C; configurations, keys and books are in {home}."
        );
        for (what, address) in self.app.addresses() {
            eprintln!("  {what:14} {address}");
        }
        for (insurer, running) in &self.insurers {
            eprintln!("  {:14} https://{}", insurer.endpoint(), running.address);
        }
        let curl = format!("curl --cacert {home}/authority.pem -H \"Authorization: Bearer");
        let public = self.public();
        eprintln!("\nTry:");
        eprintln!("  {curl} $(cat {home}/operator.token)\" '{public}/v1/rates?period=ytd'");
        if let Some(post) = book
            .posts
            .iter()
            .find(|post| post.centre == 0 && post.end.is_some())
        {
            let query = format!("kind={}&number={}", post.kind.as_str(), post.number);
            eprintln!("  {curl} $(cat {home}/centre-1.token)\" '{public}/v1/documents?{query}'");
        }
        if let Some(operators) = self.operators() {
            eprintln!("  curl {operators}/metrics");
            eprintln!("  {curl} $(cat {home}/operator.token)\" {operators}/v1/queue");
        }
    }

    /// Drains the gateway, then the insurers; the directory goes.
    pub(super) async fn stop(self) {
        self.app.stop().await;
        for (_, insurer) in self.insurers {
            insurer.shutdown().await;
        }
    }
}

impl Tokens {
    fn issue(book: &Book, home: &Home, clock: &dyn Clock) -> anyhow::Result<Tokens> {
        let issue = |name: String, role: Role, centres: Vec<String>, test: bool| {
            let grant = Grant {
                name,
                role,
                centres,
                gestionnaire: None,
                insurer: None,
                test,
            };
            home.issue(grant, clock)
        };
        let mut tokens = Tokens {
            centres: Vec::new(),
            tests: Vec::new(),
            operator: issue("operator".into(), Role::Operator, Vec::new(), false)?,
        };
        for (place, centre) in (1..).zip(&book.centres) {
            let own = || vec![centre.finess.clone()];
            let real = issue(format!("centre-{place}"), Role::Centre, own(), false);
            tokens.centres.push(real?);
            let test = issue(format!("vendor-{place}"), Role::Centre, own(), true);
            tokens.tests.push(test?);
        }
        Ok(tokens)
    }
}

async fn open(
    insurer: Insurer,
    seed: u32,
    home: &Home,
    clock: Arc<SystemClock>,
) -> anyhow::Result<insurer::Handle> {
    let name = insurer.endpoint();
    let text = papers::plan(insurer, seed, &home.path);
    home.write(&format!("{name}.toml"), &text)?;
    let config = config::parse(&text, name)?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    Ok(insurer::Insurer::start(config, listener, clock)?)
}
