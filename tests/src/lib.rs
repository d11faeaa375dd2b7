//! The whole API as the cloud runs it: the built functions behind a gateway of ours, which sends what API Gateway sends.

use std::collections::HashMap;
use std::fs::File;
use std::path::PathBuf;
use std::process::Stdio;

use bench::runtime_api::Function;
use serde_json::{Map, Value, json};
use shared::testing::{TestDatabase, redis_url};

/// The functions, started when they are first asked.
#[derive(Debug)]
pub struct Gateway {
    routes: Vec<(Vec<String>, String)>,
    functions: HashMap<String, Function>,
    environment: Vec<(String, String)>,
    log: Option<File>,
}

/// Who calls: a user, and the scopes of their token.
#[derive(Debug, Clone, Copy)]
pub struct Caller {
    pub user_id: &'static str,
    pub scope: &'static str,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    pub status: u64,
    /// Names in lower case.
    pub headers: Map<String, Value>,
    /// JSON, text where it is none, or `null`.
    pub body: Value,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// All that two answers to requests with different ids may share.
    pub fn without_request_id(mut self) -> Answer {
        self.headers.remove("x-request-id");
        if let Some(body) = self.body.as_object_mut() {
            body.remove("instance");
        }
        self
    }
}

impl Gateway {
    /// # Panics
    /// When the local router in `Cargo.toml` cannot be read.
    pub fn new(database: &TestDatabase) -> Gateway {
        let manifest: toml::Table = include_str!("../../Cargo.toml").parse().expect("is TOML");
        let router = manifest["workspace"]["metadata"]["lambda"]["watch"]["router"].as_table();
        let routes = router
            .expect("is a table")
            .iter()
            .map(|(path, function)| {
                (segments(path), function.as_str().expect("is a function's name").to_owned())
            })
            .collect();
        let environment = [
            ("DATABASE_URL", database.url()),
            ("REDIS_URL", redis_url()),
            ("AWS_REGION", "eu-west-1".into()),
            ("CREDENTIALS_KEYS", format!("test:{}=", "A".repeat(43))),
            ("PHOTO_STORE", "s3://photos".into()),
            ("AWS_ACCESS_KEY_ID", "id".into()),
            ("AWS_SECRET_ACCESS_KEY", "key".into()),
        ];
        let environment = environment.map(|(name, value)| (name.to_owned(), value)).into();
        Gateway { routes, functions: HashMap::new(), environment, log: None }
    }

    /// With other variables.
    pub fn with(mut self, environment: &[(&str, &str)]) -> Gateway {
        for (name, value) in environment {
            self.environment.retain(|(other, _)| other != name);
            self.environment.push(((*name).to_owned(), (*value).to_owned()));
        }
        self
    }

    /// With all that the functions say kept in a file.
    pub fn logging(mut self, log: File) -> Gateway {
        self.log = Some(log);
        self
    }

    /// Of a function, which is started if it was not yet.
    pub fn process_id(&mut self, function: &str) -> u32 {
        self.function(function).process_id()
    }

    /// Sends a request as API Gateway does: claims are text, and there are none without a token.
    ///
    /// # Panics
    /// When a function does not answer, or not as the gateway can read it.
    pub fn ask(
        &mut self,
        method: &str,
        path_and_query: &str,
        caller: Option<Caller>,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Answer {
        let (path, query) = path_and_query.split_once('?').unwrap_or((path_and_query, ""));
        let asked = segments(path);
        let (route, function) = self
            .routes
            .iter()
            .find(|(route, _)| matches(route, &asked))
            .unwrap_or_else(|| panic!("no route serves {path}"));
        let (function, route_key) = (function.clone(), format!("ANY /{}", route.join("/")));
        let mut event = json!({
            "version": "2.0",
            "routeKey": route_key,
            "rawPath": path,
            "rawQueryString": query,
            "headers": { "host": "api.example.com", "content-type": "application/json" },
            "requestContext": {
                "accountId": "123456789012",
                "apiId": "api",
                "domainName": "api.example.com",
                "http": { "method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "test" },
                "requestId": "request",
                "routeKey": route_key,
                "stage": "$default",
                "time": "24/Nov/2026:00:00:00 +0000",
                "timeEpoch": 1_795_478_400_000_u64
            },
            "isBase64Encoded": false
        });
        for (name, value) in headers {
            event["headers"][*name] = (*value).into();
        }
        if let Some(caller) = caller {
            event["requestContext"]["authorizer"] = json!({ "jwt": {
                "claims": { "sub": caller.user_id, "scope": caller.scope, "exp": "1795482000", "cognito:groups": "[a b]" },
                "scopes": null
            }});
        }
        if let Some(body) = body {
            event["body"] = body.to_string().into();
        }
        let answer = self.function(&function).invoke(event.to_string().into_bytes());
        let answer = answer.unwrap_or_else(|failure| panic!("{method} {path_and_query}: {failure}"));
        let answer: Value = serde_json::from_slice(&answer.body).expect("is JSON");
        let text = answer["body"].as_str().unwrap_or_default();
        Answer {
            status: answer["statusCode"].as_u64().expect("is a status"),
            headers: answer["headers"].as_object().expect("are headers").clone(),
            body: if text.is_empty() {
                Value::Null
            } else {
                serde_json::from_str(text).unwrap_or_else(|_| text.into())
            },
        }
    }

    fn function(&mut self, name: &str) -> &mut Function {
        let Gateway { functions, environment, log, .. } = self;
        functions.entry(name.to_owned()).or_insert_with(|| {
            let environment: Vec<(&str, &str)> =
                environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            let place = || match &*log {
                Some(log) => log.try_clone().expect("can be shared").into(),
                None => Stdio::null(),
            };
            Function::start_with(&binaries().join(name), &environment, place(), place()).expect("starts")
        })
    }
}

/// Where `scripts/test` has built the functions: two folders above this test.
pub fn binaries() -> PathBuf {
    let test = std::env::current_exe().expect("is known");
    test.ancestors().nth(2).expect("is target/debug/deps/test").to_owned()
}

fn segments(path: &str) -> Vec<String> {
    path.split('/').skip(1).map(str::to_owned).collect()
}

fn matches(route: &[String], asked: &[String]) -> bool {
    route.len() == asked.len()
        && route.iter().zip(asked).all(|(route, asked)| route.starts_with('{') || route == asked)
}
