//! Claims of both sides, harmed: lines shuffled, cut, doubled, items changed. No panic, every line accounted for (`run` checks
//! it), and no value in an error.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod read_support;

use proptest::prelude::*;
use read_support::{cp932, file, run};

const NAME: &str = "架空　花子";

fn files() -> [Vec<String>; 2] {
    let receipts = [
        "RE,1,1112,202404,架空　花子,2,19800229,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,カクウハナコ|HO,  133066,１２,３４,2,151\
         |SN,1,01,,,,02|SY,2500015,20210401,1,8002,,01|SI,12,1,112007410,,75,2,,,,,,,,,1,,1|IY,21,1,622098501,1,1,1,,,,,,,1|TI,1|TR,1",
        "RE,2,3112,202404,架空　花子,2,19800229|HO,133066,1,2,2,534|HS,20240401,1,101700,8843836,,,1,,01|HS,,,,5234016\
         |SS,41,1,309000110,,,CA001,2|SI,11,1,301000110,,58,1,,,1|TO,80,1,700000001,1.5,,,CB003,,,,架空,16,1,,,,1",
        "RE,3,4116,202404,架空　花子,2,3550229|HO,133066,1,3,1,166|SH,1,1|CZ,1,20240403,0404,1,28,1,,,430001010,24,,,112\
         |IY,1,622098501,1|KI,20240404,1,1,410000010,30",
        "RE,4,1111,202404,架空　花子,2,19800229,,20240401,,,,,,,,,,2|HO,133066,1,4,7|BU,050050xx99000x,20240401,20240407,6\
         |SB,4139007,,,I209,11|GA,202404,0,1111111111111111111111111111111|GT,202404,0,1,1,1,1,1,1|CD,20240402,33,1,1,622098501,2",
    ];
    let mut provider = vec!["IR,1,13,1,7654321,,架空医院,202405,00".to_owned()];
    let mut payer = Vec::new();
    for receipt in receipts {
        payer.push("2,1,0,MN,123456789,13,99".to_owned());
        for (line, row) in receipt.split('|').zip(2..) {
            provider.push(line.to_owned());
            payer.push(format!("1,{row},0,{line}"));
        }
        payer.extend(["2,5,1,SY,4659007,20240401", "2,20,0,JY,2,5,0,,C,5,1", "2,21,0,JY,3,6,0,,C"].map(str::to_owned));
    }
    provider.push("GO,4,926,99".to_owned());
    [provider, payer]
}

#[derive(Debug, Clone)]
enum Harm {
    Swap(prop::sample::Index, prop::sample::Index),
    Twice(prop::sample::Index),
    Drop(prop::sample::Index),
    Item(prop::sample::Index, prop::sample::Index, &'static str),
    Cut(prop::sample::Index),
    Byte(prop::sample::Index, u8),
}

fn harm() -> impl Strategy<Value = Harm> {
    let at = any::<prop::sample::Index>;
    let nasty = prop::sample::select(vec![
        "",
        "1234567890123456789012345678901",
        "99991399",
        "-1",
        "999999999999999999",
        "RE",
        "GO",
        "JY",
        "IR",
        "TI",
        "\u{3000}",
        "1,1,1",
        "0",
        "\u{1a}",
    ]);
    prop_oneof![
        (at(), at()).prop_map(|(a, b)| Harm::Swap(a, b)),
        at().prop_map(Harm::Twice),
        at().prop_map(Harm::Drop),
        (at(), at(), nasty).prop_map(|(line, item, with)| Harm::Item(line, item, with)),
        at().prop_map(Harm::Cut),
        (at(), any::<u8>()).prop_map(|(at, byte)| Harm::Byte(at, byte)),
    ]
}

fn apply(lines: &mut Vec<String>, harm: &Harm) {
    if lines.is_empty() {
        return;
    }
    let count = lines.len();
    match harm {
        Harm::Swap(a, b) => lines.swap(a.index(count), b.index(count)),
        Harm::Twice(at) => lines.push(lines[at.index(count)].clone()),
        Harm::Drop(at) => drop(lines.remove(at.index(count))),
        Harm::Item(line, item, with) => {
            let line = &mut lines[line.index(count)];
            let mut items: Vec<&str> = line.split(',').collect();
            let item = item.index(items.len());
            items[item] = with;
            *line = items.join(",");
        }
        Harm::Cut(_) | Harm::Byte(..) => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn harmed_claims(side in 0_usize..2, harms in proptest::collection::vec(harm(), 1..8), utf8 in any::<bool>()) {
        let mut lines = files()[side].clone();
        for harm in &harms {
            apply(&mut lines, harm);
        }
        let text = lines.join("\r\n") + "\r\n";
        let mut bytes = if utf8 { text.into_bytes() } else { cp932(&text) };
        for harm in &harms {
            match harm {
                Harm::Cut(at) if !bytes.is_empty() => bytes.truncate(at.index(bytes.len())),
                Harm::Byte(at, byte) if !bytes.is_empty() => {
                    let at = at.index(bytes.len());
                    bytes[at] = *byte;
                }
                _ => {}
            }
        }
        let dir = tempfile::tempdir().unwrap();
        if let Err(error) = run(&[file(dir.path(), "x", &bytes)]) {
            let said = format!("{error} {error:?}");
            prop_assert!(!said.contains(NAME) && said.len() < 2_000, "{said}");
        }
    }
}

#[test]
fn unharmed_they_are_read() {
    for lines in files() {
        let dir = tempfile::tempdir().unwrap();
        let got = run(&[file(dir.path(), "x", &cp932(&lines.join("\r\n")))]).unwrap();
        assert_eq!(got.height("claim"), 3, "the fourth is a part");
    }
}
