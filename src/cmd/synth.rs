//! `sudare synth`: invented people as raw files.

use datasets::synth::{SynthOptions, generate};

use crate::cli::SynthArgs;
use crate::fail::{self, Context, Done};
use crate::out::{Out, place, thousands};

pub fn run(args: &SynthArgs, out: &Out) -> Done {
    fail::refuse_existing(&args.dir)?;
    let options =
        SynthOptions { persons: args.persons, months: args.months, seed: args.seed, ..SynthOptions::default() };
    let bar = out.bar("inventing people", u64::from(args.persons), false);
    let report = generate(&args.dir, &options, &|persons| bar.set_position(persons))
        .input(format!("{} can't be filled", args.dir.display()))?;
    bar.finish_and_clear();
    out.line(format!(
        "  {}/: {} people in {} households; {} claims, {} checkups, {} days of lifelog of {} users; {} MB",
        place(&args.dir),
        thousands(report.persons),
        thousands(report.households),
        thousands(report.medical_claims + report.pharmacy_claims),
        thousands(report.checkups),
        thousands(report.lifelog_days),
        thousands(report.lifelog_users),
        thousands(report.bytes / 1_000_000)
    ));
    out.value(&report);
    Ok(())
}
