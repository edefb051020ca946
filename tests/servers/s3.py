#!/usr/bin/env python3
"""A real S3 server on loopback, with HTTPS, a bucket, and a user whose signatures it checks: moto's, from PyPI.

As a module: `with S3(directory) as server: ... server.url ...`. What is stored is gone when it ends.
As a command: as the others beside it. GANTRY_TEST_S3 is its URL.
"""

import contextlib
import json
import pathlib
import shutil
import socket
import subprocess
import sys
import threading
import venv

from served import ANSWER_S, Served, main, make

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT / "scripts" / "lib"))
from worker import target_dir  # noqa: E402

REQUIREMENTS = HERE / "s3-requirements.txt"
BUCKET, REGION = "lake", "eu-central-1"
# What the server takes from anyone at its start: making the user, its rights, a role with the same, and the key.
OPEN_REQUESTS = 5
ROLE = "arn:aws:iam::123456789012:role/writer"
# Run by the Python that has the client.
SET_UP = f"""
import boto3, json, sys
url, ca = sys.argv[1:]
of = dict(endpoint_url=url, region_name="{REGION}", verify=ca)
iam = boto3.client("iam", aws_access_key_id="any", aws_secret_access_key="any", **of)
iam.create_user(UserName="gantry")
def may(*actions):
    return json.dumps({{"Version": "2012-10-17", "Statement": [{{"Effect": "Allow", "Action": list(actions), "Resource": "*"}}]}})
iam.put_user_policy(UserName="gantry", PolicyName="all", PolicyDocument=may("s3:*", "sts:*"))
iam.create_role(RoleName="writer", AssumeRolePolicyDocument=may("sts:AssumeRole"))
iam.put_role_policy(RoleName="writer", PolicyName="all", PolicyDocument=may("s3:*"))
key = iam.create_access_key(UserName="gantry")["AccessKey"]
keys = dict(aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"])
boto3.client("s3", **keys, **of).create_bucket(Bucket="{BUCKET}", CreateBucketConfiguration={{"LocationConstraint": "{REGION}"}})
print(json.dumps([key["AccessKeyId"], key["SecretAccessKey"]]))
"""


def python():
    """The Python that has the server, its client, and readers of what is stored; made anew when the wanted versions change."""
    home = target_dir() / "native" / "s3-python"
    stamp = home / REQUIREMENTS.name
    if not (stamp.exists() and stamp.read_bytes() == REQUIREMENTS.read_bytes()):
        shutil.rmtree(home, ignore_errors=True)
        print(f"installing {REQUIREMENTS.name} into {home}", file=sys.stderr, flush=True)
        venv.create(home, with_pip=True)
        make([home / "bin" / "pip", "install", "-q", "--no-compile", "--no-deps", "--only-binary", ":all:", "-r", REQUIREMENTS])
        shutil.copy(REQUIREMENTS, stamp)
    return home / "bin" / "python"


class S3(Served):
    """One server."""

    name, scheme, variable = "S3", "https", "GANTRY_TEST_S3"

    def __init__(self, directory, settings=()):
        super().__init__(directory, settings)
        self.python = python()
        self.keys = None

    @property
    def url(self):
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def _install(self):
        pass

    def _command(self):
        server = "from moto.server import main; main()"
        return [self.python, "-c", server, "-H", "127.0.0.1", "-p", str(self.port), "-c", str(self.certificate), "-k", str(self.key), *self.settings]

    def _environment(self):
        return {**super()._environment(), "INITIAL_NO_AUTH_ACTION_COUNT": str(OPEN_REQUESTS), "MOTO_S3_CUSTOM_ENDPOINTS": self.url}

    def _is_ready(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), ANSWER_S).close()
        except OSError:
            return False
        self.keys = self.ask(SET_UP, self.url, self.ca)
        return True

    def ask(self, program, *arguments):
        """What a program of the Python with the client prints, as JSON."""
        done = subprocess.run([self.python, "-c", program, *map(str, arguments)], capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"S3's client failed:\n{done.stderr[-2000:]}")
        return json.loads(done.stdout)


class Way:
    """The way to a server: a port of its own that leads there while it is open."""

    def __init__(self, port):
        self.target = port
        self.listener = None
        self.sockets = []
        self.port = 0
        self.open()

    def open(self):
        self.listener = socket.create_server(("127.0.0.1", self.port), reuse_port=False)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self.listener,), daemon=True).start()

    def close(self):
        """Ends all connections, and refuses others."""
        listener, self.listener = self.listener, None
        if listener is not None:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        sockets, self.sockets = self.sockets, []
        for one in sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self, listener):
        while True:
            try:
                near, _ = listener.accept()
                far = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                return
            self.sockets += [near, far]
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._copy, args=(source, sink), daemon=True).start()

    @staticmethod
    def _copy(source, sink):
        how = socket.SHUT_RDWR
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                sink.sendall(data)
            how = socket.SHUT_WR
        # Whoever is killed leaves nobody waiting.
        with contextlib.suppress(OSError):
            sink.shutdown(how)


if __name__ == "__main__":
    main(S3, __doc__)
