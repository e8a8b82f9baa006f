"""The two forms in which settings leave: a document that validates, and a file that runs."""

from __future__ import annotations

import ast
import asyncio
import errno
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, ValidationError

from harness.analysis.findings import Doubt
from harness.errors import DataError, UsageError
from harness.recommend.exports import EXPORTS, export
from harness.recommend.exports.json import schema
from harness.recommend.recommend import FILE_NAME, recommend, write_recommendations
from harness.recommend.setting import Setting
from tests.analysis.example import example_findings
from tests.recommend.example import MODEL, findings, latency

HOSTILE = (
    'a"""b',
    'it\'s "quoted"',
    "back\\slash\\",
    "line\nbreak",
    "\r\n}\nimport os\nos.abort()",
    "nul\0",
    "\N{LINE SEPARATOR}\x0c\x85",
    "\ud800",
    "{braces} %s",
    "# coding: utf-7",
    "😀",
)


def pasted(settings: tuple[Setting, ...], monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The names that the python export defines once executed, its environment writes undone afterwards."""
    for switch in ("LITELLM_LOCAL_MODEL_COST_MAP", "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS"):
        monkeypatch.setenv(switch, "to be removed")
        monkeypatch.delenv(switch)
    names: dict[str, Any] = {"__name__": "pasted"}
    exec(compile(export("python", settings, ["run-1"], "2026-11-20"), "pasted.py", "exec", dont_inherit=True), names)
    return names


def document(settings: tuple[Setting, ...]) -> dict[str, Any]:
    """The parsed JSON export."""
    found: dict[str, Any] = json.loads(export("json", settings, ["run-1"], "2026-11-20"))
    return found


OF_OTHERS = ("anthropic", "genai")
"""Forms for one provider alone, which is not the example's."""


@pytest.mark.parametrize("name", EXPORTS)
def test_every_listed_form_exports_deterministically(name: str) -> None:
    """The literal tuple and the folder agree, and the same settings give the same bytes."""
    one, other = (export(name, recommend(findings()), ["run-1"], "2026-11-20") for _ in range(2))
    assert one == other
    assert MODEL in one or MODEL.upper().replace("-", "_") in one or name in OF_OTHERS


@pytest.mark.parametrize("name", ["yaml", "", "__init__", "json.decoder", "../json"])
def test_an_unknown_form_is_a_usage_error_that_lists_the_known(name: str) -> None:
    """Nothing is imported by a user's text."""
    with pytest.raises(UsageError, match=r"^--format: expected one of json, python, [a-z, ]+, got [^\n]*$"):
        export(name, (), (), "")


def test_the_document_names_its_runs_and_settings() -> None:
    """Version, sorted distinct run ids, one entry per setting with every field."""
    settings = recommend(findings())
    found = json.loads(export("json", settings, ["b", "a", "b"], ""))
    assert (found["schema_version"], found["generated_from"]) == (1, ["a", "b"])
    assert len(found["settings"]) == len(settings)
    Draft202012Validator.check_schema(schema())
    Draft202012Validator(schema()).validate(found)


@pytest.mark.parametrize(
    ("grade", "wrong"),
    [
        ("example", {"grade": "insufficient_data"}),
        ("example", {"value": None}),
        ("example", {"grade": "provisional"}),
        ("example", {"origin": "live"}),
        ("example", {"extra": 1}),
        ("provisional", {"n": None}),
        ("provisional", {"grade": "example"}),
        ("provisional", {"grade": "sure"}),
        ("provisional", {"doubts": ["none of the closed list"]}),
        ("provisional", {"days": -1}),
    ],
    ids=str,
)
def test_the_schema_refuses_what_a_setting_refuses(grade: str, wrong: dict[str, object]) -> None:
    """A document made elsewhere cannot pass authored data as advice either."""
    found = document(recommend(findings()))
    setting = next(s for s in found["settings"] if s["grade"] == grade)
    setting.update(wrong)
    with pytest.raises(ValidationError):
        Draft202012Validator(schema()).validate(found)


def test_the_schemas_doubts_are_the_closed_list() -> None:
    """A doubt that analysis learns must be learnt here too."""
    listed = schema()["$defs"]["setting"]["properties"]["doubts"]["items"]["enum"]
    assert sorted(listed) == sorted(doubt.value for doubt in Doubt)


def test_the_pasted_file_holds_a_config_per_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """Values equal the settings; both retry layers are off; no temperature was invented; the switches are set."""
    settings = recommend(findings())
    names = pasted(settings, monkeypatch)
    config = names["MODEL_CONFIGS"][MODEL]
    streamed = {s.setting: s.value for s in settings if s.applies_to.model and s.applies_to.request_stream is not False}
    assert config == {
        **streamed,
        "max_tokens": 300,
        "timeout": streamed["total_timeout"],
        "num_retries": 0,
        "max_retries": 0,
    }
    assert os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] == "True"
    assert os.environ["LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS"] == "True"


def test_the_pasted_file_imports_the_standard_library_alone() -> None:
    """It runs where nothing is installed."""
    tree = ast.parse(export("python", recommend(findings()), ["run-1"], "2026-11-20"))
    found = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    found |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in found} <= sys.stdlib_module_names


def test_the_switches_are_set_before_anything_of_litellm_could_be_imported() -> None:
    """They stand above the configs, and a value of the user's own wins."""
    text = export("python", recommend(findings()), ["run-1"], "2026-11-20")
    assert text.index("setdefault") < text.index("MODEL_CONFIGS:")


def test_every_value_carries_grade_n_guarantee_and_date() -> None:
    """Nothing can be copied without its comment; authored values are loud."""
    text = export("python", recommend(findings()), ["run-1"], "2026-11-20")
    values = re.findall(r'^ +"(\w+)": [\d.]+,  # (.*)$', text, re.MULTILINE)
    assert len(values) == 8
    for name, comment in values:
        if name != "max_tokens":
            assert "n = " in comment
            assert "guarantee" in comment
            assert "2026-11-20" in comment
            assert comment.startswith("provisional" if name.endswith("retries") else "EXAMPLE, not advice")


def test_a_measured_value_from_authored_timing_says_authored() -> None:
    """No value that rests on authored rows stands without that word on its own line; recorded ones stand without."""
    authored = export("python", recommend(findings()), ["run-1"], "2026-11-20")
    base = findings()
    cells = tuple(replace(s, cell=replace(s.cell, origin="recorded")) for s in base.summaries)
    recorded = export("python", recommend(replace(base, summaries=cells, doubts=())), ["run-1"], "2026-11-20")
    pattern = re.compile(r"^(?:os\.environ\.setdefault.*| +\"(?:num|max)_retries\": 0,.*)$", re.MULTILINE)
    assert len(pattern.findall(authored)) == len(pattern.findall(recorded)) == 4
    assert all("# provisional · n = 20" in line and "authored" in line for line in pattern.findall(authored))
    assert not any("authored" in line for line in pattern.findall(recorded))


def test_one_retry_layer_does_not_vouch_for_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the SDK itself repeated calls, LiteLLM's clean journal gives max_retries no value."""
    base = findings()
    noisy = tuple(replace(s, attempts_per_call=1.5) if s.arm == "openai" else s for s in base.summaries)
    config = pasted(recommend(replace(base, summaries=noisy)), monkeypatch)["MODEL_CONFIGS"][MODEL]
    assert config["num_retries"] == 0
    assert "max_retries" not in config


def test_a_layer_that_was_not_measured_gets_no_value() -> None:
    """Without the SDK's own arm max_retries is a comment."""
    settings = recommend(findings(arms=[("litellm", "litellm")]))
    text = export("python", settings, ["run-1"], "2026-11-20")
    assert '# "max_retries": not measured\n' in text
    assert '"num_retries": 0,' in text


@pytest.mark.real
def test_the_pasted_file_runs_in_a_bare_interpreter(tmp_path: Path) -> None:
    """No site packages, no project, no current folder: the standard library is enough."""
    file = tmp_path / "settings.py"
    file.write_text(export("python", recommend(findings()), ["run-1"], "2026-11-20"), encoding="utf-8")
    done = subprocess.run([sys.executable, "-I", "-S", "-W", "error", str(file)], capture_output=True, timeout=20)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_refusals_stay_visible_as_comments(monkeypatch: pytest.MonkeyPatch) -> None:
    """A smoke run over a live model configures nothing and says why."""
    settings = recommend(findings(blocks=2, latencies=[latency("live", n=400)]))
    text = export("python", settings, ["run-1"], "2026-11-20")
    assert pasted(settings, monkeypatch)["MODEL_CONFIGS"] == {MODEL: {"max_tokens": 300}}
    for name in ('"total_timeout"', '"num_retries"', "LITELLM_LOCAL_MODEL_COST_MAP"):
        assert f"# {name}: insufficient_data: " in text
    assert "os.environ.setdefault" not in text
    assert "EXAMPLE, not advice:" not in text


def test_of_several_budgets_the_largest_configures(monkeypatch: pytest.MonkeyPatch) -> None:
    """A limit for more tokens does not cut off shorter answers."""
    settings = recommend(findings(latencies=[latency(max_tokens=50), latency(max_tokens=3000)]))
    config = pasted(settings, monkeypatch)["MODEL_CONFIGS"][MODEL]
    assert config["max_tokens"] == 3000
    assert config["total_timeout"] > 50


@pytest.mark.parametrize("name", HOSTILE, ids=ascii)
def test_a_hostile_model_name_is_a_key_and_nothing_more(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Quotes, line breaks, NUL and surrogates neither break the file nor run."""
    figures = latency(model=name)
    settings = recommend(findings(latencies=[figures]))
    configs = pasted(settings, monkeypatch)["MODEL_CONFIGS"]
    assert set(configs) == {name, MODEL}
    assert {s["applies_to"]["model"] for s in document(settings)["settings"]} >= {name}


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_a_hostile_source_or_run_id_stays_a_comment(text: str) -> None:
    """Foreign text cannot end its line, in either form."""
    settings = recommend(findings(latencies=[replace(latency(), source=text)]))
    compile(export("python", settings, [text], text), "pasted.py", "exec")
    assert json.loads(export("json", settings, [text], text))["generated_from"] == [text]


def test_no_settings_make_an_empty_document_and_a_file_with_its_guard(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing measured is not an error."""
    assert document(())["settings"] == []
    names = pasted((), monkeypatch)
    assert names["MODEL_CONFIGS"] == {}
    assert callable(names["acall"])


def test_the_pasted_guard_is_the_tested_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of its four ways works where it was pasted."""
    names = pasted(recommend(findings()), monkeypatch)
    easy, hasty = names["Limits"](5.0, 5.0, 5.0), names["Limits"](0.02, 0.02, 0.02)
    assert names["call"](easy, int, "7") == 7
    assert list(names["stream"](easy, range, 3)) == [0, 1, 2]

    async def hang() -> None:
        await asyncio.Event().wait()

    async def opening() -> AsyncIterator[str]:
        async def chunks() -> AsyncIterator[str]:
            yield "first"
            await asyncio.Event().wait()

        return chunks()

    received: list[str] = []

    async def consume() -> None:
        async for chunk in names["astream"](hasty, opening):
            received.append(chunk)  # noqa: PERF401  (what came before the error must remain)

    for late in (lambda: names["acall"](hasty, hang), consume):
        with pytest.raises(names["DeadlineExceeded"]):
            asyncio.run(late())
    assert received == ["first"]
    with pytest.raises(names["DeadlineExceeded"]):
        names["call"](hasty, threading.Event().wait, 1.0)


def test_the_recommendations_are_written_beside_the_page(tmp_path: Path) -> None:
    """Whole, valid, replacing what was there, and without leftovers; the folder is made."""
    out = tmp_path / "reports" / "latest"
    settings = recommend(findings())
    path = write_recommendations((), out, ["run-0"])
    assert write_recommendations(settings, out, ["run-1"]) == path
    assert [entry.name for entry in out.iterdir()] == [FILE_NAME]
    assert path.read_text(encoding="utf-8") == export("json", settings, ["run-1"], "")


def test_a_folder_that_cannot_be_is_one_line(tmp_path: Path) -> None:
    """A file where the folder should stand is a DataError that names the path."""
    (tmp_path / "latest").write_text("a file")
    with pytest.raises(DataError, match=rf"^[^\n]*latest/{FILE_NAME}: cannot write[^\n]*$"):
        write_recommendations((), tmp_path / "latest", [])


def test_a_full_disk_leaves_the_old_document_and_no_remains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The previous recommendations stay readable; the temporary file goes."""
    write_recommendations((), tmp_path, ["run-0"])
    before = (tmp_path / FILE_NAME).read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DataError, match="No space left"):
        write_recommendations(recommend(findings()), tmp_path, ["run-1"])
    assert [(entry.name, entry.read_bytes()) for entry in tmp_path.iterdir()] == [(FILE_NAME, before)]


@pytest.mark.parametrize("blocks", [5, 6, 12])
def test_what_analysis_really_finds_makes_both_forms(blocks: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Findings of a scripted run through the real analysis: valid document, working file, examples for its model."""
    settings = recommend(example_findings(blocks))
    Draft202012Validator(schema()).validate(document(settings))
    config = pasted(settings, monkeypatch)["MODEL_CONFIGS"]["gpt-5-mini"]
    assert config["total_timeout"] == 50.0
    modes = {s.applies_to.client: s.value for s in settings if s.setting == "client_mode"}
    assert set(modes) == {"openai", "litellm"}
    assert set(modes.values()) == ({"sync"} if blocks == 12 else {None}), "async costs 15 % more in the script"
