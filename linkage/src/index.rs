//! Which clusters carry a token: short lists, compacted as clusters become one. It decides nothing.

use crate::clusters::Clusters;
use crate::tokens::NONE;

/// Whether a name that a cluster carries is in doubt, because the row that brought it contradicts the others' names.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Doubt {
    Firm,
    /// Rows of one source disagree.
    Within,
    /// Rows of two sources disagree: a source can't settle it by repeating itself.
    Between,
}

/// A cluster under a token.
#[derive(Clone, Copy)]
pub(crate) struct Entry {
    /// The cluster's row that is listed.
    pub(crate) row: u32,
    /// Its source.
    pub(crate) source: u16,
    /// Under an ID1, the member token (枝番) that the cluster has with it.
    pub(crate) branch: u32,
    pub(crate) doubt: Doubt,
    next: u32,
}

impl Entry {
    pub(crate) fn new(row: u32, source: u16, branch: u32, doubt: Doubt) -> Entry {
        Entry { row, source, branch, doubt, next: NONE }
    }

    /// Takes in what another row or entry of the same cluster knows.
    fn learn(&mut self, branch: u32, doubt: Doubt) {
        if self.branch == NONE {
            self.branch = branch;
        }
        self.doubt = self.doubt.min(doubt);
    }
}

/// A cluster that a row's token leads to.
#[derive(Clone, Copy)]
pub(crate) struct Candidate {
    pub(crate) root: u32,
    pub(crate) row: u32,
    pub(crate) branch: u32,
}

/// All lists.
#[derive(Default)]
pub(crate) struct Index {
    heads: Vec<u32>,
    entries: Vec<Entry>,
}

impl Index {
    /// Makes room for a row's tokens.
    pub(crate) fn grow(&mut self, tokens: &[u32]) {
        let most = tokens.iter().filter(|&&token| token != NONE).max().map_or(0, |&most| most as usize + 1);
        if self.heads.len() < most {
            self.heads.resize(most, NONE);
        }
    }

    /// Takes in the lists of other rows, moved by `row`; tokens get the numbers that `number` gives.
    pub(crate) fn absorb(&mut self, other: Index, row: u32, number: impl Fn(u32) -> u32) {
        let base = u32::try_from(self.entries.len()).unwrap_or(NONE);
        let at = |entry: u32| if entry == NONE { NONE } else { entry + base };
        let moved =
            |entry: Entry| Entry { row: entry.row + row, branch: number(entry.branch), next: at(entry.next), ..entry };
        self.entries.extend(other.entries.into_iter().map(moved));
        for (token, &head) in (0u32..).zip(&other.heads) {
            let token = number(token);
            self.grow(&[token]);
            if head == NONE {
                continue;
            }
            let old = self.head(token);
            if old != NONE {
                let mut last = at(head);
                while let Some(next) = self.entry(last).map(|entry| entry.next).filter(|&next| next != NONE) {
                    last = next;
                }
                if let Some(last) = self.entries.get_mut(last as usize) {
                    last.next = old;
                }
            }
            if let Some(slot) = self.heads.get_mut(token as usize) {
                *slot = at(head);
            }
        }
    }

    /// How many tokens have a list, if an empty one.
    pub(crate) fn tokens(&self) -> usize {
        self.heads.len()
    }

    /// A token's list, in its order.
    pub(crate) fn entries(&self, token: usize) -> impl Iterator<Item = &Entry> {
        let first = self.heads.get(token).and_then(|&at| self.entries.get(at as usize));
        std::iter::successors(first, |entry| self.entries.get(entry.next as usize))
    }

    /// Makes the list of the next token.
    pub(crate) fn list(&mut self, token: usize, entries: Vec<Entry>) {
        let mut head = NONE;
        for entry in entries.into_iter().rev() {
            let at = u32::try_from(self.entries.len()).unwrap_or(NONE);
            self.entries.push(Entry { next: head, ..entry });
            head = at;
        }
        self.heads.resize(token, NONE);
        self.heads.push(head);
    }

    pub(crate) fn head(&self, token: u32) -> u32 {
        self.heads.get(token as usize).copied().unwrap_or(NONE)
    }

    pub(crate) fn entry(&self, at: u32) -> Option<Entry> {
        self.entries.get(at as usize).copied()
    }

    /// The clusters other than the row's own that carry a token.
    pub(crate) fn gather(&mut self, token: u32, row: u32, clusters: &mut Clusters, into: &mut Vec<Candidate>) {
        into.clear();
        let own = clusters.find(row);
        let mut at = self.head(token);
        let mut kept: Vec<(u32, u32)> = Vec::new();
        while let Some(entry) = self.entry(at) {
            let root = clusters.find(entry.row);
            let before = kept.iter().find(|(known, _)| *known == root).copied();
            if let Some((_, first)) = before {
                if let Some(first) = self.entries.get_mut(first as usize) {
                    first.learn(entry.branch, entry.doubt);
                }
                let last = kept.last().map_or(NONE, |(_, at)| *at);
                if let Some(last) = self.entries.get_mut(last as usize) {
                    last.next = entry.next;
                }
            } else {
                kept.push((root, at));
            }
            at = entry.next;
        }
        for (root, at) in kept.into_iter().filter(|(root, _)| *root != own) {
            into.extend(self.entry(at).map(|entry| Candidate { root, row: entry.row, branch: entry.branch }));
        }
    }

    /// How a cluster is listed under a token.
    pub(crate) fn listed(&mut self, token: u32, root: u32, clusters: &mut Clusters) -> Option<&mut Entry> {
        let mut at = self.head(token);
        while let Some(entry) = self.entry(at) {
            if clusters.find(entry.row) == root {
                return self.entries.get_mut(at as usize);
            }
            at = entry.next;
        }
        None
    }

    /// Lists a row's cluster under a token, unless it is already. False if the row's source has `limit` clusters there.
    pub(crate) fn register(&mut self, token: u32, new: Entry, limit: usize, clusters: &mut Clusters) -> bool {
        let own = clusters.find(new.row);
        if let Some(entry) = self.listed(token, own, clusters) {
            // A row that agrees settles a doubt; one between sources only from another source.
            let settles = entry.doubt != Doubt::Between || entry.source != new.source;
            entry.learn(new.branch, if settles { new.doubt } else { entry.doubt });
            return true;
        }
        let (mut at, mut from_source) = (self.head(token), 0);
        while let Some(entry) = self.entry(at) {
            from_source += usize::from(entry.source == new.source);
            at = entry.next;
        }
        let (true, Ok(at)) = (from_source < limit, u32::try_from(self.entries.len())) else {
            return false;
        };
        let next = self.head(token);
        self.entries.push(Entry { next, ..new });
        if let Some(slot) = self.heads.get_mut(token as usize) {
            *slot = at;
        }
        true
    }
}
