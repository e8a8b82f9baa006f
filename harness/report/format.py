"""Owns how numbers become text: adaptive units, the true minus sign, and never more digits than an interval supports.

The only place where seconds turn into ms or µs. Pure; must not know ``Findings`` beyond ``Interval``. Called by the
sections, the figures and (as filters) the templates.
"""

from __future__ import annotations

import math
import unicodedata

from harness.analysis.findings import Interval

NONE = "–"
MINUS = "−"
SPACE = "\u00a0"
_UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))
_SIZES = ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"))


def duration(seconds: float | None, digits: int = 3) -> str:
    """A length of time in its natural unit with ``digits`` significant digits: ``2.71 ms``."""
    if seconds is None or not math.isfinite(seconds):
        return NONE
    scale, unit = unit_for(seconds)
    return f"{number(seconds / scale, _decimals(seconds / scale, digits))}{SPACE}{unit}"


def difference(seconds: float | None, digits: int = 3) -> str:
    """A duration that carries its sign even when positive: ``+2.71 ms``, ``−12.0 µs``."""
    text = duration(seconds, digits)
    return f"+{text}" if seconds is not None and seconds > 0 and text != NONE else text


def interval(value: Interval | None) -> str:
    """``+2.71 ms [2.60, 2.83]``: the half-width decides the digits, the largest bound the unit."""
    if value is None:
        return NONE
    estimate, bounds, unit = interval_parts(value)
    return f"{estimate}{SPACE}{unit} {bounds}"


def interval_parts(value: Interval, *, signed: bool = True) -> tuple[str, str, str]:
    """The three pieces of an interval in seconds: ``("+2.71", "[2.60, 2.83]", "ms")``."""
    scale, unit = unit_for(max(abs(value.low), abs(value.estimate), abs(value.high)))
    estimate, low, high = (bound / scale for bound in (value.estimate, value.low, value.high))
    places = _places_of_width(low, high, estimate)
    shown = number(estimate, places)
    sign = "+" if signed and estimate > 0 and float(f"{estimate:.{places}f}") else ""
    return sign + shown, f"[{number(low, places)},{SPACE}{number(high, places)}]", unit


def ratio(value: Interval | None) -> str:
    """A multiplicative effect with its interval: ``×1.35 [1.31, 1.39]``."""
    if value is None:
        return NONE
    places = _places_of_width(value.low, value.high, value.estimate)
    low, high = number(value.low, places), number(value.high, places)
    return f"×{number(value.estimate, places)} [{low},{SPACE}{high}]"


def unit_for(seconds: float) -> tuple[float, str]:
    """The unit (its length in seconds, its name) in which ``seconds`` reads as 1 to 999."""
    size = abs(seconds)
    for scale, unit in _UNITS:
        if size >= scale * 0.9995:
            return scale, unit
    return (1e-6, "µs") if size == 0 else (1e-9, "ns")


def number(value: float | None, decimals: int) -> str:
    """A plain number with grouped thousands and a true minus sign; a rounded zero has no sign."""
    if value is None or not math.isfinite(value):
        return NONE
    text = f"{abs(value):,.{decimals}f}"
    negative = value < 0 and any(digit in text for digit in "123456789")
    return (MINUS if negative else "") + text


def count(value: float | None) -> str:
    """A whole number with grouped thousands; halves (medians of counts) keep one decimal."""
    if value is None:
        return NONE
    return number(value, 0 if float(value).is_integer() else 1)


def percent(fraction: float | None, digits: int = 3) -> str:
    """A fraction as a percentage with ``digits`` significant digits and no trailing zeros: ``96.9 %``, ``0.1 %``."""
    if fraction is None or not math.isfinite(fraction):
        return NONE
    text = number(fraction * 100, _decimals(fraction * 100, digits))
    return f"{_without_trailing_zeros(text)}{SPACE}%"


def probability(value: float | None) -> str:
    """A p-value: three decimals, and below that only the bound."""
    if value is None or not math.isfinite(value):
        return NONE
    return f"<{SPACE}0.001" if value < 0.001 else f"{min(value, 1.0):.3f}"


def size(octets: float | None) -> str:
    """Bytes in binary units: ``143 MiB``."""
    if octets is None:
        return NONE
    for scale, unit in _SIZES:
        if octets >= scale:
            return f"{number(octets / scale, _decimals(octets / scale, 3))}{SPACE}{unit}"
    return f"{number(octets, 0)}{SPACE}B"


def usd(amount: float | None, digits: int = 4) -> str:
    """An amount of money with ``digits`` significant digits: ``$0.4050``."""
    if amount is None or not math.isfinite(amount):
        return NONE
    text = number(abs(amount), _decimals(amount, digits))
    return f"{MINUS}${text}" if amount < 0 else f"${text}"


def span(seconds: float | None) -> str:
    """A long duration for people: ``3 min 12 s``."""
    if seconds is None or not math.isfinite(seconds):
        return NONE
    if seconds < 60:
        return duration(seconds, 2)
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}{SPACE}h {minutes}{SPACE}min" if hours else f"{minutes}{SPACE}min {rest}{SPACE}s"


def setting_value(value: object, unit: str | None) -> str:
    """A recommended value as it reads in a configuration, with its unit: ``30 s``, ``true``, ``–``."""
    if value is None:
        return NONE
    if isinstance(value, bool):
        return "true" if value else "false"
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return f"{text}{SPACE}{unit}" if unit else text


def plain(text: object, keep: str = "") -> str:
    """Text from outside without control or bidirectional-override characters, which could disguise it."""
    return "".join(
        c if c in keep or unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co", "Cn") else "\ufffd" for c in str(text)
    )


def _decimals(value: float, digits: int) -> int:
    if value == 0:
        return 0
    magnitude = math.floor(math.log10(abs(value)))
    rounded = round(abs(value), digits - 1 - magnitude)
    return max(0, digits - 1 - math.floor(math.log10(rounded)))


def _places_of_width(low: float, high: float, estimate: float) -> int:
    """Decimals that an interval supports, by the rule of the Particle Data Group (Review, section 5.3).

    Two significant digits of the half-width where it starts with 100 to 354, otherwise one.
    """
    half = (high - low) / 2
    if half <= 0:
        return _decimals(estimate, 3)
    leading = half / 10 ** math.floor(math.log10(half))
    return min(6, _decimals(half, 2 if leading < 3.545 else 1))


def _without_trailing_zeros(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text
