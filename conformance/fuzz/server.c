/* server.c - preloaded into gas: each byte that comes on descriptor 198 starts it once more, at main().
 *
 * What the dynamic linker does is done once. Every child has the descriptors and limits that the server began with; its
 * number goes to descriptor 199 when it begins, and its exit status (as of waitpid) when it has ended.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/wait.h>
#include <unistd.h>

typedef int main_function(int, char **, char **);
typedef int start_function(main_function *, int, char **, void (*)(void), void (*)(void), void (*)(void), void *);

static main_function *the_main;

static int serve(int argc, char **argv, char **environment)
{
	char request;
	int status;

	while (read(198, &request, 1) == 1) {
		pid_t child = fork();

		if (!child) {
			close(198);
			close(199);
			return the_main(argc, argv, environment);
		}
		if (write(199, &child, sizeof(child)) != sizeof(child) || waitpid(child, &status, 0) != child ||
		    write(199, &status, sizeof(status)) != sizeof(status))
			break;
	}
	_exit(0);
}

int __libc_start_main(main_function *main, int argc, char **argv, void (*init)(void), void (*fini)(void),
		      void (*linker)(void), void *stack)
{
	start_function *start = (start_function *)dlsym(RTLD_NEXT, "__libc_start_main");

	the_main = main;
	return start(serve, argc, argv, init, fini, linker, stack);
}
