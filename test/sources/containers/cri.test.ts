// SPDX-License-Identifier: Apache-2.0
/**
 * The Container Runtime Interface as CRI-O and old releases of containerd speak it, by servers that speak gRPC on real
 * sockets; and what their answers come to. The real containerd is in containerd.test.ts.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Http2Server, type ServerHttp2Session } from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Code, ConnectError, type ServiceImpl } from '@connectrpc/connect';
import { connectNodeAdapter } from '@connectrpc/connect-node';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CriEngine } from '../../../src/sources/containers/cri.js';
import { criContainer, criSandbox } from '../../../src/sources/containers/cri-container.js';
import { type CriVersion, criPackage } from '../../../src/sources/containers/cri-proto.js';
import { defineServices } from '../../../src/sources/containers/protobuf.js';
import type { ContainerInfo } from '../../../src/state/containers.js';

const ID = 'ab12'.repeat(16);
const POD = 'cd34'.repeat(16);
const DIGEST = `sha256:${'e5'.repeat(32)}`;
const OPTIONS = { labelMaxLen: 20, hooks: ['create', 'start'] as const };
const SANDBOX = {
  id: POD,
  metadata: { name: 'web-0', uid: 'u-1', namespace: 'shop' },
  network: { ip: '10.0.0.7' },
  linux: { namespaces: { options: { pid: 1, network: 2 } } },
  labels: { app: 'web' },
};
const STATUS = { id: ID, metadata: { name: 'main' }, image: { image: 'quay.io/team/web:2' }, imageRef: `quay.io/team/web@${DIGEST}`, labels: { tier: 'front', long: 'x'.repeat(21) } };

describe('an answer about a container', () => {
  const container = (status: object, info: object = {}, sandbox: object = SANDBOX, sandboxInfo: object = {}): ContainerInfo =>
    criContainer('cri-o', { status: { ...STATUS, ...status }, info: { info: JSON.stringify(info) } }, { status: sandbox, info: { info: JSON.stringify(sandboxInfo) } }, 20);

  it('gives what Kubernetes says of it', () => {
    expect(container({ createdAt: '1700000000999999999', user: { linux: { uid: '1000' } } })).toMatchObject({
      id: ID.slice(0, 12), fullId: ID, type: 'cri-o', name: 'main', created: 1_700_000_000_000_000_000n, user: '1000', ip: '10.0.0.7',
      podSandboxId: POD, hostNetwork: true, hostPid: false, hostIpc: false, isPodSandbox: false, privileged: false,
    });
    expect(Object.fromEntries(container({}).labels)).toEqual({
      tier: 'front', 'io.kubernetes.sandbox.id': POD, 'io.kubernetes.pod.uid': 'u-1', 'io.kubernetes.pod.name': 'web-0', 'io.kubernetes.pod.namespace': 'shop',
    });
    expect(Object.fromEntries(container({}).podSandboxLabels)).toEqual({ app: 'web' });
  });

  const ANNOTATED = { runtimeSpec: { annotations: { 'io.kubernetes.cri-o.ImageName': 'quay.io/team/web:3' } } };
  // biome-ignore format: one line a case
  it.each([
    ['pulled by its tag', {}, {}, 'quay.io/team/web:2', 'quay.io/team/web', '2', DIGEST, ''],
    ['pulled by its digest', { image: { image: `quay.io/team/web@${DIGEST}` } }, {}, 'quay.io/team/web', 'quay.io/team/web', '', DIGEST, ''],
    ['of a registry with a port', { image: { image: 'reg:5000/web:1' }, imageRef: `reg:5000/web@${DIGEST}` }, {}, 'reg:5000/web:1', 'reg:5000/web', '1', DIGEST, ''],
    ['known by its id alone, with its name among the annotations', { image: { image: DIGEST }, imageRef: DIGEST }, ANNOTATED, 'quay.io/team/web:3', 'quay.io/team/web', '3', DIGEST, DIGEST.slice(7)],
    ['pulled, and run by its id', { image: { image: DIGEST } }, {}, 'quay.io/team/web', 'quay.io/team/web', '', DIGEST, ''],
    ['with its id', { imageId: 'f6'.repeat(32) }, {}, 'quay.io/team/web:2', 'quay.io/team/web', '2', DIGEST, 'f6'.repeat(32)],
    ['asked for by its id', {}, { config: { image: { image: `sha256:${'a7'.repeat(32)}` } } }, 'quay.io/team/web:2', 'quay.io/team/web', '2', DIGEST, 'a7'.repeat(32)],
    ['unknown', { image: {}, imageRef: '' }, {}, '', '', '', '', ''],
  ])('names an image %s', (_, status, info, image, imageRepository, imageTag, imageDigest, imageId) => {
    expect(container(status, info)).toMatchObject({ image, imageRepository, imageTag, imageDigest, imageId });
  });

  it.each([
    ['as containerd says it', { config: { linux: { security_context: { privileged: true } } } }, true],
    ['as CRI-O says it', { privileged: true }, true],
    ['which the configuration denies', { privileged: true, config: { linux: { security_context: { privileged: false } } } }, false],
    ['of which nothing is said', {}, false],
  ])('tells a privileged one %s', (_, info, privileged) => expect(container({}, info).privileged).toBe(privileged));

  it('lists the mounts that Kubernetes asked for', () => {
    const mounts = [{ hostPath: '/a', containerPath: '/b', readonly: true }, { hostPath: '/c', containerPath: '/d', propagation: 2 }, { hostPath: '/e', containerPath: '/f', propagation: 1 }, { propagation: 9 }];
    expect(container({ mounts }).mounts).toEqual([
      { source: '/a', dest: '/b', mode: '', rdwr: false, propagation: 'private' },
      { source: '/c', dest: '/d', mode: '', rdwr: true, propagation: 'rshared' },
      { source: '/e', dest: '/f', mode: '', rdwr: true, propagation: 'rslave' },
      { source: '', dest: '', mode: '', rdwr: true, propagation: 'unknown' },
    ]);
  });

  it("has the addresses of the pod's own interfaces, as containerd and CRI-O have them", () => {
    const Interfaces = { eth0: { IPConfigs: [{ IP: '10.0.0.7' }], Mac: 'x' }, lo: { IPConfigs: [] }, veth12: { IPConfigs: null } };
    expect(container({}, {}, SANDBOX, { cniResult: { Interfaces } }).podSandboxCniJson).toBe('{"eth0":{"IPConfigs":[{"IP":"10.0.0.7"}]}}');
    const result = '{"ips":[]}';
    expect(container({}, {}, SANDBOX, { runtimeSpec: { annotations: { 'io.kubernetes.cri-o.CNIResult': result } } }).podSandboxCniJson).toBe(result);
    expect(container({}, {}, SANDBOX, { runtimeSpec: { annotations: { 'io.kubernetes.cri-o.CNIResult': 'x'.repeat(5000) } } }).podSandboxCniJson).toHaveLength(4096);
  });

  it('without a sandbox is its own', () => expect(container({}, {}, {})).toMatchObject({ podSandboxId: ID, ip: '', hostNetwork: false }));

  it('that makes no sense is empty, and nothing fails', () => {
    expect(criContainer('cri', { status: 7, info: 'x' }, { info: { info: '{' } }, 20)).toMatchObject({ id: '', name: '', image: '', created: 0n, user: '0', mounts: [] });
    expect(criSandbox('cri', {}, 20)).toMatchObject({ id: '', isPodSandbox: true });
  });
});

describe('a runtime of Kubernetes', () => {
  let dir: string;
  let socket: string;
  let engine: CriEngine;
  let server: Http2Server | null = null;
  const sessions = new Set<ServerHttp2Session>();

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'cri-'));
    socket = join(dir, 'cri.sock');
    engine = new CriEngine(socket, OPTIONS);
  });
  afterEach(async () => {
    await engine.close();
    for (const session of sessions) session.destroy();
    server?.close();
    server = null;
    rmSync(dir, { recursive: true });
  });

  async function serve(version: CriVersion, calls: object): Promise<void> {
    const service = defineServices([criPackage(version)])(`runtime.${version}.RuntimeService`);
    const methods = Object.fromEntries(Object.entries(calls).map(([name, call]) => [name[0].toLowerCase() + name.slice(1), call]));
    const listening = createServer(connectNodeAdapter({ routes: (router) => void router.service(service, methods as ServiceImpl<typeof service>) }));
    listening.on('session', (session) => sessions.add(session));
    server = listening;
    await new Promise<void>((resolve) => listening.listen(socket, resolve));
  }
  const crio = {
    version: () => ({ runtimeName: 'cri-o' }),
    listContainers: ({ filter }: { filter?: { id?: string } }) => ({ containers: filter?.id === undefined || ID.startsWith(filter.id) ? [{ id: ID, podSandboxId: POD }] : [] }),
    listPodSandbox: ({ filter }: { filter?: { id?: string } }) => ({ items: filter?.id === undefined || POD.startsWith(filter.id) ? [{ id: POD }] : [] }),
    containerStatus: ({ verbose }: { verbose: boolean }) => ({ status: STATUS, info: verbose ? { info: '{"privileged":true}' } : {} }),
    podSandboxStatus: () => ({ status: SANDBOX, info: { info: '{"image":"quay.io/pause:3"}' } }),
  };

  it.each(['v1', 'v1alpha2'] as const)('is asked in the version that it speaks: %s', async (version) => {
    await serve(version, crio);
    expect(await engine.inspect(ID.slice(0, 12))).toMatchObject({ fullId: ID, type: 'cri-o', name: 'main', imageTag: '2', privileged: true, ip: '10.0.0.7', podSandboxId: POD });
    expect(await engine.inspect(POD.slice(0, 12))).toMatchObject({ fullId: POD, type: 'cri-o', isPodSandbox: true, imageRepository: 'quay.io/pause', podSandboxId: POD });
    expect(await engine.inspect('ffffffffffff')).toBe(null);
  });

  it('tells of containers and sandboxes by its events, of which the hooks choose', async () => {
    let over: () => void = () => undefined;
    const told = new Promise<void>((resolve) => {
      over = resolve;
    });
    await serve('v1', {
      ...crio,
      async *getContainerEvents() {
        yield { containerId: POD, containerEventType: 0, podSandboxStatus: SANDBOX };
        yield { containerId: ID, containerEventType: 0, podSandboxStatus: SANDBOX, containersStatuses: [{ id: 'other' }, STATUS] };
        yield { containerId: ID, containerEventType: 2, podSandboxStatus: SANDBOX, containersStatuses: [STATUS] };
        yield { containerId: 'unknown', containerEventType: 1, podSandboxStatus: SANDBOX };
        over();
      },
    });
    const infos: ContainerInfo[] = [];
    await Promise.all([told, engine.follow((info) => infos.push(info))]);
    expect(infos.map(({ fullId, isPodSandbox, podSandboxId, name }) => [fullId, isPodSandbox, podSandboxId, name])).toEqual([[POD, true, POD, ''], [ID, false, POD, 'main']]);
  });

  it('that has no events is not followed, and that is no failure', async () => {
    await serve('v1', crio);
    await engine.follow(() => undefined);
    expect(await engine.running()).toEqual([ID, POD]);
  });

  it('that is not there knows no container', async () => {
    expect([await engine.inspect(ID), await engine.running()]).toEqual([null, []]);
    await engine.follow(() => undefined);
  });

  it('that comes up later is asked then', async () => {
    expect(await engine.inspect(ID)).toBe(null);
    await serve('v1', crio);
    expect((await engine.inspect(ID))?.fullId).toBe(ID);
  });

  it('that answers with an error says which', async () => {
    await serve('v1', { ...crio, listContainers: () => Promise.reject(new ConnectError('the store is broken', Code.Internal)) });
    await expect(engine.inspect(ID)).rejects.toThrow('the store is broken');
  });

  it('that never answers is given up', async () => {
    await serve('v1', { ...crio, listContainers: () => new Promise(() => undefined) });
    await expect(engine.inspect(ID)).rejects.toThrow(/time|deadline/i);
  });
});
