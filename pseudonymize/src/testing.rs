//! Invented batches for the tests of this crate: a few people, two tables, and canaries where identifiers belong.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::collections::BTreeMap;

use datasets::catalogue::{Catalogue, KeyForm};
use polars::prelude::{Column, DataFrame, DataType, NamedFrom, Series};

/// Texts that stand in identifier fields and must never be seen again. Each is the whole cell.
pub(crate) const CANARIES: [&str; 14] = [
    "カナリア記号甲",
    "7654321",
    "金糸雀　朱鷺子",
    "ｶﾅﾘｱ ﾄｷｺ",
    "3550117",
    "ZX98765432",
    "273-0866",
    "CANARYFACILITY77",
    "カナリア事業所",
    "06139463",
    "金糸雀",
    "朱鷺子",
    "カナリア",
    "トキコ",
];

pub(crate) fn catalogue() -> Catalogue {
    Catalogue::builtin().unwrap()
}

fn text(name: &str, values: &[Option<&str>]) -> Column {
    Series::new(name.into(), values).into()
}

fn dates(name: &str, values: &[Option<i32>]) -> Column {
    Column::from(Series::new(name.into(), values)).cast(&DataType::Date).unwrap()
}

/// Three identities: one with everything, one with junk, one with a kana name and little else.
pub(crate) fn identity() -> DataFrame {
    let columns = vec![
        Series::new("ident".into(), &[0_u32, 1, 2]).into(),
        text("insurer_no", &[Some("06139463"), Some("99999999"), None]),
        text("symbol", &[Some("カナリア記号甲"), Some("-"), None]),
        text("number", &[Some("7654321"), Some("0000000"), None]),
        text("branch", &[Some("01"), None, None]),
        text("name", &[Some("金糸雀　朱鷺子"), Some("不明"), Some("ｶﾅﾘｱ ﾄｷｺ")]),
        text("kana", &[Some("ｶﾅﾘｱ ﾄｷｺ"), Some("フメイ"), None]),
        text("birth", &[Some("3550117"), Some("19000101"), Some("1980-01-17")]),
        text("sex", &[Some("2"), Some("9"), Some("女")]),
        text("individual_no", &[Some("ZX98765432"), Some("9999999999"), None]),
        text("postcode", &[Some("273-0866"), Some("0000000"), Some("273")]),
        dates("first_seen", &[Some(19_000), Some(19_000), None]),
        dates("last_seen", &[Some(19_500), Some(19_500), None]),
        dates("covered_from", &[Some(18_000), None, None]),
        dates("covered_to", &[None, None, None]),
        dates("death", &[None, None, None]),
    ];
    DataFrame::new(3, columns).unwrap()
}

/// Rows of a catalogue table as a reader gives them: NULL where nothing else is said and NULL may be.
pub(crate) fn table(name: &str, ident: &[u32], said: &[Column]) -> DataFrame {
    let catalogue = catalogue();
    let table = catalogue.table(name).unwrap();
    let rows = ident.len();
    let mut columns: Vec<Column> = vec![Series::new("ident".into(), ident).into()];
    for entry in &table.columns {
        let dtype = entry.frame_type(KeyForm::Raw);
        let column = match said.iter().find(|c| c.name().as_str() == entry.name) {
            Some(column) => column.cast(&dtype).unwrap(),
            None if entry.nullable => Column::full_null(entry.name.as_str().into(), rows, &dtype),
            None => {
                let zero: Column = match dtype {
                    DataType::String => Series::new(entry.name.as_str().into(), vec!["1"; rows]).into(),
                    DataType::Boolean => Series::new(entry.name.as_str().into(), vec![false; rows]).into(),
                    _ => Series::new(entry.name.as_str().into(), vec![1_i32; rows]).into(),
                };
                zero.cast(&dtype).unwrap()
            }
        };
        columns.push(column);
    }
    // What no catalogue knows must not get through.
    columns.push(Series::new("備考".into(), vec!["カナリア"; rows]).into());
    DataFrame::new(rows, columns).unwrap()
}

pub(crate) fn tables() -> BTreeMap<String, DataFrame> {
    let claim = table(
        "claim",
        &[0, 1, 0, 2],
        &[
            Series::new("facility".into(), &["CANARYFACILITY77", "1312345", "１３１２３４５", "CANARYFACILITY77"])
                .into(),
            Series::new("points".into(), &[i64::MAX, 291, -5, 75]).into(),
        ],
    );
    let enrolment = table(
        "enrolment",
        &[0, 1, 2],
        &[
            Series::new("insurer".into(), &["06139463", "06139471", "06139471"]).into(),
            Series::new("workplace".into(), &[Some("カナリア事業所"), Some("カナリア事業所"), Some("不明")]).into(),
        ],
    );
    let diagnosis = table("diagnosis", &[0, 1], &[Series::new("code".into(), &["8830417", "金糸雀"]).into()]);
    let stray = DataFrame::new(1, vec![Series::new("name".into(), &["金糸雀"]).into()]).unwrap();
    BTreeMap::from([
        ("claim".to_owned(), claim),
        ("enrolment".to_owned(), enrolment),
        ("diagnosis".to_owned(), diagnosis),
        ("家族".to_owned(), stray),
    ])
}
