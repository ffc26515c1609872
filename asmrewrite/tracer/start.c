/* start.c - joining a trace: `asmrewrite trace` names its memory file in ASMREWRITE_TRACE. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "log.h"
#include "modules.h"
#include "ring.h"
#include "start.h"
#include "system.h"

static const char variable[] = "ASMREWRITE_TRACE";

/* Programs that this one starts are not to be traced: what led us here, the first preloaded object, goes. */
static void alone(void)
{
	const char *preloaded = getenv("LD_PRELOAD"), *others = preloaded ? strchr(preloaded, ':') : NULL;

	unsetenv(variable);
	if (others)
		setenv("LD_PRELOAD", others + 1, 1);
	else
		unsetenv("LD_PRELOAD");
}

static struct region *map(const char *path)
{
	struct region start;
	long file = sys(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC), made = -1;

	if (failed(file))
		return NULL;
	if (sys(SYS_pread64, file, &start, 64, 0) == 64 && start.magic == REGION_MAGIC)
		made = sys(SYS_mmap, 0, start.size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, file, 0);
	sys(SYS_close, file);
	if (failed(made))
		return NULL;
	sys(SYS_madvise, made, start.size, MADV_DONTDUMP);
	return (struct region *)made;
}

static void tell_program(void)
{
	char path[4096];
	long size = sys(SYS_readlink, "/proc/self/exe", path, sizeof path);

	asmrewrite_trace_log(RECORD_PROCESS, 0, 0, path, failed(size) ? 0 : (size_t)size);
}

bool asmrewrite_trace_begin(void)
{
	static bool tried;

	if (tried)
		return asmrewrite_trace_region;
	tried = true;
	/* The environment of a program with more rights than its user is not listened to. */
	const char *path = secure_getenv(variable);

	if (!path)
		return false;
	if (failed(sys(SYS_madvise, &asmrewrite_trace_guard, PAGE, MADV_WIPEONFORK)))
		return false;
	asmrewrite_trace_guard.pid = (int)sys(SYS_getpid);
	asmrewrite_trace_region = map(path);
	if (!asmrewrite_trace_region)
		return false;
	tell_program();
	asmrewrite_trace_tell_modules();
	if (!asmrewrite_trace_region->follow)
		alone();
	return true;
}

__attribute__((constructor)) static void start(void)
{
	asmrewrite_trace_begin();
}
