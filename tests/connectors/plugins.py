#!/usr/bin/env python3
"""Fetches Kafka connectors by Maven and unpacks each into target/connectors/<name>-<version>/, once.

    plugins.py [--all] [NAME …]     prints where they are; without names the small set that `make test` uses
"""

import argparse
import dataclasses
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile

from servers import HERE, LabError, once, target_dir

KAFKA = "4.3.1"
# What the worker has: a plugin never brings it.
PROVIDED = "connect-api,connect-json,connect-runtime,connect-transforms,kafka-clients,slf4j-api"
POM = """<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>gantry.test</groupId><artifactId>plugin</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>%s</dependencies>
</project>
"""
ALONE = "<exclusions><exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion></exclusions>"


@dataclasses.dataclass(frozen=True)
class Plugin:
    """A connector on Maven Central. `artifacts`: group:artifact:version[:type[:classifier]], taken alone unless `closure`."""

    name: str
    artifacts: tuple
    closure: bool = False
    default: bool = False

    @property
    def coordinates(self):
        """Group and name of the first artifact."""
        return ":".join(self.artifacts[0].split(":")[:2])

    @property
    def version(self):
        """Its version."""
        return self.artifacts[0].split(":")[2]


def debezium(name, version, default=False):
    """One of Debezium's plugin archives."""
    return Plugin(f"debezium-{name}", (f"io.debezium:debezium-connector-{name}:{version}:tar.gz:plugin",), default=default)


PLUGINS = {p.name: p for p in (
    Plugin("file", (f"org.apache.kafka:connect-file:{KAFKA}",), default=True),
    Plugin("tools", (f"org.apache.kafka:connect-test-plugins:{KAFKA}", f"org.apache.kafka:kafka-server-common:{KAFKA}")),
    debezium("postgres", "3.7.0.Final", default=True),
    debezium("mariadb", "3.5.0.Final", default=True),
    debezium("jdbc", "3.6.0.Final", default=True),
    debezium("mysql", "3.6.1.Final"),
    debezium("sqlserver", "3.6.1.Final"),
    debezium("mongodb", "3.6.1.Final"),
    debezium("oracle", "3.6.1.Final"),
    debezium("db2", "3.6.1.Final"),
    debezium("vitess", "3.5.0.Final"),
    debezium("informix", "3.5.0.Final"),
    Plugin("mirror", (f"org.apache.kafka:connect-mirror:{KAFKA}", f"org.apache.kafka:connect-mirror-client:{KAFKA}")),
    Plugin("mongo", ("org.mongodb.kafka:mongo-kafka-connect:2.0.1:jar:all",)),
    # With Parquet and Hadoop's file systems, as Iceberg's own distribution of it.
    Plugin("iceberg", ("org.apache.iceberg:iceberg-kafka-connect:1.12.0", "org.apache.iceberg:iceberg-parquet:1.12.0",
                       "org.apache.hadoop:hadoop-client-runtime:3.4.2"), closure=True),
    Plugin("snowflake", ("com.snowflake:snowflake-kafka-connector:2.5.0",)),
    Plugin("pubsub", ("com.google.cloud:pubsub-group-kafka-connector:1.3.3",), closure=True),
)}


def maven(*words):
    """Runs Maven quietly, with the settings that it has."""
    done = subprocess.run(["mvn", "-q", "-B", *map(str, words)], capture_output=True, text=True, check=False,
                          env={**os.environ, "MAVEN_OPTS": "-Xmx512m"})
    if done.returncode != 0:
        raise LabError(f"mvn {' '.join(map(str, words))}:\n{done.stdout[-2000:]}{done.stderr[-1000:]}")


def dependency(artifact, closure):
    """One <dependency> of a pom."""
    names = ("groupId", "artifactId", "version", "type", "classifier")
    inside = "".join(f"<{name}>{text}</{name}>" for name, text in zip(names, artifact.split(":")))
    return f"<dependency>{inside}{'' if closure else ALONE}</dependency>"


def fetch(name):
    """The directory of a plugin."""
    plugin = PLUGINS[name]
    place = target_dir() / "connectors" / f"{name}-{plugin.version}"
    with once(place) as missing:
        if missing:
            print(f"fetching {plugin.coordinates} {plugin.version} …", flush=True)
            raw = place / "raw"
            shutil.rmtree(raw, ignore_errors=True)
            raw.mkdir()
            (raw / "pom.xml").write_text(POM % "".join(dependency(a, plugin.closure) for a in plugin.artifacts), encoding="utf-8")
            maven("-f", raw / "pom.xml", "dependency:copy-dependencies", "-DincludeScope=runtime", f"-DexcludeArtifactIds={PROVIDED}",
                  f"-DoutputDirectory={raw / 'jars'}")
            for file in sorted((raw / "jars").iterdir()):
                if file.name.endswith(".tar.gz"):
                    unpack(file, place)
                else:
                    file.rename(place / file.name)
            shutil.rmtree(raw)
            if not list(place.glob("*.jar")):
                raise LabError(f"{plugin.coordinates} brought no jar")
    return place


def unpack(archive, place):
    """The jars of a plugin archive, which has them in one folder."""
    with tarfile.open(archive) as tar:
        for member in tar:
            if member.isfile() and member.name.endswith(".jar"):
                with open(place / pathlib.PurePath(member.name).name, "wb") as out:
                    shutil.copyfileobj(tar.extractfile(member), out)


def misbehaving():
    """The directory of our own connectors (badplugins/), built when a source is newer."""
    project = HERE / "badplugins"
    place = target_dir() / "connectors" / "badplugins"
    sources = [project / "pom.xml", *(p for p in (project / "src").rglob("*") if p.is_file())]
    if (place / ".complete").exists() and max(p.stat().st_mtime for p in sources) > (place / ".complete").stat().st_mtime:
        (place / ".complete").unlink()
    with once(place) as missing:
        if missing:
            build = target_dir() / "connectors" / "badplugins-build"
            maven("-f", project / "pom.xml", "package", f"-Dout={build}")
            for jar in place.glob("*.jar"):
                jar.unlink()
            shutil.copy(build / "badplugins-1.jar", place)
    return place


def plugin_path(directory, places):
    """A folder for `plugin.path` that holds these plugins and no others."""
    directory = pathlib.Path(directory)
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    for place in places:
        (directory / place.name).symlink_to(place, target_is_directory=True)
    return directory


def names(everything=False):
    """The set of a run."""
    return [p.name for p in PLUGINS.values() if everything or p.default]


def main():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("names", nargs="*", metavar="NAME", choices=[*PLUGINS, []])
    args = parser.parse_args()
    failed = 0
    for name in args.names or names(args.all):
        try:
            place = fetch(name)
            print(f"{name:20} {sum(f.stat().st_size for f in place.glob('*.jar')) / 1e6:7.1f} MB  {place}", flush=True)
        except LabError as error:
            failed += 1
            print(f"{name:20} {error}", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
