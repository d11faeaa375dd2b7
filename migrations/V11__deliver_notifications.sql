-- Where a user is told and how often, and messages that wait for a digest since there were enough of them today.
--
-- Deliveries are as new as their table, which no release before this one fills.
-- squawk-ignore-file require-concurrent-index-creation, constraint-missing-not-valid

alter table user_prefs
    -- Of the verified ones that the user has.
    add column email        text,
    -- The addresses of Discord and of a webhook, with what it is signed by: sealed as one, each shown by its end alone.
    add column targets      bytea,
    add column target_hints jsonb not null default '{}',
    -- By the clock of the user's time zone; null is eight in the morning.
    add column digest_at    time,
    -- Messages that are no digest, a day and a channel. What is more comes with the next digest.
    add column daily_cap    int,
    add constraint user_prefs_email_check check (char_length(email) between 3 and 254),
    add constraint user_prefs_targets_check check ((targets is null) = (target_hints = '{}')),
    add constraint user_prefs_digest_at_check check (digest_at < '24:00'),
    add constraint user_prefs_daily_cap_check check (daily_cap between 1 and 1000);

-- Since when it waits for a digest, if not from the start.
alter table notifications add column deferred_at timestamptz;

-- How many are before this one today.
create index deliveries_pending_idx on deliveries (user_id, channel, id) where status = 'pending';

-- As before, and one whose message is deferred on some channel waits on for the digest, whatever became of the others.
create or replace function deliveries_tell_notifications() returns trigger
    -- A session keeps the plan that it made while there were few notifications.
    language plpgsql set enable_seqscan = off as $$
declare
    told jsonb := jsonb_build_object(new.channel, jsonb_strip_nulls(jsonb_build_object(
        'status', new.status, 'reason', new.reason, 'at', to_char(new.sent_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))));
begin
    update notifications set
        deliveries = deliveries || told,
        awaits_digest = jsonb_path_exists(deliveries || told, '$.*.status ? (@ == "deferred")'),
        status = case when jsonb_path_exists(deliveries || told, '$.*.status ? (@ == "pending" || @ == "deferred")') then 'pending'
                      when jsonb_path_exists(deliveries || told, '$.*.status ? (@ == "failed")') then 'failed'
                      else 'sent' end::notification_status,
        sent_at = case when jsonb_path_exists(deliveries || told, '$.*.status ? (@ != "sent")') then sent_at else new.sent_at end,
        updated_at = now(),
        version = version + 1
    where id = any (new.notification_ids) and user_id = new.user_id and deleted_at is null
        and not (tg_op = 'INSERT' and status = 'pending' and deliveries @> told and not awaits_digest);
    return null;
end
$$;

-- For keys that are rotated.
grant update (targets) on user_prefs to deals_worker;
