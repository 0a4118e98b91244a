//! `sudare demo`: the whole job on synthetic people. It is a script and nothing more: every step is a public
//! subcommand, run as a child process, so that what it shows is what a user gets by typing.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Instant;

use crate::cli::DemoArgs;
use crate::fail::{self, Context, Done, Failure};
use crate::out::{Out, thousands};

/// Lies in every folder that the demo made: `make demo` replaces such a folder and no other.
pub const MARKER: &str = "MADE-BY-SUDARE-DEMO";

const QUESTIONS: [(&str, &str); 3] = [
    ("walking", include_str!("walking.sql")),
    ("diabetes", include_str!("diabetes.sql")),
    ("cost", include_str!("cost.sql")),
];
const GREEDY: &str = include_str!("greedy.sql");
const POLICY: &str = include_str!("policy.toml");
const PROJECT: &str = "walk-and-glucose";
const STEWARDS: [&str; 2] = ["steward-a", "steward-b"];
const ACTORS: [(&str, &str); 6] = [
    ("kenpo", "source"),
    ("kokuho", "source"),
    ("lifelog", "source"),
    ("steward-a", "steward"),
    ("steward-b", "steward"),
    ("researcher", "researcher"),
];

/// Runs the demo.
pub fn run(args: &DemoArgs, out: &Out) -> Done {
    if out.is_json() {
        return Err(Failure::input("the demo talks to people; it has no JSON form"));
    }
    fail::refuse_existing(&args.dir)?;
    let started = Instant::now();
    for folder in ["keys", "packages", "questions", "stewards", "outside"] {
        std::fs::create_dir_all(args.dir.join(folder)).input(format!("{} can't be made", args.dir.display()))?;
    }
    write(&args.dir.join(MARKER), "Synthetic people only. `make demo` may delete this folder.\n")?;
    let demo = Demo { dir: args.dir.clone(), out };

    out.line("Sudare: a clean room for health data. Every person below is invented.");
    out.line(format!("Commands run in {}/ with these two settings:", args.dir.display()));
    out.line("  $ export SUDARE_ROOM=room SUDARE_ROOM_PASSPHRASE_FILE=keys/room.pass");

    demo.make_people(args)?;
    demo.make_keys_and_room()?;
    demo.pseudonymize()?;
    demo.link()?;
    let requests = demo.ask()?;
    demo.answer(&requests)?;
    let first = requests.first().map(|(_, id)| short(id)).unwrap_or_default();
    demo.verify(first)?;
    demo.attack()?;
    demo.farewell(args, started);
    Ok(())
}

struct Demo<'a> {
    dir: PathBuf,
    out: &'a Out,
}

impl Demo<'_> {
    fn make_people(&self, args: &DemoArgs) -> Done {
        self.chapter(
            "People",
            "An employer's 健保, a 国保 and a lifelog service each hold files on the same people, in the formats that they \
             really use: 加入者台帳, レセプト (医科, DPC, 歯科, 調剤) as the clearing body delivers them, zips of 特定健診 XML, \
             保健指導, a service's daily CSV, exports of Apple Health. Here the people come from a generator.",
        );
        let (persons, months, seed) = (args.persons.to_string(), args.months.to_string(), args.seed.to_string());
        self.sudare(&[
            "synth",
            "raw",
            "--persons",
            &persons,
            "--months",
            &months,
            "--seed",
            &seed,
            "--formats",
            "payer,dpc,dental,apple,programmes",
        ])
    }

    fn make_keys_and_room(&self) -> Done {
        self.chapter(
            "Keys, policy, room",
            "Everybody makes their own keys; only the cards are public. The stewards write the policy. The linkage key \
             goes to the sources and never to the room.",
        );
        for (name, role) in ACTORS {
            let pass = format!("keys/{name}.pass");
            self.sudare(&["key", "new", name, "--role", role, "--out", "keys", "--generate-passphrase", &pass])?;
        }
        self.sudare(&[
            "key",
            "linkage",
            "--to",
            "keys/kenpo.card.toml",
            "--to",
            "keys/kokuho.card.toml",
            "--to",
            "keys/lifelog.card.toml",
            "-o",
            "keys/linkage.key",
        ])?;
        let mut policy = POLICY.to_owned();
        for (name, _) in ACTORS {
            policy.push('\n');
            policy.push_str(&fail::read_text(&self.dir.join(format!("keys/{name}.card.toml")))?);
        }
        write(&self.dir.join("policy.toml"), &policy)?;
        self.sudare(&["policy", "check", "policy.toml"])?;
        self.sudare(&["room", "init", "room", "--policy", "policy.toml", "--generate-passphrase", "keys/room.pass"])
    }

    fn pseudonymize(&self) -> Done {
        self.chapter(
            "At each source: identities out",
            "On the source's own machine, names and numbers are replaced by codes that nobody can compute without a \
             secret key. What leaves is one encrypted, signed package without a name in it.",
        );
        for source in ["kenpo", "kokuho", "lifelog"] {
            self.sudare(&[
                "pseudonymize",
                "--source",
                source,
                "--identity",
                &format!("keys/{source}.identity"),
                "--passphrase-file",
                &format!("keys/{source}.pass"),
                "--linkage-key",
                "keys/linkage.key",
                "--card",
                "room/room.card.toml",
                "--truth",
                "raw/truth.parquet",
                &format!("raw/{source}"),
                "-o",
                &format!("packages/{source}.sudare"),
            ])?;
        }
        Ok(())
    }

    fn link(&self) -> Done {
        self.chapter(
            "In the room: which tokens are one person?",
            "The room joins the three sources, over job changes, marriages and misspellings, without seeing a name. \
             Because these people are invented, it can also say how often it is right.",
        );
        let mut args = vec!["link".to_owned()];
        for source in ["kenpo", "kokuho", "lifelog"] {
            args.push(format!("packages/{source}.sudare"));
        }
        args.push("--truth".to_owned());
        self.sudare(&args.iter().map(String::as_str).collect::<Vec<_>>())
    }

    fn ask(&self) -> Done<Vec<(String, String)>> {
        self.chapter(
            "A researcher asks, two stewards decide",
            "Before asking, the researcher sees the price and the error; nobody sees data. The price is ε: a small ε \
             means much noise and strong protection. The stewards have fixed how much may be spent in all (here 8, and 4 \
             for this project). The request is signed, each steward signs a verdict, the operator files the signed notes.",
        );
        let mut requests = Vec::new();
        for (name, text) in QUESTIONS {
            let file = format!("questions/{name}.sql");
            write(&self.dir.join(&file), text)?;
            if name == "walking" {
                self.out.line("");
                text.lines().for_each(|l| self.out.line(format!("    {l}")));
            }
            self.sudare(&["query", "check", &file, "--project", PROJECT])?;
            let known: Vec<String> = requests.iter().map(|(_, id): &(String, String)| id.clone()).collect();
            requests.push((name.to_owned(), self.submit(name, &known)?));
        }
        self.decide("verdicts", &requests.iter().map(|(_, id)| short(id)).collect::<Vec<_>>())?;
        self.sudare(&["query", "list"])?;
        Ok(requests)
    }

    fn answer(&self, requests: &[(String, String)]) -> Done {
        self.chapter(
            "The answers",
            "The charge is written into the log first, and the stewards co-sign the log's head on machines of their own: \
             from here on nobody can run a question in secret, look, and run it again. Only then is data touched.",
        );
        let mut run = vec!["query", "run"];
        run.extend(requests.iter().map(|(_, id)| short(id)));
        self.sudare_ending(&run, fail::REFUSED)?;
        self.cosign()?;
        self.sudare(&run)
    }

    fn verify(&self, request: &str) -> Done {
        self.chapter(
            "Anybody verifies",
            "The stewards confirm the log once more, now with the answers in it. A release file and the room's public card \
             are all that an outsider needs to check signatures, order, approvals and price; a copy of the log shows the rest.",
        );
        self.cosign()?;
        self.quiet(&["query", "show", request, "-o", "outside/walking.release.json"])?;
        std::fs::copy(self.dir.join("room/room.card.toml"), self.dir.join("outside/room.card.toml"))
            .input("the card can't be copied")?;
        copy_tree(&self.dir.join("room/log"), &self.dir.join("outside/log"))?;
        self.sudare(&["release", "verify", "outside/walking.release.json", "--card", "outside/room.card.toml"])?;
        self.sudare(&["audit", "verify", "--log", "outside/log", "--card", "outside/room.card.toml"])?;
        self.sudare(&["audit", "report"])
    }

    fn attack(&self) -> Done {
        self.chapter(
            "What must not work",
            "First, somebody changes one letter in the copy of the log. Second, the researcher asks for more than the \
             project's budget holds.",
        );
        change_one_byte(&self.dir.join("outside/log"))?;
        self.sudare_ending(
            &["audit", "verify", "--log", "outside/log", "--card", "outside/room.card.toml"],
            fail::INTEGRITY,
        )?;
        write(&self.dir.join("questions/greedy.sql"), GREEDY)?;
        let id = self.submit("greedy", &[])?;
        self.decide("greedy", &[short(&id)])?;
        self.sudare_ending(&["query", "run", short(&id)], fail::REFUSED)
    }

    fn farewell(&self, args: &DemoArgs, started: Instant) {
        let dir = args.dir.display();
        self.out.line("");
        self.out.line(format!(
            "Done in {:.0} s: {} invented people, {} months, three sources, three answers.",
            started.elapsed().as_secs_f64(),
            thousands(args.persons),
            args.months
        ));
        for (path, what) in [
            ("raw/", "the sources' files, with (invented) names: these never leave a source"),
            (
                "packages/",
                "what the sources sent: encrypted, signed, no names (*.truth.parquet: synthetic people only)",
            ),
            ("room/store/", "the DuckDB store; belongs on an encrypted disk"),
            ("room/log/", "the signed log, in the C2SP tile format"),
            ("room/releases/", "the answers, each with its proof of origin"),
            ("policy.toml", "who may ask what, and how much"),
            ("questions/", "the researcher's SQL"),
        ] {
            self.out.line(format!("  {:<24} {what}", format!("{dir}/{path}")));
        }
    }

    /// The researcher signs a question, the operator files it; the id under which it was logged.
    fn submit(&self, name: &str, known: &[String]) -> Done<String> {
        let before = self.request_ids()?;
        let (sql, note) = (format!("questions/{name}.sql"), format!("questions/{name}.note"));
        let researcher = ["--identity", "keys/researcher.identity", "--passphrase-file", "keys/researcher.pass"];
        self.sudare(&[&["query", "submit", &sql, "--project", PROJECT], &researcher[..], &["-o", &note]].concat())?;
        self.sudare(&["query", "file", &note])?;
        let new = self.request_ids()?.into_iter().find(|id| !before.contains(id) && !known.contains(id));
        new.ok_or_else(|| Failure::input(format!("{sql} was filed, but the room does not list it")))
    }

    /// Each steward signs verdicts, the operator files them.
    fn decide(&self, name: &str, ids: &[&str]) -> Done {
        let mut notes = Vec::new();
        for steward in STEWARDS {
            let (identity, pass) = (format!("keys/{steward}.identity"), format!("keys/{steward}.pass"));
            let note = format!("stewards/{steward}-{name}.note");
            let key = ["--identity", &identity, "--passphrase-file", &pass, "-o", &note];
            self.sudare(&[&["query", "approve"], ids, &key[..]].concat())?;
            notes.push(note);
        }
        let notes: Vec<&str> = notes.iter().map(String::as_str).collect();
        self.sudare(&[&["query", "file"], &notes[..]].concat())
    }

    /// Each steward confirms the log as it stands.
    fn cosign(&self) -> Done {
        for steward in STEWARDS {
            self.sudare(&[
                "audit",
                "cosign",
                "--identity",
                &format!("keys/{steward}.identity"),
                "--passphrase-file",
                &format!("keys/{steward}.pass"),
                "--seen",
                &format!("stewards/{steward}.seen"),
            ])?;
        }
        Ok(())
    }

    fn request_ids(&self) -> Done<Vec<String>> {
        let output = self.command(&["query", "list", "--json"])?.stdout(Stdio::piped()).output();
        let output = output.input("the room's requests can't be listed")?;
        let list: Vec<serde_json::Value> =
            serde_json::from_slice(&output.stdout).input("the room's list of requests can't be read")?;
        Ok(list.iter().filter_map(|r| r.get("request")?.as_str().map(str::to_owned)).collect())
    }

    fn chapter(&self, title: &str, text: &str) {
        self.out.line(format!("\n── {title} {}", "─".repeat(74_usize.saturating_sub(title.chars().count()))));
        let mut line = String::new();
        for word in text.split_whitespace() {
            if line.chars().count() + word.chars().count() > 96 {
                self.out.line(line.trim_end());
                line.clear();
            }
            line.push_str(word);
            line.push(' ');
        }
        self.out.line(line.trim_end());
    }

    fn sudare(&self, args: &[&str]) -> Done {
        self.sudare_ending(args, 0)
    }

    /// Runs a subcommand as a user would and demands the exit code that the story needs.
    fn sudare_ending(&self, args: &[&str], exit: u8) -> Done {
        self.out.line(format!("\n  $ sudare {}", args.join(" ")));
        let mut command = self.command(args)?;
        if exit == 0 {
            return demand(command.status().input("the program can't start itself")?, exit);
        }
        // A refusal is part of the story: told here even where errors go elsewhere.
        let output = command.stderr(Stdio::piped()).output().input("the program can't start itself")?;
        for text in [&output.stdout, &output.stderr] {
            String::from_utf8_lossy(text).lines().for_each(|l| self.out.line(format!("  {}", l.trim_start())));
        }
        demand(output.status, exit)?;
        self.out.line(format!("  (exit code {exit}, as it must be)"));
        Ok(())
    }

    /// Runs a subcommand whose output was shown before.
    fn quiet(&self, args: &[&str]) -> Done {
        self.out.line(format!("\n  $ sudare {}", args.join(" ")));
        let output = self.command(args)?.output().input("the program can't start itself")?;
        demand(output.status, 0)
    }

    fn command(&self, args: &[&str]) -> Done<Command> {
        let program = std::env::current_exe().input("the program's own file can't be found")?;
        let mut command = Command::new(program);
        command.args(args).current_dir(&self.dir);
        command.env("SUDARE_ROOM", "room").env("SUDARE_ROOM_PASSPHRASE_FILE", "keys/room.pass");
        Ok(command)
    }
}

fn demand(status: ExitStatus, exit: u8) -> Done {
    if status.code() == Some(i32::from(exit)) {
        return Ok(());
    }
    let code = status.code().map_or("no exit code".to_owned(), |c| format!("exit code {c}"));
    Err(Failure::integrity(format!("the demo expected exit code {exit} here, and saw {code}")))
}

fn short(id: &str) -> &str {
    id.get(..12).unwrap_or(id)
}

fn write(path: &Path, text: &str) -> Done {
    std::fs::write(path, text).input(format!("{} can't be written", path.display()))
}

fn copy_tree(from: &Path, to: &Path) -> Done {
    let what = || format!("{} can't be copied", from.display());
    std::fs::create_dir_all(to).input(what())?;
    for entry in std::fs::read_dir(from).input(what())? {
        let entry = entry.input(what())?;
        let target = to.join(entry.file_name());
        if entry.file_type().input(what())?.is_dir() {
            copy_tree(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target).input(what())?;
        }
    }
    Ok(())
}

/// Changes one byte in the middle of the copied log's latest bundle of entries.
fn change_one_byte(log: &Path) -> Done {
    let mut files = Vec::new();
    collect(&log.join("tile/entries"), &mut files)?;
    files.sort_by_key(|file| std::fs::metadata(file).map_or(0, |m| m.len()));
    let file = files.last().ok_or_else(|| Failure::input("the log has no entries"))?;
    let mut bytes = std::fs::read(file).input("the copied log can't be read")?;
    let middle = bytes.len() / 2;
    if let Some(byte) = bytes.get_mut(middle) {
        *byte ^= 1;
    }
    std::fs::write(file, bytes).input("the copied log can't be written")
}

fn collect(dir: &Path, files: &mut Vec<PathBuf>) -> Done {
    for entry in std::fs::read_dir(dir).input("the copied log can't be read")?.flatten() {
        if entry.path().is_dir() {
            collect(&entry.path(), files)?;
        } else {
            files.push(entry.path());
        }
    }
    Ok(())
}
