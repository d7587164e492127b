// SPDX-License-Identifier: Apache-2.0
/** The recorded captures with real Falco's values beside them, where they are there (`../shared/corpus`). */
import { createReadStream, existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { createGunzip } from 'node:zlib';
import type { EventView } from '../../src/events/event-view.js';
import { ReplaySource } from '../../src/sources/replay.js';
import { State } from '../../src/state/state.js';
import { UserTable } from '../../src/state/users.js';

const ROOT = new URL('../../../shared/corpus/syscalls/', import.meta.url).pathname;

export interface Recording {
  readonly name: string;
  readonly capture: string;
  readonly fields: string;
}

const recording = (name: string, capture: string, fields: string): Recording => ({ name, capture: ROOT + capture, fields: ROOT + fields });

/** Empty where the corpus is not at hand. */
export const RECORDINGS: readonly Recording[] = [
  ...['host-files', 'host-python', 'containers'].map((n) => recording(n, `${n}/capture.scap`, `${n}/fields.jsonl.gz`)),
  ...['curl_google', 'single_ipv6_conn', 'test_ipv6_client'].map((n) => recording(`older/${n}`, `older/${n}.scap`, `older/${n}.fields.jsonl.gz`)),
].filter((r) => existsSync(r.capture));

export type Expected = Readonly<Record<string, unknown>>;

/** Recorded values by event number. */
export async function expectedFields(of: Recording): Promise<Map<number, Expected>> {
  const byNum = new Map<number, Expected>();
  const lines = createInterface({ input: createReadStream(of.fields).pipe(createGunzip()) });
  for await (const line of lines) {
    const fields = JSON.parse(line) as Expected;
    byNum.set(fields['evt.num'] as number, fields);
  }
  return byNum;
}

/** Replays a capture through the state; `onEvent` sees each event between `apply` and `after`. */
export async function replay(path: string, onEvent: (view: EventView, state: State) => void, users = new UserTable()): Promise<State> {
  const state = new State({ users });
  await replayInto(state, path, onEvent);
  return state;
}

export async function replayInto(state: State, path: string, onEvent: (view: EventView, state: State) => void): Promise<void> {
  const source = new ReplaySource({ path, state });
  await new Promise<void>((resolve, reject) => {
    source
      .start(
        (view) => {
          state.apply(view);
          onEvent(view, state);
          state.after(view);
        },
        (error) => (error === undefined ? resolve() : reject(error)),
      )
      .catch(reject);
  });
}
