//! The table `comp_terms`: comps by the terms of their titles, newest last.

use tokio_postgres::Row;

use super::Database;
use super::columns::Columns;
use crate::Result;
use crate::valuation::{Comp, NEWEST_ASKING, NEWEST_SOLD, Title};
use crate::values::Timestamp;

/// What was found at one moment.
#[derive(Debug)]
pub struct Found {
    /// To the hour: a listing that is valued twice within one, by the same comps, has the same value to the bit.
    pub as_of: Timestamp,
    /// Of the newest model; 0 before the first.
    pub model_version: i32,
    rows: Vec<Row>,
}

impl Found {
    /// Reads their titles, each time that it is called.
    pub fn comps(&self) -> Vec<Comp<'_>> {
        let rows = self.rows.iter().filter(|row| row.get::<_, Option<i64>>(2).is_some());
        rows.map(|row| comp(row, 2)).collect()
    }
}

const COLUMNS: &str = "comps.id, comps.title, comps.category, comps.price_cents, comps.currency,
    comps.condition::text, comps.kind::text, comps.observed_at, comps.lat, comps.lng";

/// The newest comps of each of these terms in its currency, each comp once.
pub async fn newest(db: &Database, lookups: &[(String, String)]) -> Result<Found> {
    let terms: Vec<&str> = lookups.iter().map(|(term, _)| term.as_str()).collect();
    let currencies: Vec<&str> = lookups.iter().map(|(_, currency)| currency.as_str()).collect();
    let newest = |kind: &str, most: usize| {
        format!(
            "(select comp_id from comp_terms
              where term = lookup.term and currency = lookup.currency::bpchar and kind = '{kind}'
                  and observed_at between now() - interval '730 days' and now()
              order by observed_at desc, comp_id desc
              limit {most})"
        )
    };
    // One row at least, also when nothing is found. The planner does not get to see the terms: there is but one good
    // plan, and seeing how many they are PostgreSQL made one each time, which took as long as the rest.
    let sql = format!(
        "select date_trunc('hour', now()), (select coalesce(max(version), 0) from valuation_models), {COLUMNS}
         from (values (1)) moment (one)
         left join (
             (select distinct newest.comp_id
              from unnest((select $1::text[]), (select $2::text[])) lookup (term, currency)
              cross join lateral ({} union all {}) newest) found
             join comps on comps.id = found.comp_id
         ) on true",
        newest("sold", NEWEST_SOLD),
        newest("asking", NEWEST_ASKING)
    );
    let rows = db.read(&sql, &[&terms, &currencies]).await?;
    Ok(Found { as_of: rows[0].get(0), model_version: rows[0].get(1), rows })
}

/// Comps by their ids, for those that are still there.
pub async fn by_ids(db: &Database, ids: &[i64]) -> Result<Vec<Comp<'static>>> {
    let sql = format!("select {COLUMNS} from comps where id = any ($1)");
    Ok(db.read(&sql, &[&ids]).await?.iter().map(|row| comp(row, 0).into_owned()).collect())
}

/// A page of all comps, by id, for the fit.
pub async fn page(db: &Database, after: i64, limit: i64) -> Result<Vec<Comp<'static>>> {
    let sql = format!("select {COLUMNS} from comps where id > $1 order by id limit $2");
    Ok(db.read(&sql, &[&after, &limit]).await?.iter().map(|row| comp(row, 0).into_owned()).collect())
}

/// In the order of `COLUMNS`, from the column `first` on.
fn comp(row: &Row, first: usize) -> Comp<'_> {
    let mut columns = Columns::from(row, first);
    let id = columns.take();
    let title: &str = columns.take();
    let category: &str = columns.take();
    let price_cents = columns.take();
    let currency: &str = columns.take();
    let condition: Option<&str> = columns.take();
    let kind: &str = columns.take();
    let observed_at: Timestamp = columns.take();
    let (lat, lng): (Option<f64>, Option<f64>) = (columns.take(), columns.take());
    Comp {
        id,
        title: title.into(),
        reading: Title::read(title),
        category: category.into(),
        price_cents,
        currency: currency.into(),
        condition: condition.map(|name| name.parse().expect("the enum has no other")),
        kind: kind.parse().expect("the enum has no other"),
        day: observed_at.days(),
        place: lat.zip(lng),
    }
}

/// The id after which there are at most so many comps, and the database's day.
pub async fn newest_range(db: &Database, most: usize) -> Result<(i64, f64)> {
    let sql = "select coalesce((select id from comps order by id desc offset $1 limit 1), 0), now()";
    let offset = i64::try_from(most).expect("is a small number");
    let rows = db.read(sql, &[&offset]).await?;
    let moment: Timestamp = rows[0].get(1);
    Ok((rows[0].get(0), moment.days()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Role;
    use crate::testing::TestDatabase;

    #[tokio::test]
    async fn comps_are_looked_up_by_one_plan_for_all_terms() {
        let database = TestDatabase::migrated().await;
        let db = Database::new(database.config.clone(), Role::App);
        for number in 0..10 {
            let lookups: Vec<_> =
                (0..=number % 3).map(|term| (format!("term{term}"), "USD".to_owned())).collect();
            newest(&db, &lookups).await.expect("reads");
        }
        // Five times PostgreSQL looks at the values.
        let sql = "select custom_plans from pg_prepared_statements where statement like 'select date_trunc%'";
        let plans = db.read(sql, &[]).await.expect("reads");
        assert_eq!(plans.iter().map(|plan| plan.get(0)).collect::<Vec<i64>>(), [5]);
    }
}
