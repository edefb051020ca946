#!/usr/bin/env python3
"""Makes key stores with this machine's keytool in each way it knows, starts a worker on each and talks to it with curl.

Without a JDK nothing is run; the Rust tests have stores of their own."""

import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "scripts" / "lib"))
from worker import Gantry, LabError, free_port  # noqa: E402

# How long a worker may take until it answers or ends.
LIMIT_S = 20
POLL_S = 0.02
PASSWORD = "changeit"
# name, options of keytool, password of the key if it is another one than the store's
GOOD = [
    ("jks-rsa", "-storetype JKS -keyalg RSA -keysize 2048", None),
    ("jks-ec-keypass", "-storetype JKS -keyalg EC -groupname secp384r1", "keysecret"),
    ("pkcs12-rsa-4096", "-storetype PKCS12 -keyalg RSA -keysize 4096", None),
    ("pkcs12-ec", "-storetype PKCS12 -keyalg EC -groupname secp256r1", None),
    ("pkcs12-ed25519", "-storetype PKCS12 -keyalg Ed25519", None),
    ("pkcs12-legacy", "-J-Dkeystore.pkcs12.legacy=true -storetype PKCS12 -keyalg RSA -keysize 2048", None),
]
# name, options of keytool, what the worker says when it does not start
BAD = [
    ("jceks", "-storetype JCEKS -keyalg RSA -keysize 2048", "keytool -importkeystore"),
    ("dsa", "-storetype PKCS12 -keyalg DSA -keysize 2048", "take RSA (2048 bits or more), EC"),
    ("jks-wrong-password", "-storetype JKS -keyalg RSA -keysize 2048", "correct listeners.https.ssl.keystore.password"),
]


def keytool(home, name, options, *more):
    """Runs keytool on the store `name`."""
    argv = ["keytool", *options.split(), "-noprompt", "-storepass", PASSWORD, "-keystore", str(home / name), *more]
    done = subprocess.run(argv, capture_output=True, text=True)
    if done.returncode:
        raise LabError(f"{' '.join(argv)}: {done.stdout}{done.stderr}")
    return done.stdout


def make(home, name, options, key_password):
    """A store with one key for localhost, and its certificate beside it."""
    more = ["-keypass", key_password] if key_password else []
    keytool(home, name, options, "-genkeypair", "-alias", "server", "-dname", "CN=localhost",
            "-ext", "san=dns:localhost,ip:127.0.0.1", "-validity", "30", *more)
    certificate = home / f"{name}.pem"
    certificate.write_text(keytool(home, name, "-rfc", "-exportcert", "-alias", "server"), encoding="ascii")
    return certificate


def start(home, name, password, key_password):
    """A worker whose only listener is https with this store."""
    port = free_port()
    props = {
        "listeners": f"https://127.0.0.1:{port}",
        "listeners.https.ssl.keystore.location": str(home / name),
        "listeners.https.ssl.keystore.password": password,
    }
    if key_password:
        props["listeners.https.ssl.key.password"] = key_password
    return Gantry(home / f"{name}-worker", props=props), f"https://localhost:{port}/connectors"


def serves(home, name, options, key_password):
    """The store must serve clients of both TLS versions."""
    certificate = make(home, name, options, key_password)
    gantry, url = start(home, name, PASSWORD, key_password)
    try:
        for version in ("1.2", "1.3"):
            end = time.monotonic() + LIMIT_S
            while True:
                argv = ["curl", "-sS", "--cacert", certificate, f"--tlsv{version}", "--tls-max", version, url]
                got = subprocess.run(argv, capture_output=True, text=True)
                if got.stdout == "[]":
                    break
                if not gantry.alive() or time.monotonic() > end:
                    raise LabError(f"{name}, TLS {version}: {got.stdout}{got.stderr}\n{gantry.tail()}")
                time.sleep(POLL_S)
    finally:
        gantry.stop()


def refuses(home, name, options, expected):
    """The worker must end with an error that names the store and the remedy, and no password."""
    make(home, name, options, None)
    gantry, _ = start(home, name, "wrong-secret" if "password" in name else PASSWORD, None)
    try:
        status = gantry.child.wait(LIMIT_S)
    except subprocess.TimeoutExpired:
        gantry.stop()
        raise LabError(f"{name}: the worker started") from None
    said = gantry.tail()
    if status != 1 or expected not in said or str(home / name) not in said:
        raise LabError(f"{name}: status {status}, `{expected}` is missing in\n{said}")
    if PASSWORD in said or "wrong-secret" in said:
        raise LabError(f"{name}: a password is in the log\n{said}")


def main():
    """Runs all; the exit status is 1 when one fails."""
    if not shutil.which("keytool"):
        print("stores: no keytool here, nothing was run")
        return 0
    home = pathlib.Path(tempfile.mkdtemp(prefix="stores-")).resolve()
    failed = 0
    try:
        for check, cases in ((serves, GOOD), (refuses, BAD)):
            for name, options, more in cases:
                try:
                    check(home, name, options, more)
                    print(f"ok    {name}")
                except LabError as error:
                    failed += 1
                    print(f"FAIL  {error}")
    finally:
        shutil.rmtree(home, ignore_errors=True)
    print(f"{len(GOOD) + len(BAD) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
