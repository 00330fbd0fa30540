//! A Bloom filter in cache lines: says of most keys that are not in a file that they are not.

/// Bits for each key.
const BITS: usize = 12;
/// Bits that a key sets, all in one line.
const PROBES: u32 = 7;
/// Words of a line: 64 bytes.
const LINE: usize = 8;

/// A filter over the keys of one file.
pub struct Filter(Vec<u64>);

impl Filter {
    /// Of no key, with room for so many.
    pub fn with_room(keys: usize) -> Filter {
        let lines = (keys * BITS).div_ceil(LINE * 64);
        Filter(vec![0; lines * LINE])
    }

    /// For how many keys it has room.
    pub fn room(&self) -> usize {
        self.0.len() * 64 / BITS
    }

    /// Adds a key by its hash; there is room for it.
    pub fn add(&mut self, hash: u64) {
        let start = line(hash, self.0.len() / LINE);
        for bit in bits(hash) {
            self.0[start + bit / 64] |= 1 << (bit % 64);
        }
    }

    /// Whether a key with this hash may be there; never no if it is.
    pub fn may_have(&self, hash: u64) -> bool {
        let lines = self.0.len() / LINE;
        if lines == 0 {
            return false;
        }
        let start = line(hash, lines);
        bits(hash).all(|bit| self.0[start + bit / 64] & (1 << (bit % 64)) != 0)
    }

    /// Its bytes on disk.
    pub fn bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    /// From such bytes; none if they are not whole lines.
    pub fn read(bytes: &[u8]) -> Option<Filter> {
        let (words, rest) = bytes.as_chunks::<8>();
        let is_whole = rest.is_empty() && words.len().is_multiple_of(LINE);
        is_whole.then(|| Filter(words.iter().map(|word| u64::from_le_bytes(*word)).collect()))
    }
}

/// The hash of a key; part of the form of a file.
pub fn hash(key: &[u8]) -> u64 {
    let (words, rest) = key.as_chunks::<8>();
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    let words = words.iter().chain(std::iter::once(&last));
    let start = 0x9e37_79b9_7f4a_7c15 ^ key.len() as u64;
    let mixed = words.fold(start, |hash, word| mix(hash ^ u64::from_le_bytes(*word)));
    mix(mixed)
}

/// The finalizer of SplitMix64: every bit of the input moves every bit of the output.
fn mix(mut word: u64) -> u64 {
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

/// The first word of a key's line: from the upper half of the hash.
fn line(hash: u64, lines: usize) -> usize {
    (((hash >> 32) as usize * lines) >> 32) * LINE
}

/// The bits of a key in its line: from another hash, so that keys of one line differ in them.
fn bits(hash: u64) -> impl Iterator<Item = usize> {
    let hash = mix(hash);
    (0..PROBES).map(move |probe| (hash >> (9 * probe)) as usize % (LINE * 64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_has_what_it_was_made_of_and_little_else() {
        let key = |number: u64| [b"k750712184".as_slice(), &number.to_be_bytes()].concat();
        let hashes: Vec<u64> = (0..20_000).map(|number| hash(&key(number))).collect();
        let mut filter = Filter::with_room(hashes.len());
        hashes.iter().for_each(|hash| filter.add(*hash));
        assert_eq!(filter.bytes().len(), 20_000 * BITS / 8 / 64 * 64 + 64);
        let read = Filter::read(&filter.bytes()).unwrap();
        assert!(hashes.iter().all(|hash| read.may_have(*hash)));
        let others = (20_000..120_000).filter(|number| read.may_have(hash(&key(*number))));
        let passed = others.count();
        assert!(passed < 600, "{passed} of 100000 pass");
    }

    #[test]
    fn an_empty_one_has_nothing_and_a_part_of_one_is_none() {
        let empty = Filter::read(&Filter::with_room(0).bytes()).unwrap();
        assert!(!empty.may_have(hash(b"k")));
        assert!(Filter::read(&[0; 63]).is_none());
        assert!(Filter::read(&[0; 8]).is_none());
    }

    #[test]
    fn the_hash_is_part_of_the_form() {
        assert_eq!(hash(b""), 0x4821_8226_ff3c_d4bf);
    }
}
