//! What happens to a household month by month: jobs, births, marriages, moves, deaths, 75th birthdays, and the insurance that follows.

use super::calendar::{age, age_exact, birthday, civil, first_day, length, month_of};
use super::dice::{Dice, along};
use super::names::Names;
use super::options::SynthOptions;
use super::people::{EMPLOYERS, Fund, Member, Period, Person, Role, Spell, compose, reason};

/// Deaths per year, men; women about half (order of magnitude of the abridged life table).
const DEATHS: [(f64, f64); 6] =
    [(0.0, 0.0004), (40.0, 0.0009), (50.0, 0.0025), (60.0, 0.0065), (70.0, 0.016), (75.0, 0.027)];

/// Numbers for one block of people: 番号 never meet between blocks.
pub(crate) struct Numbers {
    base: u32,
    next: u32,
}

impl Numbers {
    pub(crate) fn new(block: u32) -> Self {
        Numbers { base: block * 1000, next: 0 }
    }

    fn take(&mut self) -> u32 {
        self.next += 1;
        self.base + self.next
    }
}

#[derive(Clone, Copy)]
struct Cover {
    fund: Fund,
    employer: Option<usize>,
    number: u32,
}

struct Household<'a> {
    members: Vec<Member>,
    cover: Option<Cover>,
    numbers: &'a mut Numbers,
}

impl Household<'_> {
    fn new_cover(&mut self, fund: Fund, employer: Option<usize>) {
        self.cover = Some(Cover { fund, employer, number: self.numbers.take() });
    }

    /// Opens a spell under the household's cover for one member.
    fn join(&mut self, index: usize, start: i32) {
        let (Some(cover), Some(member)) = (self.cover, self.members.get_mut(index)) else {
            return;
        };
        if !member.follows || member.person.birth > start || member.person.death.is_some() {
            return;
        }
        member.person.spells.push(Spell {
            fund: cover.fund,
            employer: cover.employer,
            number: cover.number,
            branch: (index + 1) as u8,
            dependant: member.role != Role::Head,
            start,
            end: None,
            reason: 0,
        });
    }

    fn join_all(&mut self, start: i32) {
        for index in 0..self.members.len() {
            self.join(index, start);
        }
    }

    fn leave(&mut self, index: usize, end: i32, reason: u8) {
        let Some(member) = self.members.get_mut(index) else {
            return;
        };
        if let Some(spell) = member.person.spells.last_mut()
            && spell.end.is_none()
        {
            spell.end = Some(end.max(spell.start));
            spell.reason = reason;
        }
    }

    fn leave_all(&mut self, end: i32, reason: u8) {
        for index in 0..self.members.len() {
            if self.members.get(index).is_some_and(|member| member.follows) {
                self.leave(index, end, reason);
            }
        }
    }

    /// The head's insurance ends for everybody, and another begins on the same day.
    fn change(&mut self, day: i32, fund: Fund, employer: Option<usize>) {
        self.leave_all(day, reason::JOB);
        self.new_cover(fund, employer);
        self.join_all(day);
    }

    /// 後期高齢者医療 from the 75th birthday on, for whoever was insured until then: a number of one's own.
    fn elder(&mut self, index: usize, day: i32) {
        let number = self.numbers.take();
        let Some(member) = self.members.get_mut(index) else {
            return;
        };
        let until =
            |spell: &Spell| spell.reason == reason::SEVENTY_FIVE && spell.end == Some(day) && spell.fund != Fund::Koki;
        if member.person.spells.last().is_some_and(until) {
            member.person.spells.push(Spell {
                fund: Fund::Koki,
                employer: None,
                number,
                branch: 0,
                dependant: false,
                start: day,
                end: None,
                reason: 0,
            });
        }
    }

    /// A member goes, for good; if the household lived on the head's employment, the others move to 国保.
    fn lose(&mut self, index: usize, end: i32, why: u8) {
        self.leave(index, end, why);
        let Some(member) = self.members.get_mut(index) else {
            return;
        };
        member.follows = false;
        if member.role == Role::Head && self.cover.is_some_and(|cover| cover.fund == Fund::Kenpo) {
            self.change(end, Fund::Kokuho, None);
        }
    }
}

/// Members of one household with everything that happened to their names, homes and insurance in the period.
pub(crate) fn live(
    dice: &mut Dice,
    names: &Names,
    options: &SynthOptions,
    period: Period,
    numbers: &mut Numbers,
) -> Vec<Person> {
    let (members, fund) = compose(dice, names, options, period);
    let mut home = Household { members, cover: None, numbers };
    let employer = (fund == Fund::Kenpo).then(|| usize::from(dice.chance(0.4)));
    home.new_cover(fund, employer);
    begin(&mut home, dice, period);
    for month in period.first..=period.last {
        step(&mut home, dice, names, options, month);
    }
    home.members.into_iter().map(|member| member.person).collect()
}

/// Spells that were open when the data begins started earlier.
fn begin(home: &mut Household<'_>, dice: &mut Dice, period: Period) {
    let start = period.start();
    let Some(head) = home.members.first() else {
        return;
    };
    let adult = birthday(head.person.birth, 22).min(start - 30);
    let since = (start - dice.between(30, 9000)).max(adult);
    // Jobs begin on the first of a month.
    let since = first_day(month_of(since));
    for index in 0..home.members.len() {
        let birth = home.members.get(index).map_or(0, |member| member.person.birth);
        if birth < start {
            home.join(index, since.max(birth));
        }
    }
}

fn step(home: &mut Household<'_>, dice: &mut Dice, names: &Names, options: &SynthOptions, month: i32) {
    let first = first_day(month);
    let some_day = |dice: &mut Dice| first + dice.below(length(month) as u32) as i32;
    for index in 0..home.members.len() {
        let Some(member) = home.members.get(index) else {
            continue;
        };
        let (birth, role, sex) = (member.person.birth, member.role, member.person.sex);
        if month_of(birth) == month && member.person.spells.is_empty() {
            home.join(index, birth);
        }
        if birth > first || member_gone(home, index) {
            continue;
        }
        let years = age_exact(birth, first);
        let risk = along(&DEATHS, years) * if sex == 1 { 1.0 } else { 0.5 } / 12.0;
        if dice.chance(risk) {
            let day = some_day(dice);
            home.lose(index, day + 1, reason::DEATH);
            if let Some(member) = home.members.get_mut(index) {
                member.person.death = Some(day);
            }
            continue;
        }
        let seventy_five = birthday(birth, 75);
        if month_of(seventy_five) == month {
            home.lose(index, seventy_five, reason::SEVENTY_FIVE);
            home.elder(index, seventy_five);
            continue;
        }
        // The working life of children begins in the April after they turn 22.
        if role == Role::Child && month.rem_euclid(12) == 3 && age(birth, first) == 22 {
            grow_up(home, dice, index, first);
        }
        let day = some_day(dice);
        marry(home, dice, names, options, index, day);
    }
    jobs(home, dice, options, first);
    if dice.chance(options.events.relocation / 12.0) {
        let (day, code) = (some_day(dice), dice.below(900) * 1000 + dice.below(40) * 10);
        for member in home.members.iter_mut().filter(|member| member.follows) {
            member.person.homes.push((day, 1_000_000 + code));
        }
    }
    if home.cover.is_some_and(|cover| cover.fund == Fund::Kokuho) && dice.chance(options.events.departure / 12.0) {
        let day = some_day(dice);
        home.leave_all(day, reason::MOVED);
        home.cover = None;
        for member in home.members.iter_mut().filter(|member| member.follows) {
            member.person.homes.push((day, 9_000_000 + dice.below(9999)));
        }
    }
}

fn member_gone(home: &Household<'_>, index: usize) -> bool {
    home.members.get(index).is_none_or(|member| !member.follows || member.person.death.is_some())
}

/// Half find work with one of the two employers; of the others, those in 健保 leave the room, those in 国保 stay.
fn grow_up(home: &mut Household<'_>, dice: &mut Dice, index: usize, day: i32) {
    let Some(cover) = home.cover else {
        return;
    };
    let hired = dice.chance(0.5);
    if !hired && cover.fund == Fund::Kokuho {
        return;
    }
    home.leave(index, day, reason::JOB);
    let number = home.numbers.take();
    if let Some(member) = home.members.get_mut(index) {
        member.follows = false;
        if hired {
            member.person.spells.push(Spell {
                fund: Fund::Kenpo,
                employer: Some(dice.below(EMPLOYERS.len() as u32) as usize),
                number,
                branch: 1,
                dependant: false,
                start: day,
                end: None,
                reason: 0,
            });
        }
    }
}

fn marry(home: &mut Household<'_>, dice: &mut Dice, names: &Names, options: &SynthOptions, index: usize, day: i32) {
    let Some(member) = home.members.get_mut(index) else {
        return;
    };
    let years = age(member.person.birth, day);
    if member.person.sex == 2
        && !member.married
        && (20..45).contains(&years)
        && dice.chance(options.events.marriage / 12.0)
    {
        member.married = true;
        let surname = names.surname(dice);
        member.person.surnames.push((day, surname));
    }
}

fn jobs(home: &mut Household<'_>, dice: &mut Dice, options: &SynthOptions, first: i32) {
    let (Some(cover), Some(head)) = (home.cover, home.members.first()) else {
        return;
    };
    if !head.follows || head.person.death.is_some() {
        return;
    }
    let years = age(head.person.birth, first);
    let turns = civil(head.person.birth).1 == civil(first).1;
    let events = &options.events;
    match (cover.fund, cover.employer) {
        (Fund::Kenpo, Some(employer)) => {
            let retires = turns
                && dice.chance(match years {
                    60 => 0.25,
                    65 => 0.65,
                    70 => 0.6,
                    _ => 0.0,
                });
            if retires {
                home.change(first, Fund::Kokuho, None);
            } else if dice.chance(events.job_change / 12.0) {
                if dice.chance(events.job_change_within) {
                    home.change(first, Fund::Kenpo, Some(1 - employer.min(1)));
                } else {
                    home.change(first, Fund::Kokuho, None);
                }
            }
        }
        _ => {
            if years < 60 && dice.chance(events.employment / 12.0) {
                let employer = dice.below(EMPLOYERS.len() as u32) as usize;
                home.change(first, Fund::Kenpo, Some(employer));
            }
        }
    }
}
