//! `icd10 IN CODELIST('t2dm-v1')`: a list that the room holds, of the column's own code system.

use sqlparser::ast::{self, Spanned};
use sqlparser::tokenizer::Span;

use super::call::Call;
use super::expr::{Context, join};
use super::types::{Type, Typed};
use super::{Checker, compare, scope};
use crate::plan::Cited;
use crate::refusal::{Checked, Problem, list};
use crate::relation::Expr;

const CODELIST: &str = "CODELIST";

impl<'a> Checker<'a> {
    /// `value IN (…)`, lists among the items.
    pub(crate) fn in_items(
        &mut self,
        cx: Context<'_, 'a>,
        value: Typed,
        items: &'a [ast::Expr],
        span: Span,
    ) -> Checked<Typed> {
        let (lists, plain): (Vec<&ast::Expr>, Vec<&ast::Expr>) = items.iter().partition(|e| is_list(e));
        let plain = plain.into_iter().map(|item| self.expr(cx, item)).collect::<Checked<Vec<_>>>()?;
        if lists.is_empty() {
            return compare::in_list(value, plain, span);
        }
        let mut parts = Vec::new();
        if !plain.is_empty() {
            parts.push(compare::in_list(value.clone(), plain, span)?);
        }
        for e in lists {
            parts.push(self.code_list(value.clone(), e)?);
        }
        let mut parts = parts.into_iter();
        let Some(first) = parts.next() else { return Err(Problem::new("type", span, "this list is empty")) };
        Ok(parts.fold(first, |before, next| either(before, next, span)))
    }

    fn code_list(&mut self, value: Typed, e: &'a ast::Expr) -> Checked<Typed> {
        let ast::Expr::Function(function) = e else { return Err(Problem::new("type", e.span(), "this is no list")) };
        let span = e.span();
        let call = Call::read(function, span)?;
        call.plain()?;
        let name = match call.one()? {
            ast::Expr::Value(ast::ValueWithSpan {
                value: ast::Value::SingleQuotedString(name) | ast::Value::DoubleQuotedString(name),
                ..
            }) => name,
            other => {
                return Err(Problem::new("type", other.span(), "a list is named by a text").help("CODELIST('t2dm-v1')"));
            }
        };
        let at = call.one()?.span();
        let lists = self.references.lists;
        let Some(found) = lists.get(name) else {
            let names: Vec<&str> = lists.iter().map(policies::CodeList::name).collect();
            let near = names.iter().map(|known| (scope::distance(known, name), *known)).min();
            let hint = match near {
                Some((distance, near)) if distance <= 2 => format!("did you mean `{near}`? "),
                _ => String::new(),
            };
            return Err(Problem::new("unknown_list", at, "the room has no such code list")
                .help(format!("{hint}it has {}; the stewards can add others", list(&names))));
        };
        let system = match &value.ty {
            Type::Code { system, .. } => system.clone(),
            other => {
                return Err(Problem::new(
                    "type",
                    value.span,
                    format!("a code list is for codes of open systems, this is {}", other.describe()),
                )
                .help("closed lists take their codes by IN ('…', …)"));
            }
        };
        if !found.fits(&system) {
            let what =
                if system.is_empty() { "no code system of its own".to_owned() } else { format!("codes of {system}") };
            return Err(Problem::new("type", span, format!("`{name}` is a list of {} codes", found.system()))
                .why(format!("the column holds {what}")));
        }
        self.cited.insert(Cited { name: name.clone(), digest: found.digest().to_string() });
        self.tally(found.codes().len() + found.prefixes().len(), span)?;
        let expr = Expr::CodeIn {
            input: Box::new(value.expr),
            codes: found.codes().to_vec(),
            prefixes: found.prefixes().to_vec(),
        };
        Ok(Typed { expr, ty: Type::Bool, span, ..value })
    }
}

/// One membership where both are of the same code.
fn either(left: Typed, right: Typed, span: Span) -> Typed {
    if let (
        Expr::CodeIn { input: a, codes: left_codes, prefixes: left_prefixes },
        Expr::CodeIn { input: b, codes, prefixes },
    ) = (&left.expr, &right.expr)
        && a == b
    {
        let merge = |x: &[String], y: &[String]| {
            let mut all = [x, y].concat();
            all.sort_unstable();
            all.dedup();
            all
        };
        let expr = Expr::CodeIn {
            input: a.clone(),
            codes: merge(left_codes, codes),
            prefixes: merge(left_prefixes, prefixes),
        };
        return Typed { expr, span, ..left };
    }
    join(vec![left, right], Expr::Or, span)
}

fn is_list(e: &ast::Expr) -> bool {
    matches!(e, ast::Expr::Function(f) if f.name.to_string().eq_ignore_ascii_case(CODELIST))
}
