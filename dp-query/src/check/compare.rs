//! Comparisons, membership and choosing one type for several values. Text literals meet their type here: a code of a closed
//! list becomes its position, a prefix of an open list is checked character by character.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use datasets::catalogue::CodeForm;
use sqlparser::tokenizer::Span;

use super::expr::{join, not, repeat, rescale};
use super::types::{Label, Type, Typed, codes};
use super::{literal, scope};
use crate::refusal::{Checked, Problem};
use crate::relation::{CompareOp, Expr};

/// `left op right`.
pub(crate) fn compare(op: CompareOp, left: Typed, right: Typed, span: Span) -> Checked<Typed> {
    // The literal goes right.
    if matches!(left.ty, Type::Text(_)) && !matches!(right.ty, Type::Text(_)) {
        return compare(op.flipped(), right, left, span);
    }
    let right = match (&left.ty, &right.ty) {
        (Type::Date { .. }, Type::Text(text)) => literal::date(text, right.span)?,
        _ => right,
    };
    let equality = matches!(op, CompareOp::Equal | CompareOp::NotEqual);
    let (nullable, constant) = (left.nullable || right.nullable, left.constant && right.constant);
    let truth = |expr: Expr| Typed { expr, ty: Type::Bool, nullable, constant, span };
    let plain =
        |left: Typed, right: Typed| truth(Expr::Compare { op, left: Box::new(left.expr), right: Box::new(right.expr) });
    match (&left.ty, &right.ty) {
        (Type::Person, _) | (_, Type::Person) => Err(person(span)),
        (Type::Null, _) | (_, Type::Null) => {
            Err(Problem::new("type", span, "a comparison with NULL is never true").help("IS NULL, IS NOT NULL"))
        }
        (Type::Integer { .. }, Type::Integer { .. }) => {
            let (left, right) = same_grid(left, right)?;
            Ok(plain(left, right))
        }
        (Type::Date { .. }, Type::Date { .. }) => Ok(plain(left, right)),
        (Type::Bool | Type::Key, Type::Bool | Type::Key) if equality && left.ty == right.ty => Ok(plain(left, right)),
        (Type::Code { .. }, Type::Code { .. }) if equality => Ok(plain(left, right)),
        (Type::Category(a), Type::Category(b)) if equality && a == b => Ok(plain(left, right)),
        (Type::Category(_) | Type::Code { .. }, Type::Text(_)) if equality => {
            let found = in_list(left, vec![right], span)?;
            Ok(if op == CompareOp::Equal { found } else { not(found) })
        }
        (Type::Category(_) | Type::Code { .. } | Type::Key | Type::Bool, _) if !equality => {
            Err(Problem::new("type", span, "codes have no order")
                .help("compare by =, IN (…) or, for open code lists, LIKE 'prefix%'"))
        }
        (a, b) => {
            let problem =
                Problem::new("type", span, format!("{} can't be compared with {}", a.describe(), b.describe()));
            Err(match (a, b) {
                (Type::Integer { .. }, Type::Text(_)) => problem.help("numbers stand without quotes: 6.5"),
                (Type::Category(labels), Type::Integer { .. }) => {
                    problem.help(format!("codes stand in quotes: {}", codes(labels)))
                }
                (Type::Code { .. }, Type::Integer { .. }) => problem.help("codes stand in quotes: 'E119'"),
                (Type::Bool, _) => problem.help("a truth value is a condition by itself: WHERE suspected, WHERE NOT suspected"),
                (Type::Date { .. }, _) => problem.help("DATE '2024-04-01'"),
                (Type::Key, _) | (_, Type::Key) => problem
                    .why("it is made anew by the room's key, and means nothing outside")
                    .help("compare it with another of its kind: COUNT(DISTINCT facility) within a person, a.facility = b.facility in a join"),
                _ => problem,
            })
        }
    }
}

/// `value IN (items)`.
pub(crate) fn in_list(value: Typed, items: Vec<Typed>, span: Span) -> Checked<Typed> {
    match &value.ty {
        Type::Person => Err(person(span)),
        Type::Category(labels) => {
            let mut values = items.iter().map(|item| position(labels, item)).collect::<Checked<Vec<_>>>()?;
            values.sort_unstable();
            values.dedup();
            Ok(Typed { expr: Expr::InSet { input: Box::new(value.expr), values }, ty: Type::Bool, span, ..value })
        }
        Type::Code { max_len, form, .. } => {
            let mut codes = items.iter().map(|item| code(item, *max_len, *form)).collect::<Checked<Vec<_>>>()?;
            codes.sort_unstable();
            codes.dedup();
            let expr = Expr::CodeIn { input: Box::new(value.expr), codes, prefixes: Vec::new() };
            Ok(Typed { expr, ty: Type::Bool, span, ..value })
        }
        _ => {
            repeat(&value, items.len())?;
            let parts = items
                .into_iter()
                .map(|item| compare(CompareOp::Equal, value.clone(), item, span))
                .collect::<Checked<Vec<_>>>()?;
            Ok(merge_equalities(join(parts, Expr::Or, span)))
        }
    }
}

/// `x = 1 OR x = 2` is membership: shorter for the engine, and filters learn bounds from it.
fn merge_equalities(typed: Typed) -> Typed {
    let Expr::Or(parts) = &typed.expr else { return typed };
    let mut input: Option<&Expr> = None;
    let mut values = Vec::new();
    for part in parts {
        let Expr::Compare { op: CompareOp::Equal, left, right } = part else { return typed };
        let Expr::Integer(value) = right.as_ref() else { return typed };
        if input.is_some_and(|seen| seen != left.as_ref()) {
            return typed;
        }
        input = Some(left.as_ref());
        values.push(*value);
    }
    values.sort_unstable();
    values.dedup();
    let Some(input) = input.cloned() else { return typed };
    Typed { expr: Expr::InSet { input: Box::new(input), values }, ..typed }
}

/// `value LIKE pattern`: any pattern on closed lists (decided here and now), a prefix on open ones.
pub(crate) fn like(value: Typed, pattern: &Typed, span: Span) -> Checked<Typed> {
    let Type::Text(pattern_text) = &pattern.ty else {
        return Err(Problem::new("type", pattern.span, "a pattern is a text literal"));
    };
    match &value.ty {
        Type::Category(labels) => {
            let mut shape: Vec<char> = pattern_text.chars().collect();
            shape.dedup_by(|a, b| *a == '%' && *b == '%');
            if shape.len() > 64 {
                return Err(Problem::new("too_complex", pattern.span, "this pattern is longer than 64 characters"));
            }
            let values = (0_i64..)
                .zip(labels.iter())
                .filter(|(_, l)| matches(&l.code.chars().collect::<Vec<_>>(), &shape))
                .map(|(i, _)| i)
                .collect();
            Ok(Typed { expr: Expr::InSet { input: Box::new(value.expr), values }, ty: Type::Bool, span, ..value })
        }
        Type::Code { .. } => {
            let (stem, prefix) = match pattern_text.strip_suffix('%') {
                Some(stem) => (stem, true),
                None => (pattern_text.as_str(), false),
            };
            if stem.contains(['%', '_', '\\']) {
                return Err(Problem::new("unsupported", pattern.span, "on an open code list LIKE takes a prefix")
                    .help("LIKE 'E11%'"));
            }
            code_in(value, &Typed { ty: Type::Text(stem.to_owned()), ..pattern.clone() }, prefix, span)
        }
        other => Err(Problem::new("type", span, format!("LIKE is for codes, this is {}", other.describe()))),
    }
}

/// A whole code or a prefix.
pub(crate) fn code_in(value: Typed, text: &Typed, prefix: bool, span: Span) -> Checked<Typed> {
    let Type::Code { max_len, form, .. } = value.ty else {
        return Err(Problem::new(
            "type",
            span,
            format!("this is for codes of open lists, not {}", value.ty.describe()),
        ));
    };
    let text = code(text, max_len, form)?;
    let (codes, prefixes) = if prefix { (Vec::new(), vec![text]) } else { (vec![text], Vec::new()) };
    Ok(Typed { expr: Expr::CodeIn { input: Box::new(value.expr), codes, prefixes }, ty: Type::Bool, span, ..value })
}

/// Position of a text literal in a closed list.
pub(crate) fn position(labels: &[Label], item: &Typed) -> Checked<i64> {
    let Type::Text(text) = &item.ty else {
        return Err(Problem::new(
            "type",
            item.span,
            format!("this is compared with codes of a closed list, and is {}", item.ty.describe()),
        )
        .help(format!("the list is {}", codes(labels))));
    };
    match (0_i64..).zip(labels).find(|(_, l)| &l.code == text) {
        Some((position, _)) => Ok(position),
        None => {
            let near = labels.iter().map(|l| (scope::distance(&l.code, text), &l.code)).min();
            let hint = match near {
                Some((d, code)) if d <= 2 && text.len() > 2 => format!("did you mean `{code}`? "),
                _ => String::new(),
            };
            Err(Problem::new("unknown_code", item.span, "this code isn't in the column's closed list")
                .help(format!("{hint}the list is {}", codes(labels))))
        }
    }
}

/// A code literal for an open list, or its beginning. Codes are ASCII letters, digits, `.` and `-`; nothing else reaches an engine.
/// What no code of the column can be, or begin with, is refused: its answer would be charged for, and be 0 for sure.
pub(crate) fn code(item: &Typed, max_len: usize, form: CodeForm) -> Checked<String> {
    let Type::Text(text) = &item.ty else {
        return Err(Problem::new("type", item.span, format!("a code is a text, this is {}", item.ty.describe())));
    };
    let signs = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-');
    if signs && !form.begins(text) {
        let normal = form.normal(text);
        let help = match form {
            _ if !normal.is_empty() && normal.len() <= max_len && form.begins(&normal) => format!("'{normal}'"),
            CodeForm::Drug => "'3962' for a class, LIKE '3962%'".to_owned(),
            _ => "'E119', LIKE 'E11%'".to_owned(),
        };
        return Err(Problem::new("unknown_code", item.span, "no code of this column can be this, or begin so")
            .why(form.words())
            .help(help));
    }
    if !signs || text.is_empty() || text.len() > max_len {
        return Err(Problem::new("type", item.span, "this isn't a code")
            .why(format!("codes of this column are 1 to {max_len} ASCII letters, digits, `.` or `-`")));
    }
    Ok(text.clone())
}

/// LIKE: `%` any text, `_` one character. Only the last `%` is ever tried again, one character further: what an earlier one could
/// take instead, the last one can as well. At most |text| × |pattern| steps.
fn matches(text: &[char], pattern: &[char]) -> bool {
    let (mut at, mut next) = (0, 0);
    // Behind the last `%`, and how far its text reached.
    let mut retry: Option<(usize, usize)> = None;
    while let Some(c) = text.get(at) {
        match (pattern.get(next), retry) {
            (Some('%'), _) => {
                next += 1;
                retry = Some((next, at));
            }
            (Some(wanted), _) if *wanted == '_' || wanted == c => (at, next) = (at + 1, next + 1),
            (_, Some((behind, reached))) => {
                (at, next) = (reached + 1, behind);
                retry = Some((behind, reached + 1));
            }
            (_, None) => return false,
        }
    }
    pattern.get(next..).is_some_and(|rest| rest.iter().all(|c| *c == '%'))
}

/// Two numbers on the finer of their grids.
pub(crate) fn same_grid(left: Typed, right: Typed) -> Checked<(Typed, Typed)> {
    let (Type::Integer { digits: a, .. }, Type::Integer { digits: b, .. }) = (&left.ty, &right.ty) else {
        return Ok((left, right));
    };
    let digits = *a.max(b);
    Ok((rescale(left, digits)?, rescale(right, digits)?))
}

/// One type for several values, each brought to it.
pub(crate) fn unify(values: Vec<Typed>, span: Span) -> Checked<(Type, Vec<Expr>)> {
    let typed: Vec<&Typed> = values.iter().filter(|v| v.ty != Type::Null).collect();
    let Some(first) = typed.first() else { return Err(Problem::new("type", span, "this is always NULL")) };
    let mismatch = |other: &Typed| {
        Problem::new(
            "type",
            other.span,
            format!("{} and {} don't make one type", first.ty.describe(), other.ty.describe()),
        )
    };
    if typed.iter().any(|v| matches!(v.ty, Type::Text(_))) {
        let labels = union_labels(&typed).map_err(mismatch)?;
        let exprs = relabel_all(&values, &labels);
        return Ok((Type::Category(Rc::new(labels)), exprs));
    }
    let mut ty = first.ty.clone();
    for value in &typed {
        ty = match (ty, &value.ty) {
            (Type::Integer { lo: a, hi: b, digits: d }, Type::Integer { lo: c, hi: e, digits: f }) if d == *f => {
                Type::Integer { lo: a.min(*c), hi: b.max(*e), digits: d }
            }
            (Type::Integer { .. }, Type::Integer { .. }) => {
                let digits = typed
                    .iter()
                    .filter_map(|v| if let Type::Integer { digits, .. } = v.ty { Some(digits) } else { None })
                    .max()
                    .unwrap_or(0);
                let scaled = values.into_iter().map(|v| rescale(v, digits)).collect::<Checked<Vec<_>>>()?;
                return unify(scaled, span);
            }
            (Type::Date { lo: a, hi: b, months: m }, Type::Date { lo: c, hi: d, months: n }) => {
                Type::Date { lo: a.min(*c), hi: b.max(*d), months: m.min(*n) }
            }
            (Type::Code { max_len: a, system: c, form: e }, Type::Code { max_len: b, system: d, form: f }) => {
                let system = if c == *d { c } else { Rc::from("") };
                Type::Code { max_len: a.max(*b), system, form: if e == *f { e } else { CodeForm::Any } }
            }
            (Type::Category(a), Type::Category(b)) if a == *b => Type::Category(a),
            (Type::Category(_), Type::Category(_)) => {
                let labels = union_labels(&typed).map_err(mismatch)?;
                let exprs = relabel_all(&values, &labels);
                return Ok((Type::Category(Rc::new(labels)), exprs));
            }
            (Type::Bool, Type::Bool) => Type::Bool,
            (Type::Key, Type::Key) => Type::Key,
            _ => return Err(mismatch(value)),
        };
    }
    Ok((ty, values.into_iter().map(|v| v.expr).collect()))
}

fn union_labels<'v>(values: &[&'v Typed]) -> Result<Vec<Label>, &'v Typed> {
    let mut labels: Vec<Label> = Vec::new();
    let mut seen: BTreeSet<String> = BTreeSet::new();
    for value in values {
        let more = match &value.ty {
            Type::Category(more) => more.as_ref().clone(),
            Type::Text(text) => vec![Label { code: text.clone(), meaning: String::new() }],
            _ => return Err(value),
        };
        for label in more {
            if seen.insert(label.code.clone()) {
                labels.push(label);
            }
        }
    }
    Ok(labels)
}

/// Each value over the joint list.
fn relabel_all(values: &[Typed], labels: &[Label]) -> Vec<Expr> {
    let places: BTreeMap<&str, i64> = labels.iter().map(|l| l.code.as_str()).zip(0_i64..).collect();
    values.iter().map(|value| relabel(value, &places)).collect()
}

fn relabel(value: &Typed, places: &BTreeMap<&str, i64>) -> Expr {
    let place = |code: &str| places.get(code).copied().unwrap_or(0);
    match &value.ty {
        Type::Text(text) => Expr::Integer(place(text)),
        Type::Category(old) => {
            Expr::Remap { input: Box::new(value.expr.clone()), to: old.iter().map(|l| place(&l.code)).collect() }
        }
        _ => value.expr.clone(),
    }
}

fn person(span: Span) -> Problem {
    Problem::new("person", span, "`person_id` can't be compared")
        .why("a question that singles out a person, or pairs persons, isn't about a population")
        .help("use it in GROUP BY, in JOIN … USING (person_id) and in COUNT(DISTINCT person_id)")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use proptest::prelude::*;

    use super::matches;

    /// The definition, for short texts.
    fn defined(text: &[char], pattern: &[char]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some(('%', rest)) => (0..=text.len()).any(|skip| defined(&text[skip..], rest)),
            Some((wanted, rest)) => {
                text.split_first().is_some_and(|(c, tail)| (*wanted == '_' || c == wanted) && defined(tail, rest))
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4096, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn like_is_as_defined(text in "[ab%_]{0,8}", pattern in "[ab%_]{0,6}") {
            let (text, pattern): (Vec<char>, Vec<char>) = (text.chars().collect(), pattern.chars().collect());
            prop_assert_eq!(matches(&text, &pattern), defined(&text, &pattern));
        }
    }
}
