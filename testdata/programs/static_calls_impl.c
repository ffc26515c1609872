/*
 * The trampolines, keys and targets of static_calls.c.
 */
#include <stdarg.h>

#define HIDDEN __attribute__((visibility("hidden")))

struct static_call_key {
	void *func;
	long flags;
};

struct triple {
	long v[3];
};

/* A trampoline is one jump, in a section of its own. */
#define TRAMPOLINE(name, code)                                                         \
	__asm__(".pushsection .static_call.text, \"ax\"\n"                             \
		".p2align 2\n"                                                         \
		".globl __SCT__" #name "\n"                                            \
		".type __SCT__" #name ", @function\n"                                  \
		"__SCT__" #name ":\n"                                                  \
		code "\n"                                                              \
		".size __SCT__" #name ", . - __SCT__" #name "\n"                       \
		".popsection")

#define DEFINE_STATIC_CALL(name, target)                                               \
	struct static_call_key __SCK__##name = { (void *)(target), 0 };                \
	TRAMPOLINE(name, "jmp " #target)

HIDDEN long add_impl(long a, long b) { return a * 3 + b; }
HIDDEN long scale_impl(long a) { return a * 5 + 1; }

HIDDEN long gather_impl(int n, ...)
{
	double total = 0;
	va_list ap;

	va_start(ap, n);
	while (n--)
		total = total * 2 + va_arg(ap, double);
	va_end(ap);
	return (long)(total * 4);
}

HIDDEN struct triple triple_impl(long a)
{
	return (struct triple){ { a, a * 7, ~a } };
}

HIDDEN long seven_impl(long a, long b, long c, long d, long e, long f, long g, double x)
{
	return a - b + 2 * c - 3 * d + 4 * e - 5 * f + 6 * g + (long)(x * 8);
}

/* Saves what it destroys, and destroys all that a call may: the caller must not notice. */
HIDDEN void touch_impl(void);
HIDDEN long touch_count;
__asm__(".pushsection .text\n"
	".globl touch_impl\n"
	".type touch_impl, @function\n"
	"touch_impl:\n"
	".cfi_startproc\n"
	"	.irp reg, rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15\n"
	"	pushq %\\reg\n"
	"	.cfi_adjust_cfa_offset 8\n"
	"	.endr\n"
	"	.irp reg, rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15\n"
	"	movq $-1, %\\reg\n"
	"	.endr\n"
	"	incq touch_count(%rip)\n"
	"	.irp reg, r15, r14, r13, r12, r11, r10, r9, r8, rbp, rdi, rsi, rdx, rcx, rbx, rax\n"
	"	popq %\\reg\n"
	"	.cfi_adjust_cfa_offset -8\n"
	"	.endr\n"
	"	ret\n"
	".cfi_endproc\n"
	".size touch_impl, . - touch_impl\n"
	".popsection");

DEFINE_STATIC_CALL(add, add_impl);
DEFINE_STATIC_CALL(scale, scale_impl);
DEFINE_STATIC_CALL(gather, gather_impl);
DEFINE_STATIC_CALL(triple, triple_impl);
DEFINE_STATIC_CALL(seven, seven_impl);
DEFINE_STATIC_CALL(touch, touch_impl);

/* No target: the trampoline itself returns. */
struct static_call_key __SCK__nothing = { 0, 1 };
TRAMPOLINE(nothing, "ret");
