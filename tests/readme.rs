//! What people read is true of the code: the README's table of answers, and in every page the links, commands,
//! options, metrics, settings and places of the code that it names.
//!
//! `UPDATE=1 cargo test --test readme` writes the table again. That the README's ten calls run as they are written,
//! `tests/it/readme.rs` shows.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test may fail by panic and read UPDATE"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use bordereau::cli::Cli;
use bordereau::formats::json::problem::Kind;
use clap::CommandFactory;

/// Every page that people read.
const PAGES: &[&str] = &[
    "README.md",
    "CHANGELOG.md",
    "config/OPERATING.md",
    "benches/README.md",
    "src/ARCHITECTURE.md",
    "src/DECISIONS.md",
];

const DECISIONS: &str = "src/DECISIONS.md";

/// Words of a decision, its date and places included: whoever needs more reads the code.
const MOST_WORDS: usize = 80;

const BEGIN: &str = "<!-- problems: written by `UPDATE=1 cargo test --test readme` -->\n";
const END: &str = "\n<!-- end of problems -->";

/// The answers that are no problem.
const GOOD: &str = "
| status | type | what it is | what you do |
|---|---|---|---|
| 200 | – | The same document was admitted before, or the question is answered | Keep the id. |
| 202 | – | Admitted: durable | Keep the id; follow its standing. |
";

#[test]
fn the_table_of_answers_is_that_of_the_code() {
    let text = fs::read_to_string("README.md").unwrap();
    let (before, rest) = text.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let expected = format!("{before}{BEGIN}{GOOD}{}{END}{after}", problems());
    if std::env::var_os("UPDATE").is_some() {
        fs::write("README.md", expected).unwrap();
    } else {
        assert!(
            text == expected,
            "the README's table differs: UPDATE=1 writes it again"
        );
    }
}

#[test]
fn every_link_leads_somewhere() {
    let mut faults = Faults::default();
    for page in pages() {
        let directory = page.path.parent().unwrap();
        for link in page.links() {
            if link.starts_with("https://") {
                continue;
            }
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = match file {
                "" => page.path.clone(),
                file => directory.join(file),
            };
            if !target.exists() {
                faults.add(&page, format!("{link} leads nowhere"));
            } else if !anchor.is_empty() && !anchors(&target).contains(anchor) {
                faults.add(&page, format!("{link}: no heading has this anchor"));
            }
        }
    }
    faults.finish();
}

#[test]
fn every_command_and_option_is_known() {
    let mut cli = Cli::command();
    cli.build();
    let mut faults = Faults::default();
    let mut seen = 0;
    for page in pages() {
        for words in page.calls_of("bordereau") {
            let Some(first) = words.first().filter(|word| is_command(word)) else {
                continue;
            };
            seen += 1;
            let Some(mut command) = cli.find_subcommand(first) else {
                faults.add(&page, format!("`bordereau {first}` is no command"));
                continue;
            };
            for (index, word) in words[1..].iter().enumerate() {
                let is_group = command.has_subcommands() && command.get_positionals().count() == 0;
                if let Some(inner) = command.find_subcommand(word) {
                    command = inner;
                } else if index == 0 && is_group && is_command(word) {
                    faults.add(&page, format!("`bordereau {first} {word}` is no command"));
                }
                let option = word.strip_prefix("--").filter(|option| !option.is_empty());
                let known = |option| {
                    command
                        .get_arguments()
                        .any(|known| known.get_long() == Some(option))
                };
                if option.is_some_and(|option| !known(option)) {
                    let name = command.get_name();
                    faults.add(&page, format!("{word} is no option of `{name}`"));
                }
            }
        }
    }
    assert!(seen > 50, "only {seen} commands were found");
    faults.finish();
}

#[test]
fn every_target_of_cargo_is_there() {
    let mut faults = Faults::default();
    for page in pages() {
        for words in page.calls_of("cargo") {
            for pair in words.windows(2) {
                let [kind, name] = pair else { continue };
                let places = match kind.as_str() {
                    "--bench" => vec![format!("benches/{name}.rs")],
                    "--test" => vec![format!("tests/{name}.rs"), format!("tests/{name}/main.rs")],
                    _ => continue,
                };
                if !places.iter().any(|place| Path::new(place).exists()) {
                    faults.add(&page, format!("no target {kind} {name}"));
                }
            }
        }
    }
    faults.finish();
}

#[test]
fn every_metric_is_known() {
    let rows = fs::read_to_string("fixtures/metrics.txt").unwrap();
    let known: BTreeSet<&str> = rows
        .lines()
        .filter_map(|row| row.split(' ').next())
        .collect();
    let mut faults = Faults::default();
    for page in pages() {
        for (at, _) in page.text.match_indices("bordereau_") {
            let is_part = |character: char| character.is_ascii_lowercase() || character == '_';
            let end = page.text[at..].find(|character| !is_part(character));
            let name = &page.text[at..at + end.unwrap_or(page.text.len() - at)];
            if !known.contains(name) {
                faults.add(&page, format!("no metric {name}"));
            }
        }
    }
    faults.finish();
}

#[test]
fn every_setting_is_known() {
    let known = settings();
    let sections: BTreeSet<&str> = known
        .iter()
        .filter_map(|key| key.split('.').next())
        .collect();
    let mut faults = Faults::default();
    for page in pages() {
        for span in page.spans() {
            let named = span.trim_matches(['[', ']']);
            let key = named.split_once(" = ").map_or(named, |(key, _)| key);
            let is_key = key.split('.').count() > 1
                && key
                    .chars()
                    .all(|part| part.is_ascii_lowercase() || "_.".contains(part))
                && key
                    .split('.')
                    .next()
                    .is_some_and(|first| sections.contains(first))
                && !key.ends_with(".rs");
            if is_key && !known.contains(key) {
                faults.add(&page, format!("no setting {key}"));
            }
        }
    }
    faults.finish();
}

#[test]
fn every_place_of_the_code_is_there() {
    let mut faults = Faults::default();
    for page in pages() {
        for span in page.spans() {
            let missing = match span.contains("::") {
                true => is_missing_module(span),
                false => span.ends_with(".rs") && !is_place(span),
            };
            if missing {
                faults.add(&page, format!("{span} is not there"));
            }
        }
    }
    faults.finish();
}

#[test]
fn every_decision_is_short_and_has_a_date_and_a_place() {
    let text = fs::read_to_string(DECISIONS).unwrap();
    let page = Page {
        path: PathBuf::from(DECISIONS),
        text: String::new(),
    };
    let mut faults = Faults::default();
    let mut seen = 0;
    let (_, list) = text.split_once("\n## ").unwrap();
    for decision in list.split("\n- ").skip(1) {
        let words: Vec<&str> = decision
            .split("\n\n")
            .next()
            .unwrap()
            .split_whitespace()
            .collect();
        let decision = words.join(" ");
        let title: String = decision.chars().take(60).collect();
        seen += 1;
        if !decision.starts_with("**20") {
            faults.add(&page, format!("no date: {title}"));
        }
        if words.len() > MOST_WORDS {
            faults.add(&page, format!("more than {MOST_WORDS} words: {title}"));
        }
        // The places are the last words, so that a reader finds them at a glance.
        let (_, places) = decision.rsplit_once(" — ").unwrap_or_default();
        let places: Vec<&str> = places.split('`').skip(1).step_by(2).collect();
        if places.is_empty() || !places.iter().all(|place| is_place(place)) {
            faults.add(&page, format!("it does not end with its places: {title}"));
        }
    }
    assert!(seen > 100, "only {seen} decisions were found");
    faults.finish();
}

struct Page {
    path: PathBuf,
    text: String,
}

impl Page {
    /// Targets of links, outside of code.
    fn links(&self) -> Vec<&str> {
        let targets = self.text.split("](").skip(1);
        targets.filter_map(|rest| rest.split(')').next()).collect()
    }

    /// Pieces of code within the text, without blocks.
    fn spans(&self) -> Vec<&str> {
        let prose = self.text.split("```").step_by(2);
        prose
            .flat_map(|part| part.split('`').skip(1).step_by(2))
            .collect()
    }

    /// Blocks of shell.
    fn blocks(&self) -> Vec<&str> {
        let blocks = self.text.split("```").skip(1).step_by(2);
        blocks
            .filter_map(|block| block.strip_prefix("sh\n"))
            .collect()
    }

    /// Every call of a program, as the words after its name.
    fn calls_of(&self, program: &str) -> Vec<Vec<String>> {
        let spans = self.spans().into_iter().map(str::to_owned);
        let lines = self.blocks().into_iter().flat_map(|block| {
            let joined = block.replace("\\\n", " ");
            let lines: Vec<String> = joined.lines().map(without_remark).collect();
            lines
        });
        let mut calls = Vec::new();
        for line in spans.chain(lines) {
            for call in line.split("; ").flat_map(|part| part.split(" && ")) {
                let words: Vec<String> = call
                    .split_whitespace()
                    .map(|word| word.trim_matches(['[', ']', ',', ';', '(', ')']).to_owned())
                    .collect();
                if let Some(at) = words.iter().rposition(|word| word == program) {
                    calls.push(words[at + 1..].to_vec());
                }
            }
        }
        calls
    }
}

#[derive(Default)]
struct Faults(Vec<String>);

impl Faults {
    fn add(&mut self, page: &Page, fault: String) {
        self.0.push(format!("{}: {fault}", page.path.display()));
    }

    fn finish(self) {
        assert!(self.0.is_empty(), "not true:\n{}\n", self.0.join("\n"));
    }
}

fn pages() -> Vec<Page> {
    let read = |path: &&str| Page {
        path: PathBuf::from(path),
        text: fs::read_to_string(path).unwrap(),
    };
    PAGES.iter().map(read).collect()
}

fn problems() -> String {
    let row = |kind: &Kind| {
        let word = kind.uri().rsplit(':').next().unwrap();
        format!(
            "| {} | `{word}` | {} | {} |\n",
            kind.status(),
            kind.title(),
            kind.detail()
        )
    };
    Kind::ALL.iter().map(row).collect()
}

/// The anchors that a page's headings have, as they are made where it is shown.
fn anchors(page: &Path) -> BTreeSet<String> {
    let text = fs::read_to_string(page).unwrap();
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let anchor = |line: &str| {
        let title = line.trim_start_matches('#').trim().to_lowercase();
        let kept = title
            .chars()
            .filter(|part| part.is_alphanumeric() || " -_".contains(*part));
        kept.map(|part| if part == ' ' { '-' } else { part })
            .collect()
    };
    headings.map(anchor).collect()
}

/// Every key of the configuration and every section, commented ones too.
fn settings() -> BTreeSet<String> {
    let text = fs::read_to_string("config/default.toml").unwrap();
    let mut known = BTreeSet::new();
    let mut section = String::new();
    for line in text.lines().map(|line| line.trim_start_matches('#')) {
        if let Some(header) = line.strip_prefix('[') {
            let name = header.trim_matches(['[', ']']);
            section = name.to_owned();
            known.insert(section.clone());
        } else if let Some((key, _)) = line.split_once(" = ") {
            known.insert(format!("{section}.{key}"));
        }
    }
    known
}

/// Whether a word can be the name of a command; others are names of users and of directories.
fn is_command(word: &str) -> bool {
    word.chars()
        .all(|part| part.is_ascii_lowercase() || part == '-')
        && !word.starts_with('-')
}

/// Whether a file or directory is there, from the root or from the sources.
fn is_place(place: &str) -> bool {
    !place.is_empty() && (Path::new(place).exists() || Path::new("src").join(place).exists())
}

/// Whether a path of modules begins with a room and leads to no file of it. What comes after modules is not looked at.
fn is_missing_module(path: &str) -> bool {
    let is_module = |part: &&str| part.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    let parts: Vec<&str> = path.split("::").take_while(is_module).collect();
    let Some((first, rest)) = parts.split_first() else {
        return false;
    };
    let room = Path::new("src").join(first);
    let exists = |path: &Path| path.is_dir() || path.with_extension("rs").exists();
    exists(&room) && !exists(&room.join(rest.iter().collect::<PathBuf>()))
}

/// A line of shell without what is said about it.
fn without_remark(line: &str) -> String {
    let code = line.trim_start();
    match code.starts_with("# ") {
        true => String::new(),
        false => code.split(" # ").next().unwrap_or(code).to_owned(),
    }
}
