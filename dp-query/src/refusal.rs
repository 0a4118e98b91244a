//! Refusals in the style of rustc: the spot in the SQL, why, and what would pass. They show the researcher's own text and facts
//! of the public catalogue, never data.

use std::fmt;

use sqlparser::tokenizer::Span;

/// Why a question was refused, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refusal(Box<Inner>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Inner {
    code: &'static str,
    message: String,
    line: usize,
    column: usize,
    width: usize,
    source_line: String,
    why: String,
    help: String,
}

impl Refusal {
    /// The refusal with the name of the file that the question stands in, as editors and terminals understand it.
    pub fn in_file(&self, file: &str) -> String {
        struct In<'r>(&'r Inner, &'r str);
        impl fmt::Display for In<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.render(f, Some(self.1))
            }
        }
        In(&self.0, file).to_string()
    }

    /// A stable name of the reason, for the log.
    pub fn code(&self) -> &'static str {
        self.0.code
    }

    /// What is refused, in one line.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Line in the SQL text, from 1.
    pub fn line(&self) -> usize {
        self.0.line
    }

    /// Column in characters, from 1.
    pub fn column(&self) -> usize {
        self.0.column
    }

    /// Characters marked on the line, at least 1.
    pub fn width(&self) -> usize {
        self.0.width
    }

    /// Why it can't pass; can be empty.
    pub fn why(&self) -> &str {
        &self.0.why
    }

    /// What would pass; can be empty.
    pub fn help(&self) -> &str {
        &self.0.help
    }
}

impl fmt::Display for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.render(f, None)
    }
}

impl Inner {
    fn render(&self, f: &mut fmt::Formatter<'_>, file: Option<&str>) -> fmt::Result {
        let gutter = self.line.to_string().len();
        writeln!(f, "error[{}]: {}", self.code, self.message)?;
        match file {
            Some(file) => writeln!(f, "{:gutter$}--> {file}:{}:{}", "", self.line, self.column)?,
            None => writeln!(f, "{:gutter$}--> line {}, column {}", "", self.line, self.column)?,
        }
        writeln!(f, "{:gutter$} |", "")?;
        writeln!(f, "{} | {}", self.line, self.source_line)?;
        // Full-width characters take two cells in a terminal; the caret has to stand below the spot all the same.
        let indent: usize = self.source_line.chars().take(self.column.saturating_sub(1)).map(cells).sum();
        let marked: usize =
            self.source_line.chars().skip(self.column.saturating_sub(1)).take(self.width).map(cells).sum();
        write!(f, "{:gutter$} | {:indent$}{}", "", "", "^".repeat(marked.max(1)))?;
        for (name, text) in [("why", &self.why), ("help", &self.help)] {
            if !text.is_empty() {
                write!(f, "\n{:gutter$} = {name}: {text}", "")?;
            }
        }
        Ok(())
    }
}

/// Terminal cells of a character: two for East Asian wide and full-width ones (the blocks that Japanese text uses).
fn cells(c: char) -> usize {
    let wide = matches!(u32::from(c),
        0x1100..=0x115F | 0x2E80..=0xA4CF | 0xAC00..=0xD7A3 | 0xF900..=0xFAFF | 0xFE30..=0xFE6F | 0xFF00..=0xFF60
        | 0xFFE0..=0xFFE6 | 0x20000..=0x3FFFD);
    if wide { 2 } else { 1 }
}

/// A refusal in the making: it knows its span and not yet the text.
#[derive(Debug, Clone)]
pub(crate) struct Problem(Box<Raw>);

#[derive(Debug, Clone)]
struct Raw {
    code: &'static str,
    span: Span,
    message: String,
    why: String,
    help: String,
}

/// What checking yields inside the crate.
pub(crate) type Checked<T> = Result<T, Problem>;

impl Problem {
    pub(crate) fn new(code: &'static str, span: Span, message: impl Into<String>) -> Problem {
        Problem(Box::new(Raw { code, span, message: message.into(), why: String::new(), help: String::new() }))
    }

    pub(crate) fn code(&self) -> &'static str {
        self.0.code
    }

    pub(crate) fn why(mut self, text: impl Into<String>) -> Problem {
        self.0.why = text.into();
        self
    }

    pub(crate) fn help(mut self, text: impl Into<String>) -> Problem {
        self.0.help = text.into();
        self
    }

    /// Gives a spot to a problem that has none.
    pub(crate) fn or_at(mut self, span: Span) -> Problem {
        if self.0.span == Span::empty() {
            self.0.span = span;
        }
        self
    }

    pub(crate) fn locate(self, text: &str) -> Refusal {
        let Raw { code, span, message, why, help } = *self.0;
        let line = usize::try_from(span.start.line).unwrap_or(1).max(1);
        let column = usize::try_from(span.start.column).unwrap_or(1).max(1);
        // Control characters (tabs, escapes) would bend the terminal; columns stay as they are.
        let source_line: String =
            text.lines().nth(line - 1).unwrap_or("").chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let characters: Vec<char> = source_line.chars().collect();
        let length = characters.len();
        let end = if span.end.line == span.start.line {
            let end = usize::try_from(span.end.column).unwrap_or(column);
            balanced(&characters, column - 1, end.saturating_sub(1)) + 1
        } else {
            length + 1
        };
        let width = end.saturating_sub(column).clamp(1, length.saturating_sub(column - 1).max(1));
        Refusal(Box::new(Inner { code, message, line, column, width, source_line, why, help }))
    }
}

/// sqlparser's spans leave closing parentheses out: the end of `line[start..end]` with them, positions from 0.
pub(crate) fn balanced(line: &[char], start: usize, end: usize) -> usize {
    let mut open = 0_i32;
    let mut at = start;
    // A name with its parenthesis right behind it is a call.
    let end = if line.get(end) == Some(&'(') { end + 1 } else { end };
    while let Some(c) = line.get(at).filter(|_| at < end || open > 0) {
        match c {
            '(' => open += 1,
            ')' => open -= 1,
            _ => {}
        }
        at += 1;
    }
    // Unclosed on this line: as it was.
    if open > 0 { end } else { at.max(end) }
}

/// `a`, `b` or `c`.
pub(crate) fn list<S: AsRef<str>>(items: &[S]) -> String {
    const SHOWN: usize = 24;
    let mut text = items.iter().take(SHOWN).map(|item| format!("`{}`", item.as_ref())).collect::<Vec<_>>().join(", ");
    if items.len() > SHOWN {
        text.push_str(&format!(" and {} more", items.len() - SHOWN));
    }
    text
}
