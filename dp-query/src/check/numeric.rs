//! Exact arithmetic on grids: ROUND, FLOOR, CEIL, MOD, NULLIF. No floating point.

use sqlparser::tokenizer::Span;

use super::compare;
use super::expr::choose;
use super::types::{Type, Typed};
use crate::refusal::{Checked, Problem};
use crate::relation::{ArithmeticOp, CompareOp, Expr, LIMIT};

/// Where a value goes that lies between two steps of the coarser grid.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rounding {
    /// The nearest, half away from zero.
    Nearest,
    Down,
    Up,
}

/// A value on a grid of so many decimals.
pub(crate) fn coarser(value: Typed, digits: u8, rounding: Rounding, span: Span) -> Checked<Typed> {
    let Type::Integer { lo, hi, digits: from } = value.ty else {
        return Err(Problem::new(
            "type",
            value.span,
            format!("this takes a number, and is given {}", value.ty.describe()),
        ));
    };
    let Some(down) = from.checked_sub(digits).filter(|down| *down > 0) else { return Ok(Typed { span, ..value }) };
    let factor = 10_i64.checked_pow(u32::from(down)).unwrap_or(LIMIT);
    // What is added to the size of a value at and above zero, and of one below.
    let (above, below) = match rounding {
        Rounding::Nearest => (factor / 2, factor / 2),
        Rounding::Down => (0, factor - 1),
        Rounding::Up => (factor - 1, 0),
    };
    let bound = |value: i64| match value {
        _ if value.abs() >= LIMIT => value,
        0.. => (value + above) / factor,
        _ => -((below - value) / factor),
    };
    let ty = Type::Integer { lo: bound(lo), hi: bound(hi), digits };
    let operation = |op, left: Expr, right: Expr| Expr::Arithmetic {
        op,
        left: Box::new(left),
        right: Box::new(right),
        wide: false,
    };
    let divided = |expr: Expr| Expr::Divide { input: Box::new(expr), by: factor };
    let zero = || Expr::Integer(0);
    let at_least_zero =
        Expr::Compare { op: CompareOp::GreaterEqual, left: Box::new(value.expr.clone()), right: Box::new(zero()) };
    let up = divided(operation(ArithmeticOp::Add, value.expr.clone(), Expr::Integer(above)));
    let down = divided(operation(ArithmeticOp::Subtract, Expr::Integer(below), value.expr.clone()));
    let down = operation(ArithmeticOp::Subtract, zero(), down);
    let expr = Expr::Case { arms: vec![(at_least_zero, up)], otherwise: Box::new(down) };
    Ok(Typed { expr, ty, span, ..value })
}

/// `MOD(x, 7)`: the rest, with the sign of x.
pub(crate) fn modulo(value: Typed, by: &Typed, span: Span) -> Checked<Typed> {
    let Type::Integer { lo, hi, digits: 0 } = value.ty else {
        return Err(Problem::new(
            "type",
            value.span,
            format!("MOD takes a whole number, this is {}", value.ty.describe()),
        ));
    };
    match (by.known_integer(), &by.ty) {
        (Some(divisor), Type::Integer { digits: 0, .. }) if divisor > 0 => {
            let ty = Type::Integer { lo: lo.clamp(1 - divisor, 0), hi: hi.clamp(0, divisor - 1), digits: 0 };
            Ok(Typed { expr: Expr::Modulo { input: Box::new(value.expr), by: divisor }, ty, span, ..value })
        }
        _ => Err(Problem::new("type", by.span, "MOD divides by a positive whole number written out")
            .why("nothing may divide by zero")),
    }
}

/// `NULLIF(x, y)`: NULL where they are equal.
pub(crate) fn null_if(value: Typed, other: Typed, span: Span) -> Checked<Typed> {
    let equal = compare::compare(CompareOp::Equal, value.clone(), other, span)?;
    let null = Typed { nullable: true, ..Typed::literal(Expr::Null, Type::Null, span) };
    choose(vec![equal], vec![null, value], span)
}

/// `SUBSTR(code, 1, 3)`.
pub(crate) fn substring(value: Typed, from: Option<&Typed>, length: &Typed, span: Span) -> Checked<Typed> {
    if let Some(from) = from.filter(|from| from.known_integer() != Some(1)) {
        return Err(Problem::new("unsupported", from.span, "codes are cut from their beginning")
            .help("SUBSTR(code, 1, 3), or LEFT(code, 3)"));
    }
    prefix(value, length, span)
}

/// The first characters of a code: a coarser code, of no system of its own.
pub(crate) fn prefix(value: Typed, length: &Typed, span: Span) -> Checked<Typed> {
    let Type::Code { max_len, form, .. } = value.ty else {
        return Err(Problem::new(
            "type",
            value.span,
            format!("this takes a code, and is given {}", value.ty.describe()),
        )
        .help("closed lists are cut by CASE, or LIKE"));
    };
    match length.known_integer().and_then(|n| u32::try_from(n).ok()) {
        Some(n) if n >= 1 => {
            let max_len = max_len.min(usize::try_from(n).unwrap_or(usize::MAX));
            let ty = Type::Code { max_len, system: "".into(), form };
            Ok(Typed { expr: Expr::Prefix { input: Box::new(value.expr), length: n }, ty, span, ..value })
        }
        _ => Err(Problem::new("type", length.span, "a length is a positive whole number written out")),
    }
}
