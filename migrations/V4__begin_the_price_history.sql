-- What is known of listings from before there was a history. The triggers of the file before are in place, so that
-- nothing is missed between.
insert into price_history (listing_id, observed_at, price_cents, currency)
    select id, last_seen_at, price_cents, currency from listings
    on conflict (listing_id, observed_at) do nothing;
insert into listings_to_value (listing_id)
    select id from listings where available
    on conflict (listing_id) do nothing;
alter table comps validate constraint comps_source_id_check;
alter table comps validate constraint comps_lat_check;
alter table comps validate constraint comps_lng_check;
alter table comps validate constraint comps_lat_lng_check;
