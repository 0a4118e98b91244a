//! From the noisy integers of one cell to its noisy statistics. What a pair or a number without noise of its own is made of says `quote`.

use super::Cell;
use crate::quote::{Basis, Line, spread};

/// The noisy statistics of one cell: `noisy` by statistic, then by cell and place. None if the vectors are not those of the lines.
pub(crate) fn gathered(lines: &[Line], noisy: &[Vec<i64>], cell: usize) -> Option<Cell> {
    if noisy.len() != lines.len() {
        return None;
    }
    let own = |(line, vector): (&Line, &Vec<i64>)| {
        let width = line.width();
        let places = vector.get(cell * width..(cell + 1) * width)?;
        Some(places.iter().map(|place| *place as f64).collect())
    };
    let places = lines.iter().zip(noisy).map(own).collect::<Option<Vec<Vec<f64>>>>()?;
    let (basis, tree) =
        (|number: usize| lines.get(number).map(|l| l.basis), |number: usize| lines.get(number).map(|l| l.tree));
    let statistic = |(number, line): (usize, &Line)| {
        if line.basis == Basis::Own {
            return places.get(number).cloned();
        }
        let mut weights = Vec::new();
        spread((number, 0, 1.0), &basis, &tree, &mut weights)?;
        let each = weights.into_iter().map(|(from, place, weight)| Some(weight * places.get(from)?.get(place)?));
        Some(vec![each.sum::<Option<f64>>()?])
    };
    Some(Cell { noisy: lines.iter().enumerate().map(statistic).collect::<Option<_>>()?, copies: 1 })
}
