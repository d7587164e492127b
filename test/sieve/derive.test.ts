// SPDX-License-Identifier: Apache-2.0
/** What is held back is derived from the rules: no event that a condition matches may be among it. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createDetection } from '../../src/app/detection.js';
import { loadRuleset } from '../../src/ruleset/load.js';
import { SYSCALLS } from '../../src/events/syscalls.js';
import type { Test } from '../../src/sieve/path-tests.js';
import { Held, PathTest, type Sieve } from '../../src/sources/native-contract.js';
import { byteEscape, byteLength, decodeBytes } from '../../src/util/byte-text.js';
import { buildEvent, viewOf } from '../helpers/event-builder.js';
import { Scene } from '../helpers/scene.js';
import { isPlainPath, mayMatter } from './held-back.js';

const scene = new Scene();

function detectionOf(condition: string, onMatch: () => void, output = '%fd.name') {
  // Bytes that are no UTF-8 stand in the file as they are.
  const quoted = JSON.stringify(condition).replace(/\\ud([c-f][0-9a-f]{2})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(`d${digits}`, 16)));
  const text = `- rule: r\n  desc: d\n  condition: ${quoted}\n  output: ${JSON.stringify(output)}\n  priority: INFO\n`;
  const { value, files } = loadRuleset([{ name: 'r.yaml', text }], {
    catalogues: [scene.catalogue], selection: [], minPriority: 'Debug', appendOutput: [], bufferFormatBase64: false,
  });
  if (value === null) throw new Error(`${condition}: ${JSON.stringify(files[0].diagnostics)}`);
  return createDetection(value, [scene.catalogue], 'first', onMatch, true);
}
const sieveOf = (condition: string, output?: string): Sieve | null => detectionOf(condition, () => undefined, output).sieve;
const callOf = (sieve: Sieve | null, number: number) => sieve?.calls.find((call) => call.number === number);

interface Open {
  readonly path: string;
  readonly ret: number;
  /** As the kernel has them. */
  readonly flags: number;
}

const O_DIRECTORY = 0o200000;
const O_CREAT = 0o100;
const O_TRUNC = 0o1000;

/** What `native/bpf/sieve.h` decides. */
function passes(sieve: Sieve, { path, ret, flags }: Open): boolean {
  const openClass = (flags & 3) | ((flags & O_CREAT) !== 0 ? 4 : 0) | (ret < 0 ? 8 : 0);
  if ((sieve.anyPath >> openClass) & 1) return true;
  if (ret >= 64 || (ret >= 0 && (flags & O_DIRECTORY) !== 0)) return true;
  if (!isPlainPath(path) || byteLength(path) >= 95) return true;
  if (((sieve.somePaths >> openClass) & 1) === 0) return false;
  const tests = new Map<string, Test>();
  sieve.paths.forEach(({ test, text, classes }, i) => {
    if ((classes >> openClass) & 1) tests.set(`${i}`, { test, text: decodeBytes(text) });
  });
  return mayMatter(tests, path);
}

const wireFlags = (flags: number): number =>
  [1, 2, 3, 1][flags & 3] | ((flags & O_CREAT) !== 0 ? 4 : 0) | ((flags & O_TRUNC) !== 0 ? 64 : 0) | ((flags & O_DIRECTORY) !== 0 ? 512 : 0);

const WORDS = ['etc', 'shadow', 'a', '.ssh', 'id_rsa', 'passwd', 'x.log', 'ä', byteEscape(0xe4), byteEscape(0xc3), `${byteEscape(0xa4)}.log`, '..', '.', '', 'a.', 'shadow-'];
const word = fc.constantFrom(...WORDS);
const path = fc.array(word, { minLength: 1, maxLength: 4 }).chain((parts) => fc.constantFrom(`/${parts.join('/')}`, parts.join('/')));
const open: fc.Arbitrary<Open> = fc.record({
  path,
  ret: fc.constantFrom(0, 3, 63, 64, -1, -2, -13),
  flags: fc.tuple(fc.constantFrom(0, 1, 2, 3), fc.constantFrom(0, O_CREAT, O_CREAT | O_TRUNC, O_DIRECTORY)).map(([a, b]) => a | b),
});

const piece = fc.oneof(path, word.filter((w) => w !== ''), fc.tuple(path, word).map(([a, b]) => `${a}${b}`));
const pattern = fc.array(fc.oneof(piece, fc.constantFrom('*', '?', '[a-z]', '\\\\*')), { minLength: 1, maxLength: 4 }).map((parts) => parts.join(''));
const quoted = (text: string) => `'${text}'`;
const PATHS = ['fd.name', 'fd.nameraw', 'fd.directory', 'fd.filename', 'fs.path.name', 'fs.path.nameraw'];
const atom = fc.oneof(
  fc.tuple(fc.constantFrom(...PATHS), fc.constantFrom('=', '!=', 'startswith', 'endswith', 'contains', 'icontains'), piece).map(([f, o, v]) => `${f} ${o} ${quoted(v)}`),
  fc.tuple(fc.constantFrom(...PATHS), fc.constantFrom('glob', 'iglob'), pattern).map(([f, o, v]) => `${f} ${o} ${quoted(v)}`),
  fc.tuple(fc.constantFrom(...PATHS), fc.constantFrom('in', 'pmatch', 'intersects'), fc.array(piece, { minLength: 1, maxLength: 3 })).map(([f, o, v]) => `${f} ${o} (${v.map(quoted).join(', ')})`),
  fc.tuple(fc.constantFrom(...PATHS), fc.constantFrom('startswith', 'endswith'), fc.constantFrom('anyof', 'allof', 'oneof'), fc.array(piece, { minLength: 1, maxLength: 3 }))
    .map(([f, o, m, v]) => `${f} ${o} ${m} (${v.map(quoted).join(', ')})`),
  fc.tuple(fc.constantFrom('evt.rawres', 'fd.num'), fc.constantFrom('=', '!=', '<', '<=', '>', '>='), fc.constantFrom(-2, -1, 0, 3, 64)).map((p) => p.join(' ')),
  fc.tuple(fc.constantFrom('evt.is_open_read', 'evt.is_open_write', 'evt.is_open_create', 'evt.is_open_exec', 'evt.failed'), fc.constantFrom('=', '!='), fc.boolean()).map((p) => p.join(' ')),
  fc.tuple(fc.constantFrom('fd.typechar', 'fd.type', 'evt.res'), fc.constantFrom('=', '!=', 'startswith'), fc.constantFrom('f', 'o', 'd', 'file', 'directory', 'SUCCESS', 'ENOENT', 'E')).map((p) => p.join(' ')),
  fc.constantFrom('fd.name exists', 'fd.directory exists', 'proc.name = cat', 'proc.name = other', 'evt.type = open', 'evt.type != open', 'tolower(fd.name) = /etc/shadow', 'evt.num = 0'),
);
const { condition } = fc.letrec<{ condition: string }>((tie) => ({
  condition: fc.oneof({ maxDepth: 3 }, atom,
    fc.array(tie('condition'), { minLength: 2, maxLength: 3 }).map((parts) => `(${parts.join(' and ')})`),
    fc.array(tie('condition'), { minLength: 2, maxLength: 3 }).map((parts) => `(${parts.join(' or ')})`),
    tie('condition').map((part) => `not (${part})`)),
}));

describe('what is held back of opens', () => {
  it('is never one that the condition matches, whatever the condition, path, flags and result', () => {
    let matches = 0;
    let held = 0;
    fc.assert(
      fc.property(condition, fc.array(open, { minLength: 10, maxLength: 30 }), (text, opens) => {
        let matched = false;
        const detection = detectionOf(`evt.type in (open, openat) and ${text}`, () => {
          matched = true;
        });
        const { sieve, engine } = detection;
        if (sieve === null) return;
        const index = engine.sourceIndex('syscall');
        for (const one of opens) {
          for (const type of ['SYSCALL_OPENAT_2_X', 'SYSCALL_OPEN_X']) {
            const view = viewOf(buildEvent(type, {
              fd: one.ret, ...(type === 'SYSCALL_OPEN_X' ? {} : { dirfd: -100 }), name: one.path, flags: wireFlags(one.flags),
              mode: (one.flags & O_CREAT) !== 0 ? 0o755 : 0, dev: 1, ino: 2,
            }));
            view.num = 1;
            matched = false;
            scene.state.apply(view);
            engine.process(index, view);
            scene.state.after(view);
            const through = passes(sieve, one);
            if (matched) matches++;
            if (!through) held++;
            if (matched && !through) throw new Error(`${type} ${JSON.stringify(one)} is held back: ${JSON.stringify(sieve.paths)}`);
          }
        }
      }),
      { numRuns: 600 },
    );
    expect(matches).toBeGreaterThan(1000);
    expect(held).toBeGreaterThan(1000);
  }, 60_000);

  it.each([
    ['fd.name = /etc/shadow', [{ test: PathTest.Whole, text: '/etc/shadow' }]],
    ['fd.name startswith /etc/ and fd.name in (/etc/shadow, /etc/sudoers)', [{ test: PathTest.Whole, text: '/etc/shadow' }, { test: PathTest.Whole, text: '/etc/sudoers' }]],
    ['fd.directory = /var/log or fd.filename = syslog', [{ test: PathTest.Directory, text: '/var/log' }, { test: PathTest.Name, text: 'syslog' }]],
    ['fd.name endswith /docker.sock', [{ test: PathTest.Name, text: 'docker.sock' }]],
    ['fd.name endswith release_agent', [{ test: PathTest.Tail, text: 'release_agent' }]],
    ["fd.name glob '/proc/*/environ'", [{ test: PathTest.Name, text: 'environ' }]],
    ["fd.name glob '/dev/sd*'", [{ test: PathTest.Prefix, text: '/dev/sd' }]],
    ['fd.name contains /.ssh/', []],
    ['fd.name = "/tmp/\\xff" or fd.name startswith "/tmp/\\xc3"', [{ test: PathTest.Whole, text: '/tmp/\xff' }, { test: PathTest.Prefix, text: '/tmp/\xc3' }]],
    ["fd.nameraw contains '../'", []],
  ])('%s: plain paths that may matter are told by a test', (text, tests) => {
    const sieve = sieveOf(`evt.type in (open, openat) and evt.is_open_read = true and fd.num >= 0 and (${text})`);
    expect(sieve?.paths.map(({ test, text: of }) => ({ test, text: of.toString('latin1') }))).toEqual(expect.arrayContaining(tests));
    expect(sieve?.paths.length).toBe(tests.length);
    expect(sieve?.anyPath).toBe(0);
  });

  it('leaves alone what a rule asks without a path, for its class of opens alone', () => {
    const sieve = sieveOf('evt.type in (open, openat) and evt.is_open_write = true and evt.failed = false and proc.name = x');
    expect(sieve?.anyPath.toString(2)).toBe('1100110');
    expect(sieve?.somePaths).toBe(0);
  });

  it('is none that worked where a rule or an output looks at all descriptors of a process', () => {
    for (const sieve of [sieveOf('evt.type = execve and proc.fdopencount > 10'), sieveOf('evt.type = execve', '%proc.stdin.name'), sieveOf('evt.type = poll')]) {
      expect(sieve?.anyPath).toBe(0b1111_1111);
    }
  });

  it('is nothing where a condition counts events', () => {
    expect(sieveOf('evt.type = execve and evt.num > 1000')).toBeNull();
    expect(sieveOf('evt.type = execve and evt.deltatime > 1000')).toBeNull();
    expect(sieveOf('evt.type = execve and evt.num = 0')).not.toBeNull();
  });
});

describe('what is held back of other calls', () => {
  const COLUMN = process.arch === 'arm64' ? 'aarch64' : 'x86_64';
  const NUMBER = Object.fromEntries(SYSCALLS.map((row) => [row.name, row[COLUMN]]));

  it('failed ones that no rule asks for and that change no state, and closes of files that nobody was told of', () => {
    const sieve = sieveOf('evt.type in (unlink, connect) and evt.rawres >= 0');
    expect(callOf(sieve, NUMBER.unlink)?.what).toBe(Held.Failed);
    expect(callOf(sieve, NUMBER.socket)!.what & Held.Failed).toBe(Held.Failed);
    expect(callOf(sieve, NUMBER.connect)!.what & (Held.Failed | Held.Succeeded)).toBe(0); // a connection may be pending
    expect(callOf(sieve, NUMBER.close)!.what & Held.Close).toBe(Held.Close);
    expect(callOf(sieve, NUMBER.fcntl)!.what & Held.Fcntl).toBe(Held.Fcntl);
    expect(callOf(sieve, NUMBER.execve)?.what ?? 0).toBe(0);
    expect(callOf(sieve, NUMBER.dup2)?.usesFds).toBe(0b11);
  });

  it('successful ones where rules ask for failures alone', () => {
    expect(callOf(sieveOf('evt.type = unlink and evt.failed = true'), NUMBER.unlink)?.what).toBe(Held.Succeeded);
    expect(callOf(sieveOf("evt.type = chmod and not evt.res = 'SUCCESS'"), NUMBER.chmod)?.what).toBe(Held.Succeeded);
  });

  it('none that tell the state something, whatever the rules on them ask', () => {
    const sieve = sieveOf('(evt.type in (mmap, munmap, brk, getcwd, getrlimit, write) and evt.failed = true) or (evt.type = execve and proc.vmsize > 1000000)');
    for (const name of ['mmap', 'munmap', 'brk', 'getcwd', 'getrlimit', 'write']) expect((callOf(sieve, NUMBER[name])?.what ?? 0) & Held.Succeeded, name).toBe(0);
    // The sizes of memory come with those that failed as well.
    expect((callOf(sieveOf('evt.type = mmap and evt.failed = false'), NUMBER.mmap)?.what ?? 0) & Held.Failed).toBe(0);
    expect(callOf(sieveOf('evt.type = getcwd and evt.failed = false'), NUMBER.getcwd)!.what & Held.Failed).toBe(Held.Failed);
  });

  it('messages that tell nothing new of their socket, unless a rule asks for them whatever they tell', () => {
    const OUTBOUND = 'evt.type in (sendto, sendmsg) and fd.l4proto != tcp and fd.connected = false and fd.name_changed = true';
    const all = (...conditions: readonly string[]) => sieveOf(`evt.type = execve or ${conditions.map((text) => `(${text})`).join(' or ')}`);
    for (const [sieve, held] of [
      [sieveOf('evt.type = execve'), ['sendto', 'sendmsg', 'recvfrom', 'recvmsg']],
      [all(OUTBOUND), ['sendto', 'sendmsg', 'recvfrom', 'recvmsg']],
      [all(OUTBOUND, 'evt.type = recvfrom and fd.type in (ipv4, ipv6) and proc.exe endswith java'), ['sendto', 'sendmsg', 'recvmsg']],
      [all('evt.type = recvmsg and not fd.name_changed = true', 'evt.type = sendto and evt.failed = true'), ['sendto', 'sendmsg', 'recvfrom']],
    ] as const) {
      const calls = ['sendto', 'sendmsg', 'recvfrom', 'recvmsg'];
      expect(calls.filter((name) => callOf(sieve, NUMBER[name])!.what & Held.Repeated)).toEqual(held);
      expect(calls.every((name) => callOf(sieve, NUMBER[name])!.what & Held.Message)).toBe(true);
      expect(['connect', 'bind', 'sendmmsg', 'recvmmsg'].every((name) => callOf(sieve, NUMBER[name])!.what & Held.Socket)).toBe(true);
    }
    expect(callOf(all(OUTBOUND), NUMBER.recvfrom)!.what & Held.Failed).toBe(Held.Failed);
    expect(callOf(all('evt.type = sendto and evt.failed = true'), NUMBER.sendto)!.what & Held.Failed).toBe(0);
  });

  it('none that a rule names', () => {
    const sieve = sieveOf('evt.type in (close, fcntl)');
    expect(callOf(sieve, NUMBER.close)?.what).toBe(0);
    expect(callOf(sieve, NUMBER.fcntl)?.what).toBe(0);
    expect(callOf(sieve, NUMBER.close)?.usesFds).toBe(1);
  });
});

