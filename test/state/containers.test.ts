// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { parseContainerJson } from '../../src/state/container-json.js';
import { bareContainer, ContainerTable } from '../../src/state/containers.js';
import { DnsNames } from '../../src/state/dns-names.js';
import { Scene } from '../helpers/scene.js';

describe('the table of containers', () => {
  it('is bounded: the oldest gives way and is counted', () => {
    const table = new ContainerTable(3);
    for (const id of ['a', 'b', 'c', 'a', 'd']) table.set(bareContainer(id, 'docker'));
    expect([table.size, table.evictions, table.get('b'), table.get('a')?.id]).toEqual([3, 1, null, 'a']);
  });
  it('knows the host without being told', () => expect(new ContainerTable().get('')?.name).toBe('host'));
  it('counts an address once for each container that has it', () => {
    const table = new ContainerTable();
    table.set({ ...bareContainer('a', 'docker'), ip: '10.0.0.1' });
    table.set({ ...bareContainer('b', 'docker'), ip: '10.0.0.1' });
    table.delete('a');
    expect(table.hasIp('10.0.0.1')).toBe(true);
    table.delete('b');
    expect(table.hasIp('10.0.0.1')).toBe(false);
    expect(table.hasIp('')).toBe(false);
  });
  it('learns of containers whose cgroup says it all from the first process in them', () => {
    const scene = new Scene();
    scene.state.setCgroups(scene.thread(1000), 'cpu=/lxc.payload.web01');
    expect([scene.prints('container.id'), scene.prints('container.type'), scene.prints('container.name')]).toEqual(['web01', 'lxc', '']);
    scene.state.setCgroups(scene.thread(1000), `cpu=/docker/${'ab'.repeat(32)}`);
    expect([scene.prints('container.id'), scene.prints('container.type')]).toEqual(['abababababab', null]);
  });
});

describe('container events of captures', () => {
  it('give what they have, and nothing for what is of another type', () => {
    const info = parseContainerJson('{"container":{"id":"a","type":8,"created_time":7,"labels":{"x":"y","n":1},"Mounts":[null],"pod_sandbox_labels":null,"privileged":"yes"}}');
    expect(info?.type).toBe('cri-o');
    expect(info?.created).toBe(7_000_000_000n);
    expect([...info!.labels]).toEqual([['x', 'y']]);
    expect(info?.mounts).toEqual([{ source: '', dest: '', mode: '', rdwr: false, propagation: '' }]);
    expect(info?.privileged).toBe(false);
  });
});

describe('host names', () => {
  it('follow the addresses that they resolve to', () => {
    const names = new DnsNames();
    names.set('a.example', ['192.0.2.1', '192.0.2.2']);
    names.set('b.example', ['192.0.2.2']);
    expect(names.namesOf('192.0.2.2')).toEqual(['a.example', 'b.example']);
    names.set('a.example', []);
    expect([names.namesOf('192.0.2.1'), names.namesOf('192.0.2.2')]).toEqual([[], ['b.example']]);
  });
});
