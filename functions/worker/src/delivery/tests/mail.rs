use super::smtp_server::{SmtpServer, Speaks};
use super::*;

async fn world(server: &SmtpServer, url: &str, authority: &str) -> World {
    let world = World::new(Some(server.config(url, authority)), &[]).await;
    world.prefer("anna", "email = 'anna@example.org'").await;
    world
}

#[tokio::test]
async fn an_e_mail_goes_out_by_each_kind_of_server() {
    for speaks in [Speaks::Plain, Speaks::StartTls, Speaks::Implicit] {
        let server = SmtpServer::answering(speaks, &["250 taken"]).await;
        let world = world(&server, &server.url("localhost"), "a.pem").await;
        let notification =
            world.notify("anna", "Sofa\r\nBcc: ben@example.org\r\n\r\n<script>x</script>").await;
        let job = world.message("anna", "email", false, &[notification]).await;
        assert_eq!(world.perform(job).await, Ok(Outcome::Done), "{speaks:?}");
        assert_eq!(world.told(notification).await, "sent email:sent");
        let [taken] = server.taken().try_into().unwrap();
        let text = taken.text();
        assert_eq!(taken.over_tls, speaks != Speaks::Plain);
        // The login is user and p@ss.
        assert_eq!(text.contains("AUTH PLAIN AHVzZXIAcEBzcw=="), taken.over_tls, "{text}");
        let id = world.text("select id::text from deliveries").await;
        for line in [
            "MAIL FROM:<deals@example.com>",
            "RCPT TO:<anna@example.org>",
            "To: anna@example.org",
            "Subject: New: Sofa Bcc: ben@example.org <script>x</script>, 120.00 USD",
            &format!("Message-ID: <delivery-{id}@example.com>"),
            "Content-Type: text/plain; charset=utf-8",
            "Content-Type: text/html; charset=utf-8",
        ] {
            let unfolded = text.replace("\n ", " ").replace("  ", " ");
            assert!(unfolded.lines().any(|other| other.starts_with(line)), "{line}\n{text}");
        }
        assert!(!text.lines().any(|line| line.starts_with("Bcc")), "{text}");
        assert!(text.contains("&lt;script&gt;") && text.contains("multipart/alternative"), "{text}");
    }
}

#[tokio::test]
async fn a_refusal_is_final_and_a_delay_is_tried_again_under_the_same_message_id() {
    let answers = ["451 later", "250 taken", "550 no such user anna", "535 hunter2"];
    let server = SmtpServer::answering(Speaks::StartTls, &answers).await;
    let world = world(&server, &server.url("localhost"), "a.pem").await;
    let notification = world.notify("anna", "Sofa").await;
    let job = world.message("anna", "email", false, &[notification]).await;
    let later = Failure::Retry("the mail server cannot take the message now (451)".into());
    assert_eq!(world.perform(job).await, Err(later));
    assert_eq!(world.told(notification).await, "pending email:pending");
    assert_eq!(world.perform(job).await, Ok(Outcome::Done));
    let ids: Vec<String> = server
        .taken()
        .iter()
        .map(|taken| taken.lines.iter().find(|line| line.starts_with("Message-ID")).unwrap().clone())
        .collect();
    assert_eq!(ids[0], ids[1]);
    let another = world.notify("anna", "Lamp").await;
    let job = world.message("anna", "email", false, &[another]).await;
    let refused = Failure::Final("the mail server refused the message (550)".into());
    assert_eq!(world.perform(job).await, Err(refused));
    let not_let_in = Failure::Retry("the mail server does not let us in (535)".into());
    assert_eq!(world.perform(job).await, Err(not_let_in));
}

#[tokio::test]
async fn a_server_that_does_not_prove_who_it_is_is_told_nothing() {
    for speaks in [Speaks::StartTls, Speaks::Implicit] {
        let server = SmtpServer::answering(speaks, &["250 taken"]).await;
        // Another authority's, and one for another name.
        for (host, authority) in [("localhost", "b.pem"), ("127.0.0.1", "a.pem")] {
            let world = world(&server, &server.url(host), authority).await;
            let notification = world.notify("anna", "Sofa").await;
            let job = world.message("anna", "email", false, &[notification]).await;
            let failure = world.perform(job).await.unwrap_err();
            assert!(matches!(failure, Failure::Retry(_)), "{speaks:?} {host}: {failure:?}");
        }
        assert!(server.taken().is_empty());
    }
    // One that has no TLS is not trusted with less, and one that is not there is tried again.
    let server = SmtpServer::answering(Speaks::Plain, &["250 taken"]).await;
    let url = server.url("localhost").replace("smtp://", "smtps://").replace("?tls=none", "");
    for url in [url, "smtp://localhost:1".into()] {
        let world = world(&server, &url, "a.pem").await;
        let notification = world.notify("anna", "Sofa").await;
        let job = world.message("anna", "email", false, &[notification]).await;
        assert!(matches!(world.perform(job).await, Err(Failure::Retry(_))), "{url}");
    }
    assert!(server.taken().is_empty());
}

#[tokio::test]
async fn an_e_mail_without_an_address_fails_for_good() {
    let server = SmtpServer::answering(Speaks::Plain, &["250 taken"]).await;
    let world = world(&server, &server.url("localhost"), "a.pem").await;
    let notification = world.notify("ben", "Sofa").await;
    let job = world.message("ben", "email", false, &[notification]).await;
    assert_eq!(world.perform(job).await, Err(Failure::Final("the preferences have no email".into())));
}
