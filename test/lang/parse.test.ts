// SPDX-License-Identifier: Apache-2.0
/** Conditions: text in, tree or errors out. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Expr } from '../../src/lang/ast.js';
import { parse, parseOperand } from '../../src/lang/parse.js';
import { encodeText } from '../../src/util/byte-text.js';
import { print } from '../../src/lang/print.js';

/** Text, and how it prints: which shows how it was understood. */
const accepted: readonly (readonly [string, string])[] = [
  // Identifiers, keywords and blanks.
  ['spawned', 'spawned'],
  ['  spawned  ', 'spawned'],
  ['((spawned))', 'spawned'],
  ['a and b and c', '(a and b and c)'],
  ['a\nand\tb', '(a and b)'],
  ['a or b and c or d', '(a or (b and c) or d)'],
  ['(a or b) and c', '((a or b) and c)'],
  ['(a)and(b)and(c)', '(a and b and c)'],
  ['(a)or(b)or(c)', '(a or b or c)'],
  ['a and b and(c)', '(a and b and c)'],
  ['a or b or(c)', '(a or b or c)'],
  ['not a', 'not a'],
  ['not(a)', 'not a'],
  ['not not a', 'a'],
  ['not not(a)', 'a'],
  ['not(not(a))', 'not (not a)'],
  ['not not not not not(not not(not not_m))', 'not (not not_m)'],
  ['not(a)and(not(b))', '(not a and not b)'],
  ['a and notb', '(a and notb)'],
  ['notz and a or or_m', '((notz and a) or or_m)'],
  ['m and and_m', '(m and and_m)'],
  ['x.y exists and m', '(x.y exists and m)'],
  ['x.y existsand m', '(x.y exists and m)'],
  ['not x.y exists', 'not x.y exists'],
  ['x.y=1 or y.z=2 and c', '(x.y = 1 or (y.z = 2 and c))'],
  // Values.
  ['x.y = not', 'x.y = not'],
  ['x.y = "one two"', 'x.y = "one two"'],
  ["x.y = 'one two'", 'x.y = "one two"'],
  ["x.y = 'say \"hi\"'", 'x.y = "say \\"hi\\""'],
  ["x.y = 'it\\'s'", 'x.y = "it\'s"'],
  ['x.y = ""', 'x.y = ""'],
  ['x.y = 0a!@#456:/\\.;!$%^&*[]{}|', 'x.y = 0a!@#456:/\\.;!$%^&*[]{}|'],
  ['fd.name=*.log', 'fd.name = *.log'],
  ['x.y = y.z', 'x.y = y.z'],
  ['x.y = 0xAAA.1', 'x.y = 0xAAA.1'],
  ['x.y = "tab\\there\\x41\\/"', 'x.y = "tab\\thereA/"'],
  ['x.y = "back \\ slash"', 'x.y = "back \\x5cslash"'],
  ["x.y = 'odd \\' \\\\''", 'x.y = "odd \' \\x5c\'"'],
  // Numbers, where an operator wants one.
  ['x.y > 1000', 'x.y > 1000'],
  ['x.y < +1', 'x.y < +1'],
  ['x.y >=-1', 'x.y >= -1'],
  ['x.y <= 0x12345', 'x.y <= 0x12345'],
  ['x.y <= 0XaB00AB', 'x.y <= 0XaB00AB'],
  ['x.y > 1.2', 'x.y > 1.2'],
  ['x.y > -0.1222e+10', 'x.y > -0.1222e+10'],
  // Lists.
  ['x.y in ()', 'x.y in ()'],
  ['x.y in()', 'x.y in ()'],
  ["x.y in (1, 'a', b.c)", 'x.y in (1, "a", b.c)'],
  ['x.y in ( a ,b )', 'x.y in (a, b)'],
  ['x.y in names', 'x.y in names'],
  ['x.y intersects(a)', 'x.y intersects (a)'],
  ['x.y pmatch (/etc, "/var/log")', 'x.y pmatch (/etc, "/var/log")'],
  ['x.y info', 'x.y in fo'],
  // Operators: those of signs need no blank.
  ['x.y ==v', 'x.y == v'],
  ['x.y !=v', 'x.y != v'],
  ...['glob', 'iglob', 'contains', 'icontains', 'bcontains', 'startswith', 'bstartswith', 'endswith', 'regex'].map(
    (operator) => [`x.y ${operator}\tv`, `x.y ${operator} v`] as const,
  ),
  // Modifiers, and words that only look like them.
  ['x.y == oneof (a, b)', 'x.y == oneof (a, b)'],
  ['x.y = anyof ()', 'x.y = anyof ()'],
  ['x.y != allof names', 'x.y != allof names'],
  ['x.y = oneof oneof', 'x.y = oneof oneof'],
  ['x.y startswith anyof (/a, /b)', 'x.y startswith anyof (/a, /b)'],
  ['x.y = anyof', 'x.y = anyof'],
  ['x.y = anyof and y.z exists', '(x.y = anyof and y.z exists)'],
  ['x.y = oneof or x.y = allof', '(x.y = oneof or x.y = allof)'],
  ['(x.y = oneof)', 'x.y = oneof'],
  ['x.y = oneof_something', 'x.y = oneof_something'],
  ["x.y = 'oneof'", 'x.y = "oneof"'],
  // Arguments.
  ['x.y[0] = a', 'x.y[0] = a'],
  ['x.y[0a!@#456:/\\.;!$%^&*(){}|] = a', 'x.y[0a!@#456:/\\.;!$%^&*(){}|] = a'],
  ['x.y["with blank"] = a', 'x.y["with blank"] = a'],
  ['x.y["plain"] = a', 'x.y[plain] = a'],
  ['x.y[""] = a', 'x.y[""] = a'],
  ['x.y["q\\"q"] = a', 'x.y["q\\"q"] = a'],
  ['jevt.value[/a/b] exists', 'jevt.value[/a/b] exists'],
  // Transformers.
  ['tolower(x.y) exists', 'tolower(x.y) exists'],
  ['b64( toupper(x.y ) ) = v', 'b64(toupper(x.y)) = v'],
  ['x.y = val(y.z)', 'x.y = val(y.z)'],
  ['x.y = val( y.z[2] )', 'x.y = val(y.z[2])'],
  ['x.y > len(y.z)', 'x.y > len(y.z)'],
  ['x.y in tolower(y.z)', 'x.y in tolower(y.z)'],
  ['x.y pmatch val(y.z)', 'x.y pmatch val(y.z)'],
  ['x.y = b64 and(m)', '(x.y = b64 and m)'],
  ["join('-', (a.b, \"lit\", 12, tolower(c.d))) = v", 'join("-",(a.b,"lit",12,tolower(c.d))) = v'],
  ['join("-", ()) = v', 'join("-",()) = v'],
  ['getopt(x.y, "nt:")[t] = v', 'getopt(x.y,"nt:")[t] = v'],
  ['getopt(x.y, "nt:")["t"] = v', 'getopt(x.y,"nt:")[t] = v'],
  ['len(concat(x.y, "a")) >= 5', 'len(concat(x.y,"a")) >= 5'],
];

/** Text, code and where. */
const refused: readonly (readonly [string, string, number])[] = [
  ['', 'COND_EMPTY', 0],
  ['   ', 'COND_EMPTY', 0],
  ['a andb', 'COND_KEYWORD_SPACING', 5],
  ['a orb', 'COND_KEYWORD_SPACING', 4],
  ['a andnot b', 'COND_KEYWORD_SPACING', 5],
  ['aand b', 'COND_TRAILING', 5],
  ['a b', 'COND_TRAILING', 2],
  ['a not b', 'COND_TRAILING', 2],
  ['a and', 'COND_KEYWORD_SPACING', 5],
  ['a and ', 'COND_EXPECTED_CHECK', 6],
  ['a or(b) and c', 'COND_TRAILING', 8],
  ['a)', 'COND_TRAILING', 1],
  ['(a', 'COND_UNCLOSED_PAREN', 0],
  ['(x.y = 1', 'COND_UNCLOSED_PAREN', 0],
  ['x.y = a = b', 'COND_TRAILING', 8],
  ['x.y = a,', 'COND_TRAILING', 7],
  ['m > 12', 'COND_TRAILING', 2],
  ['#a', 'COND_EXPECTED_CHECK', 0],
  ['fd.name=/var/lo);g', 'COND_TRAILING', 15],
  ['x.y', 'COND_EXPECTED_OPERATOR', 3],
  ['x.y nosuch z', 'COND_EXPECTED_OPERATOR', 4],
  ['x.y ExIsTs', 'COND_EXPECTED_OPERATOR', 4],
  ['x.y exists z', 'COND_TRAILING', 11],
  ['x.y === v', 'COND_EXPECTED_VALUE', 6],
  ['x.y !== v', 'COND_EXPECTED_VALUE', 6],
  ['x.y startswithv', 'COND_EXPECTED_OPERATOR', 4],
  ['x.y contains', 'COND_EXPECTED_OPERATOR', 4],
  ['x.y >', 'COND_EXPECTED_NUMBER', 5],
  ['x.y > abc', 'COND_EXPECTED_NUMBER', 6],
  ['x.y > !1', 'COND_EXPECTED_NUMBER', 6],
  ['x.y < 0xAAA.1', 'COND_TRAILING', 11],
  ['x.y >= 0aaa', 'COND_TRAILING', 8],
  ['x.y > oneof (1)', 'COND_EXPECTED_NUMBER', 6],
  ['x.y in', 'COND_EXPECTED_LIST', 6],
  ['x.y in (', 'COND_EXPECTED_VALUE', 8],
  ['x.y in )', 'COND_EXPECTED_LIST', 7],
  ['x.y in (a,)', 'COND_EXPECTED_VALUE', 10],
  ['x.y in (a,,b)', 'COND_EXPECTED_VALUE', 10],
  ['x.y in (,)', 'COND_EXPECTED_VALUE', 8],
  ['x.y in (a', 'COND_UNCLOSED_PAREN', 7],
  ['x.y = (a)', 'COND_EXPECTED_VALUE', 6],
  ['x.y startswith (a)', 'COND_EXPECTED_VALUE', 15],
  ['x.y in oneof (a)', 'COND_TRAILING', 13],
  ['x.y ==oneof (a)', 'COND_TRAILING', 12],
  ['x.y == oneof(a)', 'COND_TRAILING', 12],
  ['x.y == ONEOF (a)', 'COND_TRAILING', 13],
  ['x.y == oneof_m (a)', 'COND_TRAILING', 15],
  ['x.y == anyof (a,)', 'COND_EXPECTED_VALUE', 16],
  ["x.y = '", 'COND_UNCLOSED_QUOTE', 6],
  ['x.y = "\'', 'COND_UNCLOSED_QUOTE', 6],
  ['x.y = "ends in \\\\"', 'COND_UNCLOSED_QUOTE', 6],
  ['x.y = "a"b"', 'COND_TRAILING', 9],
  ['x.y = "mixed \\\'"', 'COND_BAD_ESCAPE', 13],
  ['x.y = "\\q"', 'COND_BAD_ESCAPE', 7],
  ['x.y = "\\x4"', 'COND_BAD_ESCAPE', 7],
  ['x.y = "\\xfg"', 'COND_BAD_ESCAPE', 7],
  ['x.y[] = a', 'COND_EXPECTED_ARGUMENT', 4],
  ['x.y[[] = a', 'COND_EXPECTED_ARGUMENT', 4],
  ['x.y[ a ] = a', 'COND_EXPECTED_ARGUMENT', 4],
  ['x.y[a"] = a', 'COND_UNCLOSED_BRACKET', 5],
  ['x.y["a" = a', 'COND_UNCLOSED_BRACKET', 7],
  ['x.y[a', 'COND_UNCLOSED_BRACKET', 3],
  ['x.y] = a', 'COND_EXPECTED_OPERATOR', 3],
  ['val(x.y) exists', 'COND_TRAILING', 3],
  ['b64(val(x.y)) exists', 'COND_EXPECTED_CALL_ARGUMENT', 4],
  ['b64 (x.y) exists', 'COND_TRAILING', 4],
  ['b64(m) exists', 'COND_EXPECTED_CALL_ARGUMENT', 4],
  ['b64(x.y exists', 'COND_UNCLOSED_PAREN', 8],
  ['b64(x.y', 'COND_UNCLOSED_PAREN', 3],
  ['nosuch(x.y) exists', 'COND_TRAILING', 6],
  ['x.y = val(tolower(y.z))', 'COND_EXPECTED_FIELD', 10],
  ['x.y = val(m)', 'COND_EXPECTED_FIELD', 10],
  ['x.y = b64(y.z [1])', 'COND_UNCLOSED_PAREN', 14],
  ['x.y = nosuch(y.z)', 'COND_TRAILING', 12],
  ['x.y in (b64(y.z))', 'COND_UNCLOSED_PAREN', 11],
  ['join("-", (,)) = v', 'COND_EXPECTED_CALL_ARGUMENT', 11],
  ['join("-", (a.b,)) = v', 'COND_EXPECTED_CALL_ARGUMENT', 15],
  ['join("-", ((a.b))) = v', 'COND_EXPECTED_CALL_ARGUMENT', 11],
  ['join("-", (m)) = v', 'COND_EXPECTED_CALL_ARGUMENT', 11],
  ['join() = v', 'COND_EXPECTED_CALL_ARGUMENT', 5],
];

describe('a condition that parses', () => {
  it.each(accepted)('%s', (text, printed) => {
    const { ast, errors } = parse(text);
    expect(errors).toEqual([]);
    expect(print(ast!)).toBe(printed);
  });

  it('means the same with line breaks and tabs for blanks', () => {
    for (const [text, printed] of accepted) {
      if (/["'].*\s.*["']|\\ /.test(text)) continue;
      for (const blank of ['\n', '\t', '\r\n', '  ']) {
        const spread = ` ${text} `.replaceAll(' ', blank);
        expect(parse(spread).errors, spread).toEqual([]);
        expect(print(parse(spread).ast!), spread).toBe(printed);
      }
    }
  });

  it('prints to a text that parses to the same tree', () => {
    for (const [text] of accepted) {
      const once = parse(text).ast!;
      const again = parse(print(once));
      expect(again.errors, text).toEqual([]);
      expect(shape(again.ast!), text).toEqual(shape(once));
      expect(print(again.ast!), text).toBe(print(once));
    }
  });
});

describe('a condition that does not parse', () => {
  it.each(refused)('%s', (text, code, start) => {
    const { ast, errors } = parse(text);
    expect(ast).toBeNull();
    expect(errors.map((error) => [error.code, error.start])).toEqual([[code, start]]);
    expect(errors[0]!.message).not.toBe('');
  });

  it('is told all that is wrong with it', () => {
    const { errors } = parse('x.y nosuch 1 and (y.z > abc or a.b in (1,)) and c.d = "\\q" and fine');
    expect(errors.map((error) => error.code)).toEqual([
      'COND_EXPECTED_OPERATOR', 'COND_EXPECTED_NUMBER', 'COND_EXPECTED_VALUE', 'COND_BAD_ESCAPE',
    ]);
  });

  it('is told what stands there and what to do', () => {
    expect(parse('x.y contains').errors[0]).toMatchObject({ hint: "'contains' needs a blank after it" });
    expect(parse('x.y = a b').errors[0]).toMatchObject({ message: 'expected \'and\', \'or\' or the end, not "b"', hint: 'quote a value that has blanks in it' });
  });
});

describe('offsets', () => {
  it('point at what each part was made from', () => {
    const text = '(proc.aname[2]=nginx and evt.type in (connect,accept)) or not tolower(fd.name) exists';
    const seen: string[] = [];
    const visit = (node: { kind: string; start: number; end: number }): void => {
      seen.push(`${node.kind}: ${text.slice(node.start, node.end)}`);
      for (const value of Object.values(node)) for (const item of Array.isArray(value) ? value : [value]) if (item?.kind !== undefined) visit(item);
    };
    visit(parse(text).ast!);
    expect(seen).toEqual([
      `or: ${text}`,
      'and: proc.aname[2]=nginx and evt.type in (connect,accept)',
      'compare: proc.aname[2]=nginx', 'field: proc.aname[2]', 'literal: nginx',
      'compare: evt.type in (connect,accept)', 'field: evt.type', 'literals: (connect,accept)', 'literal: connect', 'literal: accept',
      'not: not tolower(fd.name) exists', 'exists: tolower(fd.name) exists', 'call: tolower(fd.name)', 'field: fd.name',
    ]);
  });
});

describe('bytes in quoted strings', () => {
  it('are what \\x says, also where they are no UTF-8', () => {
    const literal = (text: string) => {
      const ast = parse(`x.y = ${text}`).ast!;
      return ast.kind === 'compare' && ast.right.kind === 'literal' ? ast.right : null;
    };
    expect(literal('"\\xc3\\xa9"')).toMatchObject({ text: 'é' });
    expect(literal('"\\xc3"')!.text).not.toBe(literal('"\\xc4"')!.text);
    expect([...encodeText(literal('"é\\xff\\x41"')!.text)]).toEqual([0xc3, 0xa9, 0xff, 0x41]);
    expect(literal('"\\x413"')).toMatchObject({ text: 'A3' });
    expect([...encodeText(literal('"\u{1f600}\\xff"')!.text)]).toEqual([0xf0, 0x9f, 0x98, 0x80, 0xff]);
    expect(print(parse('x.y = "é\\xff"').ast!)).toBe('x.y = "\\xc3\\xa9\\xff"');
  });
});

describe('nesting', () => {
  it('is bounded, not the stack', () => {
    expect(parse('('.repeat(100_000)).errors.map((error) => error.code)).toEqual(['COND_TOO_DEEP']);
    expect(parse(`${'not('.repeat(50_000)}a`).errors.map((error) => error.code)).toEqual(['COND_TOO_DEEP']);
    expect(parse(`${'b64('.repeat(50_000)}a`).errors.map((error) => error.code)).toEqual(['COND_TOO_DEEP']);
    expect(parse(`${'not '.repeat(50_000)}a`).errors).toEqual([]);
  });

  it('of 150 parentheses is fine', () => {
    expect(parse(`${'('.repeat(150)}a${')'.repeat(150)}`).errors).toEqual([]);
  });
});

describe('hostile text', () => {
  const pieces = fc.constantFrom(
    'a', 'x.y', ' ', '  ', '(', ')', '[', ']', 'and', 'or', 'not', 'not(', '=', '!=', '<', '>=', 'in', 'in (', 'exists', ',', '"', "'", '\\', '\\x4', '0x', '1', '1.', '-', '+', 'e+',
    'contains', 'oneof', 'val(', 'tolower(', 'join(', '\n', '\0', '\u{1f600}', '\ud800', 'é', '#', '%',
  );

  it('ends in a tree or in errors within it, and what parses prints stably', () => {
    fc.assert(
      fc.property(fc.oneof(fc.array(pieces, { maxLength: 40 }).map((parts) => parts.join('')), fc.string({ unit: 'grapheme', maxLength: 60 })), (text) => {
        const { ast, errors } = parse(text);
        expect(ast === null).toBe(errors.length > 0);
        for (const error of errors) {
          expect(error.start).toBeGreaterThanOrEqual(0);
          expect(error.end).toBeGreaterThanOrEqual(error.start);
          expect(error.end).toBeLessThanOrEqual(text.length);
        }
        if (ast === null) return;
        const printed = print(ast);
        const again = parse(printed);
        expect(again.errors, printed).toEqual([]);
        expect(print(again.ast!)).toBe(printed);
      }),
      { numRuns: 20_000 },
    );
  });

  it('ends on long texts, where the square of the time would be minutes', () => {
    for (const text of ['a'.repeat(300_000), `x.y = ${'a.'.repeat(150_000)}`, `x.y > ${'1'.repeat(300_000)}x`, `x.y in (${'a,'.repeat(100_000)}`, '"'.repeat(300_000), `a${' and a'.repeat(50_000)} and`]) parse(text);
  });
});

describe('an operand by itself', () => {
  it('ends where it ends, whatever follows', () => {
    expect(parseOperand('%proc.name[1] rest', 1)).toMatchObject({ ast: { kind: 'field', name: 'proc.name', argument: '1' }, end: 13, errors: [] });
    expect(parseOperand('tolower(fd.name), x')).toMatchObject({ ast: { kind: 'call', name: 'tolower' }, end: 16 });
    expect(parseOperand('nothing').errors.map((error) => error.code)).toEqual(['COND_EXPECTED_FIELD']);
  });
});

describe('printing as descriptions do', () => {
  it('quotes only where the text has blanks, quotes, backslashes or equal signs', () => {
    const text = 'x.y in ("plain", "one two", "a(b", "q\\"q") and getopt(x.y, "nt:")[t] = "v"';
    expect(print(parse(text).ast!, { loose: true })).toBe('(x.y in (plain, "one two", a(b, "q\\"q") and getopt(x.y,nt:)[t] = v)');
  });
});

/** The tree without offsets. */
function shape(node: Expr): unknown {
  return JSON.parse(JSON.stringify(node, (key, value) => (['start', 'end', 'operatorStart'].includes(key) ? undefined : value)));
}
