"""Two text sections walked together, instruction by instruction, to the map of offsets between them.

Equal instructions are passed over; padding may grow and shrink where alignment asks for it; a direct branch may
change its width and displacement as long as it leads to what its target became. Whatever else differs must be a
site of the tables: the original branch on one side, what the pass put in its place on the other.
"""

from __future__ import annotations

from iced_x86 import Code, FlowControl, Instruction, OpKind

from asmrewrite.stubs.abi import PADDING_PREFIX
from asmrewrite.verify.instructions import (
    LEGACY,
    REGISTERS,
    aligned,
    is_direct,
    is_load_of,
    is_nop,
)
from asmrewrite.verify.keytests import KeyStub, is_set
from asmrewrite.verify.offsets import OffsetMap
from asmrewrite.verify.pair import Pair
from asmrewrite.verify.shapes import ENDBR, ENTRY_PADDING, PUSHES
from asmrewrite.verify.walked import Difference, Replaced, Site, Walked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asmrewrite.verify.image import Relocation, Section

_RUNS_ON = frozenset({FlowControl.NEXT, FlowControl.CONDITIONAL_BRANCH})
#: How long a test of a key may be, other instructions between its own included (bytes).
_TEST_REACH = 400


class Walk(Pair):
    """The walk over one pair of sections; `relocations` are both's, `hooks` the original's symbols for __fentry__.

    `keys` tells what a relocation names from what others do, where it is not code: in both, by its place.
    """

    def __init__(
        self,
        original: Section,
        new: Section,
        sites: list[Site],
        relocations: tuple[dict[int, Relocation], dict[int, Relocation]],
        hooks: frozenset[int] = frozenset(),
        stubs: dict[int, KeyStub] | None = None,
        keys: tuple[dict[int, object], dict[int, object]] = ({}, {}),
    ) -> None:
        super().__init__(original, new, relocations, keys)
        self.stubs = stubs or {}
        self.hooks = hooks
        self.sites = sorted(sites)
        self.next_site = 0
        #: The original's offset that the last function with a site begins at.
        self.entered = -1
        #: Whether the instruction last passed over goes on to the next; a call may be one that does not return.
        self.runs_on = False
        self.offsets = OffsetMap()
        self.replaced: list[Replaced] = []
        self.differences: list[Difference] = []
        self.branches: list[tuple[int, int, int, int]] = []
        self.behind: dict[int, int] = {}
        self.widened: list[int] = []
        self.literals: set[int] = set()
        #: The original's offsets inside of tests that became sites: behind their first instruction.
        self.inside: set[int] = set()

    def walk(self) -> Walked:
        """Walk to the end of the original, or to the first difference."""
        o = n = 0
        while o < len(self.old) or self._at_entry(o):
            o, n = self._padding(o, n)
            if self._at_entry(o):
                step = self._entry(o, n)
                if step is None:
                    self.differences.append(Difference(o, n, "the function does not begin with its site"))
                    break
                o, n = step
                continue
            if o >= len(self.old):
                break
            if self.old[o] in LEGACY and self._length_in_doubt(o):
                what = f"{self._text(0, o)}: processors disagree about its length"
                self.differences.append(Difference(o, n, what, unknown=True))
                break
            last = self._decode(0, o)
            self.runs_on = last.flow_control in _RUNS_ON and last.code != Code.INVALID
            step = self._marker(o, n) or self._site(o, n) or self._same(o, n)
            if step is None:
                self.differences.append(Difference(o, n, f"{self._text(0, o)}  became  {self._text(1, n)}"))
                break
            o, n = step
            self.offsets.shift(o, n)
        for source, target, new_source, new_target in self.branches:
            if not self.differences and not self.offsets.leads(target, new_target):
                what = f"{self._text(0, source)}  leads elsewhere than  {self._text(1, new_source)}"
                self.differences.append(Difference(source, new_source, what))
            if not self.differences and target in self.inside:
                what = f"{self._text(0, source)}  leads into a test of a key"
                self.differences.append(Difference(source, new_source, what))
        if self.next_site < len(self.sites) and not self.differences:
            left = self.sites[self.next_site]
            self.differences.append(Difference(o, left.offset, "a site of the tables took no branch's place"))
        branches = (replaced.original[1] - 1 for replaced in self.replaced if replaced.site.form != "push")
        inner = frozenset((*branches, *self.widened))
        led = tuple((to, at if is_direct(self._decode(0, at)) else None) for at, to, _, _ in self.branches)
        return Walked(
            self.offsets,
            tuple(self.replaced),
            tuple(self.differences),
            n,
            self.behind,
            inner,
            led,
            frozenset(self.literals),
        )

    def _padding(self, o: int, n: int) -> tuple[int, int]:
        """Pass over padding on both sides."""
        starts, new_starts = self._nops(0, o), self._nops(1, n)
        o_end = starts[-1]
        # What is still there is no test's beginning.
        if new_starts[-1] > n and self._is_test(o_end) and not self._moved(o_end, new_starts[-1]):
            new_starts = self._before_test(o_end, new_starts)
        n_end = new_starts[-1]
        if o_end == o and (n_end == n or self._is_test(o, n_end)):
            return o, n
        if o_end - o == n_end - n and self.old[o:o_end] == self.new[n:n_end]:
            return o_end, n_end
        # Behind an alignment there may be nops of the original's.
        rests = (
            e for e in starts if n_end - (o_end - e) in new_starts and self.new.endswith(self.old[e:o_end], n, n_end)
        )
        if not any(self._may_differ(o, end, n, n_end - (o_end - end)) for end in rests):
            self.differences.append(Difference(o, n, f"{o_end - o} bytes of padding became {n_end - n}"))
        # Between instructions: the middle of a long nop is something else.
        places = frozenset(new_starts)
        for place in starts:
            # Behind a site at a function's start, its first instruction may be aligned: the start led there before.
            (self.offsets.widen if place == self.entered else self.offsets.loosen)(place, places)
        self.offsets.shift(o_end, n_end)
        return o_end, n_end

    def _nops(self, side: int, offset: int) -> list[int]:
        """The offsets of the nops from `offset` on, and at last of what follows them."""
        found = [offset]
        data = (self.old, self.new)[side]
        relocations = self.relocations[side]
        end = len(data)
        if self.next_site < len(self.sites) and self.sites[self.next_site].pass_ == "call-ops":
            site = self.sites[self.next_site]
            end = min(end, site.entry[0] - site.literal if side else site.entry[1])
        while offset < end:
            if side and self._is_prefixed(offset):
                found.append(self.sites[self.next_site].offset)
                break
            instruction = self._decode(side, offset)
            if not is_nop(instruction) or any(offset + i in relocations for i in range(instruction.len)):
                break
            offset += instruction.len
            found.append(offset)
        return found

    def _is_prefixed(self, n: int) -> bool:
        """Whether a marker's site has its padding at `n`: prefixes that make one instruction with it."""
        if self.next_site >= len(self.sites) or self.sites[self.next_site].pass_ != "marker":
            return False
        size = self.sites[self.next_site].offset - n
        return 0 < size <= 4 and self.new[n : n + size] == bytes([PADDING_PREFIX]) * size

    def _may_differ(self, o: int, o_end: int, n: int, n_end: int) -> bool:
        """Whether alignment explains it, in front of the padding's own bytes or behind them.

        In front of a site the padding may be longer by what keeps the site inside its block, 5 bytes at most.
        """
        if o_end == len(self.old) or n_end == len(self.new):
            return True
        site = self.sites[self.next_site] if self.next_site < len(self.sites) else None
        if site and site.literal and n_end == site.entry[0] - site.literal:
            # Data of 8 bytes, and before it what keeps the function as aligned as it was.
            return any(aligned(o, o_end, n, n_end - own) for own in (0, 8, 24, 56) if n_end - own >= n)
        at_site = site is not None and site.offset == n_end
        return any(aligned(o, o_end, n, n_end - own) for own in (range(6) if at_site else (0,)) if n_end - own >= n)

    def _at_entry(self, o: int) -> bool:
        """Whether the original's function that has the next site begins at `o`."""
        if self.next_site >= len(self.sites):
            return False
        return self.sites[self.next_site].pass_ == "call-ops" and self.sites[self.next_site].entry[1] == o

    def _entry(self, o: int, n: int) -> tuple[int, int] | None:
        """The beginning of a function: its literal, `endbr64`, padding, and the site.

        The original has nothing in the site's place, or a call of __fentry__, or nops of -fpatchable-function-entry; or
        the push that the site is, which must not be passed by.
        """
        site = self.sites[self.next_site]
        before = self.new[n : n + site.literal]
        if site.entry[0] != n + site.literal or before.strip(b"\0") or len(before) != site.literal:
            return None
        if not 0 <= site.offset - site.entry[0] <= len(ENDBR) + ENTRY_PADDING or site.offset > len(self.new):
            return None
        if any(place in self.relocations[1] for place in range(n, n + site.literal)):
            return None
        if site.literal and self.runs_on:
            return None
        if site.literal:
            self.literals.add(n)
        start, n = n, n + site.literal
        if self.old[o : o + 4] == self.new[n : n + 4] == ENDBR:
            self.offsets.widen(o, frozenset((start, n)))
            self.offsets.shift(o, n)
            o, n = o + 4, n + 4
            start = n
        end = site.offset + site.size
        self.next_site += 1
        self.entered = o
        places = frozenset((start, *self._nops_between(n, site.offset)))
        if any(place in self.relocations[1] for place in range(n, end)):
            return None
        if site.form == "push":
            was = len(PUSHES[site.register])
            if self.old[o : o + was] != PUSHES[site.register]:
                return None
        else:
            was, places = self._marked(o, end), places | {end}
        self.offsets.widen(o, places)
        if was:
            self.replaced.append(Replaced(site, (o, o + was), (n, end), (0, 0), direct=True, notrack=False))
            self.offsets.loosen(o + was, frozenset((end,)))
        self.offsets.shift(o + was, end)
        return o + was, end

    def _nops_between(self, start: int, end: int) -> list[int]:
        """The offsets of the instructions in [start, end) of the new section, which level "sites" has seen, and end."""
        found = [start]
        while found[-1] < end:
            found.append(found[-1] + self._decode(1, found[-1]).len)
        return found

    def _marked(self, o: int, end: int) -> int:
        """How many bytes of the original at `o` are there for the same purpose as the site that ends at `end`."""
        if o >= len(self.old):
            return 0
        call = self._decode(0, o)
        if call.is_call_near or (call.is_call_near_indirect and call.is_ip_rel_memory_operand):
            # Whether it is one of __fentry__ its relocation says; another call is also in the new section.
            relocation = next(
                (self.relocations[0][o + i] for i in range(call.len) if o + i in self.relocations[0]), None
            )
            return call.len if relocation is not None and relocation.symbol in self.hooks else 0
        mine, theirs = self._nops(0, o), self._nops(1, end)
        five = self.old[o : o + 5] == b"\x90" * 5 and len(mine) > 5
        if not five or mine[-1] - o == theirs[-1] - end:
            return 0
        # What is left of them may be an alignment's.
        rest = mine[-1] - mine[5] == theirs[-1] - end or self._may_differ(mine[5], mine[-1], end, theirs[-1])
        return 5 if rest else 0

    def _site(self, o: int, n: int) -> tuple[int, int] | None:
        """The original's branch at `o` and the site that begins at `n`, padding and load included."""
        if self.next_site >= len(self.sites):
            return None
        site = self.sites[self.next_site]
        if site.offset - n > 24 or site.pass_ in ("marker", "call-ops"):
            return None
        branch = self._decode(0, o)
        load = (0, 0)
        place = n
        if site.offset != n:
            loading = self._decode(1, n)
            if not is_load_of(branch, loading) or not self._equal_memory(branch, loading):
                return None
            load = (n, n + loading.len)
            place = self._nops(1, n + loading.len)[-1]
            if place != site.offset or place - load[1] > 5:
                return None
        if not self._is_replaced(branch, site, load != (0, 0)):
            return None
        self.next_site += 1
        end = site.offset + site.size
        # A segment of its own hides the prefix from the decoder.
        notrack = not is_direct(branch) and 0x3E in self._prefixes(0, o)
        self.replaced.append(Replaced(site, (o, o + branch.len), (n, end), load, is_direct(branch), notrack))
        if site.pass_ == "static-call" and not branch.is_call_near_indirect:
            self._follow(branch, self._decode(1, site.offset), o, site.offset)
        elif load != (0, 0) and branch.is_ip_rel_memory_operand:
            self._follow(branch, self._decode(1, n), o, n)
        return o + branch.len, end

    def _is_test(self, o: int, site: int | None = None) -> bool:
        """Whether a test of a key begins at `o`, and the next site is for it; and is at `site`, if that is given."""
        offset = self.sites[self.next_site].offset if self.next_site < len(self.sites) else -1
        stub = self.stubs.get(offset)
        return stub is not None and site in (None, offset) and self._moved(o, stub.chain[0].ip)

    def _before_test(self, o: int, starts: list[int]) -> list[int]:
        """Those of the new section's nops that stand before the test of a key at `o`: nops inside it are left there."""
        chain = [i.ip for i in self.stubs[self.sites[self.next_site].offset].chain]
        inside = b""
        end = min(len(self.old), o + _TEST_REACH)
        while o < end:
            instruction = self._decode(0, o)
            if is_nop(instruction):
                inside += self.old[o : o + instruction.len]
            elif chain and self._moved(o, chain[0]):
                del chain[0]
            else:
                break
            o += instruction.len
        place = starts[-1] - len(inside)
        if place not in starts or self.new[place : starts[-1]] != inside:
            return starts
        return starts[: starts.index(place) + 1]

    def _marker(self, o: int, n: int) -> tuple[int, int] | None:
        """The test of a key at `o`, other instructions between its own, and its site behind those at `n`."""
        if self.next_site >= len(self.sites):
            return None
        site = self.sites[self.next_site]
        stub = self.stubs.get(site.offset)
        if stub is None or stub.branch is None or not self._moved(o, stub.chain[0].ip):
            return None
        if n < site.offset and self._moved(o, n):
            return None  # it is still there: the test begins behind it
        first, begin = o, n
        moved: list[tuple[int, int, int]] = []
        kept: list[tuple[int, int]] = []
        while len(moved) < len(stub.chain) or not self._alike(o, stub.branch.ip):
            old = self._decode(0, o)
            if old.code == Code.INVALID or o - first > _TEST_REACH:
                return None
            if n < site.offset and self._moved(o, n):
                kept.append((o, n))
                n += self._decode(1, n).len
            elif len(moved) < len(stub.chain) and self._moved(o, stub.chain[len(moved)].ip):
                moved.append((o, stub.chain[len(moved)].ip, old.len))
                kept.append((o, n))
            else:
                return None
            o += old.len
        branch = self._decode(0, o)
        kept.append((o, n))
        moved.append((o, stub.branch.ip, branch.len))
        start = n
        sets: list[tuple[int, int]] = []
        while n < site.offset and is_set(instruction := self._decode(1, n)):
            sets.append((instruction.op0_register, instruction.immediate32))
            n += instruction.len
        padding = self._nops(1, n)
        if padding[-1] != site.offset:
            return None
        # What aligns a function is in front of a site that it begins with, and was none where that was aligned already.
        if site.offset - n > 7 and (n != begin or not self._may_differ(first, first, n, site.offset)):
            return None
        self.next_site += 1
        gone = {place: there for place, there, _ in moved}
        self.inside.update(place for place, _ in kept[1:])
        for place, there in kept:
            self.offsets.shift(place, there)
            if there == start:
                # What stood before an instruction that is gone stands before the site, or its padding.
                self.offsets.widen(place, frozenset({start, *padding}))
            now = gone.get(place, there)
            self._follow(self._decode(0, place), self._decode(1, now), place, now)
        end = site.offset + site.size
        self.replaced.append(
            Replaced(site, (first, o + branch.len), (start, end), (0, 0), True, False, tuple(moved), tuple(sets))
        )
        return o + branch.len, end

    def _is_replaced(self, branch: Instruction, site: Site, loaded: bool) -> bool:
        """Whether `branch` is what such a site may replace: the same form, through the same register."""
        if site.pass_ == "static-call":
            if loaded:
                return False
            if branch.is_call_near_indirect:
                return site.form == "call" and branch.is_ip_rel_memory_operand
            if branch.is_jmp_near_indirect:
                return site.form == "jmp" and branch.is_ip_rel_memory_operand
            forms = {
                "call": branch.is_call_near,
                "jmp": branch.is_jmp_short_or_near,
                "jcc": branch.is_jcc_short_or_near,
            }
            return forms.get(site.form, False) and (site.form != "jcc" or self._same_condition(branch, site))
        if site.form == "call":
            direct, indirect = branch.is_call_near, branch.is_call_near_indirect
        else:
            direct, indirect = branch.is_jmp_short_or_near, branch.is_jmp_near_indirect
        if indirect and branch.op0_kind == OpKind.REGISTER:
            return not loaded and branch.op0_register == REGISTERS[site.register]
        return loaded if indirect else direct and not loaded

    def _same(self, o: int, n: int) -> tuple[int, int] | None:
        """One instruction, equal but for where it leads."""
        old, new = self._decode(0, o), self._decode(1, n)
        if Code.INVALID in (old.code, new.code):
            # Data in text: byte for byte.
            return (o + 1, n + 1) if self.old[o] == self.new[n] else None
        equal = self.old[o : o + old.len] == self.new[n : n + new.len]
        leads = old.near_branch_target != 0 or old.is_ip_rel_memory_operand or is_direct(old)
        if equal and not leads:
            return o + old.len, n + new.len
        if old.mnemonic != new.mnemonic or not (equal or self._equal_but_target(old, new, o, n)):
            return None
        if old.len != new.len:
            self.widened.append(o + old.len - 1)
        self._follow(old, new, o, n)
        return o + old.len, n + new.len

    def _follow(self, old: Instruction, new: Instruction, o: int, n: int) -> None:
        """Note where both lead, to be compared when the map is whole; a relocated field is compared with those."""
        relocated = [o + i for i in range(old.len) if o + i in self.relocations[0]]
        self.behind.update((place, o + old.len - place) for place in relocated)
        field = self._decoders[0].get_constant_offsets(self._decode(0, o))
        start = field.displacement_offset if old.is_ip_rel_memory_operand else field.immediate_offset
        if o + start in relocated or (not relocated and any(n + i in self.relocations[1] for i in range(new.len))):
            return  # compared with the relocations
        if is_direct(old):
            self.branches.append((o, old.near_branch_target, n, new.near_branch_target))
        elif old.is_ip_rel_memory_operand:
            self.branches.append((o, old.ip_rel_memory_address, n, new.ip_rel_memory_address))
