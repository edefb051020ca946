"""The Parquet files of these tests, by pyarrow: python3 make.py, in this folder."""

import datetime
import decimal
import uuid

import pyarrow as pa
import pyarrow.parquet as pq

ROWS = 25
SCHEMA = pa.schema([
    pa.field("id", pa.int64(), nullable=False), ("name", pa.string()), ("tiny", pa.int8()), ("short", pa.int16()), ("unsigned", pa.uint32()),
    ("ok", pa.bool_()), ("single", pa.float32()), ("double", pa.float64()), ("raw", pa.binary()), ("price", pa.decimal128(20, 2)),
    ("day", pa.date32()), ("at_ms", pa.timestamp("ms", tz="UTC")), ("at_us", pa.timestamp("us")), ("at_ns", pa.timestamp("ns")),
    ("clock", pa.time32("ms")), ("tags", pa.list_(pa.string())), ("counts", pa.map_(pa.string(), pa.int32())),
    ("place", pa.struct([("x", pa.int32()), ("y", pa.list_(pa.struct([("z", pa.string())])))])), ("uid", pa.uuid()),
])


def row(at):
    moment = datetime.datetime(2020, 2, 29, 12, 0, 0, 123000) + datetime.timedelta(days=at)
    return {
        "id": at, "name": None if at % 5 == 4 else f"n{at}", "tiny": at - 12, "short": at * 1000, "unsigned": 4294967295 - at, "ok": at % 2 == 0,
        "single": at / 2, "double": at / 4, "raw": bytes([at]), "price": decimal.Decimal(at) / 100 - 1, "day": moment.date(),
        "at_ms": moment.replace(tzinfo=datetime.timezone.utc), "at_us": moment, "at_ns": moment, "clock": moment.time(),
        "tags": None if at == 3 else ["x", None][:at % 3], "counts": [(f"k{i}", i) for i in range(at % 3)],
        "place": {"x": at, "y": [{"z": "deep"}] * (at % 2)}, "uid": uuid.UUID(int=at).bytes,
    }


table = pa.Table.from_pylist([row(at) for at in range(ROWS)], SCHEMA)
for codec in ("none", "snappy", "gzip", "zstd", "lz4"):
    # Groups of seven rows: the last one is shorter.
    pq.write_table(table, f"{codec}.parquet", compression=codec, row_group_size=7, store_schema=False)
pq.write_table(table.slice(0, 0), "empty.parquet", store_schema=False)
