-- A market of :listings listings and as many comps, the same at each run but for the moment that it is counted from:
-- products of three sizes, about 20 comps each, and one that has 5,000. A schema of its own has what makes them.
drop schema if exists bench cascade;
create schema bench;

-- From 0 to 1, by the number of a row and that of the question.
create function bench.chance(n bigint, question int) returns float8 immutable parallel safe language sql
    return (hashint8extended(n, question) & 4503599627370495)::float8 / 4503599627370496;
-- Normal enough.
create function bench.normal(n bigint, question int) returns float8 immutable parallel safe language sql
    return (bench.chance(n, question) + bench.chance(n, question + 1000) + bench.chance(n, question + 2000)
        + bench.chance(n, question + 3000) - 2) * sqrt(3);
create function bench.one_of(choices text[], chance float8) returns text immutable parallel safe language sql
    return choices[1 + floor(chance * cardinality(choices))::int];

create table bench.size as select :listings::int as listings, (:listings::int - 5000) / 20 as products;

-- The first is the one of which there are many.
create table bench.products as
select 0 as id, 'Galtera' as brand, 'Titan 900' as model, '128GB' as variant, 'electronics>phones' as category, 60000 as price
union all
select id, bench.one_of(string_to_array('Acmera Bolvida Cendril Dorvane Elkmont Fjorden Hexwood Ivoria Jorvik Kestrel Lumora '
        'Mavrik Nordale Orbitex Pelham Quasar Ridgeway Solvang Tamarin Umbra Velura Wexford Xantia Yarrow Zephyra Althea '
        'Brixton Corvina Delmar Estrada Fenwick Gorman Halcyon Inverna Juniper Kodara Linden Marlow Norvell Osterly', ' '),
        bench.chance(family, 1)),
    (string_to_array('Aria Banyan Cobalt Drift Ember Falcon Glide Harbor Indigo Jetty Karat Lyric Meteor Nimbus Onyx Pivot '
        'Quill Raven Sonar Talon Umber Vortex Willow Xenon Yonder Zenith Alder Breeze Cinder Dune Echo Flint Grove Hollow '
        'Iris Jasper Kite Lark Mesa Nova Opal Pebble Quartz Reef Sable Tundra Urchin Vista Wren Yucca Zircon Atlas Bison '
        'Comet Delta Fable Gecko Heron Ibis Jolt', ' '))[1 + family % 60] || ' ' || 110 + family / 60,
    (array['64GB', '128GB', '256GB'])[1 + id % 3],
    (array['electronics>phones', 'electronics>tablets', 'electronics>cameras', 'electronics>audio', 'electronics>monitors',
        'electronics>laptops', 'electronics>consoles', 'electronics>drones', 'electronics>watches', 'electronics>players'])
        [1 + family % 10],
    round(exp(4 + 3 * bench.chance(family, 2)) * (1 + 0.2 * (id % 3))) * 100
from (select id, id / 3 as family from generate_series(1, (select products from bench.size)) id) numbered;
alter table bench.products add primary key (id);

-- The first is the one where many live.
create table bench.metros as
select 0 as id, 37.3382 as lat, -121.8863 as lng
union all
select id, 27 + 20 * (id * 0.618034 % 1), -120 + 48 * (id * 0.4142136 % 1) from generate_series(1, 40) id;
alter table bench.metros add primary key (id);
analyze bench.size, bench.products, bench.metros;

create function bench.title(brand text, model text, variant text, n bigint) returns text immutable language sql
    return concat_ws(' ',
        bench.one_of(array['Used', 'NEW', 'Like new', 'Vintage', null, null, null, null, null, null], bench.chance(n, 11)),
        case when bench.chance(n, 12) < 0.95 then brand end,
        case when bench.chance(n, 13) < 0.2 then upper(model) else model end,
        case when bench.chance(n, 14) < 0.9 then variant end,
        bench.one_of(array['- great condition', '(black)', 'with charger', 'with box', 'OBO', 'must go', null, null, null, null],
            bench.chance(n, 15)));

create function bench.worth(condition text) returns float8 immutable language sql
    return case condition when 'poor' then 0.7 when 'fair' then 0.85 when 'great' then 1.05 when 'excellent' then 1.1 else 0.95 end;

-- One listing in twenty is the one before it on another marketplace.
create function bench.listings_between(first bigint, last bigint) returns table (
    source text, source_id text, title text, description text, price_cents bigint, currency text, condition text,
    category text, url text, thumbnail_url text, lat float8, lng float8, location_text text, posted_at timestamptz,
    available boolean, created_at timestamptz
) stable language sql begin atomic
select source, 'listing-' || n, bench.title(brand, model, variant, n),
    (select string_agg(bench.one_of(string_to_array('antique barely bed bench black blue box bright cable camera charger '
            'chrome clean cotton dark desk display drawer electric frame garden glass green handle iron kitchen lamp large '
            'leather light maple metal modern oak office outdoor oval pair plastic rack record red round rug scratched shelf '
            'silver small solid speaker stand steel storage table tall vintage wheel white window wood works yellow', ' '),
            bench.chance(n * 64 + word, 21)), ' ')
        from generate_series(1, 12 + (n % 30)::int) word),
    greatest(5, round(price / 100 * bench.worth(condition) * exp(0.1 * bench.normal(item, 22))
        * case when bench.chance(item, 23) < 0.03 then 0.5 else 1.1 end))::bigint * 100,
    'USD', condition, category, 'https://' || source || '.example.com/items/' || n,
    case when bench.chance(n, 24) < 0.8 then 'https://images.example.com/' || md5(n::text) || '.jpg' end,
    case when has_place then metros.lat + 0.6 * (bench.chance(item, 25) - 0.5) end,
    case when has_place then metros.lng + 0.7 * (bench.chance(item, 26) - 0.5) end,
    case when has_place then 'Town ' || metros.id end,
    posted_at, bench.chance(n, 27) < 0.95, least(now(), posted_at + bench.chance(n, 28) * interval '6 hours')
from (
    select n, item, (array['craigslist', 'facebook', 'ebay', 'offerup'])[1 + n % 4] as source,
        case when item % (listings / 1000) = 7 then 0 else 1 + floor(bench.chance(item, 29) * products)::int end as product,
        case when bench.chance(item, 30) >= 0.3 then 1 + floor(bench.chance(item, 31) * 40)::int else 0 end as metro,
        case when bench.chance(item, 32) >= 0.15
            then bench.one_of(array['poor', 'fair', 'good', 'good', 'great', 'excellent'], bench.chance(item, 33)) end as condition,
        bench.chance(item, 34) < 0.95 as has_place,
        now() - bench.chance(n, 35) * interval '30 days' as posted_at
    from (select n, case n % 20 when 0 then n - 1 else n end as item from generate_series(first, last) n) numbered, bench.size
) posting
join bench.products on products.id = product
join bench.metros on metros.id = metro;
end;

truncate listings, comps, valuation_models, user_prefs restart identity cascade;

-- What a session plans for an empty table it keeps until the table is analyzed: most come after the first of each.
create procedure bench.fill(first bigint, last bigint) language sql begin atomic
insert into comps (kind, category, title, price_cents, condition, source, source_id, observed_at, lat, lng)
select kind::comp_kind, category, bench.title(brand, model, variant, n + 1000000000),
    greatest(5, round(price / 100 * bench.worth(condition) * exp(0.15 * bench.normal(n, 41))
        * case kind when 'asking' then 1.1 else 1 end))::bigint * 100,
    condition::item_condition, 'ebay', 'comp-' || n, now() - (0.1 + 400 * bench.chance(n, 42)) * interval '1 day',
    metros.lat, metros.lng
from (
    select n, case when bench.chance(n, 43) < 0.7 then 'sold' else 'asking' end as kind,
        case when n % (listings / 5000) = 0 then 0 else 1 + floor(bench.chance(n, 44) * products)::int end as product,
        floor(bench.chance(n, 45) * 41)::int as metro,
        case when bench.chance(n, 46) >= 0.15
            then bench.one_of(array['poor', 'fair', 'good', 'good', 'great', 'excellent'], bench.chance(n, 47)) end as condition
    from bench.size, generate_series(first, last) n
) sale
join bench.products on products.id = product
left join bench.metros on metros.id = metro and bench.chance(n, 48) < 0.8
order by n;

insert into listings (source, source_id, title, description, price_cents, currency, condition, category, url, thumbnail_url,
                      lat, lng, location_text, posted_at, available, created_at, updated_at, last_seen_at)
select source, source_id, title, description, price_cents, currency, condition::item_condition, category, url, thumbnail_url,
    lat, lng, location_text, posted_at, available, created_at, created_at, now() - interval '1 hour'
from bench.listings_between(first, last);
end;
call bench.fill(1, 1000);
analyze listings, comps, price_history, listings_to_value;
call bench.fill(1001, :listings);
vacuum (analyze) listings, comps, price_history, listings_to_value;
