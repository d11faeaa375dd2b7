//! Sends a message to one of its user's channels: when they wish, not too many a day, and known as sent only when it was.

mod discord;
mod email;
mod message;
pub mod schedule;
mod webhook;

use std::time::Duration;

use jiff::civil::Time;
use shared::App;
use shared::db::deliveries::{self, Delivery};
use shared::db::jobs::Leased;
use shared::db::user_prefs::{self, Targets};
use shared::values::Timestamp;

use self::message::Message;
use crate::job::{Context, Failure, Outcome};
use crate::web::{Answer, WebError};

/// For all of a message's way to its receiver.
const DEADLINE: Duration = Duration::from_secs(8);

/// Sends what the job is for. It may be sent twice, when its end was not told, and then under the same id.
pub async fn perform(context: &Context, job: &Leased) -> Result<Outcome, Failure> {
    let app = context.app;
    let Some(row) = deliveries::of_job(&app.db, job).await? else {
        return done(deliveries::withdrawn(&app.db, job).await?);
    };
    let delivery = Delivery::of(&row);
    if delivery.notifications == 0 {
        return done(deliveries::withdrawn(&app.db, job).await?);
    }
    // A digest comes when its user wants it, also in hours that are quiet otherwise, and however many there were.
    if !delivery.digest {
        let zone = schedule::zone(delivery.time_zone);
        let now = delivery.now.into();
        if let Some((start, end)) = delivery.quiet_hours
            && let Some(until) = schedule::quiet_until(now, &zone, Time::from(start), Time::from(end))
        {
            return Ok(Outcome::Later(moment(until)));
        }
        if let Some(cap) = delivery.daily_cap {
            let today = moment(schedule::start_of_day(now, &zone));
            if deliveries::count_before(&app.db, &job.user_id, &delivery, today).await? >= i64::from(cap) {
                return done(deliveries::deferred(&app.db, job).await?);
            }
        }
    }
    let channel = Channel::of(delivery.channel)?;
    channel.send(context, &job.user_id, &delivery).await?;
    done(deliveries::sent(&app.db, job).await?)
}

fn done(is_leased: bool) -> Result<Outcome, Failure> {
    if is_leased { Ok(Outcome::Done) } else { Err(Failure::LostLease) }
}

/// What lies within a day or two of now.
fn moment(moment: jiff::Timestamp) -> Timestamp {
    Timestamp::try_from(moment).unwrap_or_else(|_| Timestamp::now())
}

/// Where a message goes.
#[derive(Debug, Clone, Copy)]
enum Channel {
    Email,
    Discord,
    Webhook,
}

impl Channel {
    fn of(name: &str) -> Result<Channel, Failure> {
        match name {
            "email" => Ok(Channel::Email),
            "discord" => Ok(Channel::Discord),
            "webhook" => Ok(Channel::Webhook),
            // Of another release, which will be back.
            _ => Err(Failure::Retry("the channel is not known here".into())),
        }
    }

    /// `Ok` when the receiver has the message.
    async fn send(self, context: &Context, user_id: &str, delivery: &Delivery<'_>) -> Result<(), Failure> {
        let message = Message::of(delivery);
        match self {
            Channel::Email => email::send(context.app.smtp.as_ref(), delivery.email, &message).await,
            Channel::Discord => {
                discord::send(&context.web, &targets(context.app, user_id, delivery)?, &message).await
            }
            Channel::Webhook => {
                webhook::send(&context.web, &targets(context.app, user_id, delivery)?, &message).await
            }
        }
    }
}

fn targets(app: &App, user_id: &str, delivery: &Delivery<'_>) -> Result<Targets, Failure> {
    let Some(sealed) = delivery.targets else { return Ok(Targets::default()) };
    let opened = match app.credentials_keys() {
        Ok(keys) => user_prefs::open(keys, sealed, user_id).map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    opened.map_err(|error| {
        tracing::error!(error, "where a user's messages go does not open");
        Failure::Retry("where it goes cannot be read here now".into())
    })
}

impl Answer {
    /// Another try may do, when the receiver says.
    fn retry(self, reason: String) -> Failure {
        match self.retry_after {
            Some(wait) => Failure::RetryAfter(reason, wait),
            None => Failure::Retry(reason),
        }
    }
}

fn no_target(field: &str) -> Failure {
    Failure::Final(format!("the preferences have no {field}"))
}

fn not_reached(receiver: &str, error: WebError) -> Failure {
    let reason = format!("{receiver} was not reached: {error}");
    if error.is_transient() { Failure::Retry(reason) } else { Failure::Final(reason) }
}

fn json_type() -> (&'static str, String) {
    ("content-type", "application/json".into())
}

#[cfg(test)]
mod tests;
