//! Who the rows of a batch are about: identifiers → tokens and the few fields that leave. Not the tables, and not opt-outs.

use std::collections::HashMap;

use polars::prelude::{
    BinaryChunkedBuilder, BooleanChunked, Column, DataFrame, DataType, IdxCa, IdxSize, Int32Chunked, IntoColumn,
    IntoSeries, NewChunkedArray, StringChunked, UInt32Chunked, UInt64Chunked,
};

use crate::frames::{FrameError, Shaped};
use crate::normalize::{Fields, Raw};
use crate::order::{renumbered, sorted};
use crate::token::{PASSES, Pass, SourceKeys, Token};
use crate::transform::from_iter;

/// The name of the identity frame, in errors and counts.
pub(crate) const IDENTITY: &str = "identity";
/// Rows per piece of work of a thread.
const PIECE: usize = 8192;

/// The columns of an identity frame that are known at a run's end only.
pub(crate) const DAYS: [&str; 5] = ["first_seen", "last_seen", "covered_from", "covered_to", "death"];
/// Beside them: the birth date can't be right, so nothing that was made of it counts.
pub(crate) const UNBORN: &str = "unborn";

/// What days are known of identities, under the package's numbers.
pub(crate) fn days_of(
    frame: &DataFrame,
    births: &HashMap<u32, i32>,
    keys: &SourceKeys,
) -> Result<DataFrame, FrameError> {
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

impl Piece {
    fn append(mut self, mut next: Self) -> Self {
        self.tokens.append(&mut next.tokens);
        self.sex.append(&mut next.sex);
        self.birth.append(&mut next.birth);
        self.insurer.append(&mut next.insurer);
        self.postcode.append(&mut next.postcode);
        self.unborn.append(&mut next.unborn);
        self
    }
}

/// With `unborn`, days are not known yet: births that may be too late are noted there, and the columns of days left out.
pub(crate) fn identities(
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
    // In the order of their new numbers, so that columns are made in it and need not be put there.
    let idents = ident.u32().map_err(|e| FrameError::polars(TABLE, &e))?;
    let mut order: Vec<(Option<u32>, usize)> = idents.iter().zip(0..).collect();
    order.sort_unstable();
    let piece = pieces.into_iter().reduce(Piece::append).unwrap_or_default();
    let all = || order.iter().map(|(_, row)| *row);
    let mut out = vec![
        from_iter::<UInt32Chunked, _>("ident", order.iter().map(|(ident, _)| *ident)),
        from_iter::<Int32Chunked, _>("sex", all().map(|row| piece.sex.get(row).copied())),
        date("birth_ym", all().map(|row| *piece.birth.get(row)?))?,
    ];
    if whole {
        let rows: Result<Vec<_>, _> = all().map(IdxSize::try_from).collect();
        let rows = IdxCa::from_vec("rows".into(), rows.unwrap_or_default());
        for name in DAYS {
            let days = shaped.column(name, &DataType::Date)?.take(&rows);
            out.push(days.map_err(|e| FrameError::polars(TABLE, &e))?);
        }
    }
    out.push(from_iter::<UInt64Chunked, _>("insurer", all().map(|row| *piece.insurer.get(row)?)));
    let postcode = all().map(|row| piece.postcode.get(row)?.as_deref());
    out.push(StringChunked::from_iter_options("postcode3".into(), postcode).into_series().into_column());
    for pass in Pass::ALL {
        let mut builder = BinaryChunkedBuilder::new(pass.column().into(), rows);
        for row in all() {
            let token = piece.tokens.get(row).and_then(|tokens| *tokens.get(pass.index())?);
            builder.append_option(token);
        }
        out.push(builder.finish().into_series().into_column());
    }
    DataFrame::new(rows, out).map_err(|e| FrameError::polars(TABLE, &e))
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
        if count <= 1 {
            return vec![self.piece(0..rows, whole, keys)];
        }
        let threads = std::thread::available_parallelism().map_or(1, usize::from).min(count);
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
        // A file is mostly of one insurer.
        let mut insurer: Option<(String, u64)> = None;
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
            piece.insurer.push(fields.insurer.as_ref().map(|number| match &insurer {
                Some((known, keyed)) if known == number => *keyed,
                _ => insurer.insert((number.clone(), keys.insurer(number))).1,
            }));
            piece.postcode.push(fields.postcode3.take());
        }
        zeroize::Zeroize::zeroize(&mut buffer);
        piece
    }
}

fn date(name: &str, days: impl Iterator<Item = Option<i32>>) -> Result<Column, FrameError> {
    from_iter::<Int32Chunked, _>(name, days).cast(&DataType::Date).map_err(|e| FrameError::polars("identity", &e))
}
