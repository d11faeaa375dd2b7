//! A batch of listings with its history and its scores, beside a bare upsert of the same rows.

use std::time::Duration;

use serde_json::Value;

use crate::cases::body;
use crate::database::Script;
use crate::deals::post;
use crate::report::{self, Memory, Samples};
use crate::{Bench, Result, Transport};

const RUNS: usize = 15;
const BATCH: usize = 500;

const COLUMNS: &str =
    "source, source_id, title, description, price_cents, currency, condition, category, url, thumbnail_url,
    lat, lng, location_text, posted_at, available, terms, last_seen_at";

/// What a batch is compared with has the same rows, indexes and constraints, and no triggers.
const BARE_TABLE: &str = "
    drop table if exists bench.bare_listings;
    create table bench.bare_listings (like public.listings including all);
    grant select, insert, update on bench.bare_listings to deals_app;
    grant usage on schema bench to deals_app;";

impl Bench {
    /// Two lines; returns their medians.
    pub fn measure_ingest(
        &self,
        listings: usize,
        transport: &Transport,
        explain: bool,
    ) -> Result<[(&'static str, Duration); 2]> {
        self.database.run(&format!(
            "{BARE_TABLE}
             insert into bench.bare_listings ({COLUMNS}, created_at) select {COLUMNS}, created_at from listings;
             vacuum (analyze) bench.bare_listings; checkpoint"
        ))?;
        let mut process = self.start("listings", "measured", transport)?;
        let names = ["500 new listings", "500 at other prices"];
        let [mut times, mut floors] = <[[Samples; 2]; 2]>::default();
        // One more to warm up.
        for run in 0..=RUNS {
            let first = listings + run * BATCH + 1;
            let last = first + BATCH - 1;
            let mut statements = Vec::new();
            for (again, status) in ["created", "updated"].into_iter().enumerate() {
                let answer = self.invoke("listings", &mut process, self.batch(first, last, again)?)?;
                let ids = ids(&body(&answer.body)?, status)?;
                self.check_values(&ids, again + 1)?;
                statements.push(self.bare_upsert(&ids)?);
                if run > 0 {
                    times[again].push(answer.latency);
                }
            }
            for (sql, floors) in statements.iter().zip(&mut floors) {
                let mut script = Script::numbered(0);
                script.push(sql, &[])?;
                let microseconds =
                    self.database.pgbench_scripts(&transport.url_parameters, &[script], "simple", 1)?;
                if run > 0 {
                    floors.push(Duration::from_micros(microseconds[0]));
                }
            }
        }
        report::ingest_head(BATCH, RUNS);
        let memory = Memory::of(process.process_id())?;
        for (again, name) in names.into_iter().enumerate() {
            report::ingest(name, &times[again], &floors[again], memory);
        }
        self.break_down(listings + (RUNS + 1) * BATCH + 1, names, transport, explain)?;
        Ok([0, 1].map(|again: usize| (names[again], times[again].percentile(50))))
    }

    /// Where a batch's time goes, statement by statement.
    fn break_down(&self, first: usize, names: [&str; 2], transport: &Transport, explain: bool) -> Result<()> {
        let mut logged = self.start_logged("listings", transport)?;
        // Prepares the statements.
        self.statements_of("listings", &mut logged, self.batch(first, first + BATCH - 1, 0)?)?;
        let (first, last) = (first + BATCH, first + 2 * BATCH - 1);
        for (again, name) in names.into_iter().enumerate() {
            let (latency, statements) =
                self.statements_of("listings", &mut logged, self.batch(first, last, again)?)?;
            report::break_down(name, latency, &statements);
            let mut faults = Vec::new();
            for statement in statements.iter().filter(|statement| !statement.is_control()) {
                // As they were sent, of listings that are not there yet.
                let mut unseen = statement.clone();
                for value in unseen.values.iter_mut().flatten() {
                    *value = value.replace("listing-", "unseen-");
                }
                let statement = if again == 0 { &unseen } else { statement };
                faults.extend(statement.faults(&self.database)?);
                if explain {
                    report::plan(name, &statement.sql, &statement.plan(&self.database)?);
                }
            }
            report::faults(&faults);
        }
        self.stop_logging()
    }

    /// The event with these listings; when they are seen again, at other prices.
    fn batch(&self, first: usize, last: usize, again: usize) -> Result<Vec<u8>> {
        let items = self.database.run(&format!(
            "select json_build_object('items', json_agg(json_strip_nulls(to_json(item))))
             from (select source, source_id, title, description, price_cents + 100 * {again} as price_cents, currency, condition,
                       category, url, thumbnail_url, lat, lng, location_text, posted_at, available
                   from bench.listings_between({first}, {last})) item"
        ))?;
        Ok(post("/listings/batch", &items))
    }

    /// History and scores are up to date: each price that was seen is kept, and the last one was scored.
    fn check_values(&self, ids: &str, prices: usize) -> Result<()> {
        let wrong = self.database.run(&format!(
            "select count(*) filter (where exists (select from listings_to_value where listing_id = listings.id)),
                 count(*) filter (where (select count(*) from price_history where listing_id = listings.id) <> {prices}),
                 count(*) filter (where not exists (
                     select from listing_scores where listing_id = listings.id and metric = 'deal_score'
                         and snapshot -> 'ask_cents' = to_jsonb(price_cents)))
             from listings where id = any ('{{{ids}}}')"
        ))?;
        // Some titles leave out so much that nothing can be told.
        let figures: Vec<usize> =
            wrong.split('|').map(|figure| Ok(figure.parse()?)).collect::<Result<_>>()?;
        if figures[0] > 0 || figures[1] > 0 || figures[2] > BATCH / 20 {
            return Err(
                format!("after a batch, listings that wait, lack history, lack a score: {wrong}").into()
            );
        }
        Ok(())
    }

    /// The upsert of these rows as they are now, as one statement of many rows.
    fn bare_upsert(&self, ids: &str) -> Result<String> {
        let columns: Vec<&str> = COLUMNS.split(',').map(str::trim).collect();
        let formats = vec!["%L"; columns.len()].join(",");
        let rows = self.database.run(&format!(
            "select string_agg(format('({formats})', {COLUMNS}), ',') from listings where id = any ('{{{ids}}}')"
        ))?;
        let set: Vec<String> = columns.iter().map(|column| format!("{column} = excluded.{column}")).collect();
        Ok(format!(
            "insert into bench.bare_listings as kept ({COLUMNS}) values {rows}
             on conflict (source, source_id) do update set {}, updated_at = now(), version = kept.version + 1",
            set.join(", ")
        ))
    }
}

/// The ids of a batch's listings, when each has this status.
fn ids(body: &Value, status: &str) -> Result<String> {
    let results = body["results"].as_array().map_or(&[][..], Vec::as_slice);
    if results.len() != BATCH || results.iter().any(|result| result["status"] != status) {
        return Err(format!("a batch is not {status}: {body}").into());
    }
    let ids: Vec<String> = results.iter().map(|result| result["id"].to_string()).collect();
    Ok(ids.join(","))
}
