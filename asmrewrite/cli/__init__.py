"""The front ends: they differ in how bytes arrive, and share `asmrewrite.rewrite`."""
