// SPDX-License-Identifier: Apache-2.0
/** The program's own log: pino with syslog's levels, printed as lines that a reader of Falco's log knows. */
import { writeSync } from 'node:fs';
import { type Logger, pino } from 'pino';
import { logText } from './printable.js';
import { withoutCredentials } from './redact.js';

const LOG_LEVELS = ['emergency', 'alert', 'critical', 'error', 'warning', 'notice', 'info', 'debug'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** pino's numbers grow with severity, syslog's fall: `emergency` is 80 here and 0 there. */
const PINO_LEVELS: Readonly<Record<LogLevel, number>> = {
  emergency: 80, alert: 70, critical: 60, error: 50, warning: 40, notice: 35, info: 30, debug: 20,
};

export type Log = Logger<LogLevel, true>;

export interface LogOptions {
  readonly level: LogLevel;
  /** Lines as `Mon Nov 23 13:31:19 2026: text` on standard error. */
  readonly stderr: boolean;
  /** Where messages go besides, with syslog's severity (0 to 7); null: nowhere. */
  readonly syslog: ((severity: number, message: string) => void) | null;
  /** Times as `2026-11-23T13:31:19+0000` instead of local ones. */
  readonly iso8601: boolean;
}

/** A log whose destinations can change while it is in use: the configuration that says so is itself logged about. */
export interface ConfigurableLog {
  readonly log: Log;
  configure(options: LogOptions): void;
  /** An error that is logged is seen on standard error. */
  readonly showsErrors: boolean;
}

export function createLog(initial: LogOptions): ConfigurableLog {
  let options = initial;
  const stream = {
    write(line: string): void {
      const entry = JSON.parse(line) as { level: number; time: number; msg?: string };
      const text = logText(withoutCredentials((entry.msg ?? '').replace(/\n+$/, '')));
      if (options.stderr) writeStderr(`${formatTime(new Date(entry.time), options.iso8601)}: ${text}\n`);
      options.syslog?.(syslogSeverity(entry.level), text);
    },
  };
  const log = pino<LogLevel, true>(
    { level: options.level, customLevels: PINO_LEVELS, useOnlyCustomLevels: true, base: null },
    stream,
  );
  return {
    log,
    get showsErrors() {
      return options.stderr && PINO_LEVELS[options.level] <= PINO_LEVELS.error;
    },
    configure(next) {
      options = next;
      log.level = next.level;
    },
  };
}

function syslogSeverity(pinoLevel: number): number {
  return Math.max(0, LOG_LEVELS.findIndex((name) => PINO_LEVELS[name] === pinoLevel));
}

/** Blocking on purpose: the last lines before an exit must be out. A closed or full standard error loses the line. */
function writeStderr(text: string): void {
  try {
    writeSync(2, text);
  } catch {
    // There is nowhere left to report it.
  }
}

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

export function formatTime(time: Date, iso8601: boolean): string {
  if (iso8601) return time.toISOString().replace(/\.\d+Z$/, '+0000');
  const two = (n: number) => String(n).padStart(2, '0');
  const clock = `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`;
  return `${DAYS[time.getDay()]} ${MONTHS[time.getMonth()]} ${two(time.getDate())} ${clock} ${time.getFullYear()}`;
}
