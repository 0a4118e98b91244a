//! What persons allow, and who wants nothing to leave at all. Shares are invented: no survey is behind them.

use super::super::calendar::{day, first_day};
use super::super::dice::mix_unit;
use super::super::people::{Period, Person};

/// A line of a consent list; words as catalogue codes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Line {
    pub(super) purpose: &'static str,
    pub(super) recipient: &'static str,
    pub(super) data: &'static str,
    pub(super) allowed: bool,
    pub(super) from: i32,
    pub(super) until: Option<i32>,
}

/// Who stands on the opt-out list.
pub(super) fn opted_out(seed: u64, person: &Person) -> bool {
    mix_unit(&[seed, u64::from(person.number), 4001]) < 0.005
}

/// The lines of a person; none for the few of whom no answer is on record.
pub(super) fn of(seed: u64, person: &Person, period: Period) -> Vec<Line> {
    let draw = |salt: u64| mix_unit(&[seed, u64::from(person.number), 4100 + salt]);
    // Asked with the renewal of the card before the data begins.
    let from = first_day(period.first) - 30 - (draw(1) * 300.0) as i32;
    let all = Line { purpose: "any", recipient: "any", data: "any", allowed: true, from, until: None };
    match draw(0) {
        x if x < 0.74 => vec![all],
        x if x < 0.84 => vec![
            Line { purpose: "GRU", recipient: "academia", ..all.clone() },
            Line { purpose: "GRU", recipient: "public", ..all.clone() },
            Line { recipient: "pharma", allowed: false, ..all },
        ],
        x if x < 0.89 => vec![all.clone(), Line { data: "lifelog", allowed: false, ..all }],
        // The end falls into the period or after it.
        x if x < 0.94 => vec![Line { purpose: "HMB", until: Some(day(2024, 4, 1) + (draw(2) * 900.0) as i32), ..all }],
        x if x < 0.98 => vec![Line { allowed: false, ..all }],
        _ => Vec::new(),
    }
}
