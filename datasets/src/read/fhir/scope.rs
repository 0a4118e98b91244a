//! What belongs together: the resources of one Bundle, or the bare resources of a file. References lead nowhere else, for
//! `Patient/1` of two Bundles are two people. Patients, Coverages and insurers may come after what refers to them, so
//! observations wait for the end of the scope, [`MOST`] of them; what can be told of them by then goes on.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::observe::{Record, Status, Subject, hash};
use super::person::{Coverage, Insured, MEMBER, Person};
use crate::read::desk::Desk;

/// Parts of observations that wait at most, about 150 bytes each.
pub(super) const MOST: usize = 250_000;

/// A Patient of the scope, or `Disputed` if two say different things under one name.
#[derive(Clone, Copy)]
enum Named {
    At(usize),
    Disputed,
}

struct Known {
    /// Let go when its number is known.
    person: Option<Box<Person>>,
    /// `Some(None)`: nobody can say who it is.
    ident: Option<Option<u32>>,
    made: i64,
}

/// Whom an observation is of.
pub(super) enum Who {
    One(u32),
    /// The reason why nobody can say.
    Nobody(&'static str),
}

#[derive(Default)]
pub(super) struct Scope {
    pub(super) waiting: Vec<Record>,
    weight: usize,
    people: Vec<Known>,
    names: HashMap<String, Named>,
    coverages: Vec<Coverage>,
    insurers: HashMap<String, String>,
    /// First days of encounters.
    pub(super) encounters: HashMap<String, i32>,
    /// A checkup report's Composition.
    pub(super) report: Option<super::checkup::Report>,
    /// Something was handed on before the end.
    pub(super) flowing: bool,
    /// Resources that are dealt with, to be counted when the scope is known to be whole.
    pub(super) kept: u64,
    pub(super) left: BTreeMap<&'static str, u64>,
    pub(super) bad: Vec<(&'static str, u64)>,
    /// The one subject of whom the scope says nothing; more than one are told apart by nothing.
    stranger: Option<u64>,
    strangers: bool,
}

/// Keys that are no references: insurance and identifiers.
fn member_key(insured: &Insured) -> String {
    format!("\u{1}{}", insured.key())
}

fn identifier_key(system: &str, value: &str) -> String {
    format!("\u{2}{system}\u{1f}{value}")
}

/// `Patient/1` of `https://server/fhir/Patient/1/_history/2`.
fn relative(reference: &str) -> Option<&str> {
    let reference = reference.split("/_history/").next().unwrap_or(reference);
    let at = reference.rfind("Patient/")?;
    let id = reference.get(at + "Patient/".len()..)?;
    (!id.is_empty() && !id.contains('/')).then(|| reference.get(at..)).flatten()
}

impl Scope {
    /// Resources that have no fate yet.
    pub(super) fn open(&self) -> u64 {
        self.waiting.len() as u64 + self.kept + self.left.values().sum::<u64>() + self.bad.len() as u64
    }

    pub(super) fn full(&self) -> bool {
        self.weight >= MOST
    }

    pub(super) fn wait(&mut self, record: Record) {
        self.weight += record.parts.len() + 1;
        self.waiting.push(record);
    }

    /// Takes what waits.
    pub(super) fn take(&mut self) -> Vec<Record> {
        self.weight = 0;
        std::mem::take(&mut self.waiting)
    }

    pub(super) fn left(&mut self, code: &'static str) {
        *self.left.entry(code).or_default() += 1;
    }

    /// Adds a Patient under the names that references may use.
    pub(super) fn person(&mut self, person: Person, url: Option<&str>) {
        self.weight += 4;
        let mut keys: Vec<String> = url.map(ToOwned::to_owned).into_iter().collect();
        for (system, value) in &person.known_as {
            if system.is_empty() {
                keys.push(format!("Patient/{value}"));
            }
            keys.push(identifier_key(system, value));
        }
        keys.dedup();
        let at = self.people.len();
        let made = person.made;
        // Only its own names: an identifier may be of a household.
        let own = keys.iter().filter(|key| !key.starts_with('\u{2}'));
        let known = own.filter_map(|key| match self.names.get(key) {
            Some(Named::At(at)) => Some(*at),
            _ => None,
        });
        // The same Patient again: a later version replaces it, an equal one changes nothing.
        let mut again = None;
        for earlier in known {
            let Some(known) = self.people.get_mut(earlier) else {
                continue;
            };
            match &known.person {
                Some(before) if before.same(&person) => again = Some(earlier),
                Some(_) if made > known.made && known.made > 0 => {
                    known.person = Some(Box::new(person.clone()));
                    known.made = made;
                    again = Some(earlier);
                }
                Some(_) if made < known.made && made > 0 => again = Some(earlier),
                _ => {}
            }
        }
        for key in keys {
            let named = self.names.entry(key).or_insert(Named::At(again.unwrap_or(at)));
            if let Named::At(known) = *named
                && known != again.unwrap_or(at)
            {
                *named = Named::Disputed;
            }
        }
        if again.is_none() {
            self.people.push(Known { person: Some(Box::new(person)), ident: None, made });
        }
    }

    pub(super) fn coverage(&mut self, coverage: Coverage) {
        self.weight += 2;
        self.coverages.push(coverage);
    }

    /// An insurer's number under the names of its Organization.
    pub(super) fn insurer(&mut self, number: String, url: Option<&str>, id: Option<&str>) {
        self.weight += 1;
        for name in url.map(ToOwned::to_owned).into_iter().chain(id.map(|id| format!("Organization/{id}"))) {
            self.insurers.insert(name, number.clone());
        }
    }

    pub(super) fn encounter(&mut self, day: i32, url: Option<&str>, id: Option<&str>) {
        self.weight += 1;
        for name in url.map(ToOwned::to_owned).into_iter().chain(id.map(|id| format!("Encounter/{id}"))) {
            self.encounters.insert(name, day);
        }
    }

    fn find(&self, reference: &str) -> Option<Named> {
        self.names.get(reference).or_else(|| self.names.get(relative(reference)?)).copied()
    }

    /// Completes Patients by their Coverages, and lets references by insurance number find them.
    pub(super) fn insure(&mut self) {
        // In an order of their own: two Coverages of one Patient must not depend on which came first.
        let mut coverages = std::mem::take(&mut self.coverages);
        coverages.sort_by_key(|coverage| coverage.insured.key());
        for mut coverage in coverages {
            if coverage.insured.insurer.is_empty()
                && let Some(number) = self.insurers.get(&coverage.payor)
            {
                coverage.insured.insurer.clone_from(number);
            }
            if let Some(Named::At(at)) = self.find(&coverage.beneficiary)
                && let Some(person) = self.people.get_mut(at).and_then(|known| known.person.as_mut())
            {
                person.insure(&coverage.insured);
            }
        }
        for (at, known) in self.people.iter().enumerate() {
            let Some(person) = known.person.as_ref().filter(|person| !person.insured.number.is_empty()) else {
                continue;
            };
            let named = self.names.entry(member_key(&person.insured)).or_insert(Named::At(at));
            if matches!(*named, Named::At(known) if known != at) {
                *named = Named::Disputed;
            }
        }
    }

    /// Lets go of what is only needed to tell who the Patients are.
    pub(super) fn settle_people(&mut self, desk: &mut Desk<'_>) {
        for at in 0..self.people.len() {
            self.ident(desk, at);
        }
        self.insurers.clear();
        self.encounters.clear();
    }

    fn ident(&mut self, desk: &mut Desk<'_>, at: usize) -> Option<u32> {
        let known = self.people.get_mut(at)?;
        if let (None, Some(person)) = (known.ident, known.person.take()) {
            let user = || person.known_as.iter().filter_map(|(_, value)| desk.users.get(value).copied());
            known.ident = Some(if person.usable() {
                // An identity of its own, which may share nothing with the user's but the id: what the user said holds for it.
                let out = user().any(|user| desk.identities.is_out(user));
                let ident = person.enter(desk);
                if out {
                    desk.identities.opted_out(ident);
                }
                Some(ident)
            } else {
                user().next()
            });
        }
        known.ident.flatten()
    }

    /// Who a subject is: a Patient of the scope, a user of a roster, or an insured person by number.
    fn told(&mut self, desk: &mut Desk<'_>, subject: &Subject) -> Result<Option<u32>, &'static str> {
        let mut keys: Vec<String> = subject.reference.iter().map(|reference| reference.to_string()).collect();
        let member = match &subject.identifier {
            Some((system, value)) if **system == *MEMBER => Insured::member(value),
            Some((system, value)) => {
                keys.push(identifier_key(system, value));
                None
            }
            None => None,
        };
        keys.extend(member.as_ref().map(member_key));
        for key in &keys {
            match self.find(key) {
                Some(Named::At(at)) => return Ok(self.ident(desk, at)),
                Some(Named::Disputed) => return Err("patient-twice"),
                None => {}
            }
        }
        let said = subject.identifier.iter().map(|(_, value)| &**value);
        let id = subject.reference.as_deref().map(|reference| {
            relative(reference).and_then(|reference| reference.strip_prefix("Patient/")).unwrap_or(reference)
        });
        if let Some(ident) = said.chain(id).find_map(|user| desk.users.get(user).copied()) {
            return Ok(Some(ident));
        }
        Ok(member.map(|member| Person::insured_as(member).enter(desk)))
    }

    /// As [`Self::told`], and else whose file it is, as long as nothing in the scope tells two strangers apart.
    pub(super) fn who(&mut self, desk: &mut Desk<'_>, subject: &Subject, file: &str) -> Who {
        match self.told(desk, subject) {
            Err(code) => Who::Nobody(code),
            Ok(Some(ident)) => Who::One(ident),
            Ok(None) if self.strangers => Who::Nobody("person-unknown"),
            Ok(None) => desk.user_of_file(file).map_or(Who::Nobody("person-unknown"), Who::One),
        }
    }

    /// Notes subjects of whom nothing is said.
    pub(super) fn meet(&mut self, desk: &mut Desk<'_>, records: &[Record]) {
        let mut met: HashSet<u64> = HashSet::new();
        for record in records {
            let subject = &record.subject;
            if *subject == Subject::default() || !met.insert(hash(subject)) {
                continue;
            }
            if !matches!(self.told(desk, subject), Ok(None)) {
                continue;
            }
            let name = subject.reference.as_deref().map(|reference| relative(reference).unwrap_or(reference));
            let name = hash(&(name, if name.is_none() { subject.identifier.as_ref() } else { None }));
            self.strangers |= *self.stranger.get_or_insert(name) != name;
        }
    }

    /// Leaves out repeats, versions that others replace, and what was withdrawn.
    pub(super) fn versions(&mut self, records: Vec<Record>) -> Vec<Record> {
        let mut groups: HashMap<u64, Vec<usize>> = HashMap::new();
        for (at, record) in records.iter().enumerate() {
            if record.name != 0 {
                groups.entry(record.name).or_default().push(at);
            }
        }
        let mut out: Vec<Option<&'static str>> = vec![None; records.len()];
        for group in groups.values().filter(|group| group.len() > 1) {
            let of = |at: &usize| records.get(*at).map(|r| (r.made, r.status, r.content()));
            let mut order: Vec<usize> = group.clone();
            order.sort_unstable_by_key(of);
            let Some(last) = order.last() else {
                continue;
            };
            let revised = order.iter().filter_map(|&at| records.get(at)).any(|r| r.status >= Status::Corrected);
            // Under one id there are versions of one resource, and the latest counts. An identifier may be that of an
            // order with many results: there only what says that it corrects replaces others.
            let mut times: Vec<i64> = order.iter().filter_map(|&at| records.get(at)).map(|r| r.made).collect();
            times.dedup();
            let by_id = records.get(*last).is_some_and(|record| record.by_id);
            let versions = revised || by_id && times.len() == order.len() && !times.contains(&0);
            let mut seen = HashSet::new();
            for at in order.iter().rev() {
                let content = records.get(*at).map_or(0, Record::content);
                let code = if !seen.insert(content) {
                    Some("repeated")
                } else if versions && at != last {
                    Some("superseded")
                } else {
                    None
                };
                if let Some(out) = out.get_mut(*at) {
                    *out = code;
                }
            }
        }
        let mut stay = Vec::with_capacity(records.len());
        for (record, out) in records.into_iter().zip(out) {
            match out {
                Some(code) => self.left(code),
                None if record.status == Status::Withdrawn => self.left("entered-in-error"),
                None => stay.push(record),
            }
        }
        stay
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::relative;

    #[test]
    fn references() {
        assert_eq!(relative("https://server/fhir/Patient/1/_history/2"), Some("Patient/1"));
        assert_eq!(relative("Patient/1"), Some("Patient/1"));
        assert_eq!(relative("urn:uuid:4bc68294-1895-d159-655b-1bc7e83f52f3"), None);
        assert_eq!(relative("Patient/"), None);
    }
}
