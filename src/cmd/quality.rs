//! The quality report for people: a few lines on the terminal, or a file for the source's own eyes. It judges nothing.

use std::fmt::Write as _;
use std::path::Path;

use datasets::read::{Check, Counts, Finding, Kind, QualityReport, worst};

use crate::fail::{Context, Done};
use crate::files;
use crate::out::{Out, thousands};

/// Findings of each category that are shown.
const WORST: usize = 3;
/// Places in files that are shown; all are counted.
const SHOWN: usize = 5;
/// Places in files that a report lists.
const LISTED: usize = 1_000;

/// One line per kind, then the worst findings of each category.
pub fn tell(report: &QualityReport, out: &Out) {
    for (kind, counts) in report.kinds.iter().filter(|(kind, _)| **kind != Kind::Files) {
        out.line(format!("  {}: {}", kind.label(), became(counts)));
    }
    for (name, lists) in categories(report) {
        let found = worst(&lists, WORST);
        let all: usize = lists.iter().map(|list| list.len()).sum();
        if found.is_empty() {
            continue;
        }
        let more = if all > found.len() { format!("; and {} more", all - found.len()) } else { String::new() };
        let words: Vec<String> = found.iter().map(|check| words(check)).collect();
        out.line(format!("    {name}: {}{more}", words.join("; ")));
    }
    let tables = report.opted_out.iter().filter(|(table, _)| report.completeness.tables.contains_key(*table));
    let kept_back: u64 = tables.map(|(_, rows)| rows).sum();
    if !report.opted_out.is_empty() {
        out.line(format!("  opt-outs: {} rows stay here and are not sent", thousands(kept_back)));
        if let Some(vague) = report.opted_out.get("entries that tell nobody") {
            let vague = thousands(*vague);
            out.line(format!(
                "    look at the lists: {vague} entries hold no number, or name and birth date, to find anybody by"
            ));
        }
    }
    let findings = report.findings();
    for finding in findings.iter().take(SHOWN) {
        out.line(format!("    {}: {}", place(finding), finding.code));
    }
    if findings.len() > SHOWN {
        let more = (findings.len() - SHOWN) as u64 + report.unlisted();
        out.line(format!("    and {} more places (--report FILE lists them)", thousands(more)));
    }
}

/// Writes the report to a new file: Markdown if the name ends in `.md`, else JSON.
pub fn write(report: &QualityReport, path: &Path) -> Done {
    let text = if path.extension().is_some_and(|e| e == "md") {
        markdown(report)
    } else {
        let findings = report
            .findings()
            .iter()
            .map(|f| serde_json::json!({ "file": f.file, "line": f.line, "kind": f.kind, "code": f.code }));
        let findings: Vec<_> = findings.collect();
        let value = serde_json::json!({ "quality": report, "findings": findings, "unlisted": report.unlisted() });
        serde_json::to_string_pretty(&value).input("the quality report")? + "\n"
    };
    files::create(path, text.as_bytes())
}

fn categories(report: &QualityReport) -> [(&'static str, Vec<&[Check]>); 3] {
    let QualityReport { conformance: c, completeness, plausibility: p, .. } = report;
    [
        ("conformance", vec![&c.value, &c.relational, &c.computational]),
        ("completeness", vec![&completeness.missing]),
        ("plausibility", vec![&p.uniqueness, &p.atemporal, &p.temporal]),
    ]
}

fn became(counts: &Counts) -> String {
    let sum = |reasons: &std::collections::BTreeMap<String, u64>| reasons.values().sum::<u64>();
    let mut line = format!("{} records read, {} kept", thousands(counts.read), thousands(counts.kept));
    for (what, n) in [
        ("not taken on purpose", sum(&counts.left_out)),
        ("set aside as unreadable", sum(&counts.quarantined)),
        ("repaired", sum(&counts.repaired)),
        ("single values lost", sum(&counts.values_lost)),
    ] {
        if n > 0 {
            let _ = write!(line, ", {} {what}", thousands(n));
        }
    }
    line
}

fn words(check: &Check) -> String {
    let (count, of) = (thousands(check.count), thousands(check.of));
    format!("{} {} {count} of {of} ({})", check.at, check.code, share(check))
}

fn share(check: &Check) -> String {
    let percent = check.count as f64 * 100.0 / check.of.max(1) as f64;
    if percent >= 0.01 { format!("{percent:.2}%") } else { "< 0.01%".to_owned() }
}

fn place(finding: &Finding) -> String {
    if finding.line > 0 { format!("{}:{}", finding.file, finding.line) } else { finding.file.clone() }
}

/// The whole report as a page.
fn markdown(report: &QualityReport) -> String {
    let mut page = String::from(
        "# Quality report\n\nIn the categories of Kahn et al. 2016 (doi:10.13063/2327-9214.1244). Counts only; the places at the end\n\
         are for the source's own eyes and are not sent.\n\n## Records\n\n",
    );
    for (kind, counts) in &report.kinds {
        let _ = writeln!(page, "- {}: {}", kind.label(), became(counts));
    }
    for (name, lists) in categories(report) {
        let _ = writeln!(
            page,
            "\n## {}{}\n",
            name.get(..1).unwrap_or_default().to_uppercase(),
            name.get(1..).unwrap_or_default()
        );
        let found = worst(&lists, usize::MAX);
        if found.is_empty() {
            page.push_str("Nothing found.\n");
        } else {
            page.push_str("| Where | Finding | Count | Of | Share |\n|---|---|---:|---:|---:|\n");
        }
        for check in found {
            let (count, of) = (thousands(check.count), thousands(check.of));
            let _ = writeln!(page, "| {} | {} | {count} | {of} | {} |", check.at, check.code, share(check));
        }
    }
    page.push_str(
        "\n## Tables\n\n| Table | Rows | From | To | Months with rows | NULLs |\n|---|---:|---|---|---:|---|\n",
    );
    for (name, table) in &report.completeness.tables {
        let nulls: Vec<String> = table
            .nulls
            .iter()
            .filter(|(_, n)| **n > 0)
            .map(|(column, n)| format!("{column} {:.0}%", *n as f64 * 100.0 / table.rows.max(1) as f64))
            .collect();
        let month = |month: &Option<String>| month.clone().unwrap_or_default();
        let _ = writeln!(
            page,
            "| {name} | {} | {} | {} | {} of {} | {} |",
            thousands(table.rows),
            month(&table.first_month),
            month(&table.last_month),
            table.months_with_rows,
            table.months,
            nulls.join(", ")
        );
    }
    if !report.opted_out.is_empty() {
        page.push_str("\n## Opt-outs: rows that stay at the source\n\n");
        for (table, rows) in &report.opted_out {
            let _ = writeln!(page, "- {table}: {}", thousands(*rows));
        }
    }
    let findings = report.findings();
    let _ = writeln!(page, "\n## Places\n");
    for finding in findings.iter().take(LISTED) {
        let _ = writeln!(page, "- {}: {}", place(finding), finding.code);
    }
    let more = findings.len().saturating_sub(LISTED) as u64 + report.unlisted();
    if more > 0 {
        let _ = writeln!(page, "- and {} more", thousands(more));
    }
    page
}
