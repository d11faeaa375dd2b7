//! Who calls, and what they may do.

use lambda_http::Request;
use lambda_http::http::header::AUTHORIZATION;
use lambda_http::request::RequestContext;

use crate::config::DevelopmentIdentity;
use crate::values::EmailAddress;
use crate::{App, Error, Result};

/// Writes the market: listings, scores, comparable sales.
pub const DEALS_INGEST: &str = "deals/ingest";

/// Reads and retries dead jobs.
pub const DEALS_ADMIN: &str = "deals/admin";

/// A signed-in caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The token's `sub`.
    pub user_id: String,
    scopes: String,
    email: Email,
}

/// What is known of a caller's address.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Email {
    Unverified,
    Verified(String),
    /// On a developer's machine: whatever they say.
    Any,
}

impl Caller {
    /// The gateway's authorizer has verified the token; here only its claims are read. Without them the caller
    /// is nobody, however the request came here.
    pub fn of(app: &App, request: &Request) -> Result<Caller> {
        from_claims(request)
            .or_else(|| from_development(app.development_identity.as_ref()?, request))
            // What the database can hold as a user.
            .filter(|caller| (1..=255).contains(&caller.user_id.chars().count()))
            .filter(|caller| !caller.user_id.contains('\0'))
            .ok_or(Error::Unauthenticated)
    }

    /// Whether the caller has the scope.
    pub fn may(&self, scope: &'static str) -> bool {
        self.scopes.split(' ').any(|granted| granted == scope)
    }

    /// Whether an address is known to be the caller's: the token says so.
    pub fn has_verified(&self, address: &EmailAddress) -> bool {
        match &self.email {
            Email::Unverified => false,
            Email::Verified(verified) => verified.eq_ignore_ascii_case(address.as_str()),
            Email::Any => true,
        }
    }

    /// Refuses a caller without the scope.
    pub fn require(&self, scope: &'static str) -> Result<()> {
        if self.may(scope) { Ok(()) } else { Err(Error::Forbidden(scope)) }
    }
}

fn from_claims(request: &Request) -> Option<Caller> {
    // `RequestContext` has one variant here, and more when other crates ask lambda_http for them.
    let RequestContext::ApiGatewayV2(context) = request.extensions().get::<RequestContext>()? else {
        return None;
    };
    let claims = &context.authorizer.as_ref()?.jwt.as_ref()?.claims;
    // The gateway writes every claim as text, a list as "[a b]".
    let scopes = claims.get("scope").map(|scopes| scopes.trim_matches(['[', ']']).to_owned());
    // As text, too, whichever of both it is in the token.
    let is_verified = claims.get("email_verified").is_some_and(|verified| verified == "true");
    let email = match claims.get("email").filter(|_| is_verified) {
        Some(address) => Email::Verified(address.clone()),
        None => Email::Unverified,
    };
    Some(Caller { user_id: claims.get("sub")?.clone(), scopes: scopes.unwrap_or_default(), email })
}

fn from_development(identity: &DevelopmentIdentity, request: &Request) -> Option<Caller> {
    let Some(header) = request.headers().get(AUTHORIZATION) else {
        let (user_id, scopes) = (identity.user_id.clone()?, identity.scopes.clone());
        return Some(Caller { user_id, scopes, email: Email::Any });
    };
    let token = header.to_str().ok()?.strip_prefix("Bearer ")?.trim();
    let (user_id, scopes) = token.split_once(' ').unwrap_or((token, ""));
    Some(Caller { user_id: user_id.to_owned(), scopes: scopes.to_owned(), email: Email::Any })
}
