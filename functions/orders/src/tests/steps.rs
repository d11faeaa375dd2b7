//! From one state of an order to another, and which of them may be its last.

use super::*;

#[tokio::test]
async fn a_step_that_makes_no_sense_is_refused_with_those_that_are_allowed() {
    let database = database().await;
    let app = database.app();
    let mut order = lamp_sold();
    order["status"] = json!("shipped");
    let refused = create(&app, &order).await;
    assert_eq!(refused.status, 409);
    assert_eq!(refused.body["detail"], "cannot begin as shipped; allowed: pending, paid");

    for (steps, refused, detail) in [
        (&[][..], "shipped", "cannot go from pending to shipped; allowed: paid, cancelled"),
        (&["cancelled"], "pending", "cannot go from cancelled to pending; allowed: nothing"),
        (&["paid"], "pending", "cannot go from paid to pending; allowed: shipped, completed, refunded"),
        (
            &["paid", "shipped"],
            "cancelled",
            "cannot go from shipped to cancelled; allowed: completed, refunded",
        ),
        (
            &["paid", "shipped", "completed"],
            "shipped",
            "cannot go from completed to shipped; allowed: refunded",
        ),
        (&["paid", "refunded"], "paid", "cannot go from refunded to paid; allowed: nothing"),
    ] {
        let order = json!({ "cross_post_id": 1, "platform_order_id": detail, "total_cents": 1 });
        let path = create(&app, &order).await.header("location").to_owned();
        let step = async |to: &str| ask(&app, "PATCH", &path, ANNA, Some(&json!({ "status": to }))).await;
        for to in steps {
            assert_eq!(step(to).await.status, 200, "{steps:?} {to}");
        }
        let refused = step(refused).await;
        assert_eq!((refused.status, &refused.body["detail"]), (409, &json!(detail)));
        let reached = steps.last().unwrap_or(&"pending");
        assert_eq!(ask(&app, "GET", &path, ANNA, None).await.body["status"], *reached);
    }
}

#[tokio::test]
async fn only_an_order_that_is_pending_or_cancelled_can_be_deleted() {
    let database = database().await;
    let app = database.app();
    for (steps, deletable) in [
        (&[][..], true),
        (&["cancelled"], true),
        (&["paid"], false),
        (&["paid", "shipped"], false),
        (&["paid", "completed"], false),
        (&["paid", "refunded"], false),
    ] {
        let order =
            json!({ "cross_post_id": 1, "platform_order_id": steps.join(" ") + ".", "total_cents": 1 });
        let path = create(&app, &order).await.header("location").to_owned();
        for to in steps {
            let step = ask(&app, "PATCH", &path, ANNA, Some(&json!({ "status": to }))).await;
            assert_eq!(step.status, 200, "{steps:?}");
        }
        // A version that is gone is told first.
        let stale = ask_with(&app, "DELETE", &path, ("if-match", "\"9\""), &Value::Null).await;
        assert_eq!(stale.status, 412, "{steps:?}");
        let answer = ask(&app, "DELETE", &path, ANNA, None).await;
        assert_eq!(answer.status, if deletable { 204 } else { 409 }, "{steps:?}");
        if !deletable {
            let status = steps.last().unwrap();
            let detail = format!("cannot be deleted while {status}; allowed: pending, cancelled");
            assert_eq!(answer.body["detail"], detail);
            assert_eq!(ask(&app, "GET", &path, ANNA, None).await.status, 200);
        }
    }
}
