// SPDX-License-Identifier: Apache-2.0
import type { Scalar } from '../lang/value.js';

export const PRIORITIES = [
  'Emergency', 'Alert', 'Critical', 'Error', 'Warning', 'Notice', 'Informational', 'Debug',
] as const;
export type Priority = (typeof PRIORITIES)[number];

/** A detection: a copy of all that its outputs need. Nothing in it refers to the event any more. */
export interface Alert {
  /** Event time, nanoseconds since the epoch. */
  readonly time: bigint;
  readonly rule: string;
  readonly priority: Priority;
  readonly source: string;
  readonly hostname: string;
  /** The output template filled in, without time and priority (`output` in JSON and the text line add them). */
  readonly message: string;
  readonly tags: readonly string[];
  /** The values behind the template's fields, in its order. */
  readonly fields: ReadonlyMap<string, Scalar | readonly Scalar[] | null>;
}
