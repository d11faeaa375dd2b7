-- The market (listings, listing_scores, comps) is read by every signed-in caller. The other seven tables belong
-- to a user (`user_id` is the token's `sub`) and are fenced by row-level security as well as by each query.

create extension if not exists cube with schema public;

create type item_condition as enum ('poor', 'fair', 'good', 'great', 'excellent');
create type notification_status as enum ('pending', 'sent', 'failed');
create type my_item_status as enum ('draft', 'available', 'sold', 'archived');
create type cross_post_status as enum ('pending', 'live', 'failed', 'sold', 'delisted');
create type order_status as enum ('pending', 'paid', 'shipped', 'completed', 'cancelled', 'refunded');
create type snap_job_status as enum ('queued', 'processing', 'ready', 'failed');

create table listings (
    id            bigint           generated always as identity constraint listings_pkey primary key,
    source        text             not null,
    source_id     text             not null,
    title         text             not null,
    description   text,
    -- Unknown is null, free is 0.
    price_cents   bigint,
    currency      char(3)          not null default 'USD',
    condition     item_condition,
    category      text,
    url           text             not null,
    thumbnail_url text,
    lat           double precision,
    lng           double precision,
    location_text text,
    posted_at     timestamptz,
    available     boolean          not null default true,
    created_at    timestamptz      not null default now(),
    updated_at    timestamptz      not null default now(),
    last_seen_at  timestamptz      not null default now(),
    version       int              not null default 1,

    -- A unit vector: the straight line between two of them grows with the distance over ground, so that a GiST
    -- index finds what is near and orders by distance, also at the poles and over the date line.
    place         cube             generated always as (
        case when lat is not null and lng is not null then
            cube(array[cos(radians(lat)) * cos(radians(lng)), cos(radians(lat)) * sin(radians(lng)), sin(radians(lat))])
        end) stored,
    search        tsvector         not null generated always as (
        setweight(to_tsvector('english', title), 'A')
        || setweight(to_tsvector('english', coalesce(description, '')), 'B')) stored,

    constraint listings_source_source_id_key unique (source, source_id),
    constraint listings_source_check check (char_length(source) between 1 and 50),
    constraint listings_source_id_check check (char_length(source_id) between 1 and 120),
    constraint listings_title_check check (char_length(title) between 1 and 255),
    constraint listings_description_check check (char_length(description) <= 100000),
    constraint listings_price_cents_check check (price_cents between 0 and 9007199254740991),
    constraint listings_currency_check check (currency ~ '^[A-Z]{3}$'),
    constraint listings_category_check check (char_length(category) between 1 and 120),
    constraint listings_url_check check (char_length(url) <= 500),
    constraint listings_thumbnail_url_check check (char_length(thumbnail_url) <= 500),
    constraint listings_lat_check check (lat between -90 and 90),
    constraint listings_lng_check check (lng between -180 and 180),
    constraint listings_lat_lng_check check ((lat is null) = (lng is null)),
    constraint listings_location_text_check check (char_length(location_text) between 1 and 255),
    -- What the code can read: neither infinity nor a year beyond 9999.
    constraint listings_posted_at_check check (posted_at >= '1970-01-01Z' and posted_at < '10000-01-01Z')
);

-- One index a sort; ascending serves descending too, since `id` turns with it. Nulls come last in both
-- directions, which takes an index for each: a stand-in beyond every value makes a page one range scan.
create index listings_created_at_idx on listings (created_at, id);
create index listings_last_seen_at_idx on listings (last_seen_at, id);
create index listings_posted_at_asc_idx on listings (coalesce(posted_at, 'infinity'), id);
create index listings_posted_at_desc_idx on listings (coalesce(posted_at, '-infinity'), id);
create index listings_price_cents_asc_idx on listings (coalesce(price_cents, 9223372036854775807), id);
create index listings_price_cents_desc_idx on listings (coalesce(price_cents, -1), id);
create index listings_place_idx on listings using gist (place);
create index listings_without_place_idx on listings (id) where place is null;

-- The filters, with the sort that a list has unless told; `source` has its unique key, prices their sort.
create index listings_category_created_at_idx on listings (category, created_at, id);
create index listings_condition_created_at_idx on listings (condition, created_at, id);
create index listings_currency_created_at_idx on listings (currency, created_at, id);
create index listings_unavailable_created_at_idx on listings (created_at, id) where not available;
create index listings_search_idx on listings using gin (search);

create table listing_scores (
    id         bigint           generated always as identity constraint listing_scores_pkey primary key,
    listing_id bigint           not null constraint listing_scores_listing_id_fkey references listings (id) on delete cascade,
    metric     text             not null,
    value      double precision not null,
    snapshot   jsonb            not null default '{}',
    created_at timestamptz      not null default now(),
    updated_at timestamptz      not null default now(),
    version    int              not null default 1,

    constraint listing_scores_listing_id_metric_key unique (listing_id, metric),
    constraint listing_scores_metric_check check (char_length(metric) between 1 and 50)
);
create index listing_scores_metric_value_idx on listing_scores (metric, value desc, listing_id);

create table comps (
    id          bigint         generated always as identity constraint comps_pkey primary key,
    category    text           not null,
    title       text           not null,
    price_cents bigint         not null,
    currency    char(3)        not null default 'USD',
    condition   item_condition,
    source      text           not null,
    observed_at timestamptz    not null default now(),
    metadata    jsonb          not null default '{}',
    created_at  timestamptz    not null default now(),
    updated_at  timestamptz    not null default now(),
    version     int            not null default 1,

    constraint comps_category_check check (char_length(category) between 1 and 120),
    constraint comps_title_check check (char_length(title) between 1 and 255),
    constraint comps_price_cents_check check (price_cents between 0 and 9007199254740991),
    constraint comps_currency_check check (currency ~ '^[A-Z]{3}$'),
    constraint comps_source_check check (char_length(source) between 1 and 50),
    constraint comps_observed_at_check check (observed_at >= '1970-01-01Z' and observed_at < '10000-01-01Z')
);
create index comps_category_observed_at_idx on comps (category, observed_at, id);
create index comps_observed_at_idx on comps (observed_at, id);

create table user_prefs (
    id               bigint         generated always as identity constraint user_prefs_pkey primary key,
    user_id          text           not null,
    radius_mi        int            not null default 50,
    city             text           not null default 'San Jose, CA',
    min_condition    item_condition not null default 'good',
    -- Highest prices by category: {"furniture>sofas": 15000}.
    max_price_cents  jsonb          not null default '{}',
    keywords_include jsonb          not null default '[]',
    notify_channels  jsonb          not null default '["email"]',
    created_at       timestamptz    not null default now(),
    updated_at       timestamptz    not null default now(),
    version          int            not null default 1,

    constraint user_prefs_user_id_key unique (user_id),
    constraint user_prefs_user_id_check check (char_length(user_id) between 1 and 255),
    constraint user_prefs_radius_mi_check check (radius_mi between 1 and 12436),
    constraint user_prefs_city_check check (char_length(city) between 1 and 255)
);

create table notifications (
    id         bigint              generated always as identity constraint notifications_pkey primary key,
    user_id    text                not null,
    listing_id bigint              constraint notifications_listing_id_fkey references listings (id) on delete set null,
    channel    text                not null,
    payload    jsonb               not null default '{}',
    status     notification_status not null default 'pending',
    sent_at    timestamptz,
    created_at timestamptz         not null default now(),
    updated_at timestamptz         not null default now(),
    version    int                 not null default 1,

    constraint notifications_user_id_check check (char_length(user_id) between 1 and 255),
    constraint notifications_channel_check check (char_length(channel) between 1 and 50)
);
create index notifications_user_id_created_at_idx on notifications (user_id, created_at, id);
create index notifications_listing_id_idx on notifications (listing_id);
create index notifications_status_channel_created_at_idx on notifications (status, channel, created_at);

create table my_items (
    id          bigint         generated always as identity constraint my_items_pkey primary key,
    user_id     text           not null,
    title       text           not null,
    description text,
    category    text,
    attributes  jsonb          not null default '{}',
    condition   item_condition,
    price_cents bigint,
    currency    char(3)        not null default 'USD',
    status      my_item_status not null default 'draft',
    created_at  timestamptz    not null default now(),
    updated_at  timestamptz    not null default now(),
    version     int            not null default 1,

    -- What `cross_posts` refers to, so that a post has its item's owner.
    constraint my_items_id_user_id_key unique (id, user_id),
    constraint my_items_user_id_check check (char_length(user_id) between 1 and 255),
    constraint my_items_title_check check (char_length(title) between 1 and 255),
    constraint my_items_description_check check (char_length(description) <= 100000),
    constraint my_items_category_check check (char_length(category) between 1 and 120),
    constraint my_items_price_cents_check check (price_cents between 0 and 9007199254740991),
    constraint my_items_currency_check check (currency ~ '^[A-Z]{3}$')
);
create index my_items_user_id_created_at_idx on my_items (user_id, created_at, id);

create table marketplace_accounts (
    id          bigint      generated always as identity constraint marketplace_accounts_pkey primary key,
    user_id     text        not null,
    platform    text        not null,
    connected   boolean     not null default false,
    -- Sealed; never in clear text, and in no answer.
    credentials bytea,
    created_at  timestamptz not null default now(),
    updated_at  timestamptz not null default now(),
    version     int         not null default 1,

    constraint marketplace_accounts_user_id_platform_key unique (user_id, platform),
    constraint marketplace_accounts_user_id_check check (char_length(user_id) between 1 and 255),
    constraint marketplace_accounts_platform_check check (char_length(platform) between 1 and 50)
);

create table cross_posts (
    id          bigint            generated always as identity constraint cross_posts_pkey primary key,
    user_id     text              not null,
    my_item_id  bigint            not null,
    platform    text              not null,
    external_id text,
    listing_url text,
    status      cross_post_status not null default 'pending',
    metadata    jsonb             not null default '{}',
    created_at  timestamptz       not null default now(),
    updated_at  timestamptz       not null default now(),
    version     int               not null default 1,

    -- An item that was posted is archived, not deleted: its posts and orders are history.
    constraint cross_posts_my_item_id_user_id_fkey foreign key (my_item_id, user_id)
        references my_items (id, user_id) on delete restrict,
    -- With the user in it, though an item has one: else the violation would tell of another user's post.
    constraint cross_posts_my_item_id_user_id_platform_key unique (my_item_id, user_id, platform),
    constraint cross_posts_id_user_id_key unique (id, user_id),
    constraint cross_posts_user_id_check check (char_length(user_id) between 1 and 255),
    constraint cross_posts_platform_check check (char_length(platform) between 1 and 50),
    constraint cross_posts_external_id_check check (char_length(external_id) between 1 and 120),
    constraint cross_posts_listing_url_check check (char_length(listing_url) <= 500)
);
create index cross_posts_user_id_created_at_idx on cross_posts (user_id, created_at, id);
create index cross_posts_platform_external_id_idx on cross_posts (platform, external_id);

create table orders (
    id                bigint       generated always as identity constraint orders_pkey primary key,
    user_id           text         not null,
    cross_post_id     bigint       not null,
    platform_order_id text         not null,
    status            order_status not null default 'pending',
    total_cents       bigint       not null,
    currency          char(3)      not null default 'USD',
    metadata          jsonb        not null default '{}',
    created_at        timestamptz  not null default now(),
    updated_at        timestamptz  not null default now(),
    version           int          not null default 1,

    constraint orders_cross_post_id_user_id_fkey foreign key (cross_post_id, user_id)
        references cross_posts (id, user_id) on delete restrict,
    constraint orders_cross_post_id_user_id_platform_order_id_key unique (cross_post_id, user_id, platform_order_id),
    constraint orders_user_id_check check (char_length(user_id) between 1 and 255),
    constraint orders_platform_order_id_check check (char_length(platform_order_id) between 1 and 120),
    constraint orders_total_cents_check check (total_cents between 0 and 9007199254740991),
    constraint orders_currency_check check (currency ~ '^[A-Z]{3}$')
);
create index orders_user_id_created_at_idx on orders (user_id, created_at, id);

create table snap_jobs (
    id                          bigint          generated always as identity constraint snap_jobs_pkey primary key,
    user_id                     text            not null,
    status                      snap_job_status not null default 'queued',
    source                      text            not null default 'upload',
    input_photos                jsonb           not null default '[]',
    processed_images            jsonb           not null default '[]',
    detected_category           text,
    detected_attributes         jsonb           not null default '{}',
    condition_guess             item_condition,
    suggested_price_cents       bigint,
    suggested_currency          char(3)         not null default 'USD',
    suggested_title             text,
    suggested_description       text,
    created_at                  timestamptz     not null default now(),
    updated_at                  timestamptz     not null default now(),
    version                     int             not null default 1,

    constraint snap_jobs_user_id_check check (char_length(user_id) between 1 and 255),
    constraint snap_jobs_source_check check (char_length(source) between 1 and 50),
    constraint snap_jobs_detected_category_check check (char_length(detected_category) between 1 and 120),
    constraint snap_jobs_suggested_price_cents_check check (suggested_price_cents between 0 and 9007199254740991),
    constraint snap_jobs_suggested_currency_check check (suggested_currency ~ '^[A-Z]{3}$'),
    constraint snap_jobs_suggested_title_check check (char_length(suggested_title) between 1 and 255),
    constraint snap_jobs_suggested_description_check check (char_length(suggested_description) <= 100000)
);
create index snap_jobs_user_id_created_at_idx on snap_jobs (user_id, created_at, id);

-- Roles belong to the whole cluster, and another database's migration may be making them at this moment: then
-- PostgreSQL reports a unique violation or an internal error, "tuple concurrently updated".
do $$
declare
    role_name text;
    setting text;
begin
    foreach role_name in array array['deals_app', 'deals_worker'] loop
        for attempt in 1..20 loop
            begin
                if not exists (select from pg_roles where rolname = role_name) then
                    -- No password: in the cloud IAM alone logs in.
                    execute format('create role %I login', role_name);
                end if;
                -- RDS knows the role rds_iam; other servers do not.
                if exists (select from pg_roles where rolname = 'rds_iam')
                    and not pg_has_role(role_name, 'rds_iam', 'member') then
                    execute format('grant rds_iam to %I', role_name);
                end if;
                -- An owner who is no superuser takes these roles only as a member; see Role in the code.
                if not (select rolsuper from pg_roles where rolname = current_user) then
                    execute format('grant %I to current_user', role_name);
                end if;
                -- A frozen environment must never hold a lock for long, and one that is gone no connection. The code
                -- sends the same values.
                foreach setting in array array[
                    'statement_timeout=5000', 'lock_timeout=2000', 'idle_in_transaction_session_timeout=5000',
                    'client_connection_check_interval=1000', 'tcp_keepalives_idle=15', 'tcp_keepalives_interval=5',
                    'tcp_keepalives_count=3'] loop
                    if not exists (select from pg_db_role_setting
                                   where setrole = role_name::regrole and setdatabase = 0 and setting = any (setconfig)) then
                        execute format('alter role %I set %I = %L', role_name,
                                       split_part(setting, '=', 1), split_part(setting, '=', 2));
                    end if;
                end loop;
                exit;
            exception when duplicate_object or unique_violation or internal_error then
                if attempt = 20 then
                    raise;
                end if;
                perform pg_sleep(random() * 0.1);
            end;
        end loop;
    end loop;
end
$$;

revoke create on schema public from public;
grant usage on schema public to deals_app, deals_worker;

grant select, insert, update, delete on listings, listing_scores, comps to deals_app, deals_worker;
grant select, insert, update, delete
    on user_prefs, notifications, my_items, marketplace_accounts, cross_posts, orders, snap_jobs to deals_app;

-- Without `deals.user_id` there is no row to be seen or written. `force` holds the owner to it as well.
alter table user_prefs enable row level security, force row level security;
alter table notifications enable row level security, force row level security;
alter table my_items enable row level security, force row level security;
alter table marketplace_accounts enable row level security, force row level security;
alter table cross_posts enable row level security, force row level security;
alter table orders enable row level security, force row level security;
alter table snap_jobs enable row level security, force row level security;

create policy user_prefs_owner on user_prefs
    using (user_id = (select nullif(current_setting('deals.user_id', true), '')));
create policy notifications_owner on notifications
    using (user_id = (select nullif(current_setting('deals.user_id', true), '')));
create policy my_items_owner on my_items
    using (user_id = (select nullif(current_setting('deals.user_id', true), '')));
create policy marketplace_accounts_owner on marketplace_accounts
    using (user_id = (select nullif(current_setting('deals.user_id', true), '')));
create policy cross_posts_owner on cross_posts
    using (user_id = (select nullif(current_setting('deals.user_id', true), '')));
create policy orders_owner on orders
    using (user_id = (select nullif(current_setting('deals.user_id', true), '')));
create policy snap_jobs_owner on snap_jobs
    using (user_id = (select nullif(current_setting('deals.user_id', true), '')));
