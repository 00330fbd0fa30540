//! The structure of a document: XSD files compiled once to automata, and one pass of a document through them.
//!
//! [`read`] takes the bytes as posted and gives back every finding of well-formedness and structure, with line,
//! column and path, while a [`Visitor`] builds the value in the same pass. Nothing here reads a file, fetches a
//! schema location, expands an entity or keeps a document's value in a finding. A schema construct that is not
//! implemented refuses to compile, so the XSD files stay the only description of the structure.

mod code;
mod read;
mod visit;
mod decode;
mod scan;
mod attribute;
mod scope;
mod token;
mod names;
mod place;
mod validate;
mod identity;
mod declare;
mod model;
mod simple;
mod white;
mod bound;
mod value;
mod number;
mod instant;
mod pattern;
mod node;
mod compile;
mod error;
#[cfg(test)]
mod tests;

pub use code::{CODES, Code};
pub use compile::Source;
pub use declare::Schema;
pub use decode::Encoding;
pub use error::Error;
pub use read::{Limits, Reading, read};
pub use visit::{Attribute, Element, Position, Visitor};
