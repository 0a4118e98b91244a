//! Characters that readers can't see and that change what they see: bidirectional controls, zero-width and other format characters
//! (Trojan Source, CVE-2021-42574; Unicode TR #36 and #39), and control characters. Stewards approve the text they read, so that none
//! may stand in it, not even in a comment. Letters that look alike aren't decided here.

use sqlparser::tokenizer::{Location, Span};

use crate::refusal::Problem;

/// Whether a character is hidden. Tabs and line ends (LF, CR LF) aren't.
fn is_hidden(c: char) -> bool {
    matches!(u32::from(c),
        0xAD | 0x61C | 0x180E | 0x200B..=0x200F | 0x2028..=0x202E | 0x2060..=0x206F | 0xFEFF | 0xFFF9..=0xFFFB
        | 0xE0000..=0xE007F)
        || (c.is_control() && !matches!(c, '\t' | '\n'))
}

/// The first hidden character, with its spot.
pub(crate) fn find(text: &str) -> Option<Problem> {
    for (line, content) in (1_u64..).zip(text.split('\n')) {
        let content = content.strip_suffix('\r').unwrap_or(content);
        if let Some((column, c)) = (1_u64..).zip(content.chars()).find(|(_, c)| is_hidden(*c)) {
            let span = Span::new(Location::new(line, column), Location::new(line, column + 1));
            return Some(
                Problem::new("syntax", span, format!("a character here can't be seen: U+{:04X}", u32::from(c)))
                    .why("it can make the text read otherwise than it means, and stewards approve what they read")
                    .help("delete it; it often comes along when text is copied from a web page or a document"),
            );
        }
    }
    None
}

/// The text as a refusal may show it: a mark in place of each hidden character, spots unchanged.
pub(crate) fn shown(text: &str) -> String {
    text.chars().map(|c| if is_hidden(c) && c != '\r' { char::REPLACEMENT_CHARACTER } else { c }).collect()
}
