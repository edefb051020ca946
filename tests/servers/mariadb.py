#!/usr/bin/env python3
"""A real MariaDB server of Debian's package on loopback, with a database and a user of its own.

As a module: `with MariaDb(directory) as server: ... server.url ...`.
As a command: `mariadb.py run DIRECTORY COMMAND...` starts one, runs the command with
GANTRY_TEST_MYSQL set to its URL and GANTRY_TEST_MYSQL_CA to who signed its certificate, and ends it;
its status is the command's. `mariadb.py serve DIRECTORY` does what is asked of it on standard input,
one method's name as JSON a line; it answers each with a line, and ends the server with its input.
"""

import os

from served import DATABASE, PASSWORD, USER, Served, main, make, program


def tool(name):
    return program(name, "mariadb-server", ["/usr/sbin"])


class MariaDb(Served):
    """One server. What is in the directory stays when it ends, for the next start."""

    name, scheme, variable = "MariaDB", "mysql", "GANTRY_TEST_MYSQL"

    def __init__(self, directory, settings=()):
        super().__init__(directory, settings)
        self.data = self.directory / "data"
        # A server that root starts runs as root only if it is told to.
        self.user = ["--user=root"] if os.getuid() == 0 else []

    def _install(self):
        if (self.data / "mysql").is_dir():
            return
        self.data.mkdir(exist_ok=True)
        command = [tool("mariadb-install-db"), "--no-defaults", *self.user, f"--datadir={self.data}"]
        make([*command, "--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve"])

    def _command(self):
        begin = self.directory / "begin.sql"
        begin.write_text(
            f"CREATE DATABASE IF NOT EXISTS {DATABASE};\n"
            f"CREATE USER IF NOT EXISTS '{USER}'@'%' IDENTIFIED BY '{PASSWORD}';\n"
            f"GRANT ALL ON *.* TO '{USER}'@'%' WITH GRANT OPTION;\n"
        )
        return [
            tool("mariadbd"), "--no-defaults", *self.user, f"--datadir={self.data}", f"--port={self.port}",
            f"--socket={self.place}/server.sock", f"--pid-file={self.directory / 'server.pid'}", f"--init-file={begin}",
            "--bind-address=127.0.0.1", "--skip-networking=OFF", "--skip-name-resolve", "--skip-log-bin",
            "--innodb-buffer-pool-size=256M", "--innodb-log-file-size=128M",
            f"--ssl-ca={self.ca}", f"--ssl-cert={self.certificate}", f"--ssl-key={self.key}",
            *self.settings,
        ]

    def _client(self):
        command = [tool("mariadb"), "--no-defaults", "--protocol=socket", f"--socket={self.place}/server.sock"]
        return [*command, f"--user={USER}", f"--password={PASSWORD}", f"--database={DATABASE}", "--batch", "--skip-column-names", "--execute"]


if __name__ == "__main__":
    main(MariaDb, __doc__)
