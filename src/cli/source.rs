//! What sources and readers of the catalogue type.

use std::path::PathBuf;

use clap::Args;

use super::PassphraseArgs;

/// Further kinds of data.
#[derive(Debug, Args)]
pub struct CatalogueArgs {
    /// Folder of catalogue files (*.toml) that are added to the built-in tables; must be the room's
    #[arg(id = "catalogue_dir", long = "catalogue", value_name = "DIR")]
    pub dir: Option<PathBuf>,
}

/// `sudare schema`
#[derive(Debug, Args)]
pub struct SchemaArgs {
    /// Markdown on standard output: what is written anyway, unless --json is given
    #[arg(long)]
    pub markdown: bool,
    /// This table only
    #[arg(long, value_name = "NAME")]
    pub table: Option<String>,
    /// A room, whose catalogue is described
    #[arg(long, env = "SUDARE_ROOM", value_name = "DIR")]
    pub room: Option<PathBuf>,
    /// Catalogue.
    #[command(flatten)]
    pub catalogue: CatalogueArgs,
}

/// `sudare pseudonymize`
#[derive(Debug, Args)]
pub struct PseudonymizeArgs {
    /// Print what becomes of every field of every format (drop, token, key, generalize, keep), and do nothing
    #[arg(long, exclusive = true)]
    pub explain: bool,
    /// Name of this source, as the policy calls it
    #[arg(long, required_unless_present = "explain")]
    pub source: Option<String>,
    /// The source's identity file, which signs the package
    #[arg(long, required_unless_present = "explain")]
    pub identity: Option<PathBuf>,
    /// Passphrase of the identity.
    #[command(flatten)]
    pub passphrase: PassphraseArgs,
    /// The sealed linkage key
    #[arg(long, required_unless_present = "explain")]
    pub linkage_key: Option<PathBuf>,
    /// Epoch of its tokens, as the stewards say
    #[arg(long, default_value_t = 1)]
    pub epoch: u32,
    /// The room's public card
    #[arg(long, value_name = "FILE", required_unless_present = "explain")]
    pub card: Option<PathBuf>,
    /// Column map (TOML) of CSV files of your own, before the built-in ones; may be given more than once
    #[arg(long = "map", value_name = "FILE")]
    pub maps: Vec<PathBuf>,
    /// Master file of diseases or drugs (支払基金 b or y), before the codes that ship; may be given more than once
    #[arg(long = "master", value_name = "FILE")]
    pub masters: Vec<PathBuf>,
    /// Catalogue.
    #[command(flatten)]
    pub catalogue: CatalogueArgs,
    /// Files, folders or zips
    #[arg(required_unless_present = "explain")]
    pub inputs: Vec<PathBuf>,
    /// The package
    #[arg(short, long, required_unless_present = "explain")]
    pub output: Option<PathBuf>,
    /// Number of this package; must grow from one to the next (default: seconds since 1970)
    #[arg(long)]
    pub sequence: Option<u64>,
    /// Legal basis under which the source sends, as agreed with the room
    #[arg(long, default_value = "個人情報保護法 仮名加工情報")]
    pub legal_basis: String,
    /// Also write the quality report to this new file, for your own eyes: Markdown if its name ends in .md, else JSON
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Make a package even if more than a fifth of the records is unreadable
    #[arg(long)]
    pub accept_losses: bool,
    /// Synthetic data only, never with real people: the generator's truth; writes OUTPUT.truth.parquet beside the package
    #[arg(long, value_name = "FILE")]
    pub truth: Option<PathBuf>,
}
