/* SPDX-License-Identifier: Apache-2.0 */
/* A real 32-bit program, without a C library: makes the calls that ia32.yaml watches for. Ends with the number of the first one
 * that did not do what it should. */
typedef unsigned int u32;
typedef unsigned short u16;
typedef unsigned char u8;

#define AF_UNIX 1
#define AF_INET 2
#define STREAM 1

static long call(long number, long a, long b, long c, long d, long e)
{
	long result;
	__asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e) : "memory");
	return result;
}

static long socketcall(long number, long a, long b, long c, long d, long e, long f)
{
	long arguments[6] = {a, b, c, d, e, f};
	return call(102, number, (long)arguments, 0, 0, 0);
}

static int step;
static void expect(int ok)
{
	step++;
	if (!ok)
		call(252, step, 0, 0, 0, 0);
}

static char dir[] = "/tmp/ia32-dir", file[] = "/tmp/ia32-dir/file", none[] = "/no/such/program", buffer[100];

static void files(void)
{
	u32 result[2], map[6] = {0, 4096, 1, 1, 4, 0};
	expect(call(39, (long)dir, 0750, 0, 0, 0) == 0); /* mkdir */
	expect(call(295, -100, (long)dir, 0200000, 0, 0) == 3); /* openat */
	expect(call(5, (long)file, 0102, 0644, 0, 0) == 4); /* open */
	expect(call(140, 4, 1, 2, (long)result, 0) == 0 && result[1] == 1); /* _llseek */
	expect((u32)call(90, (long)map, 0, 0, 0, 0) < (u32)-4095); /* mmap, by a structure */
	expect(call(221, 4, 0, 20, 0, 0) == 20); /* fcntl64 */
	expect(call(42, (long)result, 0, 0, 0, 0) == 0 && result[0] == 5); /* pipe */
}

static void sockets(void)
{
	static struct { u16 family, port; u8 address[4], zero[8]; } to = {AF_INET, 0x0100, {127, 0, 0, 1}, {0}};
	static struct { char *base; u32 bytes; } pieces[2] = {{"one", 3}, {"two", 3}};
	static struct { void *name; u32 name_bytes; void *pieces; u32 count; void *control; u32 control_bytes, flags; } message = {0, 0, pieces, 2, 0, 0, 0};
	static struct { u32 bytes; int level, type, fd; } rights = {16, 1, 1, 4};
	int pair[2], value;
	u32 size = sizeof(value);
	expect(socketcall(1, AF_INET, STREAM, 0, 0, 0, 0) == 7);
	expect(socketcall(2, 7, (long)&to, sizeof(to), 0, 0, 0) == 0);
	to.port = 0x0200;
	expect(socketcall(3, 7, (long)&to, sizeof(to), 0, 0, 0) == -111);
	expect(socketcall(8, AF_UNIX, STREAM, 0, (long)pair, 0, 0) == 0 && pair[0] == 8);
	expect(socketcall(9, 8, (long)"hello", 5, 0, 0, 0) == 5); /* send */
	expect(socketcall(10, 9, (long)buffer, 3, 0, 0, 0) == 3); /* recv */
	expect(socketcall(11, 8, (long)"xy", 2, 0, 0, 0) == 2); /* sendto */
	expect(socketcall(12, 9, (long)buffer, 10, 0, 0, 0) == 4); /* recvfrom */
	expect(socketcall(16, 8, (long)&message, 0, 0, 0, 0) == 6); /* sendmsg */
	pieces[0].base = buffer;
	pieces[1].base = buffer + 3;
	expect(socketcall(17, 9, (long)&message, 0, 0, 0, 0) == 6); /* recvmsg */
	/* A descriptor is passed: 10 is `file`, too. */
	message.control = &rights;
	message.control_bytes = sizeof(rights);
	expect(socketcall(16, 8, (long)&message, 0, 0, 0, 0) == 6);
	expect(socketcall(17, 9, (long)&message, 0, 0, 0, 0) == 6 && rights.fd == 10);
	expect(socketcall(15, 9, 1, 3, (long)&value, (long)&size, 0) == 0 && value == STREAM); /* getsockopt */
}

static void processes(void)
{
	static char *arguments[] = {none, "argument", 0}, *environment[] = {"A=B", 0};
	static u32 limits[2] = {100, 200}, time[2] = {2, 400000000};
	expect(call(11, (long)none, (long)arguments, (long)environment, 0, 0) == -2); /* execve */
	expect(call(213, 0, 0, 0, 0, 0) == 0); /* setuid32 */
	expect(call(162, (long)time, 0, 0, 0, 0) == 0); /* nanosleep */
	/* Long after it was received, it is known what the descriptor is. */
	expect(call(94, 10, 0600, 0, 0, 0) == 0); /* fchmod */
	expect(call(75, 7, (long)limits, 0, 0, 0) == 0); /* setrlimit */
	expect(call(22, (long)none, 8, 0, 0, 0) == -2); /* umount: it has no flags, whatever the next register holds */
	long child = call(2, 0, 0, 0, 0, 0); /* fork */
	if (child == 0)
		call(252, 0, 0, 0, 0, 0);
	expect(child > 0);
}

void _start(void)
{
	files();
	sockets();
	processes();
	call(252, 0, 0, 0, 0, 0);
}
