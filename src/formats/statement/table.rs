//! A statement as a table (RFC 4180): one field a row, named by its path; groups that come again are numbered.
//!
//! A cell that a spreadsheet would run as a formula is text.

use std::collections::BTreeMap;
use std::fmt::Display;

use csv::{Terminator, Writer, WriterBuilder};

use crate::formats::cells::text;

use super::fields::{Pen, walk};
use super::{NAMESPACE, Statement};

/// The table.
pub(super) fn write(statement: &Statement) -> Vec<u8> {
    let mut table = Table {
        out: WriterBuilder::new()
            .terminator(Terminator::CRLF)
            .from_writer(Vec::new()),
        path: Vec::new(),
        met: BTreeMap::new(),
    };
    table.row(["field", "value"]);
    table.row(["schema", NAMESPACE]);
    walk(statement, &mut table);
    table.out.into_inner().expect("memory takes every row")
}

struct Table {
    out: Writer<Vec<u8>>,
    /// The groups that are open, as they are named in a path.
    path: Vec<String>,
    /// How often a group came.
    met: BTreeMap<String, u32>,
}

impl Table {
    fn row(&mut self, cells: [&str; 2]) {
        let written = self.out.write_record(cells);
        written.expect("memory takes every row");
    }

    fn path(&self, name: &str) -> String {
        let mut path = self.path.join(".");
        if !path.is_empty() {
            path.push('.');
        }
        path + name
    }
}

impl Pen for Table {
    fn open(&mut self, name: &'static str) {
        let path = self.path(name);
        let times = self.met.entry(path).or_default();
        *times += 1;
        self.path.push(match *times {
            1 => name.to_owned(),
            times => format!("{name}[{times}]"),
        });
    }

    fn close(&mut self, _name: &'static str) {
        self.path.pop();
    }

    fn value(&mut self, name: &'static str, value: &dyn Display) {
        let (path, value) = (self.path(name), text(&value.to_string()));
        self.row([&path, &value]);
    }
}
