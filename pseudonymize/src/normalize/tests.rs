//! Every rule by variants that files really hold. Names are invented; their forms are not.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::collections::HashSet;

use proptest::prelude::*;
use unicode_normalization::UnicodeNormalization;

use super::*;

fn written(raw: &str) -> Option<String> {
    match name(raw) {
        Name::Written(text) => Some(text),
        Name::KanaOnly | Name::Missing => None,
    }
}

#[test]
fn names_written_in_many_ways_are_one() {
    // First what all the others become.
    let families: [&[&str]; 20] = [
        // CP932 extensions and their plain forms, with and without spaces of either width.
        &["高崎真", "髙﨑 眞", "高　崎　真", "髙嵜眞", "高\u{FA11}真"],
        // 渡辺: the selectors name glyphs of one character (邉 has more than twenty).
        &["渡辺由美", "渡邊由美", "渡邉由美", "渡邉\u{E0101}由美", "渡\u{E0100}邊\u{FE00}由美"],
        &["斎藤一郎", "斉藤一郎", "齊藤一郎", "齋藤一郎", "齋 藤　一郎"],
        &["吉田恵", "𠮷田惠", "吉田\u{200B}恵"],
        &["浜田", "濱田", "濵田"],
        &["島津", "嶋津", "嶌津"],
        &["柳沢広", "栁澤廣", "柳澤広"],
        &["冨田", "富田"],
        &["渡瀬", "渡瀨"],
        &["富樫桜子", "冨樫櫻子"],
        // Compatibility ideographs are NFKC's work: U+FA19 神, U+FA12 晴, U+FA26 都.
        &["神田晴都", "\u{FA19}田\u{FA12}\u{FA26}"],
        // Repetition marks, of which some systems have none.
        &["佐佐木", "佐々木", "佐〻木"],
        // ヶ, ケ and hiragana within a name.
        &["関ケ原ノリ子", "関ヶ原のり子", "關ヶ原 ノリ子", "關ｹ原 ﾉﾘ子"],
        &["井ノ上", "井の上"],
        // Long marks in any of the strokes that are typed for them (U+2212, U+2015, U+2010, half width).
        &["山田マリー花", "山田マリ−花", "山田マリ―花", "山田マリ‐花", "山田ﾏﾘｰ花", "山田マリ－花"],
        // Half-width voiced marks, and stand-alone ones.
        &["大野ガク斗", "大野ｶﾞｸ斗", "大野カ゛ク斗", "大野カ\u{3099}ク斗"],
        // What isn't the name.
        &["田中和子", "田中和子様", "田中　和子 殿", "田中和子（旧姓：鈴木）", "田中(ﾀﾅｶ)和子"],
        // Foreign residents: case, width, dots and commas.
        &["SMITHJOHN", "Ｓｍｉｔｈ　Ｊｏｈｎ", "SMITH, JOHN", "Smith･John"],
        &["国分竜也", "國分龍也", "圀分竜也"],
        &["橋本亀太", "槗本龜太", "𣘺夲亀太"],
    ];
    for family in families {
        let Some(head) = written(family[0]) else { panic!("no name: {}", family[0]) };
        for form in family {
            assert_eq!(written(form).as_deref(), Some(head.as_str()), "{form}");
        }
    }
    // Different people stay different.
    let heads: HashSet<_> = families.iter().map(|f| written(f[0])).collect();
    assert_eq!(heads.len(), families.len());
}

#[test]
fn names_that_are_none_make_none() {
    let lost =
        ["山〓太郎", "山■太郎", "山?太郎", "山？太郎", "山●太郎", "山\u{FFFD}太郎", "山\u{E000}太郎", "山＊＊太郎"];
    let words =
        ["", " ", "　", "不明", "ふめい", "未記入", "該当なし", "該当者ナシ", "なし", "テスト", "dummy", "NULL", "n/a"];
    let rest = ["ー", "XXXX", "山", "1234567", "山田3郎", "々木", "*****"];
    for raw in lost.iter().chain(&words).chain(&rest) {
        assert!(name(raw) != Name::KanaOnly || raw.chars().all(|c| c != '山'), "{raw}");
        assert_eq!(written(raw), None, "{raw}");
    }
}

#[test]
fn a_kana_name_is_a_reading() {
    for raw in ["ﾜﾀﾅﾍﾞ ﾕﾐ", "ワタナベ　ユミ", "わたなべ ゆみ"] {
        assert!(name(raw) == Name::KanaOnly, "{raw}");
        let fields = Fields::new(&Raw { name: Some(raw), ..Raw::default() });
        assert_eq!(fields.name, None);
        assert_eq!(fields.kana.as_deref(), Some("ワタナベユミ"));
        assert_eq!(fields.given.as_deref(), Some("ユミ"));
    }
    // A reading of its own goes before.
    let both = Raw { name: Some("ワタナベ ユミ"), kana: Some("ワタナベ エミ"), ..Raw::default() };
    assert_eq!(Fields::new(&both).kana.as_deref(), Some("ワタナベエミ"));
}

#[test]
fn readings_written_in_many_ways_are_one() {
    let families: [&[&str]; 9] = [
        &[
            "ワタナベシヨウイチ",
            "ﾜﾀﾅﾍﾞ ｼｮｳｲﾁ",
            "ワタナベ　ショウイチ",
            "わたなべしょういち",
            "ﾜﾀﾅﾍﾞｼﾖｳｲﾁ",
            "ワタナヘ゛シヨウイチ",
        ],
        &["オーノリヨー", "ｵｰﾉ ﾘｮｰ", "オ－ノ　リョ−", "オ―ノリョ‐", "オ一ノリヨ一", "オ-ノリヨ-"],
        &["フジタミズキ", "フヂタミヅキ", "ﾌﾁﾞﾀ ﾐﾂﾞｷ", "ふぢたみづき"],
        &["カオルイエ", "カヲルヰヱ"],
        &["ヤツト", "ヤット", "ﾔｯﾄ"],
        &["パクヨンス", "ﾊﾟｸ･ﾖﾝｽ", "パク・ヨンス", "ハ゜ク ヨンス"],
        &["セキケハラ", "セキヶハラ"],
        &["ヴアン", "ヴァン", "ｳﾞｧﾝ", "ゔぁん"],
        &["シイナ", "シィナ"],
    ];
    for family in families {
        for form in family {
            assert_eq!(kana(form).as_deref(), Some(family[0]), "{form}");
        }
    }
    for raw in [
        "",
        "ア",
        "ー",
        "ーア",
        "不明",
        "フメイ",
        "ナシ",
        "テスト",
        "アアアア",
        "渡辺",
        "WATANABE",
        "ワタナベ1",
        "ワ?ナベ",
        "〓〓",
    ] {
        assert_eq!(kana(raw), None, "{raw}");
    }
}

#[test]
fn given_names_only_where_the_file_separates_them() {
    assert_eq!(given_name("ﾜﾀﾅﾍﾞ ｼｮｳ").as_deref(), Some("シヨウ"));
    assert_eq!(given_name("ワタナベ　ショウ").as_deref(), Some("シヨウ"));
    assert_eq!(given_name("ワタナベ  ト").as_deref(), Some("ト"));
    for raw in ["ワタナベショウ", "パク ヨン ス", "ワタナベ ", "ワタナベ 不明", ""] {
        assert_eq!(given_name(raw), None, "{raw}");
    }
}

#[test]
fn dates_by_length_and_era() {
    let day = |year, month, day| Some(Day { year, month, day });
    let cases = [
        ("19800115", day(1980, 1, 15)),
        ("１９８００１１５", day(1980, 1, 15)),
        ("1980-01-15", day(1980, 1, 15)),
        ("1980/1/15", day(1980, 1, 15)),
        ("1980.1.15", day(1980, 1, 15)),
        ("1980年1月15日", day(1980, 1, 15)),
        ("1980-01-15 00:00:00", day(1980, 1, 15)),
        ("1980-01-15T00:00:00+09:00", day(1980, 1, 15)),
        ("19800115000000", day(1980, 1, 15)),
        ("19800115000000+0900", day(1980, 1, 15)),
        ("3550115", day(1980, 1, 15)),
        ("S550115", day(1980, 1, 15)),
        ("S55.1.15", day(1980, 1, 15)),
        ("s55/01/15", day(1980, 1, 15)),
        ("昭和55年1月15日", day(1980, 1, 15)),
        ("昭和５５年０１月１５日", day(1980, 1, 15)),
        ("昭55.1.15", day(1980, 1, 15)),
        ("㍼55.1.15", day(1980, 1, 15)),
        (" S 55. 1.15", day(1980, 1, 15)),
        ("1330401", day(1900, 4, 1)),
        ("2150101", day(1926, 1, 1)),
        ("3640107", day(1989, 1, 7)),
        ("4010108", day(1989, 1, 8)),
        ("平成元年1月8日", day(1989, 1, 8)),
        ("4310430", day(2019, 4, 30)),
        ("5010501", day(2019, 5, 1)),
        ("令和元年5月1日", day(2019, 5, 1)),
        // Systems that didn't learn of 令和 in time.
        ("平成32年2月29日", day(2020, 2, 29)),
        ("20000229", day(2000, 2, 29)),
    ];
    for (raw, expected) in cases {
        assert_eq!(date(raw).map(Day::digits), expected.map(Day::digits), "{raw}");
    }
    let none = [
        "",
        "不明",
        "0",
        "00000000",
        "0000000",
        "99999999",
        "9999999",
        "19000101",
        "18991230",
        "19010101",
        "19800230",
        "19001301",
        "20010229",
        "800115",
        "198001",
        "1980011",
        "6010101",
        "0550115",
        "昭和99年1月1日",
        "M991231",
        "令和",
        "1980-01",
        "21010101",
        "18000101",
        "abcdefgh",
    ];
    for raw in none {
        assert!(date(raw).is_none(), "{raw}");
    }
}

#[test]
fn days_are_counted_as_the_calendar_does() {
    let day = |y, m, d| Day { year: y, month: m, day: d };
    assert_eq!(day(1970, 1, 1).epoch_days(), 0);
    assert_eq!(day(2000, 2, 29).epoch_days(), 11_016);
    assert_eq!(day(1900, 3, 1).epoch_days(), -25_508);
    assert_eq!(day(2026, 11, 22).epoch_days(), 20_779);
    assert_eq!(day(2026, 11, 22).month_start(), 20_758);
}

#[test]
fn numbers_of_insurance() {
    for raw in ["  133066", "133066", "00133066", "１３３０６６", "0133066"] {
        assert_eq!(insurer(raw).as_deref(), Some("00133066"), "{raw}");
    }
    assert_eq!(insurer("06139463").as_deref(), Some("06139463"));
    for raw in ["", "00000000", "99999999", "123456789", "不明", "06-13", "ABC"] {
        assert_eq!(insurer(raw), None, "{raw}");
    }
    for raw in ["１２３４５６", "123456 ", "00123456", "12 34 56"] {
        // 123456 is a filler, so test with another number of the same shape.
        let raw = raw.replace('6', "9").replace('６', "９");
        assert_eq!(member(&raw).as_deref(), Some("123459"), "{raw}");
    }
    for raw in
        ["１２－３", "12-3", "12−3", "12‐3", "12―3", "12ー3", "12ｰ3", "12・3", "12.3", "１２ － ３", "12--3", "-12-3-"]
    {
        assert_eq!(symbol(raw).as_deref(), Some("12-3"), "{raw}");
    }
    assert_eq!(symbol("千代田あ12").as_deref(), Some("千代田あ12"));
    assert_eq!(symbol("サービス").as_deref(), Some("サービス"));
    assert_eq!(symbol("ａｂ０１"), symbol("AB01"));
    for raw in ["", "0", "000", "9999", "9999999", "1234567", "123456", "不明", "なし", "-", "*", "＊＊＊", "NULL"]
    {
        let found = member(raw);
        assert!(found.is_none() || raw == "*", "{raw} {found:?}");
    }
    assert_eq!(member("99").as_deref(), Some("99"), "a real number");
    for (raw, expected) in [
        ("1", Some("01")),
        ("０１", Some("01")),
        ("00", Some("00")),
        (" 2", Some("02")),
        ("001", None),
        ("", None),
        ("A", None),
    ] {
        assert_eq!(branch(raw).as_deref(), expected, "{raw}");
    }
    assert_eq!(individual("ａ１２３-４５６７8"), individual("A12345678"));
    for raw in ["", "12345", "0000000000", "9999999999", "1234567890", "不明不明不明"] {
        assert_eq!(individual(raw), None, "{raw}");
    }
}

#[test]
fn postcodes_and_sex() {
    let full = (Some("1010051".to_owned()), Some("101".to_owned()));
    for raw in ["1010051", "101-0051", "〒101-0051", "１０１－００５１", "101−0051", " 101 0051 "] {
        assert_eq!(postcode(raw), full, "{raw}");
    }
    assert_eq!(postcode("101"), (None, Some("101".to_owned())));
    assert_eq!(postcode("101-00"), (None, Some("101".to_owned())));
    for raw in ["", "0000000", "9999999", "000-0001", "12", "1234", "不明", "12345678"] {
        assert_eq!(postcode(raw), (None, None), "{raw}");
    }
    for (raw, expected) in [
        ("1", Some(1)),
        ("２", Some(2)),
        ("男", Some(1)),
        ("女性", Some(2)),
        ("f", Some(2)),
        ("0", None),
        ("9", None),
        ("", None),
    ] {
        assert_eq!(sex(raw), expected, "{raw}");
    }
}

#[test]
fn the_itaiji_table_is_a_function_and_counts_what_it_says() {
    let mut seen = HashSet::new();
    for line in kanji::table().lines().filter(|l| !l.starts_with('#')) {
        let forms: Vec<&str> = line.split('\t').collect();
        assert!(forms.len() >= 2, "{line}");
        for form in forms {
            let c = form.chars().next().unwrap();
            assert_eq!(form.chars().count(), 1, "{line}");
            assert!(seen.insert(c), "{c} occurs twice");
            assert_eq!(c.nfkc().collect::<String>(), form, "NFKC would change {c} before the table sees it");
        }
    }
    // Named in docs: change both together.
    assert_eq!(itaiji_counts(), (486, 537));
}

proptest! {
    /// Normal forms are fixed points: normalizing again changes nothing.
    #[test]
    fn normal_forms_stay(raw in "[ -~ぁ-ゖァ-ヶー一-龥ｦ-ﾟ　々﨑髙𠮷−―]{0,12}") {
        if let Name::Written(once) = name(&raw) {
            prop_assert_eq!(written(&once), Some(once));
        }
        if let Some(once) = kana(&raw) {
            prop_assert_eq!(kana(&once), Some(once));
        }
        if let Some(once) = symbol(&raw) {
            prop_assert_eq!(symbol(&once), Some(once));
        }
    }

    /// No text makes it panic, and no other text than a day makes a day.
    #[test]
    fn any_text_is_survived(raw in any::<String>()) {
        let raw = raw.as_str();
        let all = Raw {
            insurer: Some(raw), symbol: Some(raw), number: Some(raw), branch: Some(raw), name: Some(raw),
            kana: Some(raw), birth: Some(raw), sex: Some(raw), individual: Some(raw), postcode: Some(raw),
        };
        let fields = Fields::new(&all);
        prop_assert_eq!(format!("{fields:?}"), "Fields(redacted)");
    }

    /// Every valid day of the supported years reads back from all its forms.
    #[test]
    fn days_read_back(year in 1927_i32..=1988, month in 1_u8..=12, dom in 1_u8..=28) {
        let expected = format!("{year:04}{month:02}{dom:02}");
        let era = year - 1925;
        let digits: [u8; 8] = expected.as_bytes().try_into().unwrap();
        for raw in [
            expected.clone(),
            format!("{year}/{month}/{dom}"),
            format!("3{era:02}{month:02}{dom:02}"),
            format!("昭和{era}年{month}月{dom}日"),
        ] {
            prop_assert_eq!(date(&raw).map(Day::digits), Some(digits), "{}", raw);
        }
    }
}
