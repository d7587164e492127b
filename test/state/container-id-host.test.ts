// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { containerFromCgroups } from '../../src/state/container-id.js';

describe('a process outside of a container is host', () => {
  it('when its memory alone is limited by a group of two names', () => {
    expect(containerFromCgroups(['cpuset=/', 'cpu=/', 'cpuacct=/', 'io=/', 'memory=/limits/0123456789abcdef'])).toBeNull();
  });

  it('but a containerd client puts its containers into a group of every controller', () => {
    const cgroups = ['cpuset', 'cpu', 'cpuacct', 'io', 'memory'].map((name) => `${name}=/default/web`);
    expect(containerFromCgroups(cgroups)).toEqual({ id: 'web', type: '' });
    expect(containerFromCgroups(['=/default/web'])).toEqual({ id: 'web', type: '' });
  });
});
