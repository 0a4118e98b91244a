//! One column of a map: which header it comes from, and how what stands there is turned into what is meant.

use std::borrow::Cow;
use std::collections::HashMap;

use super::date::Pattern;
use crate::read::number;
use crate::read::text::narrow;

/// Decimals of a value that a factor is applied to, and of the factor.
const VALUE_DIGITS: u8 = 6;
const FACTOR_DIGITS: u8 = 9;

/// A column of a map. Checked: everything in it fits the column that it fills.
#[derive(Debug, Clone, Default)]
pub(in crate::read) struct Cell {
    /// Headers, by [`narrow`], of which a file has one; none if only the constant is given.
    pub(super) from: Vec<String>,
    /// A file may lack the header.
    pub(super) optional: bool,
    /// Stands for an empty cell and for a header that the file lacks.
    pub(super) constant: Option<String>,
    /// What is written, by [`narrow`], and what is meant.
    pub(super) codes: HashMap<String, String>,
    pub(super) date: Option<Pattern>,
    /// In units of 10^-[`FACTOR_DIGITS`].
    pub(super) factor: Option<i64>,
    pub(super) prefix: String,
}

impl Cell {
    /// The places among a file's titles that this column can come from.
    pub(in crate::read) fn places<'a>(&'a self, titles: &'a [String]) -> impl Iterator<Item = usize> + 'a {
        titles.iter().enumerate().filter(|(_, title)| self.from.contains(title)).map(|(at, _)| at)
    }

    /// Whether this column can have this title, by `narrow`.
    pub(super) fn is(&self, title: &str) -> bool {
        self.from.iter().any(|header| header == title)
    }

    /// Whether a file must have the header.
    pub(in crate::read) fn required(&self) -> bool {
        !self.from.is_empty() && !self.optional
    }

    /// The first header, for messages.
    pub(in crate::read) fn header(&self) -> &str {
        self.from.first().map_or("", String::as_str)
    }

    /// What an empty cell means.
    pub(in crate::read) fn constant(&self) -> Option<&str> {
        self.constant.as_deref()
    }

    /// The code that is meant, if the map translates this text.
    pub(in crate::read) fn code(&self, text: &str) -> Option<&str> {
        if self.codes.is_empty() {
            return None;
        }
        self.codes.get(&narrow(text)).map(String::as_str)
    }

    pub(in crate::read) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The day, by the map's own pattern or in the usual forms.
    pub(in crate::read) fn day(&self, text: &str) -> Option<i32> {
        match &self.date {
            Some(pattern) => pattern.day(text),
            None => super::date::usual(text),
        }
    }

    /// The first day of the month.
    pub(in crate::read) fn month(&self, text: &str) -> Option<i32> {
        if self.date.is_none() {
            return super::date::usual_month(text);
        }
        let date = crate::catalogue::civil_from_days(self.day(text)?)?;
        Some(crate::catalogue::days_from_civil(date.first_of_month()))
    }

    /// The number in units of 10^-digits, half away from zero beyond them, after the factor.
    pub(in crate::read) fn number(&self, text: &str, digits: u8) -> Option<i64> {
        let text = narrow(text);
        let Some(factor) = self.factor else {
            return number::decimal(text.as_bytes(), digits);
        };
        let product = i128::from(number::decimal(text.as_bytes(), VALUE_DIGITS)?).checked_mul(i128::from(factor))?;
        let surplus = u32::from((VALUE_DIGITS + FACTOR_DIGITS).saturating_sub(digits));
        let unit = 10_i128.checked_pow(surplus)?;
        let half = if product < 0 { -(unit / 2) } else { unit / 2 };
        i64::try_from(product.checked_add(half)? / unit).ok()
    }

    /// For the readers of fixed layouts, which take text: the constant, the code meant, the day as YYYYMMDD, the number
    /// after the factor; what can't be turned stays as it is, and the reader judges it.
    pub(in crate::read) fn rewrite<'a>(&'a self, text: Option<&'a str>) -> Option<Cow<'a, str>> {
        let Some(text) = text else {
            return self.constant().map(Cow::Borrowed);
        };
        let text = self.code(text).unwrap_or(text);
        if let Some(pattern) = &self.date
            && let Some(date) = pattern.day(text).and_then(crate::catalogue::civil_from_days)
        {
            return Some(Cow::Owned(date.strftime("%Y%m%d").to_string()));
        }
        if self.factor.is_some()
            && let Some(value) = self.number(text, VALUE_DIGITS)
        {
            let unit = 10_u64.pow(u32::from(VALUE_DIGITS));
            let (sign, size) = (if value < 0 { "-" } else { "" }, value.unsigned_abs());
            return Some(Cow::Owned(format!("{sign}{}.{:06}", size / unit, size % unit)));
        }
        Some(Cow::Borrowed(text))
    }

    /// Whether [`Self::rewrite`] can change anything.
    pub(in crate::read) fn rewrites(&self) -> bool {
        self.constant.is_some() || !self.codes.is_empty() || self.date.is_some() || self.factor.is_some()
    }
}

/// A factor as a map writes it.
pub(super) fn factor(text: &str) -> Option<i64> {
    number::decimal(text.as_bytes(), FACTOR_DIGITS).filter(|&factor| factor != 0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;

    #[test]
    fn factors_are_exact() {
        let cell = Cell { factor: factor("0.45359237"), ..Cell::default() };
        assert_eq!(cell.number("150", 1), Some(680));
        assert_eq!(cell.number("-150", 3), Some(-68_039));
        assert_eq!(cell.rewrite(Some("150")).as_deref(), Some("68.038856"));
        assert_eq!(cell.rewrite(Some("-0.5")).as_deref(), Some("-0.226796"));
        assert_eq!(cell.rewrite(Some("x")).as_deref(), Some("x"));
        let thousand = Cell { factor: factor("1000"), ..Cell::default() };
        assert_eq!(thousand.number("１２．５", 0), Some(12_500));
        assert_eq!(thousand.number("999999999999", 9), None);
        assert_eq!(factor("0"), None);
    }
}
