-- What is taken at a time, over all units of a site: asked by availability and the board. The index behind
-- `claims_never_overlap` is ordered by unit first, so that question read 9,500 pages of it (67 ms at 10,000 units and
-- 1,000,000 claims). Short claims are found by their start, from a fixed time before the window on: a b-tree costs the
-- desk nothing that could be measured, a GiST index over all claims cost it 14 µs each. Only long ones need that.

create index claim_short_by_start on claim (site_id, lower(during)) include (unit_id, during, expires_at)
    where upper(during) - lower(during) <= interval '6 hours';
create index claim_long_by_time on claim using gist (site_id, during) include (unit_id, expires_at)
    where upper(during) - lower(during) > interval '6 hours';
