//! Column maps: any header for the known layouts, and kinds of data that no Rust knows of. All people are invented.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod read_support;

use std::path::{Path, PathBuf};

use audit_log::storage::faulty::Disk;
use audit_log::{Account, Event, Log, Receipt, Signer};
use datasets::catalogue::Catalogue;
use datasets::read::{Kind, ReadError, ReadOptions};
use datasets::store::{Load, Person, Store, load};
use polars::prelude::*;
use read_support::{Run, cp932, day, file, run, run_with};

fn with_maps(maps: &[PathBuf]) -> ReadOptions {
    ReadOptions { maps: maps.to_vec(), ..ReadOptions::default() }
}

fn read(dir: &Path, map: &str, csv: &[u8]) -> Result<Run, ReadError> {
    let map = file(dir, "map.toml", map.as_bytes());
    run_with(&[file(dir, "data", csv)], &with_maps(&[map]))
}

const ELIGIBILITY: &str = r#"
layout = "eligibility"
[columns]
"保険者番号" = { constant = "06139999" }
"番号" = "社員番号"
"氏名" = "社員 氏名"
"生年月日" = { from = ["誕生日", "生年月日(和暦)"], date = "%E%y.%m.%d" }
"性別" = { from = "性", codes = { "男" = "1", "女" = "2" } }
"取得日" = { from = "入社日", date = "%Y年%m月%d日" }
"本人家族" = { from = "続柄", codes = { "本人" = "1", "妻" = "2", "子" = "2" } }
"#;

#[test]
fn a_layout_takes_any_header() {
    let dir = tempfile::tempdir().unwrap();
    let header = "備考\t社員番号\t\"社員\r\n氏名\"\t誕生日\t性\t\"入社日\"\t続柄\t喪失日\r\n";
    let rows = "x\t77\t架空　花子\tS55.2.29\t女\t2020年4月1日\t本人\t\r\n\
                x\t78\t\"架空\t太郎\"\tH01.02.03\t男\t2020年04月01日\t子\t2021-03-31\r\n\
                x\t79\t架空　次郎\t昭和\t不明\t2020年4月1日\t知人\t\r\n";
    for (at, bytes) in
        [cp932(&format!("{header}{rows}")), format!("\u{feff}{header}{rows}").into_bytes()].iter().enumerate()
    {
        let got = read(&dir.path().join(at.to_string()), ELIGIBILITY, bytes).unwrap();
        assert_eq!(got.height("enrolment"), 3);
        let who = |row, column| got.text("identity", column, row);
        assert_eq!(who(0, "insurer_no").as_deref(), Some("06139999"), "a constant");
        assert_eq!((who(0, "number").as_deref(), who(0, "sex").as_deref()), (Some("77"), Some("2")));
        assert_eq!((who(0, "birth").as_deref(), who(1, "birth").as_deref()), (Some("19800229"), Some("19890203")));
        assert_eq!(who(1, "name").as_deref(), Some("架空太郎"), "control characters are taken out");
        assert_eq!((who(2, "birth").as_deref(), who(2, "sex").as_deref()), (Some("昭和"), Some("不明")), "as written");
        assert_eq!(got.lost(Kind::Eligibility, "birth-date"), 1);
        assert_eq!(got.date("enrolment", "start_date", 0), Some(day(2020, 4, 1)));
        assert_eq!(got.date("enrolment", "end_date", 1), Some(day(2021, 3, 31)), "a header of the layout's own");
        let relations: Vec<_> = (0..3).map(|row| got.code("enrolment", "relation", row).unwrap()).collect();
        assert_eq!(relations, ["honnin", "kazoku", "other"]);
    }
}

#[test]
fn values_of_a_layout_are_converted() {
    let dir = tempfile::tempdir().unwrap();
    let map = "layout = \"daily\"\n[columns]\n\"利用者ID\" = \"uid\"\n\"日付\" = { from = \"day\", date = \"%m/%d/%Y\" }\n\
               \"体重kg\" = { from = \"weight (lb)\", factor = \"0.45359237\" }\n\"歩数\" = { from = \"ksteps\", factor = \"1000\" }\n";
    let roster = file(dir.path(), "roster", "利用者ID,カナ氏名,生年月日,性別\nU1,カクウ,19800229,2\n".as_bytes());
    let daily = file(dir.path(), "daily", b"day,uid,weight (lb),ksteps\n04/02/2024,U1,150,8.123\n04/03/2024,U1,x,1\n");
    let map = file(dir.path(), "map.toml", map.as_bytes());
    let got = run_with(&[roster, daily], &with_maps(&[map])).unwrap();
    assert_eq!(got.ints("lifelog_daily", "weight_kg"), [Some(680), None]);
    assert_eq!(got.ints("lifelog_daily", "steps"), [Some(8_123), Some(1_000)]);
    assert_eq!(got.date("lifelog_daily", "date", 0), Some(day(2024, 4, 2)));
    assert_eq!(got.lost(Kind::LifelogDaily, "number"), 1);
}

#[test]
fn fitbit_under_other_names() {
    let dir = tempfile::tempdir().unwrap();
    let map = "layout = \"fitbit\"\n[columns]\nDate = \"日付\"\nSteps = \"歩数\"\nuser_id = \"会員番号\"\n\"Minutes Sedentary\" = { from = \"座位\", optional = true }\n";
    let roster = file(dir.path(), "roster", "利用者ID,カナ氏名,生年月日,性別\nU1,カクウ,19800229,2\n".as_bytes());
    let daily = file(dir.path(), "daily", "会員番号,日付,歩数\nU1,2024-04-02,8123\n".as_bytes());
    let map = file(dir.path(), "map.toml", map.as_bytes());
    let got = run_with(&[roster, daily], &with_maps(&[map])).unwrap();
    assert_eq!(got.ints("lifelog_daily", "steps"), [Some(8_123)]);
    assert_eq!(got.code("lifelog_daily", "source", 0).as_deref(), Some("fitbit"));
}

const VISITS: &str = r#"
name = "home_visit"
description = "Visits of public health nurses at home."
source_kind = "programmes"
rows = "many"
order = ["visit_date", "reason"]

[[column]]
name = "visit_date"
type = "date"
min = "2008-04-01"
max = "2036-03-31"
nullable = false
sensitivity = "special"
origin = "Window as claim.month."
description = "Day of the visit."

[[column]]
name = "reason"
type = "category"
nullable = false
sensitivity = "special"
origin = "Policy of this room."
description = "Why."
values = [{ code = "newborn", label = "新生児" }, { code = "elderly", label = "高齢者" }, { code = "other", label = "その他" }]

[[column]]
name = "minutes"
type = "integer"
unit = "min"
min = "0"
max = "240"
nullable = true
sensitivity = "ordinary"
origin = "Policy of this room."
description = "How long."

[[column]]
name = "followed"
type = "flag"
nullable = true
sensitivity = "ordinary"
origin = "As recorded."
description = "Whether another visit was agreed."
"#;

const VISIT_MAP: &str = r#"
table = "home_visit"
[identity]
insurer_no = { constant = "00131000" }
number = "世帯番号"
kana = ["フリガナ", "カナ"]
birth = "生年月日"
sex = { from = "性別", codes = { "男" = "1", "女" = "2" } }
[columns]
visit_date = "訪問日"
reason = { from = "訪問理由", codes = { "新生児訪問" = "newborn", "高齢者 訪問" = "elderly" } }
minutes = { from = "時間(h)", factor = "60" }
followed = { from = "再訪", codes = { "有" = "true", "無" = "false" } }
"#;

const VISIT_ROWS: &str = "世帯番号,フリガナ,生年月日,性別,訪問日,訪問理由,時間（ｈ）,再訪\n\
    11,カクウ　ハナコ,S15.1.1,女,令和6年4月2日,高齢者訪問,0.75,有\n\
    11,カクウ　ハナコ,S15.1.1,女,2024/05/02,見守り,9,無\n\
    12,カクウ　タロウ,2024-03-01,男,20240403,新生児訪問,,?\n\
    13,カクウ　ジロウ,2024-03-01,男,4月3日,新生児訪問,1,有\n\
    ,,2024-03-01,男,20240403,新生児訪問,1,有\n";

#[test]
fn a_new_kind_is_a_catalogue_file_and_a_column_map() {
    let dir = tempfile::tempdir().unwrap();
    let catalogue = Catalogue::extended(&[("home_visit.toml", VISITS)]).unwrap();
    let options = ReadOptions {
        catalogue: Some(catalogue.clone()),
        ..with_maps(&[file(dir.path(), "visit-map.toml", VISIT_MAP.as_bytes())])
    };
    let got = run_with(&[file(dir.path(), "x.txt", &cp932(VISIT_ROWS))], &options).unwrap();
    assert_eq!((got.height("home_visit"), got.identity.height()), (3, 2));
    assert_eq!(got.ints("home_visit", "minutes"), [Some(45), Some(240), None]);
    assert_eq!(got.date("home_visit", "visit_date", 0), Some(day(2024, 4, 2)));
    assert_eq!(got.ints("home_visit", "followed"), [Some(1), Some(0), None]);
    assert_eq!(got.text("identity", "insurer_no", 0).as_deref(), Some("00131000"));
    assert_eq!(got.date("identity", "last_seen", 0), Some(day(2024, 5, 2)));
    let kind = Kind::Mapped;
    assert_eq!((got.repaired(kind, "code-not-in-list"), got.repaired(kind, "out-of-bounds")), (1, 1));
    assert_eq!(
        (got.lost(kind, "flag"), got.quarantined(kind, "date"), got.quarantined(kind, "no-identity")),
        (1, 1, 1)
    );
    let found: Vec<_> = got.report.findings().iter().map(|finding| (finding.line, finding.code)).collect();
    assert!(found.contains(&(3, "code-not-in-list")) && found.contains(&(5, "date")), "{found:?}");

    // Into the store, as any table: here every identity is a person.
    let persons = |n: u32| Person { id: u128::from(n) + 7, sex: 1, birth_ym: day(1980, 1, 1) };
    let persons: Vec<Person> = (0..2).map(persons).collect();
    let mut visits = got.tables["home_visit"].clone();
    visits.rename("ident", "pid".into()).unwrap();
    let identities = df!(
        "source" => ["kokuho", "kokuho"], "sequence" => [1_u64, 1], "ident" => [0_u32, 1], "pid" => [0_u32, 1],
    );
    let linked = Event::Linkage {
        packages: vec!["ab".repeat(32)],
        strategy: "sudare".into(),
        parameters: "cd".repeat(32),
        report: "ef".repeat(32),
    };
    let staged = load(
        dir.path(),
        Load {
            persons: &persons,
            tables: [("home_visit".to_owned(), visits)].into(),
            identities: identities.unwrap(),
            draws: &|person, ordinal| u64::try_from(person).unwrap() << 32 | u64::from(ordinal),
            receipt: &receipt(&linked),
        },
        &catalogue,
        &|_| (),
    );
    let path = staged.unwrap().publish("visits").unwrap();
    let store = Store::open(&path, &dir.path().join("spill"), 256).unwrap();
    let sql = "SELECT pid, visit_date - DATE '1970-01-01', reason, minutes FROM home_visit ORDER BY pid, visit_date";
    let rows = store.integers(sql, &receipt(&intent())).unwrap();
    let (newborn, elderly, other) = (Some(0), Some(1), Some(2));
    let at = |y, m, d| Some(i128::from(day(y, m, d)));
    assert_eq!(
        rows,
        [
            vec![Some(0), at(2024, 4, 2), elderly, Some(45)],
            vec![Some(0), at(2024, 5, 2), other, Some(240)],
            vec![Some(1), at(2024, 4, 3), newborn, None],
        ]
    );
}

fn receipt(event: &Event) -> Receipt {
    let signer = Signer::from_seed("room.example/test", &[7; 32]).unwrap();
    let mut log = Log::create(Disk::new(), "room.example/test", signer).unwrap();
    let at = log.append(event, "2026-11-22T00:00:00Z").unwrap();
    log.checkpoint().unwrap();
    log.receipt(at).unwrap()
}

fn intent() -> Event {
    Event::Intent {
        request: "11".repeat(32),
        project: "p".into(),
        researcher: "r".into(),
        plan: "22".repeat(32),
        snapshot: "33".repeat(32),
        policy: "44".repeat(32),
        account: Account::Pure,
        epsilon: "1".into(),
        delta: "0".into(),
        rho: "0".into(),
    }
}

#[test]
fn rows_by_user_need_the_roster() {
    let dir = tempfile::tempdir().unwrap();
    let map = "table = \"observation\"\n[identity]\nuser = \"uid\"\n[columns]\ndate = \"day\"\nplace = { constant = \"home\" }\n\
               code = { constant = \"hk:mood\" }\nvalue = \"mood\"\n";
    let map = with_maps(&[file(dir.path(), "map.toml", map.as_bytes())]);
    let moods = file(dir.path(), "moods", b"uid,day,mood\nU1,2024-04-02,3.5\nU2,2024-04-02,1\n");
    let roster = file(dir.path(), "roster", "利用者ID,カナ氏名,生年月日,性別\nU1,カクウ,19800229,2\n".as_bytes());
    assert_eq!(run_with(std::slice::from_ref(&moods), &map).err().unwrap().code(), "no-roster");
    let got = run_with(&[moods, roster], &map).unwrap();
    assert_eq!(got.ints("observation", "value"), [Some(3_500)]);
    assert_eq!(got.code("observation", "place", 0).as_deref(), Some("home"));
    assert_eq!(got.text("observation", "code", 0).as_deref(), Some("hk:mood"));
    assert_eq!(got.quarantined(Kind::Mapped, "user-not-in-roster"), 1);
    assert_eq!(got.identity.height(), 1, "the roster's user, nobody else");
}

/// Code, line and what must be said, by what is wrong with a map.
const FAULTS: &[(&str, u64, &[&str], &str)] = &[
    ("map-syntax", 2, &["unknown field", "tabel"], "\ntabel = \"event\"\n"),
    ("map-syntax", 3, &["header in quotes"], "table = \"event\"\n[columns]\nkind = 3\n"),
    ("map-syntax", 3, &["unknown field", "form"], "table = \"event\"\n[columns]\nkind = { form = \"x\" }\n"),
    ("map-target", 1, &["layout", "table", "eligibility"], "[columns]\n"),
    ("map-target", 1, &["either"], "layout = \"roster\"\ntable = \"event\"\n"),
    ("map-table", 1, &["\"evnet\"", "event"], "table = \"evnet\"\n"),
    ("map-table", 1, &["person"], "table = \"person\"\n"),
    ("map-table-special", 1, &["layout = \"eligibility\""], "table = \"enrolment\"\n"),
    ("map-layout", 1, &["eligibility"], "layout = \"eligiblity\"\n"),
    ("map-column", 3, &["\"性\"", "性別"], "layout = \"roster\"\n[columns]\n\"性\" = \"sex\"\n"),
    (
        "map-column",
        4,
        &["strat_date", "start_date"],
        "table = \"event\"\n[columns]\nkind = \"k\"\nstrat_date = \"d\"\n",
    ),
    (
        "map-code",
        3,
        &["vacination", "vaccination"],
        "table = \"event\"\n[columns]\nkind = { constant = \"vacination\" }\n",
    ),
    (
        "map-code",
        4,
        &["alergy", "allergy"],
        "table = \"event\"\n[columns.kind]\nfrom = \"k\"\ncodes = { \"ア\" = \"alergy\" }\n",
    ),
    (
        "map-code",
        4,
        &["true or false"],
        "table = \"consent\"\n[columns.allowed]\nfrom = \"k\"\ncodes = { \"可\" = \"yes\" }\n",
    ),
    ("map-code", 3, &["ASCII"], "table = \"event\"\n[columns]\ncode = { constant = \"風邪\" }\n"),
    ("map-unfilled", 1, &["start_date"], "table = \"event\"\n[columns]\nkind = \"k\"\n"),
    (
        "map-unfilled",
        1,
        &["start_date"],
        "table = \"event\"\n[columns]\nkind = \"k\"\nstart_date = { from = \"d\", optional = true }\n",
    ),
    ("map-value", 3, &["from", "constant"], "table = \"event\"\n[columns]\nkind = { optional = true }\n"),
    ("map-value", 3, &["%Y"], "table = \"event\"\n[columns]\nstart_date = { from = \"d\", date = \"%Y-%d\" }\n"),
    ("map-value", 3, &["days or months"], "table = \"event\"\n[columns]\nkind = { from = \"d\", date = \"%Y%m%d\" }\n"),
    ("map-value", 3, &["numbers"], "table = \"event\"\n[columns]\nkind = { from = \"d\", factor = \"2\" }\n"),
    ("map-value", 3, &["decimal"], "table = \"observation\"\n[columns]\nvalue = { from = \"d\", factor = \"two\" }\n"),
    ("map-value", 3, &["codes"], "table = \"event\"\n[columns]\nkind = { from = \"d\", prefix = \"x:\" }\n"),
    ("map-identity", 3, &["insurer", "insurer_no"], "table = \"event\"\n[identity]\ninsurer = \"i\"\n"),
    ("map-identity", 3, &["at least one"], "table = \"event\"\n[identity]\nbirth = \"b\"\n"),
    (
        "map-recognize",
        1,
        &["[recognize]"],
        "table = \"event\"\n[columns]\nkind = { constant = \"leave\" }\nstart_date = { constant = \"2024-04-01\" }\n",
    ),
];

#[test]
fn a_map_with_a_fault_is_refused_with_its_line_and_what_would_pass() {
    let dir = tempfile::tempdir().unwrap();
    let data = file(dir.path(), "data", b"a,b\n1,2\n");
    for (at, (code, line, said, map)) in FAULTS.iter().enumerate() {
        let path = file(dir.path(), &format!("fault-{at}.toml"), map.as_bytes());
        let error = run_with(std::slice::from_ref(&data), &with_maps(&[path])).err().expect(map);
        let ReadError::Refused { place, .. } = &error else { panic!("{error}") };
        assert_eq!((error.code(), place.line), (*code, *line), "{map}\n{error}");
        assert!(place.file.ends_with(&format!("fault-{at}.toml")));
        let text = error.to_string();
        assert!(said.iter().all(|word| text.contains(word)), "{map}\n{text}");
    }
}

#[test]
fn which_map_fits_is_decided_by_the_headers() {
    let dir = tempfile::tempdir().unwrap();
    let map = |name: &str, headers: &str| {
        let text = format!(
            "table = \"event\"\n{headers}[identity]\nnumber = \"no\"\n[columns]\nkind = {{ constant = \"leave\" }}\nstart_date = \"from\"\n"
        );
        file(dir.path(), name, text.as_bytes())
    };
    let (one, other) =
        (map("one.toml", ""), map("other.toml", "[recognize]\nheaders = [\"from\", [\"x\", \"only\"]]\n"));
    let plain = file(dir.path(), "plain", b"no,from\n1,2024-04-01\n");
    let both = file(dir.path(), "folder/both", b"no,from,only\n1,2024-04-01,\n");
    let maps = with_maps(&[one.clone(), other]);
    assert_eq!(run_with(std::slice::from_ref(&plain), &maps).unwrap().height("event"), 1);
    let error = run_with(&[dir.path().join("folder")], &maps).err().unwrap();
    assert_eq!(error.code(), "map-ambiguous", "in a folder too");
    assert!(error.to_string().contains("one.toml") && error.to_string().contains("other.toml"), "{error}");
    assert_eq!(
        run_with(&[both], &with_maps(std::slice::from_ref(&one))).unwrap().height("event"),
        1,
        "more headers do no harm"
    );
    // What fits no map: the one that comes nearest, and what the file lacks.
    let lacking = file(dir.path(), "lacking", b"no,form\n1,2024-04-01\n");
    let error = run_with(std::slice::from_ref(&lacking), &with_maps(&[one])).err().unwrap();
    assert_eq!(error.code(), "unknown-content");
    assert!(
        error.to_string().contains("one.toml comes nearest") && error.to_string().contains("headers from"),
        "{error}"
    );
    assert!(!run(&[lacking]).err().unwrap().to_string().contains("nearest"));
}

#[test]
fn headers_as_people_write_them() {
    let dir = tempfile::tempdir().unwrap();
    let read = |name: &str, bytes: &[u8]| run(&[file(dir.path(), name, bytes)]);
    let header = "保険者番号,番号,生年月日,性別,取得日";
    let row = "06139999,1,19800229,2,20200401\n";
    let quoted = "\"保険者\n番号\",\"番　号\",\"生年月日\",性別,\"取得日\",\"備考,\n(社内)\"\n";
    for (at, text) in [
        format!("{header}\n{row}"),
        format!("\u{feff}\n{quoted}{row}"),
        format!("{quoted}{row}").replace('\n', "\r\n"),
        format!("{header}\n{row}").replace(',', "\t"),
        format!("{}\n{row}", header.replace('番', "番 ").replace("性別", "　性別　")),
    ]
    .iter()
    .enumerate()
    {
        let got = read(&format!("{at}"), text.as_bytes()).unwrap_or_else(|error| panic!("{at}: {error}"));
        assert_eq!((got.height("enrolment"), got.who(0, "number").as_deref()), (1, Some("1")), "{at}");
        let got = read(&format!("{at}-cp932"), &cp932(text.trim_start_matches('\u{feff}'))).unwrap();
        assert_eq!(got.height("enrolment"), 1, "{at}");
    }
    let error = read("semicolons", format!("{header}\n{row}").replace(',', ";").as_bytes()).err().unwrap();
    assert_eq!(error.code(), "semicolons");
    assert!(error.to_string().contains("commas or tabs"));
    let error = read("twice", format!("{header},取得年月日\n{row}").as_bytes()).err().unwrap();
    assert_eq!(error.code(), "header-twice");
    assert!(error.to_string().contains("column 6"), "{error}");
    assert_eq!(read("open", format!("{},\"備考\n{row}", header).as_bytes()).err().unwrap().code(), "unknown-content");
}
