import pg from 'pg';
import { describe, expect, it } from 'vitest';
import { parseConnectionString, passwordsIn } from './connection-string.ts';

/** What the driver makes of each host. */
function read(text: string) {
  return parseConnectionString(text, 'tutti:1').map(({ name, connection }) => {
    const { host, port, user, password, database } = new pg.Client(connection);
    return { name, host, port, user, password, database };
  });
}

describe('connection strings', () => {
  it('leaves a string with one host as it is written', () => {
    const text = 'postgresql://user:p%40ss@db.example/tutti?sslmode=verify-full';
    expect(parseConnectionString(text, 'tutti:1')).toEqual([
      {
        name: 'db.example:5432',
        connection: { connectionString: text, application_name: 'tutti:1' },
      },
    ]);
    const socket = 'postgres://u@localhost/db?host=%2Frun%2Fpg';
    expect(parseConnectionString(socket, 'x')[0]?.name).toBe('/run/pg:5432');
  });

  it('makes one connection per host of a list', () => {
    expect(
      read('postgresql://u:p%40s@h1:1,[::1]:2,h3/db?target_session_attrs=read-write'),
    ).toMatchObject([
      { name: 'h1:1', host: 'h1', port: 1, user: 'u', password: 'p@s', database: 'db' },
      { name: '[::1]:2', host: '::1', port: 2, user: 'u', password: 'p@s', database: 'db' },
      { name: 'h3:5432', host: 'h3', port: 5432, database: 'db' },
    ]);
  });

  it('takes hosts and ports as parameters, for sockets', () => {
    expect(read('postgresql://u@/db?host=/a,/b&port=1,2')).toMatchObject([
      { name: '/a:1', host: '/a', port: 1, user: 'u', database: 'db' },
      { name: '/b:2', host: '/b', port: 2, user: 'u', database: 'db' },
    ]);
    expect(read('postgresql:///db?host=/a,/b&port=7').map(({ port }) => port)).toEqual([7, 7]);
    expect(read('postgresql:///db?host=/a,/b').map(({ name }) => name)).toEqual([
      '/a:5432',
      '/b:5432',
    ]);
  });

  it('keeps what is meant for the driver and understands connect_timeout', () => {
    const [host] = parseConnectionString(
      'postgresql://a,b/db?connect_timeout=3&application_name=mine&sslmode=no-verify',
      'tutti:1',
    );
    expect(host?.connection).toEqual({
      connectionString: 'postgresql://a:5432/db?application_name=mine&sslmode=no-verify',
      application_name: 'tutti:1',
      connectionTimeoutMillis: 3_000,
    });
  });

  it.each([
    ['mysql://h/db', 'must begin with postgres:// or postgresql://, not mysql://'],
    ['postgresql:h', 'must begin with postgres:// or postgresql://.'],
    ['/some/socket', 'must begin with postgres:// or postgresql://.'],
    ['postgresql://u:secret@a,b/db?port=1,2,3', 'has 2 hosts and 3 ports'],
    ['postgresql://u:secret@a:x,b/db', 'has a port that is no number from 1 to 65535: x'],
    ['postgresql://u:secret@a:99999/db', 'from 1 to 65535: 99999'],
    ['postgresql://u:secret@a,,b/db', 'has an empty host in its list'],
    ['postgresql://u:secret@::1,b/db', 'put IPv6 in brackets'],
    ['postgresql://u:secret@a/db?target_session_attrs=standby', 'target_session_attrs=standby;'],
    ['postgresql://u:secret@a/db?connect_timeout=soon', 'connect_timeout that is not a whole'],
  ])('refuses %s', (text, words) => {
    const parse = (): unknown => parseConnectionString(text, 'tutti:1');
    expect(parse).toThrow(words);
    expect(parse).not.toThrow('secret');
  });
});

describe('passwords', () => {
  it('are found in every form, with one host and with several', () => {
    expect(passwordsIn('postgresql://u:p%40ss@h/db')).toEqual(['p%40ss', 'p@ss']);
    expect(passwordsIn('postgresql://u:hidden@h1:1,h2:2/db')).toEqual(['hidden']);
    expect(passwordsIn('postgresql:///db?host=/a,/b&user=u&password=in%20it')).toEqual([
      'in%20it',
      'in it',
    ]);
    expect(passwordsIn('postgresql://u:a@b@h1,h2/db')).toEqual(['a@b', 'a%40b']);
    expect(passwordsIn('postgresql://u:100%@h1,h2/db')).toContain('100%');
  });

  it('are none where none are', () => {
    for (const text of ['postgresql://u@h1,h2/db', 'postgresql:///db', 'nonsense', '']) {
      expect(passwordsIn(text)).toEqual([]);
    }
  });
});
