/* SPDX-License-Identifier: Apache-2.0 */
/* Makes 32-bit system calls (int 0x80) on x86_64, with the path of its first argument. Everything that is pointed to lies
 * below 4 GiB: the program is linked at a fixed low address (-no-pie) and keeps its data static. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static long call(long number, long a, long b, long c, long d)
{
	long result;
	__asm__ volatile("int $0x80"
			 : "=a"(result)
			 : "a"(number), "b"(a), "c"(b), "d"(c), "S"(d)
			 : "memory", "r8", "r9", "r10", "r11");
	return (int)result;
}

#define LOW(pointer) ((long)(uintptr_t)(pointer))

int main(int argc, char **argv)
{
	static char path[4096], none[] = "/no/such/program", argument[] = "argument";
	static struct { uint16_t family, port; uint8_t address[4], zero[8]; } to = {2, 0x0100, {127, 0, 0, 1}, {0}};
	static uint32_t socket_arguments[3] = {2, 1, 0}, connect_arguments[3], vector[3];
	if (argc < 2)
		return call(20, 0, 0, 0, 0) == getpid() ? 0 : 2; /* are there 32-bit calls here at all? */
	strncpy(path, argv[1], sizeof path - 1);
	vector[0] = LOW(none);
	vector[1] = LOW(argument);
	long made = call(39, LOW(path), 0750, 0, 0);
	long opened = call(295, -100, LOW(path), 0200000, 0);
	long fd = call(102, 1, LOW(socket_arguments), 0, 0);
	connect_arguments[0] = fd;
	connect_arguments[1] = LOW(&to);
	connect_arguments[2] = sizeof to;
	long connected = call(102, 3, LOW(connect_arguments), 0, 0);
	long executed = call(11, LOW(none), LOW(vector), 0, 0);
	long user = call(213, 0, 0, 0, 0);
	long mask = call(60, 022, 0, 0, 0);
	(void)mask;
	printf("{\"pid\":%d,\"mkdir\":%ld,\"openat\":%ld,\"socket\":%ld,\"connect\":%ld,\"execve\":%ld,\"setuid32\":%ld}\n", getpid(),
	       made, opened, fd, connected, executed, user);
	return 0;
}
