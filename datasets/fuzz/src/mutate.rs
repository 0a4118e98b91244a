//! Damage of the kinds that files really have, and of those that nobody would think of. Deterministic by its numbers.

/// A small generator (splitmix64); equal numbers give equal damage.
pub struct Numbers(u64);

impl Numbers {
    pub fn new(parts: &[u64]) -> Self {
        let mut numbers = Numbers(0x5eed);
        for part in parts {
            numbers.0 = numbers.next() ^ part.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        }
        numbers
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below n; 0 for none.
    pub fn below(&mut self, n: usize) -> usize {
        if n == 0 { 0 } else { (self.next() % n as u64) as usize }
    }
}

const TOKENS: [&[u8]; 34] = [
    b"99991399",
    b"00000000",
    b"20240230",
    b"2024-02-30",
    b"9999999999999999999999999999999",
    b"-1",
    b"-0",
    b"1e308",
    b"NaN",
    b"0.1.2",
    b"18446744073709551616",
    b"-9223372036854775808",
    b"",
    b"\"",
    b"\"\"",
    b",",
    b",,,,,,,,,,,,,,,,",
    b"\r",
    b"\n",
    b"\0",
    b"\x1a",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"&x;",
    b"&#x1F;",
    b"]]>",
    b"<!DOCTYPE a [<!ENTITY x \"y\">]>",
    b"<a>",
    b"</a>",
    b"{",
    b"[[[[[[[[[[[[[[[[",
    b"null",
    b"2024-05-01 23:10:00 +9900",
    b"\xe3\x80\x80",
];

/// Largest input that damage may make.
const LARGEST: usize = 96 * 1024;

/// Damages one of the seeds, once to five times.
pub fn mutate(seeds: &[Vec<u8>], numbers: &mut Numbers) -> Vec<u8> {
    let Some(seed) = seeds.get(numbers.below(seeds.len())) else {
        return Vec::new();
    };
    let mut bytes = seed.clone();
    for _ in 0..1 + numbers.below(5) {
        once(&mut bytes, seeds, numbers);
        bytes.truncate(LARGEST);
    }
    bytes
}

fn once(bytes: &mut Vec<u8>, seeds: &[Vec<u8>], numbers: &mut Numbers) {
    let length = bytes.len();
    let at = numbers.below(length + 1);
    let most = numbers.below(400);
    let end = (at + 1 + numbers.below(1 + most)).min(length);
    match numbers.below(16) {
        0 | 1 => {
            for _ in 0..1 + numbers.below(8) {
                let at = numbers.below(length);
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << numbers.below(8);
                }
            }
        }
        2 => bytes.truncate(at),
        3 => drop(bytes.drain(at.min(end)..end)),
        4 => {
            let part = bytes.get(at.min(end)..end).unwrap_or_default().to_vec();
            bytes.splice(at..at, part);
        }
        5 => {
            let other = seeds.get(numbers.below(seeds.len())).cloned().unwrap_or_default();
            let from = numbers.below(other.len() + 1);
            bytes.truncate(at);
            bytes.extend_from_slice(other.get(from..).unwrap_or_default());
        }
        6 => lines(bytes, numbers),
        7 | 8 => {
            let token = TOKENS.get(numbers.below(TOKENS.len())).copied().unwrap_or_default();
            bytes.splice(at..at, token.iter().copied());
        }
        9..=11 => cell(bytes, numbers),
        12 => recode(bytes, numbers),
        13 => {
            let token = TOKENS.get(numbers.below(TOKENS.len())).copied().unwrap_or_default();
            let many = token.repeat(1 + numbers.below(3_000));
            bytes.splice(at..at, many);
        }
        14 => {
            let to = numbers.below(length + 1);
            let part = bytes.get(at.min(end)..end).unwrap_or_default().to_vec();
            bytes.splice(to..to, part);
        }
        _ => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte = numbers.next() as u8;
            }
        }
    }
}

/// Doubles, drops, swaps or shuffles lines.
fn lines(bytes: &mut Vec<u8>, numbers: &mut Numbers) {
    let mut lines: Vec<Vec<u8>> = bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    let (one, two) = (numbers.below(lines.len()), numbers.below(lines.len()));
    match numbers.below(4) {
        0 => lines.extend(lines.get(one).cloned()),
        1 if one < lines.len() => drop(lines.remove(one)),
        2 if one.max(two) < lines.len() => lines.swap(one, two),
        _ => {
            for at in 1..lines.len() {
                lines.swap(at, numbers.below(at + 1));
            }
        }
    }
    *bytes = lines.concat();
}

/// Puts a token in the place of one cell, attribute or value.
fn cell(bytes: &mut Vec<u8>, numbers: &mut Numbers) {
    let ends = |byte: &u8| matches!(byte, b',' | b'\n' | b'"' | b'>' | b'<' | b':' | b'=');
    let at = numbers.below(bytes.len());
    let start = bytes.iter().take(at).rposition(ends).map_or(0, |at| at + 1);
    let end = bytes.iter().skip(start).position(ends).map_or(bytes.len(), |length| start + length);
    let token = TOKENS.get(numbers.below(TOKENS.len())).copied().unwrap_or_default();
    bytes.splice(start..end, token.iter().copied());
}

/// The same text in another encoding.
fn recode(bytes: &mut Vec<u8>, numbers: &mut Numbers) {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => encoding_rs::SHIFT_JIS.decode(bytes).0.into_owned(),
    };
    *bytes = match numbers.below(4) {
        0 => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        1 => encoding_rs::SHIFT_JIS.encode(&text).0.into_owned(),
        2 => encoding_rs::EUC_JP.encode(&text).0.into_owned(),
        _ => text.into_bytes(),
    };
}
