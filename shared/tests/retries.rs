//! POSTs with an Idempotency-Key, many at once and some killed midway: each key has one effect.
//! `SOAK=1` makes two thousand of them.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use lambda_http::Body;
use lambda_http::http::Request;
use shared::db::my_items::{self, NewMyItem};
use shared::http::{Created, body, idempotency_key};
use shared::testing::TestDatabase;
use shared::{App, Error};
use tokio::task::JoinSet;

const AT_ONCE: usize = 16;

async fn post(app: &App, key: usize) -> Result<Created, Error> {
    let json = format!("{{\"title\":\"item {key}\"}}");
    let request = Request::post("/my-items")
        .header("idempotency-key", format!("key-{key}"))
        .body(Body::Text(json))
        .expect("is a request");
    let key = idempotency_key(&request)?;
    my_items::insert(&app.db, "anna", key.as_ref(), &body(&request, NewMyItem::read)?).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_has_one_effect_however_often_it_is_sent_and_wherever_it_is_cut_off() {
    let database = TestDatabase::migrated().await;
    let requests = if std::env::var("SOAK").is_ok() { 2_000 } else { 100 };
    let keys = requests / 4;
    let apps: Arc<Vec<App>> = Arc::new((0..AT_ONCE).map(|_| database.app()).collect());

    let mut running = JoinSet::new();
    for lane in 0..AT_ONCE {
        let apps = Arc::clone(&apps);
        running.spawn(async move {
            let (mut answers, mut killed, mut conflicts) = (Vec::new(), 0, 0);
            for n in (lane..requests).step_by(AT_ONCE) {
                // Neighbours, which run at the same time, have the same key.
                let key = n / 4;
                let app = &apps[lane];
                // A third is cut off, at another moment each time: the connection goes with it.
                if n % 3 == 0 {
                    let moment = Duration::from_micros(n as u64 * 37 % 4_000);
                    if tokio::time::timeout(moment, post(app, key)).await.is_err() {
                        killed += 1;
                    }
                    continue;
                }
                match post(app, key).await {
                    Ok(created) => answers.push((key, created)),
                    Err(Error::StillRunning) => conflicts += 1,
                    Err(error) => panic!("{error:?}"),
                }
            }
            (answers, killed, conflicts)
        });
    }
    let (mut by_key, mut killed, mut conflicts) = (HashMap::<usize, HashSet<String>>::new(), 0, 0);
    while let Some(lane) = running.join_next().await {
        let (answers, killed_here, conflicts_here) = lane.unwrap();
        (killed, conflicts) = (killed + killed_here, conflicts + conflicts_here);
        for (key, created) in answers {
            by_key.entry(key).or_default().insert(created.location);
        }
    }
    // Whoever was cut off or told to wait comes again, and is answered.
    for key in 0..keys {
        let created = loop {
            match post(&apps[0], key).await {
                Ok(created) => break created,
                Err(Error::StillRunning) => tokio::time::sleep(Duration::from_millis(20)).await,
                Err(error) => panic!("{error:?}"),
            }
        };
        by_key.entry(key).or_default().insert(created.location);
    }
    eprintln!("{requests} requests with {keys} keys: {killed} killed midway, {conflicts} told to wait");
    assert!(killed > 0 && conflicts > 0);
    assert!(by_key.values().all(|locations| locations.len() == 1), "{by_key:?}");
    let owner = database.owner().await;
    let sql = "select count(*), count(distinct title) from my_items";
    let row = owner.query_one(sql, &[]).await.unwrap();
    assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1)), (keys as i64, keys as i64));
}
