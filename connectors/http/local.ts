/**
 * Addresses that mean this machine or its own link. A service elsewhere may not send a request of
 * ours there by a redirect: what listens on loopback trusts callers from loopback.
 */
import { lookup } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { networkInterfaces } from 'node:os';

/** A name that leads to this machine, though it may not. */
export class LocalAddress extends Error {}

const FIXED = new BlockList();
FIXED.addSubnet('127.0.0.0', 8, 'ipv4');
FIXED.addSubnet('0.0.0.0', 8, 'ipv4');
FIXED.addSubnet('169.254.0.0', 16, 'ipv4');
FIXED.addAddress('::', 'ipv6');
FIXED.addAddress('::1', 'ipv6');
FIXED.addSubnet('fe80::', 10, 'ipv6');

/** Besides loopback and link-local: any address that one of this machine's interfaces has. */
export function isLocal(address: string): boolean {
  const plain = address.replace(/^\[|\]$/g, '').replace(/%.*$/, '');
  const family = isIP(plain);
  if (family === 0) return false;
  if (FIXED.check(plain, family === 4 ? 'ipv4' : 'ipv6')) return true;
  const own = Object.values(networkInterfaces()).flatMap((all) => all ?? []);
  const mapped = plain.toLowerCase().replace(/^::ffff:(?=\d+\.)/, '');
  return own.some((one) => one.address === mapped);
}

/** For `node:net`: as usual, unless a name leads here. */
export const lookupElsewhere: LookupFunction = (hostname, options, done) => {
  lookup(hostname, options, (error, found, family) => {
    const all = Array.isArray(found) ? found.map(({ address }) => address) : [found];
    if (error === null && all.some(isLocal)) done(new LocalAddress(hostname), found, family);
    else done(error, found, family);
  });
};
