/* asmrewrite/marker_enter.h - how a marker of C reaches its probes: by a call that the compiler does not know of.
 *
 * A call that is seen costs also where it is never made: the function is no leaf any more, its stack is aligned, what is
 * live goes to registers that callees keep. So a marker's call is an asm, of a function that keeps all registers of integers:
 *
 *	leaq	1f(%rip), %r11
 *	jmp	asmrewrite_marker_enter		no call: a local may be in the red zone, whose address the probe gets
 * 1:	nopl	marker(%rip)			never more than a nop: it says which marker it is,
 *	nopl	%eax ...			these in which registers the arguments are,
 *	nopl	%esp				and that there are no more
 *
 * The stack pointer stays where it is, so that the function's own call frame information holds at each instruction. Vector
 * and x87 registers are clobbered as by any call. There is a return without a call, and so no such thing where shadow stacks
 * may be. Included by asmrewrite/marker.h.
 */
#ifndef ASMREWRITE_MARKER_ENTER_H
#define ASMREWRITE_MARKER_ENTER_H

/* More arguments than this, or one that no register of integers holds, and it is a call. */
#define ASMREWRITE_MOST_ARGUMENTS	6

/* What AVX-512 adds, of which gcc does not let an asm say that it is clobbered where the file is not compiled for it, though
 * a function with the attribute target("avx512f") has it.
 */
struct asmrewrite_wide {
	unsigned char vectors[16][64], masks[8][8];
} __attribute__((aligned(64)));

#define ASMREWRITE_WIDE(move, name, at)								\
	ASMREWRITE_WIDE_##move("vmovups", "zmm" #name, #at)
#define ASMREWRITE_WIDE_SAVE(head, name, at)	"{" head "\t%%" name ", " at "(%0)|" head "\t[%0+" at "], " name "}\n\t"
#define ASMREWRITE_WIDE_LOAD(head, name, at)	"{" head "\t" at "(%0), %%" name "|" head "\t" name ", [%0+" at "]}\n\t"
#define ASMREWRITE_VECTORS(move)								\
	ASMREWRITE_WIDE(move, 16, 0) ASMREWRITE_WIDE(move, 17, 64) ASMREWRITE_WIDE(move, 18, 128)	\
	ASMREWRITE_WIDE(move, 19, 192) ASMREWRITE_WIDE(move, 20, 256) ASMREWRITE_WIDE(move, 21, 320)	\
	ASMREWRITE_WIDE(move, 22, 384) ASMREWRITE_WIDE(move, 23, 448) ASMREWRITE_WIDE(move, 24, 512)	\
	ASMREWRITE_WIDE(move, 25, 576) ASMREWRITE_WIDE(move, 26, 640) ASMREWRITE_WIDE(move, 27, 704)	\
	ASMREWRITE_WIDE(move, 28, 768) ASMREWRITE_WIDE(move, 29, 832) ASMREWRITE_WIDE(move, 30, 896)	\
	ASMREWRITE_WIDE(move, 31, 960)
#define ASMREWRITE_MASKS(move, head)								\
	ASMREWRITE_WIDE_##move(head, "k0", "1024") ASMREWRITE_WIDE_##move(head, "k1", "1032")	\
	ASMREWRITE_WIDE_##move(head, "k2", "1040") ASMREWRITE_WIDE_##move(head, "k3", "1048")	\
	ASMREWRITE_WIDE_##move(head, "k4", "1056") ASMREWRITE_WIDE_##move(head, "k5", "1064")	\
	ASMREWRITE_WIDE_##move(head, "k6", "1072") ASMREWRITE_WIDE_##move(head, "k7", "1080")

/* Called by asmrewrite_marker_enter: `registers` by the numbers that instructions have for them, and where it returns to. */
__attribute__((weak, visibility("hidden"), used, cold, noinline)) void
asmrewrite_marker_entered(const unsigned long *registers, const unsigned char *behind)
{
	const int wide = __builtin_cpu_supports("avx512f") != 0, widest = __builtin_cpu_supports("avx512bw") != 0;
	unsigned long values[ASMREWRITE_MOST_ARGUMENTS];
	const struct asmrewrite_marker *marker;
	const struct asmrewrite_probe *probe;
	struct asmrewrite_wide kept;
	size_t count = 0;
	int distance;

	if (wide)
		__asm__ volatile(ASMREWRITE_VECTORS(SAVE) : : "r"(&kept) : "memory");
	if (widest)
		__asm__ volatile(ASMREWRITE_MASKS(SAVE, "kmovq") : : "r"(&kept) : "memory");
	else if (wide)
		__asm__ volatile(ASMREWRITE_MASKS(SAVE, "kmovw") : : "r"(&kept) : "memory");
	/* 0f 1f 05 disp32; then 0f 1f c0+register, or with 41 in front; and 0f 1f c4. */
	memcpy(&distance, behind + 3, sizeof(distance));
	behind += 7;
	marker = (const struct asmrewrite_marker *)(const void *)(behind + distance);
	while (behind[0] == 0x41 || behind[2] != 0xc4) {
		const int high = behind[0] == 0x41;

		values[count++] = registers[high << 3 | (behind[high + 2] & 7)];
		behind += high + 3;
	}
	probe = __atomic_load_n(&marker->key->probes, __ATOMIC_ACQUIRE);
	for (; probe && probe->function; probe++) {
		va_list arguments;

		if (probe->only && probe->only != marker)
			continue;
		/* What va_start makes where all registers are used up already (System V ABI 3.5.7). */
		arguments->gp_offset = 6 * 8;
		arguments->fp_offset = 6 * 8 + 8 * 16;
		arguments->overflow_arg_area = values;
		arguments->reg_save_area = NULL;
		probe->function(marker, probe->data, marker->format, &arguments);
	}
	if (widest)
		__asm__ volatile(ASMREWRITE_MASKS(LOAD, "kmovq") : : "r"(&kept) : "memory");
	else if (wide)
		__asm__ volatile(ASMREWRITE_MASKS(LOAD, "kmovw") : : "r"(&kept) : "memory");
	if (wide)
		__asm__ volatile(ASMREWRITE_VECTORS(LOAD) : : "r"(&kept) : "memory");
}

/* Without tables of frames (-fno-asynchronous-unwind-tables) the assembler takes nothing about them. */
#ifdef __GCC_HAVE_DWARF2_CFI_ASM
#define ASMREWRITE_CFI(directive)	"\t.cfi_" directive "\n"
#else
#define ASMREWRITE_CFI(directive)
#endif
/* The bytes of an instruction, and a register's number in DWARF. Debuggers find there what the callers have in it. */
#define ASMREWRITE_PUSH(bytes, number)								\
	"\t.byte\t" bytes "\n" ASMREWRITE_CFI("adjust_cfa_offset 8") ASMREWRITE_CFI("rel_offset " number ", 0")
#define ASMREWRITE_POP(bytes, number)								\
	"\t.byte\t" bytes "\n" ASMREWRITE_CFI("adjust_cfa_offset -8") ASMREWRITE_CFI("restore " number)

/* No C function, which would be instrumented (-fstack-protector-all, -fprofile-arcs); and bytes, because outside of functions
 * an asm is not told of -masm=intel. Link-time optimization puts several of these into one file.
 */
__asm__(".pushsection .text.asmrewrite_marker_enter, \"axG\", @progbits, asmrewrite_marker_enter, comdat\n"
	"\t.ifndef asmrewrite_marker_enter\n"
	"\t.weak asmrewrite_marker_enter\n"
	"\t.hidden asmrewrite_marker_enter\n"
	"\t.type asmrewrite_marker_enter, @function\n"
	"asmrewrite_marker_enter:\n"
	ASMREWRITE_CFI("startproc") ASMREWRITE_CFI("def_cfa_offset 0") ASMREWRITE_CFI("register 16, 11")
	/* leaq -128(%rsp), %rsp: below the red zone. The call is for the processor, which counts on one for each return. */
	"\t.byte\t0x48, 0x8d, 0x64, 0x24, 0x80\n" ASMREWRITE_CFI("adjust_cfa_offset 128")
	"\tcall\t1f\n\tint3\n1:\n" ASMREWRITE_CFI("adjust_cfa_offset 8")
	/* movq %r11, (%rsp): the return address, which is 16 in DWARF */
	"\t.byte\t0x4c, 0x89, 0x1c, 0x24\n" ASMREWRITE_CFI("rel_offset 16, 0")
	ASMREWRITE_PUSH("0x41, 0x57", "15")			/* pushq %r15 */
	ASMREWRITE_PUSH("0x41, 0x56", "14")
	ASMREWRITE_PUSH("0x41, 0x55", "13")
	ASMREWRITE_PUSH("0x41, 0x54", "12")
	ASMREWRITE_PUSH("0x41, 0x53", "11")
	ASMREWRITE_PUSH("0x41, 0x52", "10")
	ASMREWRITE_PUSH("0x41, 0x51", "9")
	ASMREWRITE_PUSH("0x41, 0x50", "8")
	ASMREWRITE_PUSH("0x57", "5")				/* pushq %rdi */
	ASMREWRITE_PUSH("0x56", "4")				/* pushq %rsi */
	ASMREWRITE_PUSH("0x55", "6")				/* pushq %rbp */
	"\t.byte\t0x54\n" ASMREWRITE_CFI("adjust_cfa_offset 8")	/* pushq %rsp, where no argument is */
	ASMREWRITE_PUSH("0x53", "3")				/* pushq %rbx */
	ASMREWRITE_PUSH("0x52", "1")				/* pushq %rdx */
	ASMREWRITE_PUSH("0x51", "2")				/* pushq %rcx */
	ASMREWRITE_PUSH("0x50", "0")				/* pushq %rax */
	"\t.byte\t0x48, 0x89, 0xe7\n"				/* movq %rsp, %rdi */
	"\t.byte\t0x48, 0x8b, 0xb4, 0x24, 128, 0, 0, 0\n"	/* movq 128(%rsp), %rsi */
	"\t.byte\t0x48, 0x89, 0xe5\n"				/* movq %rsp, %rbp */
	ASMREWRITE_CFI("def_cfa_register 6")
	"\t.byte\t0x48, 0x83, 0xe4, 0xf0\n"			/* andq $-16, %rsp */
	"\tcall\tasmrewrite_marker_entered\n"
	"\t.byte\t0x48, 0x89, 0xec\n"				/* movq %rbp, %rsp */
	ASMREWRITE_CFI("def_cfa_register 7")
	ASMREWRITE_POP("0x58", "0")
	ASMREWRITE_POP("0x59", "2")
	ASMREWRITE_POP("0x5a", "1")
	ASMREWRITE_POP("0x5b", "3")
	"\t.byte\t0x48, 0x8d, 0x64, 0x24, 8\n" ASMREWRITE_CFI("adjust_cfa_offset -8")	/* leaq 8(%rsp), %rsp */
	ASMREWRITE_POP("0x5d", "6")
	ASMREWRITE_POP("0x5e", "4")
	ASMREWRITE_POP("0x5f", "5")
	ASMREWRITE_POP("0x41, 0x58", "8")
	ASMREWRITE_POP("0x41, 0x59", "9")
	ASMREWRITE_POP("0x41, 0x5a", "10")
	ASMREWRITE_POP("0x41, 0x5b", "11")
	ASMREWRITE_POP("0x41, 0x5c", "12")
	ASMREWRITE_POP("0x41, 0x5d", "13")
	ASMREWRITE_POP("0x41, 0x5e", "14")
	ASMREWRITE_POP("0x41, 0x5f", "15")
	"\t.byte\t0xc2, 128, 0\n"				/* ret $128 */
	ASMREWRITE_CFI("endproc")
	"\t.size asmrewrite_marker_enter, .-asmrewrite_marker_enter\n"
	"\t.endif\n"
	"\t.popsection");

/* `x` as an argument of a function without prototype is: of the type of that, but for float, which is double. */
#define ASMREWRITE_DECAYED(x)	(0 ? (x) : ((void)0, (x)))
#define ASMREWRITE_PROMOTED(x)									\
	__typeof__(__builtin_choose_expr(__builtin_types_compatible_p(__typeof__(ASMREWRITE_DECAYED(x)), float), 0.0,	\
					 ASMREWRITE_DECAYED(x)))
/* An integer, a pointer or a double. */
#define ASMREWRITE_FITS(x)									\
	(sizeof(ASMREWRITE_PROMOTED(x)) <= 8 && (0x122 >> __builtin_classify_type(ASMREWRITE_DECAYED(x)) & 1))
#define ASMREWRITE_WORD(n)	"r"(__builtin_choose_expr(ASMREWRITE_FITS(asmrewrite_##n), asmrewrite_##n, 0L))
#define ASMREWRITE_NOP(n)	"{nopl\t%k" #n "|nop\t%k" #n "}\n\t"

#define ASMREWRITE_SET(n, x)	ASMREWRITE_PROMOTED(x) asmrewrite_##n = (x)

/* Of a format and 0 to 6 arguments: whether all fit; their values; nops and operands, of which 0 is the number. */
#define ASMREWRITE_FIT_0(f)			1
#define ASMREWRITE_FIT_1(f, a)			ASMREWRITE_FITS(a)
#define ASMREWRITE_FIT_2(f, a, ...)		(ASMREWRITE_FITS(a) && ASMREWRITE_FIT_1(f, __VA_ARGS__))
#define ASMREWRITE_FIT_3(f, a, ...)		(ASMREWRITE_FITS(a) && ASMREWRITE_FIT_2(f, __VA_ARGS__))
#define ASMREWRITE_FIT_4(f, a, ...)		(ASMREWRITE_FITS(a) && ASMREWRITE_FIT_3(f, __VA_ARGS__))
#define ASMREWRITE_FIT_5(f, a, ...)		(ASMREWRITE_FITS(a) && ASMREWRITE_FIT_4(f, __VA_ARGS__))
#define ASMREWRITE_FIT_6(f, a, ...)		(ASMREWRITE_FITS(a) && ASMREWRITE_FIT_5(f, __VA_ARGS__))
#define ASMREWRITE_SET_0(f)
#define ASMREWRITE_SET_1(f, a)			ASMREWRITE_SET(1, a)
#define ASMREWRITE_SET_2(f, a, b)		ASMREWRITE_SET_1(f, a); ASMREWRITE_SET(2, b)
#define ASMREWRITE_SET_3(f, a, b, c)		ASMREWRITE_SET_2(f, a, b); ASMREWRITE_SET(3, c)
#define ASMREWRITE_SET_4(f, a, b, c, d)		ASMREWRITE_SET_3(f, a, b, c); ASMREWRITE_SET(4, d)
#define ASMREWRITE_SET_5(f, a, b, c, d, e)	ASMREWRITE_SET_4(f, a, b, c, d); ASMREWRITE_SET(5, e)
#define ASMREWRITE_SET_6(f, a, b, c, d, e, g)	ASMREWRITE_SET_5(f, a, b, c, d, e); ASMREWRITE_SET(6, g)
#define ASMREWRITE_NOPS_0
#define ASMREWRITE_NOPS_1			ASMREWRITE_NOP(1)
#define ASMREWRITE_NOPS_2			ASMREWRITE_NOPS_1 ASMREWRITE_NOP(2)
#define ASMREWRITE_NOPS_3			ASMREWRITE_NOPS_2 ASMREWRITE_NOP(3)
#define ASMREWRITE_NOPS_4			ASMREWRITE_NOPS_3 ASMREWRITE_NOP(4)
#define ASMREWRITE_NOPS_5			ASMREWRITE_NOPS_4 ASMREWRITE_NOP(5)
#define ASMREWRITE_NOPS_6			ASMREWRITE_NOPS_5 ASMREWRITE_NOP(6)
#define ASMREWRITE_WORDS_0
#define ASMREWRITE_WORDS_1			, ASMREWRITE_WORD(1)
#define ASMREWRITE_WORDS_2			ASMREWRITE_WORDS_1, ASMREWRITE_WORD(2)
#define ASMREWRITE_WORDS_3			ASMREWRITE_WORDS_2, ASMREWRITE_WORD(3)
#define ASMREWRITE_WORDS_4			ASMREWRITE_WORDS_3, ASMREWRITE_WORD(4)
#define ASMREWRITE_WORDS_5			ASMREWRITE_WORDS_4, ASMREWRITE_WORD(5)
#define ASMREWRITE_WORDS_6			ASMREWRITE_WORDS_5, ASMREWRITE_WORD(6)

/* What callees clobber beside registers of integers; xmm is all of ymm and zmm. Flags always are. The upper registers of
 * AVX-512 are kept (struct asmrewrite_wide).
 */
#define ASMREWRITE_CLOBBERED									\
	"xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12",	\
	"xmm13", "xmm14", "xmm15", "mm0", "mm1", "mm2", "mm3", "mm4", "mm5", "mm6", "mm7", "st", "st(1)", "st(2)",	\
	"st(3)", "st(4)", "st(5)", "st(6)", "st(7)"

/* The place's entry stands right before, labelled 771. */
#define ASMREWRITE_ENTER(count)									\
	__asm__ ASMREWRITE_INLINE volatile(							\
		"{leaq\t1f(%%rip), %%r11|lea\tr11, 1f[rip]}\n\t"				\
		"jmp\tasmrewrite_marker_enter\n"						\
		"1:\t{nopl\t771b(%%rip)|nop\tdword ptr 771b[rip]}\n\t"				\
		ASMREWRITE_NOPS_##count								\
		"{nopl\t%%esp|nop\tesp}"							\
		: : "i"(__COUNTER__) ASMREWRITE_WORDS_##count : "r11", "memory", ASMREWRITE_CLOBBERED)

/* For gcc's passes over whole files an asm changes no variable that only functions of the file name. Until they are done
 * there is a call here that may be made; then the value is known to be no constant.
 */
#define ASMREWRITE_SEEMS_A_CALL									\
	unsigned long asmrewrite_nothing;							\
	__asm__("" : "=r"(asmrewrite_nothing));							\
	if (__builtin_constant_p(asmrewrite_nothing))						\
		((void (*)(void))asmrewrite_nothing)()

#define ASMREWRITE_REACH(count, name, ...)							\
	if (ASMREWRITE_FIT_##count(__VA_ARGS__)) {						\
		ASMREWRITE_SEEMS_A_CALL;							\
		ASMREWRITE_SET_##count(__VA_ARGS__);						\
		ASMREWRITE_PLACE(name, __VA_ARGS__);						\
		ASMREWRITE_ENTER(count);							\
	} else {										\
		ASMREWRITE_CALL(name, __VA_ARGS__);						\
	}
#define ASMREWRITE_REACH_0(name, ...)	ASMREWRITE_REACH(0, name, __VA_ARGS__)
#define ASMREWRITE_REACH_1(name, ...)	ASMREWRITE_REACH(1, name, __VA_ARGS__)
#define ASMREWRITE_REACH_2(name, ...)	ASMREWRITE_REACH(2, name, __VA_ARGS__)
#define ASMREWRITE_REACH_3(name, ...)	ASMREWRITE_REACH(3, name, __VA_ARGS__)
#define ASMREWRITE_REACH_4(name, ...)	ASMREWRITE_REACH(4, name, __VA_ARGS__)
#define ASMREWRITE_REACH_5(name, ...)	ASMREWRITE_REACH(5, name, __VA_ARGS__)
#define ASMREWRITE_REACH_6(name, ...)	ASMREWRITE_REACH(6, name, __VA_ARGS__)
#define ASMREWRITE_REACH_M		ASMREWRITE_CALL

#define ASMREWRITE_HIT(name, ...)	ASMREWRITE_JOINED(ASMREWRITE_REACH_, ASMREWRITE_COUNT(__VA_ARGS__))(name, __VA_ARGS__)
#define ASMREWRITE_JOINED(a, b)		ASMREWRITE_JOINED_(a, b)
#define ASMREWRITE_JOINED_(a, b)	a##b
/* How many arguments there are behind the format: 0 to 6, or M for as many as 40. */
#define ASMREWRITE_COUNT(...)									\
	ASMREWRITE_COUNT_(__VA_ARGS__, M, M, M, M, M, M, M, M, M, M, M, M, M, M, M, M, M, M, M, M, M, M, M, M, M, M, M,	\
			  M, M, M, M, M, M, M, 6, 5, 4, 3, 2, 1, 0, 0)
#define ASMREWRITE_COUNT_(f, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16, a17, a18, a19, a20,	\
			  a21, a22, a23, a24, a25, a26, a27, a28, a29, a30, a31, a32, a33, a34, a35, a36, a37, a38, a39, a40,	\
			  count, ...)	count
#endif
