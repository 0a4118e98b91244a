//! A column map's TOML, as written, with the line of everything that can be wrong. Not its meaning: that is checked in
//! `check`.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use toml::Spanned;

/// A map as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    pub(super) layout: Option<Spanned<String>>,
    pub(super) table: Option<Spanned<String>>,
    pub(super) recognize: Option<RawRecognize>,
    pub(super) identity: Option<BTreeMap<Spanned<String>, RawCell>>,
    #[serde(default)]
    pub(super) columns: BTreeMap<Spanned<String>, RawCell>,
}

/// Headers by which a file is known; each may have alternatives.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRecognize {
    pub(super) headers: Vec<Headers>,
}

/// Where a column's values come from: a header, several headers of which a file has one, or all that can be said.
#[derive(Default)]
pub(super) struct RawCell {
    pub(super) from: Vec<String>,
    pub(super) optional: bool,
    pub(super) constant: Option<Spanned<String>>,
    pub(super) codes: BTreeMap<String, Spanned<String>>,
    pub(super) date: Option<Spanned<String>>,
    pub(super) factor: Option<Spanned<String>>,
    pub(super) prefix: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Whole {
    #[serde(default)]
    from: Headers,
    #[serde(default)]
    optional: bool,
    constant: Option<Spanned<String>>,
    #[serde(default)]
    codes: BTreeMap<String, Spanned<String>>,
    date: Option<Spanned<String>>,
    factor: Option<Spanned<String>>,
    prefix: Option<Spanned<String>>,
}

/// A header or a list of alternatives.
#[derive(Default)]
pub(super) struct Headers(pub(super) Vec<String>);

struct HeadersVisitor;

impl<'de> Visitor<'de> for HeadersVisitor {
    type Value = Headers;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a header in quotes, or a list of headers of which a file has one")
    }

    fn visit_str<E>(self, text: &str) -> Result<Headers, E> {
        Ok(Headers(vec![text.to_owned()]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Headers, A::Error> {
        let mut all = Vec::new();
        while let Some(item) = items.next_element::<String>()? {
            all.push(item);
        }
        Ok(Headers(all))
    }
}

impl<'de> Deserialize<'de> for Headers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(HeadersVisitor)
    }
}

struct CellVisitor;

impl<'de> Visitor<'de> for CellVisitor {
    type Value = RawCell;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a header in quotes, a list of headers, or a table with from, optional, constant, codes, date, factor, prefix",
        )
    }

    fn visit_str<E>(self, text: &str) -> Result<RawCell, E> {
        Ok(RawCell { from: vec![text.to_owned()], ..RawCell::default() })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<RawCell, A::Error> {
        Ok(RawCell { from: HeadersVisitor.visit_seq(items)?.0, ..RawCell::default() })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RawCell, A::Error> {
        let Whole { from, optional, constant, codes, date, factor, prefix } =
            Whole::deserialize(MapAccessDeserializer::new(map))?;
        Ok(RawCell { from: from.0, optional, constant, codes, date, factor, prefix })
    }
}

impl<'de> Deserialize<'de> for RawCell {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CellVisitor)
    }
}

/// The map, or the line and what is wrong with it.
pub(super) fn raw(text: &str) -> Result<Raw, (u64, String)> {
    toml::from_str(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        (line(text, at), error.message().trim().replace('\n', ", "))
    })
}

/// The line, from 1, of a byte.
pub(super) fn line(text: &str, at: usize) -> u64 {
    1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count() as u64
}
