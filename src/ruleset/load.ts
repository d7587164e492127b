// SPDX-License-Identifier: Apache-2.0
/** Rules files → a ruleset, and everything there is to say about them. */
import type { Priority } from '../alert/alert.js';
import type { Loaded, SourceText } from '../lang/diagnostic.js';
import { checkOperand } from '../lang/check.js';
import { parseOperand } from '../lang/parse.js';
import type { AppendOutput } from './append-output.js';
import { buildRuleset } from './build.js';
import { Collector } from './collect.js';
import { Problems, type RuleDiagnostic } from './problems.js';
import { readDocuments } from './read.js';
import type { AnyCatalogue, Ruleset } from './ruleset.js';
import { schemaWarnings } from './schema.js';
import type { RuleSelection } from './selection.js';

export interface LoadOptions {
  /** One per source that rules may be written for. */
  readonly catalogues: readonly AnyCatalogue[];
  /** `rules` of the configuration. */
  readonly selection?: readonly RuleSelection[];
  /** `priority` of the configuration. */
  readonly minPriority?: Priority;
  /** `append_output` of the configuration. */
  readonly appendOutput?: readonly AppendOutput[];
  /** `buffer_format_base64` of the configuration. */
  readonly bufferFormatBase64?: boolean;
}

/** What `-V` says about one file. */
export interface FileResult {
  readonly source: SourceText;
  readonly diagnostics: readonly RuleDiagnostic[];
  /** What the JSON schema of rules files has against it. */
  readonly schemaWarnings: readonly string[];
}

export interface LoadedRuleset extends Loaded<Ruleset> {
  readonly diagnostics: readonly RuleDiagnostic[];
  /** In the order of the files. */
  readonly files: readonly FileResult[];
}

/** Loads files in order; later ones may append to and override what earlier ones define. */
export function loadRuleset(files: readonly SourceText[], options: LoadOptions): LoadedRuleset {
  const problems = new Problems();
  const sources = new Map(options.catalogues.map((catalogue) => [catalogue.source, (text: string) => isFieldOf(catalogue, text)]));
  const collector = new Collector(problems, sources);
  const schema: (readonly string[])[] = [];
  for (const file of files) {
    const { documents, plain, diagnostics } = readDocuments(file);
    for (const d of diagnostics) {
      const span = d.span ?? { source: file, start: 0, end: 0 };
      problems.error('LOAD_ERR_YAML_PARSE', [{ type: 'rules content', name: '', span }], d.message, d.hint, span);
    }
    schema.push(schemaWarnings(plain));
    collector.add(file, documents);
  }
  const ruleset = buildRuleset(collector.result, {
    catalogues: options.catalogues,
    selection: options.selection ?? [],
    minPriority: options.minPriority ?? 'Debug',
    appendOutput: options.appendOutput ?? [],
    base64: options.bufferFormatBase64 ?? false,
  }, problems);
  const order = new Map(files.map((file, i) => [file.name, i]));
  const rank = (d: RuleDiagnostic) => order.get(d.span.source.name) ?? order.get(d.path[0].span.source.name) ?? files.length;
  const diagnostics = [...problems.list].sort((a, b) => rank(a) - rank(b) || a.span.start - b.span.start);
  return {
    value: problems.hasErrors ? null : ruleset,
    diagnostics,
    files: files.map((source, i) => ({
      source,
      diagnostics: diagnostics.filter((d) => rank(d) === i),
      schemaWarnings: schema[i],
    })),
  };
}

function isFieldOf(catalogue: AnyCatalogue, text: string): boolean {
  const parsed = parseOperand(text);
  return (
    parsed.ast !== null && parsed.errors.length === 0 && parsed.end === text.length &&
    checkOperand(parsed.ast, catalogue, 'left').every((error) => error.severity === 'warning')
  );
}
