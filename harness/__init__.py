"""The instrument: everything importable lives here, in the order in which data passes through it.

See ``tests/test_architecture.py`` for the layers and for which package may import which heavy library.
"""

__version__ = "0.1.0"
