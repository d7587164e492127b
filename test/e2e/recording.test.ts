// SPDX-License-Identifier: Apache-2.0
/** Where the kernel lets no eBPF in, `npm start` shows the bundled recording, and says so. */
import { spawn } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { PROJECT } from './live-monitor.js';
import { Watched } from './watch.js';

const RECORDING = join(PROJECT, 'rules/demo/recording.scap.gz');
const START = (JSON.parse(readFileSync(join(PROJECT, 'package.json'), 'utf8')) as { scripts: { start: string } }).scripts.start;

/** `npm start` without its set-up, as a user who may not load BPF programs. */
function startWithoutRights(): Watched {
  const uid = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};
  const [command, ...args] = START.split(' ');
  const more = ['-o', 'webserver.enabled=false', '-o', 'plugins[0].open_params=http://127.0.0.1:19767/k8s-audit'];
  return new Watched(
    spawn(command === 'node' ? process.execPath : command, [...args, ...more], { cwd: PROJECT, ...uid, detached: true, stdio: ['ignore', 'pipe', 'pipe'] }),
  );
}

describe('the bundled recording', () => {
  it('is replayed where eBPF is refused: why, what to do, that it is a replay, and then detections', async () => {
    const monitor = startWithoutRights();
    await monitor.until(/Service account token read by a tool/, 25_000);
    // The audit source goes on.
    const code = await monitor.interrupt();
    const said = monitor.text;
    expect(said).toMatch(/not allowed to load the BPF probe/);
    expect(said).toMatch(/run as root/);
    expect(said).toMatch(/REPLAY of a recording .*not what happens on this machine/);
    expect(said.indexOf('REPLAY')).toBeLessThan(said.indexOf('Password hashes or sudo rules read |'));
    for (const output of ['File in a binary directory opened for writing', 'Program run from memory', 'Interactive shell in a container', 'Namespace entered from a container']) {
      expect(said).toContain(output);
    }
    expect(said).toMatch(/Events detected: (1[5-9]|[2-9]\d)\n/);
    expect(code).toBe(0);
  });

  it('is small and holds nothing of the machine that it was made on', () => {
    expect(statSync(RECORDING).size).toBeLessThan(200_000);
    const texts = gunzipSync(readFileSync(RECORDING)).toString('latin1').match(/[\x20-\x7e]{4,}/g) ?? [];
    const places = new Set(texts.flatMap((text) => /^(\/[a-z]+)\//.exec(text)?.[1] ?? []));
    expect([...places].filter((place) => !['/bin', '/dev', '/docker', '/etc', '/lib', '/proc', '/root', '/tmp', '/usr', '/var', '/sys'].includes(place))).toEqual([]);
    const variables = new Set(texts.flatMap((text) => /^([A-Z_]+)=/.exec(text)?.[1] ?? []));
    expect([...variables].sort()).toEqual(['HOME', 'PATH', 'PWD', 'SHLVL', '_']);
    if (hostname().length > 4) expect(texts.filter((text) => text.includes(hostname()))).toEqual([]);
  });
});
