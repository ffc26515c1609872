"""The suite: one tool for every compiler that prints gas syntax, and for code that is made when a program is linked."""

from conformance.compilers.suite import SUMMARY, main

__all__ = ["SUMMARY", "main"]
