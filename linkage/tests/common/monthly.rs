//! The same invented people as four sources send them, package by package, month by month: two kinds of insurers (the list of the insured and
//! the claims of those seen), a checkup centre (once a year) and a lifelog service. Masters repeat their errors; claims are typed anew.

use linkage::Identity;

use super::{FROM, Family, Human, Period, Random, Rates, Written, write};

pub const SOURCES: u16 = 4;
pub const MONTHS: i32 = 36;
const DAYS: i32 = 30;

/// The people; small beside their rows.
pub struct Months {
    families: Vec<Family>,
    rates: Rates,
    seed: u64,
    pub persons: u32,
}

/// One package and whose rows they are.
#[derive(Default)]
pub struct Package {
    pub rows: Vec<Identity>,
    pub truth: Vec<u32>,
}

impl Months {
    pub fn new(seed: u64, persons: u32, rates: &Rates) -> Months {
        let mut random = Random(seed);
        let (mut families, mut number) = (Vec::new(), 0);
        while number < persons {
            families.push(Family::draw(&mut random, rates, &mut number));
        }
        Months { families, rates: rates.clone(), seed, persons }
    }

    /// What a source sends for a month, made on two threads.
    pub fn package(&self, month: i32, source: u16) -> Package {
        let half = self.families.len() / 2;
        let parts = [(0, &self.families[..half]), (half, &self.families[half..])];
        let make = |first: usize, families: &[Family]| {
            let mut maker = Maker { months: self, month, source, package: Package::default() };
            families.iter().enumerate().for_each(|(at, family)| maker.family((first + at) as u64, family));
            maker.package
        };
        std::thread::scope(|scope| {
            let threads: Vec<_> = parts.map(|(first, families)| scope.spawn(move || make(first, families))).into();
            threads.into_iter().map(|thread| thread.join().unwrap()).fold(Package::default(), |mut all, part| {
                all.rows.extend(part.rows);
                all.truth.extend(part.truth);
                all
            })
        })
    }
}

struct Maker<'a> {
    months: &'a Months,
    month: i32,
    source: u16,
    package: Package,
}

impl Maker<'_> {
    /// The same errors each time for the same `what`; other ones each month if it says so.
    fn random(&self, family: u64, place: usize, what: u64) -> Random {
        let mut random = Random(self.months.seed ^ family << 20 ^ (place as u64) << 12 ^ what << 44);
        random.next();
        random
    }

    fn push(&mut self, human: &Human, row: Identity) {
        self.package.rows.push(row);
        self.package.truth.push(human.number);
    }

    fn family(&mut self, at: u64, family: &Family) {
        let first = FROM + self.month * DAYS;
        let last = first + DAYS - 1;
        for (place, human) in family.humans.iter().enumerate() {
            if human.death.is_some_and(|death| death < first) {
                continue;
            }
            for (number, period) in family.periods.iter().enumerate() {
                let gone = period.to.is_some_and(|to| to < first) || period.from > last;
                let kind = u16::from(period.insurer >= 100);
                let birth = human.death.is_some_and(|death| death < period.from);
                if gone || birth || (self.source < 2 && self.source != kind) {
                    continue;
                }
                match self.source {
                    0 | 1 => {
                        self.listed(at, place, human, (number, period), (first, last));
                        self.seen(at, place, human, period, (first, last));
                    }
                    2 => self.checkup(at, place, human, period, (first, last)),
                    _ => {}
                }
            }
            if self.source == 3 {
                self.lifelog(at, place, human, family, (first, last));
            }
        }
    }

    fn written(&self, human: &Human, period: Option<&Period>, day: i32, how: (bool, bool, bool)) -> Written {
        let (kanji, kana, branch) = how;
        Written {
            family: human.family(day),
            given: human.given,
            birth: human.birth,
            sex: human.sex,
            insurer: period.map(|period| period.insurer),
            number: period.map(|period| period.number),
            branch: period.filter(|_| branch).map(|_| human.branch),
            individual: None,
            postcode: None,
            kanji,
            kana,
        }
    }

    fn send(&mut self, mut random: Random, human: &Human, written: Written, identity: Identity) {
        let identity = Identity { source: self.source, ..identity };
        let row = write(&mut random, &self.months.rates, human, written, identity, self.months.persons);
        self.push(human, row);
    }

    fn listed(
        &mut self,
        at: u64,
        place: usize,
        human: &Human,
        (number, period): (usize, &Period),
        (_, last): (i32, i32),
    ) {
        let death = human.death.filter(|&death| death <= last);
        let to = period.to.filter(|&to| to <= last).or(death);
        let married = human.married.is_some_and(|(on, _)| on <= last);
        let random = self.random(at, place, 1 + 2 * number as u64 + u64::from(married));
        let row = Identity {
            first_day: period.from,
            last_day: to.unwrap_or(period.from),
            coverage: Some((period.from, to)),
            death,
            ..Identity::default()
        };
        self.send(random, human, self.written(human, Some(period), last, (true, true, true)), row);
    }

    fn seen(&mut self, at: u64, place: usize, human: &Human, period: &Period, (first, last): (i32, i32)) {
        let mut random = self.random(at, place, 1_000 + self.month as u64);
        let first = first.max(period.from);
        let last = last.min(period.to.unwrap_or(last)).min(human.death.unwrap_or(last));
        if first > last || !random.chance(0.5) {
            return;
        }
        let day = first + random.day(last - first + 1);
        let kana = random.chance(self.months.rates.kana_only);
        let branch = !random.chance(self.months.rates.branch_missing);
        let row = Identity { first_day: day, last_day: day + random.day(last - day + 1), ..Identity::default() };
        self.send(random, human, self.written(human, Some(period), day, (!kana, kana, branch)), row);
    }

    fn checkup(&mut self, at: u64, place: usize, human: &Human, period: &Period, (first, last): (i32, i32)) {
        let mut random = self.random(at, place, 2_000 + self.month as u64);
        let turn = human.number as i32 % 12 == self.month % 12;
        let day = first + random.day(last - first + 1);
        let covered = period.from <= day && period.to.is_none_or(|to| to >= day);
        if !turn || !covered || human.death.is_some_and(|death| death < day) || !random.chance(0.4) {
            return;
        }
        let branch = !random.chance(self.months.rates.branch_missing);
        let row = Identity { first_day: day, last_day: day, ..Identity::default() };
        self.send(random, human, self.written(human, Some(period), day, (false, true, branch)), row);
    }

    fn lifelog(&mut self, at: u64, place: usize, human: &Human, family: &Family, (first, last): (i32, i32)) {
        let mut random = self.random(at, place, 3_000);
        let joined = FROM + random.day(1_000);
        if !random.chance(self.months.rates.lifelog) || joined > last {
            return;
        }
        let current = |p: &&Period| p.from <= joined && p.to.is_none_or(|to| to >= joined);
        let with_number = random.chance(0.3);
        let card = family.periods.iter().find(current).filter(|_| with_number);
        let first = first.max(joined);
        let last = human.death.unwrap_or(last).min(last).max(first);
        let mut written = self.written(human, card, joined, (true, true, false));
        written.postcode = Some(family.postcode);
        let row = Identity { first_day: first, last_day: last, ..Identity::default() };
        self.send(random, human, written, row);
    }
}
