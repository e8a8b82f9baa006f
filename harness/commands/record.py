"""``harness record``: the tap as a recorder, for use with any client."""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

_LOOK_S = 0.5
_CLOSE_S = 10.0


def command(
    upstream: Annotated[str, typer.Option(help="The provider's base URL, as https://api.openai.com.")],
    out: Annotated[Path, typer.Option(help="Folder for the cassettes.")],
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 0,
    workload: Annotated[str, typer.Option(help="What the recordings are called.")] = "recorded",
    prompts: Annotated[str, typer.Option(help="keep, or replace by placeholders of the same length.")] = "keep",
    upstream_ca: Annotated[Path | None, typer.Option(help="Authorities to trust instead of the system's.")] = None,
) -> None:
    """Pass calls on to a provider and record them as cassettes, without secrets, until interrupted."""
    import tempfile

    from harness.cassette import SUFFIX
    from harness.errors import BackendError, UsageError
    from harness.replay.address import parse_upstream
    from harness.replay.launch import Passing, start_backend
    from harness.replay.tapping import tap_url

    if prompts not in ("keep", "replace"):
        raise UsageError(f"prompts: expected keep or replace, got {prompts!r}")
    parse_upstream(upstream)
    passing = Passing({"provider": upstream}, upstream_ca, out, workload, keeps_prompts=prompts == "keep")
    before = set(out.glob(f"*{SUFFIX}"))
    with (
        tempfile.TemporaryDirectory(prefix="llm-call-bench-") as folder,
        start_backend(None, Path(folder) / "journal", passing=passing, port=port, own_group=True) as backend,
    ):
        for number in (signal.SIGINT, signal.SIGTERM):  # a shell's background job would ignore the first
            signal.signal(number, signal.default_int_handler)
        print(f"{tap_url(backend.port, 'provider')}  →  {upstream}", flush=True)
        told: tuple[str, ...] = ()
        try:
            while backend.alive():
                time.sleep(_LOOK_S)
                told = _news(told, backend.status().not_recorded)
        except KeyboardInterrupt:
            end_s = time.monotonic() + _CLOSE_S
            while backend.status().to_record and time.monotonic() < end_s:
                time.sleep(_LOOK_S / 10)
            _news(told, backend.status().not_recorded)
            backend.stop()
            print(f"{len(set(out.glob(f'*{SUFFIX}')) - before)} exchanges recorded in {out}")
            return
    raise BackendError("the backend process died; see its message above")


def _news(told: tuple[str, ...], now: tuple[str, ...]) -> tuple[str, ...]:
    """Say what could not be recorded, once per change."""
    for line in now:
        if line not in told:
            print(line, file=sys.stderr, flush=True)
    return now
