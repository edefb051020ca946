"""Prints the rows of an Iceberg table as JSON, read by PyIceberg: by other code than what wrote it. Run in the environment that
iceberg.py makes; the argument is a metadata file."""

import json
import sys

from pyiceberg.table import StaticTable

table = StaticTable.from_metadata(sys.argv[1])
json.dump({"snapshots": len(table.metadata.snapshots), "rows": table.scan().to_arrow().to_pylist()}, sys.stdout)
