//! How this room links: settings, the model in force, what sources guarantee, reviewers' verdicts; and the list of pairs in doubt. It
//! decides nothing about rows.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use linkage::{Doubtful, Field, Identity, Model, Outcome, Settings, Verdict};

use super::Content;
use crate::cli::LinkArgs;
use crate::cmd::review::{self, Place};
use crate::fail::{self, Context, Done, Failure};
use crate::files;
use crate::out::{Out, place, thousands};
use crate::room::Unlocked;

/// What decides besides the rows.
pub(super) struct Plan {
    pub(super) settings: Settings,
    verdicts: Vec<(Place, Place, bool)>,
    reviews: Vec<String>,
}

impl Plan {
    /// Checks the arguments before the room takes anything.
    pub(super) fn demand(args: &LinkArgs) -> Done {
        for path in [&args.review, &args.fit_model].into_iter().flatten() {
            fail::refuse_existing(path)?;
        }
        if let Some(path) = &args.model {
            Model::parse(&fail::read_text(path)?).input(path.display().to_string())?;
        }
        Ok(())
    }

    /// Takes `--model` up; reads what the room has.
    pub(super) fn of(args: &LinkArgs, unlocked: &Unlocked, sources: &[String]) -> Done<Plan> {
        let kept = model_path(unlocked)?;
        if let Some(path) = &args.model {
            files::replace(&kept, fail::read_text(path)?.as_bytes())?;
        }
        let mut settings = Settings::default();
        if kept.is_file() {
            settings.model = Some(Model::parse(&fail::read_text(&kept)?).integrity("the room's linkage model")?);
        }
        let guarantees = |name: &str| unlocked.room.policy.sources().iter().any(|s| s.name == name && s.one_to_one);
        let numbered = (0u16..).zip(sources);
        settings.one_to_one =
            numbered.filter(|(_, name)| guarantees(name)).map(|(number, _)| number).collect::<BTreeSet<u16>>();
        let (verdicts, reviews) = review::verdicts(unlocked)?;
        Ok(Plan { settings, verdicts, reviews })
    }

    /// Whether everything must be linked at once: verdicts and lists for review are of all rows, and sources are numbered anew.
    pub(super) fn asks_for_all(&self, args: &LinkArgs) -> bool {
        !self.verdicts.is_empty() || !self.settings.one_to_one.is_empty() || args.review.is_some()
    }

    /// What the log's digest of parameters covers.
    pub(super) fn parameters(&self) -> Done<Vec<u8>> {
        serde_json::to_vec(&(&self.settings, &self.reviews)).input("the linkage settings")
    }

    /// The verdicts by rows in the packages' order; those on rows that have left the room are none.
    pub(super) fn verdicts(&self, contents: &[Content]) -> Vec<Verdict> {
        if self.verdicts.is_empty() {
            return Vec::new();
        }
        let at: HashMap<Place, u32> = places(contents).zip(0u32..).collect();
        let verdict =
            |(a, b, same): &(Place, Place, bool)| Some(Verdict { row: *at.get(a)?, other: *at.get(b)?, same: *same });
        self.verdicts.iter().filter_map(verdict).collect()
    }
}

fn model_path(unlocked: &Unlocked) -> Done<PathBuf> {
    Ok(unlocked.room.folder("linkage")?.join("model.toml"))
}

fn places(contents: &[Content]) -> impl Iterator<Item = Place> {
    let of = |content: &Content, ident: u32| (content.source.clone(), content.sequence, ident);
    contents.iter().flat_map(move |content| content.identities.iter().map(move |i| of(content, i.ident)))
}

/// Estimates a model from the room's rows.
pub(super) fn fit(path: &Path, rows: &[Identity], settings: &Settings, out: &Out) -> Done {
    let thresholds = settings.model.as_ref().map_or((0.95, 0.05), Model::thresholds);
    let spinner = out.spinner("estimating a model");
    let sample = linkage::sample(rows, settings).input("the estimate")?;
    let model = sample.fit(thresholds.0, thresholds.1).input("the estimate")?;
    let model = model.noted("Fitted by `sudare link --fit-model` on a room's rows.");
    files::create(path, model.to_text().input("the estimate")?.as_bytes())?;
    spinner.finish_and_clear();
    out.line(format!("  {}: estimated from this room; `sudare link --model` uses it", place(path)));
    Ok(())
}

/// What is known of one side of a pair.
#[derive(Default)]
struct Side {
    sources: BTreeSet<String>,
    first: Option<i32>,
    last: Option<i32>,
    rows: u64,
}

/// Writes the pairs in doubt, and seals what their names stand for.
pub(super) fn list(
    path: &Path,
    contents: &[Content],
    outcome: &Outcome,
    model: &Model,
    unlocked: &Unlocked,
    out: &Out,
) -> Done {
    let asked: BTreeSet<u32> =
        outcome.review.iter().flat_map(|pair| [pair.row, pair.other]).filter_map(|row| person(outcome, row)).collect();
    let mut sides: HashMap<u32, Side> = HashMap::new();
    let rows = contents.iter().flat_map(|content| content.identities.iter().map(move |i| (content, i)));
    for ((content, i), &person) in rows.zip(&outcome.person_of).filter(|(_, person)| asked.contains(person)) {
        let side = sides.entry(person).or_default();
        side.sources.insert(content.source.clone());
        side.first = side.first.into_iter().chain(i.first_day).min();
        side.last = side.last.into_iter().chain(i.last_day.or(i.first_day)).max();
        side.rows += 1;
    }
    let places: Vec<Place> = places(contents).collect();
    let at = |row: u32| usize::try_from(row).ok().and_then(|row| places.get(row)).cloned();
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut pairs = Vec::new();
    writer.write_record(header()).input("the list for review")?;
    for doubtful in &outcome.review {
        let (Some(a), Some(b)) = (at(doubtful.row), at(doubtful.other)) else { continue };
        let pair = review::pair(unlocked, a, b)?;
        let side = |row: u32| person(outcome, row).and_then(|person| sides.get(&person));
        let line = line(&pair.pair, doubtful, [side(doubtful.row), side(doubtful.other)], model);
        writer.write_record(line).input("the list for review")?;
        pairs.push(pair);
    }
    review::remember(unlocked, &pairs)?;
    let bytes = writer.into_inner().map_err(|_| Failure::input("the list for review can't be written"))?;
    files::create(path, &bytes)?;
    out.line(format!(
        "  {}: {} pairs for review; `sudare review sign` takes the filled-in file",
        place(path),
        thousands(pairs.len() as u64)
    ));
    Ok(())
}

fn person(outcome: &Outcome, row: u32) -> Option<u32> {
    usize::try_from(row).ok().and_then(|row| outcome.person_of.get(row)).copied()
}

fn header() -> Vec<String> {
    let mut header: Vec<String> = ["pair", "decision", "why", "posterior", "bits"].map(str::to_owned).to_vec();
    for field in Field::ALL {
        header.extend([field.name().to_owned(), format!("{}_bits", field.name())]);
    }
    for side in ["left", "right"] {
        header.extend(["sources", "from", "to", "rows"].map(|what| format!("{side}_{what}")));
    }
    header
}

fn line(name: &str, doubtful: &Doubtful, sides: [Option<&Side>; 2], model: &Model) -> Vec<String> {
    let mut line = vec![
        name.to_owned(),
        String::new(),
        doubtful.why.name().to_owned(),
        format!("{:.3}", doubtful.posterior),
        format!("{:.1}", doubtful.weight),
    ];
    for field in Field::ALL {
        let level = doubtful.pattern.level_name(field).unwrap_or("no information");
        line.extend([level.to_owned(), format!("{:+.1}", model.weight(&doubtful.pattern, field))]);
    }
    for side in sides {
        let Some(side) = side else { continue };
        line.push(side.sources.iter().cloned().collect::<Vec<_>>().join("+"));
        line.extend([side.first, side.last].map(|day| day.map_or(String::new(), year)));
        line.push(side.rows.to_string());
    }
    line
}

/// The year in which a day since 1970 lies.
fn year(day: i32) -> String {
    let epoch = jiff::civil::date(1970, 1, 1);
    let date = epoch.checked_add(jiff::Span::new().days(i64::from(day)));
    date.map_or(String::new(), |date| date.year().to_string())
}
