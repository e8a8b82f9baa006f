"""Rows that others wrote, on their way into ``calls``: read as a stream, checked one by one, written part by part.

``fields`` says what a row may state and in which unit; ``given`` how one file states it; ``query`` is the SQL that
reads and checks; ``parts`` makes our columns of what passed; ``intake`` is the way from a file to the dataset.
``importers`` knows the formats and calls ``intake``.
"""
