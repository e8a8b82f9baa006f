"""Turns rows of the dataset into ``Findings``: per-block differences, exact intervals, verdicts and doubts.

Pure: ``analyse`` takes frames and manifests, and reads and formats nothing. Called by ``recommend``, ``report``,
``calibration`` and ``commands``.
"""
