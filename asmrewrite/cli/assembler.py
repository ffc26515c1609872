"""`asmrewrite as`: takes the assembler's place, rewrites what it is given, assembles and checks it.

A compiler driver reaches it through -B and keeps everything else to itself: dependency files, temporary files,
languages, pipes, link-time optimisation, exit statuses. Nothing is imported here that a file without sites
does not need.
"""

from __future__ import annotations

import os
import re
import sys

from asmrewrite.errors import AsmRewriteError, CheckError
from asmrewrite.toolchain import gas
from asmrewrite.toolchain.output import MEDIUM_ERRORS, print_all, publish
from asmrewrite.toolchain.process import end_by, read_rest, write_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asmrewrite.options import Options
    from asmrewrite.rewriting import Rewritten

#: Set by the compiler wrapper for -S: the output is the rewritten text; "rename" turns X.o into X.s.
EMIT = "ASMREWRITE_EMIT"


def shim_main(arguments: list[str]) -> int:
    """Run as the assembler; the exit status."""
    from asmrewrite.cli.report import guarded, leave

    return leave(guarded(lambda: _main(arguments, os.path.realpath(sys.argv[0]))))


def _main(arguments: list[str], shim: str) -> int:
    line = gas.parse_command_line(arguments)
    if not line.rewritable and EMIT not in os.environ:
        return _replace(gas.find(shim), arguments)
    try:
        source = _read(line.inputs)
    except OSError:
        if EMIT in os.environ:
            raise
        return _replace(gas.find(shim), arguments)
    if line.inputs and EMIT not in os.environ and _has_nothing(source):
        return _replace(gas.find(shim), arguments)
    from asmrewrite.options import gather
    from asmrewrite.rewriting import rewrite

    options = gather()
    if any(word.startswith(("-mbranches-within", "-malign-branch")) for word in line.options):
        options = options._replace(align="p2align")  # gas pads branches itself then, and bundles refuse that
    name = line.inputs[0] if line.inputs else "{standard input}"
    text = source.decode("latin-1")
    result = rewrite(text, options, file=name)
    if EMIT in os.environ:
        return _emit(result, options, line.output)
    assembler = gas.find(shim)
    if not result.changed:
        _statistics(result, options, assembler, line.options, b"")
        if line.inputs:
            return _replace(assembler, arguments)
        return _as_it_was(text, line, assembler, arguments)
    made = gas.assemble_buffers(result.buffers(source), line.options, file=name, assembler=assembler)
    if made.status < 0:
        write_all(2, made.messages)
        end_by(-made.status)
    if made.status:
        return _refused(text, made, line, assembler, arguments)
    if options.check != "off":
        _check(made.content, result, options, name)
    if options.check == "full":
        original = gas.assemble(text, line.options, file=name, assembler=assembler)
        _validate(original.content, made.content, name)
    write_all(2, made.messages)
    _statistics(result, options, assembler, line.options, made.content)
    try:
        publish(line.output, made.content, replace=True)
    except OSError as error:
        # In the assembler's own words, for whoever reads the messages of a build.
        what = "write" if error.errno in MEDIUM_ERRORS else "create"
        messages = f"Assembler messages:\nFatal error: can't {what} {line.output}: {error.strerror}\n"
        write_all(2, os.fsencode(messages))
        return 1
    return 0


#: A compiler's listing with none of these has no site of the project's own passes, whatever their other options.
_SIGNS = (
    b"call\t*", b"jmp\t*", b"call *", b"jmp *", b"callq\t*", b"jmpq\t*", b"callq *", b"jmpq *", b"__SCT__",
    b"____static_call_tramp_", b"__x86_indirect_thunk", b"__llvm_retpoline_", b"intel_syntax", b"noprefix",
)  # fmt: skip
#: Options that do not make more of a listing than those signs show.
_MODEST = frozenset({
    "abi", "bundle", "align", "slow", "targets", "functions", "skip-functions", "check", "tables", "runtime",
    "profile",
})  # fmt: skip


#: The same with abi=kernel, for each table and pass.
_KERNEL_SIGNS = {
    "static-call": (b"__SCT__", b"____static_call_tramp_"), "relpoline": (b"__x86_indirect_thunk_",),
    "retpoline": (b"__x86_indirect_thunk_",), "return": (b"__x86_return_thunk",), "mcount": (b"__fentry__",),
}  # fmt: skip


def _has_nothing(source: bytes) -> bool:
    """Whether `source` can be passed through at once: most files of most programs, so it must cost next to nothing."""
    from asmrewrite.options import ENVIRONMENT, find_file
    from asmrewrite.toolchain.kernel import KERNEL

    said = dict(word.partition("=")[::2] for word in os.environ.get(ENVIRONMENT, "").split())
    if said.get("abi", "kernel" if KERNEL in os.environ else "user") == "kernel":
        words = f"static-call,{said.get('passes', '')},{said.get('tables', '')}".split(",")
        if not {*words} <= {"", *_KERNEL_SIGNS} or not said.keys() <= _MODEST | {"passes"}:
            return False
        signs = [sign for word in words if word for sign in _KERNEL_SIGNS[word]]
        if "relpoline" in words and "profile" in said and _may_be_target(source, said["profile"]):
            return False
    elif said.keys() <= _MODEST:
        signs = list(_SIGNS)
    else:
        return False
    return not any(sign in source for sign in signs) and not find_file(".")


def _may_be_target(source: bytes, profile: str) -> bool:
    """Whether `profile` may name a local function of `source`, which then gets an alias for other files."""
    found = re.search(rb'^\t\.file\t"([^"\\\s]+)"$', source, re.MULTILINE)
    if not found:
        return True
    try:
        with open(profile, "rb") as file:
            return b" %s " % found.group(1) in file.read()
    except OSError:
        return True  # whoever reads it as a profile says what is wrong


def _read(inputs: tuple[str, ...]) -> bytes:
    if not inputs:
        return read_rest(0)
    descriptor = os.open(inputs[0], os.O_RDONLY)
    try:
        return read_rest(descriptor)
    finally:
        os.close(descriptor)


def _replace(assembler: str, arguments: list[str]) -> int:
    """Become the assembler."""
    try:
        os.execv(assembler, ["as", *arguments])
    except OSError as error:
        raise AsmRewriteError(f"cannot run {assembler}: {error.strerror}") from None


def _as_it_was(text: str, line: gas.CommandLine, assembler: str, arguments: list[str]) -> int:
    """Assemble standard input, which has been read, unchanged."""
    from asmrewrite.toolchain.process import run

    finished = run([assembler, *arguments], [text.encode("latin-1")])
    write_all(2, finished.messages)
    if finished.status < 0:
        end_by(-finished.status)
    return finished.status


def _refused(text: str, made: gas.Assembled, line: gas.CommandLine, assembler: str, arguments: list[str]) -> int:
    """gas refused the rewritten text: let it speak of the original, which is what the user wrote."""
    if any(words in made.messages for words in (b"out of memory", b"memory exhausted")):
        write_all(2, made.messages)
        return made.status
    name = line.inputs[0] if line.inputs else ""
    original = gas.assemble(text, line.options, file=name, assembler=assembler)
    if original.status:
        return _replace(assembler, arguments) if line.inputs else _as_it_was(text, line, assembler, arguments)
    raise CheckError(
        f"the assembler refuses the rewritten text: {made.messages.decode('latin-1').strip()}",
        file=name or "{standard input}",
        hint="this is a defect of asmrewrite; report it with the output of `asmrewrite filter` for this input",
    )


def _check(content: bytes, result: Rewritten, options: Options, name: str) -> None:
    from asmrewrite.stubs import abi
    from asmrewrite.verify.sites import Verdict, check_bytes

    verdicts = check_bytes(content, name)
    left = result.left_static_calls(options)
    bad = [v for v in verdicts if v.verdict is not Verdict.PASS and not (v.unaligned and left)]
    if bad:
        raise CheckError("\n".join(map(str, bad)), hint="no object was written; report this with the input")
    for pass_ in abi.PASSES:
        expected = sum(1 for site in result.sites if site.pass_ == pass_)
        listed = sum(1 for verdict in verdicts if verdict.pass_ == pass_)
        # The kernel's table of static calls is made where it is wanted, and whole.
        if listed < expected and (listed or pass_ != "static-call" or options.abi == "user"):
            raise CheckError(f"{expected} {pass_} sites were made and the tables list {listed}", file=name)


def _validate(original: bytes, content: bytes, name: str) -> None:
    """Translation validation; that debug information could not be compared is no objection here."""
    from asmrewrite.verify.sites import Verdict
    from asmrewrite.verify.translation import validate_bytes

    bad = [
        f"{name}: {v.section}: {v.verdict.value}: {v.reason}"
        for v in validate_bytes(original, content, name).sections
        if v.verdict is Verdict.FAIL or (v.verdict is Verdict.UNKNOWN and not v.section.startswith(".debug"))
    ]
    if bad:
        raise CheckError("\n".join(bad), hint="no object was written; report this with the input")


def _statistics(
    result: Rewritten, options: Options, assembler: str, as_options: tuple[str, ...], content: bytes
) -> None:
    if options.stats:
        from asmrewrite.cli.report import statistics

        original = b""
        if content:
            original = gas.assemble(result.original, as_options, assembler=assembler).content
        statistics(result, options.stats, original, content)


def _emit(result: Rewritten, options: Options, output: str) -> int:
    """The wrapper's -S: the text is the output, without the notes that the wrapper asked the compiler for."""
    text = result.text if os.environ.get("ASMREWRITE_NOTES") else without_notes(result.text)
    content = text.encode("latin-1")
    if os.environ[EMIT] == "rename" and output.endswith(".o"):
        output = output[:-2] + ".s"
    if output == "-":
        print_all(content)
    else:
        publish(output, content)
    if options.stats:
        from asmrewrite.cli.report import statistics

        statistics(result, options.stats, b"", b"")
    return 0


def without_notes(text: str) -> str:
    """`text` without gcc's -dp notes, and without the tabs that come with them (gcc/final.cc, output_asm_insn).

    With -dp a tab follows every template of less than nine characters, also where no note does: behind the
    second instruction of one RTL pattern, and behind short inline assembly. -fverbose-asm has those tabs anyhow.
    In inline assembly the template's length is only estimated, since its operands have been filled in: there a
    tab that the source itself has at the end of a line may go, or one that -dp put there may stay.
    """
    verbose = "\n# options passed:" in text
    note = r"# \d+\t(?:\[c=\d+ l=\d+\]  \S+|\S+\t\[length = \d+\])$"
    text = re.sub(rf"\t{{1,{1 if verbose else 2}}}{note}", "", text, flags=re.MULTILINE)
    if verbose or "\t\n" not in text:
        return text
    pieces = re.split(r"^(#APP\n.*?^#NO_APP\n)", text, flags=re.MULTILINE | re.DOTALL)
    pieces[0::2] = [piece.replace("\t\n", "\n") for piece in pieces[0::2]]
    pieces[1::2] = [_ASM_TEMPLATE.sub(_without_tab, piece) for piece in pieces[1::2]]
    return "".join(pieces)


#: One filled-in template of inline assembly with a tab at its end, and what an operand looks like in it.
_ASM_TEMPLATE = re.compile(r'(?<=" 1\n\t)((?:(?!# 0 "" 2\n).*\n)*?.*)\t(?=\n# 0 "" 2\n)')
_ASM_OPERAND = re.compile(r"[-\w.$+@]*\([^)\n]*\)|%\w+|[$][-\w.+]+")


def _without_tab(template: re.Match[str]) -> str:
    shortest = _ASM_OPERAND.sub("%0", template.group(1))
    # A last line of one tab is the usual end of `asm("nop\n\t")`, which gets no tab because it has no operands.
    return template.group() if len(shortest) >= 9 or shortest.endswith("\n") else template.group(1)
