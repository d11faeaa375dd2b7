use std::collections::BTreeSet;

use serde_json::Value;
use shared::testing::{answer, config, request, server};
use shared::{App, Role};

use super::{document, http, page, route};

/// Every value of the document, with its path.
fn walk(value: &Value, place: &str, visit: &mut impl FnMut(&str, &Value)) {
    visit(place, value);
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(name, member)| walk(member, &format!("{place}/{name}"), visit));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, item)| walk(item, &format!("{place}/{at}"), visit));
        }
        _ => {}
    }
}

fn resolve<'d>(document: &'d Value, value: &'d Value) -> &'d Value {
    match value["$ref"].as_str() {
        Some(reference) => document.pointer(&reference[1..]).unwrap_or_else(|| panic!("{reference}")),
        None => value,
    }
}

/// Each as `GET /listings`.
fn operations(document: &Value) -> Vec<(String, &Value)> {
    let paths = document["paths"].as_object().expect("has paths");
    paths
        .iter()
        .flat_map(|(path, item)| {
            let verbs = item.as_object().expect("is an object");
            verbs.iter().map(move |(verb, operation)| (format!("{} {path}", verb.to_uppercase()), operation))
        })
        .collect()
}

fn app() -> App {
    App::new(config(&server()), Role::App)
}

#[test]
fn its_paths_are_those_of_the_local_router_and_of_the_template() {
    let document = document::document();
    let paths: BTreeSet<&str> =
        document["paths"].as_object().expect("has paths").keys().map(String::as_str).collect();

    let manifest: toml::Table = include_str!("../../../Cargo.toml").parse().expect("is TOML");
    let router = manifest["workspace"]["metadata"]["lambda"]["watch"]["router"].as_table().expect("is one");
    assert_eq!(paths, router.keys().map(String::as_str).collect());

    let template = include_str!("../../../template.yaml");
    let routes = template.split("Method: ANY, Path: ").skip(1).map(|rest| match rest.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next().expect("ends"),
        None => rest.split([',', '}']).next().expect("ends"),
    });
    assert_eq!(paths, routes.collect());
}

#[test]
fn every_operation_is_told_in_full() {
    let document = document::document();
    let tags: Vec<&Value> =
        document["tags"].as_array().expect("has tags").iter().map(|tag| &tag["name"]).collect();
    let mut ids = BTreeSet::new();
    for (name, operation) in operations(&document) {
        assert!(operation["summary"].is_string(), "{name}");
        assert!(ids.insert(operation["operationId"].as_str().expect("has an id")), "{name}");
        assert!(tags.contains(&&operation["tags"][0]), "{name}");
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let parameter = resolve(&document, parameter);
            assert!(!parameter["example"].is_null(), "{name} {parameter}");
            assert!(parameter["description"].is_string(), "{name} {parameter}");
        }
        for response in operation["responses"].as_object().expect("has responses").values() {
            assert!(resolve(&document, response)["description"].is_string(), "{name} {response}");
        }
        let content = operation["requestBody"]["content"].as_object().into_iter().flatten();
        for (_, media) in content.filter(|(name, _)| !name.starts_with("image/")) {
            let schema = resolve(&document, &media["schema"]);
            assert_eq!(schema["additionalProperties"], false, "{name}");
            assert!(schema["examples"][0].is_object(), "{name}");
        }
    }
    for tag in tags {
        assert!(operations(&document).iter().any(|(_, operation)| operation["tags"][0] == *tag), "{tag}");
    }
}

#[test]
fn every_reference_leads_somewhere_and_every_component_is_used() {
    let document = document::document();
    let mut used = BTreeSet::new();
    walk(&document, "", &mut |place, value| {
        if let Some(reference) = value["$ref"].as_str() {
            assert!(document.pointer(&reference[1..]).is_some(), "{place}: {reference}");
            used.insert(reference[1..].to_owned());
        }
    });
    for kind in ["schemas", "parameters", "headers", "responses"] {
        for name in document["components"][kind].as_object().expect("is there").keys() {
            assert!(used.contains(&format!("/components/{kind}/{name}")), "{kind} {name} is not used");
        }
    }
}

#[test]
fn nothing_of_the_code_is_told() {
    walk(&document::document(), "", &mut |place, value| {
        let text = value.as_str().unwrap_or_default();
        for word in ["`None`", "Some(", "migrations/", "[`", "::", "serde"] {
            assert!(!text.contains(word), "{place}: {text}");
        }
    });
}

#[test]
fn rows_come_out_whole() {
    let document = document::document();
    for (name, schema) in document["components"]["schemas"].as_object().expect("are there") {
        if schema["additionalProperties"] == false {
            continue;
        }
        let required: BTreeSet<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let mut fields: BTreeSet<&str> =
            schema["properties"].as_object().expect("has fields").keys().map(String::as_str).collect();
        match name.as_str() {
            "Listing" => assert!(fields.remove("distance_mi")),
            "Problem" => assert!(fields.remove("errors")),
            _ => {}
        }
        assert_eq!(required, fields, "{name}");
    }
}

#[test]
fn a_patch_takes_null_only_where_it_clears() {
    let document = document::document();
    let patch = &document["components"]["schemas"]["MyItemPatch"];
    assert!(patch["required"].is_null());
    assert_eq!(patch["properties"]["title"]["type"], "string");
    assert_eq!(patch["properties"]["category"]["type"], serde_json::json!(["string", "null"]));
    assert_eq!(patch["properties"]["status"]["enum"].as_array().expect("is closed").len(), 4);
    let new = &document["components"]["schemas"]["NewMyItem"];
    assert_eq!(new["required"], serde_json::json!(["title"]));
    assert_eq!(new["properties"]["currency"]["type"], serde_json::json!(["string", "null"]));
}

#[tokio::test]
async fn both_are_served_to_everybody_and_by_get_alone() {
    let app = app();
    let described = answer(route(&app, request("GET", "/openapi.json", "", None))).await;
    assert_eq!((described.status, described.header("content-type")), (200, "application/json"));
    assert_eq!(described.header("cache-control"), "public, max-age=300");
    assert_eq!(described.body, document::document());
    for path in ["/openapi.json", "/docs"] {
        let answer = answer(route(&app, request("POST", path, "", None))).await;
        assert_eq!((answer.status, answer.header("allow")), (405, "GET"), "{path}");
    }
}

#[tokio::test]
async fn the_page_runs_its_own_script_and_no_other() {
    let app = app();
    let response = http::respond("the-request-id".into(), route(&app, request("GET", "/docs", "", None)));
    let response = response.await.expect("cannot fail");
    let header = |name: &str| response.headers()[name].to_str().expect("is text");
    assert_eq!(response.status(), 200);
    assert_eq!(header("content-type"), "text/html; charset=utf-8");
    assert_eq!(header("x-content-type-options"), "nosniff");
    let policy = header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; connect-src 'self'; script-src 'sha256-"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");

    // What the policy would not let run.
    for (part, times) in
        [("<script", 1), ("<style", 1), (" style=", 0), (" onclick", 0), ("innerHTML", 0), ("src=", 0)]
    {
        assert_eq!(page::HTML.matches(part).count(), times, "{part}");
    }
}
