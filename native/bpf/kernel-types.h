/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The little of the kernel's types that the programs read. Each access carries a CO-RE relocation, so only names matter
 * here, not layout. A type with a `___` suffix is an older or newer shape of the same kernel type; the accessor that
 * chooses between shapes stands in kernel.h and says which kernel changed it.
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
