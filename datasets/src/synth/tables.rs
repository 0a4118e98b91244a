//! Tables that insurers and clinics keep beside claims and checkup archives: programmes, events, laboratory values, consent, opt-out,
//! and checkups as CSV. Who does what is in the modules below; here it is written down, in the words of the offices.

use super::calendar::{civil, digits};
use super::checkups::Exam;
use super::formats::Format;
use super::out::{Block, Source, push_fixed};
use super::people::{Person, Spell};
use super::receipt::Receipt;
use super::run::World;
use super::traits::Traits;
use super::written::{self, Written};

mod consent;
mod dock;
mod events;
pub(crate) mod programmes;
mod values;
mod words;

use words::word;

/// How a source writes its tables. 健保: CP932, days as digits, words. 国保: UTF-8 with a mark, days with slashes, codes.
#[derive(Clone, Copy)]
struct Style {
    source: Source,
    cp932: bool,
    words: bool,
}

impl Style {
    fn of(source: Source) -> Self {
        let kenpo = source == Source::Kenpo;
        Style { source, cp932: kenpo, words: kenpo || source == Source::Clinic }
    }

    fn day(self, day: Option<i32>) -> String {
        let Some(day) = day else {
            return String::new();
        };
        if self.cp932 {
            return digits(day).to_string();
        }
        let (y, m, d) = civil(day);
        format!("{y}/{m:02}/{d:02}")
    }

    fn word(self, code: &'static str) -> &'static str {
        if self.words { word(code) } else { code }
    }

    fn encode(self, text: &str) -> Vec<u8> {
        if self.cp932 { encoding_rs::SHIFT_JIS.encode(text).0.into_owned() } else { text.as_bytes().to_vec() }
    }

    /// Appends a row to a file of this source: who, then the row's own cells.
    fn row(self, block: &mut Block, name: &str, header: &str, who: &Written, cells: &[&str]) {
        let path = format!("{}/{name}", self.source.name());
        let at = block.file(&path, || {
            let mark = if self.cp932 { "" } else { "\u{feff}" };
            self.encode(&format!("{mark}{WHO}{header}\r\n"))
        });
        let mut line =
            [&who.insurer, &who.symbol, &who.number, &who.branch, &who.name, &who.kana, &who.birth, &who.sex]
                .map(String::as_str)
                .join(",");
        for cell in cells {
            line.push(',');
            line.push_str(cell);
        }
        line.push_str("\r\n");
        block.append(at, &self.encode(&line));
        block.counts.further += 1;
    }
}

const WHO: &str = "保険者番号,記号,番号,枝番,氏名,カナ氏名,生年月日,性別";

/// Notes in the truth whose identity this is, unless it was noted a moment ago.
pub(super) fn known(block: &mut Block, source: Source, who: &Written, person: &Person) {
    let row = who.truth(source, person);
    let own = block.truth.iter().rev().take_while(|one| one.2 == person.number);
    if !own.into_iter().any(|one| (one.0, one.1) == (row.0, row.1)) {
        block.truth.push(row);
    }
}

/// The insurer's own identity of somebody on a day; none without insurance.
fn insured<'a>(
    world: &World<'_>,
    person: &'a Person,
    on: i32,
    block: &mut Block,
) -> Option<(&'a Spell, Style, Written)> {
    let spell = person.spell_on(on)?;
    let style = Style::of(spell.fund.source());
    let who = written::eligibility(world.options, person, spell, on);
    known(block, style.source, &who, person);
    Some((spell, style, who))
}

pub(crate) fn write(
    world: &World<'_>,
    person: &Person,
    traits: &Traits,
    receipts: &[Receipt],
    exams: &[Exam],
    block: &mut Block,
) {
    if world.writes(Format::Programmes) {
        for exam in exams {
            guidance(world, person, exam, block);
        }
    }
    if world.writes(Format::Events) {
        happenings(world, person, traits, receipts, block);
    }
    if world.writes(Format::Observations) {
        laboratory(world, person, traits, receipts, block);
    }
    allowed(world, person, block);
    if world.writes(Format::CheckupCsv) {
        dock::write(world, person, traits, exams, block);
    }
}

fn guidance(world: &World<'_>, person: &Person, exam: &Exam, block: &mut Block) {
    const GUIDANCE: &str = ",支援レベル,実施機関番号,利用券発行日,初回面接日,実績評価日,実施状況";
    const PROGRAMMES: &str = ",プログラム,実施機関,案内日,開始日,終了日,状況";
    let Some(one) = &exam.programme else {
        return;
    };
    let Some((_, style, who)) = insured(world, person, exam.on, block) else {
        return;
    };
    let statutory = matches!(one.kind, "active" | "motivational");
    let (file, header) = if statutory { ("guidance.csv", GUIDANCE) } else { ("programmes.csv", PROGRAMMES) };
    let days = [Some(one.invited), one.start, one.end].map(|day| style.day(day));
    let [invited, start, end] = days.each_ref().map(String::as_str);
    let cells = [style.word(one.kind), one.provider.as_str(), invited, start, end, style.word(one.status)];
    style.row(block, file, header, &who, &cells);
    block.note(style.source, "programme", person.number, |row| {
        row.text("kind", one.kind).text("provider", one.provider.as_str()).day("invited_date", one.invited);
        for (column, day) in [("start_date", one.start), ("end_date", one.end)] {
            if let Some(day) = day {
                row.day(column, day);
            }
        }
        row.text("status", one.status);
    });
}

fn happenings(world: &World<'_>, person: &Person, traits: &Traits, receipts: &[Receipt], block: &mut Block) {
    for event in events::of(world.options.seed, person, traits, receipts, world.period) {
        let Some((_, style, who)) = insured(world, person, event.start, block) else {
            continue;
        };
        let (start, end) = (style.day(Some(event.start)), style.day(event.end));
        let (code, grade) = (style.word(event.code), style.word(event.grade));
        let (file, header, cells): (_, _, &[&str]) = match event.kind {
            "vaccination" => ("vaccination.csv", ",接種日,ワクチン", &[&start, code]),
            "allergy" => ("allergy.csv", ",アレルゲン,診断日,重症度", &[code, &start, grade]),
            "care" => ("care.csv", ",認定日,認定有効期間終了日,要介護状態区分", &[&start, &end, grade]),
            "leave" => ("leave.csv", ",休職開始日,休職終了日,休職事由", &[&start, &end, code]),
            _ => ("stress.csv", ",ストレスチェック実施日,高ストレス者", &[&start, grade]),
        };
        style.row(block, &format!("events/{file}"), header, &who, cells);
        block.note(style.source, "event", person.number, |row| {
            row.text("kind", event.kind).day("start_date", event.start);
            if !event.code.is_empty() {
                row.text("code", event.code);
            }
            if let Some(end) = event.end {
                row.day("end_date", end);
            }
            if !event.grade.is_empty() {
                row.text("grade", event.grade);
            }
        });
    }
}

/// One clinic in so many hands its laboratory values over.
const LABORATORIES: u32 = 4;

fn laboratory(world: &World<'_>, person: &Person, traits: &Traits, receipts: &[Receipt], block: &mut Block) {
    const HEADER: &str = ",検査日,JLAC10コード,結果値,単位";
    let style = Style::of(Source::Clinic);
    for receipt in receipts.iter().filter(|receipt| receipt.facility % LABORATORIES == 0) {
        let results = values::of(world.options.seed, person, traits, receipt);
        let Some(spell) = person.spells.get(receipt.spell).filter(|_| !results.is_empty()) else {
            continue;
        };
        for one in results {
            let who = written::facility(world.options, person, spell, one.on, receipt.facility, 1);
            known(block, style.source, &who, person);
            let mut value = Vec::new();
            push_fixed(&mut value, one.value, one.digits);
            let value = String::from_utf8_lossy(&value);
            style.row(block, "laboratory.csv", HEADER, &who, &[&style.day(Some(one.on)), one.code, &value, one.unit]);
            block.note(style.source, "observation", person.number, |row| {
                row.day("date", one.on).text("place", "clinic").text("code", format!("jlac10:{}", one.code));
                row.fixed("value", one.value, one.digits).text("unit", one.unit);
            });
        }
    }
}

/// Consent and opt-out lists, by the insurer of the last day.
fn allowed(world: &World<'_>, person: &Person, block: &mut Block) {
    const HEADER: &str = ",目的,提供先,データ種別,同意,開始日,終了日";
    let (seed, period) = (world.options.seed, world.period);
    let Some(last) = person.spells.iter().map(|spell| spell.end.map_or(period.end(), |end| end - 1)).max() else {
        return;
    };
    let on = last.min(period.end());
    if world.writes(Format::OptOut) && consent::opted_out(seed, person) {
        if let Some((_, style, who)) = insured(world, person, on, block) {
            style.row(block, "opt-out.csv", ",オプトアウト日", &who, &[&style.day(Some(period.start() - 10))]);
        }
        return;
    }
    if !world.writes(Format::Consent) {
        return;
    }
    for line in consent::of(seed, person, period) {
        let Some((_, style, who)) = insured(world, person, on, block) else {
            return;
        };
        let (from, until) = (style.day(Some(line.from)), style.day(line.until));
        let agrees = if line.allowed { "同意" } else { "不同意" };
        let cells =
            [style.word(line.purpose), style.word(line.recipient), style.word(line.data), agrees, &from, &until];
        style.row(block, "consent.csv", HEADER, &who, &cells);
        block.note(style.source, "consent", person.number, |row| {
            row.text("purpose", line.purpose).text("recipient_kind", line.recipient).text("data_kind", line.data);
            row.flag("allowed", line.allowed).day("from_date", line.from);
            if let Some(until) = line.until {
                row.day("until_date", until);
            }
        });
    }
}
