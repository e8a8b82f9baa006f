"""The figures: what to draw comes in as plain rows, inline SVG goes out. Must not know ``Findings`` or compute."""
