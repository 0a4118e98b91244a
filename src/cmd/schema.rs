//! `sudare schema`: the data dictionary, generated from the catalogue.

use crate::catalogue;
use crate::cli::SchemaArgs;
use crate::fail::{Done, Failure};
use crate::out::Out;

pub fn run(args: &SchemaArgs, out: &Out) -> Done {
    let catalogue = catalogue::given(args.catalogue.dir.as_deref(), args.room.as_deref())?;
    let mut dictionary = catalogue.dictionary();
    if let Some(table) = &args.table
        && !dictionary.retain(table)
    {
        let known: Vec<&str> = catalogue.tables().iter().map(|t| t.name.as_str()).collect();
        return Err(Failure::input(format!("no table is named {table}"))
            .hint(format!("the catalogue has {}", known.join(", "))));
    }
    out.line(dictionary.markdown().trim_end());
    out.value(&dictionary);
    Ok(())
}
