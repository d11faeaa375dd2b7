//! Values things by the comps in the database, and listings when they or their comps have changed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::json;
use tokio::sync::Mutex;

use crate::Result;
use crate::db::comp_terms::{self, Found};
use crate::db::deals::PostedDeal;
use crate::db::listings_to_value::{self, Deal, Snapshot, Valued, Waiting};
use crate::db::{Database, deals, listing_scores, valuation_models};
use crate::valuation::{
    Ask, Catalog, Comp, EARLIER_PLACE, Earlier, Estimate, ListingValuation, Model, Posting, Subject, Title,
    Unvalued, ValuationReport, clusters, deal_score_v1, estimate, evidence, lookups, miles, product,
    reproduce, says_broken, says_free, score,
};
use crate::values::Timestamp;

/// Keeps the newest model between requests.
#[derive(Debug, Default)]
pub struct Valuer {
    model: Mutex<Option<Arc<Model>>>,
}

impl Valuer {
    /// One indexed query, and one more when there is a new model.
    pub async fn value(&self, db: &Database, subject: &Subject) -> Result<ValuationReport> {
        let (found, model) = self.look_up(db, [subject]).await?;
        let comps = found.comps();
        let candidates: Vec<&Comp<'_>> = comps.iter().collect();
        let estimate = estimate(subject, &candidates, &model, found.as_of.days());
        Ok(ValuationReport::of(&estimate, &comps, &subject.currency, model.name(), found.as_of))
    }

    /// Values those of these listings that wait for it. A failure is none of the request that changed them: they go on
    /// waiting, and `refit` comes by.
    pub async fn value_waiting(&self, db: &Database, listing_ids: &[i64]) {
        if listing_ids.is_empty() {
            return;
        }
        let outcome = async {
            let waiting = listings_to_value::among(db, listing_ids).await?;
            self.value_all(db, &waiting).await
        };
        if let Err(error) = outcome.await {
            tracing::warn!(cause = error.cause(), "listings wait for their value");
        }
    }

    /// Puts the listings on the waiting list whose comps these titles may be, and values as many as is quick.
    pub async fn value_listings_like(&self, db: &Database, comp_titles: &[&str]) {
        let outcome = async {
            let model = self.model(db).await?;
            let terms: BTreeSet<String> = comp_titles
                .iter()
                .filter_map(|title| lookups(&Title::read(title), &model).into_iter().next())
                .collect();
            let terms: Vec<String> = terms.into_iter().collect();
            listings_to_value::add_with_terms(db, &terms).await
        };
        match outcome.await {
            Ok(listing_ids) => self.value_waiting(db, &listing_ids).await,
            Err(error) => tracing::warn!(cause = error.cause(), "listings keep the value of earlier comps"),
        }
    }

    /// Values the listings that wait the longest; how many there were.
    pub async fn value_longest_waiting(&self, db: &Database) -> Result<usize> {
        let waiting = listings_to_value::longest(db).await?;
        self.value_all(db, &waiting).await?;
        Ok(waiting.len())
    }

    async fn model(&self, db: &Database) -> Result<Arc<Model>> {
        let mut kept = self.model.lock().await;
        match &*kept {
            Some(model) => Ok(Arc::clone(model)),
            None => Ok(Arc::clone(kept.insert(Arc::new(valuation_models::newest(db).await?)))),
        }
    }

    /// The comps of all these subjects, found by the newest model.
    async fn look_up<'s>(
        &self,
        db: &Database,
        subjects: impl IntoIterator<Item = &'s Subject> + Clone,
    ) -> Result<(Found, Arc<Model>)> {
        loop {
            let model = self.model(db).await?;
            let mut terms = BTreeSet::new();
            for subject in subjects.clone() {
                let lookups = lookups(&Title::read(&subject.title), &model);
                terms.extend(lookups.into_iter().map(|term| (term, subject.currency.clone())));
            }
            let found = comp_terms::newest(db, &terms.into_iter().collect::<Vec<_>>()).await?;
            if found.model_version <= model.version {
                return Ok((found, model));
            }
            *self.model.lock().await = None;
        }
    }

    async fn value_all(&self, db: &Database, waiting: &[Waiting]) -> Result<()> {
        if waiting.is_empty() {
            return Ok(());
        }
        let subjects: Vec<Subject> = waiting.iter().map(Waiting::subject).collect();
        let (found, model) = self.look_up(db, &subjects).await?;
        let comps = found.comps();
        let catalog = Catalog::new(&comps);
        let day = found.as_of.days();
        let mut valued: Vec<Valued<'_>> = Vec::with_capacity(waiting.len());
        for (waiting, subject) in waiting.iter().zip(&subjects) {
            let candidates = catalog.candidates(subject, &model, f64::INFINITY);
            let estimate = estimate(subject, &candidates, &model, day).ok();
            let deal = estimate.and_then(|estimate| waiting.deal(&estimate, &model, found.as_of));
            valued.push(Valued { waiting, earlier: waiting.earlier(found.as_of), deal });
        }
        let besides = join_clusters(db, &mut valued, &model).await?;
        listings_to_value::write(db, &valued, &besides).await
    }
}

impl Waiting {
    fn subject(&self) -> Subject {
        Subject {
            title: self.title.clone(),
            category: self.category.clone(),
            condition: self.condition,
            currency: self.currency.clone(),
            place: self.place,
        }
    }

    fn deal(&self, estimate: &Estimate, model: &Model, as_of: Timestamp) -> Option<Deal> {
        let description = self.description.as_deref();
        let ask = Ask {
            price_cents: self.price_cents,
            said_to_be_free: self.price_cents == Some(0) && says_free(&self.title, description),
            said_to_be_broken: says_broken(&self.title, description),
        };
        let score = score(&ask, estimate, model)?;
        Some(Deal {
            score: score.value,
            snapshot: Snapshot {
                fair_price_cents: estimate.fair_price_cents,
                low_cents: estimate.low_cents,
                high_cents: estimate.high_cents,
                effective_comps: estimate.effective_comps,
                ask_cents: self.price_cents?,
                currency: self.currency.clone(),
                band: score.band,
                reasons: score.reasons,
                model: model.name(),
                as_of,
                comps: estimate.evidence.iter().map(|evidence| evidence.comp_id).collect(),
                usual: estimate.usual.clone(),
            },
            rank: deals::rank(score.value, self.fresh_since.days()),
            cell: self.place.map(|(lat, lng)| deals::cell(lat, lng)),
            product: self.place.and_then(|_| product(&Title::read(&self.title), &self.currency, model)),
            cluster_id: None,
        })
    }

    fn earlier(&self, as_of: Timestamp) -> Option<(f64, serde_json::Value)> {
        let price = self.price_cents? as f64 / 100.0;
        let miles = self.place.map(|place| miles(EARLIER_PLACE, place));
        let earlier = Earlier {
            title: &self.title,
            price,
            condition: self.condition,
            age_hours: (as_of.days() - self.fresh_since.days()) * 24.0,
            miles,
            has_photo: self.has_photo,
        };
        let condition = self.condition.map(|condition| condition.as_str());
        let snapshot = json!({ "distance_mi": miles, "price": price, "condition": condition });
        Some((deal_score_v1(&earlier), snapshot))
    }
}

/// Finds the clusters of the products that these listings are, and returns those of the listings besides whose cluster
/// is another now.
async fn join_clusters(
    db: &Database,
    valued: &mut [Valued<'_>],
    model: &Model,
) -> Result<Vec<(i64, Option<i64>)>> {
    let mut groups: BTreeMap<(String, i32), Vec<Posting>> = BTreeMap::new();
    let mut own = BTreeSet::new();
    for valued in valued.iter() {
        let (waiting, Some(deal)) = (valued.waiting, &valued.deal) else { continue };
        own.insert(waiting.listing_id);
        let (Some(product), Some(cell), Some(place)) = (&deal.product, deal.cell, waiting.place) else {
            continue;
        };
        if waiting.available {
            groups.entry((product.clone(), cell)).or_default().push(Posting {
                listing_id: waiting.listing_id,
                source: waiting.source.clone(),
                title: Title::read(&waiting.title),
                price_cents: deal.snapshot.ask_cents,
                condition: waiting.condition,
                place,
            });
        }
    }
    let keys: Vec<(&str, i32)> = groups.keys().map(|(product, cell)| (product.as_str(), *cell)).collect();
    let mut others = deals::postings(db, &keys).await?;
    others.retain(|other| !own.contains(&other.posting.listing_id));
    let mut before = BTreeMap::new();
    for PostedDeal { product, cell, cluster_id, posting } in others {
        before.insert(posting.listing_id, cluster_id);
        groups.entry((product, cell)).or_default().push(posting);
    }
    let mut found: BTreeMap<i64, Option<i64>> = BTreeMap::new();
    for postings in groups.values() {
        for (posting, cluster) in postings.iter().zip(clusters(postings, model)) {
            found.insert(posting.listing_id, cluster);
        }
    }
    for valued in valued {
        if let Some(deal) = &mut valued.deal {
            deal.cluster_id = found.remove(&valued.waiting.listing_id).flatten();
        }
    }
    found.retain(|listing_id, cluster_id| before.get(listing_id).is_some_and(|before| before != cluster_id));
    Ok(found.into_iter().collect())
}

/// The value that a listing's score was found by, with its evidence: found anew from the comps, the model and the moment
/// that the score names.
///
/// # Errors
/// `NotFound` when there is no such listing.
pub async fn explain(db: &Database, listing_id: i64) -> Result<ListingValuation> {
    let scored = listing_scores::deal_score(db, listing_id).await?;
    let subject = scored.subject;
    let Some((score, snapshot)) = scored.score else {
        let reason = match scored.price_cents {
            _ if scored.waits => "it will be valued within minutes",
            None => "the listing names no price",
            Some(_) => Unvalued::NoComparableSales.reason(),
        };
        let value = ValuationReport::none(
            &subject.currency,
            format!("v{}", scored.model_version),
            scored.now,
            reason,
        );
        let ask_cents = scored.price_cents;
        return Ok(ListingValuation {
            listing_id,
            ask_cents,
            score: None,
            band: None,
            reasons: Vec::new(),
            value,
        });
    };
    let version = snapshot.model.trim_start_matches('v').parse().unwrap_or_default();
    let model = match version {
        0 => Some(Model::unfitted()),
        version => valuation_models::get(db, version).await?,
    };
    let comps = comp_terms::by_ids(db, &snapshot.comps).await?;
    // Without the model there is nothing to explain it by; the next night's values are by one that is kept.
    let estimate = model.and_then(|model| {
        let candidates: Vec<&Comp<'_>> = comps.iter().collect();
        reproduce(&subject, &candidates, &snapshot.usual, &model, snapshot.as_of.days()).ok()
    });
    Ok(ListingValuation {
        listing_id,
        ask_cents: Some(snapshot.ask_cents),
        score: Some(score),
        band: Some(snapshot.band),
        reasons: snapshot.reasons,
        value: ValuationReport {
            fair_price_cents: Some(snapshot.fair_price_cents),
            low_cents: Some(snapshot.low_cents),
            high_cents: Some(snapshot.high_cents),
            effective_comps: snapshot.effective_comps,
            reason: None,
            pull_limit: estimate.as_ref().map(|estimate| estimate.pull_limit),
            evidence: estimate.map_or_else(Vec::new, |estimate| evidence(&estimate, &comps)),
            ..ValuationReport::none(&snapshot.currency, snapshot.model, snapshot.as_of, "")
        },
    })
}
