//! Splink 5 on the same people (`benches/peers/linkage_splink.py`), once on identifiers as written and once in our normal form, judged by
//! the same evaluator on the same rows. It runs only after `benches/peers/setup`.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use ::linkage::{Evaluation, Settings, Strategy, evaluate, random_id, resolve};
use datasets::synth::SynthOptions;
use polars::prelude::{ParquetReader, SerReader};

use super::world::World;
use crate::{Failure, Size};

/// Thresholds of match probability at which Splink's pairs are clustered.
const THRESHOLDS: [&str; 8] = ["0.5", "0.9", "0.95", "0.99", "0.999", "0.9999", "0.99999", "0.999999"];

/// The Python of a peer's environment, if `setup` made it.
pub(super) fn python(name: &str) -> Option<PathBuf> {
    let cache = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")))?;
    let path = cache.join("sudare/peers").join(name).join("bin/python");
    path.is_file().then_some(path)
}

pub(super) fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("peers").join(name)
}

/// Processor time of this process so far, in seconds: user and system, all threads (proc_pid_stat(5), fields 14 and 15, in ticks of 10 ms).
fn processor() -> Result<f64, Failure> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let after = stat.rsplit_once(')').map_or("", |(_, after)| after);
    let ticks: Vec<f64> = after.split_whitespace().skip(11).take(2).map(str::parse).collect::<Result<_, _>>()?;
    Ok(ticks.iter().sum::<f64>() / 100.0)
}

fn percent(rate: &::linkage::Rate) -> String {
    format!("{:.3} ({:.3}–{:.3})", 100.0 * rate.value, 100.0 * rate.low, 100.0 * rate.high)
}

/// Both ways at 10,000 people; with `SUDARE_BENCH_LARGE` at so many people too (a million take a quarter of an hour to invent and read).
pub(crate) fn splink(size: &Size, progress: &dyn Fn(&str)) -> Result<String, Failure> {
    let Some(python) = python("splink") else {
        return Ok("\n### Splink\nNot measured: run `benches/peers/setup` first.\n".to_owned());
    };
    let mut out = String::from(
        "\n### Splink 5.0.0 (DuckDB) on the same rows\nThresholds are those of its sweep; *best* is the highest recall at a pairwise \
         precision of which the 95% interval lies above 99.9%. Times are wall time, in brackets the processor time of all threads; both \
         sides may use every core.\n\n\
         | People (rows) | Fields | Threshold | Precision % | Recall % | B³ recall % | Time | Ours is faster by |\n|---|---|---:|---:|---:|---:|---:|---:|\n",
    );
    let mut sizes = vec![size.persons];
    let large: u32 = std::env::var("SUDARE_BENCH_LARGE").ok().and_then(|text| text.parse().ok()).unwrap_or(0);
    if large > size.persons {
        sizes.push(large);
    }
    for people in sizes {
        let formats = "payer,dpc,dental".parse()?;
        progress(&format!("linkage: inventing {people} people"));
        let options = SynthOptions { persons: people, months: 12, seed: 9_301, formats, ..SynthOptions::default() };
        let world = World::new(&options, true)?;
        progress(&format!("linkage: {} rows of {people} people", world.rows.len()));
        let (start, before) = (Instant::now(), processor()?);
        let outcome = resolve(&world.rows, Strategy::Sudare, &Settings::default(), &mut random_id)?;
        let (ours, burnt) = (start.elapsed().as_secs_f64(), processor()? - before);
        let whole = evaluate(&outcome.person_of, &world.person)?;
        let id0 = resolve(&world.rows, Strategy::Id0, &Settings::default(), &mut random_id)?;
        let id0 = evaluate(&id0.person_of, &world.person)?;
        let who = format!("{people} ({})", world.rows.len());
        let line = |fields: &str, at: &str, e: &Evaluation, time: &str, ratio: &str| {
            format!(
                "| {who} | {fields} | {at} | {} | {} | {} | {time} | {ratio} |\n",
                percent(&e.precision),
                percent(&e.recall),
                percent(&e.b_cubed_recall)
            )
        };
        out += &line("Sudare, tokens", "–", &whole, &format!("{ours:.2} s ({burnt:.2})"), "–");
        out += &line("ID0, tokens", "–", &id0, "–", "–");
        for (fields, normal) in [("Splink, as written", false), ("Splink, our normal form", true)] {
            progress(&format!("linkage: {fields}, {people} people"));
            let dir = tempfile::tempdir()?;
            let (input, output) = (dir.path().join("in.parquet"), dir.path().join("out.parquet"));
            world.dump(&input, normal)?;
            let mut run = Command::new(&python);
            run.arg(script("linkage_splink.py")).args([&input, &output]).arg(if normal { "normal" } else { "written" });
            run.args(THRESHOLDS);
            let done = run.output()?;
            if !done.status.success() {
                let what = String::from_utf8_lossy(&done.stderr);
                return Err(format!("Splink: {}", what.lines().last().unwrap_or_default()).into());
            }
            let text = String::from_utf8_lossy(&done.stdout);
            let told: serde_json::Value = serde_json::from_str(text.lines().last().unwrap_or_default())?;
            let told = |what: &str| told.get(what).and_then(serde_json::Value::as_f64).ok_or("Splink told no time");
            let (seconds, processor) = (told("seconds")?, told("processor")?);
            let clusters = ParquetReader::new(std::fs::File::open(&output)?).finish()?;
            let mut graded = Vec::new();
            for threshold in THRESHOLDS {
                let found: Vec<u32> =
                    clusters.column(threshold)?.u32()?.iter().map(Option::unwrap_or_default).collect();
                graded.push((threshold, evaluate(&found, &world.person)?));
            }
            let fits = graded.iter().filter(|(_, e)| e.precision.low >= 0.999);
            let best = fits.max_by(|a, b| a.1.recall.value.total_cmp(&b.1.recall.value)).map(|(at, _)| *at);
            let time = format!("{seconds:.1} s ({processor:.1})");
            let ratio = format!("**{:.1}×** ({:.1}×)", seconds / ours, processor / burnt);
            for (at, e) in &graded {
                if best == Some(at) {
                    out += &line(fields, &format!("{at} (best)"), e, &time, &ratio);
                } else if ["0.9", "0.95", "0.99"].contains(at) {
                    out += &line(fields, at, e, &time, &ratio);
                }
            }
            if best.is_none() {
                let _ =
                    writeln!(out, "| {who} | {fields} | none of the sweep is as precise | | | | {time} | {ratio} |");
            }
        }
    }
    Ok(out)
}
