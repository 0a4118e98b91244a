//! Random catalogues: the tables and names that the generated questions speak of, with bounds, grids, windows, closed lists and
//! nullability of their own. Not data: that is `neighbours`, which stores anything under any catalogue.

use std::fmt::Write;

use datasets::catalogue::{Catalogue, Column, ColumnType, Table};

use super::neighbours::Dice;

/// Those of which the questions use every kind of column.
const DRAWN: [&str; 4] = ["checkup", "claim", "diagnosis", "lifelog_daily"];

/// The catalogue that comes with Sudare, or one like it.
pub(super) fn schema(dice: &mut Dice) -> Catalogue {
    let own = Catalogue::builtin().unwrap();
    if dice.below(4) == 0 {
        return own;
    }
    let files: Vec<(String, String)> =
        own.tables().iter().map(|table| (format!("{}.toml", table.name), file(table, dice))).collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    Catalogue::parse(&files).unwrap_or_else(|fault| panic!("{fault}"))
}

fn word(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap()
}

fn file(table: &Table, dice: &mut Dice) -> String {
    let mut text = format!(
        "name = {}\ndescription = {}\nsource_kind = {}\nrows = {}\norder = {}\n",
        word(&table.name),
        word(&table.description),
        word(&table.source_kind),
        word(&table.rows),
        word(&table.order),
    );
    for column in &table.columns {
        let drawn = DRAWN.contains(&table.name.as_str());
        let (ty, nullable) =
            if drawn { (drawn_type(column, dice), dice.below(3) > 0) } else { (as_is(column), column.nullable) };
        let _ = write!(
            text,
            "\n[[column]]\nname = {}\nnullable = {nullable}\nsensitivity = {}\norigin = {}\ndescription = {}\n{ty}",
            word(&column.name),
            word(&column.sensitivity),
            word(&column.origin),
            word(&column.description),
        );
    }
    text
}

/// Stored units as the number that they mean.
fn number(units: i64, digits: u8) -> String {
    let sign = if units < 0 { "-" } else { "" };
    let scale = 10_u64.pow(u32::from(digits));
    let (whole, part) = (units.unsigned_abs() / scale, units.unsigned_abs() % scale);
    if digits == 0 {
        format!("{sign}{whole}")
    } else {
        format!("{sign}{whole}.{part:0width$}", width = usize::from(digits))
    }
}

fn integer(unit: &str, min: i64, max: i64, digits: u8) -> String {
    let (lo, hi) = (number(min, digits), number(max, digits));
    format!("type = \"integer\"\nunit = {}\nmin = \"{lo}\"\nmax = \"{hi}\"\ndigits = {digits}\n", word(&unit))
}

fn drawn_type(column: &Column, dice: &mut Dice) -> String {
    match &column.ty {
        ColumnType::Integer { unit, .. } => {
            let min = [0, 0, 1, -40, -1000, 25][dice.below(6)];
            let max = min + [1, 9, 100, 250, 5000, 2_000_000][dice.below(6)];
            integer(unit, min, max, u8::try_from(dice.below(3)).unwrap())
        }
        ColumnType::Date { .. } => {
            let window = [
                ("2008-04-01", "2036-03-31"),
                ("2023-12-31", "2024-04-01"),
                ("2024-02-28", "2024-02-29"),
                ("2020-01-01", "2025-02-28"),
            ];
            let (min, max) = window[dice.below(4)];
            format!("type = \"date\"\nmin = \"{min}\"\nmax = \"{max}\"\n")
        }
        ColumnType::Month { .. } => {
            let window = [("2008-04", "2036-03"), ("2023-12", "2024-04"), ("2020-01", "2025-02")];
            let (min, max) = window[dice.below(3)];
            format!("type = \"month\"\nmin = \"{min}\"\nmax = \"{max}\"\n")
        }
        ColumnType::Category { values } => {
            let keep = 1 + dice.below(values.len().saturating_sub(1).max(1));
            let (last, first) = values.split_last().unwrap();
            let list: Vec<String> = first
                .iter()
                .take(keep)
                .chain([last])
                .map(|value| format!("{{ code = {}, label = {} }}", word(&value.code), word(&value.label)))
                .collect();
            format!("type = \"category\"\nvalues = [{}]\n", list.join(", "))
        }
        _ => as_is(column),
    }
}

fn as_is(column: &Column) -> String {
    match &column.ty {
        ColumnType::Integer { unit, min, max, digits } => integer(unit, *min, *max, *digits),
        ColumnType::Date { min, max } => format!("type = \"date\"\nmin = \"{min}\"\nmax = \"{max}\"\n"),
        ColumnType::Month { min, max } => {
            let month = |day: &jiff::civil::Date| day.strftime("%Y-%m").to_string();
            format!("type = \"month\"\nmin = \"{}\"\nmax = \"{}\"\n", month(min), month(max))
        }
        ColumnType::Category { values } => {
            let list: Vec<String> = values
                .iter()
                .map(|value| format!("{{ code = {}, label = {} }}", word(&value.code), word(&value.label)))
                .collect();
            format!("type = \"category\"\nvalues = [{}]\n", list.join(", "))
        }
        ColumnType::Code { system, max_len } => {
            format!("type = \"code\"\nsystem = {}\nmax_len = {max_len}\n", word(system))
        }
        ColumnType::Key => "type = \"key\"\n".to_owned(),
        ColumnType::Flag => "type = \"flag\"\n".to_owned(),
    }
}
