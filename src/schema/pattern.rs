//! The `pattern` facet: XSD regular expressions, translated and compiled to an automaton that reads a whole value.
//!
//! XSD patterns are anchored, have no anchors of their own, know `\i` and `\c`, and subtract character classes by
//! `[a-z-[aeiou]]`. What a translation would change in meaning is refused.

use std::collections::HashSet;

use regex_automata::dfa::{Automaton, StartKind, dense};
use regex_automata::util::primitives::StateID;
use regex_automata::{Anchored, MatchKind};

/// The largest automaton of one pattern, in bytes. A long counted repetition of a Unicode class is what exceeds
/// it: a length facet beside an uncounted repetition says the same.
const LARGEST: usize = 4 << 20;

/// A compiled pattern.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    source: Box<str>,
    automaton: dense::DFA<Vec<u32>>,
    start: StateID,
}

impl Pattern {
    /// Compiles the patterns of one derivation step: a value must match one of them. The error says why not.
    pub(super) fn compile(sources: &[&str]) -> Result<Pattern, String> {
        let translated: Result<Vec<String>, String> =
            sources.iter().map(|source| translate(source)).collect();
        let translated = translated?
            .iter()
            .map(|one| format!("(?:{one})"))
            .collect::<Vec<_>>()
            .join("|");
        let config = dense::Config::new()
            .start_kind(StartKind::Anchored)
            .match_kind(MatchKind::All)
            .dfa_size_limit(Some(LARGEST))
            .determinize_size_limit(Some(4 * LARGEST));
        let source = sources.join(" | ").into_boxed_str();
        let automaton = dense::Builder::new().configure(config).build(&translated);
        let automaton = automaton.map_err(|error| format!("pattern {source}: {error}"))?;
        let start = automaton.universal_start_state(Anchored::Yes);
        let start = start.ok_or_else(|| format!("pattern {source} looks around"))?;
        Ok(Pattern {
            source,
            automaton,
            start,
        })
    }

    /// True when the whole value matches.
    pub(super) fn matches(&self, value: &str) -> bool {
        let mut state = self.start;
        for byte in value.bytes() {
            state = self.automaton.next_state(state, byte);
        }
        self.automaton
            .is_match_state(self.automaton.next_eoi_state(state))
    }

    /// True when whatever matches this pattern matches another one too.
    pub(super) fn is_within(&self, other: &Pattern) -> bool {
        let ends = |pattern: &Pattern, state: StateID| {
            let end = pattern.automaton.next_eoi_state(state);
            pattern.automaton.is_match_state(end)
        };
        let mut seen = HashSet::from([(self.start, other.start)]);
        let mut open = vec![(self.start, other.start)];
        while let Some((own, its)) = open.pop() {
            if ends(self, own) && !ends(other, its) {
                return false;
            }
            for byte in 0..=u8::MAX {
                let own = self.automaton.next_state(own, byte);
                let next = (own, other.automaton.next_state(its, byte));
                if !self.automaton.is_dead_state(own) && seen.insert(next) {
                    open.push(next);
                }
            }
        }
        true
    }

    /// As written in the schema.
    pub(super) fn source(&self) -> &str {
        &self.source
    }
}

fn translate(source: &str) -> Result<String, String> {
    let mut translator = Translator {
        rest: source,
        out: String::new(),
    };
    let done = translator
        .alternatives()
        .and_then(|()| match translator.rest {
            "" => Ok(()),
            _ => Err("unbalanced )".to_owned()),
        });
    done.map_err(|why| format!("pattern {source}: {why}"))?;
    Ok(translator.out)
}

struct Translator<'s> {
    rest: &'s str,
    out: String,
}

const SPACE: &str = r"\x20\t\n\r";
const NAME_START: &str = r":_A-Za-z\x{C0}-\x{D6}\x{D8}-\x{F6}\x{F8}-\x{2FF}\x{370}-\x{37D}\x{37F}-\x{1FFF}\x{200C}-\x{200D}\x{2070}-\x{218F}\x{2C00}-\x{2FEF}\x{3001}-\x{D7FF}\x{F900}-\x{FDCF}\x{FDF0}-\x{FFFD}\x{10000}-\x{EFFFF}";
const NAME_MORE: &str = r"\-.0-9\x{B7}\x{300}-\x{36F}\x{203F}-\x{2040}";

impl Translator<'_> {
    fn alternatives(&mut self) -> Result<(), String> {
        loop {
            match self.rest.chars().next() {
                None | Some(')') => return Ok(()),
                Some('|') => {
                    self.next();
                    self.out.push('|');
                }
                Some(_) => {
                    self.atom()?;
                    self.quantifier()?;
                }
            }
        }
    }

    fn atom(&mut self) -> Result<(), String> {
        match self.next() {
            Some('(') => {
                self.out.push_str("(?:");
                self.alternatives()?;
                if self.next() != Some(')') {
                    return Err("unclosed (".to_owned());
                }
                self.out.push(')');
            }
            Some('.') => self.out.push_str(r"[^\n\r]"),
            Some('[') => {
                let class = self.class()?;
                self.out.push_str(&class);
            }
            Some('\\') => match self.escape()? {
                Escape::One(char) => self.out.push_str(&literal(char)),
                Escape::Class(class) => self.out.push_str(&class),
            },
            Some(found @ ('?' | '*' | '+' | '{' | '}' | ']')) => {
                return Err(format!("misplaced {found}"));
            }
            Some(char) => self.out.push_str(&literal(char)),
            None => return Err("ends too early".to_owned()),
        }
        Ok(())
    }

    fn quantifier(&mut self) -> Result<(), String> {
        match self.rest.chars().next() {
            Some(found @ ('?' | '*' | '+')) => {
                self.next();
                self.out.push(found);
            }
            Some('{') => {
                let (inside, rest) = self.rest[1..].split_once('}').ok_or("unclosed {")?;
                let (low, high) = inside.split_once(',').unwrap_or((inside, ""));
                let number =
                    |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
                if !number(low) || !(high.is_empty() || number(high)) {
                    return Err(format!("quantifier {{{inside}}}"));
                }
                self.out.push('{');
                self.out.push_str(inside);
                self.out.push('}');
                self.rest = rest;
            }
            _ => return Ok(()),
        }
        match self.rest.chars().next() {
            Some('?' | '*' | '+' | '{') => Err("two quantifiers".to_owned()),
            _ => Ok(()),
        }
    }

    /// A class after its `[`, up to and with its `]`.
    fn class(&mut self) -> Result<String, String> {
        let negated = self.rest.starts_with('^');
        if negated {
            self.next();
        }
        let mut items = String::new();
        loop {
            if !items.is_empty() && self.rest.starts_with("-[") {
                self.rest = &self.rest[2..];
                let minus = self.class()?;
                if self.next() != Some(']') {
                    return Err("text after a subtracted class".to_owned());
                }
                let sign = if negated { "^" } else { "" };
                return Ok(format!("[[{sign}{items}]--{minus}]"));
            }
            let low = match self.next().ok_or("unclosed [")? {
                ']' if !items.is_empty() => break,
                '\\' => match self.escape()? {
                    Escape::One(char) => char,
                    Escape::Class(class) => {
                        items.push_str(&class);
                        continue;
                    }
                },
                '-' if !items.is_empty() && !self.rest.starts_with(']') => {
                    return Err("misplaced -".to_owned());
                }
                found @ (']' | '[') => return Err(format!("misplaced {found}")),
                char => char,
            };
            items.push_str(&literal(low));
            let range = self.rest.starts_with('-')
                && !self.rest.starts_with("-[")
                && !self.rest.starts_with("-]");
            if range {
                self.next();
                let high = match self.next().ok_or("unclosed [")? {
                    '\\' => match self.escape()? {
                        Escape::One(char) => char,
                        Escape::Class(_) => return Err("a class as the end of a range".to_owned()),
                    },
                    char => char,
                };
                items.push('-');
                items.push_str(&literal(high));
            }
        }
        Ok(format!("[{}{items}]", if negated { "^" } else { "" }))
    }

    /// An escape after its backslash.
    fn escape(&mut self) -> Result<Escape, String> {
        let class = |sign: &str, items: &str| Ok(Escape::Class(format!("[{sign}{items}]")));
        match self.next().ok_or("ends with a backslash")? {
            'n' => Ok(Escape::One('\n')),
            'r' => Ok(Escape::One('\r')),
            't' => Ok(Escape::One('\t')),
            char @ ('\\' | '|' | '.' | '?' | '*' | '+' | '(' | ')' | '{' | '}' | '-' | '['
            | ']' | '^') => Ok(Escape::One(char)),
            's' => class("", SPACE),
            'S' => class("^", SPACE),
            'd' => class("", r"\p{Nd}"),
            'D' => class("^", r"\p{Nd}"),
            'w' => class("^", r"\p{P}\p{Z}\p{C}"),
            'W' => class("", r"\p{P}\p{Z}\p{C}"),
            'i' => class("", NAME_START),
            'I' => class("^", NAME_START),
            'c' => class("", &format!("{NAME_START}{NAME_MORE}")),
            'C' => class("^", &format!("{NAME_START}{NAME_MORE}")),
            'p' => class("", &self.property()?),
            'P' => class("^", &self.property()?),
            other => Err(format!("escape \\{other}")),
        }
    }

    /// `{L}` and its kin, or a block.
    fn property(&mut self) -> Result<String, String> {
        let after = self
            .rest
            .strip_prefix('{')
            .and_then(|rest| rest.split_once('}'));
        let (name, rest) = after.ok_or("\\p without {}")?;
        self.rest = rest;
        const CATEGORIES: &[&str] = &[
            "L", "Lu", "Ll", "Lt", "Lm", "Lo", "M", "Mn", "Mc", "Me", "N", "Nd", "Nl", "No", "P",
            "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "Z", "Zs", "Zl", "Zp", "S", "Sm", "Sc", "Sk",
            "So", "C", "Cc", "Cf", "Co", "Cn",
        ];
        match name {
            "IsBasicLatin" => Ok(r"\x00-\x7F".to_owned()),
            "IsLatin-1Supplement" => Ok(r"\x{80}-\x{FF}".to_owned()),
            "IsLatinExtended-A" => Ok(r"\x{100}-\x{17F}".to_owned()),
            category if CATEGORIES.contains(&category) => Ok(format!(r"\p{{{category}}}")),
            other => Err(format!("property {other}")),
        }
    }

    fn next(&mut self) -> Option<char> {
        let char = self.rest.chars().next()?;
        self.rest = &self.rest[char.len_utf8()..];
        Some(char)
    }
}

enum Escape {
    One(char),
    Class(String),
}

/// A character that means itself, wherever it stands.
fn literal(char: char) -> String {
    match char.is_ascii_alphanumeric() {
        true => char.to_string(),
        false => format!(r"\x{{{:X}}}", u32::from(char)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_values() {
        let rows: &[(&[&str], &[&str], &[&str])] = &[
            (&[r"\d{3}"], &["123"], &["12", "1234", "a123", ""]),
            (&["a|bc"], &["a", "bc"], &["abc", "ab"]),
            (&["[0-9]{2}", "X"], &["12", "X"], &["1", "12X"]),
            (&["^a$"], &["^a$"], &["a"]),
            (&[r"[A-Z-[IO]]+"], &["ABC"], &["AIB", ""]),
            (&[r"[^a-c-[x]]"], &["d", "é"], &["a", "x"]),
            (&[r"\i\c*"], &["a-1", "_"], &["1a", ""]),
            (&[r"."], &["a", "é"], &["\n", "ab"]),
            (&[r"[\-+*/]"], &["-", "/"], &["a"]),
            (&["[a-]"], &["a", "-"], &["b"]),
            (&[r"\p{Lu}\p{Ll}+"], &["Éa"], &["éa"]),
            (&["a{2,3}(b?)"], &["aa", "aaab"], &["a", "aaaa"]),
            (&["#&~"], &["#&~"], &["&"]),
            (&["a||b"], &["a", "", "b"], &["ab"]),
        ];
        for (sources, good, bad) in rows {
            let pattern = Pattern::compile(sources).unwrap();
            for value in *good {
                assert!(pattern.matches(value), "{sources:?} {value}");
            }
            for value in *bad {
                assert!(!pattern.matches(value), "{sources:?} {value}");
            }
        }
    }

    #[test]
    fn one_pattern_is_within_another() {
        let rows = [
            ("[0-9]{3}", "[0-9]+", true),
            ("[0-9]*", "[0-9]+", false),
            ("a|b", "[a-c]", true),
            ("a|d", "[a-c]", false),
            (r"-?[0-9]{1,8}\.[0-9]{2}", r"[+\-]?[0-9]+(\.[0-9]*)?", true),
            ("[0-9]+", "[0-9]{1,3}", false),
            (r"\d", "[0-9]", false),
        ];
        for (inner, outer, wanted) in rows {
            let [inner, outer] = [inner, outer].map(|one| Pattern::compile(&[one]).unwrap());
            assert_eq!(inner.is_within(&outer), wanted, "{inner:?} {outer:?}");
        }
    }

    #[test]
    fn what_is_not_a_pattern_is_refused() {
        for source in [
            "a**",
            "(a",
            "a)",
            "[a",
            "a{,2}",
            "a{x}",
            r"\b",
            r"\$",
            r"\p{IsGreek}",
            "[z-a]",
            "*",
            "[a-b-c]",
        ] {
            assert!(Pattern::compile(&[source]).is_err(), "{source}");
        }
    }

    #[test]
    fn an_automaton_that_would_be_huge_is_refused() {
        assert!(Pattern::compile(&[r"[\p{L}]{1,2000}"]).is_err());
    }
}
