//! What photos show: from what their seller says, or by a model that looks at them.

use shared::config::VisionConfig;
use shared::db::snap_jobs::RecognizedBy;
use shared::values::{Attributes, Condition, Photo, Text};

use super::notes;
use super::vision::Vision;
use crate::job::Failure;

/// What there is to go by.
#[derive(Debug)]
pub struct Seen<'a> {
    pub notes: Option<&'a str>,
    /// Where the photos came from, which may have telling names.
    pub photos: &'a [Photo],
    /// The photos themselves, as JPEG.
    pub pictures: Vec<&'a [u8]>,
}

#[derive(Debug, PartialEq)]
pub struct Recognition {
    pub title: Text<1, 255>,
    pub description: Option<Text<0, 100_000>>,
    pub category: Option<Text<1, 120>>,
    pub condition: Option<Condition>,
    pub attributes: Attributes,
    /// 0 to 1.
    pub confidence: f64,
}

#[derive(Debug)]
pub enum Recognizer {
    /// Looks at no photo, and says so by its confidence.
    Notes,
    Vision(Vision),
}

impl Recognizer {
    pub fn new(vision: Option<&VisionConfig>) -> Result<Recognizer, Failure> {
        Ok(match vision {
            None => Recognizer::Notes,
            Some(config) => Recognizer::Vision(Vision::new(config.clone())?),
        })
    }

    pub fn name(&self) -> RecognizedBy {
        match self {
            Recognizer::Notes => RecognizedBy::Notes,
            Recognizer::Vision(_) => RecognizedBy::Vision,
        }
    }

    pub async fn recognize(&self, seen: &Seen<'_>) -> Result<Recognition, Failure> {
        let found = match self {
            Recognizer::Notes => notes::recognize(seen),
            Recognizer::Vision(vision) => vision.recognize(seen).await?,
        };
        found.ok_or_else(|| {
            Failure::Final(
                "it is not clear what this is: say in the notes what it is, and begin with its name".into(),
            )
        })
    }
}
