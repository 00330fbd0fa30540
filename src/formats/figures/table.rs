//! Figures as a table: CSV with `,` or `;`, a header, any order of columns.

use csv::{ByteRecord, ReaderBuilder};

use crate::claims::finding::{Finding, Place};
use crate::formats::figures::row::{Field, Gathered, Row};
use crate::formats::figures::{Code, File, Limits};

/// Reads a table.
pub(super) fn read(bytes: &[u8], limits: &Limits) -> Result<File, Vec<Finding>> {
    let at_start = |code: Code| vec![code.finding(place(1, 1, ""))];
    if bytes.len() > limits.bytes {
        return Err(at_start(Code::Size));
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_err(|wrong| {
        let good = &bytes[..wrong.valid_up_to()];
        let line = good.iter().filter(|byte| **byte == b'\n').count();
        vec![Code::Encoding.finding(place(line + 1, 1, ""))]
    })?;
    let header = text.lines().next().unwrap_or_default();
    let delimiter = if header.contains(';') { b';' } else { b',' };
    let table = Table {
        text,
        delimiter,
        findings: Vec::new(),
        most: limits.findings.max(1),
    };
    table.read()
}

struct Table<'a> {
    text: &'a str,
    delimiter: u8,
    findings: Vec<Finding>,
    most: usize,
}

impl Table<'_> {
    fn read(mut self) -> Result<File, Vec<Finding>> {
        let mut rows = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(self.delimiter)
            .from_reader(self.text.as_bytes());
        let (mut record, mut columns) = (ByteRecord::new(), None);
        let (mut gathered, mut lines) = (Gathered::default(), Lines::default());
        // Bytes in memory are read without errors: quotes that do not close end at the end of the text.
        while rows.read_byte_record(&mut record).unwrap_or(false) {
            let byte = record.position().map_or(0, csv::Position::byte);
            let start = lines.start(self.text, byte);
            match &columns {
                None => columns = Some(self.header(&record)?),
                Some(columns) => self.row(&record, start, columns, &mut gathered),
            }
            if self.findings.len() >= self.most {
                self.findings.truncate(self.most - 1);
                self.findings
                    .push(Code::TooMany.finding(place(start.line, 1, "")));
                return Err(self.findings);
            }
        }
        let file = gathered.file;
        if self.findings.is_empty() && file.counts + file.documents == 0 {
            self.findings.push(Code::Empty.finding(place(1, 1, "")));
        }
        if self.findings.is_empty() {
            Ok(file)
        } else {
            Err(self.findings)
        }
    }

    /// The columns, each known and none twice; without them no row can be read.
    fn header(&mut self, record: &ByteRecord) -> Result<Vec<Field>, Vec<Finding>> {
        let mut columns = Vec::new();
        for (index, name) in record.iter().enumerate() {
            let name = std::str::from_utf8(name).unwrap_or_default().trim();
            match Field::parse(name).filter(|field| !columns.contains(field)) {
                Some(field) => columns.push(field),
                None => self.find(Code::Header, Start::default(), index, "header"),
            }
        }
        let has = |field: Field| columns.contains(&field);
        let counts = has(Field::Month) && has(Field::Count);
        let whose = has(Field::Centre) && has(Field::Kind);
        if !whose || has(Field::Type) == has(Field::Mode) || !(counts || has(Field::Date)) {
            self.findings
                .push(Code::Header.finding(place(1, 1, "header")));
        }
        if self.findings.is_empty() {
            Ok(columns)
        } else {
            Err(std::mem::take(&mut self.findings))
        }
    }

    fn row(
        &mut self,
        record: &ByteRecord,
        start: Start,
        columns: &[Field],
        gathered: &mut Gathered,
    ) {
        if record.len() != columns.len() {
            self.find(Code::Table, start, 0, "");
            return;
        }
        let mut row = Row {
            line: u32::try_from(start.line).unwrap_or(u32::MAX),
            ..Row::default()
        };
        for (field, text) in columns.iter().zip(record) {
            row.set(*field, std::str::from_utf8(text).unwrap_or_default());
        }
        for (code, field) in gathered.take(&row) {
            let index = columns.iter().position(|column| *column == field);
            self.find(code, start, index.unwrap_or(0), field.as_str());
        }
    }

    fn find(&mut self, code: Code, start: Start, index: usize, path: &str) {
        let raw = self.text.get(start.byte..).unwrap_or_default();
        let column = column(raw, self.delimiter, index);
        self.findings
            .push(code.finding(place(start.line, column, path)));
    }
}

/// Where a row begins.
#[derive(Clone, Copy)]
struct Start {
    byte: usize,
    line: usize,
}

/// Lines up to a row, for rows that only grow: the reader of CSV takes CR LF for the end of a line and the
/// beginning of the next.
#[derive(Default)]
struct Lines {
    byte: usize,
    passed: usize,
}

impl Default for Start {
    fn default() -> Start {
        Start { byte: 0, line: 1 }
    }
}

impl Lines {
    fn start(&mut self, text: &str, byte: u64) -> Start {
        let mut byte = usize::try_from(byte).unwrap_or(usize::MAX);
        let bytes = text.as_bytes();
        while matches!(bytes.get(byte), Some(b'\r' | b'\n')) {
            byte += 1;
        }
        let between = bytes.get(self.byte..byte).unwrap_or_default();
        self.passed += between.iter().filter(|byte| **byte == b'\n').count();
        self.byte = self.byte.max(byte);
        Start {
            byte,
            line: self.passed + 1,
        }
    }
}

/// The column in characters at which a field begins, in the text from the start of its row.
fn column(raw: &str, delimiter: u8, index: usize) -> usize {
    let (mut left, mut quoted) = (index, false);
    for (at, character) in raw.chars().enumerate() {
        if left == 0 {
            return at + 1;
        }
        match character {
            '"' => quoted = !quoted,
            '\n' if !quoted => break,
            other if other == char::from(delimiter) && !quoted => left -= 1,
            _other => {}
        }
    }
    1
}

fn place(line: usize, column: usize, path: &str) -> Place {
    let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
    Place {
        line: number(line),
        column: number(column),
        path: path.to_owned(),
    }
}
