//! The money of privacy: ε, δ and ρ as exact fixed-point numbers. Not floating point: a ledger whose sums depend on order or rounding
//! is not a ledger. Whatever enters from floating point is rounded **up** (a charge may only ever look larger than it is).

use std::fmt;
use std::str::FromStr;

use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Why a text or number is no amount. Never echoes the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Not of the form `digits[.digits]`, as in `0.5`.
    #[error("not a decimal number: write digits, as in \"0.5\" or \"0.000001\", without sign or exponent")]
    Form,
    /// Finer than the unit.
    #[error("more than {0} decimal places")]
    Places(u32),
    /// Too large for the ledger.
    #[error("too large for the ledger")]
    Range,
    /// NaN, infinite or negative.
    #[error("not a finite number ≥ 0")]
    Number,
}

/// `value · 10^digits` of a non-negative finite f64, exactly: (floor, is it exact?). An f64 is m · 2^e with m < 2^53.
fn scale(value: f64, digits: u32) -> Result<(u128, bool), MoneyError> {
    if !value.is_finite() || value < 0.0 {
        return Err(MoneyError::Number);
    }
    let bits = value.to_bits();
    let (field, fraction) = ((bits >> 52) & 0x7ff, bits & ((1 << 52) - 1));
    // Subnormals have no hidden bit and the exponent of field 1 (IEEE 754-2019, 3.4).
    let (mantissa, field) = match field {
        0 => (fraction, 1),
        _ => (fraction | (1 << 52), field),
    };
    // m < 2^53 and 10^18 < 2^60: the product stays below 2^113.
    let product = 10u128
        .checked_pow(digits)
        .and_then(|power| power.checked_mul(u128::from(mantissa)))
        .ok_or(MoneyError::Range)?;
    if field >= 1075 {
        let shift = field - 1075;
        // A shift that would lose a bit is out of range.
        if product != 0 && u64::from(product.leading_zeros()) < shift {
            return Err(MoneyError::Range);
        }
        let shifted = if product == 0 { 0 } else { product << shift };
        return Ok((shifted, true));
    }
    let shift = 1075 - field;
    if shift >= 128 {
        return Ok((0, product == 0));
    }
    let floor = product >> shift;
    Ok((floor, floor << shift == product))
}

/// A text; whoever writes a bare number is told to quote it, since a number has been through floating point.
struct Quoted;

impl Visitor<'_> for Quoted {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a decimal number in quotes; write it in quotes, as in \"0.5\"")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<String, E> {
        Ok(text.to_owned())
    }
}

fn parse(text: &str, digits: u32) -> Result<u128, MoneyError> {
    let (whole, places) = text.split_once('.').unwrap_or((text, ""));
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !all_digits(whole) || !all_digits(places) || text.ends_with('.') {
        return Err(MoneyError::Form);
    }
    let mut units: u128 = 0;
    let mut left = digits;
    for digit in whole.bytes() {
        units = push(units, digit)?;
    }
    for digit in places.bytes() {
        left = left.checked_sub(1).ok_or(MoneyError::Places(digits))?;
        units = push(units, digit)?;
    }
    let power = 10u128.checked_pow(left).ok_or(MoneyError::Range)?;
    units.checked_mul(power).ok_or(MoneyError::Range)
}

fn push(units: u128, digit: u8) -> Result<u128, MoneyError> {
    units.checked_mul(10).and_then(|tens| tens.checked_add(u128::from(digit - b'0'))).ok_or(MoneyError::Range)
}

fn display(units: u128, digits: u32, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let unit = 10u128.pow(digits);
    let (whole, part) = (units / unit, units % unit);
    if part == 0 {
        return write!(f, "{whole}");
    }
    let places = format!("{part:0width$}", width = digits as usize);
    write!(f, "{whole}.{}", places.trim_end_matches('0'))
}

macro_rules! money {
    ($(#[$doc:meta])* $name:ident, $digits:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(u128);

        impl $name {
            /// Nothing.
            pub const ZERO: Self = Self(0);
            /// Larger than any cap: what an overflowing sum saturates to.
            pub const MAX: Self = Self(u128::MAX);
            /// Decimal places of the unit.
            pub const DIGITS: u32 = $digits;

            /// So many units of 10^-DIGITS.
            #[must_use]
            pub const fn from_units(units: u128) -> Self {
                Self(units)
            }

            /// In units of 10^-DIGITS.
            #[must_use]
            pub const fn units(self) -> u128 {
                self.0
            }

            /// The least amount that is not below `value`.
            ///
            /// # Errors
            /// NaN, infinite, negative, or too large.
            pub fn from_f64_up(value: f64) -> Result<Self, MoneyError> {
                let (floor, exact) = scale(value, $digits)?;
                floor.checked_add(u128::from(!exact)).map(Self).ok_or(MoneyError::Range)
            }

            /// The greatest amount that is not above `value`: only for what is granted, never for a charge.
            ///
            /// # Errors
            /// NaN, infinite, negative, or too large.
            pub fn from_f64_down(value: f64) -> Result<Self, MoneyError> {
                scale(value, $digits).map(|(floor, _)| Self(floor))
            }

            /// An f64 that is not above this amount, within two steps of the nearest.
            #[must_use]
            pub fn to_f64_down(self) -> f64 {
                let mut near = self.0 as f64 / 10f64.powi($digits);
                while near > 0.0 && !Self::from_f64_up(near).is_ok_and(|up| up <= self) {
                    near = near.next_down();
                }
                near
            }

            /// An f64 that is not below this amount, within two steps of the nearest.
            #[must_use]
            pub fn to_f64_up(self) -> f64 {
                let mut near = self.0 as f64 / 10f64.powi($digits);
                while Self::from_f64_down(near).is_ok_and(|down| down < self) {
                    near = near.next_up();
                }
                near
            }

            /// The sum, or None if it does not fit.
            #[must_use]
            pub fn checked_add(self, other: Self) -> Option<Self> {
                self.0.checked_add(other.0).map(Self)
            }

            /// The difference, or None if it would be negative.
            #[must_use]
            pub fn checked_sub(self, other: Self) -> Option<Self> {
                self.0.checked_sub(other.0).map(Self)
            }

            /// The sum, or [`Self::MAX`], which no cap admits.
            #[must_use]
            pub fn saturating_add(self, other: Self) -> Self {
                Self(self.0.saturating_add(other.0))
            }

            /// Whether this is nothing.
            #[must_use]
            pub const fn is_zero(self) -> bool {
                self.0 == 0
            }
        }

        impl FromStr for $name {
            type Err = MoneyError;

            /// Exactly, from `digits[.digits]`.
            fn from_str(text: &str) -> Result<Self, MoneyError> {
                parse(text, $digits).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                display(self.0, $digits, f)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_str(Quoted).and_then(|text| text.parse().map_err(serde::de::Error::custom))
            }
        }
    };
}

money!(
    /// ε of (ε, δ)-differential privacy, in units of 10^-12.
    Epsilon,
    12
);
money!(
    /// δ of (ε, δ)-differential privacy, in units of 10^-18.
    Delta,
    18
);
money!(
    /// ρ of zero-concentrated differential privacy (Bun and Steinke 2016), in units of 10^-12.
    Rho,
    12
);

impl Rho {
    /// What a purely ε-private release costs in zCDP: ε²/2 (Bun and Steinke 2016, Proposition 1.4), rounded up; None if it does not fit.
    #[must_use]
    pub fn of_pure(epsilon: Epsilon) -> Option<Self> {
        let square = epsilon.0.checked_mul(epsilon.0)?;
        Some(Self(square.div_ceil(2 * 10u128.pow(Epsilon::DIGITS))))
    }
}
