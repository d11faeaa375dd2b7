//! Lists of a table in one of its sorts: a page is one range of the sort's index.

use serde::{Deserialize, Serialize};
use tokio_postgres::Row;

use super::query::Query;
use crate::http::{Page, PageRequest, Parameters, Position};
use crate::values::{Text, Timestamp};
use crate::{Result, db::Parameter};

/// What a list can be sorted by. The expressions are those of an index; where a column may be null, each direction has
/// a stand-in beyond every value, so that nulls come last.
#[derive(Debug)]
pub struct Sortable {
    pub name: &'static str,
    pub ascending: &'static str,
    pub descending: &'static str,
    pub key: KeyType,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyType {
    Time,
    Number,
    Text,
    /// How well a row answers the search; a list has it only with `q`.
    Rank,
}

/// By how well rows answer the search; `-relevance` has the best first.
pub const RELEVANCE: Sortable = Sortable::column("relevance", KeyType::Rank);

impl Sortable {
    /// By a column that is never null.
    pub const fn column(name: &'static str, key: KeyType) -> Sortable {
        Sortable { name, ascending: name, descending: name, key }
    }
}

/// What a row is sorted by, as a cursor keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum SortKey {
    Time(Timestamp),
    Number(i64),
    Text(Text<0, 255>),
    Rank(f64),
}

impl SortKey {
    fn key_type(&self) -> KeyType {
        match self {
            SortKey::Time(_) => KeyType::Time,
            SortKey::Number(_) => KeyType::Number,
            SortKey::Text(_) => KeyType::Text,
            SortKey::Rank(_) => KeyType::Rank,
        }
    }

    fn parameter(&self) -> Parameter<'_> {
        match self {
            SortKey::Time(moment) => moment,
            SortKey::Number(number) => number,
            SortKey::Text(text) => text,
            SortKey::Rank(rank) => rank,
        }
    }
}

/// What a list was asked for: the table's own filter, and what all tables have.
#[derive(Debug)]
pub struct ListRequest<F> {
    pub filter: F,
    by: &'static Sortable,
    descending: bool,
    page: PageRequest<SortKey>,
}

impl<F> ListRequest<F> {
    /// Sorted by the first of `sorts` from the highest down, unless told.
    ///
    /// # Errors
    /// 400 with all the parameters that are unknown or wrong.
    pub fn read(
        mut parameters: Parameters,
        sorts: &'static [Sortable],
        filter: impl FnOnce(&mut Parameters) -> F,
    ) -> Result<ListRequest<F>> {
        let searches = parameters.has("q");
        let filter = filter(&mut parameters);
        let (mut by, mut descending) = (&sorts[0], true);
        if let Some(sort) = parameters.optional::<String>("sort") {
            descending = sort.starts_with('-');
            match sorts.iter().find(|by| by.name == sort.strip_prefix('-').unwrap_or(&sort)) {
                Some(found) => by = found,
                None => {
                    let names: Vec<_> = sorts.iter().map(|by| by.name).collect();
                    parameters.problem("sort", format!("must be one of {}, or one with -", names.join(", ")));
                }
            }
        }
        if by.key == KeyType::Rank && !searches {
            parameters.problem("sort", "by relevance needs q");
        }
        let page: PageRequest<SortKey> = parameters.page();
        if page.position.as_ref().is_some_and(|position| position.key.key_type() != by.key) {
            parameters.problem("cursor", "is not a cursor of this list");
        }
        parameters.finish()?;
        Ok(ListRequest { filter, by, descending, page })
    }

    /// Begins the statement, up to a first condition; more are added with [`Query::and`]. `search` is the table's
    /// text search, from [`Query::search`].
    pub fn select<'a>(&self, query: &mut Query<'a>, columns: &str, table: &str, search: Option<&str>) {
        let key = self.key(search);
        query.push(&format!("select {columns}, {key} as sort_key from {table} where true"));
        if let Some(search) = search {
            query.push(&format!(" and search @@ {search}"));
        }
    }

    /// Ends the statement: from where, in which order, how many.
    pub fn slice<'a>(&'a self, query: &mut Query<'a>, search: Option<&str>) {
        let key = self.key(search);
        let (after, direction) = if self.descending { ("<", "desc") } else { (">", "asc") };
        if let Some(position) = &self.page.position {
            let (value, id) = (query.bind(position.key.parameter()), query.bind(&position.id));
            query.push(&format!(" and ({key}, id) {after} ({value}, {id})"));
        }
        // Written out rather than a parameter: the planner must know that few rows are wanted.
        let limit = self.page.limit.rows_to_fetch();
        query.push(&format!(" order by {key} {direction}, id {direction} limit {limit}"));
    }

    /// The page that the rows of such a statement make; `id` is the first column.
    pub fn page<'r, T: Serialize>(&self, rows: &'r [Row], of: impl Fn(&'r Row) -> T) -> Page {
        self.page.page(rows, of, |row| {
            let key = match self.by.key {
                KeyType::Time => SortKey::Time(row.get("sort_key")),
                KeyType::Number => SortKey::Number(row.get("sort_key")),
                KeyType::Text => {
                    let text: String = row.get("sort_key");
                    SortKey::Text(text.try_into().expect("the database holds no other"))
                }
                KeyType::Rank => SortKey::Rank(row.get("sort_key")),
            };
            Position { key, id: row.get(0) }
        })
    }

    fn key(&self, search: Option<&str>) -> String {
        match search {
            Some(search) if self.by.key == KeyType::Rank => format!("ts_rank(search, {search})::float8"),
            _ if self.descending => self.by.descending.to_owned(),
            _ => self.by.ascending.to_owned(),
        }
    }
}
