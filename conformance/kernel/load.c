// The load of the booted kernel. `load check`: system calls, files, pipes, sockets, processes, timers and signals, with
// a checksum of all they returned. `load times`: how far the time stamp counter goes in loops of system calls and of
// network packets; under qemu's -icount it counts instructions.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static unsigned long sum = 5381;

static void add(const void *data, long size)
{
	const unsigned char *byte = data;

	if (size < 0) {
		printf("LOAD FAILED a call failed\n");
		exit(1);
	}
	while (size--)
		sum = sum * 33 + *byte++;
}

// Several may run at once.
static char path[32], other[32];

static int tcp[2], udp;
static struct sockaddr_in own;

static void sockets(void)
{
	socklen_t size = sizeof own;
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	own.sin_family = AF_INET;
	own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(listener, (void *)&own, size) || listen(listener, 4) || getsockname(listener, (void *)&own, &size)) {
		perror("LOAD FAILED listen");
		exit(1);
	}
	tcp[0] = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(tcp[0], (void *)&own, size))
		perror("LOAD FAILED connect");
	tcp[1] = accept(listener, NULL, NULL);
	close(listener);
	udp = socket(AF_INET, SOCK_DGRAM, 0);
	own.sin_port = 0;
	bind(udp, (void *)&own, size);
	getsockname(udp, (void *)&own, &size);
}

static void network(int rounds)
{
	char text[256] = "to and fro", back[256];

	while (rounds--) {
		if (write(tcp[0], text, 200) != 200 || read(tcp[1], back, sizeof back) != 200)
			printf("LOAD FAILED tcp\n");
		if (sendto(udp, text, 100, 0, (void *)&own, sizeof own) != 100 || recv(udp, back, sizeof back, 0) != 100)
			printf("LOAD FAILED udp\n");
	}
}

static void calls(int rounds, int file, int pipes[2])
{
	char text[512] = "";
	struct stat status;

	while (rounds--) {
		getppid();
		pwrite(file, text, sizeof text, rounds % 8 * 512);
		pread(file, text, sizeof text, rounds % 8 * 512);
		write(pipes[1], text, 64);
		read(pipes[0], text, 64);
		fstat(file, &status);
		close(open(path, O_RDONLY));
		stat("/proc/self/status", &status);
	}
}

// What the loops above do not come to: a bit of most of what a process may ask for.
static void files(int rounds, int file)
{
	char text[512];
	int target = open(other, O_RDWR | O_CREAT | O_TRUNC, 0600), folder, null = open("/dev/null", O_WRONLY);
	int zero = open("/dev/zero", O_RDONLY);

	while (rounds--) {
		off_t place = 0;

		add(text, sendfile(target, file, &place, 512) == 512 ? 0 : -1);
		add(text, fallocate(target, 0, 0, 8192) < 0 ? -1 : 0);
		ftruncate(target, 4096);
		fsync(target);
		flock(target, LOCK_EX);
		flock(target, LOCK_UN);
		fcntl(target, F_SETLK, &(struct flock){.l_type = F_WRLCK});
		rename(other, "/tmp/renamed");
		link("/tmp/renamed", other);
		unlink("/tmp/renamed");
		symlink(other, "/tmp/symbolic");
		readlink("/tmp/symbolic", text, sizeof text);
		unlink("/tmp/symbolic");
		mkdir("/tmp/folder", 0700);
		rmdir("/tmp/folder");
		chmod(other, 0640);
		utimensat(AT_FDCWD, other, NULL, 0);
		access(other, R_OK);
		folder = open("/proc/self/fd", O_RDONLY | O_DIRECTORY);
		syscall(SYS_getdents64, folder, text, sizeof text);
		close(folder);
		read(zero, text, 64);
		write(null, text, 64);
		for (const char *const *name = (const char *const[]){"/proc/stat", "/proc/meminfo", "/proc/self/maps",
			     "/proc/net/dev", "/sys/kernel/mm/transparent_hugepage/enabled", "/proc/self/stat", NULL};
		     *name; name++) {
			int special = open(*name, O_RDONLY);

			while (special >= 0 && read(special, text, sizeof text) > 0)
				;
			close(special);
		}
	}
	unlink(other);
	close(target);
	close(null);
	close(zero);
}

static void *thread(void *unused)
{
	usleep(100);
	return unused;
}

static void events(int rounds)
{
	int pair[2], wake = eventfd(0, 0), timer = timerfd_create(CLOCK_MONOTONIC, 0), watch = inotify_init1(IN_NONBLOCK);
	int queue = msgget(IPC_PRIVATE, 0600), set = epoll_create1(0);
	struct itimerspec soon = {{0, 0}, {0, 50000}};
	struct pollfd polled[2] = {{wake, POLLIN, 0}, {timer, POLLIN, 0}};
	struct epoll_event event = {.events = EPOLLIN};
	struct { long type; char text[64]; } message = {1, "message"};
	pthread_t made;
	unsigned long number = 1;
	fd_set ready;
	char text[256];

	inotify_add_watch(watch, "/tmp", IN_CREATE | IN_DELETE | IN_MODIFY);
	socketpair(AF_UNIX, SOCK_DGRAM, 0, pair);
	epoll_ctl(set, EPOLL_CTL_ADD, wake, &event);
	epoll_ctl(set, EPOLL_CTL_ADD, pair[1], &event);
	while (rounds--) {
		write(wake, &number, 8);
		add(&number, poll(polled, 2, -1) < 1 ? -1 : 0);
		epoll_wait(set, &event, 1, 0);
		read(wake, &number, 8);
		timerfd_settime(timer, 0, &soon, NULL);
		add(&number, read(timer, text, 8) == 8 ? 0 : -1);
		send(pair[0], text, 100, 0);
		FD_ZERO(&ready);
		FD_SET(pair[1], &ready);
		add(&number, select(pair[1] + 1, &ready, NULL, NULL, NULL) == 1 ? 0 : -1);
		add(&number, recv(pair[1], text, sizeof text, 0) == 100 ? 0 : -1);
		msgsnd(queue, &message, 64, 0);
		add(&number, msgrcv(queue, &message, 64, 0, 0) == 64 ? 0 : -1);
		close(open(other, O_CREAT | O_RDWR, 0600));
		unlink(other);
		read(watch, text, sizeof text);
		pthread_create(&made, NULL, thread, NULL);
		pthread_join(made, NULL);
		sched_yield();
		char *map = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		map[0] = map[40000] = 1;
		mprotect(map, 4096, PROT_READ);
		madvise(map, 65536, MADV_DONTNEED);
		munmap(map, 65536);
	}
	msgctl(queue, IPC_RMID, NULL);
	close(wake);
	close(timer);
	close(watch);
	close(set);
	close(pair[0]);
	close(pair[1]);
}

static volatile sig_atomic_t signals;
static void on_signal(int number) { signals++; }

static void check(void)
{
	int pipes[2], pair[2], file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600), n, status;
	char text[4096];
	struct iovec parts[2] = {{text, 100}, {text + 100, 200}};
	struct epoll_event event = {.events = EPOLLIN};
	struct itimerval timer = {{0, 0}, {0, 2000}};

	for (n = 0; n < 4096; n++)
		text[n] = n * 7;
	for (n = 0; n < 64; n++)
		add(text, write(file, text, 4096));
	lseek(file, 1000, SEEK_SET);
	add(text, readv(file, parts, 2));
	char *map = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	map[5000] = 1;
	add(map, 65536);
	munmap(map, 65536);
	pipe(pipes);
	socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
	int set = epoll_create1(0);
	epoll_ctl(set, EPOLL_CTL_ADD, pair[1], &event);
	for (n = 0; n < 20; n++) {
		pid_t child = fork();
		if (!child) {
			write(pipes[1], "child", 5);
			_exit(n);
		}
		waitpid(child, &status, 0);
		add(&status, sizeof status);
		add(text, read(pipes[0], text, 5));
		write(pair[0], text, 50);
		add(&n, epoll_wait(set, &event, 1, -1));
		add(text, read(pair[1], text, 50));
	}
	signal(SIGALRM, on_signal);
	signal(SIGUSR1, on_signal);
	setitimer(ITIMER_REAL, &timer, NULL);
	while (!signals)
		pause();
	for (n = 0; n < 100; n++)
		kill(getpid(), SIGUSR1);
	n = signals;
	add(&n, sizeof n);
	sockets();
	network(200);
	calls(200, file, pipes);
	files(30, file);
	events(30);
	unlink(path);
	printf("LOAD check %lx\n", sum);
}

static unsigned long stamp(void)
{
	unsigned low, high;

	asm volatile("rdtsc" : "=a"(low), "=d"(high));
	return (unsigned long)high << 32 | low;
}

static void times(void)
{
	int pipes[2], file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	unsigned long start;

	pipe(pipes);
	sockets();
	calls(500, file, pipes);
	network(500);
	start = stamp();
	calls(5000, file, pipes);
	printf("LOAD ~calls %lu\n", stamp() - start);
	start = stamp();
	network(5000);
	printf("LOAD ~network %lu\n", stamp() - start);
}

int main(int count, char **words)
{
	sprintf(path, "/tmp/load%d", getpid());
	sprintf(other, "/tmp/other%d", getpid());
	if (count > 1 && !strcmp(words[1], "times"))
		times();
	else
		check();
	return 0;
}
