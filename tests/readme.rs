//! The README's table of problems is that of the code: `UPDATE=1 cargo test --test readme` writes it again.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test may fail by panic and read UPDATE"
)]

use std::fs;

use bordereau::formats::json::problem::Kind;

const BEGIN: &str = "<!-- problems: written by `UPDATE=1 cargo test --test readme` -->\n";
const END: &str = "<!-- end of problems -->";

#[test]
fn the_table_of_problems_is_that_of_the_code() {
    let text = fs::read_to_string("README.md").unwrap();
    let begin = text.find(BEGIN).unwrap();
    let end = text.find(END).unwrap();
    let rows: String = Kind::ALL
        .iter()
        .map(|kind| {
            let word = kind.uri().rsplit(':').next().unwrap();
            format!(
                "| {} | `{word}` | {} | {} |\n",
                kind.status(),
                kind.title(),
                kind.detail()
            )
        })
        .collect();
    // The rows go on from the table above the mark, which must therefore end it.
    let expected = format!(
        "{}{rows}{BEGIN}{}",
        &text[..begin.min(table_end(&text, begin))],
        &text[end..]
    );
    if std::env::var_os("UPDATE").is_some() {
        fs::write("README.md", expected).unwrap();
    } else {
        assert!(
            text == expected,
            "the README's table differs: UPDATE=1 writes it again"
        );
    }
}

/// Where the last row that people wrote ends: rows of problems follow it.
fn table_end(text: &str, begin: usize) -> usize {
    let hand_written = "follow its standing. |\n";
    text[..begin].find(hand_written).unwrap() + hand_written.len()
}
