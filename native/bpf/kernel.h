/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The little of the kernel's types that the programs read. Each access carries a CO-RE relocation, so only names matter
 * here, not layout. A type with a `___` suffix is an older or newer shape of the same kernel type; the accessor that
 * chooses between shapes stands below and says which kernel changed it.
 */
#pragma once
#include <linux/bpf.h>
#include <linux/types.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s8 s8;
typedef __s16 s16;
typedef __s32 s32;
typedef __s64 s64;
typedef u32 kdev;
#define NULL ((void *)0)
#define INLINE static __always_inline

#define AF_UNIX 1
#define AF_INET 2
#define AF_INET6 10
#define FMODE_CREATED 0x100000
#define PF_EXITING 0x4
#define PF_KTHREAD 0x200000
#define OVERLAYFS_MAGIC 0x794c7630
#define RLIMIT_NOFILE 7

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

#if defined(__TARGET_ARCH_x86)
struct pt_regs {
	unsigned long di, si, dx, r10, r8, r9, orig_ax;
	unsigned long bx, cx, bp, ip;
};
#elif defined(__TARGET_ARCH_arm64)
struct pt_regs {
	u64 regs[31];
	u64 orig_x0;
	s32 syscallno;
};
#else
#error "unknown architecture"
#endif

struct list_head {
	struct list_head *next;
};

struct kuid {
	u32 val;
};
typedef struct kuid kuid_t;
typedef struct kuid kgid_t;

struct uid_gid_extent {
	u32 first, lower_first, count;
};
struct uid_gid_map {
	u32 nr_extents;
	struct uid_gid_extent extent[5];
};
struct user_namespace {
	struct uid_gid_map uid_map, gid_map;
};
struct group_info {
	int ngroups;
	kgid_t gid[];
};

/* The three capability sets are read as eight bytes: u32[2] before 6.3, u64 since, the same bits either way. */
struct kernel_cap_struct {
};
struct cred {
	kuid_t uid, euid, fsuid;
	kgid_t gid, egid, fsgid;
	struct kernel_cap_struct cap_inheritable, cap_permitted, cap_effective;
	struct user_namespace *user_ns;
	struct group_info *group_info;
};

struct qstr {
	u32 len;
	const unsigned char *name;
};
struct timespec64 {
	s64 tv_sec;
	long tv_nsec;
};
struct super_block {
	kdev s_dev;
	unsigned long s_flags, s_magic;
};
struct inode {
	u16 i_mode;
	kuid_t i_uid;
	kgid_t i_gid;
	u32 i_flags;
	struct super_block *i_sb;
	unsigned long i_ino;
};
struct inode___before_6_6 {
	struct timespec64 i_ctime, i_mtime;
};
struct inode___6_6 {
	struct timespec64 __i_ctime;
};
struct inode___6_7 {
	struct timespec64 __i_mtime;
};
struct inode___6_11 {
	s64 i_ctime_sec, i_mtime_sec;
	u32 i_ctime_nsec, i_mtime_nsec;
};
struct dentry {
	struct dentry *d_parent;
	struct qstr d_name;
	struct inode *d_inode;
	struct super_block *d_sb;
};
struct vfsmount {
	struct dentry *mnt_root;
};
struct mount {
	struct mount *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
};
struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
};
struct file_operations {
};
struct file {
	struct path f_path;
	struct inode *f_inode;
	const struct file_operations *f_op;
	void *private_data;
	u32 f_mode;
};
struct fdtable {
	u32 max_fds;
	struct file **fd;
};
struct atomic_number {
	int counter;
};
struct files_struct {
	struct atomic_number count;
	struct fdtable *fdt;
};

struct percpu_counter {
	s64 count;
};
struct mm_struct {
	unsigned long total_vm, arg_start, arg_end, env_start, env_end;
	struct file *exe_file;
	struct percpu_counter rss_stat[4];
};
struct atomic_long___before_6_2 {
	s64 counter;
};
struct mm_rss_stat {
	struct atomic_long___before_6_2 count[4];
};
struct mm_struct___before_6_2 {
	struct mm_rss_stat rss_stat;
};

struct kernfs_node {
	struct kernfs_node *parent;
	const char *name;
};
struct kernfs_node___6_15 {
	struct kernfs_node *__parent;
};
struct cgroup {
	struct kernfs_node *kn;
	struct cgroup_root *root;
};
struct cgroup_subsys {
	const char *name;
};
struct cgroup_subsys_state {
	struct cgroup *cgroup;
	struct cgroup_subsys *ss;
};
struct css_set {
	struct cgroup_subsys_state *subsys[16];
	struct cgroup *dfl_cgrp;
};
enum cgroup_subsys_id {
	cpuset_cgrp_id = 0,
	cpu_cgrp_id = 1,
	cpuacct_cgrp_id = 2,
	io_cgrp_id = 3,
	memory_cgrp_id = 4,
};

struct tty_driver {
	int major, minor_start;
};
struct tty_struct {
	int index;
	struct tty_driver *driver;
};
struct rlimit {
	unsigned long rlim_cur;
};
struct task_struct;
struct pid_namespace {
	u32 level;
	struct task_struct *child_reaper;
};
struct upid {
	int nr;
	struct pid_namespace *ns;
};
struct pid {
	u32 level;
	struct upid numbers[1];
};
struct nsproxy {
	struct pid_namespace *pid_ns_for_children;
};
enum pid_type { PIDTYPE_PID, PIDTYPE_TGID, PIDTYPE_PGID, PIDTYPE_SID };
struct signal_struct {
	struct atomic_number live;
	int nr_threads;
	struct pid *pids[4];
	struct tty_struct *tty;
	struct rlimit rlim[16];
	struct list_head thread_head;
	unsigned int is_child_subreaper : 1;
	unsigned int has_child_subreaper : 1;
};
struct thread_info {
	unsigned long flags;
	u32 status;
};
struct task_struct {
	struct thread_info thread_info;
	u32 flags;
	int pid, tgid, exit_code;
	struct task_struct *real_parent;
	struct list_head children;
	struct list_head thread_node;
	struct pid *thread_pid;
	u64 start_time;
	unsigned long min_flt, maj_flt;
	const struct cred *cred;
	char comm[16];
	struct files_struct *files;
	struct nsproxy *nsproxy;
	struct signal_struct *signal;
	struct mm_struct *mm;
	struct css_set *cgroups;
	kuid_t loginuid;
};
union __sifields {
};
struct kernel_siginfo {
	int si_code;
	union __sifields _sifields;
};
struct linux_binprm {
	const char *filename;
};

struct in6_addr {
	u8 in6_u[16];
};
struct sock_common {
	u16 skc_family;
	u32 skc_daddr;
	u16 skc_dport;
	struct in6_addr skc_v6_daddr;
};
struct sock {
	struct sock_common __sk_common;
	u32 sk_ack_backlog, sk_max_ack_backlog;
};
struct ipv6_pinfo {
	struct in6_addr saddr;
};
struct inet_sock {
	struct sock sk;
	struct ipv6_pinfo *pinet6;
	u32 inet_saddr;
	u16 inet_sport;
};
struct sockaddr_un {
	char sun_path[108];
};
struct unix_address {
	int len;
	struct sockaddr_un name[1];
};
struct unix_sock {
	struct sock sk;
	struct unix_address *addr;
	struct sock *peer;
};
struct socket {
	short type;
	struct sock *sk;
	struct file *file;
};

#pragma clang attribute pop

/* ---- the one place where the three ways to attach differ: see native/README.md ---- */

/* A program that is given no more than HOOK's accessors below tell. */
#if defined(TRACEPOINT)
#define HOOK(group, name) SEC("tp/" group "/" name)
#elif defined(RAW_TP)
#define HOOK(group, name) SEC("raw_tp/" name)
#else
#define HOOK(group, name) SEC("tp_btf/" name)
#endif

/* A program that needs the arguments of the kernel's own call, in `ctx`. */
#ifdef RAW_TP
#define ARGUMENTS_HOOK(name) SEC("raw_tp/" name)
#else
#define ARGUMENTS_HOOK(name) SEC("tp_btf/" name)
#endif

/* Checked pointers, or any memory. */
#ifdef RAW_TP
#define REG(regs, field) BPF_CORE_READ(regs, field)
#define checked_task() ((struct task_struct *)bpf_get_current_task())
#define CHECKED(pointer, ...) BPF_CORE_READ(pointer, __VA_ARGS__)
#else
#define REG(regs, field) ((regs)->field)
/* The current task as a pointer that the verifier knows the type of: members are read by plain loads, without a helper. */
#define checked_task() ((struct task_struct *)bpf_get_current_task_btf())
#define CHECKED(pointer, field) ((pointer)->field)
#endif

/* Of a system call, when it begins or returns: the caller's registers, … */
INLINE struct pt_regs *call_regs(u64 *ctx)
{
#ifdef TRACEPOINT
	return (struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf());
#else
	return (struct pt_regs *)ctx[0];
#endif
}

/* … these as a plain number, since a pointer that the verifier knows may not be passed to a global function, … */
INLINE u64 call_regs_address(u64 *ctx)
{
	u64 address = 0;
#ifdef TRACEPOINT
	struct pt_regs *regs = call_regs(ctx);
	bpf_probe_read_kernel(&address, sizeof(address), &regs);
#else
	bpf_probe_read_kernel(&address, sizeof(address), ctx);
#endif
	return address;
}

/* … what it returns, … */
INLINE s64 call_result(u64 *ctx)
{
#ifdef TRACEPOINT
	return ctx[2];
#else
	return ctx[1];
#endif
}

/* … and its number, when it begins. */
INLINE u32 call_number(u64 *ctx)
{
	return ctx[1];
}

INLINE u32 syscall_number(struct pt_regs *regs)
{
#if defined(__TARGET_ARCH_x86)
	return (u32)REG(regs, orig_ax);
#else
	return (u32)REG(regs, syscallno);
#endif
}

/* `index` is a constant at every call. */
INLINE u64 native_argument(struct pt_regs *regs, int index)
{
#if defined(__TARGET_ARCH_x86)
	switch (index) {
	case 0: return REG(regs, di);
	case 1: return REG(regs, si);
	case 2: return REG(regs, dx);
	case 3: return REG(regs, r10);
	case 4: return REG(regs, r8);
	default: return REG(regs, r9);
	}
#else
	switch (index) {
	case 0: return REG(regs, orig_x0);
	case 1: return REG(regs, regs[1]);
	case 2: return REG(regs, regs[2]);
	case 3: return REG(regs, regs[3]);
	case 4: return REG(regs, regs[4]);
	default: return REG(regs, regs[5]);
	}
#endif
}

INLINE struct task_struct *current_task(void)
{
	return (struct task_struct *)bpf_get_current_task();
}

/* A 32-bit call on a 64-bit kernel: its number and arguments mean something else. */
INLINE int is_compat_call(void)
{
	struct task_struct *task = checked_task();
#if defined(__TARGET_ARCH_x86)
	return CHECKED(task, thread_info.status) & 2; /* TS_COMPAT */
#else
	return (CHECKED(task, thread_info.flags) >> 22) & 1; /* TIF_32BIT */
#endif
}

/* ---- accessors, one for each change of the kernel ---- */

INLINE u64 epoch_ns(s64 sec, u64 nsec)
{
	return sec < 0 ? 0 : (u64)sec * 1000000000ull + nsec;
}

/*
 * 6.6 (13bc24457850) renamed i_ctime, 6.11 (3aa63a569c64) split seconds from nanoseconds, 6.13 (4e40eff0b573) made the
 * highest bit of the nanoseconds a flag.
 */
INLINE u64 inode_ctime(struct inode *inode)
{
	struct inode___6_11 *split = (void *)inode;
	if (bpf_core_field_exists(split->i_ctime_sec))
		return epoch_ns(BPF_CORE_READ(split, i_ctime_sec), BPF_CORE_READ(split, i_ctime_nsec) & 0x7fffffff);
	struct inode___6_6 *renamed = (void *)inode;
	if (bpf_core_field_exists(renamed->__i_ctime))
		return epoch_ns(BPF_CORE_READ(renamed, __i_ctime.tv_sec), BPF_CORE_READ(renamed, __i_ctime.tv_nsec));
	struct inode___before_6_6 *old = (void *)inode;
	return epoch_ns(BPF_CORE_READ(old, i_ctime.tv_sec), BPF_CORE_READ(old, i_ctime.tv_nsec));
}

/* 6.7 (12cd44023651) renamed i_mtime, 6.11 split it. */
INLINE u64 inode_mtime(struct inode *inode)
{
	struct inode___6_11 *split = (void *)inode;
	if (bpf_core_field_exists(split->i_mtime_sec))
		return epoch_ns(BPF_CORE_READ(split, i_mtime_sec), BPF_CORE_READ(split, i_mtime_nsec));
	struct inode___6_7 *renamed = (void *)inode;
	if (bpf_core_field_exists(renamed->__i_mtime))
		return epoch_ns(BPF_CORE_READ(renamed, __i_mtime.tv_sec), BPF_CORE_READ(renamed, __i_mtime.tv_nsec));
	struct inode___before_6_6 *old = (void *)inode;
	return epoch_ns(BPF_CORE_READ(old, i_mtime.tv_sec), BPF_CORE_READ(old, i_mtime.tv_nsec));
}

/* 6.2 (f1a7941243c1) made the counters per CPU; the approximate total is what both shapes give. A macro, because the
 * relocation needs a literal index. */
#define MM_FILE 0
#define MM_ANON 1
#define MM_SWAP 2
#define MM_SHARED 3
#define MM_PAGES(mm, kind)                                                                                         \
	(bpf_core_type_exists(struct mm_rss_stat)                                                                  \
		 ? BPF_CORE_READ((struct mm_struct___before_6_2 *)(mm), rss_stat.count[kind].counter)              \
		 : BPF_CORE_READ(mm, rss_stat[kind].count))

/* 6.15 (633488947ef6) renamed kernfs_node.parent. */
INLINE struct kernfs_node *kernfs_parent(struct kernfs_node *node)
{
	struct kernfs_node___6_15 *renamed = (void *)node;
	if (bpf_core_field_exists(renamed->__parent))
		return BPF_CORE_READ(renamed, __parent);
	return BPF_CORE_READ(node, parent);
}

INLINE struct mount *mount_of(struct vfsmount *mnt)
{
	return (struct mount *)((u64)mnt - __builtin_preserve_field_info(((struct mount *)0)->mnt, 0 /* byte offset */));
}

/* Device numbers as user space knows them (stat, /proc). */
INLINE u32 user_device(kdev dev)
{
	u32 major = dev >> 20, minor = dev & 0xfffff;
	return (minor & 0xff) | (major << 8) | ((minor & ~0xffu) << 12);
}
