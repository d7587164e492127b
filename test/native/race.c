/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changes a call's argument after the kernel has read it and before the call returns.
 *
 *   race CALL MEMORY DIRECTORY
 *
 * CALL: open, openat, openat2, creat wait for the other end of a pipe `DIRECTORY/real`, which a second thread opens after
 * it has written `DIRECTORY/fake` over the path; `interrupted` (openat) is ended by a signal instead; connect waits for
 * room at a socket `DIRECTORY/real`; execve runs `DIRECTORY/real` or `DIRECTORY/fake` while a thread swaps them.
 * MEMORY: `present`, or `absent`: the path lies in a page that is not in the process's page table before the kernel reads it.
 * Prints {"pid", "result", "device", "inode"}; a failed call's result is -errno.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

static char real[200], fake[200], other_end[200];
static const char *call;
static int file; /* what `shared` maps */
static char *shared;
static struct open_how how = {.flags = O_RDONLY};
static pthread_t main_thread;
static int listening;
static struct sockaddr_un *address;

static void on_signal(int signal)
{
	(void)signal;
}

/* Until the main thread sleeps in its call. */
static void wait_until_asleep(long tid)
{
	char path[64], state = 0;
	snprintf(path, sizeof path, "/proc/self/task/%ld/stat", tid);
	do {
		usleep(2000);
		FILE *in = fopen(path, "r");
		if (fscanf(in, "%*d (%*[^)]) %c", &state) != 1)
			state = 0;
		fclose(in);
	} while (state != 'S');
}

static void *change(void *tid)
{
	wait_until_asleep((long)tid);
	if (!strcmp(call, "connect")) {
		strcpy(address->sun_path, fake);
		close(accept(listening, NULL, NULL));
		return NULL;
	}
	if (pwrite(file, fake, strlen(fake) + 1, 0) < 0)
		exit(3);
	how.flags = O_RDONLY | O_CLOEXEC | O_DIRECTORY;
	if (!strcmp(call, "interrupted"))
		pthread_kill(main_thread, SIGUSR1);
	else
		open(other_end, !strcmp(call, "creat") ? O_RDONLY : O_WRONLY);
	return NULL;
}

static atomic_int ready;

static void *swap(void *path)
{
	for (int i = 0;; i++) {
		memcpy(path, i & 1 ? real : fake, strlen(real) + 1);
		ready = 1;
	}
	return NULL;
}

int main(int argc, char **argv)
{
	if (argc < 4)
		return 2;
	call = argv[1];
	snprintf(real, sizeof real, "%s/real", argv[3]);
	snprintf(fake, sizeof fake, "%s/fake", argv[3]);
	strcpy(other_end, real);
	pthread_t thread;
	main_thread = pthread_self();
	long tid = syscall(SYS_gettid), result = -1;
	printf("{\"pid\":%ld", tid);
	if (!strcmp(call, "execve")) {
		static char path[200];
		strcpy(path, real);
		printf("}\n");
		fflush(stdout);
		pthread_create(&thread, NULL, swap, path);
		while (!ready)
			;
		syscall(SYS_execve, path, argv, NULL);
		return 1;
	}
	if (!strcmp(call, "connect")) {
		static struct sockaddr_un to = {AF_UNIX};
		address = &to;
		strcpy(to.sun_path, real);
		unlink(real);
		listening = socket(AF_UNIX, SOCK_STREAM, 0);
		bind(listening, (void *)&to, sizeof to);
		listen(listening, 0);
		int first = socket(AF_UNIX, SOCK_STREAM, 0), second = socket(AF_UNIX, SOCK_STREAM, 0);
		connect(first, (void *)&to, sizeof to);
		pthread_create(&thread, NULL, change, (void *)tid);
		result = syscall(SYS_connect, second, &to, sizeof to);
	} else {
		char name[] = "/tmp/falco-ts-race-XXXXXX";
		file = mkstemp(name);
		unlink(name);
		if (pwrite(file, real, sizeof real, 0) < 0)
			return 2;
		shared = mmap(NULL, 4096, PROT_READ, MAP_SHARED, file, 0);
		if (!strcmp(argv[2], "present") && *(volatile char *)shared != '/')
			return 2;
		unlink(real);
		mkfifo(real, 0600);
		close(open(fake, O_CREAT | O_WRONLY, 0600));
		struct sigaction action = {.sa_handler = on_signal};
		sigaction(SIGUSR1, &action, NULL);
		pthread_create(&thread, NULL, change, (void *)tid);
		if (!strcmp(call, "openat2"))
			result = syscall(SYS_openat2, AT_FDCWD, shared, &how, sizeof how);
#ifdef SYS_open
		else if (!strcmp(call, "open"))
			result = syscall(SYS_open, shared, O_RDONLY, 0);
		else if (!strcmp(call, "creat"))
			result = syscall(SYS_creat, shared, 0600);
#endif
		else
			result = syscall(SYS_openat, AT_FDCWD, shared, O_RDONLY, 0);
	}
	if (result < 0)
		result = -errno;
	pthread_join(thread, NULL);
	struct stat status = {0};
	if (result >= 0)
		fstat(result, &status);
	printf(",\"result\":%ld,\"inode\":%lu}\n", result, (unsigned long)status.st_ino);
	return 0;
}
