//! Where photos are kept: a folder, or a bucket of S3, whose requests are signed here and sent by who has an HTTPS client.

mod bucket;
mod folder;
mod upload;

pub use self::bucket::Bucket;
pub use self::folder::Folder;
pub use self::upload::{ImageType, NewUpload, Upload};

use crate::config::PhotoStoreConfig;
use crate::values::Photo;
use crate::{Error, Result};

/// In bytes, as it is sent.
pub const LARGEST_PHOTO: usize = 10 * 1024 * 1024;

#[derive(Debug)]
pub enum PhotoStore {
    Folder(Folder),
    Bucket(Bucket),
}

impl PhotoStore {
    pub fn new(config: PhotoStoreConfig) -> PhotoStore {
        match config {
            PhotoStoreConfig::Folder(path) => PhotoStore::Folder(Folder::new(path)),
            PhotoStoreConfig::Bucket(bucket) => PhotoStore::Bucket(Bucket::new(bucket)),
        }
    }

    /// Tells where a photo is to be sent, by which it gets a key that nobody guesses.
    ///
    /// # Errors
    /// `Conflict` for a user whose name cannot be a folder's.
    pub fn upload(&self, user_id: &str, new: &NewUpload) -> Result<Upload> {
        let key = format!("uploads/{user_id}/{}.{}", crate::seal::random_name(), new.extension());
        let photo = Photo::try_from(key).ok().filter(|photo| is_upload(photo, user_id));
        let photo = photo.ok_or_else(|| Error::conflict("a user with this name can have no uploads"))?;
        Ok(match self {
            PhotoStore::Folder(_) => Upload::here(&photo, new),
            PhotoStore::Bucket(bucket) => Upload::at(bucket, &photo, new),
        })
    }
}

/// Whether this could be the key of an upload of this user: directly in their folder, and no hidden file.
pub fn is_upload(photo: &Photo, user_id: &str) -> bool {
    let name = photo.key().filter(|_| photo.is_open_to(user_id));
    let name = name.and_then(|key| key.strip_prefix("uploads/")?.strip_prefix(user_id)?.strip_prefix('/'));
    name.is_some_and(|name| !name.contains('/') && !name.starts_with('.'))
}

/// Whether this could be the key of a file of ours: no step upwards, no root.
fn is_relative(key: &str) -> bool {
    !key.split('/').any(|segment| matches!(segment, "" | "." | "..")) && !key.contains('\0')
}

#[cfg(test)]
mod tests;
