//! `sudare key rotate`: a source's bridge from one linkage key to the next. No rows leave: pairs of old and new tokens only.

use audit_log::note;
use datasets::read::{self, ReadError, ReadOptions};
use pseudonymize::package::{Header, Writer};
use pseudonymize::{Bridge, LinkageKey, SourceKeys};

use crate::actors;
use crate::catalogue;
use crate::cli::RotateArgs;
use crate::fail::{self, Context, Done, Failure};
use crate::out::{Out, place};
use crate::room::RoomCard;

pub fn run(args: &RotateArgs, out: &Out) -> Done {
    fail::refuse_existing(&args.output)?;
    fail::demand_folder(&args.output)?;
    let card = RoomCard::read(&args.card)?;
    let identity = actors::open(&args.identity, args.passphrase.passphrase_file.as_deref())?;
    if identity.name() != args.source {
        return Err(Failure::input(format!(
            "the identity is {}'s, and the source is {}",
            identity.name(),
            args.source
        )));
    }
    let open =
        |path: &std::path::Path| LinkageKey::open(path, &identity).input(format!("{} can't be opened", path.display()));
    let old = SourceKeys::derive(&open(&args.from)?, &card.origin, args.from_epoch).input("the linkage key")?;
    let new = old.alike(&open(&args.to)?, args.to_epoch).input("the linkage key")?;
    if old.linkage_key_id() == new.linkage_key_id() {
        return Err(Failure::input("old and new are the same linkage key and epoch")
            .hint("make a new key with `sudare key linkage`, or give --to-epoch"));
    }
    let catalogue = catalogue::load(args.catalogue.dir.as_deref())?;
    catalogue::demand_same(&catalogue, &card)?;
    let header = Header {
        source: args.source.clone(),
        sequence: u64::try_from(jiff::Timestamp::now().as_second()).input("this machine's clock")?,
        legal_basis: "rotation of the linkage key".to_owned(),
        room: card.origin.clone(),
        epoch: args.to_epoch,
        linkage_key: new.linkage_key_id().to_owned(),
        replaces: Some(old.linkage_key_id().to_owned()),
        schema: catalogue.digest(),
    };
    let writer = Writer::create(&args.output, header, std::slice::from_ref(&card.recipient));
    let mut writer = writer.input(format!("{} can't be written", args.output.display()))?;
    let mut bridge = Bridge::new(&old, &new, &catalogue);
    let options = ReadOptions { maps: args.maps.clone(), catalogue: Some(catalogue.clone()), ..ReadOptions::default() };
    let mut failure = None;
    let report = read::read(
        &args.inputs,
        &options,
        &mut |batch| {
            bridge.batch(batch).map_err(|error| {
                failure = Some(Failure::input(error));
                ReadError::Sink("".into())
            })
        },
        &|_| {},
    );
    if let Some(failure) = failure {
        return Err(failure);
    }
    report.map_err(Failure::input)?;
    writer.bridge(&bridge.into_frames().input("the bridge")?).input("the bridge can't be written")?;
    let signer = actors::signer(&identity)?;
    writer
        .finish("{}", &|text| note::sign(text, &[&signer]).map_err(Into::into))
        .input(format!("{} can't be written", args.output.display()))?;
    out.line(format!(
        "  {}: a bridge from {} to {}, signed by {}",
        place(&args.output),
        old.linkage_key_id(),
        new.linkage_key_id(),
        args.source
    ));
    out.value(&serde_json::json!({ "bridge": args.output }));
    Ok(())
}
