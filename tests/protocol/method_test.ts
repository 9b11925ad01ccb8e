import assert from "node:assert/strict";
import { checkMethod } from "../../src/protocol/method.ts";

Deno.test("checkMethod() needs every client at full rank when everything is trained", () => {
  const adaptive = { distribution: "freeze", aggregator: "adaptive" } as const;
  checkMethod(adaptive, [2, 4, 8], 8);
  checkMethod({ distribution: "full", aggregator: "fedit" }, [8, 8], 8);
  assert.throws(() => checkMethod({ ...adaptive, aggregator: "fedit" }, [8, 2], 8), {
    name: "RankError",
    message: "Cannot use aggregator fedit: expected every client at the server's rank 8, got 2",
  });
  assert.throws(
    () => checkMethod({ ...adaptive, distribution: "full" }, [4, 8], 8),
    /distribution full/,
  );
});

Deno.test("checkMethod() lets a client of any rank train the head alone, but not by fedit", () => {
  checkMethod({ distribution: "head", aggregator: "adaptive" }, [1, 2, 8], 8);
  assert.throws(() => checkMethod({ distribution: "head", aggregator: "fedit" }, [8, 8], 8), {
    name: "RankError",
    message:
      "Cannot use aggregator fedit with distribution head: expected all components of every client, got none",
  });
});
