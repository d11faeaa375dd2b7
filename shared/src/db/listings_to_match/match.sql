-- From the listings that waited the longest to the saved searches that they match, and to what users are told: at most so many
-- listings (the first parameter) and so many notifications (the second).

-- One that another worker has, that is being deleted, or that was put there again since this statement began (and so is to
-- be seen as it is now) is left for the next.
with queued as materialized (
    select queue.listing_id, queue.since, queue.after_user_id, title,
        -- Read once, however long a description is, and not again for each search.
        search || '' as search, price_cents,
        currency, condition, category, url, thumbnail_url, lat, lng, place, source, available, created_at
    from listings_to_match queue join listings on listings.id = queue.listing_id
    where queue.since = (select seen.since from listings_to_match seen where seen.listing_id = queue.listing_id)
    order by queue.since, queue.listing_id
    limit $1
    for update of queue skip locked
    for key share of listings skip locked
),
-- What is too good to be true is no bargain, and nobody is told.
listed as materialized (
    select queued.*, deals.score, deals.band, listing_anchors(search, queued.category) as anchors,
        case when price_cents > 0 then floor(ln(price_cents::float8) / ln(1.05::float8))::int
             else coalesce(price_cents::int, -1) end as price_step
    from queued left join deals on deals.listing_id = queued.listing_id
    where available and deals.band is distinct from 'verify'
),
-- `offset 0` has the searches looked up for each listing, whatever the planner believes of their number.
found as materialized (
    select listed.since, listed.listing_id, matching.*
    from listed cross join lateral (
        select user_id, id as saved_search_id, name, channels, delivery
        from saved_searches
        where not paused
            and anchor = any (listed.anchors)
            and most_cents >= coalesce(listed.price_cents, 9223372036854775807)
            and least_score <= coalesce(listed.score, -1)
            and south <= coalesce(listed.lat, -91) and north >= coalesce(listed.lat, 91)
            and west <= coalesce(listed.lng, -181) and east >= coalesce(listed.lng, 181)
            -- The rest the index does not tell.
            and user_id > listed.after_user_id
            and (min_price_cents is null and max_price_cents is null
                 or saved_searches.currency = listed.currency and listed.price_cents >= coalesce(min_price_cents, 0))
            and (saved_searches.category is null or saved_searches.category = listed.category)
            and (min_condition is null or listed.condition >= min_condition)
            and (saved_searches.place is null or listed.place <-> saved_searches.place <= chord)
            and (include_query is null or listed.search @@ include_query)
            and (exclude_query is null or not listed.search @@ exclude_query)
        offset 0) matching
),
-- One for all searches of a user.
told as materialized (
    select since, listing_id, user_id, min(saved_search_id) as saved_search_id,
        (array_agg(name order by saved_search_id))[1] as saved_search,
        coalesce(array_agg(distinct channel) filter (where channel is not null), '{}') as channels,
        bool_or(coalesce(found.delivery, preferences.delivery, 'instant') = 'instant') as is_instant,
        row_number() over (order by since, listing_id, user_id) as number
    from found
    left join lateral (
        select delivery, array(select jsonb_array_elements_text(notify_channels)) as channels
        from user_prefs where user_prefs.user_id = found.user_id limit 1) preferences on true
    left join lateral unnest(coalesce(found.channels, preferences.channels)) channel on true
    group by since, listing_id, user_id
),
-- Cheaper is what costs 5 % less than all that the user was told of it, also by a notification that they deleted.
decided as materialized (
    select told.*, title, url, price_cents, currency, score, band, thumbnail_url, source, price_step,
        case when not earlier.is_any then
                 case when created_at > now() - interval '48 hours' then 'new' else 'good' end
             when price_cents < earlier.lowest_cents and price_cents * 1.05 <= earlier.lowest_cents then 'cheaper'
        end::notification_kind as kind
    from told join listed using (listing_id)
    cross join lateral (
        select count(*) > 0 as is_any,
            min(case when price_step >= 0
                     then coalesce((payload ->> 'price_cents')::float8, 1.05::float8 ^ (price_step + 1)) end) as lowest_cents
        from notifications
        where notifications.user_id = told.user_id and notifications.listing_id = told.listing_id and kind is not null
        ) earlier
    where number <= $2
),
notified as (
    insert into notifications (user_id, listing_id, channel, kind, price_step, saved_search_id, payload, status, sent_at,
        deliveries, awaits_digest)
    select user_id, decided.listing_id, 'inbox', kind, price_step, saved_search_id,
        jsonb_build_object('title', title, 'url', url, 'price_cents', price_cents, 'currency', currency,
            'fair_price_cents', (select snapshot -> 'fair_price_cents' from listing_scores
                                 where listing_scores.listing_id = decided.listing_id and metric = 'deal_score'),
            'score', round(score::numeric, 2), 'band', band, 'thumbnail_url', thumbnail_url, 'source', source,
            'saved_search', saved_search),
        case channels when '{}' then 'sent' else 'pending' end::notification_status,
        case channels when '{}' then now() end,
        case when is_instant
             then (select coalesce(jsonb_object_agg(channel, '{"status": "pending"}'::jsonb), '{}') from unnest(channels) channel)
             else '{}' end,
        not is_instant and channels <> '{}'
    from decided where kind is not null
    on conflict on constraint notifications_user_id_listing_id_kind_price_step_key do nothing
    returning id, user_id, listing_id
),
sent as (
    insert into deliveries (user_id, channel, notification_ids)
    select user_id, channel, array[notified.id]
    from notified join decided using (user_id, listing_id) cross join unnest(channels) channel
    where is_instant
    returning job_id
),
-- Listings with more users than fit in here; of those without an `after_user_id` nobody was told yet.
unfinished as materialized (
    select listing_id, max(user_id) filter (where number <= $2) as after_user_id
    from told group by listing_id having max(number) > $2
),
continued as (
    update listings_to_match set after_user_id = unfinished.after_user_id
    from unfinished
    where listings_to_match.listing_id = unfinished.listing_id and unfinished.after_user_id is not null
),
finished as (
    delete from listings_to_match using queued
    where listings_to_match.listing_id = queued.listing_id
        and not exists (select from unfinished where unfinished.listing_id = queued.listing_id)
)
select (select count(*) from queued) as listings, array(select job_id from sent) as job_ids
