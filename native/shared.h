/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Layouts that the BPF programs and the addon share. Plain C, included by both. */
#pragma once

#define MAX_SYSCALLS 512
#define MAX_EVENTS 512
/* A record: length u32, CPU u16, zero u16, then the scap event. See src/sources/native-contract.ts. */
#define RECORD_PREFIX 8
#define EVENT_HEADER 26
#define MAX_EVENT_BYTES 65536
/* Room for one event, for the longest single read that begins within it, and for paths put together backwards. */
#define SCRATCH_BYTES (2 * MAX_EVENT_BYTES)

enum loss {
	LOSS_OTHER,
	LOSS_PROCESS,
	LOSS_NETWORK,
	LOSS_FILE,
	LOSS_CATEGORIES,
};

/* One for each CPU. */
struct counts {
	unsigned long long produced;
	unsigned long long ring_full[LOSS_CATEGORIES];
	/* Larger than an event may be, or its program is missing. */
	unsigned long long dropped;
	/* A 32-bit system call without a 64-bit counterpart. */
	unsigned long long foreign;
	unsigned long long unused;
};

struct config {
	/* What turns the time since boot into the time since the epoch, in nanoseconds. */
	unsigned long long boot_to_epoch_ns;
	/* Bytes of data parameters kept. */
	unsigned int snaplen;
	/* Leave out calls that failed. */
	unsigned int drop_failed;
	/* Portable codes by native number. */
	unsigned short syscall_codes[MAX_SYSCALLS];
};

/* What is reported: system calls by native number, tracepoints by event type. Non-zero: wanted. */
struct interest {
	unsigned char syscall[MAX_SYSCALLS];
	unsigned char event[MAX_EVENTS];
};

struct scratch {
	unsigned char data[SCRATCH_BYTES];
};
