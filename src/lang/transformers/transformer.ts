// SPDX-License-Identifier: Apache-2.0
import { decodeBytes } from '../../util/byte-text.js';
import type { TransformerName } from '../ast.js';
import type { FieldType, Scalar, Value } from '../value.js';

/** What a transformer is told of an argument. */
export interface ArgumentType {
  readonly type: FieldType;
  readonly list: boolean;
  /** The type before any transformer: what `join`, `concat` and `getopt` go by. */
  readonly declared: { readonly type: FieldType; readonly list: boolean };
}

export type TransformerResult =
  | { readonly type: FieldType; readonly list: boolean }
  | { readonly problem: string; readonly hint?: string };

/** A function of values. A missing argument makes a missing result before it gets here. */
export interface Transformer {
  readonly name: TransformerName;
  readonly takesArgument: boolean;
  /** The type of the result, or why there is none. */
  readonly result: (args: readonly ArgumentType[], argument: string | null) => TransformerResult;
  /** Null: no result (text that is not base64, an option that was not given). */
  readonly apply: (args: readonly Present[], argument: string | null) => Value;
}

export type Present = Scalar | readonly Scalar[];

/** A value as text within a longer text. */
export function asText(value: Scalar): string {
  return value instanceof Uint8Array ? decodeBytes(Buffer.from(value)) : String(value);
}

/** A transformer of one value, applied to each element of a list. */
export function each(
  name: TransformerName, types: readonly FieldType[], apply: (value: Scalar) => Scalar | null,
): Transformer {
  return {
    name,
    takesArgument: false,
    result: (args) => {
      const arg = args[0] as ArgumentType;
      if (args.length !== 1) return { problem: `${name}() takes one argument, not ${args.length}` };
      if (!types.includes(arg.type)) {
        return { problem: `${name}() takes ${types.join(', ')}, not ${arg.type}` };
      }
      return { type: arg.type, list: arg.list };
    },
    apply: (args) => {
      const value = args[0] as Present;
      if (!Array.isArray(value)) return apply(value as Scalar);
      const out: Scalar[] = [];
      for (const element of value as readonly Scalar[]) {
        const result = apply(element);
        if (result === null) return null;
        out.push(result);
      }
      return out;
    },
  };
}
