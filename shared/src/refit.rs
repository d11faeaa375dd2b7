//! The batch step of valuing: reads all titles again, fits a model, and values listings by it.

use serde::Serialize;
use tokio::time::Instant;

use crate::db::terms::{self, Titled};
use crate::db::{Database, comp_terms, price_history, valuation_models};
use crate::valuation::{self, Comp};
use crate::{App, Result};

/// What an invocation did.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The newest model, fitted now or before; 0 for none.
    pub model: i32,
    /// From how many comps it was learned, when it was fitted now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comps: Option<usize>,
    /// Titles that had no terms, or others.
    pub titles_read: usize,
    /// Observations of prices that tell nothing any more.
    pub observations_thinned: u64,
    pub valued: usize,
    /// Whether listings still wait: the time was up.
    pub more: bool,
}

/// Comps to learn from, the newest.
const MOST_COMPS: usize = 300_000;
const PAGE: i64 = 5_000;

/// Fits a model to the comps and values every available listing by it.
pub async fn fit(app: &App, deadline: Instant) -> Result<Report> {
    let titles_read = read_titles(&app.db, deadline).await?;
    let (comps, day) = all_comps(&app.db).await?;
    let count = comps.len();
    let fitted = valuation::fit(&comps, day);
    drop(comps);
    let model = valuation_models::insert(&app.db, fitted).await?;
    tracing::info!(version = model.version, comps = count, "a model was fitted");
    let mut observations_thinned = 0;
    while Instant::now() < deadline {
        let thinned = price_history::thin(&app.db, PAGE).await?;
        observations_thinned += thinned;
        if thinned == 0 {
            break;
        }
    }
    let report = value(app, deadline).await?;
    Ok(Report { comps: Some(count), titles_read, observations_thinned, ..report })
}

/// Values the listings that wait, and those that the newest model has not come to yet.
pub async fn value(app: &App, deadline: Instant) -> Result<Report> {
    let mut report = Report::default();
    loop {
        let added = valuation_models::add_next_listings(&app.db, PAGE).await?;
        let valued = app.valuer.value_longest_waiting(&app.db).await?;
        report.valued += valued;
        if !added && valued == 0 {
            break;
        }
        if Instant::now() >= deadline {
            report.more = true;
            break;
        }
    }
    report.model = valuation_models::newest(&app.db).await?.version;
    Ok(report)
}

/// Rows that plain SQL wrote have no terms, and those of another release others, where it reads titles otherwise.
async fn read_titles(db: &Database, deadline: Instant) -> Result<usize> {
    let mut read = 0;
    for table in [Titled::Comps, Titled::Listings] {
        let mut after = 0;
        while Instant::now() < deadline
            && let Some((count, last)) = terms::read_next(db, table, after, PAGE).await?
        {
            read += count;
            after = last;
        }
    }
    Ok(read)
}

/// The newest comps, oldest id first, and the database's day.
async fn all_comps(db: &Database) -> Result<(Vec<Comp<'static>>, f64)> {
    let (mut after, day) = comp_terms::newest_range(db, MOST_COMPS).await?;
    let mut comps = Vec::new();
    loop {
        let page = comp_terms::page(db, after, PAGE).await?;
        let Some(last) = page.last() else { return Ok((comps, day)) };
        after = last.id;
        comps.extend(page);
    }
}
