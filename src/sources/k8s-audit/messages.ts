// SPDX-License-Identifier: Apache-2.0
/** What the thread that takes audit events in and the one that evaluates them tell each other. */
import type { K8sAuditConfig } from './config.js';
import type { Place } from './open-params.js';

/** What the intake's thread is started with. */
export interface IntakeData {
  readonly place: Place;
  readonly config: K8sAuditConfig;
  /** A `Float64Array` by {@link COUNTERS}: written by the intake, read by the source. */
  readonly counters: SharedArrayBuffer;
}

/** Events in a row of bytes, with their records; both buffers change hands, and come back to be used again. */
export interface Slab {
  readonly bytes: ArrayBuffer;
  readonly records: ArrayBuffer;
}

export type FromIntake =
  | { readonly kind: 'ready'; readonly port: number }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string; readonly hint?: string }
  | { readonly kind: 'events'; readonly slab: Slab; readonly count: number }
  | { readonly kind: 'warning'; readonly message: string }
  /** The input has run out, after all its events; with the error if that is why. */
  | { readonly kind: 'ended'; readonly error?: string }
  | { readonly kind: 'stopped' };

export type ToIntake = { readonly kind: 'evaluated'; readonly slab: Slab } | { readonly kind: 'stop' };
