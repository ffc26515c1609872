"""The first thing that a command does: undo what is Python's own about a process.

Nothing is imported here that takes time: until then Ctrl-C means a traceback. `signal`, which only gives names to
`_signal`, would take more than 1 ms.
"""

from __future__ import annotations

import _signal
import os

#: Signals that Python ignores, which programs that it starts or becomes would inherit.
IGNORED_BY_PYTHON = (_signal.SIGPIPE, _signal.SIGXFSZ)


def like_any_program() -> None:
    """For the start of a command line, never of a library.

    Signals end us at once, also after an execve. A standard descriptor that is closed is taken by one that is of no
    use, or else the next file to be opened would be standard error; programs that we become find it closed.
    """
    if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
        _signal.signal(_signal.SIGINT, _signal.SIG_DFL)
    for number in (*IGNORED_BY_PYTHON, _signal.SIGCHLD):
        _signal.signal(number, _signal.SIG_DFL)
    while (taken := os.open(os.sep, os.O_RDONLY)) <= 2:
        pass
    os.close(taken)
