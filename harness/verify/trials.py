"""Owns what is tried of a configuration, and the judgement on what came of it. Pure.

A trial is one call under one fault, with the limit under test scaled to ``TRIED_S``. What counts is the wire: how many
requests arrived, and how long each was waited for; and the clock: when control came back.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.conductor.verdicts import EARLY, LATE_S
from harness.configs.stated import Limit, Stated

TRIED_S = 1.0
"""What the limit under test is scaled to: long enough to tell from scheduling, short enough to wait for."""

_WINDOW_S = 6.0
_PER_RETRY_S = 8.0
"""A client may sleep so long between two attempts, or after the last."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One call: which limit it tries, the fault, the shape, and whether the fault is one that no read notices."""

    limit: Limit
    fault: str
    stream: bool
    is_drip: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """What came of a trial: seconds until control was back (None: killed), the error's class, the requests on the wire,
    and for how long each was waited for.
    """

    wall_s: float | None
    error: str | None
    requests: int
    waited_s: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Judged:
    """One line of the verdict. ``holds`` is None where the file promises nothing that could be broken; ``longest_s`` is
    how long one call takes at worst when nothing answers, on the line that says so.
    """

    name: str
    limit: str
    stated: str
    found: str
    holds: bool | None
    longest_s: float | None = None


def trials(stated: Stated) -> Iterator[Trial]:
    """What is worth trying of these limits."""
    if stated.is_guarded:
        yield Trial(Limit.TOTAL, "silence-after-request", stream=False)
        yield Trial(Limit.TOTAL, "drip", stream=False, is_drip=True)
        if stated.first_chunk_s is not None:
            yield Trial(Limit.FIRST_CHUNK, "silence-after-request", stream=True)
        if stated.inter_chunk_s is not None:
            yield Trial(Limit.INTER_CHUNK, "stall-mid-body", stream=True)
    elif stated.timeout_s is not None:
        yield Trial(Limit.TIMEOUT, "silence-after-request", stream=False)
        yield Trial(Limit.TIMEOUT, "drip", stream=False, is_drip=True)
    if not stated.is_guarded and stated.seconds(Limit.STREAM_TIMEOUT) is not None:
        yield Trial(Limit.STREAM_TIMEOUT, "silence-after-request", stream=True)
        yield Trial(Limit.STREAM_TIMEOUT, "stall-mid-body", stream=True)
    yield Trial(Limit.RETRIES, "status-503", stream=False)


def scale_of(stated: Stated, trial: Trial) -> float:
    """What every limit of the file is multiplied by in this trial."""
    seconds = stated.seconds(trial.limit)
    if trial.limit is Limit.RETRIES or seconds is None:
        seconds = max(filter(None, (stated.timeout_s, stated.stream_timeout_s, stated.total_s)), default=TRIED_S)
    return TRIED_S / seconds


def window_s(stated: Stated, trial: Trial) -> float:
    """How long a trial is waited for before its process is killed."""
    retries = 0 if trial.is_drip else 2 if stated.retries is None else stated.retries
    return _WINDOW_S + _PER_RETRY_S * retries


def is_in_time(stated: Stated, trial: Trial, seen: Seen) -> bool:
    """Whether the limit under test ended every wait when it should; retries are counted and not timed."""
    waited = _waited(stated, seen)
    return trial.limit is Limit.RETRIES or (bool(waited) and all(map(_is_on_time, waited)))


def judge(stated: Stated, done: Sequence[tuple[Trial, Seen]]) -> Iterator[Judged]:
    """A line per limit, one for retries, one for the longest that a call can take."""
    for limit in dict.fromkeys(trial.limit for trial, _ in done):
        mine = [(trial, seen) for trial, seen in done if trial.limit is limit]
        if limit is Limit.RETRIES:
            yield _retries(stated, mine[0][1])
        else:
            for trial, seen in mine:
                if not trial.is_drip or stated.is_guarded:
                    yield _fires(stated, trial, seen)
    longest = longest_s(stated, done)
    yield Judged(stated.name, "one call at worst", "", _worst(stated, done, longest), None, longest)


def _fires(stated: Stated, trial: Trial, seen: Seen) -> Judged:
    scale, seconds = scale_of(stated, trial), stated.seconds(trial.limit)
    assert seconds is not None
    waited = _waited(stated, seen)
    off = [wait for wait in waited if not _is_on_time(wait)]
    holds = is_in_time(stated, trial, seen)
    where = {"silence-after-request": "when nothing answers", "stall-mid-body": "when a stream stalls"}
    what = where.get(trial.fault, "when an answer drips")
    if holds:
        found = f"fires {what}: at {_at(waited, scale)} ({len(waited)} × when set to {TRIED_S:g} s)"
    elif not waited:
        found = f"no request arrived {what}: {seen.error or 'no error'}"
    elif None in waited or seen.wall_s is None:
        found = f"never fires {what}: control was not back {window_s(stated, trial):g} s after a limit of {TRIED_S:g} s"
    else:
        found = f"fires {what} at {_at(off, scale)} instead"
    return Judged(stated.name, str(trial.limit), f"{seconds:g} s", found, holds)


def _waited(stated: Stated, seen: Seen) -> tuple[float | None, ...]:
    """A guard is judged by the clock, a client's own knob by how long each request was waited for."""
    return (seen.wall_s,) if stated.is_guarded else seen.waited_s


def _is_on_time(wait: float | None) -> bool:
    return wait is not None and EARLY * TRIED_S <= wait <= TRIED_S + LATE_S


def _at(waits: Sequence[float | None], scale: float) -> str:
    known = [wait / scale for wait in waits if wait is not None]
    low, high = min(known, default=0.0), max(known, default=0.0)
    return f"{low:.3g} s" if f"{low:.3g}" == f"{high:.3g}" else f"{low:.3g} to {high:.3g} s"


def _retries(stated: Stated, seen: Seen) -> Judged:
    found = f"{seen.requests} request{'' if seen.requests == 1 else 's'} for one call that fails with 503"
    if stated.retries is None:
        return Judged(stated.name, stated.retries_key, "not stated", found, None)
    return Judged(
        stated.name,
        stated.retries_key,
        f"{stated.retries}: {stated.retries + 1} request{'' if stated.retries == 0 else 's'}",
        found,
        seen.requests == stated.retries + 1,
    )


def longest_s(stated: Stated, done: Sequence[tuple[Trial, Seen]]) -> float | None:
    """How long one call takes when nothing answers: every request at its limit, and the pauses that were seen; None
    where no limit of the file ends it.
    """
    if stated.is_guarded:
        return stated.seconds(Limit.TOTAL)
    walls = [
        (seen.wall_s - sum(seen.waited_s)) + sum(seen.waited_s) / scale_of(stated, trial)
        for trial, seen in done
        if seen.wall_s is not None and trial.limit is not Limit.RETRIES and not trial.is_drip
    ]
    return max(walls, default=None)


def _worst(stated: Stated, done: Sequence[tuple[Trial, Seen]], longest: float | None) -> str:
    if stated.is_guarded:
        return f"{longest:g} s: the guard's total"
    if longest is None:
        return "what LiteLLM allows by default: no timeout of the file ended it"
    drips = any(trial.is_drip and seen.wall_s is None for trial, seen in done)
    endless = "; no end when an answer drips: put harness.guard round the call" if drips else ""
    return f"{longest:.3g} s when nothing answers{endless}"


def chains(stated: Sequence[Stated], judged: Sequence[Judged]) -> Iterator[Judged]:
    """What a call comes to that falls through all its fallbacks: each link's worst, one after the other."""
    longest = {each.name: each.longest_s for each in judged if each.limit == "one call at worst"}
    for each in stated:
        links = [longest.get(name) for name in (each.name, *each.fallbacks)]
        if each.fallbacks:
            known = [link for link in links if link is not None]
            total = "no end that the file sets" if len(known) < len(links) else f"{sum(known):.3g} s"
            found = f"{total}, through {', '.join(each.fallbacks)}, when nothing answers"
            yield Judged(each.name, "fallbacks at worst", "", found, None)
