"""Owns a LiteLLM proxy as the conductor sees it: its configuration, start, readiness, address and end.

The proxy is one process with one worker, no database and no key of its own. It watches its standard input, so that it
ends with the conductor however that ends. Called by ``conductor.block``; reached by workers through ``Target``.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from harness.clients import Target
from harness.clients.litellm import destination
from harness.conductor.processes import worker_environment
from harness.errors import BackendError

_HOST = "127.0.0.1"
_POLL_S = 0.05
_STOP_S = 5.0
_LONGEST = 300
"""Characters of the log's last line that an error repeats."""

_MISLEADING = (
    "DATABASE_",
    "DIRECT_URL",
    "REDIS_",
    "SERVER_ROOT_PATH",
    "STORE_MODEL_IN_DB",
    "CONFIG_FILE_PATH",
    "DEBUG",
)
"""Variables of the user's that would give the proxy a database, a cache, another address or another configuration."""

_SERVE = """
import os, shutil, signal, threading

folder = os.getcwd()

def end_with_parent():
    while os.read(0, 4096):
        pass
    shutil.rmtree(folder, ignore_errors=True)
    os.killpg(0, signal.SIGKILL)

threading.Thread(target=end_with_parent, daemon=True).start()

from litellm import run_server
run_server()
"""
"""What the ``litellm`` script does, in a process group that ends, its folder removed, when its standard input does."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """One model as the gateway serves it: the name callers use, and where it goes."""

    alias: str
    provider: str
    model: str
    root_url: str
    api_key: str
    timeout_s: float | None


def configuration(deployments: Sequence[Deployment]) -> dict[str, Any]:
    """The proxy's configuration: callers' ``x-`` headers go on to the provider, hence the call id; no requests of the
    proxy's own (it would ask OpenAI-compatible providers for ``/v1/models`` at start and every 300 s). Where
    deployments have a timeout retries are off; where none has one, every limit is the proxy's own default.
    """
    limits = [deployment.timeout_s for deployment in deployments if deployment.timeout_s is not None]
    return {
        "model_list": [_entry(deployment) for deployment in deployments],
        "general_settings": {
            "forward_client_headers_to_llm_api": True,
            "disable_model_info_refresh": True,
            "dangerously_permit_weak_or_unset_master_key": True,  # reachable from this machine only, for a block
        },
        "litellm_settings": {
            "telemetry": False,
            "drop_params": True,
            **({"num_retries": 0, "request_timeout": max(limits)} if limits else {}),
        },
        "router_settings": {"num_retries": 0} if limits else {},
    }


def _entry(deployment: Deployment) -> dict[str, Any]:
    retries = None if deployment.timeout_s is None else 0
    key = f"os.environ/{_key_name(deployment)}"
    target = Target(deployment.root_url, key, deployment.timeout_s, retries=retries)
    where = destination(f"{deployment.provider}/{deployment.model}", target)
    return {"model_name": deployment.alias, "litellm_params": where}


def _key_name(deployment: Deployment) -> str:
    return f"HARNESS_KEY_{deployment.provider.upper()}"


class Gateway:
    """A running proxy. Use as a context manager: leaving it ends the process and all that it started.

    ``url`` is without a version segment; a client appends it.
    """

    def __init__(
        self,
        deployments: Sequence[Deployment],
        *,
        port: int = 0,
        start_timeout_s: float = 60.0,
        authority: Path | None = None,
    ) -> None:
        """Start it and wait until it answers. Raises BackendError."""
        self.port = _free_port(port)
        self._folder = tempfile.TemporaryDirectory(prefix="llm-call-bench-gateway-")
        folder = Path(self._folder.name)
        self._log = folder / "log"
        config = folder / "config.yaml"
        config.write_text(json.dumps(configuration(deployments)))  # JSON is YAML
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _SERVE, *_options(config, self.port)],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=_environment(deployments, authority),
                cwd=folder,
                start_new_session=True,
            )
        try:
            self._await_ready(time.monotonic() + start_timeout_s, start_timeout_s)
        except BaseException:
            self.stop()
            raise

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{_HOST}:{self.port}"

    @property
    def pid(self) -> int:
        """Process id; the server itself, not a wrapper, so its CPU is the proxy's."""
        return self._process.pid

    def stop(self) -> None:
        """End its process group, softly first. Safe to call twice."""
        _signal_group(self.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_STOP_S)
        _signal_group(self.pid, signal.SIGKILL)
        self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._folder.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def _await_ready(self, deadline_s: float, allowed_s: float) -> None:
        while not _answers(self.port):
            if self._process.poll() is not None:
                raise BackendError(f"gateway: expected the proxy to start, got exit code {self._said()}")
            if time.monotonic() > deadline_s:
                raise BackendError(f"gateway: expected an answer within {allowed_s:g} s, got silence; {self._said()}")
            time.sleep(_POLL_S)

    def _said(self) -> str:
        lines = [line.strip() for line in self._log.read_text(errors="replace").splitlines() if line.strip()]
        code = self._process.returncode
        return f"{'' if code is None else f'{code}; '}its last line: {lines[-1][:_LONGEST] if lines else '(none)'}"


def _options(config: Path, port: int) -> list[str]:
    named = {"--config": config, "--host": _HOST, "--port": port, "--num_workers": 1, "--telemetry": False}
    return [str(part) for pair in named.items() for part in pair]


def _environment(deployments: Sequence[Deployment], authority: Path | None) -> dict[str, str]:
    """The workers', with the keys that the configuration only names: no file holds one."""
    inherited = worker_environment(authority)
    kept = {name: value for name, value in inherited.items() if not name.startswith(_MISLEADING)}
    kept |= {_key_name(deployment): deployment.api_key for deployment in deployments}
    return {**kept, "LITELLM_LOG": "ERROR"}


def _free_port(wanted: int) -> int:
    """The wanted port, any for 0; free just now. Raises BackendError."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, wanted))
        except OSError as problem:
            raise BackendError(f"gateway: expected port {wanted} to be free, got {problem.strerror}") from None
        port: int = probe.getsockname()[1]
        return port


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection(_HOST, port, timeout=2)
    try:
        connection.request("GET", "/health/liveliness")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _signal_group(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, number)
