/** A value is one part of an address, whatever it holds. */
import { expect, it } from 'vitest';
import { compileTemplate } from '../expression.ts';
import { weaveAddress } from './address.ts';

const weave = (template: string, ...values: string[]) =>
  weaveAddress(
    template.split(/(\$)/).map((text) => {
      return text === '$'
        ? { text: values.shift() ?? '', isValue: true }
        : { text, isValue: false };
    }),
  );

it.each([
  ['customers/$', ['7'], 'customers/7'],
  ['customers/$', ['a/b'], 'customers/a%2Fb'],
  ['customers/$', ['1?force=true'], 'customers/1%3Fforce%3Dtrue'],
  ['customers/$', ['1#x'], 'customers/1%23x'],
  ['customers/$', ['%2e%2e'], 'customers/%252e%252e'],
  ['customers/$', ['ü \n'], 'customers/%C3%BC%20%0A'],
  ['customers/$/orders', ['...'], 'customers/.../orders'],
  ['files/$.$', ['a', 'csv'], 'files/a.csv'],
  ['orders?since=$&to=$', ['1&2', '../x'], 'orders?since=1%262&to=..%2Fx'],
  ['orders?$', ['a=1&b=2'], 'orders?a%3D1%26b%3D2'],
  ['https://$/x', ['host.example:8080'], 'https://host.example:8080/x'],
  ['https://$/x', ['[::1]:80'], 'https://[::1]:80/x'],
  ['https://api.$.example/$', ['eu', 'a@b'], 'https://api.eu.example/a%40b'],
  ['$/orders', ['https://h/api'], 'https://h/api/orders'],
  ['$/orders', ['eu'], 'eu/orders'],
  ['$/orders', ['//evil.example'], '%2F%2Fevil.example/orders'],
  ['$?page=2', ['https://h/api?x=1'], 'https://h/api?x=1?page=2'],
] as const)('%s with %j is %s', (template, values, expected) => {
  expect(weave(template, ...values)).toBe(expected);
});

it.each([
  ['customers/$', ['..']],
  ['customers/$', ['.']],
  ['customers/$', ['']],
  ['customers/$/orders', ['']],
  ['customers/$', ['../../admin/users/1']],
  ['customers/$', ['..\\admin']],
  ['customers/.$', ['.']],
  ['customers/%2e$', ['.']],
  ['customers/$$/x', ['.', '.']],
  ['$/orders', ['..']],
  ['https://$/x', ['evil.example/a']],
  ['https://$.example/', ['evil.com#']],
  ['https://$@host/', ['a@b']],
  ['customers/$', ['\ud800']],
] as const)('%s with %j is refused', (template, values) => {
  expect(() => weave(template, ...values)).toThrow(/value/);
});

it('is done for the fields that are addresses, and for no others', () => {
  const given = { url: 'a/${{ inputs.x }}', body: 'a/${{ inputs.x }}', whole: '${{ inputs.x }}' };
  const template = compileTemplate({ ...given, locate: given }, undefined, {
    url: true,
    whole: true,
    locate: { url: true },
  });
  const scope = { inputs: { x: 'b/c' }, tasks: {} } as never;
  expect(template.render(scope)).toEqual({
    url: 'a/b%2Fc',
    body: 'a/b/c',
    whole: 'b/c',
    locate: { url: 'a/b%2Fc', body: 'a/b/c', whole: 'b/c' },
  });
});
