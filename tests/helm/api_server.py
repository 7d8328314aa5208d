"""A real Kubernetes API server without nodes, for as long as a test session: etcd and kube-apiserver on 127.0.0.1."""

from __future__ import annotations

import contextlib
import secrets
import socket
import ssl
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import yaml

START_SECONDS = 60.0

Json = dict[str, Any]


class ApiServer:
    """Keeps what it needs in `directory`; `kubeconfig` is for helm, `create` and `read` are for tests."""

    def __init__(self, directory: Path) -> None:
        self.kubeconfig = directory / "kubeconfig"
        self._directory = directory
        self._token = secrets.token_hex()
        self._programs = contextlib.ExitStack()

    def start(self, etcd: str, kube_apiserver: str, openssl: str) -> None:
        """Start both programs. Raises RuntimeError, with the end of their log, where they do not become ready."""
        client, peer, port = (_free_port() for _ in range(3))
        self._run([etcd, *self._etcd_flags(client, peer)])
        self._run([kube_apiserver, *self._server_flags(client, port, openssl)])
        self._connect(f"https://127.0.0.1:{port}")
        self._wait("/readyz", _succeeded)

    def stop(self) -> None:
        """End both."""
        self._programs.close()

    def create(self, path: str, manifest: Json) -> httpx.Response:
        """POST to a collection, such as /api/v1/namespaces."""
        return self._client.post(path, json=manifest)

    def read(self, path: str) -> Json:
        """GET one object or a list. Raises httpx.HTTPStatusError where there is none."""
        found: Json = self._client.get(path).raise_for_status().json()
        return found

    def define(self, definition: Path) -> None:
        """Load a CustomResourceDefinition, and wait until it is served."""
        collection = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
        created = self.create(collection, yaml.safe_load(definition.read_text())).raise_for_status().json()
        self._wait(f"{collection}/{created['metadata']['name']}", _established)

    def _etcd_flags(self, client: int, peer: int) -> list[str]:
        return [
            f"--data-dir={self._directory / 'etcd'}",
            f"--listen-client-urls=http://127.0.0.1:{client}",
            f"--advertise-client-urls=http://127.0.0.1:{client}",
            f"--listen-peer-urls=http://127.0.0.1:{peer}",
            f"--initial-advertise-peer-urls=http://127.0.0.1:{peer}",
            f"--initial-cluster=default=http://127.0.0.1:{peer}",
        ]

    def _server_flags(self, store: int, port: int, openssl: str) -> list[str]:
        tokens = self._directory / "tokens.csv"
        tokens.write_text(f"{self._token},admin,admin,system:masters\n")
        key = self._directory / "service-accounts.key"
        subprocess.run([openssl, "genrsa", "-out", str(key), "2048"], check=True, capture_output=True)
        return [
            f"--etcd-servers=http://127.0.0.1:{store}",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            f"--secure-port={port}",
            f"--cert-dir={self._certificate.parent}",
            f"--token-auth-file={tokens}",
            "--authorization-mode=RBAC",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={key}",
            f"--service-account-signing-key-file={key}",
            # There is no controller that would make the accounts.
            "--disable-admission-plugins=ServiceAccount",
        ]

    @property
    def _certificate(self) -> Path:
        """The server makes it for itself when it starts."""
        return self._directory / "certificates" / "apiserver.crt"

    def _run(self, command: list[str]) -> None:
        with (self._directory / "log").open("ab") as log:
            program = subprocess.Popen(command, stdout=log, stderr=log, cwd=self._directory)
        self._programs.callback(_end, program)

    def _connect(self, address: str) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self._certificate.exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        self._client = self._programs.enter_context(
            httpx.Client(
                base_url=address,
                headers={"Authorization": f"Bearer {self._token}"},
                verify=ssl.create_default_context(cafile=str(self._certificate)),
                trust_env=False,
                timeout=30,
            )
        )
        cluster = {"server": address, "certificate-authority": str(self._certificate)}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": "test", "user": {"token": self._token}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        }
        self.kubeconfig.touch(mode=0o600)
        self.kubeconfig.write_text(yaml.safe_dump(config))

    def _wait(self, path: str, good: Callable[[httpx.Response], bool]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            try:
                if good(self._client.get(path)):
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.1)
        raise RuntimeError(f"{path} was not ready: {(self._directory / 'log').read_text()[-2000:]}")


def _succeeded(answer: httpx.Response) -> bool:
    return answer.is_success


def _established(answer: httpx.Response) -> bool:
    conditions = answer.json().get("status", {}).get("conditions") or []
    return any(each["type"] == "Established" and each["status"] == "True" for each in conditions)


def _end(program: subprocess.Popen[bytes]) -> None:
    program.terminate()
    try:
        program.wait(10)
    except subprocess.TimeoutExpired:
        program.kill()
        program.wait()


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
