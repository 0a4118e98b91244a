//! `sudare synth`: invented people as raw files.

use datasets::synth::{SynthOptions, generate};

use crate::cli::SynthArgs;
use crate::fail::{self, Context, Done};
use crate::out::{Out, place, thousands};

pub fn run(args: &SynthArgs, out: &Out) -> Done {
    fail::refuse_existing(&args.dir)?;
    let mut options: SynthOptions = match &args.config {
        Some(path) => {
            let text = std::fs::read_to_string(path).input(format!("{} can't be read", path.display()))?;
            toml::from_str(&text).input(format!("{} is no config of synthetic people", path.display()))?
        }
        None => SynthOptions::default(),
    };
    options.persons = args.persons.unwrap_or(options.persons);
    options.months = args.months.unwrap_or(options.months);
    options.seed = args.seed.unwrap_or(options.seed);
    if let Some(formats) = &args.formats {
        options.formats = formats.clone();
    }
    let bar = out.bar("inventing people", u64::from(options.persons), false);
    let report = generate(&args.dir, &options, &|persons| bar.set_position(persons))
        .input(format!("{} can't be filled", args.dir.display()))?;
    bar.finish_and_clear();
    out.line(format!(
        "  {}/: {} people in {} households; {} claims, {} checkups, {} days of lifelog of {} users; {} MB",
        place(&args.dir),
        thousands(report.persons),
        thousands(report.households),
        thousands(report.medical_claims + report.dpc_claims + report.dental_claims + report.pharmacy_claims),
        thousands(report.checkups),
        thousands(report.lifelog_days),
        thousands(report.lifelog_users),
        thousands(report.bytes / 1_000_000)
    ));
    out.value(&report);
    Ok(())
}
