/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#pragma once
#include "../readers.h"
#include "../record.h"

/* struct sembuf of the user API. */
struct sem_operation {
	u16 number;
	s16 operation, flags;
};

INLINE u32 sem_flags(s16 flags)
{
	return BIT_TO(flags, 04000, F_semop_flags_IPC_NOWAIT) | BIT_TO(flags, 0x1000, F_semop_flags_SEM_UNDO);
}

/* The first two operations of a call that succeeded. */
PROGRAM(SYSCALL_SEMOP_X)
{
	u32 count = argument(regs, 2);
	struct sem_operation operations[2] = {};
	if (ret == 0 && count >= 2)
		bpf_probe_read_user(operations, sizeof(operations), (void *)argument(regs, 1));
	else if (ret == 0 && count == 1)
		bpf_probe_read_user(operations, sizeof(operations[0]), (void *)argument(regs, 1));
	u8 *event = reserve(EVENT(SYSCALL_SEMOP_X), EVENT_HEADER + 9 * 2 + 8 + 4 + 6 * 2 + 4);
	if (!event)
		return 0;
	put_fixed(event, 0, 44, 8, ret);
	put_fixed(event, 1, 52, 4, count);
	put_fixed(event, 2, 56, 2, operations[0].number);
	put_fixed(event, 3, 58, 2, operations[0].operation);
	put_fixed(event, 4, 60, 2, sem_flags(operations[0].flags));
	put_fixed(event, 5, 62, 2, operations[1].number);
	put_fixed(event, 6, 64, 2, operations[1].operation);
	put_fixed(event, 7, 66, 2, sem_flags(operations[1].flags));
	put_fixed(event, 8, 68, 4, argument(regs, 0));
	submit(event);
	return 0;
}

#define SETVAL 16

INLINE u32 sem_command(u32 command)
{
	switch (command) {
	case 0: return F_semctl_commands_IPC_RMID;
	case 1: return F_semctl_commands_IPC_SET;
	case 2: return F_semctl_commands_IPC_STAT;
	case 3: return F_semctl_commands_IPC_INFO;
	case 11: return F_semctl_commands_GETPID;
	case 12: return F_semctl_commands_GETVAL;
	case 13: return F_semctl_commands_GETALL;
	case 14: return F_semctl_commands_GETNCNT;
	case 15: return F_semctl_commands_GETZCNT;
	case SETVAL: return F_semctl_commands_SETVAL;
	case 17: return F_semctl_commands_SETALL;
	case 18: return F_semctl_commands_SEM_STAT;
	case 19: return F_semctl_commands_SEM_INFO;
	default: return 0;
	}
}

PROGRAM(SYSCALL_SEMCTL_X)
{
	u8 *event = reserve(EVENT(SYSCALL_SEMCTL_X), EVENT_HEADER + 5 * 2 + 8 + 4 + 4 + 2 + 4);
	if (!event)
		return 0;
	u32 command = (u16)argument(regs, 2);
	put_fixed(event, 0, 36, 8, ret);
	put_fixed(event, 1, 44, 4, argument(regs, 0));
	put_fixed(event, 2, 48, 4, argument(regs, 1));
	put_fixed(event, 3, 52, 2, sem_command(command));
	put_fixed(event, 4, 54, 4, command == SETVAL ? argument(regs, 3) : 0);
	submit(event);
	return 0;
}
