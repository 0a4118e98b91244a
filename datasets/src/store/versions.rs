//! Receipts that a source sent in more than one version: the latest adjudication wins, with its diagnoses and acts.
//!
//! A receipt is corrected after re-examination (再審査) or billed again after a return (返戻); a package may also bring a
//! month's file once more. Versions are told by `receipt_number` (the receipt), `billed_month` and the package's place in
//! the source's sequence. Only within one source: two insurers' numbers may be equal by chance. What clinic and insurer both say is [`super::told_once`].
//! Not the place where equal rows are counted once: that is [`super::without_repeats`].

use std::collections::{BTreeMap, HashMap, HashSet};

use polars::prelude::{BooleanChunked, DataFrame, DataType, NewChunkedArray};

use super::StoreError;

/// The version of a receipt that stands: billed month, place of the package, name of the version.
type Standing = (Option<i32>, usize, u64);

/// Takes superseded receipts out of one source's packages, given in the order of their sequence numbers.
///
/// A `claim` row stays if its version has the latest `billed_month` of its `receipt_number` (none is earliest), or, among
/// equals, comes in the latest package; `diagnosis` and `act` rows stay or go with the version that they name. Rows of
/// receipts that no claim row names stay (DPC's part receipts, whose totals are on the summary).
///
/// # Errors
/// A frame lacks one of the columns, or has it with another type.
pub fn latest_receipts(packages: &mut [&mut BTreeMap<String, DataFrame>]) -> Result<(), StoreError> {
    let mut standing: HashMap<u64, Standing> = HashMap::new();
    let mut known: HashSet<u64> = HashSet::new();
    for (place, tables) in packages.iter().enumerate() {
        let Some(claims) = tables.get("claim") else { continue };
        for (number, version, billed) in claim_rows(claims)? {
            known.insert(version);
            let new = (billed, place, version);
            standing.entry(number).and_modify(|best| *best = (*best).max(new)).or_insert(new);
        }
    }
    // A version may be named by several receipts only if a source's numbering is broken: then it stands if any needs it.
    let stands: HashSet<(u64, usize)> = standing.values().map(|&(_, place, version)| (version, place)).collect();
    for (place, tables) in packages.iter_mut().enumerate() {
        for name in ["claim", "diagnosis", "act"] {
            let Some(frame) = tables.get_mut(name) else { continue };
            let versions = frame.column("receipt").and_then(|c| c.u64().cloned()).map_err(|_| StoreError::Shapes)?;
            let keep = versions.iter().map(|version| match version {
                Some(version) => !known.contains(&version) || stands.contains(&(version, place)),
                None => true,
            });
            let keep = BooleanChunked::from_iter_values("stands".into(), keep);
            if !keep.all() {
                *frame = frame.filter(&keep).map_err(|_| StoreError::Shapes)?;
            }
        }
    }
    Ok(())
}

/// `receipt_number`, `receipt` and `billed_month` of every claim.
fn claim_rows(claims: &DataFrame) -> Result<Vec<(u64, u64, Option<i32>)>, StoreError> {
    let key = |name: &str| claims.column(name).and_then(|c| c.u64().cloned()).map_err(|_| StoreError::Shapes);
    let (numbers, versions) = (key("receipt_number")?, key("receipt")?);
    let billed = claims.column("billed_month").and_then(|c| c.cast(&DataType::Int32));
    let billed = billed.and_then(|c| c.i32().cloned()).map_err(|_| StoreError::Shapes)?;
    let rows = numbers.iter().zip(versions.iter()).zip(billed.iter());
    Ok(rows.filter_map(|((number, version), billed)| Some((number?, version?, billed))).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]

    use polars::prelude::{IntoColumn, NamedFrom, Series};
    use proptest::prelude::*;

    use super::*;

    /// Claims (number, version, billed) and acts (version, points).
    fn package(claims: &[(u64, u64, i32)], acts: &[(u64, i64)]) -> BTreeMap<String, DataFrame> {
        let billed = Series::new("billed_month".into(), claims.iter().map(|c| c.2).collect::<Vec<_>>());
        let claim = vec![
            Series::new("receipt".into(), claims.iter().map(|c| c.1).collect::<Vec<_>>()).into_column(),
            Series::new("receipt_number".into(), claims.iter().map(|c| c.0).collect::<Vec<_>>()).into_column(),
            billed.cast(&DataType::Date).unwrap().into_column(),
        ];
        let act = vec![
            Series::new("points".into(), acts.iter().map(|a| a.1).collect::<Vec<_>>()).into_column(),
            Series::new("receipt".into(), acts.iter().map(|a| a.0).collect::<Vec<_>>()).into_column(),
        ];
        BTreeMap::from([
            ("claim".to_owned(), DataFrame::new(claims.len(), claim).unwrap()),
            ("act".to_owned(), DataFrame::new(acts.len(), act).unwrap()),
        ])
    }

    fn kept(packages: &mut [BTreeMap<String, DataFrame>]) -> (Vec<u64>, Vec<i64>) {
        latest_receipts(&mut packages.iter_mut().collect::<Vec<_>>()).unwrap();
        let (mut versions, mut points) = (Vec::new(), Vec::new());
        for tables in packages {
            versions.extend(tables["claim"].column("receipt").unwrap().u64().unwrap().into_no_null_iter());
            points.extend(tables["act"].column("points").unwrap().i64().unwrap().into_no_null_iter());
        }
        (versions, points)
    }

    #[test]
    fn a_later_adjudication_takes_its_acts_along() {
        let april = package(&[(7, 70, 100), (8, 80, 100)], &[(70, 1), (70, 2), (80, 3), (99, 4)]);
        let june = package(&[(7, 71, 160)], &[(71, 5)]);
        // 99 is a part receipt without a claim row.
        assert_eq!(kept(&mut [april.clone(), june.clone()]), (vec![80, 71], vec![3, 4, 5]));
        // A late package with an older version changes nothing.
        assert_eq!(kept(&mut [june, april]), (vec![71, 80], vec![5, 3, 4]));
    }

    #[test]
    fn the_same_version_again_is_the_later_packages() {
        let first = package(&[(7, 70, 100)], &[(70, 1), (70, 2)]);
        let again = package(&[(7, 70, 100)], &[(70, 1)]);
        assert_eq!(kept(&mut [first, again]), (vec![70], vec![1]));
    }

    #[test]
    fn versions_within_one_package() {
        let both = package(&[(7, 70, 100), (7, 71, 130)], &[(70, 1), (71, 2)]);
        assert_eq!(kept(&mut [both]), (vec![71], vec![2]));
    }

    #[test]
    fn frames_of_another_shape_are_refused() {
        let mut wrong = package(&[(7, 70, 100)], &[]);
        let claim = wrong.get("claim").unwrap().drop("billed_month").unwrap();
        wrong.insert("claim".to_owned(), claim);
        assert!(latest_receipts(&mut [&mut wrong]).is_err());
    }

    proptest! {
        /// Whatever is split over packages: one version of each receipt stays, the latest, and its acts whole.
        #[test]
        fn one_version_of_each_receipt(rows in prop::collection::vec((0..6_u64, 0..4_i32), 1..40), cut in 0..40_usize) {
            let cut = cut.min(rows.len());
            let claims: Vec<(u64, u64, i32)> = rows.iter().map(|&(n, b)| (n, n * 10 + b.unsigned_abs() as u64, b)).collect();
            let make = |part: &[(u64, u64, i32)]| {
                let mut part = part.to_vec();
                part.sort_unstable();
                part.dedup();
                let acts: Vec<(u64, i64)> = part.iter().flat_map(|c| [(c.1, 1), (c.1, 1)]).collect();
                package(&part, &acts)
            };
            let (versions, points) = kept(&mut [make(&claims[..cut]), make(&claims[cut..])]);
            let mut latest: BTreeMap<u64, u64> = BTreeMap::new();
            for (number, version, _) in claims {
                latest.entry(number).and_modify(|v| *v = (*v).max(version)).or_insert(version);
            }
            let mut versions = versions;
            versions.sort_unstable();
            prop_assert_eq!(versions, latest.into_values().collect::<Vec<_>>());
            prop_assert_eq!(points.len(), 2 * { let n: HashSet<u64> = rows.iter().map(|r| r.0).collect(); n.len() });
        }
    }
}
