//! Bodies compressed, where it pays: zstd at a fast level, each body for itself, with a dictionary.
//!
//! Compressing is for the threads of those who post, before they queue; nothing waits for it. What does not become
//! smaller by an eighth stays as it is. Unpacking is bounded: a record states the length, more is never given out,
//! and no record states more than [`MOST`].
//!
//! # Dictionaries
//! A segment's header names the dictionary of its bodies by number. A dictionary never changes and is never removed:
//! what was compressed with it cannot be read without it. A better one gets the next number.
//!
//! Number 1 was trained (`zstd --train --maxdict=16384`) on 1 500 documents and receipts of the project's own fixtures
//! and generators: invented people alone. On others of the same generators, at level 1 and on one core, it packs:
//!
//! | document | without | with |
//! |---|---|---|
//! | claim of 1.1 kB | 1.8 to 1 in 5.5 µs | 6.3 to 1 in 2.1 µs |
//! | nurse's sheet of 7 kB | 8.6 to 1 in 7.9 µs | 31 to 1 in 2.9 µs |
//! | 8 kB of chance | as it is, in 5.1 µs | the same |

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use zstd::bulk::{Compressor, Decompressor};

/// Bodies of more bytes are not compressed, and no record may state more.
pub const MOST: usize = 64 << 20;

/// Number of the dictionary that is packed with; 0 is none.
const PRESENT: u32 = 1;
const FIRST: &[u8] = include_bytes!("dictionary.1");
/// Bodies of fewer bytes are not compressed: the frame alone takes some.
const LEAST: usize = 64;
/// Faster levels are not faster on documents of this size, and slower ones hardly smaller.
const LEVEL: i32 = 1;
/// So many contexts are kept for the next bodies: as many threads seldom pack at once.
const IDLE: usize = 16;

/// Whether bodies are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// Where it pays.
    #[default]
    Zstd,
    /// Never; what was compressed before is read all the same.
    Off,
}

/// A body's bytes, compressed.
#[derive(Clone)]
pub struct Packed {
    /// One zstd frame.
    pub frame: Bytes,
    /// Length of the bytes that it holds.
    pub length: u32,
}

/// Compresses and unpacks bodies, on many threads at once.
pub struct Packer {
    compression: Compression,
    packing: Mutex<Vec<Compressor<'static>>>,
    /// Those with the present dictionary.
    unpacking: Mutex<Vec<Decompressor<'static>>>,
}

impl Packer {
    /// Packs like this.
    pub fn new(compression: Compression) -> Packer {
        Packer {
            compression,
            packing: Mutex::default(),
            unpacking: Mutex::default(),
        }
    }

    /// Number of the dictionary that is packed with; 0 where nothing is packed.
    pub fn dictionary(&self) -> u32 {
        match self.compression {
            Compression::Zstd => PRESENT,
            Compression::Off => 0,
        }
    }

    /// The bytes compressed, if that is to be and pays.
    pub fn pack(&self, bytes: &[u8]) -> Option<Packed> {
        match self.compression {
            Compression::Zstd if (LEAST..=MOST).contains(&bytes.len()) => {}
            Compression::Zstd | Compression::Off => return None,
        }
        let mut compressor = match pop(&self.packing) {
            Some(idle) => idle,
            None => compressor(dictionary(PRESENT)?).ok()?,
        };
        let frame = compressor.compress(bytes).ok()?;
        push(&self.packing, compressor);
        let pays = frame.len() < bytes.len() - bytes.len() / 8;
        pays.then(|| Packed {
            frame: frame.into(),
            length: bytes.len() as u32,
        })
    }

    /// The bytes of a frame that was packed with a dictionary; there must be exactly so many.
    ///
    /// # Errors
    /// What is wrong with it, in fixed words.
    pub fn unpack(&self, number: u32, frame: &[u8], length: u32) -> Result<Vec<u8>, &'static str> {
        let length = length as usize;
        if length > MOST {
            return Err("the body states a length that none has");
        }
        let dictionary = dictionary(number).ok_or("the body's dictionary is not known")?;
        let idle = (number == PRESENT).then(|| pop(&self.unpacking)).flatten();
        let made = idle.map_or_else(|| Decompressor::with_dictionary(dictionary), Ok);
        let mut decompressor = made.map_err(|_| "there is no memory to unpack the body")?;
        let unpacked = decompressor.decompress(frame, length);
        if number == PRESENT {
            push(&self.unpacking, decompressor);
        }
        match unpacked {
            Ok(bytes) if bytes.len() == length => Ok(bytes),
            Ok(_) | Err(_) => Err("the body cannot be unpacked to its length"),
        }
    }
}

/// The dictionary of a number.
fn dictionary(number: u32) -> Option<&'static [u8]> {
    match number {
        PRESENT => Some(FIRST),
        _ => None,
    }
}

fn compressor(dictionary: &[u8]) -> std::io::Result<Compressor<'static>> {
    let mut compressor = Compressor::with_dictionary(LEVEL, dictionary)?;
    // The segment's header says which it is.
    compressor.include_dictid(false)?;
    Ok(compressor)
}

fn pop<T>(idle: &Mutex<Vec<T>>) -> Option<T> {
    idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
}

fn push<T>(idle: &Mutex<Vec<T>>, context: T) {
    let mut idle = idle.lock().unwrap_or_else(PoisonError::into_inner);
    if idle.len() < IDLE {
        idle.push(context);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest as _, Sha256};

    /// Bytes that do not repeat themselves.
    fn chance(length: usize) -> Vec<u8> {
        let blocks = (0..length.div_ceil(32) as u64).map(|n| Sha256::digest(n.to_be_bytes()));
        blocks.flatten().take(length).collect()
    }

    #[test]
    fn what_is_packed_is_unpacked_and_what_does_not_pay_stays() {
        let packer = Packer::new(Compression::Zstd);
        let text = b"<document kind=\"FSE\"><act amount=\"12.60\"/></document>".repeat(20);
        let packed = packer.pack(&text).unwrap();
        assert!(packed.frame.len() * 4 < text.len());
        let unpack = |length| packer.unpack(1, &packed.frame, length);
        assert_eq!(unpack(packed.length), Ok(text.clone()));
        for unpackable in [&text[..63], &chance(8192), b""] {
            assert!(packer.pack(unpackable).is_none());
        }
        assert!(Packer::new(Compression::Off).pack(&text).is_none());
    }

    #[test]
    fn no_more_is_unpacked_than_is_stated_and_nothing_that_differs() {
        let packer = Packer::new(Compression::Zstd);
        let bomb = packer.pack(&vec![0; MOST]).unwrap();
        assert!(bomb.frame.len() < MOST / 1000);
        let unpack = |number, frame: &[u8], length| packer.unpack(number, frame, length);
        let differs = Err("the body cannot be unpacked to its length");
        assert_eq!(unpack(1, &bomb.frame, 1000), differs);
        assert_eq!(unpack(1, &bomb.frame, bomb.length - 1), differs);
        let length = Err("the body states a length that none has");
        assert_eq!(unpack(1, &bomb.frame, bomb.length + 1), length);
        let small = packer.pack(&[7; 1000]).unwrap();
        assert_eq!(unpack(1, &small.frame, 1001), differs);
        assert_eq!(unpack(1, b"no frame", 1000), differs);
        let unknown = Err("the body's dictionary is not known");
        assert_eq!(unpack(2, &small.frame, 1000), unknown);
    }

    /// What was compressed with it could not be read any more.
    #[test]
    fn the_first_dictionary_never_changes() {
        let digest = Sha256::digest(FIRST);
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, FIRST_DIGEST);
    }

    const FIRST_DIGEST: &str = "842d843dbf0b267cf482021cc278c9e2b97c50e72e3d7805e190d11bbcb271dd";
}
