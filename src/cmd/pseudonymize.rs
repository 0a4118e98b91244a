//! `sudare pseudonymize`: what a source runs on its own machine. Files in, one encrypted and signed package out.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::mpsc::sync_channel;

use datasets::catalogue::source_fields;
use datasets::read::{self, Identified, QualityReport, ReadError, ReadOptions, Truth};
use jiff::Timestamp;
use polars::prelude::{DataFrame, IntoColumn, NamedFrom, ParquetWriter, PolarsError, Series};
use pseudonymize::package::{Header, Writer};
use pseudonymize::{LinkageKey, Pass, Pseudonymizer, Pseudonymous, SourceKeys};

use super::health::{MOST_LOST, demand_health};
use super::quality;
use crate::actors;
use crate::catalogue;
use crate::cli::PseudonymizeArgs;
use crate::fail::{self, Context, Done, Failure};
use crate::out::{Out, place, thousands};
use crate::room::RoomCard;

pub fn run(args: &PseudonymizeArgs, out: &Out) -> Done {
    if args.explain {
        return explain(out);
    }
    let given = Given::of(args)?;
    fail::refuse_existing(given.output)?;
    fail::demand_folder(given.output)?;
    if let Some(path) = &args.report {
        fail::refuse_existing(path)?;
        fail::demand_folder(path)?;
    }
    let card = RoomCard::read(given.card)?;
    let identity = actors::open(given.identity, args.passphrase.passphrase_file.as_deref())?;
    if identity.name() != given.source {
        return Err(Failure::input(format!(
            "the identity is {}'s, and the source is {}",
            identity.name(),
            given.source
        ))
        .hint("a source signs with its own identity"));
    }
    let linkage_key = LinkageKey::open(given.linkage_key, &identity)
        .input(format!("{} can't be opened", given.linkage_key.display()))?;
    let keys = SourceKeys::derive(&linkage_key, &card.origin, args.epoch).input("the linkage key")?;
    let catalogue = catalogue::load(args.catalogue.dir.as_deref())?;
    catalogue::demand_same(&catalogue, &card)?;
    let sequence = match args.sequence {
        Some(n) => n,
        None => u64::try_from(Timestamp::now().as_second()).input("this machine's clock")?,
    };
    let header = Header {
        source: given.source.to_owned(),
        sequence,
        legal_basis: args.legal_basis.clone(),
        room: card.origin.clone(),
        epoch: args.epoch,
        linkage_key: keys.linkage_key_id().to_owned(),
        replaces: None,
        schema: catalogue.digest(),
    };

    let writer = Writer::create(given.output, header, std::slice::from_ref(&card.recipient));
    let mut writer = writer.input(format!("{} can't be written", given.output.display()))?;
    let mut job = Job {
        keys: &keys,
        pseudonymizer: Pseudonymizer::new(&keys, &catalogue),
        truth: args.truth.as_deref().map(Truth::load).transpose().input("the truth")?,
        truth_frame: None,
        identities: 0,
        weak: Weak::default(),
        stage: Stage::Listening,
    };
    let bar = out.bar(&format!("{}: reading", given.source), total_bytes(&args.inputs), true);
    let options = ReadOptions {
        maps: args.maps.clone(),
        masters: args.masters.clone(),
        catalogue: Some(catalogue.clone()),
        batch_rows: BATCH_ROWS,
        forget: true,
        // Where the package goes there is room for it, and nobody's eyes but those that may see the files.
        spill: Some(folder_of(given.output)),
        ..ReadOptions::default()
    };
    let (mut report, mut done) = on_threads(&args.inputs, &options, &mut job, &mut writer, &|n| bar.inc(n));
    if job.stage == Stage::Learning && done.is_ok() && report.is_ok() {
        // There is a list: now everybody on it is known, under whatever spelling.
        job.pseudonymizer.learned();
        job.stage = Stage::Working;
        bar.set_position(0);
        (report, done) = on_threads(&args.inputs, &options, &mut job, &mut writer, &|n| bar.inc(n));
    }
    bar.finish_and_clear();
    done?;
    let mut report = report.map_err(Failure::input)?;
    report.opted_out.clone_from(job.pseudonymizer.opted_out());
    for (table, rows) in job.pseudonymizer.refused() {
        report.opted_out.insert(format!("{table} (a code that is none)"), *rows);
    }
    // Also of files that are refused: then most of all.
    if let Some(path) = &args.report {
        quality::write(&report, path)?;
    }
    if !args.accept_losses {
        demand_health(&report)?;
        job.weak.demand(job.identities)?;
    }
    let quality = serde_json::to_string(&report).input("the quality report")?;
    let tombstones = job.pseudonymizer.tombstones().input("the opt-outs")?;
    if job.identities == 0 && tombstones.height() == 0 {
        return Err(Failure::input("no record in any of the files; no package was made"));
    }
    let signer = actors::signer(&identity)?;
    let met_nobody = job.pseudonymizer.met_nobody();
    let Job { truth_frame, identities, weak, .. } = job;
    writer.tombstones(&tombstones).input("the opt-outs")?;
    let summary = writer
        .finish(&quality, &|text| audit_log::note::sign(text, &[&signer]).map_err(Into::into))
        .input(format!("{} can't be written", given.output.display()))?;

    if let Some(frame) = truth_frame {
        write_truth(&truth_path(given.output), frame)?;
    }
    quality::tell(&report, out);
    if met_nobody > 0 {
        out.line(format!(
            "  opt-outs: {} entries met nobody in these files; compare them with the members' list",
            thousands(met_nobody)
        ));
    }
    out.line(format!("  identities with a token: {}", weak.words(identities)));
    out.line(format!(
        "  {} different spellings of a person became tokens; {} ({} KiB) is encrypted to the room and signed by {}",
        thousands(identities as u64),
        place(given.output),
        thousands(summary.bytes / 1024),
        given.source
    ));
    out.value(&serde_json::json!({
        "package": given.output, "source": given.source, "sequence": sequence, "bytes": summary.bytes, "quality": report,
        "identities": identities, "tokens": weak.tokens, "without_sex": weak.without_sex,
        "without_birth": weak.without_birth, "opt_outs_that_met_nobody": met_nobody,
    }));
    Ok(())
}

/// What must be given unless `--explain` is.
struct Given<'a> {
    source: &'a str,
    identity: &'a Path,
    linkage_key: &'a Path,
    card: &'a Path,
    output: &'a Path,
}

impl<'a> Given<'a> {
    fn of(args: &'a PseudonymizeArgs) -> Done<Self> {
        let missing =
            || Failure::input("something that is needed was not given").hint("see `sudare pseudonymize --help`");
        Ok(Self {
            source: args.source.as_deref().ok_or_else(missing)?,
            identity: args.identity.as_deref().ok_or_else(missing)?,
            linkage_key: args.linkage_key.as_deref().ok_or_else(missing)?,
            card: args.card.as_deref().ok_or_else(missing)?,
            output: args.output.as_deref().ok_or_else(missing)?,
        })
    }
}

/// What becomes of every field.
fn explain(out: &Out) -> Done {
    let formats = source_fields().input("the table of fields")?;
    for format in &formats {
        out.line(format!("\n{} ({})", format.title, format.source));
        for field in &format.fields {
            let to = if field.to.is_empty() { String::new() } else { format!(" → {}", field.to.join(", ")) };
            let why = field.why.as_ref().map(|why| format!("  ({why})")).unwrap_or_default();
            out.line(format!("  {:<10} {}{to}{why}", field.becomes.as_str(), field.field));
        }
    }
    out.line(
        "\nA field that is not listed has no column to go to: it is dropped. Columns and bounds: `sudare schema`.",
    );
    out.value(&formats);
    Ok(())
}

/// Where the truth of a package of synthetic people lies.
pub fn truth_path(package: &Path) -> PathBuf {
    let mut path = package.as_os_str().to_owned();
    path.push(".truth.parquet");
    PathBuf::from(path)
}

/// The folder a file will lie in.
fn folder_of(path: &Path) -> PathBuf {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned()
}

/// Batches as they come: identified on one side, pseudonymous on the other.
struct Job<'a> {
    keys: &'a SourceKeys,
    pseudonymizer: Pseudonymizer<'a>,
    truth: Option<Truth>,
    truth_frame: Option<DataFrame>,
    identities: usize,
    weak: Weak,
    stage: Stage,
}

/// A run without an opt-out list reads its files once; with one, twice.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Whether there is a list is not known yet.
    Listening,
    /// There is one: this pass is for finding everybody on it.
    Learning,
    Working,
}

/// How many identities lack what linkage lives on. A map that forgets to translate sex loses most tokens, and no row shows it.
#[derive(Default)]
struct Weak {
    without_sex: usize,
    without_birth: usize,
    tokens: BTreeMap<&'static str, usize>,
}

impl Weak {
    fn count(&mut self, identity: &DataFrame) -> Result<(), PolarsError> {
        if identity.height() == 0 {
            return Ok(());
        }
        self.without_sex += identity.column("sex")?.i32()?.iter().filter(|sex| !matches!(sex, Some(1 | 2))).count();
        self.without_birth += identity.column("birth_ym")?.null_count();
        for pass in Pass::ALL {
            let there = identity.height() - identity.column(pass.column())?.null_count();
            *self.tokens.entry(pass.as_str()).or_default() += there;
        }
        Ok(())
    }

    /// Shares of identities with a token, by pass.
    fn words(&self, identities: usize) -> String {
        let share = |n: usize| 100 * n / identities.max(1);
        self.tokens.iter().map(|(pass, n)| format!("{pass} {} %", share(*n))).collect::<Vec<_>>().join(", ")
    }

    fn demand(&self, identities: usize) -> Done {
        for (what, n) in [("sex", self.without_sex), ("birth date", self.without_birth)] {
            if n as f64 > MOST_LOST * identities as f64 {
                return Err(Failure::input(format!(
                    "{} of {} identities have no readable {what}, so they could hardly be linked; no package was made",
                    thousands(n as u64),
                    thousands(identities as u64)
                ))
                .hint("sex is 1 and 2 (or 男, 女, M, F): translate other words with `codes` in a column map; or run again with --accept-losses"));
            }
        }
        Ok(())
    }
}

impl Job<'_> {
    /// What of a batch goes into the package; none while the first of two passes lasts.
    fn take(&mut self, batch: Identified) -> Done<Option<Pseudonymous>> {
        if self.stage != Stage::Working {
            if self.pseudonymizer.learn(&batch).input("the records")? {
                self.stage = Stage::Learning;
                return Ok(None);
            }
            self.pseudonymizer.learned();
            self.stage = Stage::Working;
        }
        if batch.fresh().height() > 0
            && let Some(truth) = &self.truth
        {
            let found = renumbered(&truth.of(batch.fresh()).input("the truth")?, self.keys)?;
            match &mut self.truth_frame {
                Some(frame) => {
                    frame.vstack_mut(&found).input("the truth")?;
                }
                None => self.truth_frame = Some(found),
            }
        }
        let batch = self.pseudonymizer.batch(batch).input("the records")?;
        self.identities += batch.identity().height();
        self.weak.count(batch.identity()).input("the records")?;
        Ok(Some(batch))
    }
}

/// Rows of a batch: enough that Parquet packs them well, few enough that those under way are little memory.
const BATCH_ROWS: usize = 32_768;
/// Batches waiting between two threads.
const WAITING: usize = 1;

/// One thread reads (with others that it starts), one makes tokens, one makes Parquet and ciphertext. A failure of any ends all.
fn on_threads(
    inputs: &[PathBuf],
    options: &ReadOptions,
    job: &mut Job<'_>,
    writer: &mut Writer,
    progress: &dyn Fn(u64),
) -> (Result<QualityReport, ReadError>, Done) {
    let (identified, to_tokens) = sync_channel::<Identified>(WAITING);
    let (pseudonymous, to_package) = sync_channel::<Pseudonymous>(WAITING);
    std::thread::scope(|scope| {
        let write = move || -> Done {
            to_package.into_iter().try_for_each(|batch| writer.append(&batch).input("the package can't be written"))
        };
        let tokens = move || -> Done {
            for batch in to_tokens {
                // Whoever has failed hangs up, and what it says is what counts.
                if let Some(batch) = job.take(batch)?
                    && pseudonymous.send(batch).is_err()
                {
                    break;
                }
            }
            Ok(())
        };
        let (writing, hashing) = (scope.spawn(write), scope.spawn(tokens));
        let gone = |_| ReadError::Sink("".into());
        let report = read::read(inputs, options, &mut |batch| identified.send(batch).map_err(gone), progress);
        drop(identified);
        let [hashed, written] = [hashing, writing]
            .map(|thread| thread.join().unwrap_or_else(|_| Err(Failure::input("a thread of this run ended early"))));
        (report, hashed.and(written))
    })
}

/// The truth by the numbers that the package shows.
fn renumbered(truth: &DataFrame, keys: &SourceKeys) -> Done<DataFrame> {
    let doing = "the truth";
    let idents = truth.column("ident").and_then(|c| c.u32().cloned()).input(doing)?;
    let idents: Vec<u32> = idents.into_no_null_iter().map(|i| keys.renumber(i)).collect();
    let column = |name: &str| truth.column(name).cloned().input(doing);
    let columns = vec![Series::new("ident".into(), &idents).into_column(), column("person")?, column("scenarios")?];
    DataFrame::new(idents.len(), columns).input(doing)
}

fn write_truth(path: &Path, mut frame: DataFrame) -> Done {
    fail::refuse_existing(path)?;
    let file = File::create(path).input(format!("{} can't be written", path.display()))?;
    ParquetWriter::new(file).finish(&mut frame).input(format!("{} can't be written", path.display()))?;
    Ok(())
}

/// Bytes of all inputs, for the progress bar only.
fn total_bytes(inputs: &[PathBuf]) -> u64 {
    let total = RefCell::new(0);
    fn walk(path: &Path, total: &RefCell<u64>) {
        match std::fs::metadata(path) {
            Ok(m) if m.is_dir() => {
                for entry in std::fs::read_dir(path).into_iter().flatten().flatten() {
                    walk(&entry.path(), total);
                }
            }
            Ok(m) => *total.borrow_mut() += m.len(),
            Err(_) => {}
        }
    }
    inputs.iter().for_each(|p| walk(p, &total));
    total.into_inner()
}
