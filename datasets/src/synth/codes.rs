//! The codes that synthetic claims use: a few dozen facts from the public masters (傷病名, 医薬品, 診療行為; points of 2024).

/// A drug: 医薬品コード, price in 1/100 yen per unit.
pub(crate) struct Drug {
    pub(crate) code: &'static str,
    pub(crate) sen: i64,
}

const fn drug(code: &'static str, sen: i64) -> Drug {
    Drug { code, sen }
}

pub(crate) const ATORVASTATIN: Drug = drug("622098501", 1580);
pub(crate) const ROSUVASTATIN: Drug = drug("620002477", 2130);
pub(crate) const METFORMIN: Drug = drug("621676001", 980);
pub(crate) const SITAGLIPTIN: Drug = drug("621951001", 11150);
pub(crate) const EMPAGLIFLOZIN: Drug = drug("622401201", 18890);
pub(crate) const DAPAGLIFLOZIN: Drug = drug("622341901", 16990);
pub(crate) const SEMAGLUTIDE: Drug = drug("629907801", 275_200);
pub(crate) const AMLODIPINE: Drug = drug("620007853", 1010);
pub(crate) const CANDESARTAN: Drug = drug("622365601", 1170);
pub(crate) const LANSOPRAZOLE: Drug = drug("620009451", 1240);
pub(crate) const LOXOPROFEN: Drug = drug("620007150", 980);
pub(crate) const ZOLPIDEM: Drug = drug("622134101", 1010);
pub(crate) const ESCITALOPRAM: Drug = drug("622920301", 6000);
pub(crate) const ALLOPURINOL: Drug = drug("620003074", 780);

/// A procedure: 診療行為コード, 診療識別, points.
#[derive(Clone, Copy)]
pub(crate) struct Act {
    pub(crate) code: &'static str,
    pub(crate) class: u8,
    pub(crate) points: i32,
}

const fn act(code: &'static str, class: u8, points: i32) -> Act {
    Act { code, class, points }
}

pub(crate) const FIRST_VISIT: Act = act("111000110", 11, 291);
pub(crate) const REVISIT: Act = act("112007410", 12, 75);
pub(crate) const OUTPATIENT_ADDITION: Act = act("112011010", 12, 52);
pub(crate) const STATEMENT: Act = act("112015770", 12, 1);
pub(crate) const DISEASE_MANAGEMENT: Act = act("113001810", 13, 225);
pub(crate) const PRESCRIPTION: Act = act("120002910", 80, 60);
pub(crate) const BLOOD_COUNT: Act = act("160008010", 60, 21);
pub(crate) const HBA1C: Act = act("160010010", 60, 49);
pub(crate) const GLUCOSE: Act = act("160019410", 60, 11);
pub(crate) const TRIGLYCERIDE: Act = act("160020910", 60, 11);
pub(crate) const HDL: Act = act("160023410", 60, 17);
pub(crate) const LDL: Act = act("160167250", 60, 18);
pub(crate) const ECG: Act = act("160068410", 60, 130);
pub(crate) const XRAY: Act = act("170027910", 70, 68);
pub(crate) const CT: Act = act("170011810", 70, 900);
pub(crate) const MRI: Act = act("170020110", 70, 1330);
pub(crate) const ABDOMINAL_ECHO: Act = act("160072210", 60, 530);
pub(crate) const HEART_ECHO: Act = act("160072510", 60, 880);
pub(crate) const GASTROSCOPY: Act = act("160093810", 60, 1140);
pub(crate) const DIALYSIS: Act = act("140007710", 40, 1580);
pub(crate) const WARD_DAY: Act = act("190117710", 90, 1688);
pub(crate) const CATARACT: Act = act("150253010", 50, 12_100);

// Dental codes have the form of the master; all but the visits are invented.
pub(crate) const DENTAL_FIRST: Act = act("301000110", 11, 264);
pub(crate) const DENTAL_REVISIT: Act = act("301001610", 12, 56);
pub(crate) const DENTAL_MANAGEMENT: Act = act("302000110", 13, 100);
pub(crate) const DENTAL_XRAY: Act = act("305000210", 31, 58);
pub(crate) const DENTAL_EXAMINATION: Act = act("304000010", 31, 200);
pub(crate) const DENTAL_SCALING: Act = act("309000510", 41, 490);
pub(crate) const DENTAL_FILLING: &str = "313000110";
pub(crate) const DENTAL_CROWN: &str = "313001210";
/// 加算 codes of five characters with their quantities.
pub(crate) const DENTAL_ADDITIONS: &[(&str, i64)] = &[("00001", 0), ("00012", 2)];

/// A DPC group: 14 characters, last days of periods I and II, points a day in I, II and III.
pub(crate) struct Group {
    pub(crate) disease: &'static str,
    pub(crate) code: &'static str,
    pub(crate) ends: [i32; 2],
    pub(crate) points: [i32; 3],
}

const fn dpc(disease: &'static str, code: &'static str, ends: [i32; 2], points: [i32; 3]) -> Group {
    Group { disease, code, ends, points }
}

// Codes have the form of 診断群分類; days and points are of the usual size, not those of an edition.
const GROUPS: [Group; 7] = [
    dpc(disease::HEART_FAILURE, "050130xx9900xx", [9, 18], [2216, 1638, 1391]),
    dpc(disease::STROKE, "010060x2990401", [8, 16], [2460, 1780, 1512]),
    dpc(disease::INFARCTION, "050030xx97000x", [6, 12], [2738, 1951, 1658]),
    dpc(disease::GASTRIC_CANCER, "060020xx99x30x", [3, 8], [2301, 1702, 1446]),
    dpc(disease::COLON_CANCER, "060035xx99x6xx", [3, 6], [2288, 1694, 1440]),
    dpc(disease::LUNG_CANCER, "040040xx9910xx", [4, 9], [2352, 1733, 1473]),
    dpc(disease::BREAST_CANCER, "090010xx02x0xx", [5, 10], [2197, 1621, 1378]),
];

/// The group of a disease whose stays are billed by DPC; the last, empty one for all others.
pub(crate) fn group(disease: &str) -> &'static Group {
    let found = GROUPS.iter().find(|group| group.disease == disease);
    found.unwrap_or(const { &dpc("", "", [0, 0], [0, 0, 0]) })
}

/// 未コード化特定器材: what the material master offers for a material without a code of its own.
pub(crate) const MATERIAL: &str = "777770000";
/// 薬剤調製料 for oral drugs and its points.
pub(crate) const DISPENSING: (&str, i32) = ("420001810", 24);
/// Modifier "の疑い".
pub(crate) const SUSPECTED: &str = "8002";

pub(crate) mod disease {
    pub(crate) const HYPERTENSION: &str = "8833421";
    pub(crate) const DIABETES: &str = "2500015";
    pub(crate) const DIABETES_UNSPECIFIED: &str = "2500013";
    pub(crate) const DYSLIPIDAEMIA: &str = "8844446";
    pub(crate) const NEPHROPATHY: &str = "2503005";
    pub(crate) const COLD: &str = "4659007";
    pub(crate) const BRONCHITIS: &str = "4660009";
    pub(crate) const INFLUENZA: &str = "4871001";
    pub(crate) const COVID: &str = "8850104";
    pub(crate) const RHINITIS: &str = "4779004";
    pub(crate) const GASTRITIS: &str = "5351003";
    pub(crate) const BACK_PAIN: &str = "8840829";
    pub(crate) const ATOPIC: &str = "6918002";
    pub(crate) const CONSTIPATION: &str = "8840042";
    pub(crate) const DEPRESSION: &str = "2961003";
    pub(crate) const ASTHMA: &str = "4939008";
    pub(crate) const DIALYSIS: &str = "8842116";
    pub(crate) const STROKE: &str = "8838708";
    pub(crate) const INFARCTION: &str = "8832376";
    pub(crate) const ANGINA: &str = "4139007";
    pub(crate) const HEART_FAILURE: &str = "4289015";
    pub(crate) const GASTRIC_CANCER: &str = "1519006";
    pub(crate) const COLON_CANCER: &str = "1539004";
    pub(crate) const LUNG_CANCER: &str = "1629006";
    pub(crate) const BREAST_CANCER: &str = "1749008";
    pub(crate) const FATTY_LIVER: &str = "5718008";
    pub(crate) const CARIES: &str = "8843836";
    pub(crate) const PERIODONTITIS: &str = "5234016";
}

/// Which doctor looks after a condition.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Clinic {
    Internal,
    Other,
    Mind,
}

/// A long-lasting condition that is drawn by age and sex (the metabolic ones follow from `Traits` instead).
pub(crate) struct Condition {
    pub(crate) code: &'static str,
    /// Share under treatment at 10, 40, 60 and 75 years, men and women.
    pub(crate) share: [[f64; 4]; 2],
    pub(crate) clinic: Clinic,
    pub(crate) drug: Option<&'static Drug>,
    /// Units a day.
    pub(crate) daily: i64,
    /// Months of the year (bit 0 = January) in which it is treated.
    pub(crate) season: u16,
}

const ALL_YEAR: u16 = 0xfff;

const fn condition(
    code: &'static str,
    share: [[f64; 4]; 2],
    clinic: Clinic,
    drug: Option<&'static Drug>,
    daily: i64,
    season: u16,
) -> Condition {
    Condition { code, share, clinic, drug, daily, season }
}

pub(crate) const CONDITIONS: [Condition; 14] = [
    condition(
        "7906015",
        [[0.0, 0.03, 0.07, 0.06], [0.0, 0.001, 0.005, 0.01]],
        Clinic::Internal,
        Some(&ALLOPURINOL),
        1,
        ALL_YEAR,
    ),
    condition(
        "2749004",
        [[0.0, 0.015, 0.025, 0.02], [0.0, 0.0, 0.001, 0.002]],
        Clinic::Internal,
        Some(&ALLOPURINOL),
        2,
        ALL_YEAR,
    ),
    condition(
        "5301002",
        [[0.0, 0.02, 0.06, 0.10], [0.0, 0.02, 0.06, 0.11]],
        Clinic::Internal,
        Some(&LANSOPRAZOLE),
        1,
        ALL_YEAR,
    ),
    condition(
        disease::ASTHMA,
        [[0.06, 0.02, 0.025, 0.03], [0.045, 0.025, 0.03, 0.03]],
        Clinic::Internal,
        None,
        0,
        ALL_YEAR,
    ),
    condition(
        disease::RHINITIS,
        [[0.14, 0.10, 0.06, 0.05], [0.11, 0.12, 0.08, 0.05]],
        Clinic::Other,
        None,
        0,
        0b0000_0001_1110,
    ),
    condition(disease::ATOPIC, [[0.06, 0.02, 0.01, 0.01], [0.06, 0.02, 0.01, 0.01]], Clinic::Other, None, 0, ALL_YEAR),
    condition(
        disease::BACK_PAIN,
        [[0.002, 0.025, 0.05, 0.09], [0.002, 0.025, 0.06, 0.11]],
        Clinic::Other,
        Some(&LOXOPROFEN),
        3,
        ALL_YEAR,
    ),
    condition("7330006", [[0.0, 0.0, 0.003, 0.01], [0.0, 0.002, 0.05, 0.15]], Clinic::Other, None, 0, ALL_YEAR),
    condition(
        disease::DEPRESSION,
        [[0.0, 0.025, 0.02, 0.015], [0.0, 0.03, 0.025, 0.025]],
        Clinic::Mind,
        Some(&ESCITALOPRAM),
        1,
        ALL_YEAR,
    ),
    condition(
        "8839792",
        [[0.0, 0.02, 0.04, 0.07], [0.0, 0.025, 0.06, 0.11]],
        Clinic::Mind,
        Some(&ZOLPIDEM),
        1,
        ALL_YEAR,
    ),
    condition("7805017", [[0.0, 0.012, 0.018, 0.012], [0.0, 0.002, 0.005, 0.004]], Clinic::Other, None, 0, ALL_YEAR),
    condition("4273006", [[0.0, 0.002, 0.015, 0.04], [0.0, 0.0005, 0.004, 0.015]], Clinic::Internal, None, 0, ALL_YEAR),
    condition("8844106", [[0.0, 0.002, 0.008, 0.02], [0.0, 0.001, 0.004, 0.01]], Clinic::Internal, None, 0, ALL_YEAR),
    condition("0798002", [[0.0, 0.0006, 0.0004, 0.0001], [0.0, 0.0001, 0.0, 0.0]], Clinic::Other, None, 0, ALL_YEAR),
];

/// ICD-10 (2013) of the diseases above.
pub(crate) fn icd10(code: &str) -> Option<&'static str> {
    Some(match code {
        "2500013" => "E14",
        "2500015" => "E11",
        "8833421" => "I10",
        "8844446" => "E785",
        "4659007" => "J069",
        "4779004" => "J304",
        "4660009" => "J209",
        "5351003" => "K295",
        "5301002" => "K210",
        "8840829" => "M5456",
        "2961003" => "F329",
        "8839792" => "G470",
        "7805017" => "G473",
        "4139007" => "I209",
        "8832376" => "I219",
        "8838708" => "I639",
        "4289015" => "I509",
        "8844106" => "N189",
        "8842116" => "N185",
        "1519006" => "C169",
        "1539004" => "C189",
        "1629006" => "C349",
        "1749008" => "C509",
        "4939008" => "J459",
        "8850104" => "U071",
        "4871001" => "J111",
        "2749004" => "M1009",
        "7906015" => "E790",
        "5718008" => "K760",
        "7330006" => "M8199",
        "8843836" => "K029",
        "5234016" => "K053",
        "2503005" => "E142",
        "4273006" => "I489",
        "6918002" => "L209",
        "8840042" => "K590",
        "0798002" => "B24",
        _ => return None,
    })
}

/// 薬価基準収載医薬品コード of the drugs above.
pub(crate) fn yj(code: &str) -> Option<&'static str> {
    Some(match code {
        "622098501" => "2189015F2054",
        "620002477" => "2189017F1022",
        "621676001" => "3962002F1110",
        "621951001" => "3969010F2030",
        "622401201" => "3969023F1023",
        "622341901" => "3969019F1027",
        "629907801" => "2499418G2024",
        "620007853" => "2171022F2017",
        "622365601" => "2149040F3010",
        "620009451" => "2329023F1012",
        "620007150" => "1149019F1013",
        "622134101" => "1129009F1017",
        "622920301" => "1179054F1103",
        "620003074" => "3943001F1012",
        _ => return None,
    })
}

/// Yen to points: 15 yen or less is one point, beyond that each 10 yen or part of it (五捨五超入).
pub(crate) fn drug_points(sen: i64) -> i32 {
    if sen <= 1500 { 1 } else { ((sen - 1500 + 999) / 1000 + 1) as i32 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_of_drugs() {
        for (sen, points) in [(980, 1), (1500, 1), (1501, 2), (2500, 2), (2501, 3), (11150, 11), (275_200, 275)] {
            assert_eq!(drug_points(sen), points, "{sen}");
        }
    }
}
