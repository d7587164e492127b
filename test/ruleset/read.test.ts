// SPDX-License-Identifier: Apache-2.0
import { stringify } from 'yaml';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatDiagnostic, lineAndColumn } from '../../src/lang/diagnostic.js';
import { get, readDocuments, type RawNode, type RawScalar } from '../../src/ruleset/read.js';

function read(text: string) {
  return readDocuments({ name: 'rules.yaml', text });
}

/** The value of `key` in the first item of the first document. */
function scalarOf(text: string, key: string): RawScalar {
  const { documents, diagnostics } = read(text);
  expect(diagnostics).toEqual([]);
  const [document] = documents;
  const item = document?.kind === 'sequence' ? document.items[0] : document;
  const value = item?.kind === 'map' ? get(item, key) : undefined;
  if (value?.kind !== 'scalar') throw new Error(`no scalar ${key}`);
  return value;
}

/** `line:column` of each place where `needle` begins in the value. */
function placesOf(text: string, key: string, needle: string): string[] {
  const value = scalarOf(text, key);
  const mapped = value.mapped();
  const places: string[] = [];
  for (let at = value.text.indexOf(needle); at !== -1; at = value.text.indexOf(needle, at + 1)) {
    const span = mapped.spanOf(at, at + needle.length);
    const { line, column } = lineAndColumn(text, span.start);
    places.push(`${line}:${column} ${JSON.stringify(text.slice(span.start, span.end))}`);
  }
  return places;
}

describe('a position inside a scalar', () => {
  it('is found in a plain scalar of one line and of several', () => {
    expect(placesOf('- condition: evt.type=open and foo', 'condition', 'foo')).toEqual(['1:32 "foo"']);
    expect(placesOf('- condition: evt.type=open\n    and foo\n\n    or foo', 'condition', 'foo')).toEqual(['2:9 "foo"', '4:8 "foo"']);
  });

  it('is found in folded text, with empty and deeper lines', () => {
    const text = '- condition: >\n    (a and\n\n      b)\n    and foo\n  x: y';
    expect(scalarOf(text, 'condition').text).toBe('(a and\n\n  b)\nand foo\n');
    expect(placesOf(text, 'condition', 'foo')).toEqual(['5:9 "foo"']);
    expect(placesOf(text, 'condition', 'b)')).toEqual(['4:7 "b)"']);
  });

  it('is found in literal text, with an indentation indicator and Windows line ends', () => {
    expect(placesOf('- condition: |2-\n      a\n    foo\n', 'condition', 'foo')).toEqual(['3:5 "foo"']);
    expect(placesOf('- condition: |\r\n    a and\r\n    foo\r\n', 'condition', 'foo')).toEqual(['3:5 "foo"']);
  });

  it('is found in quoted text, past escapes and line breaks', () => {
    expect(placesOf('- condition: "a \\x41\\u00e9\\"\\\n     foo\n     bar"', 'condition', 'foo')).toEqual(['2:6 "foo"']);
    expect(placesOf('- condition: "a \\x41\\u00e9\\"\\\n     foo\n     bar"', 'condition', 'bar')).toEqual(['3:6 "bar"']);
    expect(placesOf("- condition: 'it''s\n    foo'", 'condition', 'foo')).toEqual(['2:5 "foo"']);
  });

  it('is found beyond an alias, where the anchor stands', () => {
    expect(placesOf('- x: &c a and foo\n  condition: *c', 'condition', 'foo')).toEqual(['1:15 "foo"']);
  });

  it('points at the same characters, whatever the text and the style', () => {
    const words = fc.array(fc.stringMatching(/^[a-zA-Z0-9_.=é"'\\:-]{1,12}$/), { minLength: 1, maxLength: 40 });
    const breaks = fc.array(fc.constantFrom(' ', '\n', '\n\n', '  ', '\n  '), { minLength: 40, maxLength: 40 });
    const style = fc.constantFrom('PLAIN', 'QUOTE_SINGLE', 'QUOTE_DOUBLE', 'BLOCK_FOLDED', 'BLOCK_LITERAL');
    fc.assert(
      fc.property(words, breaks, style, (list, gaps, defaultStringType) => {
        const value = list.map((word, i) => word + (i < list.length - 1 ? gaps[i] : '')).join('');
        const text = stringify([{ condition: value }], { defaultStringType: defaultStringType as 'PLAIN', lineWidth: 30 });
        const scalar = scalarOf(text, 'condition');
        expect(scalar.text).toBe(value);
        const mapped = scalar.mapped();
        for (let i = 0; i < value.length; i++) {
          const { start } = mapped.spanOf(i, i + 1);
          if (/[\w.=é:-]/.test(value[i])) expect(text[start]).toBe(value[i]);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('reading YAML', () => {
  it('reads several documents and leaves out empty ones', () => {
    expect(read('- list: a\n---\n---\n- list: b\n').documents.length).toBe(2);
  });

  it('reports an error with its place and goes on with the next document', () => {
    const { documents, diagnostics } = read('- rule: %x\n---\n- list: c\n---\n- macro: [a\n');
    expect(diagnostics.map((d) => lineAndColumn('- rule: %x\n---\n- list: c\n---\n- macro: [a\n', d.span?.start ?? -1).line)).toEqual([1, 6]);
    expect(documents.length).toBe(1);
  });

  it('says what is wrong, where and what to do', () => {
    expect(read('- rule: x\n  output: %user.name\n').diagnostics.map(formatDiagnostic)).toEqual([
      'rules.yaml:2:11: error LOAD_ERR_YAML_PARSE: the YAML is not valid: plain value cannot start with directive indicator character %\n' +
        '  in rules content\n  2 |   output: %user.name\n    |           ^\n  help: quote a value that starts with this character',
    ]);
    expect(read('- a: *missing\n').diagnostics.map(formatDiagnostic)).toEqual([
      'rules.yaml:1:6: error LOAD_ERR_YAML_PARSE: the alias *missing has no anchor before it\n' +
        '  in rules content\n  1 | - a: *missing\n    |      ^^^^^^^^\n  help: define the anchor (&name) before the alias (*name) in the same document',
    ]);
  });

  it('refuses an anchor that contains itself, and survives aliases that multiply', () => {
    expect(read('- &a [x, *a]\n').diagnostics.map((d) => d.message)).toEqual(['the alias *a stands inside what it refers to']);
    const bomb = ['- &a0 [x, x]', ...Array.from({ length: 40 }, (_, i) => `- &a${i + 1} [*a${i}, *a${i}]`)].join('\n');
    expect(read(bomb).diagnostics).toEqual([]);
  });

  it('ends in diagnostics only, whatever the bytes are', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'- :|>"\'[]{}#&*!%@`\n\t~ab,?'.split('')), maxLength: 60 }), (text) => {
        const visit = (node: RawNode): void => {
          expect(node.span.end).toBeGreaterThanOrEqual(node.span.start);
          if (node.kind === 'scalar') node.mapped();
          if (node.kind === 'sequence') node.items.forEach(visit);
          if (node.kind === 'map') for (const { value } of node.entries) visit(value);
        };
        const { documents, diagnostics } = read(text);
        documents.forEach(visit);
        diagnostics.forEach(formatDiagnostic);
      }),
      { numRuns: 800 },
    );
  });
});
