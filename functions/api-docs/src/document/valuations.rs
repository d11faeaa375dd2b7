//! What a thing is worth, and why a listing is the deal that it is.

use serde_json::{Value, json};
use shared::valuation::{Band, ListingValuation, NewValuation, ReportedEvidence, ValuationReport};

use super::Parts;
use super::operations::{Resource, answers, body, reference};
use super::responses::json_body;
use super::schemas::output;

pub fn add(parts: &mut Parts) {
    let new = json!({
        "title": "Standing desk, 120 x 60 cm",
        "category": "furniture>desks",
        "condition": "good",
        "currency": "USD",
        "lat": 37.34,
        "lng": -121.89,
    });
    parts.input("NewValuation", NewValuation::read, &new);
    parts.describe(&["NewValuation"], "currency", "`USD` unless told. Only comps in it count.");
    parts.schemas.insert("ValuationReport".into(), output::<ValuationReport>());
    parts.schemas.insert("ListingValuation".into(), output::<ListingValuation>());

    let resource = Resource {
        tag: "Valuations",
        collection: "/valuations",
        item: "/listings/{id}/valuation",
        schema: "",
        schema_plural: "",
        one: "",
        many: "",
        is_market: true,
    };
    let told = answers(200, answer("ValuationReport", json!(report())), &[400, 413, 415, 422]);
    let parameters = vec![reference("Idempotency-Key")];
    let mut value =
        resource.operation(resource.collection, "createValuation", "Value a thing", parameters, told);
    value["requestBody"] = body(&["application/json"], "NewValuation");
    value["description"] = "From comparable sales and offers of the last two years, of which one at least is less than a \
        year old. Every signed-in caller may ask. Nothing is kept, and so an Idempotency-Key has no effect. Without \
        evidence `fair_price_cents` is `null`, and `reason` says why."
        .into();

    let listing = ListingValuation {
        listing_id: 1,
        ask_cents: Some(12_000),
        score: Some(84.2),
        band: Some(Band::Good),
        reasons: vec!["asks 37 % less than the fair price".into(), "2 comparable sales".into()],
        value: report(),
    };
    let told = answers(200, answer("ListingValuation", json!(listing)), &[]);
    let summary = "Explain a listing's score";
    let mut explain = resource.operation(resource.item, "getListingValuation", summary, Vec::new(), told);
    explain["description"] =
        "The figures are those that the score was found from; comps that are gone meanwhile are \
        missing from the evidence. A listing without a score has a `reason`."
            .into();

    parts.paths.insert(resource.collection.into(), json!({ "post": value }));
    parts.paths.insert(resource.item.into(), json!({ "get": explain }));
}

fn answer(schema: &str, example: Value) -> Value {
    let mut answer = json_body("What was found.", schema, &[]);
    answer["content"]["application/json"]["example"] = example;
    answer
}

fn report() -> ValuationReport {
    let evidence = |comp_id, price_cents, weight, why: &str| ReportedEvidence {
        comp_id,
        title: "Standing desk, 120 x 60 cm".into(),
        price_cents,
        adjusted_price_cents: 19_000,
        weight,
        why: why.into(),
    };
    ValuationReport {
        fair_price_cents: Some(19_000),
        low_cents: Some(11_600),
        high_cents: Some(31_200),
        confidence: 0.9,
        effective_comps: 1.9,
        currency: "USD".into(),
        model: "v7".into(),
        as_of: "2026-11-24T09:30:00Z".parse().expect("is a moment"),
        reason: None,
        pull_limit: Some(0.25),
        evidence: vec![
            evidence(3, 19_000, 0.9, "sold 19 days ago in good condition; same product, 100 % alike"),
            evidence(7, 21_400, 0.5, "asked 8 days ago in good condition; same product, 100 % alike"),
        ],
    }
}
