//! Photos as objects of a bucket of S3: requests that are signed in their URL, without one being sent.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html>

use std::time::{Duration, SystemTime};

use aws_sigv4::http_request::{
    PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4::SigningParams;
use lambda_http::http::Request;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::config::{AwsCredentials, BucketConfig};

/// What S3 leaves as it is in a key, and the slashes between its segments.
const KEY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

#[derive(Debug)]
pub struct Bucket {
    /// Of an object, without the slash before its key.
    base: String,
    region: String,
    credentials: AwsCredentials,
}

impl Bucket {
    /// How long a signed request may be sent.
    pub const VALID_FOR: Duration = Duration::from_secs(600);

    pub fn new(config: BucketConfig) -> Bucket {
        let BucketConfig { name, region, credentials, endpoint } = config;
        let base = match endpoint {
            Some(endpoint) => format!("{endpoint}/{name}"),
            None => format!("https://{name}.s3.{region}.amazonaws.com"),
        };
        Bucket { base, region, credentials }
    }

    /// Takes exactly so many bytes, as this type: S3 refuses others.
    pub fn put(&self, key: &str, content_type: &str, size: usize) -> String {
        let size = size.to_string();
        let headers = [("content-length", size.as_str()), ("content-type", content_type)];
        self.sign("PUT", key, &headers, SystemTime::now(), Bucket::VALID_FOR)
    }

    pub fn get(&self, key: &str) -> String {
        self.sign("GET", key, &[], SystemTime::now(), Bucket::VALID_FOR)
    }

    fn sign(
        &self,
        method: &str,
        key: &str,
        headers: &[(&str, &str)],
        now: SystemTime,
        valid_for: Duration,
    ) -> String {
        let url = format!("{}/{}", self.base, utf8_percent_encode(key, KEY));
        let mut settings = SigningSettings::default();
        settings.signature_location = SignatureLocation::QueryParams;
        settings.expires_in = Some(valid_for);
        // S3 signs the path as it is sent.
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        let identity = self.credentials.for_sdk().into();
        let parameters = SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name("s3")
            .time(now)
            .settings(settings)
            .build()
            .expect("all of them are given");
        let mut request = Request::builder().uri(&url).body(()).expect("the key is percent-encoded");
        let signable =
            SignableRequest::new(method, &url, headers.iter().copied(), SignableBody::UnsignedPayload);
        let signed = signable.and_then(|signable| sign(signable, &parameters.into()));
        let (instructions, _) = signed.expect("URL and headers are our own").into_parts();
        instructions.apply_to_request_http1x(&mut request);
        request.uri().to_string()
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::config::Secret;

    /// The example in the page that the module names.
    #[test]
    fn a_signed_request_equals_the_published_example() {
        let bucket = Bucket {
            base: "https://examplebucket.s3.amazonaws.com".into(),
            region: "us-east-1".into(),
            credentials: AwsCredentials {
                access_key_id: "AKIAIOSFODNN7EXAMPLE".into(),
                secret_access_key: Secret::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
                session_token: None,
            },
        };
        let time = UNIX_EPOCH + Duration::from_secs(1_369_353_600);
        let url = bucket.sign("GET", "test.txt", &[], time, Duration::from_secs(86_400));
        let (url, signature) = url.split_once("&X-Amz-Signature=").expect("is signed");
        assert_eq!(signature, "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
        let mut parameters: Vec<&str> = url.split(['?', '&']).collect();
        parameters.sort_unstable();
        assert_eq!(
            parameters,
            [
                "X-Amz-Algorithm=AWS4-HMAC-SHA256",
                "X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request",
                "X-Amz-Date=20130524T000000Z",
                "X-Amz-Expires=86400",
                "X-Amz-SignedHeaders=host",
                "https://examplebucket.s3.amazonaws.com/test.txt",
            ]
        );
    }
}
