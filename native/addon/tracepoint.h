// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <bpf/libbpf.h>

#include <string>

/**
 * Opens a tracepoint, `group/name`, as a perf event. Its number stands in tracefs, which many containers and small machines have mounted
 * nowhere: it is then mounted for this one look, in no folder.
 *
 * @return a file descriptor
 * @throws CaptureError TRACEPOINT, with what to do
 */
int OpenTracepoint(const std::string& name);

/**
 * Attaches a BPF_PROG_TYPE_TRACEPOINT program, whose section names the tracepoint (`tp/group/name`), on all CPUs.
 *
 * @return never null
 * @throws CaptureError
 */
bpf_link* AttachTracepoint(bpf_program* program);
