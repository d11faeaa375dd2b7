//! Work in the background, as its owner and an administrator see it.

use serde_json::json;
use shared::db::jobs::{self, Job, JobKind, JobPatch, JobStatus};
use shared::db::list::ListRequest;
use shared::http::DEALS_ADMIN;

use super::Parts;
use super::operations::{Resource, filter, sorts};
use super::responses::problem;
use super::schemas::value;

pub fn add(parts: &mut Parts) {
    parts.output::<Job<'_>>("Job");
    parts.input("JobPatch", JobPatch::read, &json!({ "status": "queued" }));
    parts.describe(&["Job"], "status", "queued → running; running → done, dead, queued; dead → queued.");

    let resource = Resource {
        tag: "Jobs",
        collection: "/jobs",
        item: "/jobs/{id}",
        schema: "Job",
        schema_plural: "Jobs",
        one: "a job",
        many: "jobs",
        is_market: false,
    };
    let filters = vec![
        filter("status", value::<JobStatus>(), "dead", "Exactly this status."),
        filter("kind", value::<JobKind>(), "snap", "Exactly this kind."),
    ];
    let read = |parameters| ListRequest::read(parameters, jobs::SORTS, jobs::Filter::read);
    let list = resource.list(&sorts(jobs::SORTS), filters, read);
    let mut retry = resource.update("The job is not dead.");
    retry["description"] = format!(
        "Has a dead job tried again, whosever it is. Needs the scope `{DEALS_ADMIN}`, with which the lists have the dead \
         jobs of everyone too."
    )
    .into();
    retry["security"] = json!([{ "bearer": [DEALS_ADMIN] }]);
    retry["responses"]["403"] = problem(403);
    parts.paths.insert(resource.collection.into(), json!({ "get": list }));
    parts.paths.insert(resource.item.into(), json!({ "get": resource.get(), "patch": retry }));
}
