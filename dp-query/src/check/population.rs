//! Whose rows count: what the project's policy says, as filters of the plan. Not from the question, so that no question can switch
//! it off; and not a permission to read columns.
//!
//! A consent row speaks of a kind of data, a purpose and a recipient, on the days that it is in force. For each kind of data that a
//! question reads, a person counts unless
//! - a refusal that covers it is in force; or
//! - the person has permissions for that kind of data, and none covers this purpose and recipient today: who allows academia
//!   does not allow pharma; or
//! - the policy excludes whoever was never asked, and there is no permission.
//!
//! What a source wrote that the catalogue does not know (`other`) permits nothing and refuses everything.

use datasets::catalogue::{Catalogue, ColumnType};
use policies::{CodeLists, Population, Purpose, RecipientKind, WithoutConsent};
use sqlparser::ast;
use sqlparser::dialect::BigQueryDialect;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Location, Span};

use super::scope::PERSON_ID;
use super::{Checker, References};
use crate::plan::{Audience, Consents, Options, Reach};
use crate::refusal::{Checked, Problem, Refusal};
use crate::relation::Relation;

/// The table of consents, and its kind of data.
pub(crate) const CONSENT: &str = "consent";
const ANY: &str = "any";
const OTHER: &str = "other";

/// Before the plan has its own.
pub(super) fn nobody() -> Audience {
    let project = Population {
        purpose: Purpose::Gru,
        recipient_kind: RecipientKind::Public,
        without_consent: WithoutConsent::Exclude,
        condition: None,
    };
    Audience { project, kinds: Vec::new(), consents: Vec::new(), limit: None }
}

/// The filters of a plan that reads these columns.
pub(super) fn audience(project: &Population, columns: &[(String, String)], catalogue: &Catalogue) -> Checked<Audience> {
    let mut kinds: Vec<String> =
        columns.iter().filter_map(|(table, _)| Some(catalogue.table(table)?.source_kind.clone())).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let consents = kinds.iter().map(|kind| consents(project, kind, catalogue)).collect::<Checked<_>>()?;
    let limit = match &project.condition {
        Some(condition) => Some(limit(&question(condition), catalogue).map_err(|problem| {
            Problem::new("population", start(), "the policy's population is no condition over the table `person`")
                .why(problem.locate(&question(condition)).to_string())
                .help("ask the stewards to mend the policy")
        })?),
        None => None,
    };
    Ok(Audience { project: project.clone(), kinds, consents, limit })
}

/// Checks the population of a policy by itself.
///
/// # Errors
/// A [`Refusal`] that points into the condition as it stands behind `SELECT person_id FROM person WHERE`.
pub fn check_population(condition: &str, catalogue: &Catalogue) -> Result<(), Refusal> {
    let text = question(condition);
    limit(&text, catalogue).map(drop).map_err(|problem| problem.locate(&text))
}

fn question(condition: &str) -> String {
    format!("SELECT {PERSON_ID} FROM {} WHERE\n{condition}", datasets::catalogue::PERSON)
}

fn start() -> Span {
    Span::new(Location::new(1, 1), Location::new(1, 2))
}

/// Persons for whom the condition is true: one row each.
fn limit(text: &str, catalogue: &Catalogue) -> Checked<Relation> {
    let query = Parser::new(&BigQueryDialect {})
        .with_recursion_limit(super::super::sql::DEEPEST)
        .try_with_sql(text)
        .and_then(|mut parser| {
            let query = parser.parse_query()?;
            parser.expect_token(&sqlparser::tokenizer::Token::EOF)?;
            Ok(query)
        })
        .map_err(|_| Problem::new("syntax", start(), "this isn't a condition in SQL"))?;
    let plain = match query.body.as_ref() {
        ast::SetExpr::Select(select) => select.from.len() == 1 && select.from.iter().all(|from| from.joins.is_empty()),
        _ => false,
    };
    if !plain {
        return Err(Problem::new("population", start(), "a population is one condition"));
    }
    let lists = CodeLists::default();
    let mut checker = Checker::new(catalogue, text, Options::default(), References { lists: &lists, public: &[] });
    let mut relation = checker.subquery(&query)?.relation;
    checker.fill(&mut relation, &mut std::collections::BTreeSet::new());
    Ok(relation)
}

fn consents(project: &Population, kind: &str, catalogue: &Catalogue) -> Checked<Consents> {
    let purposes = project.purpose.within().iter().map(|purpose| purpose.code());
    let purposes: Vec<&str> = purposes.chain([ANY]).collect();
    let recipients = [project.recipient_kind.code(), ANY];
    // Nobody consents to the use of consents: what holds for any data holds for them.
    let kinds = if kind == CONSENT { vec![ANY] } else { vec![kind, ANY] };
    let reach = |beyond: &[&str]| {
        let at = |column: &str, codes: &[&str]| positions(catalogue, column, codes.iter().chain(beyond));
        Ok(Reach {
            purposes: at("purpose", &purposes)?,
            recipients: at("recipient_kind", &recipients)?,
            data: at("data_kind", &kinds)?,
        })
    };
    Ok(Consents { permits: reach(&[])?, refuses: reach(&[OTHER])? })
}

fn positions<'c>(catalogue: &Catalogue, column: &str, codes: impl Iterator<Item = &'c &'c str>) -> Checked<Vec<i64>> {
    let found = catalogue.column(CONSENT, column).and_then(|column| match &column.ty {
        ColumnType::Category { values } => {
            let at = |code: &&str| values.iter().position(|value| value.code == **code);
            codes.map(|code| at(code).and_then(|n| i64::try_from(n).ok())).collect::<Option<Vec<i64>>>()
        }
        _ => None,
    });
    let mut found = found.ok_or_else(|| {
        Problem::new("population", start(), "the room's catalogue has no such consents as the policy speaks of")
            .help("the table `consent` keeps the purposes, recipients and kinds of the built-in one")
    })?;
    found.sort_unstable();
    Ok(found)
}
