// SPDX-License-Identifier: Apache-2.0
/** Child processes whose output goes to a log file: what a set-up step runs. */
import { spawn } from 'node:child_process';
import { accessSync, constants, createWriteStream, mkdirSync, readFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';

/** A step cannot be done. `message` says what happened, `hint` what to do (lines), `log` where all of it is. */
export class SetupError extends Error {
  constructor(message, { hint = '', log = '' } = {}) {
    super(message);
    this.name = 'SetupError';
    this.hint = hint;
    this.log = log;
  }
}

/** The path of a command, or null. A stat per directory instead of a process: the check at every start must stay quick. */
export function which(command, path = process.env.PATH ?? '') {
  // sbin is missing from the PATH of Debian's ordinary users.
  for (const dir of [...path.split(delimiter), '/usr/sbin', '/sbin']) {
    if (!dir) continue;
    try {
      accessSync(join(dir, command), constants.X_OK);
      return join(dir, command);
    } catch {
      // not here
    }
  }
  return null;
}

/**
 * Runs `command`, appends its output to `log`, and reports each line to `onLine`.
 * Resolves with the exit code and the last lines; a command that cannot be started has the code 127.
 */
export function run(command, args, { log, cwd, env = {}, onLine = () => {}, tail = 15, stdin = 'ignore' }) {
  mkdirSync(dirname(log), { recursive: true });
  const out = createWriteStream(log, { flags: 'a' });
  out.write(`$ ${[command, ...args].join(' ')}\n`);
  const lines = [];
  let rest = '';
  const take = (chunk) => {
    out.write(chunk);
    const parts = (rest + chunk).split(/[\r\n]+/);
    rest = parts.pop() ?? '';
    for (const line of parts) {
      if (!line.trim()) continue;
      lines.push(line);
      if (lines.length > tail) lines.shift();
      onLine(line);
    }
  };
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio: [stdin, 'pipe', 'pipe'] });
    child.stdout.setEncoding('utf8').on('data', take);
    child.stderr.setEncoding('utf8').on('data', take);
    const finish = (code) => {
      if (rest.trim()) lines.push(rest);
      out.end(`# exit code ${code}\n`, () => resolve({ code, lines }));
    };
    child.on('error', (error) => {
      take(`${error.message}\n`);
      finish(127);
    });
    child.on('close', (code, signal) => finish(code ?? `signal ${signal}`));
  });
}

/** The lines of a log that tell a reader why: compilers put the first error before pages of what follows from it. */
export function explain(log, lines, pattern) {
  const all = readFileSync(log, 'utf8').split('\n');
  const begin = all.findLastIndex((line) => line.startsWith('$ '));
  const first = all.findIndex((line, i) => i > begin && pattern.test(line));
  return (first < 0 ? lines : all.slice(first, first + 12)).map((line) => `    ${line}`).join('\n');
}
