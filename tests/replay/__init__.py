"""Tests of the backend process."""
