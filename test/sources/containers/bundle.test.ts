// SPDX-License-Identifier: Apache-2.0
/** Where a container's specification lies, and what it says. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { bundleOf, withBundle } from '../../../src/sources/containers/bundle.js';
import { ofOciSpec } from '../../../src/sources/containers/oci-spec.js';
import { bareContainer } from '../../../src/state/containers.js';
import { ThreadInfo } from '../../../src/state/thread-info.js';

const ID = 'ab12'.repeat(16);

describe('the bundle of a container', () => {
  const threads = new Map<number, ThreadInfo>();
  const add = (tid: number, ptid: number, args: readonly string[], containerId = ''): void => {
    const thread = new ThreadInfo(tid, tid);
    thread.ptid = ptid;
    thread.args = args;
    thread.containerId = containerId;
    threads.set(tid, thread);
  };
  // biome-ignore format: one line a program
  it.each([
    ['runc', ['--root', '/run', 'create', '--bundle', '/b/1', '--pid-file', '/p', ID], '/b/1'],
    ['crun', ['create', '-b', '/b/2', ID], '/b/2'],
    ['with an equals sign', ['create', '--bundle=/b/3', ID], '/b/3'],
    ['for another container', ['create', '--bundle', '/b/4', `cd${ID.slice(2)}`], null],
    ['in its own folder', ['run', ID], null],
    ['that breaks off', ['create', ID, '--bundle'], null],
  ])('is named by the program that makes it: %s', (_, args, folder) => {
    threads.clear();
    add(10, 1, args);
    add(11, 10, ['init']);
    add(12, 11, ['init'], ID.slice(0, 12));
    expect(bundleOf(threads, 12, ID)).toBe(folder);
  });
  it('is not what a process in a container says, nor looked for without end', () => {
    threads.clear();
    add(10, 1, ['create', '--bundle', '/evil', ID], ID.slice(0, 12));
    add(11, 10, ['init'], ID.slice(0, 12));
    expect(bundleOf(threads, 11, ID)).toBe(null);
    threads.clear();
    add(10, 11, []);
    add(11, 10, []);
    expect([bundleOf(threads, 11, ID), bundleOf(threads, 99, ID)]).toEqual([null, null]);
  });

  const dir = mkdtempSync(join(tmpdir(), 'bundle-'));
  afterAll(() => rmSync(dir, { recursive: true }));
  const info = { ...bareContainer(ID.slice(0, 12), 'docker'), fullId: ID, name: 'web', user: 'nobody' };
  it.each([
    ['missing', () => undefined],
    ['no JSON', (path: string) => writeFileSync(path, '{')],
    ['a pipe that nobody writes to', (path: string) => execFileSync('mkfifo', [path])],
    ['a link', (path: string) => symlinkSync('/etc/hostname', path)],
    ['too large', (path: string) => writeFileSync(path, `{"x":"${'x'.repeat(1 << 20)}"}`)],
  ])('that is %s says nothing', (name, make) => {
    const folder = join(dir, name);
    mkdirSync(folder);
    make(join(folder, 'config.json'));
    expect(withBundle(info, folder)).toBe(null);
  });
  it('adds to what is known and changes nothing else', () => {
    writeFileSync(join(dir, 'config.json'), JSON.stringify({ process: { user: { uid: 7 } }, linux: { maskedPaths: ['/proc/kcore'] } }));
    expect(withBundle(info, dir)).toEqual({ ...info, hostPid: true, hostNetwork: true, hostIpc: true });
  });
});

describe('a specification', () => {
  const free = { process: { user: { uid: 0 } }, linux: { namespaces: [] } };
  const sys = (type: string, ...options: string[]) => ({ mounts: [{ type, destination: '/sys', source: type, options }] });
  // biome-ignore format: one line a case
  it.each([
    ['that hides and confines nothing is that of a privileged container', free, true],
    ['with /sys to be written, too', { ...free, ...sys('sysfs', 'rw') }, true],
    ['without confinement by its profile, too', { ...free, process: { apparmorProfile: 'unconfined' } }, true],
    ['with /sys only to be read is not', { ...free, ...sys('sysfs', 'ro') }, false],
    ['with cgroups only to be read is not', { ...free, ...sys('cgroup', 'nosuid', 'ro') }, false],
    ['that masks paths is not', { ...free, linux: { maskedPaths: ['/proc/kcore'] } }, false],
    ['that protects paths is not', { ...free, linux: { readonlyPaths: ['/proc/sys'] } }, false],
    ['with a filter of system calls is not', { ...free, linux: { seccomp: { defaultAction: 'SCMP_ACT_ERRNO' } } }, false],
    ['with a profile is not', { ...free, process: { apparmorProfile: 'docker-default' } }, false],
    ['with a label is not', { ...free, process: { selinuxLabel: 'container_t' } }, false],
    ['that says nothing is not', {}, false],
  ])('%s', (_, spec, privileged) => expect(ofOciSpec(spec).privileged).toBe(privileged));
  it('tells namespaces, mounts and user', () => {
    expect(ofOciSpec({
      process: { user: { uid: 1000 } },
      linux: { namespaces: [{ type: 'pid' }, { type: 'ipc', path: '/x' }], rootfsPropagation: 'rslave' },
      mounts: [{ source: 'tmpfs', destination: '/dev', options: ['mode=755', 'ro'] }, { source: '/a', destination: '/b', options: ['rbind', 'rshared'] }],
    })).toEqual({
      privileged: true, hostPid: false, hostIpc: false, hostNetwork: true, user: '1000',
      mounts: [{ source: 'tmpfs', dest: '/dev', mode: '755', rdwr: false, propagation: 'rslave' }, { source: '/a', dest: '/b', mode: '', rdwr: true, propagation: 'rshared' }],
    });
  });
});
