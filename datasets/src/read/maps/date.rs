//! Days as spreadsheets write them: patterns of a column map, and without one the usual Japanese forms. Not a calendar.

use std::sync::LazyLock;

use crate::read::number;
use crate::read::text::narrow;

/// A piece of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    /// `%Y`: a year of four digits.
    Year,
    /// `%y`: a year of an era, one or two digits or 元.
    OfEra,
    /// `%E`: an era: 令和, 令, R or 5, and so for those before.
    Era,
    /// `%m`
    Month,
    /// `%d`
    Day,
    /// `%*`: whatever follows, a time for instance.
    Rest,
    /// Stands as it is.
    Literal(char),
}

/// How a column writes days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::read) struct Pattern(Vec<Part>);

/// What a pattern may hold, for messages.
pub(super) const ACCEPTED: &str =
    "%Y (2024), %E%y (令和6, R06), %m, %d, %* (rest), and characters that stand as they are";

const ERAS: [(&[&str], i32); 5] = [
    (&["令和", "令", "R", "r", "5"], 2018),
    (&["平成", "平", "H", "h", "4"], 1988),
    (&["昭和", "昭", "S", "s", "3"], 1925),
    (&["大正", "大", "T", "t", "2"], 1911),
    (&["明治", "明", "M", "m", "1"], 1867),
];

impl Pattern {
    /// `None` if it is no pattern that gives a day.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parts = Vec::new();
        let text = narrow(text);
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            parts.push(match c {
                '%' => match chars.next()? {
                    'Y' => Part::Year,
                    'y' => Part::OfEra,
                    'E' => Part::Era,
                    'm' => Part::Month,
                    'd' => Part::Day,
                    '*' => Part::Rest,
                    '%' => Part::Literal('%'),
                    _ => return None,
                },
                c => Part::Literal(c),
            });
        }
        let times = |part: &Part| parts.iter().filter(|p| *p == part).count();
        let year = matches!((times(&Part::Year), times(&Part::Era), times(&Part::OfEra)), (1, 0, 0) | (0, 1, 1));
        let whole = year && times(&Part::Month) == 1 && times(&Part::Day) == 1;
        let rest = parts.iter().position(|p| *p == Part::Rest).is_none_or(|at| at + 1 == parts.len());
        (whole && rest).then_some(Self(parts))
    }

    /// The day since 1970-01-01 that the text says, if it says one in this form.
    pub(in crate::read) fn day(&self, text: &str) -> Option<i32> {
        let text = narrow(text);
        let mut left = text.as_str();
        let (mut year, mut era, mut month, mut day) = (0, 0, 0, 0);
        for (at, part) in self.0.iter().enumerate() {
            // Without anything between them, 20240401 is cut by width.
            let number = |at: usize| matches!(self.0.get(at), Some(Part::Year | Part::OfEra | Part::Month | Part::Day));
            let tight = number(at + 1) || at > 0 && number(at - 1);
            match part {
                Part::Year => year = digits(&mut left, 4, 4)?,
                Part::OfEra => {
                    year = match left.strip_prefix('元') {
                        Some(rest) => {
                            left = rest;
                            1
                        }
                        None => digits(&mut left, if tight { 2 } else { 1 }, 2)?,
                    };
                }
                Part::Era => {
                    let (name, start) = ERAS
                        .iter()
                        .flat_map(|(names, start)| names.iter().map(move |name| (*name, *start)))
                        .find(|(name, _)| left.starts_with(name))?;
                    left = left.strip_prefix(name)?;
                    era = start;
                }
                Part::Month => month = digits(&mut left, if tight { 2 } else { 1 }, 2)?,
                Part::Day => day = digits(&mut left, if tight { 2 } else { 1 }, 2)?,
                Part::Rest => left = "",
                Part::Literal(c) => left = left.strip_prefix(*c)?,
            }
        }
        if !left.is_empty() || era > 0 && year == 0 {
            return None;
        }
        number::civil(era + year, month, day)
    }
}

fn digits(left: &mut &str, least: usize, most: usize) -> Option<i32> {
    let length = left.bytes().take(most).take_while(u8::is_ascii_digit).count();
    if length < least {
        return None;
    }
    let (head, rest) = left.split_at_checked(length)?;
    *left = rest;
    head.parse().ok()
}

/// A day in any of the usual forms: 20240401, 5060401, 2024-4-1, 2024/04/01 12:00, 2024年4月1日, 令和6年4月1日, R6.4.1.
pub(in crate::read) fn usual(text: &str) -> Option<i32> {
    if let Some(day) = number::loose_day(text.trim().as_bytes()) {
        return Some(day);
    }
    let text = narrow(text);
    if let Some(day) = number::loose_day(text.as_bytes()) {
        return Some(day);
    }
    USUAL.iter().find_map(|pattern| pattern.day(&text))
}

static USUAL: LazyLock<Vec<Pattern>> = LazyLock::new(|| {
    let texts = ["%Y年%m月%d日%*", "%E%y年%m月%d日%*", "%E%y.%m.%d", "%E%y/%m/%d", "%E%y-%m-%d"];
    texts.iter().filter_map(|text| Pattern::parse(text)).collect()
});

/// A month (its first day) in the usual forms, a day's month included: 202404, 50604, 2024-04, 2024年4月.
pub(in crate::read) fn usual_month(text: &str) -> Option<i32> {
    let text = narrow(text);
    if let Some(month) = number::month(text.as_bytes()) {
        return Some(month.first());
    }
    let day = ["", "-1", "/1", ".1", "1日"].iter().find_map(|rest| usual(&format!("{text}{rest}")))?;
    let date = crate::catalogue::civil_from_days(day)?;
    Some(crate::catalogue::days_from_civil(date.first_of_month()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;

    fn is(text: &str) -> Option<i32> {
        number::day(text.as_bytes())
    }

    #[test]
    fn patterns() {
        let day = |pattern: &str, text: &str| Pattern::parse(pattern).unwrap().day(text);
        assert_eq!(day("%d.%m.%Y", "1.4.2024"), is("20240401"));
        assert_eq!(day("%m/%d/%Y", "04/01/2024"), is("20240401"));
        assert_eq!(day("%Y%m%d%*", "20240401 23:59"), is("20240401"));
        assert_eq!(day("%E%y年%m月%d日", "令和元年５月１日"), is("20190501"));
        assert_eq!(day("%E%y%m%d", "S640107"), is("19890107"));
        assert_eq!(day("%E%y%m%d", "S64017"), None);
        assert_eq!(day("%d.%m.%Y", "31.2.2024"), None);
        assert_eq!(day("%d.%m.%Y", "1.4.2024x"), None);
        for bad in ["", "%Y", "%Y%m", "%y%m%d", "%Y%Y%m%d", "%Q", "%", "%Y%m%*%d", "%E%Y%m%d"] {
            assert_eq!(Pattern::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn usual_forms() {
        for text in [
            "20240401",
            "5060401",
            "2024-4-1",
            "2024/04/01 12:00",
            "2024年4月1日",
            "令和6年4月1日",
            "R6.4.1",
            "２０２４／４／１",
        ] {
            assert_eq!(usual(text), is("20240401"), "{text}");
        }
        for text in ["", "2024", "2024-13-01", "99991231", "平成元年", "1e9"] {
            assert_eq!(usual(text), None, "{text}");
        }
        for text in ["202404", "50604", "2024-04", "2024/4", "2024年4月", "20240417", "2024-04-17", "R6/4"] {
            assert_eq!(usual_month(text), is("20240401"), "{text}");
        }
        for text in ["", "2024", "2024-13", "4"] {
            assert_eq!(usual_month(text), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn total(text in proptest::prelude::any::<String>(), pattern in proptest::prelude::any::<String>()) {
            let _ = (usual(&text), usual_month(&text), Pattern::parse(&pattern).map(|p| p.day(&text)));
        }
    }
}
