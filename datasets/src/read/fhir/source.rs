//! One file: which values it holds, which of them are resources, and what becomes of it if it breaks off.

use std::io::BufRead;

use super::Reader;
use super::daily::{self, Book};
use super::flow::Out;
use super::json::{self, Json};
use super::observe::{self, Intern, Record};
use super::person::{self, Coverage, Person};
use super::scan::{Fault, Passed, Scan};
use super::scope::{MOST, Scope, Who};
use super::stop::{Stop, bad, help, words};
use super::{checkup, time};
use crate::read::desk::Desk;
use crate::read::error::{Place, ReadError};
use crate::read::report::Kind;

const K: Kind = Kind::Fhir;

pub(super) struct File<'r, 'd, 'o> {
    reader: &'r mut Reader,
    desk: &'d mut Desk<'o>,
    file: &'r str,
    named: bool,
    book: Book,
    intern: Intern,
    /// Resources outside Bundles.
    bare: Scope,
    /// Some value was a resource: from then on the file is FHIR, and what is none is a bad record.
    fhir: bool,
    /// Resources of a Bundle that broke off, and whether others of it have gone on.
    broken: u64,
    half: bool,
    /// Patients inside of resources.
    contained: u64,
}

impl<'r, 'd, 'o> File<'r, 'd, 'o> {
    pub(super) fn new(
        reader: &'r mut Reader,
        desk: &'d mut Desk<'o>,
        file: &'r str,
        named: bool,
    ) -> Result<Self, ReadError> {
        let book = Book::new(desk, daily::LIMIT)?;
        Ok(Self {
            reader,
            desk,
            file,
            named,
            book,
            intern: Intern::default(),
            bare: Scope::default(),
            fhir: false,
            broken: 0,
            half: false,
            contained: 0,
        })
    }

    pub(super) fn read(mut self, input: &mut dyn BufRead) -> Result<(), ReadError> {
        self.desk.tally.file(K);
        let mut scan = Scan::new(input, self.desk.options.max_document_bytes);
        match self.values(&mut scan) {
            Ok(()) => {}
            Err(Stop::Run(error)) => return Err(error),
            Err(Stop::Fault(Fault::Io(error))) => return Err(ReadError::io(self.file, &error)),
            Err(Stop::Fault(Fault::Bad(code, line))) => {
                self.refuse(code, line)?;
                return self.book.close(self.desk);
            }
        }
        let mut bare = std::mem::take(&mut self.bare);
        self.settle(&mut bare, true)?;
        self.book.close(self.desk)
    }

    /// Gives the file up: with an error if it was named or a part of a Bundle has gone on, else by quarantine.
    fn refuse(&mut self, code: &'static str, line: u64) -> Result<(), ReadError> {
        // Rows that went on can't be taken back: half a file is worse than none.
        if self.named || self.half || self.bare.flowing {
            let place = Place::line(self.file, line);
            return Err(ReadError::refused(place, code, words(code), help(code)));
        }
        let open = self.bare.open() + std::mem::take(&mut self.broken);
        self.bare = Scope::default();
        self.lose(code, line, open);
        Ok(())
    }

    /// Quarantines what was met of a value that can't be read; the value itself if that is nothing.
    fn lose(&mut self, code: &'static str, line: u64, open: u64) {
        if open == 0 {
            self.desk.tally.read(K, 1);
        }
        self.desk.tally.quarantined(K, code, open.max(1), self.file, line);
    }

    fn values(&mut self, scan: &mut Scan<'_>) -> Result<(), Stop> {
        let mut first = true;
        while let Some(byte) = scan.top()? {
            let line = scan.line();
            match self.value(scan, byte) {
                Err(Stop::Fault(Fault::Bad(code, at))) if scan.one_line && !self.half && code != "patient-late" => {
                    let open = std::mem::take(&mut self.broken);
                    self.lose(code, at, open);
                    scan.skip_line(line)?;
                }
                other => other?,
            }
            if first {
                first = false;
                let end = scan.line();
                // One value on a line, and more lines: NDJSON, where a broken line is only itself.
                scan.one_line = scan.top()?.is_some() && end == line && scan.line() > line;
            }
        }
        Ok(())
    }

    fn value(&mut self, scan: &mut Scan<'_>, byte: u8) -> Result<(), Stop> {
        match byte {
            b'{' => self.object(scan),
            b'[' => {
                let mut bare = std::mem::take(&mut self.bare);
                let result = self.elements(scan, &mut bare, false);
                self.bare = bare;
                result
            }
            _ => bad("json", scan.line()),
        }
    }

    /// A top-level object: its `entry` is taken element by element, all else is gathered.
    fn object(&mut self, scan: &mut Scan<'_>) -> Result<(), Stop> {
        let start = scan.line();
        let mut bundle: Option<Scope> = None;
        let result = self.members(scan, &mut bundle);
        let end = match result {
            Ok(head) => self.end_object(&head, start, bundle.as_mut()),
            Err(stop) => Err(stop),
        };
        if let (Err(Stop::Fault(_)), Some(bundle)) = (&end, &bundle) {
            self.broken += bundle.open();
            self.half |= bundle.flowing;
        }
        end
    }

    fn members(&mut self, scan: &mut Scan<'_>, bundle: &mut Option<Scope>) -> Result<Vec<u8>, Stop> {
        let mut head = Vec::new();
        let mut ordinary = false;
        scan.take(b'{')?;
        head.push(b'{');
        if scan.within()? != b'}' {
            loop {
                let mut key = Vec::new();
                let passed = scan.value(&mut key)?;
                let line = passed.line;
                let Ok(Json::Text(name)) = json::parse(&key) else {
                    return bad("json", line);
                };
                scan.take(b':')?;
                if name == "entry" && !ordinary && scan.within()? == b'[' {
                    if bundle.is_some() {
                        return bad("duplicate-key", line);
                    }
                    let scope = bundle.insert(Scope::default());
                    self.elements(scan, scope, true)?;
                } else {
                    if head.len() > 1 {
                        head.push(b',');
                    }
                    head.extend_from_slice(&key);
                    head.push(b':');
                    let from = head.len();
                    if let Some(code) = scan.value(&mut head)?.refused {
                        return bad(code, line);
                    }
                    if name == "resourceType" {
                        ordinary = head.get(from..).is_some_and(|value| value != b"\"Bundle\"");
                    }
                }
                if scan.within()? != b',' {
                    break;
                }
                scan.take(b',')?;
            }
        }
        scan.take(b'}')?;
        head.push(b'}');
        Ok(head)
    }

    fn end_object(&mut self, head: &[u8], line: u64, bundle: Option<&mut Scope>) -> Result<(), Stop> {
        let resource = json::parse(head).or_else(|code| bad(code, line))?;
        match (resource.text("resourceType"), bundle) {
            (Some("Bundle"), Some(bundle)) => {
                self.fhir = true;
                self.settle(bundle, true)?;
                Ok(())
            }
            (Some("Bundle"), None) => {
                self.fhir = true;
                Ok(())
            }
            (Some(_), None) => {
                let mut bare = std::mem::take(&mut self.bare);
                let result = self.resource(&mut bare, &resource, None, line);
                self.bare = bare;
                result
            }
            _ => bad("not-fhir", line),
        }
    }

    /// The elements of a Bundle's `entry`, or of a list of resources.
    fn elements(&mut self, scan: &mut Scan<'_>, scope: &mut Scope, entries: bool) -> Result<(), Stop> {
        scan.take(b'[')?;
        if scan.within()? == b']' {
            scan.take(b']')?;
            return Ok(());
        }
        let mut bytes = Vec::new();
        loop {
            bytes.clear();
            let passed = scan.value(&mut bytes)?;
            self.element(scope, &bytes, passed, entries)?;
            if scan.within()? != b',' {
                break;
            }
            scan.take(b',')?;
        }
        scan.take(b']')?;
        Ok(())
    }

    fn element(&mut self, scope: &mut Scope, bytes: &[u8], passed: Passed, entry: bool) -> Result<(), Stop> {
        let line = passed.line;
        let element = match passed.refused {
            Some(code) => Err(code),
            None => json::parse(bytes),
        };
        let element = match element {
            Ok(element) => element,
            // A value that is no JSON at all is a fault of the file; the others are of this record.
            Err("json") => return bad("json", line),
            Err(code) => {
                self.desk.tally.read(K, 1);
                scope.bad.push((code, line));
                return Ok(());
            }
        };
        if !entry {
            return self.resource(scope, &element, None, line);
        }
        if !element.has("resource") {
            self.desk.tally.read(K, 1);
            scope.left("entry-without-resource");
            return Ok(());
        }
        self.resource(scope, element.get("resource"), element.text("fullUrl"), line)
    }

    fn resource(&mut self, scope: &mut Scope, resource: &Json<'_>, url: Option<&str>, line: u64) -> Result<(), Stop> {
        let Some(kind) = resource.text("resourceType") else {
            if !self.fhir {
                return bad("not-fhir", line);
            }
            self.desk.tally.read(K, 1);
            scope.bad.push(("not-fhir", line));
            return Ok(());
        };
        self.fhir = true;
        self.desk.tally.read(K, 1);
        let id = resource.text("id");
        match kind {
            "Observation" => match observe::read(resource, url, line, &mut self.intern) {
                Ok(mut record) => {
                    self.contained(scope, resource, &mut record);
                    scope.wait(record);
                }
                Err(code) => scope.bad.push((code, line)),
            },
            "Patient" => {
                scope.person(Person::of(resource), url);
                scope.kept += 1;
            }
            "Coverage" => match Coverage::of(resource) {
                Some(coverage) => {
                    scope.coverage(coverage);
                    scope.kept += 1;
                }
                None => scope.left("other-resource"),
            },
            "Organization" => match person::insurer(resource) {
                Some(number) => {
                    scope.insurer(number, url, id);
                    scope.kept += 1;
                }
                None => scope.left("other-resource"),
            },
            "Encounter" => match time::period(resource.get("period")) {
                Ok(span) => {
                    scope.encounter(span.day, url, id);
                    scope.left("other-resource");
                }
                Err(()) => scope.left("other-resource"),
            },
            "Composition" => match checkup::Report::of(resource, line, &mut self.intern) {
                // Results that have gone on as observations can't be made a checkup any more.
                Some(_) if scope.flowing => return bad("document-too-large", line),
                Some(report) => {
                    scope.report = Some(report);
                    scope.kept += 1;
                }
                None => scope.left("other-resource"),
            },
            _ => scope.left("other-resource"),
        }
        if scope.full() {
            if scope.report.is_some() {
                return bad("document-too-large", line);
            }
            self.settle(scope, false)?;
            if scope.waiting.len() > MOST / 4 {
                return bad("patient-late", line);
            }
        }
        Ok(())
    }

    /// `#id` names a Patient within this resource only: it gets a name of its own in the scope.
    fn contained(&mut self, scope: &mut Scope, resource: &Json<'_>, record: &mut Record) {
        let Some(id) = record.subject.reference.as_deref().and_then(|reference| reference.strip_prefix('#')) else {
            return;
        };
        let inside = resource.list("contained").iter().find(|one| one.text("id") == Some(id));
        let name = format!("#{}", self.contained);
        self.contained += 1;
        if let Some(patient) = inside.filter(|one| one.text("resourceType") == Some("Patient")) {
            let mut person = Person::of(patient);
            person.known_as.retain(|(system, _)| !system.is_empty());
            scope.person(person, Some(&name));
        }
        record.subject.reference = Some(name.into());
    }

    /// Hands on what can be told; at the end of a scope, everything.
    fn settle(&mut self, scope: &mut Scope, last: bool) -> Result<(), ReadError> {
        scope.insure();
        let records = scope.take();
        let records = scope.versions(records);
        scope.flowing |= !last;
        self.desk.tally.kept(K, std::mem::take(&mut scope.kept));
        for (code, count) in std::mem::take(&mut scope.left) {
            self.desk.tally.left_out(K, code, count);
        }
        for (code, line) in std::mem::take(&mut scope.bad) {
            self.desk.tally.quarantined(K, code, 1, self.file, line);
        }
        if let (Some(report), true) = (scope.report.take(), last) {
            let out = &mut Out { book: &mut self.book, file: self.file };
            let Reader { observations, checkups } = &mut *self.reader;
            return checkups.take(self.desk, observations, out, scope, &report, &records);
        }
        if !last {
            scope.settle_people(self.desk);
        }
        scope.meet(self.desk, &records);
        for record in records {
            match scope.who(self.desk, &record.subject, self.file) {
                Who::One(ident) => self.take(ident, &record)?,
                Who::Nobody("person-unknown") if !last => scope.wait(record),
                Who::Nobody(code) => self.desk.tally.quarantined(K, code, 1, self.file, record.line),
            }
        }
        Ok(())
    }

    fn take(&mut self, ident: u32, record: &Record) -> Result<(), ReadError> {
        let out = &mut Out { book: &mut self.book, file: self.file };
        self.reader.observations.take(self.desk, out, ident, record, record.span)
    }
}
