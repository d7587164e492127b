// SPDX-License-Identifier: Apache-2.0
/** Capture files written beside a live machine: nobody waits, nothing is lost in silence. */
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { EventHistory } from '../../src/sources/event-history.js';
import { ScapFile } from '../../src/sources/scap-file.js';
import { bareContainer, type ContainerInfo, ContainerTable } from '../../src/state/containers.js';
import { State } from '../../src/state/state.js';
import { replay, replayInto } from '../conformance/corpus.js';
import { buildEvent, viewOf } from '../helpers/event-builder.js';
import { machine } from '../helpers/processes.js';

const directory = mkdtempSync(join(tmpdir(), 'falco-ts-scap-file-'));
afterAll(() => rmSync(directory, { recursive: true }));

const state = machine();
const chdir = (ts: number, path = '/tmp') => viewOf(buildEvent('SYSCALL_CHDIR_X', { res: 0, path }, { ts: BigInt(ts) }));

async function times(path: string): Promise<number[]> {
  const seen: number[] = [];
  await replay(path, (view) => void seen.push(Number(view.timestamp())));
  return seen;
}

describe('a capture file written in the background', () => {
  it('holds the history, then every event, in order', async () => {
    const history = new EventHistory(1 << 16);
    for (let i = 1; i <= 500; i++) history.push(chdir(i));
    const path = join(directory, 'whole.scap');
    const file = new ScapFile(path, { background: true });
    file.begin(state);
    file.history(history, 401n);
    for (let i = 501; i <= 30_000; i++) file.event(chdir(i));
    await file.close();
    expect(await times(path)).toEqual(Array.from({ length: 29_600 }, (_, i) => i + 401));
    expect(file).toMatchObject({ events: 29_600, dropped: 0, error: null, bytes: statSync(path).size });
  });

  it('is readable up to the last piece while it is being written', async () => {
    const path = join(directory, 'open.scap');
    const file = new ScapFile(path, { background: true });
    file.begin(state);
    for (let i = 1; i <= 100; i++) file.event(chdir(i));
    file.flush();
    while (file.events < 100) await new Promise((resolve) => setTimeout(resolve, 5));
    file.event(chdir(101));
    expect((await times(path)).length).toBe(100);
    await file.close();
    expect((await times(path)).length).toBe(101);
  });

  it('drops and counts events when the disk does not keep up, in bounded memory', async () => {
    const path = join(directory, 'slow.scap');
    const file = new ScapFile(path, { background: true });
    file.begin(state);
    const view = chdir(1, 'x'.repeat(4000));
    // 160 MB within one turn of the event loop: nothing can be written meanwhile.
    const before = process.memoryUsage().arrayBuffers;
    for (let i = 0; i < 40_000; i++) file.event(view);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 << 20);
    expect(file.dropped).toBeGreaterThan(20_000);
    await file.close();
    expect(file.events + file.dropped).toBe(40_000);
    expect((await times(path)).length).toBe(file.events);
  });
});

describe('the containers of processes in a capture', () => {
  it('are known again, with all that is known of them, before the first event', async () => {
    const info: ContainerInfo = {
      ...bareContainer('abababababab', 'docker'),
      fullId: 'ab'.repeat(32), name: 'web', image: 'registry/web:1', imageId: 'i', imageRepository: 'registry/web', imageTag: '1', imageDigest: 'sha256:d', privileged: true,
      mounts: [{ source: '/a', dest: '/b', mode: 'rw', rdwr: true, propagation: 'rslave' }], ip: '10.0.0.7', hostPid: true, labels: new Map([['app', 'wäb']]),
      created: 1_700_000_000_000_000_000n, user: 'nobody', podSandboxId: 'p', podSandboxCniJson: '{}', podSandboxLabels: new Map([['io.kubernetes.pod.name', 'web-1']]),
    };
    const containers = new ContainerTable();
    containers.set(info);
    containers.set(bareContainer('cdcdcdcdcdcd', 'docker'));
    const inside = machine({ containers });
    inside.setCgroups(inside.threads.get(1000)!, `cpu=/docker/${'ab'.repeat(32)}`);
    const path = join(directory, 'containers.scap');
    const file = new ScapFile(path);
    file.begin(inside, undefined, 41n);
    file.event(chdir(42));
    await file.close();
    expect(file.events).toBe(1);
    const again = new State({ containers: new ContainerTable() });
    const seen: (readonly [bigint, ContainerInfo | null])[] = [];
    await replayInto(again, path, (view) => void seen.push([view.timestamp(), again.containers!.get('abababababab')]));
    expect(seen).toEqual([[41n, info], [42n, info]]);
    // No process is in the other one.
    expect(again.containers!.size).toBe(1);
  });
});

describe.each([true, false])('a disk that is full (in the background: %s)', (background) => {
  it('ends the file, and every event is counted', async () => {
    const file = new ScapFile('/dev/full', { background });
    file.begin(state);
    for (let i = 1; i <= 50_000; i++) file.event(chdir(i));
    await file.close();
    expect((file.error as NodeJS.ErrnoException | null)?.code).toBe('ENOSPC');
    expect(file).toMatchObject({ events: 0, dropped: 50_000, bytes: 0 });
  });
});

describe('a copied event', () => {
  it.each([0, 1, 2, 3, 997, 5000])('is the same byte for byte with a path of %i bytes', async (length) => {
    const path = join(directory, `bytes-${length}.scap`);
    const file = new ScapFile(path, { compress: false });
    file.begin(state);
    const view = chdir(1, 'y'.repeat(length));
    file.event(view);
    await file.close();
    expect(readFileSync(path).includes(Buffer.from(view.block()))).toBe(true);
    const blocks: Buffer[] = [];
    await replay(path, (one) => void blocks.push(Buffer.from(one.block())));
    expect(blocks).toEqual([Buffer.from(view.block())]);
  });
});
