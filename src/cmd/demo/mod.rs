//! `sudare demo`: the whole job on synthetic people. It is a script and nothing more: every step is a public
//! subcommand, run as a child process, so that what it shows is what a user gets by typing.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
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
    demo.verify()?;
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
             really use. Here the people come from a generator.",
        );
        let (persons, months, seed) = (args.persons.to_string(), args.months.to_string(), args.seed.to_string());
        self.sudare(&["synth", "raw", "--persons", &persons, "--months", &months, "--seed", &seed])
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
            "On the source's own machine, names and numbers become keyed tokens. What leaves is one encrypted, signed \
             package without a name in it.",
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
            "Before anything is asked for, the researcher sees the price and the error. Nobody sees data. Each request \
             is signed; each steward signs a verdict.",
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
            requests.push((name.to_owned(), self.submit(&file, &known)?));
        }
        for steward in ["steward-a", "steward-b"] {
            self.approve(steward, &requests.iter().map(|(_, id)| short(id)).collect::<Vec<_>>())?;
        }
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
        for steward in ["steward-a", "steward-b"] {
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
        self.sudare(&run)
    }

    fn verify(&self) -> Done {
        self.chapter(
            "Anybody verifies",
            "With the room's public card and nothing else: the signatures, the order, the approvals, the price.",
        );
        let release = first_release(&self.dir.join("room/releases"))?;
        let copy = self.dir.join("outside").join("release.json");
        std::fs::copy(&release, &copy).input("the release can't be copied")?;
        self.sudare(&["release", "verify", "outside/release.json", "--card", "room/room.card.toml"])?;
        self.sudare(&["audit", "verify"])?;
        self.sudare(&["audit", "report"])
    }

    fn attack(&self) -> Done {
        self.chapter(
            "What must not work",
            "First, somebody changes one letter in a copy of the log. Second, the researcher asks for more than the \
             project's budget holds.",
        );
        let copy = self.dir.join("outside/log");
        copy_tree(&self.dir.join("room/log"), &copy)?;
        change_one_byte(&copy)?;
        self.sudare_ending(
            &["audit", "verify", "--log", "outside/log", "--card", "room/room.card.toml"],
            fail::INTEGRITY,
        )?;
        write(&self.dir.join("questions/greedy.sql"), GREEDY)?;
        let id = self.submit("questions/greedy.sql", &[])?;
        for steward in ["steward-a", "steward-b"] {
            self.approve(steward, &[short(&id)])?;
        }
        self.sudare_ending(&["query", "run", short(&id)], fail::REFUSED)
    }

    fn farewell(&self, args: &DemoArgs, started: Instant) {
        let dir = args.dir.display();
        self.out.line("");
        self.out.line(format!(
            "Done in {:.0} s: {} invented people, {} months, three sources, one answer at a time.",
            started.elapsed().as_secs_f64(),
            thousands(args.persons),
            args.months
        ));
        for (path, what) in [
            ("raw/", "the sources' files, with (invented) names: these never leave a source"),
            ("packages/", "what the sources sent: encrypted, signed, no names"),
            ("room/store/", "the DuckDB store; belongs on an encrypted disk"),
            ("room/log/", "the signed log, in the C2SP tile format"),
            ("room/releases/", "the answers, each with its proof of origin"),
            ("policy.toml", "who may ask what, and how much"),
            ("questions/", "the researcher's SQL"),
        ] {
            self.out.line(format!("  {:<24} {what}", format!("{dir}/{path}")));
        }
    }

    /// Submits a question and finds out the id under which it was logged.
    fn submit(&self, file: &str, known: &[String]) -> Done<String> {
        let before = self.request_ids()?;
        self.sudare(&[
            "query",
            "submit",
            file,
            "--project",
            PROJECT,
            "--identity",
            "keys/researcher.identity",
            "--passphrase-file",
            "keys/researcher.pass",
        ])?;
        let new = self.request_ids()?.into_iter().find(|id| !before.contains(id) && !known.contains(id));
        new.ok_or_else(|| Failure::input(format!("{file} was submitted, but the room does not list it")))
    }

    fn approve(&self, steward: &str, ids: &[&str]) -> Done {
        let (identity, pass) = (format!("keys/{steward}.identity"), format!("keys/{steward}.pass"));
        let mut args = vec!["query", "approve"];
        args.extend(ids);
        args.extend(["--identity", &identity, "--passphrase-file", &pass]);
        self.sudare(&args)
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
        let status = self.command(args)?.status().input("the program can't start itself")?;
        if status.code() != Some(i32::from(exit)) {
            let code = status.code().map_or("no exit code".to_owned(), |c| format!("exit code {c}"));
            return Err(Failure::integrity(format!("the demo expected exit code {exit} here, and saw {code}")));
        }
        if exit != 0 {
            self.out.line(format!("  (exit code {exit}, as it must be)"));
        }
        Ok(())
    }

    fn command(&self, args: &[&str]) -> Done<Command> {
        let program = std::env::current_exe().input("the program's own file can't be found")?;
        let mut command = Command::new(program);
        command.args(args).current_dir(&self.dir);
        command.env("SUDARE_ROOM", "room").env("SUDARE_ROOM_PASSPHRASE_FILE", "keys/room.pass");
        Ok(command)
    }
}

fn short(id: &str) -> &str {
    id.get(..12).unwrap_or(id)
}

fn write(path: &Path, text: &str) -> Done {
    std::fs::write(path, text).input(format!("{} can't be written", path.display()))
}

fn first_release(dir: &Path) -> Done<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(dir)
        .input("the room's releases can't be listed")?
        .filter_map(|e| e.ok().map(|e| e.path()))
        .collect();
    files.sort();
    files.into_iter().next().ok_or_else(|| Failure::input("the room has no release"))
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
