//! `cargo bench -p sudare-benches`: everything in one run, and one Markdown table at the end. Without cargo's `--bench` (as
//! `cargo test --benches` calls it) a few people and one round only show that it still runs.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a bench is a program: its table is its output")]

use std::process::ExitCode;

/// As the program has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

use sudare_benches::{Size, run};

fn main() -> ExitCode {
    let size = if std::env::args().any(|argument| argument == "--bench") { Size::full() } else { Size::smoke() };
    match run(&size, &|step| eprintln!("· {step}")) {
        Ok(table) => {
            println!("\n{table}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("the measurements failed: {error}");
            ExitCode::FAILURE
        }
    }
}
