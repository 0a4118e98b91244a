//! Invented people and their households: who lives with whom, and under which insurer each one was when.
//! What happens to them over time is in `course`; what they suffer from is in `traits`.

use super::calendar::{birthday, civil, first_day};
use super::dice::Dice;
use super::names::{Names, Spelling};
use super::options::SynthOptions;

/// The insurers of the synthetic world. Their numbers carry a valid check digit and belong to nobody we know of. 後期高齢者医療 takes over
/// at 75 with a number of its own; its files lie with the 国保's, as in KDB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fund {
    Kenpo,
    Kokuho,
    Koki,
}

impl Fund {
    /// Those that have files of their own.
    pub(crate) const ALL: [Fund; 2] = [Fund::Kenpo, Fund::Kokuho];

    pub(crate) fn index(self) -> usize {
        match self {
            Fund::Kenpo => 0,
            Fund::Kokuho => 1,
            Fund::Koki => 2,
        }
    }

    /// Folder and source name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Fund::Kenpo => "kenpo",
            Fund::Kokuho | Fund::Koki => "kokuho",
        }
    }

    /// As the catalogue calls the kind of insurer.
    pub(crate) fn kind(self) -> &'static str {
        match self {
            Fund::Kenpo => "kenpo",
            Fund::Kokuho => "kokuho",
            Fund::Koki => "koki",
        }
    }

    /// 保険者番号 as the insurer writes it: 8 digits, 国保 6.
    pub(crate) fn number(self) -> &'static str {
        match self {
            Fund::Kenpo => "06139992",
            Fund::Kokuho => "139998",
            Fund::Koki => "39139993",
        }
    }

    /// 保険者番号 in 8 digits, as 特定健診 files have it.
    pub(crate) fn number8(self) -> &'static str {
        match self {
            Fund::Kenpo => "06139992",
            Fund::Kokuho => "00139998",
            Fund::Koki => "39139993",
        }
    }
}

/// An employer of the 健保: its 記号, size band and industry (JSIC), and whether it shares checkups of the under-40s.
pub(crate) struct Employer {
    pub(crate) symbol: &'static str,
    pub(crate) size: u8,
    pub(crate) industry: char,
    pub(crate) shares_young: bool,
}

pub(crate) const EMPLOYERS: [Employer; 2] = [
    Employer { symbol: "1001", size: 3, industry: 'E', shares_young: true },
    Employer { symbol: "2040", size: 2, industry: 'G', shares_young: false },
];

/// 記号 of the 国保.
pub(crate) const KOKUHO_SYMBOL: &str = "桜01";

/// 喪失事由 as the eligibility list codes them.
pub(crate) mod reason {
    pub(crate) const JOB: u8 = 1;
    pub(crate) const DEATH: u8 = 2;
    pub(crate) const SEVENTY_FIVE: u8 = 3;
    pub(crate) const MOVED: u8 = 4;
}

/// One stretch of insurance under one number.
#[derive(Clone, Debug)]
pub(crate) struct Spell {
    pub(crate) fund: Fund,
    /// Index into `EMPLOYERS`; none outside 健保.
    pub(crate) employer: Option<usize>,
    pub(crate) number: u32,
    /// 枝番; 0 in 後期高齢者医療, which has none.
    pub(crate) branch: u8,
    pub(crate) dependant: bool,
    /// 取得日.
    pub(crate) start: i32,
    /// 喪失日: the first day without this insurance.
    pub(crate) end: Option<i32>,
    pub(crate) reason: u8,
}

impl Spell {
    pub(crate) fn covers(&self, day: i32) -> bool {
        self.start <= day && self.end.is_none_or(|end| day < end)
    }

    pub(crate) fn symbol(&self) -> &'static str {
        let none = if self.fund == Fund::Koki { "" } else { KOKUHO_SYMBOL };
        self.employer.and_then(|index| EMPLOYERS.get(index)).map_or(none, |employer| employer.symbol)
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Person {
    /// Number of the person in the truth.
    pub(crate) number: u32,
    /// 1 male, 2 female.
    pub(crate) sex: u8,
    pub(crate) birth: i32,
    pub(crate) death: Option<i32>,
    /// Surnames, each with the first day on which it is used.
    pub(crate) surnames: Vec<(i32, Spelling)>,
    pub(crate) given: Spelling,
    pub(crate) spells: Vec<Spell>,
    /// Postcodes, each with the first day.
    pub(crate) homes: Vec<(i32, u32)>,
    /// Has a sibling of the same birth.
    pub(crate) twin: bool,
}

impl Person {
    pub(crate) fn surname_on(&self, day: i32) -> Spelling {
        let known = self.surnames.iter().rev().find(|(from, _)| *from <= day);
        known.or(self.surnames.first()).map_or(self.given, |(_, surname)| *surname)
    }

    pub(crate) fn postcode_on(&self, day: i32) -> u32 {
        let known = self.homes.iter().rev().find(|(from, _)| *from <= day);
        known.or(self.homes.first()).map_or(0, |(_, code)| *code)
    }

    pub(crate) fn spell_on(&self, day: i32) -> Option<&Spell> {
        self.spells.iter().find(|spell| spell.covers(day))
    }

    pub(crate) fn alive_on(&self, day: i32) -> bool {
        self.birth <= day && self.death.is_none_or(|death| day <= death)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Head,
    Spouse,
    Child,
    Parent,
}

pub(crate) struct Member {
    pub(crate) person: Person,
    pub(crate) role: Role,
    /// Still follows the household from insurer to insurer.
    pub(crate) follows: bool,
    pub(crate) married: bool,
}

/// First and last month of the data.
#[derive(Clone, Copy)]
pub(crate) struct Period {
    pub(crate) first: i32,
    pub(crate) last: i32,
}

impl Period {
    pub(crate) fn new(months: u32) -> Self {
        let last = 2025 * 12 + 2;
        Period { first: last - months as i32 + 1, last }
    }

    pub(crate) fn start(self) -> i32 {
        first_day(self.first)
    }

    /// The last day.
    pub(crate) fn end(self) -> i32 {
        first_day(self.last + 1) - 1
    }

    pub(crate) fn months(self) -> usize {
        (self.last - self.first + 1).max(0) as usize
    }
}

struct Band {
    ages: (i32, i32),
    weight: f64,
    male: f64,
    /// Chance of a spouse who is insured with the head.
    spouse: f64,
    /// Mean number of children up to 22 with the head.
    children: f64,
}

const fn band(low: i32, high: i32, weight: f64, male: f64, spouse: f64, children: f64) -> Band {
    Band { ages: (low, high), weight, male, spouse, children }
}

// Heads of household by age. Rough shares after the age structure of 健保 (mostly men of working age) and 国保 (two in five heads past 65).
const KENPO_BANDS: [Band; 6] = [
    band(22, 29, 20.0, 0.58, 0.10, 0.12),
    band(30, 39, 22.0, 0.64, 0.34, 0.80),
    band(40, 49, 27.0, 0.67, 0.40, 1.15),
    band(50, 59, 22.0, 0.68, 0.42, 0.70),
    band(60, 64, 7.0, 0.72, 0.45, 0.15),
    band(65, 73, 2.0, 0.75, 0.45, 0.0),
];
const KOKUHO_BANDS: [Band; 5] = [
    band(23, 39, 17.0, 0.56, 0.22, 0.25),
    band(40, 54, 21.0, 0.58, 0.38, 0.45),
    band(55, 64, 20.0, 0.56, 0.45, 0.08),
    band(65, 69, 19.0, 0.56, 0.50, 0.0),
    band(70, 74, 23.0, 0.55, 0.48, 0.0),
];

fn born(dice: &mut Dice, age: i32, on: i32) -> i32 {
    birthday(on, -age) - dice.between(0, 364)
}

/// A new household as it stands when the data begins (children may still be unborn), and the fund it begins in.
pub(crate) fn compose(dice: &mut Dice, names: &Names, options: &SynthOptions, period: Period) -> (Vec<Member>, Fund) {
    let (fund, bands): (_, &[Band]) =
        if dice.chance(options.kenpo_share) { (Fund::Kenpo, &KENPO_BANDS) } else { (Fund::Kokuho, &KOKUHO_BANDS) };
    let weights: Vec<f64> = bands.iter().map(|band| band.weight).collect();
    let at = dice.weighted(&weights);
    let Some(band) = bands.get(at) else {
        return (Vec::new(), fund);
    };
    let start = period.start();
    let surname = names.surname(dice);
    let home = 1_000_000 + dice.below(900) * 1000 + dice.below(40) * 10;
    let mut members: Vec<Member> = Vec::new();
    let mut add = |dice: &mut Dice, role, sex: u8, birth: i32, married, twin| {
        let mut given = names.given(dice, sex, civil(birth).0);
        while members.iter().any(|member: &Member| member.person.given.kanji == given.kanji) {
            given = names.given(dice, sex, civil(birth).0);
        }
        members.push(Member {
            person: Person {
                number: 0,
                sex,
                birth,
                death: None,
                surnames: vec![(i32::MIN, surname)],
                given,
                spells: Vec::new(),
                homes: vec![(i32::MIN, home)],
                twin,
            },
            role,
            follows: true,
            married,
        });
    };
    let sex = if dice.chance(band.male) { 1 } else { 2 };
    let age = dice.between(band.ages.0, band.ages.1);
    // Women at the head of an insured household more seldom have a husband insured with them.
    let spouse = dice.chance(if sex == 1 { band.spouse } else { band.spouse * 0.25 });
    let birth = born(dice, age, start);
    add(dice, Role::Head, sex, birth, spouse, false);
    if spouse {
        let spouse_age = (age + (dice.normal() * 3.0) as i32 - if sex == 1 { 2 } else { -2 }).clamp(20, 74);
        let birth = born(dice, spouse_age, start);
        add(dice, Role::Spouse, 3 - sex, birth, true, false);
    }
    let mean = band.children * if spouse { 1.5 } else { 0.35 };
    let mut children = dice.poisson(mean).min(4);
    while children > 0 {
        children -= 1;
        // Negative: born during the period.
        let oldest = (age - 21).min(22);
        let child_age = dice.between(-(period.months() as i32 / 12).max(1), oldest);
        if child_age < 0 && age > 44 {
            continue;
        }
        let birth = born(dice, child_age, start);
        let pair = 1 + u32::from(dice.chance(options.events.twins));
        for _ in 0..pair {
            let sex = if dice.chance(0.513) { 1 } else { 2 };
            add(dice, Role::Child, sex, birth, false, pair > 1);
        }
    }
    if fund == Fund::Kenpo && (38..50).contains(&age) && dice.chance(0.04) {
        let parent_age = (age + dice.between(24, 31)).min(74);
        let birth = born(dice, parent_age, start);
        add(dice, Role::Parent, 2, birth, true, false);
    }
    (members, fund)
}
