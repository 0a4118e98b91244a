//! Rows to be looked at apart: scenarios, age bands, sexes. What a scenario is, the caller knows.

use std::cmp::Reverse;
use std::collections::HashMap;

use crate::identity::Identity;

/// Rows that are looked at apart.
#[derive(Debug, Clone)]
pub struct Group {
    /// What kind of group: `scenario`, `age`, `sex`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// By row, whether it belongs. Groups of one kind may overlap.
    pub within: Vec<bool>,
}

/// Ages in years from, below.
const AGES: [(&str, i32, i32); 5] =
    [("0–19", 0, 20), ("20–39", 20, 40), ("40–64", 40, 65), ("65–74", 65, 75), ("75 and over", 75, 200)];

impl Group {
    /// Scenarios by name and bit (they overlap, and one more: persons of whose rows none has a bit), age bands at the last day that
    /// any row was seen, sexes. Age and sex are those that most of a true person's rows give.
    #[must_use]
    pub fn all(rows: &[Identity], truth: &[u32], bits: &[u32], scenarios: &[(&str, u32)]) -> Vec<Group> {
        let mut groups = Vec::new();
        let mut add = |kind: &str, name: &str, within: Vec<bool>| {
            groups.push(Group { kind: kind.to_owned(), name: name.to_owned(), within });
        };
        for (name, bit) in scenarios {
            add("scenario", name, bits.iter().map(|own| own & bit != 0).collect());
        }
        let mut befell: HashMap<u32, u32> = HashMap::new();
        for (person, own) in truth.iter().zip(bits) {
            *befell.entry(*person).or_default() |= own;
        }
        add("scenario", "no event, no error", truth.iter().map(|person| befell.get(person) == Some(&0)).collect());

        let last = rows.iter().map(|row| row.last_day).max().unwrap_or_default();
        // Months since year 0, near enough for bands of years.
        let now = 1970 * 12 + (f64::from(last) / 30.436_875).floor() as i32;
        let sexes = most(rows, truth, |row| (row.known_sex() != 0).then_some(i32::from(row.sex)));
        let births = most(rows, truth, |row| row.birth_month);
        for (name, from, below) in AGES {
            let within = |birth: &Option<i32>| birth.is_some_and(|birth| (from..below).contains(&((now - birth) / 12)));
            add("age", name, births.iter().map(within).collect());
        }
        for (name, sex) in [("men", 1), ("women", 2)] {
            add("sex", name, sexes.iter().map(|own| *own == Some(sex)).collect());
        }
        groups
    }
}

/// For every row, the value that most rows of its person have; the smaller on a tie.
fn most(rows: &[Identity], truth: &[u32], of: impl Fn(&Identity) -> Option<i32>) -> Vec<Option<i32>> {
    let mut counts: HashMap<(u32, i32), usize> = HashMap::new();
    for (row, person) in rows.iter().zip(truth) {
        if let Some(value) = of(row) {
            *counts.entry((*person, value)).or_default() += 1;
        }
    }
    let mut best: HashMap<u32, (usize, Reverse<i32>)> = HashMap::new();
    for ((person, value), count) in counts {
        let held = best.entry(person).or_insert((count, Reverse(value)));
        *held = (*held).max((count, Reverse(value)));
    }
    truth.iter().map(|person| best.get(person).map(|held| held.1.0)).collect()
}
