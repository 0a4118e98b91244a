//! Code lists: what is one, and what isn't.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use policies::{CodeList, CodeLists};

const LIST: &str = "name = \"x-v1\"\ntitle = \"x\"\nsystem = \"ICD-10\"\nsource = \"a paper\"\ncodes = [\"I10\", \"E119\"]\nprefixes = [\"E11\"]\n";

#[test]
fn the_lists_that_come_along_have_sources_and_fit_the_catalogue() {
    let lists = CodeLists::builtin().unwrap();
    let catalogue = datasets::catalogue::Catalogue::builtin().unwrap();
    let systems: Vec<String> = catalogue
        .tables()
        .iter()
        .flat_map(|table| &table.columns)
        .filter_map(|column| match &column.ty {
            datasets::catalogue::ColumnType::Code { system, .. } => Some(system.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(
        lists.iter().map(CodeList::name).collect::<Vec<_>>(),
        ["dyslipidaemia-medication-v1", "hypertension-v1", "t2dm-v1"]
    );
    for list in lists.iter() {
        assert!(list.source().len() > 40, "{}", list.name());
        assert!(systems.iter().any(|system| list.fits(system)), "{}", list.name());
    }
    assert!(lists.get("t2dm-v1").unwrap().fits("ICD-10 (2013年版準拠)"));
    assert!(!lists.get("t2dm-v1").unwrap().fits("ICD-10-CM"));
    assert!(!lists.get("t2dm-v1").unwrap().fits(""));
}

#[test]
fn a_list_is_read_sorted_and_its_digest_is_of_its_bytes() {
    let list = CodeList::parse(LIST).unwrap();
    assert_eq!(list.codes(), ["E119", "I10"]);
    assert_ne!(list.digest(), CodeList::parse(&LIST.replace("a paper", "a book")).unwrap().digest());
    let mut lists = CodeLists::builtin().unwrap();
    lists.add(LIST).unwrap();
    assert!(lists.add(&LIST.replace("I10", "I11")).unwrap_err().message.contains("already"));
}

#[test]
fn faults_are_named_with_their_line() {
    for (from, to, line) in [
        ("x-v1", "x", 1),
        ("x-v1", "X-v1", 1),
        ("x-v1", "x-v01", 1),
        ("x-v1", "x v1", 1),
        ("\"a paper\"", "\" \"", 4),
        ("I10", "I10'", 5),
        ("I10", "", 5),
        ("I10", "E119", 5),
        ("prefixes", "prefix", 6),
        ("title = \"x\"\n", "", 1),
        ("codes = [\"I10\", \"E119\"]\nprefixes = [\"E11\"]\n", "", 1),
    ] {
        let error = CodeList::parse(&LIST.replacen(from, to, 1)).expect_err(to);
        assert_eq!(error.line, line, "{from} -> {to}: {error}");
    }
}
