//! `iteration`: one number after the other.

/// The `n`th number is `start + ((initial - start) + n * step) % (restart - start)`, the remainder
/// with the sign of what is divided. Numbers with a fraction are counted in units of their last
/// place, so that steps such as 0.1 do not drift.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Iteration {
    pub(super) start: i128,
    /// From `start` to the first number.
    pub(super) first: i128,
    /// From `start` to where it begins again; `None` is never.
    pub(super) span: Option<i128>,
    pub(super) step: i128,
    /// Digits behind the point.
    pub(super) scale: u32,
}

/// Doubles hold whole numbers up to this exactly, and powers of ten up to the one below.
const EXACT: i128 = 1 << 53;
const EXACT_POWER: u32 = 22;

impl Iteration {
    /// Parts are 64 bits wide, so that nothing here overflows.
    fn unscaled(&self, count: i64) -> i128 {
        let way = self.first + i128::from(count) * self.step;
        self.start + self.span.map_or(way, |span| way % span)
    }

    /// The number where nothing is behind the point.
    pub(super) fn whole(&self, count: i64) -> i64 {
        self.unscaled(count) as i64
    }

    /// The nearest double.
    pub(super) fn real(&self, count: i64) -> f64 {
        let number = self.unscaled(count);
        if number.abs() <= EXACT && self.scale <= EXACT_POWER {
            return number as f64 / 10_f64.powi(self.scale as i32);
        }
        format!("{number}e-{}", self.scale).parse().unwrap_or(f64::NAN)
    }
}

/// A number as digits and how many of them are behind the point. `None`: there are more digits
/// than an iteration counts with.
pub(super) fn decimal(number: f64) -> Option<(i128, u32)> {
    let text = number.to_string();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let digits: i64 = format!("{whole}{fraction}").parse().ok()?;
    Some((i128::from(digits), u32::try_from(fraction.len()).ok()?))
}

/// The same number with `to` digits behind the point.
pub(super) fn rescale((digits, scale): (i128, u32), to: u32) -> Option<i128> {
    let power = 10_i128.checked_pow(to.checked_sub(scale)?)?;
    let digits = digits.checked_mul(power)?;
    i64::try_from(digits).ok().map(i128::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_go_round() {
        let all = |iteration: Iteration| (0..6).map(|n| iteration.whole(n)).collect::<Vec<_>>();
        let plain = Iteration { start: 1, first: 0, span: Some(3), step: 1, scale: 0 };
        assert_eq!(all(plain), [1, 2, 3, 1, 2, 3]);
        assert_eq!(all(Iteration { first: 2, ..plain }), [3, 1, 2, 3, 1, 2]);
        assert_eq!(all(Iteration { step: 2, ..plain }), [1, 3, 2, 1, 3, 2]);
        let down = Iteration { start: 0, first: 0, span: Some(-3), step: -1, scale: 0 };
        assert_eq!(all(down), [0, -1, -2, 0, -1, -2]);
        let long = Iteration { start: 0, first: 0, span: None, step: i64::MAX.into(), scale: 0 };
        assert_eq!(long.whole(1), i64::MAX);
    }

    #[test]
    fn steps_do_not_drift() {
        let (start, scale) = decimal(0.1).unwrap();
        assert_eq!((start, scale), (1, 1));
        let tenths = Iteration { start, first: 0, span: None, step: 1, scale };
        for n in 0..1000 {
            let text = format!("{}.{}", (n + 1) / 10, (n + 1) % 10);
            assert_eq!(tenths.real(n), text.parse::<f64>().unwrap());
        }
        assert_eq!(decimal(-2.5), Some((-25, 1)));
        assert_eq!(decimal(-0.25), Some((-25, 2)));
        assert_eq!(decimal(1e300), None);
        assert_eq!(rescale((25, 1), 3), Some(2500));
        assert_eq!(rescale((i64::MAX.into(), 0), 1), None);
        let large = Iteration { start: i64::MAX.into(), first: 0, span: None, step: 1, scale: 25 };
        assert_eq!(large.real(0), 9.223_372_036_854_776e-7);
    }
}
