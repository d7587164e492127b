// SPDX-License-Identifier: Apache-2.0
/** `user.*`, `group.*`, `container.*` and `k8s.*`: whose process it is, and where it runs. */
import { describe, expect, it } from 'vitest';
import type { Value } from '../../src/lang/value.js';
import { bareContainer, type ContainerInfo } from '../../src/state/containers.js';
import { Scene } from '../helpers/scene.js';

const ID = '0123456789ab';
const SANDBOX = `sandbox00000${'f'.repeat(52)}`;

const NGINX: ContainerInfo = {
  ...bareContainer(ID, 'containerd'),
  fullId: ID + '0'.repeat(52),
  name: 'web',
  image: 'docker.io/library/nginx:1.27',
  imageId: 'deadbeef0000',
  imageRepository: 'docker.io/library/nginx',
  imageTag: '1.27',
  imageDigest: 'sha256:00',
  privileged: true,
  mounts: [
    { source: '/var/lib/data', dest: '/data', mode: 'ro', rdwr: false, propagation: 'private' },
    { source: '/proc', dest: '/host/proc', mode: '', rdwr: true, propagation: 'rslave' },
  ],
  ip: '10.244.0.7',
  hostPid: true,
  hostNetwork: false,
  hostIpc: true,
  labels: new Map([
    ['maintainer', 'NGINX'], ['app', ''], ['io.kubernetes.pod.name', 'web-0'], ['io.kubernetes.pod.namespace', 'shop'],
    ['io.kubernetes.pod.uid', '6f0c'], ['annotation.x', 'y'],
  ]),
  user: 'nginx',
  podSandboxId: SANDBOX,
  podSandboxLabels: new Map([['app', 'web']]),
};

function contained(known = true): Scene {
  const scene = new Scene();
  scene.thread(1000).containerId = ID;
  scene.thread(1000).pidnsInitStartTs = 1_600_000_000_000_000_000n;
  if (known) {
    scene.containers.set(NGINX);
    scene.containers.set({ ...bareContainer(SANDBOX.slice(0, 12), 'containerd'), ip: '10.244.0.9', podSandboxCniJson: '{"a":1}', podSandboxLabels: new Map([['app', 'web'], ['tier', 'front']]), isPodSandbox: true });
  }
  return scene;
}

describe('a user prints', () => {
  // biome-ignore format: one line a value
  it.each([
    ['user.uid', 1000], ['user.name', 'alice'], ['user.homedir', '/home/alice'], ['user.shell', '/bin/zsh'],
    ['user.loginuid', -1], ['user.loginname', '<NA>'], ['group.gid', 1000], ['group.name', 'staff'],
  ])('%s as %o', (use, value) => expect(new Scene().prints(use)).toBe(value));

  it('<NA> when no file names it', () => {
    const scene = new Scene().with((t) => { t.uid = 4242; t.gid = 4242; t.loginuid = 4242; });
    for (const use of ['user.name', 'user.homedir', 'user.shell', 'user.loginname', 'group.name']) expect(scene.prints(use)).toBe('<NA>');
    expect(scene.prints('user.loginuid')).toBe(4242);
  });
  it('root as root even when no file names it', () => {
    const scene = contained().with((t) => { t.uid = 0; t.gid = 0; });
    expect([scene.prints('user.name'), scene.prints('user.homedir'), scene.prints('group.name')]).toEqual(['root', '/root', 'root']);
  });
  it("by the container's own names", () => {
    const scene = contained();
    expect(scene.prints('user.name')).toBe('<NA>');
    scene.users.load(ID, 'www:x:1000:1000:,,,:/srv:/bin/false', 'web:x:1000:');
    expect([scene.prints('user.name'), scene.prints('user.homedir'), scene.prints('group.name')]).toEqual(['www', '/srv', 'web']);
  });
});

// biome-ignore format: one line a value
const PRINTED: readonly (readonly [use: string, onHost: Value, inContainer: Value, unknown: Value])[] = [
  ['container.id', 'host', ID, ID],
  ['container.full_id', 'host', NGINX.fullId, null],
  ['container.name', 'host', 'web', null],
  ['container.image', '', 'docker.io/library/nginx:1.27', null],
  ['container.image.id', '', 'deadbeef0000', null],
  ['container.type', 'host', 'containerd', null],
  ['container.privileged', false, true, null],
  ['container.mounts', '', '/var/lib/data:/data:ro:false:private,/proc:/host/proc::true:rslave', null],
  ['container.mount[0]', null, '/var/lib/data:/data:ro:false:private', null],
  ['container.mount[2]', null, null, null],
  ['container.mount[^/proc$]', null, '/proc:/host/proc::true:rslave', null],
  ['container.mount.source[/host/.*]', null, '/proc', null],
  ['container.mount.dest[/proc]', null, '/host/proc', null],
  ['container.mount.mode[0]', null, 'ro', null],
  ['container.mount.rdwr[1]', null, 'true', null],
  ['container.mount.propagation[/var/lib]', null, 'private', null],
  ['container.image.repository', '', 'docker.io/library/nginx', null],
  ['container.image.tag', '', '1.27', null],
  ['container.image.digest', '', 'sha256:00', null],
  ['container.healthcheck', null, null, null],
  ['container.liveness_probe', null, null, null],
  ['container.readiness_probe', null, null, null],
  ['container.start_ts', null, 1_600_000_000_000_000_000n, 1_600_000_000_000_000_000n],
  ['container.ip', '', '10.244.0.7', null],
  ['container.cni.json', '', '', null],
  ['container.host_pid', false, true, null],
  ['container.host_network', false, false, null],
  ['container.host_ipc', false, true, null],
  ['container.label[maintainer]', null, 'NGINX', null],
  ['container.label[nobody]', null, null, null],
  ['container.labels', '', 'app, maintainer:NGINX', null],
  ['proc.is_container_healthcheck', null, null, null],
  ['proc.is_container_liveness_probe', null, null, null],
  ['proc.is_container_readiness_probe', null, null, null],
  ['k8s.pod.name', null, 'web-0', null],
  ['k8s.ns.name', null, 'shop', null],
  ['k8s.pod.id', null, '6f0c', null],
  ['k8s.pod.uid', null, '6f0c', null],
  ['k8s.pod.sandbox_id', '', 'sandbox00000', null],
  ['k8s.pod.full_sandbox_id', '', SANDBOX, null],
  ['k8s.pod.label[tier]', null, 'front', null],
  ['k8s.pod.labels', '', 'app:web, tier:front', null],
  ['k8s.pod.ip', '', '10.244.0.9', null],
  ['k8s.pod.cni.json', '', '{"a":1}', null],
  ...['rc', 'svc', 'ns', 'rs', 'deployment'].flatMap((kind): readonly (readonly [string, Value, Value, Value])[] => [
    ...(kind === 'ns' ? [] : [[`k8s.${kind}.name`, null, null, null] as const]),
    [`k8s.${kind}.id`, null, null, null], [`k8s.${kind}.label[x]`, null, null, null], [`k8s.${kind}.labels`, null, null, null],
  ]),
];

describe('a process on the host, in a container, and in one that no runtime told of yet prints', () => {
  for (const [use, onHost, inContainer, unknown] of PRINTED) {
    it(`${use}: ${String(onHost)}, ${String(inContainer)}, ${String(unknown)}`, () => {
      expect(new Scene().prints(use)).toEqual(onHost);
      expect(contained().prints(use)).toEqual(inContainer);
      expect(contained(false).prints(use)).toEqual(unknown);
    });
  }
  it('container.duration: the time since its pid namespace began', () => {
    const event = { key: 'SYSCALL_GETUID_X', options: { ts: 1_600_000_000_000_000_009n } };
    expect(contained().prints('container.duration', event)).toBe(9);
    expect(new Scene().prints('container.duration', event)).toBe(null);
  });
  it('nothing for a thread that is not known', () => {
    expect(new Scene().prints('container.id', { key: 'USER_ADDED_E', values: { uid: 1, gid: 1, name: 'x' }, options: { tid: -1 } })).toBe(null);
  });
});

describe('an event that tells of a container', () => {
  const json = JSON.stringify({ container: { id: ID, name: 'told', type: 7, image: 'busybox', labels: { a: 'b' }, Mounts: [{ Source: '/s', Destination: '/d', Mode: '', RW: true, Propagation: '' }], User: 'bob' } });
  const told = (name: string) => ({ key: 'ASYNCEVENT_E', values: { plugin_id: 0, name, data: Buffer.from(`${json}\0`) } });
  it('prints that container, and later events of its processes do, too', () => {
    const scene = contained(false);
    expect(scene.prints('container.name', told('container'))).toBe('told');
    expect(scene.prints('user.name', told('container'))).toBe('bob');
    expect(scene.prints('container.name')).toBe('told');
    expect(scene.prints('container.type')).toBe('containerd');
    expect(scene.prints('container.mounts')).toBe('/s:/d::true:');
    expect(scene.prints('container.labels')).toBe('a:b');
  });
  it('prints it also when it is gone, and later events do not', () => {
    const scene = contained(false);
    scene.first('ASYNCEVENT_E', told('container').values);
    expect(scene.prints('container.name', told('container_removed'))).toBe('told');
    expect(scene.prints('container.name')).toBe(null);
  });
  it('is ignored when it is no JSON, or has no id', () => {
    const scene = contained(false);
    for (const data of ['{', '[]', '{"container":{}}', '{"container":{"id":7}}', 'null']) {
      scene.first('ASYNCEVENT_E', { plugin_id: 0, name: 'container', data: Buffer.from(data) });
    }
    expect(scene.containers.size).toBe(0);
  });
});

describe('mount patterns', () => {
  it('that are no regular expression are refused', () => {
    expect(new Scene().refuses('container.mount[(]')).toMatch(/no regular expression/);
  });
});
