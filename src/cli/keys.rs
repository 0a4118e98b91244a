//! What is typed when keys change and people leave.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{CatalogueArgs, PassphraseArgs, RoomArgs};

/// `sudare key rotate`
#[derive(Debug, Args)]
pub struct RotateArgs {
    /// Name of this source, as the policy calls it
    #[arg(long)]
    pub source: String,
    /// The source's identity file, which signs the package
    #[arg(long)]
    pub identity: PathBuf,
    /// Passphrase of the identity.
    #[command(flatten)]
    pub passphrase: PassphraseArgs,
    /// The sealed linkage key in force
    #[arg(long, value_name = "FILE")]
    pub from: PathBuf,
    /// Its epoch
    #[arg(long, default_value_t = 1)]
    pub from_epoch: u32,
    /// The sealed linkage key that replaces it; may be the same with another epoch
    #[arg(long, value_name = "FILE")]
    pub to: PathBuf,
    /// Its epoch
    #[arg(long, default_value_t = 1)]
    pub to_epoch: u32,
    /// The room's public card
    #[arg(long, value_name = "FILE")]
    pub card: PathBuf,
    /// Column map (TOML) of CSV files of your own; may be given more than once
    #[arg(long = "map", value_name = "FILE")]
    pub maps: Vec<PathBuf>,
    /// Catalogue.
    #[command(flatten)]
    pub catalogue: CatalogueArgs,
    /// Files, folders or zips
    #[arg(required = true)]
    pub inputs: Vec<PathBuf>,
    /// The bridge package
    #[arg(short, long)]
    pub output: PathBuf,
}

/// Who signs a note for a room, and where it goes.
#[derive(Debug, Args)]
pub struct SignArgs {
    /// Identity file of whoever signs
    #[arg(long)]
    pub identity: PathBuf,
    /// Passphrase of the identity.
    #[command(flatten)]
    pub passphrase: PassphraseArgs,
    /// The room's public card
    #[arg(long, value_name = "FILE")]
    pub card: PathBuf,
    /// The signed note
    #[arg(short, long)]
    pub output: PathBuf,
}

/// `sudare key announce`
#[derive(Debug, Args)]
pub struct AnnounceArgs {
    /// The sealed linkage key in force, which this steward can open
    #[arg(long, value_name = "FILE", required_unless_present = "approve")]
    pub from: Option<PathBuf>,
    /// Its epoch
    #[arg(long, default_value_t = 1)]
    pub from_epoch: u32,
    /// The sealed linkage key that replaces it; may be the same with another epoch
    #[arg(long, value_name = "FILE", required_unless_present = "approve")]
    pub to: Option<PathBuf>,
    /// Its epoch
    #[arg(long, default_value_t = 1)]
    pub to_epoch: u32,
    /// Another steward's announcement, to which this one's signature is added
    #[arg(long, value_name = "FILE", conflicts_with_all = ["from", "to"])]
    pub approve: Option<PathBuf>,
    /// Who signs.
    #[command(flatten)]
    pub sign: SignArgs,
}

/// `sudare key reseal`
#[derive(Debug, Args)]
pub struct ResealArgs {
    /// The sealed linkage key
    pub key: PathBuf,
    /// Identity file of somebody who can open it, in escrow for example
    #[arg(long)]
    pub identity: PathBuf,
    /// Passphrase of the identity.
    #[command(flatten)]
    pub passphrase: PassphraseArgs,
    /// Cards that can open the new file
    #[arg(long = "to", value_name = "CARD", required = true)]
    pub to: Vec<PathBuf>,
    /// The key, sealed anew
    #[arg(short, long)]
    pub output: PathBuf,
}

/// `sudare key revoke`
#[derive(Debug, Args)]
pub struct RevokeArgs {
    /// The card whose key is revoked
    pub subject: PathBuf,
    /// The steward's identity file, or that of the key's owner
    #[arg(long)]
    pub identity: PathBuf,
    /// Passphrase of the identity.
    #[command(flatten)]
    pub passphrase: PassphraseArgs,
    /// The room's public card
    #[arg(long, value_name = "FILE")]
    pub card: PathBuf,
    /// The signed note
    #[arg(short, long)]
    pub output: PathBuf,
}

/// `sudare withdraw …`
#[derive(Debug, Subcommand)]
pub enum WithdrawCommand {
    /// As a steward who holds the linkage key: make a batch of tombstones from lists of people
    #[command(
        after_help = "Example:  sudare withdraw make people.csv --identity steward-a.identity --linkage-key linkage.key --card room.card.toml -o 1.withdrawal\n\n\
A list is a CSV with identity columns (保険者番号, 記号, 番号, 枝番, 氏名, カナ氏名, 生年月日, 性別) and a column オプトアウト日, which may be empty: without it\n\
a file is not taken for such a list. Names are read here and go no further."
    )]
    Make(WithdrawMake),
    /// As another steward: sign the batch
    #[command(
        after_help = "Example:  sudare withdraw approve 1.withdrawal --identity steward-b.identity -o 1.approval"
    )]
    Approve(WithdrawApprove),
    /// At the room: take a batch that two stewards signed; works from the next `sudare link` on
    #[command(after_help = "Example:  sudare withdraw accept 1.withdrawal --approval 1.approval --room room")]
    Accept(WithdrawAccept),
}

/// `sudare withdraw make`
#[derive(Debug, Args)]
pub struct WithdrawMake {
    /// Lists of people (CSV)
    #[arg(required = true)]
    pub lists: Vec<PathBuf>,
    /// The steward's identity file
    #[arg(long)]
    pub identity: PathBuf,
    /// Passphrase of the identity.
    #[command(flatten)]
    pub passphrase: PassphraseArgs,
    /// The sealed linkage key (escrow)
    #[arg(long)]
    pub linkage_key: PathBuf,
    /// Epoch of its tokens
    #[arg(long, default_value_t = 1)]
    pub epoch: u32,
    /// The room's public card
    #[arg(long, value_name = "FILE")]
    pub card: PathBuf,
    /// Column map (TOML) of a list of your own
    #[arg(long = "map", value_name = "FILE")]
    pub maps: Vec<PathBuf>,
    /// The batch
    #[arg(short, long)]
    pub output: PathBuf,
}

/// `sudare withdraw approve`
#[derive(Debug, Args)]
pub struct WithdrawApprove {
    /// The batch
    pub batch: PathBuf,
    /// The steward's identity file
    #[arg(long)]
    pub identity: PathBuf,
    /// Passphrase of the identity.
    #[command(flatten)]
    pub passphrase: PassphraseArgs,
    /// The signed approval
    #[arg(short, long)]
    pub output: PathBuf,
}

/// `sudare withdraw accept`
#[derive(Debug, Args)]
pub struct WithdrawAccept {
    /// The batch
    pub batch: PathBuf,
    /// The other steward's approval
    #[arg(long, value_name = "FILE")]
    pub approval: PathBuf,
    /// The room.
    #[command(flatten)]
    pub room: RoomArgs,
}

/// `sudare review …`
#[derive(Debug, Subcommand)]
pub enum ReviewCommand {
    /// As the operator or a steward: sign the decisions in a filled-in review file
    #[command(
        after_help = "Example:  sudare link --room room --review doubtful.csv\n          sudare review sign doubtful.csv --identity steward-a.identity --card room.card.toml -o 1.review\n\n\
In the column `decision` write *same* or *different*; leave it empty where you can't tell. Other columns may be deleted."
    )]
    Sign(ReviewSign),
    /// At the room: take signed decisions; they work from the next `sudare link` on
    #[command(after_help = "Example:  sudare review accept 1.review --room room")]
    Accept(ReviewAccept),
}

/// `sudare review sign`
#[derive(Debug, Args)]
pub struct ReviewSign {
    /// The filled-in file (CSV)
    pub file: PathBuf,
    /// Who signs.
    #[command(flatten)]
    pub sign: SignArgs,
}

/// `sudare review accept`
#[derive(Debug, Args)]
pub struct ReviewAccept {
    /// The signed decisions
    pub note: PathBuf,
    /// The room.
    #[command(flatten)]
    pub room: RoomArgs,
}
