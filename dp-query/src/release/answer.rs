//! The answer as people and programs read it: one row per cell of the closed domain, released or suppressed, with error bars. Computed
//! from noisy integers only; nothing here has ever seen an exact one.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use policies::{Digest, Price};
use serde::{Deserialize, Serialize};

use super::written::{decimals, near, rounded};
use crate::check::ALL;
use crate::engine::Place;
use crate::formula::{self, Desk, Table, gathered};
use crate::plan::{Key, OutputKind, Plan};
use crate::quote::{Quote, QuoteError, Selection};

/// The format's name and version.
pub const FORMAT: &str = "sudare-answer/1";

/// What the answer belongs to. Every field is bound by the intent in the log or by the request's signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Origin {
    /// The room's name.
    pub room: String,
    /// Project id.
    pub project: String,
    /// Name on the researcher's card.
    pub researcher: String,
    /// Id of the request.
    pub request: Digest,
    /// Digest of the plan.
    pub plan: Digest,
    /// Digest of the policy.
    pub policy: Digest,
    /// Keyed digest of the store.
    pub snapshot: String,
    /// Log entry of the intent.
    pub intent: u64,
    /// What was charged, and what this answer alone guarantees.
    pub price: Price,
}

/// A released table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// [`FORMAT`].
    pub format: String,
    /// What the answer belongs to.
    pub origin: Origin,
    /// Cells with fewer noisy persons are suppressed.
    pub minimum_persons: u32,
    /// Which groups are shown, where the minimum is more than a number that is held against noisy ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selection: Option<Selection>,
    /// Least probability with which each interval holds, as text.
    pub confidence: String,
    /// Grouping keys with their closed lists.
    pub keys: Vec<AnswerKey>,
    /// Columns in the order of the SELECT list.
    pub columns: Vec<Column>,
    /// Every cell of the closed domain, last key fastest (of every level of GROUPING SETS, ROLLUP and CUBE, one after the other; a dropped
    /// key is `ALL`); or those that HAVING and LIMIT keep, in the order asked for, and behind them the
    /// suppressed ones. Where the groups come from the data: those that are shown, sorted by their keys.
    pub cells: Vec<Cell>,
    /// Tests over the released cells.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tests: Vec<Test>,
}

/// A test that compares groups, computed from the noisy table of their curves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Test {
    /// `log-rank`.
    pub name: String,
    /// The first column of the curves.
    pub column: String,
    /// How many groups took part: those that are released.
    pub groups: usize,
    /// χ², its variance enlarged by that of the noise.
    pub chi_square: f64,
    /// Degrees of freedom.
    pub degrees: u32,
    /// Probability of a χ² at least as large if the groups don't differ.
    pub p: f64,
}

/// A grouping key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnswerKey {
    /// Name.
    pub name: String,
    /// Whether its values come from the data.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub open: bool,
    /// The closed list; of an open key the values that are shown.
    pub values: Vec<String>,
    /// What each value means in words; may be empty texts.
    pub meanings: Vec<String>,
}

/// A column of the answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// Name.
    pub name: String,
    /// What it shows.
    pub kind: ColumnKind,
}

/// What a column shows. All but keys take the next of [`Cell::values`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnKind {
    /// The key of this number.
    Key(usize),
    /// A noisy count.
    Count,
    /// A noisy sum.
    Sum,
    /// Noisy sum over noisy count.
    Mean,
    /// Computed from released statistics: a ratio, a variance, a quantile, a point of a curve.
    Number,
}

/// Whether a cell is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Shown.
    Released,
    /// Its noisy number of persons is below the minimum: nothing of it is shown.
    Suppressed,
}

/// One cell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cell {
    /// Values of the keys, in the order of [`Answer::keys`].
    pub keys: Vec<String>,
    /// Shown or not.
    pub status: Status,
    /// One per column that is no key; empty if suppressed. None where the noise leaves no statement, as in a ratio whose divisor can't be told
    /// from zero.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<Option<Value>>,
}

/// A noisy value and how far it may be off.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Value {
    /// The noisy value.
    pub value: f64,
    /// Standard deviation of the noise (of a mean: by the delta method).
    pub sd: f64,
    /// Holds the bounded value of these very persons with the stated confidence or more.
    pub interval: [f64; 2],
    /// The same if these persons are a random sample of a population: the sampling variance is bounded from the public bounds of one
    /// person's contribution, so that the interval is wide rather than wrong.
    pub population: [f64; 2],
}

/// Noisy integers.
pub(crate) struct Noisy {
    /// By level, where they are apart (else there is one), then by statistic, then by cell and node.
    pub(crate) levels: Vec<Vec<Vec<i64>>>,
    /// Which of the vectors' cells each cell of the finest level is; None for a cell that isn't shown.
    pub(crate) cells: Vec<Option<usize>>,
    /// Where the groups come from the data: the names of those that are shown, sorted.
    pub(crate) found: Option<Vec<Vec<Place>>>,
    /// Whether these are the cells that are shown; else their noisy numbers of persons decide.
    pub(crate) decided: bool,
}

/// Builds the answer from noisy statistics.
pub(crate) fn assemble(origin: Origin, plan: &Plan, quote: &Quote, released: &Noisy) -> Result<Answer, QuoteError> {
    let columns = plan.outputs().iter().map(|output| Column {
        name: output.name.clone(),
        kind: match output.what {
            OutputKind::Key(key) => ColumnKind::Key(key),
            OutputKind::Count(_) | OutputKind::Bin { .. } => ColumnKind::Count,
            OutputKind::Sum { .. } => ColumnKind::Sum,
            OutputKind::Mean { .. } => ColumnKind::Mean,
            _ => ColumnKind::Number,
        },
    });
    let keys = keys(plan, released);
    let parts = plan.parts();
    let desks: Vec<Desk<'_>> = parts.iter().zip(quote.levels()).map(|(part, lines)| Desk::new(part, lines)).collect();
    let mut rows = Vec::with_capacity(plan.cells());
    for (part, level, places) in cells_of(plan, released, &keys) {
        let lost = || QuoteError::Plan("list of levels");
        let (desk, lines) = desks.get(part).zip(quote.levels().nth(part)).ok_or_else(lost)?;
        let vectors = released.levels.get(part).ok_or_else(lost)?;
        let mut noisy = formula::Cell { noisy: Vec::new(), copies: 0 };
        let mut all = true;
        let outputs = plan.outputs().iter().filter(|output| !matches!(output.what, OutputKind::Key(_)));
        let outputs: Vec<(&OutputKind, i32)> =
            outputs.map(|output| (&output.what, decimals(plan, &output.what))).collect();
        // Sums as they are written, so that those of a total are the sums of its cells'.
        let mut written = vec![Some(0.0); outputs.len()];
        for cell in &places {
            let Some(cell) = released.cells.get(*cell).copied().flatten() else {
                all = false;
                continue;
            };
            let cell = gathered(lines, vectors, cell).ok_or(QuoteError::Plan("list of statistics"))?;
            for (written, (what, decimals)) in written.iter_mut().zip(&outputs) {
                let value = desk.sum_of(what, &cell).map(|value| near(value, *decimals));
                *written = written.zip(value).map(|(sum, value)| sum + value);
            }
            add(&mut noisy, cell);
        }
        // Statistic 0 is the number of persons: its noisy value alone decides, so that the decision is post-processing.
        let shown = all && (released.decided || noisy.persons() >= quote.shown_from() as f64);
        let value = |((what, decimals), written): (&(&OutputKind, i32), &Option<f64>)| {
            let estimate = desk.estimate(what, &noisy)?;
            rounded(&written.map_or(estimate, |sum| estimate.with(sum)), *decimals)
        };
        let values = if shown { outputs.iter().zip(&written).map(value).collect() } else { Vec::new() };
        let named = level.iter().zip(&keys);
        let names = named.map(|(place, key)| match place {
            Some(place) => key.values.get(*place).cloned().unwrap_or_default(),
            None => ALL.to_owned(),
        });
        let status = if shown { Status::Released } else { Status::Suppressed };
        let cell = Cell { keys: names.collect(), status, values };
        rows.push(Row { part, places: level, noisy, cell });
    }
    let tests = tests(plan, quote, &rows);
    let cells = view(plan, &desks, rows);
    Ok(Answer {
        format: FORMAT.to_owned(),
        origin,
        minimum_persons: quote.minimum_persons(),
        selection: quote.selection().copied(),
        confidence: "0.95".to_owned(),
        keys,
        columns: columns.collect(),
        cells,
        tests,
    })
}

/// The keys with their lists; of an open key the values that are shown.
fn keys(plan: &Plan, released: &Noisy) -> Vec<AnswerKey> {
    let of = |(number, key): (usize, &Key)| {
        let mut values = key.values.clone();
        if key.open.is_some() {
            let shown = released.found.iter().flatten().filter_map(|group| match group.get(number) {
                Some(Place::Open(name)) => Some(name.clone()),
                _ => None,
            });
            values = shown.collect::<BTreeSet<_>>().into_iter().collect();
        }
        let meanings = if key.open.is_some() { vec![String::new(); values.len()] } else { key.meanings.clone() };
        AnswerKey { name: key.name.clone(), open: key.open.is_some(), values, meanings }
    };
    plan.keys().iter().enumerate().map(of).collect()
}

/// A cell with what it was made of.
struct Row {
    /// The level that it is of, where they are apart.
    part: usize,
    /// Positions in the keys' lists; None where the level drops the key.
    places: Vec<Option<usize>>,
    noisy: formula::Cell,
    cell: Cell,
}

/// A combination of keys (None for those that its level drops), the part that it is computed in, and the cells there of which it is made.
type Spot = (usize, Vec<Option<usize>>, Vec<usize>);

/// Per level, each combination of the keys it keeps with the cells of the finest level; levels that are apart have cells of their own.
/// Without levels the cells themselves.
fn cells_of(plan: &Plan, released: &Noisy, keys: &[AnswerKey]) -> Vec<Spot> {
    if plan.levels_apart() {
        let parts = plan.parts();
        let of = |(number, (part, kept)): (usize, (&Cow<'_, Plan>, &Vec<bool>))| -> Vec<Spot> {
            let places = |cell: usize| {
                let mut inside = 0..;
                kept.iter().map(|kept| if *kept { part.position(cell, inside.next()?) } else { None }).collect()
            };
            (0..part.cells()).map(|cell| (number, places(cell), vec![cell])).collect()
        };
        return parts.iter().zip(plan.levels()).enumerate().flat_map(of).collect();
    }
    if let Some(found) = &released.found {
        let place = |(place, key): (&Place, &AnswerKey)| match place {
            Place::Closed(at) => Some(*at),
            Place::Open(name) => key.values.binary_search(name).ok(),
        };
        let named = |group: &Vec<Place>| group.iter().zip(keys).map(place).collect();
        return found.iter().map(named).zip(0..).map(|(places, cell)| (0, places, vec![cell])).collect();
    }
    let all = vec![vec![true; plan.keys().len()]];
    let levels = if plan.levels().is_empty() { &all } else { plan.levels() };
    let mut out = Vec::new();
    for level in levels {
        let mut found: BTreeMap<Vec<Option<usize>>, Vec<usize>> = BTreeMap::new();
        for cell in 0..plan.cells() {
            let place = |(key, kept): (usize, &bool)| if *kept { plan.position(cell, key) } else { None };
            found.entry(level.iter().enumerate().map(place).collect()).or_default().push(cell);
        }
        out.extend(found.into_iter().map(|(places, cells)| (0, places, cells)));
    }
    out
}

/// Noisy integers of several cells, added up.
fn add(sum: &mut formula::Cell, more: formula::Cell) {
    sum.copies += more.copies;
    if sum.noisy.is_empty() {
        sum.noisy = more.noisy;
        return;
    }
    for (sum, more) in sum.noisy.iter_mut().zip(&more.noisy) {
        sum.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
    }
}

/// HAVING, ORDER BY and LIMIT, by released values. A cell whose condition has no statement is left out, as SQL does with NULL; suppressed
/// cells stay at the end.
fn view(plan: &Plan, desks: &[Desk<'_>], rows: Vec<Row>) -> Vec<Cell> {
    let view = plan.view();
    if view.having.is_none() && view.order.is_empty() && view.limit.is_none() {
        return rows.into_iter().map(|row| row.cell).collect();
    }
    let (mut kept, hidden): (Vec<Row>, Vec<Row>) =
        rows.into_iter().partition(|row| row.cell.status == Status::Released);
    if let Some(having) = &view.having {
        kept.retain(|row| desks.get(row.part).and_then(|desk| desk.holds(having, &row.noisy)) == Some(true));
    }
    let place = |row: &Row| -> Vec<f64> {
        let of = |order: &crate::plan::Order| {
            let value = match &order.by {
                OutputKind::Key(key) => row.places.get(*key).copied().flatten().map(|at| at as f64),
                what => desks.get(row.part).and_then(|desk| desk.estimate(what, &row.noisy)).map(|found| found.value),
            };
            let value = value.unwrap_or(f64::NEG_INFINITY);
            if order.descending { -value } else { value }
        };
        view.order.iter().map(of).collect()
    };
    let mut placed: Vec<(Vec<f64>, Row)> = kept.into_iter().map(|row| (place(&row), row)).collect();
    placed.sort_by(|(a, _), (b, _)| {
        let pairs = a.iter().zip(b).map(|(a, b)| a.total_cmp(b));
        pairs.fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then)
    });
    let limit = view.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
    let shown = placed.into_iter().take(limit).map(|(_, row)| row);
    shown.chain(hidden).map(|row| row.cell).collect()
}

/// Log-rank of every table of curves, over the released cells.
fn tests(plan: &Plan, quote: &Quote, rows: &[Row]) -> Vec<Test> {
    let mut done: Vec<usize> = Vec::new();
    let mut tests = Vec::new();
    for output in plan.outputs() {
        let OutputKind::Survival { table, .. } = output.what else { continue };
        if done.contains(&table) {
            continue;
        }
        done.push(table);
        let Some(line) = quote.lines().get(table) else { continue };
        // Totals hold the others' persons once more.
        let shown =
            rows.iter().filter(|row| row.cell.status == Status::Released && row.places.iter().all(Option::is_some));
        let groups: Option<Vec<Table>> =
            shown.map(|row| Table::new(row.noisy.noisy.get(table)?, line.noise.sd())).collect();
        let Some(groups) = groups else { continue };
        if let Some((chi_square, degrees, p)) = formula::log_rank(&groups) {
            tests.push(Test {
                name: "log-rank".to_owned(),
                column: output.name.clone(),
                groups: groups.len(),
                chi_square: near(chi_square, 4),
                degrees,
                p: near(p, 6),
            });
        }
    }
    tests
}
