//! The program `sudare`: arguments, wiring, progress, tables and charts, exit codes. It holds no rule of its own:
//! what may be asked is `policies`, what is answered is `dp_query`, what is one person is `linkage`.

mod actors;
mod catalogue;
mod chart;
mod cli;
mod cmd;
mod codelists;
mod fail;
mod files;
mod out;
mod room;
mod svg;

use std::process::ExitCode;

/// Threads hand frames to each other; this allocator takes that well.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

use clap::Parser;

fn main() -> ExitCode {
    let cli = match cli::Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are not errors; everything else is bad usage. A closed pipe is nobody's fault.
            let code = if error.use_stderr() { fail::USAGE } else { 0 };
            let _ = error.print();
            if code != 0 && std::env::args().any(|a| a == "--json") {
                out::Out::new(true)
                    .value(&serde_json::json!({ "error": "bad usage", "help": "see --help", "exit": code }));
            }
            return ExitCode::from(code);
        }
    };
    let out = out::Out::new(cli.json);
    if !matches!(cli.command, cli::Command::Link(_)) {
        // Clearing two megabytes at a time cost a tenth of `pseudonymize` and half as much memory again. Linkage looks up one
        // person after the other in gigabytes: there huge pages save an eighth.
        #[cfg(target_os = "linux")]
        let _ = rustix::thread::disable_transparent_huge_pages(true);
    }
    match cmd::run(&cli.command, &out) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            out.failure(&failure);
            ExitCode::from(failure.exit())
        }
    }
}
