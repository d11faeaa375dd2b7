-- refinery:no-transaction
create index concurrently if not exists listings_terms_idx on listings using gin (terms) with (fastupdate = off);
