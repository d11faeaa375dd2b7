//! Where photos are kept: `PHOTO_STORE`.

use std::path::PathBuf;

use url::Url;

use super::{AwsCredentials, ConfigError, Environment, Secret};

const VARIABLE: &str = "PHOTO_STORE";

#[derive(Debug, Clone)]
pub enum PhotoStoreConfig {
    /// `file:///folder`, on a developer's machine.
    Folder(PathBuf),
    /// `s3://bucket`
    Bucket(BucketConfig),
}

#[derive(Debug, Clone)]
pub struct BucketConfig {
    pub name: String,
    /// `AWS_REGION`
    pub region: String,
    /// The function's own role.
    pub credentials: AwsCredentials,
    /// `AWS_ENDPOINT_URL_S3`, as the AWS tools have it: another server that speaks S3.
    pub endpoint: Option<String>,
}

impl PhotoStoreConfig {
    pub(super) fn from_environment(
        environment: &Environment<'_>,
    ) -> Result<Option<PhotoStoreConfig>, ConfigError> {
        let Some(value) = environment.get(VARIABLE) else { return Ok(None) };
        let invalid = |problem: &str| ConfigError::new(VARIABLE, problem);
        let neither = || invalid("is neither file:///folder nor s3://bucket");
        let url = Url::parse(&value).map_err(|_| neither())?;
        let is_plain = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
        match url.scheme() {
            _ if !is_plain => Err(neither()),
            "file" if environment.is_lambda() => {
                Err(invalid("is a folder, which a function in AWS Lambda does not keep"))
            }
            "file" => match url.to_file_path() {
                Ok(folder) if folder.parent().is_some() => Ok(Some(PhotoStoreConfig::Folder(folder))),
                _ => Err(neither()),
            },
            "s3" => {
                let name = url.host_str().unwrap_or_default();
                if !matches!(url.path(), "" | "/") || url.port().is_some() || !is_bucket(name) {
                    return Err(invalid("names no bucket of 3 to 63 small letters, digits and hyphens"));
                }
                Ok(Some(PhotoStoreConfig::Bucket(bucket(environment, name)?)))
            }
            _ => Err(neither()),
        }
    }
}

/// A name that can be part of a host name; with a dot, S3's certificate would not match.
fn is_bucket(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (3..=63).contains(&name.len()) && name.bytes().all(plain)
}

fn bucket(environment: &Environment<'_>, name: &str) -> Result<BucketConfig, ConfigError> {
    let needed = |variable: &'static str| {
        let missing = || ConfigError::new(variable, "is not set, and PHOTO_STORE=s3://… needs it");
        environment.get(variable).ok_or_else(missing)
    };
    let endpoint = environment.get("AWS_ENDPOINT_URL_S3");
    if endpoint.as_deref().is_some_and(|endpoint| !is_endpoint(endpoint)) {
        return Err(ConfigError::new("AWS_ENDPOINT_URL_S3", "is not an http or https URL without a path"));
    }
    Ok(BucketConfig {
        name: name.to_owned(),
        region: needed("AWS_REGION")?,
        credentials: AwsCredentials {
            access_key_id: needed("AWS_ACCESS_KEY_ID")?,
            secret_access_key: Secret(needed("AWS_SECRET_ACCESS_KEY")?),
            session_token: environment.get("AWS_SESSION_TOKEN").map(Secret),
        },
        endpoint: endpoint.map(|endpoint| endpoint.trim_end_matches('/').to_owned()),
    })
}

fn is_endpoint(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.path() == "/"
            && url.query().is_none()
    })
}
