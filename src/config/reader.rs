//! A TOML document into a type, with every fault under its full key.
//!
//! Between a parsed document and serde stands [`Node`]: it knows the key it stands at, sees the fields that a
//! struct asks for, and so finds all unknown keys in one go where serde would stop at the first.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;

use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, Error as _, IntoDeserializer, MapAccess,
    SeqAccess, Visitor,
};
use serde::forward_to_deserialize_any;
use toml::{Table, Value};

/// What is wrong with one key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// The full key, as `store.journal.directory` or `centre[2].finess`; empty for the whole document.
    pub key: String,
    /// What is wrong.
    pub reason: String,
}

/// A type read from a document, and every key that its structs know on the way.
#[derive(Debug)]
pub(super) struct Reading<T> {
    pub(super) value: T,
    /// Full keys without numbers of elements.
    #[cfg_attr(
        not(test),
        allow(dead_code, reason = "held against the documented file in a test")
    )]
    pub(super) known: BTreeSet<String>,
}

/// Faults reported at most, so that a document of another kind does not fill the screen.
const MOST: usize = 50;

/// Reads a document: all unknown keys, and every value that does not fit as far as the rest can still be read.
pub(super) fn read<T: DeserializeOwned>(table: Table) -> Result<Reading<T>, Vec<Fault>> {
    match read_on(table) {
        (Some(reading), faults) if faults.is_empty() => Ok(reading),
        (_, faults) => Err(faults),
    }
}

/// Reads a document, and what is left of it without its faults: none where that cannot be read.
pub(super) fn read_on<T: DeserializeOwned>(mut table: Table) -> (Option<Reading<T>>, Vec<Fault>) {
    let found = Found::default();
    let mut faults = BTreeSet::new();
    while faults.len() < MOST {
        let root = Node {
            value: Value::Table(table.clone()),
            path: Path::default(),
            found: &found,
        };
        match T::deserialize(root) {
            Ok(value) => {
                faults.extend(found.unknown.take());
                let known = found.known.take();
                return (Some(Reading { value, known }), faults.into_iter().collect());
            }
            Err(failure) => {
                let path = failure.path.unwrap_or_default();
                let repeated = faults
                    .iter()
                    .any(|fault: &Fault| fault.key == path.to_string());
                if !repeated {
                    faults.insert(Fault {
                        key: path.to_string(),
                        reason: failure.reason,
                    });
                }
                // Without the value the rest may still be read; an absent one cannot be taken away.
                if repeated || !remove(&mut table, &path) {
                    break;
                }
            }
        }
    }
    faults.extend(found.unknown.take());
    (None, faults.into_iter().collect())
}

fn remove(table: &mut Table, path: &Path) -> bool {
    let Some((Step::Key(last), before)) = path.0.split_last() else {
        return false;
    };
    let mut before = before.iter();
    let Some(Step::Key(first)) = before.next() else {
        return before.len() == 0 && table.remove(last).is_some();
    };
    let mut value = table.get_mut(first);
    for step in before {
        value = value.and_then(|value| match step {
            Step::Key(key) => value.get_mut(key.as_str()),
            Step::Element(index) => value.get_mut(*index),
        });
    }
    let holder = value.and_then(Value::as_table_mut);
    holder.is_some_and(|holder| holder.remove(last).is_some())
}

#[derive(Default)]
struct Found {
    unknown: RefCell<BTreeSet<Fault>>,
    known: RefCell<BTreeSet<String>>,
}

/// Where a value stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Path(Vec<Step>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Key(String),
    Element(usize),
}

impl Path {
    fn key(&self, key: &str) -> Path {
        self.step(Step::Key(key.to_owned()))
    }

    fn step(&self, step: Step) -> Path {
        let mut path = self.clone();
        path.0.push(step);
        path
    }

    fn without_elements(&self) -> Path {
        let keys = self.0.iter().filter(|step| matches!(step, Step::Key(_)));
        Path(keys.cloned().collect())
    }
}

impl fmt::Display for Path {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.0.iter().enumerate() {
            match step {
                Step::Key(key) if index == 0 => out.write_str(key)?,
                Step::Key(key) => write!(out, ".{key}")?,
                // People count from 1.
                Step::Element(element) => write!(out, "[{}]", element + 1)?,
            }
        }
        Ok(())
    }
}

/// A value and where it stands.
struct Node<'a> {
    value: Value,
    path: Path,
    found: &'a Found,
}

/// What serde says, and where it said it.
#[derive(Debug)]
pub(super) struct Failure {
    path: Option<Path>,
    missing: Option<&'static str>,
    reason: String,
}

impl Failure {
    /// Serde knows no place: the innermost value that fails gives it.
    fn at(mut self, path: &Path) -> Failure {
        self.path.get_or_insert_with(|| match self.missing {
            Some(field) => path.key(field),
            None => path.clone(),
        });
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.reason)
    }
}

impl std::error::Error for Failure {}

impl de::Error for Failure {
    fn custom<T: fmt::Display>(reason: T) -> Failure {
        Failure {
            path: None,
            missing: None,
            reason: reason.to_string(),
        }
    }

    fn missing_field(field: &'static str) -> Failure {
        Failure {
            path: None,
            missing: Some(field),
            reason: "is missing".to_owned(),
        }
    }
}

impl Node<'_> {
    /// Notes what the struct knows, and leaves out what it does not.
    fn only(&self, table: Table, fields: &[&str]) -> Table {
        let keys = fields
            .iter()
            .map(|field| self.path.key(field).without_elements().to_string());
        self.found.known.borrow_mut().extend(keys);
        let (known, unknown): (Table, Table) = table
            .into_iter()
            .partition(|(key, _)| fields.contains(&key.as_str()));
        for key in unknown.keys() {
            self.found.unknown.borrow_mut().insert(Fault {
                key: self.path.key(key).to_string(),
                reason: format!("is no key; there are: {}", fields.join(", ")),
            });
        }
        known
    }
}

impl<'de> Deserializer<'de> for Node<'_> {
    type Error = Failure;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        let path = self.path.clone();
        let visited = match self.value {
            Value::String(text) => visitor.visit_string(text),
            Value::Integer(number) => visitor.visit_i64(number),
            Value::Float(number) => visitor.visit_f64(number),
            Value::Boolean(truth) => visitor.visit_bool(truth),
            // Dates are read by the domain, from their text.
            Value::Datetime(date) => visitor.visit_string(date.to_string()),
            Value::Array(values) => visitor.visit_seq(Elements {
                values: values.into_iter().enumerate(),
                path: self.path,
                found: self.found,
            }),
            Value::Table(table) => visitor.visit_map(Entries::new(table, self.path, self.found)),
        };
        visited.map_err(|failure| failure.at(&path))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        mut self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        if let Value::Table(table) = self.value {
            self.value = Value::Boolean(false);
            let table = self.only(table, fields);
            self.value = Value::Table(table);
        }
        self.deserialize_any(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Failure> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        let path = self.path.clone();
        let visited = match self.value {
            Value::String(word) => visitor.visit_enum(word.into_deserializer()),
            Value::Table(table) => {
                let words = table
                    .keys()
                    .map(|word| path.key(word).without_elements().to_string());
                self.found.known.borrow_mut().extend(words);
                let entries = Entries::new(table, self.path, self.found);
                visitor.visit_enum(MapAccessDeserializer::new(entries))
            }
            other => Err(Failure::custom(format!(
                "is {}, not a word",
                other.type_str()
            ))),
        };
        visited.map_err(|failure| failure.at(&path))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map identifier ignored_any
    }
}

struct Entries<'a> {
    entries: toml::map::IntoIter<String, Value>,
    next: Option<(String, Value)>,
    path: Path,
    found: &'a Found,
}

impl<'a> Entries<'a> {
    fn new(table: Table, path: Path, found: &'a Found) -> Entries<'a> {
        Entries {
            entries: table.into_iter(),
            next: None,
            path,
            found,
        }
    }
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = Failure;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Failure> {
        self.next = self.entries.next();
        let Some((key, _)) = &self.next else {
            return Ok(None);
        };
        let key: StrDeserializer<'_, Failure> = key.as_str().into_deserializer();
        seed.deserialize(key).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Failure> {
        let (key, value) = self
            .next
            .take()
            .ok_or_else(|| Failure::custom("no value"))?;
        let path = self.path.key(&key);
        let node = Node {
            value,
            path: path.clone(),
            found: self.found,
        };
        seed.deserialize(node).map_err(|failure| failure.at(&path))
    }
}

struct Elements<'a> {
    values: std::iter::Enumerate<std::vec::IntoIter<Value>>,
    path: Path,
    found: &'a Found,
}

impl<'de> SeqAccess<'de> for Elements<'_> {
    type Error = Failure;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Failure> {
        let Some((index, value)) = self.values.next() else {
            return Ok(None);
        };
        let path = self.path.step(Step::Element(index));
        let node = Node {
            value,
            path: path.clone(),
            found: self.found,
        };
        seed.deserialize(node)
            .map(Some)
            .map_err(|failure| failure.at(&path))
    }
}
