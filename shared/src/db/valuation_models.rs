//! The table `valuation_models`: what was learned from the comps, version by version.

use tokio_postgres::types::Json;

use super::Database;
use crate::Result;
use crate::valuation::{Model, Parameters, TermWeights};

/// Older ones explain scores that were found by them, until those are found anew.
const KEPT: i64 = 5;

/// The newest model, or what is assumed before the first.
pub async fn newest(db: &Database) -> Result<Model> {
    let sql = "select version, parameters, term_weights from valuation_models order by version desc limit 1";
    Ok(db.read(sql, &[]).await?.first().map_or_else(Model::unfitted, of))
}

/// A model by its version, unless it is kept no longer.
pub async fn get(db: &Database, version: i32) -> Result<Option<Model>> {
    let sql = "select version, parameters, term_weights from valuation_models where version = $1";
    Ok(db.read(sql, &[&version]).await?.first().map(of))
}

/// Stores a model as the newest, and returns it with its version.
pub async fn insert(db: &Database, model: Model) -> Result<Model> {
    let sql = "insert into valuation_models (parameters, term_weights) values ($1, $2) returning version";
    let parameters = Json(&model.parameters);
    let rows = db.write(sql, &[&parameters, &model.term_weights.to_bytes()]).await?;
    let version: i32 = rows[0].get(0);
    let sql = "delete from valuation_models where version <= $1::int8 - $2";
    db.write(sql, &[&i64::from(version), &KEPT]).await?;
    Ok(Model { version, ..model })
}

fn of(row: &tokio_postgres::Row) -> Model {
    let Json(parameters): Json<Parameters> = row.get(1);
    Model {
        version: row.get(0),
        parameters: parameters.completed(),
        term_weights: TermWeights::from_bytes(row.get(2)),
    }
}

/// Puts the next available listings that the newest model has not valued yet on the waiting list; `false` when there
/// are none.
pub async fn add_next_listings(db: &Database, limit: i64) -> Result<bool> {
    let sql = "
        with model as (select version, valued_up_to from valuation_models order by version desc limit 1),
        next as (
            select id from listings
            where id > (select valued_up_to from model) and available
            order by id limit $1
        ),
        added as (
            insert into listings_to_value (listing_id) select id from next on conflict (listing_id) do nothing
        )
        update valuation_models set valued_up_to = (select max(id) from next)
        from model where valuation_models.version = model.version and exists (select from next)
        returning valuation_models.version";
    Ok(!db.write(sql, &[&limit]).await?.is_empty())
}
