//! From text to a syntax tree with spans. sqlparser doesn't know `WITH DIFFERENTIAL_PRIVACY OPTIONS(…)`: the clause is taken out
//! of the token stream first, the rest is parsed as BigQuery's dialect. Nothing is typed here.

mod clause;
mod decimal;
mod hidden;
mod lists;

use sqlparser::ast::{Query, SetExpr};
use sqlparser::dialect::BigQueryDialect;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Location, Span, Token, Tokenizer};

pub(crate) use decimal::Decimal;
pub(crate) use hidden::{find as hidden, shown};

use crate::plan::Options;
use crate::refusal::{Checked, Problem};

/// Longest text that is read, in bytes.
const LONGEST: usize = 65_536;
/// Most tokens.
const MOST_TOKENS: usize = 10_000;
/// Most operators. In a row they nest as deep as there are of them, which the parser's own limit doesn't see.
const MOST_OPERATORS: usize = 500;
/// Deepest nesting of expressions and queries.
pub(crate) const DEEPEST: usize = 60;

/// A parsed question.
pub(crate) struct Parsed {
    pub(crate) query: Query,
    pub(crate) options: Options,
    /// The private SELECT, from its keyword to the end of its clause.
    pub(crate) span: Span,
}

/// Parses one private query.
pub(crate) fn parse(text: &str) -> Checked<Parsed> {
    let start = Span::new(Location::new(1, 1), Location::new(1, 2));
    if text.len() > LONGEST {
        return Err(Problem::new("syntax", start, format!("the text is longer than {LONGEST} bytes")));
    }
    if let Some(problem) = hidden::find(text) {
        return Err(problem);
    }
    let dialect = BigQueryDialect {};
    let tokens = Tokenizer::new(&dialect, text).tokenize_with_location().map_err(|error| {
        let at = error.location;
        Problem::new(
            "syntax",
            Span::new(at, Location::new(at.line, at.column + 1)),
            format!("this isn't SQL: {}", error.message),
        )
    })?;
    let (tokens, clause) = clause::extract(tokens)?;
    clause::foreign(&tokens)?;
    let tokens = lists::wrap(tokens);
    let operators = tokens.iter().filter(|t| is_operator(&t.token)).count();
    if tokens.len() > MOST_TOKENS || operators > MOST_OPERATORS {
        let what = format!(
            "the query has more than {MOST_TOKENS} words and signs, or more than {MOST_OPERATORS} \
         operators"
        );
        return Err(Problem::new("too_complex", start, what).help("IN (…) instead of many ORs"));
    }
    let mut parser = Parser::new(&dialect).with_recursion_limit(DEEPEST).with_tokens_with_locations(tokens);
    let query = parser.parse_query().map_err(|error| syntax(&error))?;
    while parser.consume_token(&Token::SemiColon) {}
    let rest = parser.peek_token();
    if rest.token != Token::EOF {
        return Err(Problem::new("syntax", rest.span, "only one query at a time")
            .help("leave one SELECT in the text; CTEs go before it, after WITH"));
    }
    let top = match query.body.as_ref() {
        SetExpr::Select(select) => select.select_token.0.span,
        _ => start,
    };
    let Some(clause) = clause else {
        return Err(Problem::new("not_private", top, "the outermost SELECT isn't private")
            .why("an answer leaves the room only through differential privacy")
            .help("write SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 0.5) …"));
    };
    if clause.select.start != top.start {
        return Err(Problem::new(
            "nested_private",
            clause.span,
            "WITH DIFFERENTIAL_PRIVACY belongs to the outermost SELECT only",
        )
        .why("what is inside stays within a person and needs no noise"));
    }
    Ok(Parsed { query: *query, options: clause.options, span: clause.select.union(&clause.span) })
}

/// Whether a token can take an expression as its left side.
fn is_operator(token: &Token) -> bool {
    match token {
        Token::Word(word) => matches!(
            word.value.to_ascii_uppercase().as_str(),
            "AND"
                | "OR"
                | "XOR"
                | "IS"
                | "IN"
                | "BETWEEN"
                | "LIKE"
                | "ILIKE"
                | "RLIKE"
                | "REGEXP"
                | "SIMILAR"
                | "MATCH"
                | "DIV"
                | "MOD"
                | "AT"
                | "COLLATE"
                | "ISNULL"
                | "NOTNULL"
                | "MEMBER"
                | "OPERATOR"
                | "UNION"
                | "EXCEPT"
                | "INTERSECT"
                | "OVERLAPS"
        ),
        Token::Comma | Token::LParen | Token::RParen | Token::RBracket | Token::SemiColon | Token::EOF => false,
        Token::Number(..) | Token::SingleQuotedString(_) | Token::DoubleQuotedString(_) => false,
        // A period joins names; chains of names are bounded like chains of operators.
        _ => true,
    }
}

/// sqlparser puts the place into the text of the message.
fn syntax(error: &ParserError) -> Problem {
    let text = match error {
        ParserError::TokenizerError(text) | ParserError::ParserError(text) => text.as_str(),
        ParserError::RecursionLimitExceeded => {
            return Problem::new(
                "too_complex",
                Span::empty(),
                format!("the query is nested more than {DEEPEST} levels deep"),
            );
        }
    };
    let (message, place) = text.rsplit_once(" at Line: ").unwrap_or((text, ""));
    let mut numbers = place.split(", Column: ").map(|n| n.trim().parse::<u64>());
    let at = match (numbers.next(), numbers.next()) {
        (Some(Ok(line)), Some(Ok(column))) => Span::new(Location::new(line, column), Location::new(line, column + 1)),
        _ => Span::empty(),
    };
    Problem::new("syntax", at, format!("this isn't SQL: {message}"))
}
