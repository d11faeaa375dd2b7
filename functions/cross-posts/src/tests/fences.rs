//! Cross-posts of one user are as missing for another, in paths and in bodies.

use super::*;

#[tokio::test]
async fn another_users_cross_post_is_as_one_that_is_missing() {
    let database = database().await;
    let app = database.app();
    create(&app, &on_ebay()).await;
    for (method, body) in [("GET", None), ("PATCH", Some(json!({ "status": "sold" }))), ("DELETE", None)] {
        let others = ask(&app, method, "/cross-posts/1", BEN, body.as_ref()).await;
        let missing = ask(&app, method, "/cross-posts/2", BEN, body.as_ref()).await;
        assert_eq!((others.status, &others.body), (404, &missing.body), "{method}");
    }
    for query in ["", "?my_item_id=1", "?external_id=v1%7C1234"] {
        let listed = ask(&app, "GET", &format!("/cross-posts{query}"), BEN, None).await;
        assert_eq!(listed.body["items"], json!([]), "{query}");
    }
    assert_eq!(ask(&app, "GET", "/cross-posts/1", ANNA, None).await.header("etag"), "\"1\"");
}

#[tokio::test]
async fn another_users_item_is_as_one_that_is_missing_also_when_it_was_posted() {
    let database = database().await;
    let app = database.app();
    create(&app, &on_ebay()).await;
    let mut answers = Vec::new();
    for (item, platform) in [(1, "ebay"), (2, "ebay"), (999, "ebay"), (i64::MAX, "ebay")] {
        let post = json!({ "my_item_id": item, "platform": platform });
        let refused = ask(&app, "POST", "/cross-posts", BEN, Some(&post)).await;
        assert_eq!((refused.status, &refused.body["errors"][0]["pointer"]), (422, &json!("/my_item_id")));
        answers.push(refused.body);
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    let own = json!({ "my_item_id": 3, "platform": "ebay" });
    assert_eq!(ask(&app, "POST", "/cross-posts", BEN, Some(&own)).await.status, 201);
}

#[tokio::test]
async fn a_key_of_another_user_is_another_key() {
    let database = database().await;
    let app = database.app();
    let with_key = async |caller: &str, post: &Value| {
        let mut request = request("POST", "/cross-posts", caller, Some(post));
        request.headers_mut().insert("idempotency-key", "k".parse().unwrap());
        answer(route(&app, request)).await
    };
    assert_eq!(with_key(ANNA, &on_ebay()).await.status, 201);
    let own = with_key(BEN, &json!({ "my_item_id": 3, "platform": "ebay" })).await;
    assert_eq!((own.status, own.header("idempotent-replayed")), (201, ""));
    assert_eq!(with_key(BEN, &on_ebay()).await.status, 422);
}

#[tokio::test]
async fn row_level_security_alone_holds_too() {
    let database = database().await;
    let app = database.app();
    create(&app, &on_ebay()).await;
    let owner = database.owner().await;
    let as_ben = "set role deals_app; select set_config('deals.user_id', 'ben', false)";
    owner.batch_execute(as_ben).await.unwrap();
    let count = "select count(*) from cross_posts";
    assert_eq!(owner.query_one(count, &[]).await.unwrap().get::<_, i64>(0), 0);
    for blind in ["update cross_posts set status = 'sold'", "delete from cross_posts"] {
        assert_eq!(owner.execute(blind, &[]).await.unwrap(), 0, "{blind}");
    }
    let forged = "insert into cross_posts (user_id, my_item_id, platform) values ('anna', 2, 'ebay')";
    owner.batch_execute(forged).await.expect_err("is not Ben's to insert");
}
