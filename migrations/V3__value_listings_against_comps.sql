-- What valuing takes: comps with a kind, an identity and a place; the terms that titles are found by; every price that a
-- listing was seen at; fitted models; and the feed, one row per available listing that could be valued.

create type comp_kind as enum ('sold', 'asking');
create type deal_band as enum ('great', 'good', 'fair', 'high', 'overpriced', 'verify');

-- `terms` is what the code reads out of the title. Rows that plain SQL or another release wrote have none, or other ones:
-- `refit` makes up for those.
alter table comps
    add column kind      comp_kind not null default 'sold',
    add column source_id text,
    add column lat       double precision,
    add column lng       double precision,
    add column terms     text[],
    add constraint comps_source_id_check check (char_length(source_id) between 1 and 120) not valid,
    add constraint comps_lat_check check (lat between -90 and 90) not valid,
    add constraint comps_lng_check check (lng between -180 and 180) not valid,
    add constraint comps_lat_lng_check check ((lat is null) = (lng is null)) not valid;
alter table listings
    add column terms text[];

-- The newest comps of a term are one range of the primary key, however many there are.
create table comp_terms (
    term        text        not null,
    currency    char(3)     not null,
    kind        comp_kind   not null,
    observed_at timestamptz not null,
    comp_id     bigint      not null constraint comp_terms_comp_id_fkey references comps (id) on delete cascade,

    constraint comp_terms_pkey primary key (term, currency, kind, observed_at, comp_id)
);
create index comp_terms_comp_id_idx on comp_terms (comp_id);

create function comps_terms() returns trigger language plpgsql as $$
begin
    if tg_op = 'UPDATE' then
        if (new.terms, new.currency, new.kind, new.observed_at) is not distinct from
           (old.terms, old.currency, old.kind, old.observed_at) then
            return null;
        end if;
        delete from comp_terms where comp_id = old.id;
    end if;
    insert into comp_terms (term, currency, kind, observed_at, comp_id)
        select distinct term, new.currency, new.kind, new.observed_at, new.id from unnest(new.terms) term;
    return null;
end
$$;
create trigger comps_terms after insert or update of terms, currency, kind, observed_at on comps
    for each row execute function comps_terms();

-- Every observation of a price, whichever order they came in: a change is where it differs from the one before it.
create table price_history (
    listing_id  bigint      not null constraint price_history_listing_id_fkey references listings (id) on delete cascade,
    observed_at timestamptz not null,
    price_cents bigint,
    currency    char(3)     not null,

    constraint price_history_pkey primary key (listing_id, observed_at),
    constraint price_history_price_cents_check check (price_cents between 0 and 9007199254740991),
    constraint price_history_currency_check check (currency ~ '^[A-Z]{3}$')
);
create index price_history_observed_at_idx on price_history (observed_at);

create function listings_price_history() returns trigger language plpgsql as $$
begin
    insert into price_history (listing_id, observed_at, price_cents, currency)
        values (new.id, new.last_seen_at, new.price_cents, new.currency)
        on conflict (listing_id, observed_at) do update set
            price_cents = excluded.price_cents,
            currency = excluded.currency
            where (price_history.price_cents, price_history.currency) is distinct from (excluded.price_cents, excluded.currency);
    return null;
end
$$;
create trigger listings_price_history after insert or update of price_cents, currency, last_seen_at on listings
    for each row execute function listings_price_history();

-- Listings whose value is to be found anew. A row goes in the transaction that writes what was found.
create table listings_to_value (
    listing_id bigint      not null constraint listings_to_value_listing_id_fkey references listings (id) on delete cascade,
    since      timestamptz not null default clock_timestamp(),

    constraint listings_to_value_pkey primary key (listing_id)
);
create index listings_to_value_since_idx on listings_to_value (since, listing_id);

create function listings_to_value() returns trigger language plpgsql as $$
begin
    insert into listings_to_value (listing_id) values (new.id)
        on conflict (listing_id) do update set since = clock_timestamp();
    return null;
end
$$;
create trigger listings_to_value_insert after insert on listings
    for each row execute function listings_to_value();
create trigger listings_to_value_update after update on listings
    for each row when (
        (new.title, new.description, new.price_cents, new.currency, new.condition, new.category, new.lat, new.lng,
         new.posted_at, new.available, new.thumbnail_url, new.source)
        is distinct from
        (old.title, old.description, old.price_cents, old.currency, old.condition, old.category, old.lat, old.lng,
         old.posted_at, old.available, old.thumbnail_url, old.source))
    execute function listings_to_value();

-- What `refit` learned from the comps. The newest counts; older ones explain the scores that were found by them.
create table valuation_models (
    version      int         generated always as identity constraint valuation_models_pkey primary key,
    parameters   jsonb       not null,
    -- How much each term says of what a thing is; the code's own encoding.
    term_weights bytea       not null default '',
    -- Every available listing up to this id was valued by this model.
    valued_up_to bigint      not null default 0,
    created_at   timestamptz not null default now()
);

create table deals (
    listing_id bigint           not null constraint deals_pkey primary key
                                constraint deals_listing_id_fkey references listings (id) on delete cascade,
    band       deal_band        not null,
    -- As `listing_scores` has it for the metric deal_score, unrounded.
    score      double precision not null,
    -- Score and freshness in one number that time does not change: what is newer starts higher.
    rank       double precision not null,
    -- The square of the map that it is in, null without coordinates.
    cell       int,
    category   text,
    -- What it is, roughly: listings that may be one and the same item have it in common.
    product    text,
    -- Of listings of different sources that are one and the same item, the smallest id; null when it is alone.
    cluster_id bigint
);
create index deals_rank_idx on deals (rank, listing_id);
create index deals_cell_rank_idx on deals (cell, rank, listing_id);
create index deals_category_rank_idx on deals (category, rank, listing_id);
create index deals_category_cell_rank_idx on deals (category, cell, rank, listing_id);
create index deals_band_rank_idx on deals (band, rank, listing_id);
create index deals_product_cell_idx on deals (product, cell);
create index deals_cluster_id_idx on deals (cluster_id) where cluster_id is not null;

grant select, insert, update, delete on comp_terms, price_history, listings_to_value, deals to deals_app, deals_worker;
grant select on valuation_models to deals_app;
grant select, insert, update, delete on valuation_models to deals_worker;
