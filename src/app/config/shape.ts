// SPDX-License-Identifier: Apache-2.0
/**
 * The little of JSON Schema that the configuration needs, each piece with the TypeScript type it stands for. (A schema
 * library and a validator took half a second of every start.)
 */
declare const TYPE: unique symbol;

/** A JSON schema; `T` is the type of the values it admits. */
export interface Shape<T> {
  readonly [TYPE]?: T;
  readonly type?: 'boolean' | 'integer' | 'number' | 'string' | 'array' | 'object';
  readonly anyOf?: readonly Shape<unknown>[];
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly items?: Shape<unknown>;
  readonly properties?: Readonly<Record<string, Shape<unknown>>>;
  readonly required?: readonly string[];
  /** False: no other keys. A shape: what other keys hold. */
  readonly additionalProperties?: false | Shape<unknown>;
  /** Stands in for a key that is absent. Without one, the key is absent from the value too. */
  readonly default?: unknown;
  readonly description?: string;
  readonly deprecated?: boolean;
  readonly title?: string;
  readonly $schema?: string;
}

export type Static<S> = S extends Shape<infer T> ? T : never;

/** Marks a key that may be absent from the value. */
export type Optional<T> = Shape<T> & { readonly optional?: true };

type Properties = Readonly<Record<string, Shape<unknown>>>;
type OptionalKeys<P> = { [K in keyof P]: P[K] extends { readonly optional?: true } ? ('optional' extends keyof P[K] ? K : never) : never }[keyof P];
type ObjectOf<P> = { readonly [K in Exclude<keyof P, OptionalKeys<P>>]: Static<P[K]> } & { readonly [K in OptionalKeys<P>]?: Static<P[K]> };

type Notes = Pick<Shape<unknown>, 'description' | 'deprecated'>;

export const bool = (value: boolean, notes: Notes = {}): Shape<boolean> => ({ type: 'boolean', default: value, ...notes });
export const text = (value: string, notes: Notes = {}): Shape<string> => ({ type: 'string', default: value, ...notes });
export const integer = (value: number, limits: { minimum?: number; maximum?: number } & Notes = {}): Shape<number> => ({
  type: 'integer', default: value, minimum: 0, ...limits,
});
export const decimal = (value: number, limits: { minimum?: number; maximum?: number } & Notes = {}): Shape<number> => ({
  type: 'number', default: value, minimum: 0, ...limits,
});
export const oneOf = <const T extends readonly string[]>(names: T, value: T[number]): Shape<T[number]> => ({
  type: 'string', enum: names, default: value,
});
/** An absent list is an empty one. */
export const list = <T>(items: Shape<T>, notes: Notes = {}): Shape<readonly T[]> => ({ type: 'array', items, default: [], ...notes });
/** A list whose absence means something of its own. */
export const sequence = <T>(items: Shape<T>): Shape<readonly T[]> => ({ type: 'array', items });
/** An absent section is an empty one, so that its keys' defaults apply. */
export const section = <P extends Properties>(properties: P): Shape<ObjectOf<P>> => ({
  type: 'object', properties, additionalProperties: false, default: {},
});
/** An element of a list: some of its keys may be required, the others be absent. */
export const entry = <P extends Properties>(properties: P, required: readonly (keyof P & string)[] = []): Shape<ObjectOf<P>> => ({
  type: 'object', properties, required, additionalProperties: false,
});
export const boolean: Shape<boolean> = { type: 'boolean' };
export const string: Shape<string> = { type: 'string' };
export const anything: Shape<unknown> = {};
export const mapOf = <T>(values: Shape<T>): Shape<Readonly<Record<string, T>>> => ({ type: 'object', additionalProperties: values });
export const either = <A, B>(a: Shape<A>, b: Shape<B>): Shape<A | B> => ({ anyOf: [a, b] });
export const optional = <T>(shape: Shape<T>): Optional<T> => shape;
