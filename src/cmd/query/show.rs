//! `sudare query show`: a released table, its intervals, and a chart. Reads the release file and nothing else.

use std::path::Path;

use dp_query::release::{Answer, Cell, ColumnKind, Status, Verified, verify};

use super::{docket, find, release_path, short};
use crate::chart::{Mark, draw};
use crate::fail::{Context, Done, Failure};
use crate::out::{Out, place, thousands};
use crate::room::Room;

/// At most so many lines make a chart that helps.
const CHART_LINES: usize = 30;

pub fn run(prefix: &str, room: &Path, out: &Out) -> Done {
    let room = Room::open(room)?;
    let view = room.view()?;
    let docket = docket(view.entries(), &room)?;
    let id = find(&docket, prefix)?.id();
    let path = release_path(&room, &id);
    if !path.is_file() {
        return Err(
            Failure::input(format!("request {} has no released answer", short(&id))).hint("see `sudare query list`")
        );
    }
    answer(&path, &room, out)
}

/// Shows a release file after verifying it.
pub fn answer(path: &Path, room: &Room, out: &Out) -> Done {
    let bytes = std::fs::read(path).input(format!("{} can't be read", path.display()))?;
    let verified = verify(&bytes, &room.card.verifier()?).integrity(format!("{}", path.display()))?;
    table(&verified, out);
    out.line(format!("  Release file: {}", place(path)));
    out.value(&verified.answer);
    Ok(())
}

/// The table and a chart of its last column.
pub fn table(verified: &Verified, out: &Out) {
    let answer = &verified.answer;
    out.line("");
    if let Some(title) = verified.question.lines().next().and_then(|l| l.strip_prefix("--")) {
        out.line(format!("  {}", title.trim()));
    }
    let mut headers: Vec<String> = Vec::new();
    for column in &answer.columns {
        headers.push(column.name.clone());
        if !matches!(column.kind, ColumnKind::Key(_)) {
            headers.push("95% interval".to_owned());
        }
    }
    let keys = answer.columns.iter().filter(|c| matches!(c.kind, ColumnKind::Key(_))).count();
    let digits = column_digits(answer);
    let released = answer.cells.iter().filter(|c| c.status == Status::Released);
    let rows: Vec<Vec<String>> = released.map(|cell| row(answer, cell, &digits)).collect();
    out.table(&headers.iter().map(String::as_str).collect::<Vec<_>>(), keys, &rows);
    let hidden: Vec<String> =
        answer.cells.iter().filter(|c| c.status == Status::Suppressed).map(|cell| group(answer, cell)).collect();
    if !hidden.is_empty() {
        out.line(format!("  Suppressed, fewer than {} (noisy) persons: {}", answer.minimum_persons, hidden.join("; ")));
    }
    let price = &answer.origin.price;
    out.line(format!(
        "  Every number carries noise: this answer is (ε = {}, δ = {})-differentially private. Released at {}.",
        price.epsilon(),
        price.delta(),
        verified.slot
    ));
    chart(answer, out);
}

fn row(answer: &Answer, cell: &Cell, digits: &[usize]) -> Vec<String> {
    let mut values = cell.values.iter().zip(digits);
    let mut row = Vec::new();
    for column in &answer.columns {
        if let ColumnKind::Key(k) = column.kind {
            row.push(label(answer, k, cell));
        } else if let Some((v, digits)) = values.next() {
            row.push(number(v.value, *digits));
            row.push(format!("{} – {}", number(v.interval[0], *digits), number(v.interval[1], *digits)));
        }
    }
    row
}

/// Decimals of each measure: none for counts, otherwise as many as the smallest noise leaves meaning in.
fn column_digits(answer: &Answer) -> Vec<usize> {
    let measures = answer.columns.iter().filter(|c| !matches!(c.kind, ColumnKind::Key(_)));
    let smallest =
        |i: usize| answer.cells.iter().filter_map(|c| c.values.get(i)).map(|v| v.sd).fold(f64::INFINITY, f64::min);
    measures
        .enumerate()
        .map(|(i, column)| if matches!(column.kind, ColumnKind::Count) { 0 } else { digits(smallest(i)) })
        .collect()
}

/// A cell's keys in words.
fn group(answer: &Answer, cell: &Cell) -> String {
    if answer.keys.is_empty() {
        return "everybody".to_owned();
    }
    (0..answer.keys.len()).map(|k| label(answer, k, cell)).collect::<Vec<_>>().join(" · ")
}

/// A key's value, in words where the answer has them.
fn label(answer: &Answer, key: usize, cell: &Cell) -> String {
    let value = cell.keys.get(key).map_or("", String::as_str);
    let meaning = answer.keys.get(key).and_then(|k| {
        let at = k.values.iter().position(|v| v == value)?;
        k.meanings.get(at).filter(|m| !m.is_empty())
    });
    meaning.map_or(value, String::as_str).to_owned()
}

fn chart(answer: &Answer, out: &Out) {
    let measures: Vec<usize> = (0..answer.columns.len())
        .filter(|c| answer.columns.get(*c).is_some_and(|c| !matches!(c.kind, ColumnKind::Key(_))))
        .collect();
    let (Some(last), true) = (measures.len().checked_sub(1), answer.cells.len() <= CHART_LINES) else {
        return;
    };
    let name = measures.get(last).and_then(|c| answer.columns.get(*c)).map_or("", |c| c.name.as_str());
    let marks: Vec<Mark> = answer
        .cells
        .iter()
        .filter_map(|cell| {
            let v = cell.values.get(last)?;
            Some(Mark { label: group(answer, cell), low: v.interval[0], value: v.value, high: v.interval[1] })
        })
        .collect();
    let digits = column_digits(answer).get(last).copied().unwrap_or_default();
    let lines = draw(&marks, &|v| number(v, digits));
    if lines.is_empty() {
        return;
    }
    out.line(format!("\n  {name}, with 95% intervals"));
    lines.iter().for_each(|l| out.line(format!("  {l}")));
}

/// Decimals that noise of this standard deviation leaves meaning in.
fn digits(sd: f64) -> usize {
    if !sd.is_finite() || sd <= 0.0 {
        return 0;
    }
    (-sd.log10().floor() as i32).clamp(0, 4) as usize
}

fn number(value: f64, digits: usize) -> String {
    let text = format!("{value:.digits$}");
    let (whole, rest) = text.split_once('.').map_or((text.as_str(), String::new()), |(w, r)| (w, format!(".{r}")));
    match whole.parse::<i64>() {
        Ok(n) if n != 0 || !whole.starts_with('-') => format!("{}{rest}", thousands(n)),
        _ => text.clone(),
    }
}
