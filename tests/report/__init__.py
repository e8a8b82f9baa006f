"""Tests of the page: formats, sections, figures and the finished document."""
