"""How long a worker with many connectors on its plugin path takes to start: Gantry without them, with them known, with nothing known, and Kafka Connect."""

import os
import shutil
import time

from sides import LabError, plugins, runtime
from worker import Gantry, wait_for

# With service_load there are fewer: some plugins have no manifest.
WANTED = 20
KAFKA_MODES = ("service_load", "hybrid_warn")


def listed(rest):
    """How many connectors /connector-plugins names."""
    status, body = rest.call("GET", "/connector-plugins")
    return len(body) if status == 200 else 0


def gantry(home, props):
    """Seconds to listening, resident MiB a second later, connectors listed."""
    worker = Gantry(home, props=props)
    try:
        ready = worker.wait_ready()
        count = listed(worker.rest)
        all_s = time.monotonic() - worker.started
        time.sleep(1)
        return {"ready_s": ready, "listed_s": all_s, "mib": worker.rss_mib(), "connectors": count, "load": os.getloadavg()[0]}
    finally:
        worker.stop()


def kafka_connect(home, broker, props):
    """The same of Kafka Connect, whose broker is up."""
    worker = runtime.kafka.Connect(home, broker, props=props)
    try:
        ready = worker.wait_ready()
        wait_for("no connectors are listed", lambda: listed(worker.rest), 60)
        all_s = time.monotonic() - worker.started
        count = listed(worker.rest)
        time.sleep(1)
        return {"ready_s": ready, "listed_s": all_s, "mib": worker.rss_mib(), "connectors": count, "load": os.getloadavg()[0]}
    finally:
        worker.stop()


def measure(work, options, say):
    """Rounds of all in turn."""
    places = [plugins.fetch(name) for name in plugins.names(True)]
    path = plugins.plugin_path(work / "plugins", places)
    # Nobody is to be measured while it waits for the disk.
    jars = [jar for place in places for jar in place.glob("*.jar")]
    size = sum(len(jar.read_bytes()) for jar in jars)
    say(f"{len(places)} plugins, {len(jars)} jars, {size / 1e6:.0f} MB")
    props = {"plugin.path": str(path)}
    found = {"plugins": len(places), "jars": len(jars), "mb": size / 1e6, "runs": {}}
    broker = runtime.kafka.Broker(work / "broker") if "kafka" in options.sides else None
    try:
        for number in range(options.start_rounds):
            runs = {}
            if "gantry" in options.sides:
                runs["gantry-none"] = lambda: gantry(work / "none", {})
                runs["gantry-cold"] = lambda: gantry(work / "gantry", props)
                runs["gantry-warm"] = lambda: gantry(work / "gantry", props)
                runs["gantry-service_load"] = lambda: gantry(work / "manifests", {**props, "plugin.discovery": "service_load"})
                for home in ("gantry", "manifests"):
                    shutil.rmtree(work / home, ignore_errors=True)
                if number == 0:
                    # An uncounted one: the others find an empty log in its place.
                    gantry(work / "none", {})
            if broker:
                for mode in KAFKA_MODES:
                    runs[f"kafka-{mode}"] = lambda m=mode: kafka_connect(work / "connect", broker, {**props, "plugin.discovery": m})
            for name, run in runs.items():
                result = run()
                if result["connectors"] < WANTED and not name.endswith(("none", "service_load")):
                    raise LabError(f"{name} lists {result['connectors']} connectors, not {WANTED}")
                found["runs"].setdefault(name, []).append(result)
                say(f"{name:20} {result['ready_s'] * 1000:8,.0f} ms to listening, {result['listed_s'] * 1000:,.0f} ms to {result['connectors']} connectors, "
                    f"{result['mib']:.0f} MiB, load {result['load']:.1f}")
    finally:
        if broker:
            broker.stop()
    return found
