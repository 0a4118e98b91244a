//! An invented room with a log on disk, and a plan made by hand.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use audit_log::{Account, Event, Log, Posix, Receipt, Signer, Verifier, View, cosign};
use policies::{
    Ask, Digest, Kind, Permit, Policy, Population, Price, Purpose, RecipientKind, WithoutConsent, decide, parse,
};
use tempfile::TempDir;

use crate::accountant::OpenDpAccountant;
use crate::docket::Docket;
use crate::notes::Request;
use crate::plan::{Audience, Key, Options, Output, OutputKind, Plan, Reduction, Statistic, StatisticKind};
use crate::quote::{Quote, Terms, quote};
use crate::relation::{Expr, Relation, Rows};

pub(crate) const ORIGIN: &str = "room.example/a";
pub(crate) const TIME: &str = "2026-11-22T10:00:00+09:00";
pub(crate) const TODAY: jiff::civil::Date = jiff::civil::date(2026, 11, 22);
pub(crate) const SNAPSHOT: &str = "aa55aa55aa55aa55aa55aa55aa55aa55aa55aa55aa55aa55aa55aa55aa55aa55";

fn statistic(kind: StatisticKind, lo: i64, hi: i64, centre: i64, digits: u8, reduction: Reduction) -> Statistic {
    Statistic { kind, column: None, lo, hi, centre, digits, derivation: String::new(), reduction }
}

/// That of the project below.
pub(crate) fn population() -> Population {
    Population {
        purpose: Purpose::Hmb,
        recipient_kind: RecipientKind::Academia,
        without_consent: WithoutConsent::Include,
        condition: None,
    }
}

/// Persons, mean of a value within 10.0 … 50.0, and a sum within 0 … 7, by three categories.
pub(crate) fn plan(options: Options, max_groups: u32) -> Plan {
    let value = || Expr::Column(1);
    let output = |name: &str, what| Output { name: name.to_owned(), what };
    Plan {
        version: 1,
        catalogue: "00".repeat(32),
        population: Audience { project: population(), kinds: Vec::new(), consents: Vec::new(), limit: None },
        relation: Relation::Scan { number: 0, table: "person".to_owned(), rows: Rows::One, columns: Vec::new() },
        rows: Rows::One,
        keys: vec![Key {
            name: "sex".to_owned(),
            values: ["1", "2", "other"].map(str::to_owned).to_vec(),
            meanings: ["male", "female", ""].map(str::to_owned).to_vec(),
            open: None,
            index: Expr::Column(0),
            nullable: false,
        }],
        open: false,
        levels: Vec::new(),
        apart: Vec::new(),
        statistics: vec![
            statistic(StatisticKind::Persons, 0, 1, 0, 0, Reduction::Present),
            statistic(StatisticKind::Sum, -200, 200, 300, 1, Reduction::Mean(value())),
            statistic(StatisticKind::NonNull, 0, 1, 0, 0, Reduction::AnyNonNull(value())),
            statistic(StatisticKind::Sum, 0, 7, 0, 0, Reduction::Sum(value())),
        ],
        outputs: vec![
            output("sex", OutputKind::Key(0)),
            output("persons", OutputKind::Count(0)),
            output("bmi", OutputKind::Mean { sum: 1, count: 2 }),
            output("days", OutputKind::Sum { sum: 3, count: None }),
        ],
        view: crate::plan::View::default(),
        options,
        max_groups,
        max_groups_derivation: String::new(),
        choose_groups: false,
        columns: vec![("person".to_owned(), "sex".to_owned())],
        cited: Vec::new(),
    }
}

pub(crate) fn options(epsilon: &str) -> Options {
    Options { epsilon: Some(epsilon.to_owned()), ..Options::default() }
}

/// The plan with one count only.
pub(crate) fn count(options: Options) -> Plan {
    let mut plan = plan(options, 1);
    plan.statistics.truncate(1);
    plan.outputs.truncate(2);
    plan
}

pub(crate) const PURE: Terms = Terms { account: Kind::Pure, minimum_persons: 10 };
pub(crate) const ZCDP: Terms = Terms { account: Kind::Zcdp, minimum_persons: 10 };

/// A room whose log lies in a temporary folder.
pub(crate) struct Room {
    pub(crate) dir: TempDir,
    pub(crate) log: Log,
    pub(crate) policy: Policy,
    pub(crate) text: String,
    pub(crate) rin: Signer,
    pub(crate) stewards: Vec<Signer>,
}

impl Room {
    pub(crate) fn new() -> Self {
        Self::build(false)
    }

    /// With a third steward, hara, whose card ended before anything happened.
    pub(crate) fn with_expired_steward() -> Self {
        Self::build(true)
    }

    fn build(expired: bool) -> Self {
        let signer = |name: &str, seed: u8| Signer::from_seed(name, &[seed; 32]).unwrap();
        let mut stewards = vec![signer("sato", 1), signer("mori", 2)];
        let rin = signer("rin", 3);
        let card = |signer: &Signer, role: &str| {
            format!(
                "[[card]]\nname = \"{0}\"\nrole = \"{role}\"\nrecipient = \"age1{0}\"\nverifier = \"{1}\"\nfrom = \"2026-04-01\"\nuntil = \"2027-03-31\"\n",
                signer.name(),
                signer.verifier_key()
            )
        };
        let mut cards =
            format!("{}{}{}", card(&stewards[0], "steward"), card(&stewards[1], "steward"), card(&rin, "researcher"));
        if expired {
            let hara = signer("hara", 4);
            cards += &card(&hara, "steward").replace("2027-03-31", "2026-06-30");
            stewards.push(hara);
        }
        let budget = "{ epsilon = \"3\", delta = \"0\" }";
        let text = format!(
            "[room]\norigin = \"{ORIGIN}\"\nminimum_persons = 10\napprovals = 2\ncosignatures = 2\nslot_seconds = 300\naccount = \"pure\"\nbudget = {budget}\n{cards}[[project]]\nid = \"walking\"\ntitle = \"t\"\npurpose = \"HMB\"\nlegal_basis = \"l\"\nrecipient_kind = \"academia\"\nwithout_consent = \"include\"\nresearchers = [\"rin\"]\nfrom = \"2026-05-01\"\nuntil = \"2026-12-31\"\nbudget = {budget}\nresearcher_budget = {budget}\n[project.columns]\nperson = [\"sex\"]\n"
        );
        let policy = parse(&text).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let log = Log::create(Posix::new(dir.path()), ORIGIN, signer(ORIGIN, 9)).unwrap();
        let mut room = Self { dir, log, policy, text, rin, stewards };
        let enacted =
            Event::Policy { policy: room.policy.digest().to_string(), epsilon: "3".to_owned(), delta: "0".to_owned() };
        room.append(&enacted);
        room
    }

    pub(crate) fn append(&mut self, event: &Event) -> u64 {
        self.log.append(event, TIME).unwrap()
    }

    pub(crate) fn request(&self, plan: &Plan, price: Price, nonce: u8) -> Request {
        let digest = Digest::from_bytes(plan.digest().unwrap());
        let expires = jiff::civil::date(2026, 12, 1);
        Request::new(ORIGIN, "walking", "rin", digest, self.policy.digest(), price, expires, [nonce; 32], "SELECT 1")
            .unwrap()
    }

    /// Appends the signed request; its entry.
    pub(crate) fn submit(&mut self, request: &Request) -> u64 {
        let note = self.rin.sign(&request.to_text()).unwrap();
        self.append(&Event::Request { request: request.id().to_string(), note })
    }

    /// Appends a steward's signed verdict; its entry.
    pub(crate) fn judge(&mut self, request: &Request, steward: usize, approve: bool) -> u64 {
        let signer = &self.stewards[steward];
        let verdict = request.verdict(signer.name(), approve).unwrap();
        let note = signer.sign(&verdict.to_text()).unwrap();
        self.append(&Event::Verdict { request: request.id().to_string(), note })
    }

    pub(crate) fn docket(&self) -> Docket {
        Docket::fold(self.log.entries(), &self.policy).unwrap()
    }

    pub(crate) fn permit(&self, request: &Request, plan: &Plan) -> Permit {
        let docket = self.docket();
        let ask = docket.ask(&request.id(), plan).unwrap();
        let spent = docket.spent(&ask.project, &ask.researcher);
        decide(&self.policy, &ask, &docket.approvals(&ask.request), &spent, TODAY, &OpenDpAccountant).unwrap()
    }

    pub(crate) fn intent(ask: &Ask) -> Event {
        let charge = ask.price.charge();
        Event::Intent {
            request: ask.request.to_string(),
            project: ask.project.clone(),
            researcher: ask.researcher.clone(),
            plan: ask.plan.to_string(),
            snapshot: SNAPSHOT.to_owned(),
            policy: ask.policy.to_string(),
            account: Account::Pure,
            epsilon: charge.epsilon.to_string(),
            delta: charge.delta.to_string(),
            rho: charge.rho.to_string(),
        }
    }

    /// Signs a checkpoint and has these stewards co-sign it.
    pub(crate) fn checkpoint(&mut self, stewards: &[usize]) {
        self.log.checkpoint().unwrap();
        let view = View::open(self.dir.path(), &self.log.verifier()).unwrap();
        let who: Vec<Verifier> = self.stewards.iter().map(Signer::verifier).collect();
        for steward in stewards {
            let line = cosign(&view, None, &self.stewards[*steward], 1_795_000_000).unwrap();
            self.log.add_cosignature(&line, &who).unwrap();
        }
    }

    pub(crate) fn receipt(&self, index: u64) -> Receipt {
        self.log.receipt(index).unwrap()
    }

    /// Submitted, approved twice, permitted, charged, co-signed: (request, permit, receipt of the intent).
    pub(crate) fn charged(&mut self, plan: &Plan, priced: &Quote, nonce: u8) -> (Request, Permit, Receipt) {
        let request = self.request(plan, *priced.price(), nonce);
        self.submit(&request);
        self.judge(&request, 0, true);
        self.judge(&request, 1, true);
        let permit = self.permit(&request, plan);
        let index = self.append(&Self::intent(permit.ask()));
        self.checkpoint(&[0, 1]);
        (request, permit, self.receipt(index))
    }
}

pub(crate) fn priced(plan: &Plan) -> Quote {
    quote(plan, &PURE).unwrap()
}
