"""How long one batch of static-call updates takes in a program with a million sites."""

from __future__ import annotations

import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

SITES, KEYS, FILES, CALLS = 1_000_000, 16, 8, 1000
_INCLUDE = Path(__file__).resolve().parent.parent / "asmrewrite" / "include"

_MAIN = """\
#include <asmrewrite/static_call.h>
#include <stdio.h>
#include <time.h>
static long first, second;
static void one(void) { first++; }
static void two(void) { second++; }
%(keys)s
void run(void);
static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}
int main(void)
{
	struct asmrewrite_static_call_change changes[] = { %(changes)s };
	double start, seconds[2];

	run();
	for (int i = 0; i < 2; i++) {
		for (int k = 0; k < %(count)d; k++)
			changes[k].func = (void *)(i ? one : two);
		start = now();
		static_call_update_batch(changes, %(count)d);
		seconds[i] = now() - start;
		run();
	}
	printf("%%.3f %%.3f %%ld %%ld\\n", seconds[0], seconds[1], first, second);
	return 0;
}
"""


def updates(folder: Path, runs: int = 9) -> Iterator[str]:
    """The lines of the report; the program is generated and built once."""
    program = _build(folder / "updates")
    seconds: list[float] = []
    for _ in range(runs):
        out = subprocess.run([program], check=True, capture_output=True, text=True).stdout.split()
        if out[2:] != [str(2 * SITES), str(SITES)]:
            raise RuntimeError(f"{SITES} sites were called three times, and the targets ran {out[2:]} times")
        seconds += map(float, out[:2])
    yield f"{SITES:,} static-call sites of {KEYS} keys in one batch: {statistics.median(seconds):.3f} s"


def _build(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "updates"
    if program.exists():
        return program
    compiler = str(Path(sys.executable).parent / "asmrewrite-gcc")
    calls = [f"\tcall\t__SCT__key{n}\n" for n in range(KEYS)]
    functions = SITES // FILES // CALLS
    for file in range(FILES):
        text = ["\t.text\n"]
        for function in range(functions):
            text += [f"f{file}_{function}:\n\tsubq\t$8, %rsp\n", *(calls[n % KEYS] for n in range(CALLS))]
            text.append("\taddq\t$8, %rsp\n\tret\n")
        text += [f"\t.globl\tfile{file}\nfile{file}:\n\tsubq\t$8, %rsp\n"]
        text += [f"\tcall\tf{file}_{function}\n" for function in range(functions)]
        text.append('\taddq\t$8, %rsp\n\tret\n\t.section\t.note.GNU-stack,"",@progbits\n')
        source = folder / f"sites{file}.s"
        source.write_text("".join(text))
        subprocess.run([compiler, "-c", source, "-o", source.with_suffix(".o")], check=True)
    keys = "\n".join(f"DEFINE_STATIC_CALL(key{n}, one);" for n in range(KEYS))
    changes = ", ".join(f"{{ &__SCK__key{n}, 0, ASMREWRITE_CALL_FUNCTION }}" for n in range(KEYS))
    run = "".join(f"void file{n}(void);\n" for n in range(FILES))
    run += "void run(void) { " + " ".join(f"file{n}();" for n in range(FILES)) + " }\n"
    main = folder / "main.c"
    main.write_text(_MAIN % {"keys": keys, "changes": changes, "count": KEYS} + run)
    objects = [folder / f"sites{file}.o" for file in range(FILES)]
    partial = folder / "updates.partial"
    subprocess.run([compiler, "-O2", f"-I{_INCLUDE}", main, *objects, "-o", partial], check=True)
    return partial.rename(program)
