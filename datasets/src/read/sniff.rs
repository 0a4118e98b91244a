//! What a file is, from its first bytes; its name is never asked. Not validation: a reader may still refuse it.

use super::header;
use super::maps::Maps;
use super::text;
use super::walk::CHECK;

/// How many first bytes are looked at.
pub(super) const HEAD: usize = 64 * 1024;

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Eligibility,
    Roster,
    Daily,
    /// Payer-side claims.
    Claims,
    /// Provider-side claims (UKE).
    ProviderClaims,
    Checkup,
    /// Checkups as CSV.
    CheckupCsv,
    /// FHIR, as JSON or NDJSON.
    Fhir,
    AppleHealth,
    Fitbit,
    /// A table by one of the column maps.
    Mapped,
    Consent,
    OptOut,
    /// Known, but holds no data for a reader: archive index, summary, schema, settlement file.
    Beside(&'static str),
    Zip,
    Utf16,
    Empty,
    /// A known header, but with semicolons between its items.
    Semicolons,
    /// Two of the user's maps fit.
    Ambiguous(usize, usize),
    Unknown,
}

impl Format {
    /// Rosters come before all: opt-out lists and daily files name their users. Opt-outs come before anybody's rows.
    pub(super) fn turn(self) -> Option<u8> {
        match self {
            Self::Roster => Some(0),
            // Whose rows must not leave is known before there are any.
            Self::OptOut => Some(1),
            Self::Eligibility => Some(2),
            Self::Consent => Some(3),
            Self::Claims => Some(4),
            Self::ProviderClaims => Some(5),
            Self::Checkup => Some(6),
            Self::CheckupCsv => Some(7),
            Self::Fhir => Some(8),
            Self::Daily => Some(9),
            Self::AppleHealth => Some(10),
            Self::Fitbit => Some(11),
            Self::Mapped => Some(12),
            _ => None,
        }
    }
}

/// What it is, and which column map says so.
pub(super) fn format(head: &[u8], maps: &Maps) -> (Format, Option<usize>) {
    match shape(head) {
        Ok(format) => (format, None),
        Err(text) => header::kind(header::record(text), maps),
    }
}

/// Why a file of this format is not read: code, what is wrong, what to do.
pub(super) fn refusal(format: Format, head: &[u8], maps: &Maps) -> Option<(&'static str, String, &'static str)> {
    let (code, what, help) = match format {
        Format::Utf16 => {
            ("utf-16", "the file is encoded in UTF-16".to_owned(), "Save it as UTF-8 or as CP932 (Shift_JIS)")
        }
        Format::Empty => ("empty-file", "the file is empty".to_owned(), CHECK),
        Format::Semicolons => (
            "semicolons",
            "the items are separated by semicolons".to_owned(),
            "Export the file again, with commas or tabs",
        ),
        Format::Ambiguous(one, other) => {
            let name = |at| maps.get(at).map_or("", |map| map.name());
            let what = format!("two column maps fit this file: {} and {}", name(one), name(other));
            let help = "Give one of them, or a header under [recognize] that only one of the files has";
            ("map-ambiguous", what, help)
        }
        Format::Unknown => {
            let mut what = "the content is none of the formats that are read".to_owned();
            let record = shape(head).err().map(header::record);
            if let Some((map, missing)) = record.and_then(|record| header::near(record, maps)) {
                let missing = missing.join(", ");
                what.push_str(&format!("; {} comes nearest, but the file lacks its headers {missing}", map.name()));
            }
            ("unknown-content", what, READ)
        }
        _ => return None,
    };
    Some((code, what, help))
}

const READ: &str = "Give eligibility, claims, checkups, FHIR, lifelogs or tables in one of the formats of the guide, or a \
                    column map for your own";

/// What it is by its shape; else the text, which may be a CSV.
fn shape(head: &[u8]) -> Result<Format, &[u8]> {
    if head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06") {
        return Ok(Format::Zip);
    }
    let Some((_, mark)) = text::encoding(head) else {
        return Ok(Format::Utf16);
    };
    let body = head.get(mark..).unwrap_or(&[]);
    let start = body.trim_ascii_start();
    if start.is_empty() || start.iter().all(|&byte| byte == 0x1A) {
        return Ok(Format::Empty);
    }
    if start.starts_with(b"<") {
        return Ok(xml(start));
    }
    if start.starts_with(b"{") || start.starts_with(b"[") {
        // The reader judges whether it is FHIR: the resource type may stand anywhere in an object.
        return Ok(Format::Fhir);
    }
    let line = start.split(|&byte| byte == b'\n').next().unwrap_or(start).trim_ascii_end();
    let mut items = line.split(|&byte| byte == b',');
    let lead: [&[u8]; 4] = std::array::from_fn(|_| items.next().unwrap_or(&[]));
    let [kind, row, branch, record] = lead;
    let number = |item: &[u8]| !item.is_empty() && item.iter().all(u8::is_ascii_digit);
    if matches!(kind, b"1" | b"2")
        && number(row)
        && (branch.is_empty() || number(branch))
        && matches!(record, b"MN" | b"IR" | b"YK" | b"UK" | b"RE" | b"JY" | b"HO")
    {
        return Ok(Format::Claims);
    }
    // 審査支払機関 and 都道府県, one of which samples leave out; a receipt sent back alone begins with its RE.
    let house = matches!(kind, b"IR" | b"YK" | b"UK") && (number(row) || number(branch));
    if house || kind == b"RE" && number(row) && number(branch) && branch.len() == 4 {
        return Ok(Format::ProviderClaims);
    }
    // Blank lines before a header; a tab there is an empty first title.
    let lines = body.iter().position(|byte| !matches!(byte, b'\r' | b'\n')).unwrap_or(0);
    Err(body.get(lines..).unwrap_or(body))
}

/// Whether a whole file is a document of a checkup, at little cost: what this does not tell, [`format`] does.
pub(super) fn is_document(bytes: &[u8]) -> bool {
    const PROLOGUE: usize = 1024;
    let body = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes).trim_ascii_start();
    body.starts_with(b"<") && xml(body.get(..PROLOGUE.min(body.len())).unwrap_or(body)) == Format::Checkup
}

fn xml(start: &[u8]) -> Format {
    // Skips declaration, comments, processing instructions and a DOCTYPE; the reader proper judges them.
    let mut rest = start;
    loop {
        rest = rest.trim_ascii_start();
        let close = rest.iter().position(|&byte| byte == b'>').unwrap_or(rest.len());
        let subset = rest.iter().take(close).any(|&byte| byte == b'[');
        let end: &[u8] = if rest.starts_with(b"<!--") {
            b"-->"
        } else if rest.starts_with(b"<!") && subset {
            b"]>"
        } else if rest.starts_with(b"<?") || rest.starts_with(b"<!") {
            b">"
        } else {
            break;
        };
        let Some(at) = rest.windows(end.len()).position(|window| window == end) else {
            return Format::Unknown;
        };
        rest = rest.get(at + end.len()..).unwrap_or(&[]);
    }
    let name = rest
        .strip_prefix(b"<")
        .unwrap_or(&[])
        .split(|&byte| byte.is_ascii_whitespace() || matches!(byte, b'>' | b'/'))
        .next()
        .unwrap_or(&[]);
    let local = name.rsplit(|&byte| byte == b':').next().unwrap_or(name);
    match local {
        b"ClinicalDocument" => Format::Checkup,
        b"HealthData" => Format::AppleHealth,
        b"index" => Format::Beside("archive-index"),
        b"summary" => Format::Beside("archive-summary"),
        b"schema" => Format::Beside("schema"),
        b"checkupClaim" | b"guidanceClaim" | b"interventionClaim" => Format::Beside("settlement"),
        _ => Format::Unknown,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;

    fn format(head: &[u8]) -> Format {
        let catalogue = crate::catalogue::Catalogue::builtin().unwrap();
        super::format(head, &Maps::load(&[], &catalogue).unwrap()).0
    }

    #[test]
    fn by_content() {
        let xml = "\u{feff}<?xml version=\"1.0\"?>\n<!-- a > b -->\n<hl7:ClinicalDocument xmlns:hl7='urn:hl7-org:v3'>";
        assert_eq!(format(xml.as_bytes()), Format::Checkup);
        assert_eq!(format(b"<index xmlns='x'/>"), Format::Beside("archive-index"));
        assert_eq!(format(b"1,1,0,MN,012345678"), Format::Claims);
        assert_eq!(format(b"1,1,,IR,1,13,1,1234567"), Format::Claims);
        for head in [&b"IR,1,13,1,1234567,,A,202404,00,"[..], b"YK,,13,4,1234567", b"UK,1,13", b"RE,1,1112,202404,A"] {
            assert_eq!(format(head), Format::ProviderClaims);
        }
        assert_eq!(format(b"RE,IR"), Format::Unknown);
        assert_eq!(format(b"PK\x03\x04"), Format::Zip);
        assert_eq!(format(b"\r\n\x1a"), Format::Empty);
        assert_eq!(format(b"\xFF\xFEa\0"), Format::Utf16);
        assert_eq!(format(b"hello,world"), Format::Unknown);
        assert_eq!(format("利用者ID,日付,歩数".as_bytes()), Format::Daily);
        assert_eq!(format("\u{feff}\"利用者\r\nＩＤ\"\t日付\t\"歩数,千\"\r\nU1\t".as_bytes()), Format::Daily);
        assert_eq!(format("利用者ID;日付;歩数".as_bytes()), Format::Semicolons);
        assert_eq!(format("\"利用者ID,日付,歩数\nU1,".as_bytes()), Format::Unknown, "a quote that never closes");
    }

    #[test]
    fn an_unclosed_prologue_is_unknown() {
        assert_eq!(format(b"<!-- no end"), Format::Unknown);
        assert_eq!(format(b"<"), Format::Unknown);
    }
}
