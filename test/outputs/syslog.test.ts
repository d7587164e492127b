// SPDX-License-Identifier: Apache-2.0
/** The local syslog daemon, which goes away and comes back. */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { SyslogOutput } from '../../src/outputs/syslog.js';
import { loadNative } from '../../src/sources/native-binding.js';
import { message, testBench } from './channels.js';

const { channelOf, until } = testBench();

/** A syslog daemon's socket needs a language with datagrams on it; Node has none. */
const DAEMON = `
import os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind('/dev/log')
print('ready', flush=True)
while True:
    print(s.recv(65536).decode(), flush=True)
`;
const canListen = () => process.getuid?.() === 0 && !existsSync('/dev/log') && spawnSync('python3', ['-c', '']).status === 0 && canLoad();
const canLoad = () => {
  try {
    loadNative();
    return true;
  } catch {
    return false;
  }
};

describe.skipIf(!canListen())('syslog', () => {
  it('each alert arrives with its severity; a daemon that went away and came back gets those that follow', async () => {
    const daemon = () => {
      const child = spawn('python3', ['-c', DAEMON], { stdio: ['ignore', 'pipe', 'inherit'] });
      const got: string[] = [];
      let text = '';
      child.stdout.on('data', (data: Buffer) => {
        text += data.toString();
        got.splice(0, got.length, ...text.split('\n').slice(0, -1));
      });
      const stop = () =>
        new Promise<void>((resolve) => {
          child.once('exit', () => {
            rmSync('/dev/log', { force: true });
            resolve();
          });
          child.kill();
        });
      return { got, stop };
    };
    const first = daemon();
    await until(() => first.got[0] === 'ready');
    const channel = await channelOf(new SyslogOutput(() => loadNative().syslog));
    channel.push(message(1));
    channel.push({ ...message(2), priority: 'Emergency' });
    await until(() => first.got.length === 3);
    await first.stop();
    channel.push(message(3));
    await until(() => channel.stats().waiting === 0);
    const second = daemon();
    await until(() => second.got[0] === 'ready');
    channel.push(message(4));
    await until(() => second.got.length === 2);
    await second.stop();
    // <facility * 8 + severity>: LOG_USER is 1.
    expect(first.got.slice(1)).toEqual([expect.stringMatching(/^<12>.*falco-ts.*: alert 1$/), expect.stringMatching(/^<8>.*falco-ts.*: alert 2$/)]);
    expect(second.got[1]).toMatch(/^<12>.*: alert 4$/);
  });
});
