/* SPDX-License-Identifier: Apache-2.0 */
/* live-load opens N [A_SECOND [PATH]] | execs N | alerts N | copies N | messages N: work for a monitor to watch. A copy is a read and a write of one byte, a message
 * its sendto and recvfrom on a connected pair of sockets. Opens are spread evenly, in steps of a millisecond, when it is said how many of them a second. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Waits for the n-th step of a millisecond since the first call. */
static void step(long n)
{
	static struct timespec begin;
	if (begin.tv_sec == 0)
		clock_gettime(CLOCK_MONOTONIC, &begin);
	long nanos = begin.tv_nsec + n % 1000 * 1000000;
	struct timespec until = { begin.tv_sec + n / 1000 + nanos / 1000000000, nanos % 1000000000 };
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
}

int main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	int n = atoi(argv[2]);
	int a_step = argc > 3 ? atoi(argv[3]) / 1000 : 0;
	const char *path = argc > 4 ? argv[4] : strcmp(argv[1], "alerts") == 0 ? "/etc/shadow" : "/etc/hostname";
	int copies = strcmp(argv[1], "copies") == 0, zero = open("/dev/zero", O_RDONLY), null = open("/dev/null", O_WRONLY);
	int messages = strcmp(argv[1], "messages") == 0, pair[2];
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
		return 1;
	char byte;
	for (int i = 0; i < n; i++) {
		if (copies) {
			if (read(zero, &byte, 1) != 1 || write(null, &byte, 1) != 1)
				return 1;
			continue;
		}
		if (messages) {
			if (send(pair[0], "x", 1, 0) != 1 || recv(pair[1], &byte, 1, 0) != 1)
				return 1;
			continue;
		}
		if (a_step > 0 && i % a_step == 0)
			step(i / a_step);
		if (strcmp(argv[1], "execs") != 0) {
			close(open(path, O_RDONLY));
			continue;
		}
		pid_t pid = fork();
		if (pid == 0) {
			execl("/bin/true", "true", (char *)NULL);
			_exit(1);
		}
		waitpid(pid, NULL, 0);
	}
	return 0;
}
