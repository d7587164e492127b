// SPDX-License-Identifier: Apache-2.0
import { StartError } from '../sources/source.js';

/** Errors were logged by whoever found them. `details` has them again, for when the log shows them nowhere. */
export class LoadFailed extends Error {
  constructor(
    message: string,
    readonly details: readonly string[] = [],
  ) {
    super(message);
    this.name = 'LoadFailed';
  }
}

/** An error as a user reads it: what is wrong, its code, and what to do. */
export function explain(error: unknown): string {
  if (!(error instanceof StartError)) return (error as Error).message;
  return `${error.message} [${error.code}]${error.hint === undefined ? '' : `\n  help: ${error.hint}`}`;
}

/** Errors that mean that this machine or this user cannot load the probe, whatever the configuration. */
export const isProbeError = (error: unknown): error is StartError => error instanceof StartError && /^(PROBE|NATIVE)_/.test(error.code);
