/* SPDX-License-Identifier: Apache-2.0 */
/* burst THREADS CALLS: each thread, pinned to a CPU in turn, closes CALLS descriptors that do not exist, numbered from
 * 1000000 * (thread + 1). */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static long calls;
static pthread_barrier_t barrier;

static void *run(void *argument)
{
	long thread = (long)argument;
	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET(thread % sysconf(_SC_NPROCESSORS_ONLN), &set);
	sched_setaffinity(0, sizeof set, &set);
	pthread_barrier_wait(&barrier);
	for (long i = 0; i < calls; i++)
		syscall(SYS_close, (int)(1000000 * (thread + 1) + i));
	return NULL;
}

int main(int argc, char **argv)
{
	long threads = argc > 1 ? atol(argv[1]) : 1;
	calls = argc > 2 ? atol(argv[2]) : 1000;
	pthread_t ids[64];
	if (threads > 64)
		return 2;
	pthread_barrier_init(&barrier, NULL, threads);
	for (long i = 0; i < threads; i++)
		pthread_create(&ids[i], NULL, run, (void *)i);
	for (long i = 0; i < threads; i++)
		pthread_join(ids[i], NULL);
	return 0;
}
