"""Every error that a user can meet: where it is, what is wrong, and what to do about it."""

from __future__ import annotations


class AsmRewriteError(Exception):
    """The root of all errors raised on purpose.

    `file`, `line` and `column` (from 1; 0 when unknown) say where, `hint` says what to do.
    """

    def __init__(self, message: str, *, file: str = "", line: int = 0, column: int = 0, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.file = file
        self.line = line
        self.column = column
        self.hint = hint

    def __str__(self) -> str:
        where = ":".join(str(part) for part in (self.file, self.line, self.column) if part)
        text = f"{where}: {self.message}" if where else self.message
        return f"{text}; {self.hint}" if self.hint else text


class OptionError(AsmRewriteError):
    """An option that does not exist, or a value that it does not take."""


class UnsureError(AsmRewriteError):
    """With ``on-unsure=error``: a branch was left alone because nothing certain can be said of it."""


class UnsoundError(AsmRewriteError):
    """The options ask for code that would not run on the machine the object is made for."""


class ProfileError(AsmRewriteError):
    """A file that is no profile, or cannot be read."""


class ToolError(AsmRewriteError):
    """An assembler or compiler did not do its work; `status` is its exit status, negative for a signal."""

    def __init__(self, message: str, *, status: int = 1, file: str = "", hint: str = "") -> None:
        super().__init__(message, file=file, hint=hint)
        self.status = status


class CheckError(AsmRewriteError):
    """The assembled object is not what the rewriting promised."""
