//! A source's package from its beginning, and what a room makes of it.

#![allow(clippy::unwrap_used)]

use std::path::Path;

use datasets::catalogue::Catalogue;
use pseudonymize::package::{Expected, Header, Opened, Writer, open};
use pseudonymize::{Identity, SourceKeys};

/// A package in the making, the source's first.
pub(crate) fn writer(path: &Path, source: &str, keys: &SourceKeys, room: &Identity) -> Writer {
    let header = Header {
        source: source.to_owned(),
        sequence: 1,
        legal_basis: "test".to_owned(),
        room: keys.origin().to_owned(),
        epoch: keys.epoch(),
        linkage_key: keys.linkage_key_id().to_owned(),
        replaces: None,
        schema: Catalogue::builtin().unwrap().digest(),
    };
    Writer::create(path, header, &[room.recipient()]).unwrap()
}

/// The package, finished and opened again.
pub(crate) fn opened(writer: Writer, path: &Path, source: &str, keys: &SourceKeys, room: &Identity) -> Opened {
    writer.finish("{}", &|text| Ok(format!("{text}\n— {source} signed\n"))).unwrap();
    let expected = Expected {
        room: keys.origin(),
        schema: Catalogue::builtin().unwrap().digest(),
        linkage_key: Some(keys.linkage_key_id()),
        last_sequence: None,
    };
    let verify = |_: &str, note: &str| Ok(note.split_once("\n\n").map(|(t, _)| format!("{t}\n")).unwrap());
    open(path, room, &expected, &verify).unwrap()
}
