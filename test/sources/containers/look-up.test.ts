// SPDX-License-Identifier: Apache-2.0
/** Runtimes that are slow, absent, broken or lie, as servers on real sockets; and containers that come and go. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DockerEngine } from '../../../src/sources/containers/docker.js';
import type { ContainerEngine } from '../../../src/sources/containers/engine.js';
import { splitImageName } from '../../../src/sources/containers/image-name.js';
import { ContainerLookUp } from '../../../src/sources/containers/look-up.js';
import { PodmanEngine } from '../../../src/sources/containers/podman.js';
import { ContainerTable } from '../../../src/state/containers.js';

const ID = 'ab12'.repeat(16);
const SHORT = ID.slice(0, 12);
const OPTIONS = { labelMaxLen: 100, hooks: ['create', 'start'] as const };
const INSPECT = { Id: ID, Name: '/web', Image: 'sha256:1', Config: { Image: 'team/web:1' }, HostConfig: {}, NetworkSettings: { IPAddress: '' } };

let dir: string;
let table: ContainerTable;
let inUse: Set<string>;
let bundle: string | null;
let ofUser: boolean | null;
let warnings: string[];
let infos: string[];
let lookUp: ContainerLookUp;
const servers: Server[] = [];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'look-up-'));
  table = new ContainerTable();
  inUse = new Set();
  bundle = null;
  ofUser = null;
  warnings = [];
  infos = [];
});
afterEach(async () => {
  await lookUp?.stop();
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
  rmSync(dir, { recursive: true });
});

const socket = (name: string) => join(dir, name);
async function serve(name: string, answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(socket(name), resolve));
  return socket(name);
}
const silent: RequestListener = () => undefined;
/** Answers by path; `null` as 404. The stream of events stays open and says nothing. */
const answers = (of: (path: string) => unknown): RequestListener => (request, response) => {
  const path = request.url ?? '';
  if (path.includes('/events')) {
    response.writeHead(200).flushHeaders();
    return;
  }
  const value = of(path);
  response.writeHead(value === null ? 404 : 200).end(JSON.stringify(value));
};
const docker = (path: string) => new DockerEngine(path, OPTIONS);
async function begin(...engines: ContainerEngine[]): Promise<void> {
  lookUp = new ContainerLookUp({ engines, table, inUse: () => inUse, isOfUser: () => ofUser, bundleOf: () => bundle, follow: true, info: (text) => infos.push(text), warn: (text) => warnings.push(text) });
  await lookUp.start();
}
async function until(what: () => boolean, ms = 8_000): Promise<void> {
  for (const end = Date.now() + ms; !what(); ) {
    if (Date.now() > end) throw new Error(`not within ${ms} ms; ${JSON.stringify(lookUp.stats())} ${warnings.join('; ')}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

describe('metadata of a container', () => {
  it('are there when the start is over, for one that runs', async () => {
    await begin(docker(await serve('d', answers((path) => (path === '/containers/json' ? [{ Id: ID }] : path.startsWith('/images') ? null : INSPECT)))));
    expect(table.get(SHORT)?.name).toBe('web');
    expect(lookUp.stats()).toMatchObject({ found: 1, late: 0, failed: 0 });
  });
  it('are asked for once a process in it is seen, which counts as late', async () => {
    let asked = 0;
    await begin(docker(await serve('d', answers((path) => {
      if (path === '/containers/json') return [];
      if (path.startsWith('/containers')) asked++;
      return path.startsWith('/images') ? { RepoTags: ['team/web:1'] } : INSPECT;
    }))));
    for (let i = 0; i < 100; i++) table.seen(SHORT, 1);
    expect(table.get(SHORT)).toBe(null);
    await until(() => table.get(SHORT) !== null);
    table.seen(SHORT, 1);
    expect(table.get(SHORT)).toMatchObject({ fullId: ID, imageRepository: 'team/web', imageTag: '1' });
    expect([asked, lookUp.stats().late]).toEqual([1, 1]);
  });
  it('come from what the event of its making says when the runtime does not answer', async () => {
    const actor = { ID, Attributes: { image: 'reg:5000/team/web:2', name: 'web', tier: 'front', long: 'x'.repeat(101) } };
    await begin(docker(await serve('d', (request, response) => {
      if (request.url?.includes('/events')) response.write(`no json\n{"Action":"create","Actor":${JSON.stringify(actor)}}\n`);
      else if (request.url === '/containers/json') response.end('[]');
    })));
    await until(() => table.get(SHORT) !== null, 1_000);
    expect(table.get(SHORT)).toMatchObject({ type: 'docker', name: 'web', imageRepository: 'reg:5000/team/web', imageTag: '2' });
    expect([...(table.get(SHORT)?.labels ?? [])]).toEqual([['tier', 'front']]);
  });
  it('are completed by its specification when its first process begins and the runtime does not answer yet', async () => {
    const actor = { ID, Attributes: { image: 'team/web:2', name: 'web' } };
    await begin(docker(await serve('d', (request, response) => {
      if (request.url?.includes('/events')) response.write(`{"Action":"create","Actor":${JSON.stringify(actor)}}\n`);
      else if (request.url === '/containers/json') response.end('[]');
    })));
    await until(() => table.get(SHORT) !== null, 1_000);
    table.seen(SHORT, 1);
    expect(table.get(SHORT)).toMatchObject({ name: 'web', privileged: false, mounts: [] });
    bundle = dir;
    const mount = (source: string, destination: string) => ({ destination, type: 'bind', source, options: ['rbind', 'ro', 'rprivate'] });
    writeFileSync(join(dir, 'config.json'), JSON.stringify({
      process: { user: { uid: 0 } }, linux: { namespaces: [{ type: 'pid' }, { type: 'ipc' }] }, mounts: [{ destination: '/proc', source: 'proc' }, mount(`/run/${ID}/hosts`, '/etc/hosts'), mount('/srv', '/data')],
    }));
    table.seen(SHORT, 1);
    expect(table.get(SHORT)).toMatchObject({
      name: 'web', privileged: true, hostNetwork: true, hostPid: false, mounts: [{ source: '/srv', dest: '/data', mode: '', rdwr: false, propagation: 'rprivate' }],
    });
    expect(lookUp.stats().late).toBe(0);
  });
  it('are completed by its specification also where its first process begins before the runtime has told of it', async () => {
    let tell = (): void => undefined;
    await begin(docker(await serve('d', (request, response) => {
      if (request.url?.includes('/events')) tell = () => void response.write(`{"Action":"create","Actor":${JSON.stringify({ ID, Attributes: { image: 'team/web:2', name: 'web' } })}}\n`);
      else if (request.url === '/containers/json') response.end('[]');
    })));
    bundle = dir;
    writeFileSync(join(dir, 'config.json'), JSON.stringify({
      process: { user: { uid: 0 } }, linux: { namespaces: [] }, mounts: [{ destination: '/data', type: 'bind', source: '/srv', options: ['rbind', 'ro'] }],
    }));
    table.seen(SHORT, 1);
    expect(table.get(SHORT)).toBe(null);
    await until(() => {
      tell();
      return table.get(SHORT) !== null;
    });
    expect(table.get(SHORT)).toMatchObject({ name: 'web', hostPid: true, mounts: [{ source: '/srv', dest: '/data', rdwr: false }] });
  });
  it('that come only after its process, for want of a specification that can be read, count as late, once', async () => {
    const actor = { ID, Attributes: { image: 'team/web:2', name: 'web' } };
    const waiting: (() => void)[] = [];
    await begin(docker(await serve('d', (request, response) => {
      if (request.url?.includes('/events')) response.write(`{"Action":"create","Actor":${JSON.stringify(actor)}}\n`);
      else if (request.url === '/containers/json') response.end('[]');
      else if (request.url?.startsWith('/images')) response.writeHead(404).end();
      else waiting.push(() => response.end(JSON.stringify({ ...INSPECT, HostConfig: { Privileged: true } })));
    })));
    await until(() => table.get(SHORT) !== null && waiting.length === 1);
    bundle = dir;
    for (let i = 0; i < 20; i++) table.seen(SHORT, 1);
    expect([table.get(SHORT)?.privileged, lookUp.stats().late]).toEqual([false, 0]);
    waiting[0]();
    await until(() => table.get(SHORT)?.privileged === true);
    expect(lookUp.stats()).toMatchObject({ found: 1, late: 1 });
  });
  it('are not those of another one that has the id as its name', async () => {
    await begin(docker(await serve('d', answers((path) => (path === '/containers/json' ? [] : path.startsWith('/images') ? null : INSPECT)))));
    table.seen('web', 1);
    await until(() => lookUp.stats().unknown === 1);
    expect(table.size).toBe(0);
  });
  it('are taken from the runtime that answers while another one hangs', async () => {
    await begin(new PodmanEngine(await serve('p', silent), OPTIONS), docker(await serve('d', answers((path) => (path.startsWith('/images') ? null : path === '/containers/json' ? [] : INSPECT)))));
    const asked = performance.now();
    table.seen(SHORT, 1);
    await until(() => table.get(SHORT) !== null);
    expect(performance.now() - asked).toBeLessThan(1_000);
  });
});

describe('a runtime', () => {
  it('that is not there is named once and is no failure', async () => {
    await begin(docker(socket('none')), new PodmanEngine(socket('nor-this'), OPTIONS));
    expect(infos).toEqual([`Container runtimes that are not there (yet): docker (${socket('none')}), podman (${socket('nor-this')})`]);
    table.seen(SHORT, 1);
    await until(() => lookUp.stats().unknown === 1);
    expect([lookUp.stats().failed, warnings]).toEqual([0, []]);
  });
  it('that comes up later is asked then', async () => {
    await begin(docker(socket('d')));
    await serve('d', answers((path) => (path.startsWith('/images') ? null : path === '/containers/json' ? [] : INSPECT)));
    table.seen(SHORT, 1);
    await until(() => table.get(SHORT) !== null);
  });
  it('that never answers holds nothing up for long, and is counted and named once', async () => {
    const began = performance.now();
    await begin(docker(await serve('d', silent)));
    expect(performance.now() - began).toBeLessThan(3_000);
    table.seen(SHORT, 1);
    await until(() => lookUp.stats().failed > 1);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain('docker');
  });
  it.each([
    ['answers nonsense', 'no json'],
    ['answers with more than a container can have', `"${'x'.repeat(5 << 20)}"`],
  ])('that %s is counted as failed, and the container stays unknown', async (_, answer) => {
    await begin(docker(await serve('d', (request, response) => {
      if (request.url === '/containers/json') response.end('[]');
      else if (!request.url?.includes('/events')) response.end(answer);
    })));
    table.seen(SHORT, 1);
    await until(() => lookUp.stats().unknown === 1, 15_000);
    expect(lookUp.stats().failed).toBeGreaterThan(0);
    expect(table.size).toBe(0);
  });
  it('is not asked about more containers at a time than a bound', async () => {
    await begin(docker(await serve('d', silent)));
    for (let i = 0; i < 5_000; i++) table.seen(i.toString(16).padStart(12, '0'), 1);
    expect(lookUp.stats().refused).toBe(5_000 - 4_096);
  });
});

describe('a container without processes', () => {
  it('is forgotten after a minute, one that was never started after an hour', async () => {
    const web = { ...INSPECT, Id: ID };
    await begin(docker(await serve('d', answers((path) => (path === '/containers/json' ? [{ Id: ID }] : path.startsWith('/images') ? null : web)))));
    const now = performance.now();
    lookUp.sweep(now);
    lookUp.sweep(now + 3_500_000);
    expect(table.get(SHORT)).not.toBe(null);
    inUse.add(SHORT);
    lookUp.sweep(now + 3_700_000);
    inUse.delete(SHORT);
    lookUp.sweep(now + 3_710_000);
    lookUp.sweep(now + 3_760_000);
    expect(table.get(SHORT)).not.toBe(null);
    lookUp.sweep(now + 3_771_000);
    expect(table.get(SHORT)).toBe(null);
  });
});

describe('many short-lived containers', () => {
  it('are each known once, and all forgotten a minute after their only process', async () => {
    const idOf = (path: string) => /containers\/(\w+)\/json/.exec(path)?.[1] ?? '';
    await begin(docker(await serve('d', answers((path) => (path === '/containers/json' ? [] : path.startsWith('/images') ? null : { ...INSPECT, Id: idOf(path).padEnd(64, '0'), Name: idOf(path) })))));
    const ids = Array.from({ length: 2_000 }, (_, i) => i.toString(16).padStart(12, '0'));
    for (const id of ids) {
      table.seen(id, 1);
      table.seen(id, 1);
    }
    await until(() => table.size === ids.length, 20_000);
    expect(ids.filter((id) => table.get(id)?.name !== id)).toEqual([]);
    expect(lookUp.stats()).toMatchObject({ found: ids.length, late: ids.length, unknown: 0, failed: 0, refused: 0 });
    const now = performance.now();
    lookUp.sweep(now);
    lookUp.sweep(now + 61_000);
    expect(table.size).toBe(0);
  });
});

describe("an image's name", () => {
  it.each([
    ['registry.example.com:5000/foo/bar:latest@sha256:0', 'registry.example.com:5000/foo/bar', 'latest'],
    ['registry.example.com:5000/foo/bar@sha256:0', 'registry.example.com:5000/foo/bar', ''],
    ['registry.example.com:5000/foo/bar', 'registry.example.com:5000/foo/bar', ''],
    ['foo:1', 'foo', '1'],
    ['', '', ''],
  ])('%s has repository %s and tag %s', (name, repository, tag) => {
    expect(splitImageName(name)).toEqual({ repository, tag });
  });
});

describe('the Podman of a user, who may have it say anything', () => {
  const MINE = { Id: ID, Name: 'trusted', Image: '1', ImageName: 'registry.example/trusted:1', Config: {}, HostConfig: {} };
  const theirs = async () => new PodmanEngine(await serve('user', answers((path) => (path.endsWith('/containers/json') ? [{ Id: ID }] : MINE))), OPTIONS, 1000);

  it('is not believed about a container of the machine, however fast it answers', async () => {
    const slow: RequestListener = (request, response) => void setTimeout(() => answers((path) => (path === '/containers/json' ? [{ Id: ID }] : path.startsWith('/images') ? null : INSPECT))(request, response), 200);
    await begin(await theirs(), docker(await serve('d', slow)));
    expect(table.get(SHORT)?.name).toBe('web');
  });

  it('is not believed about a container that another user made', async () => {
    ofUser = false;
    await begin(await theirs());
    table.seen(SHORT, 1);
    await until(() => lookUp.stats().unknown > 0);
    expect(table.get(SHORT)).toBe(null);
  });

  it('is believed about its own, also before there is a process in it', async () => {
    await begin(await theirs());
    expect(table.get(SHORT)?.name).toBe('trusted');
    ofUser = true;
    table.seen(SHORT, 1);
    expect(table.get(SHORT)?.name).toBe('trusted');
  });

  it('is believed no more when the first process in the container is somebody else\'s', async () => {
    await begin(await theirs());
    expect(table.get(SHORT)?.name).toBe('trusted');
    ofUser = false;
    table.seen(SHORT, 1);
    expect(table.get(SHORT)).toBe(null);
  });

  it('cannot push out what is known by telling of containers that do not exist', async () => {
    table = new ContainerTable(1000);
    const flood: RequestListener = (request, response) => {
      if (!request.url?.includes('/events')) return void response.end('[]');
      for (let i = 0; i < 5000; i++) {
        const id = i.toString(16).padStart(12, '0').padEnd(64, 'f');
        response.write(`${JSON.stringify({ Action: 'create', Actor: { ID: id, Attributes: { image: 'x:1', name: `fake${i}` } } })}\n`);
      }
    };
    await begin(new PodmanEngine(await serve('user', flood), OPTIONS, 1000), docker(await serve('d', answers((path) => (path === '/containers/json' ? [{ Id: ID }] : path.startsWith('/images') ? null : INSPECT)))));
    await until(() => table.size > 1);
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(table.get(SHORT)?.name).toBe('web');
    expect(table.size).toBeLessThan(300);
    expect(table.evictions).toBe(0);
  });

  it('gives way to what the machine\'s runtime tells of it', async () => {
    let stream: ServerResponse | null = null;
    await begin(await theirs(), docker(await serve('d', (request, response) => {
      if (request.url?.includes('/events')) {
        stream = response;
        response.writeHead(200).flushHeaders();
      } else response.writeHead(request.url === '/containers/json' ? 200 : 404).end('[]');
    })));
    await until(() => stream !== null && table.get(SHORT)?.name === 'trusted');
    stream!.write(`${JSON.stringify({ Action: 'create', Actor: { ID, Attributes: { image: 'team/web:2', name: 'web' } } })}\n`);
    await until(() => table.get(SHORT)?.name === 'web');
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(table.get(SHORT)?.name).toBe('web');
  });
});
