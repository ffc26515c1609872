"""asmrewrite does on assembly what a GCC plugin does inside GCC.

The whole public interface:

    listing = parse(text)                  a lossless listing: str(listing) == text, for any text
    found = survey(listing)                sections, functions, provenance, and where each branch stands
    for branch in branches(found): ...     what each branch is, or why nothing certain can be said of it
    result = rewrite(text, Options(...))   the rewritten text, its sites, and what was left alone and why
    made = assemble(result.text)           the object's bytes, by GNU as
    for label in labels(listing): ...      and section_at, in_assembly, cfa_offset: views of any position
    verdicts = check(path)                 PASS, FAIL or UNKNOWN for each site of an object or program
    proof = validate(original, path)       the same for all else: what is not a site is as it was
    for file in audit(path): ...           every indirect branch of objects and programs, and how it is protected

Passes of your own take a `Unit` and give an `Outcome`; docs/passes.md shows one. Everything is imported when it
is first used: the compiler wrapper starts with nothing but this file.
"""

from __future__ import annotations

__version__ = "0.1.0"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asmrewrite.analysis.branches import Branch, branches
    from asmrewrite.analysis.reasons import SkipReason
    from asmrewrite.analysis.sections import Section
    from asmrewrite.analysis.survey import Function, Place, Survey, survey
    from asmrewrite.analysis.views import Label, cfa_offset, in_assembly, labels, section_at
    from asmrewrite.errors import (
        AsmRewriteError,
        CheckError,
        OptionError,
        ProfileError,
        ToolError,
        UnsoundError,
        UnsureError,
    )
    from asmrewrite.options import Options
    from asmrewrite.passes import Edit, Outcome, Site, Skip, Unit
    from asmrewrite.rewriting import Rewritten, rewrite
    from asmrewrite.syntax.listing import Listing, parse
    from asmrewrite.syntax.operand import Operand, parse_operand
    from asmrewrite.syntax.statement import Statement, parse_statement
    from asmrewrite.toolchain.gas import Assembled, assemble
    from asmrewrite.verify.audit import Audited, AuditedBranch, audit
    from asmrewrite.verify.sites import SiteVerdict, Verdict, check, check_bytes
    from asmrewrite.verify.translation import SectionVerdict, Translation, validate, validate_bytes

_HOMES = {
    "asmrewrite.analysis.branches": ("Branch", "branches"),
    "asmrewrite.analysis.reasons": ("SkipReason",),
    "asmrewrite.analysis.sections": ("Section",),
    "asmrewrite.analysis.survey": ("Function", "Place", "Survey", "survey"),
    "asmrewrite.analysis.views": ("Label", "cfa_offset", "in_assembly", "labels", "section_at"),
    "asmrewrite.errors": (
        "AsmRewriteError",
        "CheckError",
        "OptionError",
        "ProfileError",
        "ToolError",
        "UnsoundError",
        "UnsureError",
    ),
    "asmrewrite.options": ("Options",),
    "asmrewrite.passes": ("Edit", "Outcome", "Site", "Skip", "Unit"),
    "asmrewrite.rewriting": ("Rewritten", "rewrite"),
    "asmrewrite.syntax.listing": ("Listing", "parse"),
    "asmrewrite.syntax.operand": ("Operand", "parse_operand"),
    "asmrewrite.syntax.statement": ("Statement", "parse_statement"),
    "asmrewrite.toolchain.gas": ("Assembled", "assemble"),
    "asmrewrite.verify.audit": ("Audited", "AuditedBranch", "audit"),
    "asmrewrite.verify.sites": ("SiteVerdict", "Verdict", "check", "check_bytes"),
    "asmrewrite.verify.translation": ("SectionVerdict", "Translation", "validate", "validate_bytes"),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}

# fmt: off
__all__ = [  # types, then functions
    "AsmRewriteError", "Assembled", "Audited", "AuditedBranch", "Branch", "CheckError", "Edit", "Function",
    "Label", "Listing", "Operand", "OptionError", "Options", "Outcome", "Place", "ProfileError", "Rewritten",
    "Section", "SectionVerdict", "Site", "SiteVerdict",
    "Skip", "SkipReason", "Statement", "Survey", "ToolError", "Translation", "Unit", "UnsoundError", "UnsureError",
    "Verdict", "assemble", "audit", "branches", "cfa_offset", "check", "check_bytes", "in_assembly", "labels", "parse",
    "parse_operand", "parse_statement", "rewrite", "section_at", "survey", "validate", "validate_bytes",
]
# fmt: on


def __getattr__(name: str) -> object:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    return sorted(__all__)
