//! A place for a gateway: certificates, a registry with one centre, and its configuration.

use std::fs;
use std::path::PathBuf;

use bordereau::tls::authority::{Authority, ClientName};
use bordereau::{config, tls};
use reqwest::{Certificate, Client, Identity};
use tempfile::TempDir;

/// Everything on disk.
pub struct Place {
    directory: TempDir,
    authority: Authority,
}

impl Place {
    /// Makes certificates and the registry, on the disk of the build.
    pub fn new(centre: &str) -> Place {
        tls::install_default();
        let directory = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a place for files");
        let authority = Authority::new("benches").expect("an authority");
        let at = directory.path();
        authority.write(at).expect("written");
        for name in ["public", "insurer"] {
            let pair = authority.server(&["localhost", "127.0.0.1"]);
            pair.expect("a certificate")
                .write(at, name)
                .expect("written");
        }
        for name in ["gateway", "centre", "metrics"] {
            let pair = authority.client(ClientName {
                common_name: name,
                uri: None,
            });
            pair.expect("a certificate")
                .write(at, name)
                .expect("written");
        }
        let registry = format!(
            "[[centre]]\nfiness = \"{centre}\"\nname = \"Centre\"\ncategory = \"medical\"\n\
             gestionnaire = \"750000001\"\ncaisse = \"017510000\"\nagreement = \"national-2025\"\n\
             from = \"2020-01-01\"\n"
        );
        fs::write(at.join("centres.toml"), registry).expect("written");
        Place {
            directory,
            authority,
        }
    }

    /// A file of this place.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A client with one of the certificates.
    pub fn client(&self, name: &str) -> Client {
        let root = Certificate::from_pem(self.authority.certificate().as_bytes());
        let read = |end: &str| fs::read(self.path(&format!("{name}.{end}"))).expect("a file");
        let identity = Identity::from_pem(&[read("key"), read("pem")].concat());
        let client = Client::builder()
            .tls_certs_only([root.expect("a root")])
            .identity(identity.expect("an identity"))
            .http1_only();
        client.build().expect("a client")
    }

    /// A listener's TLS that asks for the certificates of the place.
    pub fn tls(&self, name: &str) -> tls::Config {
        config::parse(&self.tls_text(name), "the bench").expect("settings")
    }

    fn tls_text(&self, name: &str) -> String {
        let at = self.directory.path().display();
        format!(
            "certificate = \"{at}/{name}.pem\"\nkey = \"{at}/{name}.key\"\n\
             client_roots = \"{at}/authority.pem\"\n"
        )
    }

    /// The configuration of a gateway of one centre and one insurer at an address; it meets no limit of a
    /// caller's pace. `more` is added to the section of dispatch, and may go on with other sections.
    pub fn configuration(&self, address: &str, centre: &str, insurer: &str, more: &str) -> String {
        let at = self.directory.path().display();
        let tls = self.tls_text("public");
        format!(
            r#"
[telemetry.log]
filter = "warn"
[import]
centres = "{at}/centres.toml"
[[access.certificates]]
identity = "cn:centre"
caller = {{ name = "centre", role = "centre", centres = ["{centre}"] }}
[[access.certificates]]
identity = "cn:metrics"
caller = {{ name = "metrics", role = "metrics" }}
[public]
address = "{address}"
[public.tls]
{tls}
[intake]
requests_per_second = 1_000_000
requests_burst = 1_000_000
[store]
directory = "{at}/store"
[desk]
socket = "{at}/bordereau.sock"
[[transport.endpoints]]
name = "paris"
base = "{insurer}"
destinations = ["amo:017510000"]
[transport.endpoints.tls]
roots = "{at}/authority.pem"
identity = {{ certificate = "{at}/gateway.pem", key = "{at}/gateway.key" }}
[dispatch]
{more}
"#
        )
    }
}
