//! A process that appends to a log on the real file system is killed (SIGKILL) again and again, and a reader looks
//! on: nothing that it announced is lost, and the reader never sees a broken log.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::print_stdout)]

mod common;

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use audit_log::{Log, LogError, Posix, View};
use common::{NOW, ORIGIN, event, signer};

const DIR: &str = "SUDARE_AUDIT_LOG_KILL_DIR";

fn writer(dir: &Path) {
    let mut log = match Log::open(Posix::new(dir), signer()) {
        Err(LogError::NotALog) => Log::create(Posix::new(dir), ORIGIN, signer()).unwrap(),
        other => other.unwrap(),
    };
    loop {
        let index = log.append(&event(log.size()), NOW).unwrap();
        println!("appended {}", index + 1);
        if index % 4 == 3 {
            println!("published {}", log.checkpoint().unwrap().size());
        }
    }
}

/// The same test binary is parent and child.
#[test]
fn killed_again_and_again() {
    if let Some(dir) = std::env::var_os(DIR) {
        return writer(Path::new(&dir));
    }
    let dir = tempfile::tempdir().unwrap();
    let verifier = signer().verifier();
    let (mut appended, mut published) = (0, 0);
    for round in 0_u64..25 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["killed_again_and_again", "--exact", "--nocapture"])
            .env(DIR, dir.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut note = |line: std::io::Result<String>| {
            let line = line.unwrap();
            // libtest prints its own words before ours.
            if let Some((_, number)) = line.rsplit_once("appended ") {
                appended = number.parse().unwrap();
            } else if let Some((_, number)) = line.rsplit_once("published ") {
                published = number.parse().unwrap();
            }
        };
        // libtest's lines, then a few of the writer's, then anywhere in its next steps.
        (0..3 + round % 9).for_each(|_| note(lines.next().unwrap()));
        std::thread::sleep(Duration::from_micros(round * 700 % 5000));
        let view = View::open(dir.path(), &verifier);
        child.kill().unwrap();
        child.wait().unwrap();
        lines.for_each(note);
        assert!(matches!(view, Ok(_) | Err(LogError::Busy)), "a reader saw {view:?}");
        let log = Log::open(Posix::new(dir.path()), signer()).unwrap();
        assert!(log.size() >= appended && log.latest().size() >= published);
        assert!(log.entries().iter().all(|entry| entry.event == event(entry.index)));
    }
    assert!(published > 0, "the writer never came to a checkpoint");
}
