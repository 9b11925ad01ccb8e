import assert from "node:assert/strict";
import { readServer } from "../../../src/cli/run/admin_flags.ts";
import { readDuration } from "../../../src/cli/run/duration.ts";
import { readLimits, readParticipation } from "../../../src/cli/run/participation_flags.ts";
import { ranksPolicy, ranksSetting, readRanks } from "../../../src/cli/run/ranks_policy.ts";
import { UserError } from "../../../src/protocol/errors.ts";

Deno.test("readDuration() takes seconds, minutes, hours and days", () => {
  const lengths = ["90", "90s", "10m", "2h", "1.5h", "1d"].map((text) => readDuration("--x", text));
  assert.deepEqual(lengths, [90, 90, 600, 7200, 5400, 86_400]);
  for (const text of ["", "0", "0m", "-1", "10 minutes", "m", "1e3", "1.5.2"]) {
    assert.throws(() => readDuration("--deadline", text), {
      name: "UserError",
      message: "Cannot use --deadline: expected a length of time such as 90, 10m or 2h, " +
        `got "${text}"`,
    });
  }
});

Deno.test("readRanks() reads the three policies", () => {
  assert.deepEqual(readRanks("2,4,8"), { kind: "fixed", tiers: [2, 4, 8] });
  assert.deepEqual(readRanks("stated"), { kind: "stated" });
  assert.deepEqual(readRanks("auto:8,2,4,2"), { kind: "auto", tiers: [2, 4, 8] });
  for (const text of ["auto", "auto:", "2,x", "", "0", "Stated"]) {
    assert.throws(() => readRanks(text), UserError, text);
  }
});

Deno.test("ranksPolicy() deals fixed tiers over the seats", () => {
  const fixed = readRanks("2,4,8");
  assert.deepEqual(ranksPolicy(fixed, 4, 8), { kind: "fixed", ranks: [2, 4, 8, 8] });
  assert.deepEqual(ranksSetting(fixed, undefined), [2, 4, 8]);
  const auto = readRanks("auto:2,4,8");
  assert.deepEqual(ranksPolicy(auto, 2, 8), { kind: "auto", tiers: [2, 4, 8] });
  assert.deepEqual(ranksSetting(auto, undefined), [8], "tiers that nobody deals");
  assert.deepEqual(ranksSetting(readRanks("stated"), 6), [6]);
  assert.deepEqual(ranksSetting(readRanks("stated"), undefined), [8]);
});

Deno.test("readParticipation() without flags asks everyone in every round", () => {
  assert.deepEqual(readParticipation({}, 5), {
    seats: 5,
    start: 5,
    perRound: 5,
    overSelection: 1,
    quorum: 3,
    deadlineSeconds: 600,
  });
});

Deno.test("readParticipation() derives what was not given from what was", () => {
  const own = { perRound: "10", overSelection: "1.25", deadline: "2h" };
  assert.deepEqual(readParticipation(own, 100), {
    seats: 100,
    start: 13,
    perRound: 10,
    overSelection: 1.25,
    quorum: 5,
    deadlineSeconds: 7200,
  });
  assert.equal(readParticipation({ ...own, quorum: "9", start: "9" }, 100).start, 9);
  // 100 × 1.1 is a little above 110 in binary; a round asks 110.
  assert.equal(readParticipation({ perRound: "100", overSelection: "1.1" }, 200).start, 110);
});

Deno.test("readParticipation() and readLimits() refuse what is no number", () => {
  assert.throws(() => readParticipation({ perRound: "ten" }, 5), {
    message: 'Cannot use --per-round: expected a whole number of at least 1, got "ten"',
  });
  assert.throws(() => readParticipation({ overSelection: "0.5" }, 5), {
    message: "Cannot use --over-selection: expected a number of at least 1, got 0.5",
  });
  assert.throws(() => readLimits({ maxNorm: "0" }), {
    message: "Cannot use --max-norm: expected a number above 0, got 0",
  });
  assert.deepEqual(readLimits({ maxSamples: "40" }), { maxSamples: 40 });
});

Deno.test("readServer() sends the token to this machine or over https, else only when told", async () => {
  const tokenFile = await Deno.makeTempFile();
  await Deno.writeTextFile(tokenFile, "secret\n");
  for (
    const server of ["http://127.0.0.1:9", "http://localhost", "http://[::1]:1", "https://a.b/"]
  ) {
    const { token } = await readServer({ server, tokenFile });
    assert.equal(token, "secret");
  }
  for (const server of ["http://hafl.example.org", "http://127.evil.org", "http://10.0.0.1"]) {
    await assert.rejects(readServer({ server, tokenFile }), /^UserError: Cannot send the admin/);
  }
  const { server } = await readServer({ server: "http://10.0.0.1/", tokenFile, insecure: true });
  assert.equal(server, "http://10.0.0.1");
  await assert.rejects(readServer({ server: "http://127.0.0.1/#r.0.t", tokenFile }), /invitation/);
  await assert.rejects(readServer({ server: "hafl", tokenFile }), UserError);
  await Deno.remove(tokenFile);
});

Deno.test("readServer() says where a token can come from", async () => {
  await assert.rejects(readServer({ tokenFile: "/nowhere/token" }), {
    name: "UserError",
    message: 'Cannot read the administrator\'s token "/nowhere/token": no such file; the server ' +
      "writes it to its data folder when it first starts; use --token-file or HAFL_ADMIN_TOKEN",
  });
  const tokenFile = await Deno.makeTempFile();
  await Deno.writeTextFile(tokenFile, "two words\n");
  await assert.rejects(readServer({ tokenFile }), /expected one word, got other text$/);
  await Deno.writeTextFile(tokenFile, "\n");
  await assert.rejects(readServer({ tokenFile }), /expected one word, got nothing$/);
  await Deno.remove(tokenFile);
});
