//! The paths of the cloud, of the local gateway and of the folders are the same set. That each function serves
//! its paths, and with which verbs, is shown by its own tests.

use std::collections::BTreeSet;

use shared::testing::routed_paths;

/// Function and path of every event in `template.yaml`.
fn template_paths() -> BTreeSet<(String, String)> {
    let mut function = "";
    let mut paths = BTreeSet::new();
    for line in include_str!("../../template.yaml").lines() {
        if let Some((_, folder)) = line.split_once("CodeUri: functions/") {
            function = folder.trim();
        }
        if let Some((_, rest)) = line.split_once("Path: ") {
            let path = match rest.strip_prefix('"') {
                Some(quoted) => quoted.split('"').next(),
                None => rest.split([',', '}', ' ']).next(),
            };
            paths.insert((function.to_owned(), path.unwrap_or_default().to_owned()));
        }
    }
    paths
}

#[test]
fn the_template_and_the_local_router_send_the_same_paths_to_the_same_functions() {
    let mut local = BTreeSet::new();
    let mut folders = BTreeSet::new();
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../functions")).unwrap() {
        let function = entry.unwrap().file_name().into_string().unwrap();
        local.extend(routed_paths(&function).into_iter().map(|path| (function.clone(), path)));
        folders.insert(function);
    }
    let template = template_paths();
    assert_eq!(local, template);
    let routes = include_str!("../../Cargo.toml").lines().filter(|line| line.starts_with("\"/")).count();
    assert_eq!(routes, template.len(), "every local route goes to a folder of functions/");
    for function in &folders {
        let uri = format!("CodeUri: functions/{function}\n");
        assert!(include_str!("../../template.yaml").contains(&uri), "{function} is not in template.yaml");
    }
}

/// One route a path, for any verb: the function answers a wrong one itself.
#[test]
fn the_gateway_leaves_the_verb_to_the_function() {
    let events = include_str!("../../template.yaml").lines().filter(|line| line.contains("Path: "));
    for event in events {
        assert!(event.contains("Method: ANY"), "{event}");
    }
}
