"""The dataset on disk: schema, atomic writes, validated reads, the environment fingerprint. Must not interpret.

The only package that loads pyarrow and DuckDB. Written by ``conductor``; read by ``analysis`` and ``commands``.
"""
