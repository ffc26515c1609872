"""What each branch is: a call, a tail call, a jump table, a computed goto, a static call."""

from __future__ import annotations

import re
from typing import NamedTuple

from asmrewrite.analysis.reasons import SkipReason
from asmrewrite.analysis.survey import NOTE, Place, Spot, Survey
from asmrewrite.syntax.operand import Operand, parse_operand

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asmrewrite.analysis.proof import Prover

#: The retpoline thunks of gcc and the kernel, and clang's.
THUNK_PREFIXES = ("__x86_indirect_thunk_", "__llvm_retpoline_")
STACK_THUNKS = frozenset({"__x86_indirect_thunk", "__x86_indirect_thunk_nt", "__x86_indirect_thunk_bnd"})

_HOOKS = frozenset({"mcount", "_mcount", "__fentry__"})


class Branch(NamedTuple):
    """One branch that is indirect, goes through a retpoline thunk, or goes to a watched symbol.

    [start, end) are the characters of the whole statement, prefix lines before it included, without blanks,
    comment and terminator. `form` is "call", "jmp" or the conditional jump's mnemonic. `role` is "call", "tail",
    "table", "goto" or "direct"; `skip` is why it must be left alone, None when nothing stands against a site.
    """

    start: int
    end: int
    form: str
    role: str
    operand: Operand
    place: Place
    skip: SkipReason | None
    prefixes: tuple[str, ...]
    #: The compiler's retpoline thunk that the branch goes through, else "".
    thunk: str

    @property
    def indirect(self) -> bool:
        """Whether the target is known only when it runs."""
        return self.role != "direct"


_BRANCH = re.compile(
    r"""[ \t\f\r]*(?P<prefixes>(?:(?:[A-Za-z][\w.]*|\{[^}\n]*\})(?:[ \t\f\r/]+|(?<=\})))*?)"""
    r"""(?P<word>l?(?:call|jmp)[a-z]?|j[a-z]{1,3}(?:,p[nt])?)(?:[ \t\f\r]+|(?=[*%("\[]))"""
    r"""(?P<operand>(?:[^\n;\0"'/#]+|"(?:[^"\\]|\\[\s\S])*"|/(?!\*))*)""",
    re.IGNORECASE,
)
#: A name that is a register once the syntax is another than it seems.
_REGISTER_NAME = re.compile(r'"?[re]?(?:[abcd]x|[sd]i|[sb]p|\d+[bwd]?)"?\Z', re.IGNORECASE)
#: A block comment in the midst of an operand, which gas reads as if it were not there.
_GLUED = re.compile(r"\s*(?:/\*(?:[^*\n]|\*(?!/))*\*/[ \t\r]*)+(?!/\*)[^\s;#\0]")
_NOTHING = Operand("unknown", "")
_DIRECT_TO = re.compile(r"^\t(call|jmp)q?[ \t]([A-Za-z_.][\w.]*)", re.MULTILINE)
_SECTION_NAME = re.compile(r'[ \t\f\r]*\.(?:push)?sect(?:ion)?[ \t]+"?([^\s",;#]+)', re.IGNORECASE | re.ASCII)
#: What LLVM's printer says of a tail call; it says nothing of other jumps.
_LLVM_TAIL = re.compile(r"[ \t]*# TAILCALL$")
#: What can be named in a table without quotes.
_PLAIN_NAME = re.compile(r"[A-Za-z_.$\x80-\xff][\w.$\x80-\xff]*\Z", re.ASCII)
_ROLE = {"call": "call", "jmp": "tail"}
_OWN = re.compile(r"__(?:relpoline|x86_indirect_thunk|x86_return_thunk|llvm_retpoline)")


def branches(found: Survey) -> list[Branch]:
    """Every indirect branch of the listing, and every branch to a watched symbol, in order."""
    classify = _Classifier(found)
    result = [branch for spot in found.spots if (branch := classify.spot(spot)) is not None]
    if found.aliases:
        result.extend(classify.hidden())
        result.sort(key=lambda branch: branch.start)
    return result


class _Classifier:
    def __init__(self, found: Survey) -> None:
        self.survey = found
        self.text = found.listing.text
        self._prover: Prover | None = None
        self._named: frozenset[str] | None = None

    @property
    def prover(self) -> Prover:
        """Made when it is first asked: its patterns take time to compile, and direct branches need none."""
        if self._prover is None:
            from asmrewrite.analysis.proof import Prover

            self._prover = Prover(self.survey)
        return self._prover

    def spot(self, spot: Spot) -> Branch | None:
        """The branch at `spot`; None when it is direct, and to nothing that is watched for."""
        if spot.kind == "STATEMENT":
            return Branch(spot.start, spot.end, "call", "call", _NOTHING, spot.place, spot.place.trouble, (), "")
        found = _BRANCH.match(self.text, spot.start, spot.end)
        if found is None:
            return None
        place = spot.place
        text = found.group("operand").rstrip(" \t\f\r")
        glued = _GLUED.match(self.text, found.start("operand") + len(text), spot.end) is not None
        constant = self.text.startswith("'", found.end("operand"))  # of a character: the operand goes on behind it
        operand = None if glued or constant else parse_operand(text, place.intel, place.prefixed)
        word = found.group("word").lower()
        own_line = found.group("prefixes").replace("/", " ").lower().split()
        before = [self.text[start:end].partition("#")[0].strip(" \t\r\f\n;\0").lower() for start, end in spot.prefixes]
        start = spot.prefixes[0][0] if spot.prefixes else spot.start
        start += len(self.text[start : spot.end]) - len(self.text[start : spot.end].lstrip(" \t\f\r"))
        end = found.start("operand") + len(text)
        form = "call" if "call" in word else "jmp" if "jmp" in word else word
        prefixes = (*before, *own_line)
        if "," in word:  # `jne,pn` and `jmp,pt`: gas makes a prefix of the hint
            prefixes = (*prefixes, word.partition(",")[2])
        branch = Branch(start, end, form, "direct", operand or _NOTHING, place, None, prefixes, "")
        if operand is None:
            jcc = form not in ("call", "jmp")
            doubt = SkipReason.GLUED_COMMENT if glued else SkipReason.UNKNOWN_OPERAND
            return None if jcc else branch._replace(role=form.replace("jmp", "tail"), skip=place.trouble or doubt)
        if operand.kind == "symbol":
            return self._direct(branch, found.group("word"), self.text[end : spot.end])
        return self._indirect(branch, word, self.text[end : spot.end])

    def hidden(self) -> list[Branch]:
        """Calls and jumps in QUIET runs through symbols that stand for registers."""
        result = []
        place = Place(None, "", False, False, True, SkipReason.REGISTER_ALIAS)
        for kind, first, last in self.survey.listing.tokens:
            # A slice, which may begin behind a comment: that is no beginning of a line of the whole text.
            for found in _DIRECT_TO.finditer(self.text[first:last]) if kind == "QUIET" else ():
                if found.group(2) in self.survey.aliases:
                    start, end, form = first + found.start(1), first + found.end(), found.group(1)
                    role = _ROLE[form]
                    result.append(Branch(start, end, form, role, _NOTHING, place, SkipReason.REGISTER_ALIAS, (), ""))
        return result

    def _direct(self, branch: Branch, word: str, behind: str) -> Branch | None:
        word = word.lower()
        if word == "jmpq":
            return None  # gas takes it only with `*`; let it say so
        symbol = branch.operand.symbol
        if word.startswith("l") or word == "jmpw":
            # `ljmp foo` is `ljmp *foo`, and so is `jmpw foo` in Intel syntax: the symbol names a pointer.
            doubt = SkipReason.FAR if word.startswith("l") else SkipReason.OPERAND
            return branch._replace(role=_ROLE[branch.form], skip=branch.place.trouble or doubt)
        if symbol in STACK_THUNKS:
            return branch._replace(role="call", skip=SkipReason.STACK_THUNK)
        if symbol.startswith(THUNK_PREFIXES) and branch.operand.plain and word in ("call", "callq", "jmp"):
            reach = parse_operand("%" + symbol.rpartition("_")[2])
            if reach is None or reach.number < 0:
                return branch._replace(role="call", skip=SkipReason.STACK_THUNK)
            role = self._role(branch, "", behind)
            return self._judged(branch._replace(thunk=symbol, operand=reach, role=role))
        if symbol.startswith(self.survey.listing.symbols) and branch.operand.plain and ".relpoline." not in symbol:
            # AMD's processors read 16 bits behind `66 e8`, Intel's 32.
            return branch._replace(skip=SkipReason.OPERAND) if word == "callw" else self._judged(branch)
        if self.survey.aliases.intersection(branch.operand.names):
            return branch._replace(role=_ROLE.get(branch.form, "call"), skip=SkipReason.REGISTER_ALIAS)
        if branch.place.trouble is SkipReason.MACRO_EFFECTS and _REGISTER_NAME.match(branch.operand.text):
            return branch._replace(role=_ROLE.get(branch.form, "call"), skip=branch.place.trouble)
        return None

    def _indirect(self, branch: Branch, word: str, behind: str) -> Branch:
        note = NOTE.search(behind)
        name = (note.group(2) or note.group(3)) if note else ""
        branch = branch._replace(role=self._role(branch, name, behind))
        if word.startswith("l"):
            return branch._replace(skip=branch.place.trouble or SkipReason.FAR)
        if word not in ("call", "jmp", "callq", "jmpq"):
            return branch._replace(skip=branch.place.trouble or SkipReason.OPERAND)
        if "tls" in name or branch.operand.modifier.startswith("tls") or branch.operand.symbol == "__tls_get_addr":
            return branch._replace(skip=SkipReason.TLS)
        if branch.operand.symbol in _HOOKS:
            return branch._replace(skip=SkipReason.PROFILING)
        symbol = branch.operand.symbol
        own = branch.operand.plain and branch.operand.registers == ("rip",)
        if own and branch.operand.modifier == "gotpcrel" and symbol.startswith(self.survey.listing.symbols or ("\0",)):
            # A watched symbol called through its GOT entry (-fno-plt): as direct as any other call of it.
            return self._judged(branch._replace(role="direct"))
        return self._judged(branch)

    def _role(self, branch: Branch, note: str, behind: str) -> str:
        if branch.form == "call":
            return "call"
        if "sibcall" in note or (_LLVM_TAIL.match(behind) and self.survey.compiled and not branch.place.asm):
            return "tail"
        if "tablejump" in note:
            return "table"
        if note:
            return "goto"
        if branch.operand.kind == "memory" and any(n.startswith((".L", "L_")) for n in branch.operand.names):
            return "table"
        return "tail" if self.prover.leaves_function(branch.place, branch.start) else "unproven"

    def _judged(self, branch: Branch) -> Branch:
        return branch._replace(skip=self._objection(branch))

    def _section_names(self) -> frozenset[str]:
        if self._named is None:
            named = {section.name.strip('"') for _, section in self.survey.sections if section}
            for kind, start, end in self.survey.listing.tokens:
                # Those in macros too, whose sections are not followed.
                if kind == "SECTION" and (found := _SECTION_NAME.match(self.text, start, end)):
                    named.add(found.group(1))
            self._named = frozenset(named)
        return self._named

    def _objection(self, branch: Branch) -> SkipReason | None:
        place, operand = branch.place, branch.operand
        if place.trouble is not None:
            return place.trouble
        if self.survey.aliases.intersection(operand.names):
            return SkipReason.REGISTER_ALIAS
        if (branch.thunk or branch.role == "direct") and (branch.thunk or operand.symbol) in self._section_names():
            return SkipReason.SECTION_NAME
        if branch.role == "direct" and not _PLAIN_NAME.match(operand.symbol):
            return SkipReason.OPERAND
        if branch.role == "direct":
            return SkipReason.PREFIX if any(p not in ("{disp32}",) for p in branch.prefixes) else None
        if _OWN.match(place.function):
            return SkipReason.THUNK
        if branch.role == "table":
            return SkipReason.JUMP_TABLE
        if branch.role == "goto":
            return SkipReason.COMPUTED_GOTO
        if branch.role == "unproven":
            return SkipReason.INLINE_ASM if place.asm else SkipReason.NOT_PROVEN
        allowed = ("cs",) if branch.thunk else ("notrack",)
        if any(prefix not in allowed for prefix in branch.prefixes):
            return SkipReason.PREFIX
        if operand.kind == "memory" and ("." in operand.names or ("rip" in operand.registers and not operand.names)):
            return SkipReason.COUNTED
        if (operand.kind == "register" and operand.number < 0) or operand.register == "rsp":
            return SkipReason.OPERAND
        if operand.kind == "memory" and (
            (branch.form == "call" and not self.prover.r11_is_free(branch.end))
            or self.prover.r11_is_argument(branch.start, operand.text)
        ):
            return SkipReason.R11_LIVE
        return None
