//! The last check of a statement before the engine: one SELECT, no comment, no second statement.
//!
//! SQL here is generated from typed plans, so this refuses nothing that should run. It is no SQL parser; it stands
//! in the way of a generator's mistake, for the driver runs every statement of a text but the last unseen.

/// Whether `sql` is one statement that begins with SELECT or WITH.
pub(super) fn is_one_select(sql: &str) -> bool {
    let mut word = sql.trim_start().split(|c: char| !c.is_ascii_alphabetic());
    let first = word.next().unwrap_or_default();
    if !first.eq_ignore_ascii_case("select") && !first.eq_ignore_ascii_case("with") {
        return false;
    }
    let mut quote: Option<char> = None;
    let mut previous = ' ';
    for c in sql.chars() {
        match (quote, c) {
            // A doubled quote closes and opens again: the same as staying inside.
            (Some(q), _) if c == q => quote = None,
            (Some(_), _) => {}
            // E'…' has backslash escapes, $…$ quotes without quotes: neither is ever generated.
            (None, '\'') if previous.eq_ignore_ascii_case(&'e') => return false,
            (None, '\'' | '"') => quote = Some(c),
            (None, ';' | '$' | '\0' | '\\') => return false,
            (None, '-') if previous == '-' => return false,
            (None, '*') if previous == '/' => return false,
            (None, _) => {}
        }
        previous = if quote.is_some() { ' ' } else { c };
    }
    quote.is_none()
}

#[cfg(test)]
mod tests {
    use super::is_one_select;

    #[test]
    fn one_select_passes() {
        for sql in [
            "SELECT 1",
            " with a as (select 1) select * from a",
            "SELECT ';' || 'it''s -- /* $' FROM t WHERE \"a;b\" = 3 - -4 / 2 * 1",
            "SELECT count(*) FROM t -1",
        ] {
            assert!(is_one_select(sql), "{sql}");
        }
    }

    #[test]
    fn anything_else_does_not() {
        for sql in [
            "",
            "COPY t TO 'x'",
            "SELECT 1;",
            "SELECT 1; DROP TABLE t",
            "SELECT 1 -- x",
            "SELECT /* x */ 1",
            "SELECT 'open",
            "SELECT '' ; SELECT ''",
            "SELECT $$;$$",
            "SELECT E'\\'' ",
            "SELECTED",
            "PRAGMA database_list",
            "SELECT 1\0; DROP",
            "FROM t",
            "(SELECT 1)",
        ] {
            assert!(!is_one_select(sql), "{sql}");
        }
    }
}
