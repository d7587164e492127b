// SPDX-License-Identifier: Apache-2.0
/** Options that may be given more than once, and how the help shows them. */
import { Help, type HelpConfiguration, type Option } from 'commander';

export const collect = (value: string, before: readonly string[]): string[] => [...before, value];

/** Without `(default: [])` behind those that gather values, and `(default: "")` behind others. */
export const HELP: HelpConfiguration = {
  optionDescription: (option) => new Help().optionDescription(isEmpty(option.defaultValue) ? withoutDefault(option) : option),
};

const isEmpty = (value: unknown): boolean => value === '' || value === 0 || (Array.isArray(value) && value.length === 0);

const withoutDefault = (option: Option): Option => Object.assign(Object.create(option) as Option, { defaultValue: undefined });
