//! XML as slices of a text: elements, references and character data, nothing copied. Not a validator and not for streams.
//!
//! Written by hand because a document is mostly markup that nobody asks for; what is well-formed is what quick-xml takes
//! for well-formed, which the test below compares on any text. No DTD is read: the first `<!` that is neither comment nor
//! CDATA ends a document.

use std::borrow::Cow;

use memchr::{memchr, memchr_iter, memchr2, memmem};

use super::document::Fault;

pub(super) enum Token<'a> {
    Start {
        /// Without its prefix.
        name: &'a str,
        attributes: Attributes<'a>,
        empty: bool,
    },
    End,
    Text(&'a str),
    /// `&name;` in a text.
    Reference(&'a str),
    Doctype,
    Eof,
}

pub(super) struct Tokens<'a> {
    text: &'a str,
    at: usize,
    /// Names of the elements that are open, with their prefixes.
    open: Vec<&'a str>,
}

impl<'a> Tokens<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0, open: Vec::with_capacity(16) }
    }

    fn fault(&self, at: usize) -> Fault {
        Fault::at("xml", self.text, at)
    }

    /// The text from `from` up to the next `end`, which is passed over.
    fn until(&mut self, from: usize, end: &[u8]) -> Option<&'a str> {
        let rest = self.text.as_bytes().get(from..)?;
        let length = if let [byte] = end { memchr(*byte, rest) } else { memmem::find(rest, end) }?;
        self.at = from + length + end.len();
        self.text.get(from..from + length)
    }

    /// The next event and the byte at which it begins.
    pub(super) fn next(&mut self) -> Result<(usize, Token<'a>), Fault> {
        loop {
            let from = self.at;
            let rest = self.text.as_bytes().get(from..).unwrap_or(&[]);
            let Some(&first) = rest.first() else {
                return Ok((from, Token::Eof));
            };
            let token = match (first, rest.get(1)) {
                (b'<', Some(b'/')) => self.end(from)?,
                (b'<', Some(b'?')) => {
                    self.until(from + 2, b"?>").ok_or_else(|| self.fault(from))?;
                    continue;
                }
                (b'<', Some(b'!')) => {
                    if rest.starts_with(b"<!--") {
                        self.until(from + 4, b"-->").ok_or_else(|| self.fault(from))?;
                        continue;
                    } else if rest.starts_with(b"<![CDATA[") {
                        Token::Text(self.until(from + 9, b"]]>").ok_or_else(|| self.fault(from))?)
                    } else {
                        Token::Doctype
                    }
                }
                (b'<', _) => self.start(from)?,
                (b'&', _) => {
                    let name = self.until(from + 1, b";").filter(|name| !name.contains(['<', '&']));
                    Token::Reference(name.ok_or_else(|| self.fault(from))?)
                }
                _ => {
                    // Between two tags there mostly is a line end.
                    let length = match rest.get(1) {
                        Some(b'<' | b'&') => 1,
                        _ => memchr2(b'<', b'&', rest).unwrap_or(rest.len()),
                    };
                    self.at = from + length;
                    Token::Text(self.text.get(from..from + length).unwrap_or(""))
                }
            };
            return Ok((from, token));
        }
    }

    fn end(&mut self, from: usize) -> Result<Token<'a>, Fault> {
        let open = self.open.pop().ok_or_else(|| self.fault(from))?;
        let rest = self.text.as_bytes().get(from + 2..).unwrap_or(&[]);
        if rest.strip_prefix(open.as_bytes()).is_some_and(|rest| rest.first() == Some(&b'>')) {
            self.at = from + 3 + open.len();
            return Ok(Token::End);
        }
        let name = self.until(from + 2, b">").ok_or_else(|| self.fault(from))?;
        if name.trim_end_matches([' ', '\t', '\n', '\r']) != open {
            return Err(self.fault(from));
        }
        Ok(Token::End)
    }

    fn start(&mut self, from: usize) -> Result<Token<'a>, Fault> {
        let rest = self.text.get(from + 1..).unwrap_or("");
        let (mut local, mut end) = (0, None);
        for (at, &byte) in rest.as_bytes().iter().enumerate() {
            match byte {
                b'>' | b' ' | b'\t' | b'\n' | b'\r' => {
                    end = Some(at);
                    break;
                }
                b':' => local = at + 1,
                _ => {}
            }
        }
        let (name, rest) = end.and_then(|end| rest.split_at_checked(end)).ok_or_else(|| self.fault(from))?;
        let close = close(rest.as_bytes()).ok_or_else(|| self.fault(from))?;
        self.at = from + 1 + name.len() + close + 1;
        let rest = rest.get(..close).unwrap_or("");
        // `<a/>` and `<a b="" />`.
        let last = if rest.is_empty() { name } else { rest };
        let empty = last.as_bytes().last() == Some(&b'/');
        let shorter = |text: &'a str| text.get(..text.len().saturating_sub(1)).unwrap_or("");
        let (name, rest) = match (empty, rest.is_empty()) {
            (true, true) => (shorter(name), rest),
            (true, false) => (name, shorter(rest)),
            _ => (name, rest),
        };
        if name.is_empty() {
            return Err(self.fault(from));
        }
        if !empty {
            self.open.push(name);
        }
        Ok(Token::Start { name: name.get(local..).unwrap_or(name), attributes: Attributes { rest }, empty })
    }
}

/// Where the `>` stands that closes a tag: one within quotes does not.
fn close(rest: &[u8]) -> Option<usize> {
    let end = memchr(b'>', rest)?;
    let before = rest.get(..end)?;
    if memchr_iter(b'"', before).count().is_multiple_of(2) && memchr(b'\'', before).is_none() {
        return Some(end);
    }
    let mut quote = None;
    rest.iter().position(|&byte| {
        match (quote, byte) {
            (None, b'>') => return true,
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), _) if open == byte => quote = None,
            _ => {}
        }
        false
    })
}

/// The attributes of an element, not split yet.
#[derive(Clone, Copy)]
pub(super) struct Attributes<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Attributes<'a> {
    /// Local name and value as written; the code of a fault otherwise.
    type Item = Result<(&'a str, &'a str), &'static str>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.rest.trim_ascii_start();
        if rest.is_empty() {
            return None;
        }
        let split = || {
            let equals = rest.bytes().position(|b| b == b'=')?;
            let name = rest.get(..equals)?.trim_ascii_end();
            let after = rest.get(equals + 1..)?.trim_ascii_start();
            let quote = *after.as_bytes().first().filter(|&&b| b == b'"' || b == b'\'')?;
            let after = after.get(1..)?;
            let end = memchr(quote, after.as_bytes())?;
            Some((name, after.get(..end)?, after.get(end + 1..)?))
        };
        let Some((name, value, rest)) = split() else {
            self.rest = "";
            return Some(Err("xml"));
        };
        self.rest = rest;
        let local = name.bytes().rposition(|b| b == b':').and_then(|at| name.get(at + 1..)).unwrap_or(name);
        Some(Ok((local, value)))
    }
}

impl<'a> Attributes<'a> {
    /// The value of an attribute by its local name.
    #[inline]
    pub(super) fn get(self, name: &str) -> Result<Option<Cow<'a, str>>, &'static str> {
        for attribute in self {
            let (local, value) = attribute?;
            if local == name {
                return text(value).map(Some);
            }
        }
        Ok(None)
    }
}

/// The text of an attribute: references resolved, line ends and tabs as spaces.
pub(super) fn text(raw: &str) -> Result<Cow<'_, str>, &'static str> {
    if !raw.bytes().any(|b| b == b'&' || b < b' ') {
        return Ok(Cow::Borrowed(raw));
    }
    let mut made = String::with_capacity(raw.len());
    let mut parts = raw.split('&');
    for (at, part) in parts.by_ref().enumerate() {
        let mut part = part;
        if at > 0 {
            let (name, rest) = part.split_once(';').ok_or("entity")?;
            made.push(resolved(name).ok_or("entity")?);
            part = rest;
        }
        made.extend(part.chars().map(|c| if matches!(c, '\n' | '\r' | '\t') { ' ' } else { c }));
    }
    Ok(Cow::Owned(made))
}

/// The character of a reference: one of XML's five, or by number.
pub(super) fn resolved(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = name.strip_prefix('#')?;
            let (digits, radix) = number.strip_prefix('x').map_or((number, 10), |hex| (hex, 16));
            if !digits.starts_with(|c: char| c.is_ascii_hexdigit()) {
                return None;
            }
            u32::from_str_radix(digits, radix).ok().and_then(char::from_u32).filter(|&c| c != '\0')
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use proptest::prelude::*;
    use quick_xml::events::Event;
    use quick_xml::reader::Reader;

    use super::*;

    fn attributes(rest: &str) -> Vec<Result<(String, String), &'static str>> {
        let all = Attributes { rest };
        all.map(|a| a.and_then(|(n, v)| Ok((n.to_owned(), text(v)?.into_owned())))).collect()
    }

    #[test]
    fn attributes_as_written() {
        let one = |n: &str, v: &str| Ok((n.to_owned(), v.to_owned()));
        assert_eq!(
            attributes(" code=\"1\"  xsi:type = 'P&quot;Q'\n u=\"a>&#x3042;\n\"/"),
            [one("code", "1"), one("type", "P\"Q"), one("u", "a>あ "), Err("xml")]
        );
        assert_eq!(attributes(" a=\"&lol;\""), [Err("entity")]);
        assert_eq!(attributes(" a=\"&#0;\""), [Err("entity")]);
        assert_eq!(attributes(" a=1"), [Err("xml")]);
        assert_eq!(attributes(" a"), [Err("xml")]);
        assert_eq!(attributes("  "), []);
        for bad in ["#x", "#", "#xD800", "#-1", "#+1", "nbsp", ""] {
            assert_eq!(resolved(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_doctype_is_told() {
        for text in ["<!DOCTYPE a [<!ENTITY b \"c\">]><a/>", "<!ELEMENT a>", "<!"] {
            assert!(matches!(Tokens::new(text).next(), Ok((0, Token::Doctype))), "{text}");
        }
    }

    proptest! {
        /// Any text is answered, in as many steps as it has bytes.
        #[test]
        fn total(text in "[<>/!?&;'\"ab= あ-]{0,60}") {
            let mut tokens = Tokens::new(&text);
            for _ in 0..=text.len() {
                match tokens.next() {
                    Ok((_, Token::Start { attributes, .. })) => { let _ = attributes.get("a"); }
                    Ok((_, Token::Eof | Token::Doctype)) | Err(_) => return Ok(()),
                    Ok(_) => {}
                }
            }
            prop_assert!(false, "no end");
        }

        /// Law: our events are those of quick-xml, and what it refuses is refused.
        #[test]
        fn as_quick_xml_says(text in "(<(p:)?[ab] c='[x&;>\"]{0,3}' ?/?>|<a c=\"[>']{0,2}\"/>|<a '>|</(p:)?[ab] ?>|[ab;あ]|&amp;|&#65;|<!--[-a]{0,3}-->|<!\\[CDATA\\[[<a]{0,2}\\]\\]>|<\\?a \\?>){0,12}") {
            let mut tokens = Tokens::new(&text);
            let mut reader = Reader::from_str(&text);
            loop {
                let theirs = loop {
                    match reader.read_event() {
                        Ok(Event::Decl(_) | Event::PI(_) | Event::Comment(_)) => {}
                        other => break other,
                    }
                };
                match (tokens.next(), theirs) {
                    (Err(fault), Err(_)) => { prop_assert_eq!(fault.code, "xml"); break; }
                    (Ok((_, ours)), Ok(theirs)) => match (ours, theirs) {
                        (Token::Start { name, attributes, empty }, Event::Start(e)) => {
                            prop_assert!(!empty);
                            prop_assert_eq!(name, e.local_name().into_inner());
                            prop_assert_eq!(attributes.rest, e.attributes_raw());
                        }
                        (Token::Start { name, empty, .. }, Event::Empty(e)) => {
                            prop_assert!(empty);
                            prop_assert_eq!(name, e.local_name().into_inner());
                        }
                        (Token::End, Event::End(_)) => {}
                        (Token::Text(ours), Event::Text(e)) => prop_assert_eq!(ours, &e.into_inner()),
                        (Token::Text(ours), Event::CData(e)) => prop_assert_eq!(ours, &e.into_inner()),
                        (Token::Reference(ours), Event::GeneralRef(e)) => prop_assert_eq!(ours, &e.into_inner()),
                        (Token::Doctype, Event::DocType(_)) | (Token::Eof, Event::Eof) => break,
                        (_, theirs) => prop_assert!(false, "{theirs:?}"),
                    },
                    _ => prop_assert!(false, "one of the two refuses"),
                }
            }
        }
    }
}
