//! Identified batches → pseudonymous batches. The one place, besides the readers, that sees identifiers.
//!
//! What leaves: tokens, sex, month of birth, three digits of the postcode, the days that describe coverage and care,
//! and the catalogue's columns. Everything else is dropped by not being copied.

use std::collections::{BTreeMap, HashMap};

use datasets::catalogue::Catalogue;
use datasets::read::Identified;
use polars::prelude::{Column, DataFrame, IntoColumn, IntoSeries};

use crate::content::Batch;
use crate::frames::FrameError;
use crate::identities::{days_of, identities};
use crate::opt_out::OptOuts;
use crate::token::SourceKeys;

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
    let mut known = BTreeMap::new();
    for (name, mut frame) in tables {
        if let Some(table) = catalogue.table(&name) {
            frame.rechunk_mut();
            known.insert(name, (table, frame));
        }
    }
    let (mut out, mut refused) = (BTreeMap::new(), BTreeMap::new());
    let mut batch = Batch::new(keys);
    for (name, (table, frame)) in &known {
        let (frame, dropped) = batch.table(table, frame)?;
        if dropped > 0 {
            refused.insert(name.clone(), dropped);
        }
        out.insert(name.clone(), frame);
    }
    Ok(Pseudonymous { identity: identities(identity, keys, unborn)?, days: DataFrame::empty(), tables: out, refused })
}

pub(crate) fn from_iter<C, N>(name: &str, values: impl Iterator<Item = Option<N>>) -> Column
where
    C: FromIterator<Option<N>> + IntoSeries,
{
    let mut series = values.collect::<C>().into_series();
    series.rename(name.into());
    series.into_column()
}
