"""The instrument against known truth: planted effects, A/A experiments, invariants, on real processes and sockets.

Measures through ``conductor``, judges through ``analysis``; called by ``harness self``. METHOD A, last paragraph.
"""
