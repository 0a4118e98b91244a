//! What the program prints: words, tables, progress bars and JSON. Results go to standard output, everything else to
//! standard error; with `--json`, standard output holds one JSON value and nothing else.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table, TableStyle};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::fail::Failure;

/// Where results go.
pub struct Out {
    json: bool,
}

impl Out {
    /// JSON or words.
    pub fn new(json: bool) -> Self {
        Self { json }
    }

    /// Whether a machine reads.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// A line of words; nothing in JSON mode. A closed pipe ends quietly.
    pub fn line(&self, text: impl AsRef<str>) {
        if !self.json {
            let _ = writeln!(std::io::stdout(), "{}", text.as_ref());
        }
    }

    /// The result for a machine; nothing in words mode.
    pub fn value(&self, value: &impl Serialize) {
        if self.json
            && let Ok(text) = serde_json::to_string_pretty(value)
        {
            let _ = writeln!(std::io::stdout(), "{text}");
        }
    }

    /// A table; columns after the first `left` are numbers.
    pub fn table(&self, headers: &[&str], left: usize, rows: &[Vec<String>]) {
        let mut table = Table::new();
        let rule = || LineStyle::none().fill('─').junction('─');
        table
            .load_style(TableStyle::new().header_separator(rule()).bottom_border(rule()))
            .set_content_arrangement(ContentArrangement::Disabled);
        table.set_header(headers.iter().copied());
        for row in rows {
            table.add_row(row);
        }
        for (i, column) in table.column_iter_mut().enumerate() {
            column.set_cell_alignment(if i < left { CellAlignment::Left } else { CellAlignment::Right });
        }
        for line in table.to_string().lines() {
            self.line(format!("  {}", line.trim_end()));
        }
    }

    /// The one message of a failure, on standard error; in JSON mode as JSON on standard output as well.
    pub fn failure(&self, failure: &Failure) {
        let mut err = std::io::stderr();
        // A refused question says `error[code]` itself.
        let lead = if failure.message.starts_with("error[") { "" } else { "error: " };
        let _ = writeln!(err, "{lead}{}", failure.message);
        if let Some(hint) = &failure.hint {
            let _ = writeln!(err, "  help: {hint}");
        }
        if !failure.told {
            self.value(&serde_json::json!({ "error": failure.message, "help": failure.hint, "exit": failure.exit() }));
        }
    }

    /// A bar over bytes, rows or persons; drawn on a terminal only.
    pub fn bar(&self, what: &str, length: u64, bytes: bool) -> ProgressBar {
        if self.json || !std::io::stderr().is_terminal() {
            return ProgressBar::hidden();
        }
        let bar = ProgressBar::new(length);
        let amount = if bytes { "{bytes}/{total_bytes}" } else { "{human_pos}/{human_len}" };
        let template = format!("  {{msg:<34}} {{bar:30}} {amount} {{elapsed}}");
        if let Ok(style) = ProgressStyle::with_template(&template) {
            bar.set_style(style.progress_chars("█▉▊▋▌▍▎▏ "));
        }
        bar.set_message(what.to_owned());
        bar
    }

    /// A spinner for work of unknown length; drawn on a terminal only.
    pub fn spinner(&self, what: &str) -> ProgressBar {
        if self.json || !std::io::stderr().is_terminal() {
            return ProgressBar::hidden();
        }
        let bar = ProgressBar::new_spinner();
        bar.set_message(what.to_owned());
        bar.enable_steady_tick(Duration::from_millis(100));
        bar
    }
}

/// `12345` as `12,345`.
pub fn thousands(n: impl Into<i128>) -> String {
    let n: i128 = n.into();
    let digits = n.unsigned_abs().to_string();
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    if n < 0 { format!("-{out}") } else { out }
}

/// A path for people: relative to the working folder where that is shorter.
pub fn place(path: &std::path::Path) -> String {
    let here = std::env::current_dir().ok();
    let relative = here.as_deref().and_then(|h| path.strip_prefix(h).ok()).unwrap_or(path);
    relative.display().to_string()
}

#[cfg(test)]
mod tests {
    use super::thousands;

    #[test]
    fn thousands_are_grouped() {
        assert_eq!(thousands(0), "0");
        assert_eq!(thousands(999), "999");
        assert_eq!(thousands(1_000), "1,000");
        assert_eq!(thousands(-12_345_678), "-12,345,678");
    }
}
