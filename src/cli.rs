//! The command line: every flag and its help in one place. No behaviour lives here.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// What `sudare --help` prints.
#[derive(Debug, Parser)]
#[command(
    name = "sudare",
    version,
    about = "A clean room for the secondary use of health data",
    long_about = "A clean room for the secondary use of health data: replaces identities by keyed tokens where the files lie, \
links the tokens into persons, keeps them in DuckDB, and answers approved questions only through differential privacy, \
with a signed log that anybody can verify.",
    after_help = "Exit codes: 0 done, 1 refused by policy or budget, 2 bad usage or input, 3 integrity failure.\n\nStart here:  sudare demo"
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Print the result as JSON on standard output.
    #[arg(long, global = true)]
    pub json: bool,
}

/// The rooms of the house, as verbs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the whole job on synthetic people, through the same commands that a user types
    #[command(after_help = "Example:  sudare demo demo-room --persons 20000 --months 24")]
    Demo(DemoArgs),
    /// Write synthetic people as raw files in the real formats, and the truth behind them
    #[command(after_help = "Example:  sudare synth raw --persons 20000 --months 24 --seed 1")]
    Synth(SynthArgs),
    /// Make keys: an actor's identity, or the linkage key that all sources share
    #[command(subcommand)]
    Key(KeyCommand),
    /// Create a room, look at it
    #[command(subcommand)]
    Room(RoomCommand),
    /// At the source: turn identified files into one encrypted, signed package
    #[command(
        after_help = "Example:  sudare pseudonymize --source kenpo --identity kenpo.identity --linkage-key linkage.key \\\n            --card room.card.toml raw/kenpo -o kenpo-1.sudare"
    )]
    Pseudonymize(PseudonymizeArgs),
    /// In the room: receive packages, find out which tokens are one person, load the store
    #[command(after_help = "Example:  sudare link --room room kenpo-1.sudare kokuho-1.sudare lifelog-1.sudare")]
    Link(LinkArgs),
    /// Ask: check, submit, approve, run, list, show
    #[command(subcommand)]
    Query(QueryCommand),
    /// Verify a release file without trusting the room
    #[command(subcommand)]
    Release(ReleaseCommand),
    /// Read, verify and co-sign the log
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Check a policy file
    #[command(subcommand)]
    Policy(PolicyCommand),
}

/// `sudare demo`
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Folder to make; must not exist
    #[arg(default_value = "demo-room")]
    pub dir: PathBuf,
    /// How many synthetic people
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(100..=10_000_000))]
    pub persons: u32,
    /// How many months of records, ending March 2025
    #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u32).range(1..=120))]
    pub months: u32,
    /// Seed of the synthetic people
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

/// `sudare synth`
#[derive(Debug, Args)]
pub struct SynthArgs {
    /// Folder to make; must not exist
    pub dir: PathBuf,
    /// How many people [default: 20000]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub persons: Option<u32>,
    /// How many months of records, ending March 2025 [default: 24]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=120))]
    pub months: Option<u32>,
    /// Same seed, same bytes [default: 1]
    #[arg(long)]
    pub seed: Option<u64>,
    /// Formats to write, with commas between: payer, provider, dpc, dental, apple, fitbit, fhir, checkup_csv, programmes,
    /// events, observations, consent, opt_out, all, default
    #[arg(long, value_name = "LIST")]
    pub formats: Option<datasets::synth::Formats>,
    /// All options and error rates (TOML); what the command line says wins
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// Who holds an identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RoleArg {
    /// An insurer, clinic group or lifelog service that sends packages
    Source,
    /// Runs the room
    Operator,
    /// Approves requests, reviews the log, co-signs
    Steward,
    /// Asks
    Researcher,
}

/// Where the passphrase of an identity file comes from.
#[derive(Debug, Args)]
pub struct PassphraseArgs {
    /// File that holds the passphrase (mode 0600; /dev/fd/N works); asked on the terminal if absent
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
}

/// `sudare key …`
#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Make NAME.identity (secret) and NAME.card.toml (public, goes into the room's policy)
    #[command(after_help = "Example:  sudare key new steward-a --role steward --out keys\n\n\
With --generate-passphrase FILE a random passphrase is written to FILE (mode 0600), for machines; people are asked for one.")]
    New {
        /// Name of the actor, as the policy will call it
        name: String,
        /// What the actor does
        #[arg(long)]
        role: RoleArg,
        /// Folder for the two files
        #[arg(long, default_value = ".")]
        out: PathBuf,
        /// First day on which the card is valid (default: today)
        #[arg(long, value_name = "YYYY-MM-DD")]
        from: Option<String>,
        /// Last day on which the card is valid (default: a year later)
        #[arg(long, value_name = "YYYY-MM-DD")]
        until: Option<String>,
        /// File that holds the passphrase; asked on the terminal if absent
        #[arg(long, value_name = "FILE", conflicts_with = "generate_passphrase")]
        passphrase_file: Option<PathBuf>,
        /// Make a random passphrase and write it to this new file
        #[arg(long, value_name = "FILE")]
        generate_passphrase: Option<PathBuf>,
    },
    /// Make the linkage key, sealed to the sources' (and escrow) cards; never give it to the room
    #[command(after_help = "Example:  sudare key linkage --to kenpo.card.toml --to kokuho.card.toml -o linkage.key")]
    Linkage {
        /// Cards that can open the key
        #[arg(long = "to", value_name = "CARD", required = true)]
        to: Vec<PathBuf>,
        /// The sealed key
        #[arg(short, long)]
        output: PathBuf,
    },
}

/// Which room, and how to unlock it.
#[derive(Debug, Args)]
pub struct RoomArgs {
    /// The room's folder
    #[arg(long, env = "SUDARE_ROOM", value_name = "DIR")]
    pub room: PathBuf,
    /// File that holds the room's passphrase; asked on the terminal if absent
    #[arg(long, env = "SUDARE_ROOM_PASSPHRASE_FILE", value_name = "FILE")]
    pub room_passphrase_file: Option<PathBuf>,
}

/// Which room, for those who only read.
#[derive(Debug, Args)]
pub struct RoomPath {
    /// The room's folder
    #[arg(long, env = "SUDARE_ROOM", value_name = "DIR")]
    pub room: PathBuf,
}

/// `sudare room …`
#[derive(Debug, Subcommand)]
pub enum RoomCommand {
    /// Create a room's keys and its card; give the card to sources and verifiers
    #[command(after_help = "Example:  sudare room init room --policy policy.toml --generate-passphrase room.pass")]
    Init {
        /// Folder to make; must not exist
        dir: PathBuf,
        /// The policy that the stewards wrote
        #[arg(long)]
        policy: PathBuf,
        /// File that holds the passphrase; asked on the terminal if absent
        #[arg(long, value_name = "FILE", conflicts_with = "generate_passphrase")]
        passphrase_file: Option<PathBuf>,
        /// Make a random passphrase and write it to this new file
        #[arg(long, value_name = "FILE")]
        generate_passphrase: Option<PathBuf>,
    },
    /// Policy, packages, snapshot, budget spent, requests (nothing about the data)
    #[command(after_help = "Example:  sudare room status --room room")]
    Status(RoomPath),
}

/// `sudare pseudonymize`
#[derive(Debug, Args)]
pub struct PseudonymizeArgs {
    /// Name of this source, as the policy calls it
    #[arg(long)]
    pub source: String,
    /// The source's identity file, which signs the package
    #[arg(long)]
    pub identity: PathBuf,
    /// Passphrase of the identity.
    #[command(flatten)]
    pub passphrase: PassphraseArgs,
    /// The sealed linkage key
    #[arg(long)]
    pub linkage_key: PathBuf,
    /// The room's public card
    #[arg(long, value_name = "FILE")]
    pub card: PathBuf,
    /// Files, folders or zips
    #[arg(required = true)]
    pub inputs: Vec<PathBuf>,
    /// The package
    #[arg(short, long)]
    pub output: PathBuf,
    /// Number of this package; must grow from one to the next (default: seconds since 1970)
    #[arg(long)]
    pub sequence: Option<u64>,
    /// Legal basis under which the source sends, as agreed with the room
    #[arg(long, default_value = "個人情報保護法 仮名加工情報")]
    pub legal_basis: String,
    /// Make a package even if more than a fifth of the records is unreadable
    #[arg(long)]
    pub accept_losses: bool,
    /// Synthetic data only, never with real people: the generator's truth; writes OUTPUT.truth.parquet beside the package
    #[arg(long, value_name = "FILE")]
    pub truth: Option<PathBuf>,
}

/// `sudare link`
#[derive(Debug, Args)]
pub struct LinkArgs {
    /// New packages; what the room has received before is linked along
    #[arg(required = true)]
    pub packages: Vec<PathBuf>,
    /// The room.
    #[command(flatten)]
    pub room: RoomArgs,
    /// sudare, or NDB's baselines: id1, id2, id1-or-id2, id0
    #[arg(long, default_value = "sudare")]
    pub strategy: String,
    /// Synthetic data only: reads PACKAGE.truth.parquet beside each package and prints precision and recall
    #[arg(long)]
    pub truth: bool,
}

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

/// `sudare release …`
#[derive(Debug, Subcommand)]
pub enum ReleaseCommand {
    /// Check order, approvals, price and inclusion in the log, offline
    #[command(after_help = "Example:  sudare release verify walking.release.json --card room.card.toml")]
    Verify {
        /// The release file
        file: PathBuf,
        /// The room's public card, from a source that you trust
        #[arg(long)]
        card: PathBuf,
    },
}

/// Which log to read.
#[derive(Debug, Args)]
pub struct LogArgs {
    /// The room's folder; --log and --card come first
    #[arg(long, env = "SUDARE_ROOM", value_name = "DIR")]
    pub room: Option<PathBuf>,
    /// A copy of a room's log folder
    #[arg(long, requires = "card", value_name = "DIR")]
    pub log: Option<PathBuf>,
    /// The room's public card
    #[arg(long, requires = "log", value_name = "FILE")]
    pub card: Option<PathBuf>,
}

/// `sudare audit …`
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// The log's entries in words
    #[command(after_help = "Example:  sudare audit show --room room")]
    Show(LogArgs),
    /// Recompute the tree and check signature, tiles and every entry
    #[command(after_help = "Example:  sudare audit verify --log copy-of-log --card room.card.toml")]
    Verify(LogArgs),
    /// As a steward: check that the log only grew since you last looked, and co-sign its head
    #[command(
        after_help = "Example:  sudare audit cosign --room room --identity steward-a.identity --seen steward-a.seen"
    )]
    Cosign {
        /// The room's folder
        #[arg(long, env = "SUDARE_ROOM", value_name = "DIR")]
        room: PathBuf,
        /// The steward's identity file
        #[arg(long)]
        identity: PathBuf,
        /// Passphrase of the identity.
        #[command(flatten)]
        passphrase: PassphraseArgs,
        /// The steward's own record of the last head seen; keep it on your own machine
        #[arg(long, value_name = "FILE")]
        seen: PathBuf,
    },
    /// Print the proof (c2sp.org/tlog-proof) that an entry is in the log
    #[command(after_help = "Example:  sudare audit prove 12 --room room > 12.tlog-proof")]
    Prove {
        /// The entry's number
        index: u64,
        /// The log.
        #[command(flatten)]
        log: LogArgs,
    },
    /// Who asked what, who approved, what was spent
    #[command(after_help = "Example:  sudare audit report --room room")]
    Report(RoomPath),
}

/// `sudare policy …`
#[derive(Debug, Subcommand)]
pub enum PolicyCommand {
    /// Read a policy file and say what it allows, or where it is wrong
    #[command(after_help = "Example:  sudare policy check policy.toml")]
    Check {
        /// The policy
        file: PathBuf,
    },
}
