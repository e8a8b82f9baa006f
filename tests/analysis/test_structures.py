"""Structured answers: our validator's word, the client's own, and the invalid answer that nobody mentioned."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import pytest

from harness.analysis.analyse import analyse
from harness.analysis.audits import StructureAudit
from tests.analysis.scripted import calls_frame, cold_frame, constant, manifest

ARMS = {"google_genai": constant(400), "litellm": constant(1_600)}


def frame(valid: Sequence[bool | None], verdicts: Sequence[str | None], arm: str = "google_genai") -> pd.DataFrame:
    """One block in which one arm's answers were judged like this."""
    found = calls_frame(ARMS, blocks=1, calls=len(valid))
    rows = found.index[found["arm"] == arm]
    found["client_verdict"] = found["client_verdict"].astype("object")
    found.loc[rows, "is_valid_structure"] = pd.array(valid, dtype="boolean")
    found.loc[rows, "client_verdict"] = pd.Series(list(verdicts), index=rows, dtype="object")
    return found


def audited(calls: pd.DataFrame) -> dict[str, StructureAudit]:
    """The audits of a run by arm."""
    return {audit.arm: audit for audit in analyse(calls, cold_frame(), [manifest(blocks=1)]).structures}


def test_valid_answers_and_verdicts_are_counted() -> None:
    """Silence is no verdict."""
    audit = audited(frame([True, True, True, False], ["parsed", "parsed", None, "parsed is None"]))["google_genai"]
    assert (audit.calls, audit.judged, audit.valid) == (4, 4, 3)
    assert audit.verdicts == (("parsed", 2), ("parsed is None", 1))
    assert audit.outcomes == (("ok", 4),)
    assert audit.unnoticed == 0


@pytest.mark.parametrize("verdict", ["parsed", None])
def test_an_invalid_answer_without_a_complaint_is_unnoticed(verdict: str | None) -> None:
    """Whether the client called it parsed or said nothing at all."""
    audit = audited(frame([False, True], [verdict, "parsed"]))["google_genai"]
    assert (audit.valid, audit.unnoticed) == (1, 1)


def test_a_client_that_raised_has_noticed() -> None:
    """There was no answer to judge; its outcome says so, and the arm is not left out."""
    calls = frame([True, None], [None, None])
    raised = calls["is_valid_structure"].isna()
    calls.loc[raised, ["outcome", "error_type"]] = ["error", "other"]
    found = audited(calls)
    one, other = found["google_genai"], found["litellm"]
    assert (one.calls, one.judged, one.unnoticed, one.outcomes) == (2, 1, 0, (("error", 1), ("ok", 1)))
    assert (other.calls, other.judged, other.unnoticed, other.outcomes) == (2, 0, 0, (("error", 2),))


def test_a_cell_without_a_structure_has_no_audit() -> None:
    """Even where a client says something of every answer."""
    assert audited(frame([None, None], ["parsed is None", "parsed is None"])) == {}


def test_plain_objects_are_judged_like_nullable_booleans() -> None:
    """The dataset gives True, False and None as objects."""
    calls = frame([True, False, None], [None, None, None])
    objects = calls["is_valid_structure"].astype("object")
    plain = calls.assign(is_valid_structure=objects.where(objects.notna(), None))
    assert audited(plain) == audited(calls)
