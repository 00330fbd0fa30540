//! The configurations of the demo as a person would write them: insurers with their faults, the gateway, the
//! registry of centres, and an agreement that binds nobody.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;

use crate::claims::terms::Region;
use crate::cli::demo::book::Book;
use crate::cli::demo::book::author::suffix;
use crate::cli::demo::cast::{Insurer, Policy};

/// What an insurer does: the same rules everywhere, and faults at one.
pub(super) fn plan(insurer: Insurer, seed: u32, home: &Path) -> String {
    let home = home.display();
    let (wire, receipts) = match insurer {
        Insurer::Marseille => (FAULTY_WIRE, FAULTY_RECEIPTS),
        Insurer::Paris | Insurer::Mutuelle | Insurer::Strasbourg | Insurer::Platform => ("", ""),
    };
    format!(
        r#"book = '{home}/{name}.book'

[tls]
certificate = '{home}/server.pem'
key = '{home}/server.key'
client_roots = '{home}/authority.pem'

[plan]
seed = {seed}

[plan.wire]
{wire}refused = [{{ suffixes = ["{door}"], code = "D010", text = "La structure ne correspond pas" }}]

[plan.receipts]
{receipts}delay_milliseconds = 200
negative = [{{ suffixes = ["{negative}"], kinds = ["FSE"], code = "R020", text = "Droits non ouverts" }}]

[plan.settlements]
delay_milliseconds = 300
deferral_milliseconds = 500
rejected = [{{ suffixes = ["{rejected}"], kinds = ["FSE", "DRE"], code = "J100", text = "Acte non pris en charge" }}]
amc_rejected = [{{ suffixes = ["{amc}"], kinds = ["FSE"], code = "J200", text = "Contrat inconnu" }}]
deferred = [{{ suffixes = ["{deferred}"], kinds = ["FSE"] }}]
declined = [{{ suffixes = ["{declined}"], kinds = ["PEC"], code = "P300", text = "Plafond atteint" }}]
silent = [{{ suffixes = ["{silent}"], kinds = ["FSE"] }}]
"#,
        name = insurer.endpoint(),
        door = suffix::AT_THE_DOOR,
        negative = suffix::NEGATIVE,
        rejected = suffix::REJECTED,
        amc = suffix::AMC_REJECTED,
        deferred = suffix::DEFERRED,
        declined = suffix::DECLINED,
        silent = suffix::SILENT,
    )
}

/// Every fault once, whatever is drawn after.
const FAULTY_WIRE: &str = r#"first_lots = ["failing", "busy", "reset-when-done", "reset-before", "failing-when-done", "reset-after", "portal"]
first_questions = ["failing"]
first_fetches = ["failing", "reset-before"]
drawn = [
  { fault = "failing", permille = 80 },
  { fault = "busy", permille = 60 },
  { fault = "reset-before", permille = 60 },
  { fault = "reset-after", permille = 60 },
  { fault = "reset-when-done", permille = 60 },
  { fault = "failing-when-done", permille = 60 },
  { fault = "slow", permille = 60 },
]
slow_milliseconds = 800
retry_after_seconds = 1
"#;

const FAULTY_RECEIPTS: &str = r#"late_permille = 300
late_milliseconds = 2000
duplicate_permille = 300
shape = "listed"
"#;

/// The gateway's configuration: short waits, as a day must pass in seconds; the days of the law are untouched.
pub(super) fn gateway(home: &Path, insurers: &[(Insurer, SocketAddr)]) -> String {
    let home = home.display();
    let mut text = format!(
        r#"[import]
centres = '{home}/centres.toml'
agreements = ['{home}/agreement.toml']

[access]
tokens = '{home}/tokens.json'

[public]
address = "127.0.0.1:0"

[public.tls]
certificate = '{home}/server.pem'
key = '{home}/server.key'
client_roots = '{home}/authority.pem'

[store]
directory = '{home}/store'
segment_bytes = 16777216

[store.encryption]
master_key = '{home}/master.key'

[intake]
requests_per_second = 1000
requests_burst = 1000

[dispatch]
lot_documents = 50
lot_age_seconds = 0.3
lease_seconds = 20
retry_first_seconds = 0.2
retry_cap_seconds = 2.0
receipt_seconds = 30

[receipts]
poll_seconds = 0.3
idle_cap_seconds = 1.0
trouble_cap_seconds = 1.0

[report]
interval_seconds = 1
scan_seconds = 2

[desk]
socket = '{home}/bordereau.sock'
operators = "127.0.0.1:0"
metrics = "loopback"
"#
    );
    for (insurer, address) in insurers {
        let purpose = match insurer {
            Insurer::Platform => "test",
            Insurer::Paris | Insurer::Marseille | Insurer::Mutuelle | Insurer::Strasbourg => "real",
        };
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            r#"
[[transport.endpoints]]
name = "{name}"
base = "https://{address}"
destinations = ["{destination}"]
purpose = "{purpose}"

[transport.endpoints.tls]
roots = '{home}/authority.pem'

[transport.endpoints.tls.identity]
certificate = '{home}/gateway.pem'
key = '{home}/gateway.key'

[transport.endpoints.limits]
connect_seconds = 2
answer_seconds = 5

[transport.endpoints.lane]
probe_first_seconds = 1
probe_cap_seconds = 2
"#,
            name = insurer.endpoint(),
            destination = insurer.destination(),
        );
    }
    text
}

/// The registry of centres.
pub(super) fn registry(book: &Book) -> String {
    let from = book.today.plus_days(-400);
    let mut text = String::new();
    for centre in &book.centres {
        let agreement = match centre.policy {
            Policy::National => "national-2025",
            Policy::Invented => "demo",
        };
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            r#"[[centre]]
finess = "{finess}"
name = "{name}"
category = "{category}"
gestionnaire = "demo"
caisse = "{caisse}"
alsace_moselle = {alsace}
agreement = "{agreement}"
from = "{from}"

"#,
            finess = centre.finess,
            name = centre.name,
            category = centre.category.as_str(),
            caisse = centre.caisse,
            alsace = centre.region == Region::AlsaceMoselle,
        );
    }
    text
}

/// An agreement that binds nobody: it shows a verdict, which no real agreement here can give.
pub(super) fn agreement(book: &Book) -> String {
    let from = book.today.plus_days(-400);
    format!(
        r#"id = "demo"
title = "An agreement invented for the demo"
parties = ["nobody"]
role = "agreement"
source = "Invented; it binds nobody."
in_force_from = "{from}"
status = "confirmed"

[thresholds]
medical = {{ at_least = [7, 10] }}
dentaire = {{ at_least = [7, 10] }}
polyvalent = {{ at_least = [7, 10] }}
infirmier = {{ at_least = [7, 10] }}

[counting]
kinds = ["FSE", "paper"]
numerator_modes = ["S", "F", "C"]
modes_shown_apart = ["D", "L", "P", "N"]
exclusions = ["state-medical-aid"]
day_basis = "clock"
minimum_paper_coverage = [1, 1]
paper_duplicate = "paper"
rejected = "transmitted"
"#
    )
}
