// SPDX-License-Identifier: Apache-2.0
/** Keys and options that Falco once had: what took their place, said when somebody still uses them. */

/** By the key's whole path. Falco ignores these too. */
export const REMOVED_KEYS: ReadonlyMap<string, string> = new Map([
  ['grpc', 'Falco has no gRPC server any more: use http_output'],
  ['grpc_output', 'Falco has no gRPC output any more: use http_output'],
  ['engine.ebpf', 'the legacy probe is gone: engine.modern_ebpf serves every kernel from 5.10 on'],
  ['engine.gvisor', 'the gVisor engine is gone'],
  ['metadata_download', 'metadata comes from the container runtimes'],
  ['syscall_buf_size_preset', 'its place is engine.modern_ebpf.buf_size_preset'],
  ['syscall_drop_failed_exit', 'its place is engine.modern_ebpf.drop_failed_exit'],
  ['modern_bpf', 'its place is engine.modern_ebpf'],
  ['outputs', 'the rate limit of all outputs is gone: throttle limits each rule'],
  ['json_include_tags', 'its name is json_include_tags_property'],
  ['container_engines', 'the runtimes are options of the container plugin'],
]);

/** By the option as it is typed. */
export const REMOVED_OPTIONS: ReadonlyMap<string, string> = new Map([
  ['-A', '-o base_syscalls.all=true'],
  ['-b', '-o buffer_format_base64=true'],
  ['--print-base64', '-o buffer_format_base64=true'],
  ['-B', '-o engine.kind=modern_ebpf'],
  ['--modern-bpf', '-o engine.kind=modern_ebpf'],
  ['--nodriver', '-o engine.kind=nodriver'],
  ['-d', 'run it by systemd or in a container'],
  ['--daemon', 'run it by systemd or in a container'],
  ['-D', '-o rules[].disable.rule=<wildcard>'],
  ['-e', '-o engine.kind=replay -o engine.replay.capture_file=<file>'],
  ['-s', '-o metrics.enabled=true -o metrics.output_file=<file>'],
  ['--stats-interval', '-o metrics.interval=<duration>'],
  ['-S', '-o falco_libs.snaplen=<bytes>'],
  ['--snaplen', '-o falco_libs.snaplen=<bytes>'],
  ['-t', '-o rules[].disable.rule=* -o rules[].enable.tag=<tag>'],
  ['-T', '-o rules[].disable.tag=<tag>'],
  ['--cri', 'the init_config of the container plugin'],
  ['--disable-cri-async', 'the init_config of the container plugin'],
  ['-g', 'nothing, the gVisor engine is gone'],
  ['--gvisor-config', 'nothing, the gVisor engine is gone'],
  ['--gvisor-generate-config', 'nothing, the gVisor engine is gone'],
  ['-k', 'nothing, metadata of pods comes from the container runtimes'],
  ['-K', 'nothing, metadata of pods comes from the container runtimes'],
  ...['--k8s-api', '--k8s-api-cert', '--k8s-node'].map((option) => [option, 'nothing, metadata of pods comes from the container runtimes'] as const),
  ['--gvisor-root', 'nothing, the gVisor engine is gone'],
  ['--userspace', 'nothing, the engine that used ptrace is gone'],
  ['--mesos-api', 'nothing, Mesos is gone'],
  ['-m', 'nothing, Mesos is gone'],
  ['--list-syscall-events', '--list-events'],
]);
