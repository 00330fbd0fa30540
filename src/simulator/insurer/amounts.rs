//! What a document asks of its insurer, found by looking for three elements: no XML is parsed here.

/// What a document asks, in cents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amounts {
    /// Of the AMO.
    pub amo: i64,
    /// Of the AMC.
    pub amc: i64,
    /// Who settles the AMC's part.
    pub settled: Settled,
}

/// Who settles the AMC's part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Settled {
    /// Each its own.
    #[default]
    Apart,
    /// The AMO both: the document names the AMC as data.
    Together,
}

/// Looks for the totals. What is not found is zero.
pub(super) fn look(bytes: &[u8]) -> Amounts {
    // The names and digits looked for are ASCII, of which UTF-16 is ASCII with zeros between.
    let plain: Vec<u8> = bytes.iter().copied().filter(|byte| *byte != 0).collect();
    let text = String::from_utf8_lossy(&plain);
    let totals = text.find("<totals").map_or("", |at| &text[at..]);
    Amounts {
        amo: element(totals, "amo"),
        amc: element(totals, "amc"),
        settled: match text.contains("<settledFor") {
            true => Settled::Together,
            false => Settled::Apart,
        },
    }
}

fn element(text: &str, name: &str) -> i64 {
    let opening = format!("<{name}>");
    let value = text
        .split_once(&opening)
        .and_then(|(_, rest)| rest.split_once('<'));
    let digits: String = value
        .map_or("", |(value, _)| value)
        .chars()
        .filter(char::is_ascii_digit)
        .collect();
    // Amounts have two decimals, always: without the point they are cents.
    digits.parse().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_are_found_in_every_encoding() {
        let text = concat!(
            "<document><settledFor amc=\"1\"/><acts><act><amo>1.00</amo></act></acts>",
            "<totals><fees>30.00</fees><amo>20.50</amo><amc>9.50</amc></totals></document>"
        );
        let expected = Amounts {
            amo: 2050,
            amc: 950,
            settled: Settled::Together,
        };
        let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(look(text.as_bytes()), expected);
        assert_eq!(look(&utf16), expected);
        assert_eq!(look(b"<document/>"), Amounts::default());
    }
}
