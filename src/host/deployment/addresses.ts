/**
 * Which addresses a webhook may be sent to: those of the public internet. The check is made on the very address that is then connected to,
 * so that a name which answers otherwise the second time (DNS rebinding) gains nothing.
 * Source: IANA's special-purpose address registries for IPv4 and IPv6 (RFC 6890 and its successors).
 */
import { type LookupAddress, type LookupOptions, lookup } from "node:dns";
import { BlockList, isIP, type LookupFunction } from "node:net";
import { MendlineError } from "../../errors.js";

const special4: readonly [string, number][] = [
  ["0.0.0.0", 8], // this network
  ["10.0.0.0", 8], // private
  ["100.64.0.0", 10], // shared, behind carriers' NAT
  ["127.0.0.0", 8], // loopback
  ["169.254.0.0", 16], // link-local, and clouds' metadata
  ["172.16.0.0", 12], // private
  ["192.0.0.0", 24], // IETF protocols
  ["192.0.2.0", 24], // documentation
  ["192.88.99.0", 24], // 6to4 relays
  ["192.168.0.0", 16], // private
  ["198.18.0.0", 15], // benchmarks
  ["198.51.100.0", 24], // documentation
  ["203.0.113.0", 24], // documentation
  ["224.0.0.0", 4], // multicast
  ["240.0.0.0", 4], // reserved, broadcast
];

/** Within 2000::/3, outside of which no address is a public one. */
const special6: readonly [string, number][] = [
  ["2001::", 23], // IETF protocols, Teredo
  ["2001:db8::", 32], // documentation
  ["2002::", 16], // 6to4: holds an IPv4 address
  ["3fff::", 20], // documentation
];

function listOf(subnets: readonly [string, number][], family: "ipv4" | "ipv6"): BlockList {
  const list = new BlockList();
  for (const [network, prefix] of subnets) list.addSubnet(network, prefix, family);
  return list;
}

const refused4 = listOf(special4, "ipv4");
const refused6 = listOf(special6, "ipv6");
const global6 = listOf([["2000::", 3]], "ipv6");

/** @param address  IPv4 or IPv6, as `lookup` gives it; anything else is not public */
export function isPublicAddress(address: string): boolean {
  const bare = address.split("%")[0]!;
  if (isIP(bare) === 4) return !refused4.check(bare, "ipv4");
  // An IPv4 address in an IPv6 one (::ffff:127.0.0.1, 64:ff9b::) lies outside of 2000::/3.
  return isIP(bare) === 6 && global6.check(bare, "ipv6") && !refused6.check(bare, "ipv6");
}

/**
 * For `http.request`: resolves, and hands on only addresses that are public; one that is not refuses the whole name.
 *
 * @param resolve  `dns.lookup`, or a test's
 */
export function publicLookup(resolve: typeof lookup = lookup): LookupFunction {
  return (hostname, options, done) => {
    resolve(hostname, { ...options, all: true } as LookupOptions & { all: true }, (error, addresses) => {
      if (error !== null) return done(error, "", 0);
      const refused = addresses.find(({ address }) => !isPublicAddress(address));
      if (refused !== undefined || addresses.length === 0)
        return done(notPublic(hostname, refused?.address), "", 0);
      const [first] = addresses as [LookupAddress];
      if (options.all === true) return done(null, addresses);
      return done(null, first.address, first.family);
    });
  };
}

/** A host that is written as an address is never looked up: it is checked here. @throws MendlineError MENDLINE_DEPLOY_FAILED */
export function checkHost({ hostname }: URL): void {
  const address = hostname.replace(/^\[|\]$/g, "");
  if (isIP(address) !== 0 && !isPublicAddress(address)) throw notPublic(hostname, address);
}

export function notPublic(hostname: string, address = "nothing"): MendlineError {
  return new MendlineError(
    "MENDLINE_DEPLOY_FAILED",
    `${hostname} is ${address}, which is no public address: set allowPrivate where that is meant`,
    { details: { hostname, address } },
  );
}
