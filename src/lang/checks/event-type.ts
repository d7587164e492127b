// SPDX-License-Identifier: Apache-2.0
import { closest } from '../suggest.js';
import { constantsOf } from './constants.js';
import type { CompareRule } from './context.js';

/** A name that no event has makes a rule that never matches, which nobody means. */
export const checkEventType: CompareRule = ({ node, left, catalogue, report }) => {
  if (left.field?.name !== 'evt.type') return true;
  let fine = true;
  for (const value of constantsOf(node.right)) {
    if (catalogue.eventTypes.has(value.text)) continue;
    const near = closest(value.text, catalogue.eventTypes.keys());
    const hint = near === null ? undefined : `did you mean '${near}'?`;
    report({ code: 'COND_UNKNOWN_EVENT_TYPE', message: `there is no event type '${value.text}'`, hint, at: value });
    fine = false;
  }
  return fine;
};
