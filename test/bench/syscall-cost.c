/* SPDX-License-Identifier: Apache-2.0 */
/* syscall-cost ROUNDS: nanoseconds of own CPU time that getppid, open + close, a one-byte write, and a send + receive of
 * one byte on a connected pair take, the least of all rounds, as JSON. The least is what the work costs; the rest is what else the machine did. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static double cpu_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

enum { CHEAP = 300000, OPENS = 30000 };

int main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 8, null = open("/dev/null", O_WRONLY), pair[2];
	char byte;
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
		return 1;
	double best[4] = {1e12, 1e12, 1e12, 1e12};
	for (int round = 0; round < rounds; round++) {
		double spent[4], begin = cpu_ns();
		for (int i = 0; i < CHEAP; i++)
			syscall(SYS_getppid);
		spent[0] = (cpu_ns() - begin) / CHEAP;
		begin = cpu_ns();
		for (int i = 0; i < OPENS; i++)
			close(open("/etc/hostname", O_RDONLY));
		spent[1] = (cpu_ns() - begin) / OPENS;
		begin = cpu_ns();
		for (int i = 0; i < CHEAP; i++)
			if (write(null, "x", 1) != 1)
				return 1;
		spent[2] = (cpu_ns() - begin) / CHEAP;
		begin = cpu_ns();
		for (int i = 0; i < OPENS; i++)
			if (send(pair[0], "x", 1, 0) != 1 || recv(pair[1], &byte, 1, 0) != 1)
				return 1;
		spent[3] = (cpu_ns() - begin) / OPENS;
		for (int k = 0; k < 4; k++)
			if (spent[k] < best[k])
				best[k] = spent[k];
	}
	printf("{\"getppid\":%.1f,\"openClose\":%.1f,\"write\":%.1f,\"sendRecv\":%.1f}\n", best[0], best[1], best[2], best[3]);
	return 0;
}
