//! Names that were probably meant. For messages only: nothing is ever guessed.

/// Up to three of the names that are nearest to what was written; all, if they are few and none is near.
pub(super) fn nearest<'a>(written: &str, names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let all: Vec<&str> = names.collect();
    let written: Vec<char> = written.chars().collect();
    let mut near: Vec<(usize, &str)> = all
        .iter()
        .map(|&name| (distance(&written, &name.chars().collect::<Vec<_>>()), name))
        .filter(|&(far, name)| far * 2 <= written.len().max(name.chars().count()))
        .collect();
    near.sort_unstable();
    if near.is_empty() { all } else { near.into_iter().take(3).map(|(_, name)| name).collect() }
}

/// Insertions, deletions, replacements, and neighbours swapped (restricted Damerau–Levenshtein).
fn distance(a: &[char], b: &[char]) -> usize {
    let (mut before, mut last): (Vec<usize>, Vec<usize>) = (Vec::new(), (0..=b.len()).collect());
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let at = |row: &[usize], at: usize| row.get(at).copied().unwrap_or(usize::MAX / 2);
            let mut best = (at(&last, j) + usize::from(x != y)).min(at(&last, j + 1) + 1).min(at(&row, j) + 1);
            let swapped = j > 0 && i > 0 && b.get(j - 1) == Some(x) && a.get(i - 1) == Some(y);
            if swapped {
                best = best.min(at(&before, j - 1) + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last.last().copied().unwrap_or(0)
}

/// "a, b and c", shortened when there are very many.
pub(super) fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    const MOST: usize = 40;
    let names: Vec<&str> = names.into_iter().collect();
    let mut text = names.iter().take(MOST).copied().collect::<Vec<_>>().join(", ");
    if names.len() > MOST {
        text.push_str(", …");
    }
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;

    #[test]
    fn near_names() {
        let names = ["start_date", "end_date", "kind", "code", "grade"];
        assert_eq!(nearest("strat_date", names.into_iter())[0], "start_date");
        assert_eq!(nearest("knid", names.into_iter())[0], "kind");
        assert_eq!(nearest("zzzzzzzz", names.into_iter()).len(), 5, "none is near: all are shown");
        let chars = |text: &str| text.chars().collect::<Vec<_>>();
        for (a, b, far) in [("", "", 0), ("ab", "", 2), ("ab", "ba", 1), ("kitten", "sitting", 3), ("性別", "性", 1)]
        {
            assert_eq!((distance(&chars(a), &chars(b)), distance(&chars(b), &chars(a))), (far, far));
        }
    }
}
