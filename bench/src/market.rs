//! Markets of two sizes, valued by the built `refit`.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::report::{self, Memory};
use crate::{Bench, Result, Transport};

pub const SIZES: [usize; 2] = [20_000, 200_000];

/// What the cloud allows `refit`.
const REFIT_LIMIT: Duration = Duration::from_secs(900);

/// A thing that the market has comps of.
pub struct Product {
    pub title: String,
    pub category: String,
    pub price_cents: i64,
}

impl Bench {
    /// Replaces all listings and comps, fits a model, and has every listing valued.
    pub fn fill_market(&self, listings: usize, transport: &Transport) -> Result<()> {
        report::progress(&format!("generating {listings} listings and as many comps"));
        self.database.run(&format!("\\set listings {listings}\n{}", include_str!("market.sql")))?;
        let mut refit = self.start("refit", "refit", transport)?;
        let mut event = include_bytes!("../../events/refit_fit.json").to_vec();
        let before = Instant::now();
        loop {
            let answer =
                refit.invoke_within(REFIT_LIMIT, event).map_err(|failure| self.failed("refit", &failure))?;
            let report: Value = serde_json::from_slice(&answer.body)?;
            report::progress(&format!("refit: {report}, in {:.1} s", answer.latency.as_secs_f64()));
            if report["more"] == false {
                break;
            }
            event = include_bytes!("../../events/refit_value.json").to_vec();
        }
        report::refit(listings, before.elapsed(), Memory::of(refit.process_id())?);
        drop(refit);
        let [available, scored] =
            ["select count(*) from listings where available", "select count(*) from deals"]
                .map(|sql| self.database.run(sql));
        let (available, scored): (usize, usize) = (available?.parse()?, scored?.parse()?);
        if scored * 100 < available * 95 {
            return Err(format!("of {available} available listings {scored} are deals").into());
        }
        self.database.run("vacuum (analyze); checkpoint")?;
        Ok(())
    }

    /// Products from all over the market, not the one with many comps.
    pub fn products(&self, count: usize) -> Result<Vec<Product>> {
        self.products_where(&format!(
            "id > 0 and id % ((select products from bench.size) / {count}) = 0 order by id limit {count}"
        ))
    }

    /// The one with many comps.
    pub fn thick_product(&self) -> Result<Vec<Product>> {
        self.products_where("id = 0")
    }

    fn products_where(&self, condition: &str) -> Result<Vec<Product>> {
        let sql = format!(
            "select json_build_array(concat_ws(' ', brand, model, variant), category, price::bigint)
             from bench.products where {condition}"
        );
        let read = |line: &str| {
            let (title, category, price_cents) = serde_json::from_str(line)?;
            Ok(Product { title, category, price_cents })
        };
        self.database.run(&sql)?.lines().map(read).collect()
    }

    /// Towns all over the map, without the one where many live.
    pub fn places(&self, count: usize) -> Result<Vec<String>> {
        let sql =
            format!("select lat || ',' || lng from bench.metros where id > 0 order by id limit {count}");
        Ok(self.database.run(&sql)?.lines().map(str::to_owned).collect())
    }
}
