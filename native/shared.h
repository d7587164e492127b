/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Layouts that the BPF programs and the addon share. Plain C, included by both. */
#pragma once

#define MAX_SYSCALLS 512
#define MAX_EVENTS 512
/* 32-bit calls on x86_64: socketcall's sub-calls follow the others. */
#define IA32_SOCKETCALL 102
#define COMPAT_SOCKETCALLS 512
#define MAX_COMPAT_CALLS (COMPAT_SOCKETCALLS + 32)
/* A record: length u32, CPU u16, kind u16, then the scap event. See src/sources/native-contract.ts. */
#define RECORD_PREFIX 8
#define RECORD_EVENT 0
/* No event: what a descriptor refers to that the next event uses. */
#define RECORD_DESCRIPTOR 1
#define EVENT_HEADER 26
#define MAX_EVENT_BYTES 65536
/* Room for one event, for the longest single read that begins within it, and for paths put together backwards. */
#define SCRATCH_BYTES (2 * MAX_EVENT_BYTES)

/* What is kept of calls when they begin: see bpf/entry.h. */
#define ENTRY_SLOTS 512
#define ENTRY_BYTES 4096
/* Where the second of two texts is kept. */
#define ENTRY_HALF (ENTRY_BYTES / 2)

enum entry_kind {
	ENTRY_NONE,
	ENTRY_TEXT_0, /* the text that argument 0 points to */
	ENTRY_TEXT_1,
	ENTRY_OPENAT2, /* and the structure of argument 2 */
	ENTRY_ADDRESS, /* of a socket, in argument 1 */
	/* From here on: texts of two arguments below 4 (4 * first + second), or of one (both the same). */
	ENTRY_PATHS = 16,
};

enum loss {
	LOSS_OTHER,
	LOSS_PROCESS,
	LOSS_NETWORK,
	LOSS_FILE,
	/* Parts of these that are counted on their own, as the field's probe has them. */
	LOSS_CLONE_FORK,
	LOSS_EXECVE,
	LOSS_PROC_EXIT,
	LOSS_INTEREST,
	LOSS_CONNECT,
	LOSS_OPEN,
	LOSS_DIR_FILE,
	LOSS_CLOSE,
	LOSS_CATEGORIES,
};

/* One for each CPU, in cache lines of its own. */
struct __attribute__((aligned(64))) counts {
	unsigned long long produced;
	unsigned long long ring_full[LOSS_CATEGORIES];
	/* Larger than an event may be, or its program is missing. */
	unsigned long long dropped;
	/* A call of a 32-bit program, where these are not reported. */
	unsigned long long foreign;
	/* The kernel did not run a program because it was running already. Filled in by the addon, for all CPUs. */
	unsigned long long missed;
	/* Held back by a sieve: no rule can match it and no state depends on it. Part of `produced`. */
	unsigned long long filtered;
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

/* What is asked of a watched call before its event is made: bits of `sieve_set.calls`. */
#define SIEVE_FAILED 1 /* one that failed is not needed */
#define SIEVE_SUCCEEDED 2 /* one that worked is not needed */
#define SIEVE_OPEN 4 /* opens a file: the path decides, first argument */
#define SIEVE_OPEN_AT 8 /* the same, second argument */
#define SIEVE_OPEN_HOW 16 /* with SIEVE_OPEN_AT: flags are behind a pointer (openat2) */
#define SIEVE_CLOSE 32 /* needed only where the descriptor's opening was told */
#define SIEVE_FCNTL 64 /* needed only when it makes or marks a descriptor */
#define SIEVE_GIVES_FD 128 /* the result is a descriptor */
#define SIEVE_CLOSE_RANGE 256
#define SIEVE_MESSAGE 512 /* sent or received on the socket of the first argument */
#define SIEVE_INCOMING 1024 /* with SIEVE_MESSAGE: received */
#define SIEVE_HEADER 2048 /* with SIEVE_INCOMING: the second argument is a struct msghdr */
#define SIEVE_REPEATED 4096 /* with SIEVE_MESSAGE: one that tells no more of the socket than the last one is not needed */
#define SIEVE_SOCKET 8192 /* what is known of the first argument's socket may be another thing after it */

/* Opens fall into classes: access mode (0 to 3), may create, failed. */
#define OPEN_CREATES 4
#define OPEN_FAILED 8
#define OPEN_CLASSES 16

#define PATH_SLOTS 4096
/* Tests of a path. Each table says by hash for which classes of opens a path may matter; a collision only lets through. */
enum path_test {
	PATH_WHOLE, /* the path is … */
	PATH_PREFIX, /* … begins with … */
	PATH_NAME, /* its last component is … */
	PATH_DIRECTORY, /* it lies directly in … */
	PATH_TAIL, /* its last four bytes are … */
	PATH_TESTS,
};
#define MAX_PREFIX 63
/* Longer paths pass. */
#define MAX_SIEVED_PATH 96

#define HASH_BEGIN 2166136261u
#define HASH_STEP(hash, byte) (((hash) ^ (byte)) * 16777619u)
#define HASH_SLOT(hash) (((hash) ^ (hash) >> 16) & (PATH_SLOTS - 1))
/* Of the last four bytes, the last one lowest. */
#define HASH_TAIL(bytes) ((bytes) * 2654435761u)

struct sieve_set {
	unsigned short calls[MAX_SYSCALLS];
	/* Which arguments are descriptors, a bit each. */
	unsigned char uses_fds[MAX_SYSCALLS];
	/* Classes of opens that pass whatever their path, and those whose path decides; others are held back. */
	unsigned short any_path, some_paths;
	/* Bit n: a prefix of n bytes is in the table. */
	unsigned long long prefix_lengths;
	unsigned short paths[PATH_TESTS][PATH_SLOTS];
};

/* The set that is not in use is filled, then `active` is counted up: its lowest bit says which one is used. */
struct sieve {
	unsigned int active;
	struct sieve_set sets[2];
};

/* A file whose opening was held back. It is told of when a later event needs its descriptor. */
#define DEFERRED_FDS 64
#define DEFERRED_BITS 13
struct deferred_open {
	/* Process and descriptor; 0: free. */
	unsigned long long tag;
	/* `tag` and the hash of the path together: tells when it was written over while it was told. */
	unsigned long long check;
	unsigned int flags; /* the wire's */
	unsigned int writers; /* CPUs that want to write here now */
	char path[MAX_SIEVED_PATH];
	char unused[8];
};

/* What the last message on a socket told, one number for each process and descriptor: see bpf/told.h. */
#define TOLD_BITS 16

struct scratch {
	unsigned char data[SCRATCH_BYTES + RECORD_PREFIX];
	/* Process and thread whose event is put together there. */
	unsigned long long owner;
};
