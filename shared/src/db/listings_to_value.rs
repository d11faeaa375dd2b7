//! The table `listings_to_value`: listings whose value is to be found anew, and what is written once it was.

use serde::{Deserialize, Serialize};
use tokio_postgres::types::Json;

use super::Database;
use super::columns::Columns;
use crate::Result;
use crate::valuation::{Band, UsualAmounts};
use crate::values::{Condition, Timestamp};

/// A listing that waits, with what its value depends on.
#[derive(Debug, Clone)]
pub struct Waiting {
    pub listing_id: i64,
    /// Since when it waits; when that has moved, it was changed meanwhile.
    pub since: Timestamp,
    pub source: String,
    pub title: String,
    /// Its beginning.
    pub description: Option<String>,
    pub price_cents: Option<i64>,
    pub currency: String,
    pub condition: Option<Condition>,
    pub category: Option<String>,
    pub place: Option<(f64, f64)>,
    pub has_photo: bool,
    pub available: bool,
    pub fresh_since: Timestamp,
}

/// How many are valued in one go.
pub const AT_ONCE: i64 = 500;

/// Those of these listings that wait.
pub async fn among(db: &Database, listing_ids: &[i64]) -> Result<Vec<Waiting>> {
    let condition = "listings_to_value.listing_id = any ($1) order by listing_id limit $2";
    waiting(db, condition, &[&listing_ids, &AT_ONCE]).await
}

/// Those that wait the longest.
pub async fn longest(db: &Database) -> Result<Vec<Waiting>> {
    waiting(db, "true order by since, listing_id limit $1", &[&AT_ONCE]).await
}

async fn waiting(
    db: &Database,
    condition: &str,
    parameters: &[super::Parameter<'_>],
) -> Result<Vec<Waiting>> {
    let sql = format!(
        "select listing_id, since, source, title,
             left(description, 4000),
             price_cents, currency, condition::text, category, lat, lng, thumbnail_url is not null, available,
             least(coalesce(posted_at, created_at), created_at)
         from listings_to_value join listings on listings.id = listing_id
         where {condition}"
    );
    let rows = db.read(&sql, parameters).await?;
    let read = |row: &tokio_postgres::Row| {
        let mut columns = Columns::of(row);
        Waiting {
            listing_id: columns.take(),
            since: columns.take(),
            source: columns.take::<&str>().to_owned(),
            title: columns.take::<&str>().to_owned(),
            description: columns.take::<Option<&str>>().map(str::to_owned),
            price_cents: columns.take(),
            currency: columns.take::<&str>().to_owned(),
            condition: columns
                .take::<Option<&str>>()
                .map(|name| name.parse().expect("the enum has no other")),
            category: columns.take::<Option<&str>>().map(str::to_owned),
            place: {
                let (lat, lng): (Option<f64>, Option<f64>) = (columns.take(), columns.take());
                lat.zip(lng)
            },
            has_photo: columns.take(),
            available: columns.take(),
            fresh_since: columns.take(),
        }
    };
    Ok(rows.iter().map(read).collect())
}

/// At most so many are put on the list for comps that came in, the newest: where there are more, one comp says little,
/// and each night's fit comes to all.
const MOST_ADDED: i64 = 1_000;

/// Puts the available listings on the list that have one of these terms; their ids.
pub async fn add_with_terms(db: &Database, terms: &[String]) -> Result<Vec<i64>> {
    // Materialized: else few matches may be looked for from the newest listing down.
    let sql = "with matches as materialized (select id from listings where available and terms && $1)
               insert into listings_to_value (listing_id)
               select id from matches order by id desc limit $2
               on conflict (listing_id) do update set since = clock_timestamp()
               returning listing_id";
    Ok(db.write(sql, &[&terms, &MOST_ADDED]).await?.iter().map(|row| row.get(0)).collect())
}

/// What `listing_scores` keeps of a value as the snapshot of the metric `deal_score`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    pub fair_price_cents: i64,
    pub low_cents: i64,
    pub high_cents: i64,
    pub effective_comps: f64,
    pub ask_cents: i64,
    pub currency: String,
    pub band: Band,
    pub reasons: Vec<String>,
    /// Such as `v7`.
    pub model: String,
    pub as_of: Timestamp,
    /// Ids of the comps that it rests on, heaviest first.
    pub comps: Vec<i64>,
    /// Found from more comps than those; none in what an earlier release stored, which knew of no such thing.
    #[serde(default, skip_serializing_if = "UsualAmounts::is_empty")]
    pub usual: UsualAmounts,
}

/// What was found of a listing that waited.
#[derive(Debug)]
pub struct Valued<'w> {
    pub waiting: &'w Waiting,
    /// The earlier system's score and what it looked at.
    pub earlier: Option<(f64, serde_json::Value)>,
    /// `None` without evidence, or without a price.
    pub deal: Option<Deal>,
}

#[derive(Debug)]
pub struct Deal {
    pub score: f64,
    pub snapshot: Snapshot,
    pub rank: f64,
    pub cell: Option<i32>,
    pub product: Option<String>,
    pub cluster_id: Option<i64>,
}

/// Writes what was found, for those that were neither changed nor valued by another meanwhile; `clusters` are those of
/// listings besides.
pub async fn write(db: &Database, valued: &[Valued<'_>], clusters: &[(i64, Option<i64>)]) -> Result<()> {
    let sql = "
        with found as (
            select * from unnest($1::int8[], $2::timestamptz[], $3::float8[], $4::jsonb[], $5::float8[], $6::jsonb[],
                                 $7::text[], $8::float8[], $9::int4[], $10::text[], $11::text[], $12::int8[])
                as found (listing_id, since, earlier, earlier_snapshot, score, snapshot, band, rank, cell, category,
                          product, cluster_id)
        ),
        claimed as (
            delete from listings_to_value using found
            where listings_to_value.listing_id = found.listing_id and listings_to_value.since = found.since
            returning found.*, listings_to_value.changed
        ),
        withdrawn as (
            delete from listing_scores using claimed
            where listing_scores.listing_id = claimed.listing_id
                and (metric = 'deal_score' and claimed.score is null
                     or metric = 'deal_score_v1' and claimed.earlier is null)
        ),
        scored as (
            insert into listing_scores (listing_id, metric, value, snapshot)
            select listing_id, 'deal_score', score, snapshot from claimed where score is not null
            union all
            select listing_id, 'deal_score_v1', earlier, earlier_snapshot from claimed where earlier is not null
            on conflict (listing_id, metric) do update set
                value = excluded.value,
                snapshot = excluded.snapshot,
                updated_at = now(),
                version = listing_scores.version + 1
        ),
        -- A listing that changed, that got its first score, or one that is better by a point, may be what somebody waits for.
        -- The score is the one of before this statement.
        to_match as (
            insert into listings_to_match (listing_id)
            select claimed.listing_id from claimed join listings on listings.id = claimed.listing_id
            left join listing_scores before on before.listing_id = claimed.listing_id and before.metric = 'deal_score'
            where listings.available
                and (claimed.changed or claimed.score is not null and coalesce(claimed.score >= before.value + 1, true))
            on conflict (listing_id) do update set since = clock_timestamp(), after_user_id = ''
        ),
        unlisted as (
            delete from deals using claimed where deals.listing_id = claimed.listing_id and claimed.rank is null
        ),
        joined as (
            update deals set cluster_id = besides.cluster_id
            from unnest($13::int8[], $14::int8[]) as besides (listing_id, cluster_id)
            where deals.listing_id = besides.listing_id and deals.cluster_id is distinct from besides.cluster_id
        )
        insert into deals (listing_id, band, score, rank, cell, category, product, cluster_id)
        select listing_id, band::deal_band, score, rank, cell, category, product, cluster_id
        from claimed where rank is not null
        on conflict (listing_id) do update set
            band = excluded.band,
            score = excluded.score,
            rank = excluded.rank,
            cell = excluded.cell,
            category = excluded.category,
            product = excluded.product,
            cluster_id = excluded.cluster_id";
    let deals = || valued.iter().map(|valued| valued.deal.as_ref());
    // What is no longer available has a score and no place in the feed.
    let listed = || valued.iter().map(|valued| valued.deal.as_ref().filter(|_| valued.waiting.available));
    let ids: Vec<i64> = valued.iter().map(|valued| valued.waiting.listing_id).collect();
    let since: Vec<Timestamp> = valued.iter().map(|valued| valued.waiting.since).collect();
    let earlier: Vec<Option<f64>> =
        valued.iter().map(|valued| valued.earlier.as_ref().map(|(score, _)| *score)).collect();
    let earlier_snapshots: Vec<Option<Json<&serde_json::Value>>> =
        valued.iter().map(|valued| valued.earlier.as_ref().map(|(_, snapshot)| Json(snapshot))).collect();
    let scores: Vec<Option<f64>> = deals().map(|deal| deal.map(|deal| deal.score)).collect();
    let snapshots: Vec<Option<Json<&Snapshot>>> =
        deals().map(|deal| deal.map(|deal| Json(&deal.snapshot))).collect();
    let bands: Vec<Option<&str>> =
        listed().map(|deal| deal.map(|deal| deal.snapshot.band.as_str())).collect();
    let ranks: Vec<Option<f64>> = listed().map(|deal| deal.map(|deal| deal.rank)).collect();
    let cells: Vec<Option<i32>> = listed().map(|deal| deal.and_then(|deal| deal.cell)).collect();
    let categories: Vec<Option<&str>> =
        valued.iter().map(|valued| valued.waiting.category.as_deref()).collect();
    let products: Vec<Option<&str>> =
        listed().map(|deal| deal.and_then(|deal| deal.product.as_deref())).collect();
    let cluster_ids: Vec<Option<i64>> = listed().map(|deal| deal.and_then(|deal| deal.cluster_id)).collect();
    let (others, their_clusters): (Vec<i64>, Vec<Option<i64>>) = clusters.iter().copied().unzip();
    db.write(
        sql,
        &[
            &ids,
            &since,
            &earlier,
            &earlier_snapshots,
            &scores,
            &snapshots,
            &bands,
            &ranks,
            &cells,
            &categories,
            &products,
            &cluster_ids,
            &others,
            &their_clusters,
        ],
    )
    .await?;
    Ok(())
}
