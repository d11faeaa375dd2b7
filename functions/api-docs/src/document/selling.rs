//! What a caller sells, and where.

use serde_json::{Map, Value, json};
use shared::db::cross_posts::{self, CrossPost, CrossPostPatch, CrossPostStatus, NewCrossPost};
use shared::db::list::ListRequest;
use shared::db::marketplace_accounts::{
    self, MarketplaceAccount, MarketplaceAccountPatch, NewMarketplaceAccount,
};
use shared::db::my_items::{self, MyItem, MyItemPatch, MyItemStatus, NewMyItem};
use shared::db::orders::{self, NewOrder, Order, OrderPatch, OrderStatus};
use shared::db::snap_jobs::{self, NewSnapJob, SnapJob, SnapJobStatus};
use shared::photo_store::{ImageType, LARGEST_PHOTO, NewUpload, Upload};
use shared::values::{Condition, Platform, RowId, Text, Timestamp};

use super::Parts;
use super::operations::{
    Conflicts, DOLLARS, KEY_RUNS, Resource, answers, body, filter, reference, search, sorts,
};
use super::responses::{json_body, no_body, problem_because};
use super::schemas::{output, value};

pub fn add(parts: &mut Parts) {
    add_my_items(parts);
    add_cross_posts(parts);
    add_orders(parts);
    add_marketplace_accounts(parts);
    add_snap_jobs(parts);
}

fn add_my_items(parts: &mut Parts) {
    let new = json!({
        "title": "Desk lamp",
        "description": "Brass, works.",
        "attributes": { "brand": "Anglepoise" },
        "condition": "great",
        "price_cents": 4500,
    });
    parts.output::<MyItem<'_>>("MyItem");
    parts.input("NewMyItem", NewMyItem::read, &new);
    parts.input("MyItemPatch", MyItemPatch::read, &json!({ "status": "available", "category": null }));
    parts.describe(&["NewMyItem"], "currency", DOLLARS);
    parts.describe(
        &["MyItem", "NewMyItem", "MyItemPatch"],
        "status",
        "Begins as draft (unless told) or available. draft → available, archived; available → draft, sold, archived; \
         sold → available, archived; archived → draft.",
    );

    let filters = vec![
        filter("status", value::<MyItemStatus>(), "available", "Exactly this status."),
        filter("category", value::<Text<1, 120>>(), "lamps", "Exactly this category."),
        filter("condition", value::<Condition>(), "great", "Exactly this condition."),
        search("title and description"),
    ];
    let resource = Resource {
        tag: "My items",
        collection: "/my-items",
        item: "/my-items/{id}",
        schema: "MyItem",
        schema_plural: "MyItems",
        one: "an item",
        many: "items",
        is_market: false,
    };
    let conflicts = Conflicts {
        create: "An item cannot begin with this status.",
        update: NO_SUCH_STEP,
        delete: "The item was posted: archive it instead.",
    };
    let read = |parameters| ListRequest::read(parameters, my_items::SORTS, my_items::Filter::read);
    resource.add(parts, &sorts(my_items::SORTS), filters, read, &conflicts);
}

fn add_cross_posts(parts: &mut Parts) {
    let new = json!({
        "my_item_id": 1,
        "platform": "ebay",
        "listing_url": "https://example.com/itm/110551991234",
        "status": "pending",
    });
    parts.output::<CrossPost<'_>>("CrossPost");
    parts.input("NewCrossPost", NewCrossPost::read, &new);
    parts.input(
        "CrossPostPatch",
        CrossPostPatch::read,
        &json!({ "status": "live", "external_id": "110551991234" }),
    );
    parts.describe(
        &["CrossPost", "NewCrossPost", "CrossPostPatch"],
        "status",
        "Begins as pending (unless told) or live. pending → live, failed, delisted; failed → pending, delisted; \
         live → sold, delisted; sold → live, delisted; delisted → pending.",
    );

    let filters = vec![
        filter("my_item_id", value::<RowId>(), 1, "Posts of this item."),
        filter("platform", value::<Platform>(), "ebay", "Posts on this platform."),
        filter("status", value::<CrossPostStatus>(), "live", "Exactly this status."),
        filter("external_id", value::<Text<1, 120>>(), "110551991234", "What the platform calls the post."),
    ];
    let resource = Resource {
        tag: "Cross-posts",
        collection: "/cross-posts",
        item: "/cross-posts/{id}",
        schema: "CrossPost",
        schema_plural: "CrossPosts",
        one: "a cross-post",
        many: "cross-posts",
        is_market: false,
    };
    let conflicts = Conflicts {
        create: "The item has a post on this platform, or a post cannot begin with this status.",
        update: NO_SUCH_STEP,
        delete: "The post is live or was sold, or has orders: delist it instead.",
    };
    let read = |parameters| ListRequest::read(parameters, cross_posts::SORTS, cross_posts::Filter::read);
    resource.add(parts, &sorts(cross_posts::SORTS), filters, read, &conflicts);
}

fn add_orders(parts: &mut Parts) {
    let new = json!({ "cross_post_id": 1, "platform_order_id": "12-34567-89012", "total_cents": 4500 });
    parts.output::<Order<'_>>("Order");
    parts.input("NewOrder", NewOrder::read, &new);
    parts.input("OrderPatch", OrderPatch::read, &json!({ "status": "paid" }));
    parts.describe(&["NewOrder"], "currency", DOLLARS);
    parts.describe(
        &["Order", "NewOrder", "OrderPatch"],
        "status",
        "Begins as pending (unless told) or paid. pending → paid, cancelled; paid → shipped, completed, cancelled, \
         refunded; shipped → completed, refunded; completed → refunded.",
    );

    let filters = vec![
        filter("cross_post_id", value::<RowId>(), 1, "Orders from this post."),
        filter("platform", value::<Platform>(), "ebay", "Orders on this platform."),
        filter("status", value::<OrderStatus>(), "paid", "Exactly this status."),
        filter("created_at_min", value::<Timestamp>(), MOMENT, "Not created before."),
        filter("created_at_max", value::<Timestamp>(), MOMENT, "Not created after."),
    ];
    let resource = Resource {
        tag: "Orders",
        collection: "/orders",
        item: "/orders/{id}",
        schema: "Order",
        schema_plural: "Orders",
        one: "an order",
        many: "orders",
        is_market: false,
    };
    let conflicts = Conflicts {
        create: "There is an order with this `platform_order_id` on the platform, or an order cannot begin with this \
                 status.",
        update: NO_SUCH_STEP,
        delete: "The order is neither pending nor cancelled.",
    };
    let read = |parameters| ListRequest::read(parameters, orders::SORTS, orders::Filter::read);
    resource.add(parts, &sorts(orders::SORTS), filters, read, &conflicts);
}

fn add_marketplace_accounts(parts: &mut Parts) {
    let credentials = json!({ "refresh_token": "v^1.1#i^1#r^1" });
    let new = json!({ "platform": "ebay", "account_name": "annas-lamps", "credentials": credentials });
    parts.output::<MarketplaceAccount<'_>>("MarketplaceAccount");
    parts.input("NewMarketplaceAccount", NewMarketplaceAccount::read, &new);
    let patch = json!({ "credentials": credentials });
    parts.input("MarketplaceAccountPatch", MarketplaceAccountPatch::read, &patch);

    let filters = vec![
        filter("platform", value::<Platform>(), "ebay", "The account on this platform."),
        filter("connected", json!({ "type": "boolean" }), true, "Whether there are credentials."),
    ];
    let resource = Resource {
        tag: "Marketplace accounts",
        collection: "/marketplace-accounts",
        item: "/marketplace-accounts/{id}",
        schema: "MarketplaceAccount",
        schema_plural: "MarketplaceAccounts",
        one: "a marketplace account",
        many: "marketplace accounts",
        is_market: false,
    };
    let conflicts =
        Conflicts { create: "There is an account on this platform already.", ..Conflicts::default() };
    let read = |parameters| {
        ListRequest::read(parameters, marketplace_accounts::SORTS, marketplace_accounts::Filter::read)
    };
    resource.add(parts, &sorts(marketplace_accounts::SORTS), filters, read, &conflicts);
}

fn add_snap_jobs(parts: &mut Parts) {
    let new = json!({
        "photos": ["https://example.com/lamp-1.jpg", "https://example.com/lamp-2.jpg"],
        "notes": "Bought last year, hardly used.",
    });
    parts.output::<SnapJob<'_>>("SnapJob");
    parts.input("NewSnapJob", |fields| NewSnapJob::read(fields, "sub"), &new);
    parts.describe(
        &["SnapJob"],
        "status",
        "Begins as queued. queued → processing, failed; processing → ready, failed, queued; failed → queued, by a retry.",
    );

    let resource = Resource {
        tag: "Snap jobs",
        collection: "/snap-jobs",
        item: "/snap-jobs/{id}",
        schema: "SnapJob",
        schema_plural: "SnapJobs",
        one: "a snap job",
        many: "snap jobs",
        is_market: false,
    };
    let filters = vec![filter("status", value::<SnapJobStatus>(), "queued", "Exactly this status.")];
    let read = |parameters| ListRequest::read(parameters, snap_jobs::SORTS, snap_jobs::Filter::read);
    let list = resource.list(&sorts(snap_jobs::SORTS), filters, read);
    let delete = resource.delete("The job is being processed.");
    parts.paths.insert(resource.collection.into(), json!({ "get": list, "post": resource.create("") }));
    parts.paths.insert(resource.item.into(), json!({ "get": resource.get(), "delete": delete }));

    let queued = json_body("Queued.", resource.schema, &["ETag", "Location", "Idempotent-Replayed"]);
    let mut told = answers(200, queued, &[400, 422]);
    told["409"] = problem_because(409, &format!("The job has not failed. Or: {KEY_RUNS}"));
    let path = "/snap-jobs/{id}/retry";
    let key = vec![reference("Idempotency-Key")];
    let mut retry = resource.operation(path, "retrySnapJob", "Try a snap job again", key, told);
    retry["description"] = "It takes no body. The same photos and notes are looked at once more.".into();
    parts.paths.insert(path.into(), json!({ "post": retry }));
    add_uploads(parts, &resource);
}

fn add_uploads(parts: &mut Parts, resource: &Resource) {
    let path = "/snap-jobs/uploads";
    parts.input("NewUpload", NewUpload::read, &json!({ "content_type": "image/jpeg", "size": 2_400_000 }));
    parts.schemas.insert("Upload".into(), output::<Upload>());
    let mut told = answers(201, json_body("Where to send it.", "Upload", &[]), &[400, 413, 415, 422]);
    told["409"] = problem_because(409, NO_UPLOADS);
    let key = vec![reference("Idempotency-Key")];
    let mut create = resource.operation(path, "createUpload", "Ask where to send a photo", key, told);
    create["requestBody"] = body(&["application/json"], "NewUpload");
    create["description"] = "The photo itself then is sent to `url`, by `method` and with `headers`, within ten minutes, and \
        is named in a snap job by what `photo` says. Nothing is kept, and so an Idempotency-Key has no effect."
        .into();

    let mut told = answers(204, no_body("Stored.", &[]), &[400, 413, 415]);
    told["409"] = problem_because(409, NO_UPLOADS);
    let mut photo =
        filter("photo", value::<Text<1, 500>>(), "uploads/dev/5f0c7a52.jpg", "As `createUpload` told it.");
    photo["required"] = true.into();
    let mut send = resource.operation(path, "sendUpload", "Send a photo", vec![photo], told);
    let media = json!({ "schema": { "type": "string", "format": "binary", "maxLength": LARGEST_PHOTO } });
    let content: Map<String, Value> =
        ImageType::ALL.map(|name| (name.to_owned(), media.clone())).into_iter().collect();
    send["requestBody"] = json!({ "required": true, "content": content });
    send["description"] = "Where photos are kept in a folder, on a developer's machine. Elsewhere `createUpload` tells another \
        address, and this is a 405."
        .into();
    parts.paths.insert(path.into(), json!({ "post": create, "put": send }));
}

const NO_UPLOADS: &str = "Uploads are not set up here, or the caller's name cannot be that of a folder.";

const NO_SUCH_STEP: &str = "The status cannot be reached from the present one; the answer says which can.";
const MOMENT: &str = "2026-11-24T09:30:00Z";
