/* code.c - see code.h */
#define _GNU_SOURCE
#include "code.h"

#include <elf.h>
#include <fcntl.h>
#include <linux/membarrier.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "system.h"
#include "trap.h"

#define PAGE		4096UL
#define MFD_EXEC_	0x10	/* Linux 6.3; linux/memfd.h of older systems lacks it */

static uintptr_t text;			/* the pages that moved, as they run */
static size_t text_size;
static unsigned char *alias;		/* the same, then the arena, as they are written */
static size_t spent = TRAMPOLINES_SIZE;	/* bytes of the arena */
static bool program;			/* this is the program, and no shared library */
static bool barrier;			/* membarrier knows this process */

/* The kernel clears this page in a child (MADV_WIPEONFORK): the lock is free there, and the copy not its own. */
static union {
	struct {
		int own;
		int lock;
	};
	char page[PAGE];
} guard __attribute__((aligned(PAGE)));
static uint64_t old_mask;		/* of the lock's holder */

extern const Elf64_Ehdr __ehdr_start __attribute__((weak, visibility("hidden")));
/* glibc 2.32: whether this process has never had a second thread. */
extern char __libc_single_threaded __attribute__((weak));

const char *asmrewrite_code_words(enum code_refusal refusal)
{
	static const char words[][48] = {
		[CODE_OK] = "patchable",
		[CODE_BUSY] = "another thread is patching",
		[CODE_NO_SEGMENT] = "not in an executable segment of this module",
		[CODE_NO_MEMORY_FILE] = "the system forbids executable memory files",
		[CODE_NO_BARRIER] = "threads run, and membarrier is not to be had",
		[CODE_OTHER_BYTES] = "the text is not what the table says",
		[CODE_SPENT] = "the arena for stubs is full",
		[CODE_FORKED] = "this child could not make its own copy",
	};

	return words[refusal];
}

/* Narrow [low, high) to the executable segment that `low` is in. */
static bool in_segment(uintptr_t low, uintptr_t *high)
{
	const Elf64_Ehdr *header = &__ehdr_start;
	uintptr_t base = (uintptr_t)header;

	if (!header)
		return false;
	const Elf64_Phdr *segments = (const void *)(base + header->e_phoff);

	for (int i = 0; i < header->e_phnum; i++)	/* addresses count from the segment with the header */
		if (segments[i].p_type == PT_LOAD && segments[i].p_offset == 0)
			base -= segments[i].p_vaddr;
	for (int i = 0; i < header->e_phnum; i++) {
		uintptr_t start = base + segments[i].p_vaddr, end = start + segments[i].p_memsz;

		if (segments[i].p_type == PT_LOAD && segments[i].p_flags & PF_X && low >= start && low < end) {
			if (*high > end)
				*high = end;
			return true;
		}
	}
	return false;
}

static bool map_code(int file, void *at, size_t size, off_t offset)
{
	long made = sys(SYS_mmap, 0, size, PROT_READ | PROT_EXEC, MAP_PRIVATE, file, offset);

	if (failed(made))
		return false;
	/* mremap replaces the pages at once; and profilers, which are not told, go on to see the program's file there. */
	if (!failed(sys(SYS_mremap, made, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, at)))
		return true;
	sys(SYS_munmap, made, size);
	return false;
}

/*
 * Profilers know memory by the file that was mapped there, and a memory file tells them nothing. For a moment the
 * program's own file lies where the stubs will be: so they find its frame information, which covers the arena. The
 * file of a shared library has no name that is known here.
 */
static void tell_profilers(void)
{
	long file = program ? sys(SYS_open, "/proc/self/exe", O_RDONLY | O_CLOEXEC) : -1;

	if (failed(file))
		return;
	sys(SYS_mmap, asmrewrite_arena, ARENA_SIZE, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED, file,
	    (uintptr_t)asmrewrite_arena - (uintptr_t)&__ehdr_start);
	sys(SYS_close, file);
}

/* Put what runs at present into a new memory file and run that. */
static bool move(void)
{
	size_t size = text_size + ARENA_SIZE;
	unsigned char *old = alias;
	long file = sys(SYS_memfd_create, "asmrewrite", MFD_CLOEXEC | MFD_EXEC_);

	if (failed(file))
		file = sys(SYS_memfd_create, "asmrewrite", MFD_CLOEXEC);
	if (failed(file))
		return false;
	bool whole = !failed(sys(SYS_ftruncate, file, size)) &&
		     sys(SYS_pwrite64, file, text, text_size, 0) == (long)text_size &&
		     sys(SYS_pwrite64, file, asmrewrite_arena, spent, text_size) == (long)spent;
	long made = whole ? sys(SYS_mmap, 0, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0) : -1;

	if (!failed(made)) {
		alias = (unsigned char *)made;
		asmrewrite_restore_sites();
		if (!old)
			tell_profilers();
		whole = map_code(file, asmrewrite_arena, ARENA_SIZE, text_size) &&
			map_code(file, (void *)text, text_size, 0);
		if (!whole) {
			sys(SYS_munmap, alias, size);
			alias = old;
		} else if (old) {
			sys(SYS_munmap, old, size);
		}
	}
	sys(SYS_close, file);
	return !failed(made) && whole;
}

static void set_mask(uint64_t mask, uint64_t *old)
{
	sys(SYS_rt_sigprocmask, 2 /* SIG_SETMASK */, &mask, old, sizeof mask);
}

/* The lock, with all signals held back. */
static bool take(bool wait)
{
	uint64_t mask;

	set_mask(~0UL, &mask);
	while (__atomic_exchange_n(&guard.lock, 1, __ATOMIC_ACQUIRE)) {
		if (!wait) {
			set_mask(mask, NULL);
			return false;
		}
		sys(SYS_sched_yield);
	}
	old_mask = mask;
	return true;
}

bool asmrewrite_code_prepare(void)
{
	barrier = !failed(sys(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE, 0, 0));
	return barrier;
}

enum code_refusal asmrewrite_code_open(uintptr_t low, uintptr_t high)
{
	if (!in_segment(low, &high))
		return CODE_NO_SEGMENT;
	text = low & -PAGE;
	text_size = ((high + PAGE - 1) & -PAGE) - text;
	if (failed(sys(SYS_madvise, &guard, PAGE, MADV_WIPEONFORK)))
		return CODE_NO_MEMORY_FILE;
	asmrewrite_code_prepare();
	program = getauxval(AT_PHDR) == (uintptr_t)&__ehdr_start + __ehdr_start.e_phoff;
	/* Another thread may know this module already, by its note. */
	take(true);
	guard.own = move();
	const bool moved = guard.own;

	asmrewrite_code_unlock();
	return moved ? CODE_OK : CODE_NO_MEMORY_FILE;
}

enum code_refusal asmrewrite_code_lock(bool wait)
{
	if (!take(wait))
		return CODE_BUSY;
	if (alias && !guard.own)
		guard.own = move();
	if (alias && guard.own)
		return CODE_OK;
	asmrewrite_code_unlock();
	return alias ? CODE_FORKED : CODE_NO_MEMORY_FILE;
}

void asmrewrite_code_unlock(void)
{
	uint64_t mask = old_mask;

	__atomic_store_n(&guard.lock, 0, __ATOMIC_RELEASE);
	set_mask(mask, NULL);
}

void asmrewrite_code_close(void)
{
	if (asmrewrite_code_lock(true) != CODE_OK)
		return;
	sys(SYS_munmap, alias, text_size + ARENA_SIZE);
	alias = NULL;
	asmrewrite_code_unlock();
}

void asmrewrite_code_own(void)
{
	if (asmrewrite_code_lock(true) == CODE_OK)
		asmrewrite_code_unlock();
}

void *asmrewrite_code_allocate(size_t size, size_t alignment)
{
	size_t start = (spent + alignment - 1) & -alignment;

	if (start + size > ARENA_SIZE)
		return NULL;
	spent = start + size;
	return asmrewrite_arena + start;
}

static unsigned char *writable(const void *at)
{
	uintptr_t address = (uintptr_t)at;

	if (address - text < text_size)
		return alias + (address - text);
	return alias + text_size + (address - (uintptr_t)asmrewrite_arena);
}

void asmrewrite_code_put(void *at, const void *bytes, size_t size)
{
	copy_bytes(writable(at), bytes, size);
}

/* valgrind keeps translations of code and does not see writes through an alias; to a processor these are nothing. */
static void tell_valgrind(void *at, size_t size)
{
	volatile uint64_t request[6] = { 0x1002 /* discard translations */, (uintptr_t)at, size, 0, 0, 0 };
	uint64_t result = 0;

	__asm__ volatile("rolq $3, %%rdi; rolq $13, %%rdi; rolq $61, %%rdi; rolq $51, %%rdi; xchgq %%rbx, %%rbx"
			 : "+d"(result)
			 : "a"(request)
			 : "cc", "memory");
}

/* Code was written through another address than it runs at: Intel SDM 3A, 9.1.3 asks for a serialising instruction. */
static void serialise(void)
{
	unsigned long shadow = 0;

	__asm__ volatile("rdsspq %0" : "+r"(shadow));	/* a nop without a shadow stack */
	if (shadow) {
		unsigned int a = 0, b, c = 0, d;

		/* The one that a shadow stack allows; in a virtual machine it costs 20 us, and iret 0.04. */
		__asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d) : : "memory");
	} else {
		asmrewrite_serialise();
	}
}

enum code_refusal asmrewrite_code_synchronise(void)
{
	serialise();
	if (&__libc_single_threaded && __libc_single_threaded)
		return CODE_OK;
	/* A filter that came later may kill for a system call that it does not know. */
	if (!barrier || sys(SYS_prctl, PR_GET_SECCOMP) != 0)
		return CODE_NO_BARRIER;
	return failed(sys(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE, 0, 0)) ? CODE_NO_BARRIER : CODE_OK;
}

enum code_refusal asmrewrite_code_store(void *at, unsigned char *place, const void *after, unsigned size)
{
	const unsigned int first = (uintptr_t)at % 8;
	union { uint64_t whole; unsigned char bytes[8]; } word;
	uint64_t *aligned = (uint64_t *)(place - first);

	if (first + size > 8)
		return asmrewrite_trap_replace(at, place, after, size);
	word.whole = *aligned;
	copy_bytes(word.bytes + first, after, size);
	__atomic_store_n(aligned, word.whole, __ATOMIC_RELEASE);
	return CODE_OK;
}

enum code_refusal asmrewrite_code_replace(void *at, const void *before, const void *after, unsigned size)
{
	if (!same_bytes(at, before, size))
		return CODE_OTHER_BYTES;
	enum code_refusal refusal = asmrewrite_code_store(at, writable(at), after, size);

	/* A page that a debugger has written to is a copy of its own and does not follow: move again, with that page. */
	if (refusal == CODE_OK && !same_bytes(at, after, size) && !(move() && same_bytes(at, after, size)))
		refusal = CODE_OTHER_BYTES;
	tell_valgrind(at, size);
	return refusal;
}
