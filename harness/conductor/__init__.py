"""A plan from start to end: fresh processes, randomised lock-step order, the join with the journal, checkpoints.

Must not know any SDK, compute statistics or render. Called by ``commands`` and ``calibration``.
"""
