//! Who is whom. Either everything is linked at once, or the packages that are new join what was kept of the last run: then the past costs
//! its reading only. What is kept lies sealed beside the reports, under the name of its snapshot. Not the rules of linkage.

use std::collections::HashMap;
use std::path::PathBuf;

use datasets::store::Store;
use linkage::{Doubtful, Identity, Linker, Outcome, Strategy, random_id, resolve_reviewed};
use serde::{Deserialize, Serialize};

use super::Content;
use super::plan::Plan;
use super::receive::Received;
use crate::fail::{Context, Done, Failure};
use crate::out::{Out, thousands};
use crate::room::Unlocked;

/// Larger than what a sealed file may hold; a room beyond it is linked at once every time.
const LARGEST: usize = (1 << 30) - (1 << 20);

/// What a state belongs to.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    /// Names of sources by number.
    sources: Vec<String>,
    /// Digests of the packages that are in it, in the log's order.
    packages: Vec<String>,
    linkage_key: String,
}

/// A linker, and the linker's row of every identity of every package in it.
pub(super) struct Kept {
    head: Head,
    rows: Vec<Vec<u32>>,
    linker: Linker,
}

/// Persons, and what the next run can go on from.
pub(super) struct Found {
    pub(super) outcome: Outcome,
    pub(super) kept: Option<Kept>,
}

/// Everything at once.
pub(super) fn at_once(
    contents: &[Content],
    strategy: Strategy,
    plan: &Plan,
    unlocked: &Unlocked,
    out: &Out,
) -> Done<Outcome> {
    let rows = rows(contents, &sources(contents), &previous_ids(unlocked)?)?;
    let spinner = out.spinner(&format!("linking {} written identities", thousands(rows.len() as u64)));
    let verdicts = plan.verdicts(contents);
    let outcome = resolve_reviewed(&rows, strategy, &plan.settings, &verdicts, &mut random_id).input("linkage")?;
    spinner.finish_and_clear();
    Ok(outcome)
}

/// Everything at once, to be kept. `compare` tells how that differs from what the room had.
pub(super) fn from_start(
    contents: &[Content],
    received: &[Received],
    plan: &Plan,
    unlocked: &Unlocked,
    compare: bool,
    out: &Out,
) -> Done<Found> {
    let sources = sources(contents);
    let rows = rows(contents, &sources, &previous_ids(unlocked)?)?;
    let before: Vec<Option<u128>> = if compare { rows.iter().map(|row| row.previous).collect() } else { Vec::new() };
    let spinner = out.spinner(&format!("linking {} written identities", thousands(rows.len() as u64)));
    let mut linker = Linker::new(plan.settings.clone());
    let row_of = linker.add(&rows).input("linkage")?.row_of;
    drop(rows);
    let mut rest = row_of.as_slice();
    let mut rows = Vec::with_capacity(contents.len());
    for content in contents {
        let (own, others) = rest.split_at_checked(content.identities.len()).unwrap_or((rest, &[]));
        rows.push(own.to_vec());
        rest = others;
    }
    let head = Head { sources, packages: Vec::new(), linkage_key: String::new() };
    let mut kept = Kept { head, rows, linker };
    let outcome = kept.persons(received)?;
    spinner.finish_and_clear();
    if compare {
        let (joined, parted) = differing_pairs(&before, &outcome.person_of);
        out.line(format!(
            "  linked anew: of the pairs of spellings that the room knew, {} are one person now and were not, {} were and are not; {} person ids ended in others, {} were split",
            thousands(joined),
            thousands(parted),
            thousands(outcome.report.ids_merged),
            thousands(outcome.report.ids_split)
        ));
    }
    Ok(Found { outcome, kept: Some(kept) })
}

/// Pairs of rows that are one person now and were not before, and the other way round; rows that had no person are left out.
fn differing_pairs(before: &[Option<u128>], now: &[u32]) -> (u64, u64) {
    let mut rows: Vec<(u128, u32)> =
        before.iter().zip(now).filter_map(|(id, person)| Some(((*id)?, *person))).collect();
    let pairs = |count: usize| (count as u64).saturating_mul(count as u64 - 1) / 2;
    rows.sort_unstable();
    let both: u64 = rows.chunk_by(|a, b| a == b).map(|rows| pairs(rows.len())).sum();
    let earlier: u64 = rows.chunk_by(|a, b| a.0 == b.0).map(|rows| pairs(rows.len())).sum();
    rows.sort_unstable_by_key(|row| row.1);
    let later: u64 = rows.chunk_by(|a, b| a.1 == b.1).map(|rows| pairs(rows.len())).sum();
    (later - both, earlier - both)
}

impl Kept {
    /// What the last run kept, if it fits: the packages it knows are the first of today's, under the same key, and none of the new ones
    /// is a bridge.
    pub(super) fn of_last(
        contents: &[Content],
        received: &[Received],
        plan: &Plan,
        unlocked: &Unlocked,
        out: &Out,
    ) -> Done<Option<Kept>> {
        let Some(path) = path(unlocked)?.filter(|path| path.is_file()) else {
            return Ok(None);
        };
        let read = unlocked.identity.open_file(&path).ok().and_then(|bytes| Kept::from_bytes(&bytes));
        let Some(kept) = read else {
            out.line("  what the last run kept can't be read by this version: everything is linked anew");
            return Ok(None);
        };
        let known = kept.head.packages.len();
        let same = received.len() >= known && received.iter().zip(&kept.head.packages).all(|(a, b)| a.manifest == *b);
        let key = received.last().is_none_or(|last| last.linkage_key == kept.head.linkage_key);
        let bridge = received.iter().skip(known).any(|package| package.replaces.is_some());
        let settings = *kept.linker.settings() == plan.settings;
        let whole = contents.iter().zip(&kept.rows).all(|(content, rows)| content.identities.len() == rows.len());
        Ok((same && key && !bridge && settings && whole).then_some(kept))
    }

    /// The new packages join.
    pub(super) fn join(mut self, contents: &[Content], received: &[Received], out: &Out) -> Done<Found> {
        let new = contents.get(self.rows.len()..).unwrap_or_default();
        for content in new {
            if !self.head.sources.contains(&content.source) {
                self.head.sources.push(content.source.clone());
            }
        }
        let (mut late, mut outgrown) = (0, 0);
        for content in new {
            let rows = rows(std::slice::from_ref(content), &self.head.sources, &HashMap::new())?;
            let spinner = out.spinner(&format!("linking {} written identities", thousands(rows.len() as u64)));
            let added = self.linker.add(&rows).input("linkage")?;
            spinner.finish_and_clear();
            late += added.late;
            outgrown += added.outgrown;
            self.rows.push(added.row_of);
        }
        out.line(format!(
            "  {} new packages joined what was linked before ({} packages)",
            new.len(),
            self.head.packages.len()
        ));
        if late + outgrown > 0 {
            out.line(format!(
                "  {} rows reach back before it, and {} identifiers turned out to name nobody: `sudare link --relink` looks at everything again",
                thousands(late),
                thousands(outgrown)
            ));
        }
        let outcome = self.persons(received)?;
        Ok(Found { outcome, kept: Some(self) })
    }

    /// Persons by the identities of all packages in their order.
    fn persons(&mut self, received: &[Received]) -> Done<Outcome> {
        self.head.packages = received.iter().map(|package| package.manifest.clone()).collect();
        self.head.linkage_key = received.last().map(|last| last.linkage_key.clone()).unwrap_or_default();
        let outcome = self.linker.persons(&mut random_id).input("linkage")?;
        let person = |row: &u32| {
            let row = usize::try_from(*row).ok()?;
            outcome.person_of.get(row).copied()
        };
        let person_of: Option<Vec<u32>> = self.rows.iter().flatten().map(person).collect();
        let person_of = person_of.ok_or_else(|| Failure::integrity("what the last run kept is of another room"))?;
        // Pairs in doubt are told by the first identity that is written so.
        let mut first = HashMap::new();
        for (&row, at) in self.rows.iter().flatten().zip(0u32..) {
            if outcome.review.is_empty() {
                break;
            }
            first.entry(row).or_insert(at);
        }
        let place = |row: u32| first.get(&row).copied().unwrap_or_default();
        let review = outcome.review.iter();
        let review = review.map(|pair| Doubtful { row: place(pair.row), other: place(pair.other), ..*pair }).collect();
        Ok(Outcome { person_of, review, ..outcome })
    }

    /// Seals the state for the run after this one; those of earlier snapshots go.
    pub(super) fn keep(mut self, unlocked: &Unlocked, out: &Out) -> Done {
        let Some(path) = path(unlocked)? else { return Ok(()) };
        let bytes = self.written()?;
        forget(unlocked)?;
        if bytes.len() > LARGEST {
            out.line("  the state of linkage is too large to be kept: the next run links everything anew");
            return Ok(());
        }
        unlocked.identity.seal_file(&path, &bytes).input("the state of linkage can't be sealed")
    }

    fn written(&mut self) -> Done<Vec<u8>> {
        let head = serde_json::to_vec(&self.head).input("the state of linkage")?;
        let linker = self.linker.to_bytes().input("the state of linkage")?;
        let mut bytes =
            Vec::with_capacity(head.len() + linker.len() + 4 * self.rows.iter().map(Vec::len).sum::<usize>());
        let mut part = |part: &[u8]| {
            bytes.extend((part.len() as u64).to_le_bytes());
            bytes.extend(part);
        };
        part(&head);
        part(&linker);
        for rows in &self.rows {
            part(&rows.iter().flat_map(|row| row.to_le_bytes()).collect::<Vec<u8>>());
        }
        Ok(bytes)
    }

    fn from_bytes(bytes: &[u8]) -> Option<Kept> {
        let mut rest = bytes;
        let mut part = || {
            let (size, after) = rest.split_first_chunk::<8>()?;
            let size = usize::try_from(u64::from_le_bytes(*size)).ok()?;
            let (part, after) = after.split_at_checked(size)?;
            rest = after;
            Some(part)
        };
        let head: Head = serde_json::from_slice(part()?).ok()?;
        let linker = Linker::from_bytes(part()?).ok()?;
        let mut rows = Vec::with_capacity(head.packages.len());
        for _ in &head.packages {
            rows.push(part()?.as_chunks::<4>().0.iter().map(|row| u32::from_le_bytes(*row)).collect());
        }
        rest.is_empty().then_some(Kept { head, rows, linker })
    }
}

/// Removes what earlier runs kept.
pub(super) fn forget(unlocked: &Unlocked) -> Done {
    let folder = unlocked.room.folder("linkage")?;
    let kept = |name: &str| name.starts_with("state-") && name.ends_with(".age");
    let entries = std::fs::read_dir(&folder).input("the room's linkage folder can't be read")?;
    for entry in entries.flatten().filter(|entry| kept(&entry.file_name().to_string_lossy())) {
        std::fs::remove_file(entry.path()).input("an earlier state of linkage can't be removed")?;
    }
    Ok(())
}

/// Where the state of the latest snapshot lies; `None` before the first.
fn path(unlocked: &Unlocked) -> Done<Option<PathBuf>> {
    let events = unlocked.log.entries().iter().map(|entry| &entry.event);
    let Some((snapshot, _)) = crate::cmd::query::latest_snapshot(&unlocked.room, events) else {
        return Ok(None);
    };
    let name = format!("state-{}.age", snapshot.get(..32).unwrap_or(&snapshot));
    Ok(Some(unlocked.room.folder("linkage")?.join(name)))
}

pub(super) fn sources(contents: &[Content]) -> Vec<String> {
    let mut sources: Vec<String> = contents.iter().map(|content| content.source.clone()).collect();
    sources.sort_unstable();
    sources.dedup();
    sources
}

/// All identities in the order of the contents, with the person each had before. Linkage sees room-keyed tokens, birth month, sex and
/// days; nothing else.
pub(super) fn rows(
    contents: &[Content],
    sources: &[String],
    previous: &HashMap<(String, u64, u32), u128>,
) -> Done<Vec<Identity>> {
    let mut rows = Vec::with_capacity(contents.iter().map(|content| content.identities.len()).sum());
    for content in contents {
        let source = sources.iter().position(|source| *source == content.source).unwrap_or_default();
        let source = u16::try_from(source).input("too many sources")?;
        // One key for the whole package: its text is not copied for each row.
        let mut key = (content.source.clone(), content.sequence, 0);
        rows.extend(content.identities.iter().map(|i| {
            key.2 = i.ident;
            Identity {
                first_day: i.first_day.unwrap_or_default(),
                last_day: i.last_day.or(i.first_day).unwrap_or_default(),
                source,
                sex: i.sex,
                birth_month: i.birth_month,
                coverage: i.coverage,
                insurer: i.insurer,
                death: i.death,
                previous: previous.get(&key).copied(),
                tokens: i.tokens,
            }
        }));
    }
    Ok(rows)
}

fn previous_ids(unlocked: &Unlocked) -> Done<HashMap<(String, u64, u32), u128>> {
    let events = unlocked.log.entries().iter().map(|entry| &entry.event);
    let Some((_, path)) = crate::cmd::query::latest_snapshot(&unlocked.room, events) else {
        return Ok(HashMap::new());
    };
    let store = Store::open(&path, &unlocked.room.dir.join("spill"), 1024).input("the last snapshot")?;
    let rows = store.previous_identities().input("the last snapshot")?;
    Ok(rows.into_iter().map(|r| ((r.source.to_string(), r.sequence, r.ident), r.person)).collect())
}

#[cfg(test)]
mod tests {
    use super::differing_pairs;

    #[test]
    fn pairs_by_hand() {
        // {a a a} {b b} -> {a a} {a b b}; the last row is new.
        let before = [Some(1), Some(1), Some(1), Some(2), Some(2), None];
        assert_eq!(differing_pairs(&before, &[0, 0, 1, 1, 1, 1]), (2, 2));
        assert_eq!(differing_pairs(&before, &[0, 0, 0, 1, 1, 1]), (0, 0));
        assert_eq!(differing_pairs(&[], &[]), (0, 0));
    }
}
