//! Archives of the ustar form (POSIX.1-1988), as far as the gateway writes them: plain files with short names.
//!
//! Every tool that unpacks reads it. Names are the gateway's own: ids and positions, never a value of a document.

/// Length of a block.
const BLOCK: usize = 512;
/// Longest name.
const NAME: usize = 100;

/// An archive that is written.
#[derive(Default)]
pub struct Writer {
    out: Vec<u8>,
}

/// Why bytes are no archive of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no archive of ours: {0}")]
pub struct Malformed(pub &'static str);

impl Writer {
    /// Adds a file. `seconds` is when it was made, since 1970.
    ///
    /// # Panics
    /// When the name is longer than 100 bytes: it is the program's own.
    pub fn add(&mut self, name: &str, seconds: u64, bytes: &[u8]) {
        assert!(name.len() <= NAME, "a short name");
        let mut head = [0; BLOCK];
        head[..name.len()].copy_from_slice(name.as_bytes());
        octal(&mut head[100..108], 0o644);
        octal(&mut head[108..116], 0);
        octal(&mut head[116..124], 0);
        octal(&mut head[124..136], bytes.len() as u64);
        octal(&mut head[136..148], seconds);
        head[156] = b'0';
        head[257..265].copy_from_slice(b"ustar\x0000");
        // The sum is made with its own field as spaces.
        head[148..156].copy_from_slice(b"        ");
        let sum: u64 = head.iter().map(|byte| u64::from(*byte)).sum();
        octal(&mut head[148..155], sum);
        self.out.extend_from_slice(&head);
        self.out.extend_from_slice(bytes);
        let padding = bytes.len().next_multiple_of(BLOCK) - bytes.len();
        self.out.resize(self.out.len() + padding, 0);
    }

    /// Bytes so far.
    pub fn length(&self) -> usize {
        self.out.len()
    }

    /// The whole archive.
    pub fn finish(mut self) -> Vec<u8> {
        self.out.resize(self.out.len() + 2 * BLOCK, 0);
        self.out
    }
}

/// Names and bytes of the files of an archive, in order.
///
/// # Errors
/// [`Malformed`] where it is not as [`Writer`] writes it.
pub fn read(bytes: &[u8]) -> Result<Vec<(&str, &[u8])>, Malformed> {
    let mut files = Vec::new();
    let mut rest = bytes;
    loop {
        let cut = Malformed("it is cut off");
        let (head, after) = rest.split_at_checked(BLOCK).ok_or(cut)?;
        if head.iter().all(|byte| *byte == 0) {
            return Ok(files);
        }
        let mut unsummed = head.to_vec();
        unsummed[148..156].copy_from_slice(b"        ");
        let sum: u64 = unsummed.iter().map(|byte| u64::from(*byte)).sum();
        if number(&head[148..155])? != sum {
            return Err(Malformed("the sum of a head is wrong"));
        }
        let end = head[..NAME].iter().position(|byte| *byte == 0);
        let name = std::str::from_utf8(&head[..end.unwrap_or(NAME)]);
        let name = name.map_err(|_| Malformed("a name is no text"))?;
        let length = usize::try_from(number(&head[124..135])?).map_err(|_| cut)?;
        files.push((name, after.get(..length).ok_or(cut)?));
        rest = after.get(length.next_multiple_of(BLOCK)..).ok_or(cut)?;
    }
}

/// Octal digits with leading zeros and a zero byte behind them.
fn octal(field: &mut [u8], value: u64) {
    let digits = field.len() - 1;
    for (place, byte) in field[..digits].iter_mut().rev().enumerate() {
        *byte = b'0' + u8::try_from(value >> (3 * place) & 7).unwrap_or(0);
    }
    field[digits] = 0;
}

fn number(field: &[u8]) -> Result<u64, Malformed> {
    let digits = field.iter().take_while(|byte| (b'0'..=b'7').contains(byte));
    let digits = digits.map(|byte| u64::from(byte - b'0'));
    digits.into_iter().try_fold(0_u64, |value, digit| {
        let shifted = value
            .checked_mul(8)
            .ok_or(Malformed("a number is too large"));
        Ok(shifted? + digit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_as_written_and_a_cut_is_seen() {
        let mut writer = Writer::default();
        let long = vec![7; 1000];
        writer.add("a/b", 1_700_000_000, b"text");
        writer.add("empty", 0, b"");
        writer.add("long", 0, &long);
        let bytes = writer.finish();
        assert_eq!(bytes.len() % BLOCK, 0);
        let files = read(&bytes).unwrap();
        let expected: [(&str, &[u8]); 3] = [("a/b", b"text"), ("empty", b""), ("long", &long)];
        assert_eq!(files, expected);
        // All but the blocks at the end is needed.
        for length in 0..bytes.len() - 2 * BLOCK {
            assert!(read(&bytes[..length]).is_err(), "{length}");
        }
        let mut changed = bytes.clone();
        changed[0] ^= 1;
        assert!(read(&changed).is_err());
    }
}
