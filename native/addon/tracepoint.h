// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <bpf/libbpf.h>

#include <cstdint>
#include <string>

/**
 * The number of a tracepoint, `group/name`. It stands in tracefs, which many containers and small machines have mounted nowhere: it is
 * then mounted for this one look, in no folder.
 *
 * @throws CaptureError TRACEFS
 */
uint64_t FindTracepoint(const std::string& name);

/**
 * Attaches a BPF_PROG_TYPE_TRACEPOINT program, whose section names the tracepoint (`tp/group/name`), on all CPUs.
 *
 * @return never null
 * @throws CaptureError
 */
bpf_link* AttachTracepoint(bpf_program* program);
