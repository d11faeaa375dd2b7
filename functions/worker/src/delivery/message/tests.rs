use super::*;

fn notification(id: i64, payload: Value) -> Value {
    json!({ "id": id, "listing_id": 7, "kind": "new", "payload": payload, "created_at": "2026-11-25T08:00:00+00:00" })
}

fn of(notifications: &[Value], more: i64, is_digest: bool) -> Message {
    Message {
        id: 5,
        is_digest,
        created_at: "2026-11-25T08:00:00Z".parse().unwrap(),
        notices: notifications.iter().map(Notice::of).collect(),
        more,
    }
}

fn titled(title: &str) -> Message {
    of(&[notification(1, json!({ "title": title }))], 0, false)
}

#[test]
fn a_title_is_text_wherever_it_goes() {
    // The title, the subject, a part of the HTML, and the title on Discord.
    let table = [
        (
            "<script>alert(1)</script>",
            "New: <script>alert(1)</script>",
            "&lt;script&gt;alert(1)&lt;/script&gt;",
            "New: \\<script\\>alert\\(1\\)\\<\\/script\\>",
        ),
        (
            "Sofa\r\nBcc: ben@example.com\r\n\r\nhi",
            "New: Sofa Bcc: ben@example.com hi",
            "Sofa Bcc: ben@example.com hi",
            "New: Sofa Bcc\\: ben\\@\u{200b}example.com hi",
        ),
        (
            "@everyone <@123>",
            "New: @everyone <@123>",
            "@everyone &lt;@123&gt;",
            "New: \\@\u{200b}everyone \\<\\@\u{200b}123\\>",
        ),
        (
            "**cheap** [sofa](https://evil.example) `x` ||y||",
            "New: **cheap** [sofa](https://evil.example) `x` ||y||",
            "**cheap** [sofa](https://evil.example) `x` ||y||",
            "New: \\*\\*cheap\\*\\* \\[sofa\\]\\(https\\:\\/\\/evil.example\\) \\`x\\` \\|\\|y\\|\\|",
        ),
        ("a \"b\" & 'c'", "New: a \"b\" & 'c'", "a &quot;b&quot; &amp; &#39;c&#39;", "New: a \"b\" & 'c'"),
        ("so\u{202e}fa\u{200b}\u{0}\u{2028}x", "New: so fa x", "so fa x", "New: so fa x"),
        ("\u{1b}[31mred", "New: [31mred", "[31mred", "New: \\[31mred"),
        ("\r\n", "New: a listing", "a listing", "New: a listing"),
    ];
    for (title, subject, html, discord) in table {
        let message = titled(title);
        assert_eq!(message.subject(), subject, "{title:?}");
        assert_eq!(
            message.html(),
            format!("<!doctype html><html><body><p><b>New: {html}</b></p></body></html>")
        );
        assert_eq!(message.text(), format!("{subject}\n\n"));
        let body = message.discord();
        assert_eq!(
            (&body["embeds"][0]["title"], &body["allowed_mentions"]),
            (&json!(discord), &json!({ "parse": [] }))
        );
        assert_eq!(message.event()["data"]["notification"]["title"], subject[5..], "{title:?}");
    }
}

#[test]
fn a_link_leads_to_an_https_url_and_nowhere_else() {
    let link = |url: Value| {
        let message =
            of(&[notification(1, json!({ "title": "x", "url": url, "thumbnail_url": url }))], 0, false);
        let (html, discord) = (message.html(), message.discord());
        assert_eq!(discord["embeds"][0]["url"], discord["embeds"][0]["thumbnail"]["url"]);
        assert_eq!(html.contains("href"), discord["embeds"][0]["url"].is_string(), "{html}");
        assert_eq!(message.event()["data"]["notification"]["url"], discord["embeds"][0]["url"]);
        discord["embeds"][0]["url"].as_str().map(|url| (url.to_owned(), html))
    };
    for refused in [
        json!("javascript:alert(1)"),
        json!("http://example.com/1"),
        json!("data:text/html,<script>"),
        json!("//example.com"),
        json!("https://user:pass@example.com/"),
        json!(format!("https://example.com/{}", "x".repeat(500))),
        json!(null),
        json!({}),
    ] {
        assert!(link(refused.clone()).is_none(), "{refused}");
    }
    let (url, html) = link(json!("https://example.com/\"onclick='x'><script>\r\n?a=1&b=\"2\"")).unwrap();
    assert_eq!(url, "https://example.com/%22onclick='x'%3E%3Cscript%3E?a=1&b=%222%22");
    let expected =
        "<a href=\"https://example.com/%22onclick=&#39;x&#39;%3E%3Cscript%3E?a=1&amp;b=%222%22\">x</a>";
    assert!(html.contains(expected), "{html}");
}

#[test]
fn a_message_says_what_it_costs_what_is_fair_and_which_search_found_it() {
    let payload = json!({
        "title": "Walnut sofa", "url": "https://example.com/1", "price_cents": 12_000, "currency": "USD",
        "fair_price_cents": 30_050, "saved_search": "my <sofas>", "score": 91.5
    });
    let message = of(&[notification(3, payload)], 0, false);
    assert_eq!(message.subject(), "New: Walnut sofa, 120.00 USD");
    let text = "New: Walnut sofa\n  120.00 USD; a fair price is 300.50 USD\n  found by “my <sofas>”\n  https://example.com/1\n\n";
    assert_eq!(message.text(), text);
    assert!(message.html().contains("<br>found by “my &lt;sofas&gt;”"), "{}", message.html());
    let event = message.event();
    assert_eq!(
        (&event["type"], &event["timestamp"]),
        (&json!("listing.matched"), &json!("2026-11-25T08:00:00Z"))
    );
    let told = &event["data"]["notification"];
    assert_eq!(
        (&told["id"], &told["listing_id"], &told["price_cents"]),
        (&json!(3), &json!(7), &json!(12_000))
    );
    for (cents, currency, written) in
        [(0, "USD", "free"), (5, "EUR", "0.05 EUR"), (500, "JPY", "500 JPY"), (1234, "KWD", "1.234 KWD")]
    {
        assert_eq!(money(cents, currency), written);
    }
}

#[test]
fn a_digest_spells_out_some_counts_the_others_and_keeps_to_discords_limits() {
    let longest = json!({
        "title": "*".repeat(255), "url": format!("https://example.com/{}", "x".repeat(400)), "price_cents": i64::MAX,
        "currency": "USD", "fair_price_cents": i64::MAX, "saved_search": "_".repeat(100), "kind": "cheaper"
    });
    let notifications: Vec<Value> = (0..50).map(|id| notification(id, longest.clone())).collect();
    let message = of(&notifications, 12, true);
    assert_eq!(message.subject(), "62 deals for you");
    assert!(message.text().ends_with("\n\nAnd 12 more in the inbox."), "{}", message.text());
    assert!(message.html().ends_with("<p>And 12 more in the inbox.</p></body></html>"));
    let event = message.event();
    assert_eq!((&event["type"], &event["data"]["more"]), (&json!("digest"), &json!(12)));
    assert_eq!(event["data"]["notifications"].as_array().unwrap().len(), 50);

    let body = message.discord();
    assert_eq!(body["content"], "62 deals for you, 52 more of them in the inbox");
    let embeds = body["embeds"].as_array().unwrap();
    let length = |embed: &Value, name: &str| embed[name].as_str().unwrap().chars().count();
    assert_eq!(embeds.len(), 10);
    assert!(embeds.iter().all(|embed| length(embed, "title") <= 256 && length(embed, "description") <= 4096));
    let all: usize = embeds.iter().map(|embed| length(embed, "title") + length(embed, "description")).sum();
    assert!(all <= 6000, "{all}");
    // One alone is still a digest.
    let alone = of(&notifications[..1], 0, true).event();
    assert_eq!((&alone["type"], &alone["data"]["notifications"][0]["id"]), (&json!("digest"), &json!(0)));
}
