"""`make kernel`: build a kernel with us in the compiler's place, boot it, exercise it, and say PASS or what is wrong.

    make kernel                                          the variant `static`: our static-call tables, objtool's off
    make kernel VARIANTS="plain static record relpoline" all of them: `record` gathers the profile of `relpoline`

Needs Debian's linux-source-6.1 and what builds and boots it (conformance/kernel/tree.py, PACKAGES), which are installed
when we are root; about 2 GB and 15 minutes on two cores for a variant, in build/kernel or $ASMREWRITE_KERNEL_WORK.
`relpoline` is built of the listings that gcc printed for `record`: their compilers' commands are the same.
"""

import sys

from asmrewrite.profile import write
from asmrewrite.verify.image import Image
from asmrewrite.verify.sites import check_image
from conformance.command import CommandError
from conformance.kernel import boot, calls, measure, tree
from conformance.kernel.tree import Built, Tree

JOBS = 2
#: What each of the variants is booted with, beside nothing.
PARAMETERS = {"relpoline": ("spectre_v2=off", "spectre_v2=retpoline,lfence")}
#: With these every indirect call passes a thunk, in qemu too.
_RETPOLINE = "spectre_v2=retpoline"
_TIMES = f"asmrewrite.times {_RETPOLINE}"
#: A guest whose time stamp counter counts its instructions.
_COUNTING = ("-icount", "shift=0")
#: What aligning the static calls may add to the kernel's code.
GROWTH = 0.0005


def main(names: list[str]) -> int:
    """Build and boot the variants `names`; 0 when all is well."""
    unknown = set(names) - tree.VARIANTS.keys()
    if unknown:
        print(f"kernel: no variant is named {', '.join(sorted(unknown))}; there are {', '.join(tree.VARIANTS)}")
        return 2
    tree.prepare()
    problems: list[str] = []
    said: dict[str, list[str]] = {}
    for name in names or ["static"]:
        made = Tree(tree.VARIANTS[name])
        problems += [f"{name}: {problem}" for problem in (*_build(made), *_against_plain(made))]
        for parameters in ("", *PARAMETERS.get(name, ())) if name != "record" else (_RETPOLINE,):
            run = boot.boot(made, parameters)
            label = f"{name} {parameters}".strip()
            problems += [f"{label}: {line}" for line in run.trouble]
            said[label] = run.lines
            mitigation = next((line.split("~~ ")[1] for line in run.console.splitlines() if "~~ " in line), "?")
            print(f"kernel: {label}: booted, {len(run.lines)} lines of the workload; {mitigation.strip()}", flush=True)
            if name == "record":
                _write_profile(made, run.console)
        if name in ("static", "relpoline"):
            problems += [f"{name}: {line}" for line in _figures(made)]
    first, *others = said.items()
    for label, lines in others:
        if lines != first[1]:
            problems.append(f"{label}: its workload says otherwise than that of {first[0]}")
    for problem in problems:
        print(f"    {problem}")
    print("kernel: FAIL" if problems else "kernel: PASS")
    return int(bool(problems))


def _build(made: Tree) -> list[str]:
    """Configure and make; what is wrong with the build, in words."""
    cost = made.build(JOBS)
    print(
        f"kernel: {made.variant.name}: built in {cost.clock / 60:.1f} minutes, {cost.user:.0f} s of user CPU and "
        f"{cost.system:.0f} s of system CPU",
        flush=True,
    )
    problems = [line for line in made.words().splitlines()[:5] if made.variant.flags != "-"]
    sites = straddling = objects = 0
    for path in sorted(made.folder.glob("**/*.o")):
        if ".tmp" in path.name or path.name in ("vmlinux.o", "built-in.o"):
            continue
        with path.open("rb") as file:
            image = _image(str(path), file)
            found = [v for v in check_image(image) if v.pass_ == "static-call"] if image else []
        if made.variant.flags != "-" and len(image.named(".static_call_sites")) == 1 if image else False:
            problems += [str(v) for v in found if v.reason][:1]
        sites += len(found)
        objects += bool(found)
        straddling += sum(measure.straddles(v.offset) for v in found)
    print(
        f"kernel: {made.variant.name}: {sites} static-call sites in {objects} objects, {straddling} cross a cache line"
    )
    linked = measure.text(made)
    print(
        f"kernel: {made.variant.name}: vmlinux has {linked.size} bytes of code and {linked.sites} static-call sites, "
        f"{linked.straddling} cross a cache line",
        flush=True,
    )
    if made.variant.flags != "-" and straddling + linked.straddling:
        problems.append("static-call sites cross a cache line")
    return problems


def _against_plain(made: Tree) -> list[str]:
    """`static` beside `plain`, once that is built: code, which is judged, and the time of the build, which is not.

    What else the machine does changes CPU time by more than we do; conformance/kernel/speed.py compares in pairs.
    """
    plain = Tree(tree.PLAIN)
    if made.variant.name != "static" or not plain.is_built():
        return []
    before, after = measure.text(plain).size, measure.text(made).size
    ratio = _cpu(made.cost()) / _cpu(plain.cost())
    print(f"kernel: static: code grew by {after / before - 1:.4%}, CPU time is {ratio:.3f} of plain's", flush=True)
    return ["the code grew too much"] if after > before * (1 + GROWTH) else []


def _cpu(cost: Built) -> float:
    return cost.user + cost.system


def _figures(made: Tree) -> list[str]:
    """Instructions of the guest in the loops of `load times`, and which way indirect calls go; what goes wrong."""
    run = boot.boot(made, _TIMES, qemu=_COUNTING)
    figures = ", ".join(f"{name} {count}" for name, count in run.figures.items())
    print(f"kernel: {made.variant.name}: instructions: {figures}", flush=True)
    problems = run.trouble
    if made.variant.name == "relpoline":
        for parameters in (_RETPOLINE, _TIMES):
            ways, run = measure.ways(made, parameters)
            problems += run.trouble
            share = ways.fast / max(ways.calls, 1)
            print(
                f"kernel: relpoline {parameters}: {ways.calls} indirect calls, {ways.stubs} of them of sites with a "
                f"chain, {ways.fast} met their target there: {share:.1%}",
                flush=True,
            )
    return problems


def _image(path: str, file) -> Image | None:  # type: ignore[no-untyped-def]  # any file
    try:
        return Image(path, file)
    except Exception:  # 32-bit, or no object at all
        return None


def _write_profile(made: Tree, console: str) -> None:
    _, _, rest = console.partition("ASMREWRITE-CALLS-BEGIN")
    lines, end, _ = rest.partition("ASMREWRITE-CALLS-END")
    if not end:
        raise CommandError("the recorder's lines are missing or cut short")
    found = calls.profile(made.vmlinux, lines)
    (tree.work() / "calls.profile").write_text(write(found.profile))
    print(
        f"kernel: {found.calls} calls of {found.sites} sites recorded, {found.named} of them have a name; "
        f"{len(found.profile)} sites in the profile",
        flush=True,
    )


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except CommandError as error:
        print(f"kernel: {error}", file=sys.stderr)
        sys.exit(2)
