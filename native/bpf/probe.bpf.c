/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* The probe. Compiled thrice: attached by BTF (tp_btf), with -DTRACEPOINT for kernels that preempt such programs, and with -DRAW_TP for those that do not have them. */
#include "kernel.h"
#include "maps.h"
#include "record.h"
#include "readers.h"
#include "memory.h"
#include "entry.h"
#include "sieve.h"
/* First of the programs: a kernel that refuses it is not tried with a hundred others. */
#include "dispatch.h"
#include "generated/programs.h"
#include "events/io.h"
#include "events/keyctl.h"
#include "events/messages.h"
#include "events/open.h"
#include "events/clone.h"
#include "events/exec.h"
#include "events/exit.h"
#include "events/pipe.h"
#include "events/process.h"
#include "events/quota.h"
#include "events/semaphore.h"
#include "events/socket.h"
#include "events/sockopt.h"
#include "events/system.h"
#include "events/tracepoints.h"
#include "events/values.h"
#include "events/wait.h"

char _license[] SEC("license") = "Dual MIT/GPL";
/* Compared with the addon's before loading. */
const char schema_hash[] SEC(".rodata.schema") = FT_SCHEMA_HASH;
