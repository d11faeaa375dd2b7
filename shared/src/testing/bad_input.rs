//! What no resource may take: a table of requests, each with the answer that it deserves.

use lambda_http::Request;
use serde_json::{Value, json};

use super::{Answer, TestDatabase, raw_request};

/// What the table needs to know of a resource.
#[derive(Debug)]
pub struct Resource {
    /// `/listings`; a row with the id 1 exists.
    pub path: &'static str,
    pub table: &'static str,
    /// Who may write, and owns the row.
    pub caller: &'static str,
    /// A body that POST takes.
    pub sample: Value,
    /// A required text, an amount of money where there is one, and a sort that is not the one a list has unless told.
    pub text: &'static str,
    pub money: Option<&'static str>,
    pub sort: &'static str,
    /// A filter, as it stands in a query.
    pub filter: &'static str,
}

/// A request, and the status and the place (a pointer or a parameter) that its answer must have.
struct Case {
    name: String,
    method: &'static str,
    target: String,
    content_type: &'static str,
    body: Vec<u8>,
    status: u16,
    place: Option<String>,
}

/// Sends every case, prints the table, and compares the database before and after.
///
/// # Panics
/// When an answer is not as it must be, or a row has changed.
pub async fn is_refused(
    database: &TestDatabase,
    resource: &Resource,
    serve: impl AsyncFn(Request) -> Answer,
) {
    let rows =
        format!("select coalesce(md5(string_agg(t::text, ',' order by id)), '') from {} t", resource.table);
    let owner = database.owner().await;
    let before: String = owner.query_one(&rows, &[]).await.expect("reads").get(0);

    let cursor =
        serve(raw_request("GET", &format!("{}?limit=1", resource.path), resource.caller, None)).await;
    let cursor = cursor.body["next_cursor"].as_str().expect("there are two rows or more").to_owned();
    let mut wrong = Vec::new();
    for case in cases(resource, &cursor) {
        let body = (!case.body.is_empty() || case.method != "GET")
            .then_some((case.content_type, case.body.as_slice()));
        let answer = serve(raw_request(case.method, &case.target, resource.caller, body)).await;
        let places: Vec<&str> = answer.body["errors"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|error| error["pointer"].as_str().or(error["parameter"].as_str()))
            .collect();
        let problem = answer.header("content-type") == "application/problem+json"
            && answer.body["status"] == case.status
            && answer.body["instance"] == "the-request-id";
        let right = answer.status == case.status
            && problem
            && case.place.as_ref().is_none_or(|place| places.contains(&place.as_str()));
        eprintln!("{:<5} {:<44} {} {}", case.method, case.name, answer.status, places.join(" "));
        if !right {
            wrong.push(format!("{} {}: {} {}", case.method, case.name, answer.status, answer.body));
        }
    }
    let after: String = owner.query_one(&rows, &[]).await.expect("reads").get(0);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(before, after, "a row has changed");
}

fn cases(resource: &Resource, cursor: &str) -> Vec<Case> {
    let Resource { path, text, money, .. } = *resource;
    let item = format!("{path}/1");
    let number = money.unwrap_or(text);
    let mut cases = Vec::new();

    // Bodies, alike for POST and PATCH.
    let deep =
        |open: &str, close: &str| format!("{}{}", open.repeat(10_000), close.repeat(10_000)).into_bytes();
    let large = format!("{{\"{text}\":\"{}\"}}", "x".repeat(1_100_000)).into_bytes();
    let bytes: [(&str, u16, Vec<u8>); 17] = [
        ("empty body", 400, vec![]),
        ("broken JSON", 400, b"{\"a\":".to_vec()),
        ("two values", 400, b"{} {}".to_vec()),
        ("array", 400, b"[]".to_vec()),
        ("string", 400, b"\"a\"".to_vec()),
        ("null", 400, b"null".to_vec()),
        ("byte order mark", 400, b"\xef\xbb\xbf{}".to_vec()),
        (
            "not UTF-8",
            400,
            format!("{{\"{text}\":\"").into_bytes().into_iter().chain(*b"\xff\xfe\"}").collect(),
        ),
        ("lone high surrogate", 400, format!("{{\"{text}\":\"\\ud800\"}}").into_bytes()),
        ("lone low surrogate", 400, format!("{{\"{text}\":\"\\udc00\"}}").into_bytes()),
        ("1e400", 400, format!("{{\"{number}\":1e400}}").into_bytes()),
        ("NaN", 400, format!("{{\"{number}\":NaN}}").into_bytes()),
        ("trailing comma", 400, format!("{{\"{text}\":\"a\",}}").into_bytes()),
        ("depth of 10,000 arrays", 400, deep("[", "]")),
        ("depth of 10,000 objects", 400, deep("{\"a\":", "}")),
        ("1.1 MB", 413, large),
        ("1.1 MB of white space", 413, vec![b' '; 1_100_000]),
    ];
    for (method, target) in [("POST", path), ("PATCH", item.as_str())] {
        for (name, status, body) in &bytes {
            cases.push(Case {
                name: (*name).into(),
                method,
                target: target.into(),
                content_type: "application/json",
                body: body.clone(),
                status: *status,
                place: None,
            });
        }
        for content_type in ["text/plain", "application/x-www-form-urlencoded", "application/json-patch+json"]
        {
            cases.push(Case {
                name: content_type.into(),
                method,
                target: target.into(),
                content_type,
                body: b"{}".to_vec(),
                status: 415,
                place: None,
            });
        }
        // One field that is wrong in a body that is right; each is pointed at.
        let fields = [
            ("wrong type: number for text", text, json!(5)),
            ("wrong type: object for text", text, json!({})),
            ("NUL", text, json!("a\u{0}b")),
            ("text too long", text, json!("x".repeat(256))),
            ("text too long, in four bytes a letter", text, json!("𝄞".repeat(256))),
            ("text empty", text, json!("")),
            ("null where it must not be", text, Value::Null),
            ("unknown field", "surprise", json!(1)),
            ("unknown field with slash and tilde", "a/b~c", json!(1)),
            ("server-owned: id", "id", json!(7)),
            ("server-owned: version", "version", json!(7)),
            ("server-owned: user_id", "user_id", json!("mallory")),
            ("server-owned: created_at", "created_at", json!("2026-01-01T00:00:00Z")),
            ("server-owned: updated_at", "updated_at", Value::Null),
        ];
        let of_money = [
            ("wrong type: text for number", json!("5")),
            ("wrong type: boolean for number", json!(true)),
            ("negative", json!(-1)),
            ("fraction", json!(0.5)),
            ("beyond what JSON holds exactly", json!(1_u64 << 53)),
            ("beyond 64 bits", serde_json::from_str("99999999999999999999").expect("is a number")),
        ];
        let of_money = of_money.into_iter().filter_map(|(name, value)| Some((name, money?, value)));
        for (name, field, value) in fields.into_iter().chain(of_money) {
            let mut body = if method == "POST" { resource.sample.clone() } else { json!({}) };
            body[field] = value;
            cases.push(Case {
                name: name.into(),
                method,
                target: target.into(),
                content_type: "application/json",
                body: body.to_string().into_bytes(),
                status: 422,
                place: Some(format!("/{}", field.replace('~', "~0").replace('/', "~1"))),
            });
        }
    }

    // Queries, each with the parameter that the answer names.
    let (first, rest) = cursor.split_at(1);
    let flipped = format!("{}{rest}", if first == "A" { "B" } else { "A" });
    let queries = [
        ("surprise=1".to_owned(), "surprise"),
        ("LIMIT=1".into(), "LIMIT"),
        ("limit=1&limit=1".into(), "limit"),
        (format!("{0}&{0}", resource.filter), resource.filter.split('=').next().unwrap_or_default()),
        ("limit=0".into(), "limit"),
        ("limit=101".into(), "limit"),
        ("limit=-1".into(), "limit"),
        ("limit=1e1".into(), "limit"),
        ("limit=99999999999999999999".into(), "limit"),
        ("limit=%00".into(), "limit"),
        ("limit=%ff".into(), "limit"),
        ("sort=".into(), "sort"),
        ("sort=surprise".into(), "sort"),
        ("sort=--id".into(), "sort"),
        ("sort=id;%20drop%20table%20listings".into(), "sort"),
        ("cursor=".into(), "cursor"),
        ("cursor=abc".into(), "cursor"),
        ("cursor=%27%20or%201=1--".into(), "cursor"),
        (format!("cursor={flipped}"), "cursor"),
        (format!("cursor={}", &cursor[..cursor.len() - 2]), "cursor"),
        (format!("cursor={cursor}&{}", resource.filter), "cursor"),
        (format!("cursor={cursor}&sort={}", resource.sort), "cursor"),
    ];
    for (query, parameter) in queries {
        cases.push(Case {
            name: if query.len() > 40 { format!("{}…", &query[..40]) } else { query.clone() },
            method: "GET",
            target: format!("{path}?{query}"),
            content_type: "",
            body: vec![],
            status: 400,
            place: Some(parameter.to_owned()),
        });
    }

    // Ids that cannot be.
    for id in [
        "abc",
        "0",
        "-1",
        "+1",
        "1.0",
        "1e0",
        "9223372036854775808",
        "%27",
        "1%27%20or%201=1",
        "%00",
        "%ff",
        "",
        "１",
    ] {
        for method in ["GET", "PATCH", "DELETE"] {
            cases.push(Case {
                name: format!("id \"{id}\""),
                method,
                target: format!("{path}/{id}"),
                content_type: "application/json",
                body: if method == "PATCH" { b"{}".to_vec() } else { vec![] },
                status: 404,
                place: None,
            });
        }
    }
    cases
}
