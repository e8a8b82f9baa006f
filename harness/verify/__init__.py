"""A configuration put to the test: each limit that it states, against the backend's faults, in a process that can die.

``trials`` says what is tried and judges what came of it (pure); ``child`` makes one call as the file would have it
made; ``run`` does it all. Limits are tried scaled to about a second: what is tested is who enforces them, and how
often.
"""
