//! Headers and records are read as written and nowhere else, and the chain is SHA-256.

use super::*;

const ID: SegmentId = [7; 16];

#[test]
fn a_header_is_read_as_written_and_every_flipped_bit_is_seen() {
    let header = Header {
        version: VERSION,
        manner: Manner {
            bodies: Bodies::Sealed,
            dictionary: 1,
        },
        id: ID,
        ordinal: 3,
        capacity: 4096,
        first: Position(17),
        chain: Chain([9; 32]),
    };
    let bytes = header.write();
    assert_eq!(Header::read(&bytes), Ok(header));
    for bit in 0..HEADER * 8 {
        let mut flipped = bytes;
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(Header::read(&flipped).is_err(), "{bit}");
    }
}

#[test]
fn a_record_is_valid_only_where_it_was_written() {
    let mut bytes = Vec::new();
    put_entry(&mut bytes, 128, &ID, b"entry");
    let expected = Record {
        kind: Kind::Entry,
        flags: 0,
        payload: b"entry",
    };
    assert_eq!(Record::read(&bytes, 128, &ID), Ok(expected));
    let wrong = Err(BadRecord::Unreadable("the record's checksum is wrong"));
    assert_eq!(Record::read(&bytes, 129, &ID), wrong);
    assert_eq!(Record::read(&bytes, 128, &[8; 16]), wrong);
}

#[test]
fn records_of_a_later_version_are_told_from_damage() {
    for (byte, value, expected) in [(0, b'Z', "kind of record"), (1, 1, "flags")] {
        let mut bytes = Vec::new();
        put_entry(&mut bytes, 0, &ID, b"entry");
        bytes[byte] = value;
        let crc = checksum(&ID, 0, &bytes[..8], b"entry");
        bytes[8..12].copy_from_slice(&crc.to_be_bytes());
        assert_eq!(
            Record::read(&bytes, 0, &ID),
            Err(BadRecord::Unsupported(expected))
        );
    }
}

#[test]
fn the_chain_is_sha256_of_hash_and_entry() {
    // Computed with coreutils: head -c 32 /dev/zero | cat - <(printf abc) | sha256sum
    let hex = |chain: Chain| {
        chain
            .0
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect::<String>()
    };
    assert_eq!(hex(Chain::default().after(b"abc")), CHAIN_OF_ABC);
}

const CHAIN_OF_ABC: &str = "365aa7d8f7f9402c4b9434502b4cc89ddb09fe50d7cd95b493b834c62d5a5370";
