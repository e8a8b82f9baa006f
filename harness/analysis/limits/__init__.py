"""What waits bear out: METHOD's steps from samples to bounds, one a file, each a pure function of ``waits.Waits``.

``hangs`` takes out waits that no limit should spare; ``order`` bounds a quantile by an order statistic; ``days`` asks
whether something changed and what holds on the worst day; ``survival`` is the curve where calls were cut off; ``lost``
is what a limit costs either way, ``curves`` that over all limits. Grades are ``recommend``'s.
"""
