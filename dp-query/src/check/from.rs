//! FROM: tables, CTEs, subqueries, and joins of rows of the same person.

use sqlparser::ast::{self, BinaryOperator, JoinConstraint, JoinOperator, Spanned, TableFactor};
use sqlparser::tokenizer::Span;

use super::expr::{Context, join};
use super::scope::{PERSON_ID, Scan, Scope, ScopeTable, Source};
use super::{Checker, MOST_SCANS};
use crate::refusal::{Checked, Problem, list};
use crate::relation::{Expr, Relation, Rows};

/// Most rows per person that a join of two many-rows relations may make.
const MOST_PAIRS: u64 = 1_000_000;

impl<'a> Checker<'a> {
    /// The relation of a FROM clause, and its names.
    pub(crate) fn from(&mut self, from: &'a [ast::TableWithJoins], span: Span) -> Checked<(Relation, Scope)> {
        let [one] = from else {
            return match from.get(1) {
                Some(second) => Err(Problem::new("join", second.span(), "tables are joined by JOIN")
                    .why("a comma pairs everybody with everybody")
                    .help("JOIN … USING (person_id)")),
                None => {
                    Err(Problem::new("syntax", span, "FROM is missing")
                        .why("every row belongs to a person of some table"))
                }
            };
        };
        self.no_public(&one.relation)?;
        let (mut relation, table) = self.table(&one.relation)?;
        let mut scope = Scope::default();
        scope.tables.push(table);
        for next in &one.joins {
            relation = match self.is_public(&next.relation) {
                true => self.lookup(relation, &mut scope, next)?,
                false => self.join(relation, &mut scope, next)?,
            };
        }
        Ok((relation, scope))
    }

    fn table(&mut self, factor: &'a TableFactor) -> Checked<(Relation, ScopeTable)> {
        let span = factor.span();
        let odd = || {
            Problem::new("unsupported", span, "this isn't a table of the language")
                .help("a table of the catalogue, a CTE, or (SELECT person_id, … ) AS name")
        };
        match factor {
            TableFactor::Table {
                name,
                alias,
                args,
                with_hints,
                version,
                with_ordinality,
                partitions,
                json_path,
                sample,
                index_hints,
            } => {
                if sample.is_some() {
                    return Err(Problem::new("unsupported", span, "TABLESAMPLE isn't part of the language")
                        .why("the answer would depend on chance outside the mechanism")
                        .help(
                            "max_rows_contributed = 10 in OPTIONS keeps that many rows per person, by stored draws",
                        ));
                }
                if args.is_some()
                    || !with_hints.is_empty()
                    || version.is_some()
                    || *with_ordinality
                    || !partitions.is_empty()
                    || json_path.is_some()
                    || !index_hints.is_empty()
                {
                    return Err(odd());
                }
                let [ast::ObjectNamePart::Identifier(ident)] = name.0.as_slice() else {
                    return Err(Problem::new("unknown_table", span, "a table has a plain name")
                        .help(format!("there are {}", list(&self.names()))));
                };
                let alias = alias_name(alias.as_ref())?.unwrap_or_else(|| ident.value.clone());
                self.named(&ident.value, alias, span)
            }
            TableFactor::Derived { lateral: false, subquery, alias, sample: None } => {
                let alias = alias_name(alias.as_ref())?.unwrap_or_default();
                let sub = self.subquery(subquery)?;
                let constant = sub.relation.rows() == Rows::One;
                Ok((
                    sub.relation,
                    ScopeTable {
                        name: alias,
                        source: Source::Columns(sub.columns),
                        present: None,
                        constant,
                        public: false,
                    },
                ))
            }
            TableFactor::NestedJoin { .. } => {
                Err(Problem::new("unsupported", span, "joins stand in a row, without parentheses")
                    .help("FROM a JOIN b USING (person_id) JOIN c USING (person_id)"))
            }
            _ => Err(odd()),
        }
    }

    fn named(&mut self, name: &str, alias: String, span: Span) -> Checked<(Relation, ScopeTable)> {
        let cte = self.ctes.iter().take(self.visible).position(|(cte, _)| cte.eq_ignore_ascii_case(name));
        if let Some(index) = cte
            && let Some((_, query)) = self.ctes.get(index).cloned()
        {
            self.used.insert(index);
            // A CTE sees those before it; each mention is checked anew, so that its columns are its own.
            let visible = std::mem::replace(&mut self.visible, index);
            let sub = self.subquery(query);
            self.visible = visible;
            let sub = sub?;
            let constant = sub.relation.rows() == Rows::One;
            return Ok((
                sub.relation,
                ScopeTable {
                    name: alias,
                    source: Source::Columns(sub.columns),
                    present: None,
                    constant,
                    public: false,
                },
            ));
        }
        let catalogue = self.catalogue;
        let found = catalogue.tables().iter().find(|t| t.name.eq_ignore_ascii_case(name));
        let Some(table) = found else {
            let names = self.names();
            let near = names.iter().map(|n| (super::scope::distance(n, &name.to_ascii_lowercase()), n)).min();
            let help = match near {
                Some((d, near)) if d <= 2 => format!("did you mean `{near}`?"),
                _ => format!("there are {}", list(&names)),
            };
            return Err(Problem::new("unknown_table", span, format!("there is no table `{name}`")).help(help));
        };
        if self.scans.len() >= MOST_SCANS {
            return Err(Problem::new(
                "too_complex",
                span,
                format!("more than {MOST_SCANS} mentions of tables, CTEs expanded"),
            ));
        }
        let rows = match table.rows {
            datasets::catalogue::RowsPerPerson::One => Rows::One,
            datasets::catalogue::RowsPerPerson::Many => Rows::Unbounded,
        };
        let number = self.scans.len();
        self.scans.push(Scan { table, columns: Default::default() });
        let relation = Relation::Scan { number, table: table.name.clone(), rows, columns: Vec::new() };
        Ok((
            relation,
            ScopeTable {
                name: alias,
                source: Source::Scan(number),
                present: None,
                constant: rows == Rows::One,
                public: false,
            },
        ))
    }

    fn names(&self) -> Vec<String> {
        let ctes = self.ctes.iter().take(self.visible).map(|(name, _)| name.clone());
        ctes.chain(self.catalogue.tables().iter().map(|t| t.name.clone())).collect()
    }

    fn join(&mut self, left: Relation, scope: &mut Scope, next: &'a ast::Join) -> Checked<Relation> {
        let span = next.span();
        let (outer, constraint) = match &next.join_operator {
            JoinOperator::Join(c) | JoinOperator::Inner(c) => (false, c),
            JoinOperator::Left(c) | JoinOperator::LeftOuter(c) => (true, c),
            JoinOperator::Right(_) | JoinOperator::RightOuter(_) | JoinOperator::FullOuter(_) => {
                return Err(Problem::new("join", span, "only LEFT JOIN keeps rows without a partner")
                    .help("put the table whose persons all stay on the left: FROM person LEFT JOIN …"));
            }
            _ => {
                return Err(Problem::new("join", span, "this join isn't part of the language")
                    .why("rows meet only rows of the same person")
                    .help("JOIN … USING (person_id), LEFT JOIN … USING (person_id)"));
            }
        };
        let (right, mut table) = self.table(&next.relation)?;
        if scope.tables.iter().any(|t| !t.name.is_empty() && t.name.eq_ignore_ascii_case(&table.name)) {
            return Err(Problem::new("ambiguous", span, format!("two tables are called `{}`", table.name))
                .help("… AS another name"));
        }
        let (left, right, rows) = self.multiply(left, right, outer, span)?;
        let right_rows = right.rows();
        let name = table.name.clone();
        let present = self.id();
        table.constant = false;
        scope.tables.push(table);
        let on = match constraint {
            JoinConstraint::Using(columns) => match columns.as_slice() {
                [only] if only.to_string().eq_ignore_ascii_case(PERSON_ID) => None,
                _ => {
                    return Err(needs_person(span)
                        .help("USING (person_id); further conditions go into ON a.person_id = b.person_id AND …"));
                }
            },
            JoinConstraint::On(condition) => self.on(condition, scope, &name)?,
            JoinConstraint::Natural | JoinConstraint::None => return Err(needs_person(span)),
        };
        // Outside the condition the right side of a LEFT JOIN can be missing. A right side of one row is the same for all rows of
        // its person, unless a further condition makes it come and go with the left row.
        let steady = !outer || on.is_none() || left.rows() == Rows::One;
        if let Some(table) = scope.tables.last_mut() {
            table.present = outer.then_some(present);
            table.constant = right_rows == Rows::One && steady;
        }
        if !outer && let Some(on) = &on {
            scope.narrow(on);
        }
        Ok(Relation::Join { left: Box::new(left), right: Box::new(right), outer, on, present, rows })
    }

    /// Bounds rows per person of a join; caps both sides by draws where it could multiply without bound.
    fn multiply(
        &self,
        left: Relation,
        right: Relation,
        outer: bool,
        span: Span,
    ) -> Checked<(Relation, Relation, Rows)> {
        let at_least = |rows: u64| if outer { rows.max(1) } else { rows };
        let (a, b) = (left.rows(), right.rows());
        if a == Rows::One || b == Rows::One {
            let many = if a == Rows::One { b } else { a };
            return Ok((left, right, many));
        }
        if let (Some(a), Some(b)) = (a.bound(), b.bound())
            && a.saturating_mul(b) <= MOST_PAIRS
        {
            return Ok((left, right, Rows::at_most(at_least(a * b))));
        }
        let Some(cap) = self.options.max_rows_contributed.map(u64::from) else {
            return Err(Problem::new("rows", span, "this join can multiply rows without bound")
                .why(format!("the left side has {a}, the right side {b}"))
                .help(
                    "reduce one side to a row per person in a CTE (GROUP BY person_id), or set \
                 max_rows_contributed in OPTIONS: each side is then capped by stored draws",
                ));
        };
        let bounded = |relation: Relation| match relation.rows().bound() {
            Some(k) if k <= cap => (relation, k),
            _ => (Relation::Cap { input: Box::new(relation), rows: cap }, cap),
        };
        let ((left, a), (right, b)) = (bounded(left), bounded(right));
        let pairs = a.saturating_mul(b);
        if pairs > MOST_PAIRS {
            return Err(Problem::new("rows", span, format!("this join makes up to {pairs} rows per person"))
                .why(format!("at most {MOST_PAIRS} are computed"))
                .help("a smaller max_rows_contributed, or a CTE with GROUP BY person_id"));
        }
        Ok((left, right, Rows::at_most(at_least(pairs))))
    }

    /// `ON a.person_id = b.person_id AND further`: the further condition, if any.
    fn on(&mut self, condition: &'a ast::Expr, scope: &Scope, right: &str) -> Checked<Option<Expr>> {
        let mut parts = Vec::new();
        conjuncts(condition, &mut parts);
        let same_person = parts.iter().position(|e| is_same_person(e, scope, right));
        let Some(same_person) = same_person else { return Err(needs_person(condition.span())) };
        parts.remove(same_person);
        let cx = Context { scope, grouping: None };
        let typed = parts.into_iter().map(|e| self.condition(cx, e)).collect::<Checked<Vec<_>>>()?;
        if !self.semis.rows.is_empty() {
            return Err(Problem::new("unsupported", condition.span(), "IN (SELECT …) and EXISTS can't stand in ON")
                .help("WHERE person_id IN (SELECT person_id FROM …)"));
        }
        Ok((!typed.is_empty()).then(|| join(typed, Expr::And, condition.span()).expr))
    }
}

pub(crate) fn conjuncts<'e>(e: &'e ast::Expr, into: &mut Vec<&'e ast::Expr>) {
    match e {
        ast::Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
            conjuncts(left, into);
            conjuncts(right, into);
        }
        ast::Expr::Nested(inner) => conjuncts(inner, into),
        other => into.push(other),
    }
}

/// `x.person_id = y.person_id`, one of them the right table, the other a table on the left that always has its person.
fn is_same_person(e: &ast::Expr, scope: &Scope, right: &str) -> bool {
    let table = |e: &ast::Expr| match e {
        ast::Expr::CompoundIdentifier(parts) => match parts.as_slice() {
            [table, column] if column.value.eq_ignore_ascii_case(PERSON_ID) => Some(table.value.clone()),
            _ => None,
        },
        _ => None,
    };
    let ast::Expr::BinaryOp { left, op: BinaryOperator::Eq, right: other } = e else { return false };
    let (Some(a), Some(b)) = (table(left), table(other)) else { return false };
    let is_right = |name: &str| name.eq_ignore_ascii_case(right);
    let is_left = |name: &str| {
        !is_right(name)
            && scope.tables.iter().any(|t| t.present.is_none() && !t.public && t.name.eq_ignore_ascii_case(name))
    };
    (is_right(&a) && is_left(&b)) || (is_left(&a) && is_right(&b))
}

fn needs_person(span: Span) -> Problem {
    Problem::new("join", span, "this join isn't on the person")
        .why("rows of different persons never meet: what one person adds must stay theirs")
        .help("USING (person_id), or ON a.person_id = b.person_id AND …")
}

pub(crate) fn alias_name(alias: Option<&ast::TableAlias>) -> Checked<Option<String>> {
    let Some(ast::TableAlias { explicit: _, name, columns, at }) = alias else { return Ok(None) };
    if !columns.is_empty() || at.is_some() {
        return Err(
            Problem::new("unsupported", name.span, "columns are named where they are made").help("SELECT … AS name")
        );
    }
    Ok(Some(name.value.clone()))
}
