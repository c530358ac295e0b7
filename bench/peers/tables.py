"""Column stores beside ours: chDB (ClickHouse in a process) and DuckDB, over the very rows that Inferscope holds.

Reads one JSON command a line and answers each with one line. Times are taken here, around the engine alone, so
that no pipe is in them.

    {"do": "load", "engine": "chdb" | "duckdb", "table": FOLDER OF A DELTA TABLE, "into": FOLDER}
        -> {"rows": …, "bytes": … at rest, "seconds": …, "version": …}
    {"do": "ask", "engine": …, "sql": …}  ->  {"rows": …, "ms": …}
    {"do": "files", "table": …}           ->  {"files": …, "bytes": …, "rows": …}
"""

import json
import os
import sys
import time

import deltalake


class ChDB:
    """MergeTree by time, every column with zstd, a bloom filter over the trace ids: what its manual advises."""

    def __init__(self, into):
        import chdb.session

        self.session = chdb.session.Session(into)

    def ask(self, sql):
        return json.loads(str(self.session.query(sql, "JSONCompact")))["data"]

    def load(self, files):
        run = self.session.query
        # Only names may stand in braces, no folders, and a name that stands there alone is not found.
        names = [os.path.basename(file) for file in files]
        table = os.path.dirname(os.path.dirname(files[0]))
        listed = files[0] if len(files) == 1 else f"{table}/_date=*/{{{','.join(names)}}}"
        source = f"file('{listed}', 'Parquet')"
        run("CREATE DATABASE b")
        run("SET schema_inference_mode = 'union', input_format_parquet_allow_missing_columns = 1")
        run(
            "CREATE TABLE b.spans ENGINE = MergeTree ORDER BY _timestamp SETTINGS allow_nullable_key = 1, "
            f"default_compression_codec = 'ZSTD(1)' EMPTY AS SELECT * FROM {source}"
        )
        run("ALTER TABLE b.spans ADD INDEX traces trace_id TYPE bloom_filter(0.001) GRANULARITY 1")
        run(f"INSERT INTO b.spans SELECT * FROM {source}")
        run("OPTIMIZE TABLE b.spans FINAL")
        sums = "SELECT sum(rows), sum(bytes_on_disk) FROM system.parts WHERE active AND database = 'b'"
        rows, size = self.ask(sums)[0]
        return {"rows": int(rows), "bytes": int(size), "version": self.ask("SELECT version()")[0][0]}


class DuckDB:
    """A table of its own, in the order of time."""

    def __init__(self, into):
        import duckdb

        self.path = os.path.join(into, "spans.duckdb")
        self.connection = duckdb.connect(self.path)

    def ask(self, sql):
        return self.connection.execute(sql).fetchall()

    def load(self, files):
        import duckdb

        self.ask("CREATE SCHEMA b")
        source = f"read_parquet({files}, union_by_name = true)"
        self.ask(f"CREATE TABLE b.spans AS SELECT * FROM {source} ORDER BY _timestamp")
        self.ask("CHECKPOINT")
        rows = self.ask("SELECT count(*) FROM b.spans")[0][0]
        return {"rows": rows, "bytes": os.path.getsize(self.path), "version": duckdb.__version__}


ENGINES = {"chdb": ChDB, "duckdb": DuckDB}
opened = {}


def files_of(table):
    # What other programs read, not what lies in the folder: files that were merged away lie there for an hour.
    return [uri.removeprefix("file://") for uri in deltalake.DeltaTable(table).file_uris()]


def obey(command):
    if command["do"] == "files":
        files = files_of(command["table"])
        rows = deltalake.DeltaTable(command["table"]).count()
        return {"files": len(files), "bytes": sum(map(os.path.getsize, files)), "rows": rows}
    name = command["engine"]
    began = time.perf_counter()
    if command["do"] == "load":
        opened[name] = ENGINES[name](command["into"])
        said = opened[name].load(files_of(command["table"]))
        return said | {"seconds": time.perf_counter() - began}
    rows = opened[name].ask(command["sql"])
    return {"rows": len(rows), "ms": (time.perf_counter() - began) * 1000}


for line in sys.stdin:
    try:
        answer = obey(json.loads(line))
    except Exception as error:  # what went wrong is for whoever asked
        answer = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer), flush=True)
