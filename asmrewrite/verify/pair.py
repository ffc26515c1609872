"""Two text sections, and whether an instruction of one is an instruction of the other."""

from __future__ import annotations

from iced_x86 import Code, Decoder, Formatter, FormatterSyntax, Instruction

from asmrewrite.verify.instructions import PREFIXES, REX_W, is_direct, segment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asmrewrite.verify.image import Relocation, Section
    from asmrewrite.verify.walked import Site


class Pair:
    """The original's section, side 0, and the new one, side 1; `keys` are those of the walk (streams.py)."""

    def __init__(
        self,
        original: Section,
        new: Section,
        relocations: tuple[dict[int, Relocation], dict[int, Relocation]],
        keys: tuple[dict[int, object], dict[int, object]],
    ) -> None:
        self.old, self.new = original.data, new.data
        self.relocations, self.keys = relocations, keys
        self._decoders = (Decoder(64, self.old), Decoder(64, self.new))

    def _decode(self, side: int, offset: int) -> Instruction:
        decoder = self._decoders[side]
        decoder.position = offset
        decoder.ip = offset
        return decoder.decode()

    def _text(self, side: int, offset: int) -> str:
        if offset >= len((self.old, self.new)[side]):
            return "(the end)"
        instruction = self._decode(side, offset)
        raw = (self.old, self.new)[side][offset : offset + instruction.len].hex(" ")
        return f"{offset:#x}: {raw}  {Formatter(FormatterSyntax.GAS).format(instruction)}"

    def _moved(self, o: int, n: int) -> bool:
        """Whether both are one instruction, which names the same key if any."""
        length = self._decode(0, o).len
        keys = [{i: self.keys[side].get(place + i) for i in range(length)} for side, place in enumerate((o, n))]
        return keys[0] == keys[1] and self._alike(o, n)

    def _alike(self, o: int, n: int) -> bool:
        """Whether both are one instruction, but for where it leads."""
        old, new = self._decode(0, o), self._decode(1, n)
        if Code.INVALID in (old.code, new.code) or old.mnemonic != new.mnemonic:
            return False
        if is_direct(old) and is_direct(new):
            return self._prefixes(0, o) == self._prefixes(1, n)
        equal = self.old[o : o + old.len] == self.new[n : n + new.len]
        return equal or self._equal_but_target(old, new, o, n)

    def _same_condition(self, branch: Instruction, site: Site) -> bool:
        return branch.condition_code == self._decode(1, site.offset).condition_code

    def _equal_but_target(self, old: Instruction, new: Instruction, o: int, n: int) -> bool:
        if is_direct(old) and is_direct(new):
            # The width may differ where the assembler chose it; a relocated one it did not choose.
            if any(o + i in self.relocations[0] for i in range(old.len)):
                return False
            return self._prefixes(0, o) == self._prefixes(1, n)
        if old.len != new.len or not (old.is_ip_rel_memory_operand and new.is_ip_rel_memory_operand):
            return False
        place = self._decoders[0].get_constant_offsets(self._decode(0, o))
        if any(o + i in self.relocations[0] for i in range(old.len)):
            return False
        hole = range(place.displacement_offset, place.displacement_offset + place.displacement_size)
        return all(i in hole or self.old[o + i] == self.new[n + i] for i in range(old.len))

    def _prefixes(self, side: int, offset: int) -> bytes:
        """The prefixes of the direct branch at `offset`."""
        data, end = (self.old, self.new)[side], offset
        while end < len(data) and data[end] in PREFIXES:
            end += 1
        return data[offset:end]

    def _equal_memory(self, branch: Instruction, load: Instruction) -> bool:
        """Whether both read the same memory, as far as the instructions say; relocations are compared apart."""
        equal = (
            branch.memory_base == load.memory_base
            and branch.memory_index == load.memory_index
            and branch.memory_index_scale == load.memory_index_scale
            and segment(branch) == segment(load)
        )
        if not equal:
            return False
        if branch.is_ip_rel_memory_operand:
            return True
        return bool(branch.memory_displacement == load.memory_displacement)

    def _length_in_doubt(self, offset: int) -> bool:
        """Whether the original has a direct branch with a 16-bit operand there: Intel's processors read 32 bits.

        Intel SDM 2A, "CALL" and "Jcc": the operand size is forced to 64 bits; AMD APM 3, "CALL (Near)": rel16off.
        """
        branch, prefixes = self._decode(0, offset), self._prefixes(0, offset)
        near = branch.is_call_near or branch.is_jmp_near or branch.is_jcc_near
        return bool(near and 0x66 in prefixes and prefixes[-1] not in REX_W)
