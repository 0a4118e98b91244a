//! The linker: all that was decided so far, and the packages that come to it. Rows are taken in time order; a spelling that a source
//! repeats only lengthens the time in which it was seen. The rules are the resolver's; the byte form is in `bytes`.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::ahead::AHEAD;
use crate::batch::{Repeat, Seen, both};
use crate::closed::{MANY, PART};
use crate::clusters::Clusters;
use crate::em::Sample;
use crate::error::LinkageError;
use crate::identity::{Identity, PASSES, Pass};
use crate::index::Index;
use crate::profile::{Profile, Slips, UNKNOWN};
use crate::report::{Reason, Report};
use crate::resolver::Resolver;
use crate::review::{Docket, Verdict, Word};
use crate::rows::{ByPrint, Print, Prints, RECOGNISED, Row, Rows, global};
use crate::score::{Doubtful, Watch};
use crate::screen::Fresh;
use crate::settings::{Settings, Strategy};
use crate::tokens::{NONE, Numbers};

/// What a batch of rows brought.
#[derive(Clone, Default)]
pub struct Added {
    /// The linker's number of each row of the batch: the place of its spelling in [`Linker::persons`]'s `person_of`.
    pub row_of: Vec<u32>,
    /// Rows whose spelling was known.
    pub repeats: u64,
    /// Rows that belong before rows of an earlier batch and changed something: a full run could have decided otherwise.
    pub late: u64,
    /// Tokens that turned out to be spread too widely after rows had been linked by them.
    pub outgrown: u64,
}

impl Added {
    /// Whether a full run over the same rows, with the same horizons, is sure to give the same persons.
    #[must_use]
    pub fn as_in_full(&self) -> bool {
        self.late == 0 && self.outgrown == 0
    }
}

/// [`Strategy::Sudare`] over packages as they come.
///
/// With rows that come in time order it gives the same persons as one run over all rows, given the same
/// [`Settings::horizons`]; [`Added`] says whether they did.
pub struct Linker {
    pub(crate) settings: Settings,
    pub(crate) prints: Prints,
    pub(crate) by_print: ByPrint,
    /// Fingerprints that nobody asked for yet, and their rows.
    pub(crate) unasked: Vec<(Print, u32)>,
    /// Which row comes before which in time, as long as their numbers don't say so.
    pub(crate) ranks: Vec<u32>,
    pub(crate) numbers: [Numbers; PASSES],
    pub(crate) rows: Rows,
    pub(crate) clusters: Clusters,
    pub(crate) index: Index,
    /// (token, source) that are ignored.
    pub(crate) screened: BTreeSet<(u32, u16)>,
    /// Until when open coverage of each source is known to last.
    pub(crate) horizons: BTreeMap<u16, i32>,
    /// The latest first day of earlier batches.
    pub(crate) frontier: i32,
    /// Earlier person ids (by number) and the rows that had them.
    pub(crate) claims: Vec<(u32, u32)>,
    /// Pairs of rows that the model left in doubt.
    pub(crate) review: Vec<Doubtful>,
    pub(crate) watch: Option<Watch>,
    /// Reviewers' words on the row in hand.
    words: Vec<Word>,
    pub(crate) report: Report,
    /// It links a part of a batch, beside others, and knows from them what it can't see itself.
    pub(crate) part: bool,
}

/// Places of the batch in the order of time: on one day, what is known goes before what is new.
fn in_time(repeats: &[Repeat], fresh: &[u32], seen: &[Seen]) -> Vec<u32> {
    let mut order = Vec::with_capacity(repeats.len() + fresh.len());
    let mut repeats = repeats.iter().peekable();
    for &at in fresh {
        let day = seen.get(at as usize).map_or(i32::MAX, |seen| seen.first);
        while let Some(repeat) = repeats.next_if(|repeat| repeat.day() <= day) {
            order.push(repeat.at());
        }
        order.push(at);
    }
    order.extend(repeats.map(Repeat::at));
    order
}

/// What becomes of a repeated spelling.
enum Again {
    Same,
    Longer,
    /// Seen after the person's death: it needs a decision of its own.
    Contradicted,
}

impl Linker {
    /// Nothing linked so far.
    #[must_use]
    pub fn new(settings: Settings) -> Linker {
        Linker {
            settings,
            prints: Prints::default(),
            by_print: ByPrint::default(),
            unasked: Vec::new(),
            ranks: Vec::new(),
            numbers: std::array::from_fn(|_| Numbers::default()),
            rows: Rows::default(),
            clusters: Clusters::default(),
            index: Index::default(),
            screened: BTreeSet::new(),
            horizons: BTreeMap::new(),
            frontier: i32::MIN,
            claims: Vec::new(),
            review: Vec::new(),
            watch: None,
            words: Vec::new(),
            report: Report::new(Strategy::Sudare, 0),
            part: false,
        }
    }

    /// The same, keeping what the estimate of a model needs.
    pub(crate) fn watching(settings: Settings) -> Linker {
        Linker { watch: Some(Watch::default()), ..Linker::new(settings) }
    }

    pub(crate) fn seen(self) -> Sample {
        self.watch.map(|watch| watch.sample).unwrap_or_default()
    }

    /// What it was told.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// How many different spellings there are.
    #[must_use]
    pub fn spellings(&self) -> usize {
        self.rows.all.len()
    }

    /// Links the rows of a package, or of several, with all that came before. Their order within the batch is nothing.
    ///
    /// # Errors
    /// [`LinkageError::TooManyRows`]; the linker is then as it was.
    pub fn add(&mut self, batch: &[Identity]) -> Result<Added, LinkageError> {
        self.add_reviewed(batch, &[])
    }

    /// The same, under reviewers' verdicts on rows of the batch.
    ///
    /// # Errors
    /// As [`Linker::add`].
    pub fn add_reviewed(&mut self, batch: &[Identity], verdicts: &[Verdict]) -> Result<Added, LinkageError> {
        let limit = NONE as usize / (PASSES + 1);
        let rows = self.rows.all.len() + batch.len();
        if rows > limit {
            return Err(LinkageError::TooManyRows { rows, limit });
        }
        // In one piece, memory has to answer for every row; in parts, the caches do.
        if self.rows.all.is_empty() && !self.part && self.watch.is_none() && batch.len() >= MANY {
            return self.add_in_parts(batch, verdicts, PART);
        }
        self.settle()?;
        let docket = Docket::of(verdicts);
        let mut added = Added { row_of: vec![NONE; batch.len()], ..Added::default() };
        let seen = self.look(batch)?;
        let (mut repeats, mut fresh) = (Vec::new(), Vec::new());
        let new = self.sort_out(batch, &seen, &mut repeats, &mut fresh, &mut added)?;
        let mut spellings = self.number(batch, &seen, &fresh, &new)?;
        self.screen(&mut spellings, &mut added)?;
        self.report.rows += batch.len() as u64;
        self.extend_horizons(seen.iter().map(|seen| (seen.source, seen.reach)));

        self.clusters.expect(spellings.len());
        self.rows.all.reserve(spellings.len());
        self.rows.times.reserve(spellings.len());
        self.by_print.reserve(spellings.len());
        let order = in_time(&repeats, &fresh, &seen);
        let mut coming: &[Fresh] = &spellings;
        let mut moved: HashMap<u32, u32> = HashMap::new();
        for (nth, &at) in order.iter().enumerate() {
            if nth % AHEAD == 0 {
                let next = order.get(nth..).unwrap_or_default();
                self.look_ahead(next.get(..AHEAD).unwrap_or(next), &seen, coming);
            }
            let (Some(record), Some(seen)) = (batch.get(at as usize), seen.get(at as usize)) else { continue };
            self.words = docket.words(at, &added.row_of);
            let row = match coming.split_first() {
                Some((new, rest)) if new.at == at => {
                    coming = rest;
                    added.late += u64::from(seen.first <= self.frontier);
                    self.take(record, new.tokens, new.ignored, new.times, seen.print)
                }
                _ => self.repeat(record, seen, &mut moved, &mut added),
            };
            if let Some(slot) = added.row_of.get_mut(at as usize) {
                *slot = row;
            }
            // Of a row that was taken, what keeps it apart was heeded before it joined anybody.
            for word in std::mem::take(&mut self.words) {
                self.heed(row, word);
            }
        }
        self.frontier = seen.iter().map(|seen| seen.first).fold(self.frontier, i32::max);
        Ok(added)
    }

    fn horizon(&self, source: u16) -> i32 {
        self.horizons.get(&source).copied().unwrap_or(i32::MAX)
    }

    /// Takes a row that is new, or that needs a decision of its own.
    fn take(&mut self, record: &Identity, tokens: [u32; PASSES], ignored: u8, times: u32, print: Option<Print>) -> u32 {
        let mut row = Row::of(record, tokens, ignored, self.horizon(record.source));
        let (profile, disbelieved) = Profile::of(&row, &self.settings);
        self.report.deaths_disbelieved += u64::from(disbelieved);
        let number = self.clusters.push(profile);
        for ((numbers, &token), older) in self.numbers.iter_mut().zip(&tokens).zip(&mut row.chain) {
            *older = numbers.lead(token, number);
        }
        let usable = row.usable();
        self.index.grow(&usable);
        self.rows.all.push(row);
        self.rows.times.push(times);
        let named = |pass: &Pass| usable.get(pass.index()).is_some_and(|&token| token != NONE);
        if let Some(print) = print.filter(|_| RECOGNISED.iter().any(named)) {
            self.by_print.insert(print, number);
        }
        self.claim(record, number);
        let (same, apart) = std::mem::take(&mut self.words).into_iter().partition(|word| word.same);
        self.words = same;
        for word in apart {
            self.heed(number, word);
        }
        let Linker { settings, rows, clusters, index, report, review, watch, .. } = self;
        Resolver { settings, rows, clusters, index, report, review, watch, open: Vec::new() }.take(number);
        number
    }

    /// Takes a row that is another one of a known spelling.
    fn take_again(&mut self, record: &Identity, tokens: [u32; PASSES], ignored: u8, seen: &Seen) -> u32 {
        let born = (record.known_sex(), record.birth_month.unwrap_or(UNKNOWN));
        for (numbers, &token) in self.numbers.iter_mut().zip(&tokens) {
            numbers.count(token, born);
        }
        self.take(record, tokens, ignored, 1, seen.print)
    }

    /// Follows a reviewer's word on a row and one that was taken before, if the constraints let it.
    fn heed(&mut self, row: u32, word: Word) {
        let (own, root) = (self.clusters.find(row), self.clusters.find(word.other));
        let followed = if !word.same {
            self.clusters.keep_apart(row, word.other)
        } else if own == root {
            true
        } else {
            let free = !self.clusters.held_apart(own, root);
            let slips = Slips { birth: true, sex: false };
            let fits =
                self.clusters.pair(own, root).is_some_and(|(a, b)| a.conflict(b, slips, &self.settings).is_none());
            if free && fits {
                self.clusters.union(own, root, Reason::Clerical);
            }
            free && fits
        };
        self.report.verdicts_followed += u64::from(followed);
        self.report.verdicts_overruled += u64::from(!followed);
    }

    fn claim(&mut self, record: &Identity, row: u32) {
        if let Some(id) = record.previous {
            let id = self.clusters.remember(row, id);
            self.claims.push((id, row));
        }
    }

    /// A row whose spelling may be there already. Most rows are: only what is `seen` of them is looked at.
    fn repeat(&mut self, record: &Identity, seen: &Seen, moved: &mut HashMap<u32, u32>, added: &mut Added) -> u32 {
        let mut row = seen.known;
        if row == NONE {
            row = seen.print.and_then(|print| self.by_print.get(&print).copied()).unwrap_or(NONE);
        } else if !moved.is_empty()
            && let Some(&newer) = moved.get(&row)
        {
            row = newer;
        }
        let early = u64::from(seen.first <= self.frontier);
        let Some(&known) = self.rows.get(row) else {
            // Nothing that counts is left of its tokens: it names nobody, and is nobody that came before.
            let (tokens, ignored) = self.known_tokens(record);
            added.late += early;
            return self.take_again(record, tokens, ignored, seen);
        };
        match self.lengthen(row, &known, seen) {
            Again::Same | Again::Longer if seen.first < known.first => added.late += 1,
            Again::Longer => added.late += early,
            Again::Same => {}
            Again::Contradicted => {
                added.late += early;
                let newer = self.take_again(record, known.tokens, known.ignored, seen);
                moved.insert(seen.known, newer);
                return newer;
            }
        }
        added.repeats += 1;
        if seen.previous
            && let Some(id) = record.previous
        {
            // What recognised the spelling also brought the ids together.
            let by = Pass::BY_STRENGTH.into_iter().find(|pass| record.token(*pass).is_some());
            self.clusters.meet(row, id, by);
            self.claim(record, row);
        }
        row
    }

    fn lengthen(&mut self, at: u32, known: &Row, seen: &Seen) -> Again {
        let to = if known.open { self.horizon(seen.source).max(known.to) } else { known.to };
        if seen.last <= known.last && to == known.to && seen.first >= known.first {
            return Again::Same;
        }
        let root = self.clusters.find(at);
        let Some(profile) = self.clusters.profile_mut(root) else { return Again::Same };
        if !profile.lives_on(seen.last, &self.settings) {
            return Again::Contradicted;
        }
        profile.seen_on(seen.last);
        let covered = to != known.to && profile.covered_until(known, to, &self.settings);
        let Some(row) = self.rows.get_mut(at) else { return Again::Same };
        row.first = row.first.min(seen.first);
        row.last = row.last.max(seen.last);
        if covered {
            row.to = to;
        }
        if seen.last > known.last { Again::Longer } else { Again::Same }
    }

    /// The numbers of tokens that all have one, and which of them are ignored.
    fn known_tokens(&self, record: &Identity) -> ([u32; PASSES], u8) {
        let mut tokens = [NONE; PASSES];
        let mut ignored = 0;
        for ((pass, numbers), slot) in Pass::ALL.into_iter().zip(&self.numbers).zip(&mut tokens) {
            *slot = record.token(pass).map_or(NONE, |token| numbers.known(token));
            if self.screened.contains(&(global(*slot, pass), record.source)) {
                ignored |= pass.bit();
            }
        }
        (tokens, ignored)
    }

    /// Makes everything findable that was only kept.
    fn settle(&mut self) -> Result<(), LinkageError> {
        if self.unasked.is_empty() && self.numbers.iter().all(Numbers::is_settled) {
            return Ok(());
        }
        let (front, back) = self.numbers.split_at_mut(PASSES / 2);
        both(!self.part, || front.iter_mut().for_each(Numbers::settle), || back.iter_mut().for_each(Numbers::settle))?;
        self.by_print.reserve(self.unasked.len());
        self.by_print.extend(std::mem::take(&mut self.unasked));
        Ok(())
    }
}
