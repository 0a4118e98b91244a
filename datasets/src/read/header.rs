//! CSV with a header line: the built-in column maps and the loop over the rows. Not for claims, which have no header.

use std::borrow::Cow;
use std::io::BufRead;

use super::desk::Desk;
use super::error::{Place, ReadError};
use super::lines::{Items, Lines, Met};
use super::report::Kind;
use super::sniff::Format;
use super::text::{self, Encoding};

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

/// 加入者台帳. The order is that of the constants in `eligibility`.
pub(super) const ELIGIBILITY: &[Field] = &[
    must("保険者番号", &[]),
    may("記号", &["被保険者証記号", "被保険者証等記号"]),
    must("番号", &["被保険者証番号", "被保険者証等番号"]),
    may("枝番", &["被保険者証枝番", "被保険者証等枝番"]),
    may("氏名", &["漢字氏名", "氏名(漢字)", "氏名漢字"]),
    may("カナ氏名", &["氏名カナ", "氏名(カナ)", "カナ"]),
    must("生年月日", &[]),
    must("性別", &["性別区分"]),
    may("本人家族", &["本人家族区分", "本人・家族"]),
    must("取得日", &["資格取得日", "資格取得年月日", "取得年月日"]),
    may("喪失日", &["資格喪失日", "資格喪失年月日", "喪失年月日"]),
    may("喪失事由", &["資格喪失事由"]),
    may("事業所記号", &["事業所番号"]),
    may("規模", &["事業所規模"]),
    may("業種", &["業種コード"]),
    may("郵便番号", &["〒"]),
];

/// A service's list of users. The order is that of the constants in `lifelog`.
pub(super) const ROSTER: &[Field] = &[
    must("利用者ID", &["利用者id", "ユーザーID", "ユーザID"]),
    may("氏名", &["漢字氏名"]),
    may("カナ氏名", &["氏名カナ", "カナ"]),
    must("生年月日", &[]),
    must("性別", &["性別区分"]),
    may("郵便番号", &["〒"]),
    may("保険者番号", &[]),
    may("記号", &[]),
    may("番号", &[]),
    may("枝番", &[]),
    may("ファイル名", &["ファイル", "filename", "file_name", "file"]),
];

/// A service's values by user and day. The order is that of the constants in `lifelog`.
pub(super) const DAILY: &[Field] = &[
    must("利用者ID", &["利用者id", "ユーザーID", "ユーザID"]),
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

fn title(cell: &str) -> String {
    text::narrow(cell.trim_matches(|c: char| c == '"' || c == '\u{feff}'))
}

impl Field {
    fn is(&self, title: &str) -> bool {
        self.name == title || self.also.contains(&title)
    }
}

fn has(titles: &[String], layout: &[Field], name: &str) -> bool {
    layout.iter().filter(|field| field.name == name).any(|field| titles.iter().any(|title| field.is(title)))
}

/// Which header this is; `Unknown` if none.
pub(super) fn kind(line: &[u8]) -> Format {
    for encoding in [Encoding::Utf8, Encoding::Cp932] {
        let (line, broken) = encoding.decode(line);
        if broken {
            continue;
        }
        let titles: Vec<String> = line.split(',').map(title).collect();
        if super::fitbit::is(&titles) {
            return Format::Fitbit;
        }
        if has(&titles, DAILY, "利用者ID") && has(&titles, DAILY, "日付") {
            return Format::Daily;
        }
        if has(&titles, ROSTER, "利用者ID") && has(&titles, ROSTER, "生年月日") {
            return Format::Roster;
        }
        if has(&titles, ELIGIBILITY, "保険者番号") && has(&titles, ELIGIBILITY, "取得日") {
            return Format::Eligibility;
        }
        if super::checkup::table::is_header(titles.iter()) {
            return Format::CheckupCsv;
        }
    }
    Format::Unknown
}

/// A row of such a file, its items by the layout's order.
pub(super) struct Row<'a> {
    items: &'a Items,
    columns: &'a [Option<usize>],
    encoding: Encoding,
    pub(super) file: &'a str,
    pub(super) line: u64,
}

impl<'a> Row<'a> {
    pub(super) fn bytes(&self, field: usize) -> &'a [u8] {
        match self.columns.get(field) {
            Some(Some(at)) => self.items.get(*at).trim_ascii(),
            _ => &[],
        }
    }

    /// The cleaned text of an item, `None` if it is empty.
    pub(super) fn text(&self, field: usize) -> Option<Cow<'a, str>> {
        match self.encoding.decode(self.bytes(field)).0 {
            Cow::Borrowed(text) => text::clean(text),
            Cow::Owned(text) => text::clean(&text).map(|text| Cow::Owned(text.into_owned())),
        }
    }

    fn undecodable(&self) -> bool {
        (0..self.columns.len()).any(|field| self.encoding.decode(self.bytes(field)).1)
    }
}

/// What became of a row.
pub(super) enum Fate {
    Kept,
    /// Doesn't fit its layout; when most rows don't, the file is refused.
    Malformed(&'static str),
    /// Fits, but can't be used.
    Unusable(&'static str),
}

const HELP: &str = "Compare the header and the first rows with the layout in the guide, and export the file again";

fn columns(layout: &[Field], line: &str, file: &str, number: u64) -> Result<Vec<Option<usize>>, ReadError> {
    let titles: Vec<String> = line.split(',').map(title).collect();
    let mut found = Vec::with_capacity(layout.len());
    for field in layout {
        let mut at = titles.iter().enumerate().filter(|(_, title)| field.is(title)).map(|(at, _)| at);
        let first = at.next();
        if let Some(second) = at.next() {
            let place = Place { file: file.to_owned(), line: number, column: second as u64 + 1 };
            let what = format!("the column {} stands twice in the header", field.name);
            return Err(ReadError::refused(place, "header-twice", what, "Keep one of the two"));
        }
        if first.is_none() && field.required {
            let what = format!("the header lacks the column {}", field.name);
            let help = "Add the column, or export the file with it";
            return Err(ReadError::refused(Place::line(file, number), "header-lacks", what, help));
        }
        found.push(first);
    }
    Ok(found)
}

/// Reads all rows; `take` says what became of each.
pub(super) fn rows<R: BufRead>(
    desk: &mut Desk<'_>,
    kind: Kind,
    layout: &[Field],
    file: &str,
    encoding: Encoding,
    input: R,
    take: &mut dyn FnMut(&mut Desk<'_>, &Row<'_>) -> Result<Fate, ReadError>,
) -> Result<(), ReadError> {
    let mut lines = Lines::new(input);
    let mut items = Items::default();
    let mut places: Option<Vec<Option<usize>>> = None;
    let (mut rows, mut malformed, mut first_bad) = (0_u64, 0_u64, 0_u64);
    let mut width = 0;
    desk.tally.file(kind);
    loop {
        let met = lines.advance().map_err(|error| ReadError::io(file, &error))?;
        if met == Met::End {
            break;
        }
        let line = lines.number();
        let Some(places) = &places else {
            let (header, _) = encoding.decode(&lines.line);
            places = Some(columns(layout, &header, file, line)?);
            width = header.split(',').count();
            continue;
        };
        rows += 1;
        desk.tally.read(kind, 1);
        let fate = if met == Met::TooLong {
            Fate::Malformed("line-too-long")
        } else if !items.quoted(&lines.line) {
            Fate::Malformed("open-quote")
        } else if lines.line.contains(&0) {
            Fate::Malformed("nul-byte")
        } else if (width..items.len()).any(|at| !items.get(at).trim_ascii().is_empty()) {
            Fate::Malformed("too-many-items")
        } else {
            let row = Row { items: &items, columns: places, encoding, file, line };
            let fate = take(desk, &row)?;
            if matches!(fate, Fate::Kept) && !lines.line.is_ascii() && row.undecodable() {
                desk.tally.value_lost(kind, "undecodable-character", file, line);
            }
            fate
        };
        match fate {
            Fate::Kept => desk.tally.kept(kind, 1),
            Fate::Unusable(code) => desk.tally.quarantined(kind, code, 1, file, line),
            Fate::Malformed(code) => {
                desk.tally.quarantined(kind, code, 1, file, line);
                malformed += 1;
                if first_bad == 0 {
                    first_bad = line;
                }
            }
        }
        if rows == 1_000 && malformed * 2 > rows {
            break;
        }
    }
    if malformed >= 3 && (malformed == rows || rows >= 20 && malformed * 2 > rows) {
        let what = "most rows do not fit the layout that the header promises";
        return Err(ReadError::refused(Place::line(file, first_bad), "rows-do-not-fit", what, HELP));
    }
    Ok(())
}
