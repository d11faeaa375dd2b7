//! Photos of the tests' own making: with what cameras write into them, damaged, and too large.

use image::codecs::png::PngEncoder;
use image::{GrayImage, ImageEncoder};

use super::*;

/// 60 × 40, red above and blue below.
pub fn jpeg() -> Vec<u8> {
    let photo = RgbImage::from_fn(60, 40, |_, y| if y < 20 { Rgb([255, 0, 0]) } else { Rgb([0, 0, 255]) });
    encode(&photo).unwrap()
}

/// What a phone adds: which way up it is, and, after that, where it was.
fn with_exif(jpeg: &[u8], orientation: u8) -> Vec<u8> {
    let mut exif = b"Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
    exif.extend([orientation, 0, 0, 0, 0, 0, 0]);
    exif.extend(b"GPS 37.3382N 121.8863W hunter2");
    let length = u16::try_from(exif.len() + 2).unwrap().to_be_bytes();
    [&jpeg[..2], &[0xff, 0xe1], &length, &exif, &jpeg[2..]].concat()
}

fn reason(bytes: Vec<u8>) -> String {
    match copies(&bytes) {
        Err(Failure::Final(reason)) => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_a_camera_writes_is_gone_and_the_photo_is_upright() {
    let photo = with_exif(&jpeg(), 6);
    assert!(photo.windows(7).any(|window| window == b"hunter2"));
    let copies = copies(&photo).unwrap();
    for copy in [&copies.kept, &copies.shown] {
        for trace in [&b"hunter2"[..], b"Exif", b"GPS"] {
            assert!(!copy.windows(trace.len()).any(|window| window == trace));
        }
        let turned = image::load_from_memory(copy).unwrap().to_rgb8();
        assert_eq!(turned.dimensions(), (40, 60), "it lay on its side");
        let Rgb([red, _, blue]) = *turned.get_pixel(35, 30);
        assert!(red > 200 && blue < 50, "what was above is right");
    }
}

#[test]
fn a_large_photo_is_made_smaller_and_a_transparent_one_white() {
    let large = DynamicImage::new_rgb8(3000, 1000).to_rgb8();
    let copies = copies(&encode(&large).unwrap()).unwrap();
    let sizes = [&copies.kept, &copies.shown]
        .map(|copy| image::load_from_memory(copy).unwrap().to_rgb8().dimensions());
    assert_eq!(sizes, [(2048, 683), (1024, 342)]);

    let mut png = Vec::new();
    let clear = image::RgbaImage::new(4, 4);
    PngEncoder::new(&mut png).write_image(&clear, 4, 4, image::ExtendedColorType::Rgba8).unwrap();
    let white = image::load_from_memory(&super::copies(&png).unwrap().kept).unwrap().to_rgb8();
    assert!(white.pixels().all(|Rgb(channels)| channels.iter().all(|channel| *channel > 250)));
}

#[test]
fn what_is_no_photo_or_too_large_is_refused_in_words() {
    let mut png = Vec::new();
    // Small to send: 40,008,000 pixels of nothing.
    let vast = GrayImage::new(8000, 5001);
    PngEncoder::new(&mut png).write_image(&vast, 8000, 5001, image::ExtendedColorType::L8).unwrap();
    assert!(png.len() < 1 << 20);
    assert_eq!(reason(png), "has more than 40 megapixels");
    let jpeg = jpeg();
    for damaged in [
        &jpeg[..jpeg.len() / 2 - 200],
        &jpeg[..20],
        b"\xff\xd8\xff\xe0",
        b"\x89PNG\r\n\x1a\n",
        b"RIFF\0\0\0\0WEBPVP8 ",
    ] {
        assert_eq!(reason(damaged.to_vec()), "cannot be read as an image: it may be damaged");
    }
    for other in [
        &b""[..],
        b"<html></html>",
        b"GIF89a\x01\0\x01\0\0\0\0;",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"%PDF-1.4",
    ] {
        assert_eq!(reason(other.to_vec()), "is not a JPEG, PNG or WebP image");
    }
}
