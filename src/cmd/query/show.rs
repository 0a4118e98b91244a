//! `sudare query show`: a released table, its intervals, and a chart. Reads the release file and nothing else.

use std::path::Path;

use audit_log::View;
use dp_query::docket::{Docket, Filed, Outcome};
use dp_query::release::{Answer, Cell, ColumnKind, ReleaseFile, Status, Verified, verify};

use super::list::{approvals, state};
use super::{check, compute, docket, find, priced_request, release_path, short};
use crate::chart::{Mark, draw};
use crate::fail::{self, Context, Done, Failure};
use crate::files;
use crate::out::{Out, place, thousands};
use crate::room::{Room, log_failure};

/// At most so many lines make a chart that helps.
const CHART_LINES: usize = 30;

pub fn run(prefix: &str, room: &Path, output: Option<&Path>, out: &Out) -> Done {
    let room = Room::open(room)?;
    let view = room.view()?;
    let docket = docket(view.entries(), &room)?;
    let filed = find(&docket, prefix)?;
    let path = release_path(&room, &filed.id());
    if !path.is_file() {
        if output.is_some() {
            return Err(Failure::input(format!("request {} has no released answer", short(&filed.id()))));
        }
        return request(filed, &room, out);
    }
    let answer = answer(&path, &room, out)?;
    if let Some(output) = output {
        fail::refuse_existing(output)?;
        files::create(output, &confirmed(&path, filed, &view, &docket, &room)?)?;
        out.line(format!("  Written: {}", place(output)));
    }
    out.value(&answer);
    Ok(())
}

/// The release file with the release's own proof under a head that as many stewards as possible have co-signed.
fn confirmed(path: &Path, filed: &Filed, view: &View, docket: &Docket, room: &Room) -> Done<Vec<u8>> {
    let bytes = std::fs::read(path).input(format!("{} can't be read", path.display()))?;
    let mut file = ReleaseFile::from_bytes(&bytes).integrity(path.display())?;
    let released = filed.intents().iter().find_map(|i| match &i.outcome {
        Some(Outcome::Released { index, .. }) => Some((i.index, *index)),
        _ => None,
    });
    let (intent, index) = released.ok_or_else(|| Failure::integrity("the log knows no release of this request"))?;
    // The stewards of the charge's day: any two majorities of them share a steward.
    let stewards = docket.cosigners(&room.policy, compute::day(view.entries(), intent));
    let receipt = (1..=stewards.len())
        .rev()
        .find_map(|needed| view.prove_cosigned(index, &stewards, needed).ok())
        .map_or_else(|| view.prove(index).map_err(log_failure), Ok)?;
    file.confirm(&receipt).integrity(path.display())?;
    file.to_bytes().input("the release can't be written")
}

/// A request that is not answered yet: what a steward reads before signing.
fn request(filed: &Filed, room: &Room, out: &Out) -> Done {
    let asked = filed.request();
    let catalogue = room.catalogue()?;
    let priced = priced_request(asked, room, &catalogue)?;
    out.line(format!("  request {} of {} for project {}", filed.id(), asked.researcher(), asked.project()));
    out.line(format!("  state {}, verdicts {}, may run until {}", state(filed), approvals(filed), asked.expires()));
    out.line("");
    asked.question().lines().for_each(|l| out.line(format!("    {l}")));
    out.line("");
    for file in asked.public() {
        out.line(format!("  {}:", file.name));
        file.text.lines().for_each(|l| out.line(format!("    {l}")));
        out.line("");
    }
    check::tell(&priced, &format!("request {}", short(&filed.id())), out);
    let columns: Vec<String> = priced.plan.columns().iter().map(|(t, c)| format!("{t}.{c}")).collect();
    out.line(format!("  It reads {}.", columns.join(", ")));
    out.value(&serde_json::json!({
        "request": filed.id().to_string(), "state": state(filed), "question": asked.question(),
        "price": asked.price(), "columns": columns, "plan": asked.plan().to_string(),
    }));
    Ok(())
}

/// Shows a release file after verifying it.
pub fn answer(path: &Path, room: &Room, out: &Out) -> Done<Answer> {
    let bytes = std::fs::read(path).input(format!("{} can't be read", path.display()))?;
    let verified = verify(&bytes, &room.card.verifier()?).integrity(format!("{}", path.display()))?;
    table(&verified, out);
    out.line(format!("  Release file: {}", place(path)));
    Ok(verified.answer)
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
    let from = answer.selection.map_or_else(|| i64::from(answer.minimum_persons), |selection| selection.threshold);
    let keys = answer.columns.iter().filter(|c| matches!(c.kind, ColumnKind::Key(_))).count();
    let digits = column_digits(answer);
    let released = answer.cells.iter().filter(|c| c.status == Status::Released);
    let rows: Vec<Vec<String>> = released.map(|cell| row(answer, cell, &digits)).collect();
    if rows.is_empty() {
        out.line(format!("  No group had {from} persons: nothing can be shown. The charge stands.",));
    } else {
        out.table(&headers.iter().map(String::as_str).collect::<Vec<_>>(), keys, &rows);
    }
    let hidden: Vec<String> =
        answer.cells.iter().filter(|c| c.status == Status::Suppressed).map(|cell| group(answer, cell)).collect();
    if !hidden.is_empty() {
        let (first, more) = hidden.split_at(hidden.len().min(3));
        let more = if more.is_empty() { String::new() } else { format!("; and {} more", more.len()) };
        out.line(format!("  Not shown, fewer than {from} persons (counted with noise): {}{more}", first.join("; ")));
    }
    match &answer.selection {
        Some(selection) if answer.keys.iter().any(|key| key.open) && selection.least == 1 => {
            out.line(format!("  Groups of fewer than {from} persons (counted with noise) are not listed."));
        }
        Some(selection) if selection.always => {
            out.line(format!("  Every group shown has {} persons or more, truly counted.", selection.least));
        }
        Some(selection) => out.line(format!(
            "  Every group shown has {} persons or more, truly counted, but with a probability of {}.",
            selection.least, selection.failure
        )),
        None => {}
    }
    let price = &answer.origin.price;
    out.line(format!(
        "  Every number carries noise: this answer is (ε = {}, δ = {})-differentially private. Released at {}.",
        price.epsilon(),
        price.delta(),
        verified.slot
    ));
    for test in &answer.tests {
        let p = if test.p < 0.0001 { "p < 0.0001".to_owned() } else { format!("p = {:.4}", test.p) };
        out.line(format!(
            "  {} test between {} groups: χ² = {:.2}, {} degrees of freedom, {p} (the noise counted as variance).",
            test.name, test.groups, test.chi_square, test.degrees
        ));
    }
    if answer.cells.iter().any(|c| c.values.iter().flatten().any(|v| v.value < 0.0)) {
        out.line("  A count below zero is noise: read it as few or none.");
    }
    chart(answer, out);
}

fn row(answer: &Answer, cell: &Cell, digits: &[usize]) -> Vec<String> {
    let mut values = cell.values.iter().zip(digits);
    let mut row = Vec::new();
    for column in &answer.columns {
        if let ColumnKind::Key(k) = column.kind {
            row.push(label(answer, k, cell));
        } else if let Some((v, digits)) = values.next() {
            match v {
                Some(v) => {
                    row.push(number(v.value, *digits));
                    row.push(format!("{} – {}", number(v.interval[0], *digits), number(v.interval[1], *digits)));
                }
                None => row.extend(["?".to_owned(), "no statement".to_owned()]),
            }
        }
    }
    row
}

/// Decimals of each measure: none for counts, otherwise as many as the smallest noise leaves meaning in.
fn column_digits(answer: &Answer) -> Vec<usize> {
    let measures = answer.columns.iter().filter(|c| !matches!(c.kind, ColumnKind::Key(_)));
    let smallest = |i: usize| {
        answer.cells.iter().filter_map(|c| c.values.get(i)?.as_ref()).map(|v| v.sd).fold(f64::INFINITY, f64::min)
    };
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
    if value == "NULL" { "no value".to_owned() } else { meaning.map_or(value, String::as_str).to_owned() }
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
            let v = cell.values.get(last)?.as_ref()?;
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
