/**
 * `deno task generate`: continues a prompt with a decoder, with an adapter or without.
 *
 * @module
 */
import { createTransformersTokenizer } from "../data/mod.ts";
import { executionDefaults } from "../federated/settings/execution.ts";
import { modelDefaults } from "../federated/settings/model.ts";
import { createTextStream, generate } from "../generate/mod.ts";
import { requireDecoder } from "../generate/generator.ts";
import { openModelWeights } from "../lora/model_weights.ts";
import type { FittedAdapter } from "../lora/peft_fit.ts";
import { type Model, readModel } from "../models/mod.ts";
import { countOf } from "../protocol/count_of.ts";
import { UserError } from "../protocol/errors.ts";
import { readConfig } from "../weights/mod.ts";
import { openAdapter } from "./adapter_folder.ts";
import { deviceText } from "./device_text.ts";
import { runCommand } from "./errors.ts";
import { fitToBase, type OpenBase } from "./fit_to_base.ts";
import { readFlags } from "./flags.ts";
import {
  DEFAULT_TOKENS,
  generateOptions,
  readPrompt,
  readTextSettings,
} from "./generate/options.ts";
import { openOnDevice } from "./generate/open_on_device.ts";
import { standardOutput, type TextOutput, textReporter } from "./generate/output.ts";
import { type CreateTokenizer, tokenizePrompt } from "./generate/prompt.ts";
import { prepareGraphics } from "./graphics.ts";
import { onInterrupt } from "./interrupt.ts";
import { openModelFiles } from "./sources.ts";
import { counted } from "./units.ts";

const description = {
  name: "deno task generate",
  summary:
    "Continues a prompt with a decoder, token by token, with an adapter or without; or replies to it, as the model's chat template asks.",
  settings: [
    "model",
    "revision",
    "baseDtype",
    "device",
    "threads",
    "format",
    "offline",
    "cacheDir",
  ] as const,
  help: {
    model: "the decoder, which has to be named: model folder in Hugging Face layout, or hub id",
    format: "the text as it comes (text), or one JSON object at the end (json)",
    cacheDir: "folder for downloaded models",
  },
  options: generateOptions(),
};

/** Generates as the words after the command's name say. */
export async function generateText(
  args: readonly string[],
  output: TextOutput,
  createTokenizer: CreateTokenizer = createTransformersTokenizer,
): Promise<void> {
  const { settings, own } = await readFlags(args, description);
  const prompt = readPrompt(own);
  const text = readTextSettings(own);
  const config = { ...modelDefaults, ...executionDefaults, ...settings };
  if (config.model === null) {
    throw new UserError(
      "Cannot generate text with the built-in base, an encoder: name a decoder by --model, such as a folder with a Llama, Qwen, Gemma or GPT-2",
    );
  }
  let count = 0;
  using interrupt = onInterrupt(() => `Stopped after ${counted(count, "token")}`);
  const files = await openModelFiles(config);
  const model = requireDecoder(readModel(await readConfig(files)));
  const { tokenizer, ids, endTokens } = await tokenizePrompt(prompt, {
    ...{ files, vocabulary: model.vocabulary, createTokenizer, note: output.note },
  });
  const maxTokens = text.maxTokens ?? Math.min(DEFAULT_TOKENS, model.maxTokens - ids.length);
  checkLength(model, ids.length, maxTokens);
  const weights = await openModelWeights(files, model);
  const adapter = own.adapter === undefined ? undefined : await fittedAdapter(
    String(own.adapter),
    { name: config.model, files, model, weights },
    output,
  );
  prepareGraphics();
  const { device, threads = navigator.hardwareConcurrency, baseDtype } = config;
  const generator = await openOnDevice({ device, threads }, {
    ...{ model, weights, adapter, baseDtype },
    tokens: ids.length + maxTokens,
  });
  const reporter = textReporter(config.format, output);
  try {
    const { signal } = interrupt;
    const stream = createTextStream(tokenizer.decode, ids);
    const tokens: number[] = [];
    let shown = "";
    const show = (piece: string): void => {
      shown += piece;
      if (piece !== "") reporter.piece(piece);
    };
    const start = performance.now();
    let first = start;
    try {
      for await (const id of generate(generator, ids, { ...text, maxTokens, endTokens, signal })) {
        if (count++ === 0) first = performance.now();
        tokens.push(id);
        show(stream.push(id));
      }
      show(stream.end());
    } finally {
      reporter.close();
    }
    reporter.end({
      ...{ prompt: String(own.prompt), promptTokens: ids.length, text: shown, tokens },
      end: count < maxTokens ? "end token" : "max tokens",
      firstSeconds: (first - start) / 1000,
      furtherSeconds: (performance.now() - first) / 1000,
      device: deviceText(generator.executor.device),
    });
  } finally {
    await generator.executor.close();
  }
}

/** Told before weights are loaded, and by the names of the flags. */
function checkLength({ maxTokens: context }: Model, prompt: number, count: number): void {
  if (prompt >= context) {
    throw new UserError(
      `Cannot continue a prompt of ${
        countOf(prompt, "token")
      }: expected fewer than the ${context} that this model takes at most; use a shorter --prompt`,
    );
  }
  if (prompt + count <= context) return;
  throw new UserError(
    `Cannot generate ${
      countOf(count, "token")
    } after a prompt of ${prompt}: expected at most ${context} in all, the longest this model takes; use fewer --max-tokens or a shorter --prompt`,
  );
}

/** The adapter in a folder, once it is known to be the model's. */
async function fittedAdapter(
  folder: string,
  base: OpenBase,
  { note }: TextOutput,
): Promise<FittedAdapter> {
  const fitted = await fitToBase(await openAdapter(folder), base, note);
  if (fitted.classes !== undefined) {
    note("The adapter was trained for a classifier, whose head has no part in generating text");
  }
  return fitted;
}

if (import.meta.main) await runCommand(() => generateText(Deno.args, standardOutput()));
