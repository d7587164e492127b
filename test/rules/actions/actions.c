/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the rules look for and no ordinary command does: one system call sequence per word. Linked statically, so that it
 * runs in a container with nothing else in it. Prints nothing when it worked, the failing call otherwise.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static void fail(const char *what) {
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(1);
}

static void join(pid_t child) {
	int status;
	if (child < 0 || waitpid(child, &status, 0) < 0) fail("child");
}

/* Each way to open a file for writing, in turn. */
static void open_ways(const char *path) {
	struct { unsigned long long flags, mode, resolve; } how = { O_WRONLY, 0, 0 };
	int fd;
	if ((fd = syscall(SYS_creat, path, 0644)) < 0) fail("creat");
	close(fd);
	if ((fd = syscall(SYS_open, path, O_WRONLY)) < 0) fail("open");
	close(fd);
	if ((fd = syscall(SYS_openat, AT_FDCWD, path, O_RDWR)) < 0) fail("openat");
	close(fd);
	if ((fd = syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how)) < 0) fail("openat2");
	close(fd);
}

static void memfd_exec(void) {
	pid_t child = fork();
	if (child == 0) {
		char buffer[65536], *const argv[] = { "payload", NULL }, *const envp[] = { NULL };
		ssize_t n;
		int in = open("/proc/self/exe", O_RDONLY), out = memfd_create("payload", MFD_CLOEXEC);
		if (in < 0 || out < 0) fail("memfd_create");
		while ((n = read(in, buffer, sizeof buffer)) > 0)
			if (write(out, buffer, n) != n) fail("write");
		syscall(SYS_execveat, out, "", argv, envp, AT_EMPTY_PATH);
		fail("execveat");
	}
	join(child);
}

static void dup_socket(const char *port) {
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(atoi(port)), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	if (fd < 0 || connect(fd, (void *)&to, sizeof to) < 0) fail("connect");
	for (int i = 0; i < 3; i++)
		if (dup2(fd, i) < 0) fail("dup2");
}

static void ptrace_attach(void) {
	pid_t child = fork();
	if (child == 0)
		for (;;) pause();
	if (ptrace(PTRACE_ATTACH, child, 0, 0) < 0) fail("ptrace");
	waitpid(child, NULL, 0);
	ptrace(PTRACE_DETACH, child, 0, 0);
	kill(child, SIGKILL);
	join(child);
}

static void connect_unix(const char *path) {
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	strncpy(to.sun_path, path, sizeof to.sun_path - 1);
	if (fd < 0 || connect(fd, (void *)&to, sizeof to) < 0) fail("connect");
}

static void connect_tcp(const char *address, const char *port) {
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(atoi(port)) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	inet_pton(AF_INET, address, &to.sin_addr);
	if (fd < 0) fail("socket");
	if (connect(fd, (void *)&to, sizeof to) < 0 && errno != ECONNREFUSED) fail("connect");
}

/* The smallest program there is: return 0. */
static void bpf_load(void) {
	struct bpf_insn program[] = { { .code = BPF_ALU64 | BPF_MOV | BPF_K }, { .code = BPF_JMP | BPF_EXIT } };
	union bpf_attr attr;
	memset(&attr, 0, sizeof attr);
	attr.prog_type = BPF_PROG_TYPE_SOCKET_FILTER;
	attr.insns = (unsigned long)program;
	attr.insn_cnt = 2;
	attr.license = (unsigned long)"GPL";
	if (syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof attr) < 0) fail("bpf");
}

/* No module: the kernel refuses it after it was asked, which is what the rule is about. */
static void load_module(void) {
	int fd = open("/proc/self/exe", O_RDONLY);
	if (syscall(SYS_finit_module, fd, "", 0) == 0) fail("finit_module");
}

static void run_shell(void) {
	pid_t child = fork();
	if (child == 0) {
		execl("/bin/sh", "sh", "-c", ":", NULL);
		fail("sh");
	}
	join(child);
}

int main(int argc, char **argv) {
	const char *what = argc > 1 ? argv[1] : "";
	if (!strcmp(what, "open-ways") && argc == 3) open_ways(argv[2]);
	else if (!strcmp(what, "memfd-exec")) memfd_exec();
	else if (!strcmp(what, "dup-socket") && argc == 3) dup_socket(argv[2]);
	else if (!strcmp(what, "ptrace-attach")) ptrace_attach();
	else if (!strcmp(what, "connect-unix") && argc == 3) connect_unix(argv[2]);
	else if (!strcmp(what, "connect-tcp") && argc == 4) connect_tcp(argv[2], argv[3]);
	else if (!strcmp(what, "bpf-load")) bpf_load();
	else if (!strcmp(what, "load-module")) load_module();
	else if (!strcmp(what, "run-shell")) run_shell();
	return 0;
}
