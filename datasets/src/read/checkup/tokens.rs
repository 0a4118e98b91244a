//! XML events as slices of the text: quick-xml finds them, nothing is copied. Not a validator: well-formedness is
//! quick-xml's, and attributes are only split where somebody asks for one.

use std::borrow::Cow;

use quick_xml::events::Event;
use quick_xml::reader::Reader;

use super::document::Fault;

pub(super) enum Token<'a> {
    Start { name: &'a str, attributes: Attributes<'a>, empty: bool },
    End,
    Text(&'a str),
    /// `&name;` in a text.
    Reference(&'a str),
    Doctype,
    Eof,
}

pub(super) struct Tokens<'a> {
    reader: Reader<&'a [u8]>,
    text: &'a str,
}

fn position(at: u64) -> usize {
    usize::try_from(at).unwrap_or(usize::MAX)
}

impl<'a> Tokens<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { reader: Reader::from_str(text), text }
    }

    /// The next event and the byte at which it begins.
    pub(super) fn next(&mut self) -> Result<(usize, Token<'a>), Fault> {
        loop {
            let from = position(self.reader.buffer_position());
            let event = match self.reader.read_event() {
                Ok(event) => event,
                Err(_) => return Err(Fault::at("xml", self.text, position(self.reader.error_position()))),
            };
            let raw = self.text.get(from..position(self.reader.buffer_position())).unwrap_or("");
            let token = match event {
                Event::Start(_) => start(raw, false),
                Event::Empty(_) => start(raw, true),
                Event::End(_) => Token::End,
                Event::Text(_) => Token::Text(raw),
                Event::CData(_) => {
                    let inside = raw.strip_prefix("<![CDATA[").and_then(|raw| raw.strip_suffix("]]>"));
                    Token::Text(inside.unwrap_or(""))
                }
                Event::GeneralRef(_) => Token::Reference(raw.trim_start_matches('&').trim_end_matches(';')),
                Event::DocType(_) => Token::Doctype,
                Event::Decl(_) | Event::PI(_) | Event::Comment(_) => continue,
                Event::Eof => Token::Eof,
            };
            return Ok((from, token));
        }
    }
}

fn start(raw: &str, empty: bool) -> Token<'_> {
    let inside = raw.strip_prefix('<').and_then(|raw| raw.strip_suffix('>')).unwrap_or("");
    let inside = if empty { inside.strip_suffix('/').unwrap_or(inside) } else { inside };
    let end = inside.bytes().position(|b| b.is_ascii_whitespace()).unwrap_or(inside.len());
    let (name, rest) = inside.split_at_checked(end).unwrap_or((inside, ""));
    Token::Start { name, attributes: Attributes { rest }, empty }
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
            let end = after.bytes().position(|b| b == quote)?;
            Some((name, after.get(..end)?, after.get(end + 1..)?))
        };
        let Some((name, value, rest)) = split() else {
            self.rest = "";
            return Some(Err("xml"));
        };
        self.rest = rest;
        let local = name.rsplit_once(':').map_or(name, |(_, local)| local);
        Some(Ok((local, value)))
    }
}

impl<'a> Attributes<'a> {
    /// The value of an attribute by its local name.
    pub(super) fn get(self, name: &str) -> Result<Option<Cow<'a, str>>, &'static str> {
        for attribute in self {
            let (local, value) = attribute?;
            if local == name {
                return text(value).map(Some);
            }
        }
        Ok(None)
    }

    /// The values of several attributes; the first of a name counts.
    pub(super) fn all<const N: usize>(self, names: [&str; N]) -> Result<[Option<Cow<'a, str>>; N], &'static str> {
        let mut values = [const { None }; N];
        for attribute in self {
            let (local, value) = attribute?;
            if let Some(at) = names.iter().position(|&name| name == local)
                && let Some(slot) = values.get_mut(at)
                && slot.is_none()
            {
                *slot = Some(text(value)?);
            }
        }
        Ok(values)
    }
}

/// The text of an attribute: references resolved, line ends and tabs as spaces.
fn text(raw: &str) -> Result<Cow<'_, str>, &'static str> {
    if !raw.bytes().any(|b| matches!(b, b'&' | b'\n' | b'\r' | b'\t')) {
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

    proptest! {
        /// Law: the slices say what quick-xml's own events say, and any text is answered.
        #[test]
        fn as_quick_xml_says(text in "(<[ab] c='[x&;>]{0,3}' ?/?>|</[ab]>|[ab;あ]|&amp;|&#65;|<!--[-a]{0,3}-->|<![CDATA\\[[<a]{0,2}\\]\\]>|<\\?a \\?>){0,12}") {
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
                            prop_assert_eq!(name, e.name().into_inner());
                            prop_assert_eq!(attributes.rest, e.attributes_raw());
                        }
                        (Token::Start { name, empty, .. }, Event::Empty(e)) => {
                            prop_assert!(empty);
                            prop_assert_eq!(name, e.name().into_inner());
                        }
                        (Token::End, Event::End(_)) => {}
                        (Token::Text(ours), Event::Text(e)) => prop_assert_eq!(ours, &e.into_inner()),
                        (Token::Text(ours), Event::CData(e)) => prop_assert_eq!(ours, &e.into_inner()),
                        (Token::Reference(ours), Event::GeneralRef(e)) => prop_assert_eq!(ours, &e.into_inner()),
                        (Token::Eof, Event::Eof) => break,
                        (_, theirs) => prop_assert!(false, "{theirs:?}"),
                    },
                    _ => prop_assert!(false, "one of the two refuses"),
                }
            }
        }
    }
}
