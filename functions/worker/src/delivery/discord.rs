//! A webhook of a channel on Discord.

use shared::db::user_prefs::Targets;

use super::message::Message;
use super::{DEADLINE, json_type};
use crate::job::Failure;
use crate::web::{Answer, Web};

pub async fn send(web: &Web, targets: &Targets, message: &Message) -> Result<(), Failure> {
    let Some(url) = &targets.discord_webhook_url else { return Err(super::no_target("discord_webhook_url")) };
    let body = message.discord().to_string().into_bytes();
    // Without it, Discord answers before it knows whether there is a message.
    let url = format!("{url}?wait=true");
    match web.post(&url, &[json_type()], body, DEADLINE).await {
        Ok(answer) => judge(answer),
        Err(error) => Err(super::not_reached("Discord", error)),
    }
}

fn judge(answer: Answer) -> Result<(), Failure> {
    match answer.status {
        200..=299 => Ok(()),
        401 | 403 | 404 | 410 => Err(Failure::Final("the Discord webhook no longer exists".into())),
        status @ (408 | 429 | 500..) => Err(answer.retry(format!("Discord answered {status}"))),
        status => Err(Failure::Final(format!("Discord refused the message ({status})"))),
    }
}
