//! `/snap-jobs/uploads`: where to send a photo, and on a developer's machine also where it arrives.

use lambda_http::Request;
use lambda_http::http::{Method, StatusCode};
use shared::http::{self, Parameters, Response};
use shared::photo_store::{ImageType, LARGEST_PHOTO, NewUpload, PhotoStore, is_upload};
use shared::values::Photo;
use shared::{App, Error, Result};

pub async fn route(app: &App, user_id: &str, request: &Request) -> Result<Response> {
    let store = app.photo_store.as_ref();
    match (request.method(), store) {
        (&Method::POST, _) => {
            // Without effect: asking twice is harmless.
            http::idempotency_key(request)?;
            let new = http::body(request, NewUpload::read)?;
            http::status(StatusCode::CREATED, &store.ok_or_else(not_set_up)?.upload(user_id, &new)?)
        }
        (&Method::PUT, Some(PhotoStore::Folder(folder))) => {
            let key = key(user_id, Parameters::of(request)?)?;
            let photo =
                http::bytes(request, &ImageType::ALL, "image/jpeg, image/png or image/webp", LARGEST_PHOTO)?;
            if photo.is_empty() {
                return Err(Error::Malformed("the body is empty".into()));
            }
            folder.write(&key, photo.to_vec()).await.map_err(Error::PhotoStore)?;
            http::no_content()
        }
        (&Method::PUT, None) => Err(not_set_up()),
        // S3 takes them itself.
        (_, Some(PhotoStore::Bucket(_))) => Err(Error::MethodNotAllowed("POST")),
        _ => Err(Error::MethodNotAllowed("POST, PUT")),
    }
}

fn not_set_up() -> Error {
    Error::conflict("uploads are not set up here; photos can be https URLs")
}

/// The key of an upload of this user. Who they are says which are theirs: it takes no signature.
fn key(user_id: &str, mut parameters: Parameters) -> Result<String> {
    let is_missing = !parameters.has("photo");
    let photo = parameters.optional::<Photo>("photo");
    match &photo {
        None if is_missing => parameters.problem("photo", "is missing"),
        Some(photo) if !is_upload(photo, user_id) => {
            parameters.problem("photo", "must be what POST /snap-jobs/uploads named to you");
        }
        _ => {}
    }
    parameters.finish()?;
    Ok(photo.map(|photo| photo.as_str().to_owned()).expect("all else is a problem"))
}
