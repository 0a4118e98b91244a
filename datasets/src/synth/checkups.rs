//! 特定健診 as XML (HL7 CDA, V08), one document per examination: who is examined, what was found, how it is written down.

use zip::CompressionMethod;
use zip::write::SimpleFileOptions;

use super::calendar::{age, digits, first_day, fiscal_year, weekday};
use super::dice::{Dice, Purpose};
use super::out::{Block, Document};
use super::people::{EMPLOYERS, Fund, Person, Spell};
use super::run::World;
use super::tables::programmes::{self, Programme};
use super::traits::Traits;
use super::written::{self, Written};

mod document;
pub(crate) mod items;

use document::Sheet;
use items::{Found, Item};

/// Uptake: insured 85.5 %, dependants 42.1 % (FY2015); 国保 somewhat over a third.
const UPTAKE: [f64; 3] = [0.855, 0.421, 0.375];
const OID: &str = "1.2.392.200119.6.";

/// 送付元機関 of an insurer's archives.
pub(crate) fn sender(fund: Fund) -> &'static str {
    match fund {
        Fund::Kenpo => "5521111111",
        Fund::Kokuho | Fund::Koki => "1399900001",
    }
}

/// Name of an archive and of the folder in it; `part` counts from 1: nine go out on a day.
pub(crate) fn archive_name(fund: Fund, year: i32, part: i32) -> String {
    let sent = digits(first_day((year + 1) * 12 + 4) - 1 + (part - 1) / 9);
    format!("{}_{}_{sent}{}_1", sender(fund), fund.number8(), (part - 1) % 9 + 1)
}

/// The index file of an archive.
pub(crate) fn index_file(fund: Fund, year: i32, records: usize) -> String {
    let sent = digits(first_day((year + 1) * 12 + 4) - 1);
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<index xmlns=\"https://www.mhlw.go.jp/stf/seisakunitsuite/bunya/0000161103.html\">\
<interactionType code=\"6\"/><creationTime value=\"{sent}\"/><sender><id root=\"{OID}102\" extension=\"{}\"/></sender>\
<receiver><id root=\"{OID}101\" extension=\"{}\"/></receiver><serviceEventType code=\"1\"/><totalRecordCount value=\"{records}\"/></index>\n",
        sender(fund),
        fund.number8()
    )
}

/// What kind of checkup somebody gets in a 年度, if any is offered.
fn offer(person: &Person, spell: &Spell, year: i32) -> Option<(bool, f64)> {
    // The age of 特定健診 is that of the last day of the 年度.
    let years = age(person.birth, first_day((year + 1) * 12 + 3) - 1);
    let [insured, dependants, kokuho] = UPTAKE;
    match (spell.fund, spell.dependant) {
        (Fund::Kenpo, false) if (40..75).contains(&years) => Some((true, insured)),
        (Fund::Kenpo, true) if (40..75).contains(&years) => Some((true, dependants)),
        (Fund::Kokuho, _) if (40..75).contains(&years) => Some((true, kokuho)),
        (Fund::Kenpo, false) if (18..40).contains(&years) => spell
            .employer
            .and_then(|index| EMPLOYERS.get(index))
            .filter(|employer| employer.shares_young)
            .map(|_| (false, 0.93)),
        _ => None,
    }
}

/// One examination, for whoever writes it down in another format or follows it up.
pub(crate) struct Exam {
    /// Index into the person's spells.
    pub(crate) spell: usize,
    pub(crate) on: i32,
    /// 特定健診; else the employer's own checkup.
    pub(crate) statutory: bool,
    pub(crate) third_term: bool,
    pub(crate) items: Vec<Item>,
    /// The identity as the centre wrote it.
    pub(crate) written: Written,
    /// What the insurer offers on it, whether or not anybody asks for a file of programmes.
    pub(crate) programme: Option<Programme>,
}

impl Exam {
    /// Code of `checkup.kind`.
    pub(crate) fn kind(&self) -> &'static str {
        if self.statutory { "tokutei" } else { "jigyonushi" }
    }

    /// 保健指導レベル: 1 積極的, 2 動機付け, 3 なし; none if it was not judged.
    pub(crate) fn guidance(&self) -> Option<u8> {
        self.items.iter().find(|item| item.column == "guidance").and_then(|item| match item.found {
            Found::Answer { code, .. } => Some(code),
            _ => None,
        })
    }
}

/// Writes all checkups of one person in the period.
pub(crate) fn write(world: &World<'_>, person: &Person, traits: &Traits, block: &mut Block) -> Vec<Exam> {
    let (options, period) = (world.options, world.period);
    let mut dice = Dice::new(options.seed, Purpose::Checkup, u64::from(person.number));
    let (first, last) = (fiscal_year(period.first), fiscal_year(period.last));
    let mut exams = Vec::new();
    for year in first..=last {
        let (month, day) = (dice.between(2, 8), dice.between(0, 27));
        let comes = dice.unit();
        let mut on = first_day(year * 12 + 3 + month) + day;
        if weekday(on) == 0 {
            on += 1;
        }
        if on < period.start() || on > period.end() || !person.alive_on(on) {
            continue;
        }
        let Some(at) = person.spells.iter().position(|spell| spell.covers(on)) else {
            continue;
        };
        let Some(spell) = person.spells.get(at) else {
            continue;
        };
        let Some((statutory, uptake)) = offer(person, spell, year) else {
            continue;
        };
        // The diligent come year after year; the mean stays at the published uptake.
        let room = uptake.min(1.0 - uptake);
        if comes >= uptake + 1.6 * room * (traits.diligence - 0.5) {
            continue;
        }
        let mut body = traits.body(person, on);
        let past = exams.iter().filter_map(|exam: &Exam| exam.programme.as_ref());
        body.lose(past.map(|programme| programmes::effect(programme, on)).sum());
        let third_term = year < 2024;
        let items = items::items(&body, traits, person.sex, statutory, third_term, &mut dice);
        let written = written::checkup(options, person, spell, on);
        let mut exam = Exam { spell: at, on, statutory, third_term, items, written, programme: None };
        let found = programmes::Found { on, fund: spell.fund, body: &body, level: exam.guidance() };
        exam.programme = programmes::after(options.seed, person, traits, found, period);
        document(person, spell, year, &exam, block);
        exams.push(exam);
    }
    exams
}

/// Adds the document to the archive of its insurer and 年度.
fn document(person: &Person, spell: &Spell, year: i32, exam: &Exam, block: &mut Block) {
    let source = spell.fund.source();
    block.truth.push(exam.written.truth(source, person));
    let sheet = Sheet {
        fund: spell.fund,
        statutory: exam.statutory,
        on: exam.on,
        written: &exam.written,
        items: &exam.items,
        postcode: person.postcode_on(exam.on),
        number: person.number,
    };
    sheet.write(&mut block.room.documents);
    let serial = person.number % 1_000_000;
    let times = (person.number / 1_000_000) % 10;
    block.checkups.push(Document {
        fund: spell.fund,
        year,
        name: format!("h{}{}{times}1{serial:06}.xml", centre(person.number), digits(exam.on)),
        end: block.room.documents.len(),
    });
    items::note_checkup(block, source, person.number, exam.on, exam.kind(), exam.third_term, &exam.items);
    items::note_items(block, source, person.number, exam.on, &exam.items);
    block.counts.checkups += 1;
}

/// Fast deflate and a fixed time stamp, or the bytes would depend on the clock.
pub(crate) fn zip_options() -> SimpleFileOptions {
    SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(1))
        .last_modified_time(zip::DateTime::default())
}

/// 健診機関番号 of the centre that examines somebody.
fn centre(person: u32) -> u32 {
    1_310_000_001 + person % 7
}
