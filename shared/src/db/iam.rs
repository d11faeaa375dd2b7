//! Tokens that stand in for a password: signed locally, without a request, valid for 15 minutes.
//! <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.IAMDBAuth.html>

use aws_sdk_rds::auth_token::{AuthTokenGenerator, Config};
use aws_sdk_rds::config::{Region, SharedCredentialsProvider};
use aws_sdk_rds::error::BoxError;
use aws_smithy_async::time::SharedTimeSource;
use aws_types::SdkConfig;

use crate::config::{AwsCredentials, PostgresConfig, Secret};

/// Signs a token for one connection attempt. Tokens are not kept: one is checked only while connecting, and an
/// environment outlives it.
pub async fn token(
    config: &PostgresConfig,
    region: &str,
    credentials: &AwsCredentials,
    clock: &SharedTimeSource,
) -> Result<Secret, BoxError> {
    let sdk_config = SdkConfig::builder()
        .credentials_provider(SharedCredentialsProvider::new(credentials.for_sdk()))
        .time_source(clock.clone())
        .build();
    let generator = AuthTokenGenerator::new(
        Config::builder()
            .hostname(&config.host)
            .port(config.port.into())
            .username(&config.user)
            .region(Region::new(region.to_owned()))
            .build()?,
    );
    Ok(Secret::new(generator.auth_token(&sdk_config).await?.as_str()))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use aws_smithy_async::time::StaticTimeSource;

    use super::*;
    use crate::config::Config as AppConfig;

    #[tokio::test]
    async fn a_token_equals_the_sdks_published_vector() {
        let config = AppConfig::from_lookup(&|name| {
            Some(match name {
                "DB_HOST" => "prod-instance.us-east-1.rds.amazonaws.com".into(),
                "DB_PORT" => "3306".into(),
                "POSTGRES_USER" => "peccy".into(),
                _ => return None,
            })
        })
        .expect("the configuration is complete");
        let credentials = AwsCredentials {
            access_key_id: "akid".into(),
            secret_access_key: Secret::new("secret"),
            session_token: None,
        };
        let time = StaticTimeSource::new(UNIX_EPOCH + Duration::from_secs(1_724_709_600));
        let clock = SharedTimeSource::new(time);
        let token = token(&config.postgres, "us-east-1", &credentials, &clock).await.expect("signs");
        assert_eq!(
            token.reveal(),
            "prod-instance.us-east-1.rds.amazonaws.com:3306/?Action=connect&DBUser=peccy\
             &X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=akid%2F20240826%2Fus-east-1%2Frds-db%2Faws4_request\
             &X-Amz-Date=20240826T220000Z&X-Amz-Expires=900&X-Amz-SignedHeaders=host\
             &X-Amz-Signature=dd0cba843009474347af724090233265628ace491ea17ce3eb3da098b983ad89"
        );
    }
}
