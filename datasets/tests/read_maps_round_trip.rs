//! Law: a table written to a CSV file in whatever way a column map can describe is read back as the same table.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod read_support;

use datasets::catalogue::{Catalogue, civil_from_days, days_from_civil};
use datasets::read::{Kind, ReadOptions};
use jiff::civil::Date;
use proptest::prelude::*;
use read_support::{cp932, file, run_with};

const TABLE: &str = r#"
name = "probe"
description = "A column of every type."
source_kind = "observations"
rows = "many"
order = ["day"]
column = [
  { name = "number", type = "integer", unit = "kg", digits = 2, min = "-500", max = "500", nullable = true, sensitivity = "ordinary", origin = "test", description = "test" },
  { name = "day", type = "date", min = "1990-01-01", max = "2030-12-31", nullable = false, sensitivity = "ordinary", origin = "test", description = "test" },
  { name = "month", type = "month", min = "1990-01", max = "2030-12", nullable = true, sensitivity = "ordinary", origin = "test", description = "test" },
  { name = "kind", type = "category", values = [{ code = "a", label = "a" }, { code = "b", label = "b" }, { code = "other", label = "o" }], nullable = true, sensitivity = "ordinary", origin = "test", description = "test" },
  { name = "code", type = "code", system = "test", max_len = 20, nullable = true, sensitivity = "ordinary", origin = "test", description = "test" },
  { name = "yes", type = "flag", nullable = true, sensitivity = "ordinary", origin = "test", description = "test" },
  { name = "place", type = "key", nullable = true, sensitivity = "ordinary", origin = "test", description = "test" },
]
"#;

/// The table's columns, in its order, and the headers that the file gives them.
const COLUMNS: [(&str, &str); 7] = [
    ("number", "体 重"),
    ("day", "日,付"),
    ("month", "診療月"),
    ("kind", "区\"分"),
    ("code", "ｺｰﾄﾞ"),
    ("yes", "有無"),
    ("place", "場所\n名"),
];

#[derive(Debug, Clone)]
struct Row {
    who: u8,
    number: Option<i64>,
    day: i32,
    month: Option<i32>,
    kind: Option<u8>,
    code: Option<String>,
    yes: Option<bool>,
    place: Option<String>,
}

#[derive(Debug, Clone)]
struct Style {
    dates: usize,
    delimiter: u8,
    cp932: bool,
    crlf: bool,
    quote: bool,
    wide: bool,
    order: Vec<usize>,
}

/// Patterns of a map; the last is none.
const DATES: [&str; 5] = ["%Y%m%d", "%d.%m.%Y", "%E%y年%m月%d日", "%m/%d/%Y%*", ""];

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let (first, last) =
        (days_from_civil(jiff::civil::date(1990, 1, 1)), days_from_civil(jiff::civil::date(2030, 12, 31)));
    let month = (0_i32..41 * 12).prop_map(|m| {
        let (year, month) = (1990 + m / 12, 1 + m % 12);
        days_from_civil(jiff::civil::date(i16::try_from(year).unwrap(), i8::try_from(month).unwrap(), 1))
    });
    let row = (
        0_u8..5,
        proptest::option::of(-50_000_i64..=50_000),
        first..=last,
        proptest::option::of(month),
        proptest::option::of(0_u8..3),
        proptest::option::of("[A-Za-z0-9.:/_-]{1,15}"),
        proptest::option::of(any::<bool>()),
        proptest::option::of("[架空病院,\"A-Z0-9]{1,8}"),
    );
    let row = row.prop_map(|(who, number, day, month, kind, code, yes, place)| Row {
        who,
        number,
        day,
        month,
        kind,
        code,
        yes,
        place,
    });
    proptest::collection::vec(row, 1..20)
}

fn style() -> impl Strategy<Value = Style> {
    let order = Just((0..COLUMNS.len() + 2).collect::<Vec<_>>()).prop_shuffle();
    (0..DATES.len(), prop_oneof![Just(b','), Just(b'\t')], any::<[bool; 4]>(), order).prop_map(
        |(dates, delimiter, [cp932, crlf, quote, wide], order)| Style {
            dates,
            delimiter,
            cp932,
            crlf,
            quote,
            wide,
            order,
        },
    )
}

fn shown(date: Date, pattern: usize) -> String {
    match pattern {
        0 => date.strftime("%Y%m%d").to_string(),
        1 => format!("{}.{}.{}", date.day(), date.month(), date.year()),
        2 => {
            let reiwa = date >= jiff::civil::date(2019, 5, 1);
            let (era, year) = if reiwa { ("令和", date.year() - 2018) } else { ("平成", date.year() - 1988) };
            format!(
                "{era}{}年{}月{}日",
                if year == 1 { "元".to_owned() } else { year.to_string() },
                date.month(),
                date.day()
            )
        }
        3 => date.strftime("%m/%d/%Y 12:34").to_string(),
        _ => date.strftime("%Y/%m/%d").to_string(),
    }
}

fn wide(text: &str) -> String {
    text.chars()
        .map(|c| if ('!'..='~').contains(&c) { char::from_u32(u32::from(c) + 0xFEE0).unwrap() } else { c })
        .collect()
}

/// The cells of a row, in the order of [`COLUMNS`], then who and a column that no map names.
fn cells(row: &Row, style: &Style) -> Vec<String> {
    let day = |days: i32| shown(civil_from_days(days).unwrap(), style.dates);
    // Hundredths, in grams: the map's factor makes kilograms of them.
    let number = row.number.map(|n| format!("{}{}", if n < 0 { "-" } else { "" }, n.unsigned_abs() * 10));
    let number = number.map(|text| if style.wide { wide(&text) } else { text });
    let kind = row.kind.map(|kind| ["甲", "乙 種", "other"][usize::from(kind)].to_owned());
    let yes = row.yes.map(|yes| if yes { "有" } else { "0" }.to_owned());
    vec![
        number.unwrap_or_default(),
        day(row.day),
        row.month.map(day).unwrap_or_default(),
        kind.unwrap_or_default(),
        row.code.as_ref().map(|code| if style.wide { wide(code) } else { code.clone() }).unwrap_or_default(),
        yes.unwrap_or_default(),
        row.place.clone().unwrap_or_default(),
        format!("P-{}", row.who),
        "読まれない".to_owned(),
    ]
}

fn line(cells: &[String], style: &Style) -> String {
    let delimiter = char::from(style.delimiter);
    let cell = |at: &usize| {
        let text = &cells[*at];
        let must = text.contains(['"', '\n', delimiter]);
        if style.quote || must { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.clone() }
    };
    let cells: Vec<String> = style.order.iter().map(cell).collect();
    cells.join(&delimiter.to_string()) + if style.crlf { "\r\n" } else { "\n" }
}

fn map(style: &Style) -> String {
    let date = match DATES[style.dates] {
        "" => String::new(),
        pattern => format!(", date = \"{pattern}\""),
    };
    format!(
        "table = \"probe\"\n[identity]\nnumber = \"社員番号\"\n[columns]\n\
         number = {{ from = \"体重\", factor = \"0.001\" }}\nday = {{ from = \"日，付\"{date} }}\n\
         month = {{ from = [\"x\", \"診療月\"]{date} }}\nkind = {{ from = '区\"分', codes = {{ \"甲\" = \"a\", \"乙種\" = \"b\" }} }}\n\
         code = {{ from = \"ｺｰﾄﾞ\", prefix = \"p:\" }}\nyes = {{ from = \"有無\", codes = {{ \"有\" = \"true\" }} }}\nplace = \"場所名\"\n"
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn written_and_read_back(rows in rows(), style in style()) {
        let mut header: Vec<String> = COLUMNS.iter().map(|(_, header)| (*header).to_owned()).collect();
        header.extend(["社員番号".to_owned(), "余分".to_owned()]);
        let mut text = line(&header, &style);
        for row in &rows {
            text.push_str(&line(&cells(row, &style), &style));
        }
        let dir = tempfile::tempdir().unwrap();
        let bytes = if style.cp932 { cp932(&text) } else { text.into_bytes() };
        let options = ReadOptions {
            maps: vec![file(dir.path(), "map.toml", map(&style).as_bytes())],
            catalogue: Some(Catalogue::extended(&[("probe.toml", TABLE)]).unwrap()),
            ..ReadOptions::default()
        };
        let got = run_with(&[file(dir.path(), "x", &bytes)], &options).unwrap();
        prop_assert_eq!(got.height("probe"), rows.len());
        let report = got.report.of(Kind::Mapped);
        prop_assert!(report.repaired.is_empty() && report.values_lost.is_empty(), "{:?}", report);
        for (at, row) in rows.iter().enumerate() {
            let int = |column: &str| got.int("probe", column, at);
            let text = |column: &str| got.text("probe", column, at);
            prop_assert_eq!(int("number"), row.number);
            prop_assert_eq!(got.date("probe", "day", at), Some(row.day));
            prop_assert_eq!(got.date("probe", "month", at), row.month);
            let kind = got.tables["probe"].column("kind").unwrap().i32().unwrap().get(at);
            prop_assert_eq!(kind, row.kind.map(i32::from));
            prop_assert_eq!(text("code"), row.code.as_ref().map(|code| format!("p:{code}")));
            prop_assert_eq!(int("yes"), row.yes.map(i64::from));
            prop_assert_eq!(text("place"), row.place.clone());
            let ident = usize::try_from(int("ident").unwrap()).unwrap();
            prop_assert_eq!(got.text("identity", "number", ident), Some(format!("P-{}", row.who)));
        }
    }
}
