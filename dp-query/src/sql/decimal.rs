//! Exact decimal literals: a mantissa and a number of digits after the point. No floating point.

/// `mantissa` / 10^`digits`, without trailing zeros after the point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Decimal {
    pub(crate) mantissa: i128,
    pub(crate) digits: u8,
}

impl Decimal {
    /// Digits before the exponent, places after the point and exponents beyond this are refused.
    const MOST: usize = 30;

    /// Parses `12`, `0.5`, `.5`, `1e-6`, `1.5E3`; `None` if it is none of these or too long.
    pub(crate) fn parse(text: &str) -> Option<Decimal> {
        let (number, exponent) = match text.split_once(['e', 'E']) {
            Some((number, exponent)) => (number, exponent.parse::<i32>().ok()?),
            None => (text, 0),
        };
        let (whole, part) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() && part.is_empty() {
            return None;
        }
        let digits = format!("{whole}{part}");
        if digits.len() > Self::MOST || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let mut mantissa: i128 = digits.parse().ok()?;
        let mut places = i32::try_from(part.len()).ok()?.checked_sub(exponent)?;
        while places > 0 && mantissa % 10 == 0 {
            mantissa /= 10;
            places -= 1;
        }
        while places < 0 {
            mantissa = mantissa.checked_mul(10)?;
            places += 1;
        }
        let digits = u8::try_from(places).ok()?;
        (usize::from(digits) <= Self::MOST).then_some(Decimal { mantissa, digits })
    }

    /// Units of a grid of `digits` places; `None` if the number is finer than the grid or too large.
    pub(crate) fn on_grid(self, digits: u8) -> Option<i64> {
        let up = digits.checked_sub(self.digits)?;
        let value = self.mantissa.checked_mul(10_i128.checked_pow(u32::from(up))?)?;
        i64::try_from(value).ok()
    }
}

impl std::fmt::Display for Decimal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.digits == 0 {
            return write!(f, "{}", self.mantissa);
        }
        let width = usize::from(self.digits) + 1;
        let text = format!("{:0>width$}", self.mantissa.unsigned_abs());
        let (whole, part) = text.split_at(text.len() - usize::from(self.digits));
        write!(f, "{}{whole}.{part}", if self.mantissa < 0 { "-" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::Decimal;

    #[test]
    fn decimals_are_exact() {
        for (text, shown) in [
            ("0.5", "0.5"),
            (".50", "0.5"),
            ("1e-6", "0.000001"),
            ("12", "12"),
            ("1.5E3", "1500"),
            ("6.50", "6.5"),
            ("0.0", "0"),
        ] {
            assert_eq!(Decimal::parse(text).unwrap().to_string(), shown, "{text}");
        }
        for text in ["", ".", "-1", "1e", "0x1", "1e99", "1_000", "∞", "NaN", "1.0e-99999999999"] {
            assert_eq!(Decimal::parse(text), None, "{text}");
        }
    }

    #[test]
    fn grids_are_never_rounded() {
        assert_eq!(Decimal::parse("6.5").unwrap().on_grid(1), Some(65));
        assert_eq!(Decimal::parse("6.5").unwrap().on_grid(3), Some(6500));
        assert_eq!(Decimal::parse("6.55").unwrap().on_grid(1), None);
        assert_eq!(Decimal::parse("99999999999999999999").unwrap().on_grid(0), None);
    }
}
