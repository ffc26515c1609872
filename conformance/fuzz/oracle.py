"""What must hold of any listing: parsing, rewriting, assembling and checking it, and what none of them may do."""

from __future__ import annotations

import re
import zlib
from bisect import bisect_right
from collections import Counter
from io import BytesIO

from iced_x86 import Code, Decoder

from asmrewrite import (
    Branch,
    CheckError,
    Options,
    Rewritten,
    SkipReason,
    UnsoundError,
    Verdict,
    branches,
    check_bytes,
    labels,
    parse,
    rewrite,
    survey,
    validate_bytes,
)
from asmrewrite.stubs import abi
from asmrewrite.verify.image import Image
from conformance.fuzz import looks
from conformance.fuzz.gas import assemble

_ALL = ("relpoline", "static-call", "marker", "call-ops")
_TABLES = ("static-call", "retpoline", "return", "mcount")
#: A text chooses its options by its checksum, so a failing text is all there is to keep. Most listings bear no
#: compiler's mark, and most sets let the passes touch those.
OPTIONS = (
    Options(inline_asm=True),
    Options(),
    Options(inline_asm=True, slow="lfence"),
    Options(inline_asm=True, slow="plain", align="p2align"),
    Options(inline_asm=True, bundle=5, targets=1),
    Options(inline_asm=True, align="p2align", bundle=4, slow="lfence", targets=8),
    Options(inline_asm=True, slow="lfence", bundle=6),
    Options(abi="kernel"),
    Options(inline_asm=True, passes=_ALL),
    Options(passes=_ALL, slow="lfence"),
    Options(inline_asm=True, passes=_ALL, ops_layout="literal", slow="plain"),
    Options(passes=_ALL, ops_layout="literal", align="p2align", bundle=5),
    Options(abi="kernel", inline_asm=True, passes=("relpoline", "static-call"), tables=_TABLES),
)
_EXEC = 4
#: Tables that a listing may have of its own.
_TABLE_NAMES = tuple(name.encode() for name in abi.SECTIONS)
#: Statements whose bytes a disassembler takes for anything, or that make text of text: what no reader of text can
#: answer for (docs/listing.md).
_DATA = (
    r"byte|value|short|long|int\b|quad|octa|ascii\w*|asciz|string\w*|insn|incbin|fill|skip|space|zero|org|float|double|"
    r"single|tfloat|hfloat|bfloat16|hword|word|[1248]byte|[us]leb128|dcb?\b|ds\b|balign[wl]|p2align[wl]|align|balign|"
    r"p2align|base64|reloc"
)
_DOUBT = re.compile(
    rf"\.(?:macro|irpc?|irep|irepc|rept?|altmacro|include|code16\w*|code32|mri|{_DATA})|\.[ \t]*=", re.IGNORECASE
)
#: Data alone, and lines for debugging, of which gas makes entries about the stubs when the text has none.
_DATA_ALONE = re.compile(rf"\.(?:{_DATA}|loc\b)", re.IGNORECASE)
#: The same without alignments.
_ONLY_DATA = re.compile(rf"\.(?!balign 4\n)(?:{_DATA}|loc\b)", re.IGNORECASE)
#: Data, symbols that are given a value, and other operands that may be a distance over a site.
_DISTANCES = re.compile(rf"{_DATA_ALONE.pattern}|\.(?:set|equ|equiv|eqv)\b|=|(?<![\w.$])\.[ \t]*-", re.IGNORECASE)


#: A place given as a number of bytes from another, between which code may grow.
_COUNTED = re.compile(
    r"[\w.$)\"][ \t]*[-+][ \t]*\d|(?<![\w.$@])\d\w*(?:\(%rip\)|\[rip\])|\[rip[ \t]*[-+][ \t]*\d", re.IGNORECASE
)


#: A place given as a number of bytes from a section's start.
_SECTION_OFFSET = re.compile(r"\.text[ \t]*[-+]")
#: The beginning of call frame information; behind it an instruction keeps what follows out of the CIE.
_FIRST_FRAME = re.compile(r"\.cfi_startproc(?:[ \t]+simple)?")
#: A symbol's size as compilers give it.
_SIZE = re.compile(r"\.size[ \t]+([\w.$]+), \.-\1[ \t]*\n?\Z")
#: Prefixes with which processors read another immediate than gas has put there: `rex.W mov $5, %eax`.
_SIZING = re.compile(r"(?<![\w.$%*])(?:rex(?:64|\.\w+)?|data(?:16|32)|addr(?:16|32)|a?d?word)(?![\w.$])")
#: Where a trampoline or its key begins, perhaps at an odd address.
_ODD = re.compile(r"(?<![\w.$])(?=__SC[TK]__\w+[ \t]*:)")
#: Branches that reach 127 bytes far.
_SHORT = re.compile(r"\b(?:loop\w*|j[er]?cxz)\b", re.IGNORECASE)


class Failure(Exception):
    """Something that must not be; `kind` in a word or two, `detail` in a line."""

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(f"{kind}: {detail}")
        self.kind = kind
        self.detail = detail


def options_of(text: str) -> Options:
    """The options that `text` chooses."""
    return OPTIONS[zlib.crc32(text.encode("latin-1")) % len(OPTIONS)]


def examine(text: str, options: Options | None = None, *, sample: int = 1) -> str:
    """What became of `text`, in a word; `Failure` when something is wrong.

    One in `sample` texts without a site is assembled and looked through for branches that went unseen.
    """
    options = options or options_of(text)
    listing = parse(text)
    if str(listing) != text:
        raise Failure("round trip", "the tokens are not the text")
    chosen = zlib.adler32(text.encode("latin-1")) % sample == 0
    if chosen:
        sum(1 for _ in listing.statements())
        sum(1 for _ in labels(listing))
    try:
        result = rewrite(text, options)
    except UnsoundError:
        return "forbidden"
    if not result.changed:
        return _unseen(text, result) if chosen else "unchanged"
    _lines(text, result)
    new = result.text
    before, _ = assemble(text)
    if not before:
        return "refused"
    if rewrite(new, options).changed:
        freed = "r11" in text.lower() and {"marker", "relpoline"}.issubset(options.chosen)
        if not (freed and {"marker", "relpoline"} & {site.pass_ for site in result.sites}):
            raise Failure("not idempotent", "what was rewritten is rewritten again")
        return "explained: a test of a key and an indirect branch that kept %r11 from each other"
    after, messages = assemble(new)
    if not after:
        if _SHORT.search(text) and _passes(_certain(text, _SHORT), options):
            return "explained: a loop or jrcxz that reaches no further"
        again = re.search(rb"symbol `([^']+)' is already defined", messages)
        if again and len(re.findall(rf"(?<![\w.$]){re.escape(again[1].decode('latin-1'))}[ \t]*:", text)) > 1:
            return "explained: a label that is defined twice at one place"
        if re.search(r"\.(?:set|equ\w*|eqv)[ \t]+__(?:SKEY|MARK)__", text):
            return "explained: a key that is given another value"
        raise Failure("refused when rewritten", messages.decode("latin-1").strip().split("\n")[-1][:200])
    explained = ""
    try:
        _checked(before, after, result, options)
    except Failure as failure:
        explained = _explanation(text, failure, options)
        if not explained:
            raise
    _unseen(text, result, before)
    return explained or f"rewritten: {' '.join(sorted({site.pass_ for site in result.sites})) or 'tables'}"


def _explanation(text: str, failure: Failure, options: Options, causes: int = 3) -> str:
    """Why the full check may object to a rewriting that is right; "" when there is no such cause.

    There may be several, up to `causes`; the fewest are looked for, and the first is said.
    """
    return next((found for more in range(causes) if (found := _cause(text, failure, options, more))), "")


def _cause(text: str, failure: Failure, options: Options, causes: int) -> str:
    """The same with so many other `causes`.

    Data among code is read as code by the checker, which has no text: instructions of a decoder may begin in its
    middle. When the listing passes without those lines, they were the cause.
    """

    def passes(changed: str) -> bool:
        return changed != text and _passes(changed, options, causes)

    if "no function begins" in failure.detail and re.search(r"\.if[\s\S]*\.type", text):
        return "explained: the type of a function that a condition decides"
    if failure.kind == "keys" and re.search(r"\.(?:set|equ\w*|eqv)[ \t]+__(?:SKEY|MARK)__", text):
        return "explained: a key that is given another value"
    if passes(_SIZING.sub("", text)):
        return "explained: a prefix that gives an immediate another length"
    if undecodable(text) and passes(_decodable(text)):
        return "explained: an instruction that no processor has"
    if failure.kind == "check" and "multiple of" in failure.detail:
        return "explained: a table of the original's that is none"
    named = r"section[ \t]+\"?__(?:SCK|SKEY|MARK)__"
    if re.search("is not that of|names no key", failure.detail) and re.search(named, text):
        return "explained: a key with the name of a section"
    unled = failure.kind == "site" and re.search("no direct branch|leads to no symbol", failure.detail)
    if unled and re.search(r"macro|\.(?:if|irp|rep)", text) and _in_data(text, failure.detail):
        return "explained: a macro or a condition that may go to another section"
    if failure.kind == "site" and "is copied elsewhere" in failure.detail and ".macro" in text:
        return "explained: a macro that goes to another section than it is in"
    if failure.kind == "site" and options.abi == "kernel":
        # A place behind the last instruction has no padding before it to the check.
        even = _ODD.sub("\n.balign 4\n", text)
        known = even != text and any(map(passes, (even, f"{even}\n\t.text\n\tret\n", _certain(even, _ONLY_DATA))))
        return (
            "explained: a trampoline at an odd address has no room for the flags of the kernel's table" if known else ""
        )
    if not failure.kind.startswith("full"):
        return ""
    if failure.kind == "full UNKNOWN" and re.search("makes no sense|is cut short|all of them end", failure.detail):
        before, _ = assemble(text)
        known = any(v.reason in failure.detail for v in validate_bytes(before, before, "x").sections if v.reason)
        return "explained: a header that the checker does not understand, of the original" if known else ""
    if "became .debug_line" in failure.detail:
        return "explained: a .loc at the end of the listing belongs to the first stub"
    if (
        options.abi == "kernel"
        and re.search(r"ff [12]5 .*became .*: e[89] ", failure.detail)
        and "@gotpcrel" in text.lower()
    ):
        return "explained: a call through the GOT of which there is no table"
    through_got = "target" in failure.detail and "@gotpcrel" in text.lower()
    if through_got and passes(f".globl __SCT__event\n{text}"):
        return "explained: a trampoline that is not global, called through the GOT"
    if "its flags" in failure.detail and passes(re.sub(r'"(\w*)l(\w*)"', r'"\1\2"', text)):
        return "explained: a section that is named with other flags than before"
    if "the group" in failure.detail and passes(
        re.sub(r'("\w*G\w*",[ \t]*@\w+,[ \t]*[\w.$]+),?\n', r"\1,comdat\n", text)
    ):
        return "explained: a section that is named with other flags than before"
    if failure.detail.startswith("symbols:") and re.search(r"\.size", text):
        return "explained: .size of a symbol is not what stands between it and its end"
    if "became .eh_frame" in failure.detail or re.match(r"sections: there were (\d+) sections and are", failure.detail):
        return "explained: .cfi_startproc where gas does not read it" if ".cfi_startproc" in text else ""
    if failure.kind == "full UNKNOWN" and "disagree about its length" in failure.detail:
        return "explained: a branch with a 16-bit operand"
    if "(as -g)" in failure.detail or "has rows of its code" in failure.detail:
        without = re.sub(r"\.loc\w*[^\n;/]*", "", text)
        known = passes(without) or passes(_certain(without, _DATA_ALONE))
        return "explained: a .loc without an instruction belongs to the first stub" if known else ""
    if re.search(r"leads elsewhere|went elsewhere", failure.detail) and _COUNTED.search(text):
        return "explained: a place that is counted in bytes"
    if re.search(r"it (?:led to|named) ", failure.detail) and passes(_without_stray_code(text)):
        return "explained: instructions in a section without code"
    if "another CIE" in failure.detail and passes(re.sub(r"\.cfi_personality[^\n;]*", "", text)):
        return "explained: a personality routine in a section with sites"
    if "another CIE" in failure.detail and passes(text.replace(".cfi_signal_frame", "")):
        return "explained: a signal frame that is said to be one behind a site"
    if "flags may be read" in failure.detail and _leads_to_data(text):
        return "explained: a branch to data, or to the name of a section"
    elsewhere = re.sub(r"\.pushsection[\s\S]*?\.popsection", lambda m: re.sub(r"\.cfi_\w+[^\n]*", "", m.group()), text)
    if "the frame of a stub" in failure.detail and passes(elsewhere):
        return "explained: call frame information in another section"
    framed = "the frame of a stub" in failure.detail or "another CIE" in failure.detail
    if framed and passes(_FIRST_FRAME.sub(r"\g<0>\n\tcld\n", text)):
        return "explained: call frame information before the first instruction goes to the CIE"
    led = "it led to" in failure.detail
    if led and (passes(_certain(text, _SECTION_OFFSET)) or passes(_certain(text, _COUNTED))):
        return "explained: a place that is counted in bytes"
    # A listing with macros may not assemble without them.
    for doubtful, cause in (
        (_DOUBT, "data among code"),
        (_DATA_ALONE, "data among code"),
        (_DISTANCES, "a distance over a site"),
    ):
        if passes(_certain(text, doubtful)):
            return f"explained: {cause}"
    return ""


def _without_stray_code(text: str) -> str:
    """`text` without what it says in sections that are not executable, but for directives and labels."""
    found = survey(parse(text))
    changes = list(found.sections)
    pieces = []
    for kind, start, end in found.listing.tokens:
        while len(changes) > 1 and changes[1][0] <= start:
            del changes[0]
        section = changes[0][1]
        lines = text[start:end].splitlines(keepends=True) if kind == "QUIET" else [text[start:end]]
        stray = section is not None and "x" not in section.flags
        pieces += ["\n" * s.count("\n") if stray and s.lstrip()[:1].isalpha() and ":" not in s else s for s in lines]
    return "".join(pieces)


def _passes(text: str, options: Options, causes: int = 0) -> bool:
    """Whether `text` is rewritten, assembles both ways, and the checker says nothing but what has other `causes`."""
    try:
        result = rewrite(text, options)
        before, after = assemble(text)[0], assemble(result.text)[0]
        if not (result.changed and before and after):
            return False
        _checked(before, after, result, options)
    except UnsoundError:
        return False
    except Failure as failure:
        return causes > 0 and bool(_explanation(text, failure, options, causes))
    return True


def _lines(text: str, result: Rewritten) -> None:
    """The lines of the original keep their numbers: what is added stands behind all of it."""
    lines = 0
    for piece in result.pieces:
        if isinstance(piece, str):
            lines += piece.count("\n")
        else:
            lines += text.count("\n", *piece)
            if piece[1] == len(text):
                break
    if lines != text.count("\n"):
        raise Failure("lines", f"{text.count(chr(10))} lines became {lines}")


def _checked(before: bytes, after: bytes, result: Rewritten, options: Options) -> None:
    """Both levels of the checker must pass."""
    try:
        # The full check begins with the other level.
        proof = validate_bytes(before, after, "new")
        verdicts = proof.sites
    except CheckError as error:
        raise Failure("check", str(error)) from error
    left = result.left_static_calls(options)
    # Of a table that the original has.
    if any(section in before for section in _TABLE_NAMES):
        known = {v.pass_ for v in check_bytes(before, "new")}
        verdicts = tuple(v for v in verdicts if v.pass_ not in known)
    bad = [str(v) for v in verdicts if v.verdict is not Verdict.PASS and not (v.unaligned and left)]
    if bad:
        raise Failure("site", bad[0])
    expected, there = Counter(site.pass_ for site in result.sites), Counter(v.pass_ for v in verdicts)
    for pass_ in expected | there:
        # What is left alone has its entry in the kernel's tables all the same, and two of these list no sites.
        more = pass_ not in expected if options.abi == "kernel" else False
        # All entries are emitted or none.
        none = left and not there[pass_]
        if (there[pass_] < expected[pass_] and not none) or (there[pass_] > expected[pass_] and not left and not more):
            raise Failure("sites", f"{expected[pass_]} {pass_} sites and {there[pass_]} entries")
    if expected["marker"] and looks.keys_named(before) != looks.keys_named(after):
        raise Failure("keys", "code names other keys than before, or not as often")
    traced = {site.function for site in result.sites if site.pass_ == "call-ops"}
    if traced and (lost := looks.without_entry(after, traced)):
        raise Failure("entry", f"{lost} does not begin with its site")
    worse = [v for v in proof.sections if v.verdict is Verdict.FAIL] or [
        v for v in proof.sections if v.verdict is not Verdict.PASS and not v.section.startswith((".debug", ".zdebug"))
    ]
    if worse:
        raise Failure(f"full {worse[0].verdict.value}", f"{worse[0].section}: {worse[0].reason}")


def _certain(text: str, doubtful: re.Pattern[str] = _DOUBT) -> str:
    """`text` without the statements that are `doubtful`, and without such `.size` as may be any number."""
    pieces: list[str] = []
    for kind, start, end in parse(text).tokens:
        statements = text[start:end].splitlines(keepends=True) if kind == "QUIET" else [text[start:end]]
        # What a comment says is in no doubt, and may be why something is a site.
        said = [s.partition("#")[0] for s in statements]
        pieces += [
            "\n" * w.count("\n") + s[len(w) :] if doubtful.search(w) or (".size" in w and not _SIZE.search(w)) else s
            for s, w in zip(statements, said, strict=True)
        ]
    return "".join(pieces)


def _unseen(text: str, result: Rewritten, content: bytes | None = None) -> str:
    """Every indirect branch of the object must be one that was seen in the text."""
    if content is None:
        content, _ = assemble(text)
        if not content:
            return "refused"
    seen = sum(1 for branch in _seen(text) if branch.indirect)
    there = indirect(content)
    if not there or (len(there) == seen and not _DOUBT.search(text) and not _unsure(result)):
        return "unchanged"
    emptied, _ = assemble(_emptied(text))
    if not emptied:
        return "undecided"
    if not indirect(emptied):
        return "unchanged"
    if not _DOUBT.search(text):
        raise Failure("unseen", f"{len(indirect(emptied))} indirect branches are left when those seen are gone")
    # Once more without the lines in doubt: what is left then is hidden by nothing.
    certain = _certain(text)
    emptied, _ = assemble(_emptied(certain))
    if emptied and indirect(emptied):
        raise Failure("unseen", "without the lines in doubt, an indirect branch is left when those seen are gone")
    return "in doubt"


def _emptied(text: str) -> str:
    """`text` with a nop in place of every indirect branch that is seen, and of a whole statement where its end is in
    doubt.
    """
    listing = parse(text)
    starts = [start for _, start, _ in listing.tokens]
    pieces: list[str] = []
    position = 0
    for branch in branches(survey(listing)):
        if not branch.indirect or branch.start < position:
            continue
        start, end, close = branch.start, branch.end, ""
        kind, first, last = listing.tokens[bisect_right(starts, end - 1) - 1]
        if branch.skip in _LOOSE and kind != "QUIET":
            start, end = min(start, first), last
            close = "" if "\n" in text[start:end] else ";"
        pieces += [text[position:start], " nop", "\n" * text.count("\n", start, end), close]
        position = end
    return "".join([*pieces, text[position:]])


#: Where a statement's operand is not understood, its end is not known.
_LOOSE = frozenset({SkipReason.UNKNOWN_OPERAND, SkipReason.GLUED_COMMENT})


def _seen(text: str) -> list[Branch]:
    return branches(survey(parse(text)))


def _unsure(result: Rewritten) -> bool:
    return any(skip.reason.unsure for skip in result.skips)


def undecodable(text: str) -> bool:
    """Whether the code of what gas makes of `text` has bytes that are no instruction."""
    content, _ = assemble(text)
    sections = Image("object", BytesIO(content)).sections if content else []
    code = (section.data for section in sections if section.flags & _EXEC)
    return any(i.code == Code.INVALID for data in code for i in Decoder(64, data))


def _decodable(text: str) -> str:
    """`text` without the lines that are no instruction by themselves."""
    lines = text.splitlines(keepends=True)
    return "".join("\n" if line[:1] in " \t" and undecodable(line) else line for line in lines)


def _in_data(text: str, detail: str) -> bool:
    """Whether the place that `detail` begins with, a section's or symbol's name, is in a section without code."""
    image = Image("object", BytesIO(assemble(text)[0]))
    name = detail.removeprefix("new: ").partition("+")[0]
    sections = [s for s in image.sections if s.name == name]
    sections += [image.sections[s.section] for s in image.symbols if s.name == name and s.section]
    return any(not section.flags & _EXEC for section in sections)


def _leads_to_data(text: str) -> bool:
    """Whether a conditional jump goes to a key, to the name of a section, or to a symbol where no code is."""
    image = Image("object", BytesIO(assemble(text)[0]))
    data = {s.name for s in image.symbols if s.section and not image.sections[s.section].flags & _EXEC}
    named = re.findall(r"\bj\w+[ \t]+([\w.$]+)", text)
    return any(name in data or name.startswith(("__SKEY__", "__MARK__", ".text")) for name in named)


def indirect(content: bytes) -> list[str]:
    """The indirect calls and jumps, near and far, in the code sections of an object."""
    image = Image("object", BytesIO(content))
    found: list[str] = []
    for section in image.sections:
        if section.flags & _EXEC and section.data:
            for i in Decoder(64, section.data):
                near = i.is_call_near_indirect or i.is_jmp_near_indirect
                if near or i.is_call_far_indirect or i.is_jmp_far_indirect:
                    found.append(f"{section.name}+{i.ip:#x}: {i}")
    return found
