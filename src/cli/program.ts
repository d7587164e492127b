// SPDX-License-Identifier: Apache-2.0
/** One command line, from its words to an exit code. */
import { explain, LoadFailed } from '../app/errors.js';
import { createLog } from '../util/log.js';
import { withoutCredentials } from '../util/redact.js';
import { commandFor } from './commands.js';
import { parseCommandLine } from './options.js';
import { SUBCOMMANDS, type Subcommand } from './subcommands.js';

/** @param args without the program's own name */
export async function runProgram(args: readonly string[]): Promise<number> {
  const [first = '', ...rest] = args;
  const subcommand = SUBCOMMANDS.get(first);
  if (subcommand !== undefined) return runSubcommand(await subcommand.load(), rest);
  const parsed = parseCommandLine(args);
  if (parsed.kind === 'exit') return parsed.code;
  // Until the configuration says where messages go, they go to standard error.
  const log = createLog({ level: 'info', stderr: true, syslog: null, iso8601: false });
  try {
    const command = await commandFor(parsed.options);
    return await command(parsed.options, log);
  } catch (error) {
    // What led to LoadFailed has been logged with its place; a log that shows nothing must not make the end a mute one.
    if (!(error instanceof LoadFailed)) complain(explain(error));
    else if (!log.showsErrors) complain([error.message, ...error.details].join('\n'));
    return 1;
  }
}

async function runSubcommand(run: Subcommand, args: readonly string[]): Promise<number> {
  try {
    return await run(args);
  } catch (error) {
    if (!(error instanceof LoadFailed)) complain(explain(error));
    return 2;
  }
}

function complain(text: string): void {
  process.stderr.write(`Error: ${withoutCredentials(text)}\n`);
}
