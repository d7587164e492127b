/* SPDX-License-Identifier: Apache-2.0 */
/* sieve-load DIRECTORY: opens files in all the ways after which something later can tell what was open. Prints its pid. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[200], self[300];

static const char *in(const char *name)
{
	static char paths[8][300];
	static int next;
	char *path = paths[next++ % 8];
	snprintf(path, sizeof(paths[0]), "%s/%s", dir, name);
	return path;
}

static int make(const char *name)
{
	int fd = open(in(name), O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (fd < 0 || write(fd, "x", 1) != 1)
		exit(2);
	close(fd);
	return fd;
}

static int opened(const char *name)
{
	int fd = open(in(name), O_RDONLY);
	if (fd < 0)
		exit(3);
	return fd;
}

static void child(void (*body)(int), int fd)
{
	pid_t pid = fork();
	if (pid == 0) {
		body(fd);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

static void chmod_it(int fd)
{
	fchmod(fd, 0600);
}

static void execute(int fd)
{
	char number[16];
	snprintf(number, sizeof(number), "%d", fd);
	execl(self, self, dir, number, (char *)NULL);
	_exit(4);
}

static int shared_body(void *argument)
{
	int fd = *(int *)argument;
	close(fd);
	if (socket(AF_INET, SOCK_STREAM, 0) != fd)
		return 1;
	return 0;
}

/* Clones a process that is its sibling, as container runtimes do, and has what it has open. */
static int sibling_body(void *argument)
{
	fchmod(*(int *)argument, 0604);
	return 0;
}

static void cloner(int unused)
{
	(void)unused;
	int fd = opened("sibling");
	char *stack = malloc(65536);
	clone(sibling_body, stack + 65536, CLONE_PARENT | SIGCHLD, &fd);
	close(fd);
}

static void *in_thread(void *argument)
{
	int fd = opened("thread");
	fchmod(fd, 0600);
	return (void *)(long)fd;
}

int main(int argc, char **argv)
{
	snprintf(dir, sizeof(dir), "%s", argv[1]);
	if (argc > 2) {
		/* Executed with a descriptor that stayed open, and one (the next) that was closed by it. */
		int fd = atoi(argv[2]), pair[2];
		fchmod(fd, 0640);
		if (pipe(pair) == 0) {
			dup2(pair[0], 40);
			close(pair[0]);
			close(pair[1]);
		}
		return 0;
	}
	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		return 5;
	printf("%d\n", getpid());
	fflush(stdout);
	const char *names[] = {"fchmod", "fchown", "dup", "dup2", "dup3", "fcntl", "flock", "inherited", "sibling", "executed", "cloexec", "thread", "again",
			       "range", "shared", "mapped", "sent", "onto", "plain"};
	for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++)
		make(names[i]);

	int fd = opened("fchmod");
	fchmod(fd, 0600);
	fchmod(fd, 0640); /* told once, known twice */
	close(fd);
	fd = opened("fchown");
	(void)!fchown(fd, -1, -1);
	close(fd);
	fd = opened("dup");
	close(dup(fd));
	close(fd);
	fd = opened("dup2");
	dup2(fd, 41);
	fchmod(41, 0600);
	close(41);
	close(fd);
	fd = opened("dup3");
	dup3(fd, 42, O_CLOEXEC);
	close(42);
	close(fd);
	fd = opened("fcntl");
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 50);
	fchmod(copy, 0600);
	close(copy);
	close(fd);

	/* A descriptor's number is used again by something else. */
	fd = opened("again");
	close(fd);
	int s = socket(AF_INET, SOCK_STREAM, 0);
	dup2(s, 43);
	close(s);
	fd = opened("plain");
	dup2(fd, 43);
	dup2(43, 44);
	close(43);
	close(44);
	close(fd);
	/* dup2 over a descriptor that nothing was said of. */
	fd = opened("onto");
	s = socket(AF_INET, SOCK_STREAM, 0);
	dup2(s, fd);
	dup2(fd, 45);
	close(45);
	close(fd);
	close(s);

	fd = opened("inherited");
	child(chmod_it, fd);
	close(fd);
	child(cloner, 0);
	wait(NULL); /* for its sibling, our child */
	fd = opened("executed");
	copy = open(in("cloexec"), O_RDONLY | O_CLOEXEC);
	child(execute, fd);
	close(copy);
	close(fd);

	pthread_t thread;
	void *result;
	pthread_create(&thread, NULL, in_thread, NULL);
	pthread_join(thread, &result);
	fchmod((long)result, 0644);
	close((long)result);

	fd = opened("range");
	syscall(SYS_close_range, fd, fd, 0);
	int pair[2];
	if (pipe(pair))
		return 6;
	dup2(pair[0], 46);
	close(46);
	close(pair[0]);
	close(pair[1]);

	/* Another process with the same descriptors closes one and opens something else in its place. */
	fd = opened("shared");
	char *stack = malloc(65536);
	pid_t pid = clone(shared_body, stack + 65536, CLONE_FILES | SIGCHLD, &fd);
	waitpid(pid, NULL, 0);
	dup2(fd, 47);
	close(47);
	close(fd);

	fd = opened("flock");
	flock(fd, LOCK_EX);
	close(fd);

	/* Names that are no plain absolute paths, opens that fail, many at once. */
	if (chdir(dir))
		return 7;
	close(open("plain", O_RDONLY));
	close(open(in("../x/../plain"), O_RDONLY));
	close(open(in("not-there"), O_RDONLY));
	close(open(in("secret-not-there"), O_RDONLY));
	int at = open(dir, O_RDONLY);
	close(openat(at, "plain", O_RDONLY));
	close(at);
	int many[100];
	for (int i = 0; i < 100; i++)
		many[i] = opened("plain");
	for (int i = 0; i < 100; i++)
		fchmod(many[i], 0600 + i % 8);
	for (int i = 0; i < 100; i++)
		close(many[i]);
	make("last");
	return 0;
}
