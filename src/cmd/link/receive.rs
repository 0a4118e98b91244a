//! Packages as they arrive: signed by a source of the policy whose key is not revoked, made for this room, newer than the last, under
//! the linkage key in force or a bridge to it. Then their content, re-keyed and brought under one linkage key.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

use audit_log::note::Verifier;
use audit_log::{Event, Revoked, digest};
use datasets::catalogue::Catalogue;
use polars::prelude::DataFrame;
use pseudonymize::package::{self, Expected, Header, Opened, PackageError};
use pseudonymize::{RoomBridge, RoomIdentity, Tombstones, rekey_identities, rekey_tables};

use super::Content;
use super::removal::Removals;
use crate::fail::{Context, Done, Failure};
use crate::files;
use crate::out::Out;
use crate::room::{Room, Unlocked};

/// A package as the room keeps it.
pub(super) struct Received {
    pub(super) path: PathBuf,
    pub(super) source: String,
    pub(super) sequence: u64,
    pub(super) manifest: String,
    /// Public names of the linkage key of its tokens, and of the one that its bridge replaces.
    pub(super) linkage_key: String,
    pub(super) replaces: Option<String>,
    /// What is in it, if this run has opened it already.
    inside: Option<Inside>,
}

/// What a package holds, re-keyed for this room.
struct Inside {
    identities: Vec<RoomIdentity>,
    tables: BTreeMap<String, DataFrame>,
    tombstones: Option<Tombstones>,
    bridge: RoomBridge,
}

/// Accepts new packages: signed by a source of the policy, for this room, newer than the source's last.
pub(super) fn packages(
    new: &[PathBuf],
    announcement: Option<&Path>,
    unlocked: &mut Unlocked,
    catalogue: &Catalogue,
    out: &Out,
) -> Done<Vec<Received>> {
    let folder = unlocked.room.folder("packages")?;
    let mut all = known_packages(unlocked, &folder)?;
    let keys = source_keys(unlocked)?;
    let mut linkage_key = all.last().map(|last| last.linkage_key.clone());
    // First all, then the log: one bad package refuses the call and leaves the room as it was.
    let (mut accepted, mut rotations) = (Vec::new(), Vec::new());
    for path in new {
        let last = all.iter().filter(|p| Some(&p.source) == claimed_source(path).as_ref()).map(|p| p.sequence).max();
        let opened = open_package(path, unlocked, catalogue, last, linkage_key.as_deref(), &keys)?;
        let header = &opened.manifest.header;
        in_order(path, header, &all)?;
        if let Some(replaced) = header.replaces.as_ref().filter(|_| linkage_key.as_ref() != Some(&header.linkage_key)) {
            let event = crate::cmd::announce::demand(announcement, replaced, &header.linkage_key, unlocked);
            rotations.push((all.len(), event.map_err(|e| e.within(path.display()))?));
            let mut waiting: Vec<&str> =
                all.iter().map(|p| p.source.as_str()).filter(|s| *s != header.source).collect();
            waiting.sort_unstable();
            waiting.dedup();
            out.line(format!(
                "  this bridge moves the room from the linkage key {replaced} to {}; still without a bridge: {}",
                header.linkage_key,
                if waiting.is_empty() { "nobody".to_owned() } else { waiting.join(", ") }
            ));
        }
        linkage_key = Some(header.linkage_key.clone());
        check_kinds(path, &header.source, &opened, &unlocked.room, catalogue)?;
        let manifest = digest::hex(&opened.manifest.digest().integrity("the manifest")?);
        let header = opened.manifest.header.clone();
        let kept = Received {
            path: folder.join(format!("{}-{}.sudare", header.source, header.sequence)),
            source: header.source.clone(),
            sequence: header.sequence,
            manifest,
            linkage_key: header.linkage_key,
            replaces: header.replaces,
            // All that a later run relies on is looked at before the log has the package: afterwards it would fail for ever.
            inside: Some(Inside::of(opened, unlocked, catalogue).map_err(|e| e.within(path.display()))?),
        };
        accepted.push((path, kept.path.clone()));
        all.push(kept);
    }
    let known = all.len() - accepted.len();
    for (at, ((from, to), package)) in (known..).zip(accepted.iter().zip(all.iter().skip(known))) {
        // A kill between copy and record leaves a file that the log does not know: the package is copied again.
        if to.is_file() {
            std::fs::remove_file(to).input(format!("{} can't be replaced", to.display()))?;
        }
        files::copy(from, to)?;
        if let Some((_, event)) = rotations.iter().find(|(before, _)| *before == at) {
            unlocked.append(event)?;
        }
        unlocked.append(&Event::Package {
            source: package.source.clone(),
            sequence: package.sequence,
            manifest: package.manifest.clone(),
        })?;
        out.line(format!(
            "  accepted package {} of {}: signature and digest are right",
            package.sequence, package.source
        ));
    }
    Ok(all)
}

impl Inside {
    fn of(opened: Opened, unlocked: &Unlocked, catalogue: &Catalogue) -> Done<Self> {
        const DOING: &str = "the package's content";
        let key = unlocked.key()?;
        let identities = rekey_identities(&opened.identity, key).input(DOING)?;
        let known: HashSet<u32> = identities.iter().map(|identity| identity.ident).collect();
        if known.len() != identities.len() {
            return Err(Failure::input(format!("{DOING}: an identity stands twice")));
        }
        let tables = rekey_tables(opened.tables, key, catalogue).input(DOING)?;
        for (name, frame) in &tables {
            let idents = frame.column("ident").and_then(|column| column.u32().cloned()).input(DOING)?;
            if !idents.iter().all(|ident| ident.is_some_and(|ident| known.contains(&ident))) {
                return Err(Failure::input(format!("{DOING}: a row of {name} belongs to no identity of the package")));
            }
        }
        let (mut bridge, mut tombstones) = (RoomBridge::default(), None);
        bridge.add(&opened.bridge, key).input(DOING)?;
        if let Some(frame) = &opened.tombstones {
            tombstones.insert(Tombstones::default()).add(frame, key).input(DOING)?;
        }
        Ok(Self { identities, tables, tombstones, bridge })
    }
}

/// Rotations go forward only, and a source's own old packages need its bridge before its new ones, or its people would be split.
fn in_order(path: &Path, header: &Header, all: &[Received]) -> Done {
    let retired = all.iter().filter_map(|p| p.replaces.as_ref()).any(|key| *key == header.linkage_key);
    if retired {
        return Err(Failure::refused(format!(
            "{}: the linkage key {} was replaced before and does not come back",
            path.display(),
            header.linkage_key
        ))
        .hint("--from is the key in force, --to the new one"));
    }
    let own = || all.iter().filter(|p| p.source == header.source);
    let old = own().any(|p| p.linkage_key != header.linkage_key);
    let bridged = own().any(|p| p.replaces.is_some() && p.linkage_key == header.linkage_key);
    if header.replaces.is_none() && old && !bridged {
        return Err(Failure::refused(format!(
            "{}: {} has packages under an earlier linkage key and no bridge to this one: its people would be counted twice",
            path.display(),
            header.source
        ))
        .hint("link the source's bridge first (`sudare key rotate`)"));
    }
    Ok(())
}

/// The public name of the linkage key of the room's last package; `None` before the first.
pub fn key_in_force(unlocked: &Unlocked) -> Done<Option<String>> {
    let folder = unlocked.room.folder("packages")?;
    Ok(known_packages(unlocked, &folder)?.pop().map(|last| last.linkage_key))
}

fn known_packages(unlocked: &Unlocked, folder: &Path) -> Done<Vec<Received>> {
    let mut known = Vec::new();
    for entry in unlocked.log.entries() {
        if let Event::Package { source, sequence, manifest } = &entry.event {
            let path = folder.join(format!("{source}-{sequence}.sudare"));
            if !path.is_file() {
                return Err(Failure::integrity(format!("{} is in the log but not in the room", path.display())));
            }
            let header = package::claimed(&path).integrity("a package of the room")?.header;
            known.push(Received {
                path,
                source: source.clone(),
                sequence: *sequence,
                manifest: manifest.clone(),
                linkage_key: header.linkage_key,
                replaces: header.replaces,
                inside: None,
            });
        }
    }
    Ok(known)
}

/// A source sends what the policy says, and nothing else.
fn check_kinds(path: &Path, source: &str, opened: &Opened, room: &Room, catalogue: &Catalogue) -> Done {
    let kinds = room.policy.sources().iter().find(|s| s.name == source).map(|s| s.kinds.as_slice()).unwrap_or_default();
    let allowed = |table: &str| catalogue.table(table).is_some_and(|table| kinds.contains(&table.source_kind));
    match opened.tables.keys().find(|table| !allowed(table)) {
        Some(table) => Err(Failure::refused(format!(
            "{} holds {table}, and the policy lets {source} send {} only",
            path.display(),
            kinds.join(", ")
        ))
        .hint("did the source give the right files? Otherwise the stewards change the policy")),
        None => Ok(()),
    }
}

/// The verifier key of each source, by the policy; not those that the log calls revoked.
fn source_keys(unlocked: &Unlocked) -> Done<HashMap<String, Verifier>> {
    let today = crate::room::today();
    let revoked = Revoked::of(unlocked.log.entries().iter().map(|entry| &entry.event));
    let mut keys = HashMap::new();
    for source in unlocked.room.policy.sources() {
        let card = unlocked.room.policy.card(&source.card).filter(|c| c.valid_on(today));
        if let Some(card) = card {
            let key = Verifier::parse(&card.verifier).input("a source's card holds no key")?;
            if !revoked.has(&key) {
                keys.insert(source.name.clone(), key);
            }
        }
    }
    Ok(keys)
}

fn claimed_source(path: &Path) -> Option<String> {
    package::claimed(path).ok().map(|m| m.header.source)
}

/// Opens a new package. Its linkage key must be the room's, or it is a bridge from the room's key to a new one.
fn open_package(
    path: &Path,
    unlocked: &Unlocked,
    catalogue: &Catalogue,
    last_sequence: Option<u64>,
    linkage_key: Option<&str>,
    keys: &HashMap<String, Verifier>,
) -> Done<Opened> {
    let verify = |source: &str, note: &str| {
        let key =
            keys.get(source).ok_or("the policy names no such source with a valid card whose key is not revoked")?;
        Ok(audit_log::note::open(note, std::slice::from_ref(key))?.text)
    };
    let replaces = package::claimed(path).ok().and_then(|claimed| claimed.header.replaces);
    let rotates = replaces.is_some() && replaces.as_deref() == linkage_key;
    let linkage_key = if rotates { None } else { linkage_key };
    let opened = open_verified(path, unlocked, catalogue, last_sequence, linkage_key, &verify)?;
    if opened.manifest.header.replaces.is_some() == opened.bridge.is_empty() {
        return Err(Failure::input(format!(
            "{}: says that it is a bridge and has none, or has one unsaid",
            path.display()
        ))
        .hint("make it again with `sudare key rotate`"));
    }
    Ok(opened)
}

fn open_verified(
    path: &Path,
    unlocked: &Unlocked,
    catalogue: &Catalogue,
    last_sequence: Option<u64>,
    linkage_key: Option<&str>,
    verify: &dyn Fn(&str, &str) -> Result<String, package::BoxError>,
) -> Done<Opened> {
    let expected =
        Expected { room: &unlocked.room.card.origin, schema: catalogue.digest(), linkage_key, last_sequence };
    package::open(path, &unlocked.identity, &expected, verify).map_err(|e| {
        let message = format!("refused: {e}");
        match e {
            PackageError::Unsigned { .. } | PackageError::Tampered(_) => Failure::integrity(message),
            PackageError::Foreign { what: "catalogue", .. } => Failure::input(message).hint(
                "the source used other tables or another version of Sudare: give it the files of ROOM/catalogue for its --catalogue, and let it make the package again",
            ),
            _ => Failure::input(message),
        }
    })
}

/// Opens a package that the room accepted before. Its signature was verified when it came; now the log's digest of the manifest
/// vouches for it, so that a source's card may end without ending its data.
fn open_again(package: &Received, unlocked: &Unlocked, catalogue: &Catalogue) -> Done<Opened> {
    let vouched = |_: &str, note: &str| match note.split_once("\n\n") {
        Some((text, _)) => Ok(format!("{text}\n")),
        None => Err("not a signed note".into()),
    };
    let opened = open_verified(&package.path, unlocked, catalogue, None, None, &vouched)?;
    let manifest = opened.manifest.digest().integrity(package.name())?;
    if digest::hex(&manifest) != package.manifest {
        return Err(Failure::integrity(format!("{} is not the package that the log names", package.path.display())));
    }
    Ok(opened)
}

impl Received {
    fn name(&self) -> String {
        format!("package {} of {}", self.sequence, self.source)
    }
}

/// From a linkage key to the next: what each source says, and all together.
#[derive(Default)]
struct Step {
    to: String,
    own: BTreeMap<String, RoomBridge>,
    all: RoomBridge,
}

/// The content of all packages, re-keyed, under the linkage key of the last; and what must be taken out of it.
pub(super) fn contents(
    received: &mut [Received],
    unlocked: &Unlocked,
    catalogue: &Catalogue,
) -> Done<(Vec<Content>, Removals)> {
    let mut steps: BTreeMap<String, Step> = BTreeMap::new();
    let mut contents = Vec::new();
    let mut removals = Removals::of_room(unlocked, catalogue)?;
    for package in received.iter_mut() {
        let Inside { identities, tables, tombstones, bridge } = match package.inside.take() {
            Some(inside) => inside,
            None => Inside::of(open_again(package, unlocked, catalogue)?, unlocked, catalogue)
                .map_err(|e| e.within(package.name()))?,
        };
        if let Some(from) = &package.replaces {
            let step = steps.entry(from.clone()).or_default();
            step.to.clone_from(&package.linkage_key);
            step.all.join(&bridge);
            step.own.entry(package.source.clone()).or_default().join(&bridge);
        }
        if let Some(tombstones) = tombstones {
            removals.of_source(&package.source, tombstones);
        }
        contents.push(Content { source: package.source.clone(), sequence: package.sequence, identities, tables });
    }
    let keys = received.iter().map(|package| package.linkage_key.as_str());
    for (content, key) in contents.iter_mut().zip(keys) {
        translate(content, key, &steps, catalogue)?;
    }
    // Tombstones may be of any time; each key's bridges are tried once, from the oldest on.
    for step in received.iter().filter_map(|package| steps.get(package.replaces.as_ref()?)) {
        removals.translate(&step.own, &step.all);
    }
    Ok((contents, removals))
}

/// Brings a package from before rotations under the key in force. A source's own bridge goes before the others', so that a hostile
/// source can't lead other sources' tokens astray where these have bridges of their own.
fn translate(content: &mut Content, key: &str, steps: &BTreeMap<String, Step>, catalogue: &Catalogue) -> Done {
    let mut key = key.to_owned();
    // As many steps as there are keys: a ring of bridges ends.
    for _ in 0..steps.len() {
        let Some(step) = steps.get(&key) else { return Ok(()) };
        let own = step.own.get(&content.source);
        let bridge = own.map_or(&step.all, |own| own);
        bridge.identities(&mut content.identities, own.is_some().then_some(&step.all));
        bridge.tables(&mut content.tables, catalogue).input("a bridge")?;
        key.clone_from(&step.to);
    }
    Ok(())
}
