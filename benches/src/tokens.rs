//! Tokens of identities against ring's own HMAC over the same messages, and a whole package against the reader alone.
//!
//! The peer's keys and messages are built here a second time from the written definition (HKDF-SHA256 with the room's origin as salt,
//! length-prefixed fields), and every token is compared before anything is measured.

use std::path::Path;

use datasets::read::{Identified, ReadError, ReadOptions, read};
use polars::prelude::DataFrame;
use pseudonymize::normalize::{Fields, Raw};
use pseudonymize::package::{Header, Writer};
use pseudonymize::{Identity, LinkageKey, Pass, Pseudonymizer, Role, SourceKeys};
use ring::{hkdf, hmac};

use crate::Failure;
use crate::compare::{Bench, Pair, Sense};
use crate::room::{EPOCH, ORIGIN, Room, SECRET};

/// The identity frame's text columns, in the order of [`raw`].
const COLUMNS: [&str; 10] =
    ["insurer_no", "symbol", "number", "branch", "name", "kana", "birth", "sex", "individual_no", "postcode"];

type Written = [Option<String>; 10];

pub(crate) fn measure(bench: &mut Bench, room: &Room) -> Result<(), Failure> {
    let written = written(&room.written)?;
    let fields: Vec<Fields> = written.iter().map(|w| Fields::new(&raw(w))).collect();
    let keys = SourceKeys::derive(&LinkageKey::from_bytes(SECRET), ORIGIN, EPOCH)?;
    let peer_keys = peer_keys()?;
    let mut messages = Vec::new();
    for fields in &fields {
        for (pass, key) in Pass::ALL.into_iter().zip(&peer_keys) {
            let message = message(pass, fields);
            let theirs = message.as_ref().map(|m| truncated(key, m));
            if theirs != keys.token(pass, fields) {
                return Err("our token is not the HMAC of the written definition".into());
            }
            messages.extend(message.map(|m| (key, m)));
        }
    }
    let mut peer = || {
        let sum = |sum: u64, (key, message): &(&hmac::Key, Vec<u8>)| sum.wrapping_add(low(&truncated(key, message)));
        Ok(messages.iter().fold(0, sum))
    };
    let all = |fields: &Fields, buffer: &mut Vec<u8>| -> u64 {
        let tokens = keys.tokens(fields, buffer);
        tokens.iter().flatten().fold(0, |sum, token| sum.wrapping_add(low(token)))
    };
    let mut buffer = Vec::new();
    let pair = |id, what, bar| Pair {
        id,
        what,
        peer: "ring's HMAC loop",
        sense: Sense::Speed,
        work: messages.len() as f64,
        unit: "tokens",
        bar,
    };
    let mut ours = || Ok(fields.iter().fold(0_u64, |sum, f| sum.wrapping_add(all(f, &mut buffer))));
    bench.pair(&pair("tokens", "Tokens of normalized identities", "≥ 0.9 (issue 4)"), &mut ours, &mut peer)?;
    let mut buffer = Vec::new();
    let mut ours =
        || Ok(written.iter().fold(0_u64, |sum, w| sum.wrapping_add(all(&Fields::new(&raw(w)), &mut buffer))));
    bench.pair(&pair("normalized", "Normalization and tokens", "–"), &mut ours, &mut peer)?;
    package(bench, room, &keys)
}

/// Read → tokens → Parquet → age, against the reader alone.
fn package(bench: &mut Bench, room: &Room, keys: &SourceKeys) -> Result<(), Failure> {
    let raw = room.raw("kenpo");
    let folder = room.folder("packages")?;
    let recipient = Identity::generate("room", Role::Room)?.recipient();
    let bytes = std::cell::Cell::new(0);
    read(std::slice::from_ref(&raw), &ReadOptions::default(), &mut |_| Ok(()), &|n| bytes.set(bytes.get() + n))?;
    let mut number = 0;
    let mut ours = || {
        number += 1;
        let path = folder.join(format!("{number}.sudare"));
        write(&raw, &path, &recipient, number, keys, room)?;
        let size = std::fs::metadata(&path)?.len();
        std::fs::remove_file(&path)?;
        Ok(size)
    };
    let mut peer = || {
        let mut rows = 0;
        let mut sink = |batch: Identified| {
            rows += batch.tables().values().map(DataFrame::height).sum::<usize>();
            Ok(())
        };
        read(std::slice::from_ref(&raw), &ReadOptions::default(), &mut sink, &|_| {})?;
        Ok(rows as u64)
    };
    let pair = Pair {
        id: "package",
        what: "A 健保's files into a package (read, tokens, Parquet, age)",
        peer: "our reader alone",
        sense: Sense::Speed,
        work: bytes.get() as f64,
        unit: "bytes",
        bar: "≥ 0.4 (issue 4)",
    };
    bench.pair(&pair, &mut ours, &mut peer)
}

fn write(
    raw: &Path,
    path: &Path,
    recipient: &str,
    sequence: u64,
    keys: &SourceKeys,
    room: &Room,
) -> Result<(), Failure> {
    let header = Header {
        source: "kenpo".to_owned(),
        sequence,
        legal_basis: "synthetic people".to_owned(),
        room: ORIGIN.to_owned(),
        epoch: EPOCH,
        linkage_key: keys.linkage_key_id().to_owned(),
        replaces: None,
        schema: room.catalogue.digest(),
    };
    let mut writer = Writer::create(path, header, &[recipient.to_owned()])?;
    let mut pseudonymizer = Pseudonymizer::new(keys, &room.catalogue);
    let mut sink = |batch: Identified| {
        let batch = pseudonymizer.batch(batch).map_err(|e| ReadError::Sink(e.into()))?;
        writer.append(&batch).map_err(|e| ReadError::Sink(e.into()))
    };
    let options = ReadOptions { forget: true, batch_rows: 32_768, ..ReadOptions::default() };
    read(&[raw.to_owned()], &options, &mut sink, &|_| {})?;
    writer.finish("{}", &|text| Ok(format!("{text}\n— bench unsigned\n")))?;
    Ok(())
}

fn written(frame: &DataFrame) -> Result<Vec<Written>, Failure> {
    let mut rows = vec![Written::default(); frame.height()];
    for (place, name) in COLUMNS.into_iter().enumerate() {
        for (row, cell) in rows.iter_mut().zip(frame.column(name)?.str()?.iter()) {
            if let Some(slot) = row.get_mut(place) {
                *slot = cell.map(str::to_owned);
            }
        }
    }
    Ok(rows)
}

fn raw(written: &Written) -> Raw<'_> {
    let [insurer, symbol, number, branch, name, kana, birth, sex, individual, postcode] =
        written.each_ref().map(Option::as_deref);
    Raw { insurer, symbol, number, branch, name, kana, birth, sex, individual, postcode }
}

struct Length;

impl hkdf::KeyType for Length {
    fn len(&self) -> usize {
        32
    }
}

fn peer_keys() -> Result<Vec<hmac::Key>, Failure> {
    let prk = hkdf::Salt::new(hkdf::HKDF_SHA256, ORIGIN.as_bytes()).extract(&SECRET);
    let mut keys = Vec::new();
    for pass in Pass::ALL {
        let info = format!("sudare/linkage/{}/{EPOCH}", pass.as_str());
        let mut bytes = [0; 32];
        prk.expand(&[info.as_bytes()], Length).and_then(|okm| okm.fill(&mut bytes)).map_err(|_| "HKDF failed")?;
        keys.push(hmac::Key::new(hmac::HMAC_SHA256, &bytes));
    }
    Ok(keys)
}

/// The bytes under the HMAC, by the definition in `pseudonymize::Pass`.
fn message(pass: Pass, fields: &Fields) -> Option<Vec<u8>> {
    let symbol = fields.symbol.as_deref().unwrap_or_default().to_owned();
    let birth = || String::from_utf8(fields.birth?.digits().to_vec()).ok();
    let sex = || fields.sex.filter(|sex| matches!(sex, 1 | 2)).map(|sex| sex.to_string());
    let (insurer, number) = (fields.insurer.clone(), fields.number.clone());
    let parts: Vec<String> = match pass {
        Pass::Member => vec![insurer?, symbol, number?, fields.branch.clone()?, birth()?, sex()?],
        Pass::Id1 => vec![insurer?, symbol, number?, birth()?, sex()?],
        Pass::Id2 => vec![fields.name.clone()?, birth()?, sex()?],
        Pass::Id4 => vec![fields.kana.clone()?, birth()?, sex()?],
        Pass::Individual => vec![fields.individual.clone()?],
        Pass::Marriage => {
            let mut parts = vec![fields.given.clone()?, birth()?, sex()?];
            match &fields.postcode {
                Some(postcode) => parts.extend(["postcode".to_owned(), postcode.clone()]),
                None => parts.extend(["member".to_owned(), insurer?, symbol, number?]),
            }
            parts
        }
        Pass::BirthError => vec![fields.kana.clone()?, insurer?, symbol, number?],
    };
    let mut message = Vec::new();
    for part in parts {
        message.extend(u16::try_from(part.len()).ok()?.to_be_bytes());
        message.extend(part.as_bytes());
    }
    Some(message)
}

fn truncated(key: &hmac::Key, message: &[u8]) -> [u8; 16] {
    let mut token = [0; 16];
    token.iter_mut().zip(hmac::sign(key, message).as_ref()).for_each(|(to, from)| *to = *from);
    token
}

fn low(token: &[u8; 16]) -> u64 {
    token.iter().fold(0, |sum, byte| sum << 4 | u64::from(byte & 15))
}
