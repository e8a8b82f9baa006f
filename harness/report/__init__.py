"""The page: one offline HTML file made from ``Findings`` and settings. Computes no statistics and measures nothing.

``build`` is the only door. Must not read files other than its own templates. Called by ``commands``.
"""
