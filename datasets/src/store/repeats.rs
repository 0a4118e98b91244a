//! One table out of several packages of one source. Sources send whole lists again (eligibility every month) and files
//! twice; a row that a later package repeats is the same fact, not a second one. Not the place where a later adjudication
//! replaces an earlier one: that is another row.

use std::collections::HashMap;

use polars::prelude::{BooleanChunked, DataFrame, DataType, NewChunkedArray};

use super::StoreError;

/// Joins the frames of one table, in the packages' order: each row stands as often as in the package that has it most
/// often. Rows are compared in all columns, by a 128-bit hash that is not keyed: a source could only lose rows
/// of its own by collisions.
///
/// # Errors
/// The frames differ in shape, or a column has a type that no table has.
pub fn without_repeats(frames: Vec<DataFrame>) -> Result<DataFrame, StoreError> {
    let several = frames.len() > 1;
    let mut most: HashMap<u128, u32> = HashMap::new();
    let mut all: Option<DataFrame> = None;
    for frame in frames {
        let frame = if several { new_rows(&frame, &mut most)? } else { frame };
        all = Some(match all {
            None => frame,
            Some(mut all) => {
                all.vstack_mut(&frame).map_err(|_| StoreError::Shapes)?;
                all
            }
        });
    }
    all.ok_or(StoreError::Shapes)
}

/// The rows of a package that go beyond what the packages before it had.
fn new_rows(frame: &DataFrame, most: &mut HashMap<u128, u32>) -> Result<DataFrame, StoreError> {
    let hashes = hashes(frame)?;
    let mut here: HashMap<u128, u32> = HashMap::with_capacity(hashes.len());
    let keep: BooleanChunked = BooleanChunked::from_iter_values(
        "new".into(),
        hashes.iter().map(|hash| {
            let count = here.entry(*hash).or_default();
            *count = count.saturating_add(1);
            *count > most.get(hash).copied().unwrap_or_default()
        }),
    );
    for (hash, count) in here {
        let entry = most.entry(hash).or_default();
        *entry = (*entry).max(count);
    }
    frame.filter(&keep).map_err(|_| StoreError::Shapes)
}

/// Each row's hash over all columns, 128 bits, not keyed.
pub(super) fn hashes(frame: &DataFrame) -> Result<Vec<u128>, StoreError> {
    let mut hashes = vec![0x6c62_272e_07bb_0142_62b8_2175_6295_c58d_u128; frame.height()];
    for column in frame.columns() {
        let column = column.to_physical_repr();
        let mut fold = |values: &mut dyn Iterator<Item = Option<u128>>| {
            for (hash, value) in hashes.iter_mut().zip(values) {
                // NULL is a value of its own: no physical value reaches this one.
                *hash = mix(*hash, value.unwrap_or(u128::MAX));
            }
        };
        let wrong = |_| StoreError::Shapes;
        match column.dtype() {
            DataType::Int32 => {
                fold(&mut column.i32().map_err(wrong)?.iter().map(|v| v.map(|v| u128::from(v.cast_unsigned()))))
            }
            DataType::Int64 => {
                fold(&mut column.i64().map_err(wrong)?.iter().map(|v| v.map(|v| u128::from(v.cast_unsigned()))))
            }
            DataType::UInt32 => fold(&mut column.u32().map_err(wrong)?.iter().map(|v| v.map(u128::from))),
            DataType::UInt64 => fold(&mut column.u64().map_err(wrong)?.iter().map(|v| v.map(u128::from))),
            DataType::Boolean => fold(&mut column.bool().map_err(wrong)?.iter().map(|v| v.map(u128::from))),
            DataType::String => fold(&mut column.str().map_err(wrong)?.iter().map(|v| v.map(text))),
            _ => return Err(StoreError::Shapes),
        }
    }
    Ok(hashes)
}

/// A text's hash, its length included so that no text is the beginning of another.
fn text(text: &str) -> u128 {
    text.bytes().fold(mix(1, text.len() as u128), |hash, byte| mix(hash, u128::from(byte))) >> 1
}

/// One multiplication by the multiplier of PCG-128 and one shift.
fn mix(hash: u128, value: u128) -> u128 {
    let mixed = (hash ^ value).wrapping_mul(0x2360_ed05_1fc6_5da4_4385_df64_9fcc_f645);
    mixed ^ (mixed >> 64)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use polars::prelude::{DataFrame, IntoColumn, NamedFrom, Series};

    use super::without_repeats;

    fn frame(rows: &[(u32, i64, Option<&str>)]) -> DataFrame {
        let pid: Vec<u32> = rows.iter().map(|r| r.0).collect();
        let points: Vec<i64> = rows.iter().map(|r| r.1).collect();
        let code: Vec<Option<&str>> = rows.iter().map(|r| r.2).collect();
        let columns = vec![
            Series::new("pid".into(), pid).into_column(),
            Series::new("points".into(), points).into_column(),
            Series::new("code".into(), code).into_column(),
        ];
        DataFrame::new(rows.len(), columns).unwrap()
    }

    #[test]
    fn a_list_that_is_sent_again_adds_only_what_is_new() {
        let january = frame(&[(1, 10, Some("a")), (1, 10, Some("a")), (2, 5, None)]);
        let again = january.clone();
        let march =
            frame(&[(1, 10, Some("a")), (2, 5, None), (2, 5, Some("")), (3, 1, None), (3, 1, None), (3, 1, None)]);
        // Two equal rows within one package are two facts; the same two in the next are the same two.
        assert_eq!(without_repeats(vec![january.clone(), again]).unwrap().height(), 3);
        assert_eq!(without_repeats(vec![january.clone(), march.clone()]).unwrap().height(), 7);
        assert_eq!(without_repeats(vec![march, january]).unwrap().height(), 7);
    }

    #[test]
    fn neighbouring_values_and_shifted_texts_are_different_rows() {
        let rows: Vec<DataFrame> = vec![
            frame(&[(1, 2, Some("ab"))]),
            frame(&[(2, 1, Some("ab"))]),
            frame(&[(1, 2, Some("a"))]),
            frame(&[(1, 2, Some("b"))]),
            frame(&[(1, 2, None)]),
            frame(&[(1, -2, None)]),
        ];
        assert_eq!(without_repeats(rows).unwrap().height(), 6);
    }
}
