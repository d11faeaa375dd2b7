//! What a caller looks for, and was told.

use serde_json::json;
use shared::db::list::ListRequest;
use shared::db::notifications::{self, Notification, NotificationPatch, NotificationStatus};
use shared::db::user_prefs::{NewUserPrefs, UserPrefs, UserPrefsPatch};
use shared::values::{RowId, Text};

use super::Parts;
use super::operations::{Resource, filter, sorts};
use super::schemas::{output, value};

pub fn add(parts: &mut Parts) {
    add_notifications(parts);
    add_user_prefs(parts);
}

fn add_notifications(parts: &mut Parts) {
    parts.output::<Notification<'_>>("Notification");
    parts.input("NotificationPatch", NotificationPatch::read, &json!({ "read": true }));
    parts.describe(&["Notification"], "status", "pending → sent, failed; failed → pending, sent.");

    let resource = Resource {
        tag: "Notifications",
        collection: "/notifications",
        item: "/notifications/{id}",
        schema: "Notification",
        schema_plural: "Notifications",
        one: "a notification",
        many: "notifications",
        is_market: false,
    };
    let filters = vec![
        filter("read", json!({ "type": "boolean" }), false, "Whether it was read."),
        filter("status", value::<NotificationStatus>(), "sent", "Exactly this status."),
        filter("channel", value::<Text<1, 50>>(), "email", "By which way it was told."),
        filter("listing_id", value::<RowId>(), 1, "What was told of this listing."),
    ];
    let read = |parameters| ListRequest::read(parameters, notifications::SORTS, notifications::Filter::read);
    let list = resource.list(&sorts(notifications::SORTS), filters, read);
    let item = json!({ "get": resource.get(), "patch": resource.update(""), "delete": resource.delete("") });
    parts.paths.insert(resource.collection.into(), json!({ "get": list }));
    parts.paths.insert(resource.item.into(), item);
}

fn add_user_prefs(parts: &mut Parts) {
    let new = json!({
        "lat": 37.34,
        "lng": -121.89,
        "city": "San Jose",
        "radius_mi": 50,
        "min_condition": "good",
        "max_price_cents": { "furniture>sofas": 15000 },
        "keywords_include": ["walnut"],
        "notify_channels": ["email"],
        "time_zone": "America/Los_Angeles",
        "quiet_hours": { "start": "22:00", "end": "07:00" },
    });
    let patch =
        json!({ "radius_mi": 25, "max_price_cents": { "furniture>sofas": null }, "quiet_hours": null });
    parts.schemas.insert("UserPrefs".into(), output::<UserPrefs<'_>>());
    parts.input("NewUserPrefs", NewUserPrefs::read, &new);
    parts.input("UserPrefsPatch", UserPrefsPatch::read, &patch);
    // A circle has a centre.
    parts.schemas["NewUserPrefs"]["anyOf"] = json!([
        { "required": ["lat", "lng"], "properties": { "lat": { "type": "number" }, "lng": { "type": "number" } } },
        { "properties": { "lat": { "type": "null" }, "lng": { "type": "null" }, "radius_mi": { "type": "null" } } },
    ]);
    let hours = "By the clock of the time zone; they may go over midnight.";
    parts.describe(&["UserPrefs", "NewUserPrefs", "UserPrefsPatch"], "quiet_hours", hours);
    let prices = "`null` takes a category's limit away; categories that are not named keep theirs.";
    parts.describe(&["UserPrefsPatch"], "max_price_cents", prices);

    let resource = Resource {
        tag: "Preferences",
        collection: "",
        item: "/user-prefs",
        schema: "UserPrefs",
        schema_plural: "",
        one: "the caller's preferences",
        many: "",
        is_market: false,
    };
    let item = json!({ "get": resource.get(), "put": resource.replace(), "patch": resource.update("") });
    parts.paths.insert(resource.item.into(), item);
}
