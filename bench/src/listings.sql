-- 100,000 listings that differ in every column, the same at each run.
begin;
select setseed(0.42) \g /dev/null

insert into listings (source, source_id, title, description, price_cents, currency, condition, category, url,
                      thumbnail_url, lat, lng, location_text, posted_at, available, created_at, updated_at, last_seen_at)
select source, source || '-' || n, title,
    case when random() < 0.95 then title || '. ' || (
        select array_to_string(array(
            select words[1 + floor(random() * cardinality(words))::int] from generate_series(1, 10 + n % 60)
        ), ' ')
    ) end,
    case when random() < 0.95 then floor(exp(random() * 9) * 100)::bigint end,
    (array['USD', 'USD', 'USD', 'USD', 'EUR', 'GBP'])[1 + floor(random() * 6)::int],
    case when random() < 0.9
        then (array['poor', 'fair', 'good', 'great', 'excellent'])[1 + floor(random() * 5)::int]::item_condition end,
    case when random() < 0.95 then categories[1 + floor(random() * cardinality(categories))::int] end,
    'https://' || source || '.example.com/items/' || n,
    case when random() < 0.8 then 'https://images.example.com/' || md5(n::text) || '.jpg' end,
    case when has_place then 25 + random() * 24 end,
    case when has_place then -124 + random() * 57 end,
    case when has_place then towns[1 + floor(random() * cardinality(towns))::int] || ' ' || n % 97 end,
    case when random() < 0.9 then created_at - random() * interval '30 days' end,
    random() < 0.9,
    created_at,
    created_at + random() * interval '10 days',
    created_at + random() * interval '20 days'
from (
    select n, words, categories, towns,
        (array['craigslist', 'facebook', 'ebay', 'offerup'])[1 + floor(random() * 4)::int] as source,
        concat_ws(' ', words[1 + floor(random() * cardinality(words))::int],
                  words[1 + floor(random() * cardinality(words))::int],
                  words[1 + floor(random() * cardinality(words))::int], 'model', n % 5000) as title,
        timestamptz '2025-01-01Z' + random() * interval '300 days' as created_at,
        random() < 0.9 as has_place
    from generate_series(1, 100000) as n,
        (select
            string_to_array('antique armchair barely bed bench bicycle black blue bookcase box brass bright cabinet '
                'camera canvas ceramic chair chrome clean clock cotton couch cover dark desk dining door drawer electric '
                'fabric frame garden glass green guitar handle heavy iron jacket kitchen lamp large leather light '
                'maple metal mirror modern monitor oak office outdoor oval paint pair pine plastic printer rack rare '
                'record red round rug scratch shelf silver small sofa solid speaker steel stool storage table tall '
                'teak toolbox vintage walnut washer wheel white window wood wool yellow', ' ') as words,
            array['furniture>sofas', 'furniture>tables', 'furniture>chairs', 'electronics>cameras', 'electronics>audio',
                'electronics>monitors', 'garden>tools', 'garden>outdoor', 'sports>bicycles', 'music>guitars',
                'clothing>jackets', 'home>lamps', 'home>rugs', 'home>kitchen', 'art>prints'] as categories,
            array['Springfield', 'Riverside', 'Franklin', 'Greenville', 'Bristol', 'Clinton', 'Fairview', 'Salem'] as towns
        ) as vocabulary
    offset 0 -- keeps each random value one
) as generated;
commit;

vacuum (analyze) listings;
checkpoint;
