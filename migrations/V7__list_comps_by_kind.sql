-- refinery:no-transaction
create index concurrently if not exists comps_kind_observed_at_idx on comps (kind, observed_at, id);
