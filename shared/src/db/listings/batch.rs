//! Many listings as they were seen. Whatever order they are delivered in, and however often, the rows and the price
//! history end up the same.

use schemars::JsonSchema;

use super::NewListing;
use crate::Result;
use crate::db::Database;
use crate::db::upsert::{Outcomes, column, joined_terms, write};
use crate::http::{Fields, Upserted};
use crate::values::{Condition, Timestamp};

/// A listing, and when it was seen.
#[derive(Debug, JsonSchema)]
pub struct ListingObservation {
    #[schemars(flatten)]
    listing: NewListing,
    observed_at: Option<Timestamp>,
}

impl ListingObservation {
    pub fn read(fields: &mut Fields) -> ListingObservation {
        let observed_at: Option<Timestamp> = fields.optional("observed_at");
        if observed_at.is_some_and(Timestamp::is_in_the_future) {
            fields.problem("observed_at", "must not be in the future");
        }
        ListingObservation { listing: NewListing::read(fields), observed_at }
    }
}

/// Of observations of one listing the latest counts, in the batch as in the table; of two at the same moment, that with
/// the greater price, and then the greater rest, for no other reason than that order must not matter. The price of any
/// other is history all the same.
///
/// `::record` makes PostgreSQL compare whole rows, for which nulls are equal, and greater than all else. The join is a
/// full one although every written row was sent: it cannot be made by comparing each with each. A row that was there
/// when the statement began is looked up in `returning` as it was then.
const UPSERT: &str = "
    with sent as (
        select *, row_number() over (
            partition by source, source_id
            order by seen_at desc, row(price_cents, currency, title, description, condition, category, url,
                thumbnail_url, lat, lng, location_text, posted_at, available) desc, place) = 1 as is_last
        from (
            select place, source, source_id, title, description, price_cents,
                coalesce(currency, 'USD')::char(3) as currency, condition::item_condition as condition, category, url,
                thumbnail_url, lat, lng, location_text, posted_at, coalesce(available, true) as available,
                string_to_array(terms, e'\\x1f') as terms, least(observed_at, now()) as seen_at
            from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::int8[], $6::text[], $7::text[], $8::text[],
                $9::text[], $10::text[], $11::float8[], $12::float8[], $13::text[], $14::timestamptz[], $15::bool[],
                $16::text[], $17::timestamptz[]) with ordinality
                as item (source, source_id, title, description, price_cents, currency, condition, category,
                    url, thumbnail_url, lat, lng, location_text, posted_at, available, terms, observed_at, place)
        ) as item
    ), written as (
        insert into listings as kept (source, source_id, title, description, price_cents, currency, condition, category,
            url, thumbnail_url, lat, lng, location_text, posted_at, available, terms, last_seen_at)
        select source, source_id, title, description, price_cents, currency, condition, category,
            url, thumbnail_url, lat, lng, location_text, posted_at, available, terms, seen_at
        from sent where is_last order by source, source_id
        on conflict (source, source_id) do update set
            title = excluded.title,
            description = excluded.description,
            price_cents = excluded.price_cents,
            currency = excluded.currency,
            condition = excluded.condition,
            category = excluded.category,
            url = excluded.url,
            thumbnail_url = excluded.thumbnail_url,
            lat = excluded.lat,
            lng = excluded.lng,
            location_text = excluded.location_text,
            posted_at = excluded.posted_at,
            available = excluded.available,
            terms = excluded.terms,
            last_seen_at = excluded.last_seen_at,
            updated_at = now(),
            version = kept.version + 1
        where kept.last_seen_at < excluded.last_seen_at
            or kept.last_seen_at = excluded.last_seen_at
                and row(kept.price_cents, kept.currency, kept.title, kept.description, kept.condition, kept.category,
                    kept.url, kept.thumbnail_url, kept.lat, kept.lng, kept.location_text, kept.posted_at,
                    kept.available)::record
                < row(excluded.price_cents, excluded.currency, excluded.title, excluded.description,
                    excluded.condition, excluded.category, excluded.url, excluded.thumbnail_url, excluded.lat,
                    excluded.lng, excluded.location_text, excluded.posted_at, excluded.available)::record
        returning id, source, source_id,
            case when xmax = 0 then 'created'
                when exists (
                    select from listings as was where was.id = kept.id
                        and row(was.price_cents, was.currency, was.title, was.description, was.condition,
                            was.category, was.url, was.thumbnail_url, was.lat, was.lng, was.location_text,
                            was.posted_at, was.available)::record
                        = row(kept.price_cents, kept.currency, kept.title, kept.description, kept.condition,
                            kept.category, kept.url, kept.thumbnail_url, kept.lat, kept.lng, kept.location_text,
                            kept.posted_at, kept.available)::record)
                    then 'unchanged'
                else 'updated'
            end as status
    ), outcome as (
        select sent.place, sent.seen_at, sent.price_cents, sent.currency,
            case when sent.is_last then written.status end as status,
            coalesce(written.id, (
                select id from listings where listings.source = sent.source and listings.source_id = sent.source_id
            )) as id
        from sent full join written on written.source = sent.source and written.source_id = sent.source_id
    ), remembered as (
        insert into price_history as kept (listing_id, observed_at, price_cents, currency)
        select distinct on (id, seen_at) id, seen_at, price_cents, currency
        from outcome where status is null and id is not null
        order by id, seen_at, row(price_cents, currency) desc
        on conflict (listing_id, observed_at) do update set
            price_cents = excluded.price_cents,
            currency = excluded.currency
        where row(kept.price_cents, kept.currency)::record < row(excluded.price_cents, excluded.currency)::record
    )
    select id, coalesce(status, 'unchanged') from outcome order by place";

/// Writes all of them, and says what became of each.
pub async fn upsert(db: &Database, items: &[ListingObservation]) -> Result<Vec<Upserted>> {
    let mut outcomes = Outcomes::of_none(items.len());
    loop {
        let pending = outcomes.pending();
        if pending.is_empty() {
            return Ok(outcomes.into_all());
        }
        let sent: Vec<&ListingObservation> = pending.iter().map(|&at| &items[at]).collect();
        let listings: Vec<&NewListing> = sent.iter().map(|item| &item.listing).collect();
        let rows = write(
            db,
            UPSERT,
            &[
                &column(&listings, |listing| &listing.source),
                &column(&listings, |listing| &listing.source_id),
                &column(&listings, |listing| &listing.title),
                &column(&listings, |listing| &listing.description),
                &column(&listings, |listing| &listing.price_cents),
                &column(&listings, |listing| &listing.currency),
                &column(&listings, |listing| listing.condition.map(Condition::as_str)),
                &column(&listings, |listing| &listing.category),
                &column(&listings, |listing| &listing.url),
                &column(&listings, |listing| &listing.thumbnail_url),
                &column(&listings, |listing| &listing.lat),
                &column(&listings, |listing| &listing.lng),
                &column(&listings, |listing| &listing.location_text),
                &column(&listings, |listing| &listing.posted_at),
                &column(&listings, |listing| &listing.available),
                &column(&listings, |listing| joined_terms(listing.title.as_str())),
                &column(&sent, |item| &item.observed_at),
            ],
        )
        .await?;
        outcomes.take(&pending, &rows)?;
    }
}

#[cfg(test)]
mod tests;
