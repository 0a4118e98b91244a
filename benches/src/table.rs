//! The figures as Markdown, with what is needed to judge them: machine, date, load.

use std::fmt::Write;

use crate::Size;
use crate::compare::{Line, Sense};
use crate::queries::BAR;

/// The machine's load averages, as Linux gives them.
pub(crate) fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().take(3).collect::<Vec<_>>().join(" ")
}

fn processor() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    format!("{cores} × {}", name.map_or("unknown processor", |(_, name)| name.trim()))
}

pub(crate) fn markdown(lines: &[Line], size: &Size, before: &str) -> String {
    let mut out = String::from(
        "| What | Ours | Peer | Ratio (lowest–highest of the rounds) | Bar |\n\
         |---|---:|---:|---:|---|\n",
    );
    for line in lines {
        let (low, middle, high) = line.ratios();
        let (ours, peer) = line.seconds();
        let sense = if line.sense == Sense::Speed { "speed" } else { "time" };
        let _ = writeln!(
            out,
            "| {} | {} | {}: {} | **{middle:.2}×** {sense} ({low:.2}–{high:.2}) | {} |",
            line.what,
            figure(line, ours),
            line.peer,
            figure(line, peer),
            line.bar
        );
    }
    let ratios: Vec<f64> = lines.iter().filter(|line| line.bar == BAR).map(|line| line.ratios().1).collect();
    let mean = (ratios.iter().map(|ratio| ratio.ln()).sum::<f64>() / ratios.len() as f64).exp();
    if !ratios.is_empty() {
        let _ = writeln!(out, "| Questions, geometric mean | | | **{mean:.2}×** time | {BAR} |");
    }
    let date = jiff::Zoned::now().date();
    let _ = write!(
        out,
        "\n{date}, {}; {} synthetic people ({} in the larger linkage), {} months; {} rounds of 10 samples; load averages {before} \
         before and {} after.\n",
        processor(),
        size.persons,
        size.many,
        size.months,
        size.rounds,
        load()
    );
    out
}

/// Work per second, or the time where no work is counted.
fn figure(line: &Line, seconds: f64) -> String {
    if line.sense == Sense::Time {
        return format!("{:.2} ms", seconds * 1e3);
    }
    let rate = line.work / seconds;
    match rate {
        rate if rate >= 1e6 => format!("{:.1} M {}/s", rate / 1e6, line.unit),
        rate if rate >= 1e3 => format!("{:.0} k {}/s", rate / 1e3, line.unit),
        rate => format!("{rate:.0} {}/s", line.unit),
    }
}
