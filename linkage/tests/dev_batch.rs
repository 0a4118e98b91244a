#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::print_stdout)]
mod common;
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
use common::monthly::{Months, SOURCES};
use common::{Rates, counting};
use linkage::*;
use std::time::Instant;
fn cpu() -> f64 {
    let st = std::fs::read_to_string("/proc/self/stat").unwrap();
    let f: Vec<&str> = st.rsplit_once(')').unwrap().1.split_whitespace().collect();
    (f[11].parse::<f64>().unwrap() + f[12].parse::<f64>().unwrap()) / 100.0
}
#[test]
#[ignore]
fn dev_batch() {
    let persons: u32 = std::env::var("SUDARE_SCALE").ok().and_then(|t| t.parse().ok()).unwrap_or(1_000_000);
    let months = Months::new(7, persons, &Rates::default());
    let mut rows: Vec<Identity> = Vec::new();
    let mut truth: Vec<u32> = Vec::new();
    for source in 0..SOURCES {
        let mut known: std::collections::HashMap<Vec<u8>, usize> = Default::default();
        for month in 0..12 {
            let p = months.package(month, source);
            for (r, t) in p.rows.into_iter().zip(p.truth) {
                let mut key = Vec::with_capacity(160);
                for t in r.tokens { key.extend(t.unwrap_or(0).to_le_bytes()); }
                key.extend(r.birth_month.unwrap_or(0).to_le_bytes());
                key.push(r.sex);
                if let Some((a, _)) = r.coverage { key.extend(a.to_le_bytes()); }
                match known.get(&key) {
                    Some(&at) => { let k: &mut Identity = &mut rows[at]; k.last_day = k.last_day.max(r.last_day); k.first_day = k.first_day.min(r.first_day); if r.coverage.is_some() { k.coverage = r.coverage; } if r.death.is_some() { k.death = r.death; } }
                    None => { known.insert(key, rows.len()); rows.push(r); truth.push(t); }
                }
            }
        }
    }
    println!("{} rows", rows.len());
    for _ in 0..std::env::var("ROUNDS").ok().and_then(|t| t.parse().ok()).unwrap_or(2) {
        let (s, c) = (Instant::now(), cpu());
        let o = resolve(&rows, Strategy::Sudare, &Settings::default(), &mut counting()).unwrap();
        let (s, c) = (s.elapsed(), cpu() - c);
        let sum = o.person_of.iter().fold(0u64, |h, p| h.wrapping_mul(31).wrapping_add(u64::from(*p)));
        println!("resolve {s:?} cpu {c:.2} persons {} sum {sum:x} review {} est {:?}", o.persons.len(), o.review.len(), o.report.estimate);

        if std::env::var("EVAL").is_ok() { let e = evaluate(&o.person_of, &truth).unwrap(); println!("p {:.5} r {:.5}", e.precision.value, e.recall.value); }
    }
}
