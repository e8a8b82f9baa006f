"""The backend process: replays cassettes over real sockets, on schedule, and journals every request.

Three things are for others: ``launch.start_backend`` (start it), ``routes.base_url`` (address a cassette) and
``journal.JournalReader`` (read what it saw). Must not import clients or load.
"""
