-- Saved searches, and the list of listings that are to be matched against them.
--
-- One notification of a listing may have come from a search: the column is new and empty wherever this runs.
-- squawk-ignore-file adding-foreign-key-constraint, constraint-missing-not-valid, require-concurrent-index-creation

-- How many degrees of longitude a circle reaches to either side; null when it holds a pole or crosses the date line.
create function longitudes_around(lat double precision, lng double precision, radius_mi int) returns double precision
    language sql immutable as $$
    select case when abs(lng) + reach <= 180 then reach end from (
        select case when abs(lat) + degrees(radius_mi / 3958.8::double precision) < 89.9 then
            degrees(asin(sin(radius_mi / 3958.8::double precision) / cos(radians(lat)))) + 1e-6 end as reach) around
$$;

create table saved_searches (
    id              bigint         generated always as identity constraint saved_searches_pkey primary key,
    user_id         text           not null,
    name            text           not null,
    -- All in the title, each a word or a phrase; neither in the title nor in the description.
    words_include   text[]         not null default '{}',
    words_exclude   text[]         not null default '{}',
    category        text,
    -- Of the prices: without one, it restricts nothing.
    currency        char(3)        not null default 'USD',
    min_price_cents bigint,
    max_price_cents bigint,
    min_condition   item_condition,
    lat             double precision,
    lng             double precision,
    radius_mi       int,
    min_score       double precision,
    -- Null is as the preferences say.
    channels        text[],
    delivery        text,
    paused          boolean        not null default false,
    created_at      timestamptz    not null default now(),
    updated_at      timestamptz    not null default now(),
    version         int            not null default 1,

    -- As `listings.place`, and the straight line that the radius spans.
    place           cube             generated always as (
        case when lat is not null and lng is not null then
            cube(array[cos(radians(lat)) * cos(radians(lng)), cos(radians(lat)) * sin(radians(lng)), sin(radians(lat))])
        end) stored,
    chord           double precision generated always as (2 * sin(radius_mi / 3958.8::double precision / 2)) stored,
    -- What the index compares, each beyond every value where nothing is asked for: from where to where the circle goes at
    -- the most (all around, when it reaches the date line or a pole), and bounds.
    south           double precision not null generated always as (
        coalesce(lat - degrees(radius_mi / 3958.8::double precision) - 1e-6, -91)) stored,
    north           double precision not null generated always as (
        coalesce(lat + degrees(radius_mi / 3958.8::double precision) + 1e-6, 91)) stored,
    west            double precision not null generated always as (
        coalesce(lng - longitudes_around(lat, lng, radius_mi), -181)) stored,
    east            double precision not null generated always as (
        coalesce(lng + longitudes_around(lat, lng, radius_mi), 181)) stored,
    least_score     double precision not null generated always as (coalesce(min_score, -1)) stored,
    most_cents      bigint           not null generated always as (coalesce(max_price_cents, 9223372036854775807)) stored,
    -- Made of the words by `saved_searches_search`; null when they restrict nothing.
    include_query   tsquery,
    exclude_query   tsquery,
    -- What a listing must have for the search to be looked at: see `listing_anchors`.
    anchor          text           not null default '*',

    constraint saved_searches_user_id_check check (char_length(user_id) between 1 and 255),
    constraint saved_searches_name_check check (char_length(name) between 1 and 100),
    constraint saved_searches_words_include_check check (cardinality(words_include) <= 10
        and array_position(words_include, null) is null and '' <> all (words_include)
        and char_length(array_to_string(words_include, '')) <= 500),
    constraint saved_searches_words_exclude_check check (cardinality(words_exclude) <= 10
        and array_position(words_exclude, null) is null and '' <> all (words_exclude)
        and char_length(array_to_string(words_exclude, '')) <= 500),
    constraint saved_searches_category_check check (char_length(category) between 1 and 120),
    constraint saved_searches_currency_check check (currency ~ '^[A-Z]{3}$'),
    constraint saved_searches_min_price_cents_check check (min_price_cents between 0 and 9007199254740991),
    constraint saved_searches_max_price_cents_check check (max_price_cents between 0 and 9007199254740991),
    constraint saved_searches_min_max_price_cents_check check (min_price_cents <= max_price_cents),
    constraint saved_searches_lat_check check (lat between -90 and 90),
    constraint saved_searches_lng_check check (lng between -180 and 180),
    constraint saved_searches_radius_mi_check check (radius_mi between 1 and 12436),
    -- A circle has a centre and a radius.
    constraint saved_searches_lat_lng_radius_mi_check check (
        (lat is null) = (lng is null) and (lat is null) = (radius_mi is null)),
    constraint saved_searches_min_score_check check (min_score between 0 and 100),
    constraint saved_searches_channels_check check (
        channels <@ array['email', 'discord', 'webhook'] and array_position(channels, null) is null and cardinality(channels) <= 3),
    constraint saved_searches_delivery_check check (delivery in ('instant', 'digest'))
);
create index saved_searches_user_id_created_at_idx on saved_searches (user_id, created_at, id);
create index saved_searches_user_id_updated_at_idx on saved_searches (user_id, updated_at, id);
create index saved_searches_user_id_name_idx on saved_searches (user_id, name, id);
-- What a listing is matched by. Of the searches that have an anchor of its own, the row is read only where price, score and
-- place may do.
create index saved_searches_anchor_idx on saved_searches (anchor, most_cents, least_score, south, north, west, east)
    where not paused;

-- A word as it is searched for. A hyphen before a letter is as good as a space: "mid-century" and "mid century" find
-- each other.
create function saved_search_word(word text) returns text language sql immutable as $$
    select regexp_replace(regexp_replace(word, '-([[:alpha:]])', ' \1', 'g'), '[''\\]', ' ', 'g')
$$;

create function saved_searches_search() returns trigger
    -- Not to be told of words that mean nothing, such as "the": they restrict nothing.
    language plpgsql set client_min_messages = error as $$
declare
    word text;
    query tsquery;
begin
    new.include_query := null;
    new.exclude_query := null;
    foreach word in array new.words_include loop
        -- Quoted: several words are a phrase. Those of a title have the weight A.
        query := to_tsquery('english', '''' || saved_search_word(word) || ''':A');
        if numnode(query) > 0 then
            new.include_query := coalesce(new.include_query && query, query);
        end if;
    end loop;
    foreach word in array new.words_exclude loop
        query := to_tsquery('english', '''' || saved_search_word(word) || '''');
        if numnode(query) > 0 then
            new.exclude_query := coalesce(new.exclude_query || query, query);
        end if;
    end loop;
    -- The longest are the rarest, more often than not.
    select 'w:' || string_agg(lexeme, ' ' order by lexeme collate "C") into new.anchor from (
        select distinct lexeme, char_length(lexeme) as letters
        from unnest(new.words_include) included, unnest(tsvector_to_array(to_tsvector('english', saved_search_word(included)))) lexeme
        order by letters desc, lexeme limit 2) longest;
    new.anchor := coalesce(new.anchor, 'c:' || new.category, '*');
    return new;
end
$$;
create trigger saved_searches_search
    before insert or update of words_include, words_exclude, category, include_query, exclude_query, anchor on saved_searches
    for each row execute function saved_searches_search();

-- Every anchor that a listing answers to: each word of its title, each two of them, its category, and that of the searches
-- that have neither. A title has 255 characters.
create function listing_anchors(search tsvector, category text) returns text[] language sql immutable as $$
    with words as (select lexeme from unnest(tsvector_to_array(ts_filter(search, '{a}'))) lexeme)
    select array(
        select '*'
        union all select 'c:' || category where category is not null
        union all select 'w:' || lexeme from words
        union all select 'w:' || first.lexeme || ' ' || second.lexeme
            from words first join words second on first.lexeme collate "C" < second.lexeme collate "C")
$$;

-- One after the other: of two inserts at once, the later counts what the earlier left.
create function saved_searches_most() returns trigger
    -- By the index, also where the plan is from when there were few.
    language plpgsql set enable_seqscan = off as $$
begin
    perform pg_advisory_xact_lock(hashtext('saved_searches'), hashtext(new.user_id));
    if (select count(*) from saved_searches where user_id = new.user_id) >= 100 then
        raise exception using
            errcode = 'check_violation',
            table = 'saved_searches',
            constraint = 'saved_searches_most_check',
            message = 'a user has at most 100 saved searches';
    end if;
    return new;
end
$$;
create trigger saved_searches_most before insert on saved_searches
    for each row execute function saved_searches_most();

-- Listings that are new, cheaper, newly good, or otherwise changed since they were matched. A row goes in the statement
-- that writes the notifications.
create table listings_to_match (
    listing_id    bigint      not null constraint listings_to_match_listing_id_fkey references listings (id) on delete cascade,
    since         timestamptz not null default clock_timestamp(),
    -- Of the users whose searches match, those up to here were told.
    after_user_id text        not null default '',

    constraint listings_to_match_pkey primary key (listing_id)
);
create index listings_to_match_since_idx on listings_to_match (since, listing_id);

-- Whether the listing itself has changed, rather than what its value depends on.
alter table listings_to_value add column changed boolean not null default false;
create or replace function listings_to_value() returns trigger language plpgsql as $$
begin
    insert into listings_to_value (listing_id, changed) values (new.id, true)
        on conflict (listing_id) do update set since = clock_timestamp(), changed = true;
    return null;
end
$$;

alter table notifications
    add column saved_search_id bigint
        constraint notifications_saved_search_id_fkey references saved_searches (id) on delete set null;
create index notifications_saved_search_id_idx on notifications (saved_search_id);
-- As `notifications_listing_id`: what is answered changes, and so must its ETag.
create trigger notifications_saved_search_id before update of saved_search_id on notifications
    for each row when (new.saved_search_id is distinct from old.saved_search_id and new.version = old.version)
    execute function notifications_listing_id();

-- As before, and nothing where a notification was written with the delivery that now is: a listing may be told to many.
create or replace function deliveries_tell_notifications() returns trigger
    -- A session keeps the plan that it made while there were few notifications.
    language plpgsql set enable_seqscan = off as $$
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
    where id = any (new.notification_ids) and user_id = new.user_id and deleted_at is null
        and not (tg_op = 'INSERT' and status = 'pending' and deliveries @> told and not awaits_digest);
    return null;
end
$$;

-- At once, or many in one message at a time of the user's choice. Null is at once.
alter table user_prefs
    add column delivery text,
    add constraint user_prefs_delivery_check check (delivery in ('instant', 'digest'));

grant select, insert, update, delete on saved_searches to deals_app;
grant select on saved_searches to deals_worker;
grant select, insert, update, delete on listings_to_match to deals_app, deals_worker;

alter table saved_searches enable row level security, force row level security;
create policy saved_searches_owner on saved_searches
    using (user_id = (select nullif(current_setting('deals.user_id', true), '')));
create policy saved_searches_worker on saved_searches to deals_worker using (true) with check (true);
