#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use proptest::prelude::*;

fn builtin() -> Catalogue {
    Catalogue::builtin().unwrap()
}

fn number(digits: u8, min: i64, max: i64) -> Column {
    Column {
        name: "x".into(),
        ty: ColumnType::Integer { unit: "1".into(), min, max, digits },
        nullable: false,
        sensitivity: Sensitivity::Ordinary,
        origin: "test".into(),
        description: "test".into(),
    }
}

#[test]
fn the_tables_of_the_design_are_there() {
    let catalogue = builtin();
    let names: Vec<_> = catalogue.tables().iter().map(|t| t.name.as_str()).collect();
    let expected =
        "person enrolment checkup claim diagnosis act lifelog_daily checkup_item observation programme event consent";
    assert_eq!(names.join(" "), expected);
    let columns = |t: &str| {
        let table = catalogue.table(t).unwrap();
        let names: Vec<_> = table.columns.iter().map(|c| c.name.as_str()).collect();
        names.join(" ")
    };
    assert_eq!(columns("person"), "sex birth_ym");
    assert_eq!(
        columns("enrolment"),
        "insurer insurer_kind relation start_date end_date end_reason workplace size_band industry"
    );
    assert_eq!(
        columns("checkup"),
        "exam_date kind height_cm weight_kg bmi waist_cm sbp dbp tg hdl ldl ast alt ggt fpg hba1c creatinine egfr \
         uric_acid hb metabo guidance q_smoking q_exercise q_walking q_sleep q_alcohol_freq q_drug_bp \
         q_drug_glucose q_drug_lipid visceral_fat_cm2 pulse blood_drawn tg_casual non_hdl total_chol cpg hct rbc \
         u_glucose u_protein q_had_stroke q_had_heart q_had_kidney q_had_anemia q_weight_gain q_walking_speed \
         q_chewing q_eating_speed q_late_dinner q_snack q_skips_breakfast q_alcohol_amount q_intent \
         q_guidance_history"
    );
    assert_eq!(
        columns("claim"),
        "month type setting days points_billed points facility receipt receipt_number billed_month"
    );
    assert_eq!(columns("diagnosis"), "month code icd10 start_date outcome main suspected receipt");
    assert_eq!(columns("act"), "service_date kind code yj quantity points supply_days receipt");
    assert_eq!(
        columns("lifelog_daily"),
        "date steps sleep_min wear_min resting_hr weight_kg sbp dbp source sleep_deep_min sleep_rem_min \
         sleep_light_min awake_min energy_in_kcal energy_out_kcal"
    );
    assert_eq!(columns("checkup_item"), "exam_date code state value unit answer judgement");
    assert_eq!(columns("observation"), "date place code value unit answer");
    assert_eq!(columns("programme"), "kind provider invited_date start_date end_date status");
    assert_eq!(columns("event"), "kind code start_date end_date grade");
    assert_eq!(columns("consent"), "purpose recipient_kind data_kind allowed from_date until_date");
}

#[test]
fn digits_are_those_of_the_field() {
    let catalogue = builtin();
    let one = "height_cm weight_kg bmi waist_cm hba1c egfr uric_acid hb visceral_fat_cm2 hct";
    for column in &catalogue.table("checkup").unwrap().columns {
        let expected = match column.name.as_str() {
            "creatinine" => 2,
            name if one.split(' ').any(|n| n == name) => 1,
            _ => 0,
        };
        assert_eq!(column.digits(), expected, "{}", column.name);
    }
    assert_eq!(catalogue.column("act", "quantity").unwrap().digits(), 3);
    let weight = catalogue.column("lifelog_daily", "weight_kg").unwrap();
    assert_eq!(weight.digits(), 1);
}

#[test]
fn every_column_says_where_it_comes_from_and_has_sane_bounds() {
    for table in builtin().tables() {
        for column in &table.columns {
            let at = format!("{}.{}", table.name, column.name);
            assert!(column.origin.len() > 10, "{at}: origin");
            assert!(!column.description.is_empty(), "{at}: description");
            match &column.ty {
                ColumnType::Category { values } => {
                    assert_eq!(values.last().unwrap().code, "other", "{at}");
                }
                ColumnType::Month { min, max } => {
                    assert_eq!((min.day(), max.day()), (1, 1), "{at}");
                }
                ColumnType::Code { .. } | ColumnType::Key => assert_eq!(column.bounds(), None),
                _ => {}
            }
            if let Some((low, high)) = column.bounds() {
                assert!(low < high, "{at}");
                assert!(column.cardinality().unwrap() >= 2, "{at}");
            }
        }
    }
}

/// Care and its results are 要配慮個人情報: a lower class there is a mistake of law.
#[test]
fn care_is_special() {
    let catalogue = builtin();
    for table in ["checkup", "claim", "diagnosis", "act"] {
        for column in &catalogue.table(table).unwrap().columns {
            let keyed = column.ty == ColumnType::Key;
            assert!(keyed || column.sensitivity == Sensitivity::Special, "{table}.{}", column.name);
        }
    }
}

#[test]
fn the_digest_follows_meaning_and_not_layout() {
    let person = BUILTIN[0].1;
    let base = Catalogue::parse(&[("p", person)]).unwrap();
    let spaced = person.replace(" = ", "=") + "\n# a comment\n";
    let same = Catalogue::parse(&[("q", &spaced)]).unwrap();
    assert_eq!(base.digest(), same.digest());
    let wider = person.replace("1900-01\"", "1899-12\"");
    let other = Catalogue::parse(&[("p", &wider)]).unwrap();
    assert_ne!(base.digest(), other.digest());
    assert_eq!(builtin().digest(), builtin().digest());
}

#[test]
fn broken_catalogues_are_refused_with_the_place() {
    let person = BUILTIN[0].1;
    let break_with = |from: &str, to: &str| {
        let text = person.replacen(from, to, 1);
        assert_ne!(text, person, "nothing replaced: {from}");
        Catalogue::parse(&[("p.toml", &text)]).unwrap_err()
    };
    let problem = |e: CatalogueError| match e {
        CatalogueError::Column { problem, .. } | CatalogueError::Table { problem, .. } => problem,
        other => panic!("{other}"),
    };
    assert!(matches!(break_with("nullable = false", "nullable = maybe"), CatalogueError::Syntax { line: 11, .. }));
    assert!(matches!(break_with("nullable = false", "nullable = false\nunknown = 1"), CatalogueError::Syntax { .. }));
    assert!(problem(break_with("\"other\"", "\"9\"")).contains("last value"));
    assert!(problem(break_with("code = \"2\"", "code = \"1\"")).contains("twice"));
    assert!(problem(break_with("\"1900-01\"", "\"2036-03\"")).contains("below"));
    assert!(problem(break_with("\"1900-01\"", "\"1900-13\"")).contains("days"));
    assert!(problem(break_with("\"birth_ym\"", "\"draw\"")).contains("store's own"));
    assert!(problem(break_with("\"birth_ym\"", "\"Birth\"")).contains("lower-case"));
    assert!(problem(break_with("\"one\"", "\"many\"")).contains("one row per person"));
    assert!(problem(break_with("order = []", "order = [\"age\"]")).contains("order"));
    assert!(problem(break_with("min = \"1900-01\"", "digits = 1\nmin = \"1900-01\"")).contains("type does not know"));
    assert_eq!(break_with("\"birth_ym\"", "\"birthday\""), CatalogueError::NoPerson);
    assert_eq!(Catalogue::parse(&[]), Err(CatalogueError::NoPerson));
    assert!(Catalogue::parse(&[("a", person), ("b", person)]).is_err());
}

#[test]
fn grid_reads_what_files_hold() {
    let c = number(1, 30, 180);
    for (text, stored) in [
        ("6.5", 65),
        (" 6.50 ", 65),
        ("６．５", 65),
        ("\u{3000}+6.5", 65),
        ("06.5", 65),
        ("6.", 60),
        (".5e", i64::MIN),
        ("6.54999999999999999999999999999999999999999", 65),
        ("6.55", 66),
        ("-1", 30),
        ("−99", 30),
        ("99999999999999999999999999999999999999999999999999999", 180),
        ("-99999999999999999999999999999999999999999999999999999", 30),
        ("0.00000000000000000000000000000000000000000000000001", 30),
    ] {
        if stored == i64::MIN {
            assert_eq!(c.grid(text), Err(GridError::NotDecimal), "{text}");
        } else {
            assert_eq!(c.grid(text), Ok(stored), "{text}");
        }
    }
    for text in ["", " ", "\u{3000}"] {
        assert_eq!(c.grid(text), Err(GridError::Empty));
    }
    for text in [
        "1e3", "1,000", "NaN", "inf", "<5", "6..5", "6.5.1", "-", "+", ".", "--1", "0x1F", "六", "6 5", "٦", "1_0", "①",
    ] {
        assert_eq!(c.grid(text), Err(GridError::NotDecimal), "{text}");
    }
    let symmetric = number(0, -10, 10);
    assert_eq!(symmetric.grid("-2.5"), Ok(-3));
    assert_eq!(symmetric.grid("2.5"), Ok(3));
    assert_eq!(symmetric.grid("-0.4"), Ok(0));
    let flag = Column { ty: ColumnType::Flag, ..number(0, 0, 1) };
    assert_eq!(flag.grid("1"), Err(GridError::NotNumeric));
}

#[test]
fn exact_is_for_questions() {
    let c = number(1, 30, 180);
    assert_eq!(c.exact("6.50"), Ok(65));
    assert_eq!(c.exact("6.55"), Err(GridError::OffGrid));
    assert_eq!(c.exact("18.1"), Err(GridError::OutOfBounds));
    assert_eq!(c.exact("2.9"), Err(GridError::OutOfBounds));
}

#[test]
fn categories_and_dates() {
    let catalogue = builtin();
    let smoking = catalogue.column("checkup", "q_smoking").unwrap();
    assert_eq!(smoking.category("3:1"), Some(0));
    assert_eq!(smoking.category("4:2"), Some(3));
    assert_eq!(smoking.category("5:1"), Some(5));
    assert_eq!(smoking.known_category("5:1"), None);
    assert_eq!(smoking.known_category("other"), Some(5));
    assert_eq!(smoking.show(3), "4:2");
    assert_eq!((smoking.clamp(-1), smoking.clamp(99)), (5, 5));
    let hba1c = catalogue.column("checkup", "hba1c").unwrap();
    assert_eq!(hba1c.category("1"), None);
    let date = catalogue.column("checkup", "exam_date").unwrap();
    let day = |y, m, d| i64::from(days_from_civil(jiff::civil::date(y, m, d)));
    assert_eq!(date.clamp(day(9999, 12, 31)), day(2036, 3, 31));
    assert_eq!(date.show(day(2024, 4, 1)), "2024-04-01");
    let month = catalogue.column("claim", "month").unwrap();
    assert_eq!(month.clamp(day(2024, 4, 17)), day(2024, 4, 1));
    assert_eq!(month.show(day(2024, 4, 1)), "2024-04");
    assert_eq!(month.cardinality(), Some(28 * 12));
    assert_eq!(days_from_civil(jiff::civil::date(2000, 3, 1)), 11_017);
    assert_eq!(days_from_civil(jiff::civil::date(1969, 12, 31)), -1);
    assert_eq!(civil_from_days(i32::MAX), None);
}

#[test]
fn frames_are_checked_without_telling_values() {
    use polars::prelude::*;
    let catalogue = builtin();
    let table = catalogue.table("claim").unwrap();
    let empty = table.empty_frame("pid", KeyForm::Keyed);
    assert_eq!(table.check_frame(&empty, "pid", KeyForm::Keyed), Ok(()));
    let raw = table.check_frame(&empty, "pid", KeyForm::Raw).unwrap_err();
    assert!(matches!(raw, ShapeError::Type { column, .. } if column == "facility"));
    let ident = table.check_frame(&empty, "ident", KeyForm::Keyed);
    assert!(matches!(ident, Err(ShapeError::Columns { .. })));
    let person = catalogue.table("person").unwrap();
    let mut frame = df!("pid" => [1u32], "sex" => [None::<i32>], "birth_ym" => [0i32]).unwrap();
    frame.try_apply("birth_ym", |s| s.cast(&DataType::Date)).unwrap();
    let null = person.check_frame(&frame, "pid", KeyForm::Keyed);
    assert!(matches!(null, Err(ShapeError::Null { count: 1, .. })));
}

proptest! {
    /// Law: what `show` writes, `grid` and `exact` read back.
    #[test]
    fn shown_values_read_back(stored in any::<i64>(), digits in 0u8..=9) {
        let c = number(digits, i64::MIN, i64::MAX);
        prop_assert_eq!(c.grid(&c.show(stored)), Ok(stored));
        prop_assert_eq!(c.exact(&c.show(stored)), Ok(stored));
    }

    /// Law: full width and trailing decimals below a half change nothing; a half and more moves away from zero.
    #[test]
    fn rounding_is_half_away_from_zero(stored in -1_000_000i64..1_000_000, digits in 0u8..=6, tail in "[0-9]{1,40}") {
        let c = number(digits, -2_000_000, 2_000_000);
        let shown = c.show(stored).into_owned();
        let point = if digits == 0 { "." } else { "" };
        let text = format!("{shown}{point}{tail}");
        let up = i64::from(tail.as_bytes()[0] >= b'5');
        let expected = if stored < 0 { stored - up } else { stored + up };
        prop_assert_eq!(c.grid(&text), Ok(expected));
        let wide: String = text.chars().map(|ch| match ch {
            '.' => '．', '-' => '－',
            d => char::from_u32(u32::from(d) + 0xFEE0).unwrap(),
        }).collect();
        prop_assert_eq!(c.grid(&wide), Ok(expected));
        let exact = tail.bytes().all(|b| b == b'0');
        prop_assert_eq!(c.exact(&text).is_ok(), exact);
    }

    /// Law: any number of digits is clamped, never wrapped; any text whatever is answered without panic.
    #[test]
    fn huge_numbers_go_to_the_bound(text in "[1-9][0-9]{19,200}", negative in any::<bool>()) {
        let c = number(3, -5, 7);
        let signed = if negative { format!("-{text}") } else { text };
        prop_assert_eq!(c.grid(&signed), Ok(if negative { -5 } else { 7 }));
    }

    #[test]
    fn any_text_is_answered(text in any::<String>(), digits in 0u8..=9) {
        let c = number(digits, -5, 7);
        if let Ok(stored) = c.grid(&text) {
            prop_assert!((-5..=7).contains(&stored));
        }
    }

    #[test]
    fn clamping_lands_within_bounds_and_is_idempotent(stored in any::<i64>()) {
        for table in builtin().tables() {
            for column in &table.columns {
                let once = column.clamp(stored);
                prop_assert_eq!(column.clamp(once), once);
                if let Some((low, high)) = column.bounds() {
                    prop_assert!((low..=high).contains(&once));
                }
            }
        }
    }
}
