use super::*;
use crate::config::Config;
use crate::testing::random_suffix;

fn store(variables: &[(&str, &str)]) -> PhotoStore {
    let lookup =
        |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    PhotoStore::new(Config::from_lookup(&lookup).expect("is complete").photo_store.expect("is there"))
}

#[test]
fn an_upload_to_a_bucket_is_bound_to_its_type_and_size() {
    let variables = [
        ("PHOTO_STORE", "s3://our-photos"),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_ACCESS_KEY_ID", "id"),
        ("AWS_SECRET_ACCESS_KEY", "hunter2"),
        ("AWS_SESSION_TOKEN", "the/token"),
    ];
    let PhotoStore::Bucket(bucket) = store(&variables) else { panic!("no bucket") };
    let url = bucket.put("uploads/auth0|5%/ä b.jpg", "image/jpeg", 7);
    let key = "https://our-photos.s3.eu-west-1.amazonaws.com/uploads/auth0%7C5%25/%C3%A4%20b.jpg?";
    assert!(url.starts_with(key), "{url}");
    for part in [
        "X-Amz-SignedHeaders=content-length%3Bcontent-type%3Bhost",
        "X-Amz-Expires=600",
        "X-Amz-Security-Token=the%2Ftoken",
    ] {
        assert!(url.contains(part), "{url}");
    }
    assert!(!format!("{url}{bucket:?}").contains("hunter2"));
}

#[tokio::test]
async fn a_folder_keeps_what_was_written_and_nothing_outside_of_it() {
    let path = std::env::temp_dir().join(format!("photos-{}", random_suffix()));
    let folder = Folder::new(path.join("inner"));
    assert_eq!(folder.read("uploads/anna/a.jpg").await.unwrap(), None);
    for bytes in [b"first".to_vec(), b"second".to_vec()] {
        folder.write("uploads/anna/a.jpg", bytes.clone()).await.unwrap();
        assert_eq!(folder.read("uploads/anna/a.jpg").await.unwrap(), Some(bytes));
    }
    let files = std::fs::read_dir(path.join("inner/uploads/anna")).unwrap().count();
    assert_eq!(files, 1, "nothing unfinished is left");
    for key in ["../a.jpg", "uploads/../../a.jpg", "/etc/hostname", "", "uploads//a", "uploads/anna/", "a\0"]
    {
        assert!(folder.write(key, Vec::new()).await.is_err(), "{key}");
        assert!(folder.read(key).await.is_err(), "{key}");
    }
    folder.write("large", vec![0; LARGEST_PHOTO + 1]).await.unwrap();
    assert_eq!(folder.read("large").await.unwrap_err().kind(), std::io::ErrorKind::FileTooLarge);
    std::fs::remove_dir_all(path).unwrap();
}

#[test]
fn an_upload_lies_directly_in_the_folder_of_its_user() {
    let is = |text: &str, user| Photo::try_from(text.to_owned()).is_ok_and(|photo| is_upload(&photo, user));
    assert!(is("uploads/anna/a.jpg", "anna") && is("uploads/auth0|5/a", "auth0|5"));
    for (key, user) in [
        ("uploads/anna/b/a.jpg", "anna"),
        ("uploads/anna/.a", "anna"),
        ("uploads/ben/a.jpg", "anna"),
        ("uploads/a/b/c.jpg", "a/b"),
        ("https://uploads/anna/a.jpg", "anna"),
    ] {
        assert!(!is(key, user), "{key}");
    }
    let folder = store(&[("PHOTO_STORE", "file:///tmp/photos")]);
    let new = NewUpload::read;
    let body = lambda_http::Body::Text(r#"{"content_type":"image/webp","size":10}"#.into());
    let new = crate::http::body(&lambda_http::Request::new(body), new).unwrap();
    for user in ["a/b", "..", ".", "a\n"] {
        assert!(matches!(folder.upload(user, &new), Err(Error::Conflict(_))), "{user:?}");
    }
    let upload = folder.upload("a b", &new).unwrap();
    assert!(upload.photo.starts_with("uploads/a b/") && upload.photo.ends_with(".webp"), "{upload:?}");
    assert!(upload.url.starts_with("/snap-jobs/uploads?photo=uploads%2Fa%20b%2F"), "{upload:?}");
}
