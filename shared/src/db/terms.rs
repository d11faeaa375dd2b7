//! The column `terms` of `comps` and `listings`, for rows that plain SQL or a release that reads titles
//! otherwise wrote.

use super::Database;
use crate::Result;
use crate::valuation::terms;

/// Between the terms of a title in a statement's parameter, an array of them for each row.
const SEPARATOR: &str = "\u{1f}";

/// Tables whose rows are found by the terms of their titles.
#[derive(Debug, Clone, Copy)]
pub enum Titled {
    Comps,
    Listings,
}

/// Reads the next titles after this id again; how many had other terms, and the last one's id, `None` after the last.
pub async fn read_next(db: &Database, table: Titled, after: i64, limit: i64) -> Result<Option<(usize, i64)>> {
    let table = match table {
        Titled::Comps => "comps",
        Titled::Listings => "listings",
    };
    let sql = format!("select id, title, terms from {table} where id > $1 order by id limit $2");
    let rows = db.read(&sql, &[&after, &limit]).await?;
    let Some(last) = rows.last() else { return Ok(None) };
    let (mut ids, mut titles, mut read): (Vec<i64>, Vec<&str>, Vec<String>) = Default::default();
    for row in &rows {
        let title: &str = row.get(1);
        let (found, kept) = (terms(title), row.get::<_, Option<Vec<&str>>>(2));
        if kept.as_deref().is_none_or(|kept| kept != found) {
            ids.push(row.get(0));
            titles.push(title);
            read.push(found.join(SEPARATOR));
        }
    }
    if !ids.is_empty() {
        // One whose title was changed meanwhile has been read by what changed it.
        let sql = format!(
            "update {table} set terms = string_to_array(read.terms, $4)
             from unnest($1::int8[], $2::text[], $3::text[]) read (id, title, terms)
             where {table}.id = read.id and {table}.title = read.title"
        );
        db.write(&sql, &[&ids, &titles, &read, &SEPARATOR]).await?;
    }
    Ok(Some((ids.len(), last.get(0))))
}
