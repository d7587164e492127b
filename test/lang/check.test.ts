// SPDX-License-Identifier: Apache-2.0
/** What is wrong with conditions that parse: text in, code, place and advice out. */
import { describe, expect, it } from 'vitest';
import type { CompareOperator } from '../../src/lang/ast.js';
import { check, checkOperand } from '../../src/lang/check.js';
import { LANG_CODES } from '../../src/lang/codes.js';
import { parse, parseOperand } from '../../src/lang/parse.js';
import { resolve } from '../../src/lang/resolve.js';
import type { FieldType } from '../../src/lang/value.js';
import { syntheticCatalogue } from '../engine/synthetic.js';

const catalogue = syntheticCatalogue();

/** `CODE at text: message (hint)` for each problem. */
function problems(text: string): string[] {
  const { ast, errors } = parse(text);
  expect(errors, text).toEqual([]);
  return check(ast!, catalogue).map((error) => {
    const hint = error.hint === undefined ? '' : ` (${error.hint})`;
    return `${error.severity === 'warning' ? 'warning ' : ''}${error.code} at '${text.slice(error.start, error.end)}': ${error.message}${hint}`;
  });
}

const table: readonly (readonly [string, readonly string[]])[] = [
  // Fields and their arguments.
  ['t.charbuff = a', ["COND_UNKNOWN_FIELD at 't.charbuff': there is no field 't.charbuff' for source 'synthetic' (did you mean 't.charbuf'?)"]],
  ['quite.different exists', ["COND_UNKNOWN_FIELD at 'quite.different': there is no field 'quite.different' for source 'synthetic'"]],
  ['t.charbuf = val(no.field)', ["COND_UNKNOWN_FIELD at 'no.field': there is no field 'no.field' for source 'synthetic'"]],
  ['only.printed = a', ["COND_FIELD_PRINT_ONLY at 'only.printed': field 'only.printed' can be printed but not filtered by"]],
  ['only.filtered = a', []],
  ['old.one = a', ["warning COND_WARN_DEPRECATED at 'old.one': field 'old.one' is deprecated"]],
  ['arg.index = a', ["COND_ARGUMENT_REQUIRED at 'arg.index': field 'arg.index' needs a number in brackets (write arg.index[0])"]],
  ['arg.index[x] = a', ["COND_ARGUMENT_INVALID at '[x]': field 'arg.index' takes a number in brackets, not 'x'"]],
  ['arg.index[1] = a', []],
  ['arg.key = a and arg.key[any] = a and arg.key[0] = a', []],
  ['arg.key[bad] = a', ["COND_ARGUMENT_INVALID at '[bad]': field 'arg.key': bad is no key"]],
  ['t.charbuf[0] = a', ["COND_ARGUMENT_NOT_ALLOWED at '[0]': field 't.charbuf' takes no argument"]],
  // Operators and types.
  ['t.int64 contains 1', ["COND_OPERATOR_TYPE at 'contains': operator 'contains' does not fit INT64 (operators for INT64: <= < >= > = != intersects in exists)"]],
  ['l.charbuf = a', ["COND_OPERATOR_TYPE at '=': operator '=' does not fit list of CHARBUF (operators for list of CHARBUF: intersects in exists)"]],
  ['odd.socket = a', ["COND_OPERATOR_TYPE at '=': operator '=' does not fit SOCKADDR (a SOCKADDR can only be tested with 'exists')"]],
  ['odd.socket exists', []],
  ['around.time = 5', []],
  ['around.time > 5', ["COND_OPERATOR_TYPE at '>': 'around.time' can only be compared by '='"]],
  // Constants.
  ['t.int32 = abc', ["COND_VALUE_INVALID at 'abc': 'abc' is no decimal number, which INT32 needs"]],
  ['t.uint32 > 0x10', ["COND_VALUE_INVALID at '0x10': '0x10' is no unsigned decimal number, which UINT32 needs (write it in decimal: 16)"]],
  ['t.double = 1.5', ["COND_VALUE_INVALID at '1.5': '1.5' is no decimal number, which DOUBLE needs (only whole numbers can be compared with)"]],
  ['t.uint8 = 256', ["warning COND_WARN_OUT_OF_RANGE at '256': 256 does not fit UINT8 and is taken for 0"]],
  ['t.uint32 = -1', ["warning COND_WARN_OUT_OF_RANGE at '-1': -1 does not fit UINT32 and is taken for 4294967295"]],
  ['t.int64 = -1 and t.uint64 = 18446744073709551615', []],
  ['t.bool = yes', ["COND_VALUE_INVALID at 'yes': 'yes' is neither true nor false"]],
  ['t.port in (80, https, nosuch)', ["COND_VALUE_INVALID at 'nosuch': 'nosuch' is neither a port number nor the name of a service"]],
  ['t.ipaddr = 10.0.0.256', ["COND_VALUE_INVALID at '10.0.0.256': '10.0.0.256' is no IPv4 address"]],
  ['t.ipaddr = 10.0.0.0/8', ["COND_VALUE_INVALID at '10.0.0.0/8': '10.0.0.0/8' is no IPv4 address"]],
  ['t.ipaddr = fe80::/10', ["COND_VALUE_INVALID at 'fe80::/10': 'fe80::/10' is no address (networks are compared with fields whose names end in net)"]],
  ['t.ipnet = 10.0.0.1', ["COND_VALUE_INVALID at '10.0.0.1': '10.0.0.1' is no network (networks are written as address/bits: 10.0.0.0/8)"]],
  ['t.ipnet = 10.0.0.1/33', ["COND_VALUE_INVALID at '10.0.0.1/33': '33' is no number of bits from 0 to 32"]],
  ['t.ipnet = ::/0', ["COND_VALUE_INVALID at '::/0': '0' is no number of bits from 1 to 128"]],
  ['t.bytebuf bcontains 123', ["COND_VALUE_INVALID at '123': '123' is no sequence of hexadecimal bytes, which bcontains needs (two digits for each byte: 7f454c46)"]],
  ['t.bytebuf bstartswith 12ab and t.bytebuf = "a\\x00b"', []],
  ['t.charbuf = "a\\x00b"', ["COND_VALUE_INVALID at '\"a\\x00b\"': a value cannot contain a NUL byte"]],
  // Event types.
  ['evt.type in (open, opne)', ["COND_UNKNOWN_EVENT_TYPE at 'opne': there is no event type 'opne' (did you mean 'open'?)"]],
  ['evt.type = val(t.charbuf)', ["COND_RIGHT_FIELD at 'val(t.charbuf)': 'evt.type' can be compared with constants only (rules are indexed by it)"]],
  // Regular expressions.
  ['t.charbuf regex "[0-9]+x"', []],
  ['t.charbuf regex "\\\\d+"', ["COND_REGEX_INVALID at '\"\\\\d+\"': regular expression does not compile: invalid escape sequence: `\\d` (the syntax is POSIX: [0-9] for \\d, [[:space:]] for \\s, [[:alnum:]_] for \\w, and no (?…))"]],
  ['t.charbuf regex "(a"', ["COND_REGEX_INVALID at '\"(a\"': regular expression does not compile: missing closing ): `(a`"]],
  ['t.charbuf regex .*abc', ["warning COND_WARN_SIMPLE_REGEX at '.*abc': '.*abc' needs no regular expression ('=', 'contains', 'startswith' and 'endswith' are cheaper)"]],
  // Fields with fields.
  ['t.charbuf = val(u.charbuf) and t.uint64 < len(l.charbuf)', []],
  ['t.charbuf = val(t.fspath)', ["COND_RIGHT_FIELD at 'val(t.fspath)': a CHARBUF cannot be compared with a FSPATH"]],
  ['t.charbuf in val(l.charbuf)', ["COND_RIGHT_FIELD at 'val(l.charbuf)': a CHARBUF cannot be compared with a list of CHARBUF"]],
  ['t.charbuf regex val(u.charbuf)', ["COND_RIGHT_FIELD at 'val(u.charbuf)': operator 'regex' compares with constants only"]],
  ['t.charbuf pmatch val(u.charbuf)', ["COND_RIGHT_FIELD at 'val(u.charbuf)': operator 'pmatch' compares with constants only"]],
  ['t.ipnet = val(u.ipnet)', ["COND_RIGHT_FIELD at 'val(u.ipnet)': a IPNET can be compared with constants only"]],
  ['any.name = val(t.charbuf)', ["COND_RIGHT_FIELD at 'val(t.charbuf)': field 'any.name' can be compared with constants only"]],
  ['t.charbuf = val(any.name)', ["COND_RIGHT_FIELD at 'val(any.name)': field 'any.name' can be compared with constants only"]],
  ['t.charbuf = val(u.charbuf)[x]', ["COND_ARGUMENT_NOT_ALLOWED at 'val(u.charbuf)[x]': val() takes no argument in brackets (put the brackets after the field)"]],
  // Transformers.
  ['tolower(t.int64) = 1', ["COND_TRANSFORMER_TYPE at 'tolower(t.int64)': tolower() takes CHARBUF, FSPATH, FSRELPATH, not INT64"]],
  ['b64(t.fspath) = a', ["COND_TRANSFORMER_TYPE at 'b64(t.fspath)': b64() takes CHARBUF, BYTEBUF, not FSPATH"]],
  ['len(t.int64) = 1', ["COND_TRANSFORMER_TYPE at 'len(t.int64)': len() takes a text, a buffer or a list, not INT64"]],
  ['tolower(len(t.charbuf)) = 1', ["COND_TRANSFORMER_TYPE at 'tolower(len(t.charbuf))': tolower() takes CHARBUF, FSPATH, FSRELPATH, not UINT64"]],
  ['tolower(any.name) = a', ["COND_TRANSFORMER_FIELD at 'tolower(any.name)': field 'any.name' cannot be given to a transformer"]],
  ['toupper(t.charbuf)[x] = a', ["COND_ARGUMENT_NOT_ALLOWED at 'toupper(t.charbuf)[x]': toupper() takes no argument in brackets"]],
  ['tolower(t.charbuf, u.charbuf) = a', ["COND_TRANSFORMER_ARGUMENTS at 'tolower(t.charbuf, u.charbuf)': tolower() takes one argument, not 2"]],
  ['join("-") = a', ["COND_TRANSFORMER_TYPE at 'join(\"-\")': join() takes a separator and a list, not 1 argument"]],
  ['join("-", t.charbuf) = a', ["COND_TRANSFORMER_ARGUMENTS at 'join(\"-\", t.charbuf)': the second argument of join() must be a list (put it into parentheses)"]],
  ['join(l.charbuf, ("a")) = a', ["COND_TRANSFORMER_ARGUMENTS at 'join(l.charbuf, (\"a\"))': the separator of join() must be one value, not a list"]],
  ['concat("a") = a', ["COND_TRANSFORMER_TYPE at 'concat(\"a\")': concat() takes two arguments or more"]],
  ['concat(t.charbuf, t.int64) = a', ["COND_TRANSFORMER_ARGUMENTS at 'concat(t.charbuf, t.int64)': concat() takes CHARBUF, not INT64 (join(\"\", (…)) takes numbers as well)"]],
  ['getopt(l.charbuf, "n")[nn] = a', ["COND_TRANSFORMER_ARGUMENTS at 'getopt(l.charbuf, \"n\")[nn]': the argument in brackets after getopt() is one option letter"]],
  ['getopt(t.charbuf, "n") in (a)', ["COND_TRANSFORMER_ARGUMENTS at 'getopt(t.charbuf, \"n\")': the first argument of getopt() must be a list (put the arguments into parentheses: (proc.args[0], proc.args[1]))"]],
  ['getopt(l.charbuf, "n") = a', ["COND_OPERATOR_TYPE at '=': operator '=' does not fit list of CHARBUF (operators for list of CHARBUF: intersects in exists)"]],
  ['getopt(l.charbuf, "n:")[n] = a', []],
  // What is suspicious.
  ['t.charbuf = u.charbuf', ["warning COND_WARN_FIELD_AS_VALUE at 'u.charbuf': 'u.charbuf' is the name of a field, but stands here as a text (write val(u.charbuf) for its value)"]],
  ['t.charbuf = no.field', []],
  ["t.charbuf = 'tolower(u.charbuf)'", ["warning COND_WARN_TRANSFORMER_AS_VALUE at ''tolower(u.charbuf)'': 'tolower(u.charbuf)' is spelt like a transformer, but stands here as a text (leave away the quotes)"]],
  // Several at once.
  ['t.int32 in (a, 1, b) and no.field exists', [
    "COND_VALUE_INVALID at 'a': 'a' is no decimal number, which INT32 needs",
    "COND_VALUE_INVALID at 'b': 'b' is no decimal number, which INT32 needs",
    "COND_UNKNOWN_FIELD at 'no.field': there is no field 'no.field' for source 'synthetic'",
  ]],
];

describe('a condition that is checked against its fields', () => {
  it.each(table)('%s', (text, wanted) => expect(problems(text)).toEqual(wanted));

  it('says in which macro, and where in its text, an error is; once, however often the macro is used', () => {
    const inner = 'x.y exists';
    const macros = new Map([['outer', parse('a.b exists or inner').ast!], ['inner', parse(inner).ast!]]);
    const { ast, errors } = resolve(parse('outer and not inner').ast!, { macros, lists: new Map() });
    expect(errors).toEqual([]);
    expect(check(ast, catalogue).map((error) => [error.macros, error.start, error.end])).toEqual([
      [['outer'], 0, 3],
      [['outer', 'inner'], 0, 3],
    ]);
  });

  it('leaves references to macros that are not there alone', () => {
    expect(check(parse('nothing and t.charbuf = a').ast!, catalogue)).toEqual([]);
  });

  it('has a sentence for every code', () => {
    for (const [code, sentence] of Object.entries(LANG_CODES)) expect(sentence, code).toMatch(/^[A-Z`].*\.$/);
  });
});

describe('operators and types', () => {
  const numeric = ['=', '!=', '<', '<=', '>', '>=', 'in', 'intersects'];
  const text = [...numeric, 'contains', 'icontains', 'startswith', 'endswith', 'glob', 'iglob', 'regex', 'pmatch'];
  const equality = ['=', '!=', 'in', 'intersects'];
  const buffer = [...equality, 'contains', 'startswith', 'endswith', 'bcontains', 'bstartswith'];
  const fitting: readonly (readonly [FieldType, readonly string[], string])[] = [
    ['CHARBUF', text, '1'], ['FSPATH', text, '1'], ['FSRELPATH', text, '1'], ['BYTEBUF', buffer, '61'], ['BOOL', equality, 'true'],
    ['IPADDR', equality, '127.0.0.1'], ['IPNET', equality, '127.0.0.1/32'],
    ...(['INT8', 'INT16', 'INT32', 'INT64', 'UINT8', 'UINT16', 'UINT32', 'UINT64', 'DOUBLE', 'PORT', 'PID', 'FD', 'ERRNO', 'ABSTIME', 'RELTIME',
      'SIGTYPE', 'SYSCALLID', 'MODE', 'FLAGS8', 'FLAGS16', 'FLAGS32', 'ENUMFLAGS8', 'ENUMFLAGS16', 'ENUMFLAGS32'] as const).map(
      (type) => [type, numeric, '1'] as const,
    ),
  ];
  const all = [...new Set([...text, ...buffer])] as CompareOperator[];

  it.each(fitting)('%s takes %j', (type, operators, constant) => {
    for (const operator of all) {
      const right = ['in', 'intersects', 'pmatch'].includes(operator) ? `(${constant})` : /^[<>]/.test(operator) ? '1' : `"${constant}"`;
      const found = problems(`t.${type.toLowerCase()} ${operator} ${right}`).filter((problem) => problem.startsWith('COND_OPERATOR_TYPE'));
      expect(found.length, `${type} ${operator}`).toBe(operators.includes(operator) ? 0 : 1);
    }
    expect(problems(`t.${type.toLowerCase()} exists`)).toEqual([]);
  });

  it('take modifiers where they take one value', () => {
    expect(problems('t.ipaddr = anyof (127.0.0.1) and t.ipnet != allof (10.0.0.0/8) and t.charbuf regex oneof ("a.c", "[x]")')).toEqual([]);
    expect(problems('t.ipaddr contains anyof (127.0.0.1)')).toHaveLength(1);
  });
});

describe('an operand in an output', () => {
  it('may be a field that cannot be filtered by, and not the other way round', () => {
    const codes = (text: string) => checkOperand(parseOperand(text).ast!, catalogue).map((error) => error.code);
    expect(codes('only.printed')).toEqual([]);
    expect(codes('only.filtered')).toEqual(['COND_FIELD_FILTER_ONLY']);
    expect(codes('toupper(t.charbuf)')).toEqual([]);
    expect(codes('toupper(t.int8)')).toEqual(['COND_TRANSFORMER_TYPE']);
    expect(codes('no.field')).toEqual(['COND_UNKNOWN_FIELD']);
  });
});
