//! A store in memory with the physical tables of the catalogue, and questions run on it without noise.

use crate::run::fixture::{TODAY, population};
use datasets::catalogue::{Catalogue, ColumnType, RowsPerPerson};
use duckdb::Connection;

use crate::engine::expr::expr;
use crate::engine::relation::relation;
use crate::engine::stream::rows_of_sql;
use crate::engine::{cell, dense, sql, streamed};
use crate::plan::Plan;

pub(super) struct Room {
    pub(super) connection: Connection,
    pub(super) catalogue: Catalogue,
}

impl Room {
    /// Empty tables.
    pub(super) fn new() -> Room {
        Self::of(Catalogue::builtin().unwrap())
    }

    /// Empty tables of a catalogue.
    pub(super) fn of(catalogue: Catalogue) -> Room {
        let connection = Connection::open_in_memory().unwrap();
        for table in catalogue.tables() {
            let mut columns = vec!["pid INTEGER".to_owned()];
            if table.rows == RowsPerPerson::Many {
                columns.push("draw UBIGINT".to_owned());
            }
            for column in &table.columns {
                let ty = match column.ty {
                    ColumnType::Integer { .. } => "INTEGER",
                    ColumnType::Date { .. } | ColumnType::Month { .. } => "DATE",
                    ColumnType::Category { .. } => "UTINYINT",
                    ColumnType::Code { .. } => "VARCHAR",
                    ColumnType::Key => "UBIGINT",
                    ColumnType::Flag => "BOOLEAN",
                };
                columns.push(format!("\"{}\" {ty}", column.name));
            }
            connection.execute_batch(&format!("CREATE TABLE {} ({})", table.name, columns.join(", "))).unwrap();
        }
        Room { connection, catalogue }
    }

    /// Inserts rows of `table`: values by column name, as SQL literals; the rest is NULL.
    pub(super) fn insert(&self, table: &str, columns: &str, rows: &str) {
        self.connection.execute_batch(&format!("INSERT INTO {table} ({columns}) VALUES {rows}")).unwrap();
    }

    pub(super) fn remove(&self, pid: u32) {
        for table in self.catalogue.tables() {
            self.connection.execute_batch(&format!("DELETE FROM {} WHERE pid = {pid}", table.name)).unwrap();
        }
    }

    /// Keeps a copy of all tables for [`Room::without`].
    pub(super) fn remember(&self) {
        for table in self.catalogue.tables() {
            self.connection.execute_batch(&format!("CREATE TABLE all_{0} AS FROM {0}", table.name)).unwrap();
        }
    }

    /// The tables as they were remembered, without one person, in the same order.
    pub(super) fn without(&self, pid: u32) {
        for table in self.catalogue.tables() {
            let name = &table.name;
            self.connection
                .execute_batch(&format!("DELETE FROM {name}; INSERT INTO {name} FROM all_{name} WHERE pid <> {pid}"))
                .unwrap();
        }
    }

    pub(super) fn plan(&self, question: &str) -> Plan {
        crate::check(question, &self.catalogue, &population()).unwrap_or_else(|refusal| panic!("{refusal}\n{question}"))
    }

    /// Exact integers of a plan: by the engine's SQL, by the second implementation on polars and, where it is the way, by the streaming
    /// reducer, which must agree.
    pub(super) fn run(&self, plan: &Plan) -> Vec<Vec<i128>> {
        let cells = self.run_sql(plan);
        let second = super::polars::cells(plan, &self.connection, TODAY);
        assert_eq!(second, cells, "the second implementation differs from {}", sql(plan, TODAY).unwrap());
        for ways in [streamed, rows_of_sql] {
            if let Some(streamed) = ways(plan, &self.connection, TODAY).unwrap() {
                assert_eq!(streamed, cells, "the reducer differs from {}", sql(plan, TODAY).unwrap());
            }
        }
        cells
    }

    pub(super) fn run_sql(&self, plan: &Plan) -> Vec<Vec<i128>> {
        let text = sql(plan, TODAY).unwrap();
        let mut statement = self.connection.prepare(&text).unwrap_or_else(|e| panic!("{e}\n{text}"));
        let width = plan.statistics.len() + 1;
        let mut rows = statement.query([]).unwrap_or_else(|e| panic!("{e}\n{text}"));
        let mut found = Vec::new();
        while let Some(row) = rows.next().unwrap_or_else(|e| panic!("{e}\n{text}")) {
            let values = (0..width).map(|i| match row.get::<_, duckdb::types::Value>(i).unwrap() {
                duckdb::types::Value::BigInt(v) => Some(i128::from(v)),
                duckdb::types::Value::HugeInt(v) => Some(v),
                duckdb::types::Value::Null => None,
                other => panic!("not an integer: {other:?}\n{text}"),
            });
            found.push(values.collect());
        }
        dense(plan, &found).unwrap()
    }

    /// What one person really has at most: rows of the relation, and cells, before the engine enforces anything.
    pub(super) fn most(&self, plan: &Plan) -> (u64, u64) {
        let rows = relation(&plan.relation).unwrap();
        let keys: Vec<String> = plan
            .keys
            .iter()
            .enumerate()
            .map(|(number, key)| format!(", {} AS k{number}", expr(&key.index).unwrap()))
            .collect();
        let cells =
            format!("SELECT pid, {} AS cell FROM (SELECT pid{} FROM ({rows}))", cell(&plan.keys), keys.concat());
        let each = format!("SELECT count(*) AS n, count(DISTINCT cell) AS c FROM ({cells}) GROUP BY pid");
        let text = format!("SELECT coalesce(max(n), 0)::UBIGINT, coalesce(max(c), 0)::UBIGINT FROM ({each})");
        self.connection
            .query_row(&text, [], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap_or_else(|e| panic!("{e}\n{text}"))
    }

    /// Exact integers of a question, as (keys, statistics) of the cells that aren't empty.
    pub(super) fn ask(&self, question: &str) -> Vec<(String, Vec<i128>)> {
        let plan = self.plan(question);
        let cells = self.run(&plan);
        let named = cells.into_iter().enumerate().map(|(cell, values)| (plan.cell(cell).join("/"), values));
        named.filter(|(_, values)| values.iter().any(|v| *v != 0)).collect()
    }
}
