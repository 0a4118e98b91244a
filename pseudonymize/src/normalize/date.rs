//! Days of birth: Gregorian or 和暦, told apart by length and letters.

use super::text::fold;

/// A day of the Gregorian calendar.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, zeroize::Zeroize)]
pub struct Day {
    /// Year, 1880 to 2100.
    pub year: i32,
    /// Month, from 1.
    pub month: u8,
    /// Day of the month, from 1.
    pub day: u8,
}

impl std::fmt::Debug for Day {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Day(redacted)")
    }
}

impl Day {
    /// The eight digits YYYYMMDD, in ASCII.
    pub fn digits(self) -> [u8; 8] {
        let year = u16::try_from(self.year).unwrap_or_default();
        let (month, day) = (u16::from(self.month), u16::from(self.day));
        [year / 1000, year / 100, year / 10, year, month / 10, month, day / 10, day].map(|n| b'0' + (n % 10) as u8)
    }

    /// Days from 1970-01-01 to this day.
    pub fn epoch_days(self) -> i32 {
        days(self.year, self.month, self.day)
    }

    /// Days from 1970-01-01 to the first day of this month.
    pub fn month_start(self) -> i32 {
        days(self.year, self.month, 1)
    }
}

/// Days since 1970-01-01 in the proleptic Gregorian calendar (Howard Hinnant, "chrono-Compatible Low-Level Date
/// Algorithms", `days_from_civil`).
fn days(year: i32, month: u8, day: u8) -> i32 {
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let year_of_era = y.rem_euclid(400);
    let month_from_march = (i32::from(month) + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + i32::from(day) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// One era: its digit in receipts (記録条件仕様 別表4), its signs, the year before its first, and the last year number
/// that is believed. Systems kept printing 平成 after 2019, so that one runs on.
struct Era {
    digit: u32,
    signs: [&'static str; 3],
    offset: i32,
    last: i32,
}

const ERAS: [Era; 5] = [
    Era { digit: 1, signs: ["明治", "明", "M"], offset: 1867, last: 45 },
    Era { digit: 2, signs: ["大正", "大", "T"], offset: 1911, last: 15 },
    Era { digit: 3, signs: ["昭和", "昭", "S"], offset: 1925, last: 64 },
    Era { digit: 4, signs: ["平成", "平", "H"], offset: 1988, last: 40 },
    Era { digit: 5, signs: ["令和", "令", "R"], offset: 2018, last: 60 },
];

/// Days that stand for "unknown" in files: zero days of spreadsheets and databases.
const SENTINELS: [(i32, u8, u8); 4] = [(1899, 12, 30), (1899, 12, 31), (1900, 1, 1), (1901, 1, 1)];

/// Reads a day: YYYYMMDD (with or without a time behind it), GYYMMDD, an era sign with two-digit parts, or three
/// parts with separators; full-width digits and 元年 too. `None` for anything else, for days that don't exist, days
/// before 1880 or after 2100, and days that stand for "unknown".
pub fn date(raw: &str) -> Option<Day> {
    if raw.len() == 8 && raw.bytes().all(|b| b.is_ascii_digit()) {
        let (year, month, day) = eight(raw)?;
        return valid(year, month, day);
    }
    let folded = fold(raw);
    let text = folded.trim();
    let (era, rest) = match ERAS.iter().find_map(|e| e.signs.iter().find_map(|s| Some((e, text.strip_prefix(s)?)))) {
        Some((era, rest)) => (Some(era), rest),
        None => (None, text),
    };
    let (year, month, day) = match era {
        Some(era) => {
            let (y, m, d) = parts(&rest.replace('元', "1")).or_else(|| six(rest))?;
            (era.year(y)?, m, d)
        }
        None => plain(rest)?,
    };
    valid(year, month, day)
}

impl Era {
    fn year(&self, number: i32) -> Option<i32> {
        (1..=self.last).contains(&number).then_some(self.offset + number)
    }
}

/// Without an era sign: digits only, by length, or parts with separators and a four-digit year.
fn plain(text: &str) -> Option<(i32, i32, i32)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let head = text.get(..digits)?;
    let tail = text.get(digits..)?;
    match digits {
        // HL7 writes times and zones behind the day: 19800115000000+0900.
        8 | 12 | 14 if tail.is_empty() || tail.starts_with(['+', '-', ' ', 'T']) => eight(head.get(..8)?),
        7 if tail.is_empty() => {
            let era = ERAS.iter().find(|e| head.starts_with(|c: char| c.to_digit(10) == Some(e.digit)))?;
            let (y, m, d) = six(head.get(1..)?)?;
            Some((era.year(y)?, m, d))
        }
        4 => parts(text),
        _ => None,
    }
}

fn eight(text: &str) -> Option<(i32, i32, i32)> {
    Some((text.get(..4)?.parse().ok()?, text.get(4..6)?.parse().ok()?, text.get(6..8)?.parse().ok()?))
}

fn six(text: &str) -> Option<(i32, i32, i32)> {
    let text = text.trim();
    if text.len() != 6 || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Some((text.get(..2)?.parse().ok()?, text.get(2..4)?.parse().ok()?, text.get(4..6)?.parse().ok()?))
}

/// Three numbers with anything between them; a time of day may follow.
fn parts(text: &str) -> Option<(i32, i32, i32)> {
    let mut numbers = text.split(|c: char| !c.is_ascii_digit()).filter(|p| !p.is_empty());
    let mut next = || numbers.next().filter(|n| n.len() <= 4)?.parse::<i32>().ok();
    let found = (next()?, next()?, next()?);
    Some(found)
}

fn valid(year: i32, month: i32, day: i32) -> Option<Day> {
    let leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    let last = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => return None,
    };
    if !(1880..=2100).contains(&year) || !(1..=last).contains(&day) {
        return None;
    }
    let (month, day) = (u8::try_from(month).ok()?, u8::try_from(day).ok()?);
    (!SENTINELS.contains(&(year, month, day))).then_some(Day { year, month, day })
}
