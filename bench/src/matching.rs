//! One listing against the saved searches of all users, of which there are few and many.

use std::time::Duration;

use crate::report::{self, Samples};
use crate::{Bench, Result, Transport, WARM_UPS};

/// What the worker runs.
const MATCH: &str = include_str!("../../shared/src/db/listings_to_match/match.sql");
const SIZES: [usize; 2] = [1_000, 100_000];
const LISTINGS: usize = 1_000;

impl Bench {
    /// In the market that is there.
    pub fn measure_matching(&self, transport: &Transport, explain: bool) -> Result<()> {
        report::matching_head();
        let mut medians = [Duration::ZERO; 2];
        for (searches, median) in SIZES.into_iter().zip(&mut medians) {
            report::progress(&format!("saving {searches} searches"));
            self.database.run(&format!("\\set searches {searches}\n{}", include_str!("searches.sql")))?;
            // The same listings for each, from all over the market.
            self.database.run(&format!(
                "truncate listings_to_match, notifications, deliveries;
                 insert into listings_to_match (listing_id)
                     select id from listings where available order by hashint8(id), id limit {};
                 vacuum (analyze) listings_to_match, notifications, deliveries; checkpoint",
                WARM_UPS + LISTINGS + 1
            ))?;
            let values = ["1".to_owned(), "1000".to_owned()];
            let transactions = WARM_UPS + LISTINGS;
            let parameters = &transport.url_parameters;
            let microseconds = self.database.pgbench_as_worker(parameters, MATCH, &values, transactions)?;
            let mut times = Samples::default();
            for time in &microseconds[WARM_UPS..] {
                times.push(Duration::from_micros(*time));
            }
            let [waiting, told] =
                ["select count(*) from listings_to_match", "select count(*) from notifications"]
                    .map(|sql| self.database.run(sql));
            if waiting? != "1" {
                return Err("a listing still waits, or was matched in vain".into());
            }
            let plan = self.plan_of_matching()?;
            report::matching(searches, &times, told?.parse::<usize>()? as f64 / transactions as f64);
            report::faults(
                &["saved_searches", "listings", "notifications"]
                    .map(|table| format!("Seq Scan on {table} "))
                    .into_iter()
                    .filter(|fault| {
                        plan.lines().any(|line| line.contains(fault) && !line.contains("never executed"))
                    })
                    .collect::<Vec<_>>(),
            );
            if explain {
                report::plan("matching", MATCH, &plan);
            }
            *median = times.percentile(50);
        }
        report::matching_growth(&SIZES, &medians);
        Ok(())
    }

    /// Of the one listing that is left, which stays.
    fn plan_of_matching(&self) -> Result<String> {
        self.database.run(&format!(
            "begin; set local role deals_worker; prepare matching (bigint, bigint) as {MATCH};
             explain (analyze, costs off) execute matching (1, 1000); rollback"
        ))
    }
}
