/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#pragma once
#include "../readers.h"
#include "../record.h"

/* First byte of an argument: which of `keyctl_dynamic_param`'s types follows. */
#define KEYCTL_AS_S64 0
#define KEYCTL_AS_TEXT 1

/* How many of the arguments 2 to 5 an operation takes, in the lower half; which of them are texts, by bit, in the upper. */
#define TAKES(count, texts) ((count) | (texts) << 4)
#define TEXT_2 1
#define TEXT_3 2
#define TEXT_4 4

INLINE u32 keyctl_takes(u32 operation)
{
	switch (operation) {
	case F_keyctl_operations_KEYCTL_JOIN_SESSION_KEYRING: return TAKES(1, TEXT_2);
	case F_keyctl_operations_KEYCTL_REVOKE:
	case F_keyctl_operations_KEYCTL_CLEAR:
	case F_keyctl_operations_KEYCTL_SET_REQKEY_KEYRING:
	case F_keyctl_operations_KEYCTL_ASSUME_AUTHORITY:
	case F_keyctl_operations_KEYCTL_INVALIDATE: return TAKES(1, 0);
	case F_keyctl_operations_KEYCTL_GET_KEYRING_ID:
	case F_keyctl_operations_KEYCTL_SETPERM:
	case F_keyctl_operations_KEYCTL_LINK:
	case F_keyctl_operations_KEYCTL_UNLINK:
	case F_keyctl_operations_KEYCTL_SET_TIMEOUT:
	case F_keyctl_operations_KEYCTL_GET_PERSISTENT:
	case F_keyctl_operations_KEYCTL_CAPABILITIES: return TAKES(2, 0);
	case F_keyctl_operations_KEYCTL_UPDATE:
	case F_keyctl_operations_KEYCTL_CHOWN:
	case F_keyctl_operations_KEYCTL_DESCRIBE:
	case F_keyctl_operations_KEYCTL_READ:
	case F_keyctl_operations_KEYCTL_NEGATE:
	case F_keyctl_operations_KEYCTL_GET_SECURITY:
	case F_keyctl_operations_KEYCTL_WATCH_KEY: return TAKES(3, 0);
	case F_keyctl_operations_KEYCTL_RESTRICT_KEYRING: return TAKES(3, TEXT_3 | TEXT_4);
	case F_keyctl_operations_KEYCTL_PKEY_QUERY: return TAKES(3, TEXT_4);
	case F_keyctl_operations_KEYCTL_SEARCH: return TAKES(4, TEXT_3 | TEXT_4);
	case F_keyctl_operations_KEYCTL_INSTANTIATE:
	case F_keyctl_operations_KEYCTL_REJECT:
	case F_keyctl_operations_KEYCTL_INSTANTIATE_IOV:
	case F_keyctl_operations_KEYCTL_DH_COMPUTE:
	case F_keyctl_operations_KEYCTL_MOVE: return TAKES(4, 0);
	case F_keyctl_operations_KEYCTL_PKEY_ENCRYPT:
	case F_keyctl_operations_KEYCTL_PKEY_DECRYPT:
	case F_keyctl_operations_KEYCTL_PKEY_SIGN:
	case F_keyctl_operations_KEYCTL_PKEY_VERIFY: return TAKES(4, TEXT_3);
	default: return TAKES(0, 0);
	}
}

INLINE void put_key_argument(struct writer *w, u32 index, u32 takes, u64 value)
{
	u32 number = index - 2;
	if (takes & (16u << number)) {
		store(at(w->data, w->position), 1, KEYCTL_AS_TEXT);
		w->position += 1;
		set_length(w, index, 1 + put_user_text(w, index, value, MAX_PATH));
	} else {
		store(at(w->data, w->position), 1, KEYCTL_AS_S64);
		store(at(w->data, w->position + 1), 8, number < (takes & 15) ? value : 0);
		set_length(w, index, 9);
		w->position += 9;
	}
}

PROGRAM(SYSCALL_KEYCTL_X)
{
	struct writer w = begin(EVENT(SYSCALL_KEYCTL_X));
	if (!w.data)
		return 0;
	u32 operation = argument(regs, 0), takes = keyctl_takes(operation);
	put(&w, 0, 8, ret);
	put(&w, 1, 4, operation);
	put_key_argument(&w, 2, takes, argument(regs, 1));
	put_key_argument(&w, 3, takes, argument(regs, 2));
	put_key_argument(&w, 4, takes, argument(regs, 3));
	put_key_argument(&w, 5, takes, argument(regs, 4));
	finish(&w);
	return 0;
}
