//! The order and the numbers of rows: what makes a package's rows tell nothing of the order of the source's files.

use polars::prelude::{
    Column, DataFrame, IdxCa, IdxSize, IntoColumn, IntoSeries, NamedFrom, Series, SortMultipleOptions, UInt32Chunked,
};

use crate::frames::{FrameError, Shaped};
use crate::token::SourceKeys;

/// The column with the package's numbers in place of the reader's.
pub(crate) fn renumbered(idents: &UInt32Chunked, keys: &SourceKeys) -> Column {
    renumbered_by(idents, keys, |numbers| keys.renumber_all(numbers))
}

/// The package's numbers of a batch, whose tables are about the same people: those met lately are not worked out again.
pub(crate) struct Numbers<'k> {
    keys: &'k SourceKeys,
    lately: Vec<Option<(u32, u32)>>,
}

impl<'k> Numbers<'k> {
    /// A power of two: places by the last bits of the reader's number.
    const LATELY: usize = 1 << 13;

    pub(crate) fn new(keys: &'k SourceKeys) -> Self {
        Self { keys, lately: vec![None; Self::LATELY] }
    }

    /// As [`renumbered`].
    pub(crate) fn column(&mut self, idents: &UInt32Chunked) -> Column {
        renumbered_by(idents, self.keys, |numbers| self.all(numbers))
    }

    fn all(&mut self, numbers: &mut [u32]) {
        let place = |ident: u32| ident as usize % Self::LATELY;
        let mut new: Vec<&mut u32> = Vec::new();
        for number in numbers {
            match self.lately.get(place(*number)) {
                Some(Some((ident, known))) if ident == number => *number = *known,
                _ => new.push(number),
            }
        }
        let mut found: Vec<u32> = new.iter().map(|number| **number).collect();
        self.keys.renumber_all(&mut found);
        for (number, found) in new.into_iter().zip(found) {
            if let Some(lately) = self.lately.get_mut(place(*number)) {
                *lately = Some((*number, found));
            }
            *number = found;
        }
    }
}

fn renumbered_by(idents: &UInt32Chunked, keys: &SourceKeys, all: impl FnOnce(&mut [u32])) -> Column {
    let name = idents.name().clone();
    if idents.null_count() > 0 {
        let numbers: Vec<Option<u32>> = idents.iter().map(|ident| ident.map(|ident| keys.renumber(ident))).collect();
        return Series::new(name, numbers).into_column();
    }
    // Rows of a person come in runs: one number for each.
    let (mut runs, mut lengths): (Vec<u32>, Vec<usize>) = (Vec::new(), Vec::new());
    for ident in idents.into_no_null_iter() {
        match (runs.last(), lengths.last_mut()) {
            (Some(last), Some(length)) if *last == ident => *length += 1,
            _ => {
                runs.push(ident);
                lengths.push(1);
            }
        }
    }
    all(&mut runs);
    let mut numbers = Vec::with_capacity(idents.len());
    for (number, length) in runs.into_iter().zip(lengths) {
        numbers.resize(numbers.len() + length, number);
    }
    UInt32Chunked::from_vec(name, numbers).into_series().into_column()
}

/// The frame in the order of `ident`; rows of one keep theirs. They come in runs, of which there are far fewer than rows.
pub(crate) fn sorted(table: &str, frame: DataFrame) -> Result<DataFrame, FrameError> {
    let failed = |e| FrameError::polars(table, &e);
    let idents = Shaped::new(table, &frame).u32("ident")?;
    if idents.null_count() > 0 {
        return frame.sort(["ident"], SortMultipleOptions::default().with_maintain_order(true)).map_err(failed);
    }
    let mut runs: Vec<(u32, IdxSize, IdxSize)> = Vec::new();
    for (ident, row) in idents.into_no_null_iter().zip(0..) {
        match runs.last_mut() {
            Some((last, _, end)) if *last == ident => *end = row + 1,
            _ => runs.push((ident, row, row + 1)),
        }
    }
    if runs.is_sorted() {
        return Ok(frame);
    }
    runs.sort_unstable();
    let mut rows = Vec::with_capacity(frame.height());
    runs.into_iter().for_each(|(_, start, end)| rows.extend(start..end));
    taken(table, &frame, rows)
}

/// These rows. Column by column: to wake the threads of a pool takes longer than a column of a batch.
fn taken(table: &str, frame: &DataFrame, rows: Vec<IdxSize>) -> Result<DataFrame, FrameError> {
    let failed = |e| FrameError::polars(table, &e);
    let (height, rows) = (rows.len(), IdxCa::from_vec("rows".into(), rows));
    let columns: Result<Vec<_>, _> = frame.columns().iter().map(|column| column.take(&rows)).collect();
    columns.and_then(|columns| DataFrame::new(height, columns)).map_err(failed)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use polars::prelude::DataType;
    use proptest::prelude::*;

    use super::*;
    use crate::LinkageKey;

    proptest! {
        /// The law: as a stable sort of rows.
        #[test]
        fn runs_are_sorted_as_rows_are(idents in prop::collection::vec(prop::option::weighted(0.999, 0_u32..9), 0..200)) {
            let rows = Series::new("row".into(), (0..idents.len() as u32).collect::<Vec<_>>()).into_column();
            let columns = vec![Series::new("ident".into(), &idents).into_column(), rows];
            let frame = DataFrame::new(idents.len(), columns).unwrap();
            let options = SortMultipleOptions::default().with_maintain_order(true);
            let expected = frame.sort(["ident"], options).unwrap();
            prop_assert!(sorted("x", frame).unwrap().equals_missing(&expected));
        }

        #[test]
        fn numbers_are_those_of_the_keys(idents in prop::collection::vec(prop::option::weighted(0.999, 0_u32..9), 0..300)) {
            let keys = SourceKeys::derive(&LinkageKey::from_bytes([9; 32]), "room.example/one", 1).unwrap();
            let expected: Vec<Option<u32>> = idents.iter().map(|ident| ident.map(|ident| keys.renumber(ident))).collect();
            let idents = Series::new("ident".into(), &idents).cast(&DataType::UInt32).unwrap();
            let column = renumbered(idents.u32().unwrap(), &keys);
            prop_assert_eq!(column.u32().unwrap().iter().collect::<Vec<_>>(), expected.clone());
            // Known or not, and whether or not another has its place.
            let mut numbers = Numbers::new(&keys);
            let far: Vec<Option<u32>> = idents.u32().unwrap().iter().map(|ident| Some(ident? + (1 << 13))).collect();
            numbers.column(Series::new("ident".into(), far).cast(&DataType::UInt32).unwrap().u32().unwrap());
            for _ in 0..2 {
                let column = numbers.column(idents.u32().unwrap());
                prop_assert_eq!(column.u32().unwrap().iter().collect::<Vec<_>>(), expected.clone());
            }
        }
    }
}
