"""Configurations that people have: what a file promises for calls of a model, read from the forms there are.

``stated`` is what leaves; ``litellm_yaml`` and ``pasted`` read LiteLLM's YAML and this harness's own exports;
``reading`` chooses by the file's kind. Read by ``verify``, which puts them to the test, and by ``recommend.advice``.
"""
