use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp as Moment};

use super::*;

#[tokio::test]
async fn in_quiet_hours_a_message_waits_for_their_end_and_a_digest_does_not() {
    let receiver = HttpReceiver::answering(&[200]).await;
    let world = World::new(None, &[&receiver]).await;
    world.receive("anna", &webhook_at(receiver.url("/"))).await;
    // Around now in Auckland, and over in an hour at the most.
    let hours = "time_zone = 'Pacific/Auckland',
        quiet_hours_start = date_trunc('minute', now() at time zone 'Pacific/Auckland' - interval '1 minute')::time,
        quiet_hours_end = date_trunc('minute', now() at time zone 'Pacific/Auckland' + interval '40 minutes')::time";
    world.prefer("anna", hours).await;
    let notification = world.notify("anna", "Sofa").await;
    let job = world.message("anna", "webhook", false, &[notification]).await;
    let Ok(Outcome::Later(until)) = world.perform(job).await else { panic!("is quiet") };
    let left = Moment::from(until).duration_since(Moment::now());
    assert!((SignedDuration::from_mins(30)..=SignedDuration::from_mins(41)).contains(&left), "{left}");
    assert_eq!(world.told(notification).await, "pending webhook:pending");
    assert!(receiver.requests().is_empty());

    let another = world.notify("anna", "Lamp").await;
    let digest = world.message("anna", "webhook", true, &[another]).await;
    assert_eq!(world.perform(digest).await, Ok(Outcome::Done));
    world.prefer("anna", "quiet_hours_start = null, quiet_hours_end = null").await;
    assert_eq!(world.perform(job).await, Ok(Outcome::Done));
    assert_eq!(receiver.requests().len(), 2);
}

#[tokio::test]
async fn what_is_beyond_the_days_cap_waits_for_the_digest_on_its_own_channel() {
    let receiver = HttpReceiver::answering(&[200]).await;
    let world = World::new(None, &[&receiver]).await;
    let discord_webhook_url = Some(receiver.url("/discord"));
    world.receive("anna", &Targets { discord_webhook_url, ..webhook_at(receiver.url("/webhook")) }).await;
    world.prefer("anna", "daily_cap = 2, time_zone = 'Asia/Kolkata'").await;
    let mut told = Vec::new();
    for (number, title) in ["one", "two", "three"].into_iter().enumerate() {
        let notification = world.notify("anna", title).await;
        let webhook = world.message("anna", "webhook", false, &[notification]).await;
        // The third is the second on Discord.
        let discord = match number {
            0 => None,
            _ => Some(world.message("anna", "discord", false, &[notification]).await),
        };
        assert_eq!(world.perform(webhook).await, Ok(Outcome::Done));
        if let Some(discord) = discord {
            assert_eq!(world.perform(discord).await, Ok(Outcome::Done));
        }
        told.push(world.told(notification).await);
    }
    let expected = [
        "sent webhook:sent",
        "sent discord:sent webhook:sent",
        "pending waits discord:sent webhook:deferred",
    ];
    assert_eq!(told, expected);
    assert_eq!(receiver.requests().len(), 4);
    let rest = "select concat_ws(' ', (select count(*) from deliveries), (select count(*) from jobs where status = 'done'))";
    assert_eq!(world.text(rest).await, "4 5");

    // Yesterday's do not count, and neither do a digest and another's.
    let yesterday =
        schedule::start_of_day(Moment::now(), &TimeZone::get("Asia/Kolkata").unwrap()).to_string();
    let sql = format!(
        "update deliveries set sent_at = '{yesterday}'::timestamptz - interval '1 second' where channel = 'webhook'"
    );
    world.owner.batch_execute(&sql).await.unwrap();
    for digest in [true, true, false, false, false] {
        let notification = world.notify("anna", "more").await;
        let job = world.message("anna", "webhook", digest, &[notification]).await;
        assert_eq!(world.perform(job).await, Ok(Outcome::Done));
    }
    assert_eq!(receiver.requests().len(), 8, "the last of three was one too many");
}

/// However many workers there are, and in whatever order.
#[tokio::test]
async fn of_many_at_once_as_many_are_sent_as_the_cap_says_and_none_is_lost() {
    let receiver = HttpReceiver::answering(&[200]).await;
    let world = World::new(None, &[&receiver]).await;
    world.receive("anna", &webhook_at(receiver.url("/"))).await;
    world.prefer("anna", "daily_cap = 3").await;
    let mut jobs = Vec::new();
    for number in 0..12 {
        let notification = world.notify("anna", &number.to_string()).await;
        jobs.push(world.message("anna", "webhook", false, &[notification]).await);
    }
    jobs.reverse();
    let mut performed = Vec::new();
    for job in jobs {
        let job = world.lease(job).await;
        // Workers of their own, since one has one connection.
        let app = App::new(config(&world._database.config), Role::Worker);
        let context =
            Context { app: Box::leak(Box::new(app)), web: Web::new(vec![receiver.address]).unwrap() };
        performed.push(tokio::spawn(async move { perform(&context, &job).await }));
    }
    for performed in performed {
        assert_eq!(performed.await.unwrap(), Ok(Outcome::Done));
    }
    assert_eq!(receiver.requests().len(), 3);
    let rest = "select concat_ws(' ', count(*) filter (where status = 'sent'), count(*) filter (where awaits_digest)) from notifications";
    assert_eq!(world.text(rest).await, "3 9");
}
