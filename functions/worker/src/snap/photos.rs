//! Photos are fetched from the store or the web, and kept in the store without what cameras write into them.

use std::io;
use std::time::Duration;

use futures_util::stream::{self, StreamExt, TryStreamExt};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE};
use reqwest::{Client, StatusCode};
use shared::db::jobs::Leased;
use shared::photo_store::{Bucket, Folder, LARGEST_PHOTO, PhotoStore};
use shared::values::Photo;

use super::{client, picture};
use crate::job::{Context, Failure};
use crate::web::Web;

const AT_ONCE: usize = 4;
const WITHIN: Duration = Duration::from_secs(10);
/// What S3 says besides the photo is not read.
const LARGEST_ANSWER: usize = 64 * 1024;

/// What makes any user's name a folder's.
const USER: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_');

#[derive(Debug)]
pub struct Kept {
    /// In the store, when there is one.
    pub key: Option<String>,
    /// As JPEG, for a model to look at.
    pub shown: Vec<u8>,
}

enum Store<'a> {
    None,
    Folder(&'a Folder),
    Bucket(&'a Bucket, Client),
}

/// All photos of a job, in their order. A photo that cannot be had is named by its number.
pub async fn keep(context: &Context, job: &Leased, photos: &[Photo]) -> Result<Vec<Kept>, Failure> {
    let store = match &context.app.photo_store {
        None => Store::None,
        Some(PhotoStore::Folder(folder)) => Store::Folder(folder),
        Some(PhotoStore::Bucket(bucket)) => Store::Bucket(bucket, client::new()?),
    };
    let folder = format!("photos/{}/{}", utf8_percent_encode(&job.user_id, USER), job.id);
    let each: Vec<_> = (1..)
        .zip(photos)
        .map(|(number, photo)| {
            // The same for each attempt, which puts its photos in the place of the last one's.
            let key = format!("{folder}/{number}.jpg");
            let (store, web) = (&store, &context.web);
            async move {
                let kept = if photo.is_open_to(&job.user_id) {
                    keep_one(store, web, photo, key).await
                } else {
                    Err(Failure::Final("is not one of your own uploads".into()))
                };
                kept.map_err(|failure| of_photo(number, failure))
            }
        })
        .collect();
    stream::iter(each).buffered(AT_ONCE).try_collect().await
}

async fn keep_one(store: &Store<'_>, web: &Web, photo: &Photo, key: String) -> Result<Kept, Failure> {
    let bytes = match photo.key() {
        Some(upload) => store.read(upload).await?,
        None => from_web(web, photo).await?,
    };
    let picture = picture::prepare(bytes).await?;
    let is_kept = store.write(&key, picture.kept).await?;
    Ok(Kept { key: is_kept.then_some(key), shown: picture.shown })
}

async fn from_web(web: &Web, photo: &Photo) -> Result<Vec<u8>, Failure> {
    match web.get(photo.as_str(), LARGEST_PHOTO, WITHIN).await {
        Ok(bytes) => Ok(bytes),
        Err(error) if error.is_transient() => Err(Failure::Retry(error.to_string())),
        Err(error) => Err(Failure::Final(error.to_string())),
    }
}

impl Store<'_> {
    async fn read(&self, key: &str) -> Result<Vec<u8>, Failure> {
        let missing = || Failure::Final("was not uploaded".into());
        let too_large = || Failure::Final("has more than 10 MB".into());
        match self {
            Store::None => Err(Failure::Final("is an upload, and uploads are not set up here".into())),
            Store::Folder(folder) => match folder.read(key).await {
                Ok(found) => found.ok_or_else(missing),
                Err(error) if error.kind() == io::ErrorKind::FileTooLarge => Err(too_large()),
                Err(_) => Err(unavailable()),
            },
            Store::Bucket(bucket, client) => {
                let request = client.get(bucket.get(key));
                match client::send(request, LARGEST_PHOTO, WITHIN).await {
                    Ok((StatusCode::OK, bytes)) => Ok(bytes),
                    Ok((StatusCode::NOT_FOUND, _)) => Err(missing()),
                    Err(client::NoAnswer::TooLarge) => Err(too_large()),
                    Ok((status, _)) => {
                        tracing::warn!(status = status.as_u16(), "the bucket gave no photo");
                        Err(unavailable())
                    }
                    Err(_) => Err(unavailable()),
                }
            }
        }
    }

    /// Whether there is a store to keep it.
    async fn write(&self, key: &str, bytes: Vec<u8>) -> Result<bool, Failure> {
        match self {
            Store::None => Ok(false),
            Store::Folder(folder) => folder.write(key, bytes).await.map(|()| true).map_err(|_| unavailable()),
            Store::Bucket(bucket, client) => {
                let request = client
                    .put(bucket.put(key, "image/jpeg", bytes.len()))
                    .header(CONTENT_TYPE, "image/jpeg")
                    .header(CONTENT_LENGTH, bytes.len())
                    .body(bytes);
                match client::send(request, LARGEST_ANSWER, WITHIN).await {
                    Ok((StatusCode::OK, _)) => Ok(true),
                    Ok((status, _)) => {
                        tracing::warn!(status = status.as_u16(), "the bucket took no photo");
                        Err(unavailable())
                    }
                    Err(_) => Err(unavailable()),
                }
            }
        }
    }
}

fn unavailable() -> Failure {
    Failure::Retry("the photo store does not answer".into())
}

fn of_photo(number: usize, failure: Failure) -> Failure {
    match failure {
        Failure::Retry(reason) => Failure::Retry(format!("photo {number}: {reason}")),
        Failure::RetryAfter(reason, wait) => Failure::RetryAfter(format!("photo {number}: {reason}"), wait),
        Failure::Final(reason) => Failure::Final(format!("photo {number}: {reason}")),
        Failure::LostLease => Failure::LostLease,
    }
}
