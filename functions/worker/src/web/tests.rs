//! What may never be contacted is not: a listener is the witness.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

const SOON: Duration = Duration::from_secs(2);

/// Counts who comes, on a port of every address of this machine.
struct Witness {
    port: u16,
    visits: Arc<AtomicUsize>,
}

impl Witness {
    async fn new() -> Witness {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let visits = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&visits);
        tokio::spawn(async move {
            loop {
                let _ = listener.accept().await.unwrap();
                count.fetch_add(1, Ordering::SeqCst);
            }
        });
        Witness { port, visits }
    }

    fn visits(&self) -> usize {
        self.visits.load(Ordering::SeqCst)
    }
}

/// Answers each connection with these bytes, slowly where there is a pause.
async fn server(answers: impl Fn(usize) -> Vec<(String, Duration)> + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        for number in 0.. {
            let (mut stream, _) = listener.accept().await.unwrap();
            let parts = answers(number);
            tokio::spawn(async move {
                let _ = stream.read(&mut [0; 4096]).await;
                for (part, pause) in parts {
                    if stream.write_all(part.as_bytes()).await.is_err() {
                        return;
                    }
                    tokio::time::sleep(pause).await;
                }
            });
        }
    });
    address
}

fn at_once(text: impl Into<String>) -> Vec<(String, Duration)> {
    vec![(text.into(), Duration::ZERO)]
}

fn found_at(addresses: &'static [&'static [&'static str]]) -> Resolver {
    let calls = AtomicUsize::new(0);
    Resolver(Arc::new(move |_| {
        let turn = calls.fetch_add(1, Ordering::SeqCst) % addresses.len();
        let found =
            addresses[turn].iter().map(|address| SocketAddr::new(address.parse().unwrap(), 443)).collect();
        Box::pin(async move { Ok(found) })
    }))
}

/// A client for which the witness's port is that of https: nothing but its address keeps it from being contacted.
fn client(witness: &Witness, resolver: Resolver) -> Web {
    Web::with(Vec::new(), resolver, witness.port).unwrap()
}

/// Forms of addresses that are not public, as a URL's host.
const HOSTS: [&str; 54] = [
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "2130706433",
    "017700000001",
    "0177.0.0.1",
    "0x7f.0.0.1",
    "0x7f000001",
    "0x7f.1",
    "127.0.0.1.",
    "0",
    "0.0.0.0",
    "[::]",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[::127.0.0.1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b::127.0.0.1]",
    "[2002:7f00:1::]",
    "[fe80::1]",
    "[fc00::1]",
    "[fec0::1]",
    "[ff02::1]",
    "[fd00:ec2::254]",
    "169.254.169.254",
    "169.254.170.2",
    "0xa9fea9fe",
    "2852039166",
    "0251.0376.0251.0376",
    "[::ffff:169.254.169.254]",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.0.1",
    "100.64.0.1",
    "192.0.0.8",
    "198.18.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "localhost",
    "LOCALHOST",
    "localhost.",
    "foo.localhost",
    "ip6-localhost",
    "１２７.0.0.1",
    "127。0。0。1",
    "①②⑦.⓪.⓪.①",
    "example.com@127.0.0.1",
    "user:secret@127.0.0.1",
    "127.0.0.1#@example.com",
    "127.0.0.1?@example.com",
    "127.0.0.1\\@example.com",
    "%31%32%37.0.0.1",
];

/// Each host as URLs with this port.
fn forms(port: u16) -> Vec<String> {
    let of_host = |host: &&str| {
        let (authority, rest) = host.split_at(host.find(['#', '?', '\\']).unwrap_or(host.len()));
        ["https", "http"].map(|scheme| format!("{scheme}://{authority}:{port}{rest}/"))
    };
    let mut forms: Vec<String> = HOSTS.iter().flat_map(of_host).collect();
    for other in ["ftp", "gopher", "file", "ws", "dict", "ldap"] {
        forms.push(format!("{other}://127.0.0.1:{port}/"));
    }
    let nonsense = [
        "data:text/plain,hi",
        "file:///etc/passwd",
        "javascript:1",
        "https:",
        "https://",
        "",
        " ",
        "//127.0.0.1/",
    ];
    forms.extend(nonsense.map(str::to_owned));
    forms
}

fn is_refusal(error: WebError) -> bool {
    matches!(error, WebError::NoUrl | WebError::NotPlainHttps | WebError::NotPublic | WebError::NoSuchHost)
}

#[tokio::test]
async fn none_of_many_forms_of_other_addresses_is_contacted() {
    let witness = Witness::new().await;
    // It does count: here is the one way to it.
    let allowed = Web::new(vec![SocketAddr::new(Ipv4Addr::LOCALHOST.into(), witness.port)]).unwrap();
    let url = format!("http://127.0.0.1:{}/", witness.port);
    assert!(!is_refusal(allowed.get(&url, 1000, Duration::from_millis(200)).await.unwrap_err()));
    assert_eq!(witness.visits(), 1);

    let web = client(&witness, Resolver::system());
    let mut forms = forms(witness.port);
    assert!(forms.len() > 60);
    for form in &forms {
        for error in [
            web.get(form, 1000, SOON).await.unwrap_err(),
            web.post(form, &[], Vec::new(), SOON).await.unwrap_err(),
        ] {
            assert!(is_refusal(error), "{form}: {error}");
        }
    }
    // And by way of each kind of redirect.
    forms.retain(|form| form.contains("://") && form.is_ascii());
    for (number, form) in forms.iter().enumerate() {
        let status = [301, 302, 303, 307, 308][number % 5];
        let head = format!(
            "HTTP/1.1 {status} Moved\r\nlocation: {form}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        );
        let first = server(move |_| at_once(head.clone())).await;
        let web = Web { development_targets: vec![first], ..web.clone() };
        let error = web.get(&format!("http://{first}/"), 1000, SOON).await.unwrap_err();
        assert!(is_refusal(error), "{status} to {form}: {error}");
    }
    for port in [22, 80, 443, 5432, 6379, 8443] {
        let error = web.get(&format!("https://example.com:{port}/"), 1000, SOON).await.unwrap_err();
        assert_eq!(error, WebError::NotPlainHttps, "port {port}");
    }
    assert_eq!(witness.visits(), 1);
    eprintln!("{} forms by GET, POST and redirect: 0 connections", forms.len());
}

#[tokio::test]
async fn a_name_is_no_way_to_another_address_also_when_it_changes_or_has_several() {
    let witness = Witness::new().await;
    let url = format!("https://example.com:{}/", witness.port);
    let one_by_one: &[&[&[&str]]] = &[
        &[&["127.0.0.1"]],
        &[&["::1"]],
        &[&["10.1.2.3"]],
        &[&["::ffff:127.0.0.1"]],
        &[&["1.1.1.1", "127.0.0.1"]],
        &[&["127.0.0.1", "1.1.1.1"]],
    ];
    for addresses in one_by_one {
        let web = client(&witness, found_at(addresses));
        let refused = web.get(&url, 1000, SOON).await.unwrap_err();
        assert_eq!(refused, WebError::NotPublic, "{addresses:?}");
    }
    // Public at one look, which leads to nobody, and ours at the next. The connection goes to where was looked: were it
    // looked up again between the check and the connection, the witness would know.
    let web = client(&witness, found_at(&[&["3ffe::1"], &["127.0.0.1"]]));
    for _ in 0..3 {
        let passed = web.get(&url, 1000, Duration::from_millis(500)).await.unwrap_err();
        assert!(matches!(passed, WebError::Unreachable | WebError::TooLong), "{passed}");
        assert_eq!(web.get(&url, 1000, SOON).await.unwrap_err(), WebError::NotPublic);
    }
    let nowhere = client(&witness, found_at(&[&[]]));
    assert_eq!(nowhere.get(&url, 1000, SOON).await.unwrap_err(), WebError::NoSuchHost);
    assert_eq!(witness.visits(), 0);
}

#[tokio::test]
async fn three_redirects_are_followed_and_none_by_post() {
    for (redirects, expected) in [(3, Ok("here".to_owned())), (4, Err(WebError::TooManyRedirects))] {
        let moving = server(move |number| {
            at_once(if number < redirects {
                "HTTP/1.1 302 Found\r\nlocation: /again\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            } else {
                "HTTP/1.1 200 OK\r\ncontent-length: 4\r\nconnection: close\r\n\r\nhere"
            })
        })
        .await;
        let fetched = Web::new(vec![moving])
            .unwrap()
            .get(&format!("http://localhost:{}/", moving.port()), 1000, SOON)
            .await;
        assert_eq!(fetched.map(|bytes| String::from_utf8(bytes).unwrap()), expected);
    }
    let moved = server(|_| {
        at_once("HTTP/1.1 307 Moved\r\nlocation: /\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
    })
    .await;
    let posted =
        Web::new(vec![moved]).unwrap().post(&format!("http://{moved}/"), &[], Vec::new(), SOON).await;
    assert_eq!(posted.map(|answer| answer.status), Ok(307));
}

#[tokio::test]
async fn what_is_too_large_or_too_slow_ends() {
    let body = "x".repeat(2000);
    let cases = [
        (format!("HTTP/1.1 200 OK\r\ncontent-length: 2000\r\n\r\n{body}"), WebError::TooLarge(1000)),
        (
            format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n7d0\r\n{body}\r\n0\r\n\r\n"),
            WebError::TooLarge(1000),
        ),
        (format!("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{body}"), WebError::TooLarge(1000)),
        // It says that there is more than there is, and than may be.
        ("HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\nx".into(), WebError::TooLarge(1000)),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 900\r\nconnection: close\r\n\r\nx".into(),
            WebError::Unreachable,
        ),
        ("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".into(), WebError::Status(404)),
        ("nonsense\r\n\r\n".into(), WebError::Unreachable),
        (format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "y".repeat(2 << 20)), WebError::Unreachable),
    ];
    for (answer, expected) in cases {
        let shown = answer.chars().take(60).collect::<String>();
        let address = server(move |_| at_once(answer.clone())).await;
        let web = Web::new(vec![address]).unwrap();
        let error = web.get(&format!("http://{address}/"), 1000, SOON).await.unwrap_err();
        assert_eq!(error, expected, "{shown}");
    }
    let drops = |text: &str| -> Vec<(String, Duration)> {
        text.chars().map(|letter| (letter.to_string(), Duration::from_millis(50))).collect()
    };
    for slow in [
        "HTTP/1.1 200 OK\r\nx: slow slow slow slow slow",
        "HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\nslow slow slow slow",
    ] {
        let parts = drops(slow);
        let address = server(move |_| parts.clone()).await;
        let web = Web::new(vec![address]).unwrap();
        let begun = std::time::Instant::now();
        let deadline = Duration::from_millis(400);
        assert_eq!(
            web.get(&format!("http://{address}/"), 1000, deadline).await.unwrap_err(),
            WebError::TooLong
        );
        assert!(begun.elapsed() < Duration::from_secs(2));
    }
    let busy = server(|_| at_once("HTTP/1.1 429 Slow\r\nretry-after: 7\r\ncontent-length: 0\r\n\r\n")).await;
    let reply = Web::new(vec![busy])
        .unwrap()
        .post(&format!("http://{busy}/"), &[("x-a", "b".into())], b"{}".to_vec(), SOON)
        .await;
    assert_eq!(reply, Ok(Answer { status: 429, retry_after: Some(Duration::from_secs(7)) }));
}

#[test]
fn a_wait_is_told_in_seconds_or_as_a_date_and_is_an_hour_at_most() {
    let now = "1994-11-06T08:49:30Z".parse().unwrap();
    let seconds = |value: &str| wait(value, now).map(|wait| wait.as_secs());
    assert_eq!(seconds("0"), Some(0));
    assert_eq!(seconds("120"), Some(120));
    assert_eq!(seconds("Sun, 06 Nov 1994 08:49:37 GMT"), Some(7));
    assert_eq!(seconds("Sun, 06 Nov 1994 08:49:20 GMT"), Some(0), "in the past");
    assert_eq!(seconds("Sat, 06 Nov 2094 08:49:37 GMT"), Some(3600));
    assert_eq!(seconds("86400"), Some(3600));
    for nonsense in ["", "soon", "-1", "1.5", "99999999999999999999999"] {
        assert_eq!(seconds(nonsense), None, "{nonsense}");
    }
}

#[test]
fn an_error_tells_whether_another_try_may_do() {
    for transient in [
        WebError::TooLong,
        WebError::Unreachable,
        WebError::NoSuchHost,
        WebError::Status(503),
        WebError::Status(429),
    ] {
        assert!(transient.is_transient(), "{transient}");
    }
    for lasting in [
        WebError::NoUrl,
        WebError::NotPublic,
        WebError::NotPlainHttps,
        WebError::TooLarge(1),
        WebError::Status(404),
        WebError::TooManyRedirects,
    ] {
        assert!(!lasting.is_transient(), "{lasting}");
    }
}
