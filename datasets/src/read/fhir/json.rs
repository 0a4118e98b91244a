//! JSON of one resource as a tree that borrows from its bytes. Not `serde_json`: measured values must come out with the
//! digits that were written (a double has others, and its `arbitrary_precision` would change every crate that uses it),
//! and an object that says a thing twice must not be taken for either.

use std::borrow::Cow;

/// Deeper nesting than FHIR has.
pub(super) const DEPTH: usize = 64;

/// A value. Numbers are kept as written.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Json<'a> {
    Null,
    Flag(bool),
    Number(&'a str),
    Text(Cow<'a, str>),
    List(Vec<Json<'a>>),
    Object(Vec<(Cow<'a, str>, Json<'a>)>),
}

static NOTHING: Json<'static> = Json::Null;

impl<'a> Json<'a> {
    /// A member of an object; `Null` for everything else.
    pub(super) fn get(&self, key: &str) -> &Json<'a> {
        match self {
            Self::Object(members) => members.iter().find(|(name, _)| name == key).map_or(&NOTHING, |(_, value)| value),
            _ => &NOTHING,
        }
    }

    /// A member's text; not its number.
    pub(super) fn text(&self, key: &str) -> Option<&str> {
        self.get(key).as_text()
    }

    pub(super) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn number(&self, key: &str) -> Option<&'a str> {
        match self.get(key) {
            Self::Number(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn has(&self, key: &str) -> bool {
        !matches!(self.get(key), Self::Null)
    }

    /// The elements of a list; a value that stands alone where a list belongs is a list of one.
    pub(super) fn list(&self, key: &str) -> &[Json<'a>] {
        match self.get(key) {
            Self::List(elements) => elements,
            Self::Null => &[],
            one => std::slice::from_ref(one),
        }
    }
}

/// The value that the bytes hold, and nothing else; `Err` is a reason code.
pub(super) fn parse(bytes: &[u8]) -> Result<Json<'_>, &'static str> {
    let text = std::str::from_utf8(bytes).map_err(|_| "encoding")?;
    let mut parser = Parser { text, at: 0 };
    let value = parser.value(0)?;
    parser.space();
    if parser.at == text.len() { Ok(value) } else { Err(BAD) }
}

const BAD: &str = "json";

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> Result<(), &'static str> {
        if self.peek() == Some(byte) {
            self.at += 1;
            return Ok(());
        }
        Err(BAD)
    }

    fn word(&mut self, word: &str, value: Json<'a>) -> Result<Json<'a>, &'static str> {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or(&[]);
        if rest.starts_with(word.as_bytes()) {
            self.at += word.len();
            return Ok(value);
        }
        Err(BAD)
    }

    fn value(&mut self, depth: usize) -> Result<Json<'a>, &'static str> {
        if depth >= DEPTH {
            return Err("too-deep");
        }
        self.space();
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.elements(depth),
            Some(b'"') => self.string().map(Json::Text),
            Some(b't') => self.word("true", Json::Flag(true)),
            Some(b'f') => self.word("false", Json::Flag(false)),
            Some(b'n') => self.word("null", Json::Null),
            _ => self.digits(),
        }
    }

    fn object(&mut self, depth: usize) -> Result<Json<'a>, &'static str> {
        let mut members: Vec<(Cow<'a, str>, Json<'a>)> = Vec::new();
        self.take(b'{')?;
        self.space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Json::Object(members));
        }
        loop {
            self.space();
            let key = self.string()?;
            self.space();
            self.take(b':')?;
            members.push((key, self.value(depth + 1)?));
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                _ => break,
            }
        }
        self.take(b'}')?;
        if twice(&members) { Err("duplicate-key") } else { Ok(Json::Object(members)) }
    }

    fn elements(&mut self, depth: usize) -> Result<Json<'a>, &'static str> {
        let mut elements = Vec::new();
        self.take(b'[')?;
        self.space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Json::List(elements));
        }
        loop {
            elements.push(self.value(depth + 1)?);
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                _ => break,
            }
        }
        self.take(b']')?;
        Ok(Json::List(elements))
    }

    fn string(&mut self) -> Result<Cow<'a, str>, &'static str> {
        self.take(b'"')?;
        let start = self.at;
        let mut made: Option<String> = None;
        let mut from = start;
        loop {
            let byte = self.peek().ok_or(BAD)?;
            match byte {
                b'"' => {
                    let last = self.text.get(from..self.at).ok_or(BAD)?;
                    self.at += 1;
                    return Ok(match made {
                        None => Cow::Borrowed(last),
                        Some(mut text) => {
                            text.push_str(last);
                            Cow::Owned(text)
                        }
                    });
                }
                b'\\' => {
                    let passed = self.text.get(from..self.at).ok_or(BAD)?;
                    self.at += 1;
                    let c = self.escape()?;
                    let text = made.get_or_insert_with(String::new);
                    text.push_str(passed);
                    text.push(c);
                    from = self.at;
                }
                0..0x20 => return Err(BAD),
                _ => self.at += 1,
            }
        }
    }

    fn escape(&mut self) -> Result<char, &'static str> {
        let byte = self.peek().ok_or(BAD)?;
        self.at += 1;
        Ok(match byte {
            b'"' | b'\\' | b'/' => char::from(byte),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let first = self.hex()?;
                if !(0xD800..0xDC00).contains(&first) {
                    return char::from_u32(first).ok_or(BAD);
                }
                self.take(b'\\')?;
                self.take(b'u')?;
                let second = self.hex()?;
                if !(0xDC00..0xE000).contains(&second) {
                    return Err(BAD);
                }
                char::from_u32(0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00)).ok_or(BAD)?
            }
            _ => return Err(BAD),
        })
    }

    fn hex(&mut self) -> Result<u32, &'static str> {
        let digits = self.text.as_bytes().get(self.at..self.at + 4).ok_or(BAD)?;
        let mut value = 0;
        for &digit in digits {
            value = value * 16 + char::from(digit).to_digit(16).ok_or(BAD)?;
        }
        self.at += 4;
        Ok(value)
    }

    fn run(&mut self) -> usize {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        self.at - start
    }

    fn digits(&mut self) -> Result<Json<'a>, &'static str> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        let zero = self.peek() == Some(b'0');
        match self.run() {
            0 => return Err(BAD),
            1 => {}
            _ if zero => return Err(BAD),
            _ => {}
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            if self.run() == 0 {
                return Err(BAD);
            }
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            if self.run() == 0 {
                return Err(BAD);
            }
        }
        self.text.get(start..self.at).map(Json::Number).ok_or(BAD)
    }
}

/// Whether a name occurs twice. Sorted, so that an object of a million members costs no more than sorting them.
fn twice(members: &[(Cow<'_, str>, Json<'_>)]) -> bool {
    let mut names: Vec<&str> = members.iter().map(|(name, _)| name.as_ref()).collect();
    names.sort_unstable();
    names.windows(2).any(|pair| matches!(pair, [a, b] if a == b))
}

/// A number without exponent, with the digits it was written with; `None` if it is longer than any measured value.
pub(super) fn plain(number: &str) -> Option<Cow<'_, str>> {
    const LONGEST: usize = 40;
    let Some((mantissa, exponent)) = number.split_once(['e', 'E']) else {
        return (number.len() <= LONGEST).then_some(Cow::Borrowed(number));
    };
    let exponent: i32 = exponent.parse().ok().filter(|e| (-30..=30).contains(e))?;
    let (sign, body) = mantissa.strip_prefix('-').map_or(("", mantissa), |body| ("-", body));
    let (whole, fraction) = body.split_once('.').unwrap_or((body, ""));
    let digits = format!("{whole}{fraction}");
    let point = i32::try_from(whole.len()).ok()?.checked_add(exponent)?;
    let text = match usize::try_from(point) {
        Ok(0) | Err(_) => format!("{sign}0.{}{digits}", "0".repeat(usize::try_from(-point).ok()?)),
        Ok(point) => match (digits.get(..point), digits.get(point..)) {
            (Some(whole), Some("")) => format!("{sign}{whole}"),
            (Some(whole), Some(fraction)) => format!("{sign}{whole}.{fraction}"),
            _ => format!("{sign}{digits}{}", "0".repeat(point - digits.len())),
        },
    };
    (text.len() <= LONGEST).then_some(Cow::Owned(text))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn values_as_written() {
        let json =
            parse("{\"a\": [1.50, -0, 2E-3, \"\\u3042\\ud83d\\ude00\\n\", true, null], \"b\":{}}".as_bytes()).unwrap();
        let list = json.list("a");
        assert_eq!(list[0], Json::Number("1.50"));
        assert_eq!(list[2], Json::Number("2E-3"));
        assert_eq!(list[3].as_text(), Some("あ😀\n"));
        assert!(json.has("b") && !json.has("c"));
        assert_eq!(json.list("b").len(), 1);
    }

    #[test]
    fn what_is_no_json() {
        for (bad, code) in [
            (&b"{\"a\":1,\"a\":1}"[..], "duplicate-key"),
            (b"NaN", BAD),
            (b"{\"a\":NaN}", BAD),
            (b"01", BAD),
            (b"1.", BAD),
            (b"-", BAD),
            (b"1 2", BAD),
            (b"\"\\ud800x\"", BAD),
            (b"\"\n\"", BAD),
            (b"{\"a\":1,}", BAD),
            (b"[1,]", BAD),
            (b"\"\xff\"", "encoding"),
            (b"", BAD),
        ] {
            assert_eq!(parse(bad).err(), Some(code), "{}", String::from_utf8_lossy(bad));
        }
        assert_eq!(parse("[".repeat(1_000_000).as_bytes()).err(), Some("too-deep"));
    }

    #[test]
    fn exponents() {
        let exact = |text: &str| plain(text).map(Cow::into_owned);
        for (from, to) in [
            ("1.20", "1.20"),
            ("1.25e2", "125"),
            ("1.25e1", "12.5"),
            ("-5e-3", "-0.005"),
            ("1e3", "1000"),
            ("2.5E0", "2.5"),
        ] {
            assert_eq!(exact(from).as_deref(), Some(to));
        }
        assert_eq!(exact("1e400"), None);
        assert_eq!(exact(&"1".repeat(41)), None);
    }

    proptest! {
        #[test]
        fn total(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = parse(&bytes);
        }

        #[test]
        fn agrees_with_serde_json(text in "[\\[\\]{}:,\"a-c\\\\u0-9.eE+ -]{0,24}") {
            let theirs = serde_json::from_str::<serde_json::Value>(&text);
            let ours = parse(text.as_bytes());
            if let Err("duplicate-key") = ours {
                return Ok(());
            }
            // Numbers beyond a double are theirs to refuse.
            let huge = theirs.as_ref().is_err_and(|error| error.to_string().contains("out of range"));
            prop_assert_eq!(ours.is_ok() && !huge, theirs.is_ok());
        }
    }
}
