//! The checker: from a syntax tree to a typed plan, or a refusal that points at the spot.
//!
//! Every relation has a privacy unit (the person) and a bound on rows per person; every column has a type, bounds, a grid and,
//! if closed, its list. What can't be proven is refused. No data is read, and nothing here depends on data.

mod call;
mod codelist;
mod compare;
mod dates;
mod expr;
mod formula;
mod from;
mod function;
mod grouping;
mod key;
mod literal;
mod numeric;
mod outer;
mod person;
mod population;
mod public;
mod scope;
mod select;
mod semi;
mod spread;
mod statistic;
mod terms;
mod types;
mod window;

#[cfg(test)]
pub(crate) mod tests;

use std::collections::{BTreeMap, BTreeSet};

use datasets::catalogue::Catalogue;
use policies::{CodeLists, Population};
use sqlparser::ast::{self, Spanned};
use sqlparser::tokenizer::Span;

use crate::engine;
use crate::plan::{Cited, Options, Plan};
use crate::refusal::{Checked, Problem, Refusal};
use crate::relation::{ColumnId, Relation};
use crate::sql::{Parsed, parse, shown};
use scope::{PERSON_ID, Scan};
use semi::Semis;
use window::Windows;

/// Most tables that a question may mention, CTEs expanded.
const MOST_SCANS: usize = 64;
/// Deepest expression, and most nodes of one, repetitions included.
const DEEPEST: usize = 200;
const LARGEST: usize = 20_000;
/// Most nodes and list items looked at while checking one question. Names that stand for names double with each step, so that short
/// texts can mean much work.
const MOST_WORK: usize = 4_000_000;
/// Version of the plan's layout and meaning.
const VERSION: u32 = 5;

pub(crate) use outer::ALL;
pub(crate) use population::CONSENT;
pub use population::check_population;
pub use public::PublicFile;

/// What a question may refer to besides the catalogue.
#[derive(Debug, Clone, Copy)]
pub struct References<'r> {
    /// The room's code lists.
    pub lists: &'r CodeLists,
    /// Public files that travel with the question.
    pub public: &'r [PublicFile],
}

/// [`check_with`] the code lists that come with Sudare.
///
/// # Errors
/// A [`Refusal`] with the spot, the reason and what would pass.
pub fn check(sql: &str, catalogue: &Catalogue, project: &Population) -> Result<Plan, Refusal> {
    let lists = CodeLists::builtin().unwrap_or_default();
    check_with(sql, catalogue, project, References { lists: &lists, public: &[] })
}

/// Checks a project's question against the catalogue. Reads no data: the answer is the same whatever the store holds.
///
/// # Errors
/// A [`Refusal`] with the spot, the reason and what would pass.
pub fn check_with(
    sql: &str,
    catalogue: &Catalogue,
    project: &Population,
    references: References<'_>,
) -> Result<Plan, Refusal> {
    let plan = || {
        let Parsed { query, options, span } = parse(sql)?;
        plan(&query, options, span, sql, catalogue, project, references)
    };
    plan().map_err(|problem: Problem| problem.locate(&shown(sql)))
}

fn plan(
    query: &ast::Query,
    options: Options,
    span: Span,
    sql: &str,
    catalogue: &Catalogue,
    project: &Population,
    references: References<'_>,
) -> Checked<Plan> {
    let mut checker = Checker::new(catalogue, sql, options, references);
    let mut plan = checker.outer(query).map_err(|p| p.or_at(span))?;
    plan.catalogue = hex(&catalogue.digest());
    plan.version = VERSION;
    let mut columns = BTreeSet::new();
    checker.fill(&mut plan.relation, &mut columns);
    plan.columns = columns.into_iter().collect();
    checker.unused()?;
    plan.cited = std::mem::take(&mut checker.cited).into_iter().collect();
    plan.population = population::audience(project, &plan.columns, catalogue)?;
    if engine::sql(&plan, jiff::civil::Date::MAX).is_err() {
        return Err(Problem::new("too_complex", span, "the question is too complex")
            .why("expressions that stand inside each other many times over")
            .help("split it, or move what is repeated into a CTE"));
    }
    Ok(plan)
}

struct Checker<'a> {
    catalogue: &'a Catalogue,
    references: References<'a>,
    text: &'a str,
    options: Options,
    ctes: Vec<(String, &'a ast::Query)>,
    /// How many of the CTEs can be named here: those written before.
    visible: usize,
    used: BTreeSet<usize>,
    scans: Vec<Scan<'a>>,
    next: ColumnId,
    /// How deep the expression at hand stands inside others.
    depth: usize,
    /// Work done so far, of [`MOST_WORK`].
    work: usize,
    /// Window functions of the SELECT at hand, where there may be any.
    windows: Option<Windows>,
    /// Sets of persons that wait to be joined.
    semis: Semis,
    /// Names of the SELECT list, for QUALIFY.
    aliases: Vec<(String, &'a ast::Expr)>,
    cited: BTreeSet<Cited>,
    /// Names of the columns of CTEs that are VALUES, by number of the CTE.
    value_columns: BTreeMap<usize, Vec<&'a ast::Ident>>,
}

impl<'a> Checker<'a> {
    fn new(catalogue: &'a Catalogue, text: &'a str, options: Options, references: References<'a>) -> Self {
        Checker {
            catalogue,
            references,
            text,
            options,
            ctes: Vec::new(),
            visible: 0,
            used: BTreeSet::new(),
            scans: Vec::new(),
            next: 0,
            depth: 0,
            work: 0,
            windows: None,
            semis: Semis::default(),
            aliases: Vec::new(),
            cited: BTreeSet::new(),
            value_columns: BTreeMap::new(),
        }
    }

    fn id(&mut self) -> ColumnId {
        let id = self.next;
        self.next += 1;
        id
    }

    /// Puts the columns that were named into the scans, and lists them.
    fn fill(&self, relation: &mut Relation, read: &mut BTreeSet<(String, String)>) {
        match relation {
            Relation::Scan { number, table, columns, .. } => {
                if let Some(scan) = self.scans.get(*number) {
                    *columns = scan.columns.values().map(|(column, _)| column.clone()).collect();
                }
                read.extend(columns.iter().map(|c| (table.clone(), c.name.clone())));
                if columns.is_empty() {
                    read.insert((table.clone(), PERSON_ID.to_owned()));
                }
            }
            Relation::Filter { input, .. }
            | Relation::Project { input, .. }
            | Relation::Reduce { input, .. }
            | Relation::Window { input, .. }
            | Relation::Lookup { input, .. }
            | Relation::Cap { input, .. } => self.fill(input, read),
            Relation::Join { left, right, .. } => {
                self.fill(left, read);
                self.fill(right, read);
            }
        }
    }

    /// Refuses CTEs that nobody uses: what stewards read has an effect.
    fn unused(&mut self) -> Checked<()> {
        for index in 0..self.ctes.len() {
            if !self.used.contains(&index)
                && let Some((name, query)) = self.ctes.get(index).cloned()
            {
                let span = query.span();
                return Err(Problem::new("unused", span, format!("nothing uses `{name}`"))
                    .why("stewards approve what they read; a part without effect misleads them")
                    .help("remove it"));
            }
        }
        Ok(())
    }

    /// The researcher's words at a span on one line, for names.
    fn words(&self, span: Span) -> String {
        let place = |n: u64| usize::try_from(n).unwrap_or(1).saturating_sub(1);
        if span.start.line != span.end.line {
            return String::new();
        }
        let line: Vec<char> = self.text.lines().nth(place(span.start.line)).unwrap_or("").chars().collect();
        let (start, end) = (place(span.start.column), place(span.end.column));
        let end = crate::refusal::balanced(&line, start, end);
        line.into_iter().take(end).skip(start).filter(|c| !c.is_control()).collect()
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
