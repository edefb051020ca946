#!/usr/bin/env python3
"""A real OpenSearch node (Java, from Maven Central) on loopback, with plain HTTP and without users.

As a module: `with OpenSearch(directory) as server: ... server.url ... server.call("GET", "/index/_search")`.
As a command: `opensearch.py run DIRECTORY COMMAND...` starts one, runs the command with
GANTRY_TEST_OPENSEARCH set to its URL, and ends it; its status is the command's. `opensearch.py serve
DIRECTORY` does what is asked of it on standard input, one method's name as JSON a line; it answers
each with a line, and ends the server with its input.
"""

import http.client
import json
import os
import pathlib
import shutil
import subprocess

from served import ANSWER_S, HERE, Refused, Served, free_port, main, program

ROOT = HERE.parents[1]
VERSION = "2.19.1.0"
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
JARS = TARGET / "opensearch" / VERSION
HEAP = "512m"


def fetch_jars():
    """The class path of the server; its jars are fetched once."""
    done, lib, classes = JARS / ".complete", JARS / "lib", JARS / "classes"
    if not done.exists():
        subprocess.run(["bash", "-c", f"source {ROOT}/scripts/setup.sh; setup_packages"], check=True)
        shutil.rmtree(JARS, ignore_errors=True)
        classes.mkdir(parents=True)
        place = HERE / "opensearch"
        subprocess.run(
            ["mvn", "-q", "-B", "-f", place / "pom.xml", "dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={lib}"],
            check=True,
        )
        subprocess.run(["javac", "-d", classes, "-cp", f"{lib}/*", place / "Server.java"], check=True)
        done.touch()
    return f"{classes}:{lib}/*"


class OpenSearch(Served):
    """One node. Its data are gone when it is closed, not when it is stopped or killed."""

    name, variable = "OpenSearch", "GANTRY_TEST_OPENSEARCH"

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def _install(self):
        self.class_path = fetch_jars()
        self.transport_port = free_port()

    def _command(self):
        # Without tiered compilation's second stage it starts and ends faster than it could be compiled.
        java = [program("java", "default-jre-headless", ()), f"-Xms{HEAP}", f"-Xmx{HEAP}", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"]
        return [*java, "-cp", self.class_path, "Server", str(self.place / "node"), str(self.port), str(self.transport_port), *self.settings]

    def _is_ready(self):
        try:
            return self.call("GET", "/_cluster/health")["status"] in ("green", "yellow")
        except (OSError, http.client.HTTPException, Refused):
            return False

    def variables(self):
        return {self.variable: self.url}

    def call(self, method, path, body=None, timeout=ANSWER_S):
        """The answer to a request, as JSON."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            content = None if body is None else json.dumps(body)
            connection.request(method, path, content, {"content-type": "application/json"} if content else {})
            answer = connection.getresponse()
            text = answer.read().decode()
            if answer.status >= 300:
                raise Refused(f"{method} {path}: {answer.status} {text[:500]}")
            return json.loads(text)
        finally:
            connection.close()

    def documents(self, index):
        """All documents of an index, by id, as they can be searched: their versions, and what they hold."""
        self.call("POST", f"/{index}/_refresh")
        query = {"size": 10_000, "version": True, "query": {"match_all": {}}}
        hits = self.call("POST", f"/{index}/_search", query, timeout=30)["hits"]["hits"]
        return {hit["_id"]: (hit["_version"], hit["_source"]) for hit in hits}


if __name__ == "__main__":
    main(OpenSearch, __doc__)
