"""The grammar of arms, and what each stands on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import arms
from harness.clients import CLIENTS
from harness.errors import UsageError

NAMES = st.builds(
    arms.ArmName,
    st.sampled_from([path.name for path in arms.PATHS]),
    st.sampled_from(["", "latest"]),
    st.sampled_from(["", *arms.BRIDGES]),
    st.booleans(),
)
STACK = frozenset({"raw_http", "openai", "litellm", "litellm_router", "litellm_proxy", "any_llm"})


@given(NAMES)
def test_a_name_says_its_parts(name: arms.ArmName) -> None:
    """Written and read again."""
    assert arms.parse(str(name)) == name


@pytest.mark.parametrize(
    "name", ["", "curl", "openai-", "openai-thread", "OpenAI", "openai-null-null", "openai@", "-null"]
)
def test_what_is_no_name_is_refused_in_one_line(name: str) -> None:
    """With what there is; a page still shows it as it is."""
    with pytest.raises(UsageError, match=r"expected one of raw_http, .*see 'harness list arms'"):
        arms.parse(name)
    assert (arms.label(name), arms.role(name), arms.foundations(name, STACK)) == (name, "other", ())


def test_paths_and_clients_are_one_list() -> None:
    """Every path has its module."""
    assert tuple(path.name for path in arms.PATHS) == CLIENTS


@pytest.mark.parametrize(
    ("name", "present", "expected"),
    [
        ("raw_http", STACK, ()),
        ("openai", STACK, ("raw_http",)),
        ("litellm", STACK, ("openai", "raw_http")),
        ("litellm_router", STACK, ("litellm", "openai", "raw_http")),
        ("litellm_proxy", STACK, ("litellm_router", "litellm", "openai", "raw_http")),
        ("litellm", {"raw_http", "anthropic"}, ("anthropic", "raw_http")),
        ("litellm", {"raw_http"}, ("raw_http",)),
        ("litellm_proxy", {"google_genai"}, ("google_genai",)),
        ("any_llm", STACK, ("openai",)),
        ("openai_aiohttp", {"raw_http", "openai"}, ("openai",)),
        ("litellm-null", STACK, ("litellm",)),
        ("openai-in-thread", STACK, ("openai",)),
        ("openai-in-thread-null", STACK | {"openai-in-thread"}, ("openai-in-thread",)),
        ("openai@latest", STACK, ("openai",)),
        ("openai@latest", {"raw_http"}, ()),
    ],
)
def test_an_arm_stands_on_the_layers_that_are_present(name: str, present: set[str], expected: tuple[str, ...]) -> None:
    """Nearest first; what is absent is stepped over, and what stands beside the stack stands on one."""
    assert arms.foundations(name, frozenset(present)) == expected


@given(NAMES, st.sets(NAMES.map(str)))
def test_nothing_stands_on_itself(name: arms.ArmName, present: set[str]) -> None:
    """And only on what is there, once."""
    found = arms.foundations(str(name), frozenset(present))
    assert str(name) not in found
    assert set(found) <= present
    assert len(set(found)) == len(found)


@pytest.mark.parametrize(
    ("name", "label", "role", "beside"),
    [
        ("litellm", "LiteLLM", "wrapper", False),
        ("litellm-null", "LiteLLM again (A/A)", "null", False),
        ("openai@latest", "openai SDK (latest)", "other", True),
        ("openai-in-thread", "openai SDK, in thread", "other", True),
        ("openai-in-thread-null", "openai SDK, in thread again (A/A)", "null", False),
        ("any_llm", "any-llm", "other", True),
        ("litellm_proxy", "LiteLLM proxy", "gateway", False),
    ],
)
def test_an_arm_has_one_label_and_one_role(name: str, label: str, role: str, beside: bool) -> None:
    """What a page calls it and how it is drawn."""
    assert (arms.label(name), arms.role(name), arms.is_beside(name)) == (label, role, beside)


def test_arms_are_placed_from_the_bottom_of_the_stack() -> None:
    """Variants after their path, unknown names last."""
    names = ["zebra", "litellm", "raw_http", "openai-null", "openai", "litellm_proxy"]
    assert sorted(names, key=arms.place) == ["raw_http", "openai", "openai-null", "litellm", "litellm_proxy", "zebra"]
