/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Generated from src/events/table.ts by `npm run generate`. Do not edit. */

PROGRAM(SYSCALL_CLOSE_X)
{
	u8 *event = reserve(EVENT(SYSCALL_CLOSE_X), 46);
	if (!event)
		return 0;
	put_fixed(event, 0, 30, 8, from_ret(ret)); /* res */
	put_fixed(event, 1, 38, 8, from_s32(argument(regs, 0))); /* fd */
	submit(event);
	return 0;
}

PROGRAM(SOCKET_SOCKET_X)
{
	u8 *event = reserve(EVENT(SOCKET_SOCKET_X), 60);
	if (!event)
		return 0;
	put_fixed(event, 0, 36, 8, from_ret(ret)); /* fd */
	put_fixed(event, 1, 44, 4, from_socket_family(argument(regs, 0))); /* domain */
	put_fixed(event, 2, 48, 4, from_u32(argument(regs, 1))); /* type */
	put_fixed(event, 3, 52, 4, from_u32(argument(regs, 2))); /* proto */
	put_fixed(event, 4, 56, 4, from_socket_flags(argument(regs, 1))); /* flags */
	submit(event);
	return 0;
}

PROGRAM(SOCKET_LISTEN_X)
{
	u8 *event = reserve(EVENT(SOCKET_LISTEN_X), 52);
	if (!event)
		return 0;
	put_fixed(event, 0, 32, 8, from_ret(ret)); /* res */
	put_fixed(event, 1, 40, 8, from_s32(argument(regs, 0))); /* fd */
	put_fixed(event, 2, 48, 4, from_s32(argument(regs, 1))); /* backlog */
	submit(event);
	return 0;
}

PROGRAM(SOCKET_SHUTDOWN_X)
{
	u8 *event = reserve(EVENT(SOCKET_SHUTDOWN_X), 49);
	if (!event)
		return 0;
	put_fixed(event, 0, 32, 8, from_ret(ret)); /* res */
	put_fixed(event, 1, 40, 8, from_s32(argument(regs, 0))); /* fd */
	put_fixed(event, 2, 48, 1, from_shutdown_how(argument(regs, 1))); /* how */
	submit(event);
	return 0;
}

PROGRAM(SOCKET_GETSOCKNAME_X)
{
	u8 *event = reserve(EVENT(SOCKET_GETSOCKNAME_X), 26);
	if (!event)
		return 0;
	submit(event);
	return 0;
}

PROGRAM(SOCKET_GETPEERNAME_X)
{
	u8 *event = reserve(EVENT(SOCKET_GETPEERNAME_X), 26);
	if (!event)
		return 0;
	submit(event);
	return 0;
}

PROGRAM(SYSCALL_EVENTFD_X)
{
	u8 *event = reserve(EVENT(SYSCALL_EVENTFD_X), 52);
	if (!event)
		return 0;
	put_fixed(event, 0, 32, 8, from_ret(ret)); /* res */
	put_fixed(event, 1, 40, 8, from_u64(argument(regs, 0))); /* initval */
	put_fixed(event, 2, 48, 4, from_zero(ret)); /* flags */
	submit(event);
	return 0;
}

PROGRAM(SYSCALL_FUTEX_X)
{
	u8 *event = reserve(EVENT(SYSCALL_FUTEX_X), 60);
	if (!event)
		return 0;
	put_fixed(event, 0, 34, 8, from_ret(ret)); /* res */
	put_fixed(event, 1, 42, 8, from_u64(argument(regs, 0))); /* addr */
	put_fixed(event, 2, 50, 2, from_futex_op(argument(regs, 1))); /* op */
	put_fixed(event, 3, 52, 8, from_u64(argument(regs, 2))); /* val */
	submit(event);
	return 0;
}

PROGRAM(SYSCALL_STAT_X)
{
	struct writer w = begin(EVENT(SYSCALL_STAT_X));
	if (!w.data)
		return 0;
	put(&w, 0, 8, from_ret(ret)); /* res */
	put_user_text(&w, 1, from_str(argument(regs, 0)), MAX_PATH); /* path */
	finish(&w);
	return 0;
}

PROGRAM(SYSCALL_LSTAT_X)
{
	struct writer w = begin(EVENT(SYSCALL_LSTAT_X));
	if (!w.data)
		return 0;
	put(&w, 0, 8, from_ret(ret)); /* res */
	put_user_text(&w, 1, from_str(argument(regs, 0)), MAX_PATH); /* path */
	finish(&w);
	return 0;
}

PROGRAM(SYSCALL_FSTAT_X)
{
	u8 *event = reserve(EVENT(SYSCALL_FSTAT_X), 46);
	if (!event)
		return 0;
	put_fixed(event, 0, 30, 8, from_ret(ret)); /* res */
	put_fixed(event, 1, 38, 8, from_s32(argument(regs, 0))); /* fd */
	submit(event);
	return 0;
}

PROGRAM(SYSCALL_EPOLLWAIT_X)
{
	u8 *event = reserve(EVENT(SYSCALL_EPOLLWAIT_X), 46);
	if (!event)
		return 0;
	put_fixed(event, 0, 30, 8, from_ret(ret)); /* res */
	put_fixed(event, 1, 38, 8, from_s32(argument(regs, 2))); /* maxevents */
	submit(event);
	return 0;
}

PROGRAM(SYSCALL_SELECT_X)
{
	u8 *event = reserve(EVENT(SYSCALL_SELECT_X), 36);
	if (!event)
		return 0;
	put_fixed(event, 0, 28, 8, from_ret(ret)); /* res */
	submit(event);
	return 0;
}

PROGRAM(SYSCALL_LSEEK_X)
{
	u8 *event = reserve(EVENT(SYSCALL_LSEEK_X), 59);
	if (!event)
		return 0;
	put_fixed(event, 0, 34, 8, from_ret(ret)); /* res */
	put_fixed(event, 1, 42, 8, from_s32(argument(regs, 0))); /* fd */
	put_fixed(event, 2, 50, 8, from_u64(argument(regs, 1))); /* offset */
	put_fixed(event, 3, 58, 1, from_lseek_whence(argument(regs, 2))); /* whence */
	submit(event);
	return 0;
}

PROGRAM(SYSCALL_GETCWD_X)
{
	struct writer w = begin(EVENT(SYSCALL_GETCWD_X));
	if (!w.data)
		return 0;
	put(&w, 0, 8, from_ret(ret)); /* res */
	put_user_text(&w, 1, ret < 0 ? 0 : argument(regs, 0), MAX_PATH); /* path */
	finish(&w);
	return 0;
}

PROGRAM(SYSCALL_CHDIR_X)
{
	struct writer w = begin(EVENT(SYSCALL_CHDIR_X));
	if (!w.data)
		return 0;
	put(&w, 0, 8, from_ret(ret)); /* res */
	put_entry_text(&w, 1, from_str(argument(regs, 0))); /* path */
	finish(&w);
	return 0;
}

PROGRAM(SYSCALL_FCHDIR_X)
{
	u8 *event = reserve(EVENT(SYSCALL_FCHDIR_X), 46);
	if (!event)
		return 0;
	put_fixed(event, 0, 30, 8, from_ret(ret)); /* res */
	put_fixed(event, 1, 38, 8, from_s32(argument(regs, 0))); /* fd */
	submit(event);
	return 0;
}

PROGRAM(SYSCALL_SIGNALFD_X)
{
	u8 *event = reserve(EVENT(SYSCALL_SIGNALFD_X), 55);
	if (!event)
		return 0;
	put_fixed(event, 0, 34, 8, from_ret(ret)); /* res */
	put_fixed(event, 1, 42, 8, from_s32(argument(regs, 0))); /* fd */
	put_fixed(event, 2, 50, 4, from_zero(ret)); /* mask */
	put_fixed(event, 3, 54, 1, from_zero(ret)); /* flags */
	submit(event);
	return 0;
}

PROGRAM(SYSCALL_KILL_X)
{
	u8 *event = reserve(EVENT(SYSCALL_KILL_X), 49);
	if (!event)
		return 0;
	put_fixed(event, 0, 32, 8, from_ret(ret)); /* res */
	put_fixed(event, 1, 40, 8, from_s32(argument(regs, 0))); /* pid */
	put_fixed(event, 2, 48, 1, from_u8(argument(regs, 1))); /* sig */
	submit(event);
	return 0;
}

PROGRAM(SYSCALL_TKILL_X)
{
	u8 *event = reserve(EVENT(SYSCALL_TKILL_X), 49);
	if (!event)
		return 0;
	put_fixed(event, 0, 32, 8, from_ret(ret)); /* res */
	put_fixed(event, 1, 40, 8, from_s32(argument(regs, 0))); /* tid */
	put_fixed(event, 2, 48, 1, from_u8(argument(regs, 1))); /* sig */
	submit(event);
	return 0;
}

PROGRAM(SYSCALL_TGKILL_X)
{
	u8 *event = reserve(EVENT(SYSCALL_TGKILL_X), 59);
	if (!event)
		return 0;
	put_fixed(event, 0, 34, 8, from_ret(ret)); /* res */
	put_fixed(event, 1, 42, 8, from_s32(argument(regs, 0))); /* pid */
	put_fixed(event, 2, 50, 8, from_s32(argument(regs, 1))); /* tid */
	put_fixed(event, 3, 58, 1, from_u8(argument(regs, 2))); /* sig */
	submit(event);
	return 0;
}

PROGRAM(SYSCALL_TIMERFD_CREATE_X)
{
	u8 *event = reserve(EVENT(SYSCALL_TIMERFD_CREATE_X), 42);
	if (!event)
		return 0;
	put_fixed(event, 0, 32, 8, from_ret(ret)); /* res */
	put_fixed(event, 1, 40, 1, from_u8(argument(regs, 0))); /* clockid */
	put_fixed(event, 2, 41, 1, from_fd_flags(argument(regs, 1))); /* flags */
	submit(event);
	return 0;
}

PROGRAM(SYSCALL_INOTIFY_INIT_X)
{
	u8 *event = reserve(EVENT(SYSCALL_INOTIFY_INIT_X), 39);
	if (!event)
		return 0;
	put_fixed(event, 0, 30, 8, from_ret(ret)); /* res */
	put_fixed(event, 1, 38, 1, from_zero(ret)); /* flags */
	submit(event);
	return 0;
}

PROGRAM(SYSCALL_FCNTL_X)
{
	u8 *event = reserve(EVENT(SYSCALL_FCNTL_X), 59);
	if (!event)
		return 0;
	put_fixed(event, 0, 34, 8, from_ret(ret)); /* res */
	put_fixed(event, 1, 42, 8, from_s32(argument(regs, 0))); /* fd */
	put_fixed(event, 2, 50, 1, from_fcntl_command(argument(regs, 1))); /* cmd */
	put_fixed(event, 3, 51, 8, from_u64(argument(regs, 2))); /* arg */
	submit(event);
	return 0;
}

PROGRAM(SYSCALL_BRK_4_X)
{
	u8 *event = reserve(EVENT(SYSCALL_BRK_4_X), 64);
	if (!event)
		return 0;
	put_fixed(event, 0, 36, 8, from_ret(ret)); /* res */
	put_fixed(event, 1, 44, 4, from_vm_size(ret)); /* vm_size */
	put_fixed(event, 2, 48, 4, from_vm_rss(ret)); /* vm_rss */
	put_fixed(event, 3, 52, 4, from_vm_swap(ret)); /* vm_swap */
	put_fixed(event, 4, 56, 8, from_u64(argument(regs, 0))); /* addr */
	submit(event);
	return 0;
}

PROGRAM(SYSCALL_MMAP_X)
{
	u8 *event = reserve(EVENT(SYSCALL_MMAP_X), 106);
	if (!event)
		return 0;
	put_fixed(event, 0, 46, 8, from_ret(ret)); /* res */
	put_fixed(event, 1, 54, 4, from_vm_size(ret)); /* vm_size */
	put_fixed(event, 2, 58, 4, from_vm_rss(ret)); /* vm_rss */
	put_fixed(event, 3, 62, 4, from_vm_swap(ret)); /* vm_swap */
	put_fixed(event, 4, 66, 8, from_u64(argument(regs, 0))); /* addr */
	put_fixed(event, 5, 74, 8, from_u64(argument(regs, 1))); /* length */
	put_fixed(event, 6, 82, 4, from_prot_flags(argument(regs, 2))); /* prot */
	put_fixed(event, 7, 86, 4, from_mmap_flags(argument(regs, 3))); /* flags */
	put_fixed(event, 8, 90, 8, from_s32(argument(regs, 4))); /* fd */
	put_fixed(event, 9, 98, 8, from_u64(argument(regs, 5))); /* offset */
	submit(event);
	return 0;
}

PROGRAM(SYSCALL_MUNMAP_X)
{
	u8 *event = reserve(EVENT(SYSCALL_MUNMAP_X), 74);
	if (!event)
		return 0;
	put_fixed(event, 0, 38, 8, from_ret(ret)); /* res */
	put_fixed(event, 1, 46, 4, from_vm_size(ret)); /* vm_size */
	put_fixed(event, 2, 50, 4, from_vm_rss(ret)); /* vm_rss */
	put_fixed(event, 3, 54, 4, from_vm_swap(ret)); /* vm_swap */
	put_fixed(event, 4, 58, 8, from_u64(argument(regs, 0))); /* addr */
	put_fixed(event, 5, 66, 8, from_u64(argument(regs, 1))); /* length */
	submit(event);
	return 0;
}

PROGRAM(SYSCALL_SPLICE_X)
{
	u8 *event = reserve(EVENT(SYSCALL_SPLICE_X), 72);
	if (!event)
		return 0;
	put_fixed(event, 0, 36, 8, from_ret(ret)); /* res */
	put_fixed(event, 1, 44, 8, from_s32(argument(regs, 0))); /* fd_in */
	put_fixed(event, 2, 52, 8, from_s32(argument(regs, 2))); /* fd_out */
	put_fixed(event, 3, 60, 8, from_u64(argument(regs, 4))); /* size */
	put_fixed(event, 4, 68, 4, from_splice_flags(argument(regs, 5))); /* flags */
	submit(event);
	return 0;
}

PROGRAM(SYSCALL_IOCTL_3_X)
{
	u8 *event = reserve(EVENT(SYSCALL_IOCTL_3_X), 66);
	if (!event)
		return 0;
	put_fixed(event, 0, 34, 8, from_ret(ret)); /* res */
	put_fixed(event, 1, 42, 8, from_s32(argument(regs, 0))); /* fd */
	put_fixed(event, 2, 50, 8, from_u64(argument(regs, 1))); /* request */
	put_fixed(event, 3, 58, 8, from_u64(argument(regs, 2))); /* argument */
	submit(event);
	return 0;
}

PROGRAM(SYSCALL_RENAME_X)
{
	struct writer w = begin(EVENT(SYSCALL_RENAME_X));
	if (!w.data)
		return 0;
	put(&w, 0, 8, from_ret(ret)); /* res */
	put_entry_text(&w, 1, from_str(argument(regs, 0))); /* oldpath */
	put_second_entry_text(&w, 2, from_str(argument(regs, 1))); /* newpath */
	finish(&w);
	return 0;
}

PROGRAM(SYSCALL_RENAMEAT_X)
{
	struct writer w = begin(EVENT(SYSCALL_RENAMEAT_X));
	if (!w.data)
		return 0;
	put(&w, 0, 8, from_ret(ret)); /* res */
	put(&w, 1, 8, from_s32(argument(regs, 0))); /* olddirfd */
	put_entry_text(&w, 2, from_str(argument(regs, 1))); /* oldpath */
	put(&w, 3, 8, from_s32(argument(regs, 2))); /* newdirfd */
	put_second_entry_text(&w, 4, from_str(argument(regs, 3))); /* newpath */
	finish(&w);
	return 0;
}

PROGRAM(SYSCALL_SYMLINK_X)
{
	struct writer w = begin(EVENT(SYSCALL_SYMLINK_X));
	if (!w.data)
		return 0;
	put(&w, 0, 8, from_ret(ret)); /* res */
	put_entry_text(&w, 1, from_str(argument(regs, 0))); /* target */
	put_second_entry_text(&w, 2, from_str(argument(regs, 1))); /* linkpath */
	finish(&w);
	return 0;
}

PROGRAM(SYSCALL_SYMLINKAT_X)
{
	struct writer w = begin(EVENT(SYSCALL_SYMLINKAT_X));
	if (!w.data)
		return 0;
	put(&w, 0, 8, from_ret(ret)); /* res */
	put_entry_text(&w, 1, from_str(argument(regs, 0))); /* target */
	put(&w, 2, 8, from_s32(argument(regs, 1))); /* linkdirfd */
	put_second_entry_text(&w, 3, from_str(argument(regs, 2))); /* linkpath */
	finish(&w);
	return 0;
}

PROGRAM(SYSCALL_SETRESUID_X)
{
	u8 *event = reserve(EVENT(SYSCALL_SETRESUID_X), 54);
	if (!event)
		return 0;
	put_fixed(event, 0, 34, 8, from_ret(ret)); /* res */
	put_fixed(event, 1, 42, 4, from_u32(argument(regs, 0))); /* ruid */
	put_fixed(event, 2, 46, 4, from_u32(argument(regs, 1))); /* euid */
	put_fixed(event, 3, 50, 4, from_u32(argument(regs, 2))); /* suid */
	submit(event);
	return 0;
}

PROGRAM(SYSCALL_SETRESGID_X)
{
	u8 *event = reserve(EVENT(SYSCALL_SETRESGID_X), 54);
	if (!event)
		return 0;
	put_fixed(event, 0, 34, 8, from_ret(ret)); /* res */
	put_fixed(event, 1, 42, 4, from_u32(argument(regs, 0))); /* rgid */
	put_fixed(event, 2, 46, 4, from_u32(argument(regs, 1))); /* egid */
	put_fixed(event, 3, 50, 4, from_u32(argument(regs, 2))); /* sgid */
	submit(event);
	return 0;
}

PROGRAM(SYSCALL_SETUID_X)
{
	u8 *event = reserve(EVENT(SYSCALL_SETUID_X), 42);
	if (!event)
		return 0;
	put_fixed(event, 0, 30, 8, from_ret(ret)); /* res */
	put_fixed(event, 1, 38, 4, from_u32(argument(regs, 0))); /* uid */
	submit(event);
	return 0;
}

PROGRAM(SYSCALL_SETGID_X)
{
	u8 *event = reserve(EVENT(SYSCALL_SETGID_X), 42);
	if (!event)
		return 0;
	put_fixed(event, 0, 30, 8, from_ret(ret)); /* res */
	put_fixed(event, 1, 38, 4, from_u32(argument(regs, 0))); /* gid */
	submit(event);
	return 0;
}

PROGRAM(SYSCALL_GETUID_X)
{
	u8 *event = reserve(EVENT(SYSCALL_GETUID_X), 32);
	if (!event)
		return 0;
	put_fixed(event, 0, 28, 4, from_ret(ret)); /* uid */
	submit(event);
	return 0;
}

PROGRAM(SYSCALL_GETEUID_X)
{
	u8 *event = reserve(EVENT(SYSCALL_GETEUID_X), 32);
	if (!event)
		return 0;
	put_fixed(event, 0, 28, 4, from_ret(ret)); /* euid */
	submit(event);
	return 0;
}

PROGRAM(SYSCALL_GETGID_X)
{
	u8 *event = reserve(EVENT(SYSCALL_GETGID_X), 32);
	if (!event)
		return 0;
	put_fixed(event, 0, 28, 4, from_ret(ret)); /* gid */
	submit(event);
	return 0;
}

PROGRAM(SYSCALL_GETEGID_X)
{
	u8 *event = reserve(EVENT(SYSCALL_GETEGID_X), 32);
	if (!event)
		return 0;
	put_fixed(event, 0, 28, 4, from_ret(ret)); /* egid */
	submit(event);
	return 0;
}

PROGRAM(SYSCALL_GETDENTS_X)
{
	u8 *event = reserve(EVENT(SYSCALL_GETDENTS_X), 46);
	if (!event)
		return 0;
	put_fixed(event, 0, 30, 8, from_ret(ret)); /* res */
	put_fixed(event, 1, 38, 8, from_s32(argument(regs, 0))); /* fd */
	submit(event);
	return 0;
}

PROGRAM(SYSCALL_GETDENTS64_X)
{
	u8 *event = reserve(EVENT(SYSCALL_GETDENTS64_X), 46);
	if (!event)
		return 0;
	put_fixed(event, 0, 30, 8, from_ret(ret)); /* res */
	put_fixed(event, 1, 38, 8, from_s32(argument(regs, 0))); /* fd */
	submit(event);
	return 0;
}

PROGRAM(SYSCALL_SETNS_X)
{
	u8 *event = reserve(EVENT(SYSCALL_SETNS_X), 52);
	if (!event)
		return 0;
	put_fixed(event, 0, 32, 8, from_ret(ret)); /* res */
	put_fixed(event, 1, 40, 8, from_s32(argument(regs, 0))); /* fd */
	put_fixed(event, 2, 48, 4, from_clone_flags(argument(regs, 1))); /* nstype */
	submit(event);
	return 0;
}

PROGRAM(SYSCALL_FLOCK_X)
{
	u8 *event = reserve(EVENT(SYSCALL_FLOCK_X), 52);
	if (!event)
		return 0;
	put_fixed(event, 0, 32, 8, from_ret(ret)); /* res */
	put_fixed(event, 1, 40, 8, from_s32(argument(regs, 0))); /* fd */
	put_fixed(event, 2, 48, 4, from_flock_flags(argument(regs, 1))); /* operation */
	submit(event);
	return 0;
}

PROGRAM(SYSCALL_MOUNT_X)
{
	struct writer w = begin(EVENT(SYSCALL_MOUNT_X));
	if (!w.data)
		return 0;
	put(&w, 0, 8, from_ret(ret)); /* res */
	put_user_text(&w, 1, from_str(argument(regs, 0)), MAX_PATH); /* dev */
	put_user_text(&w, 2, from_str(argument(regs, 1)), MAX_PATH); /* dir */
	put_user_text(&w, 3, from_str(argument(regs, 2)), MAX_PATH); /* type */
	put(&w, 4, 4, from_mount_flags(argument(regs, 3))); /* flags */
	finish(&w);
	return 0;
}

PROGRAM(SYSCALL_SEMGET_X)
{
	u8 *event = reserve(EVENT(SYSCALL_SEMGET_X), 54);
	if (!event)
		return 0;
	put_fixed(event, 0, 34, 8, from_ret(ret)); /* res */
	put_fixed(event, 1, 42, 4, from_s32(argument(regs, 0))); /* key */
	put_fixed(event, 2, 46, 4, from_s32(argument(regs, 1))); /* nsems */
	put_fixed(event, 3, 50, 4, from_semget_flags(argument(regs, 2))); /* semflg */
	submit(event);
	return 0;
}

PROGRAM(SYSCALL_ACCESS_X)
{
	struct writer w = begin(EVENT(SYSCALL_ACCESS_X));
	if (!w.data)
		return 0;
	put(&w, 0, 8, from_ret(ret)); /* res */
	put_user_text(&w, 1, from_str(argument(regs, 0)), MAX_PATH); /* name */
	put(&w, 2, 4, from_access_mode(argument(regs, 1))); /* mode */
	finish(&w);
	return 0;
}

PROGRAM(SYSCALL_CHROOT_X)
{
	struct writer w = begin(EVENT(SYSCALL_CHROOT_X));
	if (!w.data)
		return 0;
	put(&w, 0, 8, from_ret(ret)); /* res */
	put_entry_text(&w, 1, from_str(argument(regs, 0))); /* path */
	finish(&w);
	return 0;
}

PROGRAM(SYSCALL_SETSID_X)
{
	u8 *event = reserve(EVENT(SYSCALL_SETSID_X), 36);
	if (!event)
		return 0;
	put_fixed(event, 0, 28, 8, from_ret(ret)); /* res */
	submit(event);
	return 0;
}

PROGRAM(SYSCALL_MKDIR_2_X)
{
	struct writer w = begin(EVENT(SYSCALL_MKDIR_2_X));
	if (!w.data)
		return 0;
	put(&w, 0, 8, from_ret(ret)); /* res */
	put_entry_text(&w, 1, from_str(argument(regs, 0))); /* path */
	put(&w, 2, 4, from_u32(argument(regs, 1))); /* mode */
	finish(&w);
	return 0;
}

PROGRAM(SYSCALL_RMDIR_2_X)
{
	struct writer w = begin(EVENT(SYSCALL_RMDIR_2_X));
	if (!w.data)
		return 0;
	put(&w, 0, 8, from_ret(ret)); /* res */
	put_entry_text(&w, 1, from_str(argument(regs, 0))); /* path */
	finish(&w);
	return 0;
}

PROGRAM(SYSCALL_UNSHARE_X)
{
	u8 *event = reserve(EVENT(SYSCALL_UNSHARE_X), 42);
	if (!event)
		return 0;
	put_fixed(event, 0, 30, 8, from_ret(ret)); /* res */
	put_fixed(event, 1, 38, 4, from_clone_flags(argument(regs, 0))); /* flags */
	submit(event);
	return 0;
}

PROGRAM(SYSCALL_SETPGID_X)
{
	u8 *event = reserve(EVENT(SYSCALL_SETPGID_X), 56);
	if (!event)
		return 0;
	put_fixed(event, 0, 32, 8, from_ret(ret)); /* res */
	put_fixed(event, 1, 40, 8, from_s32(argument(regs, 0))); /* pid */
	put_fixed(event, 2, 48, 8, from_s32(argument(regs, 1))); /* pgid */
	submit(event);
	return 0;
}

PROGRAM(SYSCALL_SECCOMP_X)
{
	u8 *event = reserve(EVENT(SYSCALL_SECCOMP_X), 56);
	if (!event)
		return 0;
	put_fixed(event, 0, 32, 8, from_ret(ret)); /* res */
	put_fixed(event, 1, 40, 8, from_u64(argument(regs, 0))); /* op */
	put_fixed(event, 2, 48, 8, from_u32(argument(regs, 1))); /* flags */
	submit(event);
	return 0;
}

PROGRAM(SYSCALL_UNLINK_2_X)
{
	struct writer w = begin(EVENT(SYSCALL_UNLINK_2_X));
	if (!w.data)
		return 0;
	put(&w, 0, 8, from_ret(ret)); /* res */
	put_entry_text(&w, 1, from_str(argument(regs, 0))); /* path */
	finish(&w);
	return 0;
}

PROGRAM(SYSCALL_UNLINKAT_2_X)
{
	struct writer w = begin(EVENT(SYSCALL_UNLINKAT_2_X));
	if (!w.data)
		return 0;
	put(&w, 0, 8, from_ret(ret)); /* res */
	put(&w, 1, 8, from_s32(argument(regs, 0))); /* dirfd */
	put_entry_text(&w, 2, from_str(argument(regs, 1))); /* name */
	put(&w, 3, 4, from_unlinkat_flags(argument(regs, 2))); /* flags */
	finish(&w);
	return 0;
}

PROGRAM(SYSCALL_MKDIRAT_X)
{
	struct writer w = begin(EVENT(SYSCALL_MKDIRAT_X));
	if (!w.data)
		return 0;
	put(&w, 0, 8, from_ret(ret)); /* res */
	put(&w, 1, 8, from_s32(argument(regs, 0))); /* dirfd */
	put_entry_text(&w, 2, from_str(argument(regs, 1))); /* path */
	put(&w, 3, 4, from_u32(argument(regs, 2))); /* mode */
	finish(&w);
	return 0;
}

PROGRAM(SYSCALL_LINK_2_X)
{
	struct writer w = begin(EVENT(SYSCALL_LINK_2_X));
	if (!w.data)
		return 0;
	put(&w, 0, 8, from_ret(ret)); /* res */
	put_entry_text(&w, 1, from_str(argument(regs, 0))); /* oldpath */
	put_second_entry_text(&w, 2, from_str(argument(regs, 1))); /* newpath */
	finish(&w);
	return 0;
}

PROGRAM(SYSCALL_LINKAT_2_X)
{
	struct writer w = begin(EVENT(SYSCALL_LINKAT_2_X));
	if (!w.data)
		return 0;
	put(&w, 0, 8, from_ret(ret)); /* res */
	put(&w, 1, 8, from_s32(argument(regs, 0))); /* olddir */
	put_entry_text(&w, 2, from_str(argument(regs, 1))); /* oldpath */
	put(&w, 3, 8, from_s32(argument(regs, 2))); /* newdir */
	put_second_entry_text(&w, 4, from_str(argument(regs, 3))); /* newpath */
	put(&w, 5, 4, from_at_flags(argument(regs, 4))); /* flags */
	finish(&w);
	return 0;
}

PROGRAM(SYSCALL_FCHMODAT_X)
{
	struct writer w = begin(EVENT(SYSCALL_FCHMODAT_X));
	if (!w.data)
		return 0;
	put(&w, 0, 8, from_ret(ret)); /* res */
	put(&w, 1, 8, from_s32(argument(regs, 0))); /* dirfd */
	put_entry_text(&w, 2, from_str(argument(regs, 1))); /* filename */
	put(&w, 3, 4, from_chmod_mode(argument(regs, 2))); /* mode */
	finish(&w);
	return 0;
}

PROGRAM(SYSCALL_CHMOD_X)
{
	struct writer w = begin(EVENT(SYSCALL_CHMOD_X));
	if (!w.data)
		return 0;
	put(&w, 0, 8, from_ret(ret)); /* res */
	put_entry_text(&w, 1, from_str(argument(regs, 0))); /* filename */
	put(&w, 2, 4, from_chmod_mode(argument(regs, 1))); /* mode */
	finish(&w);
	return 0;
}

PROGRAM(SYSCALL_FCHMOD_X)
{
	u8 *event = reserve(EVENT(SYSCALL_FCHMOD_X), 52);
	if (!event)
		return 0;
	put_fixed(event, 0, 32, 8, from_ret(ret)); /* res */
	put_fixed(event, 1, 40, 8, from_s32(argument(regs, 0))); /* fd */
	put_fixed(event, 2, 48, 4, from_chmod_mode(argument(regs, 1))); /* mode */
	submit(event);
	return 0;
}

PROGRAM(SYSCALL_RENAMEAT2_X)
{
	struct writer w = begin(EVENT(SYSCALL_RENAMEAT2_X));
	if (!w.data)
		return 0;
	put(&w, 0, 8, from_ret(ret)); /* res */
	put(&w, 1, 8, from_s32(argument(regs, 0))); /* olddirfd */
	put_entry_text(&w, 2, from_str(argument(regs, 1))); /* oldpath */
	put(&w, 3, 8, from_s32(argument(regs, 2))); /* newdirfd */
	put_second_entry_text(&w, 4, from_str(argument(regs, 3))); /* newpath */
	put(&w, 5, 4, from_u32(argument(regs, 4))); /* flags */
	finish(&w);
	return 0;
}

PROGRAM(SYSCALL_USERFAULTFD_X)
{
	u8 *event = reserve(EVENT(SYSCALL_USERFAULTFD_X), 42);
	if (!event)
		return 0;
	put_fixed(event, 0, 30, 8, from_ret(ret)); /* res */
	put_fixed(event, 1, 38, 4, from_u32(argument(regs, 0))); /* flags */
	submit(event);
	return 0;
}

PROGRAM(SYSCALL_MPROTECT_X)
{
	u8 *event = reserve(EVENT(SYSCALL_MPROTECT_X), 62);
	if (!event)
		return 0;
	put_fixed(event, 0, 34, 8, from_ret(ret)); /* res */
	put_fixed(event, 1, 42, 8, from_u64(argument(regs, 0))); /* addr */
	put_fixed(event, 2, 50, 8, from_u64(argument(regs, 1))); /* length */
	put_fixed(event, 3, 58, 4, from_prot_flags(argument(regs, 2))); /* prot */
	submit(event);
	return 0;
}

PROGRAM(SYSCALL_COPY_FILE_RANGE_X)
{
	u8 *event = reserve(EVENT(SYSCALL_COPY_FILE_RANGE_X), 86);
	if (!event)
		return 0;
	put_fixed(event, 0, 38, 8, from_ret(ret)); /* res */
	put_fixed(event, 1, 46, 8, from_s32(argument(regs, 2))); /* fdout */
	put_fixed(event, 2, 54, 8, from_u64(argument(regs, 3))); /* offout */
	put_fixed(event, 3, 62, 8, from_s32(argument(regs, 0))); /* fdin */
	put_fixed(event, 4, 70, 8, from_u64(argument(regs, 1))); /* offin */
	put_fixed(event, 5, 78, 8, from_u64(argument(regs, 4))); /* len */
	submit(event);
	return 0;
}

PROGRAM(SYSCALL_IO_URING_ENTER_X)
{
	u8 *event = reserve(EVENT(SYSCALL_IO_URING_ENTER_X), 70);
	if (!event)
		return 0;
	put_fixed(event, 0, 38, 8, from_ret(ret)); /* res */
	put_fixed(event, 1, 46, 8, from_s32(argument(regs, 0))); /* fd */
	put_fixed(event, 2, 54, 4, from_u32(argument(regs, 1))); /* to_submit */
	put_fixed(event, 3, 58, 4, from_u32(argument(regs, 2))); /* min_complete */
	put_fixed(event, 4, 62, 4, from_io_uring_enter_flags(argument(regs, 3))); /* flags */
	put_fixed(event, 5, 66, 4, from_u32(argument(regs, 4))); /* sig */
	submit(event);
	return 0;
}

PROGRAM(SYSCALL_IO_URING_REGISTER_X)
{
	u8 *event = reserve(EVENT(SYSCALL_IO_URING_REGISTER_X), 66);
	if (!event)
		return 0;
	put_fixed(event, 0, 36, 8, from_ret(ret)); /* res */
	put_fixed(event, 1, 44, 8, from_s32(argument(regs, 0))); /* fd */
	put_fixed(event, 2, 52, 2, from_u32(argument(regs, 1))); /* opcode */
	put_fixed(event, 3, 54, 8, from_u64(argument(regs, 2))); /* arg */
	put_fixed(event, 4, 62, 4, from_u32(argument(regs, 3))); /* nr_args */
	submit(event);
	return 0;
}

PROGRAM(SYSCALL_MLOCK_X)
{
	u8 *event = reserve(EVENT(SYSCALL_MLOCK_X), 56);
	if (!event)
		return 0;
	put_fixed(event, 0, 32, 8, from_ret(ret)); /* res */
	put_fixed(event, 1, 40, 8, from_u64(argument(regs, 0))); /* addr */
	put_fixed(event, 2, 48, 8, from_u64(argument(regs, 1))); /* len */
	submit(event);
	return 0;
}

PROGRAM(SYSCALL_MUNLOCK_X)
{
	u8 *event = reserve(EVENT(SYSCALL_MUNLOCK_X), 56);
	if (!event)
		return 0;
	put_fixed(event, 0, 32, 8, from_ret(ret)); /* res */
	put_fixed(event, 1, 40, 8, from_u64(argument(regs, 0))); /* addr */
	put_fixed(event, 2, 48, 8, from_u64(argument(regs, 1))); /* len */
	submit(event);
	return 0;
}

PROGRAM(SYSCALL_MLOCKALL_X)
{
	u8 *event = reserve(EVENT(SYSCALL_MLOCKALL_X), 42);
	if (!event)
		return 0;
	put_fixed(event, 0, 30, 8, from_ret(ret)); /* res */
	put_fixed(event, 1, 38, 4, from_mlockall_flags(argument(regs, 0))); /* flags */
	submit(event);
	return 0;
}

PROGRAM(SYSCALL_MUNLOCKALL_X)
{
	u8 *event = reserve(EVENT(SYSCALL_MUNLOCKALL_X), 36);
	if (!event)
		return 0;
	put_fixed(event, 0, 28, 8, from_ret(ret)); /* res */
	submit(event);
	return 0;
}

PROGRAM(SYSCALL_DUP2_X)
{
	u8 *event = reserve(EVENT(SYSCALL_DUP2_X), 56);
	if (!event)
		return 0;
	put_fixed(event, 0, 32, 8, from_ret32(ret)); /* res */
	put_fixed(event, 1, 40, 8, from_s32(argument(regs, 0))); /* oldfd */
	put_fixed(event, 2, 48, 8, from_s32(argument(regs, 1))); /* newfd */
	submit(event);
	return 0;
}

PROGRAM(SYSCALL_DUP3_X)
{
	u8 *event = reserve(EVENT(SYSCALL_DUP3_X), 62);
	if (!event)
		return 0;
	put_fixed(event, 0, 34, 8, from_ret32(ret)); /* res */
	put_fixed(event, 1, 42, 8, from_s32(argument(regs, 0))); /* oldfd */
	put_fixed(event, 2, 50, 8, from_s32(argument(regs, 1))); /* newfd */
	put_fixed(event, 3, 58, 4, from_cloexec_flags(argument(regs, 2))); /* flags */
	submit(event);
	return 0;
}

PROGRAM(SYSCALL_DUP_1_X)
{
	u8 *event = reserve(EVENT(SYSCALL_DUP_1_X), 46);
	if (!event)
		return 0;
	put_fixed(event, 0, 30, 8, from_ret32(ret)); /* res */
	put_fixed(event, 1, 38, 8, from_s32(argument(regs, 0))); /* oldfd */
	submit(event);
	return 0;
}

PROGRAM(SYSCALL_BPF_2_X)
{
	u8 *event = reserve(EVENT(SYSCALL_BPF_2_X), 42);
	if (!event)
		return 0;
	put_fixed(event, 0, 30, 8, from_ret(ret)); /* fd */
	put_fixed(event, 1, 38, 4, from_u32(argument(regs, 0))); /* cmd */
	submit(event);
	return 0;
}

PROGRAM(SYSCALL_MLOCK2_X)
{
	u8 *event = reserve(EVENT(SYSCALL_MLOCK2_X), 62);
	if (!event)
		return 0;
	put_fixed(event, 0, 34, 8, from_ret(ret)); /* res */
	put_fixed(event, 1, 42, 8, from_u64(argument(regs, 0))); /* addr */
	put_fixed(event, 2, 50, 8, from_u64(argument(regs, 1))); /* len */
	put_fixed(event, 3, 58, 4, from_mlock2_flags(argument(regs, 2))); /* flags */
	submit(event);
	return 0;
}

PROGRAM(SYSCALL_EPOLL_CREATE_X)
{
	u8 *event = reserve(EVENT(SYSCALL_EPOLL_CREATE_X), 42);
	if (!event)
		return 0;
	put_fixed(event, 0, 30, 8, from_ret(ret)); /* res */
	put_fixed(event, 1, 38, 4, from_s32(argument(regs, 0))); /* size */
	submit(event);
	return 0;
}

PROGRAM(SYSCALL_EPOLL_CREATE1_X)
{
	u8 *event = reserve(EVENT(SYSCALL_EPOLL_CREATE1_X), 42);
	if (!event)
		return 0;
	put_fixed(event, 0, 30, 8, from_ret(ret)); /* res */
	put_fixed(event, 1, 38, 4, from_epoll_flags(argument(regs, 0))); /* flags */
	submit(event);
	return 0;
}

PROGRAM(SYSCALL_CHOWN_X)
{
	struct writer w = begin(EVENT(SYSCALL_CHOWN_X));
	if (!w.data)
		return 0;
	put(&w, 0, 8, from_ret(ret)); /* res */
	put_entry_text(&w, 1, from_str(argument(regs, 0))); /* path */
	put(&w, 2, 4, from_u32(argument(regs, 1))); /* uid */
	put(&w, 3, 4, from_u32(argument(regs, 2))); /* gid */
	finish(&w);
	return 0;
}

PROGRAM(SYSCALL_LCHOWN_X)
{
	struct writer w = begin(EVENT(SYSCALL_LCHOWN_X));
	if (!w.data)
		return 0;
	put(&w, 0, 8, from_ret(ret)); /* res */
	put_entry_text(&w, 1, from_str(argument(regs, 0))); /* path */
	put(&w, 2, 4, from_u32(argument(regs, 1))); /* uid */
	put(&w, 3, 4, from_u32(argument(regs, 2))); /* gid */
	finish(&w);
	return 0;
}

PROGRAM(SYSCALL_FCHOWN_X)
{
	u8 *event = reserve(EVENT(SYSCALL_FCHOWN_X), 58);
	if (!event)
		return 0;
	put_fixed(event, 0, 34, 8, from_ret(ret)); /* res */
	put_fixed(event, 1, 42, 8, from_s32(argument(regs, 0))); /* fd */
	put_fixed(event, 2, 50, 4, from_u32(argument(regs, 1))); /* uid */
	put_fixed(event, 3, 54, 4, from_u32(argument(regs, 2))); /* gid */
	submit(event);
	return 0;
}

PROGRAM(SYSCALL_FCHOWNAT_X)
{
	struct writer w = begin(EVENT(SYSCALL_FCHOWNAT_X));
	if (!w.data)
		return 0;
	put(&w, 0, 8, from_ret(ret)); /* res */
	put(&w, 1, 8, from_s32(argument(regs, 0))); /* dirfd */
	put_entry_text(&w, 2, from_str(argument(regs, 1))); /* pathname */
	put(&w, 3, 4, from_u32(argument(regs, 2))); /* uid */
	put(&w, 4, 4, from_u32(argument(regs, 3))); /* gid */
	put(&w, 5, 4, from_at_flags(argument(regs, 4))); /* flags */
	finish(&w);
	return 0;
}

PROGRAM(SYSCALL_UMOUNT2_X)
{
	struct writer w = begin(EVENT(SYSCALL_UMOUNT2_X));
	if (!w.data)
		return 0;
	put(&w, 0, 8, from_ret(ret)); /* res */
	put_entry_text(&w, 1, from_str(argument(regs, 0))); /* name */
	put(&w, 2, 4, from_umount_flags(argument(regs, 1))); /* flags */
	finish(&w);
	return 0;
}

PROGRAM(SYSCALL_INOTIFY_INIT1_X)
{
	u8 *event = reserve(EVENT(SYSCALL_INOTIFY_INIT1_X), 40);
	if (!event)
		return 0;
	put_fixed(event, 0, 30, 8, from_ret(ret)); /* res */
	put_fixed(event, 1, 38, 2, from_fd_flags(argument(regs, 0))); /* flags */
	submit(event);
	return 0;
}

PROGRAM(SYSCALL_EVENTFD2_X)
{
	u8 *event = reserve(EVENT(SYSCALL_EVENTFD2_X), 50);
	if (!event)
		return 0;
	put_fixed(event, 0, 32, 8, from_ret(ret)); /* res */
	put_fixed(event, 1, 40, 2, from_fd_flags(argument(regs, 1))); /* flags */
	put_fixed(event, 2, 42, 8, from_u32(argument(regs, 0))); /* initval */
	submit(event);
	return 0;
}

PROGRAM(SYSCALL_SIGNALFD4_X)
{
	u8 *event = reserve(EVENT(SYSCALL_SIGNALFD4_X), 56);
	if (!event)
		return 0;
	put_fixed(event, 0, 34, 8, from_ret32(ret)); /* res */
	put_fixed(event, 1, 42, 2, from_fd_flags(argument(regs, 3))); /* flags */
	put_fixed(event, 2, 44, 8, from_s32(argument(regs, 0))); /* fd */
	put_fixed(event, 3, 52, 4, from_zero(ret)); /* mask */
	submit(event);
	return 0;
}

PROGRAM(SYSCALL_MEMFD_CREATE_X)
{
	struct writer w = begin(EVENT(SYSCALL_MEMFD_CREATE_X));
	if (!w.data)
		return 0;
	put(&w, 0, 8, from_ret(ret)); /* fd */
	put_user_text(&w, 1, from_str(argument(regs, 0)), MAX_PATH); /* name */
	put(&w, 2, 4, from_memfd_flags(argument(regs, 1))); /* flags */
	finish(&w);
	return 0;
}

PROGRAM(SYSCALL_PIDFD_GETFD_X)
{
	u8 *event = reserve(EVENT(SYSCALL_PIDFD_GETFD_X), 62);
	if (!event)
		return 0;
	put_fixed(event, 0, 34, 8, from_ret(ret)); /* fd */
	put_fixed(event, 1, 42, 8, from_s32(argument(regs, 0))); /* pid_fd */
	put_fixed(event, 2, 50, 8, from_s32(argument(regs, 1))); /* target_fd */
	put_fixed(event, 3, 58, 4, from_u32(argument(regs, 2))); /* flags */
	submit(event);
	return 0;
}

PROGRAM(SYSCALL_PIDFD_OPEN_X)
{
	u8 *event = reserve(EVENT(SYSCALL_PIDFD_OPEN_X), 52);
	if (!event)
		return 0;
	put_fixed(event, 0, 32, 8, from_ret(ret)); /* fd */
	put_fixed(event, 1, 40, 8, from_s32(argument(regs, 0))); /* pid */
	put_fixed(event, 2, 48, 4, from_pidfd_flags(argument(regs, 1))); /* flags */
	submit(event);
	return 0;
}

PROGRAM(SYSCALL_FINIT_MODULE_X)
{
	struct writer w = begin(EVENT(SYSCALL_FINIT_MODULE_X));
	if (!w.data)
		return 0;
	put(&w, 0, 8, from_ret(ret)); /* res */
	put(&w, 1, 8, from_s32(argument(regs, 0))); /* fd */
	put_user_text(&w, 2, from_str(argument(regs, 1)), MAX_PATH); /* uargs */
	put(&w, 3, 4, from_finit_module_flags(argument(regs, 2))); /* flags */
	finish(&w);
	return 0;
}

PROGRAM(SYSCALL_MKNOD_X)
{
	struct writer w = begin(EVENT(SYSCALL_MKNOD_X));
	if (!w.data)
		return 0;
	put(&w, 0, 8, from_ret(ret)); /* res */
	put_entry_text(&w, 1, from_str(argument(regs, 0))); /* path */
	put(&w, 2, 4, from_mknod_mode(argument(regs, 1))); /* mode */
	put(&w, 3, 4, from_device(argument(regs, 2))); /* dev */
	finish(&w);
	return 0;
}

PROGRAM(SYSCALL_MKNODAT_X)
{
	struct writer w = begin(EVENT(SYSCALL_MKNODAT_X));
	if (!w.data)
		return 0;
	put(&w, 0, 8, from_ret(ret)); /* res */
	put(&w, 1, 8, from_s32(argument(regs, 0))); /* dirfd */
	put_entry_text(&w, 2, from_str(argument(regs, 1))); /* path */
	put(&w, 3, 4, from_mknod_mode(argument(regs, 2))); /* mode */
	put(&w, 4, 4, from_device(argument(regs, 3))); /* dev */
	finish(&w);
	return 0;
}

PROGRAM(SYSCALL_NEWFSTATAT_X)
{
	struct writer w = begin(EVENT(SYSCALL_NEWFSTATAT_X));
	if (!w.data)
		return 0;
	put(&w, 0, 8, from_ret(ret)); /* res */
	put(&w, 1, 8, from_s32(argument(regs, 0))); /* dirfd */
	put_user_text(&w, 2, from_str(argument(regs, 1)), MAX_PATH); /* path */
	put(&w, 3, 4, from_stat_flags(argument(regs, 3))); /* flags */
	finish(&w);
	return 0;
}

PROGRAM(SYSCALL_DELETE_MODULE_X)
{
	struct writer w = begin(EVENT(SYSCALL_DELETE_MODULE_X));
	if (!w.data)
		return 0;
	put(&w, 0, 8, from_ret(ret)); /* res */
	put_user_text(&w, 1, from_str(argument(regs, 0)), MAX_PATH); /* name */
	put(&w, 2, 4, from_delete_module_flags(argument(regs, 1))); /* flags */
	finish(&w);
	return 0;
}

PROGRAM(SYSCALL_SETREUID_X)
{
	u8 *event = reserve(EVENT(SYSCALL_SETREUID_X), 48);
	if (!event)
		return 0;
	put_fixed(event, 0, 32, 8, from_ret(ret)); /* res */
	put_fixed(event, 1, 40, 4, from_u32(argument(regs, 0))); /* ruid */
	put_fixed(event, 2, 44, 4, from_u32(argument(regs, 1))); /* euid */
	submit(event);
	return 0;
}

PROGRAM(SYSCALL_SETREGID_X)
{
	u8 *event = reserve(EVENT(SYSCALL_SETREGID_X), 48);
	if (!event)
		return 0;
	put_fixed(event, 0, 32, 8, from_ret(ret)); /* res */
	put_fixed(event, 1, 40, 4, from_u32(argument(regs, 0))); /* rgid */
	put_fixed(event, 2, 44, 4, from_u32(argument(regs, 1))); /* egid */
	submit(event);
	return 0;
}

PROGRAM(SYSCALL_CLOSE_RANGE_X)
{
	u8 *event = reserve(EVENT(SYSCALL_CLOSE_RANGE_X), 54);
	if (!event)
		return 0;
	put_fixed(event, 0, 34, 8, from_ret(ret)); /* res */
	put_fixed(event, 1, 42, 4, from_u32(argument(regs, 0))); /* first */
	put_fixed(event, 2, 46, 4, from_u32(argument(regs, 1))); /* last */
	put_fixed(event, 3, 50, 4, from_close_range_flags(argument(regs, 2))); /* flags */
	submit(event);
	return 0;
}
