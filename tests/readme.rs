//! The README's table of answers is that of the code: `UPDATE=1 cargo test --test readme` writes it again.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test may fail by panic and read UPDATE"
)]

use std::fs;

use bordereau::formats::json::problem::Kind;

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
