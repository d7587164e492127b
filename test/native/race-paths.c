/* SPDX-License-Identifier: Apache-2.0 */
/*
 * race-paths CALL DIRECTORY: changes a call's paths after the kernel has read them and before the call returns.
 *
 * CALL: unlink, mkdir, rename, link, symlink, chmod, of `DIRECTORY/real` and, where there is a second path, `DIRECTORY/second`;
 * chmod of the directory itself. Each has to wait for the directory's lock, which another thread keeps: it lists the directory
 * into a page that only a third one provides (userfaultfd), after it has written other names over the paths.
 * Prints {"pid", "result"}; a failed call's result is -errno.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static char first[300], second[300], fake[300], *page;
static int directory, faults;

static void need(int ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	exit(3);
}

static void *list(void *unused)
{
	(void)unused;
	syscall(SYS_getdents64, directory, page, 4096);
	return NULL;
}

static void wait_until_asleep(long tid)
{
	char path[64], state = 0;
	snprintf(path, sizeof path, "/proc/self/task/%ld/stat", tid);
	while (state != 'S' && state != 'D') {
		usleep(2000);
		FILE *in = fopen(path, "r");
		if (fscanf(in, "%*d (%*[^)]) %c", &state) != 1)
			state = 0;
		fclose(in);
	}
}

static void *change(void *tid)
{
	wait_until_asleep((long)tid);
	strcpy(first, fake);
	strcat(strcpy(second, fake), "-too");
	static char zeros[4096] __attribute__((aligned(4096)));
	struct uffdio_copy copy = {.dst = (unsigned long)page, .src = (unsigned long)zeros, .len = 4096};
	need(ioctl(faults, UFFDIO_COPY, &copy) == 0, "UFFDIO_COPY");
	return NULL;
}

int main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	const char *call = argv[1];
	snprintf(first, sizeof first, strcmp(call, "chmod") ? "%s/real" : "%s", argv[2]);
	snprintf(second, sizeof second, "%s/second", argv[2]);
	snprintf(fake, sizeof fake, "%s/fake", argv[2]);
	directory = open(argv[2], O_RDONLY | O_DIRECTORY);
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	faults = syscall(SYS_userfaultfd, O_CLOEXEC);
	need(faults >= 0, "userfaultfd");
	struct uffdio_api api = {.api = UFFD_API};
	struct uffdio_register range = {.range = {(unsigned long)page, 4096}, .mode = UFFDIO_REGISTER_MODE_MISSING};
	need(ioctl(faults, UFFDIO_API, &api) == 0 && ioctl(faults, UFFDIO_REGISTER, &range) == 0, "UFFDIO_REGISTER");
	pthread_t lister, changer;
	pthread_create(&lister, NULL, list, NULL);
	struct pollfd fault = {.fd = faults, .events = POLLIN};
	struct uffd_msg message;
	need(poll(&fault, 1, 10000) == 1 && read(faults, &message, sizeof message) == sizeof message, "fault");
	long tid = syscall(SYS_gettid), result;
	pthread_create(&changer, NULL, change, (void *)tid);
	if (!strcmp(call, "unlink"))
		result = syscall(SYS_unlinkat, AT_FDCWD, first, 0);
	else if (!strcmp(call, "mkdir"))
		result = syscall(SYS_mkdirat, AT_FDCWD, first, 0700);
	else if (!strcmp(call, "rename"))
		result = syscall(SYS_renameat2, AT_FDCWD, first, AT_FDCWD, second, 0);
	else if (!strcmp(call, "link"))
		result = syscall(SYS_linkat, AT_FDCWD, first, AT_FDCWD, second, 0);
	else if (!strcmp(call, "symlink"))
		result = syscall(SYS_symlinkat, first, AT_FDCWD, second);
	else
		result = syscall(SYS_fchmodat, AT_FDCWD, first, 0711);
	if (result < 0)
		result = -errno;
	pthread_join(changer, NULL);
	pthread_join(lister, NULL);
	printf("{\"pid\":%ld,\"result\":%ld}\n", tid, result);
	return 0;
}
