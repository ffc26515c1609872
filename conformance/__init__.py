"""The long differential suites: what no one here wrote, with and without asmrewrite.

Run from the repository root: ``python -m conformance [SUITE...]``.
"""
