//! `person_id IN (SELECT person_id …)` and EXISTS: whether the person has a row there. A truth value per person, joined from outside;
//! what another person has never enters.

use sqlparser::ast::{self, BinaryOperator, Spanned};
use sqlparser::tokenizer::Span;

use super::Checker;
use super::expr::{Context, join, not};
use super::from::conjuncts;
use super::person::has_aggregate;
use super::scope::{PERSON_ID, Scope};
use super::select::{Parts, body};
use super::types::{Type, Typed};
use crate::refusal::{Checked, Problem};
use crate::relation::{ColumnId, Expr, Relation, Rows};

/// A set of persons that an expression asks about.
pub(crate) struct Semi {
    /// Where it stands in the syntax tree: looked at twice, it is the same set.
    place: usize,
    persons: Relation,
    present: ColumnId,
}

/// The sets that wait for their relation: asked about row by row, and after grouping.
#[derive(Default)]
pub(crate) struct Semis {
    pub(crate) rows: Vec<Semi>,
    pub(crate) groups: Vec<Semi>,
}

impl<'a> Checker<'a> {
    /// `x IN (SELECT …)`.
    pub(crate) fn in_subquery(
        &mut self,
        cx: Context<'_, 'a>,
        e: &'a ast::Expr,
        query: &'a ast::Query,
        negated: bool,
        span: Span,
    ) -> Checked<Typed> {
        let value = self.expr(cx, e)?;
        if value.ty != Type::Person {
            return Err(Problem::new("unsupported", span, "IN (SELECT …) asks about persons only")
                .why("rows of different persons never meet, and a list of values must be known beforehand")
                .help("person_id IN (SELECT person_id FROM …); for codes IN ('E119', …) or IN CODELIST('t2dm-v1')"));
        }
        if value.expr != Expr::Bool(true) {
            return Err(Problem::new("person", value.span, "the right side of a LEFT JOIN may have no person")
                .help("ask about `person_id` of the left side"));
        }
        let place = std::ptr::from_ref(query) as usize;
        if let Some(found) = self.known(cx, place, negated, span) {
            return Ok(found);
        }
        let sub = self.subquery(query)?;
        if let Some(column) = sub.columns.first() {
            return Err(Problem::new("person", query.span(), "this subquery has more than `person_id`")
                .why(format!("`{}` would be ignored", column.name))
                .help("(SELECT person_id FROM … WHERE …)"));
        }
        Ok(self.ask(cx, place, sub.relation, negated, span))
    }

    /// `EXISTS (SELECT … FROM x WHERE x.person_id = outside.person_id AND …)`.
    pub(crate) fn exists(
        &mut self,
        cx: Context<'_, 'a>,
        query: &'a ast::Query,
        negated: bool,
        span: Span,
    ) -> Checked<Typed> {
        let place = std::ptr::from_ref(query) as usize;
        if let Some(found) = self.known(cx, place, negated, span) {
            return Ok(found);
        }
        let persons = self.apart(|checker| checker.exists_inner(cx, query, span))?;
        Ok(self.ask(cx, place, persons, negated, span))
    }

    fn exists_inner(&mut self, cx: Context<'_, 'a>, query: &'a ast::Query, span: Span) -> Checked<Relation> {
        let (select, with) = body(query, false)?;
        let star = |item: &&ast::SelectItem| {
            matches!(item, ast::SelectItem::Wildcard(_) | ast::SelectItem::QualifiedWildcard(..))
        };
        if let Some(item) = select.projection.iter().find(star) {
            return Err(Problem::new("unsupported", item.span(), "EXISTS asks for a row, not for columns")
                .or_at(span)
                .help("EXISTS (SELECT 1 FROM …)"));
        }
        let parts = Parts::of(select, false)?;
        let odd = with.is_some()
            || parts.distinct
            || !parts.group_by.is_empty()
            || parts.having.is_some()
            || parts.qualify.is_some()
            || parts.items.iter().any(|item| has_aggregate(item.expr));
        if odd {
            return Err(Problem::new("unsupported", span, "EXISTS looks for rows: SELECT 1 FROM … WHERE …")
                .why("a group or an aggregate always has a row")
                .help("person_id IN (SELECT person_id FROM … GROUP BY person_id HAVING …)"));
        }
        let (relation, mut inner) = self.from(parts.from, parts.span)?;
        let mut conditions = Vec::new();
        if let Some(selection) = parts.selection {
            conjuncts(selection, &mut conditions);
        }
        let Some(same) = conditions.iter().position(|e| is_same_person(e, &inner, cx.scope)) else {
            return Err(Problem::new("person", span, "this EXISTS doesn't ask about the same person")
                .why("whether anybody has such a row is a fact about other persons")
                .help("EXISTS (SELECT 1 FROM diagnosis AS d WHERE d.person_id = outside.person_id AND …), both with their table's name; \
                       or person_id IN (SELECT person_id FROM …)"));
        };
        conditions.remove(same);
        if conditions.is_empty() {
            return Ok(relation);
        }
        let typed = {
            let cx = Context { scope: &inner, grouping: None };
            conditions.into_iter().map(|e| self.condition(cx, e)).collect::<Checked<Vec<_>>>()?
        };
        let predicate = join(typed, Expr::And, span).expr;
        Ok(self.filtered(relation, &mut inner, predicate))
    }

    /// The same set, asked about again.
    fn known(&self, cx: Context<'_, 'a>, place: usize, negated: bool, span: Span) -> Option<Typed> {
        let list = if cx.grouping.is_some() { &self.semis.groups } else { &self.semis.rows };
        list.iter().find(|semi| semi.place == place).map(|semi| present(semi.present, negated, span))
    }

    fn ask(&mut self, cx: Context<'_, 'a>, place: usize, rows: Relation, negated: bool, span: Span) -> Typed {
        let persons = match rows.rows() {
            Rows::One => rows,
            _ => Relation::Reduce { input: Box::new(rows), keys: Vec::new(), aggregates: Vec::new(), rows: Rows::One },
        };
        let id = self.id();
        let list = if cx.grouping.is_some() { &mut self.semis.groups } else { &mut self.semis.rows };
        list.push(Semi { place, persons, present: id });
        present(id, negated, span)
    }

    /// What a subquery looks at is its own: windows and sets of the query around it wait.
    pub(crate) fn apart<T>(&mut self, work: impl FnOnce(&mut Self) -> Checked<T>) -> Checked<T> {
        let (windows, semis) = (self.windows.take(), std::mem::take(&mut self.semis));
        let aliases = std::mem::take(&mut self.aliases);
        let result = work(self);
        (self.windows, self.semis, self.aliases) = (windows, semis, aliases);
        result
    }

    /// The rows with a truth value for each set.
    pub(crate) fn attach(&mut self, relation: Relation) -> Relation {
        attached(relation, std::mem::take(&mut self.semis.rows))
    }

    /// The rows for which the predicate holds. A set that the predicate demands as it is needs no outer join.
    pub(crate) fn filtered(&mut self, relation: Relation, scope: &mut Scope, predicate: Expr) -> Relation {
        scope.narrow(&predicate);
        let mut parts = match predicate {
            Expr::And(parts) => parts,
            other => vec![other],
        };
        let mut relation = relation;
        let mut asked = Vec::new();
        for semi in std::mem::take(&mut self.semis.rows) {
            match parts.iter().position(|part| *part == Expr::Column(semi.present)) {
                Some(at) => {
                    parts.remove(at);
                    relation = joined(relation, semi, false);
                }
                None => asked.push(semi),
            }
        }
        relation = attached(relation, asked);
        match parts.len() {
            0 => relation,
            1 => match parts.pop() {
                Some(predicate) => Relation::Filter { input: Box::new(relation), predicate },
                None => relation,
            },
            _ => Relation::Filter { input: Box::new(relation), predicate: Expr::And(parts) },
        }
    }
}

/// The rows with a truth value for each of these sets.
pub(crate) fn attached(relation: Relation, semis: Vec<Semi>) -> Relation {
    semis.into_iter().fold(relation, |relation, semi| joined(relation, semi, true))
}

fn joined(left: Relation, semi: Semi, outer: bool) -> Relation {
    let rows = left.rows();
    let (left, right) = (Box::new(left), Box::new(semi.persons));
    Relation::Join { left, right, outer, on: None, present: semi.present, rows }
}

fn present(id: ColumnId, negated: bool, span: Span) -> Typed {
    let found = Typed { expr: Expr::Column(id), ty: Type::Bool, nullable: false, constant: true, span };
    if negated { not(found) } else { found }
}

/// `x.person_id = y.person_id`: one inside, one outside, both sure to have their person.
fn is_same_person(e: &ast::Expr, inner: &Scope, outer: &Scope) -> bool {
    let table = |e: &ast::Expr| match e {
        ast::Expr::CompoundIdentifier(parts) => match parts.as_slice() {
            [table, column] if column.value.eq_ignore_ascii_case(PERSON_ID) => Some(table.value.clone()),
            _ => None,
        },
        _ => None,
    };
    let ast::Expr::BinaryOp { left, op: BinaryOperator::Eq, right } = e else { return false };
    let (Some(a), Some(b)) = (table(left), table(right)) else { return false };
    let named = |scope: &Scope, name: &str| {
        scope.tables.iter().find(|t| t.name.eq_ignore_ascii_case(name)).map(|t| t.present.is_none() && !t.public)
    };
    let inside = |name: &str| named(inner, name) == Some(true);
    let outside = |name: &str| named(inner, name).is_none() && named(outer, name) == Some(true);
    (inside(&a) && outside(&b)) || (outside(&a) && inside(&b))
}
