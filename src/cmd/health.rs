//! Whether files are what a source meant to send: mostly readable, with lists that could be read. Not the quality report.

use datasets::read::{Kind, QualityReport};

use crate::fail::{Done, Failure};
use crate::out::thousands;

/// Share of a kind's records that may be unreadable, or lack a birth date, before the files are refused.
pub const MOST_LOST: f64 = 0.2;

fn words(code: &str) -> &'static str {
    match code {
        "utf-16" => "is encoded in UTF-16; save it as UTF-8 or as CP932 (Shift_JIS)",
        "semicolons" => "has semicolons between its columns; save it with commas",
        "archive-in-archive" => "is an archive inside an archive; unpack the outer one",
        "unknown-content" => "is none of the formats that are read, or has a header that no column map fits",
        _ => "could not be read",
    }
}

/// Files that are mostly unreadable are the wrong files, or somebody changed their layout: no package is made of them.
pub fn demand_health(report: &QualityReport) -> Done {
    // A file that nobody could read may be the opt-out list: whoever is on it would be sent. Counts decide; findings, of which
    // a run keeps so many only, say where to look.
    let unread: u64 = report.kinds.get(&Kind::Files).map_or(0, |files| files.quarantined.values().sum());
    if unread > 0 {
        let named = report.findings().iter().find(|finding| {
            let files = report.kinds.get(&Kind::Files);
            finding.kind == Kind::Files && files.is_some_and(|files| files.quarantined.contains_key(finding.code))
        });
        let (what, others) = match named {
            Some(first) => (format!("{}: {}", first.file, words(first.code)), unread - 1),
            None => (format!("{} files could not be read", thousands(unread)), 0),
        };
        let more = if others == 0 { String::new() } else { format!(" (and {} more like it)", thousands(others)) };
        return Err(Failure::input(format!("{what}{more}; no package was made")).hint(
            "repair the file, give a column map (--map), or take it out of the folder; --accept-losses leaves such files out",
        ));
    }
    if let Some(vague) = report.opted_out.get("entries that tell nobody") {
        return Err(Failure::input(format!(
            "{} entries of the opt-out list hold nothing to find anybody by, so their rows would be sent; no package was made",
            thousands(*vague)
        ))
        .hint("an entry needs sex and birth date with the number or a name, or an individual number"));
    }
    let cut: u64 = report.kinds.values().filter_map(|counts| counts.repaired.get("go-missing")).sum();
    if cut > 0 {
        return Err(Failure::input(format!(
            "{} claims files end without their GO record, as if cut off; no package was made",
            thousands(cut)
        ))
        .hint("ask for the whole files; if they are as they must be, run again with --accept-losses"));
    }
    for (kind, counts) in report.kinds.iter().filter(|(kind, _)| **kind != Kind::Files) {
        let unreadable: u64 = counts.quarantined.values().sum();
        let unborn = counts.values_lost.get("birth-date").copied().unwrap_or_default();
        for (what, n) in [("are unreadable", unreadable), ("have no readable birth date", unborn)] {
            if n as f64 > MOST_LOST * counts.read as f64 {
                let (n, of) = (thousands(n), thousands(counts.read));
                return Err(Failure::input(format!(
                    "{n} of {of} records of {} {what}; no package was made",
                    kind.label()
                ))
                .hint("look at the files; if they are as they must be, run again with --accept-losses"));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::BTreeMap;

    use datasets::read::Counts;

    use super::*;

    /// Findings are kept up to a number, and a folder can hold more unreadable records before its unreadable file.
    #[test]
    fn a_file_that_nobody_read_stops_the_run_also_without_a_finding() {
        let mut report = QualityReport::default();
        let mut files = Counts { read: 3, kept: 2, ..Counts::default() };
        files.left_out.insert("archive-index".to_owned(), 1);
        report.kinds.insert(Kind::Files, files.clone());
        assert!(demand_health(&report).is_ok());
        for code in ["unknown-content", "utf-16", "semicolons", "archive-in-archive", "of-tomorrow"] {
            files.quarantined = BTreeMap::from([(code.to_owned(), 2)]);
            report.kinds.insert(Kind::Files, files.clone());
            let said = demand_health(&report).unwrap_err().message;
            assert!(said.contains("2 files could not be read") && said.contains("no package was made"), "{said}");
        }
    }
}
