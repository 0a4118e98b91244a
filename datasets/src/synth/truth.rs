//! truth.parquet: the person behind every identity tuple of every file, and what makes it hard to find.

use std::fs::File;
use std::path::Path;

use polars::prelude::{BatchedWriter, Column, DataFrame, DataType, NamedFrom, ParquetWriter, Schema, Series};

use super::SynthError;
use super::out::TruthRow;
use super::people::{Period, Person, reason};

/// What makes a person, or one identity as somebody wrote it, hard to find again. Events mark all identities of a person, errors of
/// writing the one that has them. Several can hold at once; the truth keeps a set of bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scenario {
    /// Another 記号・番号 within one insurer (another employer of the 健保, back to the same 国保).
    JobChange,
    /// Covered by 健保 and 国保 in turn, so two sources hold files.
    InsurerChange,
    /// A new surname.
    Marriage,
    /// 75th birthday: 後期高齢者医療 gives a new number.
    SeventyFive,
    /// Moved: a new postcode, or left the municipality and its 国保.
    Move,
    /// Has a twin in the family.
    Twins,
    /// Died in the period.
    Death,
    /// The name stands in kana where others write kanji.
    KanaForKanji,
    /// One character of the name is wrong.
    NameTypo,
    /// The birth date is wrong.
    BirthError,
    /// The sex is wrong.
    SexError,
    /// One digit of 番号 is wrong.
    NumberError,
}

impl Scenario {
    /// All, in the order of their bits.
    pub const ALL: [Scenario; 12] = [
        Scenario::JobChange,
        Scenario::InsurerChange,
        Scenario::Marriage,
        Scenario::SeventyFive,
        Scenario::Move,
        Scenario::Twins,
        Scenario::Death,
        Scenario::KanaForKanji,
        Scenario::NameTypo,
        Scenario::BirthError,
        Scenario::SexError,
        Scenario::NumberError,
    ];

    /// Its bit in the column `scenarios`.
    #[must_use]
    pub const fn bit(self) -> u32 {
        1 << self as u32
    }

    /// Its name in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Scenario::JobChange => "job change, same insurer",
            Scenario::InsurerChange => "insurer change (two sources)",
            Scenario::Marriage => "marriage",
            Scenario::SeventyFive => "75th birthday",
            Scenario::Move => "move",
            Scenario::Twins => "twins",
            Scenario::Death => "death",
            Scenario::KanaForKanji => "kana for kanji",
            Scenario::NameTypo => "typo in a name",
            Scenario::BirthError => "wrong birth date",
            Scenario::SexError => "wrong sex",
            Scenario::NumberError => "wrong digit in 番号",
        }
    }

    /// Whether it marks persons (an event), not single identities (an error).
    #[must_use]
    pub const fn of_person(self) -> bool {
        (self as u32) < Scenario::KanaForKanji as u32
    }
}

/// The events of a person within the period, as bits.
pub(crate) fn scenarios_of(person: &Person, period: Period) -> u32 {
    let spells: Vec<_> =
        person.spells.iter().filter(|spell| spell.end.is_none_or(|end| end > period.start())).collect();
    let again = |scenario: Scenario, holds: bool| if holds { scenario.bit() } else { 0 };
    let repeats = spells.iter().enumerate().any(|(at, one)| spells.iter().take(at).any(|other| one.fund == other.fund));
    let sources = |wanted| spells.iter().any(|spell| spell.fund.source() == wanted);
    let two = sources(super::out::Source::Kenpo) && sources(super::out::Source::Kokuho);
    let left = |why| spells.iter().any(|spell| spell.reason == why);
    again(Scenario::JobChange, repeats)
        | again(Scenario::InsurerChange, two)
        | again(Scenario::Marriage, person.surnames.len() > 1)
        | again(Scenario::SeventyFive, left(reason::SEVENTY_FIVE))
        | again(Scenario::Move, person.homes.len() > 1 || left(reason::MOVED))
        | again(Scenario::Twins, person.twin)
        | again(Scenario::Death, person.death.is_some())
}

/// Rows per row group.
const TRUTH_ROWS: usize = 100_000;

/// truth.parquet, in row groups.
pub(crate) struct Truth {
    writer: BatchedWriter<File>,
    rows: Vec<TruthRow>,
    written: u64,
}

impl Truth {
    pub(crate) fn create(path: &Path) -> Result<Self, SynthError> {
        let file = File::create_new(path).map_err(|source| SynthError::Io { path: path.to_owned(), source })?;
        let mut schema = Schema::with_capacity(4);
        schema.insert("source".into(), DataType::String);
        schema.insert("fingerprint".into(), DataType::UInt64);
        schema.insert("person".into(), DataType::UInt32);
        schema.insert("scenarios".into(), DataType::UInt32);
        let writer = ParquetWriter::new(file).batched(&schema).map_err(|error| SynthError::Truth(error.to_string()))?;
        Ok(Truth { writer, rows: Vec::new(), written: 0 })
    }

    pub(crate) fn add(&mut self, rows: &[TruthRow]) -> Result<(), SynthError> {
        self.rows.extend_from_slice(rows);
        if self.rows.len() >= TRUTH_ROWS {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), SynthError> {
        let source: Vec<&str> = self.rows.iter().map(|row| row.0.name()).collect();
        let fingerprint: Vec<u64> = self.rows.iter().map(|row| row.1).collect();
        let person: Vec<u32> = self.rows.iter().map(|row| row.2).collect();
        let scenarios: Vec<u32> = self.rows.iter().map(|row| row.3).collect();
        let columns: Vec<Column> = vec![
            Series::new("source".into(), source).into(),
            Series::new("fingerprint".into(), fingerprint).into(),
            Series::new("person".into(), person).into(),
            Series::new("scenarios".into(), scenarios).into(),
        ];
        let failed = |error: polars::prelude::PolarsError| SynthError::Truth(error.to_string());
        let frame = DataFrame::new(self.rows.len(), columns).map_err(failed)?;
        self.writer.write_batch(&frame).map_err(failed)?;
        self.written += self.rows.len() as u64;
        self.rows.clear();
        Ok(())
    }

    pub(crate) fn finish(mut self) -> Result<u64, SynthError> {
        if !self.rows.is_empty() || self.written == 0 {
            self.flush()?;
        }
        self.writer.finish().map_err(|error| SynthError::Truth(error.to_string()))?;
        Ok(self.written)
    }
}
