"""What a warm process pays to turn to another model by configuration alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.analysis.audits import Switch
from harness.report import format as fmt
from harness.report import words
from harness.report.material import Material
from harness.report.palette import role

TITLE = "Switching models"


@dataclass(frozen=True, slots=True)
class Row:
    """One arm turning from one model to the next in one colour."""

    arm: str
    role: str
    mode: str
    turn: str
    processes: str
    client: str
    process_first: str
    model_first: str
    typical: str
    more: str


@dataclass(frozen=True, slots=True)
class Context:
    """What the template shows."""

    sentence: str
    rows: tuple[Row, ...]


def context(material: Material) -> Context:
    """One row per switch, in the order of the findings."""
    switches = material.findings.switches
    return Context(_sentence(switches), tuple(_row(switch, material) for switch in switches))


def _sentence(switches: Sequence[Switch]) -> str:
    kept = [switch for switch in switches if switch.shares_client and role(switch.arm) != "null"]
    if not kept:
        return ""
    models = [switch.model_first_s[0] / switch.typical_s for switch in kept]
    processes = [switch.process_first_s[0] / switch.typical_s for switch in kept]
    return (
        f"With the client kept, the first call to another model took {_times(models)} a typical one (medians over "
        f"processes); the very first call of the process took {_times(processes)}."
    )


def _times(factors: Sequence[float]) -> str:
    low, high = (fmt.number(factor, 1 if factor < 10 else 0) for factor in (min(factors), max(factors)))
    return f"{low} times" if low == high else f"{low} to {high} times"


def _row(switch: Switch, material: Material) -> Row:
    return Row(
        arm=words.arm_name(switch.arm),
        role=role(switch.arm),
        mode=f"{fmt.plain(switch.mode)} {material.run(switch.run_id)}".rstrip(),
        turn=f"{fmt.plain(switch.from_model)} → {fmt.plain(switch.to_model)}",
        processes=fmt.count(switch.repeats),
        client="kept" if switch.shares_client else "new",
        process_first=_spread(switch.process_first_s),
        model_first=_spread(switch.model_first_s),
        typical=fmt.duration(switch.typical_s),
        more=fmt.difference(switch.model_first_s[0] - switch.typical_s),
    )


def _spread(times_s: tuple[float, float, float]) -> str:
    middle, low, high = (fmt.duration(time_s) for time_s in times_s)
    return f"{middle} ({low} to {high})"
