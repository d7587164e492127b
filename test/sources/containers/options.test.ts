// SPDX-License-Identifier: Apache-2.0
/** The container plugin's `init_config`. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openEngines } from '../../../src/sources/containers/engines.js';
import { readContainerConfig } from '../../../src/sources/containers/options.js';

const read = (config: object) => {
  const warnings: string[] = [];
  return { config: readContainerConfig(config, (text) => warnings.push(text)), warnings };
};
const sockets = (config: object, root = '') => openEngines(read(config).config, root).map(({ name, socket }) => `${name} ${socket}`);

const NO_KUBERNETES = { cri: { enabled: false }, containerd: { enabled: false } };

describe('options of the container plugin', () => {
  it('left out, ask every runtime at its usual place', () => {
    expect(read({})).toMatchObject({ config: { labelMaxLen: 100, hooks: ['create', 'start'] }, warnings: [] });
    expect(sockets({}, '/no-such-root')).toEqual([
      'docker /no-such-root/var/run/docker.sock',
      'podman /no-such-root/run/podman/podman.sock',
      'cri /no-such-root/run/containerd/containerd.sock',
      'cri /no-such-root/run/crio/crio.sock',
      'cri /no-such-root/run/k3s/containerd/containerd.sock',
      'cri /no-such-root/run/host-containerd/containerd.sock',
      'containerd /no-such-root/run/host-containerd/containerd.sock',
    ]);
  });
  it('find the Podman of each user below HOST_ROOT', () => {
    const root = mkdtempSync(join(tmpdir(), 'host-root-'));
    mkdirSync(join(root, 'run/user/1000/podman'), { recursive: true });
    mkdirSync(join(root, 'run/user/1001'));
    writeFileSync(join(root, 'run/user/1000/podman/podman.sock'), '');
    expect(sockets({ engines: { docker: { enabled: false }, ...NO_KUBERNETES } }, root)).toEqual([`podman ${root}/run/podman/podman.sock`, `podman ${root}/run/user/1000/podman/podman.sock`]);
    rmSync(root, { recursive: true });
  });
  it('find sockets below HOST_ROOT, even before they are there, though /var/run is an absolute link', () => {
    const root = mkdtempSync(join(tmpdir(), 'host-root-'));
    mkdirSync(join(root, 'run'));
    mkdirSync(join(root, 'var'));
    symlinkSync('/run', join(root, 'var/run'));
    expect(sockets({ engines: { docker: { sockets: ['/var/run/falco-ts-test.sock'] }, podman: { enabled: false }, ...NO_KUBERNETES } }, root)).toEqual([`docker ${root}/run/falco-ts-test.sock`]);
    rmSync(root, { recursive: true });
  });
  it('name sockets and switch runtimes off', () => {
    expect(sockets({ engines: { docker: { sockets: ['/a', '/b'] }, podman: { enabled: false }, cri: { sockets: ['/c'] }, containerd: { enabled: false } } }, '/host')).toEqual(['docker /host/a', 'docker /host/b', 'cri /host/c']);
  });
  it('without effect are said, those at their defaults are not', () => {
    expect(read({ with_size: false, engines: { lxc: { enabled: true } } }).warnings).toEqual([]);
    const { warnings } = read({ with_size: true, colour: 'red', engines: { lxc: { enabled: false }, rkt: {} } });
    expect(warnings.map((text) => /'([^']+)'/.exec(text)?.[1])).toEqual(['with_size', 'colour', 'engines.lxc', 'engines.rkt']);
  });
  it('that make no sense are refused, all in one message', () => {
    expect(() => read({ label_max_len: -1, hooks: ['never'], engines: { docker: { sockets: '/x' }, podman: { enabled: 'yes' } } })).toThrow(
      'container: init_config: label_max_len must be an integer, not -1; hooks must be a list of create and start, not ["never"]; ' +
        'engines.docker.sockets must be a list of paths, not "/x"; engines.podman.enabled must be true or false, not "yes"',
    );
  });
});
