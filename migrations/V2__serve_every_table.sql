-- What serving all ten tables takes: preferences without assumptions, sealed credentials with a hint, state machines,
-- answers kept for a retry, and search over comps and items.
--
-- The release before serves `listings` alone, which this file leaves as it is. No release has served the tables that it
-- changes, so they are empty wherever it runs: nothing is rewritten, and nobody waits for a lock.
-- squawk-ignore-file ban-drop-default, ban-drop-not-null, ban-drop-constraint, adding-required-field, adding-field-with-default, adding-not-nullable-field
-- squawk-ignore-file constraint-missing-not-valid, disallowed-unique-constraint, require-concurrent-index-creation, prefer-bigint-over-smallint

-- Nothing set means no restriction. `city` is a label alone: where home is, `lat` and `lng` say.
alter table user_prefs alter column radius_mi drop default, alter column radius_mi drop not null;
alter table user_prefs alter column city drop default, alter column city drop not null;
alter table user_prefs alter column min_condition drop default, alter column min_condition drop not null;
alter table user_prefs alter column notify_channels set default '[]';
alter table user_prefs
    add column lat               double precision,
    add column lng               double precision,
    add column keywords_exclude  jsonb not null default '[]',
    add column time_zone         text,
    add column quiet_hours_start time,
    add column quiet_hours_end   time,
    add constraint user_prefs_lat_check check (lat between -90 and 90),
    add constraint user_prefs_lng_check check (lng between -180 and 180),
    add constraint user_prefs_lat_lng_check check ((lat is null) = (lng is null)),
    -- A circle needs a centre.
    add constraint user_prefs_radius_mi_lat_check check (radius_mi is null or lat is not null),
    -- A merge patch adds to what is there, so that only here the sum is known.
    add constraint user_prefs_max_price_cents_check check (
        jsonb_array_length(jsonb_path_query_array(max_price_cents, '$.keyvalue()')) <= 100),
    add constraint user_prefs_keywords_include_check check (jsonb_array_length(keywords_include) <= 50),
    add constraint user_prefs_keywords_exclude_check check (jsonb_array_length(keywords_exclude) <= 50),
    add constraint user_prefs_notify_channels_check check (
        jsonb_typeof(notify_channels) = 'array' and notify_channels <@ '["email", "discord", "webhook"]'),
    add constraint user_prefs_time_zone_check check (char_length(time_zone) between 1 and 64),
    -- PostgreSQL knows 24:00, the code does not.
    add constraint user_prefs_quiet_hours_start_check check (quiet_hours_start < '24:00'),
    add constraint user_prefs_quiet_hours_end_check check (quiet_hours_end < '24:00' and quiet_hours_end <> quiet_hours_start),
    add constraint user_prefs_quiet_hours_start_end_check check ((quiet_hours_start is null) = (quiet_hours_end is null));

alter table notifications
    add column read_at timestamptz;
create index notifications_user_id_unread_idx on notifications (user_id, created_at, id) where read_at is null;
create index notifications_user_id_channel_created_at_idx on notifications (user_id, channel, created_at, id);

-- The foreign key clears `listing_id` when a listing goes, and knows nothing of versions: what is answered changes, and
-- so must its ETag.
create function notifications_listing_id() returns trigger language plpgsql as $$
begin
    new.updated_at := now();
    new.version := old.version + 1;
    return new;
end
$$;
create trigger notifications_listing_id before update of listing_id on notifications
    for each row when (new.listing_id is distinct from old.listing_id and new.version = old.version)
    execute function notifications_listing_id();

-- What an owner may see of sealed credentials: the last four characters of each, by name.
alter table marketplace_accounts
    add column account_name     text,
    add column credentials_hint jsonb not null default '{}',
    add column connected_at     timestamptz,
    add constraint marketplace_accounts_account_name_check check (char_length(account_name) between 1 and 255),
    add constraint marketplace_accounts_connected_check check (connected = (credentials is not null));
create index marketplace_accounts_user_id_created_at_idx on marketplace_accounts (user_id, created_at, id);
create index marketplace_accounts_user_id_updated_at_idx on marketplace_accounts (user_id, updated_at, id);
create index marketplace_accounts_user_id_connected_created_at_idx on marketplace_accounts (user_id, connected, created_at, id);
-- A rotation of keys seals every user's anew.
grant select, update (credentials) on marketplace_accounts to deals_worker;
create policy marketplace_accounts_worker on marketplace_accounts to deals_worker using (true) with check (true);

alter table snap_jobs
    add column notes text,
    add constraint snap_jobs_notes_check check (char_length(notes) between 1 and 5000);
create index snap_jobs_user_id_updated_at_idx on snap_jobs (user_id, updated_at, id);

-- A platform has one spelling, on which the uniqueness of posts and orders rests.
alter table cross_posts
    drop constraint cross_posts_platform_check,
    add constraint cross_posts_platform_check check (platform ~ '^[a-z0-9_-]{1,50}$');

-- One order per (platform, platform_order_id) of a user. V1 knew it per post, of which a user has one for each item.
alter table orders
    add column platform text not null,
    add constraint orders_user_id_platform_platform_order_id_key unique (user_id, platform, platform_order_id),
    drop constraint orders_cross_post_id_user_id_platform_order_id_key;

-- An order's platform is its post's, whoever inserts it. Without a post of that user there is none, which is told as by
-- the foreign key. `stable`: it sees what the statement sees.
create function orders_platform() returns trigger language plpgsql stable as $$
begin
    select cross_posts.platform into new.platform from cross_posts
        where cross_posts.id = new.cross_post_id and cross_posts.user_id = new.user_id;
    if not found then
        raise exception using
            errcode = 'foreign_key_violation',
            table = 'orders',
            constraint = 'orders_cross_post_id_user_id_fkey',
            message = 'there is no such post of this user';
    end if;
    return new;
end
$$;
create trigger orders_platform before insert or update of user_id, cross_post_id, platform on orders
    for each row execute function orders_platform();

-- State machines. An argument is a step that makes sense, 'from>to'; '>to' is where a row may begin. What is refused is
-- told with the steps that there are, in the message: it holds names of states alone.
create function check_status_step() returns trigger language plpgsql as $$
declare
    from_status text := case when tg_op = 'UPDATE' then old.status::text else '' end;
    allowed text;
begin
    if tg_op = 'UPDATE' and old.status = new.status or from_status || '>' || new.status::text = any (tg_argv) then
        return new;
    end if;
    select string_agg(split_part(step, '>', 2), ', ') into allowed
        from unnest(tg_argv) step where split_part(step, '>', 1) = from_status;
    raise exception using
        errcode = 'check_violation',
        constraint = tg_table_name || '_status_step_check',
        message = case when tg_op = 'INSERT' then format('cannot begin as %s; allowed: %s', new.status, allowed)
                       else format('cannot go from %s to %s; allowed: %s', from_status, new.status, coalesce(allowed, 'nothing'))
                  end;
end
$$;

create trigger my_items_status_step before insert or update of status on my_items
    for each row execute function check_status_step(
        '>draft', '>available',
        'draft>available', 'draft>archived',
        'available>draft', 'available>sold', 'available>archived',
        'sold>available', 'sold>archived',
        'archived>draft');
create trigger cross_posts_status_step before insert or update of status on cross_posts
    for each row execute function check_status_step(
        '>pending', '>live',
        'pending>live', 'pending>failed', 'pending>delisted',
        'failed>pending', 'failed>delisted',
        'live>sold', 'live>delisted',
        'sold>live', 'sold>delisted',
        'delisted>pending');
create trigger orders_status_step before insert or update of status on orders
    for each row execute function check_status_step(
        '>pending', '>paid',
        'pending>paid', 'pending>cancelled',
        'paid>shipped', 'paid>completed', 'paid>refunded',
        'shipped>completed', 'shipped>refunded',
        'completed>refunded');

-- What was paid is history. The arguments are the states that a row may be deleted in.
create function check_status_delete() returns trigger language plpgsql as $$
begin
    if old.status::text = any (tg_argv) then
        return old;
    end if;
    raise exception using
        errcode = 'check_violation',
        constraint = tg_table_name || '_status_step_check',
        message = format('cannot be deleted while %s; allowed: %s', old.status, array_to_string(tg_argv, ', '));
end
$$;
create trigger orders_status_delete before delete on orders
    for each row execute function check_status_delete('pending', 'cancelled');

-- What is up is taken down first, and what was sold stays.
create trigger cross_posts_status_delete before delete on cross_posts
    for each row execute function check_status_delete('pending', 'failed', 'delisted');

create trigger snap_jobs_status_step before insert or update of status on snap_jobs
    for each row execute function check_status_step(
        '>queued',
        'queued>processing', 'queued>failed',
        'processing>ready', 'processing>failed', 'processing>queued',
        'failed>queued');
-- Nobody takes a job from under its worker.
create trigger snap_jobs_status_delete before delete on snap_jobs
    for each row execute function check_status_delete('queued', 'ready', 'failed');
create trigger notifications_status_step before insert or update of status on notifications
    for each row execute function check_status_step(
        '>pending',
        'pending>sent', 'pending>failed',
        'failed>pending', 'failed>sent');

-- RFC 7396 on an object without a schema: members that are null go, objects are merged, all else is replaced.
create function json_merge_patch(target jsonb, patch jsonb) returns jsonb language plpgsql immutable strict as $$
begin
    if jsonb_typeof(patch) <> 'object' then
        return patch;
    end if;
    if jsonb_typeof(target) <> 'object' then
        target := '{}';
    end if;
    return coalesce((
        select jsonb_object_agg(key, case when changed.value is null then kept.value
                                          else json_merge_patch(coalesce(kept.value, 'null'), changed.value) end)
        from jsonb_each(target) kept full join jsonb_each(patch) changed using (key)
        where changed.value is null or changed.value <> 'null'), '{}');
end
$$;
-- Bounded also when it grows patch by patch.
alter table comps add constraint comps_metadata_check check (pg_column_size(metadata) <= 100000);
alter table my_items add constraint my_items_attributes_check check (pg_column_size(attributes) <= 100000);
alter table cross_posts add constraint cross_posts_metadata_check check (pg_column_size(metadata) <= 100000);
alter table orders add constraint orders_metadata_check check (pg_column_size(metadata) <= 100000);

-- Answers to POSTs with an Idempotency-Key, for a day.
create table idempotency_keys (
    user_id     text        not null,
    key         text        not null,
    -- SHA-256 of what was asked, path and body; HMAC-SHA-256 where there may be a secret in it.
    fingerprint bytea       not null,
    status      smallint    not null,
    location    text        not null,
    etag        text        not null,
    body        text        not null,
    created_at  timestamptz not null default now(),
    expires_at  timestamptz not null default now() + interval '24 hours',

    constraint idempotency_keys_pkey primary key (user_id, key),
    constraint idempotency_keys_user_id_check check (char_length(user_id) between 1 and 255),
    constraint idempotency_keys_key_check check (char_length(key) between 1 and 255)
);
create index idempotency_keys_expires_at_idx on idempotency_keys (expires_at);
grant select, insert, update, delete on idempotency_keys to deals_app;
alter table idempotency_keys enable row level security, force row level security;
create policy idempotency_keys_owner on idempotency_keys
    using (user_id = (select nullif(current_setting('deals.user_id', true), '')));

-- Search: whole words by their stem, and beginnings of words as they are written.
alter table comps
    add column search tsvector not null generated always as (to_tsvector('english', title)) stored;
create index comps_search_idx on comps using gin (search);
create index comps_price_cents_idx on comps (price_cents, id);
create index comps_source_observed_at_idx on comps (source, observed_at, id);
create index comps_condition_observed_at_idx on comps (condition, observed_at, id);
create index comps_currency_observed_at_idx on comps (currency, observed_at, id);
create index comps_created_at_idx on comps (created_at, id);

alter table my_items
    add column search tsvector not null generated always as (
        setweight(to_tsvector('english', title), 'A')
        || setweight(to_tsvector('english', coalesce(description, '')), 'B')) stored;
-- No index: behind row-level security PostgreSQL looks for a text or a state among the user's own rows alone, since those
-- comparisons are not known to be leakproof.
create index my_items_user_id_updated_at_idx on my_items (user_id, updated_at, id);
create index my_items_user_id_title_idx on my_items (user_id, title, id);
create index my_items_user_id_price_cents_asc_idx on my_items (user_id, coalesce(price_cents, 9223372036854775807), id);
create index my_items_user_id_price_cents_desc_idx on my_items (user_id, coalesce(price_cents, -1), id);

-- None by status: behind row-level security an index serves leakproof operators alone, which an enum's are not.
create index cross_posts_user_id_updated_at_idx on cross_posts (user_id, updated_at, id);
create index cross_posts_user_id_platform_created_at_idx on cross_posts (user_id, platform, created_at, id);
create index cross_posts_user_id_external_id_idx on cross_posts (user_id, external_id, created_at, id);
create index cross_posts_user_id_my_item_id_idx on cross_posts (user_id, my_item_id, created_at, id);
create index orders_user_id_updated_at_idx on orders (user_id, updated_at, id);
create index orders_user_id_total_cents_idx on orders (user_id, total_cents, id);
create index orders_user_id_platform_created_at_idx on orders (user_id, platform, created_at, id);
create index orders_user_id_cross_post_id_idx on orders (user_id, cross_post_id, created_at, id);
create index listing_scores_listing_id_created_at_idx on listing_scores (listing_id, created_at, id);
