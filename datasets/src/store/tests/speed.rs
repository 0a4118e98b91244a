//! Not a test but a measurement: `cargo test --release -p sudare-datasets -p unify load_speed -- --ignored --nocapture`.

use std::time::Instant;

use super::*;

/// The demo's size: 20,000 persons × 24 months, of whom 30% wear a device, and their claims.
#[test]
#[ignore = "a measurement"]
fn load_speed() {
    const PERSONS: u32 = 20_000;
    let people = persons(PERSONS);
    let (mut pids, mut dates, mut steps) = (Vec::new(), Vec::new(), Vec::new());
    for d in 0..730i64 {
        for p in (0..PERSONS).filter(|p| (p * 7 + 3) % 10 < 3) {
            pids.push(i64::from(p));
            dates.push(19_800 + d);
            let noise = i64::try_from(draw(u128::from(p), u32::try_from(d).unwrap()) % 9_000).unwrap();
            steps.push((noise % 17 != 0).then_some(noise));
        }
    }
    let lifelog = frame(
        "lifelog_daily",
        vec![
            ("pid", ints(&pids)),
            ("date", ints(&dates)),
            ("steps", ints(&steps)),
            ("sleep_min", ints(&steps)),
            ("wear_min", ints(&steps)),
            ("resting_hr", ints(&steps)),
            ("weight_kg", ints(&steps)),
        ],
    );
    let n = 20_000 * 24 * 6;
    let pids: Vec<i64> = (0..n).map(|i| i * 7919 % i64::from(PERSONS)).collect();
    let days: Vec<i64> = (0..n).map(|i| 19_800 + i * 31 % 730).collect();
    let codes: Vec<String> = (0..n).map(|i| format!("6{:08}", i * 7 % 400)).collect();
    let ones = vec![1_000; usize::try_from(n).unwrap()];
    let act = frame(
        "act",
        vec![
            ("pid", ints(&pids)),
            ("service_date", ints(&days)),
            ("kind", ints(&vec![1; ones.len()])),
            ("code", Column::new("x".into(), codes)),
            ("quantity", ints(&ones)),
            ("points", ints(&ones)),
        ],
    );
    let rows = lifelog.height() + act.height();
    let dir = tempfile::tempdir().unwrap();
    let start = Instant::now();
    let staged = try_load(dir.path(), &people, vec![("lifelog_daily", lifelog), ("act", act)]).unwrap();
    let loaded = start.elapsed();
    let path = staged.publish("s").unwrap();
    let size = std::fs::metadata(&path).unwrap().len();
    eprintln!("{rows} rows: load {loaded:.2?}, with publish {:.2?}, {} MB", start.elapsed(), size / 1_000_000);
    let store = open_at(&path);
    let start = Instant::now();
    let sql = "SELECT sex, count(*), sum(m) FROM (SELECT pid, avg(steps)::INTEGER AS m FROM lifelog_daily GROUP BY pid) JOIN person USING (pid) GROUP BY sex";
    store.integers(sql, &intent()).unwrap();
    eprintln!("mean steps per person, by sex: {:.2?}", start.elapsed());
}
