//! Names for invented people: surnames with real frequencies (so that name collisions happen as they do in life), given names
//! by sex and year of birth, and the variant characters (異体字) that registries disagree about. No real person is meant.

use super::dice::{Dice, mix};

/// One name as the family register would have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spelling {
    pub(crate) kanji: &'static str,
    /// Full-width katakana.
    pub(crate) kana: &'static str,
}

struct Given {
    name: Spelling,
    /// Weight for birth before 1965, 1965-84, 1985-2004, from 2005.
    weights: [u32; 4],
}

pub(crate) struct Names {
    surnames: Vec<Spelling>,
    /// Running sums of bearers.
    bearers: Vec<u32>,
    /// Male, female.
    given: [Vec<Given>; 2],
    tail: [Vec<Spelling>; 2],
}

/// Share of given names that come from the long tail.
const TAIL: f64 = 0.3;

fn rows(text: &'static str) -> impl Iterator<Item = std::str::Split<'static, char>> {
    text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).map(|line| line.split('\t'))
}

impl Names {
    pub(crate) fn load() -> Self {
        let mut surnames = Vec::new();
        let mut bearers = Vec::new();
        let mut sum = 0u32;
        for mut row in rows(include_str!("names/surnames.tsv")) {
            if let (Some(kanji), Some(kana), Some(count)) = (row.next(), row.next(), row.next()) {
                sum += count.parse::<u32>().unwrap_or(0);
                surnames.push(Spelling { kanji, kana });
                bearers.push(sum);
            }
        }
        let given = |text| {
            rows(text)
                .filter_map(|mut row| {
                    let name = Spelling { kanji: row.next()?, kana: row.next()? };
                    let mut weights = [0; 4];
                    for (weight, cell) in weights.iter_mut().zip(row) {
                        *weight = cell.parse().unwrap_or(0);
                    }
                    Some(Given { name, weights })
                })
                .collect()
        };
        let tail = |text| {
            rows(text)
                .filter_map(|mut row| row.next().map(|kana| (kana, row)))
                .flat_map(|(kana, row)| row.map(move |kanji| Spelling { kanji, kana }))
                .collect()
        };
        Names {
            surnames,
            bearers,
            given: [given(include_str!("names/given_male.tsv")), given(include_str!("names/given_female.tsv"))],
            tail: [tail(include_str!("names/given_male_tail.tsv")), tail(include_str!("names/given_female_tail.tsv"))],
        }
    }

    pub(crate) fn surname(&self, dice: &mut Dice) -> Spelling {
        let at = dice.below(self.bearers.last().copied().unwrap_or(0));
        let index = self.bearers.partition_point(|sum| *sum <= at);
        self.surnames.get(index).copied().unwrap_or(Spelling { kanji: "山田", kana: "ヤマダ" })
    }

    /// `sex` 1 or 2, `year` of birth.
    pub(crate) fn given(&self, dice: &mut Dice, sex: u8, year: i32) -> Spelling {
        let side = usize::from(sex == 2);
        if dice.chance(TAIL)
            && let Some(name) = self.tail.get(side).and_then(|tail| dice.pick(tail))
        {
            return *name;
        }
        let era = match year {
            ..1965 => 0,
            1965..1985 => 1,
            1985..2005 => 2,
            _ => 3,
        };
        let list = self.given.get(side).map(Vec::as_slice).unwrap_or_default();
        let weight = |given: &Given| given.weights.get(era).copied().unwrap_or(0);
        let mut at = dice.below(list.iter().map(weight).sum());
        for given in list {
            let weight = weight(given);
            if at < weight {
                return given.name;
            }
            at -= weight;
        }
        Spelling { kanji: "明", kana: "アキラ" }
    }
}

/// Characters and what registries write in their place. 𠮷 has no CP932 code, so a CP932 file never shows it.
const VARIANTS: &[(char, &[char])] = &[
    ('高', &['髙']),
    ('崎', &['﨑']),
    ('辺', &['邊', '邉']),
    ('斎', &['斉', '齋', '齊']),
    ('斉', &['斎', '齊', '齋']),
    ('沢', &['澤']),
    ('島', &['嶋']),
    ('嶋', &['島']),
    ('浜', &['濱', '濵']),
    ('桜', &['櫻']),
    ('広', &['廣']),
    ('国', &['國']),
    ('関', &['關']),
    ('富', &['冨']),
    ('吉', &['𠮷']),
    ('柳', &['栁']),
    ('淵', &['渕']),
    ('塚', &['塚']),
];

/// The surname in variant characters, if it has any; `key` decides which.
pub(crate) fn variant(surname: &str, key: u64, cp932: bool) -> Option<String> {
    let mut changed = false;
    let text = surname
        .chars()
        .map(|c| {
            let Some((_, forms)) = VARIANTS.iter().find(|(plain, _)| *plain == c) else {
                return c;
            };
            let form =
                forms.get((mix(&[key, u64::from(u32::from(c))]) % forms.len() as u64) as usize).copied().unwrap_or(c);
            if cp932 && form == '𠮷' {
                return c;
            }
            changed = changed || form != c;
            form
        })
        .collect();
    changed.then_some(text)
}

/// Full-width katakana as half-width (JIS X 0201); characters without a half-width form stay.
pub(crate) fn half_width(kana: &str) -> String {
    const FULL: &str = "アイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワヲンァィゥェォッャュョー";
    const HALF: &str = "ｱｲｳｴｵｶｷｸｹｺｻｼｽｾｿﾀﾁﾂﾃﾄﾅﾆﾇﾈﾉﾊﾋﾌﾍﾎﾏﾐﾑﾒﾓﾔﾕﾖﾗﾘﾙﾚﾛﾜｦﾝｧｨｩｪｫｯｬｭｮｰ";
    const VOICED: &str = "ガギグゲゴザジズゼゾダヂヅデドバビブベボ";
    const PLAIN: &str = "カキクケコサシスセソタチツテトハヒフヘホ";
    const SEMI: &str = "パピプペポ";
    const SEMI_PLAIN: &str = "ハヒフヘホ";
    let swap = |c: char, from: &str, to: &str| {
        let index = from.chars().position(|f| f == c)?;
        to.chars().nth(index)
    };
    let mut out = String::with_capacity(kana.len());
    for c in kana.chars() {
        let (base, mark) = if let Some(plain) = swap(c, VOICED, PLAIN) {
            (plain, Some('ﾞ'))
        } else if let Some(plain) = swap(c, SEMI, SEMI_PLAIN) {
            (plain, Some('ﾟ'))
        } else if c == 'ヴ' {
            ('ウ', Some('ﾞ'))
        } else {
            (c, None)
        };
        out.push(if base == '\u{3000}' { ' ' } else { swap(base, FULL, HALF).unwrap_or(base) });
        out.extend(mark);
    }
    out
}

/// Small kana written large (ショウ → シヨウ), as systems without small kana do.
pub(crate) fn large_kana(kana: &str) -> String {
    kana.chars()
        .map(|c| match c {
            'ァ' => 'ア',
            'ィ' => 'イ',
            'ゥ' => 'ウ',
            'ェ' => 'エ',
            'ォ' => 'オ',
            'ッ' => 'ツ',
            'ャ' => 'ヤ',
            'ュ' => 'ユ',
            'ョ' => 'ヨ',
            _ => c,
        })
        .collect()
}

pub(crate) fn hiragana(kana: &str) -> String {
    kana.chars()
        .map(|c| match c {
            'ァ'..='ヶ' => char::from_u32(u32::from(c) - 0x60).unwrap_or(c),
            _ => c,
        })
        .collect()
}

/// ASCII letters and digits as full-width characters.
pub(crate) fn full_width(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '!'..='~' => char::from_u32(u32::from(c) + 0xfee0).unwrap_or(c),
            _ => c,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::synth::dice::Purpose;

    #[test]
    fn every_name_is_encodable_and_readable() {
        let names = Names::load();
        assert!(names.surnames.len() > 1900);
        let all = names
            .surnames
            .iter()
            .chain(names.given.iter().flatten().map(|given| &given.name))
            .chain(names.tail.iter().flatten());
        for name in all {
            let (_, _, bad) = encoding_rs::SHIFT_JIS.encode(name.kanji);
            assert!(!bad, "{}", name.kanji);
            assert!(name.kana.chars().all(|c| ('ァ'..='ー').contains(&c)), "{}", name.kana);
        }
        for side in &names.given {
            for era in 0..4 {
                assert!(side.iter().any(|given| given.weights.get(era) > Some(&0)));
            }
        }
    }

    #[test]
    fn widths_and_variants() {
        assert_eq!(half_width("ガッパ　ヴー"), "ｶﾞｯﾊﾟ ｳﾞｰ");
        assert_eq!(large_kana("ショウジ"), "シヨウジ");
        assert_eq!(hiragana("サトウ"), "さとう");
        assert_eq!(full_width("12-A"), "１２－Ａ");
        assert_eq!(variant("高橋", 1, true).as_deref(), Some("髙橋"));
        assert_eq!(variant("鈴木", 1, true), None);
        assert_eq!(variant("吉田", 1, true), None);
        assert_eq!(variant("吉田", 1, false).as_deref(), Some("𠮷田"));
    }

    #[test]
    fn frequent_surnames_are_frequent() {
        let names = Names::load();
        let mut dice = Dice::new(3, Purpose::People, 0);
        let sato = (0..100_000).filter(|_| names.surname(&mut dice).kanji == "佐藤").count();
        // 1,887,000 bearers of 99.6 million in the table.
        assert!((1_700..2_100).contains(&sato), "{sato}");
    }
}
