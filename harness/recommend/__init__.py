"""From findings to settings: ``recommend`` applies ``rules``, ``exports`` render, ``setting`` is what passes between.

Reads ``analysis.findings.Findings`` and nothing else; opens no socket and computes no statistics of its own beyond the
closed formulas in ``bounds``. Called by ``commands``; ``report`` shows the settings.
"""
