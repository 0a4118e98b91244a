//! The private SELECT: groups over closed domains or from the data, aggregates across persons, and how many groups one person can be in.

use sqlparser::ast::{self, Spanned};
use sqlparser::tokenizer::Span;

use super::Checker;
use super::expr::Context;
use super::formula::Released;
use super::key::key;
use super::person::{has_aggregate, settle};
use super::population;
use super::select::{Item, Parts, body};
use super::statistic::present;
use super::types::Typed;
use crate::plan::{Apart, GroupSelection, Key, Output, OutputKind, Plan, Statistic};
use crate::refusal::{Checked, Problem};
use crate::relation::{Relation, Rows};

/// Most cells of an answer.
const MOST_CELLS: usize = 10_000;
/// Most grouping sets.
const MOST_LEVELS: usize = 64;
/// What a key is called in levels that don't keep it.
pub(crate) const ALL: &str = "ALL";
/// Most integers that get noise.
const MOST_INTEGERS: usize = 500_000;

impl<'a> Checker<'a> {
    /// Checks the outermost query.
    pub(crate) fn outer(&mut self, query: &'a ast::Query) -> Checked<Plan> {
        let (select, with) = body(query, true)?;
        if let Some(with) = with {
            self.common(with)?;
        }
        self.visible = self.ctes.len();
        let parts = Parts::of(select, true)?;
        let (relation, mut scope) = self.from(parts.from, parts.span)?;
        let relation = self.filter(relation, &mut scope, parts.selection)?;
        let relation = self.cap(relation);
        let rows = relation.rows();
        let cx = Context { scope: &scope, grouping: None };
        let (groups, levels) = self.groups(cx, &parts)?;
        let public = self.options.group_selection_strategy == Some(GroupSelection::PublicGroups);
        let keys =
            groups.iter().map(|(typed, item)| key(item.clone(), typed.clone(), public)).collect::<Checked<Vec<_>>>()?;
        let open = self.selected(&keys, &levels, parts.span)?;
        // Groups that come from the data: their number depends on no list.
        let cells = if open {
            Some(1)
        } else {
            keys.iter().try_fold(1_usize, |n, key| n.checked_mul(key.values.len())).filter(|n| *n <= MOST_CELLS)
        };
        if cells.is_none() {
            let lengths: Vec<String> = keys.iter().map(|k| format!("{} has {}", k.name, k.values.len())).collect();
            return Err(Problem::new(
                "open_domain",
                parts.group_by.first().map_or(parts.span, Spanned::span),
                format!("the groups make more than {MOST_CELLS} cells"),
            )
            .why(lengths.join(", "))
            .help("fewer or coarser groups"));
        }
        let (max_groups, max_groups_derivation, choose_groups) = self.max_groups(rows, &groups, &keys)?;
        let apart = self.levels_apart(rows, &groups, &keys, &levels, max_groups)?;
        if !levels.is_empty() {
            unnamed(&keys, parts.span)?;
        }
        let cells = if apart.is_empty() { cells } else { Some(together(&keys, &levels)) };
        let mut statistics = vec![present()];
        let mut outputs = Vec::new();
        for item in &parts.items {
            for (more, what) in self.output(cx, item, &groups, rows, &mut statistics)? {
                let name = item.name.clone().unwrap_or_else(|| format!("f{}_", outputs.len()));
                let name = name + &more;
                if outputs.iter().any(|o: &Output| o.name.eq_ignore_ascii_case(&name)) {
                    return Err(Problem::new("ambiguous", item.span, format!("two columns are called `{name}`"))
                        .help("… AS another name"));
                }
                outputs.push(Output { name, what });
            }
        }
        if outputs.iter().all(|o| matches!(o.what, OutputKind::Key(_))) {
            return Err(Problem::new("grouping", parts.span, "there is nothing to release")
                .help("COUNT(*), COUNTIF, SUM or AVG"));
        }
        for (number, (typed, _)) in groups.iter().enumerate() {
            if !outputs.iter().any(|o| o.what == OutputKind::Key(number)) {
                return Err(Problem::new("grouping", typed.span, "the SELECT list doesn't show this group")
                    .why("its cells couldn't be told apart")
                    .help("put it into the SELECT list, or take it out of GROUP BY"));
            }
        }
        let relation = self.attach(relation);
        let released = Released { cx, groups: &groups, outputs: &outputs, rows };
        let view = self.view(&released, &parts, query, &mut statistics)?;
        self.size(&statistics, cells.unwrap_or(1), parts.span)?;
        // Output names are the keys' names.
        let keys = rename(keys, &outputs);
        Ok(Plan {
            version: 0,
            catalogue: String::new(),
            population: population::nobody(),
            relation,
            rows,
            keys,
            open,
            levels,
            apart,
            statistics,
            outputs,
            view,
            options: self.options.clone(),
            max_groups,
            max_groups_derivation,
            choose_groups,
            columns: Vec::new(),
            cited: Vec::new(),
        })
    }

    fn common(&mut self, with: &'a ast::With) -> Checked<()> {
        if with.recursive {
            return Err(Problem::new("unsupported", with.span(), "recursion isn't part of the language")
                .why("how many rows it makes can't be said beforehand")
                .help("LAG, LEAD and frames look along a person's rows; a fixed number of joins goes a fixed number of steps"));
        }
        for cte in &with.cte_tables {
            let ast::Cte { alias, query, from, materialized, closing_paren_token: _ } = cte;
            let name = &alias.name;
            let values = matches!(query.body.as_ref(), ast::SetExpr::Values(_));
            if (alias.columns.is_empty() == values) || alias.columns.iter().any(|c| c.data_type.is_some()) && values {
                let help =
                    "name (column, …) AS (VALUES (…), …) has columns, name AS (SELECT …) takes them from the SELECT";
                return Err(Problem::new("unsupported", name.span, "columns are named where they are made").help(help));
            }
            if alias.at.is_some() || from.is_some() || materialized.is_some() {
                return Err(Problem::new("unsupported", name.span, "a CTE is name AS (SELECT …)"));
            }
            let taken = self.ctes.iter().any(|(n, _)| n.eq_ignore_ascii_case(&name.value))
                || self.catalogue.tables().iter().any(|t| t.name.eq_ignore_ascii_case(&name.value));
            if taken {
                return Err(Problem::new("ambiguous", name.span, format!("`{}` is taken", name.value))
                    .why("a reader must see which table is meant")
                    .help("another name"));
            }
            if values {
                self.value_columns.insert(self.ctes.len(), alias.columns.iter().map(|column| &column.name).collect());
            }
            self.ctes.push((name.value.clone(), query));
        }
        Ok(())
    }

    /// `max_rows_contributed` on the relation that is aggregated.
    fn cap(&self, relation: Relation) -> Relation {
        match self.options.max_rows_contributed.map(u64::from) {
            Some(cap) if relation.rows().bound().is_none_or(|k| k > cap) => {
                Relation::Cap { input: Box::new(relation), rows: cap }
            }
            _ => relation,
        }
    }

    /// The keys, and which of them each level keeps.
    #[allow(clippy::type_complexity)]
    fn groups(&mut self, cx: Context<'_, 'a>, parts: &Parts<'a>) -> Checked<(Vec<(Typed, String)>, Vec<Vec<bool>>)> {
        let mut groups: Vec<(Typed, String)> = Vec::new();
        let mut levels: Vec<Vec<usize>> = vec![Vec::new()];
        let mut several = false;
        for e in parts.group_by {
            let sets = sets(e)?;
            several |= sets.is_some();
            let sets = sets.unwrap_or_else(|| vec![vec![e]]);
            let mut next = Vec::new();
            for level in &levels {
                for set in &sets {
                    let mut kept = level.clone();
                    for e in set {
                        kept.push(self.group(cx, e, parts, &mut groups)?);
                    }
                    next.push(kept);
                }
            }
            if next.len() > MOST_LEVELS {
                return Err(Problem::new(
                    "too_complex",
                    parts.span,
                    format!("there are more than {MOST_LEVELS} grouping sets"),
                ));
            }
            levels = next;
        }
        let level = |kept: Vec<usize>| (0..groups.len()).map(|key| kept.contains(&key)).collect::<Vec<bool>>();
        let mut found: Vec<Vec<bool>> = Vec::new();
        for kept in levels.into_iter().filter(|_| several).map(level) {
            if !found.contains(&kept) {
                found.push(kept);
            }
        }
        Ok((groups, found))
    }

    /// The number of a key, known already or not.
    fn group(
        &mut self,
        cx: Context<'_, 'a>,
        e: &'a ast::Expr,
        parts: &Parts<'a>,
        groups: &mut Vec<(Typed, String)>,
    ) -> Checked<usize> {
        let (typed, behind) = self.group_item(cx, e, &parts.items)?;
        if has_aggregate(behind) {
            return Err(Problem::new("grouping", e.span(), "a group can't be made of aggregates")
                .help("aggregate within the person in a CTE, then group by RANGE_BUCKET of it"));
        }
        let name = match e {
            ast::Expr::Identifier(name) => name.value.clone(),
            _ => self.words(e.span()),
        };
        let typed = settle(typed)?;
        let known = groups.iter().position(|(before, _)| before.expr == typed.expr && before.ty == typed.ty);
        Ok(known.unwrap_or_else(|| {
            groups.push((Typed { span: e.span(), ..typed }, name));
            groups.len() - 1
        }))
    }

    /// Whether the groups come from the data.
    fn selected(&self, keys: &[Key], levels: &[Vec<bool>], span: Span) -> Checked<bool> {
        let wanted = self.options.group_selection_strategy == Some(GroupSelection::GaussianThreshold);
        if wanted && keys.is_empty() {
            return Err(Problem::new("options", span, "there are no groups to select")
                .help("GROUP BY …, or leave group_selection_strategy out"));
        }
        let open = wanted || keys.iter().any(|key| key.open.is_some());
        let what = if open { "groups that come from the data" } else { "strict_minimum" };
        if !levels.is_empty() && (open || self.options.strict_minimum) {
            return Err(Problem::new("grouping", span, format!("totals and {what} exclude each other"))
                .why("totals are sums of all cells, and would tell of those that are not shown")
                .help("ask for each level by itself, or for closed groups without strict_minimum: min_privacy_units_per_group counts with noise"));
        }
        Ok(open)
    }

    /// In how many cells one person can be; the last says whether the engine has to choose.
    fn max_groups(&self, rows: Rows, groups: &[(Typed, String)], keys: &[Key]) -> Checked<(u32, String, bool)> {
        // A key that is the same in all of a person's rows adds no groups.
        let varying: Vec<&Key> =
            groups.iter().zip(keys).filter(|((typed, _), _)| !typed.constant).map(|(_, key)| key).collect();
        let lengths = varying.iter().map(|key| if key.open.is_some() { u64::MAX } else { key.values.len() as u64 });
        let product = lengths.fold(1, u64::saturating_mul);
        let (proven, why) = match rows.bound() {
            Some(k) if k < product => (k, rows.to_string()),
            _ if varying.is_empty() && !keys.is_empty() => {
                (1, "every key is the same in all rows of a person".to_owned())
            }
            _ if keys.is_empty() => (1, "one group".to_owned()),
            _ => (
                product,
                format!(
                    "a person can be in all groups of {}",
                    varying.iter().map(|k| k.name.as_str()).collect::<Vec<_>>().join(" × ")
                ),
            ),
        };
        let proven = u32::try_from(proven.max(1)).unwrap_or(u32::MAX);
        match self.options.max_groups_contributed {
            Some(cap) if cap < proven => {
                Ok((cap, format!("max_groups_contributed = {cap}; the groups are chosen by stored draws"), true))
            }
            _ if proven == u32::MAX => {
                let spot = groups.iter().zip(keys).find(|((typed, _), key)| key.open.is_some() && !typed.constant);
                let span = spot.map_or_else(Span::empty, |((typed, _), _)| typed.span);
                Err(Problem::new("open_domain", span, "one person can be in any number of these groups")
                    .why("the groups come from the data, and how much one person moves must be bounded beforehand")
                    .help("max_groups_contributed = 5 in OPTIONS: groups are then chosen by stored draws; or one row per person, or CASE WHEN icd10 LIKE 'E11%' THEN 'type 2' … ELSE 'else' END, which closes the list"))
            }
            _ => Ok((proven, why, false)),
        }
    }

    /// The levels, counted by themselves, where a person can be in several groups: sums over cells count a person once only where nobody is in
    /// two of them.
    fn levels_apart(
        &self,
        rows: Rows,
        groups: &[(Typed, String)],
        keys: &[Key],
        levels: &[Vec<bool>],
        max_groups: u32,
    ) -> Checked<Vec<Apart>> {
        if max_groups <= 1 {
            return Ok(Vec::new());
        }
        let level = |kept: &Vec<bool>| {
            let inside = || kept.iter().enumerate().filter(|(_, kept)| **kept).map(|(at, _)| at);
            let own: Vec<(Typed, String)> = inside().filter_map(|at| groups.get(at).cloned()).collect();
            let lists: Vec<Key> = inside().filter_map(|at| keys.get(at).cloned()).collect();
            let (max_groups, derivation, choose) = self.max_groups(rows, &own, &lists)?;
            Ok(Apart { max_groups, derivation, choose })
        };
        levels.iter().map(level).collect()
    }

    /// The columns of an item of the SELECT list: what to add to its name, and what they show.
    fn output(
        &mut self,
        cx: Context<'_, 'a>,
        item: &Item<'a>,
        groups: &[(Typed, String)],
        rows: Rows,
        statistics: &mut Vec<Statistic>,
    ) -> Checked<Vec<(String, OutputKind)>> {
        if let Some(columns) = self.columns_of(cx, item.expr, rows, statistics).map_err(|p| p.or_at(item.span))? {
            return Ok(columns);
        }
        let released = Released { cx, groups, outputs: &[], rows };
        if has_aggregate(item.expr) {
            let what = self.formula(&released, item.expr, statistics).map_err(|p| p.or_at(item.span))?;
            return Ok(vec![(String::new(), what)]);
        }
        let typed = settle(self.expr(cx, item.expr)?)?;
        match groups.iter().position(|(group, _)| group.expr == typed.expr && group.ty == typed.ty) {
            Some(number) => Ok(vec![(String::new(), OutputKind::Key(number))]),
            None => Err(Problem::new("grouping", item.span, "this is neither an aggregate nor in GROUP BY")
                .why("rows don't leave the room")
                .help("COUNT, COUNTIF, SUM or AVG of it, or add it to GROUP BY")),
        }
    }

    /// Refuses answers that would be more noise than answer, and take long.
    fn size(&self, statistics: &[Statistic], cells: usize, span: Span) -> Checked<()> {
        let each: usize = statistics.iter().map(Statistic::slots).sum();
        match each.checked_mul(cells) {
            Some(all) if all <= MOST_INTEGERS => Ok(()),
            _ => Err(Problem::new(
                "too_complex",
                span,
                format!("the answer takes more than {MOST_INTEGERS} noisy counts"),
            )
            .why(format!("{cells} groups, {each} counts in each"))
            .help("fewer groups, or narrower contribution_bounds_per_group for quantiles")),
        }
    }
}

/// The levels of ROLLUP(a, (b, c), …) and CUBE(…), the finest first, or of GROUPING SETS as written; None for anything else.
fn sets(e: &ast::Expr) -> Checked<Option<Vec<Vec<&ast::Expr>>>> {
    match e {
        ast::Expr::GroupingSets(sets) => Ok(Some(sets.iter().map(|set| set.iter().collect()).collect())),
        ast::Expr::Rollup(items) => {
            let kept = |many: usize| items.iter().take(many).flatten().collect();
            Ok(Some((0..=items.len()).rev().map(kept).collect()))
        }
        ast::Expr::Cube(items) if items.len() > 6 => {
            Err(Problem::new("too_complex", e.span(), format!("there are more than {MOST_LEVELS} grouping sets")))
        }
        ast::Expr::Cube(items) => {
            let kept = |set: usize| {
                let inside = items.iter().enumerate().filter(|(at, _)| set >> (items.len() - 1 - at) & 1 == 1);
                inside.flat_map(|(_, item)| item.iter()).collect()
            };
            Ok(Some((0..1_usize << items.len()).rev().map(kept).collect()))
        }
        _ => Ok(None),
    }
}

/// Cells of all levels.
fn together(keys: &[Key], levels: &[Vec<bool>]) -> usize {
    let of = |level: &Vec<bool>| {
        let kept = keys.iter().zip(level).filter(|(_, kept)| **kept);
        kept.fold(1_usize, |n, (key, _)| n.saturating_mul(key.values.len()))
    };
    levels.iter().map(of).fold(0, usize::saturating_add)
}

/// Nothing else is called as the totals are.
fn unnamed(keys: &[Key], span: Span) -> Checked<()> {
    match keys.iter().find(|key| key.values.iter().any(|value| value == ALL)) {
        Some(key) => Err(Problem::new("grouping", span, format!("a group of {} is called {ALL} already", key.name))),
        None => Ok(()),
    }
}

fn rename(keys: Vec<Key>, outputs: &[Output]) -> Vec<Key> {
    let named = |number: usize| outputs.iter().find(|o| o.what == OutputKind::Key(number)).map(|o| o.name.clone());
    keys.into_iter()
        .enumerate()
        .map(|(number, key)| Key { name: named(number).unwrap_or_else(|| key.name.clone()), ..key })
        .collect()
}
