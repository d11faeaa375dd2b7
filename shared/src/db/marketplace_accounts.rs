//! The table `marketplace_accounts`: where a seller sells, with credentials that are sealed and never come out.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;
use tokio_postgres::Row;
use tokio_postgres::types::Json;

use super::Database;
use super::columns::Columns;
use super::idempotency_keys::insert_once;
use super::list::{KeyType, ListRequest, Sortable};
use super::query::Query;
use crate::error::OnConstraint;
use crate::http::{Created, Fields, IdempotencyKey, IfMatch, Page, Parameters};
use crate::seal::{Keys, SealError};
use crate::values::{Credentials, Platform, Text, Timestamp};
use crate::{Error, Result};

#[derive(Debug, Serialize, JsonSchema)]
pub struct MarketplaceAccount<'r> {
    pub id: i64,
    #[schemars(with = "Platform")]
    pub platform: &'r str,
    pub account_name: Option<&'r str>,
    /// Whether there are credentials.
    pub connected: bool,
    /// Since when there are these credentials.
    pub connected_at: Option<Timestamp>,
    /// For each of the credentials the last four characters; nothing of one that is shorter than twelve.
    #[schemars(with = "BTreeMap<String, String>")]
    pub credentials_hint: Json<&'r RawValue>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    #[serde(skip)]
    pub version: i32,
}

#[derive(Debug, JsonSchema)]
pub struct NewMarketplaceAccount {
    platform: Platform,
    account_name: Option<Text<1, 255>>,
    credentials: Option<Credentials>,
}

impl NewMarketplaceAccount {
    pub fn read(fields: &mut Fields) -> NewMarketplaceAccount {
        NewMarketplaceAccount {
            platform: fields.required("platform"),
            account_name: fields.optional("account_name"),
            credentials: fields.optional("credentials"),
        }
    }
}

/// `None` leaves a field as it is, `Some(None)` clears it. The platform never changes.
#[derive(Debug, JsonSchema)]
pub struct MarketplaceAccountPatch {
    account_name: Option<Option<Text<1, 255>>>,
    /// Replaced as a whole; `null` disconnects.
    credentials: Option<Option<Credentials>>,
}

impl MarketplaceAccountPatch {
    pub fn read(fields: &mut Fields) -> MarketplaceAccountPatch {
        MarketplaceAccountPatch {
            account_name: fields.change_or_clear("account_name"),
            credentials: fields.change_or_clear("credentials"),
        }
    }
}

#[derive(Debug, Default)]
pub struct Filter {
    platform: Option<Platform>,
    connected: Option<bool>,
}

impl Filter {
    pub fn read(parameters: &mut Parameters) -> Filter {
        Filter { platform: parameters.optional("platform"), connected: parameters.optional("connected") }
    }
}

pub const SORTS: &[Sortable] =
    &[Sortable::column("created_at", KeyType::Time), Sortable::column("updated_at", KeyType::Time)];

const COLUMNS: &str =
    "id, platform, account_name, connected, connected_at, credentials_hint, created_at, updated_at, version";

pub async fn list(db: &Database, user_id: &str, request: &ListRequest<Filter>) -> Result<Page> {
    let Filter { platform, connected } = &request.filter;
    let mut query = Query::default();
    request.select(&mut query, COLUMNS, "marketplace_accounts", None);
    query.and("user_id = ?", &user_id);
    if platform.is_some() {
        query.and("platform = ?", platform);
    }
    if connected.is_some() {
        query.and("connected = ?", connected);
    }
    request.slice(&mut query, None);
    let rows = db.read_as(user_id, &query.sql, &query.parameters).await?;
    Ok(request.page(&rows, MarketplaceAccount::of))
}

/// The row of a [`MarketplaceAccount`].
pub async fn get(db: &Database, user_id: &str, id: i64) -> Result<Row> {
    let sql = format!("select {COLUMNS} from marketplace_accounts where id = $1 and user_id = $2");
    db.read_as(user_id, &sql, &[&id, &user_id]).await?.pop().ok_or(NOT_FOUND)
}

const NOT_FOUND: Error = Error::NotFound("account");

/// # Errors
/// `Conflict` when the user has an account on the platform.
pub async fn insert(
    db: &Database,
    keys: &Keys,
    user_id: &str,
    key: Option<&IdempotencyKey>,
    new: &NewMarketplaceAccount,
) -> Result<Created> {
    let sql = format!(
        "insert into marketplace_accounts (user_id, platform, account_name, credentials, credentials_hint, connected,
             connected_at)
         values ($1, $2, $3, $4, coalesce($5::jsonb, '{{}}'), $4::bytea is not null,
             case when $4::bytea is not null then now() end)
         returning {COLUMNS}"
    );
    let platform = new.platform.as_str();
    let (sealed, hint) = sealed(keys, new.credentials.as_ref(), user_id, platform);
    insert_once(db, user_id, key, &sql, &[&user_id, &platform, &new.account_name, &sealed, &hint], |row| {
        let account = MarketplaceAccount::of(row);
        Created::of("/marketplace-accounts", account.id, account.version, &account)
    })
    .await
    .on_constraint("marketplace_accounts_user_id_platform_key", || {
        Error::conflict("there is an account on this platform already")
    })
}

/// # Errors
/// `NotFound`; `PreconditionFailed` when the row has none of the versions.
pub async fn update(
    db: &Database,
    keys: &Keys,
    user_id: &str,
    id: i64,
    if_match: &IfMatch,
    patch: &MarketplaceAccountPatch,
) -> Result<Row> {
    let sql = format!(
        "update marketplace_accounts set
             account_name = case when $4 then $5 else account_name end,
             credentials = case when $6 then $7::bytea else credentials end,
             credentials_hint = case when $6 then coalesce($8::jsonb, '{{}}') else credentials_hint end,
             connected = case when $6 then $7::bytea is not null else connected end,
             connected_at = case when $6 then case when $7::bytea is not null then now() end else connected_at end,
             updated_at = now(),
             version = version + 1
         where id = $1 and user_id = $2 and ($3::int4[] is null or version = any ($3))
         returning {COLUMNS}"
    );
    let credentials = patch.credentials.as_ref().and_then(Option::as_ref);
    let (sealed, hint) = match credentials {
        // They are bound to the platform, which no patch names.
        Some(_) => {
            let row = get(db, user_id, id).await?;
            sealed(keys, credentials, user_id, MarketplaceAccount::of(&row).platform)
        }
        None => (None, None),
    };
    let mut updated = db
        .write_as(
            user_id,
            &sql,
            &[
                &id,
                &user_id,
                &if_match.versions(),
                &patch.account_name.is_some(),
                &patch.account_name.as_ref().and_then(Option::as_ref),
                &patch.credentials.is_some(),
                &sealed,
                &hint,
            ],
        )
        .await?;
    match updated.pop() {
        Some(row) => Ok(row),
        None => Err(if_match.missing_or_changed(get(db, user_id, id).await, NOT_FOUND)),
    }
}

/// Errors as for [`update`].
pub async fn delete(db: &Database, user_id: &str, id: i64, if_match: &IfMatch) -> Result<()> {
    let sql =
        "delete from marketplace_accounts where id = $1 and user_id = $2 and ($3::int4[] is null or version = any ($3))
               returning id";
    let deleted = db.write_as(user_id, sql, &[&id, &user_id, &if_match.versions()]).await?;
    match deleted.first() {
        Some(_) => Ok(()),
        None => Err(if_match.missing_or_changed(get(db, user_id, id).await, NOT_FOUND)),
    }
}

/// What logs in for a user on a platform; `None` when the account is not connected.
///
/// # Errors
/// `NotFound` when there is no account, `Sealed` when its credentials do not open.
pub async fn open(db: &Database, keys: &Keys, user_id: &str, platform: &str) -> Result<Option<Credentials>> {
    let sql = "select credentials from marketplace_accounts where user_id = $1 and platform = $2";
    let row = db.read_as(user_id, sql, &[&user_id, &platform]).await?.pop().ok_or(NOT_FOUND)?;
    let Some(sealed) = row.get::<_, Option<&[u8]>>(0) else { return Ok(None) };
    let json = keys.open(sealed, &bound_to(user_id, platform))?;
    Ok(Some(Credentials::from_json(&json).ok_or(SealError::Form)?))
}

/// So many at once, when keys are rotated.
const BATCH: i64 = 200;

/// Seals with the first key what another one sealed, for all users, and tells how many that were. What a request
/// changes meanwhile stays as the request left it, so it may take another run: the one that finds nothing is the last.
///
/// # Errors
/// `Sealed` when some do not open, after all the others.
pub async fn rotate(db: &Database, keys: &Keys) -> Result<u64> {
    // Bounded by rows looked at, not by rows found: few of many may be left.
    let look = format!(
        "select id, user_id, platform,
             case when substring(credentials from 1 for length($2::bytea)) <> $2 then credentials end
         from marketplace_accounts where id > $1 and credentials is not null order by id limit {BATCH}"
    );
    let change = "update marketplace_accounts account set credentials = batch.after
                  from unnest($1::bigint[], $2::bytea[], $3::bytea[]) batch (id, before, after)
                  where account.id = batch.id and account.credentials = batch.before
                  returning account.id";
    let (mut last, mut rotated, mut broken) = (0_i64, 0, None);
    loop {
        let rows = db.read(&look, &[&last, &keys.header_of_first()]).await?;
        let Some(end) = rows.last() else { break };
        last = end.get(0);
        let (mut ids, mut before, mut after) = (Vec::new(), Vec::new(), Vec::new());
        for row in &rows {
            let mut columns = Columns::of(row);
            let (id, user_id, platform): (i64, &str, &str) = (columns.take(), columns.take(), columns.take());
            let Some(sealed) = columns.take::<Option<&[u8]>>() else { continue };
            let bound_to = bound_to(user_id, platform);
            match keys.open(sealed, &bound_to) {
                Ok(secret) => {
                    ids.push(id);
                    before.push(sealed);
                    after.push(keys.seal(&secret, &bound_to));
                }
                Err(error) => {
                    tracing::error!(id, %error, "an account's credentials do not open");
                    broken = Some(error);
                }
            }
        }
        if !ids.is_empty() {
            rotated += db.write(change, &[&ids, &before, &after]).await?.len() as u64;
        }
    }
    broken.map_or(Ok(rotated), |error| Err(error.into()))
}

/// Sealed, and what may be shown of them.
fn sealed(
    keys: &Keys,
    credentials: Option<&Credentials>,
    user_id: &str,
    platform: &str,
) -> (Option<Vec<u8>>, Option<Json<Value>>) {
    let sealed = credentials.map(|it| keys.seal(&it.to_json(), &bound_to(user_id, platform)));
    (sealed, credentials.map(|it| Json(it.hint())))
}

/// What a row's credentials are sealed for: what tells it from every other row and never changes. Its id is not known
/// before it is inserted. NUL can occur in neither part.
fn bound_to(user_id: &str, platform: &str) -> Vec<u8> {
    format!("marketplace_accounts\0{user_id}\0{platform}").into_bytes()
}

impl<'r> MarketplaceAccount<'r> {
    /// In the order of `COLUMNS`.
    pub fn of(row: &'r Row) -> MarketplaceAccount<'r> {
        let mut columns = Columns::of(row);
        MarketplaceAccount {
            id: columns.take(),
            platform: columns.take(),
            account_name: columns.take(),
            connected: columns.take(),
            connected_at: columns.take(),
            credentials_hint: columns.take(),
            created_at: columns.take(),
            updated_at: columns.take(),
            version: columns.take(),
        }
    }
}
