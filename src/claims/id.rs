//! Identifiers of the field, each with the check that its issuer defines, and our own ids.
//!
//! A value of one of these types has passed its check. The NIR is the exception by purpose: it is only
//! checked, never kept (R115-2 CSS), so there is no type that could end up in a key or a log.

use std::fmt;

/// FINESS géographique of a centre: two characters of department and seven digits, key valid.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Finess([u8; 9]);

/// Why an identifier was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// Not the characters or the length of such an identifier.
    #[error("not in the form of this identifier")]
    Form,
    /// The form is right and the control key is not.
    #[error("the control key does not match")]
    Key,
}

/// Where a document goes: one AMO or one AMC, never both.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Destination {
    /// A caisse of the compulsory insurance.
    Amo(Amo),
    /// A complementary insurer.
    Amc(Amc),
}

/// Régime (2), caisse (3) and centre de paiement (4 characters) of a compulsory insurer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amo([u8; 9]);

/// Number of a complementary insurer: 1 to 10 upper-case letters or digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amc {
    length: u8,
    bytes: [u8; 10],
}

/// Numéro d'ordre of a document (R161-44): 1 to 20 upper-case letters, digits or `-`, unique per centre and kind.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Number {
    length: u8,
    bytes: [u8; 20],
}

/// Our id of a document: a UUID (version 7, so that ids sort by admission).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DocumentId(pub u128);

/// Our id of a lot: a UUID (version 7).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LotId(pub u128);

/// A name that an operator gives to an endpoint: `[a-z0-9-]`, 1 to 40 characters.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EndpointName(String);

/// A short technical name or code (caller, gestionnaire, agreement, receipt id, insurer's code):
/// 1 to 64 visible ASCII characters without blanks or quotes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(String);

/// SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

/// Characters of a NIR without its key.
const NIR_LENGTH: usize = 13;

/// Checks a NIR of 13 characters against its key: 97 − (N mod 97), with 2A → 19 and 2B → 18.
///
/// The month is not looked at: 20–42 and 50 upward exist.
pub fn check_nir(nir: &str, key: &str) -> Result<(), Invalid> {
    let bytes = nir.as_bytes();
    if !is_nir(bytes) || key.len() != 2 {
        return Err(Invalid::Form);
    }
    let key: u64 = if key.bytes().all(|byte| byte.is_ascii_digit()) {
        key.parse().map_err(|_| Invalid::Form)?
    } else {
        return Err(Invalid::Form);
    };
    let numeric = match &bytes[5..7] {
        b"2A" => format!("{}19{}", &nir[..5], &nir[7..]),
        b"2B" => format!("{}18{}", &nir[..5], &nir[7..]),
        _ => nir.to_owned(),
    };
    let number: u64 = numeric.parse().map_err(|_| Invalid::Form)?;
    if key == 97 - number % 97 {
        Ok(())
    } else {
        Err(Invalid::Key)
    }
}

/// Whether a text holds what may be a NIR: thirteen characters of its form in a row, hyphens aside.
pub fn holds_nir(text: &str) -> bool {
    let bytes: Vec<u8> = text.bytes().filter(|byte| *byte != b'-').collect();
    bytes.windows(NIR_LENGTH).any(is_nir)
}

/// Whether these are the characters of a NIR without its key: digits, but for the department of Corsica.
fn is_nir(bytes: &[u8]) -> bool {
    let is_digits = |part: &[u8]| part.iter().all(u8::is_ascii_digit);
    bytes.len() == NIR_LENGTH
        && matches!(bytes[0], b'1' | b'2' | b'3' | b'4' | b'7' | b'8')
        && is_digits(&bytes[..5])
        && (is_digits(&bytes[5..7]) || matches!(&bytes[5..7], b"2A" | b"2B"))
        && is_digits(&bytes[7..])
}

/// Checks an RPPS number: 11 digits, Luhn.
pub fn check_rpps(rpps: &str) -> Result<(), Invalid> {
    if rpps.len() != 11 || !rpps.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Invalid::Form);
    }
    luhn(rpps.bytes().map(|byte| byte - b'0'))
}

/// Checks an ADELI or AM number: 9 characters, Luhn, letters A–F counting 1–6.
pub fn check_am(number: &str) -> Result<(), Invalid> {
    let digits: Option<Vec<u8>> = number.bytes().map(am_digit).collect();
    match digits {
        Some(digits) if digits.len() == 9 => luhn(digits.into_iter()),
        Some(_) | None => Err(Invalid::Form),
    }
}

fn am_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'A'..=b'F' => Some(byte - b'A' + 1),
        _ => None,
    }
}

/// Luhn's sum over the digits, the last one being the key.
fn luhn(digits: impl DoubleEndedIterator<Item = u8>) -> Result<(), Invalid> {
    let sum: u32 = digits
        .rev()
        .enumerate()
        .map(|(index, digit)| match (index % 2, u32::from(digit)) {
            (0, digit) => digit,
            (_, digit) if digit > 4 => digit * 2 - 9,
            (_, digit) => digit * 2,
        })
        .sum();
    if sum.is_multiple_of(10) {
        Ok(())
    } else {
        Err(Invalid::Key)
    }
}

impl Finess {
    /// Reads and checks a FINESS: Luhn on the numeric form, Corsica's 2A and 2B counting as 20.
    pub fn parse(text: &str) -> Result<Finess, Invalid> {
        let bytes: [u8; 9] = text.as_bytes().try_into().map_err(|_| Invalid::Form)?;
        let corsica = matches!(&bytes[..2], b"2A" | b"2B");
        let head = if corsica {
            [2, 0]
        } else {
            [bytes[0].wrapping_sub(b'0'), bytes[1].wrapping_sub(b'0')]
        };
        let digits: Vec<u8> = head
            .into_iter()
            .chain(bytes[2..].iter().map(|byte| byte.wrapping_sub(b'0')))
            .collect();
        if digits.iter().any(|digit| *digit > 9) {
            return Err(Invalid::Form);
        }
        luhn(digits.into_iter()).map(|()| Finess(bytes))
    }

    /// The nine characters.
    pub fn as_str(&self) -> &str {
        ascii(&self.0)
    }
}

impl Amo {
    /// From régime (2 digits), caisse (3 digits) and centre (4 digits).
    pub fn new(regime: &str, caisse: &str, centre: &str) -> Result<Amo, Invalid> {
        if (regime.len(), caisse.len(), centre.len()) != (2, 3, 4) {
            return Err(Invalid::Form);
        }
        Amo::parse(&[regime, caisse, centre].concat())
    }

    /// Reads the nine characters that `Display` writes.
    pub fn parse(text: &str) -> Result<Amo, Invalid> {
        let bytes: [u8; 9] = text.as_bytes().try_into().map_err(|_| Invalid::Form)?;
        let fits = |byte: &u8| byte.is_ascii_digit() || byte.is_ascii_uppercase();
        if bytes.iter().all(fits) {
            Ok(Amo(bytes))
        } else {
            Err(Invalid::Form)
        }
    }

    /// The nine characters.
    pub fn as_str(&self) -> &str {
        ascii(&self.0)
    }

    /// Régime, two characters.
    pub fn regime(&self) -> &str {
        ascii(&self.0[..2])
    }

    /// Caisse gestionnaire, three characters.
    pub fn caisse(&self) -> &str {
        ascii(&self.0[2..5])
    }

    /// Centre de paiement, four characters.
    pub fn centre(&self) -> &str {
        ascii(&self.0[5..])
    }
}

impl Amc {
    /// Reads an AMC number.
    pub fn parse(text: &str) -> Result<Amc, Invalid> {
        let fits = (1..=10).contains(&text.len())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase());
        if !fits {
            return Err(Invalid::Form);
        }
        let mut bytes = [0; 10];
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        Ok(Amc {
            length: text.len() as u8,
            bytes,
        })
    }

    /// The number as read.
    pub fn as_str(&self) -> &str {
        ascii(&self.bytes[..usize::from(self.length)])
    }
}

impl Number {
    /// Reads a numéro.
    pub fn parse(text: &str) -> Result<Number, Invalid> {
        let fits = (1..=20).contains(&text.len())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase() || byte == b'-');
        if !fits {
            return Err(Invalid::Form);
        }
        let mut bytes = [0; 20];
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        Ok(Number {
            length: text.len() as u8,
            bytes,
        })
    }

    /// The number as read.
    pub fn as_str(&self) -> &str {
        ascii(&self.bytes[..usize::from(self.length)])
    }
}

impl Destination {
    /// Reads the form that `Display` writes: `amo:011234567` or `amc:NUMBER`.
    pub fn parse(text: &str) -> Result<Destination, Invalid> {
        match text.split_once(':') {
            Some(("amo", number)) => Amo::parse(number).map(Destination::Amo),
            Some(("amc", number)) => Amc::parse(number).map(Destination::Amc),
            Some(_) | None => Err(Invalid::Form),
        }
    }
}

impl EndpointName {
    /// Reads the name of an endpoint.
    pub fn parse(text: &str) -> Result<EndpointName, Invalid> {
        let fits = (1..=40).contains(&text.len())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte.is_ascii_lowercase() || byte == b'-');
        if fits {
            Ok(EndpointName(text.to_owned()))
        } else {
            Err(Invalid::Form)
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Name {
    /// Reads a name or code.
    pub fn parse(text: &str) -> Result<Name, Invalid> {
        let fits = (1..=64).contains(&text.len())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\'' | b'\\'));
        if fits {
            Ok(Name(text.to_owned()))
        } else {
            Err(Invalid::Form)
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Digest {
    /// Reads 64 hexadecimal digits.
    pub fn parse(text: &str) -> Result<Digest, Invalid> {
        if text.len() != 64 || !text.is_ascii() {
            return Err(Invalid::Form);
        }
        let mut bytes = [0; 32];
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[index * 2..index * 2 + 2], 16)
                .map_err(|_| Invalid::Form)?;
        }
        Ok(Digest(bytes))
    }
}

/// Reads a UUID with or without hyphens, as `Display` of the ids writes it.
fn parse_uuid(text: &str) -> Result<u128, Invalid> {
    let hex: String = text.chars().filter(|character| *character != '-').collect();
    if hex.len() != 32 || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(Invalid::Form);
    }
    u128::from_str_radix(&hex, 16).map_err(|_| Invalid::Form)
}

fn write_uuid(id: u128, out: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(
        out,
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        id >> 96,
        (id >> 80) & 0xffff,
        (id >> 64) & 0xffff,
        (id >> 48) & 0xffff,
        id & 0xffff_ffff_ffff
    )
}

impl DocumentId {
    /// Reads an id as `Display` writes it.
    pub fn parse(text: &str) -> Result<DocumentId, Invalid> {
        parse_uuid(text).map(DocumentId)
    }
}

impl LotId {
    /// Reads an id as `Display` writes it.
    pub fn parse(text: &str) -> Result<LotId, Invalid> {
        parse_uuid(text).map(LotId)
    }
}

fn ascii(bytes: &[u8]) -> &str {
    // Every constructor admits ASCII only.
    std::str::from_utf8(bytes).unwrap_or_default()
}

impl fmt::Display for DocumentId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_uuid(self.0, out)
    }
}

impl fmt::Display for LotId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_uuid(self.0, out)
    }
}

impl fmt::Display for Finess {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl fmt::Display for Amo {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl fmt::Display for Amc {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl fmt::Display for Number {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Destination::Amo(amo) => write!(out, "amo:{amo}"),
            Destination::Amc(amc) => write!(out, "amc:{amc}"),
        }
    }
}

impl fmt::Display for EndpointName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
    }
}

macro_rules! debug_as_display {
    ($($name:ident),*) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, out)
            }
        }
    )*};
}

debug_as_display!(
    Finess,
    Amo,
    Amc,
    Number,
    Destination,
    DocumentId,
    LotId,
    EndpointName,
    Name,
    Digest
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nir_keys() {
        for (nir, key, expected) in [
            ("1850578006084", "91", Ok(())),
            ("1850578006084", "90", Err(Invalid::Key)),
            ("2690549588157", "80", Ok(())),
            ("9850578006084", "91", Err(Invalid::Form)),
            ("18505780060", "91", Err(Invalid::Form)),
            ("1850578006084", "9A", Err(Invalid::Form)),
            ("1850C78006084", "91", Err(Invalid::Form)),
        ] {
            assert_eq!(check_nir(nir, key), expected, "{nir} {key}");
        }
    }

    #[test]
    fn nir_of_corsica_counts_2a_as_19_and_2b_as_18() {
        for (nir, numeric) in [
            ("1850520006084", ""),
            ("185052A006084", "1850519006084"),
            ("185052B006084", "1850518006084"),
        ] {
            let numeric: u64 = if numeric.is_empty() { nir } else { numeric }
                .parse()
                .unwrap();
            let key = format!("{:02}", 97 - numeric % 97);
            assert_eq!(check_nir(nir, &key), Ok(()), "{nir}");
        }
    }

    #[test]
    fn finess_keys() {
        for (text, expected) in [
            ("750712184", true),
            ("750712185", false),
            ("2A0000156", true),
            ("75071218", false),
            ("7507121845", false),
            ("75O712184", false),
        ] {
            assert_eq!(Finess::parse(text).is_ok(), expected, "{text}");
        }
    }

    #[test]
    fn practitioner_keys() {
        for (rpps, expected) in [
            ("10002519899", Ok(())),
            ("10002519894", Err(Invalid::Key)),
            ("10002519989", Err(Invalid::Key)),
            ("1000251989", Err(Invalid::Form)),
            ("1000251989A", Err(Invalid::Form)),
        ] {
            assert_eq!(check_rpps(rpps), expected, "{rpps}");
        }
        for (number, expected) in [
            ("75A123456", Ok(())),
            ("75F123451", Ok(())),
            ("75F123456", Err(Invalid::Key)),
            ("75G123456", Err(Invalid::Form)),
            ("75A12345", Err(Invalid::Form)),
        ] {
            assert_eq!(check_am(number), expected, "{number}");
        }
    }

    #[test]
    fn ids_are_read_as_they_are_written() {
        let id = DocumentId(0x0192_f3a4_5b6c_7d8e_9fa0_b1c2_d3e4_f506);
        assert_eq!(id.to_string(), "0192f3a4-5b6c-7d8e-9fa0-b1c2d3e4f506");
        assert_eq!(DocumentId::parse(&id.to_string()), Ok(id));
        assert_eq!(
            DocumentId::parse("+192f3a45b6c7d8e9fa0b1c2d3e4f506"),
            Err(Invalid::Form)
        );
        let destination = Destination::Amo(Amo::new("01", "751", "0000").unwrap());
        assert_eq!(
            Destination::parse(&destination.to_string()),
            Ok(destination)
        );
        let digest = Digest([0xa5; 32]);
        assert_eq!(Digest::parse(&digest.to_string()), Ok(digest));
    }
}
