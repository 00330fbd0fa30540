//! Tests of the XML room.
