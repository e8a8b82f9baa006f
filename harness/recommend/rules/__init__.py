"""One file per kind of setting; each rule is a pure function from findings and an aim to settings.

Owns ``RULES``, the literal tuple applied in this order. A rule never raises on findings: what they do not support it
answers with ``insufficient_data``. Only ``waits`` yields ``certified``: from the ordered samples of real calls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from harness.analysis.findings import Findings
from harness.recommend.aim import Aim
from harness.recommend.rules.behaviour import environment, inner_retries, reuse_client, wall_clock_guard
from harness.recommend.rules.mode import client_mode
from harness.recommend.rules.pools import pools
from harness.recommend.rules.timeouts import timeouts
from harness.recommend.rules.waits import waits
from harness.recommend.rules.warmup import warm_up_at_start
from harness.recommend.setting import Setting

Rule = Callable[[Findings, Aim], Iterable[Setting]]

RULES: tuple[Rule, ...] = (
    client_mode,
    reuse_client,
    warm_up_at_start,
    inner_retries,
    environment,
    wall_clock_guard,
    pools,
    waits,
    timeouts,
)
