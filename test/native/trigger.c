/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes the system calls that a test asks for, and nothing else between them.
 *
 *   trigger NUMBER ARGUMENT… [-- NUMBER ARGUMENT…]…
 *
 * An argument is i:NUMBER, s:TEXT, b:HEX (a buffer with these bytes), o:SIZE (a zeroed buffer, printed afterwards),
 * r:INDEX (the result of an earlier call), q:INDEX:OFFSET (an int in the o: buffer of an earlier call), v:STRUCTURE (a
 * structure: HEX for bytes in it, &HEX for a pointer to bytes, [STRUCTURE] for a pointer to another one, apart by `;`).
 * NUMBER -1: fork; the child exits with the first argument, the parent waits.
 * Prints {"pid", "tid", "results": […], "outputs": ["hex"…]}; a failed call's result is -errno.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_CALLS 32

static long results[MAX_CALLS];
static unsigned char *outputs[MAX_CALLS];
static size_t output_sizes[MAX_CALLS];

static unsigned char *bytes_of(const char *hex, size_t *count)
{
	*count = strspn(hex, "0123456789abcdef") / 2;
	unsigned char *buffer = calloc(1, *count + 1);
	for (size_t i = 0; i < *count; i++)
		sscanf(hex + 2 * i, "%2hhx", &buffer[i]);
	return buffer;
}

static unsigned char *structure(const char **text)
{
	unsigned char *out = calloc(1, 4096);
	size_t size = 0, count;
	for (; **text && **text != ']'; ++*text) {
		const char *at = *text;
		if (*at == ';')
			continue;
		if (*at == '[' || *at == '&') {
			++*text;
			unsigned char *to = *at == '[' ? structure(text) : bytes_of(*text, &count);
			if (*at == '&')
				*text += 2 * count - 1;
			memcpy(out + size, &to, sizeof to);
			size += sizeof to;
		} else {
			unsigned char *bytes = bytes_of(at, &count);
			memcpy(out + size, bytes, count);
			size += count;
			*text += 2 * count - 1;
		}
	}
	return out;
}

static long argument(const char *text, int call)
{
	const char *value = text + 2;
	switch (text[0]) {
	case 'i':
		return strtoll(value, NULL, 0);
	case 's':
		return (long)value;
	case 'r':
		return results[atoi(value)];
	case 'q': {
		int index = atoi(value), offset = atoi(strchr(value, ':') + 1), number;
		memcpy(&number, outputs[index] + offset, sizeof number);
		return number;
	}
	case 'o':
		output_sizes[call] = strtoul(value, NULL, 0);
		outputs[call] = calloc(1, output_sizes[call] + 1);
		return (long)outputs[call];
	case 'b': {
		size_t count;
		return (long)bytes_of(value, &count);
	}
	case 'v':
		return (long)structure(&value);
	}
	fprintf(stderr, "trigger: cannot read %s\n", text);
	exit(2);
}

static long fork_and_wait(long status)
{
	long child = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	if (child == 0)
		syscall(SYS_exit_group, status);
	waitpid(child, NULL, 0);
	return child;
}

int main(int argc, char **argv)
{
	int calls = 0;
	for (int i = 1; i < argc; i++, calls++) {
		if (calls == MAX_CALLS)
			return 2;
		long number = atol(argv[i++]), a[6] = {0};
		for (int n = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
			if (n < 6)
				a[n++] = argument(argv[i], calls);
		long result = number == -1 ? fork_and_wait(a[0]) : syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
		results[calls] = result == -1 ? -errno : result;
	}
	printf("{\"pid\":%d,\"tid\":%ld,\"results\":[", getpid(), syscall(SYS_gettid));
	for (int i = 0; i < calls; i++)
		printf("%s%ld", i ? "," : "", results[i]);
	printf("],\"outputs\":[");
	for (int i = 0; i < calls; i++) {
		printf("%s\"", i ? "," : "");
		for (size_t k = 0; k < output_sizes[i]; k++)
			printf("%02x", outputs[i][k]);
		printf("\"");
	}
	printf("]}\n");
	return 0;
}
