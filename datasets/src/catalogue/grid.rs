//! Exact decimal text → stored integers. No floating point anywhere.

use super::{Column, ColumnType};

/// Why a text is no value of the column. Never holds the text: it may be a person's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GridError {
    /// The column is not a number.
    #[error("this column is not a number")]
    NotNumeric,
    /// Nothing but spaces.
    #[error("empty where a number is expected")]
    Empty,
    /// Something else than sign, digits and one decimal point (exponents and thousands commas are refused too).
    #[error("not a plain decimal number: write digits with at most one point, like 6.5")]
    NotDecimal,
    /// More decimals than the grid has ([`Column::exact`] only).
    #[error("more decimals than this column keeps")]
    OffGrid,
    /// Outside the catalogue's bounds ([`Column::exact`] only).
    #[error("outside the column's bounds")]
    OutOfBounds,
}

/// A decimal number scaled by 10^digits; `units` saturates far outside any column's bounds.
struct Scaled {
    units: i128,
    exact: bool,
}

/// Above any i64, below anything that could overflow an i128 times ten.
const SATURATED: i128 = 1 << 100;

impl Column {
    /// The stored integer of a measured value as files write it: put on the grid by rounding half away from zero
    /// (四捨五入, JIS Z 8401 rule B) and moved into the bounds.
    ///
    /// Full-width digits, signs and points (`１２．５`) and the minus signs U+2212 and U+FF0D are read as their ASCII
    /// forms, for claims and checkup files are full of them; spaces around, U+3000 too, are dropped. `5.` and `.5`
    /// are numbers; `1e3`, `1,000`, `NaN`, `<5` are not.
    ///
    /// # Errors
    /// [`GridError::NotNumeric`], [`GridError::Empty`], [`GridError::NotDecimal`].
    pub fn grid(&self, text: &str) -> Result<i64, GridError> {
        let (min, max, digits) = self.number()?;
        let scaled = scale(text, digits)?;
        let units = scaled.units.clamp(i128::from(min), i128::from(max));
        i64::try_from(units).map_err(|_| GridError::OutOfBounds)
    }

    /// The stored integer of a number that must be on the grid and within the bounds, as in a question or a policy.
    ///
    /// # Errors
    /// As [`Column::grid`]; also [`GridError::OffGrid`] and [`GridError::OutOfBounds`].
    pub fn exact(&self, text: &str) -> Result<i64, GridError> {
        let (min, max, digits) = self.number()?;
        let scaled = scale(text, digits)?;
        if !scaled.exact {
            return Err(GridError::OffGrid);
        }
        match i64::try_from(scaled.units) {
            Ok(units) if (min..=max).contains(&units) => Ok(units),
            _ => Err(GridError::OutOfBounds),
        }
    }

    fn number(&self) -> Result<(i64, i64, u8), GridError> {
        match &self.ty {
            ColumnType::Integer { min, max, digits, .. } => Ok((*min, *max, *digits)),
            _ => Err(GridError::NotNumeric),
        }
    }
}

/// A bound of the catalogue: exact, any i64.
pub(super) fn bound(text: &str, digits: u8) -> Result<i64, GridError> {
    let scaled = scale(text, digits)?;
    if !scaled.exact {
        return Err(GridError::OffGrid);
    }
    i64::try_from(scaled.units).map_err(|_| GridError::OutOfBounds)
}

fn scale(text: &str, digits: u8) -> Result<Scaled, GridError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(GridError::Empty);
    }
    let mut chars = text.chars().map(narrow).peekable();
    let negative = match chars.peek() {
        Some('-') => {
            chars.next();
            true
        }
        Some('+') => {
            chars.next();
            false
        }
        _ => false,
    };
    let mut units: i128 = 0;
    let (mut any, mut point, mut decimals, mut round_up, mut exact) = (false, false, 0u32, false, true);
    for c in chars {
        if c == '.' && !point {
            point = true;
            continue;
        }
        let digit = c.to_digit(10).ok_or(GridError::NotDecimal)?;
        any = true;
        if !point || decimals < u32::from(digits) {
            units = (units * 10 + i128::from(digit)).min(SATURATED);
        } else {
            // Only the first digit behind the grid decides a rounding half away from zero.
            if decimals == u32::from(digits) {
                round_up = digit >= 5;
            }
            exact &= digit == 0;
        }
        decimals = decimals.saturating_add(u32::from(point));
    }
    if !any {
        return Err(GridError::NotDecimal);
    }
    for _ in decimals..u32::from(digits) {
        units = (units * 10).min(SATURATED);
    }
    units += i128::from(round_up);
    Ok(Scaled { units: if negative { -units } else { units }, exact })
}

/// The ASCII form of the full-width characters that numbers are written with.
fn narrow(c: char) -> char {
    match c {
        '\u{FF10}'..='\u{FF19}' => char::from_u32(u32::from(c) - 0xFF10 + u32::from('0')).unwrap_or(c),
        '\u{FF0E}' => '.',
        '\u{FF0B}' => '+',
        '\u{FF0D}' | '\u{2212}' => '-',
        other => other,
    }
}

/// Stored integer → decimal text with exactly `digits` decimals.
pub(super) fn show(stored: i64, digits: u8) -> String {
    let width = usize::from(digits);
    let sign = if stored < 0 { "-" } else { "" };
    let text = format!("{:0>w$}", stored.unsigned_abs(), w = width + 1);
    let (whole, fraction) = text.split_at(text.len() - width);
    if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}
