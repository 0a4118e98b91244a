//! A plan's relation as pipelines over ranges of persons: each reads a table (or, where nothing better is known, SQL) in the order in
//! which it is stored, filters, computes, looks up what is known once per person, and ends in a table of one row per person or in
//! the plan's cells. No hash tables: within a range a person is a place in an array. What no pipeline can do stays SQL.

use std::collections::HashSet;

use super::compile::{Reading, Scope, collect};
use super::relation::{self, most_rows};
use super::vector::Node;
use crate::relation::{
    Aggregate, ColumnId, Computed, Expr, PublicColumn, PublicValue, Relation, Rows, ScanColumn, ScanKind,
    WindowFunction,
};

/// Where a pipeline's rows come from.
#[derive(Debug)]
pub(super) enum Driver {
    /// A catalogue table as stored, rows of a person side by side.
    Scan { table: String, columns: Vec<ScanColumn>, readings: Vec<Reading>, stored: Vec<String>, conditions: Vec<Expr> },
    /// The engine's SQL for a relation; rows in any order.
    Sql { relation: Relation, columns: Vec<(ColumnId, usize)> },
    /// A table of persons that an earlier pipeline made.
    Table { table: usize, columns: Vec<(usize, usize)> },
}

#[derive(Debug)]
pub(super) enum Step {
    /// Rows for which this is true.
    Filter(Node),
    /// New columns, by place.
    Compute(Vec<(usize, Node)>),
    /// Rows of persons who count.
    Counts,
    /// Columns (from, to) of the person's row in a table; without one the row goes, or is alone if `outer`.
    Attach { table: usize, outer: bool, on: Option<Node>, columns: Vec<(usize, usize)>, present: Option<usize> },
}

/// What becomes of the rows.
#[derive(Debug)]
pub(super) enum Sink {
    /// One row per person: the columns of these places.
    Table { table: usize, places: Vec<usize> },
    /// Aggregates within a person.
    Reduce { table: usize, aggregates: Vec<Folded> },
    /// The plan's cells.
    Cells,
}

/// An aggregate over compiled arguments.
#[derive(Debug)]
pub(super) enum Folded {
    Rows,
    Count(Node),
    CountIf(Node),
    Sum(Node),
    Mean(Node),
    Least(Node),
    Greatest(Node),
    Truth { input: Node, any: bool },
    ValueBy { value: Node, by: Node, last: bool },
}

#[derive(Debug)]
pub(super) struct Pipeline {
    pub(super) driver: Driver,
    pub(super) steps: Vec<Step>,
    pub(super) scope: Scope,
    pub(super) sink: Sink,
    /// Whether the driver's rows carry draws.
    pub(super) draws: bool,
}

/// What earlier pipelines left: per table, its columns and their ranges.
type Known = Vec<(ColumnId, Option<(i64, i64)>)>;

#[derive(Debug, Default)]
pub(super) struct Flow {
    pub(super) pipelines: Vec<Pipeline>,
    pub(super) tables: Vec<Known>,
    /// Columns that something reads.
    needed: HashSet<ColumnId>,
    /// Columns that are no numbers.
    text: HashSet<ColumnId>,
}

impl Flow {
    pub(super) fn new(relation: &Relation, further: &[&Expr]) -> Self {
        let mut flow = Self::default();
        further.iter().for_each(|e| collect(e, &mut flow.needed));
        flow.survey(relation);
        flow
    }

    /// Which columns are read, and which are text or keys (a computed column that holds one counts too).
    fn survey(&mut self, node: &Relation) {
        match node {
            Relation::Scan { columns, .. } => {
                let text = columns.iter().filter(|c| matches!(c.kind, ScanKind::Code | ScanKind::Key));
                self.text.extend(text.map(|c| c.id));
            }
            Relation::Filter { input, predicate } => {
                self.survey(input);
                collect(predicate, &mut self.needed);
            }
            Relation::Project { input, columns } => {
                self.survey(input);
                columns.iter().for_each(|computed| self.computed(computed));
            }
            Relation::Reduce { input, keys, aggregates, .. } => {
                self.survey(input);
                keys.iter().for_each(|computed| self.computed(computed));
                for reduced in aggregates {
                    for e in arguments(&reduced.aggregate) {
                        collect(e, &mut self.needed);
                        if textual(e, &self.text) && hands_on(&reduced.aggregate) {
                            self.text.insert(reduced.id);
                        }
                    }
                }
            }
            Relation::Join { left, right, on, .. } => {
                self.survey(left);
                self.survey(right);
                on.iter().for_each(|on| collect(on, &mut self.needed));
            }
            // These are SQL as a whole, with all that lies under them.
            Relation::Window { input, columns } => {
                self.survey(input);
                for column in columns {
                    let hands_on = match &column.function {
                        WindowFunction::RowNumber => Vec::new(),
                        WindowFunction::Lag { input, .. } | WindowFunction::Lead { input, .. } => vec![input],
                        WindowFunction::First(input) | WindowFunction::Last(input) => vec![input],
                        WindowFunction::Aggregate(aggregate) => arguments(aggregate),
                    };
                    if hands_on.iter().any(|e| textual(e, &self.text)) {
                        self.text.insert(column.id);
                    }
                }
            }
            Relation::Lookup { input, table, .. } => {
                self.survey(input);
                let text = |column: &&PublicColumn| column.values.iter().any(|v| matches!(v, PublicValue::Code(_)));
                self.text.extend(table.columns.iter().filter(text).map(|column| column.id));
            }
            Relation::Cap { input, .. } => self.survey(input),
        }
    }

    fn computed(&mut self, computed: &Computed) {
        collect(&computed.expr, &mut self.needed);
        if textual(&computed.expr, &self.text) {
            self.text.insert(computed.id);
        }
    }

    /// The rows of a relation, still without a sink.
    pub(super) fn pipeline(&mut self, node: &Relation) -> Option<Pipeline> {
        let before = (self.pipelines.len(), self.tables.len());
        self.native(node).or_else(|| {
            self.pipelines.truncate(before.0);
            self.tables.truncate(before.1);
            self.sql(node)
        })
    }

    fn native(&mut self, node: &Relation) -> Option<Pipeline> {
        match node {
            Relation::Scan { table, columns, rows, .. } => Some(scan(table, columns, *rows)),
            Relation::Filter { input, predicate } => {
                let mut pipeline = self.pipeline(input)?;
                let parts = match predicate {
                    Expr::And(parts) => parts.as_slice(),
                    other => std::slice::from_ref(other),
                };
                for part in parts {
                    pipeline.filter(part)?;
                }
                Some(pipeline)
            }
            Relation::Project { input, columns } => {
                let mut pipeline = self.pipeline(input)?;
                let mut computed = Vec::new();
                for new in columns.iter().filter(|new| self.needed.contains(&new.id)) {
                    // A copy of a code stays a code of the scan: whoever reads it asks for SQL.
                    let node = pipeline.scope.compile(&new.expr)?;
                    let domain = pipeline.scope.domain(&node);
                    computed.push((pipeline.scope.learn(new.id, domain), node));
                }
                pipeline.steps.push(Step::Compute(computed));
                Some(pipeline)
            }
            Relation::Reduce { input, keys, aggregates, .. } if keys.is_empty() => {
                let mut pipeline = self.pipeline(input)?;
                let (mut folded, mut known) = (Vec::new(), Known::new());
                for reduced in aggregates.iter().filter(|reduced| self.needed.contains(&reduced.id)) {
                    let (aggregate, domain) = fold(&reduced.aggregate, &mut pipeline.scope)?;
                    folded.push(aggregate);
                    known.push((reduced.id, domain));
                }
                let table = self.tables.len();
                self.tables.push(known);
                pipeline.sink = Sink::Reduce { table, aggregates: folded };
                // Within a person no row is chosen by its draw.
                pipeline.draws = false;
                self.pipelines.push(pipeline);
                Some(self.over(table))
            }
            Relation::Join { left, right, outer, on, present, .. } => {
                let (one_left, one_right) = (most_rows(left) == Some(1), most_rows(right) == Some(1));
                let (driven, looked_up, present) = match (one_left, one_right) {
                    (_, true) => (left, right, outer.then_some(*present)),
                    (true, false) if !*outer => (right, left, None),
                    _ => return None,
                };
                let table = self.table(looked_up)?;
                let mut pipeline = self.pipeline(driven)?;
                let columns = self.tables.get(table)?.clone();
                let columns =
                    columns.iter().enumerate().map(|(from, (id, domain))| (from, pipeline.scope.learn(*id, *domain)));
                let columns: Vec<(usize, usize)> = columns.collect();
                let on = match on {
                    Some(on) => Some(pipeline.scope.compile(on)?),
                    None => None,
                };
                let present = present.map(|id| pipeline.scope.learn(id, Some((0, 1))));
                pipeline.steps.push(Step::Attach { table, outer: *outer, on, columns, present });
                Some(pipeline)
            }
            _ => None,
        }
    }

    /// A pipeline whose rows are SQL's.
    fn sql(&self, node: &Relation) -> Option<Pipeline> {
        let mut scope = Scope::default();
        let wanted = relation::columns(node).into_iter().filter(|id| self.needed.contains(id));
        let mut list = Vec::new();
        for id in wanted {
            if !self.text.contains(&id) {
                list.push((id, scope.learn(id, None)));
            }
        }
        let driver = Driver::Sql { relation: node.clone(), columns: list };
        Some(Pipeline { driver, steps: Vec::new(), scope, sink: Sink::Cells, draws: relation::draws(node) })
    }

    /// A relation of one row per person as a table.
    fn table(&mut self, node: &Relation) -> Option<usize> {
        let mut pipeline = self.pipeline(node)?;
        if let Driver::Table { table, .. } = &pipeline.driver
            && pipeline.steps.is_empty()
        {
            return Some(*table);
        }
        let ids = relation::columns(node).into_iter().filter(|id| self.needed.contains(id) && !self.text.contains(id));
        let (mut known, mut places) = (Known::new(), Vec::new());
        for id in ids {
            let found = *pipeline.scope.known.get(&id)?;
            known.push((id, found.domain));
            places.push(found.place);
            pipeline.scope.used.insert(found.place);
        }
        let table = self.tables.len();
        self.tables.push(known);
        pipeline.sink = Sink::Table { table, places };
        pipeline.draws = false;
        self.pipelines.push(pipeline);
        Some(table)
    }

    /// The rows of a table.
    fn over(&self, table: usize) -> Pipeline {
        let mut scope = Scope::default();
        let known = self.tables.get(table).map(Vec::as_slice).unwrap_or_default();
        let columns = known.iter().enumerate().map(|(from, (id, domain))| (from, scope.learn(*id, *domain))).collect();
        Pipeline { driver: Driver::Table { table, columns }, steps: Vec::new(), scope, sink: Sink::Cells, draws: false }
    }
}

/// Whether an expression may have text or a key as its value.
fn textual(e: &Expr, text: &HashSet<ColumnId>) -> bool {
    match e {
        Expr::Column(id) => text.contains(id),
        Expr::Prefix { .. } => true,
        Expr::Case { arms, otherwise } => {
            textual(otherwise, text) || arms.iter().any(|(_, value)| textual(value, text))
        }
        Expr::Extreme { left, right, .. } => textual(left, text) || textual(right, text),
        _ => false,
    }
}

fn scan(table: &str, columns: &[ScanColumn], rows: Rows) -> Pipeline {
    let mut scope = Scope::default();
    let readings = columns.iter().filter_map(|column| Reading::of(column, &mut scope)).collect();
    scope.scanned = columns.iter().map(|column| column.id).collect();
    let driver = Driver::Scan {
        table: table.to_owned(),
        columns: columns.to_vec(),
        readings,
        stored: Vec::new(),
        conditions: Vec::new(),
    };
    Pipeline { driver, steps: Vec::new(), scope, sink: Sink::Cells, draws: rows != Rows::One }
}

/// Whether an aggregate's result is one of its arguments.
fn hands_on(aggregate: &Aggregate) -> bool {
    matches!(aggregate, Aggregate::Min(_) | Aggregate::Max(_) | Aggregate::ValueBy { .. })
}

fn arguments(aggregate: &Aggregate) -> Vec<&Expr> {
    match aggregate {
        Aggregate::CountRows => Vec::new(),
        Aggregate::Count(e)
        | Aggregate::CountIf(e)
        | Aggregate::CountDistinct(e)
        | Aggregate::Sum(e)
        | Aggregate::Mean(e)
        | Aggregate::Min(e)
        | Aggregate::Max(e)
        | Aggregate::Truth { input: e, .. } => vec![e],
        Aggregate::ValueBy { value, by, .. } => vec![value, by],
    }
}

fn fold(aggregate: &Aggregate, scope: &mut Scope) -> Option<(Folded, Option<(i64, i64)>)> {
    let mut node = |e: &Expr| {
        let node = scope.compile(e)?;
        let domain = scope.domain(&node);
        Some((node, domain))
    };
    Some(match aggregate {
        Aggregate::CountRows => (Folded::Rows, None),
        Aggregate::Count(e) => (Folded::Count(node(e)?.0), None),
        Aggregate::CountIf(e) => (Folded::CountIf(node(e)?.0), None),
        Aggregate::Sum(e) => (Folded::Sum(node(e)?.0), None),
        Aggregate::Mean(e) => (Folded::Mean(node(e)?.0), None),
        Aggregate::Min(e) => {
            let (node, domain) = node(e)?;
            (Folded::Least(node), domain)
        }
        Aggregate::Max(e) => {
            let (node, domain) = node(e)?;
            (Folded::Greatest(node), domain)
        }
        Aggregate::Truth { input, any } => (Folded::Truth { input: node(input)?.0, any: *any }, Some((0, 1))),
        Aggregate::ValueBy { value, by, last, .. } => {
            let (value, domain) = node(value)?;
            (Folded::ValueBy { value, by: node(by)?.0, last: *last }, domain)
        }
        Aggregate::CountDistinct(_) => return None,
    })
}
