//! Small changes to a document, from a seed: some leave it valid, most do not, a few break its form.

/// A xorshift generator: the same seed gives the same mutants everywhere.
pub struct Prng(u64);

impl Prng {
    pub fn new(seed: u64) -> Prng {
        Prng(seed | 1)
    }

    /// A number below a limit, which is not 0.
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % limit.max(1)
    }

    fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        items.get(self.below(items.len()))
    }
}

/// Values at the edges of types: what a facet must tell apart.
const VALUES: &[&str] = &[
    "",
    " ",
    "0",
    "-0",
    "1",
    "-1",
    "+1",
    "01",
    "1.0",
    "1.",
    ".5",
    "0.001",
    "99999.99",
    "100000",
    "1e3",
    "NaN",
    "255",
    "256",
    "65535",
    "65536",
    "true",
    "TRUE",
    "false",
    "2026-02-28",
    "2026-02-29",
    "2024-02-29",
    "2026-13-01",
    "1999-12-31",
    "2100-01-01",
    "2026-02-28Z",
    "2026-02-28+14:00",
    "2026-02-28+15:00",
    "1999-12-31-12:00",
    "2026-02",
    "2026-2",
    "26-02",
    "2026",
    "10:00:00",
    "24:00:00",
    "24:00:01",
    "10:60:00",
    "10:00:00.5Z",
    "2026-03-01T10:00:00",
    "2026-03-01T24:00:00Z",
    "2026-03-01T10:00",
    "2026-03-01 10:00:00",
    "AB123",
    "AB1234",
    "ab123",
    "X-bcd",
    "X-a",
    " AB123 ",
    "AB 123",
    "FSE",
    "DRE",
    "FSE ",
    "fse",
    "00ff",
    "0g",
    "0",
    "QUJD",
    "QUI=",
    "QQ=",
    "Q===",
    "p1",
    "p2",
    "p9",
    "1p",
    "a:b",
    "fr",
    "fr-FR",
    "f_r",
    "10001",
    "10002",
    "10003",
    "11",
    "10",
    "85",
    "86",
    "11  12",
    "11 12 13 14 15",
    "11,12",
    "é",
    "a b",
    "a\tb",
    "a&lt;b",
    "a&#10;b",
    "<![CDATA[1]]>",
    "<!-- c -->1",
    "1<?p q?>",
    "EUR",
    "USD",
    "01234567890123456789012345",
    "http://a.test/b",
];

/// One change.
pub fn once(document: &str, random: &mut Prng) -> String {
    let parts = Parts::of(document);
    let changed = match random.below(16) {
        0 => parts.delete_element(random),
        1 => parts.double_element(random),
        2 => parts.move_element(random),
        3 => parts.swap_elements(random),
        4 => parts.rename_element(random),
        5..=7 => parts.set_text(random),
        8 => parts.nudge_text(random),
        9 => parts.delete_attribute(random),
        10 | 11 => parts.set_attribute(random),
        12 => parts.rename_attribute(random),
        13 => parts.insert(random),
        14 => parts.add_attribute(random),
        _ => parts.drop_byte(random),
    };
    changed.unwrap_or_else(|| document.to_owned())
}

type Span = std::ops::Range<usize>;

/// Where the parts of a document are, found as simply as a valid document allows.
struct Parts<'d> {
    document: &'d str,
    /// Whole elements but the root.
    elements: Vec<Span>,
    /// Names in start tags, but that of the root; as long as `elements`.
    names: Vec<Span>,
    texts: Vec<Span>,
    /// ` name="value"` with its leading space.
    attributes: Vec<Span>,
}

impl<'d> Parts<'d> {
    fn of(document: &'d str) -> Parts<'d> {
        let (elements, names) = (Vec::new(), Vec::new());
        let mut parts = Parts {
            document,
            elements,
            names,
            texts: Vec::new(),
            attributes: Vec::new(),
        };
        let mut open: Vec<(usize, usize)> = Vec::new();
        let mut at = 0;
        while let Some(begin) = document[at..].find('<').map(|found| at + found) {
            if at < begin {
                parts.texts.push(at..begin);
            }
            let skipped = [("<!--", "-->"), ("<![CDATA[", "]]>"), ("<?", "?>")];
            if let Some((_, tail)) = skipped
                .iter()
                .find(|(head, _)| document[begin..].starts_with(head))
            {
                let Some(end) = document[begin..].find(tail) else {
                    break;
                };
                at = begin + end + tail.len();
                continue;
            }
            let Some(end) = document[begin..].find('>').map(|found| begin + found + 1) else {
                break;
            };
            let tag = &document[begin..end];
            at = end;
            if tag.starts_with("</") {
                if let Some((start, index)) = open.pop()
                    && let Some(own) = parts.elements.get_mut(index)
                {
                    *own = start..end;
                }
                continue;
            }
            let name_end = tag.find([' ', '\n', '>', '/']).unwrap_or(tag.len());
            parts.elements.push(begin..end);
            parts.names.push(begin + 1..begin + name_end);
            if !tag.ends_with("/>") {
                open.push((begin, parts.elements.len() - 1));
            }
            let mut rest = name_end;
            while let Some(space) = tag[rest..].find(' ').map(|found| rest + found) {
                let Some(open_quote) = tag[space..].find('"').map(|found| space + found) else {
                    break;
                };
                let Some(close) = tag[open_quote + 1..]
                    .find('"')
                    .map(|found| open_quote + 1 + found)
                else {
                    break;
                };
                parts.attributes.push(begin + space..begin + close + 1);
                rest = close + 1;
            }
        }
        if !parts.elements.is_empty() {
            parts.elements.remove(0);
            parts.names.remove(0);
        }
        parts
    }

    fn replace(&self, span: &Span, text: &str) -> Option<String> {
        Some(format!(
            "{}{text}{}",
            self.document.get(..span.start)?,
            self.document.get(span.end..)?
        ))
    }

    fn delete_element(&self, random: &mut Prng) -> Option<String> {
        self.replace(random.pick(&self.elements)?, "")
    }

    fn double_element(&self, random: &mut Prng) -> Option<String> {
        let span = random.pick(&self.elements)?;
        self.replace(span, &self.document.get(span.clone())?.repeat(2))
    }

    fn move_element(&self, random: &mut Prng) -> Option<String> {
        let from = random.pick(&self.elements)?.clone();
        let to = random.pick(&self.elements)?.start;
        let moved = self.document.get(from.clone())?;
        let without = self.replace(&from, "")?;
        let to = if to > from.start {
            to.checked_sub(moved.len()).filter(|to| *to >= from.start)?
        } else {
            to
        };
        Some(format!(
            "{}{moved}{}",
            without.get(..to)?,
            without.get(to..)?
        ))
    }

    fn swap_elements(&self, random: &mut Prng) -> Option<String> {
        let first = random.pick(&self.elements)?.clone();
        let second = self
            .elements
            .iter()
            .find(|other| other.start >= first.end)?
            .clone();
        let (one, two) = (
            self.document.get(first.clone())?,
            self.document.get(second.clone())?,
        );
        let between = self.document.get(first.end..second.start)?;
        self.replace(&(first.start..second.end), &format!("{two}{between}{one}"))
    }

    /// Another name, in the start tag and in the end tag.
    fn rename_element(&self, random: &mut Prng) -> Option<String> {
        let index = random.below(self.names.len());
        let (name, element) = (
            self.names.get(index)?.clone(),
            self.elements.get(index)?.clone(),
        );
        let old = self.document.get(name.clone())?;
        let other = random
            .pick(&self.names)
            .and_then(|span| self.document.get(span.clone()))?;
        let new = match random.below(3) {
            0 => format!("{old}x"),
            1 => other.to_owned(),
            _ => format!("e:{old}"),
        };
        let body = self.document.get(name.end..element.end)?;
        let closed = body
            .strip_suffix(&format!("</{old}>"))
            .map(|inner| format!("{new}{inner}</{new}>"));
        self.replace(
            &(name.start..element.end),
            &closed.unwrap_or_else(|| format!("{new}{body}")),
        )
    }

    fn set_text(&self, random: &mut Prng) -> Option<String> {
        let values: Vec<&Span> = self
            .texts
            .iter()
            .filter(|span| !self.document[(*span).clone()].trim().is_empty())
            .collect();
        self.replace(random.pick(&values)?, random.pick(VALUES)?)
    }

    /// One character less, twice, or another.
    fn nudge_text(&self, random: &mut Prng) -> Option<String> {
        let span = random.pick(&self.texts)?.clone();
        let mut chars: Vec<char> = self.document.get(span.clone())?.chars().collect();
        let at = random.below(chars.len());
        match random.below(3) {
            0 => {
                chars.remove(at);
            }
            1 => chars.insert(at, *chars.get(at)?),
            _ => chars[at] = *random.pick(&['0', '9', 'a', 'Z', '-', '.', ' ', 'é', '/', '\t'])?,
        }
        self.replace(&span, &chars.into_iter().collect::<String>())
    }

    fn delete_attribute(&self, random: &mut Prng) -> Option<String> {
        self.replace(random.pick(&self.attributes)?, "")
    }

    fn set_attribute(&self, random: &mut Prng) -> Option<String> {
        let span = random.pick(&self.attributes)?;
        let (name, _) = self.document.get(span.clone())?.split_once('=')?;
        if name.contains("xmlns") {
            return None;
        }
        let value = random.pick(VALUES).filter(|value| !value.contains('<'))?;
        self.replace(span, &format!("{name}=\"{value}\""))
    }

    fn rename_attribute(&self, random: &mut Prng) -> Option<String> {
        let span = random.pick(&self.attributes)?;
        let (name, value) = self.document.get(span.clone())?.split_once('=')?;
        self.replace(span, &format!("{name}x={value}"))
    }

    /// Something foreign before an element.
    fn insert(&self, random: &mut Prng) -> Option<String> {
        let at = random.pick(&self.elements)?.start;
        let foreign = [
            "text",
            "<x/>",
            "<!-- c -->",
            "<?p q?>",
            " ",
            "<f:x xmlns:f=\"urn:f\"/>",
            "&#32;",
            "<![CDATA[ ]]>",
        ];
        self.replace(&(at..at), random.pick(&foreign)?)
    }

    fn add_attribute(&self, random: &mut Prng) -> Option<String> {
        let at = random.pick(&self.names)?.end;
        let added = [
            " x=\"1\"",
            " xmlns:f=\"urn:f\" f:y=\"1\"",
            " id=\"p1\"",
            " rank=\"7\"",
            " xmlns=\"\"",
            " lang=\"fr\"",
        ];
        self.replace(&(at..at), random.pick(&added)?)
    }

    fn drop_byte(&self, random: &mut Prng) -> Option<String> {
        let at = random.below(self.document.len());
        self.replace(&(at..at + 1), "")
    }
}
