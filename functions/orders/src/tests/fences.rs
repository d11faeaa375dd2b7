//! Orders of one user are as missing for another, in paths and in bodies.

use super::*;

#[tokio::test]
async fn another_users_order_is_as_one_that_is_missing() {
    let database = database().await;
    let app = database.app();
    create(&app, &lamp_sold()).await;
    for (method, body) in [("GET", None), ("PATCH", Some(json!({ "status": "shipped" }))), ("DELETE", None)] {
        let others = ask(&app, method, "/orders/1", BEN, body.as_ref()).await;
        let missing = ask(&app, method, "/orders/2", BEN, body.as_ref()).await;
        assert_eq!((others.status, &others.body), (404, &missing.body), "{method}");
    }
    for query in ["", "?cross_post_id=1", "?platform=ebay"] {
        let listed = ask(&app, "GET", &format!("/orders{query}"), BEN, None).await;
        assert_eq!(listed.body["items"], json!([]), "{query}");
    }
    assert_eq!(ask(&app, "GET", "/orders/1", ANNA, None).await.header("etag"), "\"1\"");
}

#[tokio::test]
async fn another_users_cross_post_is_as_one_that_is_missing_also_when_it_has_that_order() {
    let database = database().await;
    let app = database.app();
    create(&app, &lamp_sold()).await;
    let mut answers = Vec::new();
    for post in [1, 2, 999, i64::MAX] {
        let mut order = lamp_sold();
        order["cross_post_id"] = json!(post);
        let refused = ask(&app, "POST", "/orders", BEN, Some(&order)).await;
        assert_eq!((refused.status, &refused.body["errors"][0]["pointer"]), (422, &json!("/cross_post_id")));
        answers.push(refused.body);
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
}

#[tokio::test]
async fn row_level_security_alone_holds_too() {
    let database = database().await;
    let app = database.app();
    create(&app, &lamp_sold()).await;
    let owner = database.owner().await;
    let as_ben = "set role deals_app; select set_config('deals.user_id', 'ben', false)";
    owner.batch_execute(as_ben).await.unwrap();
    let count = "select count(*) from orders";
    assert_eq!(owner.query_one(count, &[]).await.unwrap().get::<_, i64>(0), 0);
    for blind in ["update orders set total_cents = 0", "delete from orders"] {
        assert_eq!(owner.execute(blind, &[]).await.unwrap(), 0, "{blind}");
    }
    for user in ["anna", "ben"] {
        let forged = format!(
            "insert into orders (user_id, cross_post_id, platform_order_id, total_cents) values ('{user}', 1, 'x', 1)"
        );
        owner.batch_execute(&forged).await.expect_err("is not Ben's to insert");
    }
}

#[tokio::test]
async fn the_platform_is_the_posts_whatever_a_statement_says() {
    let database = database().await;
    let owner = database.owner().await;
    let insert = "insert into orders (user_id, cross_post_id, platform_order_id, total_cents, platform)
                  values ('anna', 3, 'x', 1, 'ebay') returning platform";
    assert_eq!(owner.query_one(insert, &[]).await.unwrap().get::<_, String>(0), "mercari");
    let update = "update orders set platform = 'ebay' returning platform";
    assert_eq!(owner.query_one(update, &[]).await.unwrap().get::<_, String>(0), "mercari");
}
