-- Saved searches up to the number :searches, over the market that is there; those that there are stay.
--
-- One in twenty is for a product that is being sold, one in ten for whatever a category has nearby, one in a thousand for
-- anything at all; the others wait for what nobody offers: a word that many search for and one or two out of thousands.
create or replace function bench.rare_word(chance float8) returns text immutable language sql as $$
    select translate(lpad((9000 * chance)::int::text, 4, '0'), '0123456789', 'abdefklmor') || 'ium'
$$;
insert into saved_searches (user_id, name, words_include, words_exclude, category, min_condition, max_price_cents,
                            lat, lng, radius_mi, min_score, channels, delivery)
select 'user ' || n / 20, 'search ' || n,
    case when n % 10 = 0 then '{}'
         when n % 20 = 1 then array[brand, model]
         when n % 10 < 6 then array[brand, bench.rare_word(bench.chance(n, 61))]
         else array[split_part(model, ' ', 1), bench.rare_word(bench.chance(n, 61)), bench.rare_word(bench.chance(n, 62))] end,
    case when n % 4 = 0 then '{broken,parts}' else '{}' end::text[],
    case when n % 1000 = 500 then null when n % 10 = 0 or n % 3 = 0 then category end,
    case when n % 3 = 1 then 'good' end::item_condition,
    case when n % 2 = 0 or n % 20 = 1 then price * (0.5 + bench.chance(n, 63) / 2) end,
    case when is_near then metros.lat end, case when is_near then metros.lng end, case when is_near then 25 end,
    case when n % 10 = 0 or n % 3 = 2 then 70 end,
    case when n % 5 = 0 then '{email,webhook}' else '{email}' end::text[],
    case when n % 4 = 3 then 'digest' end
from (
    select n, 1 + floor(bench.chance(n, 64) * products)::int as product, floor(bench.chance(n, 65) * 41)::int as metro,
        n % 10 = 0 or bench.chance(n, 66) < 0.7 as is_near
    from bench.size, generate_series((select count(*) + 1 from saved_searches), :searches) n
) wanted
join bench.products on products.id = product
join bench.metros on metros.id = metro;
vacuum (analyze) saved_searches;
