//! Typed expressions from typed parts: arithmetic on grids, AND, OR, NOT, CASE. No syntax.

use sqlparser::tokenizer::Span;

use super::types::{Type, Typed, interval};
use super::{LARGEST, compare};
use crate::refusal::{Checked, Problem};
use crate::relation::{ArithmeticOp, Expr, LIMIT};

/// Most decimals that a number may have.
const MOST_DIGITS: u8 = 9;

/// What looking at a value costs: nodes, and values of its closed list.
pub(super) fn weight(value: &Typed, size: usize) -> usize {
    match &value.ty {
        Type::Category(labels) => size.saturating_add(labels.len()),
        _ => size,
    }
}

/// Refuses what would stand in the plan many times over, before it does.
pub(crate) fn repeat(value: &Typed, times: usize) -> Checked<()> {
    if value.expr.size().saturating_mul(times) > LARGEST { Err(too_large(value.span)) } else { Ok(()) }
}

pub(super) fn too_large(span: Span) -> Problem {
    Problem::new("too_complex", span, "this expression is too large")
        .help("IN (…) instead of many ORs; name a part in a CTE and use the name")
}

/// CASE over typed parts: one value per condition, and one more.
pub(crate) fn choose(conditions: Vec<Typed>, values: Vec<Typed>, span: Span) -> Checked<Typed> {
    let constant = conditions.iter().chain(&values).all(|t| t.constant);
    let nullable = values.iter().any(|t| t.nullable);
    let (ty, mut exprs) = compare::unify(values, span)?;
    let otherwise = exprs.pop().unwrap_or(Expr::Null);
    let arms = conditions.into_iter().map(|c| c.expr).zip(exprs).collect();
    Ok(Typed { expr: Expr::Case { arms, otherwise: Box::new(otherwise) }, ty, nullable, constant, span })
}

/// `+ - *` on grids.
pub(crate) fn arithmetic(op: ArithmeticOp, left: Typed, right: Typed, span: Span) -> Checked<Typed> {
    let (nullable, constant) = (left.nullable || right.nullable, left.constant && right.constant);
    let (left, right) = if op == ArithmeticOp::Multiply { (left, right) } else { compare::same_grid(left, right)? };
    let (Type::Integer { lo: a, hi: b, digits: d }, Type::Integer { lo: c, hi: e, digits: f }) = (&left.ty, &right.ty)
    else {
        return Err(Problem::new("type", span, "arithmetic needs numbers"));
    };
    let digits = if op == ArithmeticOp::Multiply { d.saturating_add(*f) } else { *d };
    if digits > MOST_DIGITS {
        return Err(Problem::new("bounds", span, format!("the product has {digits} decimals"))
            .why(format!("at most {MOST_DIGITS} are kept exactly")));
    }
    let (lo, hi, wide) = interval(op, (*a, *b), (*c, *e));
    let expr = match (&left.expr, &right.expr) {
        (Expr::Integer(_), Expr::Integer(_)) if lo == hi => Expr::Integer(lo),
        _ => Expr::Arithmetic { op, left: Box::new(left.expr), right: Box::new(right.expr), wide },
    };
    Ok(Typed { expr, ty: Type::Integer { lo, hi, digits }, nullable, constant, span })
}

/// A value on a finer grid.
pub(crate) fn rescale(value: Typed, digits: u8) -> Checked<Typed> {
    let Type::Integer { digits: from, .. } = value.ty else { return Ok(value) };
    let Some(up) = digits.checked_sub(from).filter(|up| *up > 0) else { return Ok(value) };
    let span = value.span;
    let factor = 10_i64
        .checked_pow(u32::from(up))
        .filter(|f| *f <= LIMIT)
        .ok_or_else(|| Problem::new("bounds", span, "too many decimals"))?;
    let by = Typed::literal(Expr::Integer(factor), Type::Integer { lo: factor, hi: factor, digits: up }, span);
    arithmetic(ArithmeticOp::Multiply, value, by, span)
}

/// AND, OR: flattened.
pub(crate) fn join(parts: Vec<Typed>, with: fn(Vec<Expr>) -> Expr, span: Span) -> Typed {
    let (nullable, constant) = (parts.iter().any(|p| p.nullable), parts.iter().all(|p| p.constant));
    let is_and = matches!(with(Vec::new()), Expr::And(_));
    let mut flat = Vec::new();
    for part in parts {
        match part.expr {
            Expr::And(inner) if is_and => flat.extend(inner),
            Expr::Or(inner) if !is_and => flat.extend(inner),
            other => flat.push(other),
        }
    }
    Typed { expr: with(flat), ty: Type::Bool, nullable, constant, span }
}

pub(crate) fn not(value: Typed) -> Typed {
    Typed { expr: Expr::Not(Box::new(value.expr)), ..value }
}

pub(super) fn negate(negated: bool, value: Typed) -> Typed {
    if negated { not(value) } else { value }
}
