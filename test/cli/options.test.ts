// SPDX-License-Identifier: Apache-2.0
/** Every option that Falco's help lists is one here. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { parseCommandLine } from '../../src/cli/options.js';

const HELP = join(import.meta.dirname, '../../../shared/reference/help.txt');
/** Their arguments are checked as they are read. */
const ARGUMENTS: Readonly<Record<string, string>> = { '-M': '7', '--format': 'json' };

interface Listed {
  readonly names: readonly string[];
  readonly takes: 'nothing' | 'optional' | 'value';
}

/** `  -o, --option <opt>=<val>   Set …`: all ways to write one option. */
function listedIn(help: string): Listed[] {
  return [...help.matchAll(/^ {2}(?:(-\w)(?:, )?| {4})(--[\w-]+)?(?: (\[?=?[<[]\S*))?(?= |$)/gm)].map(([, short, long, argument]): Listed => ({
    names: [short, long].filter((name) => name !== undefined),
    takes: argument === undefined ? 'nothing' : argument.startsWith('[') ? 'optional' : 'value',
  })).filter(({ names }) => names.length > 0);
}

afterEach(() => vi.restoreAllMocks());

describe.skipIf(!existsSync(HELP))('the options of Falco', () => {
  const listed = existsSync(HELP) ? listedIn(readFileSync(HELP, 'utf8')) : [];

  it('are found in its help', () => {
    expect(listed).toHaveLength(28);
    expect(listed.filter(({ takes }) => takes === 'value').flatMap(({ names }) => names)).toContain('-M');
  });

  it.each(listed.flatMap(({ names, takes }) => names.map((name) => [name, takes] as const)))('%s, which takes %s', (name, takes) => {
    const said: string[] = [];
    vi.spyOn(process.stdout, 'write').mockReturnValue(true);
    vi.spyOn(process.stderr, 'write').mockImplementation((text) => said.push(String(text)) > 0);
    const parsed = (...args: string[]) => {
      const result = parseCommandLine(args);
      return result.kind === 'exit' && result.code !== 0 ? said.join('') : 'fine';
    };
    const argument = ARGUMENTS[name] ?? 'x=y';
    const long = name.startsWith('--');
    if (takes !== 'nothing') expect(parsed(long ? `${name}=${argument}` : `${name}${argument}`)).toBe('fine');
    if (takes === 'value') {
      expect(parsed(name, argument)).toBe('fine');
      expect(parsed(name)).toMatch(/argument missing/);
    } else expect(parsed(name)).toBe('fine');
  });
});
