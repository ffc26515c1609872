"""The real programs: what each is built from and what it is made to do."""

from conformance.programs import lua, sqlite, zlib
from conformance.programs.build import Build, Check, Program

__all__ = ["PROGRAMS", "Build", "Check", "Program"]

PROGRAMS: tuple[Program, ...] = (lua.PROGRAM, zlib.PROGRAM, sqlite.PROGRAM)
