//! Bytes of a sorted file: pairs in a block, the index of blocks, the footer.

/// Bytes of pairs after which a block is closed.
pub const BLOCK: usize = 16 * 1024;
/// Bytes of a checksum.
pub const CHECK: usize = 4;
/// Bytes of the footer.
pub const FOOTER: usize = 58;

const MAGIC: [u8; 8] = *b"BORDSORT";
const VERSION: u16 = 1;
/// A length beyond this is damage, not a length.
const MOST: u64 = 1 << 32;

/// What the end of a file says about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Footer {
    /// The file's ordinal.
    pub ordinal: u64,
    /// How many pairs it has.
    pub pairs: u64,
    /// Bytes of its blocks.
    pub blocks: u64,
    /// Bytes and checksum of its index.
    pub index: Part,
    /// Bytes and checksum of its filter.
    pub filter: Part,
}

/// A part of a file that is read whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Bytes.
    pub length: u64,
    /// CRC32C.
    pub check: u32,
}

impl Part {
    /// Of these bytes.
    pub fn of(bytes: &[u8]) -> Part {
        Part {
            length: bytes.len() as u64,
            check: crc32c::crc32c(bytes),
        }
    }
}

impl Footer {
    /// Its bytes.
    pub fn write(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(FOOTER);
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        for number in [self.ordinal, self.pairs, self.blocks] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        for part in [self.index, self.filter] {
            // No file has an index of 4 GiB.
            out.extend_from_slice(&(part.length as u32).to_le_bytes());
            out.extend_from_slice(&part.check.to_le_bytes());
        }
        out.extend_from_slice(&[0; 4]);
        let check = crc32c::crc32c(&out);
        out.extend_from_slice(&check.to_le_bytes());
        out
    }

    /// From its bytes.
    pub fn read(bytes: &[u8; FOOTER]) -> Result<Footer, &'static str> {
        let (said, check) = bytes.split_at(FOOTER - CHECK);
        if !said.starts_with(&MAGIC) {
            return Err("no footer");
        }
        if check != crc32c::crc32c(said).to_le_bytes() {
            return Err("the checksum of the footer");
        }
        if said[8..10] != VERSION.to_le_bytes() {
            return Err("another version of the form");
        }
        let number = |at: usize| -> u64 {
            let bytes = said[at..at + 8].iter().rev();
            bytes.fold(0, |number, byte| number << 8 | u64::from(*byte))
        };
        let part = |at: usize| Part {
            length: number(at) & 0xffff_ffff,
            check: (number(at) >> 32) as u32,
        };
        Ok(Footer {
            ordinal: number(10),
            pairs: number(18),
            blocks: number(26),
            index: part(34),
            filter: part(42),
        })
    }
}

/// The checksum of a block: of its bytes, its file and its place in it.
pub fn check(ordinal: u64, offset: u64, pairs: &[u8]) -> u32 {
    let place = [ordinal.to_le_bytes(), offset.to_le_bytes()].concat();
    crc32c::crc32c_append(crc32c::crc32c(&place), pairs)
}

/// Appends a pair to a block whose last key is given.
pub fn put_pair(out: &mut Vec<u8>, last: &[u8], key: &[u8], value: &[u8]) {
    let shared = last.iter().zip(key).take_while(|(a, b)| a == b).count();
    put_number(out, shared as u64);
    put_number(out, (key.len() - shared) as u64);
    put_number(out, value.len() as u64);
    out.extend_from_slice(&key[shared..]);
    out.extend_from_slice(value);
}

/// Reads a block pair by pair.
pub struct Pairs<'a> {
    rest: &'a [u8],
    key: Vec<u8>,
}

impl<'a> Pairs<'a> {
    /// From the first pair on.
    pub fn new(block: &'a [u8]) -> Pairs<'a> {
        Pairs {
            rest: block,
            key: Vec::with_capacity(64),
        }
    }

    /// The next value; its key is [`Pairs::key`] then. None at the end.
    pub fn step(&mut self) -> Result<Option<&'a [u8]>, &'static str> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let shared = take_length(&mut self.rest)?;
        let own = take_length(&mut self.rest)?;
        let length = take_length(&mut self.rest)?;
        let own = take(&mut self.rest, own)?;
        let value = take(&mut self.rest, length)?;
        if shared > self.key.len() {
            return Err("a key shares more than there is");
        }
        self.key.truncate(shared);
        self.key.extend_from_slice(own);
        Ok(Some(value))
    }

    /// The key of the last step.
    pub fn key(&self) -> &[u8] {
        &self.key
    }

    /// How many bytes are left.
    pub fn left(&self) -> usize {
        self.rest.len()
    }

    /// Goes on where an earlier reading of the same block was.
    pub fn resume(block: &'a [u8], left: usize, key: Vec<u8>) -> Pairs<'a> {
        Pairs {
            rest: &block[block.len() - left..],
            key,
        }
    }

    /// The key of the last step, to resume with.
    pub fn into_key(self) -> Vec<u8> {
        self.key
    }
}

/// Appends bytes with their length before them.
pub fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_number(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Takes such bytes.
pub fn take_bytes<'a>(from: &mut &'a [u8]) -> Result<&'a [u8], &'static str> {
    let length = take_length(from)?;
    take(from, length)
}

/// Appends a number, seven bits a byte, the lowest first.
pub fn put_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Takes a number that is a length or a count.
pub fn take_length(from: &mut &[u8]) -> Result<usize, &'static str> {
    let mut number = 0_u64;
    for shift in (0..35).step_by(7) {
        let (byte, rest) = from.split_first().ok_or("a number is cut off")?;
        *from = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            let length = (number < MOST).then(|| usize::try_from(number).ok());
            return length.flatten().ok_or("a length beyond all lengths");
        }
    }
    Err("a number without end")
}

fn take<'a>(from: &mut &'a [u8], length: usize) -> Result<&'a [u8], &'static str> {
    let (taken, rest) = from.split_at_checked(length).ok_or("bytes are cut off")?;
    *from = rest;
    Ok(taken)
}
