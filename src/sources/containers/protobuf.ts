// SPDX-License-Identifier: Apache-2.0
/**
 * Protobuf definitions as tables: only the messages and fields that are read here, by their numbers in the runtimes' own
 * definitions. What is not listed is skipped when it is decoded. Generated code would need a compiler at build time.
 */
import { create, createFileRegistry, type DescService } from '@bufbuild/protobuf';
import {
  type DescriptorProto, DescriptorProtoSchema, FieldDescriptorProto_Label as Label, type FieldDescriptorProto, FieldDescriptorProtoSchema,
  FieldDescriptorProto_Type as Type, FileDescriptorProtoSchema, type MethodDescriptorProto, MethodDescriptorProtoSchema, type ServiceDescriptorProto, ServiceDescriptorProtoSchema,
} from '@bufbuild/protobuf/wkt';

/** A scalar, `map` (of texts by text), or the name of a message of the same table; `[]` behind it: repeated. */
export type FieldType = string;
/** By name as JSON has it: number and type. */
export type MessageTable = Readonly<Record<string, readonly [number: number, type: FieldType]>>;
export type MessageTables = Readonly<Record<string, MessageTable>>;
/** Messages of request and answer; `stream`: answers go on. */
export type ServiceTable = Readonly<Record<string, readonly [request: string, answer: string, stream?: 'stream']>>;

export interface ProtoPackage {
  readonly name: string;
  readonly messages: MessageTables;
  readonly services: Readonly<Record<string, ServiceTable>>;
}

const SCALARS: Readonly<Record<string, Type>> = {
  string: Type.STRING, bytes: Type.BYTES, bool: Type.BOOL, int32: Type.INT32, uint32: Type.UINT32, int64: Type.INT64, uint64: Type.UINT64,
};

/** The services of some packages, by `package.Service`. @throws when a table names a message that is not there */
export function defineServices(packages: readonly ProtoPackage[]): (service: string) => DescService {
  const registries = packages.map((one) => createFileRegistry(fileOf(one), () => undefined));
  return (service) => {
    for (const each of registries) {
      const found = each.getService(service);
      if (found !== undefined) return found;
    }
    throw new Error(`no service '${service}' is defined`);
  };
}

function fileOf({ name, messages, services }: ProtoPackage) {
  const full = (message: string): string => `.${name}.${message}`;
  return create(FileDescriptorProtoSchema, {
    name: `${name}.proto`,
    package: name,
    syntax: 'proto3',
    messageType: Object.entries(messages).map(([message, table]) => messageOf(message, table, full)),
    service: Object.entries(services).map(([service, table]) => serviceOf(service, table, full)),
  });
}

function messageOf(name: string, table: MessageTable, full: (message: string) => string): DescriptorProto {
  const nestedType: DescriptorProto[] = [];
  const field = Object.entries(table).map(([key, [number, type]]) => {
    if (type !== 'map') return fieldOf(key, number, type, full);
    // A map is a repeated message of key and value.
    const entry = `${key[0].toUpperCase()}${key.slice(1)}Entry`;
    nestedType.push(create(DescriptorProtoSchema, {
      name: entry, options: { mapEntry: true }, field: [fieldOf('key', 1, 'string', full), fieldOf('value', 2, 'string', full)],
    }));
    return fieldOf(key, number, `${name}.${entry}[]`, full);
  });
  return create(DescriptorProtoSchema, { name, field, nestedType });
}

function fieldOf(name: string, number: number, type: FieldType, full: (message: string) => string): FieldDescriptorProto {
  const repeated = type.endsWith('[]');
  const one = repeated ? type.slice(0, -2) : type;
  const scalar = Object.hasOwn(SCALARS, one) ? SCALARS[one] : undefined;
  return create(FieldDescriptorProtoSchema, {
    name,
    jsonName: name,
    number,
    label: repeated ? Label.REPEATED : Label.OPTIONAL,
    ...(scalar === undefined ? { type: Type.MESSAGE, typeName: full(one) } : { type: scalar }),
  });
}

function serviceOf(name: string, table: ServiceTable, full: (message: string) => string): ServiceDescriptorProto {
  return create(ServiceDescriptorProtoSchema, {
    name,
    method: Object.entries(table).map(([method, [request, answer, stream]]): MethodDescriptorProto => create(MethodDescriptorProtoSchema, {
      name: method, inputType: full(request), outputType: full(answer), serverStreaming: stream === 'stream',
    })),
  });
}
