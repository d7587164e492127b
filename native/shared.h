/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Layouts that the BPF programs and the addon share. Plain C, included by both. */
#pragma once

#define MAX_SYSCALLS 512
#define MAX_EVENTS 512
/* 32-bit calls on x86_64: socketcall's sub-calls follow the others. */
#define IA32_SOCKETCALL 102
#define COMPAT_SOCKETCALLS 512
#define MAX_COMPAT_CALLS (COMPAT_SOCKETCALLS + 32)
/* A record: length u32, CPU u16, zero u16, then the scap event. See src/sources/native-contract.ts. */
#define RECORD_PREFIX 8
#define EVENT_HEADER 26
#define MAX_EVENT_BYTES 65536
/* Room for one event, for the longest single read that begins within it, and for paths put together backwards. */
#define SCRATCH_BYTES (2 * MAX_EVENT_BYTES)

/* What is kept of calls when they begin: see bpf/entry.h. */
#define ENTRY_SLOTS 512
#define ENTRY_BYTES 4096

enum entry_kind {
	ENTRY_NONE,
	ENTRY_TEXT_0, /* the text that argument 0 points to */
	ENTRY_TEXT_1,
	ENTRY_OPENAT2, /* and the structure of argument 2 */
	ENTRY_ADDRESS, /* of a socket, in argument 1 */
};

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
	/* A call of a 32-bit program, where these are not reported. */
	unsigned long long foreign;
	/* The kernel did not run a program because it was running already. Filled in by the addon, for all CPUs. */
	unsigned long long missed;
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
	/* `enum entry_kind` by native number. */
	unsigned char entry_kinds[MAX_SYSCALLS];
	/* Native numbers by 32-bit number, 0xffff: none. */
	unsigned short native_of_compat[MAX_COMPAT_CALLS];
};

#define WANTED 1
/* The 32-bit call with this number is wanted. */
#define WANTED_COMPAT 2
/* Something is kept when the call begins, native or 32-bit. */
#define WANTED_ENTRY 4

/* What is reported: system calls by number, tracepoints by event type. One look-up tells that a call is uninteresting,
 * be it a native or a 32-bit one. */
struct interest {
	unsigned char syscall[MAX_SYSCALLS];
	unsigned char socketcall[MAX_COMPAT_CALLS - COMPAT_SOCKETCALLS];
	unsigned char event[MAX_EVENTS];
};

struct scratch {
	unsigned char data[SCRATCH_BYTES + RECORD_PREFIX];
};
