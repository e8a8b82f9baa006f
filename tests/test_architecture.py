"""The allow-list: which part may import which, and which heavy library each may load. A part without a row fails.

This table is the architecture document; changing it is a decision.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

HARNESS = Path(__file__).parent.parent / "harness"

WORDS = {"errors", "vocabulary", "clock", "record", "arms"}
FORMATS = {"door", "plan", "cassette", "workload", "prices", "fault", "fault_plan"}
LOWEST = WORDS | FORMATS | {"machine", "atomic"}

LAYERS: dict[str, set[str]] = {
    "errors": set(),
    "vocabulary": set(),
    "clock": set(),
    "record": {"vocabulary"},
    "arms": {"errors", "vocabulary"},
    "machine": {"clock"},
    "atomic": {"errors"},
    "door": WORDS,
    "plan": WORDS | {"door"},
    "cassette": WORDS | {"door"},
    "workload": WORDS | {"door"},
    "prices": WORDS | {"door"},
    "fault": WORDS | {"door"},
    "fault_plan": WORDS | {"door"},
    "guard": set(),
    "apart": {"guard"},
    "collect": set(),
    "killable": {"guard"},
    "clients": WORDS,
    "replay": LOWEST,
    "dataset": LOWEST,
    "load": WORDS | {"clients", "guard", "apart", "killable", "collect"},
    "analysis": LOWEST | {"dataset"},
    "conductor": LOWEST | {"clients", "load", "replay", "dataset", "guard", "fault_plan"},
    "importers": WORDS | {"door", "dataset", "cassette", "atomic"},
    "configs": WORDS | {"door"},
    "verify": LOWEST | {"configs"} | {"clients", "conductor", "replay", "guard", "killable"},
    "recommend": LOWEST | {"analysis", "configs", "dataset", "guard"},
    "report": LOWEST | {"analysis", "recommend"},
    "places": {"errors"},
    "doctor": LOWEST | {"dataset", "replay"},
    "calibration": LOWEST | {"dataset", "analysis", "conductor", "recommend"},
    "commands": LOWEST
    | {
        "clients",
        "load",
        "replay",
        "dataset",
        "analysis",
        "conductor",
        "recommend",
        "report",
        "calibration",
        "importers",
        "verify",
        "configs",
    }
    | {"places", "doctor"},
    "__main__": {"commands", "errors"},
    "__init__": set(),
}

HEAVY: dict[str, set[str]] = {
    "openai": {"clients"},
    "litellm": {"clients", "collect"},
    "anthropic": {"clients"},
    "google": {"clients"},
    "any_llm": {"clients"},
    "httptools": {"clients", "replay"},
    "pydantic": FORMATS | {"dataset", "importers", "replay"},
    "pyarrow": {"dataset"},
    "duckdb": {"dataset"},
    "pandas": {"dataset", "analysis", "calibration"},
    "numpy": {"dataset", "analysis", "calibration", "report"},
    "scipy": {"analysis"},
    "matplotlib": {"report"},
    "jinja2": {"report"},
    "typer": {"commands", "__main__"},
    "rich": {"conductor", "commands"},
    "psutil": {"machine", "doctor"},
    "yaml": {"configs", "importers"},
    "psycopg": {"importers"},
    "cryptography": {"replay"},
    "brotli": {"replay"},
    "ray": set(),
}
"""Heavy library → the only parts that may import it."""


def part_of(path: Path) -> str:
    """The first name below ``harness``: the part that a file belongs to."""
    return path.relative_to(HARNESS).parts[0].removesuffix(".py")


def files() -> list[Path]:
    """Every Python file of the package."""
    return sorted(HARNESS.rglob("*.py"))


def imported(path: Path) -> Iterator[str]:
    """Dotted names of everything a file imports, at any depth in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            if node.module == "harness":
                yield from (f"harness.{alias.name}" for alias in node.names)
            elif node.module:
                yield node.module


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(HARNESS)))
def test_a_file_imports_only_what_its_part_may(path: Path) -> None:
    """Imports go one way, and a heavy library is loaded only where it belongs."""
    part = part_of(path)
    assert part in LAYERS, f"{part} has no row in LAYERS"
    for name in imported(path):
        top, _, rest = name.partition(".")
        if top == "harness":
            other = rest.partition(".")[0]
            if other and other != "__version__":
                assert other == part or other in LAYERS[part], f"{path.name}: {part} must not import {other}"
        elif top in HEAVY:
            assert part in HEAVY[top], f"{path.name}: {part} must not import {top}"


def test_every_row_has_its_part() -> None:
    """A row whose part is gone is a lie."""
    assert set(LAYERS) == {part_of(path) for path in files()}


def test_the_table_has_no_cycle() -> None:
    """One way only: following the table never leads back."""

    def below(part: str, seen: frozenset[str]) -> None:
        assert part not in seen, f"cycle through {part}"
        for other in LAYERS[part]:
            below(other, seen | {part})

    for part in LAYERS:
        below(part, frozenset())


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(HARNESS)))
def test_a_file_opens_by_saying_what_it_owns(path: Path) -> None:
    """Every module has a docstring of at least a sentence."""
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    assert docstring
    assert len(docstring.split()) >= 5


MEASURED = """
import sys
before = set(sys.modules)
import harness.load.worker
from harness.clients import client_named
harness.load.worker.hide_extras(client_named({client!r}).FACTS)
client_named({client!r}).load()
print(*sorted({{name.partition('.')[0] for name in set(sys.modules) - before if sys.modules[name]}}))
"""


@pytest.mark.parametrize(
    ("client", "absent"),
    [
        ("raw_http", {"openai", "litellm", "httpx", "aiohttp", "pydantic"}),
        ("openai", {"litellm", "aiohttp", "tiktoken"}),
        ("anthropic", {"litellm", "openai", "aiohttp", "tiktoken"}),
        ("google_genai", {"litellm", "openai", "anthropic", "tiktoken"}),
    ],
)
def test_a_measured_process_holds_only_its_own_client(client: str, absent: set[str]) -> None:
    """LiteLLM is never imported where it is not measured, nor is anything of analysis or report."""
    code = MEASURED.format(client=client)
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(result.stdout.split())
    assert client == "raw_http" or {"google_genai": "google"}.get(client, client) in loaded
    assert not loaded & (absent | {"pandas", "pyarrow", "duckdb", "scipy", "matplotlib", "jinja2", "typer"})


def test_nothing_after_parquet_needs_a_client() -> None:
    """Report, recommendation and analysis work on a laptop with no SDK installed."""
    code = (
        "import sys; import harness.analysis.analyse, harness.recommend.recommend, harness.report.build; "
        "print(*[name for name in ('openai', 'litellm', 'httptools') if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.split() == []
