/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lives MODE MARK [ARGUMENT]: lives a life of one kind, and opens the file MARK at its end, with what the kernel says of it
 * behind its name: MARK:PARENT:SESSION. Modes that are about descriptors copy the descriptor with dup(2) instead.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *mark, *extra;

static void check(int ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	_exit(1);
}

static void leave_mark(void)
{
	char path[4096];
	snprintf(path, sizeof path, "%s:%d:%d", mark, getppid(), getsid(0));
	close(open(path, O_RDONLY | O_CREAT, 0600));
}

static void run_again(const char *program)
{
	execl(program, "lives", "mark", mark, NULL);
	check(0, "exec");
}

static void wait_for(pid_t child)
{
	int status;
	check(child > 0 && waitpid(child, &status, 0) == child && status == 0, "child");
}

/* The grandchild's parent ends before it looks. */
static void orphan(void)
{
	if (fork() == 0) {
		pid_t parent = getpid();
		if (fork() == 0) {
			while (getppid() == parent)
				usleep(1000);
			leave_mark();
			_exit(0);
		}
		_exit(0);
	}
	while (wait(NULL) > 0)
		;
	sleep(1);
}

static void *exec_in_thread(void *unused)
{
	(void)unused;
	run_again("/proc/self/exe");
	return NULL;
}

static int open_and_stay(void *unused)
{
	(void)unused;
	int fd = open(mark, O_RDONLY | O_CREAT, 0600);
	check(dup2(fd, 77) == 77, "dup2");
	return 0;
}

static void pass_descriptor(void)
{
	int ends[2], fd;
	check(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0, "socketpair");
	char byte = 'x', control[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec data = {&byte, 1};
	struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
	pid_t child = fork();
	if (child == 0) {
		fd = open(mark, O_RDONLY | O_CREAT, 0600);
		struct cmsghdr *head = CMSG_FIRSTHDR(&message);
		head->cmsg_level = SOL_SOCKET;
		head->cmsg_type = SCM_RIGHTS;
		head->cmsg_len = CMSG_LEN(sizeof fd);
		memcpy(CMSG_DATA(head), &fd, sizeof fd);
		_exit(sendmsg(ends[0], &message, 0) == 1 ? 0 : 1);
	}
	check(recvmsg(ends[1], &message, 0) == 1, "recvmsg");
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
	wait_for(child);
	/* The monitor asks the kernel which file it is, beside the events. */
	for (int i = 0; i < 20; i++) {
		usleep(100000);
		close(dup(fd));
	}
}

static void connect_to(int family, int type, int flags, const char *address)
{
	int fd = socket(family, type | flags, 0);
	check(fd >= 0, "socket");
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(atoi(extra))};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(atoi(extra))};
	inet_pton(family, address, family == AF_INET ? (void *)&v4.sin_addr : (void *)&v6.sin6_addr);
	struct sockaddr *to = family == AF_INET ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6;
	socklen_t length = family == AF_INET ? sizeof v4 : sizeof v6;
	if (type == SOCK_DGRAM)
		check(sendto(fd, "x", 1, 0, to, length) == 1, "sendto");
	else
		connect(fd, to, length);
	close(dup(fd));
}

static void run_from_memory(void)
{
	char buffer[65536];
	int in = open("/proc/self/exe", O_RDONLY), out = memfd_create("payload", 0);
	for (ssize_t n; (n = read(in, buffer, sizeof buffer)) > 0;)
		check(write(out, buffer, n) == n, "write");
	fexecve(out, (char *[]){"lives", "mark", (char *)mark, NULL}, environ);
}

static void drop_capabilities(void)
{
	struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2] = {{0}};
	data[0].effective = data[0].permitted = 1 << CAP_CHOWN;
	check(syscall(SYS_capset, &head, data) == 0, "capset");
	leave_mark();
}

int main(int argc, char **argv)
{
	static char stack[65536];
	check(argc >= 3, "lives MODE MARK [ARGUMENT]");
	const char *mode = argv[1];
	mark = argv[2];
	extra = argc > 3 ? argv[3] : "";
#define MODE(name) else if (strcmp(mode, name) == 0)
	if (strcmp(mode, "mark") == 0)
		leave_mark();
	MODE("orphan") orphan();
	MODE("subreaper") {
		check(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0, "prctl");
		orphan();
	}
	MODE("session") {
		pid_t child = fork();
		if (child == 0) {
			setsid();
			child = fork();
			if (child == 0) {
				leave_mark();
				_exit(0);
			}
			wait_for(child);
			_exit(0);
		}
		wait_for(child);
	}
	MODE("leader") {
		pid_t child = fork();
		if (child == 0) {
			setsid();
			leave_mark();
			_exit(0);
		}
		wait_for(child);
	}
	MODE("vfork") {
		pid_t child = vfork();
		if (child == 0)
			run_again("/proc/self/exe");
		wait_for(child);
	}
	MODE("thread-exec") {
		pthread_t thread;
		pthread_create(&thread, NULL, exec_in_thread, NULL);
		pthread_join(thread, NULL);
	}
	MODE("clone-files") {
		wait_for(clone(open_and_stay, stack + sizeof stack, CLONE_FILES | SIGCHLD, NULL));
		close(dup(77));
	}
	MODE("rights") pass_descriptor();
	MODE("connect") connect_to(AF_INET, SOCK_STREAM, SOCK_NONBLOCK, "127.0.0.1");
	MODE("mapped") connect_to(AF_INET6, SOCK_STREAM, 0, "::ffff:127.0.0.1");
	MODE("udp") connect_to(AF_INET, SOCK_DGRAM, 0, "127.0.0.1");
	MODE("memory") run_from_memory();
	MODE("capabilities") drop_capabilities();
	MODE("user") {
		check(setresgid(4712, 4712, 4712) == 0 && setresuid(4711, 4711, 4711) == 0, "setresuid");
		run_again(extra);
	}
	MODE("chroot") {
		check(chroot(extra) == 0 && chdir("/") == 0, "chroot");
		leave_mark();
	}
	MODE("login") {
		int fd = open("/proc/self/loginuid", O_WRONLY);
		check(write(fd, "1234", 4) == 4, "loginuid");
		close(fd);
		run_again("/proc/self/exe");
	}
	else {
		fprintf(stderr, "no mode %s\n", mode);
		return 2;
	}
	return 0;
}
