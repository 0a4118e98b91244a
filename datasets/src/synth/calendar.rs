//! Days and months as integers (days since 1970-01-01; months as year × 12 + month − 1), for the hot loops of the generator.

/// Days since 1970-01-01 of a Gregorian date (Hinnant's days_from_civil).
pub(crate) fn day(year: i32, month: i32, day: i32) -> i32 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let yoe = year.rem_euclid(400);
    let doy = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719_468
}

/// (year, month, day) of days since 1970-01-01.
pub(crate) fn civil(days: i32) -> (i32, i32, i32) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = yoe + era * 400 + i32::from(month <= 2);
    (year, month, doy - (153 * mp + 2) / 5 + 1)
}

/// YYYYMMDD as one number.
pub(crate) fn digits(days: i32) -> i32 {
    let (y, m, d) = civil(days);
    y * 10_000 + m * 100 + d
}

/// GYYMMDD as one number (記録条件仕様's former era form: 3 昭和, 4 平成, 5 令和).
pub(crate) fn wareki(days: i32) -> i32 {
    let (y, m, d) = civil(days);
    let (era, first) = if days >= day(2019, 5, 1) {
        (5, 2018)
    } else if days >= day(1989, 1, 8) {
        (4, 1988)
    } else {
        (3, 1925)
    };
    (era * 100 + y - first) * 10_000 + m * 100 + d
}

pub(crate) fn month_of(days: i32) -> i32 {
    let (y, m, _) = civil(days);
    y * 12 + m - 1
}

pub(crate) fn first_day(month: i32) -> i32 {
    day(month.div_euclid(12), month.rem_euclid(12) + 1, 1)
}

pub(crate) fn length(month: i32) -> i32 {
    first_day(month + 1) - first_day(month)
}

/// YYYYMM as one number.
pub(crate) fn month_digits(month: i32) -> i32 {
    month.div_euclid(12) * 100 + month.rem_euclid(12) + 1
}

/// 0 Sunday … 6 Saturday.
pub(crate) fn weekday(days: i32) -> i32 {
    (days + 4).rem_euclid(7)
}

/// Completed years.
pub(crate) fn age(birth: i32, on: i32) -> i32 {
    let (by, bm, bd) = civil(birth);
    let (y, m, d) = civil(on);
    y - by - i32::from((m, d) < (bm, bd))
}

/// Age with a fraction.
pub(crate) fn age_exact(birth: i32, on: i32) -> f64 {
    f64::from(on - birth) / 365.2425
}

/// The day on which somebody has lived `years` years (29 February → 1 March).
pub(crate) fn birthday(birth: i32, years: i32) -> i32 {
    let (y, m, d) = civil(birth);
    day(y + years, m, d)
}

/// 年度 of a month: April to March.
pub(crate) fn fiscal_year(month: i32) -> i32 {
    (month - 3).div_euclid(12)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_jiff() {
        let zero = jiff::civil::date(1970, 1, 1);
        for days in (-30_000..40_000).step_by(37) {
            let date = zero.saturating_add(jiff::Span::new().days(i64::from(days)));
            let ours = civil(days);
            assert_eq!(ours, (i32::from(date.year()), i32::from(date.month()), i32::from(date.day())));
            assert_eq!(day(ours.0, ours.1, ours.2), days);
            assert_eq!(weekday(days), i32::from(date.weekday().to_sunday_zero_offset()));
        }
    }

    #[test]
    fn ages_eras_and_fiscal_years() {
        assert_eq!(age(day(1980, 4, 2), day(2024, 4, 1)), 43);
        assert_eq!(age(day(1980, 4, 2), day(2024, 4, 2)), 44);
        assert_eq!(wareki(day(1980, 4, 1)), 3_550_401);
        assert_eq!(wareki(day(1989, 1, 8)), 4_010_108);
        assert_eq!(wareki(day(2020, 2, 29)), 5_020_229);
        assert_eq!(fiscal_year(month_of(day(2025, 3, 31))), 2024);
        assert_eq!(fiscal_year(month_of(day(2025, 4, 1))), 2025);
        assert_eq!(birthday(day(2000, 2, 29), 1), day(2001, 3, 1));
    }
}
