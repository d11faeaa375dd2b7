-- Work in the background: jobs, each made in the transaction of what caused it; photos' jobs and messages as what they
-- do; and what a notification is about.
--
-- Nothing has written snap jobs' results or notifications before this release, so that those tables are small or empty
-- wherever this runs, and their indexes and constraints are no work.
-- squawk-ignore-file require-concurrent-index-creation, constraint-missing-not-valid, adding-foreign-key-constraint, disallowed-unique-constraint

create type job_kind as enum ('snap', 'delivery');
create type job_status as enum ('queued', 'running', 'done', 'dead');

create table jobs (
    id               bigint      generated always as identity constraint jobs_pkey primary key,
    user_id          text        not null,
    kind             job_kind    not null,
    status           job_status  not null default 'queued',
    -- How often it was taken. A worker that is lost counts, one that gives it back does not.
    attempts         int         not null default 0,
    -- Not before: what waits for its time waits here, not in Redis.
    run_at           timestamptz not null default now(),
    -- When Redis was told of it last. Whoever makes a job tells Redis at once; what that missed, the worker makes up for.
    announced_at     timestamptz not null default now(),
    -- Of the worker that has it: an effect commits only with its lease.
    lease_token      uuid,
    lease_expires_at timestamptz,
    -- Why it failed last, or for good.
    reason           text,
    created_at       timestamptz not null default now(),
    updated_at       timestamptz not null default now(),
    started_at       timestamptz,
    finished_at      timestamptz,
    version          int         not null default 1,

    constraint jobs_user_id_check check (char_length(user_id) between 1 and 255),
    constraint jobs_attempts_check check (attempts between 0 and 5),
    constraint jobs_reason_check check (char_length(reason) <= 1000),
    constraint jobs_lease_check check ((status = 'running') = (lease_token is not null)
        and (status = 'running') = (lease_expires_at is not null)),
    constraint jobs_finished_at_check check ((status in ('done', 'dead')) = (finished_at is not null))
);
create index jobs_user_id_created_at_idx on jobs (user_id, created_at, id);
create index jobs_run_at_idx on jobs (run_at) where status = 'queued';
create index jobs_lease_expires_at_idx on jobs (lease_expires_at) where status = 'running';
create index jobs_finished_at_idx on jobs (finished_at) where finished_at is not null;
create index jobs_dead_idx on jobs (id) where status = 'dead';

create trigger jobs_status_step before insert or update of status on jobs
    for each row execute function check_status_step(
        '>queued',
        'queued>running',
        'running>queued', 'running>done', 'running>dead',
        'dead>queued');

-- Makes the job of a row that has work to be done. The argument is the job's kind.
create function enqueue_job() returns trigger language plpgsql as $$
begin
    insert into jobs (user_id, kind) values (new.user_id, tg_argv[0]::job_kind) returning id into new.job_id;
    return new;
end
$$;

alter table snap_jobs
    add column job_id         bigint constraint snap_jobs_job_id_fkey references jobs (id) on delete set null,
    -- In words that a seller understands.
    add column failure_reason text,
    add constraint snap_jobs_failure_reason_check check (char_length(failure_reason) <= 1000);
create index snap_jobs_job_id_idx on snap_jobs (job_id);
create trigger snap_jobs_enqueue before insert on snap_jobs
    for each row execute function enqueue_job('snap');
create trigger snap_jobs_enqueue_again before update of job_id on snap_jobs
    for each row when (old.status = 'failed' and new.status = 'queued' and new.job_id is null)
    execute function enqueue_job('snap');

-- A message to one of a user's channels.
create type delivery_status as enum ('pending', 'sent', 'failed');
create table deliveries (
    id               bigint          generated always as identity constraint deliveries_pkey primary key,
    user_id          text            not null,
    channel          text            not null,
    -- One message for many notifications, at a time of the user's choice.
    digest           boolean         not null default false,
    -- What it tells of. One that was deleted meanwhile is left out.
    notification_ids bigint[]        not null,
    status           delivery_status not null default 'pending',
    -- Why it failed.
    reason           text,
    sent_at          timestamptz,
    job_id           bigint          constraint deliveries_job_id_fkey references jobs (id) on delete set null,
    created_at       timestamptz     not null default now(),
    updated_at       timestamptz     not null default now(),

    constraint deliveries_user_id_check check (char_length(user_id) between 1 and 255),
    constraint deliveries_channel_check check (channel in ('email', 'discord', 'webhook')),
    constraint deliveries_notification_ids_check check (cardinality(notification_ids) between 1 and 1000),
    constraint deliveries_reason_check check (char_length(reason) <= 1000),
    constraint deliveries_sent_at_check check ((status = 'sent') = (sent_at is not null))
);
create index deliveries_user_id_sent_at_idx on deliveries (user_id, sent_at) where status = 'sent';
create index deliveries_job_id_idx on deliveries (job_id);
create index deliveries_created_at_idx on deliveries (created_at);
create trigger deliveries_enqueue before insert on deliveries
    for each row execute function enqueue_job('delivery');

-- What a notification is about. Of a listing a user is told once for each kind and step of the price.
create type notification_kind as enum ('new', 'cheaper', 'good');
alter table notifications
    add column kind          notification_kind,
    -- 5 % of the price each, so that what goes up and down by a little is told once.
    add column price_step    int,
    -- What became of its messages: {"email": {"status": "sent", "at": "…"}}.
    add column deliveries    jsonb   not null default '{}',
    -- Waits for the next digest.
    add column awaits_digest boolean not null default false,
    -- A row that its user deleted is kept, empty, so that they are not told again.
    add column deleted_at    timestamptz,
    add constraint notifications_user_id_listing_id_kind_price_step_key unique (user_id, listing_id, kind, price_step);
create index notifications_awaits_digest_idx on notifications (user_id, created_at, id) where awaits_digest and deleted_at is null;
create index notifications_created_at_idx on notifications (created_at);
-- One without any channel but the inbox has arrived as soon as it is there.
drop trigger notifications_status_step on notifications;
create trigger notifications_status_step before insert or update of status on notifications
    for each row execute function check_status_step(
        '>pending', '>sent',
        'pending>sent', 'pending>failed',
        'failed>pending', 'failed>sent');

-- A notification says what became of its messages: pending as long as one is, failed if one is.
create function deliveries_tell_notifications() returns trigger language plpgsql as $$
declare
    told jsonb := jsonb_build_object(new.channel, jsonb_strip_nulls(jsonb_build_object(
        'status', new.status, 'reason', new.reason, 'at', to_char(new.sent_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))));
begin
    update notifications set
        deliveries = deliveries || told,
        awaits_digest = false,
        status = case when jsonb_path_exists(deliveries || told, '$.*.status ? (@ == "pending")') then 'pending'
                      when jsonb_path_exists(deliveries || told, '$.*.status ? (@ == "failed")') then 'failed'
                      else 'sent' end::notification_status,
        sent_at = case when jsonb_path_exists(deliveries || told, '$.*.status ? (@ != "sent")') then sent_at else new.sent_at end,
        updated_at = now(),
        version = version + 1
    where id = any (new.notification_ids) and user_id = new.user_id and deleted_at is null;
    return null;
end
$$;
create trigger deliveries_tell_notifications after insert or update of status, reason on deliveries
    for each row execute function deliveries_tell_notifications();

-- What a job is for shows how far it is, whoever moves the job.
create function jobs_tell_subject() returns trigger language plpgsql as $$
begin
    if new.kind = 'snap' then
        update snap_jobs set
            status = case new.status when 'running' then 'processing' when 'dead' then 'failed' else 'queued' end::snap_job_status,
            failure_reason = case new.status when 'dead' then new.reason end,
            updated_at = now(),
            version = version + 1
        where job_id = new.id and (status in ('queued', 'processing') or status = 'failed' and old.status = 'dead');
    elsif new.status = 'dead' then
        update deliveries set status = 'failed', reason = new.reason, updated_at = now()
            where job_id = new.id and status = 'pending';
    elsif new.status = 'queued' and old.status = 'dead' then
        update deliveries set status = 'pending', reason = null, updated_at = now()
            where job_id = new.id and status = 'failed';
    end if;
    return null;
end
$$;
-- What was done is told by the statement that did it.
create trigger jobs_tell_subject after update of status on jobs
    for each row when (new.status <> old.status and new.status <> 'done')
    execute function jobs_tell_subject();

grant select, insert, update on jobs to deals_app;
grant select, insert, update, delete on jobs to deals_worker;
grant select, update on deliveries to deals_app;
grant select, insert, update, delete on deliveries to deals_worker;
grant select, update, delete on snap_jobs to deals_worker;
grant select, insert, update, delete on notifications to deals_worker;
grant select, insert on my_items to deals_worker;
grant select, delete on idempotency_keys to deals_worker;
grant select on user_prefs to deals_worker;

alter table jobs enable row level security, force row level security;
alter table deliveries enable row level security, force row level security;
create policy jobs_owner on jobs
    using (user_id = (select nullif(current_setting('deals.user_id', true), '')));
create policy deliveries_owner on deliveries
    using (user_id = (select nullif(current_setting('deals.user_id', true), '')));
-- An administrator reads and retries what is dead, whosever it is.
create policy jobs_administrator on jobs to deals_app
    using (status = 'dead' and (select current_setting('deals.admin', true)) = 'on');
create policy jobs_worker on jobs to deals_worker using (true) with check (true);
create policy deliveries_worker on deliveries to deals_worker using (true) with check (true);
create policy snap_jobs_worker on snap_jobs to deals_worker using (true) with check (true);
create policy notifications_worker on notifications to deals_worker using (true) with check (true);
create policy my_items_worker on my_items to deals_worker using (true) with check (true);
create policy idempotency_keys_worker on idempotency_keys to deals_worker using (true) with check (true);
create policy user_prefs_worker on user_prefs to deals_worker using (true) with check (true);
