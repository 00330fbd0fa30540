//! Why a schema does not compile. An error names file, line and construct, so that whoever edits an XSD finds it.

/// A schema that this room refuses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The construct is legal XSD and not implemented here.
    #[error("{file}:{line}: {construct} is not implemented")]
    Unsupported {
        /// Name of the source.
        file: String,
        /// Line of the construct, from 1.
        line: u32,
        /// The construct, as written in the XSD.
        construct: String,
    },
    /// The schema contradicts the XSD rules or itself.
    #[error("{file}:{line}: {why}")]
    Invalid {
        /// Name of the source.
        file: String,
        /// Line of the construct, from 1.
        line: u32,
        /// What is wrong.
        why: String,
    },
}
