// SPDX-License-Identifier: Apache-2.0
import { PRIORITIES, type Priority } from '../alert/alert.js';
import { StartError } from '../sources/source.js';
import type { Output, OutputMessage } from './output.js';

/** syslog(3), which only the native addon can call. */
export type SyslogCall = (severity: number, ident: string, message: string) => void;

/** The local syslog daemon; an alert's priority is its severity. */
export class SyslogOutput implements Output {
  readonly name = 'syslog';
  private call: SyslogCall | null = null;

  /** @param load gives the call, or throws what keeps the addon from loading */
  constructor(private readonly load: () => SyslogCall) {}

  async start(): Promise<void> {
    try {
      this.call = this.load();
    } catch (error) {
      throw new StartError(
        'OUTPUT_SYSLOG', `the syslog output needs the native addon: ${(error as Error).message}`,
        'build it with `npm run setup`, or set syslog_output.enabled to false', { cause: error },
      );
    }
  }

  async deliver(message: OutputMessage): Promise<void> {
    this.call?.(PRIORITIES.indexOf(message.priority as Priority), 'falco-ts', message.line);
  }

  async reopen(): Promise<void> {
    // libc reopens the socket by itself when the daemon comes back.
  }

  async stop(): Promise<void> {
    this.call = null;
  }
}
