-- A snap job leads to the draft that was made of it, and says who recognized what, and how sure that is.
--
-- Nothing has written snap jobs' results before this release, so that indexes and constraints are no work.
-- squawk-ignore-file require-concurrent-index-creation, constraint-missing-not-valid, adding-foreign-key-constraint

alter table snap_jobs
    add column item_id       bigint,
    add column recognized_by text,
    -- 0 is a guess, 1 is certain.
    add column confidence    double precision,
    add constraint snap_jobs_item_id_user_id_fkey foreign key (item_id, user_id)
        references my_items (id, user_id) on delete set null (item_id),
    add constraint snap_jobs_recognized_by_check check (recognized_by in ('notes', 'vision')),
    add constraint snap_jobs_confidence_check check (confidence between 0 and 1);
create index snap_jobs_item_id_user_id_idx on snap_jobs (item_id, user_id);

-- An item that is deleted, and a job of long ago, are gone from their snap job too: another version of it.
create function snap_jobs_lose_reference() returns trigger language plpgsql as $$
begin
    new.updated_at := now();
    new.version := old.version + 1;
    return new;
end
$$;
create trigger snap_jobs_lose_reference before update of item_id, job_id on snap_jobs
    for each row when (new.version = old.version and (new.item_id is null and old.item_id is not null
                                                      or new.job_id is null and old.job_id is not null))
    execute function snap_jobs_lose_reference();
