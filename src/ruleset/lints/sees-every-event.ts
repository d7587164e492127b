// SPDX-License-Identifier: Apache-2.0
/** System call rules without an event type, `warn_evttypes: false` or not: the probe then has to report every call. */
import { eventTypesOf } from '../../engine/event-types.js';
import { finding, type Lint } from './lint.js';

export const seesEveryEvent: Lint = (context) =>
  context.ruleset.rules
    .filter((rule) => rule.source === 'syscall' && rule.enabled)
    .filter((rule) => {
      const catalogue = context.catalogueOf(rule);
      return eventTypesOf(rule.condition, catalogue).size === catalogue.eventTypeCount;
    })
    .map((rule) => finding(
      'LINT_SEES_EVERY_EVENT', 'the rule is tried on every event, and because of it the kernel reports every system call',
      'begin the condition with the event types that matter, as in `evt.type in (execve, execveat) and ...`', rule.span, rule,
    ));
