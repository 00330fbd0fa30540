//! From offsets to line, column and path. Faults are the rare path: the hot one keeps offsets only, and the text is
//! gone through again when places are asked for.
//!
//! A step of a path carries its position among its siblings of the same name, the root none:
//! `/document/acts[1]/act[2]/fee[1]`. A name that no schema knows is the document's own content: it is shown as
//! `*`, with its position among all siblings.

use std::collections::HashMap;
use std::fmt::Write;

use quick_xml::Reader;
use quick_xml::events::Event;

use super::names::Names;
use crate::claims::finding::Place;

/// Offsets to resolve: line and column of `at`, path of what stands at `path_at`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    pub(super) at: u32,
    pub(super) path_at: u32,
}

/// The places of all that is asked, in its order, in one pass over the text.
pub(super) fn places(text: &str, names: &Names, asked: &[Asked]) -> Vec<Place> {
    let mut places = vec![Place::default(); asked.len()];
    let mut order: Vec<usize> = (0..asked.len()).collect();
    order.sort_by_key(|index| asked[*index].at);
    let mut lines = Lines {
        text,
        at: 0,
        line: 1,
        column: 1,
    };
    for index in &order {
        lines.advance(asked[*index].at as usize);
        (places[*index].line, places[*index].column) = (lines.line, lines.column);
    }
    order.sort_by_key(|index| asked[*index].path_at);
    let mut paths = Paths {
        text,
        names,
        stack: Vec::new(),
    };
    paths.scan(
        &order
            .iter()
            .map(|index| asked[*index].path_at)
            .collect::<Vec<_>>(),
        |nth, path| {
            places[order[nth]].path = path;
        },
    );
    places
}

struct Lines<'t> {
    text: &'t str,
    at: usize,
    line: u32,
    column: u32,
}

impl Lines<'_> {
    /// Counts on to an offset. A line ends with a line feed, a carriage return, or both.
    fn advance(&mut self, to: usize) {
        let to = self.text.floor_char_boundary(to);
        let bytes = self.text.as_bytes();
        for (index, char) in self.text[self.at..to].char_indices() {
            match char {
                '\n' => (self.line, self.column) = (self.line + 1, 1),
                '\r' if bytes.get(self.at + index + 1) != Some(&b'\n') => {
                    (self.line, self.column) = (self.line + 1, 1);
                }
                _ => self.column += 1,
            }
        }
        self.at = to;
    }
}

struct Paths<'t, 'n> {
    text: &'t str,
    names: &'n Names,
    stack: Vec<Step<'t>>,
}

#[derive(Default)]
struct Step<'t> {
    name: &'t str,
    position: u32,
    children: u32,
    by_name: HashMap<&'t str, u32>,
}

impl<'t> Paths<'t, '_> {
    /// Calls `found` with the path of each offset; `wanted` is sorted.
    fn scan(&mut self, wanted: &[u32], mut found: impl FnMut(usize, String)) {
        // Byte order marks at the beginning are passed over by the reader, and not counted.
        let bare = self.text.trim_start_matches('\u{feff}');
        let marks = (self.text.len() - bare.len()) as u32;
        let mut reader = Reader::from_str(bare);
        let mut next = 0;
        while next < wanted.len() {
            let at = marks + reader.buffer_position() as u32;
            let Ok(event) = reader.read_event() else {
                break;
            };
            let end = marks + reader.buffer_position() as u32;
            let (opens, closes) = match event {
                Event::Start(ref tag) => (Some(tag.name().as_ref().len()), false),
                Event::Empty(ref tag) => (Some(tag.name().as_ref().len()), true),
                Event::End(_) => (None, true),
                Event::Eof => break,
                _ => (None, false),
            };
            if let Some(len) = opens {
                self.push(&self.text[at as usize + 1..at as usize + 1 + len]);
            }
            while next < wanted.len() && wanted[next] < end {
                let inside = opens.is_some_and(|len| wanted[next] as usize > at as usize + len);
                found(next, self.path(inside.then_some(wanted[next])));
                next += 1;
            }
            if closes {
                self.stack.pop();
            }
        }
        for rest in next..wanted.len() {
            found(rest, self.path(None));
        }
    }

    fn push(&mut self, qualified: &'t str) {
        let name = qualified
            .split_once(':')
            .map_or(qualified, |(_, local)| local);
        let mut position = 1;
        let known = self.names.uses(name);
        if let Some(parent) = self.stack.last_mut() {
            parent.children += 1;
            position = parent.children;
            if known {
                let count = parent.by_name.entry(name).or_default();
                *count += 1;
                position = *count;
            }
        }
        let name = if known { name } else { "*" };
        self.stack.push(Step {
            name,
            position,
            ..Step::default()
        });
    }

    /// The path of the innermost open element, or of its attribute that begins at an offset.
    fn path(&self, attribute: Option<u32>) -> String {
        let mut path = String::new();
        for (depth, step) in self.stack.iter().enumerate() {
            // Writing to a String cannot fail.
            let _ = match depth {
                0 => write!(path, "/{}", step.name),
                _ => write!(path, "/{}[{}]", step.name, step.position),
            };
        }
        if let Some(at) = attribute {
            let rest = &self.text[at as usize..];
            let name = rest
                .split(['=', ' ', '\t', '\n', '\r', '>', '/'])
                .next()
                .unwrap_or("");
            let local = name.split_once(':').map_or(name, |(_, local)| local);
            let known = self.names.uses(local) || KNOWN_XSI.contains(&local);
            let _ = write!(path, "/@{}", if known { local } else { "*" });
        }
        path
    }
}

const KNOWN_XSI: &[&str] = &["type", "nil", "schemaLocation", "noNamespaceSchemaLocation"];
