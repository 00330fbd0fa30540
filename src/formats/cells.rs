//! Cells and lines of CSV (RFC 4180), as every table of the gateway is written.
//!
//! A cell that a spreadsheet would run as a formula is text: names and codes come from others.

/// A line: what needs quotes has them.
pub fn line(cells: &[impl AsRef<str>]) -> String {
    let quoted = cells.iter().map(|cell| {
        let cell = text(cell.as_ref());
        if cell.contains([',', '"', '\n', '\r']) {
            format!("\"{}\"", cell.replace('"', "\"\""))
        } else {
            cell
        }
    });
    let mut line = quoted.collect::<Vec<_>>().join(",");
    line.push_str("\r\n");
    line
}

/// A text as a cell: whatever would begin a formula and is no number has an apostrophe before it.
pub fn text(value: &str) -> String {
    let is_number = value.parse::<f64>().is_ok();
    if value.starts_with(['=', '+', '-', '@', '\t', '\r']) && !is_number {
        format!("'{value}")
    } else {
        value.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_of_a_table_is_text() {
        for (cell, written) in [
            ("Centre", "Centre\r\n"),
            ("Centre, annexe", "\"Centre, annexe\"\r\n"),
            ("dit \"Le\"", "\"dit \"\"Le\"\"\"\r\n"),
            ("deux\nlignes", "\"deux\nlignes\"\r\n"),
            ("=1+1", "'=1+1\r\n"),
            ("@SUM(A1)", "'@SUM(A1)\r\n"),
            ("-2+3+cmd|' /C calc'!A0", "'-2+3+cmd|' /C calc'!A0\r\n"),
            ("+33 1 40", "'+33 1 40\r\n"),
            ("-0.67", "-0.67\r\n"),
            ("-7", "-7\r\n"),
            ("", "\r\n"),
        ] {
            assert_eq!(line(&[cell]), written);
        }
        assert_eq!(line(&["a", "", "-b"]), "a,,'-b\r\n");
    }
}
