"""The tools of the platform: the assembler, compiler drivers, and keystone behind one encoder interface."""
