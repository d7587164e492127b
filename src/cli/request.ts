// SPDX-License-Identifier: Apache-2.0
import type { MonitorRequest } from '../app/prepare.js';
import type { CliOptions } from './options.js';

/** What the command line asks of the monitor. */
export function requestOf(options: CliOptions): MonitorRequest {
  // -pc, -pk and their long names were presets of fields that suggested_output now brings.
  const preset = options.print !== null && ['c', 'container', 'k', 'kubernetes'].includes(options.print);
  return {
    config: { path: options.config, options: options.set },
    rules: options.rules,
    sources: { enable: options.enableSources, disable: options.disableSources },
    appended: preset ? null : options.print,
    unbuffered: options.unbuffered,
    pidfile: options.pidfile,
    fallbackCapture: options.fallbackCapture,
  };
}
