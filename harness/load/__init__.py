"""When calls start and how they are driven: the lock-step order, the two drivers, outcomes, and the worker process.

Must not compute statistics, write Parquet or know any SDK beyond ``harness.clients``. Used by ``conductor``.
"""
