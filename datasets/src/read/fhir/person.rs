//! Who a Patient is, from the Patient itself and the Coverages and insurers of the same scope, as the files write it.
//! Sources: JP_Patient_eCS, JP_Coverage and JP_Organization of the JP Core and JP eCheckup guides. Not normalization.

use super::json::Json;
use super::time;
use crate::read::desk::Desk;
use crate::read::identity::Tuple;
use crate::read::report::Kind;
use crate::read::text;

/// 保険者番号8:記号:番号:枝番.
pub(super) const MEMBER: &str = "http://jpfhir.jp/fhir/clins/Idsystem/JP_Insurance_memberID";
/// 保険者番号 of an insurer's Organization.
const INSURER: &str = "urn:oid:1.2.392.100495.20.3.61";
/// Ends of the URLs of JP Core's extensions of Coverage.
const SYMBOL: &str = "JP_Coverage_InsuredPersonSymbol";
const NUMBER: &str = "JP_Coverage_InsuredPersonNumber";
const BRANCH: &str = "JP_Coverage_InsuredPersonSubNumber";
const REPRESENTATION: &str = "http://hl7.org/fhir/StructureDefinition/iso21090-EN-representation";
/// Longest identifier, name or reference taken.
const LONGEST: usize = 500;

/// Insured as; what is not said is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Insured {
    pub(super) insurer: String,
    pub(super) symbol: String,
    pub(super) number: String,
    pub(super) branch: String,
}

impl Insured {
    /// 保険者番号:記号:番号:枝番; each may be empty.
    pub(super) fn member(value: &str) -> Option<Self> {
        let mut parts =
            value.split([':', '：']).map(|part| text::clean(part).map_or(String::new(), |t| t.into_owned()));
        let insured = Self {
            insurer: parts.next()?,
            symbol: parts.next()?,
            number: parts.next()?,
            branch: parts.next().unwrap_or_default(),
        };
        (parts.next().is_none() && !insured.number.is_empty()).then_some(insured)
    }

    /// The same for spellings that differ in width only.
    pub(super) fn key(&self) -> String {
        [&self.insurer, &self.symbol, &self.number, &self.branch].map(|part| text::narrow(part)).join(":")
    }

    /// Takes what is missing here from elsewhere, if nothing contradicts.
    fn fill(&mut self, other: &Self) {
        let agrees = |a: &str, b: &str| a.is_empty() || b.is_empty() || text::narrow(a) == text::narrow(b);
        if !agrees(&self.number, &other.number) || !agrees(&self.symbol, &other.symbol) {
            return;
        }
        for (to, from) in [
            (&mut self.insurer, &other.insurer),
            (&mut self.symbol, &other.symbol),
            (&mut self.number, &other.number),
            (&mut self.branch, &other.branch),
        ] {
            if to.is_empty() {
                to.clone_from(from);
            }
        }
    }
}

/// A Patient.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Person {
    pub(super) insured: Insured,
    name: String,
    kana: String,
    birth: String,
    sex: String,
    postcode: String,
    died: Option<i32>,
    /// Systems and values of its identifiers, and its id (without a system): one may be a user of a roster.
    pub(super) known_as: Vec<(String, String)>,
    /// When this version was made.
    pub(super) made: i64,
}

impl Person {
    pub(super) fn of(patient: &Json<'_>) -> Self {
        let mut person = Self::default();
        for identifier in patient.list("identifier") {
            let Some(value) = identifier.text("value").filter(|value| value.len() <= LONGEST) else {
                continue;
            };
            if identifier.text("system") == Some(MEMBER) {
                if let Some(insured) = Insured::member(value) {
                    person.insured.fill(&insured);
                }
            } else if person.known_as.len() < 20 {
                let system = identifier.text("system").map(own).unwrap_or_default();
                person.known_as.extend(text::clean(value).map(|value| (system, value.into_owned())));
            }
        }
        let id = patient.text("id").map(own).filter(|id| !id.is_empty());
        person.known_as.extend(id.map(|id| (String::new(), id)));
        person.names(patient);
        person.birth = patient.text("birthDate").map(own).unwrap_or_default();
        person.sex = match patient.text("gender") {
            Some(sex @ ("male" | "female")) => sex.to_owned(),
            _ => String::new(),
        };
        let postcode = patient.list("address").iter().find_map(|address| address.text("postalCode"));
        person.postcode = postcode.map(own).unwrap_or_default();
        person.died = patient.text("deceasedDateTime").and_then(time::moment).map(|moment| moment.day);
        let made = patient.get("meta").text("lastUpdated").and_then(time::moment);
        person.made = made.map_or(0, |m| i64::from(m.day) * 86_400 + i64::from(m.second.unwrap_or(0)));
        person
    }

    /// 漢字 (IDE) and カナ (SYL) by their extension; without one the characters tell.
    fn names(&mut self, patient: &Json<'_>) {
        let names = patient.list("name");
        let current = |name: &&Json<'_>| !matches!(name.text("use"), Some("old" | "nickname" | "anonymous" | "maiden"));
        for name in names.iter().filter(current) {
            let Some(written) = written(name) else {
                continue;
            };
            let extension = name.list("extension").iter().find(|one| one.text("url") == Some(REPRESENTATION));
            let said = extension.and_then(|one| one.text("valueCode"));
            let to = match said {
                Some("IDE") => &mut self.name,
                Some("SYL") => &mut self.kana,
                Some("ABC") => continue,
                _ if only_kana(&written) => &mut self.kana,
                _ => &mut self.name,
            };
            if to.is_empty() {
                *to = written;
            }
        }
    }

    /// Somebody of whom only the insurance is said.
    pub(super) fn insured_as(insured: Insured) -> Self {
        Self { insured, ..Self::default() }
    }

    pub(super) fn insure(&mut self, insured: &Insured) {
        self.insured.fill(insured);
    }

    /// Whether the Patient itself says who it is.
    pub(super) fn usable(&self) -> bool {
        !self.tuple().nobody()
    }

    fn tuple(&self) -> Tuple<'_> {
        fn of(text: &str) -> Option<&str> {
            Some(text).filter(|text| !text.is_empty())
        }
        Tuple {
            insurer_no: of(&self.insured.insurer),
            symbol: of(&self.insured.symbol),
            number: of(&self.insured.number),
            branch: of(&self.insured.branch),
            name: of(&self.name),
            kana: of(&self.kana),
            birth: of(&self.birth),
            sex: of(&self.sex),
            individual_no: None,
            postcode: of(&self.postcode),
        }
    }

    /// The number of this identity in the run.
    pub(super) fn enter(&self, desk: &mut Desk<'_>) -> u32 {
        let ident = desk.identities.of(Kind::Fhir, &self.tuple());
        if let Some(day) = self.died {
            desk.identities.died(ident, day);
        }
        ident
    }

    /// Whether two Patients say the same of a person.
    pub(super) fn same(&self, other: &Self) -> bool {
        self.insured == other.insured
            && (&self.name, &self.kana, &self.birth, &self.sex) == (&other.name, &other.kana, &other.birth, &other.sex)
    }
}

fn own(text: &str) -> String {
    match text::clean(text) {
        Some(text) if text.len() <= LONGEST => text.into_owned(),
        _ => String::new(),
    }
}

fn written(name: &Json<'_>) -> Option<String> {
    if let Some(text) = name.text("text").map(own).filter(|text| !text.is_empty()) {
        return Some(text);
    }
    let given = name.list("given").iter().filter_map(Json::as_text);
    let parts: Vec<String> =
        name.text("family").into_iter().chain(given).map(own).filter(|part| !part.is_empty()).collect();
    let whole = parts.join(" ");
    (!whole.is_empty() && whole.len() <= LONGEST).then_some(whole)
}

fn only_kana(text: &str) -> bool {
    let kana = |c: char| matches!(c, '\u{3040}'..='\u{30FF}' | '\u{31F0}'..='\u{31FF}' | '\u{FF61}'..='\u{FF9F}');
    text.chars().any(kana)
        && text.chars().all(|c| kana(c) || c.is_whitespace() || matches!(c, '\u{2010}'..='\u{2015}' | '\u{2212}' | '-'))
}

/// A Coverage: of whom, as what, and where its insurer is described.
pub(super) struct Coverage {
    pub(super) beneficiary: String,
    pub(super) payor: String,
    pub(super) insured: Insured,
}

impl Coverage {
    pub(super) fn of(coverage: &Json<'_>) -> Option<Self> {
        let reference = |node: &Json<'_>| node.text("reference").map(own).unwrap_or_default();
        let mut insured = Insured::default();
        for identifier in coverage.list("identifier") {
            if identifier.text("system") == Some(MEMBER)
                && let Some(member) = identifier.text("value").and_then(Insured::member)
            {
                insured.fill(&member);
            }
        }
        let mut said =
            Insured { branch: coverage.text("dependent").map(own).unwrap_or_default(), ..Insured::default() };
        for extension in coverage.list("extension") {
            let (Some(url), Some(value)) = (extension.text("url"), extension.text("valueString")) else {
                continue;
            };
            match url.rsplit('/').next() {
                Some(SYMBOL) => said.symbol = own(value),
                Some(NUMBER) => said.number = own(value),
                Some(BRANCH) => said.branch = own(value),
                _ => {}
            }
        }
        // 受診券 (checkup vouchers) are Coverages too, without a number.
        if !said.number.is_empty() || !insured.number.is_empty() {
            insured.fill(&said);
        }
        let payor = coverage.list("payor").first().map(reference).unwrap_or_default();
        let beneficiary = reference(coverage.get("beneficiary"));
        (!insured.number.is_empty() && !beneficiary.is_empty()).then_some(Self { beneficiary, payor, insured })
    }
}

/// The 保険者番号 of an Organization.
pub(super) fn insurer(organization: &Json<'_>) -> Option<String> {
    let of = |one: &Json<'_>| (one.text("system") == Some(INSURER)).then(|| one.text("value").map(own)).flatten();
    organization.list("identifier").iter().find_map(of).filter(|number| !number.is_empty())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;
    use crate::read::fhir::json::parse;

    #[test]
    fn member_numbers() {
        let member = Insured::member("00012345:あいう:３８７４７６:01").unwrap();
        assert_eq!((member.insurer.as_str(), member.symbol.as_str()), ("00012345", "あいう"));
        assert_eq!((member.number.as_str(), member.branch.as_str()), ("３８７４７６", "01"));
        assert_eq!(Insured::member("00012345::187:").unwrap().branch, "");
        for bad in ["", "123", "00012345:a::01", "a:b:c:d:e"] {
            assert_eq!(Insured::member(bad), None);
        }
    }

    #[test]
    fn names_by_extension_and_else_by_characters() {
        let of = |text: &str| {
            let person = Person::of(&parse(text.as_bytes()).unwrap());
            (person.name, person.kana)
        };
        let code = |code: &str| format!("\"extension\":[{{\"url\":\"{REPRESENTATION}\",\"valueCode\":\"{code}\"}}]");
        let tagged = format!(
            "{{\"name\":[{{{},\"text\":\"カクウ ハナコ\"}},{{{},\"family\":\"架空\",\"given\":[\"花子\"]}}]}}",
            code("SYL"),
            code("IDE")
        );
        assert_eq!(of(&tagged), ("架空 花子".to_owned(), "カクウ ハナコ".to_owned()));
        let plain = r#"{"name":[{"use":"old","text":"旧姓 花子"},{"text":"カクウ　ハナコ"},{"text":"架空　花子"}]}"#;
        assert_eq!(of(plain), ("架空　花子".to_owned(), "カクウ　ハナコ".to_owned()));
    }
}
