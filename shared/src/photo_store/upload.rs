//! How a caller sends a photo: told by us, sent to the store.

use std::collections::BTreeMap;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Bucket, LARGEST_PHOTO};
use crate::http::Fields;
use crate::values::{Photo, Timestamp, Unacceptable, unacceptable};

/// What photos may be, by what they say they are; the worker looks at what is in them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum ImageType {
    #[default]
    #[serde(rename = "image/jpeg")]
    Jpeg,
    #[serde(rename = "image/png")]
    Png,
    #[serde(rename = "image/webp")]
    Webp,
}

impl ImageType {
    pub const ALL: [&str; 3] = ["image/jpeg", "image/png", "image/webp"];

    fn as_str(self) -> &'static str {
        match self {
            ImageType::Jpeg => "image/jpeg",
            ImageType::Png => "image/png",
            ImageType::Webp => "image/webp",
        }
    }
}

/// In bytes: 1 to [`LARGEST_PHOTO`].
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(try_from = "usize")]
#[schemars(inline)]
struct Size(#[schemars(range(min = 1, max = LARGEST_PHOTO))] usize);

impl TryFrom<usize> for Size {
    type Error = Unacceptable;

    fn try_from(size: usize) -> Result<Size, Unacceptable> {
        if (1..=LARGEST_PHOTO).contains(&size) {
            return Ok(Size(size));
        }
        unacceptable(format!("must be 1 to {LARGEST_PHOTO}"))
    }
}

/// A photo that is to be sent.
#[derive(Debug, JsonSchema)]
pub struct NewUpload {
    content_type: ImageType,
    /// In bytes.
    size: Size,
}

impl NewUpload {
    pub fn read(fields: &mut Fields) -> NewUpload {
        NewUpload { content_type: fields.required("content_type"), size: fields.required("size") }
    }

    pub(super) fn extension(&self) -> &'static str {
        match self.content_type {
            ImageType::Jpeg => "jpg",
            ImageType::Png => "png",
            ImageType::Webp => "webp",
        }
    }

    fn headers(&self) -> BTreeMap<&'static str, String> {
        [("content-type", self.content_type.as_str().to_owned()), ("content-length", self.size.0.to_string())]
            .into()
    }
}

/// A request that stores a photo.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Upload {
    /// What a snap job names it by.
    pub photo: String,
    /// Where to send it; a path of this API when it is kept here.
    pub url: String,
    pub method: &'static str,
    /// What must be sent with it.
    pub headers: BTreeMap<&'static str, String>,
    /// `null` where it can be sent at any time.
    pub expires_at: Option<Timestamp>,
}

impl Upload {
    pub(super) fn here(photo: &Photo, new: &NewUpload) -> Upload {
        let key = photo.as_str();
        let url = format!("/snap-jobs/uploads?photo={}", utf8_percent_encode(key, NON_ALPHANUMERIC));
        Upload { photo: key.to_owned(), url, method: "PUT", headers: new.headers(), expires_at: None }
    }

    pub(super) fn at(bucket: &Bucket, photo: &Photo, new: &NewUpload) -> Upload {
        let key = photo.as_str();
        // By the clock before that of the signature, and so not too late.
        let expires_at = jiff::Timestamp::now().as_second() + Bucket::VALID_FOR.as_secs().cast_signed();
        let expires_at = jiff::Timestamp::from_second(expires_at).ok();
        Upload {
            photo: key.to_owned(),
            url: bucket.put(key, new.content_type.as_str(), new.size.0),
            method: "PUT",
            headers: new.headers(),
            expires_at: expires_at.and_then(|moment| Timestamp::try_from(moment).ok()),
        }
    }
}
