//! Grouping keys: a closed list of values, known before any data is read, and the position in it; or a code of an open list, whose values
//! the data tell.

use super::function::month_number;
use super::types::{Type, Typed, codes, date, decimal};
use crate::plan::Key;
use crate::refusal::{Checked, Problem};
use crate::relation::{ArithmeticOp, DatePart, Expr, LIMIT};

/// Most values of one key.
const MOST_VALUES: i64 = 1_000;
/// Most characters of an open key's value: no code of the catalogue has more.
const LONGEST: u32 = 64;
/// What the row without a value is called.
const NULL: &str = "NULL";

/// The list of an expression; `public`: closed ones only.
pub(crate) fn key(name: String, typed: Typed, public: bool) -> Checked<Key> {
    let span = typed.span;
    let number = |lo: i64, hi: i64| {
        let values = hi - lo + 1;
        if values > MOST_VALUES {
            return Err(Problem::new("open_domain", span, format!("this key has {values} possible values"))
                .why(format!("every cell of the answer gets noise, and a key has at most {MOST_VALUES} values"))
                .help(
                    "RANGE_BUCKET(x, […]) makes groups; a WHERE that bounds it (BETWEEN … AND …) shortens the list",
                ));
        }
        Ok(lo..=hi)
    };
    let shifted = |expr: Expr, lo: i64| {
        if lo == 0 {
            expr
        } else {
            Expr::Arithmetic {
                op: ArithmeticOp::Subtract,
                left: Box::new(expr),
                right: Box::new(Expr::Integer(lo)),
                wide: false,
            }
        }
    };
    let (mut values, mut meanings, index): (Vec<String>, Vec<String>, Expr) = match &typed.ty {
        Type::Category(labels) => (
            labels.iter().map(|l| l.code.clone()).collect(),
            labels.iter().map(|l| l.meaning.clone()).collect(),
            typed.expr,
        ),
        Type::Bool => {
            let negated = Expr::Not(Box::new(typed.expr.clone()));
            let index = Expr::Case {
                arms: vec![(typed.expr, Expr::Integer(1)), (negated, Expr::Integer(0))],
                otherwise: Box::new(Expr::Null),
            };
            (vec!["false".to_owned(), "true".to_owned()], vec![String::new(); 2], index)
        }
        Type::Integer { lo, hi, digits } if *lo > -LIMIT && *hi < LIMIT => {
            let range = number(*lo, *hi)?;
            let values: Vec<String> = range.map(|v| decimal(v, *digits)).collect();
            let meanings = buckets(&typed.expr)
                .filter(|m| m.len() == values.len())
                .unwrap_or_else(|| vec![String::new(); values.len()]);
            (values, meanings, shifted(typed.expr, *lo))
        }
        Type::Date { lo, hi, months } if *months > 0 => {
            let step = i64::from(*months);
            let (first, last) = steps(*lo, *hi, *months);
            let name = |month: i64| format!("{:04}-{:02}", month.div_euclid(12), month.rem_euclid(12) + 1);
            let range = || number(first, last);
            let values: Vec<String> = range()?.map(|n| name(n * step)).collect();
            let meaning = |n: i64| {
                if step == 1 { String::new() } else { format!("{} – {}", name(n * step), name((n + 1) * step - 1)) }
            };
            let meanings = range()?.map(meaning).collect();
            let month = Expr::DatePart { part: DatePart::MonthNumber, input: Box::new(typed.expr) };
            let place = if step == 1 { month } else { Expr::Divide { input: Box::new(month), by: step } };
            (values, meanings, shifted(place, first))
        }
        Type::Date { lo, hi, .. } => {
            let values: Vec<String> = number(*lo, *hi)?.map(date).collect();
            let meanings = vec![String::new(); values.len()];
            (values, meanings, shifted(typed.expr, *lo))
        }
        Type::Person => {
            return Err(Problem::new("person", span, "a group per person isn't an answer")
                .why("groups have to hold many persons")
                .help("group by something that many share, such as sex or RANGE_BUCKET(…)"));
        }
        Type::Code { max_len, .. } if !public => {
            return Ok(Key {
                name,
                values: Vec::new(),
                open: Some(u32::try_from(*max_len).unwrap_or(u32::MAX).min(LONGEST)),
                meanings: Vec::new(),
                index: typed.expr,
                nullable: typed.nullable,
            });
        }
        Type::Key => {
            return Err(Problem::new("open_domain", span, "this key is a keyed identifier")
                .why("it names a facility or workplace by a number that means nothing outside the room, and the same in every answer")
                .help("group by what is known of it, such as setting or type; COUNT(DISTINCT …) within a person tells how many they go to"));
        }
        other => {
            return Err(Problem::new(
                "open_domain",
                span,
                format!(
                    "this key is {}, whose values aren't known \
             beforehand",
                    other.describe()
                ),
            )
            .why("which groups appear would tell of single persons")
            .help(
                "CASE WHEN icd10 LIKE 'E11%' THEN 'type 2' … ELSE 'else' END closes the list; RANGE_BUCKET(x, \
                 […]) does so for numbers",
            ));
        }
    };
    if typed.nullable {
        if values.iter().any(|v| v == NULL) {
            return Err(Problem::new("type", span, "a group can't be called NULL").help(format!(
                "the list is {}",
                match &typed.ty {
                    Type::Category(labels) => codes(labels),
                    _ => String::new(),
                }
            )));
        }
        values.push(NULL.to_owned());
        meanings.push(String::new());
    }
    Ok(Key { name, values, open: None, meanings, index, nullable: typed.nullable })
}

/// First and last month, quarter or year of a range of first days: in steps of so many months from the year 0.
pub(crate) fn steps(lo: i64, hi: i64, months: u8) -> (i64, i64) {
    let step = i64::from(months.max(1));
    // The first whose first day isn't before the range; the range holds one, or nothing can pass its filter.
    let first = (month_number(lo) + step - 1).div_euclid(step);
    let last = month_number(hi).div_euclid(step);
    (first.min(last), last)
}

/// What the positions of a RANGE_BUCKET mean, in the value's own units.
fn buckets(expr: &Expr) -> Option<Vec<String>> {
    let Expr::RangeBucket { labels, .. } = expr else { return None };
    Some(labels.clone())
}

/// `< 10`, `10 – 20`, `≥ 20`.
pub(crate) fn bucket_labels(bounds: &[String]) -> Vec<String> {
    let first = bounds.first().map(|b| format!("< {b}"));
    let last = bounds.last().map(|b| format!("≥ {b}"));
    let between = bounds.windows(2).filter_map(|pair| match pair {
        [a, b] => Some(format!("≥ {a}, < {b}")),
        _ => None,
    });
    first.into_iter().chain(between).chain(last).collect()
}
