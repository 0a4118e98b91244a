//! One receipt that two sources tell of, the clinic that billed it and the insurer that paid it: it counts once, as the later adjudication
//! has it. Not versions within a source: those are [`super::latest_receipts`]; not what one source repeats: [`super::without_repeats`].
//!
//! Two sources name no receipt alike (検索番号 is the payer's). What they share, keyed by the same linkage key, is the facility; and month,
//! type, setting, days and billed points are the receipt's own. Equal in all of these for one person is one receipt. A receipt that was
//! billed again with other points, and is in only one of the two sources' files in its new form, differs and stays two. Who changes insurers
//! within a month, and costs both the same at one facility on as many days, has one receipt too few.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};

use polars::prelude::{BooleanChunked, DataFrame, DataType, NewChunkedArray};

use super::StoreError;
use super::repeats::hashes;

/// What a receipt is recognised by; in none of them may it be unknown but the days.
const SHARED: [&str; 7] = ["pid", "facility", "month", "type", "setting", "points_billed", "days"];
const KNOWN: usize = 6;

/// What one source has of a receipt: how often, its latest 請求年月, whether adjudicated points are told; then the first source.
type Told = (u32, Option<i32>, bool, Reverse<usize>);

/// Takes out of each source's tables the receipts, with their diagnoses and acts, that another source tells better: more often (two
/// receipts that are equal in everything), else with the later `billed_month`, else with adjudicated `points`, else the first source.
/// Tables are one source's each and have persons (`pid`).
///
/// # Errors
/// A frame lacks one of the columns, or has it with another type.
pub fn told_once(sources: &mut [&mut BTreeMap<String, DataFrame>]) -> Result<(), StoreError> {
    if sources.iter().filter(|tables| tables.contains_key("claim")).count() < 2 {
        return Ok(());
    }
    let mut best: HashMap<u128, Told> = HashMap::new();
    let mut keys = Vec::with_capacity(sources.len());
    for (place, tables) in sources.iter().enumerate() {
        let Some(claims) = tables.get("claim") else {
            keys.push(Vec::new());
            continue;
        };
        let own = receipts(claims)?;
        let billed = claims.column("billed_month").and_then(|c| c.cast(&DataType::Int32));
        let billed = billed.and_then(|c| c.i32().cloned()).map_err(|_| StoreError::Shapes)?;
        let points = claims.column("points").map_err(|_| StoreError::Shapes)?.is_not_null();
        let mut told: HashMap<u128, Told> = HashMap::with_capacity(own.len());
        for ((key, billed), adjudicated) in own.iter().zip(billed.iter()).zip(points.iter()) {
            let Some(key) = key else { continue };
            let one = told.entry(*key).or_insert((0, None, false, Reverse(place)));
            *one = (one.0.saturating_add(1), one.1.max(billed), one.2 | adjudicated.unwrap_or(false), one.3);
        }
        for (key, told) in told {
            best.entry(key).and_modify(|best| *best = (*best).max(told)).or_insert(told);
        }
        keys.push(own);
    }
    for ((place, tables), own) in sources.iter_mut().enumerate().zip(keys) {
        let elsewhere = |key: &u128| best.get(key).is_some_and(|best| best.3 != Reverse(place));
        let stays: Vec<bool> = own.iter().map(|key| !key.as_ref().is_some_and(elsewhere)).collect();
        if stays.iter().all(|stays| *stays) {
            continue;
        }
        let Some(claims) = tables.get_mut("claim") else { continue };
        let numbers = claims.column("receipt").and_then(|c| c.u64().cloned()).map_err(|_| StoreError::Shapes)?;
        let of = |kept: bool| {
            let rows = numbers.iter().zip(&stays).filter(move |(_, stays)| **stays == kept);
            rows.filter_map(|(number, _)| number).collect::<HashSet<u64>>()
        };
        let (kept, mut gone) = (of(true), of(false));
        gone.retain(|number| !kept.contains(number));
        let keep = BooleanChunked::from_iter_values("stays".into(), stays.iter().copied());
        *claims = claims.filter(&keep).map_err(|_| StoreError::Shapes)?;
        for name in ["diagnosis", "act"] {
            let Some(frame) = tables.get_mut(name) else { continue };
            let numbers = frame.column("receipt").and_then(|c| c.u64().cloned()).map_err(|_| StoreError::Shapes)?;
            let keep = numbers.iter().map(|number| number.is_none_or(|number| !gone.contains(&number)));
            let keep = BooleanChunked::from_iter_values("stays".into(), keep);
            *frame = frame.filter(&keep).map_err(|_| StoreError::Shapes)?;
        }
    }
    Ok(())
}

/// What each claim is recognised by in another source's files.
fn receipts(claims: &DataFrame) -> Result<Vec<Option<u128>>, StoreError> {
    let shared = claims.select(SHARED).map_err(|_| StoreError::Shapes)?;
    let mut known = vec![true; shared.height()];
    for name in SHARED.iter().take(KNOWN) {
        let column = shared.column(name).map_err(|_| StoreError::Shapes)?;
        known.iter_mut().zip(column.is_not_null().iter()).for_each(|(all, one)| *all &= one.unwrap_or(false));
    }
    Ok(hashes(&shared)?.into_iter().zip(known).map(|(key, known)| known.then_some(key)).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]

    use polars::prelude::{IntoColumn, NamedFrom, Series};

    use super::*;

    #[derive(Clone, Copy)]
    struct Claim {
        person: u32,
        facility: Option<u64>,
        month: i32,
        billed_points: i64,
        points: Option<i64>,
        receipt: u64,
        billed: Option<i32>,
    }

    const ONE: Claim = Claim {
        person: 7,
        facility: Some(99),
        month: 19_000,
        billed_points: 500,
        points: None,
        receipt: 1,
        billed: Some(19_030),
    };

    fn source(claims: &[Claim]) -> BTreeMap<String, DataFrame> {
        let n = claims.len();
        let date = |name: &str, days: Vec<Option<i32>>| {
            Series::new(name.into(), days).cast(&DataType::Date).unwrap().into_column()
        };
        let claim = vec![
            Series::new("pid".into(), claims.iter().map(|c| c.person).collect::<Vec<_>>()).into_column(),
            date("month", claims.iter().map(|c| Some(c.month)).collect()),
            Series::new("type".into(), vec![1_u32; n]).into_column(),
            Series::new("setting".into(), vec![0_u32; n]).into_column(),
            Series::new("days".into(), vec![None::<i64>; n]).into_column(),
            Series::new("points_billed".into(), claims.iter().map(|c| c.billed_points).collect::<Vec<_>>())
                .into_column(),
            Series::new("points".into(), claims.iter().map(|c| c.points).collect::<Vec<_>>()).into_column(),
            Series::new("facility".into(), claims.iter().map(|c| c.facility).collect::<Vec<_>>()).into_column(),
            Series::new("receipt".into(), claims.iter().map(|c| c.receipt).collect::<Vec<_>>()).into_column(),
            date("billed_month", claims.iter().map(|c| c.billed).collect()),
        ];
        let receipts = || Series::new("receipt".into(), claims.iter().map(|c| c.receipt).collect::<Vec<_>>());
        let act = DataFrame::new(n, vec![receipts().into_column()]).unwrap();
        let claim = DataFrame::new(n, claim).unwrap();
        BTreeMap::from([("claim".to_owned(), claim), ("diagnosis".to_owned(), act.clone()), ("act".to_owned(), act)])
    }

    /// Claims, diagnoses and acts that stay, by source.
    fn left(sources: &[&[Claim]]) -> Vec<[usize; 3]> {
        let mut tables: Vec<_> = sources.iter().map(|claims| source(claims)).collect();
        told_once(&mut tables.iter_mut().collect::<Vec<_>>()).unwrap();
        tables.iter().map(|tables| ["claim", "diagnosis", "act"].map(|name| tables[name].height())).collect()
    }

    #[test]
    fn a_receipt_of_clinic_and_insurer_counts_once_as_adjudicated() {
        let paid = Claim { points: Some(480), receipt: 77, ..ONE };
        assert_eq!(left(&[&[ONE], &[paid]]), [[0; 3], [1; 3]]);
        assert_eq!(left(&[&[paid], &[ONE]]), [[1; 3], [0; 3]]);
        // The later 請求年月 wins over adjudicated points; alike, the first source.
        let again = Claim { billed: Some(19_090), ..ONE };
        assert_eq!(left(&[&[paid], &[again]]), [[0; 3], [1; 3]]);
        assert_eq!(left(&[&[ONE], &[ONE]]), [[1; 3], [0; 3]]);
    }

    #[test]
    fn what_differs_or_is_unknown_stays() {
        for other in [
            Claim { person: 8, ..ONE },
            Claim { facility: Some(98), ..ONE },
            Claim { facility: None, ..ONE },
            Claim { month: 19_031, ..ONE },
            Claim { billed_points: 501, ..ONE },
        ] {
            assert_eq!(left(&[&[ONE], &[other]]), [[1; 3], [1; 3]]);
        }
        let unknown = Claim { facility: None, ..ONE };
        assert_eq!(left(&[&[unknown], &[unknown]]), [[1; 3], [1; 3]]);
    }

    #[test]
    fn two_equal_receipts_of_one_source_stay_two() {
        let second = Claim { receipt: 2, ..ONE };
        let paid = Claim { points: Some(480), receipt: 77, ..ONE };
        assert_eq!(left(&[&[ONE, second], &[paid]]), [[2; 3], [0; 3]]);
        let none: [Claim; 0] = [];
        assert_eq!(left(&[&none, &[ONE, second]]), [[0; 3], [2; 3]]);
    }
}
