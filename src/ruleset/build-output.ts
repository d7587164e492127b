// SPDX-License-Identifier: Apache-2.0
/** The output of a rule, with what the configuration appends to it, as templates. */
import { compileTemplate, type TemplateError } from '../alert/template.js';
import { type AppendOutput, appendedTexts, extraFields } from './append-output.js';
import { DEPRECATED_FIELDS } from './habits.js';
import type { RuleInfo } from './items.js';
import { MappedText } from './mapped-text.js';
import type { Problems } from './problems.js';
import type { AnyCatalogue, CompiledExtraField, Rule } from './ruleset.js';

/** Keys of the configuration. */
export interface OutputOptions {
  readonly appendOutput: readonly AppendOutput[];
  readonly base64: boolean;
}

const CONTAINER_INFO = '%container.info';

/** Null: it has mistakes, which are reported. `skipped`: the rule is left out, whatever else it says. */
export function buildOutput(
  info: RuleInfo, catalogue: AnyCatalogue, { appendOutput, base64 }: OutputOptions, problems: Problems,
): Pick<Rule, 'output' | 'template' | 'extraFields'> | null | 'skipped' {
  const parts = [info.output];
  for (const text of appendedTexts(appendOutput, info, catalogue)) {
    parts.push(MappedText.verbatim({ name: 'append_output', text: ` ${text}` }, 0, ` ${text}`));
  }
  const output = withoutContainerInfo(MappedText.concat(parts), info, problems);
  const compiled = compileTemplate(output.text, catalogue, { base64 });
  const skip = info.skipIfUnknownFilter && compiled.errors[0]?.unknownField === true;
  let whole = reportErrors(compiled.errors, output, info, skip, problems);
  if (skip) return 'skipped';
  warnDeprecated(output, info, problems);
  const extra: CompiledExtraField[] = [];
  for (const field of extraFields(appendOutput, info)) {
    const format = MappedText.verbatim({ name: 'append_output', text: field.format }, 0, field.format);
    const { template, errors } = compileTemplate(field.format, catalogue, { base64 });
    whole = reportErrors(errors, format, info, info.skipIfUnknownFilter && errors.every((error) => error.unknownField), problems) && whole;
    warnDeprecated(format, info, problems);
    if (template !== null) extra.push({ ...field, template });
  }
  return whole && compiled.template !== null ? { output: output.text, template: compiled.template, extraFields: extra } : null;
}

/** Falco once put fields in its place; now it stands for nothing. */
function withoutContainerInfo(output: MappedText, info: RuleInfo, problems: Problems): MappedText {
  const kept: MappedText[] = [];
  let done = 0;
  for (let at = output.text.indexOf(CONTAINER_INFO); at !== -1; at = output.text.indexOf(CONTAINER_INFO, done)) {
    kept.push(output.slice(done, at));
    done = at + CONTAINER_INFO.length;
    problems.warn('LOAD_DEPRECATED_ITEM', info.path, `${CONTAINER_INFO} is deprecated and prints nothing`, 'remove it: container fields are appended by append_output with suggested_output', output.spanOf(at, done));
  }
  return done === 0 ? output : MappedText.concat([...kept, output.slice(done, output.text.length)]);
}

/** True when there are none. */
function reportErrors(errors: readonly TemplateError[], text: MappedText, info: RuleInfo, skip: boolean, problems: Problems): boolean {
  for (const error of errors) {
    if (skip && !error.unknownField) continue;
    const span = text.spanOf(error.start, error.end);
    if (skip) problems.warn('LOAD_UNKNOWN_FILTER', info.outputPath, error.message, 'the rule is left out, as its skip-if-unknown-filter says', span);
    else problems.error('LOAD_ERR_COMPILE_OUTPUT', info.outputPath, error.message, error.hint, span);
  }
  return errors.length === 0;
}

function warnDeprecated(output: MappedText, info: RuleInfo, problems: Problems): void {
  for (const field of DEPRECATED_FIELDS.keys()) {
    const at = output.text.search(new RegExp(`%${field.replaceAll('.', '\\.')}(?![a-z_.]*[a-z])`));
    if (at === -1) continue;
    problems.warn('LOAD_DEPRECATED_ITEM', info.outputPath, `the output uses the deprecated field '${field}'`, DEPRECATED_FIELDS.get(field), output.spanOf(at, at + field.length + 1));
  }
}
