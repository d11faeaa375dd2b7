//! A photo by its bytes: whether it is one, and a copy without what cameras write into them.

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits, Rgb, RgbImage};
use tokio::sync::Semaphore;

use crate::job::Failure;

const MOST_PIXELS: u64 = 40_000_000;
/// What a decoder may take: the largest photo, of 16 bits a channel.
const MOST_MEMORY: u64 = 8 * MOST_PIXELS;

/// Of the longer side.
const KEPT_SIDE: u32 = 2048;
const SHOWN_SIDE: u32 = 1024;
const QUALITY: u8 = 85;

/// One at a time in a process: decoded, a photo takes up to half a gigabyte.
static TURN: Semaphore = Semaphore::const_new(1);

#[derive(Debug)]
pub struct Picture {
    /// To be kept.
    pub kept: Vec<u8>,
    /// To be looked at by a model, which needs less.
    pub shown: Vec<u8>,
}

/// Both as JPEG, upright, without any of the metadata.
pub async fn prepare(bytes: Vec<u8>) -> Result<Picture, Failure> {
    let turn = TURN.acquire().await.expect("is never closed");
    let work = tokio::task::spawn_blocking(move || {
        // Until it really ends, also when nobody waits for it any more.
        let _turn = turn;
        copies(&bytes)
    });
    work.await.unwrap_or_else(|_| Err(unreadable()))
}

fn copies(bytes: &[u8]) -> Result<Picture, Failure> {
    let picture = decode(bytes)?;
    let kept = encode(&picture)?;
    let shown = encode(&flattened(&shrunk(picture.into(), SHOWN_SIDE)))?;
    Ok(Picture { kept, shown })
}

fn decode(bytes: &[u8]) -> Result<RgbImage, Failure> {
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(|_| unreadable())?;
    if !matches!(reader.format(), Some(ImageFormat::Jpeg | ImageFormat::Png | ImageFormat::WebP)) {
        return Err(Failure::Final("is not a JPEG, PNG or WebP image".into()));
    }
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(MOST_MEMORY);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(|error| refusal(&error))?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MOST_PIXELS {
        return Err(too_many_pixels());
    }
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let picture = DynamicImage::from_decoder(decoder).map_err(|error| refusal(&error))?;
    let mut picture = shrunk(picture, KEPT_SIDE);
    picture.apply_orientation(orientation);
    Ok(flattened(&picture))
}

fn shrunk(picture: DynamicImage, side: u32) -> DynamicImage {
    if picture.width().max(picture.height()) > side { picture.thumbnail(side, side) } else { picture }
}

/// What is transparent becomes white.
fn flattened(picture: &DynamicImage) -> RgbImage {
    if !picture.color().has_alpha() {
        return picture.to_rgb8();
    }
    let picture = picture.to_rgba8();
    let over_white = |channel: u8, alpha: u8| {
        let (channel, alpha) = (u32::from(channel), u32::from(alpha));
        u8::try_from((channel * alpha + 255 * (255 - alpha) + 127) / 255).unwrap_or(u8::MAX)
    };
    RgbImage::from_fn(picture.width(), picture.height(), |x, y| {
        let [red, green, blue, alpha] = picture.get_pixel(x, y).0;
        Rgb([red, green, blue].map(|channel| over_white(channel, alpha)))
    })
}

fn encode(picture: &RgbImage) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let written = JpegEncoder::new_with_quality(&mut bytes, QUALITY).encode_image(picture);
    written.map_err(|_| unreadable())?;
    Ok(bytes)
}

fn refusal(error: &ImageError) -> Failure {
    match error {
        ImageError::Limits(_) => too_many_pixels(),
        _ => unreadable(),
    }
}

fn too_many_pixels() -> Failure {
    Failure::Final("has more than 40 megapixels".into())
}

fn unreadable() -> Failure {
    Failure::Final("cannot be read as an image: it may be damaged".into())
}

#[cfg(test)]
pub mod tests;
