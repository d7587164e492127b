// SPDX-License-Identifier: Apache-2.0
/**
 * Runs command lines one after another in one process, as test/cli/batch.ts asks: a process of its own for each would load
 * the program each time. What each says goes into files, which are read where it began and ended.
 */
import { fstatSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { runProgram } from '../../dist/cli/program.js';

for await (const line of createInterface({ input: process.stdin })) {
  const { args, env } = JSON.parse(line);
  const before = { ...process.env };
  Object.assign(process.env, env);
  const began = [fstatSync(1).size, fstatSync(2).size];
  const code = await runProgram(args);
  for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name];
  Object.assign(process.env, before);
  process.send({ code, began, ended: [fstatSync(1).size, fstatSync(2).size] });
}
process.exit(0);
