//! The registry with real processes: gestionnaires, caisses and endpoints beside centres, put by the command line and by
//! API; a document goes by an endpoint that is only registered, at once and after a restart.

use std::fs;

use serde_json::Value;

use crate::gateway::{Gateway, Place, document};
use crate::insurer;
use crate::statements::{paid, ran};

const REASON: [&str; 2] = ["--reason", "a caisse has moved"];

/// What the gateway says when endpoints have come or left.
const OTHERS: &str = "the endpoints are others from now on";

fn import(place: &Place, code: i32, name: &str, text: &str) -> String {
    let file = place.path(name);
    fs::write(&file, text).unwrap();
    let import = ["registry", "import", file.to_str().unwrap()];
    ran(place, code, &[&import[..], &REASON].concat())
}

/// An endpoint for the caisse of the fixtures, as a section.
fn endpoint(place: &Place, name: &str, base: &str, days: &str) -> String {
    let at = place.path("");
    let at = at.display();
    format!(
        r#"
[[endpoint]]
name = "{name}"
base = "{base}"
destinations = ["amo:017510000"]
{days}
[endpoint.tls]
roots = "{at}/authority.pem"
identity = {{ certificate = "{at}/gateway.pem", key = "{at}/gateway.key" }}
[endpoint.limits]
connect_seconds = 2
answer_seconds = 5
"#
    )
}

async fn has_no_way(gateway: &Gateway, number: usize) -> bool {
    gateway.post(&document(number)).await.unwrap().status() == 422
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_goes_by_an_endpoint_that_is_only_registered() {
    let place = Place::bare();
    let (insurer, base) = insurer::start(&place, "").await;
    let place = place.ready("https://localhost:9");
    // What the configuration has serves another caisse.
    let text = fs::read_to_string(place.config()).unwrap();
    fs::write(place.config(), text.replace("017510000", "017590000")).unwrap();
    let mut gateway = place.start();
    assert!(has_no_way(&gateway, 1).await);

    // Everything that is wrong is said at once: the name is the configuration's, and a file is not there.
    let wrong = endpoint(&place, "paris", &base, "from = 2020-01-01")
        + &endpoint(
            &place,
            "caisse-751",
            "http://localhost",
            "from = 2020-01-01",
        )
        .replace("authority.pem", "nowhere.pem");
    let said = import(&place, 65, "wrong.toml", &wrong);
    for fault in [
        "endpoint[1]: line 2: the configuration has an endpoint of this name",
        "endpoint[2]: line 14: endpoint `caisse-751`: `base` must be an https address",
    ] {
        assert!(said.contains(fault), "{said}");
    }
    let wrong = endpoint(&place, "caisse-751", &base, "from = 2020-01-01");
    let said = import(
        &place,
        65,
        "wrong.toml",
        &wrong.replace("authority", "nowhere"),
    );
    assert!(said.contains("nowhere.pem"), "{said}");
    assert!(has_no_way(&gateway, 1).await);

    let right = endpoint(&place, "caisse-751", &base, "from = 2020-01-01");
    let said = import(&place, 0, "right.toml", &right);
    assert_eq!(said, "changed 1, unchanged 0\n");
    gateway.wait_for(OTHERS);
    paid(&gateway, 2).await;
    let shown = ran(&place, 0, &["registry", "show", "--kind", "endpoint"]);
    assert_eq!(shown, "caisse-751  2020-01-01 to –  real  amo:017510000\n");
    let refused = gateway.get("/v1/registry?kind=endpoint").await;
    assert_eq!(refused.status(), 403);
    assert_eq!(gateway.stop(&[]).code(), Some(0));

    // The ledger has it: the next start needs no import.
    let mut gateway = place.start();
    paid(&gateway, 3).await;
    let ended = endpoint(
        &place,
        "caisse-751",
        &base,
        "from = 2020-01-01\nuntil = 2020-12-31",
    );
    import(&place, 0, "ended.toml", &ended);
    gateway.wait_for(OTHERS);
    assert!(has_no_way(&gateway, 4).await);
    assert_eq!(gateway.stop(&[]).code(), Some(0));
    drop(insurer);
}

#[tokio::test(flavor = "multi_thread")]
async fn gestionnaires_and_caisses_have_names_from_their_days_on() {
    let place = Place::bare().ready("https://localhost:9");
    let gateway = place.start();
    let caisses =
        "code;name;from\n017510000;CPAM;2020-01-01\n017510000;Assurance maladie;2026-01-01\n";
    assert_eq!(
        import(&place, 0, "caisses.csv", caisses),
        "changed 2, unchanged 0\n"
    );
    assert_eq!(
        import(&place, 0, "caisses.csv", caisses),
        "changed 0, unchanged 2\n"
    );
    let shown = gateway.get("/v1/registry?kind=caisse&on=2025-12-31").await;
    let shown: Value = shown.json().await.unwrap();
    assert_eq!(shown["versions"][0]["name"], "CPAM");
    // Once a gestionnaire is registered each centre's must be.
    let gestionnaires = "id,name,from\n732829320,Fondation,2020-01-01\n";
    let said = import(&place, 65, "gestionnaires.csv", gestionnaires);
    assert!(
        said.contains("is not registered on 2020-01-01, and others are"),
        "{said}"
    );
    let shown = ran(&place, 0, &["registry", "show", "--kind", "gestionnaire"]);
    assert_eq!(shown, "");
    assert_eq!(gateway.stop(&[]).code(), Some(0));
}
