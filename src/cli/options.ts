// SPDX-License-Identifier: Apache-2.0
/** The command line, read and checked. Names and meanings are Falco's. */
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { REMOVED_OPTIONS } from '../app/config/removed.js';
import { collect, HELP } from './repeatable.js';
import { SUBCOMMANDS } from './subcommands.js';

const LIST_FORMATS = ['text', 'markdown', 'json'] as const;
export type ListFormat = (typeof LIST_FORMATS)[number];

export interface CliOptions {
  /** `-c`; null: search for one. */
  readonly config: string | null;
  /** `-r`, files and directories. */
  readonly rules: readonly string[];
  /** `-o key=value`. */
  readonly set: readonly string[];
  /** `-V`, files. */
  readonly validate: readonly string[];
  /** `-L`. */
  readonly describeAll: boolean;
  /** `-l rule`. */
  readonly describe: string | null;
  /** `--list[=source]`: '' for all sources. */
  readonly list: string | null;
  readonly listEvents: boolean;
  readonly listPlugins: boolean;
  readonly pluginInfo: string | null;
  readonly namesOnly: boolean;
  readonly format: ListFormat;
  readonly enableSources: readonly string[];
  readonly disableSources: readonly string[];
  readonly dryRun: boolean;
  readonly version: boolean;
  readonly configSchema: boolean;
  readonly ruleSchema: boolean;
  readonly support: boolean;
  readonly ignoredEvents: boolean;
  readonly pageSize: boolean;
  readonly pidfile: string | null;
  readonly print: string | null;
  readonly unbuffered: boolean;
  readonly verbose: boolean;
  /** Ours: replayed when system calls cannot be captured. */
  readonly fallbackCapture: string | null;
  /** `-M`; 0: run on. */
  readonly seconds: number;
}

export type ParsedCommandLine =
  | { readonly kind: 'options'; readonly options: CliOptions }
  /** Help was printed, or a mistake was explained. */
  | { readonly kind: 'exit'; readonly code: number };

function seconds(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) throw new InvalidArgumentError('expected a whole number of seconds');
  return value;
}

function listFormat(text: string): ListFormat {
  const format = LIST_FORMATS.find((one) => one === text.toLowerCase());
  if (format === undefined) throw new InvalidArgumentError(`Allowed choices are ${LIST_FORMATS.join(', ')}.`);
  return format;
}

/** An option that Falco once had is most often one in an old start script. */
function withReplacement(message: string): string {
  const option = /unknown option '(--?[\w-]+)/.exec(message)?.[1] ?? '';
  const instead = REMOVED_OPTIONS.get(option) ?? (option.startsWith('--') ? undefined : REMOVED_OPTIONS.get(option.slice(0, 2)));
  return instead === undefined ? message : `${message.trimEnd()}\n  help: Falco removed it; instead: ${instead}\n`;
}

/** @param args without the program's own name */
export function parseCommandLine(args: readonly string[]): ParsedCommandLine {
  const command = new Command('falco-ts')
    .description('Runtime security for a Linux node and its Kubernetes cluster: Falco rules over system calls and audit events')
    .configureHelp(HELP)
    .helpOption('-h, --help', 'print this help and exit')
    .allowExcessArguments(false)
    .option('-c <path>', 'configuration file (default: /etc/falco-ts/falco.yaml, /etc/falco/falco.yaml, else the bundled one)')
    .option('--config-schema', 'print the JSON schema of the configuration and exit')
    .option('--rule-schema', 'print the JSON schema of rules files and exit')
    .option('--disable-source <event_source>', 'turn off an event source (syscall, k8s_audit); repeatable', collect, [])
    .option('--dry-run', 'check configuration and rules, process no event')
    .option('--enable-source <event_source>', 'turn on this event source only; repeatable', collect, [])
    .option('--fallback-capture <file>', 'when system calls cannot be captured here, say why and replay this capture file')
    .option('-i', 'print the events that are ignored by default and exit')
    .option('-L', 'show names and descriptions of all rules and exit (details as JSON when json_output is true)')
    .option('-l <rule>', 'show name and description of one rule and exit')
    .option('--list [source]', 'list all fields, or those of one source, and exit')
    .option('--list-events', 'list all event types and exit')
    .option('--list-plugins', 'list the plugins that are built in and configured, and exit')
    .option('--plugin-info <plugin_name>', 'print information about a plugin and exit')
    .option('-M <num_seconds>', 'stop after this many seconds', seconds, 0)
    .option('--markdown', 'deprecated: --format markdown')
    .option('--format <format>', 'of --list and --list-events: text, markdown or json', listFormat)
    .option('-N', 'print field names only, with --list')
    .option('-o, --option <opt=val>', 'set a configuration value: base.sub.key=val, list[1]=val, list[]=val; repeatable', collect, [])
    .option('-p, --print <output_format>', 'deprecated: -o append_output...; appends to every output (-pc, -pk: what suggested_output brings)')
    .option('-P, --pidfile <pid_file>', 'write the process id to a file')
    .option('-r <rules_file>', 'rules file or directory, instead of those in the configuration; repeatable', collect, [])
    .option('--support', 'print version, configuration and rules as JSON and exit')
    .option('-U, --unbuffered', 'write every alert at once (buffered_outputs: false)')
    .option('-V, --validate <rules_file>', 'check a rules file and exit; repeatable', collect, [])
    .option('-v', 'verbose output')
    .option('--version', 'print the version and exit')
    .option('--page-size', 'print the page size and exit')
    .addHelpText('after', `\nCommands (run them with --help for their options):\n${[...SUBCOMMANDS].map(([name, { about }]) => `  falco-ts ${name.padEnd(10)} ${about}`).join('\n')}`)
    .configureOutput({ outputError: (message, write) => write(withReplacement(message)) })
    .exitOverride();
  try {
    command.parse([...args], { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) return { kind: 'exit', code: error.exitCode === 0 ? 0 : 1 };
    throw error;
  }
  const raw: Readonly<Record<string, unknown>> = command.opts();
  if (raw.markdown === true) {
    if (raw.format !== undefined) {
      process.stderr.write('error: cannot specify both --markdown and --format\n');
      return { kind: 'exit', code: 1 };
    }
    process.stderr.write('WARNING: --markdown is deprecated, use --format markdown instead.\n');
  }
  const text = (key: string): string | null => (typeof raw[key] === 'string' ? (raw[key] as string) : null);
  const flag = (key: string): boolean => raw[key] === true;
  const list = (key: string): readonly string[] => raw[key] as string[];
  return {
    kind: 'options',
    options: {
      config: text('c'),
      rules: list('r'),
      set: list('option'),
      validate: list('validate'),
      describeAll: flag('L'),
      describe: text('l'),
      list: flag('list') ? '' : text('list'),
      listEvents: flag('listEvents'),
      listPlugins: flag('listPlugins'),
      pluginInfo: text('pluginInfo'),
      namesOnly: flag('N'),
      format: flag('markdown') ? 'markdown' : ((text('format') ?? 'text') as ListFormat),
      enableSources: list('enableSource'),
      disableSources: list('disableSource'),
      dryRun: flag('dryRun'),
      version: flag('version'),
      configSchema: flag('configSchema'),
      ruleSchema: flag('ruleSchema'),
      support: flag('support'),
      ignoredEvents: flag('i'),
      pageSize: flag('pageSize'),
      pidfile: text('pidfile'),
      print: text('print'),
      unbuffered: flag('unbuffered'),
      verbose: flag('v'),
      fallbackCapture: text('fallbackCapture'),
      seconds: raw.M as number,
    },
  };
}
