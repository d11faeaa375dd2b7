//! The market: listings, their scores and prices, comparable sales.

use serde_json::{Value, json};
use shared::db::comps::{self, Comp, CompObservation, CompPatch, NewComp};
use shared::db::deals::{Deal, FeedRequest};
use shared::db::list;
use shared::db::listing_scores::{self, ListingScore, NewListingScore};
use shared::db::listings::{ListRequest, Listing, ListingObservation, ListingPatch, NewListing};
use shared::db::price_history::{self, PriceChange};
use shared::http::BatchAnswer;
use shared::valuation::Band;
use shared::values::{Cents, CompKind, Condition, Currency, Miles, Text, Timestamp};

use super::Parts;
use super::operations::{Conflicts, DOLLARS, Resource, filter, search, sorts};
use super::responses::json_body;
use super::schemas::{batch_of, output, value};

pub fn add(parts: &mut Parts) {
    add_listings(parts);
    add_listing_scores(parts);
    add_price_history(parts);
    add_deals(parts);
    add_comps(parts);
    parts.schemas.insert("BatchAnswer".into(), output::<BatchAnswer<'_>>());
}

fn add_listings(parts: &mut Parts) {
    let new = json!({
        "source": "craigslist",
        "source_id": "7654321",
        "title": "Walnut desk",
        "price_cents": 4500,
        "condition": "good",
        "category": "furniture>desks",
        "url": "https://example.com/listings/7654321",
        "lat": 37.34,
        "lng": -121.89,
    });
    parts.output::<Listing<'_>>("Listing");
    parts.input("NewListing", NewListing::read, &new);
    parts.input("ListingPatch", ListingPatch::read, &json!({ "price_cents": 4000, "thumbnail_url": null }));
    parts.describe(&["NewListing"], "currency", DOLLARS);
    parts.describe(&["NewListing"], "available", "It is, unless told.");
    parts.input("ListingObservation", ListingObservation::read, &seen(&new));
    parts.describe(&["ListingObservation"], "currency", DOLLARS);
    parts.describe(&["ListingObservation"], "available", "It is, unless told.");
    parts.describe(
        &["ListingObservation"],
        "observed_at",
        "When it was seen: now, unless told; never in the future.",
    );
    parts.schemas.insert("ListingBatch".into(), batch_of("ListingObservation", &seen(&new)));
    for name in ["NewListing", "ListingObservation"] {
        parts.schemas[name]["anyOf"] = on_earth_or_nowhere();
    }

    let mut filters = vec![
        filter("source", value::<Text<1, 50>>(), "craigslist", "Where it was found."),
        filter("category", value::<Text<1, 120>>(), "furniture>desks", "Exactly this category."),
        filter("condition", value::<Condition>(), "good", "Exactly this condition."),
        filter("available", json!({ "type": "boolean" }), true, "Whether it can still be had."),
    ];
    filters.extend(prices());
    filters.extend([
        near("Latitude and longitude in degrees: each listing is told with its distance from there."),
        filter("radius_mi", value::<Miles>(), 25, "At most this far from `near`, which it needs."),
        search("title and description"),
    ]);
    let both_ways = ["created_at", "posted_at", "price_cents", "last_seen_at", "distance", "relevance"];
    let both_ways: Vec<String> =
        both_ways.iter().flat_map(|name| [name.to_string(), format!("-{name}")]).collect();
    let resource = Resource {
        tag: "Listings",
        collection: "/listings",
        item: "/listings/{id}",
        schema: "Listing",
        schema_plural: "Listings",
        one: "a listing",
        many: "listings",
        is_market: true,
    };
    let taken = "The source has a listing with this `source_id` already.";
    let conflicts = Conflicts { create: taken, update: taken, ..Conflicts::default() };
    resource.add(parts, &both_ways, filters, ListRequest::read, &conflicts);
    let batch = resource.batch(&format!(
        "{BATCH} An older observation never takes the place of a newer one, of which only the price becomes history."
    ));
    parts.paths.insert("/listings/batch".into(), json!({ "post": batch }));
}

fn add_price_history(parts: &mut Parts) {
    parts.output::<PriceChange<'_>>("PriceChange");
    let resource = Resource {
        tag: "Listings",
        collection: "/listings/{id}/price-history",
        item: "",
        schema: "PriceChange",
        schema_plural: "PriceChanges",
        one: "",
        many: "the changes of a listing's price, the newest first",
        is_market: true,
    };
    let list = resource.list(&[], Vec::new(), price_history::ListRequest::read);
    parts.paths.insert(resource.collection.into(), json!({ "get": list }));
}

fn add_listing_scores(parts: &mut Parts) {
    let new = json!({ "metric": "deal_score", "value": 87.5, "snapshot": { "distance_mi": 3.2 } });
    parts.output::<ListingScore<'_>>("ListingScore");
    parts.input("NewListingScore", NewListingScore::read, &new);

    let resource = Resource {
        tag: "Listing scores",
        collection: "/listings/{id}/scores",
        item: "",
        schema: "ListingScore",
        schema_plural: "ListingScores",
        one: "a listing's score by a metric, in place of an earlier one",
        many: "a listing's scores",
        is_market: true,
    };
    let filters = vec![filter("metric", value::<Text<1, 50>>(), "deal_score", "Exactly this metric.")];
    let read =
        |parameters| list::ListRequest::read(parameters, listing_scores::SORTS, listing_scores::Filter::read);
    let list = resource.list(&sorts(listing_scores::SORTS), filters, read);

    let mut put = resource.create("");
    let responses = put["responses"].as_object_mut().expect("has responses");
    responses.insert(
        "200".into(),
        json_body(
            "It replaced the metric's earlier score.",
            "ListingScore",
            &["ETag", "Location", "Idempotent-Replayed"],
        ),
    );
    parts.paths.insert(resource.collection.into(), json!({ "get": list, "post": put }));
}

fn add_deals(parts: &mut Parts) {
    parts.output::<Deal<'_>>("Deal");
    // Unlike a listing's, it is always there.
    parts.schemas["Deal"]["required"].as_array_mut().expect("is a list").push("distance_mi".into());
    let unknown = "From `near`, else from home; `null` without one, or when the listing has no coordinates.";
    parts.describe(&["Deal"], "distance_mi", unknown);

    let filters = vec![
        filter("category", value::<Text<1, 120>>(), "furniture>desks", "Exactly this category."),
        near("Latitude and longitude in degrees, in the place of the home in the preferences."),
        filter(
            "radius_mi",
            value::<Miles>(),
            25,
            "At most this far from `near`, else from home, in the place of the preferences' radius.",
        ),
        filter(
            "min_score",
            json!({ "type": "number", "minimum": 0, "maximum": 100 }),
            70,
            "At least this score.",
        ),
        filter("band", value::<Band>(), "great", "Exactly this band; unless told, all but `verify`."),
        filter(
            "max_price_cents",
            value::<Cents>(),
            20_000,
            "At most this, in the place of the highest prices in the preferences.",
        ),
    ];
    let resource = Resource {
        tag: "Deals",
        collection: "/deals",
        item: "",
        schema: "Deal",
        schema_plural: "Deals",
        one: "a deal",
        many: "the best deals for the caller, by score, distance and freshness",
        is_market: true,
    };
    let mut list = resource.list(&[], filters, FeedRequest::read);
    list["description"] =
        "Within the caller's preferences, where a parameter does not say otherwise. What is offered \
        on several marketplaces comes once."
            .into();
    parts.paths.insert(resource.collection.into(), json!({ "get": list }));
}

fn add_comps(parts: &mut Parts) {
    let new = json!({
        "category": "furniture>desks",
        "title": "Oak desk",
        "price_cents": 9900,
        "condition": "good",
        "source": "ebay",
    });
    parts.output::<Comp<'_>>("Comp");
    parts.input("NewComp", NewComp::read, &new);
    parts.input("CompPatch", CompPatch::read, &json!({ "price_cents": 8900, "condition": null }));
    let mut observed = seen(&new);
    observed["source_id"] = "110553".into();
    parts.input("CompObservation", CompObservation::read, &observed);
    parts.schemas.insert("CompBatch".into(), batch_of("CompObservation", &observed));
    parts.describe(&["NewComp", "CompObservation"], "currency", DOLLARS);
    parts.describe(&["NewComp", "CompObservation"], "kind", "`sold` unless told.");
    parts.describe(&["NewComp"], "observed_at", "Now, unless told.");
    parts.describe(&["CompObservation"], "observed_at", "Now, unless told; never in the future.");
    for name in ["NewComp", "CompObservation"] {
        parts.schemas[name]["anyOf"] = on_earth_or_nowhere();
    }

    let mut filters = vec![
        filter("category", value::<Text<1, 120>>(), "furniture>desks", "Exactly this category."),
        filter("source", value::<Text<1, 50>>(), "ebay", "Where it was sold."),
        filter("condition", value::<Condition>(), "good", "Exactly this condition."),
        filter("kind", value::<CompKind>(), "sold", "What was paid, or what is asked."),
        filter("observed_at_min", value::<Timestamp>(), MOMENT, "Not observed before."),
        filter("observed_at_max", value::<Timestamp>(), MOMENT, "Not observed after."),
        search("the title"),
    ];
    filters.extend(prices());
    let resource = Resource {
        tag: "Comparable sales",
        collection: "/comps",
        item: "/comps/{id}",
        schema: "Comp",
        schema_plural: "Comps",
        one: "a comparable sale",
        many: "comparable sales",
        is_market: true,
    };
    let read = |parameters| list::ListRequest::read(parameters, comps::SORTS, comps::Filter::read);
    let taken = "The source has a comp with this `source_id` already.";
    let conflicts = Conflicts { create: taken, update: taken, ..Conflicts::default() };
    resource.add(parts, &sorts(comps::SORTS), filters, read, &conflicts);
    let batch =
        resource.batch(&format!("{BATCH} An older observation never takes the place of a newer one."));
    parts.paths.insert("/comps/batch".into(), json!({ "post": batch }));
}

const BATCH: &str = "Items are known by `source` and `source_id`. One that is refused says why and does not keep the \
    others from being written. A batch may be sent again, cut and in any order: what is there in the end is the same, so \
    that it needs no Idempotency-Key.";

/// An item of a batch.
fn seen(new: &Value) -> Value {
    let mut seen = new.clone();
    seen["observed_at"] = "2026-10-24T09:30:00Z".into();
    seen
}

fn on_earth_or_nowhere() -> Value {
    json!([
        { "required": ["lat", "lng"], "properties": { "lat": { "type": "number" }, "lng": { "type": "number" } } },
        { "properties": { "lat": { "type": "null" }, "lng": { "type": "null" } } },
    ])
}

const MOMENT: &str = "2026-11-24T09:30:00Z";

fn prices() -> [Value; 3] {
    [
        filter("price_cents_min", value::<Cents>(), 1000, "At least this; what has no price is in no range."),
        filter(
            "price_cents_max",
            value::<Cents>(),
            20_000,
            "At most this; what has no price is in no range.",
        ),
        filter("currency", value::<Currency>(), "USD", "Exactly this currency."),
    ]
}

fn near(description: &str) -> Value {
    let degrees =
        "-?([0-8]?[0-9](\\.[0-9]+)?|90(\\.0+)?),-?((1[0-7][0-9]|[0-9]?[0-9])(\\.[0-9]+)?|180(\\.0+)?)";
    let schema = json!({ "type": "string", "pattern": format!("^{degrees}$") });
    filter("near", schema, "37.34,-121.89", description)
}
