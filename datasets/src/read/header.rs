//! CSV with a header line: what a header is recognized as, and the loop over the rows. Not for claims, which have no
//! header; the layouts stand in `layout`, the user's own in column maps.

use std::borrow::Cow;
use std::io::BufRead;
use std::sync::Arc;

use super::desk::Desk;
use super::error::{Place, ReadError};
pub(super) use super::layout::{DAILY, ELIGIBILITY, ROSTER};
use super::layout::{Field, native};
use super::lines::{Items, Lines, Met};
use super::maps::{Cell, Map, Maps};
use super::report::Kind;
use super::sniff::Format;
use super::text::{self, Encoding};

fn title(cell: &str) -> String {
    text::narrow(cell.trim_matches(|c: char| c == '"' || c == '\u{feff}'))
}

/// The header record of a file: up to the first line end that is not inside quotes.
pub(super) fn record(text: &[u8]) -> &[u8] {
    let mut inside = false;
    let end = text.iter().position(|&byte| {
        inside ^= byte == b'"';
        byte == b'\n' && !inside
    });
    // A quote that never closes is no multi-line header.
    let end = end.or_else(|| text.iter().position(|&byte| byte == b'\n')).unwrap_or(text.len());
    text.get(..end).unwrap_or(text).trim_ascii_end()
}

/// Titles, by [`text::narrow`], in the order of the file.
fn titles(record: &[u8], encoding: Encoding, delimiter: u8) -> Option<Vec<String>> {
    let mut items = Items::default();
    if !items.quoted(record, delimiter) {
        return None;
    }
    (0..items.len())
        .map(|at| match encoding.decode(items.get(at)) {
            (_, true) => None,
            (text, false) => Some(title(&text)),
        })
        .collect()
}

/// Tab if that splits the header into more items than the comma.
fn delimiter(record: &[u8]) -> u8 {
    let mut items = Items::default();
    let mut count = |delimiter| if items.quoted(record, delimiter) { items.len() } else { 0 };
    if count(b'\t') > count(b',') { b'\t' } else { b',' }
}

/// What a header is, and by which map. The user's maps come first, then the built-in ones, then the layouts.
pub(super) fn kind(record: &[u8], maps: &Maps) -> (Format, Option<usize>) {
    for encoding in [Encoding::Utf8, Encoding::Cp932] {
        for delimiter in [delimiter(record), b';'] {
            let Some(titles) = titles(record, encoding, delimiter) else {
                continue;
            };
            let found = match maps.find(&titles) {
                Ok(Some((at, map))) => Some((map.format(), Some(at))),
                Ok(None) => native(&titles).map(|format| (format, None)),
                Err((one, other)) => Some((Format::Ambiguous(one, other), None)),
            };
            match found {
                Some(_) if delimiter == b';' => return (Format::Semicolons, None),
                Some(found) => return found,
                None => {}
            }
        }
    }
    (Format::Unknown, None)
}

/// Which of the user's maps a header that fits none comes nearest to, and the headers that it lacks.
pub(super) fn near<'a>(record: &[u8], maps: &'a Maps) -> Option<(&'a Map, Vec<&'a str>)> {
    let delimiter = delimiter(record);
    let all = [Encoding::Utf8, Encoding::Cp932];
    maps.nearest(&all.into_iter().find_map(|encoding| titles(record, encoding, delimiter))?)
}

/// Where a field's items stand in a file, and what the map makes of them.
#[derive(Default, Clone)]
pub(super) struct Source {
    pub(super) at: Option<usize>,
    pub(super) cell: Option<Arc<Cell>>,
}

/// A row of such a file, its items by the layout's order.
pub(super) struct Row<'a> {
    items: &'a Items,
    sources: &'a [Source],
    rewritten: &'a [Option<String>],
    encoding: Encoding,
    /// Fields whose texts were asked for, one bit each, and whether characters of them had to be replaced.
    decoded: std::cell::Cell<(u64, bool)>,
    pub(super) file: &'a str,
    pub(super) line: u64,
}

impl<'a> Row<'a> {
    pub(super) fn bytes(&self, field: usize) -> &'a [u8] {
        if let Some(Some(text)) = self.rewritten.get(field) {
            return text.trim_ascii().as_bytes();
        }
        self.written(field)
    }

    fn written(&self, field: usize) -> &'a [u8] {
        match self.sources.get(field).and_then(|source| source.at) {
            Some(at) => self.items.get(at).trim_ascii(),
            None => &[],
        }
    }

    /// The cleaned text of an item, `None` if it is empty.
    pub(super) fn text(&self, field: usize) -> Option<Cow<'a, str>> {
        if let Some(Some(text)) = self.rewritten.get(field) {
            return text::clean(text);
        }
        let (text, replaced) = self.encoding.decode(self.written(field));
        let (fields, any) = self.decoded.get();
        self.decoded.set((fields | bit(field), any || replaced));
        match text {
            Cow::Borrowed(text) => text::clean(text),
            Cow::Owned(text) => match text::clean(&text)? {
                clean if clean.len() == text.len() => Some(Cow::Owned(text)),
                clean => Some(Cow::Owned(clean.into_owned())),
            },
        }
    }

    fn undecodable(&self) -> bool {
        let (fields, any) = self.decoded.get();
        let mut rest = (0..self.sources.len()).filter(|field| fields & bit(*field) == 0);
        any || rest.any(|field| self.encoding.decode(self.written(field)).1)
    }
}

fn bit(field: usize) -> u64 {
    u32::try_from(field).ok().and_then(|field| 1_u64.checked_shl(field)).unwrap_or(0)
}

/// What became of a row.
pub(super) enum Fate {
    Kept,
    /// Not taken on purpose.
    LeftOut(&'static str),
    /// Doesn't fit its layout; when most rows don't, the file is refused.
    Malformed(&'static str),
    /// Fits, but can't be used.
    Unusable(&'static str),
}

const HELP: &str = "Compare the header and the first rows with the layout in the guide, and export the file again";

/// The place of a column that stands at most once.
pub(super) fn once(
    mut at: impl Iterator<Item = usize>,
    name: &str,
    file: &str,
    line: u64,
) -> Result<Option<usize>, ReadError> {
    let first = at.next();
    if let Some(second) = at.next() {
        let place = Place { file: file.to_owned(), line, column: second as u64 + 1 };
        let what = format!("the column {name} stands twice in the header");
        return Err(ReadError::refused(place, "header-twice", what, "Keep one of the two"));
    }
    Ok(first)
}

/// The refusal of a file without a column that it must have.
pub(super) fn lacks(name: &str, file: &str, line: u64) -> ReadError {
    let what = format!("the header lacks the column {name}");
    ReadError::refused(Place::line(file, line), "header-lacks", what, "Add the column, or export the file with it")
}

fn sources(
    layout: &[Field],
    titles: &[String],
    map: Option<&Map>,
    file: &str,
    line: u64,
) -> Result<Vec<Source>, ReadError> {
    let mut found = Vec::with_capacity(layout.len());
    for field in layout {
        let cell = map.and_then(|map| map.cell(field.name()));
        let source = match cell {
            Some(cell) => {
                let at = once(cell.places(titles), cell.header(), file, line)?;
                if at.is_none() && cell.required() {
                    return Err(lacks(cell.header(), file, line));
                }
                Source { at, cell: Some(cell.clone()).filter(|cell| cell.rewrites()) }
            }
            None => {
                let at = titles.iter().enumerate().filter(|(_, title)| field.is(title)).map(|(at, _)| at);
                Source { at: once(at, field.name(), file, line)?, cell: None }
            }
        };
        let filled = source.at.is_some() || cell.is_some_and(|cell| cell.constant().is_some());
        if field.required() && !filled {
            return Err(lacks(field.name(), file, line));
        }
        found.push(source);
    }
    Ok(found)
}

/// Reads all rows of a file of this layout, its columns found by the file's map if it has one; `take` says what became
/// of each row.
pub(super) fn rows<R: BufRead>(
    desk: &mut Desk<'_>,
    kind: Kind,
    layout: &[Field],
    file: &str,
    encoding: Encoding,
    input: R,
    take: &mut dyn FnMut(&mut Desk<'_>, &Row<'_>) -> Result<Fate, ReadError>,
) -> Result<(), ReadError> {
    let map = desk.map.clone();
    let mut plan = |titles: &[String], line| sources(layout, titles, map.as_deref(), file, line);
    table(desk, kind, file, encoding, input, &mut plan, take)
}

/// Says where the fields stand, from a header's titles and its line.
type Plan<'a> = &'a mut dyn FnMut(&[String], u64) -> Result<Vec<Source>, ReadError>;

/// Reads all rows of any table; `plan` says where its fields stand, `take` what became of each row.
pub(super) fn table<R: BufRead>(
    desk: &mut Desk<'_>,
    kind: Kind,
    file: &str,
    encoding: Encoding,
    input: R,
    plan: Plan<'_>,
    take: &mut dyn FnMut(&mut Desk<'_>, &Row<'_>) -> Result<Fate, ReadError>,
) -> Result<(), ReadError> {
    let mut lines = Lines::new(input);
    desk.tally.file(kind);
    let Some((titles, separator)) = first(&mut lines, encoding, file)? else {
        return Ok(());
    };
    let line = lines.number();
    let sources = plan(&titles, line)?;
    let rewriting: Vec<usize> = (0..).zip(&sources).filter(|(_, s)| s.cell.is_some()).map(|(at, _)| at).collect();
    let mut rewritten: Vec<Option<String>> = vec![None; if rewriting.is_empty() { 0 } else { sources.len() }];
    let table = Table { kind, file, separator, width: titles.len(), help: HELP };
    table.rows(desk, lines, &mut |desk, items, text, line| {
        for &at in &rewriting {
            let decoded = Default::default();
            let row = Row { items, sources: &sources, rewritten: &[], encoding, decoded, file, line };
            let new = sources
                .get(at)
                .and_then(|source| source.cell.as_ref()?.rewrite(row.text(at).as_deref()).map(Cow::into_owned));
            if let Some(slot) = rewritten.get_mut(at) {
                *slot = new;
            }
        }
        let decoded = Default::default();
        let row = Row { items, sources: &sources, rewritten: &rewritten, encoding, decoded, file, line };
        let fate = take(desk, &row)?;
        if matches!(fate, Fate::Kept) && !text.is_ascii() && row.undecodable() {
            desk.tally.value_lost(kind, "undecodable-character", file, line);
        }
        Ok(fate)
    })
}

/// A table whose header is read.
pub(super) struct Table<'a> {
    pub(super) kind: Kind,
    pub(super) file: &'a str,
    pub(super) separator: u8,
    /// Columns of the header.
    pub(super) width: usize,
    /// What to do about rows that do not fit.
    pub(super) help: &'static str,
}

/// Says what became of a row, from its items, its text and its line.
type TakeItems<'a> = &'a mut dyn FnMut(&mut Desk<'_>, &Items, &[u8], u64) -> Result<Fate, ReadError>;

impl Table<'_> {
    /// Reads all rows, and counts what became of each.
    pub(super) fn rows<R: BufRead>(
        &self,
        desk: &mut Desk<'_>,
        mut lines: Lines<R>,
        take: TakeItems<'_>,
    ) -> Result<(), ReadError> {
        let Table { kind, file, separator, width, help } = *self;
        let mut items = Items::default();
        let (mut rows, mut malformed, mut first_bad) = (0_u64, 0_u64, 0_u64);
        loop {
            let met = lines.advance().map_err(|error| ReadError::io(file, &error))?;
            if met == Met::End {
                break;
            }
            let line = lines.number();
            rows += 1;
            desk.tally.read(kind, 1);
            let fate = if met == Met::TooLong {
                Fate::Malformed("line-too-long")
            } else if !items.quoted(&lines.line, separator) {
                Fate::Malformed("open-quote")
            } else if lines.line.contains(&0) {
                Fate::Malformed("nul-byte")
            } else if (width..items.len()).any(|at| !items.get(at).trim_ascii().is_empty()) {
                Fate::Malformed("too-many-items")
            } else {
                take(desk, &items, &lines.line, line)?
            };
            match fate {
                Fate::Kept => desk.tally.kept(kind, 1),
                Fate::LeftOut(code) => desk.tally.left_out(kind, code, 1),
                Fate::Unusable(code) => desk.tally.quarantined(kind, code, 1, file, line),
                Fate::Malformed(code) => {
                    desk.tally.quarantined(kind, code, 1, file, line);
                    malformed += 1;
                    if first_bad == 0 {
                        first_bad = line;
                    }
                }
            }
            if rows == 1_000 && malformed * 2 > rows {
                break;
            }
        }
        if malformed >= 3 && (malformed == rows || rows >= 20 && malformed * 2 > rows) {
            let what = "most rows do not fit the layout that the header promises";
            return Err(ReadError::refused(Place::line(file, first_bad), "rows-do-not-fit", what, help));
        }
        Ok(())
    }
}

/// The titles, by [`text::narrow`], and what separates the items; `None` if there is no line at all.
pub(super) fn first<R: BufRead>(
    lines: &mut Lines<R>,
    encoding: Encoding,
    file: &str,
) -> Result<Option<(Vec<String>, u8)>, ReadError> {
    let Some(header) = header(lines, file)? else {
        return Ok(None);
    };
    let separator = delimiter(&header);
    let titles = titles(&header, encoding, separator).ok_or_else(|| {
        let what = "the header leaves a quote open or holds characters that can't be decoded";
        ReadError::refused(Place::line(file, lines.number()), "header-broken", what, HELP)
    })?;
    Ok(Some((titles, separator)))
}

/// The header record, which may go over several lines inside quotes; `None` if there is no line at all.
fn header<R: BufRead>(lines: &mut Lines<R>, file: &str) -> Result<Option<Vec<u8>>, ReadError> {
    /// Lines of a header at most.
    const MOST: usize = 200;
    let mut whole: Vec<u8> = Vec::new();
    for _ in 0..MOST {
        if lines.advance().map_err(|error| ReadError::io(file, &error))? != Met::Line {
            break;
        }
        if !whole.is_empty() {
            whole.push(b'\n');
        }
        whole.extend_from_slice(&lines.line);
        if whole.iter().filter(|&&byte| byte == b'"').count() % 2 == 0 {
            break;
        }
    }
    Ok(Some(whole).filter(|whole| !whole.is_empty()))
}
