import assert from "node:assert/strict";
import { join } from "node:path";
import { chooseRound, exportAdapter } from "../../../src/cli/run/export.ts";
import { namesIn } from "../../../src/cli/working_folder.ts";
import { writeFolder } from "../../../src/cli/write_folder.ts";
import { encodeBank } from "../../../src/protocol/bank_codec.ts";
import { decodeSafetensors } from "../../../src/protocol/safetensors.ts";
import { languageManifest } from "../../federated/remote/language_support.ts";
import { manifestOf } from "../../federated/remote/manifest_support.ts";
import { round, sample, score } from "./sample_status.ts";
import { printed, stubServer } from "./stub_server.ts";
import { withFolder } from "../../temp_folder.ts";

Deno.test("export writes a folder that PEFT loads, with a card", () =>
  withFolder(async (folder) => {
    const { manifest, bank } = await manifestOf({ modelName: "org/tiny" });
    await using server = await stubServer({
      "GET /v1/runs/rabc": () => sample,
      "GET /v1/runs/rabc/manifest": () => manifest,
      "GET /v1/runs/rabc/banks/2": () => encodeBank(bank),
    });
    const out = join(folder, "deep", "adapter");
    const { lines, print } = printed();
    await exportAdapter.run(["rabc", "--out", out, ...server.flags], print);
    assert.deepEqual(await namesIn(out), [
      "README.md",
      "adapter_config.json",
      "adapter_model.safetensors",
    ]);
    assert.deepEqual(await namesIn(join(folder, "deep")), ["adapter"], "nothing temporary is left");
    const config = JSON.parse(await Deno.readTextFile(join(out, "adapter_config.json")));
    assert.deepEqual([config.base_model_name_or_path, config.r], ["org/tiny", 4]);
    assert.equal(config.lora_dropout, 0.1);
    const weights = await Deno.readFile(join(out, "adapter_model.safetensors"));
    const { tensors, metadata } = decodeSafetensors(weights);
    assert.equal(tensors.size, 2 * bank.modules.length + bank.head.length);
    assert.deepEqual(metadata, {
      format: "pt",
      hafl_base_hash: manifest.model.hash,
      hafl_labels: JSON.stringify(manifest.labels),
      hafl_reading: JSON.stringify({ seqLen: 8, pooling: "mean" }),
    });
    const card = await Deno.readTextFile(join(out, "README.md"));
    assert.match(card, /: 2 clients, freeze \+ adaptive, 2 rounds\.\n/);
    assert.match(card, /Accuracy 75\.0 % on 100 held-out rows of 1 client \(chance 50\.0 %\)\./);
    assert.match(card, /Base: org\/tiny\n/);
    assert.match(card, /in the order of the logits: high, low\n/);
    assert.deepEqual(lines, [
      `Adapter  ${out}, after 2 rounds; 75.0 % accuracy, loss 1.500 on 100 rows of 1 client`,
    ]);

    await assert.rejects(
      exportAdapter.run(["rabc", "--out", out, ...server.flags], print),
      /it is not an empty folder; use another --out, or --overwrite$/,
    );
    await exportAdapter.run(["rabc", "--out", out, "--overwrite", ...server.flags], print);
    assert.deepEqual(await namesIn(join(folder, "deep")), ["adapter"]);

    const small = join(folder, "deep", "small");
    const flags = ["--adapter-layout", "compact", ...server.flags];
    await exportAdapter.run(["rabc", "--out", small, ...flags], print);
    const compact = JSON.parse(await Deno.readTextFile(join(small, "adapter_config.json")));
    assert.equal(compact.r, 1, "nothing is trained in a fresh bank");
    await assert.rejects(
      exportAdapter.run(["rabc", "--out", small, "--adapter-layout", "full"], print),
      /^UserError: Cannot use --adapter-layout: expected one of uniform, compact, got "full"$/,
    );

    await using other = await stubServer({
      "GET /v1/runs/rabc": () => sample,
      "GET /v1/runs/rabc/manifest": () => ({ ...manifest, alpha: 1 }),
      "GET /v1/runs/rabc/banks/2": () => encodeBank(bank),
    });
    const elsewhere = join(folder, "elsewhere");
    await assert.rejects(
      exportAdapter.run(["rabc", "--out", elsewhere, ...other.flags], print),
      /^UserError: Cannot use the adapter of "news": expected the rank, alpha, /,
    );
    assert.deepEqual(await namesIn(folder), ["deep"]);
  }));

Deno.test("export of a language model writes a causal adapter without a head, and a card with its perplexity", () =>
  withFolder(async (folder) => {
    const { manifest, bank } = await languageManifest("lm", { modelName: "org/tiny" });
    const heldOut = { perplexity: Math.exp(3.5), loss: 3.5, tokens: 9000, parties: 2 };
    const published = [round(0, null), round(1, heldOut)];
    const status = { ...sample, task: "lm" as const, labels: 0, published };
    await using server = await stubServer({
      "GET /v1/runs/rabc": () => status,
      "GET /v1/runs/rabc/manifest": () => manifest,
      "GET /v1/runs/rabc/banks/1": () => encodeBank(bank),
    });
    const out = join(folder, "adapter");
    const { lines, print } = printed();
    await exportAdapter.run(["rabc", "--out", out, ...server.flags], print);
    const config = JSON.parse(await Deno.readTextFile(join(out, "adapter_config.json")));
    assert.deepEqual([config.task_type, config.modules_to_save], ["CAUSAL_LM", []]);
    const weights = await Deno.readFile(join(out, "adapter_model.safetensors"));
    const { tensors, metadata } = decodeSafetensors(weights);
    assert.equal(tensors.size, 2 * bank.modules.length);
    assert.ok(!("hafl_labels" in metadata), "no labels rather than none of them");
    const card = await Deno.readTextFile(join(out, "README.md"));
    assert.match(
      card,
      /^Perplexity 33\.1 \(loss 3\.500 a token\) on 9,000 held-out tokens of 2 cl/m,
    );
    assert.match(card, /AutoModelForCausalLM/);
    assert.doesNotMatch(card, /accurac|labels|undefined/i);
    assert.deepEqual(lines, [
      `Adapter  ${out}, after 1 round; perplexity 33.1, loss 3.500 on 9,000 tokens of 2 clients`,
    ]);
  }));

Deno.test("chooseRound() of a language model takes the lowest loss for the best", () => {
  const score = (loss: number) => ({ perplexity: Math.exp(loss), loss, tokens: 10, parties: 1 });
  const published = [5, 3, 3, 4].map((loss, number) => round(number, score(loss)));
  assert.equal(chooseRound({ ...sample, task: "lm", published }, "best").round, 1);
});

Deno.test("chooseRound() finds the latest, the best, or the one that was named", () => {
  const best = [
    round(0, score(0.9, 1)),
    round(1, score(0.9)),
    round(2, null),
    round(3, score(0.2)),
  ];
  const status = { ...sample, published: best };
  assert.equal(chooseRound(status, "latest").round, 3);
  assert.equal(chooseRound(status, "best").round, 0, "the first of equal ones");
  assert.equal(chooseRound(status, "2").round, 2);
  assert.throws(() => chooseRound(status, "4"), {
    message: "Cannot export round 4 of rabc: expected at most 3, the rounds done",
  });
  assert.throws(() => chooseRound(status, "last"), {
    message: 'Cannot use --round: expected a number of rounds, or best, got "last"',
  });
  assert.throws(() => chooseRound({ ...sample, published: [round(0, null)] }, "best"), {
    message: "Cannot export the best round of rabc: no client has reported a held-out score",
  });
  assert.throws(() => chooseRound({ ...sample, published: [] }, "latest"), {
    message: "Cannot export run rabc: it has no adapter yet",
  });
});

Deno.test("writeFolder() takes an empty folder, and leaves what is there when it fails", () =>
  withFolder(async (folder) => {
    const empty = join(folder, "empty");
    await Deno.mkdir(empty);
    await writeFolder(empty, { a: "1" }, false);
    assert.equal(await Deno.readTextFile(join(empty, "a")), "1");
    await assert.rejects(writeFolder(empty, { a: "2", "no/such/folder": "2" }, true));
    assert.equal(await Deno.readTextFile(join(empty, "a")), "1");
    assert.deepEqual(await namesIn(folder), ["empty"]);
    await Deno.writeTextFile(join(folder, "file"), "");
    await assert.rejects(writeFolder(join(folder, "file"), { a: "1" }, true), /it is a file/);
  }));

Deno.test("writeFolder() never replaces a folder that holds something else", () =>
  withFolder(async (folder) => {
    await writeFolder(join(folder, "out"), { a: "1" }, false);
    for (const path of [folder, join(folder, "out")]) {
      await assert.rejects(
        writeFolder(path, { b: "2" }, true),
        /Cannot replace .*use another --out/,
      );
    }
    await assert.rejects(writeFolder("", { a: "2" }, true), /expected a path, got nothing/);
    assert.equal(await Deno.readTextFile(join(folder, "out", "a")), "1");
    await writeFolder(join(folder, "out"), { a: "2" }, true);
    assert.equal(await Deno.readTextFile(join(folder, "out", "a")), "2");
  }));
