#!/usr/bin/env python3
"""A real OpenSSH server on loopback with SFTP alone, for one user, who logs in with a key.

As a module: `with Sftp(directory) as server: ... server.config() ...`. Files are below `server.files`.
As a command: `sftp.py run DIRECTORY COMMAND...` starts one, runs the command with GANTRY_TEST_SFTP set to its URL and
GANTRY_TEST_SFTP_KEY to the file of a private key, and ends it; its status is the command's. `sftp.py serve DIRECTORY` does
what is asked of it on standard input, one method's name as JSON a line.

Only root may look up passwords, and only with the system's own accounts: there is no login by password here.
"""

import contextlib
import os
import pathlib
import pwd
import shutil
import signal
import subprocess

from served import ANSWER_S, HERE, Served, main, make, program

# As root it would want an account and a directory of the system's.
ACCOUNT = "daemon"
NATIVE = HERE.parents[1] / ".native" / "sshd"


def sshd():
    """Debian's, unpacked beside the source (scripts/setup.sh), or the machine's."""
    return program("sshd", "openssh-server", [NATIVE / "usr" / "sbin", "/usr/sbin"])


class Sftp(Served):
    """One server. Its host key and the user's keys stay in the directory; its files are where the user can reach them."""

    name, scheme, variable = "SFTP", "sftp", "GANTRY_TEST_SFTP"

    @property
    def user(self):
        return ACCOUNT if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name

    @property
    def url(self):
        return f"sftp://{self.user}@127.0.0.1:{self.port}"

    @property
    def files(self):
        return self.place / "files"

    def variables(self):
        return {self.variable: self.url, f"{self.variable}_KEY": str(self.user_key), f"{self.variable}_FILES": str(self.files)}

    @property
    def user_key(self):
        return self.directory / "user_rsa"

    @property
    def fingerprint(self):
        return make(["ssh-keygen", "-lf", str(self.directory / "host_ed25519.pub")]).split()[1]

    def give(self, path):
        """Lets the server's user have a file or directory."""
        if os.getuid() == 0:
            shutil.chown(path, ACCOUNT)
        return path

    def folder(self, name):
        path = self.files / name
        path.mkdir(parents=True)
        return self.give(path)

    def config(self):
        """How a connector gets in."""
        return {
            "sftp.host": "127.0.0.1", "sftp.port": str(self.port), "sftp.username": self.user,
            "tls.private.key": self.user_key.read_text().replace("\n", "\\r\\n"), "tls.passphrase": "mypassphrase",
            "gantry.sftp.host.keys": self.fingerprint,
        }

    def new_host_key(self):
        """From the next start on the server is another one."""
        for path in self.directory.glob("host_ed25519*"):
            path.unlink()
        self._key("host_ed25519", ["-t", "ed25519", "-N", ""])

    def _key(self, name, how):
        if not (self.directory / name).exists():
            make(["ssh-keygen", "-q", "-f", str(self.directory / name), *how])

    def _install(self):
        self._key("host_ed25519", ["-t", "ed25519", "-N", ""])
        # As Confluent's documentation has it: RSA, in PEM, with a passphrase.
        self._key("user_rsa", ["-t", "rsa", "-b", "2048", "-m", "pem", "-N", "mypassphrase"])
        self._key("other_ed25519", ["-t", "ed25519", "-N", ""])
        self.give(self.place)
        self.files.mkdir(exist_ok=True)
        self.give(self.files)
        shutil.copy(self.directory / "user_rsa.pub", self.place / "authorized_keys")
        shutil.copy(self.directory / "host_ed25519", self.place / "host_ed25519")
        (self.place / "host_ed25519").chmod(0o600)
        (self.place / "config").write_text("\n".join([
            "ListenAddress 127.0.0.1", f"Port {self.port}", f"HostKey {self.place}/host_ed25519", "PidFile none", "UsePAM no",
            "StrictModes no", f"AuthorizedKeysFile {self.place}/authorized_keys", "PasswordAuthentication no",
            "KbdInteractiveAuthentication no", "Subsystem sftp internal-sftp", "ForceCommand internal-sftp", "LogLevel VERBOSE",
            "MaxStartups 100", *self.settings, "",
        ]))
        for name in ("authorized_keys", "host_ed25519", "config"):
            self.give(self.place / name)

    def _command(self):
        self._install()
        # It starts itself anew for each connection, and names itself by its full path.
        command = [sshd(), "-D", "-e", "-f", str(self.place / "config")]
        if os.getuid() != 0:
            return command
        group = str(pwd.getpwnam(ACCOUNT).pw_gid)
        return ["setpriv", f"--reuid={ACCOUNT}", f"--regid={group}", "--clear-groups", "--", *command]

    def _environment(self):
        found = NATIVE.glob("usr/lib/*/libwrap.so.0")
        paths = [str(library.parent) for library in found]
        return {**super()._environment(), "LD_LIBRARY_PATH": os.pathsep.join(paths)}

    def _is_ready(self):
        command = ["ssh-keyscan", "-T", str(ANSWER_S), "-p", str(self.port), "127.0.0.1"]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        key = (self.directory / "host_ed25519.pub").read_text().split()[1]
        return key in done.stdout.decode()

    def _children(self, parent):
        """The processes of its connections, which live on when it ends: a server that is gone has none."""
        parents = {}
        for process in pathlib.Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError, ValueError):
                # Behind the name, which may have blanks: the state, and the parent.
                parents[int(process.name)] = int((process / "stat").read_text().rpartition(")")[2].split()[1])
        found = [parent]
        for at in found:
            found += [process for process, of in parents.items() if of == at]
        return found[1:]

    def _end(self, end):
        children = self._children(self.process.pid) if self.process else []
        end()
        for child in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)

    def kill(self):
        self._end(super().kill)

    def stop(self):
        self._end(super().stop)


if __name__ == "__main__":
    main(Sftp, __doc__)
