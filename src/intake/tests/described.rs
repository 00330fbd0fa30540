//! The description says what the router does, both ways.
