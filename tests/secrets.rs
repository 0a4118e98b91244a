//! Secrets through the program: files of their owner only, passphrases from a file, a descriptor or a terminal, never from an argument.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use support::House;

fn mode(house: &House, name: &str) -> u32 {
    std::fs::metadata(house.path(name)).unwrap().permissions().mode() & 0o7777
}

#[test]
fn secrets_are_their_owners_only() {
    let house = House::new();
    let secrets = ["kenpo.identity", "kenpo.pass", "linkage.key", "room.pass", "room/room.identity"];
    for secret in secrets {
        assert_eq!(mode(&house, secret), 0o600, "{secret}");
    }
    // A file that others can read is not used.
    let revoke = |output: &str| {
        let by = ["--identity", "mori.identity", "--passphrase-file", "mori.pass", "--card", "room/room.card.toml"];
        house.run(&[&["key", "revoke", "kenpo.card.toml", "-o", output][..], &by[..]].concat())
    };
    for file in ["mori.pass", "mori.identity"] {
        let path = house.path(file);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let out = revoke("x");
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        assert!(out.status.code() == Some(2) && said.contains("chmod 600"), "{file}: {said}");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    assert!(revoke("x").status.success());
}

#[test]
fn passphrases_come_from_files_and_descriptors_and_never_from_arguments() {
    let house = House::new();
    // A descriptor: a shell's process substitution is one.
    let line = format!(
        "{} key revoke kenpo.card.toml --identity mori.identity --passphrase-file /dev/fd/3 --card room/room.card.toml -o by-fd 3<mori.pass",
        env!("CARGO_BIN_EXE_sudare")
    );
    let out = Command::new("sh").args(["-c", &line]).current_dir(house.path("")).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    // Without a file it is asked on the terminal; where there is none, nothing is guessed.
    let asked = house.path("asked");
    let line = format!(
        "setsid {} key revoke kenpo.card.toml --identity mori.identity --card room/room.card.toml -o asked </dev/null",
        env!("CARGO_BIN_EXE_sudare")
    );
    let out = Command::new("sh").args(["-c", &line]).current_dir(house.path("")).output().unwrap();
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(out.status.code() == Some(2) && said.contains("no terminal to ask on"), "{said}");
    assert!(!asked.exists());
    // No flag takes a passphrase itself, and a wrong one is not repeated.
    let secret = "correct horse battery staple";
    for flag in ["--passphrase", "--room-passphrase"] {
        let (code, _) = house.fails(&["key", "new", "noda", "--role", "researcher", flag, secret]);
        assert_eq!(code, 2, "{flag}");
    }
    house.write("wrong.pass", secret);
    std::fs::set_permissions(house.path("wrong.pass"), std::fs::Permissions::from_mode(0o600)).unwrap();
    let by = ["--identity", "mori.identity", "--passphrase-file", "wrong.pass", "--card", "room/room.card.toml"];
    let (_, said) = house.fails(&[&["key", "revoke", "kenpo.card.toml", "-o", "y"][..], &by[..]].concat());
    assert!(!said.contains("horse"), "{said}");
}
