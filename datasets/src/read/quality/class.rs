//! Which quality of the data a reason code speaks of: one table for all readers, in the terms of Kahn et al. 2016
//! (doi:10.13063/2327-9214.1244). A test reads the readers' source and fails on a code that has no class: add it here.

use serde::{Deserialize, Serialize};

/// A class of findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Conformance of a value: type, format, closed list, unit, encoding.
    ConformanceValue,
    /// Conformance of relations: a record that names nobody, or something that is not there.
    ConformanceRelational,
    /// Conformance of computation: a total that differs from its parts.
    ConformanceComputational,
    /// Completeness: what should be there and is not, or is there and not taken.
    Completeness,
    /// Plausibility, uniqueness: the same thing told twice.
    PlausibilityUniqueness,
    /// Plausibility at any time: beyond what a body or a form allows.
    PlausibilityAtemporal,
    /// Plausibility in time: an order of days that can't be.
    PlausibilityTemporal,
    /// Left out on purpose: no finding.
    Purpose,
    /// Refuses a whole file, so that there is no package: never counted.
    Refusal,
}

use Class::{
    Completeness, ConformanceComputational, ConformanceRelational, ConformanceValue, PlausibilityAtemporal,
    PlausibilityTemporal, PlausibilityUniqueness, Purpose, Refusal,
};

#[rustfmt::skip]
const CLASSES: &[(Class, &[&str])] = &[
    (ConformanceValue, &[
        "act-code", "addition-code", "addition-quantity", "answer", "answer-not-in-list", "at-measuring-limit",
        "attributes", "birth-date", "branch-number", "class-inherited-too-often", "class-unreadable", "code",
        "code-not-in-list", "code-not-jlac10", "comparator", "data-class", "date", "date-9999", "day-count",
        "disease-code", "disease-outcome", "disease-start", "doctype", "document-too-large", "duplicate-key",
        "element-too-long", "encoding", "end-date", "end-date-9999", "entity", "exam-date", "flag", "insurer-number", "json",
        "line-too-long", "month", "no-csv-line", "no-header",
        "not-a-code", "not-fhir", "nul-byte", "number", "number-as-text", "open-quote",
        "other-than-listed",
        "percent-scale", "points", "quantity", "receipt-type", "record-identifier", "record-unknown", "row-number",
        "schema", "service-date", "sleep-value", "start-date", "too-deep", "too-many-components", "too-many-items",
        "truncated", "type-unknown", "undecodable-character", "unit", "unit-missing", "value-type", "xml",
    ]),
    (ConformanceRelational, &[
        "consent-dates", "correction-class", "correction-line-missing", "correction-not-referred-to",
        "correction-target-missing", "drugs-without-dispensing", "entry-without-resource", "file-not-in-roster",
        "no-identity", "not-at-the-top", "patient-late", "person-unknown", "receipt-damaged", "receipt-without-payer",
        "receipt-without-re", "record-outside-receipt", "user-missing", "user-not-in-roster",
        // Found in tables.
        "person-not-in-eligibility-list",
    ]),
    (ConformanceComputational, &[
        "billed-total-missing", "days-differ-from-count", "go-count-differs", "go-missing", "go-points-differ",
        "index-count-differs", "part-without-summary", "total-follows-lines", "totals-on-summary-receipt",
        "unit-without-points",
    ]),
    (Completeness, &[
        "archive-in-archive", "code-missing", "days-unknown", "dental-receipt", "facility-unknown",
        "home-nursing-receipt", "no-period", "no-value", "no-values", "sampled-data", "service-day-unknown",
        "value-missing",
    ]),
    (PlausibilityUniqueness, &[
        "day-twice", "document-twice", "file-of-two-users", "file-twice", "given-twice", "overlap", "patient-twice", "repeated", "result-twice",
        "row-twice",
        "sleep-twice",
        "user-twice",
    ]),
    (PlausibilityAtemporal, &[
        "heart-rate-not-of-a-watch", "interval-too-long", "longer-than-a-day", "negative", "out-of-bounds",
        // Found in tables.
        "dbp-not-below-sbp", "height-jump", "sex-specific-diagnosis", "weight-jump",
    ]),
    (PlausibilityTemporal, &[
        "date-outside", "day-closed", "day-not-in-month", "day-of-utc", "end-before-start",
        // Found in tables.
        "after-death", "before-birth", "in-the-future", "outside-coverage",
    ]),
    (Purpose, &[
        "administrative", "archive-index", "archive-summary", "asked-declined", "days-away", "entered-in-error",
        "file-name", "free-text", "group", "guidance-record", "in-bed", "in-correlation", "link-to-folder", "no-regular-file",
        "not-asked", "not-first-of-day", "not-performed", "not-used", "organ-donor", "other-device", "other-resource",
        "patient-generated", "section-not-used", "settlement", "superseded", "system-file", "type-activity", "type-data", "type-hearing", "type-mobility",
        "type-nutrition", "type-other-category", "type-other-quantity", "unit-left-out",
    ]),
    (Refusal, &[
        "archive-broken", "archive-burst", "archive-encrypted", "archive-entries", "archive-path", "archive-too-large",
        "empty-file", "folder-depth", "header-broken", "header-lacks", "header-twice", "lines-do-not-fit",
        "map-ambiguous", "map-code", "map-column", "map-identity", "map-layout", "map-recognize", "map-syntax",
        "map-table", "map-table-special", "map-target", "map-unfilled", "map-value", "no-roster", "not-a-master",
        "not-read", "nothing-to-read", "opt-out-unreadable", "receipt-endless", "rows-do-not-fit", "semicolons",
        "too-many-records",
        "unknown-content", "utf-16",
    ]),
];

/// The class of a reason code; `None` if nobody gave it one.
pub fn class(code: &str) -> Option<Class> {
    CLASSES.iter().find(|(_, codes)| codes.contains(&code)).map(|(class, _)| *class)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    /// Hyphenated texts in the readers that are no reason codes.
    const NO_CODES: &[&str] = &["utf-8", "shift-jis", "opt-outs"];

    fn sources(folder: &Path, out: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, out);
            } else if path.extension().is_some_and(|e| e == "rs") && !path.ends_with("quality/class.rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                // Unit tests stand at the end of a file.
                out.push(text.split("#[cfg(test)]\nmod ").next().unwrap().to_owned());
            }
        }
    }

    fn is_code(text: &str) -> bool {
        let parts = text.split('-');
        text.as_bytes().first().is_some_and(u8::is_ascii_lowercase)
            && parts
                .into_iter()
                .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()))
    }

    /// Codes that a source text uses: every hyphenated literal, and single words where only a code can stand.
    fn codes(source: &str) -> BTreeSet<String> {
        const LEADS: [&str; 11] = [
            "Malformed(",
            "Unusable(",
            "Bad(",
            "LeftOut(",
            "ok_or(",
            "Fault::whole(",
            ".fault(",
            "Fault::at(",
            "Beside(",
            "Skip(",
            "Err(",
        ];
        const COUNTS: [&str; 4] = ["left_out(", "quarantined(", "repaired(", "value_lost("];
        let mut found = BTreeSet::new();
        let lines = source.lines().filter(|line| !line.trim_start().starts_with("//"));
        for statement in lines.collect::<Vec<_>>().join(" ").split([';', '{', '}']) {
            let pieces: Vec<&str> = statement.split('"').collect();
            for (at, literal) in pieces.iter().enumerate().skip(1).step_by(2) {
                let before = pieces[at - 1].trim_end();
                let counted =
                    COUNTS.iter().any(|count| before.rfind(count).is_some_and(|p| !before[p..].contains(')')));
                let stands = LEADS.iter().any(|lead| before.ends_with(lead)) || counted;
                if is_code(literal) && (stands || literal.contains('-')) && !NO_CODES.contains(literal) {
                    found.insert((*literal).to_owned());
                }
            }
        }
        found
    }

    #[test]
    fn every_reason_code_has_one_class() {
        let mut texts = Vec::new();
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/read"), &mut texts);
        let used: BTreeSet<String> = texts.iter().flat_map(|text| codes(text)).collect();
        assert!(used.len() > 60, "only {} codes found: the readers write them another way now", used.len());
        for known in ["days-differ-from-count", "month", "day-twice", "free-text", "after-death", "no-identity", "xml"]
        {
            assert!(used.contains(known), "{known} is not found in the source");
        }
        let without: Vec<&String> = used.iter().filter(|code| class(code).is_none()).collect();
        assert!(without.is_empty(), "give these codes a class in read/quality/class.rs: {without:?}");
        let all: Vec<&str> = CLASSES.iter().flat_map(|(_, codes)| codes.iter().copied()).collect();
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len(), "a code has two classes");
    }

    #[test]
    fn codes_are_found_where_they_stand() {
        let source = "return Err(\"month\"); desk.tally.repaired(Kind::Claims, \"total\"); let x = \"two-parts\"; \
                      sheet.category(\"kind\", \"drug\"); // \"not-this\"\n";
        let found: Vec<String> = codes(source).into_iter().collect();
        assert_eq!(found, ["month", "not-this", "total", "two-parts"].map(str::to_owned));
    }
}
