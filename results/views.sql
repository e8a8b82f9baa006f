-- Views over the dataset for DuckDB, from the project's folder: duckdb -init results/views.sql
create or replace view calls as select * from read_parquet('results/dataset/calls/**/*.parquet');
create or replace view attempts as select * from read_parquet('results/dataset/attempts/**/*.parquet');
create or replace view cold as select * from read_parquet('results/dataset/cold/**/*.parquet');
create or replace view runs as select * from read_parquet('results/dataset/runs/**/*.parquet');

-- Every call with the requests it made; a call without a request has nulls.
create or replace view call_attempts as
select calls.*, attempt, received_ns, first_byte_sent_ns, last_byte_sent_ns, request_bytes, response_bytes, connection_id, status
from calls left join attempts using (run_id, call_id);

-- One row per block and arm: the unit of inference. Seconds; successful calls only, the others counted.
create or replace view blocks as
select
  run_id, cell_id, block, arm, origin,
  count(*) filter (outcome = 'ok') as calls_ok,
  count(*) filter (outcome <> 'ok') as calls_failed,
  median(overhead_ns) filter (outcome = 'ok') / 1e9 as overhead_p50_s,
  median(cpu_ns) filter (outcome = 'ok') / 1e9 as cpu_p50_s,
  median(duration_ns) filter (outcome = 'ok') / 1e9 as duration_p50_s
from calls group by all;
