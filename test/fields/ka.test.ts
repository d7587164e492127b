// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { type AuditEvent, parseAuditEvent } from '../../src/events/audit-event.js';
import { auditCatalogue } from '../../src/fields/audit-catalogue.js';
import { argumentOf } from '../../src/fields/catalogue.js';

const catalogue = auditCatalogue({ hostname: 'vm', clock: { firstEvent: 0n } });

/** An event's text: `body` and what every event has. */
const textOf = (body: string): string =>
  `{"auditID":"a","stage":"ResponseComplete","stageTimestamp":"2026-11-23T08:04:40.686563Z",${body}}`;

function eventOf(text: string): AuditEvent {
  const event = parseAuditEvent(text);
  if (typeof event === 'string') throw new Error(event);
  return event;
}

function read(event: AuditEvent, field: string): unknown {
  const bracket = field.indexOf('[');
  const found = catalogue.find(bracket === -1 ? field : field.slice(0, bracket));
  const reader = found?.field.bind(bracket === -1 ? null : argumentOf(field.slice(bracket + 1, -1)));
  if (typeof reader !== 'function') throw new Error(`no field ${field}`);
  return reader(event);
}

const field = (body: string, name: string): unknown => read(eventOf(textOf(body)), name);
const pod = (spec: unknown): string => `"requestObject":{"spec":${JSON.stringify(spec)}}`;

describe('where Falco’s plugin is wrong, ours is right', () => {
  it('ka.sourceips reads the addresses of the request, and one of them by index', () => {
    const body = '"sourceIPs":["1.2.3.4","5.6.7.8"]';
    expect(field(body, 'ka.sourceips')).toEqual(['1.2.3.4', '5.6.7.8']);
    expect(field('"verb":"get"', 'ka.sourceips')).toBe(null);
  });

  it.each([
    ['nginx', 'nginx'],
    ['nginx:1.25', 'nginx'],
    ['reg.io:5000/ns/img', 'reg.io:5000/ns/img'],
    ['reg.io:5000/ns/img:1@sha256:ff', 'reg.io:5000/ns/img'],
    ['reg.io/img@sha256:ff', 'reg.io/img'],
    ['', ''],
  ])('the repository of %s keeps a registry’s port', (image, repository) => {
    const body = pod({ containers: [{ name: 'c', image }] });
    expect(field(body, 'ka.req.pod.containers.image.repository')).toEqual([repository]);
    expect(field(body, 'ka.req.container.image.repository')).toBe(repository);
  });

  it('eff_run_as_user is the container’s, else the pod’s, else 0', () => {
    const containers = [{ securityContext: { runAsUser: 1000 } }, {}, { securityContext: { runAsUser: null } }];
    const withPod = pod({ securityContext: { runAsUser: 5 }, containers });
    expect(field(withPod, 'ka.req.pod.containers.eff_run_as_user')).toEqual(['1000', '5', '5']);
    expect(field(pod({ containers }), 'ka.req.pod.containers.eff_run_as_user')).toEqual(['1000', '0', '0']);
    expect(field(pod({ containers }), 'ka.req.pod.containers.eff_run_as_group')).toEqual(['0', '0', '0']);
  });

  it('a port of a container is one of the host only with hostPort or in the network of the host', () => {
    const containers = [{ ports: [{ containerPort: 80 }, { containerPort: 81, hostPort: 8081 }] }];
    expect(field(pod({ containers }), 'ka.req.pod.containers.host_port')).toEqual(['8081']);
    expect(field(pod({ hostNetwork: true, containers }), 'ka.req.pod.containers.host_port')).toEqual(['80', '8081']);
  });

  it('has_name tells whether somebody of that name is bound', () => {
    const body = '"requestObject":{"subjects":[{"kind":"User","name":"eve"}]}';
    expect(field(body, 'ka.req.binding.subject.has_name[eve]')).toBe('true');
    expect(field(body, 'ka.req.binding.subject.has_name[bob]')).toBe('false');
    expect(field('"verb":"get"', 'ka.req.binding.subject.has_name[eve]')).toBe(null);
  });

  it('an index on the ports of a service selects one', () => {
    const body = pod({ ports: [{ port: 80 }, { port: 81 }] });
    expect(field(body, 'ka.req.service.ports')).toEqual(['[{"port":80},{"port":81}]']);
    expect(field(body, 'ka.req.service.ports[1]')).toEqual(['{"port":81}']);
    expect(field(body, 'ka.req.service.ports[2]')).toBe(null);
  });

  it('one bad pair in a query does not hide the others', () => {
    const uri = '/api/v1/namespaces/d/pods/p/exec?a=%zz&x;y=1&command=sh&command=-c&name=a%20b+%C3%A9';
    const body = `"requestURI":"${uri}"`;
    expect(field(body, 'ka.uri.param[command]')).toBe('sh');
    expect(field(body, 'ka.uri.param[name]')).toBe('a b é');
    expect(field(body, 'ka.uri.param[a]')).toBe(null);
  });

  it('a NUL does not cut a text, and of two members with one name the last counts, as for the apiserver', () => {
    expect(field('"userAgent":"a\\u0000b"', 'ka.useragent')).toBe('a\0b');
    const twice = '"verb":"get","verb":"create","requestObject":{"data":{"a":1},"data":{"b":2}}';
    expect(field(twice, 'ka.verb')).toBe('create');
    expect(field(twice, 'ka.req.configmap.obj')).toBe('{"b":2}');
  });
});

describe('what an event says is rendered as it was sent', () => {
  it('numbers beyond 2^53 and fractions keep their digits', () => {
    const body = '"responseStatus":{"code":12345678901234567890,"rate":0.10}, "user":{"groups":[9007199254740993]}';
    expect(field(body, 'ka.response.code')).toBe('12345678901234567890');
    expect(field(body, 'jevt.value[/responseStatus/rate]')).toBe('0.10');
    expect(field(body, 'ka.user.groups')).toEqual(['9007199254740993']);
  });

  it('objects lose white space between tokens only, and keep their escapes', () => {
    const body = '"requestObject": { "data" : { "a b" : "x  \\u003c y\\n" , "n": [ 1 , 2 ] } }';
    expect(field(body, 'ka.req.configmap.obj')).toBe('{"a b":"x  \\u003c y\\n","n":[1,2]}');
    expect(field(body, 'jevt.value[/requestObject/data/n/1]')).toBe('2');
    expect(field(body, 'jevt.value[requestObject/data/a b]')).toBe('x  < y\n');
  });

  it('jevt.obj is the whole event, indented, and parses to the same', () => {
    const text = textOf('"a":{},"b":[],"c":[1,{"d":"{\\"[,"}]');
    const shown = read(eventOf(text), 'jevt.obj') as string;
    expect(JSON.parse(shown)).toEqual(JSON.parse(text));
    expect(shown.split('\n').slice(0, 3)).toEqual(['{', '  "auditID": "a",', '  "stage": "ResponseComplete",']);
    expect(shown).toContain('"a": {},\n  "b": [],\n  "c": [\n    1,\n    {\n      "d": "{\\"[,"\n    }\n  ]\n}');
  });

  it('a pointer’s ~1 and ~0 stand for slash and tilde', () => {
    const body = '"annotations":{"a/b~c":"x"}';
    expect(field(body, 'jevt.value[/annotations/a~1b~0c]')).toBe('x');
  });

  it('the empty pointer is the whole event', () => {
    expect(read(eventOf(textOf('"verb": "get"')), 'jevt.value[]')).toBe(textOf('"verb":"get"'));
  });
});

describe('names that JavaScript gives every object', () => {
  const body = '"__proto__":{"verb":"x","polluted":"yes"},"requestObject":{"constructor":"mine"},"list":[1,2]';

  it('are found when the event says them and absent when it does not', () => {
    expect(field(body, 'jevt.value[/__proto__/verb]')).toBe('x');
    expect(field(body, 'jevt.value[/requestObject/constructor]')).toBe('mine');
    expect(field(body, 'ka.verb')).toBe(null);
    for (const pointer of ['/constructor', '/constructor/name', '/list/length', '/toString', '/requestObject/__proto__', '/list/map']) {
      expect(field(body, `jevt.value[${pointer}]`)).toBe(null);
    }
  });

  it('pollute nothing', () => {
    expect(({} as { polluted?: string }).polluted).toBe(undefined);
  });
});

describe('wrong types at every pointer', () => {
  const odd = ['null', 'true', '5', '"x"', '[]', '{}', '[null]', '[[]]', '[{}]', '[[[1]],"x",5,null,{"name":{}}]', '{"a":{"b":[]}}'];
  const fields = catalogue.classes.flatMap((one) => one.fields);
  const tops = ['requestObject', 'responseObject', 'objectRef', 'user', 'annotations', 'responseStatus', 'sourceIPs', 'requestURI'];
  const inner = ['spec', 'rules', 'subjects', 'roleRef', 'data', 'metadata', 'groups'];
  const deep = ['containers', 'volumes', 'ports', 'securityContext', 'initContainers', 'ephemeralContainers'];

  function bodies(): string[] {
    const all: string[] = [];
    for (const o of odd) {
      for (const top of tops) all.push(`"${top}":${o}`);
      for (const key of inner) all.push(`"requestObject":{"${key}":${o}},"user":{"${key}":${o}}`);
      for (const key of deep) {
        all.push(`"requestObject":{"spec":{"${key}":${o}}}`);
        all.push(`"requestObject":{"spec":{"containers":[{"${key}":${o},"args":${o},"image":${o},"name":${o}}],"volumes":[{"hostPath":${o}}]}}`);
      }
      all.push(`"requestObject":[{"spec":${o}},${o}]`);
    }
    return all;
  }

  it('neither throw nor make a value of another type', () => {
    const readers = fields.flatMap((def) => {
      const argument = def.argument?.key === true ? argumentOf('/proc*') : null;
      const indexed = def.argument?.index === true ? [argumentOf('0'), argumentOf('7')] : [];
      return [argument, ...indexed].map((a) => ({ def, reader: def.bind(a) as (event: AuditEvent) => unknown }));
    });
    for (const body of bodies()) {
      const event = eventOf(textOf(body));
      for (const { def, reader } of readers) {
        const value = reader(event);
        if (value === null) continue;
        if (def.list === true) {
          expect(Array.isArray(value) && value.length > 0 && value.every((v) => typeof v === 'string'), `${def.name} of ${body}`).toBe(true);
        } else if (def.type === 'CHARBUF') expect(typeof value, `${def.name} of ${body}`).toBe('string');
      }
    }
  });
});

describe('the time of an event', () => {
  const at = (time: string): unknown => read(eventOf(`{"stageTimestamp":"${time}"}`), 'jevt.rawtime');

  it('is stageTimestamp, with any number of digits and any zone', () => {
    expect(at('2018-10-25T14:09:12.581541Z')).toBe('1540476552581541000');
    expect(at('2018-10-25T19:53:07.5+02:00')).toBe('1540489987500000000');
    expect(at('2018-10-25T14:09:12Z')).toBe('1540476552000000000');
    expect(at('2018-10-25T14:09:12.1234567899Z')).toBe('1540476552123456789');
    expect(at('2024-02-29T00:00:00-05:30')).toBe('1709184600000000000');
  });

  it('is now when the event says Go’s zero time', () => {
    const before = BigInt(Date.now()) * 1_000_000n;
    const time = BigInt(at('0001-01-01T00:00:00Z') as string);
    expect(time >= before && time <= BigInt(Date.now()) * 1_000_000n).toBe(true);
  });

  it.each(['yesterday', '2018-10-25', '2018-13-01T00:00:00Z', '2023-02-29T00:00:00Z', '2018-10-25T24:00:00Z', '2018-10-25T14:09:12', '2018-10-25 14:09:12Z', ''])(
    'makes an event with %j refused',
    (time) => expect(parseAuditEvent(`{"stageTimestamp":"${time}"}`)).toBe('no_time'),
  );

  it('is jevt.time too', () => {
    const event = eventOf(textOf('"verb":"get"'));
    expect(read(event, 'jevt.time')).toBe(read(event, 'evt.time'));
  });
});
