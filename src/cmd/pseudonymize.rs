//! `sudare pseudonymize`: what a source runs on its own machine. Files in, one encrypted and signed package out.

use std::cell::RefCell;
use std::fs::File;
use std::path::{Path, PathBuf};

use datasets::catalogue::source_fields;
use datasets::read::{self, Identified, Kind, QualityReport, ReadError, ReadOptions};
use jiff::Timestamp;
use polars::prelude::{Column, DataFrame, IntoColumn, NamedFrom, ParquetWriter, Series};
use pseudonymize::package::{Header, Writer};
use pseudonymize::{LinkageKey, Pseudonymizer, SourceKeys};

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
    fail::refuse_existing(&args.output)?;
    fail::demand_folder(&args.output)?;
    if let Some(path) = &args.report {
        fail::refuse_existing(path)?;
        fail::demand_folder(path)?;
    }
    let card = RoomCard::read(&args.card)?;
    let identity = actors::open(&args.identity, args.passphrase.passphrase_file.as_deref())?;
    if identity.name() != args.source {
        return Err(Failure::input(format!(
            "the identity is {}'s, and the source is {}",
            identity.name(),
            args.source
        ))
        .hint("a source signs with its own identity"));
    }
    let linkage_key = LinkageKey::open(&args.linkage_key, &identity)
        .input(format!("{} can't be opened", args.linkage_key.display()))?;
    let keys = SourceKeys::derive(&linkage_key, &card.origin, args.epoch).input("the linkage key")?;
    let catalogue = catalogue::load(args.catalogue.dir.as_deref())?;
    catalogue::demand_same(&catalogue, &card)?;
    let sequence = match args.sequence {
        Some(n) => n,
        None => u64::try_from(Timestamp::now().as_second()).input("this machine's clock")?,
    };
    let header = Header {
        source: args.source.clone(),
        sequence,
        legal_basis: args.legal_basis.clone(),
        room: card.origin.clone(),
        epoch: args.epoch,
        linkage_key: keys.linkage_key_id().to_owned(),
        replaces: None,
        schema: catalogue.digest(),
    };

    let writer = Writer::create(&args.output, header, std::slice::from_ref(&card.recipient));
    let mut job = Job {
        writer: writer.input(format!("{} can't be written", args.output.display()))?,
        keys: &keys,
        pseudonymizer: Pseudonymizer::new(&keys, &catalogue),
        truth: args.truth.as_deref(),
        truth_frame: None,
        identities: 0,
    };
    let bar = out.bar(&format!("{}: reading", args.source), total_bytes(&args.inputs), true);
    let options = ReadOptions {
        maps: args.maps.clone(),
        masters: args.masters.clone(),
        catalogue: Some(catalogue.clone()),
        ..ReadOptions::default()
    };
    let (report, done) = on_two_threads(&args.inputs, &options, &mut job, &|n| bar.inc(n));
    bar.finish_and_clear();
    done?;
    let mut report = report.map_err(Failure::input)?;
    report.opted_out.clone_from(job.pseudonymizer.opted_out());
    // Also of files that are refused: then most of all.
    if let Some(path) = &args.report {
        quality::write(&report, path)?;
    }
    if !args.accept_losses {
        demand_health(&report)?;
    }
    let quality = serde_json::to_string(&report).input("the quality report")?;
    let signer = actors::signer(&identity)?;
    let tombstones = job.pseudonymizer.tombstones().input("the opt-outs")?;
    let Job { mut writer, truth_frame, identities, .. } = job;
    writer.tombstones(&tombstones).input("the opt-outs")?;
    let summary = writer
        .finish(&quality, &|text| audit_log::note::sign(text, &[&signer]).map_err(Into::into))
        .input(format!("{} can't be written", args.output.display()))?;

    if let Some(frame) = truth_frame {
        write_truth(&truth_path(&args.output), frame)?;
    }
    quality::tell(&report, out);
    out.line(format!(
        "  {} different spellings of a person became tokens; {} ({} KiB) is encrypted to the room and signed by {}",
        thousands(identities as u64),
        place(&args.output),
        thousands(summary.bytes / 1024),
        args.source
    ));
    out.value(&serde_json::json!({
        "package": args.output, "source": args.source, "sequence": sequence, "bytes": summary.bytes, "quality": report,
    }));
    Ok(())
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

/// Batches as they come: identified on one side, pseudonymous and encrypted on the other.
struct Job<'a> {
    writer: Writer,
    keys: &'a SourceKeys,
    pseudonymizer: Pseudonymizer<'a>,
    truth: Option<&'a Path>,
    truth_frame: Option<DataFrame>,
    identities: usize,
}

impl Job<'_> {
    fn take(&mut self, batch: Identified) -> Done {
        if batch.identity().height() > 0
            && let Some(path) = self.truth
        {
            let truth = read::truth(&batch, path).input("the truth")?;
            self.truth_frame = Some(renumbered(&truth, self.keys)?);
        }
        let batch = self.pseudonymizer.batch(batch).input("the records")?;
        self.identities += batch.identity().height();
        self.writer.append(&batch).input("the package can't be written")
    }
}

/// Batches waiting between the reader and the writer; each is up to 100,000 rows.
const WAITING: usize = 2;

/// One thread reads, the other makes tokens, Parquet and ciphertext. A failure of either ends both.
fn on_two_threads(
    inputs: &[PathBuf],
    options: &ReadOptions,
    job: &mut Job<'_>,
    progress: &dyn Fn(u64),
) -> (Result<QualityReport, ReadError>, Done) {
    let (sender, receiver) = std::sync::mpsc::sync_channel::<Identified>(WAITING);
    std::thread::scope(|scope| {
        let writer = scope.spawn(move || receiver.into_iter().try_for_each(|batch| job.take(batch)));
        // A writer that has failed hangs up; what it says is what counts.
        let gone = |_| ReadError::Sink("".into());
        let report = read::read(inputs, options, &mut |batch| sender.send(batch).map_err(gone), progress);
        drop(sender);
        let done = writer.join().unwrap_or_else(|_| Err(Failure::input("the writing thread ended early")));
        (report, done)
    })
}

/// The truth by the numbers that the package shows.
fn renumbered(truth: &DataFrame, keys: &SourceKeys) -> Done<DataFrame> {
    let doing = "the truth";
    let idents = truth.column("ident").and_then(|c| c.u32().cloned()).input(doing)?;
    let idents: Vec<u32> = idents.into_no_null_iter().map(|i| keys.renumber(i)).collect();
    let person: Column = truth.column("person").input(doing)?.clone();
    DataFrame::new(idents.len(), vec![Series::new("ident".into(), idents).into_column(), person]).input(doing)
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

/// Share of a kind's records that may be unreadable, or lack a birth date, before the files are refused.
const MOST_LOST: f64 = 0.2;

/// Files that are mostly unreadable are the wrong files, or somebody changed their layout: no package is made of them.
fn demand_health(report: &QualityReport) -> Done {
    for (kind, counts) in report.kinds.iter().filter(|(kind, _)| **kind != Kind::Files) {
        let unreadable: u64 = counts.quarantined.values().sum();
        let unborn = counts.values_lost.get("birth-date").copied().unwrap_or_default();
        for (what, n) in [("are unreadable", unreadable), ("have no readable birth date", unborn)] {
            if n as f64 > MOST_LOST * counts.read as f64 {
                let (n, of) = (thousands(n), thousands(counts.read));
                return Err(Failure::input(format!(
                    "{n} of {of} records of {} {what}; no package was made",
                    kind.label()
                ))
                .hint("look at the files; if they are as they must be, run again with --accept-losses"));
            }
        }
    }
    Ok(())
}
