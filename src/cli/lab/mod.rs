//! What the demo and the load are played with: a directory of their own, certificates, tokens, and claims of people
//! who were never born. It knows neither what is to happen nor what did.

pub(in crate::cli) mod home;
pub(in crate::cli) mod draw;
pub(in crate::cli) mod sheet;
