//! Many comps as they were observed. Whatever order they are delivered in, and however often, the rows end up the same.

use schemars::JsonSchema;

use super::NewComp;
use crate::Result;
use crate::db::Database;
use crate::db::upsert::{Outcomes, column, joined_terms, write};
use crate::http::{Fields, Upserted};
use crate::values::{Condition, Timestamp};

/// A comp that its source has a name for.
#[derive(Debug, JsonSchema)]
#[schemars(transparent)]
pub struct CompObservation(NewComp);

impl CompObservation {
    pub fn read(fields: &mut Fields) -> CompObservation {
        fields.demand("source_id");
        let comp = NewComp::read(fields);
        if comp.observed_at.is_some_and(Timestamp::is_in_the_future) {
            fields.problem("observed_at", "must not be in the future");
        }
        CompObservation(comp)
    }

    pub fn title(&self) -> &str {
        self.0.title()
    }
}

/// As for listings: of observations of one comp the latest counts, and of two at the same moment the greater.
const UPSERT: &str = "
    with sent as (
        select *, row_number() over (
            partition by source, source_id
            order by observed_at desc, row(price_cents, currency, kind, category, title, condition, lat, lng,
                metadata::text) desc, place) = 1 as is_last
        from (
            select place, source, source_id, category, title, price_cents,
                coalesce(currency, 'USD')::char(3) as currency, condition::item_condition as condition,
                kind::comp_kind as kind, lat, lng, coalesce(metadata, '{}') as metadata,
                string_to_array(terms, e'\\x1f') as terms, least(observed_at, now()) as observed_at
            from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::int8[], $6::text[], $7::text[], $8::text[],
                $9::float8[], $10::float8[], $11::jsonb[], $12::text[], $13::timestamptz[]) with ordinality
                as item (source, source_id, category, title, price_cents, currency, condition, kind, lat, lng,
                    metadata, terms, observed_at, place)
        ) as item
    ), written as (
        insert into comps as kept (source, source_id, category, title, price_cents, currency, condition, kind, lat, lng,
            metadata, terms, observed_at)
        select source, source_id, category, title, price_cents, currency, condition, kind, lat, lng,
            metadata, terms, observed_at
        from sent where is_last order by source, source_id
        on conflict (source, source_id) do update set
            category = excluded.category,
            title = excluded.title,
            price_cents = excluded.price_cents,
            currency = excluded.currency,
            condition = excluded.condition,
            kind = excluded.kind,
            lat = excluded.lat,
            lng = excluded.lng,
            metadata = excluded.metadata,
            terms = excluded.terms,
            observed_at = excluded.observed_at,
            updated_at = now(),
            version = kept.version + 1
        where kept.observed_at < excluded.observed_at
            or kept.observed_at = excluded.observed_at
                and row(kept.price_cents, kept.currency, kept.kind, kept.category, kept.title, kept.condition,
                    kept.lat, kept.lng, kept.metadata::text)::record
                < row(excluded.price_cents, excluded.currency, excluded.kind, excluded.category, excluded.title,
                    excluded.condition, excluded.lat, excluded.lng, excluded.metadata::text)::record
        returning id, source, source_id,
            case when xmax = 0 then 'created'
                when exists (
                    select from comps as was where was.id = kept.id
                        and row(was.price_cents, was.currency, was.kind, was.category, was.title, was.condition,
                            was.lat, was.lng, was.metadata::text)::record
                        = row(kept.price_cents, kept.currency, kept.kind, kept.category, kept.title, kept.condition,
                            kept.lat, kept.lng, kept.metadata::text)::record)
                    then 'unchanged'
                else 'updated'
            end as status
    )
    select coalesce(written.id, (
            select id from comps where comps.source = sent.source and comps.source_id = sent.source_id
        )), coalesce(case when sent.is_last then written.status end, 'unchanged')
    from sent full join written on written.source = sent.source and written.source_id = sent.source_id
    order by sent.place";

/// Writes all of them, and says what became of each.
pub async fn upsert(db: &Database, items: &[CompObservation]) -> Result<Vec<Upserted>> {
    let mut outcomes = Outcomes::of_none(items.len());
    loop {
        let pending = outcomes.pending();
        if pending.is_empty() {
            return Ok(outcomes.into_all());
        }
        let comps: Vec<&NewComp> = pending.iter().map(|&at| &items[at].0).collect();
        let rows = write(
            db,
            UPSERT,
            &[
                &column(&comps, |comp| &comp.source),
                &column(&comps, |comp| &comp.source_id),
                &column(&comps, |comp| &comp.category),
                &column(&comps, |comp| &comp.title),
                &column(&comps, |comp| &comp.price_cents),
                &column(&comps, |comp| &comp.currency),
                &column(&comps, |comp| comp.condition.map(Condition::as_str)),
                &column(&comps, |comp| comp.kind.unwrap_or_default().as_str()),
                &column(&comps, |comp| &comp.lat),
                &column(&comps, |comp| &comp.lng),
                &column(&comps, |comp| &comp.metadata),
                &column(&comps, |comp| joined_terms(comp.title.as_str())),
                &column(&comps, |comp| &comp.observed_at),
            ],
        )
        .await?;
        outcomes.take(&pending, &rows)?;
    }
}

#[cfg(test)]
mod tests;
