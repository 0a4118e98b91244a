//! DuckDB's Arrow columns as vectors: integers of any width become 64 bits, kept within bounds on the way. Nothing else.

use std::ops::Range;

use duckdb::arrow::array::{Array, ArrayRef, AsArray};
use duckdb::arrow::datatypes::{
    ArrowPrimitiveType, DataType, Date32Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};

use super::vector::Vector;

/// The persons of a chunk, as places in the range; None if one lies outside.
pub(super) fn people(array: Option<&ArrayRef>, persons: &Range<u32>) -> Option<Vec<u32>> {
    let pids = array?.as_primitive_opt::<Int32Type>().filter(|pids| pids.null_count() == 0)?.values();
    let place = |pid: &i32| pid.cast_unsigned().wrapping_sub(persons.start);
    // A number below the range's first, or below zero, is far above its last as one without a sign.
    let most = pids.iter().map(place).fold(0, u32::max);
    let within = i32::try_from(persons.end).is_ok() && (pids.is_empty() || (most as usize) < persons.len());
    within.then(|| pids.iter().map(place).collect())
}

pub(super) fn drawn(array: Option<&ArrayRef>) -> Option<Vec<u64>> {
    Some(array?.as_primitive_opt::<UInt64Type>().filter(|draws| draws.null_count() == 0)?.values().to_vec())
}

/// A column of whatever integer type as 64 bits, between two bounds; days are days since 1970, truth values 0 and 1.
pub(super) fn column(array: &ArrayRef, bounds: Option<(i64, i64)>) -> Option<Vector> {
    let values = match array.data_type() {
        DataType::Int8 => within::<Int8Type>(array, bounds)?,
        DataType::Int16 => within::<Int16Type>(array, bounds)?,
        DataType::Int32 => within::<Int32Type>(array, bounds)?,
        DataType::Int64 => within::<Int64Type>(array, bounds)?,
        DataType::UInt8 => within::<UInt8Type>(array, bounds)?,
        DataType::UInt16 => within::<UInt16Type>(array, bounds)?,
        DataType::UInt32 => within::<UInt32Type>(array, bounds)?,
        DataType::Date32 => within::<Date32Type>(array, bounds)?,
        // Keys: compared, never ordered.
        DataType::UInt64 if bounds.is_none() => {
            array.as_primitive_opt::<UInt64Type>()?.values().iter().map(|value| value.cast_signed()).collect()
        }
        DataType::Boolean => {
            let flags = array.as_boolean_opt()?.values();
            let (lo, hi) = bounds.unwrap_or((0, 1));
            flags.iter().map(|flag| i64::from(flag).max(lo).min(hi)).collect()
        }
        _ => return None,
    };
    let nulls = array.nulls().filter(|nulls| nulls.null_count() > 0);
    Some(Vector { values, nulls: nulls.map(|nulls| nulls.iter().map(|valid| !valid).collect()) })
}

fn within<T: ArrowPrimitiveType>(array: &ArrayRef, bounds: Option<(i64, i64)>) -> Option<Vec<i64>>
where
    T::Native: Ord + TryFrom<i64>,
    i64: From<T::Native>,
{
    let values = array.as_primitive_opt::<T>()?.values().iter();
    let Some((lo, hi)) = bounds else { return Some(values.map(|value| i64::from(*value)).collect()) };
    Some(match (T::Native::try_from(lo), T::Native::try_from(hi)) {
        // In their own width: several at once.
        (Ok(lo), Ok(hi)) => values.map(|value| i64::from((*value).max(lo).min(hi))).collect(),
        _ => values.map(|value| i64::from(*value).max(lo).min(hi)).collect(),
    })
}
