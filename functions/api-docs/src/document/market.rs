//! The market: listings, their scores, comparable sales.

use serde_json::{Value, json};
use shared::db::comps::{self, Comp, CompPatch, NewComp};
use shared::db::list;
use shared::db::listing_scores::{self, ListingScore, NewListingScore};
use shared::db::listings::{ListRequest, Listing, ListingPatch, NewListing};
use shared::values::{Cents, Condition, Currency, Miles, Text, Timestamp};

use super::Parts;
use super::operations::{Conflicts, DOLLARS, Resource, filter, search, sorts};
use super::responses::json_body;
use super::schemas::value;

pub fn add(parts: &mut Parts) {
    add_listings(parts);
    add_listing_scores(parts);
    add_comps(parts);
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
    // On the earth, or nowhere.
    parts.schemas["NewListing"]["anyOf"] = json!([
        { "required": ["lat", "lng"], "properties": { "lat": { "type": "number" }, "lng": { "type": "number" } } },
        { "properties": { "lat": { "type": "null" }, "lng": { "type": "null" } } },
    ]);

    let degrees =
        "-?([0-8]?[0-9](\\.[0-9]+)?|90(\\.0+)?),-?((1[0-7][0-9]|[0-9]?[0-9])(\\.[0-9]+)?|180(\\.0+)?)";
    let mut filters = vec![
        filter("source", value::<Text<1, 50>>(), "craigslist", "Where it was found."),
        filter("category", value::<Text<1, 120>>(), "furniture>desks", "Exactly this category."),
        filter("condition", value::<Condition>(), "good", "Exactly this condition."),
        filter("available", json!({ "type": "boolean" }), true, "Whether it can still be had."),
    ];
    filters.extend(prices());
    filters.extend([
        filter(
            "near",
            json!({ "type": "string", "pattern": format!("^{degrees}$") }),
            "37.34,-121.89",
            "Latitude and longitude in degrees: each listing is told with its distance from there.",
        ),
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
    parts.describe(&["NewComp"], "currency", DOLLARS);
    parts.describe(&["NewComp"], "observed_at", "Now, unless told.");

    let mut filters = vec![
        filter("category", value::<Text<1, 120>>(), "furniture>desks", "Exactly this category."),
        filter("source", value::<Text<1, 50>>(), "ebay", "Where it was sold."),
        filter("condition", value::<Condition>(), "good", "Exactly this condition."),
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
    resource.add(parts, &sorts(comps::SORTS), filters, read, &Conflicts::default());
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
