import type { LookupAddress } from "node:dns";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { checkHost, isPublicAddress, publicLookup } from "../../../src/host/deployment/addresses.js";

test("public addresses, and those of the special-purpose registries", () => {
  for (const address of [
    "1.1.1.1",
    "172.32.0.1",
    "100.128.0.1",
    "192.0.1.1",
    "2606:4700::1111",
    "2a00:1450::1",
  ])
    assert.ok(isPublicAddress(address), address);
  const refused = [
    ["0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "127.255.255.254", "169.254.169.254", "172.16.0.1"],
    ["172.31.255.255", "192.168.1.1", "198.18.0.1", "203.0.113.9", "224.0.0.1", "255.255.255.255"],
    [
      "::",
      "::1",
      "::ffff:127.0.0.1",
      "::ffff:1.1.1.1",
      "64:ff9b::7f00:1",
      "fc00::1",
      "fd12::1",
      "fe80::1%eth0",
    ],
    ["fec0::1", "ff02::1", "2001:db8::1", "2001::1", "2002:7f00:1::", "3fff::1", "", "localhost", "1.2.3"],
  ].flat();
  for (const address of refused) assert.not(isPublicAddress(address), address);
});

test("hosts written as addresses, in any notation that a URL takes", () => {
  for (const url of [
    "http://127.0.0.1/",
    "http://127.1/",
    "http://2130706433/",
    "http://0x7f.1/",
    "http://[::1]/",
    "http://0/",
    "http://0x7f000001/",
    "http://0177.0.0.1/",
    "http://127.0.0.1./",
    "http://169.254.169.254/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:a9fe:a9fe]/",
    "http://[::127.0.0.1]/",
    "http://[64:ff9b::a9fe:a9fe]/",
    "http://[fd00:ec2::254]/",
  ])
    assert.throws(() => checkHost(new URL(url)), /no public address/, url);
  checkHost(new URL("http://1.1.1.1/"));
  checkHost(new URL("http://example.com/"));
});

type Lookup = Parameters<typeof publicLookup>[0];

function lookedUp(addresses: LookupAddress[], all: boolean): Promise<unknown> {
  const resolve = ((_: string, __: unknown, done: (error: null, found: LookupAddress[]) => void) =>
    done(null, addresses)) as unknown as Lookup;
  return new Promise((fulfil, reject) => {
    publicLookup(resolve)("host.example", { all }, (error, found) => {
      if (error === null) fulfil(found);
      else reject(error);
    });
  });
}

test("a name is refused where one of its addresses is", async () => {
  const good = { address: "1.1.1.1", family: 4 };
  assert.equal(await lookedUp([good], true), [good]);
  assert.is(await lookedUp([good], false), "1.1.1.1");
  for (const bad of [[], [good, { address: "10.0.0.1", family: 4 }], [{ address: "::1", family: 6 }]]) {
    await lookedUp(bad, true).then(
      () => assert.unreachable(),
      (error: Error) => assert.match(error.message, /no public address/),
    );
  }
});

test.run();
