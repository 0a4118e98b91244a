//! Readers of real formats: files as they arrive → identified frames, batch by batch. Content decides what a file is.
//!
//! Not pseudonymization and not linkage: identities leave here as written, and only `pseudonymize` may take them.
//! Nothing is lost silently ([`QualityReport`]), no value ever stands in an error, and no bytes can make a reader panic.
//!
//! | Format | Fills |
//! |---|---|
//! | 加入者台帳 CSV | `enrolment`; every insured member is an identity |
//! | payer-side claims, `NN_RECODEINFO` (医科, DPC, 調剤) | `claim`, `diagnosis`, `act` |
//! | 特定健診 XML, single or archive, and checkup CSV | `checkup`, `checkup_item` |
//! | a service's roster and daily CSV | `lifelog_daily` |

mod ahead;
mod apple;
mod checkup;
mod claims;
mod consent;
mod copies;
mod days;
mod desk;
mod digest;
mod eligibility;
mod error;
mod fhir;
mod fitbit;
mod frame;
mod header;
mod identity;
mod indexes;
mod kept;
mod layout;
mod lifelog;
mod lines;
mod mapped;
mod maps;
mod master;
mod number;
mod numbers;
mod opener;
mod quality;
mod queue;
mod report;
mod sniff;
mod text;
mod truth;
mod walk;

use std::collections::BTreeMap;
use std::fmt;
use std::io::BufRead;
use std::path::PathBuf;
use std::sync::Arc;

use polars::prelude::DataFrame;

pub use error::{Place, ReadError};
pub use quality::class::{Class, class};
pub use quality::{Check, Completeness, Conformance, Plausibility, Records, TableCompleteness, worst};
pub use report::{Counts, Finding, Kind, QualityReport};
pub use truth::{Truth, truth};

use crate::catalogue::Catalogue;
use desk::Desk;
use maps::Maps;
use master::Masters;
use sniff::Format;

/// A batch of identified records. Its fields are private and its `Debug` shows sizes only.
pub struct Identified {
    identity: DataFrame,
    fresh: DataFrame,
    forgot: bool,
    tables: BTreeMap<String, DataFrame>,
}

impl Identified {
    fn new(identity: DataFrame, fresh: DataFrame, forgot: bool, tables: BTreeMap<String, DataFrame>) -> Self {
        Self { identity, fresh, forgot, tables }
    }

    /// One row per distinct identifier tuple and reader: `ident` (UInt32), the identifiers as written (String), and the
    /// days known of it (Date), and `opted_out` (Boolean): true for identities of opt-out lists and for users named there;
    /// no row of anybody who is one person with such an identity may leave the source. Without rows in every batch but
    /// the last, which has all of the run. With [`ReadOptions::forget`] it has no texts, and the last batches have a part each.
    #[must_use]
    pub fn identity(&self) -> &DataFrame {
        &self.identity
    }

    /// If the inputs hold an opt-out list: the identities that no batch before this one had, shaped as
    /// [`Identified::identity`]. The listed persons come with the first batch, and nobody's rows come before themselves,
    /// so that rows of whoever is listed can be told when they pass. Without rows if there is no list. With
    /// [`ReadOptions::forget`], list or no list, this is the only time that identities are told.
    #[must_use]
    pub fn fresh(&self) -> &DataFrame {
        &self.fresh
    }

    /// The run forgets identities once told ([`ReadOptions::forget`]).
    #[must_use]
    pub fn forgot(&self) -> bool {
        self.forgot
    }

    /// Content by table name: `ident`, then the catalogue's columns in its order. Only tables with rows.
    #[must_use]
    pub fn tables(&self) -> &BTreeMap<String, DataFrame> {
        &self.tables
    }

    /// The frames themselves, identity first.
    #[must_use]
    pub fn into_parts(self) -> (DataFrame, BTreeMap<String, DataFrame>) {
        (self.identity, self.tables)
    }
}

impl fmt::Debug for Identified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = self.tables.iter().map(|(name, table)| (name, table.height()));
        let rows: BTreeMap<_, _> = rows.collect();
        f.debug_struct("Identified")
            .field("identities", &self.identity.height())
            .field("rows", &rows)
            .finish_non_exhaustive()
    }
}

/// Limits. The defaults fit the files of a large insurer; memory is bounded by them, not by the size of the input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadOptions {
    /// Rows, of all tables together, at which a batch is handed on.
    pub batch_rows: usize,
    /// Bytes that archives may unpack to, in all.
    pub max_unzipped_bytes: u64,
    /// Bytes that an archive's entry may unpack to, per byte of its packed size (entries up to 1 MiB are free).
    pub max_archive_ratio: u64,
    /// Entries of an archive.
    pub max_archive_entries: usize,
    /// Bytes of one XML document, or of one FHIR resource.
    pub max_document_bytes: u64,
    /// Column maps (TOML) of the user's own CSV files, before the built-in ones.
    pub maps: Vec<PathBuf>,
    /// 傷病名 and 医薬品 master files (支払基金 b and y), before the codes that ship.
    pub masters: Vec<PathBuf>,
    /// The catalogue; `None` for the built-in one.
    pub catalogue: Option<Catalogue>,
    /// The day of the run, after which nothing can have happened yet; `None` for this machine's.
    pub today: Option<jiff::civil::Date>,
    /// Threads that read claims; 1: none but the caller's. What comes out is the same whatever their number, but for
    /// where batches end.
    pub threads: usize,
    /// Identities leave with the first batch that has rows of them ([`Identified::fresh`]) and are forgotten but for a
    /// digest and their days.
    pub forget: bool,
    /// A folder for what is kept of everybody until the end and does not fit into [`ReadOptions::resident_bytes`]: digests, days,
    /// heights and weights. It goes there sealed, under a key that is in memory only, in files without a name. `None`: all stays in memory.
    pub spill: Option<PathBuf>,
    /// Bytes of it that stay in memory where there is such a folder.
    pub resident_bytes: usize,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self {
            batch_rows: 100_000,
            max_unzipped_bytes: 512 << 30,
            max_archive_ratio: 200,
            max_archive_entries: 5_000_000,
            max_document_bytes: 16 << 20,
            maps: Vec::new(),
            masters: Vec::new(),
            catalogue: None,
            today: None,
            threads: std::thread::available_parallelism().map_or(1, |threads| threads.get().min(8)),
            forget: false,
            spill: None,
            resident_bytes: 20 << 20,
        }
    }
}

/// Reads all inputs (files, folders, zips) and hands batches to `sink`; the last one carries the identity frame.
///
/// Order: rosters, opt-outs, eligibility, consents, claims, checkups, FHIR, lifelogs, tables by map; within each the order of the inputs, folders and
/// archives sorted by name. `progress` is called with the bytes of the inputs taken since its last call (packed bytes
/// for archives).
///
/// # Errors
/// A file that is not what it seems, or that breaks off, refuses the run ([`ReadError::Refused`]): what the sink has
/// got by then must be thrown away. Documents inside archives and folders are quarantined instead, one by one.
pub fn read(
    inputs: &[PathBuf],
    options: &ReadOptions,
    sink: &mut dyn FnMut(Identified) -> Result<(), ReadError>,
    progress: &dyn Fn(u64),
) -> Result<QualityReport, ReadError> {
    read_in_chunks(claims::CHUNK, inputs, options, sink, progress)
}

/// As [`read`]; claims files are cut after so many bytes.
fn read_in_chunks(
    chunk: usize,
    inputs: &[PathBuf],
    options: &ReadOptions,
    sink: &mut dyn FnMut(Identified) -> Result<(), ReadError>,
    progress: &dyn Fn(u64),
) -> Result<QualityReport, ReadError> {
    let catalogue = match &options.catalogue {
        Some(catalogue) => catalogue.clone(),
        None => {
            Catalogue::builtin().map_err(|_| ReadError::Catalogue { table: "*".to_owned(), column: "*".to_owned() })?
        }
    };
    let maps = Maps::load(&options.maps, &catalogue)?;
    let masters = Masters::load(&options.masters)?;
    let mut desk = Desk::new(&catalogue, options, sink)?;
    desk.masters = Arc::new(masters);
    let mut plan = walk::plan(inputs, options, &maps, &mut desk.tally)?;
    let mut checkups = checkup::Reader::new(&desk)?;
    let mut fhir = fhir::Reader::new(&desk)?;
    let unzipped = opener::Unzipped::default();
    let mut opener = opener::Opener::new(options, &unzipped, progress);
    std::thread::scope(|scope| {
        let mut crew = claims::Crew::new(scope, &catalogue, options, chunk);
        let mut ahead = ahead::Ahead::new(scope, options, &unzipped);
        if let Some(item) = plan.claims_to_come().filter(|_| options.threads > 1) {
            let kind = if item.format == Format::Claims { Kind::Claims } else { Kind::ProviderClaims };
            // Its bytes are counted in its turn.
            opener::Opener::new(options, &unzipped, &|_| {})
                .with(item, &mut |input| crew.begin(&mut desk, kind, &item.shown, item.encoding, input))?;
        }
        loop {
            let next = ahead.next(&mut plan, &mut opener);
            if next.is_err() {
                // What is wrong with a file before this one is told first.
                crew.drain(&mut desk)?;
            }
            let Some((item, small)) = next? else {
                return crew.drain(&mut desk);
            };
            if let Some(small) = small {
                if !walk::Plan::is_document(small.bytes()) {
                    // What is found in it is told after what was found before.
                    crew.drain(&mut desk)?;
                }
                if let Some(item) = plan.settle(item, small.bytes(), &mut desk.tally)? {
                    let taken = small.taken;
                    if checkups.is_new(&mut desk, small.bytes()) {
                        let document = claims::Document { file: item.shown, named: item.named, bytes: small };
                        crew.document(&mut desk, &mut checkups, document)?;
                    }
                    progress(taken);
                }
                continue;
            }
            if !matches!(item.format, Format::Claims | Format::ProviderClaims) {
                crew.drain(&mut desk)?;
            }
            let (file, encoding) = (item.shown.as_str(), item.encoding);
            desk.map = item.map.and_then(|map| maps.get(map)).cloned();
            let read = opener.with(&item, &mut |mut input: &mut dyn BufRead| match item.format {
                Format::Eligibility => eligibility::read(&mut desk, file, encoding, &mut input),
                Format::Roster => lifelog::roster(&mut desk, file, encoding, &mut input),
                Format::OptOut => consent::opt_out(&mut desk, file, encoding, &mut input),
                Format::Consent => consent::read(&mut desk, file, encoding, &mut input),
                Format::Claims => crew.read(&mut desk, Kind::Claims, file, encoding, input),
                Format::ProviderClaims => crew.read(&mut desk, Kind::ProviderClaims, file, encoding, input),
                Format::Checkup => checkups.read(&mut desk, file, item.named, input),
                Format::CheckupCsv => checkup::table::read(&mut desk, file, encoding, &mut input),
                Format::Fhir => fhir.read(&mut desk, file, item.named, input),
                Format::Daily => lifelog::daily(&mut desk, file, encoding, &mut input),
                Format::AppleHealth => apple::read(&mut desk, file, item.named, input),
                Format::Fitbit => fitbit::read(&mut desk, file, encoding, &mut input),
                Format::Mapped => mapped::read(&mut desk, file, encoding, &mut input),
                // None of these gets into the plan.
                Format::Beside(_)
                | Format::Zip
                | Format::Utf16
                | Format::Empty
                | Format::Semicolons
                | Format::Ambiguous(..)
                | Format::Unknown => Ok(()),
            });
            if read.is_err() {
                crew.drain(&mut desk)?;
            }
            read?;
        }
    })?;
    fitbit::finish(&mut desk)?;
    plan.finish(inputs.len(), &mut desk.tally)?;
    desk.finish()
}
