//! `sudare query`: what researchers, stewards and the operator type.

use std::path::PathBuf;

use clap::Subcommand;

use super::{PassphraseArgs, RoomArgs, RoomPath};

/// `sudare query …`
#[derive(Debug, Subcommand)]
pub enum QueryCommand {
    /// What a question costs and how exact its answer will be; reads no data and charges nothing
    #[command(after_help = "Example:  sudare query check walking.sql --room room --project walk-and-glucose")]
    Check {
        /// The question
        sql: PathBuf,
        /// The room.
        #[command(flatten)]
        room: RoomPath,
        /// The project that asks
        #[arg(long)]
        project: String,
        /// Small CSV file without persons that the question joins as PUBLIC('FILE'); it travels with the request
        #[arg(long, value_name = "FILE")]
        public: Vec<PathBuf>,
    },
    /// As a researcher: sign a question, with your own key and the room's public files only
    #[command(
        after_help = "Example:  sudare query submit walking.sql --project walk-and-glucose --identity researcher.identity -o walking.note\n\n\
Send the note to the operator, who files it: sudare query file walking.note"
    )]
    Submit {
        /// The question
        sql: PathBuf,
        /// The room.
        #[command(flatten)]
        room: RoomPath,
        /// The project that asks
        #[arg(long)]
        project: String,
        /// Small CSV file without persons that the question joins as PUBLIC('FILE'); it travels with the request
        #[arg(long, value_name = "FILE")]
        public: Vec<PathBuf>,
        /// The researcher's identity file
        #[arg(long)]
        identity: PathBuf,
        /// Passphrase of the identity.
        #[command(flatten)]
        passphrase: PassphraseArgs,
        /// Last day on which the request may run (default: 30 days from now)
        #[arg(long, value_name = "YYYY-MM-DD")]
        expires: Option<String>,
        /// The signed request
        #[arg(short, long)]
        output: PathBuf,
    },
    /// As a steward: sign a verdict on requests, with your own key and the room's public files only
    #[command(
        after_help = "Example:  sudare query show 3f2a91   and then\n          sudare query approve 3f2a91 --identity steward-a.identity -o verdict.note"
    )]
    Approve {
        /// Requests by id or beginning of an id
        #[arg(required = true)]
        requests: Vec<String>,
        /// The room.
        #[command(flatten)]
        room: RoomPath,
        /// The steward's identity file
        #[arg(long)]
        identity: PathBuf,
        /// Passphrase of the identity.
        #[command(flatten)]
        passphrase: PassphraseArgs,
        /// Reject instead of approve
        #[arg(long)]
        reject: bool,
        /// The signed verdicts
        #[arg(short, long)]
        output: PathBuf,
    },
    /// As the operator: put signed requests and verdicts into the log
    #[command(after_help = "Example:  sudare query file walking.note verdict-a.note verdict-b.note")]
    File {
        /// Signed notes
        #[arg(required = true)]
        notes: Vec<PathBuf>,
        /// The room.
        #[command(flatten)]
        room: RoomArgs,
    },
    /// Charge approved requests, wait for co-signatures, compute, release
    #[command(after_help = "Example:  sudare query run 3f2a91 --room room\n\n\
The charge is written first. If the policy demands co-signatures of it, the first run stops there; stewards run\n\
`sudare audit cosign`, and the second run computes. A request is charged once; a repeated run shows the stored answer.")]
    Run {
        /// Requests by id or beginning of an id
        #[arg(required = true)]
        requests: Vec<String>,
        /// The room.
        #[command(flatten)]
        room: RoomArgs,
    },
    /// Requests and where they stand
    #[command(after_help = "Example:  sudare query list --room room")]
    List(RoomPath),
    /// A request's question, price and verdicts; its answer as table and chart once there is one
    #[command(after_help = "Example:  sudare query show 3f2a91 --room room -o answer.release.json")]
    Show {
        /// The request's id, or its beginning
        request: String,
        /// The room.
        #[command(flatten)]
        room: RoomPath,
        /// Also write the release file, with the latest co-signatures, to be given to others
        #[arg(short, long)]
        output: Option<PathBuf>,
    },
}
