import assert from "node:assert/strict";

import { UserError } from "../../../src/protocol/errors.ts";
import { parseAddress, unreachable } from "../../../server/store/postgres_address.ts";

Deno.test("parseAddress() leaves out what is secret", () => {
  const plain = "postgres://ann@db.example:5433/hafl";
  assert.equal(parseAddress(plain), plain);
  assert.equal(parseAddress("postgres://ann:pw@db.example:5433/hafl?password=pw#pw"), plain);
  assert.equal(parseAddress("postgresql://h/d"), "postgresql://h/d");
});

Deno.test("parseAddress() refuses other addresses without repeating them", () => {
  for (
    const address of [
      "",
      "hafl",
      "mysql://u:secret@h/d",
      "postgres:///d",
      "postgres://u:secret@h:x/d",
    ]
  ) {
    assert.throws(
      () => parseAddress(address),
      new UserError(
        'Cannot read --database: expected an address like "postgres://user:password@host:5432/name"',
      ),
    );
  }
});

Deno.test("unreachable() tells what to do, or what was said", () => {
  const error = (name: string, message: string, code?: string) =>
    Object.assign(new Error(message), { name, code });
  const told = (cause: Error) => unreachable("postgres://h/d", cause).message;
  assert.equal(
    told(error("Error", "connect ETIMEDOUT", "CONNECT_TIMEOUT")),
    'Cannot reach the database "postgres://h/d": no answer; check the address and the firewall',
  );
  assert.equal(told(error("Error", "odd")), 'Cannot reach the database "postgres://h/d": odd');
  assert.match(told(error("NotCapable", 'Requires env access to "PGHOST"')), /needs --allow-env/);
});
