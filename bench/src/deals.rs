//! The feed and valuations, beside their floor, in markets of two sizes.

use std::time::Duration;

use serde_json::{Value, json};

use crate::cases::{Case, body, user, with_path};
use crate::report::{self, Memory, Samples};
use crate::server_log::{Executed, script};
use crate::{Bench, Result, Transport, WARM_UPS, market};

const ROUNDS: usize = 4;
const INVOCATIONS_PER_ROUND: usize = 300;
/// The page of 20 that counts as a deep one.
const DEEP: usize = 100;
const HOME: &str = "37.3382,-121.8863";

/// Requests of one kind, one after the other, and what is wrong with an answer.
pub struct Kind {
    pub name: &'static str,
    function: &'static str,
    events: Vec<Vec<u8>>,
    problem: Problem,
}

type Problem = Box<dyn Fn(usize, &Value) -> Option<&'static str>>;

impl Bench {
    /// In the smaller market alone, or in both.
    pub fn measure_deals(&self, transport: &Transport, small: bool, explain: bool) -> Result<()> {
        let mut medians: Vec<Vec<(&'static str, Duration)>> = Vec::new();
        let sizes = &market::SIZES[..if small { 1 } else { market::SIZES.len() }];
        for (index, &listings) in sizes.iter().enumerate() {
            let explain = explain && index + 1 == sizes.len();
            self.fill_market(listings, transport)?;
            report::deals_head(listings);
            let mut of_size = Vec::new();
            for kind in self.kinds(transport)? {
                of_size.push((kind.name, self.compare(&kind, transport, explain)?));
            }
            self.prefer()?;
            for kind in self.preferring_kinds(transport)? {
                of_size.push((kind.name, self.compare(&kind, transport, explain)?));
            }
            of_size.extend(self.measure_ingest(listings, transport, explain)?);
            medians.push(of_size);
        }
        if !small {
            report::growth(&market::SIZES, &medians);
        }
        Ok(())
    }

    /// What is asked by somebody without preferences.
    fn kinds(&self, transport: &Transport) -> Result<Vec<Kind>> {
        let places = self.places(8)?;
        let around = |more: &str| -> Vec<String> {
            places.iter().map(|place| format!("near={place}{more}")).collect()
        };
        let at_home = format!("near={HOME}");
        let mut kinds = vec![
            feed("deals", vec![String::new()]),
            feed("deals near", around("")),
            feed("deals near, dense", vec![at_home.clone()]),
            feed("deals in 25 miles", around("&radius_mi=25")),
            feed("... in 25, dense", vec![format!("{at_home}&radius_mi=25")]),
            feed("deals of a category", vec!["category=electronics%3Etablets".into()]),
            feed("deals of a band", vec!["band=great".into()]),
            feed("deals scored 60 up", vec!["min_score=60".into()]),
            feed("deals up to $40", vec!["max_price_cents=4000".into()]),
            feed("deals, page 100", vec![self.page(DEEP, "", transport)?]),
            feed("... near, page 100", vec![self.page(DEEP, &at_home, transport)?]),
        ];
        kinds.push(valuation("valuation", self.products(8)?));
        kinds.push(valuation("valuation, 5,000 comps", self.thick_product()?));
        Ok(kinds)
    }

    fn preferring_kinds(&self, transport: &Transport) -> Result<Vec<Kind>> {
        let mut kinds = vec![
            feed("deals by preferences", vec![String::new()]),
            feed("... page 20", vec![self.page(20, "", transport)?]),
        ];
        for kind in &mut kinds {
            kind.problem = Box::new(|_, body| {
                let wrong = |item: &Value| {
                    item["distance_mi"].as_f64().is_none_or(|miles| miles > 40.01)
                        || !["good", "great", "excellent"]
                            .contains(&item["condition"].as_str().unwrap_or_default())
                        || item["description"].as_str().is_some_and(|text| text.contains("scratched"))
                };
                feed_problem(body)
                    .or_else(|| items(body).iter().any(wrong).then_some("a deal is not as it is preferred"))
            });
        }
        Ok(kinds)
    }

    /// Who asks prefers something from here on.
    fn prefer(&self) -> Result<()> {
        let (lat, lng) = HOME.split_once(',').expect("has a comma");
        self.database.run(&format!(
            "insert into user_prefs (user_id, lat, lng, radius_mi, min_condition, keywords_exclude)
             values ('{}', {lat}, {lng}, 40, 'good', '[\"scratched\"]');
             analyze user_prefs",
            user()
        ))?;
        Ok(())
    }

    /// The query of a later page of a feed.
    fn page(&self, number: usize, query: &str, transport: &Transport) -> Result<String> {
        let mut process = self.start("deals", "pages", transport)?;
        let mut page = query.to_owned();
        let mut seen = std::collections::HashSet::new();
        for before in 1..number {
            let body = body(&self.invoke("deals", &mut process, feed_event(&page))?.body)?;
            if !items(&body).iter().all(|item| seen.insert(item["id"].clone())) {
                return Err(format!("page {before} of {query:?} has a deal that another has").into());
            }
            let cursor = body["next_cursor"].as_str();
            let cursor = cursor.ok_or_else(|| format!("page {before} of {query:?} is the last"))?;
            let and = if query.is_empty() { "" } else { "&" };
            page = format!("{query}{and}cursor={cursor}");
        }
        Ok(page)
    }

    /// One kind's line; returns its median.
    fn compare(&self, kind: &Kind, transport: &Transport, explain: bool) -> Result<Duration> {
        let statements = self.logged_statements(kind, transport)?;
        let scripts = statements
            .iter()
            .enumerate()
            .map(|(number, statements)| script(number, statements))
            .collect::<Result<Vec<_>>>()?;

        let null = Case::null();
        let mut null_process = self.start(null.function, "null", transport)?;
        let mut process = self.start(kind.function, "measured", transport)?;
        self.times(&null, &mut null_process, 0..WARM_UPS, &mut Samples::default())?;
        let [mut nulls, mut times, mut floor] = <[Samples; 3]>::default();
        let mut number = 0;
        for round in 0..=ROUNDS {
            // The first is to warm up.
            let from = WARM_UPS + round * INVOCATIONS_PER_ROUND;
            let mut of_round = <[Samples; 2]>::default();
            self.times(&null, &mut null_process, from..from + INVOCATIONS_PER_ROUND, &mut of_round[0])?;
            for _ in 0..INVOCATIONS_PER_ROUND {
                let event = kind.events[number % kind.events.len()].clone();
                let answer = self.invoke(kind.function, &mut process, event)?;
                let body = body(&answer.body)?;
                if let Some(problem) = (kind.problem)(number % kind.events.len(), &body) {
                    return Err(format!("{}: {problem}: {body}", kind.name).into());
                }
                of_round[1].push(answer.latency);
                number += 1;
            }
            if round == 0 {
                continue;
            }
            let [of_null, of_function] = of_round;
            nulls.extend(of_null);
            times.extend(of_function);
            let transactions = WARM_UPS + INVOCATIONS_PER_ROUND;
            let parameters = &transport.url_parameters;
            let microseconds =
                self.database.pgbench_scripts(parameters, &scripts, "prepared", transactions)?;
            for time in &microseconds[WARM_UPS..] {
                floor.push(Duration::from_micros(*time));
            }
        }
        let mut faults = Vec::new();
        for executed in statements[0].iter().filter(|executed| !executed.is_control()) {
            faults.extend(executed.faults(&self.database)?);
            if explain {
                report::plan(kind.name, &executed.sql, &executed.plan(&self.database)?);
            }
        }
        report::deals(kind.name, &times, &nulls, &floor, &faults, Memory::of(process.process_id())?);
        Ok(times.percentile(50))
    }

    /// For each of its events.
    fn logged_statements(&self, kind: &Kind, transport: &Transport) -> Result<Vec<Vec<Executed>>> {
        let mut logged = self.start_logged(kind.function, transport)?;
        self.statements_of(kind.function, &mut logged, kind.events[0].clone())?;
        let statements: Result<_> = kind
            .events
            .iter()
            .map(|event| Ok(self.statements_of(kind.function, &mut logged, event.clone())?.1))
            .collect();
        self.stop_logging()?;
        statements
    }
}

fn feed(name: &'static str, queries: Vec<String>) -> Kind {
    Kind {
        name,
        function: "deals",
        events: queries.iter().map(|query| feed_event(query)).collect(),
        problem: Box::new(|_, body| feed_problem(body)),
    }
}

fn valuation(name: &'static str, products: Vec<market::Product>) -> Kind {
    let event = |product: &market::Product| {
        let body = json!({ "title": product.title, "category": product.category, "condition": "good" });
        post("/valuations", &body.to_string())
    };
    Kind {
        name,
        function: "valuations",
        events: products.iter().map(event).collect(),
        problem: Box::new(move |number, body| {
            let ratio =
                body["fair_price_cents"].as_f64().map(|fair| fair / products[number].price_cents as f64);
            match ratio {
                Some(ratio) if (0.6..1.5).contains(&ratio) => None,
                _ => Some("the value is far off"),
            }
        }),
    }
}

/// A `POST` as the gateway sends it.
pub fn post(path: &str, body: &str) -> Vec<u8> {
    let mut event = with_path(path.to_owned());
    event["requestContext"]["http"]["method"] = "POST".into();
    event["body"] = body.into();
    event.to_string().into_bytes()
}

fn feed_event(query: &str) -> Vec<u8> {
    let mut event = with_path("/deals".into());
    event["rawQueryString"] = query.into();
    event.to_string().into_bytes()
}

fn items(body: &Value) -> &[Value] {
    body["items"].as_array().map_or(&[], Vec::as_slice)
}

fn feed_problem(body: &Value) -> Option<&'static str> {
    if items(body).len() != 20 {
        return Some("the page is not full");
    }
    let wrong = |item: &Value| item["band"] == "verify" || item["fair_price_cents"].is_null();
    items(body).iter().any(wrong).then_some("a deal has no fair price, or is not to be trusted")
}
