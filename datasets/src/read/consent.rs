//! What persons allow and refuse, and who must not be in any package. Not the filter: that is the checker's, and dropping
//! rows is `pseudonymize`'s. What can't be read never widens what is allowed.

use std::borrow::Cow;
use std::io::BufRead;

use crate::catalogue::{Column, ColumnType};
use crate::read::desk::Desk;
use crate::read::error::{Place, ReadError};
use crate::read::header::{self, Fate, Row};
use crate::read::identity::Tuple;
use crate::read::layout::OPT_OUT;
use crate::read::mapped::{self, Cooked};
use crate::read::number;
use crate::read::report::Kind;
use crate::read::text::Encoding;

const DATE: usize = 0;
const USER: usize = 1;
const INSURER: usize = 2;
const SYMBOL: usize = 3;
const NUMBER: usize = 4;
const BRANCH: usize = 5;
const NAME: usize = 6;
const KANA: usize = 7;
const BIRTH: usize = 8;
const SEX: usize = 9;
const INDIVIDUAL: usize = 10;
const POSTCODE: usize = 11;

/// Reads consents.
pub(super) fn read<R: BufRead>(desk: &mut Desk<'_>, file: &str, encoding: Encoding, input: R) -> Result<(), ReadError> {
    mapped::reviewed(desk, Kind::Consent, file, encoding, input, &careful)
}

/// A consent with days that can't be read is none; a refusal of what can't be read refuses everything.
fn careful(columns: &[Column], row: &mut [Cooked]) -> Result<(), &'static str> {
    let allowed = columns.iter().position(|column| column.name == "allowed").and_then(|at| row.get_mut(at));
    let allows = match allowed {
        Some(Cooked::Flag(allows)) => *allows,
        Some(unreadable) => {
            *unreadable = Cooked::Flag(false);
            false
        }
        None => false,
    };
    for (column, value) in columns.iter().zip(row) {
        match &column.ty {
            ColumnType::Date { .. } if allows && matches!(value, Cooked::Lost(_)) => return Err("consent-dates"),
            ColumnType::Category { values } if !allows => {
                let other = i32::try_from(values.len().saturating_sub(1)).unwrap_or(0);
                let unknown = match value {
                    Cooked::Category(index) => *index == other,
                    _ => true,
                };
                if let (true, Some(any)) = (unknown, column.known_category("any")) {
                    *value = Cooked::Category(any);
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// Reads a list of persons who opted out. Whom it can't tell would stay in: so nothing of it may be unreadable.
pub(super) fn opt_out<R: BufRead>(
    desk: &mut Desk<'_>,
    file: &str,
    encoding: Encoding,
    input: R,
) -> Result<(), ReadError> {
    desk.identities.list_begins();
    let before = desk.tally.unusable(Kind::OptOut);
    header::rows(desk, Kind::OptOut, OPT_OUT, file, encoding, input, &mut out)?;
    let lost = desk.tally.unusable(Kind::OptOut) - before;
    if lost > 0 {
        let what = format!("{lost} rows of the opt-out list can't be read or tell nobody");
        let help = "Mend them: whoever can't be recognized would stay in the data. A row needs a user of the roster, or \
                    insurer, number and birth date, or name and birth date, with the sex";
        return Err(ReadError::refused(Place::file(file), "opt-out-unreadable", what, help));
    }
    Ok(())
}

fn out(desk: &mut Desk<'_>, row: &Row<'_>) -> Result<Fate, ReadError> {
    if !row.bytes(DATE).is_empty() && number::loose_day(row.bytes(DATE)).is_none() {
        // Whenever it was, it was said.
        desk.tally.value_lost(Kind::OptOut, "date", row.file, row.line);
    }
    let fields = [INSURER, SYMBOL, NUMBER, BRANCH, NAME, KANA, BIRTH, SEX, INDIVIDUAL, POSTCODE];
    let texts: [Option<Cow<'_, str>>; 10] = fields.map(|field| row.text(field));
    let tuple = mapped::tuple(&texts);
    let user = row.text(USER);
    let known = user.as_deref().and_then(|user| desk.users.get(user).copied());
    if let Some(ident) = known {
        desk.identities.opted_out(ident);
    }
    if told(&tuple, row) {
        let ident = desk.identities.of(Kind::OptOut, &tuple);
        desk.identities.opted_out(ident);
        return Ok(Fate::Kept);
    }
    match (known, user) {
        (Some(_), _) => Ok(Fate::Kept),
        // Whom no roster knows has no rows here; without a roster nobody could say so.
        (None, Some(_)) if desk.rosters => Ok(Fate::LeftOut("user-not-in-roster")),
        _ => Ok(Fate::Unusable("no-identity")),
    }
}

/// Whether the same person's rows could be found by this entry: it must give at least one of the tokens by which `pseudonymize` finds
/// them, and all of these but the individual number's need birth and sex.
fn told(tuple: &Tuple<'_>, row: &Row<'_>) -> bool {
    let born = number::loose_day(row.bytes(BIRTH)).is_some() && tuple.sex.is_some();
    let member = tuple.insurer_no.is_some() && tuple.number.is_some();
    let named = tuple.name.is_some() || tuple.kana.is_some();
    tuple.individual_no.is_some() || born && (member || named)
}
