//! `sudare release verify`: a release file, checked by somebody who trusts nobody but the room's card.

use dp_query::release::VerifyError;

use crate::cli::ReleaseCommand;
use crate::fail::{Context, Done, Failure};
use crate::out::Out;
use crate::room::RoomCard;

pub fn run(command: &ReleaseCommand, out: &Out) -> Done {
    let ReleaseCommand::Verify { file, card } = command;
    let bytes = std::fs::read(file).input(format!("{} can't be read", file.display()))?;
    let key = RoomCard::read(card)?.verifier()?;
    let verified = dp_query::release::verify(&bytes, &key).map_err(|e| match e {
        VerifyError::Format { .. } => Failure::input(format!("{}: {e}", file.display())),
        _ => Failure::integrity(format!("{} is not believed: {e}", file.display()))
            .hint("is this the card of the room that released it?"),
    })?;
    let origin = &verified.answer.origin;
    out.line(format!("  {} is genuine, as far as a log can show:", file.display()));
    out.line(format!("    asked by {} for project {} of room {}", origin.researcher, origin.project, origin.room));
    out.line(format!("    approved by {}", verified.stewards.join(", ")));
    out.line(format!(
        "    charged ε = {}, δ = {} at {}, before any data was touched; co-signed by {}",
        origin.price.epsilon(),
        origin.price.delta(),
        verified.charged,
        verified.cosigned
    ));
    out.line(format!("    released at {}; every entry is in the signed log", verified.released));
    let (confirmed, needed) = (verified.release_cosigned, verified.cosignatures_needed);
    if confirmed >= needed {
        out.line(format!("    the log with this answer in it is confirmed by {confirmed} stewards"));
    } else {
        out.line(format!(
            "    NOT YET CONFIRMED: {confirmed} of {needed} stewards have confirmed the log with this answer in it. Until then"
        ));
        out.line("    the room could still show another answer to the same charge. Ask for the file again later.");
    }
    out.line("    (this proves order, approval and price; it does not prove the noise)");
    out.value(&serde_json::json!({
        "verified": true,
        "room": origin.room,
        "request": origin.request.to_string(),
        "plan": origin.plan.to_string(),
        "policy": origin.policy.to_string(),
        "price": origin.price,
        "stewards": verified.stewards,
        "cosigned": verified.cosigned,
        "release_cosigned": verified.release_cosigned,
        "cosignatures_needed": verified.cosignatures_needed,
        "charged": verified.charged,
        "released": verified.released,
    }));
    Ok(())
}
