//! Identified batches → pseudonymous batches. The one place, besides the readers, that sees identifiers.
//!
//! What leaves: tokens, sex, month of birth, three digits of the postcode, the days that describe coverage and care,
//! and the catalogue's columns. Everything else is dropped by not being copied.

use std::collections::{BTreeMap, HashMap};

use datasets::catalogue::Catalogue;
use datasets::read::Identified;
use polars::prelude::{
    BinaryChunkedBuilder, BooleanChunked, Column, DataFrame, DataType, Int32Chunked, IntoColumn, IntoSeries, NamedFrom,
    NewChunkedArray, Series, SortMultipleOptions, StringChunked, UInt32Chunked, UInt64Chunked,
};

use crate::content::content;
use crate::frames::{FrameError, Shaped};
use crate::normalize::{Fields, Raw};
use crate::opt_out::OptOuts;
use crate::token::{PASSES, Pass, SourceKeys, Token};

/// The name of the identity frame, in errors and counts.
pub(crate) const IDENTITY: &str = "identity";
/// Rows per piece of work of a thread.
const PIECE: usize = 8192;

/// A batch without identifiers: what may be put into a package. Only [`Pseudonymizer`] makes one.
pub struct Pseudonymous {
    identity: DataFrame,
    days: DataFrame,
    tables: BTreeMap<String, DataFrame>,
    refused: BTreeMap<String, usize>,
}

impl std::fmt::Debug for Pseudonymous {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pseudonymous(redacted)")
    }
}

impl Pseudonymous {
    /// `ident` UInt32, `sex` Int32 (1, 2, 0 unknown), `birth_ym` Date, `first_seen`, `last_seen`, `covered_from`,
    /// `covered_to`, `death` Date, `insurer` UInt64, `postcode3` String, and a 16-byte Binary column per [`Pass`].
    /// Sorted by `ident`, which is not the reader's number ([`SourceKeys::renumber`]). In a run that forgets
    /// ([`datasets::read::ReadOptions::forget`]) every batch has those that are new in it, without the days.
    pub fn identity(&self) -> &DataFrame {
        &self.identity
    }

    /// The last batches of a run that forgets: `ident`, `first_seen`, `last_seen`, `covered_from`, `covered_to`, `death`.
    pub fn days(&self) -> &DataFrame {
        &self.days
    }

    /// The catalogue's tables, `ident` first, keys keyed, sorted by `ident`.
    pub fn tables(&self) -> &BTreeMap<String, DataFrame> {
        &self.tables
    }

    /// Rows per table that were left out because a code that must be there was no code at all (a text in its place
    /// could be a name).
    pub fn refused(&self) -> &BTreeMap<String, usize> {
        &self.refused
    }
}

/// The only way from identified batches to pseudonymous ones: one for each package, fed with all batches of a run in
/// their order, because who opted out is known from the first and holds for the rest.
pub struct Pseudonymizer<'a> {
    keys: &'a SourceKeys,
    catalogue: &'a Catalogue,
    opt_outs: OptOuts,
    refused: BTreeMap<String, u64>,
    /// In a run that forgets: births that may turn out to be after the last day seen, by the reader's number.
    unborn: HashMap<u32, i32>,
}

impl std::fmt::Debug for Pseudonymizer<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pseudonymizer(redacted)")
    }
}

impl<'a> Pseudonymizer<'a> {
    /// For a run of a reader.
    pub fn new(keys: &'a SourceKeys, catalogue: &'a Catalogue) -> Self {
        Self { keys, catalogue, opt_outs: OptOuts::default(), refused: BTreeMap::new(), unborn: HashMap::new() }
    }

    /// Makes a batch pseudonymous. Rows and identities of whoever shares a token (individual, member, ID1, ID2, ID4)
    /// with an entry of an opt-out list are left out.
    ///
    /// # Errors
    /// A frame lacks a column or has one of another type; an opt-out that comes after rows of that person.
    pub fn batch(&mut self, batch: Identified) -> Result<Pseudonymous, FrameError> {
        let (fresh, forgot) = (batch.fresh().clone(), batch.forgot());
        let (identity, tables) = batch.into_parts();
        if forgot {
            return self.forgetful(&identity, fresh, tables);
        }
        self.frames(identity, &fresh, tables)
    }

    /// A batch of a run that forgets: its new identities now, and what days are known of others.
    pub(crate) fn forgetful(
        &mut self,
        days: &DataFrame,
        fresh: DataFrame,
        tables: BTreeMap<String, DataFrame>,
    ) -> Result<Pseudonymous, FrameError> {
        let mut unborn = std::mem::take(&mut self.unborn);
        let batch = self.framed(fresh.clone(), &fresh, tables, Some(&mut unborn));
        self.unborn = unborn;
        let mut batch = batch?;
        batch.days = self.opt_outs.days(days_of(days, &self.unborn, self.keys)?, days, self.keys)?;
        Ok(batch)
    }

    /// First pass over a run, before [`Pseudonymizer::batch`] gets its batches: learns who opted out under any spelling. `false`: there is
    /// no list, since lists are read before rows, and the pass can end here.
    ///
    /// # Errors
    /// A frame lacks a column or has one of another type.
    pub fn learn(&mut self, batch: &Identified) -> Result<bool, FrameError> {
        self.opt_outs.learn(batch.fresh(), self.keys)?;
        Ok(self.opt_outs.any() || batch.tables().is_empty())
    }

    /// Ends the first pass.
    pub fn learned(&mut self) {
        self.opt_outs.close();
    }

    /// Entries of opt-out lists that met nobody in this run.
    pub fn met_nobody(&self) -> u64 {
        self.opt_outs.alone()
    }

    /// Rows that were left out because a code that must be there was none, by table.
    pub fn refused(&self) -> &BTreeMap<String, u64> {
        &self.refused
    }

    /// How many rows were left out because their person opted out, by table; identities under `identity`.
    pub fn opted_out(&self) -> &BTreeMap<String, u64> {
        self.opt_outs.kept_back()
    }

    /// The tokens of the opt-out lists' entries, which the room needs to take their earlier rows away. No rows if there were none.
    ///
    /// # Errors
    /// The frame can't be built.
    pub fn tombstones(&self) -> Result<DataFrame, FrameError> {
        self.opt_outs.tombstones()
    }

    pub(crate) fn frames(
        &mut self,
        identity: DataFrame,
        fresh: &DataFrame,
        tables: BTreeMap<String, DataFrame>,
    ) -> Result<Pseudonymous, FrameError> {
        self.framed(identity, fresh, tables, None)
    }

    fn framed(
        &mut self,
        identity: DataFrame,
        fresh: &DataFrame,
        tables: BTreeMap<String, DataFrame>,
        unborn: Option<&mut HashMap<u32, i32>>,
    ) -> Result<Pseudonymous, FrameError> {
        self.opt_outs.meet(fresh, self.keys)?;
        let marks = identity.clone();
        let mut batch = made(identity, tables, self.keys, self.catalogue, unborn)?;
        for (name, rows) in &batch.refused {
            *self.refused.entry(name.clone()).or_default() += *rows as u64;
        }
        for (name, frame) in &mut batch.tables {
            *frame = self.opt_outs.table(name, std::mem::take(frame))?;
        }
        if marks.height() > 0 {
            batch.identity = self.opt_outs.identities(batch.identity, &marks, self.keys)?;
        }
        Ok(batch)
    }
}

pub(crate) fn frames(
    identity: DataFrame,
    tables: BTreeMap<String, DataFrame>,
    keys: &SourceKeys,
    catalogue: &Catalogue,
) -> Result<Pseudonymous, FrameError> {
    made(identity, tables, keys, catalogue, None)
}

fn made(
    identity: DataFrame,
    tables: BTreeMap<String, DataFrame>,
    keys: &SourceKeys,
    catalogue: &Catalogue,
    unborn: Option<&mut HashMap<u32, i32>>,
) -> Result<Pseudonymous, FrameError> {
    let mut out = BTreeMap::new();
    let mut refused = BTreeMap::new();
    for (name, frame) in tables {
        let Some(table) = catalogue.table(&name) else {
            continue;
        };
        let (frame, dropped) = content(table, frame, keys)?;
        if dropped > 0 {
            refused.insert(name.clone(), dropped);
        }
        out.insert(name, frame);
    }
    Ok(Pseudonymous { identity: identities(identity, keys, unborn)?, days: DataFrame::empty(), tables: out, refused })
}

/// The columns of an identity frame that are known at a run's end only.
pub(crate) const DAYS: [&str; 5] = ["first_seen", "last_seen", "covered_from", "covered_to", "death"];
/// Beside them: the birth date can't be right, so nothing that was made of it counts.
pub(crate) const UNBORN: &str = "unborn";

/// What days are known of identities, under the package's numbers.
fn days_of(frame: &DataFrame, births: &HashMap<u32, i32>, keys: &SourceKeys) -> Result<DataFrame, FrameError> {
    if frame.height() == 0 {
        return Ok(DataFrame::empty());
    }
    let shaped = Shaped::new(IDENTITY, frame);
    let mut columns = vec![renumbered(shaped.u32("ident")?, keys)];
    for name in DAYS {
        columns.push(shaped.column(name, &DataType::Date)?.clone());
    }
    let (idents, last) = (shaped.u32("ident")?.iter(), shaped.date("last_seen")?.iter());
    let unborn: BooleanChunked = idents
        .zip(last)
        .map(|(ident, last)| Some(births.get(&ident?).is_some_and(|birth| too_late(*birth, last))))
        .collect();
    columns.push(unborn.with_name(UNBORN.into()).into_series().into_column());
    sorted(IDENTITY, DataFrame::new(frame.height(), columns).map_err(|e| FrameError::polars(IDENTITY, &e))?)
}

/// Nobody is seen before being born; a claim's month counts as its first day.
fn too_late(birth: i32, last_seen: Option<i32>) -> bool {
    last_seen.is_some_and(|last| birth > last.saturating_add(31))
}

/// What one thread makes of its rows.
#[derive(Default)]
struct Piece {
    tokens: Vec<[Option<Token>; PASSES]>,
    sex: Vec<i32>,
    birth: Vec<Option<i32>>,
    insurer: Vec<Option<u64>>,
    postcode: Vec<Option<String>>,
    /// Row and birth, where the birth is not before the last day seen so far.
    unborn: Vec<(usize, i32)>,
}

/// With `unborn`, days are not known yet: births that may be too late are noted there, and the columns of days left out.
fn identities(
    mut frame: DataFrame,
    keys: &SourceKeys,
    unborn: Option<&mut HashMap<u32, i32>>,
) -> Result<DataFrame, FrameError> {
    const TABLE: &str = IDENTITY;
    // Every batch but a run's last.
    if frame.height() == 0 {
        return Ok(DataFrame::empty());
    }
    frame.rechunk_mut();
    let shaped = Shaped::new(TABLE, &frame);
    let columns = Identifiers::of(&shaped)?;
    let rows = frame.height();
    let pieces = columns.in_pieces(rows, unborn.is_none(), keys);

    let numbers = shaped.u32("ident")?;
    let whole = unborn.is_none();
    if let Some(unborn) = unborn {
        let noted = pieces.iter().flat_map(|piece| &piece.unborn);
        unborn.extend(noted.filter_map(|(row, birth)| Some((numbers.get(*row)?, *birth))));
    }
    let ident = renumbered(numbers, keys);
    let all = || pieces.iter();
    let mut out = vec![
        ident,
        from_iter::<Int32Chunked, _>("sex", all().flat_map(|p| p.sex.iter().map(|s| Some(*s)))),
        date("birth_ym", all().flat_map(|p| p.birth.iter().copied()))?,
    ];
    for name in DAYS.into_iter().filter(|_| whole) {
        out.push(shaped.column(name, &DataType::Date)?.clone());
    }
    out.push(from_iter::<UInt64Chunked, _>("insurer", all().flat_map(|p| p.insurer.iter().copied())));
    let postcode = all().flat_map(|p| p.postcode.iter().map(|p| p.as_deref()));
    out.push(StringChunked::from_iter_options("postcode3".into(), postcode).into_series().into_column());
    for pass in Pass::ALL {
        let mut builder = BinaryChunkedBuilder::new(pass.column().into(), rows);
        for tokens in all().flat_map(|p| &p.tokens) {
            builder.append_option(tokens.get(pass.index()).copied().flatten());
        }
        out.push(builder.finish().into_series().into_column());
    }
    sorted(TABLE, DataFrame::new(rows, out).map_err(|e| FrameError::polars(TABLE, &e))?)
}

/// The identifier columns of a reader's identity frame.
pub(crate) struct Identifiers<'f> {
    columns: [&'f StringChunked; 10],
    last_seen: &'f Int32Chunked,
}

impl<'f> Identifiers<'f> {
    pub(crate) fn of(shaped: &Shaped<'f>) -> Result<Self, FrameError> {
        Ok(Self {
            columns: [
                shaped.str("insurer_no")?,
                shaped.str("symbol")?,
                shaped.str("number")?,
                shaped.str("branch")?,
                shaped.str("name")?,
                shaped.str("kana")?,
                shaped.str("birth")?,
                shaped.str("sex")?,
                shaped.str("individual_no")?,
                shaped.str("postcode")?,
            ],
            last_seen: shaped.date("last_seen")?,
        })
    }

    /// The identifiers of a row, normalized, whatever is known of the person's days.
    pub(crate) fn written(&self, row: usize) -> Fields {
        let [insurer, symbol, number, branch, name, kana, birth, sex, individual, postcode] = self.columns;
        Fields::new(&Raw {
            insurer: insurer.get(row),
            symbol: symbol.get(row),
            number: number.get(row),
            branch: branch.get(row),
            name: name.get(row),
            kana: kana.get(row),
            birth: birth.get(row),
            sex: sex.get(row),
            individual: individual.get(row),
            postcode: postcode.get(row),
        })
    }

    /// Normalizes and hashes with all cores. Threads take pieces in turn, so that one slow piece holds nobody up.
    fn in_pieces(&self, rows: usize, whole: bool, keys: &SourceKeys) -> Vec<Piece> {
        let count = rows.div_ceil(PIECE);
        let threads = std::thread::available_parallelism().map_or(1, usize::from).min(count.max(1));
        let next = std::sync::atomic::AtomicUsize::new(0);
        let work = || {
            let mut done = Vec::new();
            loop {
                let at = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                if at >= count {
                    return done;
                }
                done.push((at, self.piece(at * PIECE..rows.min((at + 1) * PIECE), whole, keys)));
            }
        };
        let mut pieces = std::thread::scope(|scope| {
            let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
            let mut pieces = work();
            for other in others {
                match other.join() {
                    Ok(done) => pieces.extend(done),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            pieces
        });
        pieces.sort_by_key(|(at, _)| *at);
        pieces.into_iter().map(|(_, piece)| piece).collect()
    }

    /// `whole`: the days are all there, and births can be judged.
    fn piece(&self, rows: std::ops::Range<usize>, whole: bool, keys: &SourceKeys) -> Piece {
        let mut piece = Piece::default();
        let mut buffer = Vec::with_capacity(512);
        for row in rows {
            let mut fields = self.written(row);
            let (birth, last) = (fields.birth.map(|birth| birth.epoch_days()), self.last_seen.get(row));
            if let Some(birth) = birth.filter(|birth| too_late(*birth, last) || !whole && last.is_none()) {
                if whole {
                    fields.birth = None;
                } else {
                    piece.unborn.push((row, birth));
                }
            }
            let tokens = keys.tokens(&fields, &mut buffer);
            piece.tokens.push(tokens);
            piece.sex.push(fields.sex.map_or(0, i32::from));
            piece.birth.push(fields.birth.map(|b| b.month_start()));
            piece.insurer.push(fields.insurer.as_deref().map(|i| keys.insurer(i)));
            piece.postcode.push(fields.postcode3.take());
        }
        zeroize::Zeroize::zeroize(&mut buffer);
        piece
    }
}

pub(crate) fn renumbered(ident: &UInt32Chunked, keys: &SourceKeys) -> Column {
    // Rows of a person come in runs, and each renumbering is eight reads all over a table.
    let mut last = None;
    let mut renumber = |n: u32| match last {
        Some((before, number)) if before == n => number,
        _ => {
            let number = keys.renumber(n);
            last = Some((n, number));
            number
        }
    };
    let numbers: Vec<Option<u32>> = ident.iter().map(|n| n.map(&mut renumber)).collect();
    Series::new(ident.name().clone(), numbers).into_column()
}

pub(crate) fn sorted(table: &str, frame: DataFrame) -> Result<DataFrame, FrameError> {
    let options = SortMultipleOptions::default().with_maintain_order(true);
    frame.sort(["ident"], options).map_err(|e| FrameError::polars(table, &e))
}

pub(crate) fn from_iter<C, N>(name: &str, values: impl Iterator<Item = Option<N>>) -> Column
where
    C: FromIterator<Option<N>> + IntoSeries,
{
    let mut series = values.collect::<C>().into_series();
    series.rename(name.into());
    series.into_column()
}

fn date(name: &str, days: impl Iterator<Item = Option<i32>>) -> Result<Column, FrameError> {
    from_iter::<Int32Chunked, _>(name, days).cast(&DataType::Date).map_err(|e| FrameError::polars("identity", &e))
}
