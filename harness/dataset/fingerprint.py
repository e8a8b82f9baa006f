"""Owns the environment fingerprint of a run: what of machine, clocks and versions may explain a number later.

Public by design: no host or user names, no paths, no addresses, no environment beyond LiteLLM's offline switches. SDKs
are never imported for their version. Called by ``conductor`` when a run starts; ends up as JSON in the manifest.
"""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import harness
from harness import machine
from harness.clock import clock_domain

DISTRIBUTIONS = (
    "litellm",
    "openai",
    "httpx",
    "httpx2",
    "aiohttp",
    "httptools",
    "pydantic",
    "pyarrow",
    "duckdb",
    "scipy",
)
BACKEND_FACTS = ("arrival_stamps", "cpu_dma_latency_held")
"""Taken over from the backend: whether arrivals are the kernel's stamps, and whether deep sleep was held off."""

_SWITCHES = "LITELLM_LOCAL_"
_PROJECT = Path(harness.__file__).parents[1]


def fingerprint(backend_info: Mapping[str, object], environment: Mapping[str, str] | None = None) -> dict[str, object]:
    """Return the fingerprint, JSON-able; None stands for what the system does not tell.

    ``environment`` is that of the measured processes (default: this process's); only ``LITELLM_LOCAL_*`` is kept of it.
    """
    variables = os.environ if environment is None else environment
    return {
        **_interpreter(),
        **_hardware(),
        "clock_domain": clock_domain(),
        **{fact: backend_info.get(fact) for fact in BACKEND_FACTS},
        "psi_available": machine.cpu_some_avg10_percent() is not None,
        "versions": {name: installed for name in DISTRIBUTIONS if (installed := installed_version(name))},
        "litellm_switches": {name: value for name, value in sorted(variables.items()) if name.startswith(_SWITCHES)},
        "git_commit": git_commit(),
        "harness_version": harness.__version__,
    }


def installed_version(distribution: str) -> str | None:
    """Version of an installed distribution, from its metadata alone."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def git_commit(project: Path = _PROJECT) -> str | None:
    """Commit of the checkout that holds this code; None when it is installed without one, or without git."""
    if not (project / ".git").exists():
        return None
    try:
        answer = subprocess.run(
            ["git", "-C", str(project), "rev-parse", "HEAD"], capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip() or None


def _interpreter() -> dict[str, object]:
    return {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "os": _os_name(),
        "kernel": f"{platform.system()} {platform.release()} {platform.machine()}",
    }


def _hardware() -> dict[str, object]:
    return {
        "cpu_model": machine.cpu_model(),
        "cores": machine.cores(),
        "affinity": machine.affinity(),
        "cpu_quota_cores": machine.cpu_quota_cores(),
        "memory_bytes": machine.memory_bytes(),
        "governor": machine.governor(),
        "virtualisation": machine.virtualisation(),
    }


def _os_name() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return f"{platform.system()} {platform.mac_ver()[0]}".strip()
