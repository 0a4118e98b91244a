//! What the columns of a checkup CSV hold, by their headers: JLAC10 codes, or the words that insurers and vendors print
//! above them. Not a file's layout and not the user's own names: those come by a column map, which leads to these.

use std::collections::HashMap;
use std::sync::OnceLock;

use super::items::{self, Item};
use super::units;
use crate::read::text;

/// What a column says about the person, in the order of a row's identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    Insurer,
    Symbol,
    Number,
    Branch,
    Name,
    Kana,
    Birth,
    Sex,
    Postcode,
}

/// What a column holds.
#[derive(Debug, Clone)]
pub(super) enum Head {
    Who(Who),
    Date,
    /// Which kind of checkup it was.
    Kind,
    Item {
        code: String,
        item: Option<Item>,
        /// From the header, else that of the item; "" if neither says one.
        unit: String,
    },
}

/// 受診券整理番号 is no identity: it is new every year.
const WHO: &[(Who, &[&str])] = &[
    (Who::Insurer, &["保険者番号", "保険者No"]),
    (Who::Symbol, &["記号", "被保険者証記号", "被保険者証等記号", "保険証記号", "被保険者記号"]),
    (Who::Number, &["番号", "被保険者証番号", "被保険者証等番号", "保険証番号", "被保険者番号"]),
    (Who::Branch, &["枝番", "被保険者証枝番", "被保険者証等枝番", "保険証枝番"]),
    (Who::Name, &["氏名", "漢字氏名", "氏名(漢字)", "氏名漢字", "受診者氏名", "受診者名"]),
    (
        Who::Kana,
        &[
            "カナ氏名",
            "氏名カナ",
            "氏名(カナ)",
            "カナ",
            "フリガナ",
            "受診者カナ氏名",
            "受診者氏名カナ",
            "氏名(フリガナ)",
        ],
    ),
    (Who::Birth, &["生年月日", "受診者生年月日"]),
    (Who::Sex, &["性別", "性別区分", "男女区分"]),
    (Who::Postcode, &["郵便番号", "〒"]),
];
const DATE: &[&str] = &[
    "健診実施日",
    "実施日",
    "受診日",
    "健診日",
    "検査日",
    "検診日",
    "健診年月日",
    "健診実施年月日",
    "実施年月日",
    "受診年月日",
    "健診受診日",
    "検診受診日",
    "検査実施日",
    "特定健診実施日",
];
const KIND: &[&str] =
    &["健診種別", "健診区分", "健診種類", "健診コース", "受診コース", "コース", "健診実施プログラム", "健診名"];

/// A column of `checkup`, or a code of its own, and words for it. Brackets, width and long vowels make no difference.
const WORDS: &[(&str, &[&str])] = &[
    ("height_cm", &["身長"]),
    ("weight_kg", &["体重"]),
    ("bmi", &["BMI", "体格指数"]),
    ("visceral_fat_cm2", &["内臓脂肪面積"]),
    ("waist_cm", &["腹囲", "腹囲(実測)", "ウエスト", "ウエスト周囲長"]),
    ("9N016160200000001", &["腹囲(自己判定)"]),
    ("9N016160300000001", &["腹囲(自己申告)"]),
    (
        "sbp",
        &[
            "収縮期血圧",
            "最高血圧",
            "血圧(収縮期)",
            "血圧(最高)",
            "収縮期血圧(その他)",
            "収縮期血圧(平均)",
            "最高血圧(平均)",
        ],
    ),
    ("9A752000000000001", &["収縮期血圧(2回目)", "収縮期血圧2回目", "最高血圧(2回目)", "最高血圧2回目"]),
    ("9A751000000000001", &["収縮期血圧(1回目)", "収縮期血圧1回目", "最高血圧(1回目)", "最高血圧1回目"]),
    (
        "dbp",
        &[
            "拡張期血圧",
            "最低血圧",
            "血圧(拡張期)",
            "血圧(最低)",
            "拡張期血圧(その他)",
            "拡張期血圧(平均)",
            "最低血圧(平均)",
        ],
    ),
    ("9A762000000000001", &["拡張期血圧(2回目)", "拡張期血圧2回目", "最低血圧(2回目)", "最低血圧2回目"]),
    ("9A761000000000001", &["拡張期血圧(1回目)", "拡張期血圧1回目", "最低血圧(1回目)", "最低血圧1回目"]),
    ("pulse", &["脈拍", "脈拍数"]),
    ("blood_drawn", &["採血時間", "採血時間(食後)"]),
    ("tg", &["中性脂肪", "空腹時中性脂肪", "中性脂肪(空腹時)", "トリグリセライド", "トリグリセリド", "TG"]),
    ("tg_casual", &["随時中性脂肪", "中性脂肪(随時)"]),
    ("hdl", &["HDLコレステロール", "HDL", "HDL-C"]),
    ("ldl", &["LDLコレステロール", "LDL", "LDL-C"]),
    ("non_hdl", &["non-HDLコレステロール", "non-HDL", "non-HDL-C"]),
    ("total_chol", &["総コレステロール", "T-CHO"]),
    ("ast", &["AST", "GOT", "AST(GOT)", "GOT(AST)"]),
    ("alt", &["ALT", "GPT", "ALT(GPT)", "GPT(ALT)"]),
    ("ggt", &["γ-GT", "γ-GTP", "γ-GT(γ-GTP)", "γ-GTP(γ-GT)", "ガンマGT", "ガンマGTP", "GGT"]),
    ("fpg", &["空腹時血糖", "空腹時血糖値", "血糖(空腹時)", "FPG", "FBS"]),
    ("cpg", &["随時血糖", "随時血糖値", "血糖(随時)"]),
    ("hba1c", &["HbA1c", "HbA1c(NGSP)", "HbA1c(NGSP値)", "ヘモグロビンA1c"]),
    ("3D045000001906202", &["HbA1c(JDS)", "HbA1c(JDS値)"]),
    ("creatinine", &["クレアチニン", "血清クレアチニン", "血清クレアチニン値", "CRE"]),
    ("egfr", &["eGFR"]),
    ("uric_acid", &["尿酸", "血清尿酸", "尿酸値", "UA"]),
    ("hct", &["ヘマトクリット", "ヘマトクリット値", "Ht"]),
    ("hb", &["ヘモグロビン", "血色素量", "血色素量(ヘモグロビン値)", "ヘモグロビン(血色素量)", "ヘモグロビン値", "Hb"]),
    ("rbc", &["赤血球数", "赤血球", "RBC"]),
    ("u_glucose", &["尿糖", "尿糖(定性)"]),
    ("u_protein", &["尿蛋白", "尿たんぱく", "尿タンパク", "尿蛋白(定性)"]),
    ("metabo", &["メタボリックシンドローム判定", "メタボリックシンドローム", "メタボ判定"]),
    ("guidance", &["保健指導レベル", "保健指導階層化", "階層化判定"]),
    ("q_drug_bp", &["服薬1(血圧)", "服薬1", "服薬(血圧)", "血圧服薬"]),
    ("q_drug_glucose", &["服薬2(血糖)", "服薬2", "服薬(血糖)", "血糖服薬"]),
    ("q_drug_lipid", &["服薬3(脂質)", "服薬3", "服薬(脂質)", "脂質服薬"]),
    ("q_had_stroke", &["既往歴1(脳血管)", "既往歴1", "既往歴(脳卒中)"]),
    ("q_had_heart", &["既往歴2(心血管)", "既往歴2", "既往歴(心臓病)"]),
    ("q_had_kidney", &["既往歴3(腎不全・人工透析)", "既往歴3", "既往歴(腎不全)"]),
    ("q_had_anemia", &["貧血", "既往歴(貧血)"]),
    ("q_smoking", &["喫煙", "喫煙習慣"]),
    ("q_weight_gain", &["20歳からの体重変化"]),
    ("q_exercise", &["30分以上の運動習慣", "運動習慣"]),
    ("q_walking", &["歩行又は身体活動", "歩行または身体活動"]),
    ("q_walking_speed", &["歩行速度"]),
    ("q_chewing", &["咀嚼", "咀しゃく"]),
    ("q_eating_speed", &["食べ方1(早食い等)", "食べ方1(早食い)", "食べ方1", "食べる速さ"]),
    ("q_late_dinner", &["食べ方2(就寝前)", "食べ方2"]),
    ("q_snack", &["食べ方3(間食)", "食べ方3", "間食"]),
    ("q_skips_breakfast", &["食習慣", "朝食欠食"]),
    ("q_alcohol_freq", &["飲酒", "飲酒頻度"]),
    ("q_alcohol_amount", &["飲酒量"]),
    ("q_sleep", &["睡眠"]),
    ("q_intent", &["生活習慣の改善", "生活習慣改善意欲"]),
    ("q_guidance_history", &["特定保健指導の受診歴", "保健指導受診歴"]),
];

/// Half-width katakana; a voiced mark after one of them moves it on by one or two.
const HALF: &str = "ｦｧｨｩｪｫｬｭｮｯｰｱｲｳｴｵｶｷｸｹｺｻｼｽｾｿﾀﾁﾂﾃﾄﾅﾆﾇﾈﾉﾊﾋﾌﾍﾎﾏﾐﾑﾒﾓﾔﾕﾖﾗﾘﾙﾚﾛﾜﾝ";
const FULL: &str =
    "ヲァィゥェォャュョッーアイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワン";

/// Narrow, katakana wide, round brackets.
fn plain(title: &str) -> String {
    let mut made = String::with_capacity(title.len());
    for c in text::narrow(title).chars() {
        let up = match c {
            'ﾞ' => 1,
            'ﾟ' => 2,
            _ => 0,
        };
        if up > 0 {
            let voiced = made.pop().and_then(|before| char::from_u32(u32::from(before) + up));
            made.extend(voiced);
            continue;
        }
        made.push(match c {
            '【' | '〔' | '〈' | '《' | '「' => '(',
            '】' | '〕' | '〉' | '》' | '」' => ')',
            _ => HALF.chars().position(|half| half == c).and_then(|at| FULL.chars().nth(at)).unwrap_or(c),
        });
    }
    made
}

/// What is compared: lower case, without hyphens, long vowels, dots and brackets.
fn key(plain: &str) -> String {
    let dropped = |c: &char| !"-‐‑–—−ー―・_.,:;()[]".contains(*c);
    plain.to_lowercase().chars().filter(dropped).collect()
}

fn index() -> &'static HashMap<String, Head> {
    static INDEX: OnceLock<HashMap<String, Head>> = OnceLock::new();
    INDEX.get_or_init(|| {
        let mut index = HashMap::new();
        for (who, words) in WHO {
            index.extend(words.iter().map(|word| (key(&plain(word)), Head::Who(*who))));
        }
        index.extend(DATE.iter().map(|word| (key(&plain(word)), Head::Date)));
        index.extend(KIND.iter().map(|word| (key(&plain(word)), Head::Kind)));
        for (name, words) in WORDS {
            let code = items::first(name).unwrap_or(name);
            index.extend(words.iter().map(|word| (key(&plain(word)), of_code(code, None))));
        }
        index
    })
}

fn of_code(code: &str, unit: Option<String>) -> Head {
    let item = items::item(code);
    let own = item.map_or("", |item| item.unit());
    Head::Item { code: code.to_owned(), item, unit: unit.unwrap_or_else(|| own.to_owned()) }
}

/// A unit in brackets at the end, and what stands before it. What is no known unit but looks like one stays a unit, so
/// that no column takes mmol/L for mg/dL.
fn unit(plain: &str) -> Option<(&str, String)> {
    let open = match plain.chars().last()? {
        ')' => '(',
        ']' => '[',
        _ => return None,
    };
    let (before, inside) = plain.rsplit_once(open)?;
    let unit = units::written(inside.get(..inside.len() - 1)?);
    (items::known_unit(&unit) || unit.contains('/')).then_some((before, unit))
}

/// What a column with this header holds; `None` if that is not known.
pub(super) fn head(title: &str) -> Option<Head> {
    let whole = plain(title);
    let code = whole.split(|c: char| !c.is_ascii_alphanumeric()).find(|part| items::jlac10(part));
    if let Some(code) = code {
        // Findings in words are not taken.
        return (!code.ends_with("49")).then(|| of_code(code, unit(&whole).map(|(_, unit)| unit)));
    }
    if let Some(head) = index().get(&key(&whole)) {
        return Some(head.clone());
    }
    let (before, unit) = unit(&whole)?;
    match index().get(&key(before))?.clone() {
        Head::Item { code, item, .. } => Some(Head::Item { code, item, unit }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;

    fn item_of(title: &str) -> (String, String) {
        match head(title) {
            Some(Head::Item { code, unit, .. }) => (code, unit),
            other => panic!("{title}: {other:?}"),
        }
    }

    #[test]
    fn words_lead_to_codes_and_no_word_to_two() {
        let mut groups: Vec<&[&str]> = WORDS.iter().map(|(_, words)| *words).collect();
        groups.extend(WHO.iter().map(|(_, words)| *words).chain([DATE, KIND]));
        let mut met = HashMap::new();
        for (group, words) in groups.iter().enumerate() {
            for word in *words {
                assert_eq!(*met.entry(key(&plain(word))).or_insert(group), group, "{word} means two things");
            }
        }
        for (name, words) in WORDS {
            for word in *words {
                let (code, _) = item_of(word);
                assert!(items::item(&code).is_some(), "{word}");
                assert!(items::first(name).is_none_or(|first| first == code), "{word}");
            }
        }
    }

    #[test]
    fn spellings() {
        let one = |code: &str, unit: &str| (code.to_owned(), unit.to_owned());
        assert_eq!(item_of("体重（ｋｇ）"), one("9N006000000000001", "kg"));
        assert_eq!(item_of("最高血圧[mmHg]"), one("9A755000000000001", "mmhg"));
        assert_eq!(item_of("最高血圧(mm[Hg])"), one("9A755000000000001", "mm[hg]"));
        assert_eq!(item_of("ＨｂＡ１ｃ（ＮＧＳＰ）【％】"), one("3D046000001906202", "%"));
        assert_eq!(item_of("γ－ＧＴ（γ－ＧＴＰ）"), one("3B090000002327101", "u/l"));
        assert_eq!(item_of("ﾒﾀﾎﾞﾘｯｸｼﾝﾄﾞﾛｰﾑ判定"), one("9N501000000000011", ""));
        assert_eq!(item_of("LDL-ｺﾚｽﾃﾛｰﾙ(mg/dl)"), one("3F077000002327101", "mg/dl"));
        assert_eq!(item_of("空腹時血糖(mmol/L)"), one("3D010000001926101", "mmol/l"));
        assert_eq!(item_of("3D010000001926101(mmol/L)"), one("3D010000001926101", "mmol/l"));
        assert_eq!(item_of("9N001000000000001(身長)"), one("9N001000000000001", "cm"));
        assert_eq!(item_of("9N001000000000001"), one("9N001000000000001", "cm"));
        assert_eq!(item_of("身長_9N001000000000001"), one("9N001000000000001", "cm"));
        assert_eq!(item_of("1A030000000190301"), one("1A030000000190301", ""));
        assert!(matches!(head("被保険者証等・番号"), Some(Head::Who(Who::Number))));
        assert!(matches!(head("健診実施日"), Some(Head::Date)));
        for unknown in [
            "受診券整理番号",
            "",
            "()",
            "9N066000000000049",
            "利用者ID",
            "血糖",
            "腹囲(立位)",
            "生年月日(%)",
            "9n001000000000001",
            "ﾞ",
        ] {
            assert!(head(unknown).is_none(), "{unknown}");
        }
    }
}
