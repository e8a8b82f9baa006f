"""The page's sections in reading order, a module each: ``TITLE`` and ``context(material)``; its template has its name.

A new section is a module here, a template in ``templates/sections`` and its name in ``SECTIONS``.
"""

SECTIONS = (
    "headline",
    "layers",
    "growth",
    "comparisons",
    "modes",
    "crossings",
    "streams",
    "same_question",
    "answers",
    "costs",
    "cold",
    "switching",
    "faults",
    "retries",
    "chains",
    "distributions",
    "providers",
    "limits",
    "settings",
    "doubts",
    "self_tests",
    "method",
    "provenance",
    "glossary",
)
