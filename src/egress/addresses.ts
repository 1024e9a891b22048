/** Classifies addresses as public or not. Others may belong to the host itself, its network or its cloud. */
import { BlockList, isIPv4 } from 'node:net';

/**
 * Ranges that are not globally reachable, or that embed another address.
 * Source: IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890 and its updates), as of 2025.
 */
const SPECIAL_V4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
];
/**
 * Ranges within 2000::/3. Addresses outside of it are never global: loopback, IPv4-mapped, NAT64, unique and link
 * local, multicast.
 */
const SPECIAL_V6 = ['2001::/23', '2001:db8::/32', '2002::/16', '2620:4f:8000::/48', '3fff::/20'];

const special = new BlockList();
for (const [address, bits] of SPECIAL_V4.map(split)) special.addSubnet(address, bits, 'ipv4');
for (const [address, bits] of SPECIAL_V6.map(split)) special.addSubnet(address, bits, 'ipv6');
const globalV6 = new BlockList();
globalV6.addSubnet('2000::', 3, 'ipv6');

function split(subnet: string): [address: string, bits: number] {
  const [address, bits] = subnet.split('/');
  return [address!, Number(bits)];
}

/** Returns true if `address` belongs to a host on the public internet. */
export function isGlobal(address: string): boolean {
  if (isIPv4(address)) return !special.check(address, 'ipv4');
  return globalV6.check(address, 'ipv6') && !special.check(address, 'ipv6');
}

export function isLoopback(address: string): boolean {
  return isIPv4(address) ? address.startsWith('127.') : address === '::1';
}
