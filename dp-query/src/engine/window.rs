//! Window functions as SQL. The person keys every partition and the stored draw ends every order: no two rows of a person are equal, so
//! that every engine gives the same rows the same values.

use super::expr::{Sql, aggregate_parts, column, expr};
use crate::relation::{Frame, WindowFunction, Windowed};

/// Texts of the windows themselves, each with its name, and of the columns that are made of them one level above.
pub(super) struct Text {
    pub(super) raw: Vec<String>,
    pub(super) column: String,
}

/// A column of a window function; `draws`: rows have a draw.
pub(super) fn window(w: &Windowed, draws: bool) -> Result<Text, super::TooComplex> {
    let over = over(w, draws)?;
    let (raw, finished) = match &w.function {
        WindowFunction::RowNumber => {
            // Not bare: DuckDB 1.5.6 dies of filters on a bare row number (`relation::first`).
            (vec!["row_number()".to_owned()], "greatest({0}, 1)::BIGINT".to_owned())
        }
        WindowFunction::Lag { input, offset } => (vec![format!("lag({}, {offset})", expr(input)?)], "{0}".to_owned()),
        WindowFunction::Lead { input, offset } => (vec![format!("lead({}, {offset})", expr(input)?)], "{0}".to_owned()),
        WindowFunction::First(input) => (vec![format!("first_value({})", expr(input)?)], "{0}".to_owned()),
        WindowFunction::Last(input) => (vec![format!("last_value({})", expr(input)?)], "{0}".to_owned()),
        WindowFunction::Aggregate(a) => aggregate_parts(a)?,
    };
    let name = |part: usize| format!("w{}_{part}", w.id);
    let column = (0..raw.len()).fold(finished, |text, part| text.replace(&format!("{{{part}}}"), &name(part)));
    let raw = raw.iter().enumerate().map(|(part, text)| format!("{text} OVER ({over}) AS {}", name(part))).collect();
    Ok(Text { raw, column: format!("{column} AS {}", self::column(w.id)) })
}

fn over(w: &Windowed, draws: bool) -> Sql {
    let mut keys = vec!["pid".to_owned()];
    for key in &w.partition {
        keys.push(expr(key)?);
    }
    let mut text = format!("PARTITION BY {}", keys.join(", "));
    if !w.order.is_empty() {
        let mut order = Vec::new();
        for by in &w.order {
            let direction = if by.descending { "DESC" } else { "ASC" };
            let nulls = if by.nulls_first { "FIRST" } else { "LAST" };
            order.push(format!("{} {direction} NULLS {nulls}", expr(&by.expr)?));
        }
        order.extend(draws.then(|| "draw ASC".to_owned()));
        text.push_str(&format!(" ORDER BY {}", order.join(", ")));
    }
    if let Some(Frame { start, end }) = w.frame {
        text.push_str(&format!(" ROWS BETWEEN {} AND {}", bound(start, "PRECEDING"), bound(end, "FOLLOWING")));
    }
    Ok(text)
}

fn bound(offset: Option<i64>, unbounded: &str) -> String {
    match offset {
        None => format!("UNBOUNDED {unbounded}"),
        Some(0) => "CURRENT ROW".to_owned(),
        Some(n) if n < 0 => format!("{} PRECEDING", n.unsigned_abs()),
        Some(n) => format!("{n} FOLLOWING"),
    }
}
