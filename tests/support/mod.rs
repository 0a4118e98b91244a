//! A small room of invented people for tests through the program: keys, policy, sources, packages, snapshots.
#![allow(dead_code)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// How a room answers unless a test says otherwise.
const PURE: &str = "account = \"pure\"\nbudget = { epsilon = \"8\", delta = \"0\" }\n";

/// A folder with a room in it.
pub struct House {
    dir: tempfile::TempDir,
}

/// Someone as an eligibility list writes them.
#[derive(Clone)]
pub struct Someone {
    pub insurer: &'static str,
    pub symbol: &'static str,
    pub number: String,
    pub branch: &'static str,
    pub name: String,
    pub kana: String,
    pub birth: &'static str,
    pub sex: &'static str,
}

impl House {
    /// Keys, a policy with sources `kenpo` and `kokuho`, stewards `mori` and `sato`, a linkage key, a room.
    pub fn new() -> Self {
        Self::with_kinds(&["eligibility", "claims", "checkups"])
    }

    /// The same, whose sources may send these kinds of data.
    pub fn with_kinds(kinds: &[&str]) -> Self {
        Self::with(kinds, &[], "")
    }

    /// The same; these sources guarantee that two numbers at once are two people.
    pub fn guaranteed(kinds: &[&str], one_to_one: &[&str]) -> Self {
        Self::build(kinds, one_to_one, &[], "", PURE)
    }

    /// The same with researchers, and more text of the policy.
    pub fn with(kinds: &[&str], researchers: &[&str], more: &str) -> Self {
        Self::build(kinds, &[], researchers, more, PURE)
    }

    /// The same in a room that answers with Gaussian noise.
    pub fn gaussian(kinds: &[&str], researchers: &[&str], more: &str) -> Self {
        let account = "account = \"zcdp\"\nbudget = { epsilon = \"50\", delta = \"0.001\" }\n";
        Self::build(kinds, &[], researchers, more, account)
    }

    fn build(kinds: &[&str], one_to_one: &[&str], researchers: &[&str], more: &str, account: &str) -> Self {
        let kinds: Vec<String> = kinds.iter().map(|kind| format!("\"{kind}\"")).collect();
        let kinds = kinds.join(", ");
        let house = Self { dir: tempfile::tempdir().unwrap() };
        let mut policy = String::from(
            "[room]\norigin = \"test.example/room\"\nminimum_persons = 10\napprovals = 2\ncosignatures = 2\n\
             slot_seconds = 1\n",
        );
        policy.push_str(account);
        for source in ["kenpo", "kokuho"] {
            policy.push_str(&format!("\n[[source]]\nname = \"{source}\"\ncard = \"{source}\"\nkinds = [{kinds}]\n"));
            if one_to_one.contains(&source) {
                policy.push_str("one_to_one = true\n");
            }
        }
        policy.push_str(more);
        let mut cards = vec![("kenpo", "source"), ("kokuho", "source"), ("mori", "steward"), ("sato", "steward")];
        cards.extend(researchers.iter().map(|name| (*name, "researcher")));
        for (name, role) in cards {
            house.ok(&["key", "new", name, "--role", role, "--generate-passphrase", &format!("{name}.pass")]);
            policy.push_str(&format!("\n{}\n", house.read(&format!("{name}.card.toml"))));
        }
        house.write("policy.toml", &policy);
        house.linkage_key("linkage.key");
        house.ok(&["room", "init", "room", "--policy", "policy.toml", "--generate-passphrase", "room.pass"]);
        house
    }

    pub fn linkage_key(&self, name: &str) {
        let to = ["kenpo.card.toml", "kokuho.card.toml", "mori.card.toml"];
        let mut args = vec!["key", "linkage", "-o", name];
        to.iter().for_each(|card| args.extend(["--to", card]));
        self.ok(&args);
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    pub fn run(&self, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sudare"));
        command.args(args).current_dir(self.dir.path());
        command.env_remove("SUDARE_ROOM").env_remove("SUDARE_ROOM_PASSPHRASE_FILE").output().unwrap()
    }

    pub fn ok(&self, args: &[&str]) -> String {
        let out = self.run(args);
        let said = String::from_utf8_lossy(&out.stdout).into_owned();
        assert!(out.status.success(), "{args:?}: {said}{}", String::from_utf8_lossy(&out.stderr));
        said
    }

    /// Exit code and what was said on standard error.
    pub fn fails(&self, args: &[&str]) -> (i32, String) {
        let out = self.run(args);
        assert!(!out.status.success(), "{args:?} should fail: {}", String::from_utf8_lossy(&out.stdout));
        (out.status.code().unwrap(), String::from_utf8_lossy(&out.stderr).into_owned())
    }

    /// A source's files become a package. `more` are further flags and inputs.
    pub fn package(&self, source: &str, sequence: u32, more: &[&str]) -> String {
        let (output, out) = self.pseudonymize(source, sequence, more);
        assert!(out.status.success(), "{source}: {}", String::from_utf8_lossy(&out.stderr));
        output
    }

    /// A source's files become none: what would have been its name, the exit code and what was said.
    pub fn no_package(&self, source: &str, sequence: u32, more: &[&str]) -> (String, (i32, String)) {
        let (output, out) = self.pseudonymize(source, sequence, more);
        assert!(!out.status.success(), "{source}: {}", String::from_utf8_lossy(&out.stdout));
        (output, (out.status.code().unwrap(), String::from_utf8_lossy(&out.stderr).into_owned()))
    }

    fn pseudonymize(&self, source: &str, sequence: u32, more: &[&str]) -> (String, Output) {
        let output = format!("{source}-{sequence}.sudare");
        let (identity, pass) = (format!("{source}.identity"), format!("{source}.pass"));
        let number = sequence.to_string();
        let mut args = vec!["pseudonymize", "--source", source, "--identity", &identity, "--passphrase-file", &pass];
        args.extend(["--card", "room/room.card.toml", "--sequence", &number, "-o", &output]);
        if !more.contains(&"--linkage-key") {
            args.extend(["--linkage-key", "linkage.key"]);
        }
        args.extend(more);
        let out = self.run(&args);
        (output, out)
    }

    pub fn link(&self, packages: &[&str]) -> String {
        let mut args = vec!["link", "--room", "room", "--room-passphrase-file", "room.pass"];
        args.extend(packages);
        self.ok(&args)
    }

    /// Numbers out of the latest snapshot, past all rules: a test may.
    pub fn number(&self, sql: &str) -> i64 {
        let store = self.path("room/store");
        let mut files: Vec<_> = std::fs::read_dir(store).unwrap().map(|e| e.unwrap().path()).collect();
        files.retain(|path| path.extension().is_some_and(|e| e == "duckdb"));
        let last = files.into_iter().max_by_key(|p| std::fs::metadata(p).unwrap().modified().unwrap()).unwrap();
        let config = duckdb::Config::default().access_mode(duckdb::AccessMode::ReadOnly).unwrap();
        let connection = duckdb::Connection::open_with_flags(last, config).unwrap();
        connection.query_row(sql, [], |row| row.get(0)).unwrap()
    }
}

/// An eligibility list.
pub fn eligibility(people: &[Someone]) -> String {
    let mut text = String::from(
        "保険者番号,記号,番号,枝番,氏名,カナ氏名,生年月日,性別,本人家族,取得日,喪失日,喪失事由,事業所記号,規模,業種,郵便番号\n",
    );
    for p in people {
        let Someone { insurer, symbol, number, branch, name, kana, birth, sex } = p;
        text.push_str(&format!(
            "{insurer},{symbol},{number},{branch},{name},{kana},{birth},{sex},1,20200401,,,12,2,E,100-0001\n"
        ));
    }
    text
}

/// An opt-out list, or the list of a withdrawal.
pub fn list(people: &[Someone]) -> String {
    let mut text = String::from("保険者番号,記号,番号,枝番,氏名,カナ氏名,生年月日,性別,オプトアウト日\n");
    for p in people {
        let Someone { insurer, symbol, number, branch, name, kana, birth, sex } = p;
        text.push_str(&format!("{insurer},{symbol},{number},{branch},{name},{kana},{birth},{sex},20260401\n"));
    }
    text
}

/// Invented people of an insurer, told apart by everything.
pub fn people(insurer: &'static str, many: usize) -> Vec<Someone> {
    const SURNAMES: [(&str, &str); 6] = [
        ("山里", "ヤマザト"),
        ("川名", "カワナ"),
        ("森下", "モリシタ"),
        ("谷口", "タニグチ"),
        ("岩佐", "イワサ"),
        ("浜野", "ハマノ"),
    ];
    const GIVEN: [(&str, &str); 5] =
        [("一郎", "イチロウ"), ("花江", "ハナエ"), ("健太", "ケンタ"), ("美咲", "ミサキ"), ("直樹", "ナオキ")];
    const BIRTHS: [&str; 7] = ["19700523", "19810102", "19551231", "19901111", "19650704", "19770909", "20010303"];
    (0..many)
        .map(|i| {
            let (s, g) = (SURNAMES[i % 6], GIVEN[i % 5]);
            Someone {
                insurer,
                symbol: "31",
                // So long that no digest has it by chance.
                number: format!("{}", 40_173_000 + i * 7),
                branch: "01",
                name: format!("{}　{}", s.0, g.0),
                kana: format!("{}　{}", s.1, g.1),
                birth: BIRTHS[i % 7],
                sex: if i % 2 == 0 { "1" } else { "2" },
            }
        })
        .collect()
}

/// Whether a text is anywhere under a folder, as it is.
pub fn holds(dir: &Path, needle: &str) -> bool {
    std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).any(|path| {
        if path.is_dir() {
            return holds(&path, needle);
        }
        let bytes = std::fs::read(&path).unwrap();
        bytes.windows(needle.len()).any(|window| window == needle.as_bytes())
    })
}
