//! The clause `WITH DIFFERENTIAL_PRIVACY OPTIONS (name = value, …)` of GoogleSQL, taken out of the token stream with its spans.

use sqlparser::tokenizer::{Span, Token, TokenWithSpan};

use super::Decimal;
use crate::plan::{GroupSelection, Options};
use crate::refusal::{Checked, Problem, list};

/// The clause and the SELECT before it.
pub(super) struct Clause {
    pub(super) select: Span,
    pub(super) span: Span,
    pub(super) options: Options,
}

const NAMES: [&str; 10] = [
    "epsilon",
    "target_margin",
    "confidence",
    "delta",
    "max_groups_contributed",
    "max_rows_contributed",
    "min_privacy_units_per_group",
    "strict_minimum",
    "group_selection_strategy",
    "privacy_unit_column",
];

/// Tokens without the clause, and the clause.
pub(super) fn extract(tokens: Vec<TokenWithSpan>) -> Checked<(Vec<TokenWithSpan>, Option<Clause>)> {
    let mut rest = Vec::with_capacity(tokens.len());
    let mut found: Option<Clause> = None;
    let mut tokens = tokens.into_iter().filter(|t| !matches!(t.token, Token::Whitespace(_))).peekable();
    while let Some(token) = tokens.next() {
        let select = word(&token, "SELECT").then_some(token.span);
        if let Some(next) = tokens.peek().filter(|t| select.is_some() && word(t, "DIFFERENTIAL_PRIVACY")) {
            return Err(Problem::new("syntax", next.span, "the word WITH is missing before DIFFERENTIAL_PRIVACY")
                .help("SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 0.5) …"));
        }
        let opens = select.is_some() && tokens.peek().is_some_and(|t| word(t, "WITH"));
        rest.push(token);
        let (Some(select), true, Some(with)) = (select, opens, if opens { tokens.next() } else { None }) else {
            continue;
        };
        let Some(name) = tokens.next() else {
            return Err(Problem::new("syntax", with.span, "the text ends after SELECT WITH"));
        };
        if !word(&name, "DIFFERENTIAL_PRIVACY") {
            return Err(Problem::new("syntax", name.span, "SELECT WITH is followed by DIFFERENTIAL_PRIVACY")
                .why("other modes (AGGREGATION_THRESHOLD, ANONYMIZATION) don't protect persons here"));
        }
        if found.is_some() {
            return Err(Problem::new(
                "nested_private",
                with.span.union(&name.span),
                "WITH DIFFERENTIAL_PRIVACY stands twice",
            )
            .why("one question is one private SELECT, the outermost"));
        }
        let mut span = with.span.union(&name.span);
        let mut options = Vec::new();
        if tokens.peek().is_some_and(|t| word(t, "OPTIONS"))
            && let Some(keyword) = tokens.next()
        {
            span = span.union(&keyword.span);
            let mut inside = Vec::new();
            match tokens.next() {
                Some(t) if t.token == Token::LParen => {}
                _ => return Err(Problem::new("syntax", keyword.span, "OPTIONS is followed by (name = value, …)")),
            }
            loop {
                match tokens.next() {
                    Some(t) if t.token == Token::RParen => {
                        span = span.union(&t.span);
                        break;
                    }
                    Some(t) if t.token != Token::EOF => inside.push(t),
                    _ => return Err(Problem::new("syntax", keyword.span, "OPTIONS isn't closed")),
                }
            }
            options = inside;
        }
        if options.is_empty() && tokens.peek().is_some_and(|t| t.token == Token::LParen) {
            return Err(Problem::new("options", span, "the word OPTIONS is missing")
                .help("SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 0.5) …"));
        }
        found = Some(Clause { select, span, options: parse_options(&options, span)? });
    }
    Ok((rest, found))
}

/// Statements that are no questions, and a clause that the dialect takes for a name.
pub(super) fn foreign(tokens: &[TokenWithSpan]) -> Checked<()> {
    const STATEMENTS: [&str; 10] =
        ["INSERT", "UPDATE", "DELETE", "MERGE", "CREATE", "DROP", "ALTER", "TRUNCATE", "GRANT", "EXPORT"];
    if let Some(first) = tokens.first().filter(|first| STATEMENTS.iter().any(|name| word(first, name))) {
        return Err(Problem::new("unsupported", first.span, "a question is a SELECT")
            .why("questions read, and change nothing")
            .help("SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 0.5) …"));
    }
    for three in tokens.windows(3) {
        if let [filter, open, condition] = three
            && word(filter, "FILTER")
            && open.token == Token::LParen
            && word(condition, "WHERE")
        {
            return Err(Problem::new("unsupported", filter.span, "FILTER isn't part of the language")
                .help("COUNTIF(condition), or an aggregate over IF(condition, x, NULL)"));
        }
    }
    Ok(())
}

fn word(token: &TokenWithSpan, text: &str) -> bool {
    matches!(&token.token, Token::Word(word) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case(text))
}

fn parse_options(tokens: &[TokenWithSpan], clause: Span) -> Checked<Options> {
    let mut options = Options::default();
    let mut seen: Vec<String> = Vec::new();
    let mut confidence: Option<(String, Span)> = None;
    let items = tokens.split(|t| t.token == Token::Comma);
    for item in items.filter(|_| !tokens.is_empty()) {
        let span = Span::union_iter(item.iter().map(|t| t.span));
        if let [name, _, minus, value] = item
            && minus.token == Token::Minus
            && matches!(value.token, Token::Number(..))
        {
            let least = if matches!(&name.token, Token::Word(w) if w.value.eq_ignore_ascii_case("delta")) {
                "isn't negative"
            } else {
                "is greater than 0"
            };
            return Err(Problem::new("options", minus.span.union(&value.span), format!("`{}` {least}", name.token))
                .help("OPTIONS (epsilon = 0.5, delta = 0.000000001)"));
        }
        let [name, equals, value] = item else {
            return Err(Problem::new("options", span, "an option is name = value").or_at(clause));
        };
        let (Token::Word(word), Token::Eq) = (&name.token, &equals.token) else {
            return Err(Problem::new("options", span, "an option is name = value"));
        };
        let name = word.value.to_ascii_lowercase();
        if seen.contains(&name) {
            return Err(Problem::new("options", span, format!("`{name}` stands twice")));
        }
        match name.as_str() {
            "epsilon" => options.epsilon = Some(positive(&name, value)?),
            "delta" => options.delta = Some(fraction(&name, value, true)?),
            "target_margin" => options.margin = Some((positive(&name, value)?, String::new())),
            "confidence" => confidence = Some((fraction(&name, value, false)?, span)),
            "max_groups_contributed" => options.max_groups_contributed = Some(whole(&name, value)?),
            "max_rows_contributed" => options.max_rows_contributed = Some(whole(&name, value)?),
            "min_privacy_units_per_group" => options.min_privacy_units_per_group = Some(whole(&name, value)?),
            "strict_minimum" => options.strict_minimum = truth(&name, value)?,
            "group_selection_strategy" => options.group_selection_strategy = Some(strategy(value)?),
            // BigQuery wants to be told; here every table knows its person.
            "privacy_unit_column" if matches!(&value.token, Token::Word(w) if w.value.eq_ignore_ascii_case("person_id")) =>
                {}
            "privacy_unit_column" => {
                return Err(Problem::new("options", value.span, "the privacy unit is `person_id`")
                    .why("all rows of one person, in all tables at once"));
            }
            _ => {
                return Err(Problem::new("options", span, format!("there is no option `{name}`"))
                    .help(format!("options are {}", list(&NAMES))));
            }
        }
        seen.push(name);
    }
    match (&mut options.margin, confidence) {
        (Some((_, stated)), given) => *stated = given.map_or_else(|| "0.95".to_owned(), |(value, _)| value),
        (None, Some((_, span))) => {
            return Err(Problem::new("options", span, "`confidence` belongs to `target_margin`"));
        }
        (None, None) => {}
    }
    match (&options.epsilon, &options.margin) {
        (Some(_), None) | (None, Some(_)) => Ok(options),
        (None, None) => Err(Problem::new("options", clause, "the question has no price").help(
            "OPTIONS (epsilon = 0.5), or OPTIONS (target_margin = 50, confidence = 0.95) to have the price solved for",
        )),
        (Some(_), Some(_)) => {
            Err(Problem::new("options", clause, "`epsilon` and `target_margin` contradict each other")
                .help("state one of them; `sudare query check` shows the other"))
        }
    }
}

fn number(name: &str, value: &TokenWithSpan) -> Checked<Decimal> {
    let parsed = match &value.token {
        Token::Number(text, false) => Decimal::parse(text),
        _ => None,
    };
    parsed.ok_or_else(|| Problem::new("options", value.span, format!("`{name}` is a number written out, such as 0.5")))
}

fn positive(name: &str, value: &TokenWithSpan) -> Checked<String> {
    let number = number(name, value)?;
    if number.mantissa <= 0 {
        return Err(Problem::new("options", value.span, format!("`{name}` is greater than 0"))
            .help("epsilon = 0.5, or target_margin = 50 for ± 50 persons"));
    }
    Ok(number.to_string())
}

fn fraction(name: &str, value: &TokenWithSpan, zero: bool) -> Checked<String> {
    let number = number(name, value)?;
    let below_one = 10_i128.checked_pow(u32::from(number.digits)).is_some_and(|one| number.mantissa < one);
    if !below_one || (number.mantissa == 0 && !zero) {
        return Err(Problem::new("options", value.span, format!("`{name}` is between 0 and 1")));
    }
    Ok(number.to_string())
}

fn truth(name: &str, value: &TokenWithSpan) -> Checked<bool> {
    match (word(value, "TRUE"), word(value, "FALSE")) {
        (true, _) => Ok(true),
        (_, true) => Ok(false),
        _ => Err(Problem::new("options", value.span, format!("`{name}` is TRUE or FALSE"))),
    }
}

fn strategy(value: &TokenWithSpan) -> Checked<GroupSelection> {
    let problem = |message| Problem::new("options", value.span, message);
    if word(value, "PUBLIC_GROUPS") {
        return Ok(GroupSelection::PublicGroups);
    }
    if word(value, "GAUSSIAN_THRESHOLD") {
        return Ok(GroupSelection::GaussianThreshold);
    }
    if word(value, "LAPLACE_THRESHOLD") {
        return Err(problem("groups aren't selected with Laplace noise here")
            .why("rooms that pay δ, as a selection does, answer with Gaussian noise")
            .help("group_selection_strategy = GAUSSIAN_THRESHOLD, or leave it out"));
    }
    Err(problem("`group_selection_strategy` is PUBLIC_GROUPS or GAUSSIAN_THRESHOLD"))
}

fn whole(name: &str, value: &TokenWithSpan) -> Checked<u32> {
    let number = number(name, value)?;
    match number.on_grid(0).and_then(|n| u32::try_from(n).ok()) {
        Some(n) if n >= 1 => Ok(n),
        _ => Err(Problem::new("options", value.span, format!("`{name}` is a whole number, at least 1"))),
    }
}
