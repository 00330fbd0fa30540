//! Whitespace: what becomes of it before a value is read.

use std::borrow::Cow;

/// What happens to whitespace before a value is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum White {
    Preserve,
    Replace,
    Collapse,
}

impl White {
    /// A value as its type sees it.
    pub(super) fn apply(self, value: &str) -> Cow<'_, str> {
        match self {
            White::Preserve => Cow::Borrowed(value),
            White::Replace
                if value
                    .bytes()
                    .any(|byte| matches!(byte, b'\t' | b'\n' | b'\r')) =>
            {
                Cow::Owned(value.replace(['\t', '\n', '\r'], " "))
            }
            White::Replace => Cow::Borrowed(value),
            White::Collapse if is_collapsed(value) => Cow::Borrowed(value),
            White::Collapse => Cow::Owned(words(value).collect::<Vec<_>>().join(" ")),
        }
    }
}

/// True when there is no whitespace but single spaces between words: nearly always.
fn is_collapsed(value: &str) -> bool {
    let mut space = true;
    for byte in value.bytes() {
        let blank = byte == b' ';
        if matches!(byte, b'\t' | b'\n' | b'\r') || (blank && space) {
            return false;
        }
        space = blank;
    }
    !space || value.is_empty()
}

/// The words of a list.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split([' ', '\t', '\n', '\r'])
        .filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whitespace() {
        let rows = [
            (White::Preserve, " a\t b ", " a\t b "),
            (White::Replace, " a\t\nb ", " a  b "),
            (White::Collapse, " a\t \nb ", "a b"),
            (White::Collapse, "a b", "a b"),
            (White::Collapse, " \n ", ""),
            (White::Collapse, "\u{a0}a", "\u{a0}a"),
        ];
        for (white, text, wanted) in rows {
            assert_eq!(white.apply(text), wanted, "{white:?} {text:?}");
        }
    }
}
