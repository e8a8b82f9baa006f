"""Analysis, proven on rows whose truth is known."""
