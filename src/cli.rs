//! The command line: every flag and its help in one place. No behaviour lives here.

mod keys;
mod query;
mod source;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub use keys::{
    AnnounceArgs, ResealArgs, ReviewAccept, ReviewCommand, ReviewSign, RevokeArgs, RotateArgs, WithdrawAccept,
    WithdrawApprove, WithdrawCommand, WithdrawMake,
};
pub use query::QueryCommand;
pub use source::{CatalogueArgs, PseudonymizeArgs, SchemaArgs};

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
    /// Take people out of the room: two stewards sign, the room stays silent
    #[command(subcommand)]
    Withdraw(WithdrawCommand),
    /// Decide on uncertain links: a reviewer signs what `link --review` listed, the operator takes it
    #[command(subcommand)]
    Review(ReviewCommand),
    /// The data dictionary: every table and column, its bounds and where they come from
    #[command(after_help = "Example:  sudare schema --table checkup\n          sudare schema > data-dictionary.md")]
    Schema(SchemaArgs),
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
    /// As somebody who can open the linkage key (a source, or a steward in escrow): seal the same key to other cards
    #[command(
        after_help = "Example:  sudare key reseal linkage.key --identity steward-a.identity --to new-source.card.toml --to steward-a.card.toml -o linkage-new-source.key"
    )]
    Reseal(ResealArgs),
    /// As a steward: sign which linkage key comes next; the room takes a bridge only with two stewards' signatures
    #[command(
        after_help = "Example:  sudare key announce --from linkage.key --to linkage-2.key --identity steward-a.identity --card room.card.toml -o a.announcement\n          sudare key announce --approve a.announcement --identity steward-b.identity --card room.card.toml -o ab.announcement"
    )]
    Announce(AnnounceArgs),
    /// At the source: change the linkage key without losing anybody; writes a bridge package for the room
    #[command(
        after_help = "Example:  sudare key rotate --source kenpo --identity kenpo.identity --from linkage-1.key --to linkage-2.key \\\n            --card room.card.toml raw/kenpo -o kenpo-bridge.sudare\n\n\
Give all files that packages were made of, opt-out lists included. The room takes bridges of any source; after the first it takes\n\
packages under the new key only."
    )]
    Rotate(RotateArgs),
    /// As a steward (or the key's owner): sign that a card's key must not be used any more
    #[command(
        after_help = "Example:  sudare key revoke kenpo.card.toml --identity steward-a.identity --card room.card.toml -o kenpo.revocation"
    )]
    Revoke(RevokeArgs),
    /// At the room: put a signed revocation into the log; it holds from then on
    #[command(after_help = "Example:  sudare key accept-revocation kenpo.revocation --room room")]
    AcceptRevocation {
        /// The signed note
        note: PathBuf,
        /// The room.
        #[command(flatten)]
        room: RoomArgs,
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
        /// Catalogue.
        #[command(flatten)]
        catalogue: CatalogueArgs,
        /// Folder of code lists (NAME.toml) besides those that come with Sudare; copied into the room
        #[arg(long, value_name = "DIR")]
        codelists: Option<PathBuf>,
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
    /// Encrypt the store to the room's, operators' and stewards' keys and remove the open one
    #[command(after_help = "Example:  sudare room seal --room room\n\n\
The open files are removed only after the sealed file was synced and read back whole. Repeat it after a crash.\n\
Exit code 2: there is nothing to seal, or something in the store that is no snapshot; 3: the sealed file is damaged.")]
    Seal(RoomArgs),
    /// Decrypt the sealed store; the place for the open one is an encrypted disk or tmpfs
    #[command(after_help = "Example:  sudare room open --room room --on /mnt/encrypted/store\n\n\
Files that are open already stay if they are the sealed ones. Repeat it after a crash.\n\
Exit code 2: there is no sealed store; 3: it is damaged, another room's, or differs from what is open.")]
    Open {
        /// The room.
        #[command(flatten)]
        room: RoomArgs,
        /// An operator's or steward's identity file, where the room's key is lost
        #[arg(long)]
        identity: Option<PathBuf>,
        /// Passphrase of the identity.
        #[command(flatten)]
        passphrase: PassphraseArgs,
        /// Folder in which the open store shall lie: the room's store becomes a link to it
        #[arg(long, value_name = "DIR")]
        on: Option<PathBuf>,
    },
    /// Show the room's released sizes; as a researcher of the profile's project, sign the questions that release them
    #[command(
        after_help = "Example:  sudare room profile --room room\n          sudare room profile --identity researcher.identity -o profile.note   and then\n          sudare query file, query approve, query run, as for any request"
    )]
    Profile {
        /// The room.
        #[command(flatten)]
        room: RoomPath,
        /// The researcher's identity file: sign the profile's questions
        #[arg(long, requires = "output")]
        identity: Option<PathBuf>,
        /// Passphrase of the identity.
        #[command(flatten)]
        passphrase: PassphraseArgs,
        /// Last day on which the requests may run (default: 30 days from now)
        #[arg(long, value_name = "YYYY-MM-DD")]
        expires: Option<String>,
        /// The signed requests
        #[arg(short, long, requires = "identity")]
        output: Option<PathBuf>,
    },
}

/// `sudare link`
#[derive(Debug, Args)]
pub struct LinkArgs {
    /// New packages, or none after a withdrawal; what the room has received before is linked along
    pub packages: Vec<PathBuf>,
    /// The room.
    #[command(flatten)]
    pub room: RoomArgs,
    /// sudare, or NDB's baselines: id1, id2, id1-or-id2, id0
    #[arg(long, default_value = "sudare")]
    pub strategy: String,
    /// Look at everything again: persons whom packages out of order kept apart or joined are mended, and said
    #[arg(long)]
    pub relink: bool,
    /// The announcement, signed by two stewards, of the linkage key to which a bridge may move the room
    #[arg(long, value_name = "FILE")]
    pub announcement: Option<PathBuf>,
    /// Synthetic data only: reads PACKAGE.truth.parquet beside each package and prints precision and recall
    #[arg(long)]
    pub truth: bool,
    /// With --truth: other strategies to compare on the same rows, `all` or a list; nothing of them is loaded
    #[arg(long, value_name = "LIST", requires = "truth")]
    pub strategies: Option<String>,
    /// With --truth: a new folder for tables (Markdown, JSON), charts (SVG) and a sample of errors
    #[arg(long, value_name = "DIR", requires = "truth")]
    pub report: Option<PathBuf>,
    /// Write the pairs that are neither surely one person nor surely two to this new file (CSV), for `sudare review sign`
    #[arg(long, value_name = "FILE")]
    pub review: Option<PathBuf>,
    /// Use this Fellegi–Sunter model from now on instead of the built-in one
    #[arg(long, value_name = "FILE")]
    pub model: Option<PathBuf>,
    /// Estimate a model from this room's rows and write it to this new file; it is used when `--model` says so
    #[arg(long, value_name = "FILE")]
    pub fit_model: Option<PathBuf>,
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
        /// A room, whose catalogue the policy's columns must be in
        #[arg(long, env = "SUDARE_ROOM", value_name = "DIR")]
        room: Option<PathBuf>,
        /// Catalogue.
        #[command(flatten)]
        catalogue: CatalogueArgs,
        /// Folder of code lists to check (default: the room's)
        #[arg(long, value_name = "DIR")]
        codelists: Option<PathBuf>,
    },
}
