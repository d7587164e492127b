/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* How an argument becomes a parameter: `ParamReader` in src/events/table.ts names these. Flags become the wire's own. */
#pragma once
#include "kernel.h"
#include "generated/events.h"

#define BIT_TO(value, from, to) (((value) & (from)) ? (to) : 0)

/* include/uapi/asm-generic/fcntl.h; arm64 differs in four of them. */
#define K_O_CREAT 0100
#define K_O_EXCL 0200
#define K_O_TRUNC 01000
#define K_O_APPEND 02000
#define K_O_NONBLOCK 04000
#define K_O_DSYNC 010000
#if defined(__TARGET_ARCH_arm64)
#define K_O_DIRECTORY 040000
#define K_O_DIRECT 0200000
#define K_O_LARGEFILE 0400000
#else
#define K_O_DIRECT 040000
#define K_O_LARGEFILE 0100000
#define K_O_DIRECTORY 0200000
#endif
#define K_O_CLOEXEC 02000000
#define K_O_SYNC (04000000 | K_O_DSYNC)
#define K_O_TMPFILE (020000000 | K_O_DIRECTORY)

INLINE u64 from_ret(s64 ret)
{
	return ret;
}
INLINE u64 from_ret32(s64 ret)
{
	return (s64)(s32)ret;
}
INLINE u64 from_zero(s64 ret)
{
	return 0;
}
INLINE u64 from_u8(u64 v)
{
	return (u8)v;
}
INLINE u64 from_u32(u64 v)
{
	return (u32)v;
}
INLINE u64 from_s32(u64 v)
{
	return (s64)(s32)v;
}
INLINE u64 from_u64(u64 v)
{
	return v;
}
INLINE u64 from_str(u64 v)
{
	return v;
}

INLINE u32 open_flags(u32 v)
{
	u32 access = v & 3;
	u32 out = access == 1 ? F_file_flags_O_WRONLY : access == 2 ? F_file_flags_O_RDWR : F_file_flags_O_RDONLY;
	/* Falco takes any bit of O_SYNC and O_TMPFILE for the whole: O_DSYNC and O_DIRECTORY set them too. */
	return out | BIT_TO(v, K_O_CREAT, F_file_flags_O_CREAT) | BIT_TO(v, K_O_TMPFILE, F_file_flags_O_TMPFILE) |
	       BIT_TO(v, K_O_APPEND, F_file_flags_O_APPEND) | BIT_TO(v, K_O_DSYNC, F_file_flags_O_DSYNC) |
	       BIT_TO(v, K_O_EXCL, F_file_flags_O_EXCL) | BIT_TO(v, K_O_NONBLOCK, F_file_flags_O_NONBLOCK) |
	       BIT_TO(v, K_O_SYNC, F_file_flags_O_SYNC) | BIT_TO(v, K_O_TRUNC, F_file_flags_O_TRUNC) |
	       BIT_TO(v, K_O_DIRECT, F_file_flags_O_DIRECT) | BIT_TO(v, K_O_DIRECTORY, F_file_flags_O_DIRECTORY) |
	       BIT_TO(v, K_O_LARGEFILE, F_file_flags_O_LARGEFILE) | BIT_TO(v, K_O_CLOEXEC, F_file_flags_O_CLOEXEC);
}

/* Permission bits are the kernel's own. The mode means something only when a file may be created. */
INLINE u32 open_mode(u32 flags, u32 mode)
{
	return (flags & (K_O_CREAT | K_O_TMPFILE)) ? mode & 07777 : 0;
}

INLINE u64 from_chmod_mode(u64 v)
{
	return v & 07777;
}

INLINE u64 from_mknod_mode(u64 v)
{
	u32 kind = v & 0170000, mode = v & 07777;
	if (kind == 0)
		return mode | 0100000; /* no type means a regular file */
	if (kind == 0140000 || kind == 0100000 || kind == 060000 || kind == 020000 || kind == 010000)
		return mode | kind;
	return mode;
}

/* The argument is already in the user's encoding; Falco encodes it as if it were the kernel's. */
INLINE u64 from_device(u64 v)
{
	return user_device(v);
}

INLINE u64 from_socket_flags(u64 v)
{
	return BIT_TO(v, K_O_NONBLOCK, F_file_flags_O_NONBLOCK) | BIT_TO(v, K_O_CLOEXEC, F_file_flags_O_CLOEXEC);
}

/* As above, for calls where -1 is no set of flags. */
INLINE u64 from_fd_flags(u64 v)
{
	return (s32)v < 0 ? 0 : from_socket_flags(v);
}

INLINE u64 from_cloexec_flags(u64 v)
{
	return BIT_TO(v, K_O_CLOEXEC, F_file_flags_O_CLOEXEC);
}

INLINE u64 pipe_flags(u64 v)
{
	return (s32)v < 0 ? 0 : from_socket_flags(v) | BIT_TO(v, K_O_DIRECT, F_file_flags_O_DIRECT);
}

INLINE u64 from_epoll_flags(u64 v)
{
	return BIT_TO(v, K_O_CLOEXEC, F_epoll_create1_flags_EPOLL_CLOEXEC);
}

INLINE u64 from_memfd_flags(u64 v)
{
	return v & 7;
}

INLINE u64 from_pidfd_flags(u64 v)
{
	return BIT_TO(v, K_O_NONBLOCK, F_pidfd_open_flags_PIDFD_NONBLOCK);
}

INLINE u64 from_close_range_flags(u64 v)
{
	return v & 6;
}

INLINE u64 from_unlinkat_flags(u64 v)
{
	return v & 0x200;
}

INLINE u64 from_at_flags(u64 v)
{
	return v & 0x1400;
}

INLINE u64 from_stat_flags(u64 v)
{
	return v & 0x1900;
}

INLINE u64 from_access_mode(u64 v)
{
	return v & 7;
}

INLINE u64 from_flock_flags(u64 v)
{
	return v & 15;
}

INLINE u64 from_lseek_whence(u64 value)
{
	u32 v = value;
	return v <= 2 ? v : 0;
}

INLINE u64 from_mlockall_flags(u64 v)
{
	return v & 7;
}

INLINE u64 from_splice_flags(u64 v)
{
	return v & 15;
}

INLINE u64 from_prot_flags(u64 v)
{
	return (v & 15) | BIT_TO(v, 0x01000000, F_prot_flags_PROT_GROWSDOWN) | BIT_TO(v, 0x02000000, F_prot_flags_PROT_GROWSUP) |
	       BIT_TO(v, 0x10, F_prot_flags_PROT_SAO);
}

/* 15 bits of the kernel's have a bit of their own on the wire. */
INLINE u64 from_mmap_flags(u64 value)
{
	u32 v = value;
	return (v & 3) | BIT_TO(v, 0x10, F_mmap_flags_MAP_FIXED) | BIT_TO(v, 0x20, F_mmap_flags_MAP_ANONYMOUS) |
	       BIT_TO(v, 0x40, F_mmap_flags_MAP_32BIT) | BIT_TO(v, 0x80, F_mmap_flags_MAP_INHERIT) |
	       BIT_TO(v, 0x100, F_mmap_flags_MAP_GROWSDOWN) | BIT_TO(v, 0x800, F_mmap_flags_MAP_DENYWRITE) |
	       BIT_TO(v, 0x1000, F_mmap_flags_MAP_EXECUTABLE) | BIT_TO(v, 0x2000, F_mmap_flags_MAP_LOCKED) |
	       BIT_TO(v, 0x4000, F_mmap_flags_MAP_NORESERVE) | BIT_TO(v, 0x8000, F_mmap_flags_MAP_POPULATE) |
	       BIT_TO(v, 0x10000, F_mmap_flags_MAP_NONBLOCK);
}

/* The operations that the wire knows end at 12. */
INLINE u64 from_futex_op(u64 v)
{
	u32 operation = v & 127;
	return (operation <= 12 ? operation : 0) | (v & (F_futex_operations_FUTEX_PRIVATE_FLAG | F_futex_operations_FUTEX_CLOCK_REALTIME));
}

INLINE u64 from_io_uring_enter_flags(u64 v)
{
	return v & 15;
}

INLINE u64 from_mlock2_flags(u64 v)
{
	return v & 1;
}

INLINE u64 from_semget_flags(u64 v)
{
	return BIT_TO(v, 01000, F_semget_flags_IPC_CREAT) | BIT_TO(v, 02000, F_semget_flags_IPC_EXCL);
}

INLINE u64 from_umount_flags(u64 v)
{
	return v & 15;
}

INLINE u64 from_delete_module_flags(u64 v)
{
	return BIT_TO(v, K_O_NONBLOCK, F_delete_module_flags_O_NONBLOCK) | BIT_TO(v, K_O_TRUNC, F_delete_module_flags_O_TRUNC);
}

INLINE u64 from_finit_module_flags(u64 v)
{
	return v & 7;
}

/* Before 2.4 a magic number in the upper half was obligatory; it is still allowed and means nothing. */
INLINE u64 from_mount_flags(u64 v)
{
	u32 flags = v;
	return (flags & 0xffff0000) == 0xc0ed0000 ? flags & 0xffff : flags;
}

INLINE u64 from_shutdown_how(u64 value)
{
	u32 v = value;
	return v <= 2 ? v : (u8)F_shutdown_how_SHUT_UNKNOWN;
}

/* Families keep the kernel's numbers; the wire ends at 39 (NFC) and does not know 27 and 28 (InfiniBand, MPLS). */
INLINE u64 from_socket_family(u64 v)
{
	u8 family = v;
	return family <= 39 && family != 27 && family != 28 ? family : 0;
}

INLINE u64 from_fcntl_command(u64 v)
{
	switch ((u32)v) {
	case 0: return F_fcntl_commands_F_DUPFD;
	case 1: return F_fcntl_commands_F_GETFD;
	case 2: return F_fcntl_commands_F_SETFD;
	case 3: return F_fcntl_commands_F_GETFL;
	case 4: return F_fcntl_commands_F_SETFL;
	case 5: return F_fcntl_commands_F_GETLK;
	case 6: return F_fcntl_commands_F_SETLK;
	case 7: return F_fcntl_commands_F_SETLKW;
	case 8: return F_fcntl_commands_F_SETOWN;
	case 9: return F_fcntl_commands_F_GETOWN;
	case 10: return F_fcntl_commands_F_SETSIG;
	case 11: return F_fcntl_commands_F_GETSIG;
	case 12: return F_fcntl_commands_F_GETLK64;
	case 13: return F_fcntl_commands_F_SETLK64;
	case 14: return F_fcntl_commands_F_SETLKW64;
	case 15: return F_fcntl_commands_F_SETOWN_EX;
	case 16: return F_fcntl_commands_F_GETOWN_EX;
	case 36: return F_fcntl_commands_F_OFD_GETLK;
	case 37: return F_fcntl_commands_F_OFD_SETLK;
	case 38: return F_fcntl_commands_F_OFD_SETLKW;
	case 1024: return F_fcntl_commands_F_SETLEASE;
	case 1025: return F_fcntl_commands_F_GETLEASE;
	case 1026: return F_fcntl_commands_F_NOTIFY;
	case 1029: return F_fcntl_commands_F_CANCELLK;
	case 1030: return F_fcntl_commands_F_DUPFD_CLOEXEC;
	case 1031: return F_fcntl_commands_F_SETPIPE_SZ;
	case 1032: return F_fcntl_commands_F_GETPIPE_SZ;
	default: return F_fcntl_commands_UNKNOWN;
	}
}

INLINE u64 from_clone_flags(u64 value)
{
	u32 v = value;
	return BIT_TO(v, 0x400, F_clone_flags_CLONE_FILES) | BIT_TO(v, 0x200, F_clone_flags_CLONE_FS) |
	       BIT_TO(v, 0x80000000, F_clone_flags_CLONE_IO) | BIT_TO(v, 0x08000000, F_clone_flags_CLONE_NEWIPC) |
	       BIT_TO(v, 0x40000000, F_clone_flags_CLONE_NEWNET) | BIT_TO(v, 0x20000, F_clone_flags_CLONE_NEWNS) |
	       BIT_TO(v, 0x20000000, F_clone_flags_CLONE_NEWPID) | BIT_TO(v, 0x04000000, F_clone_flags_CLONE_NEWUTS) |
	       BIT_TO(v, 0x8000, F_clone_flags_CLONE_PARENT) | BIT_TO(v, 0x100000, F_clone_flags_CLONE_PARENT_SETTID) |
	       BIT_TO(v, 0x2000, F_clone_flags_CLONE_PTRACE) | BIT_TO(v, 0x800, F_clone_flags_CLONE_SIGHAND) |
	       BIT_TO(v, 0x40000, F_clone_flags_CLONE_SYSVSEM) | BIT_TO(v, 0x10000, F_clone_flags_CLONE_THREAD) |
	       BIT_TO(v, 0x00800000, F_clone_flags_CLONE_UNTRACED) | BIT_TO(v, 0x100, F_clone_flags_CLONE_VM) |
	       BIT_TO(v, 0x10000000, F_clone_flags_CLONE_NEWUSER) |
	       BIT_TO(v, 0x00200000, F_clone_flags_CLONE_CHILD_CLEARTID) |
	       BIT_TO(v, 0x01000000, F_clone_flags_CLONE_CHILD_SETTID) | BIT_TO(v, 0x80000, F_clone_flags_CLONE_SETTLS) |
	       BIT_TO(v, 0x4000, F_clone_flags_CLONE_VFORK) | BIT_TO(v, 0x02000000, F_clone_flags_CLONE_NEWCGROUP);
}
