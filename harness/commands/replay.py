"""``harness replay``: the replay server alone, for use with any client."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    cassettes: Annotated[Path, typer.Argument(help="Folder of cassettes.")],
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 0,
    faults: Annotated[
        Path | None, typer.Option(help="Folder of fault scenarios: /<pace>~<fault>/… in an address acts one out.")
    ] = None,
) -> None:
    """Serve cassettes on 127.0.0.1 until interrupted; prints a base URL per cassette."""
    import tempfile

    from harness.cassette import SUFFIX
    from harness.errors import BackendError
    from harness.replay.launch import start_backend
    from harness.replay.routes import base_url

    with (
        tempfile.TemporaryDirectory(prefix="llm-call-bench-") as folder,
        start_backend(cassettes, Path(folder) / "journal", port=port, faults=faults) as backend,
    ):
        for path in sorted(cassettes.glob(f"*{SUFFIX}")):
            print(base_url(backend.port, "recorded", path.name.removesuffix(SUFFIX)) + "/v1", flush=True)
        for name, number in backend.info.failing_ports.items():
            print(f"{name}: http://127.0.0.1:{number}", flush=True)
        backend.wait()
    raise BackendError("the backend process died; see its message above")
