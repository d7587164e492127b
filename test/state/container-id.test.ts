// SPDX-License-Identifier: Apache-2.0
/** Container ids out of cgroup paths: the layouts of every runtime, and what is none. */
import { describe, expect, it } from 'vitest';
import { containerFromCgroups } from '../../src/state/container-id.js';

const A = `abcdef012345${'6'.repeat(52)}`;
const B = `b00b1e012345${'7'.repeat(52)}`;
const POD = 'pod6f0cee80-eaf6-94b1-987d-dc7b04f63b36';
const SLICE = '/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod6f0cee80_eaf6_94b1_987d_dc7b04f63b36.slice';
const idOf = (path: string): string | null => containerFromCgroups([`memory=${path}`])?.id ?? null;

describe('a process is in the container that its cgroup names', () => {
  // biome-ignore format: one line a layout
  it.each([
    ['docker, cgroupfs', `/docker/${A}`],
    ['docker, systemd', `/system.slice/docker-${A}.scope`],
    ['docker, rootless', `/user.slice/user-1000.slice/user@1000.service/user.slice/docker-${A}.scope`],
    ['docker below a parent of its own', `/my-parent/${A}`],
    ['containerd pod, cgroupfs', `/kubepods/burstable/${POD}/${A}`],
    ['containerd pod, systemd', `${SLICE}/cri-containerd-${A}.scope`],
    ['containerd pod, systemd names without systemd', `/system.slice/containerd.service/kubepods-burstable-${POD}.slice:cri-containerd:${A}`],
    ['cri-o pod, systemd', `${SLICE}/crio-${A}.scope`],
    ['cri-o pod, cgroupfs', `/kubepods/besteffort/${POD}/crio-${A}`],
    ['docker pod (cri-dockerd), systemd', `${SLICE}/docker-${A}.scope`],
    ['podman, systemd', `/machine.slice/libpod-${A}.scope`],
    ['podman, systemd, cgroup v2', `/machine.slice/libpod-${A}.scope/container`],
    ['podman, rootless', `/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-${A}.scope/container`],
    ['podman, rootless, cgroup v1', `/user.slice/user-1000.slice/user@1000.service/podman-3332.scope/${A}`],
    ['podman, cgroupfs', `/libpod_parent/libpod-${A}`],
    ['podman, split', `/system.slice/app.service/libpod-payload-${A}`],
    ['nerdctl, systemd', `/system.slice/nerdctl-${A}.scope`],
    ['systemd inside a container', `/docker/${A}/init.scope`],
    ['a service inside a container', `${SLICE}/cri-containerd-${A}.scope/system.slice/sshd.service`],
    ['docker in docker: the inner one', `/docker/${B}/docker/${A}`],
    ['a pod in a kind node: the inner one', `/docker/${B}/kubelet/kubepods/burstable/${POD}/${A}`],
    ['cri-o pod, seen from another cgroup namespace', `/../crio-${A}.scope`],
    ['cri-o, crun on cgroup v2', `${SLICE}/crio-${A}.scope/container`],
    ['docker in lxc in a slice', `/system.slice/lxc.payload.web01/system.slice/docker-${A}.scope`],
    ['k3s pod below its own service', `/system.slice/k3s.service/kubepods/burstable/${POD}/${A}`],
    ['guaranteed pod, systemd', `/kubepods.slice/kubepods-pod6f0cee80_eaf6_94b1_987d_dc7b04f63b36.slice/cri-containerd-${A}.scope`],
    ['pod below the kubelet\'s own slice (kind)', `/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod6f0cee80.slice/cri-containerd-${A}.scope`],
    ['podman pod, systemd', `/machine.slice/machine-libpod_pod_${B}.slice/libpod-${A}.scope`],
    ['podman, rootless, without systemd', `/user.slice/user-1000.slice/user@1000.service/libpod-${A}`],
    ['podman, split, systemd', `/system.slice/app.service/libpod-payload-${A}.scope/container`],
    ['containerd below the namespace of Kubernetes', `/k8s.io/${A}`],
    ['an id in capitals', `/docker/${A.toUpperCase()}`],
  ])('%s', (_, path) => expect(idOf(path)?.toLowerCase()).toBe('abcdef012345'));

  it.each([
    ['lxc, cgroupfs', '/lxc/web01', 'web01', 'lxc'],
    ['lxc 3', '/lxc.payload/web01', 'web01', 'lxc'],
    ['lxc 4', '/lxc.payload.web01', 'web01', 'lxc'],
    ['systemd in lxc', '/lxc.payload.web01/system.slice/sshd.service', 'web01', 'lxc'],
    ['docker in lxc', `/lxc.payload.web01/docker/${A}`, 'abcdef012345', ''],
    ['libvirt-lxc, cgroupfs', '/machine/web01.libvirt-lxc', 'web01', 'libvirt-lxc'],
    ['libvirt-lxc, systemd', '/machine.slice/machine-lxc\\x2d2293906\\x2dweb.scope/libvirt', '2293906\\x2dweb', 'libvirt-lxc'],
    ['libvirt-lxc of old', '/libvirt/lxc/web01', 'web01', 'libvirt-lxc'],
    ['bpm', '/system.slice/bpm-garden.scope', 'garden', 'bpm'],
    ['ctr', '/default/redis-server-1', 'redis-server', ''],
    ['ctr, a name of one letter', '/default/a', 'a', ''],
    ['ctr, a namespace with dots', '/my.long_namespace-1.5/job.web', 'job.web', ''],
    ['ctr, a name that only begins like a unit', '/default/service.job', 'service.job', ''],
    ['a step of docker build', '/docker/buildkit/k3x1j2m5n8p0q7r9s4t6u1v2w', 'k3x1j2m5n8p0', ''],
  ])('%s', (_, path, id, type) => expect(containerFromCgroups([`cpu=${path}`])).toEqual({ id, type }));

  it('on v1 by the first controller that names one', () => {
    expect(containerFromCgroups(['cpuset=/', 'cpu=/', `memory=/docker/${A}`, `pids=/docker/${B}`])?.id).toBe('abcdef012345');
  });
  it('on hybrid systems, where only some controllers name it', () => {
    expect(containerFromCgroups(['cpuset=/', 'unified=/init.scope', `pids=${SLICE}/crio-${A}.scope`])?.id).toBe('abcdef012345');
  });
});

describe('a process is on the host', () => {
  // biome-ignore format: one line a layout
  it.each([
    ['in the root', '/'],
    ['as init', '/init.scope'],
    ['in a service', '/system.slice/ssh.service'],
    ['in a part of a service', '/system.slice/systemd-udevd.service/udev'],
    ['in a template of a service', '/system.slice/system-getty.slice/getty@tty1.service'],
    ['in a session', '/user.slice/user-1000.slice/session-3.scope'],
    ["in a user's service", '/user.slice/user-1000.slice/user@1000.service/app.slice/dbus.service'],
    ['as the runtime', '/system.slice/containerd.service'],
    ['as the kubelet', '/system.slice/kubelet.service'],
    ['as a monitor of cri-o', `${SLICE}/crio-conmon-${A}.scope`],
    ['as a monitor of podman', `/machine.slice/libpod-conmon-${A}.scope`],
    ['as a monitor of lxc', '/lxc.monitor.web01'],
    ['as a virtual machine', '/machine.slice/machine-qemu\\x2d1\\x2dweb.scope/libvirt/emulator'],
    ['in an nspawn machine', '/machine.slice/systemd-nspawn@web.service/payload'],
    ['in a pod but in none of its containers', `/kubepods/burstable/${POD}`],
    ['as a unit below a slice of two components', '/default/job.service'],
    ['as a scope below a slice of two components', '/default/job.scope'],
    ['in a part of a service of two components', '/system.slice/udev'],
    ['in the pod of podman but in none of its containers', `/machine.slice/machine-libpod_pod_${B}.slice`],
    ['with too few digits', `/docker/${A.slice(1)}`],
    ['with too many digits', `/docker/${A}0`],
    ['with a letter among the digits', `/docker/${A.slice(1)}x`],
    ['in a cgroup of openrc', '/openrc/sshd'],
    ['without cgroups', ''],
  ])('%s', (_, path) => expect(idOf(path)).toBe(null));
  it('with no cgroups at all', () => expect(containerFromCgroups([])).toBe(null));
});
