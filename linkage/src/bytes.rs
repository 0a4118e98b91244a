//! The linker's state as bytes, for the caller to seal: numbers as LEB128, differences where they are small, tokens as they are. Checked
//! when read: damage is an error, whatever the bytes. What follows from the rest (profiles, fingerprints, chains) is not kept.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::clusters::{Clusters, Ids};
use crate::form::{Done, Reader, Writer, checksum, damaged};
use crate::identity::{PASSES, Pass};
use crate::index::Entry;
use crate::pattern::Field;
use crate::profile::{Profile, UNKNOWN};
use crate::report::{Refusal, Report};
use crate::rows::RECOGNISED;
use crate::settings::{METHOD, Settings};
use crate::state::Linker;
use crate::tokens::{NONE, Numbers};

/// Name and version of the form.
const MAGIC: &[u8; 16] = b"sudare-linker-1\n";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    method: String,
    settings: Settings,
    horizons: BTreeMap<u16, i32>,
    frontier: i32,
    report: Report,
}

impl Linker {
    /// The state as bytes. They hold tokens and who is one person: seal them.
    ///
    /// # Errors
    /// If the settings or the report can't be written.
    pub fn to_bytes(&mut self) -> Done<Vec<u8>> {
        let roots = self.clusters.roots();
        let head = Head {
            method: METHOD.to_owned(),
            settings: self.settings.clone(),
            horizons: self.horizons.clone(),
            frontier: self.frontier,
            report: self.report.clone(),
        };
        let head = serde_json::to_vec(&head).map_err(|_| damaged("head"))?;
        let mut out = Writer(MAGIC.to_vec());
        out.size(head.len());
        out.0.extend(head);
        for numbers in &self.numbers {
            let tokens = numbers.tokens();
            out.size(tokens.len());
            tokens.iter().for_each(|token| out.0.extend(token.to_le_bytes()));
        }
        out.size(self.screened.len());
        for &(token, source) in &self.screened {
            out.number(u64::from(token));
            out.number(u64::from(source));
        }
        out.size(self.rows.all.len());
        let mut next = [0u32; PASSES];
        for (row, &times) in self.rows.all.iter().zip(&self.rows.times) {
            out.row(row, times, &mut next);
        }
        for (row, &root) in (0i64..).zip(&roots) {
            out.signed(row - i64::from(root));
        }
        out.size(self.clusters.ids.all().len());
        self.clusters.ids.all().iter().for_each(|id| out.0.extend(id.to_le_bytes()));
        let root = |row: u32| roots.get(row as usize).copied().unwrap_or(row);
        for (row, &own) in (0u32..).zip(&roots) {
            if row == own {
                // None is 0.
                out.number(u64::from(self.clusters.previous_number(row).wrapping_add(1)));
            }
        }
        out.size(self.claims.len());
        let mut last = 0;
        for &(id, row) in &self.claims {
            out.signed(i64::from(row) - last);
            out.signed(i64::from(id) - i64::from(self.clusters.previous_number(root(row))));
            last = i64::from(row);
        }
        self.index_to(&mut out);
        out.size(self.review.len());
        for pair in &self.review {
            out.number(u64::from(pair.row));
            out.number(u64::from(pair.other));
            for level in Field::ALL.map(|field| pair.pattern.level(field)) {
                out.0.push(level.unwrap_or(u8::MAX));
            }
            out.0.extend(pair.weight.to_bits().to_le_bytes());
            out.0.extend(pair.posterior.to_bits().to_le_bytes());
            out.size(Refusal::ALL.iter().position(|why| *why == pair.why).unwrap_or_default());
        }
        let check = checksum(&out.0);
        out.0.extend(check.to_le_bytes());
        Ok(out.0)
    }

    fn index_to(&self, out: &mut Writer) {
        out.size(self.index.tokens());
        let mut last = 0;
        for token in 0..self.index.tokens() {
            let entries: Vec<&Entry> = self.index.entries(token).collect();
            out.size(entries.len());
            for entry in entries {
                out.signed(i64::from(entry.row) - last);
                last = i64::from(entry.row);
                // Nearly always the row's own 枝番, or none.
                let own = self.rows.token(entry.row, Pass::Member).unwrap_or(NONE);
                let branch = match entry.branch {
                    NONE => 0,
                    branch if branch == own => 1,
                    _ => 2,
                };
                out.0.push(entry.doubt as u8 * 3 + branch);
                if branch == 2 {
                    out.number(u64::from(entry.branch));
                }
            }
        }
    }

    /// The state from its bytes.
    ///
    /// # Errors
    /// [`LinkageError::State`] if they are damaged or of another version or method.
    pub fn from_bytes(bytes: &[u8]) -> Done<Linker> {
        let (body, check) = bytes.split_last_chunk::<8>().ok_or(damaged("length"))?;
        if checksum(body) != u64::from_le_bytes(*check) {
            return Err(damaged("checksum"));
        }
        let mut from = Reader(body);
        if from.take(MAGIC.len())? != MAGIC {
            return Err(damaged("version"));
        }
        let size = from.size(1)?;
        let head: Head = serde_json::from_slice(from.take(size)?).map_err(|_| damaged("head"))?;
        if head.method != METHOD {
            return Err(damaged("method"));
        }
        let mut linker = Linker::new(head.settings);
        (linker.horizons, linker.frontier, linker.report) = (head.horizons, head.frontier, head.report);
        let mut tokens: Vec<Vec<u128>> = Vec::with_capacity(PASSES);
        for _ in 0..PASSES {
            let size = from.size(16)?;
            if size >= NONE as usize / PASSES {
                return Err(damaged("tokens"));
            }
            tokens.push(from.wide(size)?);
        }
        let mut screened = BTreeSet::new();
        for _ in 0..from.size(2)? {
            screened.insert((from.short("screened")?, from.short("screened")?));
        }
        linker.screened = screened;
        linker.rows = from.rows(&tokens)?;
        let count = linker.rows.all.len();
        let mut roots = Vec::with_capacity(count);
        for row in 0i64.. {
            if roots.len() == count {
                break;
            }
            roots.push(from.place(row.wrapping_neg(), count, "root")?);
        }
        let is_root = |root: u32| roots.get(root as usize) == Some(&root);
        if !roots.iter().all(|&root| is_root(root)) {
            return Err(damaged("root"));
        }
        let size = from.size(16)?;
        let ids = from.wide(size)?;
        let mut previous = vec![NONE; count];
        for (slot, _) in previous.iter_mut().zip(0u32..).filter(|&(_, row)| is_root(row)) {
            let number: u32 = from.short("id")?;
            *slot = number.wrapping_sub(1);
            if *slot != NONE && *slot as usize >= ids.len() {
                return Err(damaged("id"));
            }
        }
        let mut last = 0i64;
        for _ in 0..from.size(2)? {
            let row = from.place_after(last, count, "claim")?;
            last = i64::from(row);
            let root = roots.get(row as usize).copied().unwrap_or(row);
            let own = previous.get(root as usize).copied().unwrap_or(NONE);
            linker.claims.push((from.place_after(i64::from(own), ids.len(), "claim")?, row));
        }
        let Linker { rows, settings, .. } = &linker;
        let profile = |row: u32| rows.get(row).map(|row| Profile::of(row, settings).0).unwrap_or_default();
        linker.clusters = Clusters::again(roots, profile, previous, Ids::new(ids));
        linker.index = from.index(&linker.rows)?;
        for _ in 0..from.size(25)? {
            let pair = from.pair(count)?;
            linker.review.push(pair);
        }
        if !from.0.is_empty() {
            return Err(damaged("length"));
        }
        linker.recall(&tokens)?;
        Ok(linker)
    }

    /// Rebuilds what follows from rows and tokens.
    fn recall(&mut self, tokens: &[Vec<u128>]) -> Done<()> {
        let work = |tokens: &[Vec<u128>]| tokens.iter().map(|tokens| Numbers::from_tokens(tokens)).collect::<Vec<_>>();
        let (early, later) = tokens.split_at(PASSES / 2);
        let (a, b) = crate::batch::both(true, || work(early), || work(later))?;
        for (slot, numbers) in self.numbers.iter_mut().zip(a.into_iter().chain(b)) {
            if !numbers.are_distinct() {
                return Err(damaged("tokens"));
            }
            *slot = numbers;
        }
        for (number, row) in (0u32..).zip(&mut self.rows.all) {
            for ((numbers, &token), older) in self.numbers.iter_mut().zip(&row.tokens).zip(&mut row.chain) {
                numbers.count(token, (row.sex, row.birth));
                *older = numbers.lead(token, number);
            }
        }
        for &(token, _) in &self.screened {
            if let Some(numbers) = self.numbers.get_mut(token as usize % PASSES) {
                numbers.suspect(token / PASSES as u32);
            }
        }
        for (number, row) in (0u32..).zip(&self.rows.all) {
            let usable = row.usable();
            let named = RECOGNISED.iter().any(|pass| usable.get(pass.index()).is_some_and(|&token| token != NONE));
            if !named || row.death != i32::MAX {
                continue;
            }
            let mut own = [None; PASSES];
            for ((slot, &number), tokens) in own.iter_mut().zip(&row.tokens).zip(tokens) {
                *slot = tokens.get(number as usize).copied();
            }
            let coverage = (row.from != UNKNOWN).then(|| (row.from, (!row.open).then_some(row.to)));
            let print = self.prints.print(row.source, row.sex, row.birth, row.insurer, coverage, &own);
            self.by_print.insert(print, number);
        }
        Ok(())
    }
}
