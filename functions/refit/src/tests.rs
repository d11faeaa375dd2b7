use lambda_runtime::Context;
use serde_json::json;
use shared::testing::{TestDatabase, config};
use tokio_postgres::Client;

use super::*;

async fn ask(database: &TestDatabase, payload: Value) -> Result<Value, String> {
    let app = App::new(config(&database.config), Role::Worker);
    let answer = handle(&app, LambdaEvent::new(payload, Context::default())).await;
    answer.map(|report| serde_json::to_value(report).unwrap()).map_err(|error| error.error_message)
}

/// A hundred products of ten sales each, a listing of each at half its price, all by plain SQL: nobody has read the
/// titles.
async fn fill(owner: &Client) {
    let comps = "insert into comps (category, title, price_cents, condition, observed_at, source, source_id)
                 select 'c' || product % 5, format('Acme Q%s gadget', product), (1000 * product * (0.9 + sale * 0.02))::int8,
                     'good', now() - make_interval(days => sale * 5), 's', product || '-' || sale
                 from generate_series(101, 200) product, generate_series(1, 10) sale";
    let listings = "insert into listings (source, source_id, title, price_cents, condition, category, url, lat, lng)
                    select 'm', product, format('ACME Q-%s', product), 500 * product, 'good', 'c' || product % 5,
                        'https://example.com/', 37, -122
                    from generate_series(101, 200) product";
    owner.execute(comps, &[]).await.unwrap();
    owner.execute(listings, &[]).await.unwrap();
}

async fn count(owner: &Client, what: &str) -> i64 {
    owner.query_one(&format!("select count(*) from {what}"), &[]).await.unwrap().get(0)
}

#[tokio::test]
async fn a_fit_reads_every_title_and_values_every_listing_by_a_new_model() {
    let database = TestDatabase::migrated().await;
    let owner = database.owner().await;
    fill(&owner).await;
    for model in [1, 2] {
        let titles_read = if model == 1 { 1_100 } else { 0 };
        let done = ask(&database, json!({})).await.unwrap();
        assert_eq!(
            done,
            json!({ "model": model, "comps": 1_000, "titles_read": titles_read, "observations_thinned": 0, "valued": 100, "more": false })
        );
        let by_it = format!(
            "listing_scores join deals using (listing_id)
             where metric = 'deal_score' and snapshot ->> 'model' = 'v{model}' and band = 'great'
                 and value between 90 and 100"
        );
        assert_eq!(count(&owner, &by_it).await, 100);
        assert_eq!(count(&owner, "listing_scores where metric = 'deal_score_v1'").await, 100);
        assert_eq!(count(&owner, "listings_to_value").await, 0);
    }
    for _ in 0..6 {
        ask(&database, json!({})).await.unwrap();
    }
    assert_eq!(count(&owner, "valuation_models").await, 5, "old ones go");
}

#[tokio::test]
async fn what_waits_is_valued_and_what_can_be_valued_no_longer_leaves_the_feed() {
    let database = TestDatabase::migrated().await;
    let owner = database.owner().await;
    assert_eq!(
        ask(&database, json!({ "task": "value" })).await.unwrap(),
        json!({ "model": 0, "titles_read": 0, "observations_thinned": 0, "valued": 0, "more": false })
    );
    fill(&owner).await;
    ask(&database, json!({})).await.unwrap();
    let changes = "update listings set available = false where id <= 10;
                   update listings set title = 'something else' where id between 11 and 30;
                   update listings set price_cents = 100000 where id between 31 and 35";
    owner.batch_execute(changes).await.unwrap();
    let done = ask(&database, json!({ "task": "value" })).await.unwrap();
    assert_eq!(
        done,
        json!({ "model": 1, "titles_read": 0, "observations_thinned": 0, "valued": 35, "more": false })
    );
    assert_eq!(count(&owner, "deals").await, 70);
    assert_eq!(count(&owner, "deals where listing_id between 31 and 35 and band = 'great'").await, 0);
    assert_eq!(
        count(&owner, "listing_scores where metric = 'deal_score'").await,
        80,
        "of what is sold it stays"
    );
}

#[tokio::test]
async fn a_price_that_was_asked_for_long_keeps_its_beginning_and_its_end() {
    let database = TestDatabase::migrated().await;
    let owner = database.owner().await;
    owner
        .batch_execute(
            "insert into listings (source, source_id, title, price_cents, url) values ('m', '1', 'a desk', 5, 'https://a.example/');
             delete from price_history;
             insert into price_history (listing_id, observed_at, price_cents, currency)
             select 1, now() - make_interval(days => day), case when day between 8 and 12 then 9 else 7 end, 'USD'
             from generate_series(0, 20) day",
        )
        .await
        .unwrap();
    let done = ask(&database, json!({})).await.unwrap();
    assert_eq!(done["observations_thinned"], 6 + 3 + 5);
    let kept =
        "select array_agg((now()::date - observed_at::date)::int order by observed_at) from price_history";
    let kept: Vec<i32> = owner.query_one(kept, &[]).await.unwrap().get(0);
    assert_eq!(kept, [20, 13, 12, 8, 7, 1, 0], "what is new stays");
}

#[tokio::test]
async fn other_tasks_are_refused() {
    let database = TestDatabase::migrated().await;
    assert_eq!(
        ask(&database, json!({ "task": "rest" })).await,
        Err("the task must be value, or left out".into())
    );
}
