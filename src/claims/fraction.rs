//! Exact ratios: a rate and a threshold are compared as fractions and never as decimals.
//!
//! Decimals are made by those who show a ratio, at the edge.

/// A ratio of two counts, as counted: not reduced, so that it can be read back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fraction {
    numerator: i64,
    denominator: i64,
}

/// The difference of two ratios, reduced; negative when the first is the smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Distance {
    numerator: i128,
    denominator: i128,
}

impl Fraction {
    /// The whole.
    pub const ONE: Fraction = Fraction {
        numerator: 1,
        denominator: 1,
    };

    /// A ratio; none when there is nothing to divide by.
    pub fn new(numerator: i64, denominator: i64) -> Option<Fraction> {
        (denominator > 0).then_some(Fraction {
            numerator,
            denominator,
        })
    }

    /// The upper number.
    pub fn numerator(self) -> i64 {
        self.numerator
    }

    /// The lower number, above zero.
    pub fn denominator(self) -> i64 {
        self.denominator
    }

    /// Whether it lies between zero and one, both included.
    pub fn is_share(self) -> bool {
        0 <= self.numerator && self.numerator <= self.denominator
    }

    /// By how much it is more than another.
    pub fn minus(self, other: Fraction) -> Distance {
        let (a, b) = (i128::from(self.numerator), i128::from(self.denominator));
        let (c, d) = (i128::from(other.numerator), i128::from(other.denominator));
        Distance::reduced(a * d - c * b, b * d)
    }
}

impl Distance {
    /// The upper number, with the sign.
    pub fn numerator(self) -> i128 {
        self.numerator
    }

    /// The lower number, above zero.
    pub fn denominator(self) -> i128 {
        self.denominator
    }

    fn reduced(numerator: i128, denominator: i128) -> Distance {
        let divisor = greatest_common_divisor(numerator.abs(), denominator);
        Distance {
            numerator: numerator / divisor,
            denominator: denominator / divisor,
        }
    }
}

fn greatest_common_divisor(mut a: i128, mut b: i128) -> i128 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distance_is_exact_and_reduced() {
        for (a, b, numerator, denominator) in [
            ((2, 3), (2, 3), 0, 1),
            ((7, 10), (2, 3), 1, 30),
            ((66, 100), (2, 3), -1, 150),
            ((0, 5), (7, 10), -7, 10),
            ((i64::MAX, i64::MAX), (1, 1), 0, 1),
        ] {
            let fraction = |(a, b)| Fraction::new(a, b).unwrap();
            let distance = fraction(a).minus(fraction(b));
            assert_eq!(
                (distance.numerator(), distance.denominator()),
                (numerator, denominator)
            );
        }
    }

    #[test]
    fn nothing_is_divided_by_nothing() {
        assert_eq!(Fraction::new(0, 0), None);
        assert_eq!(Fraction::new(1, -1), None);
    }
}
