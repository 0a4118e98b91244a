//! One checkup document: header and observations. What was found is in `items`.

use std::io::Write;

use super::super::calendar::digits;
use super::super::out::push_fixed;
use super::super::people::Fund;
use super::super::written::Written;
use super::items::{Found, Item};
use super::{OID, centre};

pub(super) struct Sheet<'a> {
    pub(super) fund: Fund,
    pub(super) statutory: bool,
    pub(super) on: i32,
    pub(super) written: &'a Written,
    pub(super) items: &'a [Item],
    pub(super) postcode: u32,
    pub(super) number: u32,
}

fn observation(out: &mut Vec<u8>, item: &Item) {
    out.extend_from_slice(b"<entry><observation classCode=\"OBS\" moodCode=\"EVN\"");
    if let Found::NotDone = item.found {
        out.extend_from_slice(b" negationInd=\"true\"");
    }
    out.extend_from_slice(b"><code code=\"");
    out.extend_from_slice(item.code.as_bytes());
    if let Found::NotDone = item.found {
        out.extend_from_slice(b"\"/>");
    } else {
        out.extend_from_slice(b"\" codeSystem=\"");
        out.extend_from_slice(OID.as_bytes());
        out.extend_from_slice(b"1005\"/>");
    }
    match item.found {
        Found::Number { stored, digits, unit } => {
            out.extend_from_slice(b"<value xsi:type=\"PQ\" value=\"");
            push_fixed(out, stored, digits);
            out.extend_from_slice(b"\" unit=\"");
            out.extend_from_slice(unit.as_bytes());
            out.extend_from_slice(b"\"/>");
        }
        Found::Answer { code, system, .. } => {
            out.extend_from_slice(b"<value xsi:type=\"CD\" code=\"");
            out.push(b'0' + code);
            out.extend_from_slice(b"\" codeSystem=\"");
            out.extend_from_slice(OID.as_bytes());
            out.extend_from_slice(system.as_bytes());
            out.extend_from_slice(b"\"/>");
        }
        Found::NotDone => {}
        Found::Unmeasurable => out.extend_from_slice(b"<value xsi:type=\"PQ\" nullFlavor=\"NI\"/>"),
    }
    out.extend_from_slice(b"</observation></entry>\n");
}

impl Sheet<'_> {
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        self.head(out);
        out.extend_from_slice(b"<component><structuredBody><component><section><code code=\"01010\" codeSystem=\"");
        out.extend_from_slice(OID.as_bytes());
        out.extend_from_slice(
            "1010\"/><title>検査・問診結果セクション</title><text><list><item>結果は観察値に記載</item></list></text>\n".as_bytes(),
        );
        self.items.iter().for_each(|item| observation(out, item));
        out.extend_from_slice(b"</section></component></structuredBody></component></ClinicalDocument>\n");
    }

    fn head(&self, out: &mut Vec<u8>) {
        let (report, event) = if self.statutory { ("10", "010") } else { ("41", "030") };
        let on = digits(self.on);
        let (w, sex) = (self.written, &self.written.sex);
        let branch = if w.branch.is_empty() {
            String::new()
        } else {
            format!("<id root=\"{OID}211\" extension=\"{}\"/>", w.branch)
        };
        let text = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ClinicalDocument xmlns=\"urn:hl7-org:v3\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">\
<typeId root=\"2.16.840.1.113883.1.3\" extension=\"POCD_HD000040\"/><id nullFlavor=\"NI\"/><code code=\"{report}\" codeSystem=\"{OID}1001\"/>\
<effectiveTime value=\"{on}\"/><confidentialityCode code=\"N\"/>\n<recordTarget><patientRole>\
<id root=\"{OID}101\" extension=\"{}\"/><id root=\"{OID}204\" extension=\"{}\"/><id root=\"{OID}205\" extension=\"{}\"/>{branch}\
<addr>東京都架空市桜町{}<postalCode>{:03}-{:04}</postalCode></addr>\
<patient><name>{}</name><administrativeGenderCode code=\"{sex}\" codeSystem=\"{OID}1104\"/><birthTime value=\"{}\"/></patient></patientRole></recordTarget>\n\
<author><time value=\"{on}\"/><assignedAuthor><id nullFlavor=\"NI\"/><representedOrganization><id root=\"{OID}102\" extension=\"{}\"/>\
<name>さくら健診センター</name><telecom value=\"tel:0300000000\"/><addr>東京都架空市<postalCode>100-0000</postalCode></addr></representedOrganization></assignedAuthor></author>\n\
<participant typeCode=\"HLD\"><functionCode code=\"1\" codeSystem=\"{OID}208\"/><time><high value=\"{}\"/></time><associatedEntity classCode=\"IDENT\">\
<id root=\"{OID}209.1{}\" extension=\"{:011}\"/><scopingOrganization><id root=\"{OID}101\" extension=\"{}\"/></scopingOrganization></associatedEntity></participant>\n\
<documentationOf><serviceEvent><code code=\"{event}\" codeSystem=\"{OID}1002\"/><effectiveTime value=\"{on}\"/></serviceEvent></documentationOf>\n",
            w.insurer,
            w.symbol,
            w.number,
            self.number % 30 + 1,
            self.postcode / 10_000,
            self.postcode % 10_000,
            w.kana,
            w.birth,
            centre(self.number),
            on / 10_000 * 10_000 + 10_331,
            self.fund.number8(),
            self.number,
            self.fund.number8(),
        );
        // Writing to memory cannot fail.
        let _ = out.write_all(text.as_bytes());
    }
}
