#!/usr/bin/env python3
"""A real PostgreSQL server of Debian's package on loopback, with a database and a user of its own.

As a module: `with Postgres(directory) as server: ... server.url ...`.
As a command: `postgres.py run DIRECTORY COMMAND...` starts one, runs the command with
GANTRY_TEST_POSTGRES set to its URL and GANTRY_TEST_POSTGRES_CA to who signed its certificate, and
ends it; its status is the command's. `postgres.py serve DIRECTORY` does what is asked of it on
standard input, one method's name as JSON a line; it answers each with a line, and ends the server
with its input.
"""

import contextlib
import os
import pathlib
import select
import shutil
import signal

from served import DATABASE, PASSWORD, STOP_S, USER, Served, main, make, program

# PostgreSQL refuses to run as root: Debian's package made this user.
ACCOUNT = "postgres"


def tool(name):
    versions = pathlib.Path("/usr/lib/postgresql").glob("[0-9]*/bin")
    return program(name, "postgresql", sorted(versions, key=lambda place: float(place.parent.name), reverse=True))


def without_rights(command):
    if os.getuid() != 0:
        return command
    return ["setpriv", f"--reuid={ACCOUNT}", f"--regid={ACCOUNT}", "--init-groups", "--", *command]


def give(path):
    if os.getuid() == 0:
        shutil.chown(path, ACCOUNT, ACCOUNT)


class Postgres(Served):
    """One server. Its log and certificates stay in the directory when it ends. Its data do not: they are where
    another user can reach them, however closed the directory and those above it are."""

    name, scheme, variable = "PostgreSQL", "postgresql", "GANTRY_TEST_POSTGRES"
    # Does not wait until clients are gone, as SIGTERM does.
    stop_signal = signal.SIGINT

    def _environment(self):
        # What the variables of who runs this say is meant for other servers.
        others = {name: value for name, value in super()._environment().items() if not name.startswith("PG")}
        return {**others, "PGPASSWORD": PASSWORD}

    def _make(self, command, given=None):
        return make(without_rights(command), given, cwd=self.place, env=self._environment())

    def _install(self):
        if (self.place / "data").is_dir():
            return
        for path in (self.certificate, self.key):
            shutil.copy(path, self.place)
        (self.place / self.key.name).chmod(0o600)
        (self.place / "hba.conf").write_text(
            "local all all scram-sha-256\n"
            "host all all 127.0.0.1/32 scram-sha-256\n"
            "host replication all 127.0.0.1/32 scram-sha-256\n"
        )
        for path in (self.place, *self.place.iterdir()):
            give(path)
        data = self.place / "data"
        # The superuser has no password, so that nobody can be it once the server runs.
        self._make([tool("initdb"), f"--pgdata={data}", f"--username={ACCOUNT}", "--auth=reject", "--encoding=UTF8", "--locale=C"])
        said = self._make(
            [tool("postgres"), "--single", "-D", str(data), "postgres"],
            f"CREATE ROLE {USER} LOGIN CREATEDB REPLICATION PASSWORD '{PASSWORD}'\n"
            f"CREATE DATABASE {DATABASE} OWNER {USER}\n",
        )
        if "ERROR:" in said:
            raise RuntimeError(f"the user and the database were not made:\n{said}")

    def _command(self):
        settings = {
            "listen_addresses": "127.0.0.1", "port": self.port, "unix_socket_directories": self.place, "hba_file": self.place / "hba.conf",
            "ssl": "on", "ssl_cert_file": self.place / self.certificate.name, "ssl_key_file": self.place / self.key.name,
            "wal_level": "logical", "max_replication_slots": 40, "max_wal_senders": 40,
            "timezone": "UTC", "log_timezone": "UTC",
        }
        command = [tool("postgres"), "-D", str(self.place / "data"), *(f"--{name}={value}" for name, value in settings.items())]
        return without_rights([*command, *self.settings])

    def _client(self):
        return [tool("psql"), "-X", "-w", "-h", str(self.place), "-p", str(self.port), "-U", USER, "-d", DATABASE, "-At", "-F", "\t", "-c"]

    def _kill(self, process):
        """With its children at once: they would end only when they see that it is gone, and until then none can start."""
        if process.poll() is not None:
            return
        process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        children = []
        for child in pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split():
            with contextlib.suppress(ProcessLookupError):
                children.append(os.pidfd_open(int(child)))
        process.kill()
        for child in children:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(child, signal.SIGKILL)
        process.wait()
        for child in children:
            select.select([child], [], [], STOP_S)
            os.close(child)


if __name__ == "__main__":
    main(Postgres, __doc__)
