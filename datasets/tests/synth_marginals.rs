//! Marginals of the synthetic population against published ones (formats.md, section 8), each with its tolerance.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod synth_support;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

use datasets::synth::SynthOptions;
use synth_support::*;

/// One year of 20,000 people, shared by the tests.
static WORLD: LazyLock<World> =
    LazyLock::new(|| world(&SynthOptions { persons: 20_000, months: 12, seed: 11, ..SynthOptions::default() }));

fn root() -> &'static Path {
    WORLD.dir.path()
}

fn close(what: &str, seen: f64, published: f64, tolerance: f64) {
    assert!((seen - published).abs() <= tolerance, "{what}: {seen:.3}, published {published} ± {tolerance}");
}

struct Exam {
    kenpo: bool,
    statutory: bool,
    sex: usize,
    age: i32,
    document: String,
}

static EXAMS: LazyLock<Vec<Exam>> = LazyLock::new(|| {
    let mut exams = Vec::new();
    for fund in ["kenpo", "kokuho"] {
        for (name, document) in checkups(&root().join(fund)) {
            if name.contains("ix08") {
                continue;
            }
            let on = date(between(&document, "effectiveTime value=\"", "\"").unwrap());
            let birth = date(between(&document, "birthTime value=\"", "\"").unwrap());
            let sex = between(&document, "GenderCode code=\"", "\"").unwrap();
            exams.push(Exam {
                kenpo: fund == "kenpo",
                statutory: document.contains("<serviceEvent><code code=\"010\""),
                sex: usize::from(sex == "2"),
                age: age(birth, on),
                document,
            });
        }
    }
    exams
});

/// Mean over examinees, standardized to the ages of NHNS 2023's examinees (20-29 … 60-69, 70 and older; rough counts).
fn standardized(sex: usize, value: impl Fn(&Exam) -> Option<f64>) -> f64 {
    const AGES: [[f64; 6]; 2] = [[67.0, 79.0, 128.0, 157.0, 215.0, 383.0], [85.0, 104.0, 172.0, 205.0, 260.0, 500.0]];
    let (mut sum, mut weight) = (0.0, 0.0);
    for (decade, share) in (2..).zip(AGES[sex]) {
        let ours: Vec<f64> =
            EXAMS.iter().filter(|e| e.sex == sex && (e.age / 10).min(7) == decade).filter_map(&value).collect();
        if ours.len() >= 30 {
            sum += share * mean(ours);
            weight += share;
        }
    }
    sum / weight
}

fn flag(condition: bool) -> f64 {
    f64::from(u8::from(condition))
}

fn sbp(exam: &Exam) -> Option<f64> {
    item(&exam.document, "9A755000000000001").or(item(&exam.document, "9A752000000000001"))
}

fn yes(exam: &Exam, question: &str) -> bool {
    item(&exam.document, &format!("9N{question}000000000011")) == Some(1.0)
}

#[test]
fn body_mass() {
    // NHNS 2023: >= 25: men 31.5 %, women 21.1 %; < 18.5: 4.4 and 12.0 %.
    let bmi = |exam: &Exam| item(&exam.document, "9N011000000000001");
    for (sex, high, low) in [(0, 0.315, 0.044), (1, 0.211, 0.120)] {
        close("BMI >= 25", standardized(sex, |e| bmi(e).map(|b| flag(b >= 25.0))), high, 0.04);
        close("BMI < 18.5", standardized(sex, |e| bmi(e).map(|b| flag(b < 18.5))), low, 0.03);
    }
}

#[test]
fn blood_pressure() {
    // NHNS 2023: mean 131.6 and 126.2, >= 140: 27.5 and 22.5 %. One 健保: 125.4 (SD 16.5), JMDC 120.4 (15.9).
    for (sex, published, high) in [(0, 131.6, 0.275), (1, 126.2, 0.225)] {
        close("SBP", standardized(sex, sbp), published, 2.5);
        close("SBP >= 140", standardized(sex, |e| sbp(e).map(|s| flag(s >= 140.0))), high, 0.06);
    }
    let kenpo: Vec<f64> = EXAMS.iter().filter(|e| e.kenpo).filter_map(sbp).collect();
    let centre = mean(kenpo.iter().copied());
    assert!((120.0..127.5).contains(&centre), "健保 mean {centre:.1}");
    let spread = mean(kenpo.iter().map(|s| (s - centre).powi(2))).sqrt();
    close("健保 SD", spread, 16.2, 1.5);
}

#[test]
fn diabetes() {
    // NHNS 2023: HbA1c >= 6.5 or treated: men 16.8 %, women 8.9 %.
    for (sex, published) in [(0, 0.168), (1, 0.089)] {
        let seen = standardized(sex, |e| {
            let hba1c = item(&e.document, "3D046000001906202")?;
            Some(flag(hba1c >= 6.5 || yes(e, "706")))
        });
        close("diabetes", seen, published, 0.03);
    }
}

#[test]
fn metabolic_syndrome() {
    // 健保連 FY2022: insured 16.5 %, dependants 4.8 %, all 14.8 %; pre 12.7 %. Ours has fewer young examinees in the denominator.
    let share = |level: f64| {
        mean(
            EXAMS
                .iter()
                .filter(|e| e.kenpo && e.statutory)
                .map(|e| flag(item(&e.document, "9N501000000000011") == Some(level))),
        )
    };
    close("metabolic syndrome", share(1.0), 0.148, 0.04);
    close("pre-syndrome", share(2.0), 0.127, 0.04);
}

/// (番号, birth) of the person examined, as in the eligibility list: 枝番 is missing in some checkups.
fn key(document: &str) -> (String, i32) {
    let id = |root: &str| between(document, &format!("6.{root}\" extension=\""), "\"").unwrap().to_owned();
    (id("205"), date(between(document, "birthTime value=\"", "\"").unwrap()))
}

#[test]
fn metabolic_syndrome_of_insured_and_dependants() {
    // 健保連 FY2022: 16.5 % of the insured, 4.8 % of dependants; pre-syndrome 14.0 and 4.6 %.
    let list = table(&root().join("kenpo/eligibility.csv"));
    let relation: BTreeMap<_, _> =
        list.iter().map(|row| ((row["番号"].clone(), date(&row["生年月日"])), row["本人家族"].clone())).collect();
    for (who, syndrome, before) in [("1", 0.165, 0.140), ("2", 0.048, 0.046)] {
        let of =
            |exam: &&Exam| exam.kenpo && exam.statutory && relation.get(&key(&exam.document)).is_some_and(|r| r == who);
        let share = |level: f64| {
            mean(EXAMS.iter().filter(of).map(|e| flag(item(&e.document, "9N501000000000011") == Some(level))))
        };
        close(&format!("metabolic syndrome, {who}"), share(1.0), syndrome, 0.05);
        close(&format!("pre-syndrome, {who}"), share(2.0), before, 0.05);
    }
}

#[test]
fn guidance() {
    // FY2015: 18.3 % of examinees are to get 特定保健指導; an employer's insurer FY2017: 23.2 %.
    let targets = EXAMS.iter().filter(|e| e.kenpo && e.statutory);
    let share = mean(targets.map(|e| flag(item(&e.document, "9N506000000000011").is_some_and(|level| level < 3.0))));
    close("guidance", share, 0.20, 0.05);
}

#[test]
fn smoking() {
    // JMDC-SHC: in their 40s 41.0 % of men, 10.2 % of women; smoking has become rarer since.
    for (sex, published, tolerance) in [(0, 0.410, 0.06), (1, 0.102, 0.04)] {
        let forties = EXAMS.iter().filter(|e| e.sex == sex && (40..50).contains(&e.age));
        close("smoking", mean(forties.map(|e| flag(yes(e, "736")))), published, tolerance);
    }
}

#[test]
fn uptake_of_checkups() {
    // FY2015: insured 85.5 %, dependants 42.1 %. 国保: somewhat over a third.
    let year = |row: &BTreeMap<String, String>| {
        let age = age(date(&row["生年月日"]), 20_250_331);
        let whole = date(&row["取得日"]) <= 20_240_401 && row["喪失日"].is_empty();
        whole && (40..75).contains(&age)
    };
    for (fund, relation, published) in [("kenpo", "1", 0.855), ("kenpo", "2", 0.421), ("kokuho", "1", 0.375)] {
        let seen: std::collections::BTreeSet<_> =
            EXAMS.iter().filter(|e| e.statutory && e.kenpo == (fund == "kenpo")).map(|e| key(&e.document)).collect();
        let list = table(&root().join(fund).join("eligibility.csv"));
        let members = list.iter().filter(|row| row["本人家族"] == relation && year(row));
        let uptake = mean(members.map(|row| flag(seen.contains(&(row["番号"].clone(), date(&row["生年月日"]))))));
        close(&format!("{fund} {relation}"), uptake, published, 0.035);
    }
}

#[test]
fn steps_and_sleep() {
    // NHNS 2023: 20-64 years 7,506 and 6,494; 65 and older 5,329 and 4,419 (ours are under 80, so more). Sleep under 6 h: 38.5 and 43.6 %.
    let users: BTreeMap<String, (usize, i32)> = table(&root().join("lifelog/roster.csv"))
        .into_iter()
        .map(|row| {
            let years = age(date(&row["生年月日"]), 20_241_001);
            (row["利用者ID"].clone(), (usize::from(row["性別"] == "2"), years))
        })
        .collect();
    let mut steps: BTreeMap<(usize, bool), Vec<f64>> = BTreeMap::new();
    let mut sleep: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
    for path in files(&root().join("lifelog")).iter().filter(|p| p.to_string_lossy().contains("daily-")) {
        for row in rows(path).into_iter().skip(1) {
            let (sex, years) = users[&row[0]];
            let count: f64 = row[2].parse().unwrap();
            if (100.0..50_000.0).contains(&count) && row[4].parse::<i32>().unwrap() >= 600 {
                steps.entry((sex, years >= 65)).or_default().push(count);
            }
            if let Ok(minutes) = row[3].parse::<f64>() {
                sleep.entry(sex).or_default().push(flag(minutes < 360.0));
            }
        }
    }
    close("steps, men 20-64", mean(steps[&(0, false)].clone()), 7506.0, 400.0);
    close("steps, women 20-64", mean(steps[&(1, false)].clone()), 6494.0, 400.0);
    close("steps, men 65-79", mean(steps[&(0, true)].clone()), 5700.0, 600.0);
    close("steps, women 65-79", mean(steps[&(1, true)].clone()), 4800.0, 600.0);
    close("short sleep, men", mean(sleep[&0].clone()), 0.385, 0.05);
    close("short sleep, women", mean(sleep[&1].clone()), 0.436, 0.05);
}

#[test]
fn cost_by_age() {
    // Yen per head and year, FY2014, all schemes, less about 2 % for what synthetic claims leave out (meals, home nursing).
    const PUBLISHED: [(i32, f64); 15] = [
        (0, 227e3),
        (5, 123e3),
        (10, 92e3),
        (15, 72e3),
        (20, 74e3),
        (25, 94e3),
        (30, 110e3),
        (35, 123e3),
        (40, 139e3),
        (45, 172e3),
        (50, 219e3),
        (55, 278e3),
        (60, 360e3),
        (65, 454e3),
        (70, 619e3),
    ];
    let mut months: BTreeMap<i32, f64> = BTreeMap::new();
    let mut yen: BTreeMap<i32, f64> = BTreeMap::new();
    let band = |years: i32| years.clamp(0, 74) / 5 * 5;
    for fund in ["kenpo", "kokuho"] {
        for row in table(&root().join(fund).join("eligibility.csv")) {
            let end = if row["喪失日"].is_empty() { i32::MAX } else { date(&row["喪失日"]) };
            for month in (202_404..=202_412).chain(202_501..=202_503) {
                let day = month * 100 + 15;
                if (date(&row["取得日"])..end).contains(&day) {
                    *months.entry(band(age(date(&row["生年月日"]), day))).or_default() += 1.0;
                }
            }
        }
    }
    for receipt in receipts(root()) {
        let re = receipt.one("RE");
        let month: i32 = re[3].parse().unwrap();
        let years = age(date(&re[6]), month * 100 + 15);
        *yen.entry(band(years)).or_default() += receipt.billed() as f64 * 10.0;
    }
    let (mut ours, mut theirs) = (0.0, 0.0);
    for (from, published) in PUBLISHED {
        let head = yen[&from] / (months[&from] / 12.0);
        let expected = published * 0.98;
        let tolerance = if from < 40 { 0.45 } else { 0.30 };
        close(&format!("cost at {from}"), head / expected, 1.0, tolerance);
        ours += head * months[&from];
        theirs += expected * months[&from];
    }
    close("cost of all", ours / theirs, 1.0, 0.15);
}

#[test]
fn things_hang_together() {
    // Activity → BMI → HbA1c → treatment: the arrows point the way they should.
    let bmi = |e: &Exam| item(&e.document, "9N011000000000001").unwrap();
    let hba1c = |e: &Exam| item(&e.document, "3D046000001906202");
    let of = |test: &dyn Fn(&Exam) -> bool, value: &dyn Fn(&Exam) -> Option<f64>| {
        mean(EXAMS.iter().filter(|e| e.statutory && test(e)).filter_map(value))
    };
    let walks = of(&|e| yes(e, "751"), &|e| Some(bmi(e)));
    let rests = of(&|e| !yes(e, "751"), &|e| Some(bmi(e)));
    assert!(rests - walks > 0.5, "BMI of those who walk {walks:.2}, of the others {rests:.2}");
    let heavy = of(&|e| bmi(e) >= 27.0, &hba1c);
    let light = of(&|e| bmi(e) < 22.0, &hba1c);
    assert!(heavy - light > 0.2, "HbA1c of the heavy {heavy:.2}, of the light {light:.2}");
    let treated = of(&|e| yes(e, "706"), &hba1c);
    assert!(treated > 6.3, "HbA1c of the treated {treated:.2}");
    let drugs = of(&|e| bmi(e) >= 27.0, &|e| Some(flag(yes(e, "701"))));
    let fewer = of(&|e| bmi(e) < 22.0, &|e| Some(flag(yes(e, "701"))));
    assert!(drugs > fewer * 1.3, "antihypertensives: heavy {drugs:.2}, light {fewer:.2}");
}
