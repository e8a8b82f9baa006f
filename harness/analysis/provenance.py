"""Owns what a run says about itself: its manifest as a summary, its plan's cell order, its cassettes' latencies.

Called by ``analyse``. Reads JSON text inside manifests, never files.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from harness.analysis.findings import Doubt, LatencyModel, RunSummary
from harness.analysis.pressure import pressured_blocks, pressures
from harness.door import validate
from harness.errors import DataError, HarnessError
from harness.plan import Plan, cells_of
from harness.record import Manifest

KERNEL_STAMPS = "kernel"


def run_summary(manifest: Manifest) -> RunSummary:
    """The manifest as the report shows it."""
    finished = manifest.finished_at
    return RunSummary(
        run_id=manifest.run_id,
        plan_name=manifest.plan_name,
        plan_sha256=manifest.plan_sha256,
        started_at=manifest.started_at.isoformat(),
        duration_s=None if finished is None else (finished - manifest.started_at).total_seconds(),
        seed=manifest.seed,
        backend=manifest.backend,
        is_complete=manifest.is_complete,
        blocks_done=manifest.blocks_done,
        blocks_planned=manifest.blocks_planned,
        git_commit=manifest.git_commit,
        harness_version=manifest.harness_version,
        schema_version=manifest.schema_version,
        environment=tuple(_flat(fingerprint(manifest))),
        pressured_blocks=tuple(sorted(pressured_blocks(pressures(manifest)))),
        lost_workers=tuple(
            line for line in manifest.doubts if line not in set(Doubt) and not line.startswith(Doubt.THROTTLED)
        ),
    )


def fingerprint(manifest: Manifest) -> Mapping[str, Any]:
    """The environment at the time of the run. Raises DataError when it is not a JSON object."""
    found: Mapping[str, Any] = _json(manifest, "fingerprint", manifest.fingerprint or "{}", dict)
    return found


def has_kernel_stamps(manifest: Manifest) -> bool:
    """Whether arrivals at the backend carry the kernel's stamp rather than the time of the read."""
    return str(fingerprint(manifest).get("arrival_stamps", "")).startswith(KERNEL_STAMPS)


def cell_order(manifest: Manifest) -> dict[str, int]:
    """Position of each cell in the run's plan; empty when a plan of another version no longer validates."""
    try:
        plan = validate(Plan, tomllib.loads(manifest.plan_text), manifest.plan_name)
        return {cell.cell_id: position for position, cell in enumerate(cells_of(plan))}
    except (HarnessError, tomllib.TOMLDecodeError):
        return {}


def cassettes(manifest: Manifest) -> Sequence[Mapping[str, Any]]:
    """What the run says of each cassette it used. Raises DataError when that is not a list of JSON objects."""
    found: list[Mapping[str, Any]] = _json(manifest, "cassettes", manifest.cassettes or "[]", list)
    if not all(isinstance(facts, dict) for facts in found):
        raise DataError(
            f"run {manifest.run_id}: cassettes: expected JSON objects, got something else; the manifest is damaged"
        )
    return found


def latency_models(manifests: Iterable[Manifest]) -> tuple[LatencyModel, ...]:
    """The latencies that the runs' cassettes state, each once, in the order met. Raises DataError on a damaged list."""
    found = {model: None for manifest in manifests for model in _latencies(manifest)}
    return tuple(found)


def _latencies(manifest: Manifest) -> Iterator[LatencyModel]:
    for cassette in cassettes(manifest):
        try:
            if cassette["latency"] is not None:
                yield _latency_model(cassette, cassette["latency"])
        except (KeyError, TypeError) as problem:
            raise DataError(
                f"run {manifest.run_id}: cassettes: expected an object with its latency figures, "
                f"got {type(problem).__name__}: {problem}; the manifest is damaged"
            ) from None


def _latency_model(cassette: Mapping[str, Any], figures: Mapping[str, Any]) -> LatencyModel:
    return LatencyModel(
        provider=cassette["provider"],
        model=cassette["model"],
        origin=cassette["origin"],
        base_s=figures["base_s"],
        per_output_token_s=figures["per_output_token_s"],
        log_sigma=figures["log_sigma"],
        tail_factor=figures["tail_factor"],
        p95_s=figures.get("p95_s"),
        n=figures.get("n"),
        max_tokens=cassette.get("max_tokens"),
        source=figures["source"],
    )


def _json(manifest: Manifest, key: str, text: str, kind: type) -> Any:
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, kind):
        raise DataError(
            f"run {manifest.run_id}: {key}: expected a JSON {kind.__name__}, got {text[:40]!r}; the manifest is damaged"
        )
    return value


def _flat(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, entry in value.items():
        if isinstance(entry, dict):
            yield from _flat(entry, f"{prefix}{key}.")
        else:
            yield prefix + key, entry if isinstance(entry, str) else json.dumps(entry, ensure_ascii=False)
