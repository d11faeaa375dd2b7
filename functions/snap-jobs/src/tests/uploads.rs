//! Photos on their way to the store.

use std::path::PathBuf;

use shared::Role;
use shared::config::Config;
use shared::testing::{config, random_suffix, raw_request};

use super::*;

/// An app whose photos are kept where these variables say.
fn app(database: &TestDatabase, variables: &[(&str, &str)]) -> App {
    let lookup =
        |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    let photo_store = Config::from_lookup(&lookup).unwrap().photo_store;
    App::new(Config { photo_store, ..config(&database.config) }, Role::App)
}

struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        Folder(std::env::temp_dir().join(format!("photos-{}", random_suffix())))
    }

    fn url(&self) -> String {
        format!("file://{}", self.0.display())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

async fn put(app: &App, url: &str, caller: &str, content_type: &str, bytes: &[u8]) -> Answer {
    answer(route(app, raw_request("PUT", url, caller, Some((content_type, bytes))))).await
}

fn jpeg(size: usize) -> Value {
    json!({ "content_type": "image/jpeg", "size": size })
}

#[tokio::test]
async fn a_photo_is_sent_where_it_was_told_by_the_same_caller_alone() {
    let database = TestDatabase::migrated().await;
    let folder = Folder::new();
    let app = app(&database, &[("PHOTO_STORE", &folder.url())]);
    let told = ask(&app, "POST", "/snap-jobs/uploads", ANNA, Some(&jpeg(5))).await;
    assert_eq!(
        (told.status, &told.body["method"], &told.body["expires_at"]),
        (201, &json!("PUT"), &Value::Null)
    );
    assert_eq!(told.body["headers"], json!({ "content-type": "image/jpeg", "content-length": "5" }));
    let (photo, url) = (told.body["photo"].as_str().unwrap(), told.body["url"].as_str().unwrap());
    assert!(photo.starts_with("uploads/anna/") && photo.ends_with(".jpg") && photo.len() == 41, "{photo}");
    let other = ask(&app, "POST", "/snap-jobs/uploads", ANNA, Some(&jpeg(5))).await;
    assert_ne!(other.body["photo"], photo);

    assert_eq!(put(&app, url, "", "image/jpeg", b"bytes").await.status, 401);
    let bens = put(&app, url, BEN, "image/jpeg", b"bytes").await;
    assert_eq!((bens.status, &bens.body["errors"][0]["parameter"]), (400, &json!("photo")));
    assert!(!folder.0.exists(), "nothing was written");
    assert_eq!(put(&app, url, ANNA, "image/jpeg", b"bytes").await.status, 204);
    assert_eq!(std::fs::read(folder.0.join(photo)).unwrap(), b"bytes");
    let job = ask(&app, "POST", "/snap-jobs", ANNA, Some(&json!({ "photos": [photo] }))).await;
    assert_eq!(job.status, 201, "{}", job.body);

    for (url, status) in [
        ("/snap-jobs/uploads", 400),
        ("/snap-jobs/uploads?photo=uploads/anna/../ben/a.jpg", 400),
        ("/snap-jobs/uploads?photo=uploads/anna/b/a.jpg", 400),
        ("/snap-jobs/uploads?photo=uploads/anna/.hidden", 400),
        ("/snap-jobs/uploads?photo=https://example.com/a.jpg", 400),
        ("/snap-jobs/uploads?photo=uploads/anna/a.jpg&name=b", 400),
    ] {
        assert_eq!(put(&app, url, ANNA, "image/jpeg", b"bytes").await.status, status, "{url}");
    }
    assert_eq!(put(&app, url, ANNA, "image/gif", b"bytes").await.status, 415);
    assert_eq!(put(&app, url, ANNA, "image/jpeg", b"").await.status, 400);
    assert_eq!(put(&app, url, ANNA, "image/jpeg", &vec![0; 10 * 1024 * 1024 + 1]).await.status, 413);
    assert_eq!(std::fs::read(folder.0.join(photo)).unwrap(), b"bytes", "refusals leave it as it is");
    let slash = ask(&app, "POST", "/snap-jobs/uploads", "a/b", Some(&jpeg(5))).await;
    assert_eq!(
        (slash.status, &slash.body["detail"]),
        (409, &json!("a user with this name can have no uploads"))
    );
}

#[tokio::test]
async fn what_is_no_photo_of_at_most_10_mb_is_told_no_place() {
    let database = TestDatabase::migrated().await;
    let app = app(&database, &[("PHOTO_STORE", "file:///tmp/photos")]);
    for (body, expected) in [
        (json!({}), vec!["/content_type", "/size"]),
        (json!({ "content_type": "image/gif", "size": 0 }), vec!["/content_type", "/size"]),
        (jpeg(10 * 1024 * 1024 + 1), vec!["/size"]),
        (json!({ "content_type": "image/png", "size": "5", "photo": "a" }), vec!["/photo", "/size"]),
    ] {
        let refused = ask(&app, "POST", "/snap-jobs/uploads", ANNA, Some(&body)).await;
        let mut found = pointers(&refused);
        found.sort_unstable();
        assert_eq!((refused.status, found), (422, expected), "{body}");
    }
    assert_eq!(ask(&app, "POST", "/snap-jobs/uploads", "", Some(&jpeg(5))).await.status, 401);
}

#[tokio::test]
async fn a_bucket_takes_photos_itself() {
    let database = TestDatabase::migrated().await;
    let variables = [
        ("PHOTO_STORE", "s3://our-photos"),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_ACCESS_KEY_ID", "id"),
        ("AWS_SECRET_ACCESS_KEY", "hunter2"),
    ];
    let app = app(&database, &variables);
    let told = ask(&app, "POST", "/snap-jobs/uploads", ANNA, Some(&jpeg(5))).await;
    assert_eq!(told.status, 201, "{}", told.body);
    let (photo, url) = (told.body["photo"].as_str().unwrap(), told.body["url"].as_str().unwrap());
    assert!(url.starts_with(&format!("https://our-photos.s3.eu-west-1.amazonaws.com/{photo}?")), "{url}");
    assert!(url.contains("X-Amz-Expires=600") && !told.body.to_string().contains("hunter2"), "{url}");
    assert!(told.body["expires_at"].is_string());
    let sent = put(&app, &format!("/snap-jobs/uploads?photo={photo}"), ANNA, "image/jpeg", b"bytes").await;
    assert_eq!((sent.status, sent.header("allow")), (405, "POST"));
}

#[tokio::test]
async fn without_a_store_there_are_no_uploads_and_it_says_so() {
    let database = TestDatabase::migrated().await;
    let app = app(&database, &[]);
    let detail = json!("uploads are not set up here; photos can be https URLs");
    let told = ask(&app, "POST", "/snap-jobs/uploads", ANNA, Some(&jpeg(5))).await;
    assert_eq!((told.status, &told.body["detail"]), (409, &detail));
    let sent = put(&app, "/snap-jobs/uploads?photo=uploads/anna/a.jpg", ANNA, "image/jpeg", b"bytes").await;
    assert_eq!((sent.status, &sent.body["detail"]), (409, &detail));
}
