//! Chance and identifiers: everything derives from the seed, and every identifier is invented with
//! a valid key. It never reads a clock or the system's randomness.

use crate::claims::time::Day;

/// Numbers that derive from a seed: SplitMix64 (Steele, Lea, Flood 2014), which passes for chance here.
pub(in crate::cli) struct Draw(u64);

impl Draw {
    /// The draws of one subject under a seed.
    pub(in crate::cli) fn new(seed: u32, subject: u64) -> Draw {
        // Mixed, or subjects would draw one sequence from different places.
        Draw(mix(u64::from(seed)) ^ mix(!subject))
    }

    /// A number below a bound above zero.
    pub(in crate::cli) fn below(&mut self, bound: usize) -> usize {
        let bound = bound as u64;
        usize::try_from(self.next() % bound).unwrap_or_default()
    }

    /// One of a list that is not empty.
    pub(in crate::cli) fn pick<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())]
    }

    /// One of a list by its weight.
    pub(in crate::cli) fn weigh<T: Copy>(&mut self, list: &[(T, usize)]) -> T {
        let all = list.iter().map(|(_, weight)| weight).sum();
        let mut drawn = self.below(all);
        for (what, weight) in list {
            match drawn.checked_sub(*weight) {
                Some(rest) => drawn = rest,
                None => return *what,
            }
        }
        list[0].0
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }
}

fn mix(mut value: u64) -> u64 {
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// A FINESS: department, serial number, key by Luhn (Corsica's 2A and 2B count as 20).
pub(in crate::cli) fn finess(department: &str, serial: usize) -> String {
    let numeric = department.replace(['A', 'B'], "0");
    let serial = format!("{serial:06}");
    let key = luhn_key(&format!("{numeric}{serial}"));
    format!("{department}{serial}{key}")
}

/// An RPPS number: ten digits and their key by Luhn.
pub(in crate::cli) fn rpps(draw: &mut Draw) -> String {
    let digits = format!("10{:08}", draw.below(100_000_000));
    let key = luhn_key(&digits);
    format!("{digits}{key}")
}

/// A NIR of somebody born on that day, and its key: 97 − (N mod 97).
pub(in crate::cli) fn nir(draw: &mut Draw, birth: Day) -> (String, String) {
    let number = format!(
        "{}{:02}{:02}75{:03}{:03}",
        1 + draw.below(2),
        birth.year().rem_euclid(100),
        birth.month(),
        100 + draw.below(20),
        1 + draw.below(900),
    );
    let value: u64 = number.parse().unwrap_or_default();
    let key = format!("{:02}", 97 - value % 97);
    (number, key)
}

/// The digit that makes Luhn's sum a multiple of ten.
fn luhn_key(digits: &str) -> u32 {
    let doubled = digits.bytes().rev().enumerate().map(|(index, byte)| {
        let digit = u32::from(byte - b'0');
        match (index % 2, digit * 2) {
            (0, double) if double > 9 => double - 9,
            (0, double) => double,
            (_, _) => digit,
        }
    });
    (10 - doubled.sum::<u32>() % 10) % 10
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claims::id::{Finess, check_nir, check_rpps};

    #[test]
    fn identifiers_have_valid_keys() {
        let mut draw = Draw::new(1, 2);
        for serial in 0..50 {
            for department in ["75", "2A", "97"] {
                let finess = finess(department, serial);
                assert!(Finess::parse(&finess).is_ok(), "{finess}");
            }
            let birth = Day::new(1950, 1, 1)
                .unwrap()
                .plus_days(draw.below(20_000) as i32);
            let (number, key) = nir(&mut draw, birth);
            assert_eq!(check_nir(&number, &key), Ok(()), "{number} {key}");
            assert_eq!(check_rpps(&rpps(&mut draw)), Ok(()));
        }
    }

    #[test]
    fn a_seed_gives_the_same_draws_and_weights_are_kept() {
        let draws = |seed| {
            let mut draw = Draw::new(seed, 7);
            (0..1000)
                .map(|_| draw.weigh(&[('a', 9), ('b', 1), ('c', 0)]))
                .collect::<String>()
        };
        assert_eq!(draws(1), draws(1));
        assert_ne!(draws(1), draws(2));
        let count = |what| draws(1).chars().filter(|drawn| *drawn == what).count();
        assert!((850..950).contains(&count('a')) && count('c') == 0);
    }
}
