//! Photos as files of a folder, on a developer's machine.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::PathBuf;

use super::{LARGEST_PHOTO, is_relative};

#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    pub fn new(path: PathBuf) -> Folder {
        Folder { path }
    }

    /// `None` when there is no such file.
    ///
    /// # Errors
    /// `FileTooLarge` for more than [`LARGEST_PHOTO`].
    pub async fn read(&self, key: &str) -> io::Result<Option<Vec<u8>>> {
        let path = self.path_of(key)?;
        blocking(move || {
            let file = match File::open(path) {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(error),
            };
            let mut bytes = Vec::new();
            file.take(LARGEST_PHOTO as u64 + 1).read_to_end(&mut bytes)?;
            if bytes.len() > LARGEST_PHOTO {
                Err(io::ErrorKind::FileTooLarge.into())
            } else {
                Ok(Some(bytes))
            }
        })
        .await
    }

    /// All or nothing: who reads meanwhile finds what was there before.
    pub async fn write(&self, key: &str, bytes: Vec<u8>) -> io::Result<()> {
        let path = self.path_of(key)?;
        blocking(move || {
            let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
            fs::create_dir_all(folder)?;
            let unfinished = folder.join(format!(".{}", crate::seal::random_name()));
            let written = fs::write(&unfinished, bytes).and_then(|()| fs::rename(&unfinished, &path));
            written.inspect_err(|_| {
                let _ = fs::remove_file(&unfinished);
            })
        })
        .await
    }

    fn path_of(&self, key: &str) -> io::Result<PathBuf> {
        if is_relative(key) { Ok(self.path.join(key)) } else { Err(io::ErrorKind::InvalidInput.into()) }
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| Err(io::ErrorKind::Other.into()))
}
