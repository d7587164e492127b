/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#pragma once
#include "../readers.h"
#include "../record.h"

/* include/uapi/linux/quota.h; 32-bit programs have the same layouts. */
struct user_quota {
	u64 block_hard, block_soft, space, inode_hard, inode_soft, inodes, block_time, inode_time;
	u32 valid;
};
struct user_quota_info {
	u64 block_grace, inode_grace;
	u32 flags, valid;
};
#define QIF_BLIMITS 1
#define QIF_SPACE 2
#define QIF_ILIMITS 4
#define QIF_BTIME 16
#define QIF_ITIME 32
#define IIF_BGRACE 1
#define IIF_IGRACE 2
#define IIF_FLAGS 4

INLINE u32 quota_command(u32 command)
{
	switch (command >> 8) {
	case 0x800001: return F_quotactl_cmds_Q_SYNC;
	case 0x800002: return F_quotactl_cmds_Q_QUOTAON;
	case 0x800003: return F_quotactl_cmds_Q_QUOTAOFF;
	case 0x800004: return F_quotactl_cmds_Q_GETFMT;
	case 0x800005: return F_quotactl_cmds_Q_GETINFO;
	case 0x800006: return F_quotactl_cmds_Q_SETINFO;
	case 0x800007: return F_quotactl_cmds_Q_GETQUOTA;
	case 0x800008: return F_quotactl_cmds_Q_SETQUOTA;
	case 0x5801: return F_quotactl_cmds_Q_XQUOTAON;
	case 0x5802: return F_quotactl_cmds_Q_XQUOTAOFF;
	case 0x5803: return F_quotactl_cmds_Q_XGETQUOTA;
	case 0x5804: return F_quotactl_cmds_Q_XSETQLIM;
	case 0x5805: return F_quotactl_cmds_Q_XGETQSTAT;
	case 0x5806: return F_quotactl_cmds_Q_XQUOTARM;
	case 0x5807: return F_quotactl_cmds_Q_XQUOTASYNC;
	default: return 0;
	}
}

INLINE u32 quota_format(u32 format)
{
	return format == 1 ? F_quotactl_quota_fmts_QFMT_VFS_OLD : format == 2 ? F_quotactl_quota_fmts_QFMT_VFS_V0
	       : format == 4 ? F_quotactl_quota_fmts_QFMT_VFS_V1 : F_quotactl_quota_fmts_QFMT_NOT_USED;
}

#define IF_VALID(from, bit, member) ((from).valid & (bit) ? (from).member : 0)

PROGRAM(SYSCALL_QUOTACTL_X)
{
	struct writer w = begin(EVENT(SYSCALL_QUOTACTL_X));
	if (!w.data)
		return 0;
	u32 raw = argument(regs, 0), command = quota_command(raw), id = argument(regs, 2), kind = raw & 0xff;
	u64 address = argument(regs, 3);
	int about_one = command == F_quotactl_cmds_Q_GETQUOTA || command == F_quotactl_cmds_Q_SETQUOTA;
	int has_id = about_one || command == F_quotactl_cmds_Q_XGETQUOTA || command == F_quotactl_cmds_Q_XSETQLIM;
	struct user_quota quota = {};
	struct user_quota_info info = {};
	if (about_one)
		bpf_probe_read_user(&quota, sizeof(quota), (void *)address);
	if (command == F_quotactl_cmds_Q_GETINFO || command == F_quotactl_cmds_Q_SETINFO)
		bpf_probe_read_user(&info, sizeof(info), (void *)address);
	put(&w, 0, 8, ret);
	put_user_text(&w, 1, argument(regs, 1), MAX_PATH);
	put_user_text(&w, 2, command == F_quotactl_cmds_Q_QUOTAON ? address : 0, MAX_PATH);
	put(&w, 3, 8, IF_VALID(quota, QIF_BLIMITS, block_hard));
	put(&w, 4, 8, IF_VALID(quota, QIF_BLIMITS, block_soft));
	put(&w, 5, 8, IF_VALID(quota, QIF_SPACE, space));
	put(&w, 6, 8, IF_VALID(quota, QIF_ILIMITS, inode_hard));
	put(&w, 7, 8, IF_VALID(quota, QIF_ILIMITS, inode_soft));
	put(&w, 8, 8, IF_VALID(quota, QIF_BTIME, block_time));
	put(&w, 9, 8, IF_VALID(quota, QIF_ITIME, inode_time));
	put(&w, 10, 8, IF_VALID(info, IIF_BGRACE, block_grace));
	put(&w, 11, 8, IF_VALID(info, IIF_IGRACE, inode_grace));
	put(&w, 12, 1, IF_VALID(info, IIF_FLAGS, flags));
	put(&w, 13, 1, command == F_quotactl_cmds_Q_GETFMT ? quota_format(user_u32(address)) : F_quotactl_quota_fmts_QFMT_NOT_USED);
	put(&w, 14, 2, command);
	put(&w, 15, 1, kind == 0 ? F_quotactl_types_USRQUOTA : kind == 1 ? F_quotactl_types_GRPQUOTA : 0);
	put(&w, 16, 4, has_id ? id : 0);
	put(&w, 17, 1, command == F_quotactl_cmds_Q_QUOTAON ? quota_format(id) : F_quotactl_quota_fmts_QFMT_NOT_USED);
	finish(&w);
	return 0;
}
