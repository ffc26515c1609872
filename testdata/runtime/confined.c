/* A program that wipes its environment, changes its root, gives its rights away and confines itself, and then begins.
 *
 * Words: "filter", a filter that ends the program at any system call but write, exit_group, rt_sigprocmask and
 * prctl(PR_GET_SECCOMP); "strict", one of write and exit_group alone, after asmrewrite_relpoline_stop(); "root", chroot
 * to an empty folder and another user. Prints the state of the site, and the sum of its calls.
 */
#define _GNU_SOURCE
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <asmrewrite/relpoline.h>

typedef long function(long);
static long one(long n) { return n + 1; }
static long two(long n) { return n + 2; }
static function *volatile target = one;

__attribute__((noinline)) static long called(long n)
{
	return target(n) + 1;
}

static void confine(int strict)
{
#define ALLOW(number)	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
		ALLOW(SYS_write), ALLOW(SYS_exit_group),
		ALLOW(strict ? SYS_write : SYS_rt_sigprocmask), ALLOW(strict ? SYS_write : SYS_prctl),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};
	struct sock_fprog program = { sizeof(filter) / sizeof(*filter), filter };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		_exit(3);
}

int main(int count, char **words)
{
	static const char names[][10] = { "compiled", "learning", "chain", "pinned", "excluded", "refused" };
	static struct asmrewrite_relpoline sites[8];
	char line[80];
	long sum = 0;

	clearenv();
	for (int i = 1; i < count; i++) {
		if (!strcmp(words[i], "root") && (chdir(words[++i]) || chroot(".") || setgid(65534) || setuid(65534)))
			return 3;
		if (!strcmp(words[i], "strict"))
			asmrewrite_relpoline_stop();
		if (!strcmp(words[i], "filter") || !strcmp(words[i], "strict"))
			confine(!strcmp(words[i], "strict"));
	}
	for (long n = 0; n < 100000; n++) {
		target = n < 50000 ? one : two;
		sum += called(n);
	}
	const size_t found = asmrewrite_relpoline_sites(sites, 8);
	const int length = snprintf(line, sizeof(line), "%s %ld\n", found ? names[sites[0].state] : "none", sum);

	if (write(1, line, (size_t)length) != length)
		_exit(3);
	_exit(0);
}
