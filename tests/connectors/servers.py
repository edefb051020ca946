#!/usr/bin/env python3
"""PostgreSQL and MariaDB from Debian's packages, unpacked below target/, on 127.0.0.1, as a user without rights.

As a module: `with Postgres(directory) as database: database.sql("…")`. Nothing is installed and no service is touched.
As a command it fetches the packages and shows that both servers start.
"""

import contextlib
import fcntl
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "scripts" / "lib"))
from worker import LabError, Proc, free_port, target_dir  # noqa: E402

NOBODY = 65534
READY_S = 60
STOP_S = 30
SQL_LIMIT_S = 300
USER = PASSWORD = DATABASE = "gantry"
PACKAGES = ["mariadb-server-core", "mariadb-client-core", "mariadb-common"]
# Parts of the running system, which apt may want to renew on the way: never beside it.
LEAVE = ("libc6", "libc-bin", "perl", "libperl", "systemd", "tzdata", "locales")


@contextlib.contextmanager
def once(path):
    """Yields True to the one process that has to make `path`; others wait, and get False."""
    path.mkdir(parents=True, exist_ok=True)
    with open(path / ".lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        missing = not (path / ".complete").exists()
        yield missing
        if missing:
            (path / ".complete").touch()


def fetch():
    """Downloads and unpacks the servers and what they need, once. Returns the directory that stands for /."""
    base = target_dir() / "servers"
    with once(base) as missing:
        if missing:
            print("fetching PostgreSQL and MariaDB …", flush=True)
            debs = base / "debs"
            shutil.rmtree(base / "root", ignore_errors=True)
            (debs / "partial").mkdir(parents=True, exist_ok=True)
            if not download(debs):
                refresh()
                if not download(debs):
                    raise LabError("apt-get could not download PostgreSQL and MariaDB; see its output above")
            for deb in sorted(debs.glob("*.deb")):
                if not deb.name.startswith(LEAVE):
                    subprocess.run(["dpkg", "-x", deb, base / "root"], check=True)
            shutil.rmtree(debs)
    return base / "root"


def download(debs):
    """The newest packages of Debian's, and what they need that is not installed. False: no success."""
    about = subprocess.run(["apt-cache", "depends", "postgresql"], capture_output=True, text=True, check=False).stdout
    server = [w for w in about.split() if w.startswith("postgresql-") and w[-1].isdigit()]
    if not server:
        return False
    version = server[0].removeprefix("postgresql-")
    command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "--download-only", "--reinstall", "-o", "Debug::NoLocking=true",
               "-o", f"Dir::Cache::archives={debs}", server[0], f"postgresql-client-{version}", "libpq5", *PACKAGES]
    return subprocess.run(command, stdout=subprocess.DEVNULL, stderr=sys.stderr, check=False).returncode == 0


def refresh():
    """apt's lists; a fresh image has none."""
    sudo = [] if os.getuid() == 0 else ["sudo"]
    subprocess.run([*sudo, "apt-get", "update", "-qq"], check=False)


def environment(root):
    """Libraries of the unpacked packages beside those of the system."""
    libraries = [p for place in ("lib", "usr/lib") for p in (root / place).glob("*-linux-gnu")]
    return {"LD_LIBRARY_PATH": ":".join(map(str, libraries)), "TZ": "UTC", "LC_ALL": "C", "HOME": "/nonexistent"}


def lowered(command):
    """The command as a user without rights, who still may pass through the directories above; it ends with this process."""
    drop = []
    if os.getuid() == 0:
        drop = [f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--inh-caps=+dac_override", "--ambient-caps=+dac_override"]
    return ["setpriv", *drop, "--pdeathsig=KILL", "--", *map(str, command)]


class Server:
    """One server and its data in `directory`, which is made afresh. `kill()` and `start()` leave the data."""

    name = ""
    stop_signal = signal.SIGTERM

    def __init__(self, directory):
        self.root = fetch()
        self.env = environment(self.root)
        self.directory = pathlib.Path(directory).resolve()
        shutil.rmtree(self.directory, ignore_errors=True)
        self.directory.mkdir(parents=True)
        # Sockets have short names only.
        self.run_dir = pathlib.Path(tempfile.mkdtemp(prefix=f"{self.name}-"))
        if os.getuid() == 0:
            os.chown(self.directory, NOBODY, NOBODY)
            os.chown(self.run_dir, NOBODY, NOBODY)
        self.data = self.directory / "data"
        self.log = self.directory / f"{self.name}.log"
        self.port = free_port()
        self.process = None
        try:
            self.make()
            self.start()
            self.prepare()
        except BaseException:
            self.kill()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.run_dir, ignore_errors=True)

    def start(self):
        """Starts it on its data and waits until it answers."""
        self.process = Proc(lowered(self.command()), self.log, env=self.env)
        end = time.monotonic() + READY_S
        while time.monotonic() < end and self.process.alive():
            if self.client("SELECT 1", None).returncode == 0:
                return
            time.sleep(0.1)
        raise LabError(f"{self.name} is not ready:\n{self.process.tail()}")

    def stop(self):
        """Ends it as an administrator would."""
        if self.process and self.process.alive():
            self.process.child.send_signal(self.stop_signal)
            try:
                self.process.child.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self.process.kill()

    def kill(self):
        """SIGKILL."""
        if self.process:
            self.process.kill()

    def set_up(self, command):
        """One command of the set-up."""
        done = subprocess.run(lowered(command), env={**os.environ, **self.env}, capture_output=True, text=True, check=False, cwd="/")
        if done.returncode != 0:
            raise LabError(f"{command[0]}: {done.stdout[-1500:]}{done.stderr[-1500:]}")

    def client(self, text, database):
        """Runs the client with the text on its standard input."""
        return subprocess.run([str(w) for w in self.client_command(database)], input=text, env={**os.environ, **self.env}, capture_output=True,
                              text=True, check=False, timeout=SQL_LIMIT_S)

    def sql(self, text, database=DATABASE):
        """Runs statements; returns the rows of the answers, fields as text in the client's own escapes."""
        done = self.client(text, database)
        if done.returncode != 0:
            raise LabError(f"{self.name}: {done.stderr[-1500:]}\n{text[:1500]}")
        return [tuple(line.split("\t")) for line in done.stdout.splitlines()]

    def value(self, text, database=DATABASE):
        """The first field of the first row, or None."""
        rows = self.sql(text, database)
        return rows[0][0] if rows else None


class Postgres(Server):
    """PostgreSQL with logical decoding; the user `gantry` may do everything."""

    name = "postgres"
    stop_signal = signal.SIGINT

    def tool(self, name):
        """The path of one of its programs."""
        return next((self.root / "usr/lib/postgresql").glob(f"*/bin/{name}"))

    def make(self):
        self.set_up([self.tool("initdb"), "-D", self.data, "-U", USER, "--auth=trust", "-E", "UTF8", "--locale=C", "--no-sync"])

    def command(self):
        settings = {"listen_addresses": "127.0.0.1", "port": self.port, "unix_socket_directories": self.run_dir, "wal_level": "logical",
                    "max_wal_senders": 8, "max_replication_slots": 8, "shared_buffers": "32MB", "max_connections": 60, "jit": "off",
                    # A killed server loses nothing by it; only a power cut would.
                    "fsync": "off", "timezone": "GMT", "log_timezone": "GMT"}
        return [self.tool("postgres"), "-D", self.data, *[f"--{k}={v}" for k, v in settings.items()]]

    def client_command(self, database):
        return [self.tool("psql"), "-X", "-q", "-A", "-t", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", self.port, "-U", USER,
                database or "postgres"]

    def prepare(self):
        self.sql(f"CREATE DATABASE {DATABASE}", None)


class MariaDb(Server):
    """MariaDB with a binary log of rows; the user `gantry` may do everything."""

    name = "mariadb"

    def make(self):
        usr = self.root / "usr"
        self.set_up([usr / "bin/mariadb-install-db", "--no-defaults", f"--basedir={usr}", f"--datadir={self.data}", "--skip-test-db",
                   "--auth-root-authentication-method=normal", "--skip-log-bin"])

    def command(self):
        usr = self.root / "usr"
        return [usr / "sbin/mariadbd", "--no-defaults", f"--basedir={usr}", f"--datadir={self.data}", f"--plugin-dir={usr / 'lib/mysql/plugin'}",
                f"--socket={self.run_dir / 'socket'}", f"--pid-file={self.run_dir / 'pid'}", f"--port={self.port}", "--bind-address=127.0.0.1",
                "--server-id=1", "--log-bin=binlog", "--binlog-format=ROW", "--binlog-row-image=FULL", "--character-set-server=utf8mb4",
                "--collation-server=utf8mb4_bin", "--default-time-zone=+00:00", "--innodb-buffer-pool-size=64M", "--innodb-log-file-size=32M",
                "--innodb-flush-log-at-trx-commit=2", "--performance-schema=OFF", "--skip-name-resolve"]

    def client_command(self, database):
        return [self.root / "usr/bin/mariadb", "--no-defaults", "--default-character-set=utf8mb4", "-N", "-B",
                f"--socket={self.run_dir / 'socket'}", "-u", "root", *([database] if database else [])]

    def prepare(self):
        self.sql(f"CREATE DATABASE {DATABASE}; CREATE USER '{USER}'@'127.0.0.1' IDENTIFIED BY '{PASSWORD}'; "
                 f"GRANT ALL ON *.* TO '{USER}'@'127.0.0.1'", None)


def main():
    """Starts both, kills and starts them again."""
    for server in (Postgres, MariaDb):
        with server(target_dir() / "connectors-run" / "servers" / server.name) as database:
            database.sql("CREATE TABLE t (a int); INSERT INTO t VALUES (1), (2)")
            database.kill()
            database.start()
            print(database.name, database.value("SELECT version()"), "port", database.port, "rows", database.value("SELECT count(*) FROM t"))


if __name__ == "__main__":
    try:
        main()
    except LabError as error:
        sys.exit(f"servers: {error}")
