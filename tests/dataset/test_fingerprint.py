"""The fingerprint explains numbers later, and gives nobody away."""

from __future__ import annotations

import getpass
import json
import re
import socket
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from harness import __version__
from harness.clock import clock_domain
from harness.dataset.fingerprint import fingerprint, git_commit, installed_version

BACKEND = {"arrival_stamps": "kernel", "cpu_dma_latency_held": False, "port": 12345, "pid": 6789, "cassettes": ["x"]}


def test_it_is_json_and_says_what_measured() -> None:
    """The same after a round trip through the manifest."""
    found = fingerprint(BACKEND)
    assert json.loads(json.dumps(found)) == found
    assert found["harness_version"] == __version__
    assert found["clock_domain"] == clock_domain()
    versions = found["versions"]
    assert isinstance(versions, dict)
    assert versions["litellm"] == version("litellm")
    assert None not in versions.values()


def test_of_the_backend_only_the_clocks_facts_are_kept() -> None:
    """Ports, pids and cassettes explain nothing; a fact it does not tell is null."""
    found = fingerprint(BACKEND)
    assert (found["arrival_stamps"], found["cpu_dma_latency_held"]) == ("kernel", False)
    assert not {"port", "pid", "cassettes"} & set(found)
    assert fingerprint({})["arrival_stamps"] is None


def test_of_the_environment_only_the_offline_switches_are_kept() -> None:
    """Keys live in the environment, under LITELLM_ names too."""
    environment = {
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LITELLM_MASTER_KEY": "sk-secret",
        "OPENAI_API_KEY": "sk-secret",
        "HOME": "/home/someone",
    }
    found = fingerprint({}, environment)
    assert found["litellm_switches"] == {"LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    assert "sk-secret" not in json.dumps(found)
    assert "someone" not in json.dumps(found)


def test_it_names_no_host_no_user_and_no_path() -> None:
    """A manifest may be published as it is."""
    text = json.dumps(fingerprint(BACKEND, {}))
    words = set(re.split(r"[^\w.-]+", text))
    assert not words & {socket.gethostname(), getpass.getuser(), socket.getfqdn()}
    assert str(Path.home()) + "/" not in text
    assert str(Path(__file__).parents[2]) not in text
    assert sys.executable not in text


def test_versions_are_read_without_importing_anything() -> None:
    """An import of LiteLLM takes a second and changes the process."""
    script = (
        "import sys; from harness.dataset.fingerprint import fingerprint; fingerprint({}); "
        "print(sorted({'litellm', 'openai', 'pyarrow', 'duckdb', 'pandas', 'scipy'} & set(sys.modules)))"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_what_is_not_installed_has_no_version() -> None:
    """And is left out of the fingerprint."""
    assert installed_version("no-such-distribution-anywhere") is None


def test_outside_a_checkout_there_is_no_commit(tmp_path: Path) -> None:
    """An installed harness in somebody else's repository must not report their commit."""
    assert git_commit(tmp_path) is None
    (tmp_path / ".git").mkdir()
    assert git_commit(tmp_path) is None


def test_a_checkout_has_its_commit(tmp_path: Path) -> None:
    """The full hash of what is checked out."""
    git = ["git", "-C", str(tmp_path), "-c", "user.name=t", "-c", "user.email=t@example.com"]
    for arguments in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "first"]):
        subprocess.run([*git, *arguments], check=True)
    assert re.fullmatch(r"[0-9a-f]{40}", git_commit(tmp_path) or "")
