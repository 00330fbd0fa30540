//! Lots just sealed whose bytes are still at hand, so that the first attempt need not read and compose them again.
//!
//! Each is handed out once, as the digest of its sealing was computed over these very bytes; whatever comes later
//! composes the lot from the store and proves it anew. Never holds more bytes than its bound: the oldest goes first.
//! A crash loses all of it, and nothing by it.

use std::collections::BTreeMap;

use crate::claims::id::LotId;
use crate::formats::lot::Composed;

/// Composed lots by id, which is in order of time, up to a number of bytes.
pub(super) struct Fresh {
    most: u64,
    bytes: u64,
    lots: BTreeMap<LotId, Composed>,
}

impl Fresh {
    /// None yet; never more than `most` bytes of bodies.
    pub(super) fn new(most: u64) -> Fresh {
        Fresh {
            most,
            bytes: 0,
            lots: BTreeMap::new(),
        }
    }

    /// Keeps a lot that was sealed as it is here.
    pub(super) fn keep(&mut self, composed: Composed) {
        if composed.length > self.most {
            return;
        }
        self.bytes += composed.length;
        self.lots.insert(composed.lot.id, composed);
        while self.bytes > self.most {
            let Some((_, oldest)) = self.lots.pop_first() else {
                return;
            };
            self.bytes -= oldest.length;
        }
    }

    /// Hands out a lot, for its first attempt.
    pub(super) fn take(&mut self, lot: LotId) -> Option<Composed> {
        let composed = self.lots.remove(&lot)?;
        self.bytes -= composed.length;
        Some(composed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claims::document::{Kind, Purpose};
    use crate::claims::id::{Amc, Destination, DocumentId, Finess, Number};
    use crate::formats::lot::{Lot, MediaType, Piece, compose};

    fn composed(id: u128) -> Composed {
        let number = Number::parse("1").unwrap();
        let lot = Lot {
            id: LotId(id),
            centre: Finess::parse("750712184").unwrap(),
            destination: Destination::Amc(Amc::parse("00000001").unwrap()),
            purpose: Purpose::Real,
        };
        let bytes = vec![b'x'; 1000].into();
        let document = DocumentId(id);
        let piece = Piece::new(document, number, Kind::Fse, MediaType::Xml, bytes);
        compose(lot, vec![piece])
    }

    #[test]
    fn the_oldest_goes_before_the_bound_is_passed_and_each_is_handed_out_once() {
        let length = composed(1).length;
        let mut fresh = Fresh::new(2 * length);
        for id in 1..=3 {
            fresh.keep(composed(id));
        }
        assert!(fresh.take(LotId(1)).is_none());
        for id in [2, 3] {
            assert_eq!(fresh.take(LotId(id)).map(|lot| lot.length), Some(length));
            assert!(fresh.take(LotId(id)).is_none());
        }
        assert_eq!(fresh.bytes, 0);
    }

    #[test]
    fn a_lot_above_the_bound_drives_nothing_out() {
        let length = composed(1).length;
        let mut fresh = Fresh::new(length);
        fresh.keep(composed(1));
        let mut large = composed(2);
        large.length = length + 1;
        fresh.keep(large);
        assert!(fresh.take(LotId(2)).is_none());
        assert!(fresh.take(LotId(1)).is_some());
        let mut none = Fresh::new(0);
        none.keep(composed(1));
        assert!(none.take(LotId(1)).is_none(), "nothing is kept with 0");
    }
}
