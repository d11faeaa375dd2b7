//! The functions of this release on the schema of the one before: what the newest migration does not touch is served.

use api_tests::{Caller, Gateway};
use shared::migrations::{embedded, migrate};
use shared::testing::TestDatabase;
use tokio::time::{Duration, Instant};

const ADMIN: Caller = Caller { user_id: "admin", scope: "deals/ingest deals/admin" };

#[tokio::test]
async fn what_the_newest_migration_does_not_touch_is_served_before_it() {
    let database = TestDatabase::empty().await;
    let mut older = embedded();
    let newest = older.pop().expect("there are migrations");
    let newest = newest.sql().expect("is a file");
    migrate(&mut database.owner().await, &older, Instant::now() + Duration::from_secs(60))
        .await
        .expect("migrates");

    let mut gateway = Gateway::new(&database);
    let document = gateway.ask("GET", "/openapi.json", None, &[], None).body;
    let (mut served, mut touched) = (0, Vec::new());
    for (path, operations) in document["paths"].as_object().expect("are paths") {
        if !operations["get"].is_object() {
            continue;
        }
        let status = gateway.ask("GET", &path.replace("{id}", "1"), Some(ADMIN), &[], None).status;
        let table = path.split('/').nth(1).expect("has a segment").replace('-', "_");
        if status < 500 {
            served += 1;
        } else {
            let is_changed =
                ["alter", "create"].iter().any(|verb| newest.contains(&format!("{verb} table {table}")));
            assert!(is_changed, "GET {path}: {status}");
            touched.push(path);
        }
    }
    eprintln!(
        "{served} of {} are served; not, until the migration is there: {touched:?}",
        served + touched.len()
    );
    assert!(served > 20);
}
