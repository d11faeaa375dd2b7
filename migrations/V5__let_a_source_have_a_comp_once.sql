-- refinery:no-transaction
create unique index concurrently if not exists comps_source_source_id_key on comps (source, source_id);
