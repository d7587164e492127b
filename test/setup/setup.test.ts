// SPDX-License-Identifier: Apache-2.0
import { execFileSync, spawn } from 'node:child_process';
import { appendFileSync, chmodSync, chownSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const PROJECT = fileURLToPath(new URL('../..', import.meta.url));
const root = process.getuid?.() === 0;

let dir: string;

/** A small project with the real set-up, the real compilers and the packages of this one. */
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'falco-ts-setup-'));
  for (const file of ['package.json', 'package-lock.json', 'tsconfig.json', 'src/setup']) cpSync(join(PROJECT, file), join(dir, file), { recursive: true });
  symlinkSync(join(PROJECT, 'node_modules'), join(dir, 'node_modules'));
  mkdirSync(join(dir, 'src/cli'), { recursive: true });
  mkdirSync(join(dir, 'native'));
  writeFileSync(join(dir, 'src/cli/main.ts'), '#!/usr/bin/env node\nconsole.log("hello");\n');
  writeFileSync(join(dir, 'binding.gyp'), JSON.stringify({ targets: [{ target_name: 'falco_ts', sources: ['native/addon.cc'] }] }));
  writeFileSync(
    join(dir, 'native/addon.cc'),
    '#include <node_api.h>\nNAPI_MODULE_INIT() {\n  napi_value one;\n  napi_create_int32(env, 1, &one);\n  napi_set_named_property(env, exports, "one", one);\n  return exports;\n}\n',
  );
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

interface Result {
  readonly code: number | null;
  readonly text: string;
  readonly ms: number;
}

async function setup(options: { env?: NodeJS.ProcessEnv; uid?: number; args?: string[] } = {}): Promise<Result> {
  const start = performance.now();
  const child = spawn(process.execPath, [join(dir, 'src/setup/setup.mjs'), ...(options.args ?? [])], {
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(options.uid === undefined ? {} : { uid: options.uid, gid: options.uid }),
  });
  let text = '';
  let stdout = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    stdout += chunk;
  });
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  expect(stdout).toBe('');
  return { code, text, ms: performance.now() - start };
}

/** A PATH that holds Node and nothing else. */
function barePath(): NodeJS.ProcessEnv {
  const bin = join(dir, 'bin');
  mkdirSync(bin);
  symlinkSync(process.execPath, join(bin, 'node'));
  return { PATH: bin };
}

describe('set-up', { timeout: 90_000 }, () => {
  it('builds what is missing, says so, and the second time is silent and quick', async () => {
    const first = await setup();
    expect(first.text).toContain('2 of 4 things to do');
    expect(first.text).toMatch(/\[1\/2\] native addon .*not built yet/);
    expect(first.text).toMatch(/\[2\/2\] TypeScript \(not built yet\)\n {6}done in \d+ s/);
    expect(first.code).toBe(0);
    expect(execFileSync(join(dir, 'dist/cli/main.js'), { encoding: 'utf8' })).toBe('hello\n');
    const addon = join(dir, 'build/Release/falco_ts.node');
    expect(execFileSync(process.execPath, ['-p', `require(${JSON.stringify(addon)}).one`], { encoding: 'utf8' })).toBe('1\n');

    const second = await setup();
    expect(second.text).toBe('');
    expect(second.code).toBe(0);
    // Node's own start apart, which a busy machine makes slow.
    const times: number[] = [];
    for (let i = 0; i < 5; i++) {
      const start = performance.now();
      execFileSync(process.execPath, ['-e', '0']);
      const bare = performance.now() - start;
      times.push((await setup()).ms - bare);
    }
    expect(Math.min(...times)).toBeLessThan(250);
  });

  it('rebuilds only what a change concerns', async () => {
    await setup();
    writeFileSync(join(dir, 'src/cli/main.ts'), '#!/usr/bin/env node\nconsole.log("changed");\n');
    const { text } = await setup();
    expect(text).toContain('TypeScript (sources have changed)');
    expect(text).not.toContain('native');
    expect(execFileSync(join(dir, 'dist/cli/main.js'), { encoding: 'utf8' })).toBe('changed\n');
    rmSync(join(dir, 'build/Release/falco_ts.node'));
    expect((await setup()).text).toContain('native addon and eBPF programs (build/Release/falco_ts.node is missing)');
  });

  it('forgets the output of sources that are gone', async () => {
    writeFileSync(join(dir, 'src/cli/old.ts'), 'export const old = 1;\n');
    await setup();
    expect(existsSync(join(dir, 'dist/cli/old.js'))).toBe(true);
    rmSync(join(dir, 'src/cli/old.ts'));
    await setup();
    expect(existsSync(join(dir, 'dist/cli/old.js'))).toBe(false);
  });

  it('a TypeScript error names file and line, and the last good build stays', async () => {
    await setup();
    appendFileSync(join(dir, 'src/cli/main.ts'), 'const wrong: number = "text";\n');
    for (let i = 0; i < 2; i++) {
      const { code, text } = await setup();
      expect(code).toBe(1);
      expect(text).toContain('set-up failed: TypeScript does not compile:');
      expect(text).toMatch(/src\/cli\/main\.ts[(:]3/);
      expect(text).toContain(`The whole log: ${join(dir, 'build/setup/typescript.log')}`);
    }
    expect(execFileSync(join(dir, 'dist/cli/main.js'), { encoding: 'utf8' })).toBe('hello\n');
    expect(existsSync(join(dir, 'dist.new'))).toBe(false);
  });

  it('a C++ error shows the first error of the compiler and where the whole log is, and leaves no half build', async () => {
    writeFileSync(join(dir, 'native/addon.cc'), '#include <node_api.h>\nint f() { return nonsense; }\n');
    const { code, text } = await setup();
    expect(code).toBe(1);
    expect(text).toContain('the native part does not build');
    expect(text).toMatch(/native\/addon\.cc:2:\d+: error:.*nonsense/);
    expect(text).toContain(`The whole log: ${join(dir, 'build/setup/native.log')}`);
    expect(readFileSync(join(dir, 'build/setup/native.log'), 'utf8')).toContain('node-gyp');
    expect(existsSync(join(dir, 'build/Release'))).toBe(false);
    expect((await setup()).code).toBe(1);
  });

  it('waits for another set-up, and takes over from one that was killed', async () => {
    mkdirSync(join(dir, 'build/setup'), { recursive: true });
    const other = spawn('sleep', ['1']);
    writeFileSync(join(dir, 'build/setup/lock'), String(other.pid));
    const gone = new Promise((resolve) => other.on('close', resolve));
    const { code, text } = await setup();
    expect(text).toContain(`waiting for another one (process ${other.pid}) to finish`);
    expect(code).toBe(0);
    await gone;

    rmSync(join(dir, 'dist'), { recursive: true });
    writeFileSync(join(dir, 'build/setup/lock'), String(other.pid));
    expect((await setup()).code).toBe(0);
    expect(existsSync(join(dir, 'build/setup/lock'))).toBe(false);
  });

  it('where there is no apt, names what to install', async () => {
    const { code, text } = await setup({ env: barePath() });
    expect(code).toBe(1);
    expect(text).toMatch(/has no apt, and these are missing: g\+\+ make python3 clang llvm/);
    expect(text).toContain('Install what your distribution calls them');
  });

  it.runIf(root)('an ordinary user without sudo is given the command for root', async () => {
    const env = barePath();
    writeFileSync(join(dir, 'bin/apt-get'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
    chmodSync(dir, 0o777);
    const { code, text } = await setup({ env, uid: 65534 });
    expect(code).toBe(1);
    expect(text).toMatch(/Run as root: {2}apt-get update && apt-get install g\+\+ make/);
  });

  it.runIf(root)('as root in the checkout of another user, what is made belongs to that user', async () => {
    chownSync(dir, 65534, 65534);
    expect((await setup()).code).toBe(0);
    for (const file of ['dist/cli/main.js', 'build/Release/falco_ts.node', 'build/setup/native.json']) expect(statSync(join(dir, file)).uid).toBe(65534);
  });

  it('an unknown option is refused with the usage', async () => {
    const { code, text } = await setup({ args: ['--only=everything'] });
    expect(code).toBe(1);
    expect(text).toContain('usage: setup.mjs [--only=system|packages|native|typescript]');
  });
});
