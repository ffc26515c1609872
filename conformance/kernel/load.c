// The load of the booted kernel. `load check`: system calls, files, pipes, sockets, processes, timers and signals, with
// a checksum of all they returned. `load times`: how far the time stamp counter goes in loops of system calls and of
// network packets; under qemu's -icount it counts instructions.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
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
		close(open("/tmp/load", O_RDONLY));
		stat("/proc/self/status", &status);
	}
}

static volatile sig_atomic_t signals;
static void on_signal(int number) { signals++; }

static void check(void)
{
	int pipes[2], pair[2], file = open("/tmp/load", O_RDWR | O_CREAT | O_TRUNC, 0600), n, status;
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
	int pipes[2], file = open("/tmp/load", O_RDWR | O_CREAT | O_TRUNC, 0600);
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
	if (count > 1 && !strcmp(words[1], "times"))
		times();
	else
		check();
	return 0;
}
