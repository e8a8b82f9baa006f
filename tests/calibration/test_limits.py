"""Limits against known truth, in small: the whole of it is ``harness self``."""

from __future__ import annotations

import pytest

from harness.calibration.limits import REQUIRED, TRUTHS, Truth, calibrate


@pytest.mark.parametrize("truth", TRUTHS, ids=lambda truth: truth.name)
def test_certified_limits_hold_on_the_day_to_come(truth: Truth) -> None:
    """A hundred calibrations of each kind; most are certified, and of those nearly all hold."""
    found = calibrate(truth, 100)
    assert found.certified >= 60
    assert found.held >= (REQUIRED - 0.05) * found.certified


def test_a_rate_that_the_margin_hides_would_be_found() -> None:
    """A truth that gets twice as slow overnight is not held: the test can fail."""
    from dataclasses import replace

    overnight = replace(TRUTHS[0], drift=0.0, day_sigma=1.0)
    found = calibrate(overnight, 100)
    assert found.certified == 0 or found.held < REQUIRED * found.certified
