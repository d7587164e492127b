#!/usr/bin/env -S node --max-semi-space-size=2
// SPDX-License-Identifier: Apache-2.0
/**
 * The program: reads the command line, runs one command, and ends with 0 or 1. (A small young generation: what an event
 * leaves behind dies at once, and 30 MB of memory are not needed to find that out.)
 */
import { explain, LoadFailed } from '../app/errors.js';
import { createLog } from '../util/log.js';
import { commandFor } from './commands.js';
import { parseCommandLine } from './options.js';
import { SUBCOMMANDS, type Subcommand } from './subcommands.js';

async function main(): Promise<number> {
  const [first = '', ...rest] = process.argv.slice(2);
  const subcommand = SUBCOMMANDS.get(first);
  if (subcommand !== undefined) return runSubcommand(await subcommand.load(), rest);
  const parsed = parseCommandLine(process.argv.slice(2));
  if (parsed.kind === 'exit') return parsed.code;
  // Until the configuration says where messages go, they go to standard error.
  const log = createLog({ level: 'info', stderr: true, syslog: null, iso8601: false });
  try {
    const command = await commandFor(parsed.options);
    return await command(parsed.options, log);
  } catch (error) {
    // What led to LoadFailed has been logged with its place; a log that shows nothing must not make the end a mute one.
    if (!(error instanceof LoadFailed)) process.stderr.write(`Error: ${explain(error)}\n`);
    else if (!log.showsErrors) process.stderr.write(`Error: ${[error.message, ...error.details].join('\n')}\n`);
    return 1;
  }
}

async function runSubcommand(run: Subcommand, args: readonly string[]): Promise<number> {
  try {
    return await run(args);
  } catch (error) {
    if (!(error instanceof LoadFailed)) process.stderr.write(`Error: ${explain(error)}\n`);
    return 2;
  }
}

// Everything is delivered or counted when main returns; a blocked output must not keep the process.
process.exit(await main());
