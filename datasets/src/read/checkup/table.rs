//! Checkups as CSV: one row per person and visit, an item in each column. Not the user's own names for columns: a column
//! map gives [`Names`], and everything else is the same.

use std::borrow::Cow;
use std::io::BufRead;

use super::cells::{Cells, Source, Visit};
use super::found::Found;
use super::heads::{self, Head, Who};
use super::only_kana;
use super::values;
use crate::read::desk::Desk;
use crate::read::error::{Place, ReadError};
use crate::read::header::{self, Fate, Table};
use crate::read::identity::Tuple;
use crate::read::lines::{Items, Lines};
use crate::read::number;
use crate::read::report::Kind;
use crate::read::text::{self, Encoding};

const K: Kind = Kind::CheckupCsv;
/// A file with fewer items is something else.
const ITEMS: usize = 3;
const HELP: &str = "Compare the header and the first rows with the guide, or give a column map";

/// What a user's column map says of a file: names that lead to known headers or JLAC10 codes, values, constants.
pub(in crate::read) struct Names<'a> {
    /// The known header (`身長`, a JLAC10 code) of a column; `None` leaves the column's own.
    pub(in crate::read) name: &'a dyn Fn(&str) -> Option<String>,
    /// What a cell of that known header means; `None` leaves it as it is.
    pub(in crate::read) value: &'a dyn Fn(&str, &str) -> Option<String>,
    /// Known headers that the file lacks, with what stands in every row.
    pub(in crate::read) constants: &'a [(String, String)],
}

impl Names<'_> {
    /// Nothing is renamed.
    pub(in crate::read) const NONE: Names<'static> = Names { name: &|_| None, value: &|_, _| None, constants: &[] };
}

/// Whether a header is known.
#[allow(dead_code, reason = "for checking column maps")]
pub(in crate::read) fn knows(name: &str) -> bool {
    heads::head(name).is_some()
}

/// Whether these titles are those of a checkup CSV: somebody, a day, and at least three items.
pub(in crate::read) fn is_header<T: AsRef<str>>(titles: impl Iterator<Item = T>) -> bool {
    let (mut who, mut birth, mut date, mut items) = (false, false, false, 0);
    for title in titles {
        match heads::head(title.as_ref()) {
            Some(Head::Who(Who::Birth)) => birth = true,
            Some(Head::Who(Who::Number | Who::Name | Who::Kana)) => who = true,
            Some(Head::Date) => date = true,
            Some(Head::Item { .. }) => items += 1,
            _ => {}
        }
    }
    who && birth && date && items >= ITEMS
}

/// Where a cell comes from.
enum From {
    Column(usize),
    Constant(String),
}

struct Column {
    from: From,
    /// The known header.
    name: String,
    head: Head,
}

/// The columns of one file.
struct Layout<'a> {
    columns: Vec<Column>,
    width: usize,
    names: &'a Names<'a>,
}

impl<'a> Layout<'a> {
    fn new(header: &[String], names: &'a Names<'a>, file: &str, line: u64) -> Result<Self, ReadError> {
        let mut columns: Vec<Column> = Vec::new();
        let given = header.iter().enumerate().map(|(at, title)| {
            let title = title.trim_matches('\u{feff}');
            (From::Column(at), (names.name)(title).unwrap_or_else(|| title.to_owned()))
        });
        let constants = names.constants.iter().map(|(name, value)| (From::Constant(value.clone()), name.clone()));
        for (at, (from, name)) in given.chain(constants).enumerate() {
            let Some(head) = heads::head(&name) else {
                continue;
            };
            let same = |other: &&Column| match (&other.head, &head) {
                (Head::Who(a), Head::Who(b)) => a == b,
                (Head::Date, Head::Date) | (Head::Kind, Head::Kind) => true,
                (Head::Item { code: a, .. }, Head::Item { code: b, .. }) => a == b,
                _ => false,
            };
            if columns.iter().any(|other| same(&other)) {
                if matches!(from, From::Constant(_)) {
                    continue;
                }
                let place = Place { file: file.to_owned(), line, column: at as u64 + 1 };
                let what = "two columns of the header hold the same item";
                return Err(ReadError::refused(
                    place,
                    "header-twice",
                    what,
                    "Keep one of the two, or give a column map",
                ));
            }
            columns.push(Column { from, name, head });
        }
        if !is_header(columns.iter().map(|column| column.name.as_str())) {
            let what = "the header lacks a person (生年月日 and 番号 or 氏名), a day of the exam, or three known items";
            return Err(ReadError::refused(Place::line(file, line), "header-lacks", what, HELP));
        }
        Ok(Self { columns, width: header.len(), names })
    }

    fn text<'c>(&'c self, column: &'c Column, row: &'c Row<'_>) -> Option<Cow<'c, str>> {
        let text = match &column.from {
            From::Constant(text) => return Some(Cow::Borrowed(text)),
            From::Column(at) => row.encoding.decode(row.items.get(*at)).0,
        };
        let text = match text {
            Cow::Borrowed(text) => text::clean(text)?,
            Cow::Owned(text) => Cow::Owned(text::clean(&text)?.into_owned()),
        };
        Some((self.names.value)(&column.name, &text).map_or(text, Cow::Owned))
    }
}

struct Row<'a> {
    items: &'a Items,
    encoding: Encoding,
    file: &'a str,
    line: u64,
}

/// Reads a file with known headers.
pub(in crate::read) fn read<R: BufRead>(
    desk: &mut Desk<'_>,
    file: &str,
    encoding: Encoding,
    input: R,
) -> Result<(), ReadError> {
    let Some(map) = desk.map.clone() else {
        return read_as(desk, file, encoding, input, &Names::NONE);
    };
    let constants: Vec<(String, String)> = map.constants().collect();
    let names = Names {
        name: &|title| map.renamed(title).map(str::to_owned),
        value: &|name, text| map.meant(name, text),
        constants: &constants,
    };
    read_as(desk, file, encoding, input, &names)
}

/// Reads a file by the names of a column map.
pub(in crate::read) fn read_as<R: BufRead>(
    desk: &mut Desk<'_>,
    file: &str,
    encoding: Encoding,
    input: R,
    names: &Names<'_>,
) -> Result<(), ReadError> {
    desk.tally.file(K);
    let mut cells = Cells::new(desk)?;
    let mut lines = Lines::new(input);
    let Some((titles, separator)) = header::first(&mut lines, encoding, file)? else {
        return Ok(());
    };
    let layout = Layout::new(&titles, names, file, lines.number())?;
    let table = Table { kind: K, file, separator, width: layout.width, help: HELP };
    table.rows(desk, lines, &mut |desk, items, _, line| {
        take(desk, &mut cells, &layout, &Row { items, encoding, file, line })
    })
}

fn take(desk: &mut Desk<'_>, cells: &mut Cells, layout: &Layout<'_>, row: &Row<'_>) -> Result<Fate, ReadError> {
    let mut who: [Option<Cow<'_, str>>; 9] = Default::default();
    let (mut date, mut kind) = (None, "other");
    for column in &layout.columns {
        match column.head {
            Head::Who(part) => {
                if let Some(slot) = who.get_mut(part as usize) {
                    *slot = layout.text(column, row);
                }
            }
            Head::Date => date = layout.text(column, row),
            Head::Kind => kind = layout.text(column, row).map_or("other", |text| kind_of(&text)),
            Head::Item { .. } => {}
        }
    }
    let Some(date) = date.as_deref().and_then(|date| number::loose_day(text::narrow(date).as_bytes())) else {
        return Ok(Fate::Malformed("exam-date"));
    };
    let [insurer, symbol, number, branch, name, kana, birth, sex, postcode] =
        who.each_ref().map(|text| text.as_deref());
    // A name in kana alone is no name in kanji.
    let in_kana = name.filter(|name| kana.is_none() && only_kana(name));
    let tuple = Tuple {
        insurer_no: insurer,
        symbol,
        number,
        branch,
        name: if in_kana.is_some() { None } else { name },
        kana: kana.or(in_kana),
        birth,
        sex,
        individual_no: None,
        postcode,
    };
    if tuple.nobody() {
        return Ok(Fate::Unusable("no-identity"));
    }
    if birth.is_none_or(|birth| number::loose_day(text::narrow(birth).as_bytes()).is_none()) {
        desk.tally.value_lost(K, "birth-date", row.file, row.line);
    }
    let texts: Vec<Option<Cow<'_, str>>> = layout
        .columns
        .iter()
        .map(|column| match column.head {
            Head::Item { .. } => layout.text(column, row),
            _ => None,
        })
        .collect();
    let mut found = Vec::with_capacity(texts.len());
    for (column, text) in layout.columns.iter().zip(&texts) {
        let (Head::Item { code, item, unit }, Some(text)) = (&column.head, text) else {
            continue;
        };
        let unit = Cow::Borrowed(unit.as_str());
        let mut one = Found { code: Cow::Borrowed(code), item: *item, unit, ..Found::default() };
        if values::take(&mut one, text, date) {
            found.push(one);
        }
    }
    let ident = desk.identities.of(K, &tuple);
    desk.identities.seen(ident, date);
    let line = |_| row.line;
    let source = Source { record: K, file: row.file, line: &line };
    cells.push(desk, &source, &Visit { ident, date, kind }, &found)?;
    Ok(Fate::Kept)
}

/// Kind of exam by the words or the code (OID …6.1002) of a column.
fn kind_of(text: &str) -> &'static str {
    let plain = text::narrow(text);
    for (word, kind) in [
        ("ドック", "ningen_dock"),
        ("がん", "gan"),
        ("癌", "gan"),
        ("特定", "tokutei"),
        ("事業", "jigyonushi"),
        ("定期", "jigyonushi"),
        ("安衛", "jigyonushi"),
    ] {
        if plain.contains(word) {
            return kind;
        }
    }
    match plain.as_str() {
        "010" | "tokutei" => "tokutei",
        "030" | "jigyonushi" => "jigyonushi",
        "060" | "gan" => "gan",
        "ningen_dock" => "ningen_dock",
        _ => "other",
    }
}
