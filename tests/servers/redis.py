#!/usr/bin/env python3
"""A real Redis server of Debian's package on loopback, with a password, that keeps each write at once.

As a module: `with Redis(directory) as server: ... server.url ...`.
As a command: `redis.py run DIRECTORY COMMAND...` starts one, runs the command with GANTRY_TEST_REDIS_URL set to its URL,
and ends it; its status is the command's. `redis.py serve DIRECTORY` does what is asked of it on standard input, one
method's name as JSON a line; it answers each with a line, and ends the server with its input.
"""

import os
import subprocess

from served import PASSWORD, Refused, Served, main, program


def tool(name):
    return program(name, "redis-tools", ["/usr/bin"])


class Redis(Served):
    """One server. What is in the directory stays when it ends, for the next start."""

    name, scheme, variable = "Redis", "redis", "GANTRY_TEST_REDIS_URL"

    @property
    def url(self):
        return f"redis://:{PASSWORD}@127.0.0.1:{self.port}"

    def _install(self):
        (self.directory / "data").mkdir(exist_ok=True)

    def _command(self):
        # The server is this program, too, if it is called so: the package of the server would run it as a service.
        return [
            "bash", "-c", 'exec -a redis-server "$0" "$@"', tool("redis-check-rdb"), "--port", str(self.port), "--bind", "127.0.0.1",
            "--dir", str(self.directory / "data"), "--save", "", "--appendonly", "yes", "--appendfsync", "always", "--requirepass", PASSWORD,
            *self.settings,
        ]

    def _client(self):
        return [tool("redis-cli"), "-h", "127.0.0.1", "-p", str(self.port), "--no-raw"]

    def _environment(self):
        return {**super()._environment(), "REDISCLI_AUTH": PASSWORD}

    def _is_ready(self):
        try:
            return self.ask("PING") == ["PONG"]
        except Refused:
            return False

    def ask(self, *words, database=0):
        """The lines of a command's answer."""
        command = [tool("redis-cli"), "-h", "127.0.0.1", "-p", str(self.port), "-n", str(database), "-e", *map(str, words)]
        done = subprocess.run(command, capture_output=True, text=True, env=self._environment())
        if done.returncode != 0:
            raise Refused(f"{words[:3]}: {done.stderr}{done.stdout[:200]}")
        return done.stdout.splitlines()


if __name__ == "__main__":
    main(Redis, __doc__)
