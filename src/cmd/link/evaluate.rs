//! `link --truth`: every strategy against the truth of synthetic people, by scenario, age and sex; tables, charts and errors to read.
//! The measures are `linkage`'s; here they meet the truth beside the packages and are shown. Never for people who exist.

use std::collections::HashMap;
use std::fmt::Write;
use std::fs::File;
use std::path::Path;

use datasets::synth::Scenario;
use linkage::{
    Blunder, Comparison, Evaluation, Group, Identity, Outcome, Part, Pass, Rate, Scorecard, Settings, Strategy, resolve,
};
use polars::prelude::{ParquetReader, SerReader};
use pseudonymize::package;

use super::Content;
use crate::cli::LinkArgs;
use crate::cmd::pseudonymize::truth_path;
use crate::fail::{self, Context, Done, Failure};
use crate::out::{Out, place};
use crate::svg::{Series, dots};

/// Errors of each kind that are written down to be read.
const BLUNDERS: usize = 25;

/// What was measured.
pub(super) struct Judged {
    /// All strategies asked for.
    pub(super) card: Scorecard,
    /// Which of them was loaded.
    run: Strategy,
    blunders: Vec<(Blunder, [(String, String); 2])>,
}

impl Judged {
    /// What was measured of the strategy that was loaded.
    pub(super) fn run(&self) -> Option<&Evaluation> {
        self.card.of(self.run).map(|graded| &graded.whole)
    }
}

/// The strategies to compare: the one that was run, and those that `--strategies` names.
pub(super) fn strategies(args: &LinkArgs, run: Strategy) -> Done<Vec<Strategy>> {
    let names = args.strategies.as_deref().unwrap_or_default();
    let mut wanted = vec![run];
    if names == "all" {
        wanted = Strategy::ALL.to_vec();
    } else if !names.is_empty() {
        for name in names.split(',') {
            let other = name.trim().parse().map_err(|_| {
                Failure::input("no such strategy").hint("all, or some of id1,id2,id1-or-id2,id0,sudare")
            })?;
            if !wanted.contains(&other) {
                wanted.push(other);
            }
        }
    }
    Ok(wanted)
}

/// The packages' truth must be there before anything is done, and the report must not.
pub(super) fn demand(args: &LinkArgs) -> Done {
    if !args.truth {
        return Ok(());
    }
    if let Some(path) = args.packages.iter().map(|path| truth_path(path)).find(|path| !path.is_file()) {
        return Err(Failure::input(format!("{} is not there", path.display()))
            .hint("--truth is for synthetic people: `sudare pseudonymize --truth` writes it"));
    }
    match &args.report {
        Some(dir) => fail::refuse_existing(dir),
        None => Ok(()),
    }
}

/// Person and scenarios of (source, sequence, ident).
type Truth = HashMap<(String, u64, u32), (u32, u32)>;

fn truth(packages: &[std::path::PathBuf]) -> Done<Truth> {
    let mut known = HashMap::new();
    for file in packages {
        let path = truth_path(file);
        let doing = || format!("{} is no truth", path.display());
        let header = package::claimed(file).input(doing())?.header;
        let open = File::open(&path).input(format!("{} can't be read", path.display()))?;
        let frame = ParquetReader::new(open).finish().map_err(|_| Failure::input(doing()))?;
        let column =
            |name: &str| frame.column(name).and_then(|c| c.u32().cloned()).map_err(|_| Failure::input(doing()));
        let (idents, persons, scenarios) = (column("ident")?, column("person")?, column("scenarios")?);
        for ((ident, person), bits) in idents.iter().zip(persons.iter()).zip(scenarios.iter()) {
            if let (Some(ident), Some(person)) = (ident, person) {
                known.insert((header.source.clone(), header.sequence, ident), (person, bits.unwrap_or_default()));
            }
        }
    }
    Ok(known)
}

/// Measures over the identity rows whose person the truth knows. `rows` are the contents' identities in order, as linkage saw them.
pub(super) fn judge(
    args: &LinkArgs,
    contents: &[Content],
    rows: &[Identity],
    (run, outcome): (Strategy, &Outcome),
    settings: &Settings,
) -> Done<Judged> {
    let known = truth(&args.packages)?;
    let mut all = contents
        .iter()
        .flat_map(|content| content.identities.iter().map(move |identity| (content, identity.ident)))
        .map(|(content, ident)| known.get(&(content.source.clone(), content.sequence, ident)).copied());
    let truth: Vec<Option<(u32, u32)>> = all.by_ref().collect();
    let at: Vec<usize> = (0..rows.len()).filter(|row| truth.get(*row).is_some_and(Option::is_some)).collect();
    let (persons, scenarios): (Vec<u32>, Vec<u32>) = truth.iter().flatten().copied().unzip();
    let seen: Vec<Identity> = at.iter().filter_map(|row| rows.get(*row).cloned()).collect();
    let named: Vec<(&str, u32)> = Scenario::ALL.into_iter().map(|scenario| (scenario.name(), scenario.bit())).collect();
    let groups = Group::all(&seen, &persons, &scenarios, &named);

    let mut card = Scorecard::default();
    let mut blunders = Vec::new();
    for strategy in strategies(args, run)? {
        let other;
        let person_of = if strategy == run {
            &outcome.person_of
        } else {
            other = resolve(rows, strategy, settings, &mut linkage::random_id).input("linkage")?;
            &other.person_of
        };
        let found: Vec<u32> = at.iter().filter_map(|row| person_of.get(*row).copied()).collect();
        card.add(strategy.name(), &found, &persons, &groups).input("the evaluation")?;
        if strategy == run && args.report.is_some() {
            let names = source_names(contents);
            let describe = |row: u32| {
                let row = row as usize;
                let source = seen.get(row).and_then(|one| names.get(usize::from(one.source)).copied());
                let bits = scenarios.get(row).copied().unwrap_or_default();
                (source.unwrap_or_default().to_owned(), words(bits))
            };
            let comparison = Comparison::new(&found, &persons).input("the evaluation")?;
            let sample = comparison.blunders(&seen, BLUNDERS);
            blunders = sample.into_iter().map(|b| (b.clone(), [describe(b.rows.0), describe(b.rows.1)])).collect();
        }
    }
    Ok(Judged { card, run, blunders })
}

/// Names of sources in the order of their numbers.
fn source_names(contents: &[Content]) -> Vec<&str> {
    let mut names: Vec<&str> = contents.iter().map(|content| content.source.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn words(bits: u32) -> String {
    let names: Vec<&str> = Scenario::ALL.into_iter().filter(|s| bits & s.bit() != 0).map(Scenario::name).collect();
    if names.is_empty() { "–".to_owned() } else { names.join(", ") }
}

/// Tables on the terminal.
pub(super) fn tell(judged: &Judged, out: &Out) {
    let card = &judged.card;
    let show = |(header, rows): (Vec<String>, Vec<Vec<String>>)| {
        let header: Vec<&str> = header.iter().map(String::as_str).collect();
        out.table(&header, 1, &rows);
    };
    if card.graded.len() == 1
        && let Some(e) = judged.run()
    {
        let percent = |r: &Rate| format!("{:.2}% ({:.2}–{:.2})", r.value * 100.0, r.low * 100.0, r.high * 100.0);
        out.line(format!(
            "  Against the truth: of the pairs that were joined, {} belong together (precision)",
            percent(&e.precision)
        ));
        out.line(format!(
            "                     of the pairs that belong together, {} were joined (recall)",
            percent(&e.recall)
        ));
    } else {
        out.line("  Against the truth (95% intervals):");
        let (mut header, mut rows) = card.table();
        // What fits on a line; the report has all.
        for cells in std::iter::once(&mut header).chain(&mut rows) {
            cells.truncate(4);
        }
        show((header, rows));
        let value = |rate: &Rate| format!("{:.2}", 100.0 * rate.value);
        out.line("  Of the pairs that belong together, joined (recall %), by scenario:");
        show(card.group_table("scenario", &|part| part.recall, &value));
        out.line("  Of the pairs that were joined, right (precision %), by scenario:");
        show(card.group_table("scenario", &|part| part.precision, &value));
    }
}

/// Tables as Markdown and JSON, charts, errors.
pub(super) fn write(judged: &Judged, dir: &Path, out: &Out) -> Done {
    std::fs::create_dir_all(dir).input(format!("{} can't be made", dir.display()))?;
    let put = |name: &str, text: &str| {
        std::fs::write(dir.join(name), text).input(format!("{} can't be written", dir.join(name).display()))
    };
    put("evaluation.md", &format!("# Linkage against the truth (synthetic people)\n\n{}", judged.card.markdown()))?;
    let json = serde_json::to_string_pretty(&judged.card).input("the evaluation")?;
    put("evaluation.json", &json)?;
    put("errors.md", &errors(&judged.blunders))?;
    for (name, title, of) in [
        ("recall.svg", "Pairwise recall %, 95% intervals", (|part| part.recall) as fn(&Part) -> Option<Rate>),
        ("precision.svg", "Pairwise precision %, 95% intervals", |part| part.precision),
    ] {
        chart(&judged.card, &dir.join(name), title, of)
            .map_err(|e| Failure::input(format!("{} can't be drawn: {e}", dir.join(name).display())))?;
    }
    out.line(format!("  {}: evaluation.md, evaluation.json, recall.svg, precision.svg, errors.md", place(dir)));
    Ok(())
}

fn chart(card: &Scorecard, path: &Path, title: &str, of: fn(&Part) -> Option<Rate>) -> Result<(), String> {
    let Some(named) = card.graded.first() else { return Ok(()) };
    let labels: Vec<String> = named.groups.iter().map(|group| group.name.clone()).collect();
    let percent = |rate: Rate| (100.0 * rate.value, 100.0 * rate.low, 100.0 * rate.high);
    let series: Vec<Series> = card
        .graded
        .iter()
        .map(|graded| Series {
            name: graded.name.clone(),
            marks: graded.groups.iter().map(|group| of(&group.part).map(percent)).collect(),
        })
        .collect();
    dots(path, title, &labels, &series, 100.0)
}

fn errors(blunders: &[(Blunder, [(String, String); 2])]) -> String {
    let mut text = String::from(
        "# Errors to read (synthetic people)\n\nOne pair of rows for each person or id, the two that agree most. No names: scenarios, \
         sources, passes.\n",
    );
    let list = |passes: &[Pass]| passes.iter().map(|pass| pass.name()).collect::<Vec<_>>().join(", ");
    for (missed, title) in [(true, "One person, two ids"), (false, "Two persons, one id")] {
        let _ = writeln!(
            text,
            "\n## {title}\n\n| Sources | Scenarios of the one | … of the other | Agree | Differ | Why |"
        );
        let _ = writeln!(text, "|---|---|---|---|---|---|");
        for (blunder, [a, b]) in blunders.iter().filter(|(blunder, _)| blunder.missed == missed) {
            let (agree, differ) = (list(&blunder.agree), list(&blunder.differ));
            let _ = writeln!(text, "| {}, {} | {} | {} | {agree} | {differ} | {} |", a.0, b.0, a.1, b.1, blunder.why);
        }
    }
    text
}
