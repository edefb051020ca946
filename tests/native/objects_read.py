"""What objects hold, by readers of other people: for the Python of tests/servers/s3.py. For each line of its input,
a place as JSON, it prints a line of JSON: the name of each object with its rows, [id, region, amount, note's length and digest, tags, counts, extra]."""

import gzip
import hashlib
import io
import json
import pathlib
import sys

import boto3
import fastavro
import pyarrow.parquet


def objects(place):
    """Names and contents: of a bucket below a prefix, or of a directory."""
    if "directory" in place:
        root = pathlib.Path(place["directory"])
        for path in sorted(root.rglob("*")):
            if path.is_file() and not path.name.startswith("."):
                yield str(path.relative_to(root)), path.read_bytes()
        return
    client = boto3.client("s3", endpoint_url=place["url"], region_name=place["region"], verify=place["ca"],
                          aws_access_key_id=place["key"], aws_secret_access_key=place["secret"])
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=place["bucket"], Prefix=place["prefix"]):
        for entry in page.get("Contents", ()):
            yield entry["Key"], client.get_object(Bucket=place["bucket"], Key=entry["Key"])["Body"].read()


def rows(name, data):
    """The records of a file."""
    if name.endswith(".gz"):
        data = gzip.decompress(data)
    if ".parquet" in name:
        return pyarrow.parquet.read_table(io.BytesIO(data)).to_pylist()
    if ".avro" in name:
        return list(fastavro.reader(io.BytesIO(data)))
    return [json.loads(line) for line in data.splitlines()]


def short(row):
    """A row whose text is a digest."""
    note = row["note"]
    text = None if note is None else [len(note), hashlib.md5(note.encode()).hexdigest()]
    counts = row["counts"]
    # PyArrow has maps as pairs.
    counts = dict(counts) if isinstance(counts, list) else counts
    return [row["id"], row["region"], row["amount"], text, row["tags"], counts, row.get("extra")]


for line in sys.stdin:
    print(json.dumps({name: [short(row) for row in rows(name, data)] for name, data in objects(json.loads(line))}), flush=True)
