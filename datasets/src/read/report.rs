//! What happened to every record: counts by reason code, never a value.
//!
//! `read = kept + left_out + quarantined` holds for every kind; a test says so. The counts travel with the package;
//! the findings (file and line) stay on the source's machine, because file names may hold a person's name.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::quality::watch::Watch;
use super::quality::{Completeness, Conformance, Plausibility, Quality};

/// Findings kept at most; counts go on.
const FINDINGS: usize = 10_000;

/// What a reader was reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// 加入者台帳.
    Eligibility,
    /// Payer-side claims (`NN_RECODEINFO`).
    Claims,
    /// Provider-side claims (UKE).
    ProviderClaims,
    /// 特定健診 XML; a record is a document. An observation in words, or without an item code, is a record left out.
    Checkup,
    /// Checkups as CSV; a record is a row.
    CheckupCsv,
    /// FHIR bundles and observations; a record is a resource.
    Fhir,
    /// A service's list of users.
    Roster,
    /// A service's daily values.
    LifelogDaily,
    /// Apple Health `export.xml`; a record is a `Record` element.
    AppleHealth,
    /// Fitbit CSV.
    Fitbit,
    /// Programmes, events, laboratory values and further kinds by column map.
    Mapped,
    /// What persons allow and refuse.
    Consent,
    /// Persons whose rows must not leave the source.
    OptOut,
    /// Files as such: what was found beside the data.
    Files,
}

impl Kind {
    /// What people call it.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Eligibility => "eligibility (加入者台帳)",
            Self::Claims => "claims (レセプト), payer side",
            Self::ProviderClaims => "claims (レセプト), provider side",
            Self::Checkup => "checkups (特定健診)",
            Self::CheckupCsv => "checkups (CSV)",
            Self::Fhir => "FHIR resources",
            Self::Roster => "users of the service",
            Self::LifelogDaily => "days of lifelog",
            Self::AppleHealth => "Apple Health records",
            Self::Fitbit => "days of Fitbit",
            Self::Mapped => "records by column map",
            Self::Consent => "consents",
            Self::OptOut => "opt-outs",
            Self::Files => "other files",
        }
    }

    /// Its name in reports, as serde writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Eligibility => "eligibility",
            Self::Claims => "claims",
            Self::ProviderClaims => "provider_claims",
            Self::Checkup => "checkup",
            Self::CheckupCsv => "checkup_csv",
            Self::Fhir => "fhir",
            Self::Roster => "roster",
            Self::LifelogDaily => "lifelog_daily",
            Self::AppleHealth => "apple_health",
            Self::Fitbit => "fitbit",
            Self::Mapped => "mapped",
            Self::Consent => "consent",
            Self::OptOut => "opt_out",
            Self::Files => "files",
        }
    }
}

/// Counts of one kind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Files opened.
    pub files: u64,
    /// Records met (lines without the header; XML: documents).
    pub read: u64,
    /// Records that went in.
    pub kept: u64,
    /// Records left out on purpose, by reason (free text, donors, superseded by a correction).
    pub left_out: BTreeMap<String, u64>,
    /// Records that could not be used, by reason.
    pub quarantined: BTreeMap<String, u64>,
    /// Repairs made to kept records, by reason; a record may be repaired more than once.
    pub repaired: BTreeMap<String, u64>,
    /// Single values of kept records that could not be read and became NULL, by reason.
    pub values_lost: BTreeMap<String, u64>,
}

/// One thing to look at, for the source's own eyes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// File, as in [`super::Place`].
    pub file: String,
    /// Line, from 1; 0 for the file.
    pub line: u64,
    /// What was read.
    pub kind: Kind,
    /// Reason code.
    pub code: &'static str,
}

/// The quality report of one run. Serialized it holds counts only.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QualityReport {
    /// Counts by kind.
    pub kinds: BTreeMap<Kind, Counts>,
    /// Whether the data is what its format and dictionary promise.
    pub conformance: Conformance,
    /// Whether what should be there is there.
    pub completeness: Completeness,
    /// Whether it can be believed.
    pub plausibility: Plausibility,
    /// Rows that stayed at the source because their person opted out, by table; identities under `identity`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub opted_out: BTreeMap<String, u64>,
    #[serde(skip)]
    findings: Vec<Finding>,
    #[serde(skip)]
    unlisted: u64,
}

impl QualityReport {
    /// The first findings, in reading order. Not serialized.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// How many findings were counted but not listed.
    #[must_use]
    pub fn unlisted(&self) -> u64 {
        self.unlisted
    }

    /// The counts of a kind; zeros if it was not met.
    #[must_use]
    pub fn of(&self, kind: Kind) -> Counts {
        self.kinds.get(&kind).cloned().unwrap_or_default()
    }
}

/// The running counts; reason codes are static, so counting does not allocate.
#[derive(Default)]
pub(super) struct Tally {
    kinds: BTreeMap<Kind, Running>,
    findings: Vec<Finding>,
    unlisted: u64,
}

#[derive(Default)]
struct Running {
    files: u64,
    read: u64,
    kept: u64,
    reasons: BTreeMap<(Fate, &'static str), u64>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fate {
    LeftOut,
    Quarantined,
    Repaired,
    ValueLost,
}

impl Tally {
    fn of(&mut self, kind: Kind) -> &mut Running {
        self.kinds.entry(kind).or_default()
    }

    pub(super) fn file(&mut self, kind: Kind) {
        self.of(kind).files += 1;
    }

    pub(super) fn read(&mut self, kind: Kind, records: u64) {
        self.of(kind).read += records;
    }

    pub(super) fn kept(&mut self, kind: Kind, records: u64) {
        self.of(kind).kept += records;
    }

    pub(super) fn left_out(&mut self, kind: Kind, code: &'static str, records: u64) {
        self.note(kind, Fate::LeftOut, code, records);
    }

    pub(super) fn repaired(&mut self, kind: Kind, code: &'static str) {
        self.note(kind, Fate::Repaired, code, 1);
    }

    /// A repair, or a doubt about a file as a whole, that somebody should look at.
    pub(super) fn doubted(&mut self, kind: Kind, code: &'static str, file: &str, line: u64) {
        self.note(kind, Fate::Repaired, code, 1);
        self.find(kind, code, file, line);
    }

    pub(super) fn value_lost(&mut self, kind: Kind, code: &'static str, file: &str, line: u64) {
        self.note(kind, Fate::ValueLost, code, 1);
        self.find(kind, code, file, line);
    }

    pub(super) fn quarantined(&mut self, kind: Kind, code: &'static str, records: u64, file: &str, line: u64) {
        if records > 0 {
            self.note(kind, Fate::Quarantined, code, records);
            self.find(kind, code, file, line);
        }
    }

    /// Records of a kind that were set aside so far.
    pub(super) fn unusable(&self, kind: Kind) -> u64 {
        let reasons = self.kinds.get(&kind).into_iter().flat_map(|running| &running.reasons);
        reasons.filter(|((fate, _), _)| *fate == Fate::Quarantined).map(|(_, records)| records).sum()
    }

    fn note(&mut self, kind: Kind, fate: Fate, code: &'static str, records: u64) {
        if records > 0 {
            *self.of(kind).reasons.entry((fate, code)).or_default() += records;
        }
    }

    fn find(&mut self, kind: Kind, code: &'static str, file: &str, line: u64) {
        if self.findings.len() < FINDINGS {
            self.findings.push(Finding { file: file.to_owned(), line, kind, code });
        } else {
            self.unlisted += 1;
        }
    }

    /// Findings so far.
    pub(super) fn found(&self) -> usize {
        self.findings.len()
    }

    /// Takes in the counts and findings of a branch. A mark is applied when as many of the branch's findings are taken as
    /// it had when the mark was made.
    pub(super) fn absorb<M>(&mut self, part: Self, marks: Vec<(usize, M)>, mut apply: impl FnMut(&mut Self, M)) {
        for (kind, running) in part.kinds {
            let mine = self.of(kind);
            mine.files += running.files;
            mine.read += running.read;
            mine.kept += running.kept;
            for (reason, records) in running.reasons {
                *mine.reasons.entry(reason).or_default() += records;
            }
        }
        let (mut findings, mut taken) = (part.findings.into_iter(), 0);
        for (at, mark) in marks {
            for finding in findings.by_ref().take(at.saturating_sub(taken)) {
                self.list(finding);
            }
            taken = taken.max(at);
            apply(self, mark);
        }
        for finding in findings {
            self.list(finding);
        }
        // Where a branch listed no more, its list was as long as this one may be.
        self.unlisted += part.unlisted;
    }

    fn list(&mut self, finding: Finding) {
        if self.findings.len() < FINDINGS {
            self.findings.push(finding);
        } else {
            self.unlisted += 1;
        }
    }

    /// The first files that could not be read, with their reasons, as an error shows them.
    pub(super) fn unread_files(&self) -> String {
        let files = self.findings.iter().filter(|finding| finding.kind == Kind::Files).take(5);
        files.map(|finding| format!("; {} ({})", finding.file, finding.code)).collect()
    }

    pub(super) fn report(self, watch: &Watch) -> QualityReport {
        let kinds: BTreeMap<Kind, Counts> = self
            .kinds
            .into_iter()
            .map(|(kind, running)| {
                let mut counts =
                    Counts { files: running.files, read: running.read, kept: running.kept, ..Counts::default() };
                for ((fate, code), records) in running.reasons {
                    let map = match fate {
                        Fate::LeftOut => &mut counts.left_out,
                        Fate::Quarantined => &mut counts.quarantined,
                        Fate::Repaired => &mut counts.repaired,
                        Fate::ValueLost => &mut counts.values_lost,
                    };
                    map.insert(code.to_owned(), records);
                }
                (kind, counts)
            })
            .collect();
        let mut quality = Quality::of(&kinds);
        watch.report(&mut quality);
        let Quality { conformance, completeness, plausibility } = quality;
        QualityReport {
            kinds,
            conformance,
            completeness,
            plausibility,
            opted_out: BTreeMap::new(),
            findings: self.findings,
            unlisted: self.unlisted,
        }
    }
}
