//! Invented people for the tests of linkage: families with job changes, marriages, deaths, twins, typing errors and namesakes, seen by
//! insurers (eligibility, claims, checkups) and a lifelog service. Tokens are hashes of what a source would have written.
#![allow(dead_code, unreachable_pub)]

pub mod monthly;

use std::hash::{DefaultHasher, Hash, Hasher};

use linkage::{Identity, Pass};

/// SplitMix64: the same numbers on every platform and in every year.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    pub fn day(&mut self, n: i32) -> i32 {
        (self.next() % n.max(1) as u64) as i32
    }

    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    pub fn chance(&mut self, p: f64) -> bool {
        self.unit() < p
    }

    /// Skewed choice among n: a few are frequent, as names are.
    pub fn skewed(&mut self, n: u64) -> u64 {
        (self.unit().powi(3) * n as f64) as u64
    }
}

pub fn hash(value: impl Hash) -> u128 {
    let half = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        (salt, &value).hash(&mut hasher);
        u128::from(hasher.finish())
    };
    half(1) << 64 | half(2)
}

/// Events per year or person, errors per row.
#[derive(Clone)]
pub struct Rates {
    pub job_change: f64,
    pub marriage: f64,
    pub death: f64,
    pub twins: f64,
    /// Twins may be brother and sister.
    pub mixed_twins: bool,
    pub name_typo: f64,
    pub day_typo: f64,
    pub month_typo: f64,
    pub sex_typo: f64,
    pub branch_missing: f64,
    pub kana_only: f64,
    pub individual: f64,
    pub individual_wrong: f64,
    pub lifelog: f64,
}

impl Default for Rates {
    fn default() -> Self {
        Rates {
            job_change: 0.11,
            marriage: 0.1,
            death: 0.05,
            twins: 0.01,
            mixed_twins: false,
            name_typo: 0.01,
            day_typo: 0.003,
            month_typo: 0.001,
            sex_typo: 0.0,
            branch_missing: 0.3,
            kana_only: 0.35,
            individual: 0.2,
            individual_wrong: 0.001,
            lifelog: 0.3,
        }
    }
}

/// Spelling and reading; there are fewer readings than spellings.
#[derive(Clone, Copy)]
struct Name {
    kanji: u64,
    kana: u64,
}

fn name(random: &mut Random, spellings: u64, per_reading: u64) -> Name {
    let kanji = random.skewed(spellings);
    Name { kanji, kana: kanji / per_reading }
}

/// A given name; a family doesn't give one reading twice.
fn reading(random: &mut Random, family: &[Human]) -> Name {
    loop {
        let given = name(random, 2_500, 3);
        if family.iter().all(|human| human.given.kana != given.kana) {
            return given;
        }
    }
}

#[derive(Clone)]
struct Human {
    number: u32,
    family: Name,
    given: Name,
    birth: i32,
    sex: u8,
    branch: u64,
    death: Option<i32>,
    /// Day of marriage and the name from then on.
    married: Option<(i32, Name)>,
}

impl Human {
    fn family(&self, day: i32) -> Name {
        match self.married {
            Some((on, name)) if on <= day => name,
            _ => self.family,
        }
    }
}

struct Period {
    insurer: u64,
    number: u64,
    from: i32,
    to: Option<i32>,
}

/// People of one household, insured together.
struct Family {
    humans: Vec<Human>,
    periods: Vec<Period>,
    postcode: u64,
}

impl Family {
    /// Draws a family; its people are numbered on from `number`.
    fn draw(random: &mut Random, rates: &Rates, number: &mut u32) -> Family {
        let surname = name(random, 3_000, 1);
        let adults = 1 + random.below(2);
        let members = adults + random.below(3);
        let mut humans: Vec<Human> = Vec::new();
        for place in 0..members {
            let child = place >= adults;
            let age = if child { random.day(18) } else { 20 + random.day(60) };
            let mut human = Human {
                number: *number,
                family: surname,
                given: reading(random, &humans),
                birth: FROM - age * 365 - random.day(365),
                sex: 1 + random.below(2) as u8,
                branch: place + 1,
                death: None,
                married: None,
            };
            if !child && random.chance(rates.death) {
                human.death = Some(FROM + random.day(TO - FROM));
            }
            if place == 0 && adults == 1 && random.chance(rates.marriage) {
                human.married = Some((FROM + random.day(TO - FROM), name(random, 3_000, 1)));
            }
            *number += 1;
            humans.push(human.clone());
            if child && random.chance(rates.twins) {
                human.number = *number;
                human.branch += 10;
                human.given = reading(random, &humans);
                // No draw where it isn't asked for: the other people stay who they are.
                if rates.mixed_twins && random.chance(0.5) {
                    human.sex = 3 - human.sex;
                }
                *number += 1;
                humans.push(human);
            }
        }
        let mut periods = Vec::new();
        let mut day = FROM - random.day(2_000);
        while day < TO {
            let stays = (1..40).find(|_| random.chance(rates.job_change));
            let end = day + stays.unwrap_or(40) * 365 - random.day(365);
            let kokuho = random.chance(0.3);
            periods.push(Period {
                insurer: if kokuho { 100 + random.below(5) } else { random.below(20) },
                number: random.below(2_000_000),
                from: day,
                to: (end < TO).then_some(end),
            });
            day = end + 1 + random.day(20);
        }
        let postcode = random.below(5_000);
        Family { humans, periods, postcode }
    }
}

/// What a source writes into one row.
struct Written {
    family: Name,
    given: Name,
    birth: i32,
    sex: u8,
    insurer: Option<u64>,
    number: Option<u64>,
    branch: Option<u64>,
    individual: Option<u64>,
    postcode: Option<u64>,
    kanji: bool,
    kana: bool,
}

impl Written {
    fn tokens(&self) -> [Option<u128>; 7] {
        let date = (self.birth, self.sex);
        let number = self.insurer.zip(self.number);
        let place = match (self.number, self.postcode) {
            (Some(number), _) => Some((1, number)),
            (None, postcode) => postcode.map(|code| (2, code)),
        };
        let (kanji, kana) = (self.kanji, self.kana);
        let mut tokens = [None; 7];
        let mut set = |pass: Pass, token: Option<u128>| tokens[pass.index()] = token;
        set(Pass::Member, number.zip(self.branch).map(|n| hash(("member", n, date))));
        set(Pass::Id1, number.map(|n| hash(("id1", n, date))));
        let id2 = ("id2", self.family.kanji, self.given.kanji, date);
        set(Pass::Id2, kanji.then(|| hash(id2)));
        let id4 = ("id4", self.family.kana, self.given.kana, date);
        set(Pass::Id4, kana.then(|| hash(id4)));
        set(Pass::Individual, self.individual.map(|n| hash(("own", n))));
        let marriage = |place| hash(("marriage", self.given.kana, date, place));
        set(Pass::Marriage, place.filter(|_| kana).map(marriage));
        let birth = |n| hash(("birth", self.family.kana, self.given.kana, n));
        set(Pass::Birth, self.number.filter(|_| kana).map(birth));
        tokens
    }
}

/// Month of a day, near enough for tests.
pub fn month(day: i32) -> i32 {
    23_640 + (f64::from(day) / 30.436_875).floor() as i32
}

/// First and last day of the observation: about 2019-04 to 2024-03.
pub const FROM: i32 = 17_987;
pub const TO: i32 = 19_813;

#[derive(Default)]
pub struct Population {
    pub rows: Vec<Identity>,
    pub truth: Vec<u32>,
}

/// About `persons` people, in families.
pub fn population(seed: u64, persons: u32, rates: &Rates) -> Population {
    let mut writer = Writer { random: Random(seed), rates: rates.clone(), population: Population::default() };
    let mut number = 0;
    while number < persons {
        writer.family(&mut number, persons);
    }
    writer.population
}

struct Writer {
    random: Random,
    rates: Rates,
    population: Population,
}

impl Writer {
    fn family(&mut self, number: &mut u32, persons: u32) {
        let Family { humans, periods, postcode } = Family::draw(&mut self.random, &self.rates, number);
        for human in &humans {
            for period in &periods {
                self.insured(human, period, persons);
            }
            self.lifelog(human, &periods, postcode, persons);
        }
    }

    fn insured(&mut self, human: &Human, period: &Period, persons: u32) {
        let over = period.to.is_some_and(|to| to < FROM);
        if over || human.death.is_some_and(|death| death < period.from) {
            return;
        }
        let source = u16::from(period.insurer >= 100);
        let end = period.to.unwrap_or(TO).min(human.death.unwrap_or(TO));
        let (from, seen) = (period.from, period.from.max(FROM));
        let write = |day: i32, kanji: bool, kana: bool, branch: bool| Written {
            family: human.family(day),
            given: human.given,
            birth: human.birth,
            sex: human.sex,
            insurer: Some(period.insurer),
            number: Some(period.number),
            branch: branch.then_some(human.branch),
            individual: None,
            postcode: None,
            kanji,
            kana,
        };
        let seen_from = |first_day: i32, last_day: i32| Identity { first_day, last_day, source, ..Identity::default() };
        let death = human.death.filter(|&death| death <= end);
        let list = Identity { coverage: Some((from, death.or(period.to))), death, ..seen_from(from, from) };
        self.row(human, write(end, true, true, true), list, persons);
        // Claims: other rows before and after a change of name; the name in kanji or in kana.
        let wedding = human.married.map(|(on, _)| on);
        let cut = wedding.filter(|&on| on > seen && on < end);
        let mut spans = vec![(seen, cut.map_or(end, |on| on - 1))];
        spans.extend(cut.map(|on| (on, end)));
        for (first, last) in spans.into_iter().filter(|(first, last)| first <= last) {
            let middle = first + (last - first) / 2;
            for (first, last) in [(first, middle), (middle, last)] {
                if self.random.chance(0.3) {
                    continue;
                }
                let kana = self.random.chance(self.rates.kana_only);
                let branch = !self.random.chance(self.rates.branch_missing);
                let claim = write(first, !kana, kana, branch);
                self.row(human, claim, seen_from(first, last), persons);
            }
        }
        if end > seen && self.random.chance(0.4) {
            let on = seen + self.random.day(end - seen);
            let branch = !self.random.chance(self.rates.branch_missing);
            self.row(human, write(on, false, true, branch), seen_from(on, on), persons);
        }
    }

    fn lifelog(&mut self, human: &Human, periods: &[Period], postcode: u64, persons: u32) {
        let first_day = FROM + self.random.day(1_000);
        let last_day = human.death.unwrap_or(TO);
        if !self.random.chance(self.rates.lifelog) || first_day >= last_day {
            return;
        }
        let current = |p: &&Period| p.from <= first_day && p.to.is_none_or(|to| to >= first_day);
        let with_number = self.random.chance(0.3);
        let card = periods.iter().find(current).filter(|_| with_number);
        let roster = Written {
            family: human.family(first_day),
            given: human.given,
            birth: human.birth,
            sex: human.sex,
            insurer: card.map(|period| period.insurer),
            number: card.map(|period| period.number),
            branch: None,
            individual: None,
            postcode: Some(postcode),
            kanji: true,
            kana: true,
        };
        let days = Identity { first_day, last_day, source: 2, ..Identity::default() };
        self.row(human, roster, days, persons);
    }

    fn row(&mut self, human: &Human, written: Written, identity: Identity, persons: u32) {
        self.population.rows.push(write(&mut self.random, &self.rates, human, written, identity, persons));
        self.population.truth.push(human.number);
    }
}

/// One row as a source writes it, with that source's errors.
fn write(
    random: &mut Random,
    rates: &Rates,
    human: &Human,
    mut written: Written,
    mut identity: Identity,
    persons: u32,
) -> Identity {
    if random.chance(rates.name_typo) {
        let wrong = 1_000_000 + random.below(1_000_000);
        match random.below(4) {
            0 => written.family.kanji = wrong,
            1 => written.given.kanji = wrong,
            2 => written.family.kana = wrong,
            _ => written.given.kana = wrong,
        }
    }
    if random.chance(rates.day_typo) {
        written.birth += 1 + random.day(3);
    }
    identity.birth_month = Some(month(written.birth));
    if random.chance(rates.month_typo) {
        let (days, months) = if random.chance(0.5) { (3_653, 120) } else { (30, 1) };
        written.birth += days;
        identity.birth_month = Some(month(human.birth) + months);
    }
    if rates.sex_typo > 0.0 && random.chance(rates.sex_typo) {
        written.sex = 3 - written.sex;
    }
    if random.chance(rates.individual) {
        let wrong = random.chance(rates.individual_wrong);
        let somebody = random.below(u64::from(persons));
        let own = if wrong { somebody } else { u64::from(human.number) };
        written.individual = Some(own);
    }
    identity.sex = written.sex;
    identity.insurer = written.insurer;
    identity.tokens = written.tokens();
    identity
}

/// Random small worlds where tokens collide often.
pub mod worlds {
    use linkage::{Identity, Pass, Settings};
    use proptest::prelude::*;

    use super::hash;

    /// Every 70 days a row, so that graces matter; few tokens, so that they collide. An honest row's tokens are made from its sex and
    /// birth date where the pass says so; a forged one's are anything.
    pub fn row(honest: bool) -> impl Strategy<Value = Identity> {
        let tokens = proptest::array::uniform7(proptest::option::weighted(0.4, 0u128..6));
        let coverage = proptest::option::of((0i32..12, proptest::option::of(0i32..12)));
        let birth =
            proptest::option::weighted(0.9, prop_oneof![Just(23_700), Just(23_703), Just(23_820), Just(23_833)]);
        let death = proptest::option::weighted(0.1, 0i32..12);
        let previous = proptest::option::weighted(0.5, 1_000u128..1_006);
        (
            tokens,
            coverage,
            birth,
            death,
            (0i32..12, 0i32..3),
            (0u16..3, 0u8..3, proptest::option::of(0u64..3)),
            previous,
        )
            .prop_map(
                move |(tokens, coverage, birth_month, death, (first, more), (source, sex, insurer), previous)| {
                    Identity {
                        source,
                        sex,
                        birth_month,
                        first_day: 18_000 + first * 70,
                        last_day: 18_000 + (first + more) * 70,
                        coverage: coverage
                            .map(|(from, days)| (18_000 + from * 70, days.map(|d| 18_000 + (from + d) * 70))),
                        insurer,
                        death: death.map(|day| 18_000 + day * 70),
                        previous,
                        // Passes never share a token: the pass's subkey is part of it.
                        tokens: std::array::from_fn(|pass| {
                            let dated = honest && ![Pass::Individual.index(), Pass::Birth.index()].contains(&pass);
                            tokens[pass].map(|token| {
                                hash((pass, token % if dated { 2 } else { 6 }, dated.then_some((sex, birth_month))))
                            })
                        }),
                    }
                },
            )
    }

    pub fn rows(honest: bool) -> impl Strategy<Value = Vec<Identity>> {
        proptest::collection::vec(row(honest), 0..40)
    }

    /// Horizons fixed, so that one more row doesn't move them; no screening, which counts all rows.
    pub fn frozen() -> Settings {
        Settings { max_births_per_token: 99, max_memberships_per_token: 99, ..horizons() }
    }

    /// Horizons fixed only.
    pub fn horizons() -> Settings {
        Settings { horizons: (0..3).map(|source| (source, 19_500)).collect(), ..Settings::default() }
    }
}

/// Ids that count up, so that tests are the same every time.
pub fn counting() -> impl FnMut() -> u128 {
    let mut next = 0;
    move || {
        next += 1;
        next
    }
}
