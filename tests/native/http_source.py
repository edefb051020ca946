#!/usr/bin/env python3
"""A web service of which tickets are asked for while it refuses, breaks off and goes away, and while the worker that asks is killed
at random: each ticket is in its topic once and in order where pages go up by time, and at least once where the newest come first.

    tests/native/http_source.py --kills 20 --seed 1
"""

import argparse
import datetime
import hashlib
import http.server
import json
import pathlib
import random
import shutil
import subprocess
import sys
import threading
import time
import urllib.parse

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT / "scripts" / "lib")]
from worker import STRING, Gantry, LabError, gantry_binary, target_dir, wait_for  # noqa: E402

CLASS = "com.github.castorm.kafka.connect.http.HttpSourceConnector"
MAPPER = "com.github.castorm.kafka.connect.http.record.StringKvSourceRecordMapper"
TICKETS, PAGE = 600, 20
LIMIT_S = 60
TOKEN = "not-for-everybody"


class Server(http.server.ThreadingHTTPServer):
    """Who is killed says no good-bye."""

    daemon_threads = True

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class Service:
    """Tickets, of which several have the same time."""

    def __init__(self, chance):
        self.chance, self.lock = chance, threading.Lock()
        self.tickets, self.asked, self.refused, self.unchanged = [], 0, 0, 0
        self.server = None
        self.port = 0

    def add(self, count):
        with self.lock:
            for _ in range(count):
                number = len(self.tickets)
                at = datetime.datetime(2024, 1, 1) + datetime.timedelta(seconds=number // 3)
                self.tickets.append({"id": number, "updated": at.isoformat() + "Z", "text": f"Ticket {number}: \"é\""})

    def start(self):
        service = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):  # pylint: disable=invalid-name
                service.answer(self)

            def log_message(self, format, *args):  # pylint: disable=redefined-builtin
                pass

        self.server = Server(("127.0.0.1", self.port), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def answer(self, request):
        url = urllib.parse.urlparse(request.path)
        query = {name: values[0] for name, values in urllib.parse.parse_qs(url.query).items()}
        with self.lock:
            self.asked += 1
            fate = self.chance.random()
            tickets = [one for one in self.tickets if one["updated"] >= query.get("since", "")]
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            self.send(request, 401, {})
        elif fate < 0.1:
            self.refused += 1
            self.send(request, self.chance.choice((429, 503)), {"error": "busy"}, {"Retry-After": "0"})
        elif fate < 0.15:
            self.refused += 1
            # Half of an answer.
            request.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"tickets\": [")
            request.close_connection = True
        elif url.path == "/newest":
            self.newest(request, tickets, int(query.get("page", 0)))
        else:
            begin = int(query.get("cursor", 0))
            end = begin + PAGE
            more = {"cursor": str(end)} if end < len(tickets) else {"cursor": None}
            self.send(request, 200, {"tickets": tickets[begin:end], "more": more})

    def newest(self, request, tickets, page):
        tickets = tickets[::-1]
        etag = '"' + hashlib.sha256(json.dumps(tickets).encode()).hexdigest() + '"'
        if page == 0 and request.headers.get("If-None-Match") == etag:
            self.unchanged += 1
            self.send(request, 304, None)
            return
        headers = {}
        if (page + 1) * PAGE * 10 < len(tickets):
            headers["Link"] = f'</newest?page={page + 1}>; rel="next"'
        elif page == 0:
            headers["ETag"] = etag
        self.send(request, 200, {"tickets": tickets[page * PAGE * 10 : (page + 1) * PAGE * 10]}, headers)

    def send(self, request, status, body, headers=None):
        data = b"" if body is None else json.dumps(body, ensure_ascii=False).encode()
        request.send_response(status)
        for name, value in (headers or {}).items():
            request.send_header(name, value)
        if status != 304:
            request.send_header("Content-Length", str(len(data)))
        request.end_headers()
        request.wfile.write(data)


def configs(service):
    """By topic."""
    url = f"http://127.0.0.1:{service.port}"
    both = {
        "connector.class": CLASS, "http.response.list.pointer": "/tickets", "http.response.record.mapper": MAPPER,
        "http.response.record.offset.pointer": "key=/id, timestamp=/updated", "http.timer.interval.millis": "30", "http.timer.catchup.interval.millis": "10",
        "gantry.http.retry.backoff.ms": "5", "gantry.http.bearer.token": TOKEN, "key.converter": STRING, "value.converter": STRING,
    }
    return {
        "pages": {
            **both, "kafka.topic": "pages", "http.request.url": url + "/tickets", "http.request.params": "since=${offset.timestamp}",
            "http.offset.initial": "timestamp=2000-01-01T00:00:00Z", "http.response.list.order.direction": "ASC",
            "gantry.http.next.page.pointer": "/more/cursor", "gantry.http.next.page.param": "cursor",
        },
        "newest": {**both, "kafka.topic": "newest", "http.request.url": url + "/newest", "gantry.http.next.page.link": "true",
                   "http.response.list.order.direction": "DESC"},
        "etag": {**both, "kafka.topic": "etag", "http.request.url": url + "/newest", "gantry.http.etag": "true"},
    }


def dump(worker, topic):
    """The tickets of a topic."""
    command = [gantry_binary(), "topic", "dump", topic, "--url", worker.rest.base]
    done = subprocess.run(command, capture_output=True, text=True)
    lines = done.stdout.splitlines()[1:] if done.returncode == 0 else []
    return [json.loads(bytes.fromhex(json.loads(line)["value"])) for line in lines]


def run(work, kills, chance):
    service = Service(chance)
    service.add(PAGE)
    service.start()
    files = []
    for name, config in configs(service).items():
        files.append(work / f"{name}.json")
        files[-1].write_text(json.dumps({"name": name, "config": config}))
    for number in range(kills + 1):
        worker = Gantry(work / "worker", files)
        try:
            worker.wait_ready()
            for _ in range(5):
                service.add((TICKETS - len(service.tickets)) // (5 * (kills - number) or 1) if number < kills else 0)
                time.sleep(chance.uniform(0.01, 0.2))
            if number == kills // 2:
                service.stop()
                time.sleep(0.3)
                service.start()
            if number < kills:
                worker.kill()
                continue
            service.add(TICKETS - len(service.tickets))

            def are_all_there():
                # `etag` sees what its one page has: the newest.
                return all(len({one["id"] for one in dump(worker, topic)}) == TICKETS for topic in ("pages", "newest")) and \
                    any(one["id"] == TICKETS - 1 for one in dump(worker, "etag"))
            try:
                wait_for("not all tickets are there", are_all_there, LIMIT_S, 0.2)
            except LabError as error:
                raise LabError(f"{error}: {[(topic, len(dump(worker, topic)), worker.rest.status(topic)) for topic in configs(service)]}") from None
            check(service, worker)
        finally:
            worker.stop()
    service.stop()
    print(f"{service.asked} requests, {service.refused} of them refused or broken off, {service.unchanged} answered by 304", flush=True)


def check(service, worker):
    pages = dump(worker, "pages")
    if pages != service.tickets:
        at = next((at for at, pair in enumerate(zip(pages, service.tickets)) if pair[0] != pair[1]), min(len(pages), TICKETS))
        raise LabError(f"pages: {len(pages)} records of {TICKETS} tickets, which differ from number {at} on: {pages[at:at + 2]}")
    newest = dump(worker, "newest")
    if any(one != service.tickets[one["id"]] for one in newest):
        raise LabError("newest: a ticket is not as it was")
    etag = [one["id"] for one in dump(worker, "etag")]
    if len(set(etag)) != len(etag) or etag != sorted(etag):
        raise LabError(f"etag: tickets came twice or not in order: {etag[:50]}")
    print(f"pages: {TICKETS} tickets once and in order; newest: {len(newest)} records of them; etag: {len(etag)}, none twice", flush=True)
    if not service.unchanged:
        raise LabError("etag: what had not changed was always sent again")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    work = target_dir() / "native" / "http_source"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    begun = time.monotonic()
    run(work, arguments.kills, random.Random(arguments.seed))
    print(f"{arguments.kills} kills, {time.monotonic() - begun:.0f} s")


if __name__ == "__main__":
    main()
