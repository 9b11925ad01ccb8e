import assert from "node:assert/strict";
import { createTokenBuckets } from "../../../server/http/token_buckets.ts";
import { createFakeClock } from "./fake_clock.ts";
import {
  adminToken,
  enrolledRun,
  expectProblem,
  expectStatus,
  jsonOf,
  newKey,
  rejectsOf,
  sendSigned,
  withApp,
} from "./support.ts";

Deno.test("createTokenBuckets() gives a burst at once and a rate in the long run, to each key", async () => {
  const clock = createFakeClock();
  const buckets = createTokenBuckets({ burst: 3, perSecond: 2 }, clock);
  assert.deepEqual([1, 2, 3, 4].map(() => buckets.take("a")), [0, 0, 0, 0.5]);
  assert.equal(buckets.take("b"), 0);
  assert.equal(buckets.wait("a"), 0.5, "asking again costs nothing");
  await clock.advance(500);
  assert.equal(buckets.wait("a"), 0);
  assert.deepEqual([buckets.take("a"), buckets.take("a")], [0, 0.5]);
  await clock.advance(3_600_000);
  assert.deepEqual([1, 2, 3, 4].map(() => buckets.take("a")), [0, 0, 0, 0.5]);
});

Deno.test("createTokenBuckets() keeps what it has when the clock is set back", async () => {
  const clock = createFakeClock();
  const buckets = createTokenBuckets({ burst: 1, perSecond: 1 }, clock);
  buckets.take("a");
  await clock.advance(-10_000);
  assert.equal(buckets.wait("a"), 1);
});

Deno.test("createTokenBuckets() refuses limits under which nobody ever passes", () => {
  const clock = createFakeClock();
  assert.throws(() => createTokenBuckets({ burst: 0, perSecond: 1 }, clock), RangeError);
  assert.throws(() => createTokenBuckets({ burst: 1, perSecond: 0 }, clock), RangeError);
});

Deno.test("clientOnly() sends a client away that asks too often, and no other one", () =>
  withApp(async (test) => {
    const { run, members } = await enrolledRun(test);
    await test.clock.advance(10_000);
    const ask = (client: number) =>
      sendSigned(test, members[client].key, {
        method: "GET",
        route: `/v1/runs/${run}/clients/${client}/task`,
      });
    for (let i = 0; i < 5; i++) await expectStatus(200, await ask(0));
    const refused = await ask(0);
    await expectProblem("rate-limited", 429, refused);
    assert.equal(refused.headers.get("retry-after"), "2");
    await expectStatus(200, await ask(1));
    await test.clock.advance(2000);
    await expectStatus(200, await ask(0));
    assert.deepEqual(await rejectsOf(test, run), []);
  }, { limits: { perClient: { burst: 5, perSecond: 0.5 } } }));

Deno.test("refuse() lets an address pay for requests nobody vouches for, and for no others", () => {
  let address = "192.0.2.1";
  return withApp(async (test) => {
    const { run, members: [{ key }] } = await enrolledRun(test);
    const signed = () =>
      sendSigned(test, key, { method: "GET", route: `/v1/runs/${run}/clients/0/task` });
    const wrong = () => test.fetch("/v1/runs", { headers: { authorization: "Bearer guess" } });
    const right = () =>
      test.fetch("/v1/runs", { headers: { authorization: `Bearer ${adminToken}` } });
    const elsewhere = () => test.fetch("/v1/nothing", {});
    for (let i = 0; i < 20; i++) await expectStatus(200, await right());
    await expectProblem("unauthorized", 401, await wrong());
    await expectProblem("not-found", 404, await elsewhere());
    await expectProblem("unauthorized", 401, await wrong());
    for (const request of [wrong, elsewhere]) {
      await expectProblem("rate-limited", 429, await request());
    }
    await expectStatus(200, await right());
    await expectStatus(200, await signed());
    await expectStatus(200, await test.fetch("/healthz", {}));
    address = "192.0.2.2";
    await expectProblem("unauthorized", 401, await wrong());
    address = "192.0.2.1";
    await test.clock.advance(1000);
    await expectProblem("unauthorized", 401, await wrong());
    await expectProblem("rate-limited", 429, await wrong());
  }, { address: () => address, limits: { perAddress: { burst: 3, perSecond: 1 } } });
});

Deno.test("addressOf() counts an IPv6 network as one address", () => {
  let address = "2001:db8:1:2::1";
  return withApp(async (test) => {
    await expectProblem("not-found", 404, await test.fetch("/x", {}));
    address = "2001:db8:1:2:ffff::";
    await expectProblem("rate-limited", 429, await test.fetch("/x", {}));
    address = "2001:db8:1:3::1";
    await expectProblem("not-found", 404, await test.fetch("/x", {}));
  }, { address: () => address, limits: { perAddress: { burst: 1, perSecond: 1 } } });
});

Deno.test("refuse() counts guesses of an invitation against the address", () =>
  withApp(async (test) => {
    const { run } = await enrolledRun(test);
    const guess = async () => {
      const key = await newKey();
      return await sendSigned(test, key, {
        method: "POST",
        route: `/v1/runs/${run}/enrolments`,
        ...jsonOf({ token: "guess", name: "a", publicKey: key.publicKey }),
      });
    };
    await expectProblem("bad-invitation", 403, await guess());
    await expectProblem("bad-invitation", 403, await guess());
    await expectProblem("rate-limited", 429, await guess());
  }, { limits: { perAddress: { burst: 2, perSecond: 1 } } }));

Deno.test("refuse() stops writing down, and hearing, a client whose messages are all refused", () =>
  withApp(async (test) => {
    const { run, members: [{ key }] } = await enrolledRun(test);
    const refused = () =>
      sendSigned(test, key, { method: "GET", route: `/v1/runs/${run}/clients/1/task` });
    for (let i = 0; i < 3; i++) await expectProblem("unauthorized", 403, await refused());
    await expectProblem("rate-limited", 429, await refused());
    assert.equal((await rejectsOf(test, run)).length, 3);
    await test.clock.advance(10_000);
    await expectProblem("unauthorized", 403, await refused());
  }, { limits: { refusalsPerClient: { burst: 3, perSecond: 0.1 } } }));

Deno.test("refuse() does not let replays of captured requests silence their client", () =>
  withApp(async (test) => {
    const { run, members: [{ key }] } = await enrolledRun(test);
    const route = `/v1/runs/${run}/clients/0/task`;
    const captured = { method: "GET", route, nonce: "AAAAAAAAAAAAAAAAAAAAAA" };
    await expectStatus(200, await sendSigned(test, key, captured));
    for (let i = 0; i < 6; i++) {
      await expectProblem("replay", 401, await sendSigned(test, key, captured));
    }
    assert.equal((await rejectsOf(test, run)).length, 3);
    await expectStatus(200, await sendSigned(test, key, { method: "GET", route }));
  }, { limits: { refusalsPerClient: { burst: 3, perSecond: 0.1 } } }));

Deno.test("requestLog() writes few lines about requests nobody vouches for, and one about each other", () =>
  withApp(async (test) => {
    const requests = () => test.lines.filter(({ event }) => event === "request").length;
    for (let i = 0; i < 10; i++) {
      await expectProblem("unauthorized", 401, await test.fetch("/v1/runs", {}));
    }
    assert.equal(requests(), 4);
    const headers = { authorization: `Bearer ${adminToken}` };
    for (let i = 0; i < 10; i++) await expectStatus(200, await test.fetch("/v1/runs", { headers }));
    assert.equal(requests(), 14);
  }, { limits: { refusalLines: { burst: 4, perSecond: 0.001 } } }));
