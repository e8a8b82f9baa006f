"""Recommendation, proven on findings in which every number was chosen."""
