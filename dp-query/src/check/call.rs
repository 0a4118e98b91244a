//! Function calls as written: name, arguments, named arguments. Everything that GoogleSQL allows around a call and this language
//! doesn't is refused here, so that nothing is silently ignored.

use sqlparser::ast::{
    self, DuplicateTreatment, FunctionArg, FunctionArgExpr, FunctionArgOperator, FunctionArguments, Spanned,
};
use sqlparser::tokenizer::Span;

use crate::refusal::{Checked, Problem};

/// A call.
pub(crate) struct Call<'a> {
    /// In capitals.
    pub(crate) name: String,
    pub(crate) distinct: bool,
    /// `COUNT(*)`.
    pub(crate) star: bool,
    pub(crate) args: Vec<&'a ast::Expr>,
    pub(crate) named: Vec<(String, &'a ast::Expr)>,
    /// `OVER (…)`.
    pub(crate) over: Option<&'a ast::WindowType>,
    pub(crate) span: Span,
}

impl<'a> Call<'a> {
    pub(crate) fn read(function: &'a ast::Function, span: Span) -> Checked<Call<'a>> {
        let ast::Function { name, uses_odbc_syntax, parameters, args, within_group, filter, null_treatment, over } =
            function;
        let refuse = |what: &str, help: &str| {
            Err(Problem::new("unsupported", span, format!("{what} isn't part of the language")).help(help))
        };
        let name = match name.0.as_slice() {
            [ast::ObjectNamePart::Identifier(name)] => name.value.to_ascii_uppercase(),
            _ => return refuse("a function with a path", "functions have plain names"),
        };
        if *uses_odbc_syntax
            || !matches!(parameters, FunctionArguments::None)
            || !within_group.is_empty()
            || null_treatment.is_some()
        {
            return refuse("this form of a call", "FUNCTION(argument, …)");
        }
        if filter.is_some() {
            return refuse("FILTER", "COUNTIF(condition), or an aggregate over IF(condition, x, NULL)");
        }
        let list = match args {
            FunctionArguments::None => return refuse("a call without parentheses", "write the parentheses"),
            FunctionArguments::Subquery(_) => {
                return refuse("a subquery as argument", "JOIN the subquery on person_id");
            }
            FunctionArguments::List(list) => list,
        };
        if !list.clauses.is_empty() {
            return refuse(
                "a clause inside the parentheses",
                "MAX_BY(x, y) instead of HAVING MAX; COUNTIF(condition) instead of WHERE",
            );
        }
        let mut call = Call {
            name,
            distinct: list.duplicate_treatment == Some(DuplicateTreatment::Distinct),
            star: false,
            args: Vec::new(),
            named: Vec::new(),
            over: over.as_ref(),
            span,
        };
        for arg in &list.args {
            match arg {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(e)) => call.args.push(e),
                FunctionArg::Unnamed(FunctionArgExpr::Wildcard) => call.star = true,
                FunctionArg::Named {
                    name,
                    arg: FunctionArgExpr::Expr(e),
                    operator: FunctionArgOperator::RightArrow,
                } => call.named.push((name.value.to_ascii_lowercase(), e)),
                _ => {
                    return Err(
                        Problem::new("unsupported", arg.span(), "this argument isn't part of the language").or_at(span)
                    );
                }
            }
        }
        Ok(call)
    }

    /// Exactly one plain argument.
    pub(crate) fn one(&self) -> Checked<&'a ast::Expr> {
        match (self.args.as_slice(), self.star) {
            ([only], false) => Ok(only),
            _ => Err(self.arity("one argument")),
        }
    }

    /// Exactly two plain arguments.
    pub(crate) fn two(&self) -> Checked<(&'a ast::Expr, &'a ast::Expr)> {
        match (self.args.as_slice(), self.star) {
            ([first, second], false) => Ok((first, second)),
            _ => Err(self.arity("two arguments")),
        }
    }

    pub(crate) fn arity(&self, wanted: &str) -> Problem {
        Problem::new("type", self.span, format!("{} takes {wanted}", self.name))
    }

    /// Refuses DISTINCT, `*` and named arguments.
    pub(crate) fn plain(&self) -> Checked<()> {
        if self.distinct {
            return Err(Problem::new("unsupported", self.span, format!("{} doesn't take DISTINCT here", self.name))
                .help("COUNT(DISTINCT x) within a person, COUNT(DISTINCT person_id) across persons"));
        }
        match self.named.first() {
            Some((name, e)) => {
                Err(Problem::new("unsupported", e.span(), format!("{} doesn't take `{name}` here", self.name))
                    .help("contribution bounds belong to aggregates of the private SELECT"))
            }
            None => Ok(()),
        }
    }
}
