"""Addresses: what is built is what is parsed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.cassette import Pace
from harness.errors import UsageError
from harness.replay.routes import Outage, base_url, below_cassette, parse_target


@given(
    pace=st.sampled_from(["none", "recorded", "capped:0.02", "scaled:1.5"]),
    cassette_id=st.text(min_size=1, max_size=20).filter(lambda text: text.isprintable()),
)
def test_a_built_address_parses_back_whatever_the_id(pace: str, cassette_id: str) -> None:
    """Slashes, percent signs and other scripts in an id survive."""
    url = base_url(8080, pace, cassette_id)
    assert url.startswith("http://127.0.0.1:8080/")
    route = parse_target(url.removeprefix("http://127.0.0.1:8080") + "/v1/chat/completions")
    assert (route.pace, route.cassette_id, route.path) == (Pace.parse(pace), cassette_id, "/v1/chat/completions")


def test_percent_encoding_and_absolute_targets_mean_the_same() -> None:
    """Clients encode the colon, proxies send the whole URL."""
    plain = parse_target("/capped:0.02/a/v1/x?y=1")
    assert plain == parse_target("/capped%3A0.02/a/v1/x?y=1") == parse_target("http://h:1/capped:0.02/a/v1/x?y=1")
    assert plain.path == "/v1/x?y=1"


@pytest.mark.parametrize(
    ("target", "below"),
    [
        ("/none/a/v1/x?y=1", "/v1/x?y=1"),
        ("/none/a/v1/m%3Ax?y=/1/2", "/v1/m%3Ax?y=/1/2"),
        ("http://u:p@h:1/none/a/v1/x", "/v1/x"),
        ("/none/a?y=/b/c/d", "/none/a?y=/b/c/d"),
        ("*", "*"),
    ],
)
def test_what_is_below_the_cassette_is_kept_as_sent(target: str, below: str) -> None:
    """Encoding and query stay, pace, cassette and authority go."""
    assert below_cassette(target) == below


def test_a_query_is_never_part_of_the_address() -> None:
    """A key in it would otherwise be repeated in the refusal."""
    assert parse_target("/none/a?key=x/y/z").cassette_id == "a"
    with pytest.raises(UsageError) as refused:
        parse_target("/?key=canary")
    assert "canary" not in str(refused.value)


@pytest.mark.parametrize(("fault", "outage"), [("", None), ("status-503", None), ("status-503", Outage(60, "300001"))])
def test_a_fault_and_its_outage_are_part_of_the_address(fault: str, outage: Outage | None) -> None:
    """Built and parsed back; without a fault there is nothing that could last."""
    route = parse_target(base_url(1, "none", "a", fault, outage).removeprefix("http://127.0.0.1:1") + "/v1/x")
    assert (route.fault, route.outage, route.cassette_id) == (fault, outage, "a")


@pytest.mark.parametrize("outage", ["60", "60.", ".a", "1,5.a", "-1.a", "²0.a", "x.a"])
def test_an_outage_is_whole_seconds_and_a_name(outage: str) -> None:
    """Anything else is refused in one line."""
    with pytest.raises(UsageError, match=r"expected an outage as <seconds>\.<name>"):
        parse_target(f"/none~status-503~{outage}/a/v1/x")


@pytest.mark.parametrize("target", ["", "/", "*", "/none", "/none/", "//a/b", "/warp/a/v1", "/capped:/a/v1", "x:1"])
def test_what_is_no_address_is_a_usage_error(target: str) -> None:
    """One line, no traceback."""
    with pytest.raises(UsageError, match="expected"):
        parse_target(target)


def test_a_wrong_pace_is_refused_before_it_reaches_a_client() -> None:
    """Building fails at once."""
    with pytest.raises(UsageError, match="pace: expected"):
        base_url(1, "slow", "a")
