#!/usr/bin/env python3
"""Gantry's change data capture beside Debezium's own connector in Java: both read the same changes of one database, and
their records are equal, field by field, with schemas and headers.

    capture.py                     PostgreSQL
    capture.py --only modes        one variant of the configuration
"""

import argparse
import collections
import json
import sys
import time

import plugins
import runtime
from runtime import LabError, wait_for
from servers import DATABASE, PASSWORD, USER, Postgres

LIMIT_S = 90
SETTLE_S = 0.7
SHOWN = 25

TYPES = """
CREATE EXTENSION IF NOT EXISTS hstore;
CREATE EXTENSION IF NOT EXISTS citext;
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE DOMAIN positive AS numeric(8,3) CHECK (VALUE > 0);
CREATE TABLE types (
  id serial PRIMARY KEY, b boolean, b1 bit(1), b10 bit(10), vb varbit, i2 smallint, i4 integer, i8 bigint, o oid, f4 real, f8 double precision,
  n numeric, n2 numeric(10,2), m money, c char(5), v varchar(10), t text, ci citext, ba bytea, j json, jb jsonb, x xml, u uuid,
  ip inet, net cidr, mac macaddr, r4 int4range, rts tstzrange, hs hstore, e mood, d positive,
  da date, ti time, ti3 time(3), tz timetz, ts timestamp, ts3 timestamp(3), ts0 timestamp(0), tsz timestamptz, tsz3 timestamptz(3), iv interval,
  p point, ai integer[], at text[], an numeric(6,2)[], ad date[], au uuid[], ats timestamptz[], tv tsvector,
  req_t text NOT NULL DEFAULT 'a''b', req_n numeric(5,1) NOT NULL DEFAULT 1.5, req_ts timestamptz NOT NULL DEFAULT now(), req_b boolean NOT NULL DEFAULT true,
  req_d date NOT NULL DEFAULT '2020-02-29', req_e mood NOT NULL DEFAULT 'ok', req_f double precision NOT NULL DEFAULT 0.5, req_i bigint NOT NULL DEFAULT 7
);
CREATE TABLE keyed (a integer, b varchar(20), note text, PRIMARY KEY (b, a));
CREATE TABLE plain (a integer, b text);
CREATE TABLE wholly (id integer PRIMARY KEY, big text, note varchar(20));
ALTER TABLE wholly REPLICA IDENTITY FULL;
CREATE TABLE toasted (id integer PRIMARY KEY, big text, bytes bytea, list text[], n integer);
CREATE TABLE uniq (a integer, b text NOT NULL, UNIQUE (b));
CREATE TABLE "Odd Name" ("Key" integer PRIMARY KEY, "a.b" text, "é" text);
CREATE TABLE hidden (id integer PRIMARY KEY);
CREATE TABLE late (id integer PRIMARY KEY);
CREATE TABLE fin (id integer PRIMARY KEY);
"""

FULL_ROW = """INSERT INTO types (b, b1, b10, vb, i2, i4, i8, o, f4, f8, n, n2, m, c, v, t, ci, ba, j, jb, x, u, ip, net, mac, r4, rts, hs, e, d,
  da, ti, ti3, tz, ts, ts3, ts0, tsz, tsz3, iv, p, ai, at, an, ad, au, ats, tv)
VALUES (true, B'1', B'1000000011', B'101', -32768, 2147483647, -9223372036854775808, 4294967295, 1.25, -1e300, 12345.67800, 99999999.99, '$1,234.50',
  'ab', 'wörd', 'it''s 🦀', 'CiText', '\\x00ff10', '{"a": 1}', '{"b": [1, null]}', '<a>1</a>', 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11',
  '10.0.0.1/8', '10.0.0.0/8', '08:00:2b:01:02:03', '[1,5)', '["2019-03-31 15:30:00+02",)', 'a=>1, b=>NULL, "c d"=>"e\\"f"', 'happy', 1.125,
  '2016-11-04', '13:51:30.123456', '13:51:30.123', '13:51:30.123789+02', '2016-11-04 13:51:30.123456', '2016-11-04 13:51:30.123', '2016-11-04 13:51:30',
  '2016-11-04 13:51:30.123456+02', '2016-11-04 13:51:30.123+02', '1 year 2 mons 3 days 04:05:06.78', '(1.5,-2)',
  '{1,NULL,-3}', '{a,"b c",NULL,"d\\"e"}', '{1.10,2.25}', '{2016-11-04,NULL}', '{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}', '{"2016-11-04 13:51:30+02"}',
  'fat & cat');"""

EDGES = """
INSERT INTO types (f4, f8, n, n2, m, iv, da, ts, tsz, ti, t, ba, ai, hs) VALUES ('NaN', 'Infinity', -0.00001, -0.01, '-$0.50', '-1 mons -00:00:00.000001', '9999-12-31',
  '1900-01-01 00:00:00', '0001-01-01 00:00:00+00', '24:00:00', '', '', '{}', '');
INSERT INTO types (f4, f8, n, ts, ts3, tsz, tz, iv) VALUES ('-Infinity', -0.0, 1e20, 'infinity', '-infinity', '-infinity', '23:59:59.999999-03:30', '36:00:00');
INSERT INTO types (ts, ts3, tsz, d) VALUES ('-infinity', 'infinity', 'infinity', 0.001);
INSERT INTO types DEFAULT VALUES;
"""

ROWS = FULL_ROW + EDGES + """
INSERT INTO keyed SELECT n, 'k' || n, 'note' FROM generate_series(1, 3) n;
INSERT INTO plain VALUES (1, 'x'), (1, 'x');
INSERT INTO wholly VALUES (1, repeat('y', 30000), 'n');
INSERT INTO toasted VALUES (1, (SELECT string_agg(md5(n::text), '') FROM generate_series(1, 2000) n), decode(repeat('00ff', 8000), 'hex'), '{a}', 1);
INSERT INTO uniq VALUES (1, 'u');
INSERT INTO "Odd Name" VALUES (1, 'a', 'b');
INSERT INTO hidden VALUES (1);
"""

# One transaction each.
CHANGES = [
    FULL_ROW + EDGES,
    "UPDATE types SET t = 'changed', n2 = NULL WHERE id = 1; UPDATE types SET id = 1000 WHERE id = 2; DELETE FROM types WHERE id = 3",
    "INSERT INTO keyed VALUES (9, 'k9', NULL); UPDATE keyed SET note = 'new' WHERE a = 1; UPDATE keyed SET a = 20 WHERE a = 2; DELETE FROM keyed WHERE a = 3",
    "INSERT INTO plain VALUES (2, 'y')",
    "UPDATE wholly SET note = 'm'; UPDATE wholly SET note = 'm'; DELETE FROM wholly",
    "UPDATE toasted SET n = 2",
    "INSERT INTO uniq VALUES (2, 'v'); INSERT INTO \"Odd Name\" VALUES (2, NULL, 'é')",
    "INSERT INTO hidden SELECT generate_series(2, 50)",
    "ALTER TABLE late ADD COLUMN added varchar(7) DEFAULT 'x'; INSERT INTO late VALUES (1, 'y')",
    "ALTER TABLE late DROP COLUMN added; ALTER TABLE late ADD COLUMN other integer NOT NULL DEFAULT 3; INSERT INTO late VALUES (2)",
    "ALTER TABLE late RENAME COLUMN other TO another; UPDATE late SET another = 4 WHERE id = 1",
    "SELECT pg_logical_emit_message(true, 'prefix', 'in the transaction'); SELECT pg_logical_emit_message(false, 'prefix', 'outside')",
    "ALTER TYPE mood ADD VALUE 'elated'",
    "UPDATE types SET e = 'elated' WHERE id = 1",
    "TRUNCATE keyed",
    "INSERT INTO keyed SELECT n, 'many', NULL FROM generate_series(100, 400) n",
]

VARIANTS = {
    "plain": {"table.exclude.list": "public.hidden"},
    "modes": {
        "table.include.list": "public.types, public.keyed, public.toasted, public.late, public.fin", "decimal.handling.mode": "string", "time.precision.mode": "connect",
        "binary.handling.mode": "hex", "interval.handling.mode": "string", "hstore.handling.mode": "map", "provide.transaction.metadata": "true",
        "skipped.operations": "none", "tombstones.on.delete": "false", "unavailable.value.placeholder": "gone",
        "publication.autocreate.mode": "filtered", "schema.name.adjustment.mode": "avro",
    },
    "columns": {
        "table.include.list": "public.(types|keyed|wholly|late|fin)", "decimal.handling.mode": "double", "time.precision.mode": "isostring",
        "binary.handling.mode": "base64", "column.exclude.list": "public.types.(j|jb|x)", "column.mask.with.5.chars": "public.types.t",
        "column.truncate.to.3.chars": "public.types.v", "column.mask.hash.SHA-256.with.salt.abc": "public.types.req_t",
        "column.propagate.source.type": "public.late..*", "message.key.columns": "public.types:i4,id", "extended.headers.enabled": "false",
        "field.name.adjustment.mode": "avro", "skip.messages.without.change": "true", "snapshot.include.collection.list": "public.types",
    },
    "numbers": {
        "table.include.list": "public.types,public.fin", "time.precision.mode": "microseconds", "include.unknown.datatypes": "true",
        "topic.delimiter": "-", "column.mask.hash.v2.MD5.with.salt.abc": "public.types.v",
    },
}

# What is this side's own: clocks, and where a snapshot began.
CLOCKS = ("ts_ms", "ts_us", "ts_ns")
PLACES = ("txId", "lsn", "sequence")


# As Java shows the object that messages are counted under in transactions, which is nothing that could be read.
JAVA_OBJECT = "io.debezium.connector.postgresql.LogicalDecodingMessageMonitor$LogicalDecodingMessageId@"


def masked(text):
    """A key or value without what differs between two readers of the same changes."""
    if text is None:
        return None
    whole = json.loads(text)
    payload = whole["payload"] if isinstance(whole, dict) and set(whole) == {"schema", "payload"} else whole
    if isinstance(payload, dict):
        for clock in CLOCKS:
            if clock in payload and "status" not in payload:
                payload[clock] = "clock"
        for collection in payload.get("data_collections") or ():
            if collection["data_collection"].startswith(JAVA_OBJECT):
                collection["data_collection"] = "LOGICAL_DECODING_MESSAGE"
        source = payload.get("source")
        if isinstance(source, dict) and source.get("snapshot") not in (None, "false"):
            for name in (*CLOCKS, *PLACES):
                source[name] = "snapshot"
        if isinstance(source, dict) and (source.get("sequence") or "").startswith("[null"):
            source["sequence"] = "first"
        if isinstance(source, dict) and source.get("table") == "" and source.get("txId") is None:
            # The time of what was read before it.
            for name in CLOCKS:
                source[name] = "last"
    return whole


def shape(record):
    """A record as it is compared."""
    headers = []
    for name, value in record.headers:
        value = None if value is None else value.decode()
        headers.append((name, "run" if name == "__debezium.context.runId" else value))
    return {"key": masked(record.key), "value": masked(record.value), "headers": headers}


def differences(path, one, other):
    """Where two trees differ, in lines."""
    if type(one) is not type(other):
        return [f"{path}: {one!r} in Java, {other!r} here"]
    if isinstance(one, dict):
        if list(one) != list(other):
            return [f"{path}: fields {list(one)} in Java, {list(other)} here"]
        return [line for name in one for line in differences(f"{path}.{name}", one[name], other[name])]
    if isinstance(one, list):
        if len(one) != len(other):
            return [f"{path}: {len(one)} elements in Java, {len(other)} here: {one} {other}"[:600]]
        return [line for at, pair in enumerate(zip(one, other)) for line in differences(f"{path}[{at}]", *pair)]
    return [] if one == other else [f"{path}: {one!r} in Java, {other!r} here"[:600]]


def config(name, side, server):
    """The connector of one variant on one side."""
    return {
        "connector.class": "io.debezium.connector.postgresql.PostgresConnector", "tasks.max": "1", "topic.prefix": f"cap-{name}",
        "database.hostname": "127.0.0.1", "database.port": str(server.port), "database.user": USER, "database.password": PASSWORD,
        "database.dbname": DATABASE, "plugin.name": "pgoutput", "slot.name": f"{side}_{name}", "publication.name": f"{side}_{name}",
        "poll.interval.ms": "20", **VARIANTS[name],
    }


def topics(worker, prefix):
    """The names of a variant's topics."""
    status, body = worker.rest("GET", f"/connectors/{prefix}/topics")
    if status != 200:
        raise LabError(f"topics of {prefix}: {status} {body}")
    return sorted(body[prefix]["topics"])


def finished(worker, name, count, table="fin"):
    """Whether so many of a table's records are there, if it is read at all."""
    worker.healthy(f"cap-{name}")
    delimiter = VARIANTS[name].get("topic.delimiter", ".")
    if table != "fin" and table not in VARIANTS[name].get("table.include.list", table):
        return True
    return len(worker.topic_records(f"cap-{name}{delimiter}public{delimiter}{table}")) >= count


def compare(name, java, native):
    """What differs in a variant, and how many records are equal."""
    prefix, found, equal = f"cap-{name}", [], 0
    sides = [topics(java, prefix), topics(native, prefix)]
    if sides[0] != sides[1]:
        found.append(f"topics {sides[0]} in Java, {sides[1]} here")
    for topic in sides[0]:
        one, other = ([shape(record) for record in side.topic_records(topic)] for side in (java, native))
        if len(one) != len(other):
            found.append(f"{topic}: {len(one)} records in Java, {len(other)} here")
        for at, pair in enumerate(zip(one, other)):
            lines = [f"{topic}[{at}]{line}" for line in differences("", *pair)]
            found += lines
            equal += not lines
    return found, equal


def run(args, server, java, native):
    """All variants."""
    names = [args.only] if args.only else list(VARIANTS)
    server.sql(TYPES)
    server.sql(ROWS)
    for name in names:
        for side, worker in (("java", java), ("native", native)):
            worker.create(f"cap-{name}", config(name, side, server))
    server.sql("SELECT 1")
    for name in names:
        for worker in (java, native):
            wait_for(f"{worker.name}: the snapshot of {name} is not there", lambda: streams(server, worker, name), LIMIT_S, 0.2)
    late = 0
    for change in CHANGES:
        server.sql(f"BEGIN; {change}; COMMIT;" if "ADD VALUE" not in change else change)
        if "ALTER TABLE late" in change:
            # Both ask the catalog for defaults as they are when they come to the change.
            late += 1
            for name in names:
                for worker in (java, native):
                    wait_for(f"{worker.name}: changes of {name} are missing", lambda: finished(worker, name, late, "late"), LIMIT_S, 0.2)
        elif "ALTER" in change:
            time.sleep(SETTLE_S)
    server.sql("INSERT INTO fin VALUES (1)")
    for name in names:
        for worker in (java, native):
            wait_for(f"{worker.name}: changes of {name} are missing", lambda: finished(worker, name, 1), LIMIT_S, 0.2)
    failed = 0
    for name in names:
        found, equal = compare(name, java, native)
        print(f"{name}: {equal} records are equal, {len(found)} differences", flush=True)
        kinds = collections.Counter(found)
        for line in list(kinds)[:args.shown]:
            print(f"  {line}")
        failed += bool(found) or not equal
    return failed


def streams(server, worker, name):
    """Whether a connector reads changes: its slot is in use, and the snapshot has ended."""
    worker.healthy(f"cap-{name}")
    slot = f"{worker.side}_{name}"
    return server.value(f"SELECT active FROM pg_replication_slots WHERE slot_name = '{slot}'") == "t" and server.value(
        f"SELECT count(*) FROM pg_stat_replication r JOIN pg_replication_slots s ON s.active_pid = r.pid WHERE s.slot_name = '{slot}' AND r.state = 'streaming'") == "1"


def main():
    """The command line."""
    parser = runtime.add_arguments(argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter), "capture")
    parser.add_argument("--only", choices=VARIANTS)
    parser.add_argument("--shown", type=int, default=SHOWN)
    args = parser.parse_args()
    began = time.monotonic()
    place = plugins.fetch("debezium-postgres")
    with runtime.workplace(args) as work, Postgres(work / "postgres") as server:
        java, native = runtime.Gantry(work / "java", [place]), runtime.Gantry(work / "native")
        java.side, native.side = "java", "native"
        with java, native:
            failed = run(args, server, java, native)
        args.failed = failed
    print(f"capture: {time.monotonic() - began:.0f} s; {'failed' if failed else 'passed'}")
    return failed


if __name__ == "__main__":
    try:
        sys.exit(main())
    except LabError as error:
        sys.exit(f"capture: {error}")
