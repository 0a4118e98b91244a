//! The layouts of CSV files that are known without a map: their columns, and the headers seen for them. Not the readers,
//! which know the columns by their places here.

use super::sniff::Format;

/// A column of a layout: its name, whether a file must have it, and other names seen for it.
pub(super) struct Field {
    name: &'static str,
    required: bool,
    also: &'static [&'static str],
}

const fn must(name: &'static str, also: &'static [&'static str]) -> Field {
    Field { name, required: true, also }
}

const fn may(name: &'static str, also: &'static [&'static str]) -> Field {
    Field { name, required: false, also }
}

const SYMBOL: &[&str] = &["被保険者証記号", "被保険者証等記号"];
const NUMBER: &[&str] = &["被保険者証番号", "被保険者証等番号"];
const BRANCH: &[&str] = &["被保険者証枝番", "被保険者証等枝番"];
const NAME: &[&str] = &["漢字氏名", "氏名(漢字)", "氏名漢字"];
const KANA: &[&str] = &["氏名カナ", "氏名(カナ)", "カナ", "フリガナ"];
const BIRTH: &[&str] = &["誕生日"];
const SEX: &[&str] = &["性別区分"];
const INDIVIDUAL: &[&str] = &["個人単位被保険者番号"];
const POSTCODE: &[&str] = &["〒"];
const USER: &[&str] = &["利用者id", "ユーザーID", "ユーザID"];

/// 加入者台帳. The order is that of the constants in `eligibility`.
pub(super) const ELIGIBILITY: &[Field] = &[
    must("保険者番号", &[]),
    may("記号", SYMBOL),
    must("番号", NUMBER),
    may("枝番", BRANCH),
    may("氏名", NAME),
    may("カナ氏名", KANA),
    must("生年月日", BIRTH),
    must("性別", SEX),
    may("本人家族", &["本人家族区分", "本人・家族"]),
    must("取得日", &["資格取得日", "資格取得年月日", "取得年月日"]),
    may("喪失日", &["資格喪失日", "資格喪失年月日", "喪失年月日"]),
    may("喪失事由", &["資格喪失事由"]),
    may("事業所記号", &["事業所番号"]),
    may("規模", &["事業所規模"]),
    may("業種", &["業種コード"]),
    may("郵便番号", POSTCODE),
];

/// A service's list of users. The order is that of the constants in `lifelog`.
pub(super) const ROSTER: &[Field] = &[
    must("利用者ID", USER),
    may("氏名", NAME),
    may("カナ氏名", KANA),
    must("生年月日", BIRTH),
    must("性別", SEX),
    may("郵便番号", POSTCODE),
    may("保険者番号", &[]),
    may("記号", &[]),
    may("番号", &[]),
    may("枝番", BRANCH),
    may("ファイル名", &["ファイル", "filename", "file_name", "file"]),
];

/// A service's values by user and day. The order is that of the constants in `lifelog`.
pub(super) const DAILY: &[Field] = &[
    must("利用者ID", USER),
    must("日付", &["年月日", "測定日"]),
    may("歩数", &["歩数(歩)", "総歩数", "steps"]),
    may("睡眠分", &["睡眠時間(分)", "総睡眠時間(分)", "sleep_min"]),
    may("装着分", &["装着時間(分)", "wear_min"]),
    may("安静時心拍", &["安静時心拍数", "安静時心拍数(bpm)", "安静時心拍数(拍/分)", "resting_hr"]),
    may("体重kg", &["体重", "体重(kg)", "weight_kg"]),
    may("収縮期血圧", &["最高血圧", "収縮期血圧(mmHg)", "最高血圧(mmHg)", "sbp"]),
    may("拡張期血圧", &["最低血圧", "拡張期血圧(mmHg)", "最低血圧(mmHg)", "dbp"]),
    may("深睡眠分", &["深い睡眠分", "深い睡眠(分)", "深睡眠(分)", "深い眠り(分)", "sleep_deep_min"]),
    may("レム睡眠分", &["REM睡眠分", "レム睡眠(分)", "REM睡眠(分)", "sleep_rem_min"]),
    may("浅睡眠分", &["浅い睡眠分", "浅い睡眠(分)", "浅睡眠(分)", "浅い眠り(分)", "コア睡眠(分)", "sleep_light_min"]),
    may("覚醒分", &["中途覚醒分", "覚醒時間(分)", "中途覚醒(分)", "覚醒(分)", "awake_min"]),
    may(
        "摂取kcal",
        &["摂取カロリー", "摂取エネルギー", "摂取カロリー(kcal)", "摂取エネルギー(kcal)", "energy_in_kcal"],
    ),
    may(
        "活動kcal",
        &[
            "消費kcal",
            "活動カロリー",
            "消費カロリー",
            "活動エネルギー",
            "活動カロリー(kcal)",
            "消費カロリー(kcal)",
            "活動エネルギー(kcal)",
            "活動消費カロリー(kcal)",
            "energy_out_kcal",
        ],
    ),
];

/// 利用停止・オプトアウト: who must not be in any package. The order is that of the constants in `consent`. Only a list
/// with a column that says what it is is one: a list of identities alone could mean anything.
pub(super) const OPT_OUT: &[Field] = &[
    may("オプトアウト日", &["オプトアウト", "利用停止日", "提供停止日", "停止申出日", "オプトアウト申出日", "拒否日"]),
    may("利用者ID", USER),
    may("保険者番号", &[]),
    may("記号", SYMBOL),
    may("番号", NUMBER),
    may("枝番", BRANCH),
    may("氏名", NAME),
    may("カナ氏名", KANA),
    may("生年月日", BIRTH),
    may("性別", SEX),
    may("個人単位番号", INDIVIDUAL),
    may("郵便番号", POSTCODE),
];

/// Who a row is about, in the order of `identity::FIELDS`, then the user of a roster: for tables by map.
pub(super) const PERSON: &[Field] = &[
    may("保険者番号", &[]),
    may("記号", SYMBOL),
    may("番号", NUMBER),
    may("枝番", BRANCH),
    may("氏名", NAME),
    may("カナ氏名", KANA),
    may("生年月日", BIRTH),
    may("性別", SEX),
    may("個人単位番号", INDIVIDUAL),
    may("郵便番号", POSTCODE),
    may("利用者ID", USER),
];

impl Field {
    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    pub(super) fn required(&self) -> bool {
        self.required
    }

    /// All headers that name this column, the layout's own first.
    pub(super) fn headers(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.name).chain(self.also.iter().copied())
    }

    pub(super) fn is(&self, title: &str) -> bool {
        self.name == title || self.also.contains(&title)
    }
}

fn has(titles: &[String], layout: &[Field], name: &str) -> bool {
    layout.iter().filter(|field| field.name == name).any(|field| titles.iter().any(|title| field.is(title)))
}

/// The layout whose own headers these are.
pub(super) fn native(titles: &[String]) -> Option<Format> {
    let has = |layout, name| has(titles, layout, name);
    if has(OPT_OUT, "オプトアウト日") {
        return Some(Format::OptOut);
    }
    if super::fitbit::is(titles) {
        return Some(Format::Fitbit);
    }
    if has(DAILY, "利用者ID") && has(DAILY, "日付") {
        return Some(Format::Daily);
    }
    if has(ROSTER, "利用者ID") && has(ROSTER, "生年月日") {
        return Some(Format::Roster);
    }
    if has(ELIGIBILITY, "保険者番号") && has(ELIGIBILITY, "取得日") {
        return Some(Format::Eligibility);
    }
    if super::checkup::table::is_header(titles.iter()) {
        return Some(Format::CheckupCsv);
    }
    None
}
