//! 特定健診 XML: one fixture per trap. All people and numbers are invented.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod read_support;

use datasets::read::{Kind, ReadError, ReadOptions};
use read_support::{Run, day, file, run, run_with, zip};

const K: Kind = Kind::Checkup;
const OID: &str = "1.2.392.200119.6";

fn document(date: &str, report: &str, event: &str, entries: &str) -> String {
    format!(
        "\u{feff}<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!-- made by hand -->\n\
<ClinicalDocument xmlns=\"urn:hl7-org:v3\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">\n\
<code code=\"{report}\" codeSystem=\"{OID}.1001\"/><effectiveTime value=\"20990101\"/>\n\
<recordTarget><patientRole><id root=\"{OID}.101\" extension=\"00133066\"/><id root=\"{OID}.204\" extension=\"１２\"/>\
<id root=\"{OID}.205\" extension=\"345&amp;6\"/><id root=\"{OID}.211\" extension=\"01\"/>\
<addr>架空町<postalCode>100-0001</postalCode></addr><patient><name>カクウ　ハナコ</name>\
<administrativeGenderCode code=\"2\"/><birthTime value=\"19800229\"/></patient></patientRole></recordTarget>\n\
<author><assignedAuthor><assignedPerson><name>秘密医師</name></assignedPerson></assignedAuthor></author>\n\
<documentationOf><serviceEvent><code code=\"{event}\"/><effectiveTime value=\"{date}\"/></serviceEvent></documentationOf>\n\
<component><structuredBody><component><section><code code=\"01010\"/><text>秘密の所見</text>\n{entries}\n\
</section></component></structuredBody></component></ClinicalDocument>\n"
    )
}

fn entry(code: &str, value: &str) -> String {
    format!(
        "<entry><observation classCode=\"OBS\" moodCode=\"EVN\"><code code=\"{code}\"/>{value}</observation></entry>\n"
    )
}

fn pq(value: &str, unit: &str) -> String {
    format!("<value xsi:type=\"PQ\" value=\"{value}\" unit=\"{unit}\"/>")
}

fn cd(code: &str, system: &str) -> String {
    format!("<value xsi:type=\"CD\" code=\"{code}\" codeSystem=\"{system}\"/>")
}

fn take(entries: &[String]) -> Run {
    let dir = tempfile::tempdir().unwrap();
    let text = document("20240610", "10", "010", &entries.concat());
    run(&[file(dir.path(), "x", text.as_bytes())]).unwrap()
}

#[test]
fn a_document_with_units_and_answers() {
    let got = take(&[
        entry("9N001000000000001", &pq("160.25", "cm")),
        entry("9N011000000000001", &pq("21.5", "kg/m2")),
        entry("9A755000000000001", &pq("120", "mmHg")),
        entry("3D046000001906202", &pq("5.6", "％")),
        entry("3C015000002327101", &pq("0.71", "")),
        entry("9N501000000000011", &cd("3", &format!("{OID}.1008"))),
        entry("9N736000000000011", &cd("2", &format!("{OID}.24060"))),
        entry("9N746000000000011", &cd("1", &format!("{OID}.2003"))),
        entry("9N786000000000011", &cd("2", &format!("{OID}.2005"))),
        entry("9N701000000000011", &cd("7", &format!("{OID}.2003"))),
        entry("9N999000000000049", "<value xsi:type=\"ST\">自由記述の所見</value>"),
    ]);
    assert_eq!(got.date("checkup", "exam_date", 0), Some(day(2024, 6, 10)));
    assert_eq!(got.code("checkup", "kind", 0).as_deref(), Some("tokutei"));
    assert_eq!(got.int("checkup", "height_cm", 0), Some(1_603), "half away from zero on the grid");
    assert_eq!((got.int("checkup", "bmi", 0), got.int("checkup", "sbp", 0)), (Some(215), Some(120)));
    assert_eq!((got.int("checkup", "hba1c", 0), got.int("checkup", "creatinine", 0)), (Some(56), Some(71)));
    assert_eq!(got.int("checkup", "weight_kg", 0), None);
    let code = |column| got.code("checkup", column, 0);
    assert_eq!(code("metabo").as_deref(), Some("3"));
    assert_eq!(code("q_smoking").as_deref(), Some("4:2"), "第4期: 以前は吸っていた");
    assert_eq!(code("q_exercise").as_deref(), Some("4:1"), "same list in both terms: the day decides");
    assert_eq!(code("q_alcohol_freq").as_deref(), Some("3:2"), "the old list in a new document stays old");
    assert_eq!(code("q_drug_bp").as_deref(), Some("other"));
    assert_eq!(code("q_sleep"), None);
    assert_eq!(got.who(0, "kana").as_deref(), Some("カクウ　ハナコ"));
    assert_eq!(got.who(0, "name"), None);
    assert_eq!(got.who(0, "number").as_deref(), Some("345&6"), "entities of XML are resolved");
    assert_eq!(got.who(0, "symbol").as_deref(), Some("１２"), "as written");
    assert_eq!(got.who(0, "postcode").as_deref(), Some("100-0001"));
    assert_eq!((got.repaired(K, "unit-missing"), got.repaired(K, "answer-not-in-list")), (1, 1));
}

#[test]
fn first_present_order_not_document_order() {
    let done = |code: &str, value: &str| entry(code, &pq(value, "mm[Hg]"));
    let got = take(&[
        done("9A751000000000001", "150"),
        done("9A752000000000001", "140"),
        // 平均 is first in order but was not done, and 実測 waist could not be measured.
        "<entry><observation negationInd=\"true\"><code code=\"9A755000000000001\"/></observation></entry>".into(),
        entry("9N016160100000001", "<value xsi:type=\"PQ\" nullFlavor=\"NI\"/>"),
        entry("9N016160300000001", &pq("80", "cm")),
        entry("3D045000001906202", &pq("6.1", "%")),
    ]);
    assert_eq!(got.int("checkup", "sbp", 0), Some(140));
    assert_eq!(got.int("checkup", "waist_cm", 0), Some(800));
    assert_eq!(got.int("checkup", "hba1c", 0), Some(65), "JDS 6.1 is NGSP 6.5");
}

#[test]
fn limits_nested_observations_and_reference_ranges() {
    let got = take(&[
        entry("3F015000002327101", &format!("{}{}", cd("H", "2.16.840.1.113883.5.83"), pq("1000", "mg/dl"))),
        "<entry><observation><code nullFlavor=\"NA\"/><entryRelationship typeCode=\"COMP\"><observation>\
         <code code=\"3F070000002327101\"/><value xsi:type=\"PQ\" value=\"55\" unit=\"mg/dL\"/>\
         <referenceRange><observationRange><value xsi:type=\"IVL_PQ\"><low value=\"40\" unit=\"mg/dL\"/></value>\
         </observationRange></referenceRange></observation></entryRelationship></observation></entry>"
            .into(),
        entry("3D010000001926101", &pq("5.5", "mmol/L")),
        entry("3F077000002327101", "<value xsi:type=\"ST\">測定不能の話</value>"),
        entry("2A030000001930101", &pq("9999", "g/dL")),
        entry("3F015129902327101", &pq("300", "mg/dL")),
    ]);
    assert_eq!((got.int("checkup", "tg_casual", 0), got.left_out(K, "free-text")), (Some(300), 1));
    assert_eq!((got.int("checkup", "tg", 0), got.repaired(K, "at-measuring-limit")), (Some(1_000), 1));
    assert_eq!(got.int("checkup", "hdl", 0), Some(55), "not its reference range");
    assert_eq!((got.int("checkup", "fpg", 0), got.lost(K, "unit")), (None, 1));
    assert_eq!((got.int("checkup", "ldl", 0), got.lost(K, "number")), (None, 1));
    assert_eq!((got.int("checkup", "hb", 0), got.repaired(K, "out-of-bounds")), (Some(250), 1));
    let findings: Vec<_> = got.report.findings().iter().map(|f| (f.code, f.line > 8)).collect();
    assert_eq!(findings, [("unit", true), ("number", true)]);
}

fn shown(got: &Run) -> Vec<String> {
    let rows = 0..got.height("checkup_item");
    rows.map(|row| {
        let text = |column| got.text("checkup_item", column, row).unwrap_or_default();
        let code = |column| got.code("checkup_item", column, row).unwrap_or_default();
        let value = got.int("checkup_item", "value", row).map(|v| v.to_string()).unwrap_or_default();
        let (state, judged) = (code("state"), code("judgement"));
        format!("{} {state} {value} {} {} {judged}", text("code"), text("unit"), text("answer")).trim_end().to_owned()
    })
    .collect()
}

#[test]
fn all_items_of_a_document() {
    let limits = "2.16.840.1.113883.5.83";
    let group = |kind: &str, inside: &str| {
        format!("<entryRelationship typeCode=\"{kind}\">{}</entryRelationship>", inside.replace("entry>", "x>"))
    };
    let members = group("COMP", &entry("9N716000000000011", &cd("1", &format!("{OID}.2003"))))
        + &group("RSON", &entry("9N001000000000001", &pq("170.04", "cm")));
    let got = take(&[
        entry("2A030000001930101", &(pq("13.25", "ｇ／ｄＬ") + "<interpretationCode code=\"L\"/>")),
        entry("3F015000002327101", &(cd("L", limits) + &pq("30", "mg/dL") + "<interpretationCode code=\"X\"/>")),
        entry("3B090000002327101", &(pq("1500", "U/L") + &cd("H", limits))),
        "<entry><observation negationInd=\"true\"><code code=\"9N016160100000001\"/></observation></entry>".into(),
        "<entry><observation negationInd=\"1\"><code code=\"9N121000000000001\"/></observation></entry>".into(),
        entry("3D046000001906202", "<value xsi:type=\"PQ\" nullFlavor=\"NI\"/>"),
        entry("9N021000000000001", "<value xsi:type=\"PQ\" nullFlavor=\"UNK\"/>"),
        entry("1A020000000191111", &cd("3", &format!("{OID}.2102"))),
        entry("9N736000000000011", &cd("2", &format!("{OID}.2003"))),
        entry("9N791000000000011", &cd("5", &format!("{OID}.24050"))),
        entry("9N706000000000011", &cd("2", &format!("{OID}.2003"))),
        entry("9N056000000000011", &cd("架空", "")),
        entry("9N066000000000049", "<value xsi:type=\"ST\">秘密の既往歴</value>"),
        entry("1A030000000190301", &pq("1.0205", "架空花子の単位")),
        entry("架空　花子", &pq("1", "cm")),
        format!("<entry><observation><code nullFlavor=\"NA\"/>{members}</observation></entry>"),
        entry("3F050000002327101", &pq("1234567890123456789012345678901", "mg/dL")),
        entry("3F069000002391901", &pq("9999999.9", "mg/dL")),
    ]);
    assert_eq!(
        shown(&got),
        [
            "2A030000001930101 measured 13250 g/dl  L",
            "3F015000002327101 below 30000 mg/dl  other",
            "3B090000002327101 above 1500000 u/l",
            "9N016160100000001 not_done",
            "9N121000000000001 not_done",
            "3D046000001906202 not_measurable",
            "9N021000000000001 other",
            "1A020000000191111 measured   3",
            "9N736000000000011 measured   3:2",
            "9N791000000000011 measured   4:5",
            "9N706000000000011 measured   2",
            "9N056000000000011 measured",
            "1A030000000190301 measured 1021",
            "9N716000000000011 measured   1",
            "9N001000000000001 measured 170040 cm",
            "3F050000002327101 measured  mg/dl",
            "3F069000002391901 measured 999999999 mg/dl",
        ]
    );
    let (int, code) = (|c| got.int("checkup", c, 0), |c| got.code("checkup", c, 0).unwrap_or_default());
    assert_eq!((int("hb"), int("tg"), int("ggt"), int("waist_cm")), (Some(133), Some(30), Some(1_000), None));
    assert_eq!((int("non_hdl"), int("total_chol"), int("height_cm")), (Some(500), None, Some(1_700)));
    assert_eq!([code("u_glucose"), code("q_smoking"), code("q_alcohol_amount")], ["3", "3:2", "4:5"]);
    assert_eq!([code("q_drug_glucose"), code("q_had_stroke")], ["4:2", "4:1"]);
    assert_eq!((got.left_out(K, "free-text"), got.left_out(K, "code-not-jlac10")), (1, 1));
    assert_eq!((got.lost(K, "answer"), got.lost(K, "unit"), got.lost(K, "number")), (1, 1, 1));
    let all = format!("{:?}", got.tables);
    assert!(!all.contains("秘密") && !all.contains("架空"), "free text got through");
}

#[test]
fn questionnaires_of_three_terms() {
    let dir = tempfile::tempdir().unwrap();
    let all = [
        entry("9N776000000000011", &cd("1", &format!("{OID}.2003"))),
        entry("9N872000000000011", &cd("3", &format!("{OID}.18030"))),
        entry("9N766000000000011", &cd("2", &format!("{OID}.2004"))),
        entry("9N801000000000011", &cd("5", &format!("{OID}.2007"))),
        entry("9N808000000000011", &cd("1", "")),
        entry("9N141000000000011", &cd("4", &format!("{OID}.2106"))),
        entry("9N791000000000011", &cd("5", "")),
    ];
    for (date, snack, tag, amount) in [("20170610", "2:1", 3, "other"), ("20240610", "2:1", 4, "4:5")] {
        let got = run(&[file(dir.path(), date, document(date, "10", "010", &all.concat()).as_bytes())]).unwrap();
        let code = |column| got.code("checkup", column, 0).unwrap_or_default();
        assert_eq!([code("q_snack"), code("q_chewing")], [snack.to_owned(), format!("{tag}:3")]);
        assert_eq!([code("q_eating_speed"), code("q_intent")], [format!("{tag}:2"), format!("{tag}:5")]);
        assert_eq!([code("q_guidance_history"), code("blood_drawn")], [format!("{tag}:1"), "4".to_owned()]);
        assert_eq!(code("q_alcohol_amount"), amount);
    }
    let both = [all[0].clone(), entry("9N782000000000011", &cd("3", &format!("{OID}.18040")))].concat();
    let got = run(&[file(dir.path(), "both", document("20200610", "10", "010", &both).as_bytes())]).unwrap();
    assert_eq!(got.code("checkup", "q_snack", 0).as_deref(), Some("3:3"), "the newer question comes first");
}

#[test]
fn the_same_document_counts_once() {
    let dir = tempfile::tempdir().unwrap();
    let one = document("20240610", "10", "010", &entry("9N001000000000001", &pq("160", "cm")));
    let other = one.replace("\"160\"", "\"161\"");
    file(dir.path(), "in/a/h1.xml", one.as_bytes());
    file(dir.path(), "in/a/h2.xml", other.as_bytes());
    zip(dir.path(), "in/first.zip", &[("x/DATA/h1.xml", one.as_bytes())]);
    zip(dir.path(), "in/second.zip", &[("x/DATA/h9.xml", one.as_bytes()), ("x/DATA/h2.bin", other.as_bytes())]);
    let got = run(&[dir.path().join("in")]).unwrap();
    assert_eq!((got.height("checkup"), got.left_out(K, "document-twice"), got.report.of(K).read), (2, 3, 5));
    assert_eq!(got.ints("checkup", "height_cm"), [Some(1_600), Some(1_610)]);
}

#[test]
fn an_archive_that_says_another_number_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let good = document("20240610", "10", "010", "");
    let index = |count: &str| format!("<?xml version=\"1.0\"?><index xmlns=\"x\">{count}<y value=\"9\"/></index>");
    let expect = |name: &str, count: &str, different: u64| {
        let index = index(count);
        let path = zip(
            dir.path(),
            name,
            &[
                ("a/ix08_V08.xml", index.as_bytes()),
                ("a/su08_V08.xml", b"<summary xmlns='x'/>"),
                ("a/CLAIMS/c1.xml", b"<checkupClaim xmlns='x'/>"),
                ("a/DATA/h1.xml", good.as_bytes()),
            ],
        );
        let got = run(&[path]).unwrap();
        assert_eq!((got.height("checkup"), got.lost(Kind::Files, "index-count-differs")), (1, different), "{name}");
        assert_eq!((got.left_out(Kind::Files, "archive-index"), got.left_out(Kind::Files, "settlement")), (1, 1));
        if different > 0 {
            assert!(got.report.findings()[0].file.ends_with("/a/ix08_V08.xml"));
        }
    };
    expect("right", "<totalRecordCount value='1'/>", 0);
    expect("wrong", "<totalRecordCount value='2'/>", 1);
    expect("silent", "", 0);
    expect("garbled", "<totalRecordCount value='99999999999999999999999'/>", 0);
}

#[test]
fn other_files_with_the_name_of_a_document() {
    let dir = tempfile::tempdir().unwrap();
    let roster = "利用者ID,カナ氏名,生年月日,性別\nU1,カクウ,19800229,2\n";
    file(dir.path(), "in/a.xml", "利用者ID,日付,歩数\nU1,20240401,5000\n".as_bytes());
    file(dir.path(), "in/b.XML", roster.as_bytes());
    file(dir.path(), "in/c.xml", document("20240610", "10", "010", "").as_bytes());
    file(dir.path(), "in/d.xml", b"");
    file(dir.path(), "in/e.xml", &[b"<!-- ".as_slice(), &[b'x'; 3_000], b" --><ClinicalDocument/>"].concat());
    let got = run(&[dir.path().join("in")]).unwrap();
    assert_eq!((got.height("checkup"), got.height("lifelog_daily")), (1, 1), "the roster is read before its days");
    assert_eq!((got.quarantined(Kind::Files, "empty-file"), got.quarantined(K, "exam-date")), (1, 1));
    assert_eq!(got.report.of(Kind::Files).kept, 4);
    let nothing = tempfile::tempdir().unwrap();
    file(nothing.path(), "a.xml", b"<xs:schema xmlns:xs='x'/>");
    assert_eq!(run(&[nothing.path().to_owned()]).err().unwrap().code(), "nothing-to-read");
}

#[test]
fn kinds_and_terms() {
    let dir = tempfile::tempdir().unwrap();
    for (at, (report, event, kind)) in
        [("41", "030", "jigyonushi"), ("40", "060", "gan"), ("10", "000", "tokutei"), ("40", "990", "other")]
            .into_iter()
            .enumerate()
    {
        let smoking = entry("9N736000000000011", &cd("1", &format!("{OID}.2003")));
        let text = document("20230610", report, event, &smoking);
        let got = run(&[file(dir.path(), &at.to_string(), text.as_bytes())]).unwrap();
        assert_eq!(got.code("checkup", "kind", 0).as_deref(), Some(kind));
        assert_eq!(got.code("checkup", "q_smoking", 0).as_deref(), Some("3:1"));
    }
    let guidance = document("20230610", "21", "010", "");
    let got = run(&[file(dir.path(), "g", guidance.as_bytes())]).unwrap();
    assert_eq!((got.left_out(K, "guidance-record"), got.height("checkup")), (1, 0));
}

#[test]
fn an_archive_with_index_and_one_bad_document() {
    let dir = tempfile::tempdir().unwrap();
    let good = document("20240610", "10", "010", "");
    let other = document("20250610", "10", "010", "").replace("カクウ　ハナコ", "架空　太郎");
    let cut = &good[..good.find("</section>").unwrap()];
    let index = "<index xmlns=\"x\"><totalRecordCount value=\"3\"/></index>";
    let path = zip(
        dir.path(),
        "no-extension",
        &[
            ("a/ix08_V08.xml", index.as_bytes()),
            ("a/DATA/h3.txt", other.as_bytes()),
            ("a/DATA/h1.xml", good.as_bytes()),
            ("a/DATA/h2.xml", cut.as_bytes()),
            ("a/XSD/hc08.xsd", b"<xs:schema xmlns:xs='x'/>"),
        ],
    );
    let got = run(&[path]).unwrap();
    assert_eq!((got.height("checkup"), got.quarantined(K, "truncated")), (2, 1));
    assert!(got.report.findings()[0].file.ends_with("no-extension!/a/DATA/h2.xml"));
    assert_eq!(got.who(1, "name").as_deref(), Some("架空　太郎"), "kanji where kana belong is a name");
    assert_eq!(got.left_out(Kind::Files, "archive-index"), 1);
    assert_eq!(got.left_out(Kind::Files, "schema"), 1);
}

#[test]
fn a_document_given_by_name_is_refused_with_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let good = document("20240610", "10", "010", "");
    let bomb = good
        .replace("<ClinicalDocument", "<!DOCTYPE x [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]>\n<ClinicalDocument");
    for (text, code) in [
        (good.replace("</addr>", "</adr>"), "xml"),
        (good[..good.len() / 2].to_owned(), "truncated"),
        (bomb, "doctype"),
        (good.replace("架空町", "&b;"), "entity"),
        (good.replace("value=\"20240610\"", "value=\"99991399\""), "exam-date"),
        (good.replace("345&amp;6", "").replace("カクウ　ハナコ", ""), "no-identity"),
        (good.replace("架空町", &format!("{}{}", "<a>".repeat(200), "</a>".repeat(200))), "too-deep"),
    ] {
        let error = run(&[file(dir.path(), "x", text.as_bytes())]).err().unwrap();
        let found = error.code();
        // A cut may also fall inside a tag.
        assert!(found == code || code == "truncated" && found == "xml", "{found} for {code}");
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("カクウ") && !shown.contains("秘密") && !shown.contains("345"), "{shown}");
        if code == "xml" {
            let ReadError::Refused { place, .. } = error else { panic!() };
            assert_eq!(place.line, 5);
        }
    }
    let small = ReadOptions { max_document_bytes: 100, ..ReadOptions::default() };
    let path = file(dir.path(), "x", good.as_bytes());
    assert_eq!(run_with(&[path], &small).err().unwrap().code(), "document-too-large");
}

#[test]
fn a_declared_encoding_is_honoured() {
    let dir = tempfile::tempdir().unwrap();
    let text = document("20240610", "10", "010", "").replace("UTF-8", "Shift_JIS").replace('\u{feff}', "");
    let got = run(&[file(dir.path(), "x", &read_support::cp932(&text))]).unwrap();
    assert_eq!(got.who(0, "kana").as_deref(), Some("カクウ　ハナコ"));
    let lie = read_support::cp932(&text.replace("Shift_JIS", "UTF-8"));
    assert_eq!(run(&[file(dir.path(), "x", &lie)]).err().unwrap().code(), "encoding");
}
