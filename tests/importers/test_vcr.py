"""vcrpy's cassettes in both dialects: what a provider's own header says, and bodies that become cassettes."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.cassette import load_cassette
from harness.dataset.store import Store
from harness.importers.bodies import write_cassettes
from tests.importers.conftest import Import

CASSETTE = """\
interactions:
- request:
    body: '{"messages":[{"role":"user","content":"Hello"}],"model":"gpt-4o-mini","max_tokens":20}'
    headers: {authorization: [Bearer secret]}
    method: POST
    uri: https://api.openai.com/v1/chat/completions
  response:
    body: {string: '{"choices": []}'}
    headers: {openai-processing-ms: ['1250'], content-type: [application/json], openai-organization: [mine]}
    status: {code: 200, message: OK}
- request:
    method: POST
    parsed_body: {model: gpt-4o-mini, stream: true}
    uri: https://api.openai.com/v1/responses
  response:
    headers: {openai-processing-ms: ['300'], content-type: [text/event-stream]}
    body: {string: "data: {}\\n\\n"}
    status: {code: 200, message: OK}
- request: {method: POST, parsed_body: {model: claude}, uri: 'https://api.anthropic.com/v1/messages?beta=true'}
  response: {headers: {}, parsed_body: {content: []}, status: {code: 200, message: OK}}
- request: {method: GET, uri: 'https://example.com/'}
  response: {headers: {}, status: {code: 200, message: OK}}
version: 1
"""

REAL = Path(__file__).parents[3] / "shared" / "data" / "cassettes"


def test_a_providers_own_time_is_a_latency(store: Store, bring: Import) -> None:
    """Of a whole answer the call, of a stream the time to its headers; without a header there is none."""
    found = bring("vcr", CASSETTE, name="c.yaml")
    calls = store.calls([found.run_id]).sort_values("sequence", ignore_index=True)
    assert (found.imported, found.quarantined) == (2, 1)
    assert list(calls["duration_ns"].dropna()) == [1.25e9]
    assert list(calls["time_to_first_chunk_ns"].dropna()) == [0.3e9]
    assert calls["request_max_tokens"][0] == 20


def test_bodies_become_cassettes_without_their_headers(tmp_path: Path) -> None:
    """Each readable as one of ours, and no key in it."""
    path = tmp_path / "c.yaml"
    path.write_text(CASSETTE, encoding="utf-8")
    written = list(write_cassettes("vcr", [path], tmp_path / "out"))
    assert len(written) == 3
    assert load_cassette(written[0]).chunks == (b'{"choices": []}',)
    assert not any(b"secret" in each.read_bytes() or b"mine" in each.read_bytes() for each in written)


@pytest.mark.skipif(not REAL.exists(), reason="recordings of others are not at hand")
def test_recordings_of_others_are_read(tmp_path: Path, store: Store) -> None:
    """All of them, in both dialects: a time, or the reason why there is none."""
    from harness.errors import DataError
    from harness.importers import import_files

    imported, timeless = 0, list[str]()
    for path in sorted(REAL.glob("*.yaml")):
        try:
            (found,) = import_files(store, "vcr", [path], None, lambda rows: None)
            imported += found.imported
        except DataError as problem:
            timeless.append(str(problem))
        for cassette in write_cassettes("vcr", [path], tmp_path / "out"):
            load_cassette(cassette)
    assert imported >= 7
    assert all("no header tells how long" in said for said in timeless), timeless
