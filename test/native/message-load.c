/* SPDX-License-Identifier: Apache-2.0 */
/*
 * message-load DIRECTORY COUNT: sends and receives in all the ways after which something later (a dup) can tell what is known
 * of the socket, then COUNT messages on a connected pair.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static char byte[4];

static void check(int ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	exit(3);
}

/* What is known of it is shown. */
static void show(int fd)
{
	close(dup(fd));
}

static void put(int fd)
{
	check(send(fd, "x", 1, 0) == 1, "send");
}

static void get(int fd)
{
	check(recv(fd, byte, 1, 0) == 1, "recv");
}

static struct sockaddr_in bound(int fd)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(at);
	check(bind(fd, (void *)&at, size) == 0 && getsockname(fd, (void *)&at, &size) == 0, "bind");
	return at;
}

static int udp(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	check(fd >= 0, "socket");
	return fd;
}

static void join(int fd, const struct sockaddr_in *to)
{
	check(connect(fd, (const void *)to, sizeof(*to)) == 0, "connect");
}

/* A stream of messages in one direction, then in both. */
static void pairs(void)
{
	int pair[2];
	check(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0, "socketpair");
	show(pair[0]);
	for (int i = 0; i < 3; i++) {
		put(pair[0]);
		get(pair[1]);
	}
	show(pair[0]);
	show(pair[1]);
	put(pair[1]);
	show(pair[1]);
	get(pair[0]);
	show(pair[0]);
	put(pair[0]);
	show(pair[0]);
	check(recv(pair[0], byte, 1, MSG_DONTWAIT) < 0, "nothing to receive");
	show(pair[0]);
	/* A child has what its parent knew, and goes on with it. */
	pid_t pid = fork();
	if (pid == 0) {
		show(pair[0]);
		put(pair[0]);
		put(pair[0]);
		show(pair[0]);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	close(pair[0]);
	close(pair[1]);
}

static void streams(int family)
{
	int server = socket(family, SOCK_STREAM, 0), client = socket(family, SOCK_STREAM, 0);
	struct sockaddr_in6 at = {.sin6_family = AF_INET6};
	socklen_t size = sizeof(at);
	if (family == AF_INET) {
		struct sockaddr_in v4 = bound(server);
		memcpy(&at, &v4, size = sizeof(v4));
	} else {
		/* IPv4 under an address of IPv6. */
		check(bind(server, (void *)&at, size) == 0 && getsockname(server, (void *)&at, &size) == 0, "bind");
		inet_pton(AF_INET6, "::ffff:127.0.0.1", &at.sin6_addr);
	}
	check(listen(server, 1) == 0 && connect(client, (void *)&at, size) == 0, "connect");
	int accepted = accept(server, NULL, NULL);
	for (int i = 0; i < 3; i++) {
		put(client);
		get(accepted);
		put(accepted);
		get(client);
		show(client);
		show(accepted);
	}
	close(client);
	close(accepted);
	close(server);
}

static void datagrams(void)
{
	int a = udp(), b = udp(), fd = udp();
	struct sockaddr_in to_a = bound(a), to_b = bound(b), from;
	socklen_t size;
	/* To one, to the other, and to none in particular. */
	for (int i = 0; i < 2; i++) {
		join(fd, &to_a);
		put(fd);
		put(fd);
		show(fd);
		join(fd, &to_b);
		put(fd);
		show(fd);
	}
	check(sendto(fd, "x", 1, 0, (void *)&to_a, sizeof(to_a)) == 1, "sendto");
	show(fd);
	struct sockaddr none = {.sa_family = AF_UNSPEC};
	check(connect(fd, &none, sizeof(none)) == 0, "disconnect");
	for (int i = 0; i < 4; i++) {
		check(sendto(fd, "x", 1, 0, i < 2 ? (void *)&to_a : (void *)&to_b, sizeof(to_a)) == 1, "sendto");
		show(fd);
	}
	for (int i = 0; i < 5; i++) {
		size = sizeof(from);
		check(recvfrom(a, byte, 1, 0, (void *)&from, &size) == 1, "recvfrom");
		show(a);
	}
	/* Another socket under the same number, with the same peer. */
	for (int i = 0; i < 3; i++) {
		close(fd);
		fd = udp();
		join(fd, &to_a);
		show(fd);
		put(fd);
		put(fd);
		show(fd);
	}
	/* Another one put in its place, and the first one again. */
	int first = dup(fd), other = udp();
	join(other, &to_b);
	dup2(other, fd);
	put(fd);
	show(fd);
	dup2(first, fd);
	put(fd);
	show(fd);
	/* A child connects it to another one. */
	pid_t pid = fork();
	if (pid == 0) {
		join(fd, &to_b);
		put(fd);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	put(fd);
	show(fd);
	close(first);
	close(other);
	close(fd);
	close(a);
	close(b);
}

/* One or two messages with other calls between them. */
static void many(const char *dir)
{
	int pair[2];
	struct iovec piece = {byte, 1};
	struct mmsghdr two[2] = {{.msg_hdr = {.msg_iov = &piece, .msg_iovlen = 1}}, {.msg_hdr = {.msg_iov = &piece, .msg_iovlen = 1}}};
	check(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) == 0, "socketpair");
	for (int i = 0; i < 2; i++) {
		put(pair[1]);
		get(pair[0]);
		show(pair[0]);
		check(sendmmsg(pair[0], two, 2, 0) == 2, "sendmmsg");
		show(pair[0]);
		put(pair[1]);
		get(pair[0]);
		show(pair[0]);
		check(recvmmsg(pair[1], two, 2, 0, NULL) == 2, "recvmmsg");
		show(pair[1]);
	}
	/* A datagram socket with a name, and messages to it by name. */
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	snprintf(at.sun_path, sizeof(at.sun_path), "%s/named", dir);
	int named = socket(AF_UNIX, SOCK_DGRAM, 0), sender = socket(AF_UNIX, SOCK_DGRAM, 0);
	unlink(at.sun_path);
	check(bind(named, (void *)&at, sizeof(at)) == 0, "bind");
	for (int i = 0; i < 2; i++) {
		check(sendto(sender, "x", 1, 0, (void *)&at, sizeof(at)) == 1, "sendto");
		show(sender);
		get(named);
		show(named);
	}
	unlink(at.sun_path);
	close(named);
	close(sender);
	close(pair[0]);
	close(pair[1]);
}

/* A file is passed over a socket that has long been in use. */
static void passed(const char *dir)
{
	char path[300], control[CMSG_SPACE(sizeof(int))] = {};
	int pair[2];
	check(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0, "socketpair");
	snprintf(path, sizeof(path), "%s/passed", dir);
	int fd = open(path, O_RDWR | O_CREAT, 0644);
	struct iovec piece = {byte, 1};
	struct msghdr m = {.msg_iov = &piece, .msg_iovlen = 1};
	for (int i = 0; i < 3; i++)
		check(sendmsg(pair[0], &m, 0) == 1 && recvmsg(pair[1], &m, 0) == 1, "message");
	m.msg_control = control;
	m.msg_controllen = sizeof(control);
	struct cmsghdr *header = CMSG_FIRSTHDR(&m);
	*header = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))};
	memcpy(CMSG_DATA(header), &fd, sizeof(int));
	check(sendmsg(pair[0], &m, 0) == 1 && recvmsg(pair[1], &m, 0) == 1, "message with a file");
	int received;
	memcpy(&received, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(int));
	/* It is looked up in /proc. */
	usleep(500000);
	fchmod(received, 0600);
	show(pair[1]);
	close(received);
	close(fd);
	close(pair[0]);
	close(pair[1]);
}

int main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	pairs();
	streams(AF_INET);
	streams(AF_INET6);
	datagrams();
	many(argv[1]);
	passed(argv[1]);
	int pair[2];
	check(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0, "socketpair");
	for (int i = 0; i < atoi(argv[2]); i++) {
		put(pair[0]);
		get(pair[1]);
	}
	show(pair[0]);
	return 0;
}
