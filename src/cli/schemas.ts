// SPDX-License-Identifier: Apache-2.0
import { ConfigSchema } from '../app/config/schema.js';
import { RULE_SCHEMA } from '../ruleset/schema.js';
import { print } from './print.js';

/** `--config-schema`. */
export const configSchema = (): number => print(`${JSON.stringify(ConfigSchema, null, 2)}\n`);

/** `--rule-schema`. */
export const ruleSchema = (): number => print(`${JSON.stringify(RULE_SCHEMA, null, 2)}\n`);
