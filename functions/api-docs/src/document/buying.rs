//! What a caller looks for, and was told.

use serde_json::json;
use shared::db::list::ListRequest;
use shared::db::notifications::{
    self, Notification, NotificationKind, NotificationPatch, NotificationStatus,
};
use shared::db::saved_searches::{
    self, Match, NewSavedSearch, PreviewRequest, SavedSearch, SavedSearchPatch,
};
use shared::db::user_prefs::{NewUserPrefs, UserPrefs, UserPrefsPatch};
use shared::values::{RowId, Text};

use super::Parts;
use super::operations::{Conflicts, DOLLARS, Resource, filter, sorts};
use super::schemas::{output, value};

pub fn add(parts: &mut Parts) {
    add_notifications(parts);
    add_saved_searches(parts);
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
        filter("kind", value::<NotificationKind>(), "cheaper", "Exactly this kind."),
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

fn add_saved_searches(parts: &mut Parts) {
    let new = json!({
        "name": "Walnut desks nearby",
        "words_include": ["walnut", "standing desk"],
        "words_exclude": ["broken"],
        "category": "furniture>desks",
        "currency": "USD",
        "max_price_cents": 30000,
        "min_condition": "good",
        "lat": 37.34,
        "lng": -121.89,
        "radius_mi": 25,
        "min_score": 70,
        "channels": ["email"],
        "delivery": "instant",
    });
    parts.output::<SavedSearch<'_>>("SavedSearch");
    parts.output::<Match<'_>>("Match");
    // Asked for around a place alone.
    if let Some(fields) = parts.schemas["Match"]["properties"].as_object_mut() {
        fields.remove("distance_mi");
    }
    parts.input("NewSavedSearch", NewSavedSearch::read, &new);
    parts.input(
        "SavedSearchPatch",
        SavedSearchPatch::read,
        &json!({ "max_price_cents": null, "paused": true }),
    );
    // A circle has a centre and a radius.
    let number = json!({ "type": "number" });
    let nothing = json!({ "type": "null" });
    parts.schemas["NewSavedSearch"]["anyOf"] = json!([
        {
            "required": ["lat", "lng", "radius_mi"],
            "properties": { "lat": number, "lng": number, "radius_mi": number },
        },
        { "properties": { "lat": nothing, "lng": nothing, "radius_mi": nothing } },
    ]);
    let inputs = ["NewSavedSearch", "SavedSearchPatch"];
    for (field, description) in [
        ("words_include", "All of them in the title, each a word or a phrase, in any inflection."),
        ("words_exclude", "None of them in the title or the description."),
        ("min_price_cents", "What has no price is found only when none is asked for."),
        ("lat", "The centre of a circle, together with `lng` and `radius_mi`."),
        ("min_score", "What could not be valued is found only without it."),
        ("channels", "Beside the inbox; `null` is as the preferences say."),
        ("delivery", "At once, or with the next digest; `null` is as the preferences say."),
        ("paused", "Nothing is told of it."),
    ] {
        parts.describe(&inputs, field, description);
    }
    parts.describe(&["NewSavedSearch"], "currency", &format!("Of the prices. {DOLLARS}"));

    let resource = Resource {
        tag: "Saved searches",
        collection: "/saved-searches",
        item: "/saved-searches/{id}",
        schema: "SavedSearch",
        schema_plural: "SavedSearches",
        one: "a saved search",
        many: "saved searches",
        is_market: false,
    };
    let filters = vec![filter("paused", json!({ "type": "boolean" }), false, "Whether it is paused.")];
    let read =
        |parameters| ListRequest::read(parameters, saved_searches::SORTS, saved_searches::Filter::read);
    let conflicts = Conflicts { create: "A user has at most 100.", ..Conflicts::default() };
    resource.add(parts, &sorts(saved_searches::SORTS), filters, read, &conflicts);

    let preview = Resource {
        collection: "/saved-searches/{id}/preview",
        schema: "Match",
        schema_plural: "Matches",
        many: "the listings that a saved search finds now",
        ..resource
    };
    let mut list = preview.list(&[], vec![], PreviewRequest::read);
    list["description"] = "The newest first; of one that is paused too.".into();
    parts.paths.insert(preview.collection.into(), json!({ "get": list }));
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
