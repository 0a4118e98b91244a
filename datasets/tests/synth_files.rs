//! The generated files: deterministic, consistent in themselves, and with the lives in them that linkage must cope with.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod synth_support;

use std::collections::{BTreeMap, BTreeSet};

use datasets::synth::{EventRates, NoiseRates, Scenario, SynthError, SynthOptions, generate};
use polars::prelude::{ParquetReader, SerReader};
use synth_support::*;

fn small(seed: u64) -> SynthOptions {
    let formats = "payer,dpc,dental".parse().unwrap();
    SynthOptions { persons: 900, months: 6, seed, formats, ..SynthOptions::default() }
}

fn bytes(options: &SynthOptions) -> Vec<(String, Vec<u8>)> {
    let world = world(options);
    let root = world.dir.path();
    files(root)
        .iter()
        .map(|path| (path.strip_prefix(root).unwrap().display().to_string(), std::fs::read(path).unwrap()))
        .collect()
}

#[test]
fn same_seed_same_bytes_whatever_the_threads() {
    let one = bytes(&SynthOptions { threads: 1, ..small(5) });
    let three = bytes(&SynthOptions { threads: 3, ..small(5) });
    assert!(one.len() > 20);
    for (a, b) in one.iter().zip(&three) {
        assert_eq!(a.0, b.0);
        assert!(a.1 == b.1, "{} differs", a.0);
    }
    assert_eq!(one.len(), three.len());
    let other = bytes(&small(6));
    assert!(one.iter().zip(&other).all(|(a, b)| a.0 != b.0 || a.1 != b.1));
}

#[test]
fn options_have_a_config_file_and_limits() {
    let options: SynthOptions = toml::from_str("persons = 10\n[noise]\nname_typo = 0.5\n").unwrap();
    assert_eq!((options.persons, options.noise.name_typo, options.months), (10, 0.5, 24));
    assert!(toml::from_str::<SynthOptions>("people = 10").is_err());
    let again: SynthOptions = toml::from_str(&toml::to_string(&options).unwrap()).unwrap();
    assert_eq!(again, options);

    let dir = tempfile::tempdir().unwrap();
    let events = EventRates { twins: f64::NAN, ..EventRates::default() };
    for bad in [
        SynthOptions { persons: 0, ..small(1) },
        SynthOptions { months: 0, ..small(1) },
        SynthOptions { lifelog_share: 1.5, ..small(1) },
        SynthOptions { events, ..small(1) },
    ] {
        let result = generate(dir.path(), &bad, &|_| {});
        assert!(matches!(result, Err(SynthError::Option { .. })));
    }
    std::fs::write(dir.path().join("mine.txt"), "kept").unwrap();
    let result = generate(dir.path(), &small(1), &|_| {});
    assert!(matches!(result, Err(SynthError::Occupied { .. })));
}

#[test]
fn one_person_is_a_population() {
    let options = SynthOptions { persons: 1, months: 1, ..SynthOptions::default() };
    let world = world(&options);
    assert_eq!(world.report.persons, 1);
    assert!(world.dir.path().join("lifelog/roster.csv").exists());
}

/// Σ points × times over the units of a medical receipt (points stand on a unit's last line), and whether Σ days = 回数 everywhere.
fn medical_sum(records: &[&[String]]) -> i64 {
    let mut sum = 0;
    for record in records {
        let days = match record[0].as_str() {
            "SI" | "IY" => 13,
            "TO" => 17,
            _ => continue,
        };
        let times: i64 = record[6].parse().unwrap();
        let marked: i64 =
            record[days..].iter().filter(|cell| !cell.is_empty()).map(|c| c.parse::<i64>().unwrap()).sum();
        assert_eq!(times, marked, "days and 回数");
        assert!(record.len() <= days + 31);
        sum += record[5].parse().unwrap_or(0) * times;
    }
    sum
}

/// As `medical_sum`, of a dental receipt.
fn dental_sum(records: &[&[String]]) -> i64 {
    let mut sum = 0;
    for record in records {
        let (points, days) = match record[0].as_str() {
            "SS" => (76, 78),
            "IY" => (5, 8),
            "TO" => (12, 14),
            _ => continue,
        };
        let times: i64 = record[points + 1].parse().unwrap();
        let cells = record[days..].iter().filter(|cell| !cell.is_empty());
        assert_eq!(times, cells.map(|cell| cell.parse::<i64>().unwrap()).sum::<i64>(), "days and 回数");
        sum += record[points].parse().unwrap_or(0) * times;
    }
    sum
}

#[test]
fn receipts_add_up_before_and_after_correction() {
    let noise = NoiseRates { correction: 0.2, ..NoiseRates::default() };
    let world = world(&SynthOptions { noise, ..small(2) });
    let (mut corrected, mut inherited, mut several, mut dpc, mut dental) = (0, 0, 0, 0, 0);
    let all = receipts(world.dir.path());
    for receipt in &all {
        assert_eq!(receipt.lines[0].3[0], "MN");
        let billed = receipt.billed();
        if receipt.pharmacy {
            let sum: i64 = receipt
                .original()
                .iter()
                .filter(|record| record[0] == "CZ")
                .map(|cz| cz[10].parse::<i64>().unwrap() + cz[13].parse::<i64>().unwrap())
                .sum();
            assert_eq!(sum, billed);
            continue;
        }
        let records = receipt.original();
        if records.iter().any(|r| r[0] == "HS") {
            assert_eq!(dental_sum(&records), billed);
            dental += 1;
            continue;
        }
        let bundle: i64 = records.iter().filter(|r| r[0] == "GT").map(|gt| gt[8].parse::<i64>().unwrap()).sum();
        assert_eq!(medical_sum(&records) + bundle, billed);
        if bundle > 0 {
            dpc += 1;
            let periods = records.iter().filter(|r| r[0] == "HH");
            let days: i64 = periods.map(|hh| hh[7].parse::<i64>().unwrap()).sum();
            assert_eq!(days, receipt.one("HO")[4].parse::<i64>().unwrap(), "every day lies in one period");
            assert!(records.iter().any(|r| r[0] == "SB" && r[5] == "11"));
            continue;
        }
        let details: Vec<_> = records.iter().filter(|r| ["SI", "IY", "TO"].contains(&r[0].as_str())).collect();
        assert!(!details[0][1].is_empty(), "the first line names its 診療識別");
        inherited += details.iter().filter(|r| r[1].is_empty()).count();
        several += details.iter().filter(|r| r[5].is_empty()).count();
        let after = receipt.corrected();
        if !after.is_empty() {
            corrected += 1;
            let total: i64 = after.iter().find(|r| r[0] == "HO").unwrap()[5].parse().unwrap();
            assert_eq!(medical_sum(&after), total);
            assert!(total < billed, "a correction takes points away");
        }
        // Every receipt has a diagnosis, and at most one main one.
        let main = records.iter().filter(|r| r[0] == "SY" && r.get(6).is_some_and(|m| m == "01")).count();
        assert!(main <= 1 && records.iter().any(|r| r[0] == "SY"));
    }
    assert_eq!(corrected, world.report.corrected_claims);
    assert!(corrected > 100 && inherited > 100 && several > 10, "{corrected} {inherited} {several}");
    let report = &world.report;
    let kinds = [report.medical_claims, report.dpc_claims, report.dental_claims, report.pharmacy_claims];
    assert_eq!(all.len() as u64, kinds.iter().sum::<u64>());
    let numbers: BTreeSet<_> = all.iter().map(|receipt| &receipt.lines[0].3[1]).collect();
    assert_eq!((dpc, dental), (world.report.dpc_claims, world.report.dental_claims));
    assert!(dpc > 10 && dental > 300, "{dpc} {dental}");
    let again = world.report.readjudicated_claims;
    assert!(again > 0);
    assert_eq!(numbers.len() as u64 + again, all.len() as u64, "レセプト管理番号 names a receipt over its versions");
}

#[test]
fn checkup_archives_are_whole() {
    let world = world(&small(3));
    let documents = checkups(world.dir.path());
    let (index, data): (Vec<_>, Vec<_>) = documents.iter().partition(|(name, _)| name.ends_with("ix08_V08.xml"));
    assert_eq!(index.len(), 2);
    let promised: u64 = index
        .iter()
        .map(|(_, text)| between(text, "totalRecordCount value=\"", "\"").unwrap().parse::<u64>().unwrap())
        .sum();
    assert_eq!(promised, data.len() as u64);
    assert_eq!(promised, world.report.checkups);
    for (name, text) in &documents {
        let mut reader = quick_xml::Reader::from_str(text);
        while !matches!(reader.read_event().expect(name), quick_xml::events::Event::Eof) {}
    }
    for (name, text) in data {
        assert!(name.contains("/DATA/h"), "{name}");
        let (height, weight) = (item(text, "9N001000000000001").unwrap(), item(text, "9N006000000000001").unwrap());
        let bmi = item(text, "9N011000000000001").unwrap();
        assert!((weight / (height / 100.0).powi(2) - bmi).abs() < 0.15, "BMI agrees with height and weight");
        // 特定健診 is for the ages 40 to 74 on the last day of the 年度.
        let statutory = text.contains("<serviceEvent><code code=\"010\"");
        let age = age(date(between(text, "birthTime value=\"", "\"").unwrap()), 20_250_331);
        assert!(!statutory || (39..=75).contains(&age), "{age}");
    }
}

#[test]
fn only_some_employers_share_checkups_of_the_young() {
    let world = world(&small(9));
    let (mut shared, mut members) = (0, 0);
    for (_, text) in checkups(&world.dir.path().join("kenpo")).iter().filter(|(name, _)| name.contains("/DATA/")) {
        let age = age(date(between(text, "birthTime value=\"", "\"").unwrap()), 20_250_331);
        if age >= 40 {
            continue;
        }
        assert!(text.contains("<serviceEvent><code code=\"030\""), "no 特定健診 under 40");
        assert_eq!(between(text, "6.204\" extension=\"", "\""), Some("１００１"), "the other employer keeps them");
        shared += 1;
    }
    for row in table(&world.dir.path().join("kenpo/eligibility.csv")) {
        let age = age(date(&row["生年月日"]), 20_250_331);
        members += usize::from(row["本人家族"] == "1" && row["事業所記号"] == "2040" && (20..40).contains(&age));
    }
    assert!(shared > 20 && members > 20, "{shared} {members}");
}

#[test]
fn lives_that_linkage_must_cope_with() {
    let events = EventRates { job_change: 0.3, employment: 0.3, marriage: 0.3, twins: 0.1, ..EventRates::default() };
    let options = SynthOptions { persons: 4000, months: 12, seed: 4, events, ..SynthOptions::default() };
    let world = world(&options);
    let root = world.dir.path();
    let mut reasons: BTreeMap<(String, String), usize> = BTreeMap::new();
    let mut twins = 0;
    for fund in ["kenpo", "kokuho"] {
        let list = table(&root.join(fund).join("eligibility.csv"));
        let mut families: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for row in &list {
            *reasons.entry((fund.to_owned(), row["喪失事由"].clone())).or_default() += 1;
            assert_eq!(row["喪失日"].is_empty(), row["喪失事由"].is_empty());
            let (birth, start) = (date(&row["生年月日"]), date(&row["取得日"]));
            assert!(birth <= start, "insured before birth");
            if row["喪失事由"] == "3" {
                assert_eq!(date(&row["喪失日"]), birth + 750_000, "75th birthday");
            }
            families.entry((row["記号"].clone(), row["番号"].clone())).or_default().push(row);
        }
        for members in families.values() {
            let heads: BTreeSet<_> = members.iter().filter(|m| m["本人家族"] == "1").map(|m| &m["枝番"]).collect();
            assert!(heads.len() <= 1);
            for (index, a) in members.iter().enumerate() {
                twins += members[index + 1..]
                    .iter()
                    .filter(|b| a["生年月日"] == b["生年月日"] && a["枝番"] != b["枝番"] && a["氏名"] != b["氏名"])
                    .count();
            }
        }
    }
    for (fund, reason, at_least) in [
        ("kenpo", "1", 200),
        ("kokuho", "1", 100),
        ("kenpo", "2", 1),
        ("kokuho", "2", 3),
        ("kokuho", "3", 30),
        ("kokuho", "4", 5),
    ] {
        let seen = reasons.get(&(fund.to_owned(), reason.to_owned())).copied().unwrap_or(0);
        assert!(seen >= at_least, "{fund} reason {reason}: {seen}");
    }
    assert!(twins >= 5, "{twins} twins");
    assert!(world.report.without_claims > 50, "members without any claim");

    // The truth: people in both insurers, several spellings of most, and every source present.
    let file = std::fs::File::open(root.join("truth.parquet")).unwrap();
    let truth = ParquetReader::new(file).finish().unwrap();
    assert_eq!(truth.height() as u64, world.report.identities);
    let (source, person) = (truth.column("source").unwrap(), truth.column("person").unwrap());
    let mut sources: BTreeMap<u32, BTreeSet<String>> = BTreeMap::new();
    for (source, person) in source.str().unwrap().iter().zip(person.u32().unwrap().iter()) {
        sources.entry(person.unwrap()).or_default().insert(source.unwrap().to_owned());
    }
    let both = sources.values().filter(|s| s.contains("kenpo") && s.contains("kokuho")).count();
    let three = sources.values().filter(|s| s.len() == 3).count();
    assert!(both > 300 && three > 50, "{both} {three}");
    assert!(truth.height() > 3 * sources.len());

    // Every scenario is there; an error of writing marks an identity, an event all identities of a person.
    let bits = truth.column("scenarios").unwrap().u32().unwrap().clone();
    for scenario in Scenario::ALL {
        let marked: BTreeSet<u32> = bits
            .iter()
            .zip(person.u32().unwrap().iter())
            .filter(|(bits, _)| bits.unwrap() & scenario.bit() != 0)
            .map(|(_, person)| person.unwrap())
            .collect();
        assert!(marked.len() >= 3, "{}: {} people", scenario.name(), marked.len());
        let rows = person.u32().unwrap().iter().filter(|person| marked.contains(&person.unwrap())).count();
        let own = bits.iter().filter(|bits| bits.unwrap() & scenario.bit() != 0).count();
        assert_eq!(rows == own, scenario.of_person(), "{}", scenario.name());
    }
    // Whoever turns 75 has a number of 後期高齢者医療 from that day on.
    let list = table(&root.join("kokuho/eligibility.csv"));
    let elders: Vec<_> = list.iter().filter(|row| row["保険者番号"] == "39139993").collect();
    let left = |fund: &str| reasons.get(&(fund.to_owned(), "3".to_owned())).copied().unwrap_or(0);
    assert_eq!(elders.len(), left("kenpo") + left("kokuho"));
    for row in elders {
        assert_eq!(date(&row["取得日"]), date(&row["生年月日"]) + 750_000);
        assert!(row["記号"].is_empty() && row["枝番"].is_empty() && row["番号"].len() == 8);
    }

    // Deaths close receipts; brides carry two surnames; noise of every kind is there.
    let all = receipts(root);
    let death =
        |l: &&[String]| (l[0] == "SY" && l[3] == "3") || (l[0] == "BU" && l.get(4).is_some_and(|end| end == "6"));
    let died = all.iter().filter(|r| r.original().iter().any(death)).count();
    assert!(died >= 5, "{died}");
    let names: Vec<&str> = all.iter().map(|receipt| receipt.one("RE")[4].as_str()).collect();
    let share =
        |test: fn(char) -> bool| names.iter().filter(|n| n.chars().any(test)).count() as f64 / names.len() as f64;
    let half = share(|c| ('\u{ff66}'..='\u{ff9f}').contains(&c));
    let variant = share(|c| "髙﨑邊邉齋澤嶋濱廣".contains(c));
    assert!((0.03..0.10).contains(&half), "half-width kana for kanji: {half}");
    assert!(variant > 0.01, "異体字: {variant}");
    let wide = all.iter().filter(|r| r.one("HO")[3].contains('１')).count();
    assert!(wide > all.len() / 5);
    let branchless = all.iter().filter(|r| !r.original().iter().any(|l| l[0] == "SN")).count();
    let rate = branchless as f64 / all.len() as f64;
    assert!((0.04..0.13).contains(&rate), "枝番 missing: {rate}");
}

#[test]
fn lifelogs_belong_to_the_roster_and_miss_days() {
    let world = world(&small(8));
    let root = world.dir.path();
    let users: BTreeSet<String> =
        table(&root.join("lifelog/roster.csv")).into_iter().map(|row| row["利用者ID"].clone()).collect();
    assert_eq!(users.len() as u64, world.report.lifelog_users);
    let (mut days, mut unworn) = (0u64, 0u64);
    for month in [202_410, 202_411, 202_412, 202_501, 202_502, 202_503] {
        for row in table(&root.join(format!("lifelog/daily-{month}.csv"))) {
            assert!(users.contains(&row["利用者ID"]));
            assert!(row["日付"].starts_with(&format!("{}-{:02}", month / 100, month % 100)));
            let wear: i32 = row["装着分"].parse().unwrap();
            assert!((0..=1440).contains(&wear));
            unworn += u64::from(wear < 600);
            days += 1;
        }
    }
    assert_eq!(days, world.report.lifelog_days);
    let possible = world.report.lifelog_users * 182;
    assert!(days < possible * 9 / 10 && days > possible / 2, "{days} of {possible}");
    assert!(unworn * 50 > days, "some days the device stayed on the table");
}
