/** The worker's side: it has the data, the model and the device, and does one thing at a time. @module */

import { createTokenizer, createTransformersTokenizer } from "../../data/mod.ts";
import type { ModelRow } from "../../data/types.ts";
import { clientRound, DivergedError } from "../../federated/client_round.ts";
import { DeviceLostError } from "../../engine/device.ts";
import { stepSeconds } from "../../federated/open_session.ts";
import {
  type ClientFederation,
  clientFederation,
} from "../../federated/remote/client_federation.ts";
import type { Scorable } from "../../federated/remote/client_job.ts";
import { readRunBank } from "../../federated/remote/run_layout.ts";
import { evaluateBank } from "../../federated/evaluate_bank.ts";
import type { AdapterBank } from "../../protocol/bank.ts";
import { UserError } from "../../protocol/errors.ts";
import { builtInBaseName, type RunManifest } from "../../protocol/manifest.ts";
import { applyDownload, decodeDownload } from "../../protocol/messages/mod.ts";
import { HubError } from "../../weights/mod.ts";
import { type LastingSession, openLastingSession } from "../lasting_session.ts";
import { lostDeviceText } from "../lost_device_text.ts";
import { openModelFiles, openTokenCache } from "../sources.ts";
import { loadClientData } from "./client_data.ts";
import type {
  Answers,
  Asked,
  Failure,
  OpenRequest,
  Question,
  Questions,
  Told,
} from "./messages.ts";

/** An open worker. */
interface Opened {
  readonly manifest: RunManifest;
  readonly federation: ClientFederation;
  readonly session: LastingSession;
  readonly train: readonly ModelRow[];
  readonly heldOut: readonly ModelRow[];
}

/** The worker was closed while it worked. */
class ClosedError extends Error {}

/**
 * Answers questions.
 *
 * @param tell sends to the other side
 * @returns takes a question; resolves when it is answered
 */
export function trainingHost(tell: (told: Told) => void): (asked: Asked) => Promise<void> {
  let opened: Opened | undefined;
  let underway: Promise<unknown> = Promise.resolve();
  let closing = false;
  const check = (): void => {
    if (closing) throw new ClosedError();
  };
  const state = (): Opened => {
    if (opened === undefined) throw new Error("Cannot train before the worker is open");
    return opened;
  };

  const work: { [Name in Question]: (given: Questions[Name]) => Promise<Answers[Name]> } = {
    async open(request) {
      opened = await open(request, tell, check);
      const { train, heldOut, session } = opened;
      return {
        samples: train.length,
        heldOut: heldOut.length,
        device: session.device,
      };
    },
    measure() {
      const { federation: { sizes }, session } = state();
      return session.run("the measurement", ({ executor }) => stepSeconds(sizes, executor));
    },
    evaluate(model) {
      const { manifest, federation, session, heldOut } = state();
      const bank = modelOf(model, manifest);
      return session.run(
        "the evaluation",
        (session) => evaluateBank(federation, session, bank, heldOut, check),
      );
    },
    async round({ download, memory: { scores, optimizer } }) {
      const { federation: { local }, session, train } = state();
      const outcome = await session.run("the round", (session) =>
        clientRound(
          session,
          local,
          download,
          { samples: train, scores, state: optimizer },
          (step) => {
            check();
            tell({ kind: "step", step, steps: local.localSteps });
          },
        ));
      return {
        update: new Uint8Array(outcome.message.bytes),
        losses: outcome.losses,
        memory: { scores: outcome.scores, optimizer: outcome.state },
      };
    },
    async close() {
      closing = true;
      await underway;
      await opened?.session.close();
      return undefined;
    },
  };

  const answer = async <Name extends Question>({ ask, with: given }: Asked<Name>) => {
    try {
      check();
      tell({ kind: "answer", to: ask, value: await work[ask](given) });
    } catch (error) {
      tell({ kind: "failed", to: ask, failure: failureOf(ask, error) });
    }
  };
  return (asked) => {
    const answered = answer(asked);
    if (asked.ask !== "close") underway = answered;
    return answered;
  };
}

async function open(
  { manifest, model, data, device, baseDtype, recompute, offline, cacheDir }: OpenRequest,
  tell: (told: Told) => void,
  check: () => void,
): Promise<Opened> {
  const prepare = (label: string, done: number, total: number): void => {
    check();
    tell({ kind: "prepare", preparation: { label, done, total } });
  };
  const note = (text: string) => tell({ kind: "note", text });
  // The data first: it is here, and what is wrong with it is found at once.
  const rows = await loadClientData(data, manifest);
  const files = await openModelFiles(
    { model: model.model, revision: model.revision, offline, cacheDir },
    ({ label, done, total }) => prepare(label, done, total),
  );
  const federation = await clientFederation({
    manifest,
    files,
    baseDtype,
    recompute,
    // The built-in base's tokenizer is the small one wherever its files come from.
    createTokenizer: model.model === null || manifest.model.name === builtInBaseName
      ? createTokenizer
      : createTransformersTokenizer,
    cache: openTokenCache({ cacheDir }, note),
    onProgress: (done, total) => prepare("Tokenizing texts", done, total),
  }).catch((error) => {
    if (!(error instanceof HubError) || model.given) throw error;
    const [problem] = error.message.split("; "); // what follows is advice for a model that a person named
    throw new UserError(`${problem}; give its folder with --model, or use --model server`);
  });
  const { train, validation } = await federation.tokenize(rows);
  check();
  const session = await openLastingSession(
    federation,
    device,
    note,
    "try --recompute or --base-dtype f16 or int8; beyond these, this run needs a GPU or more memory",
  );
  return { manifest, federation, session, train, heldOut: validation };
}

/** What to score; a download of the whole bank holds it without its scores. */
function modelOf(
  { kind, bytes }: Scorable,
  manifest: RunManifest,
): Pick<AdapterBank, "rank" | "modules" | "head"> {
  if (kind === "bank") return readRunBank(bytes, manifest);
  const { layout } = manifest;
  return { rank: layout.rank, ...applyDownload(layout, decodeDownload(bytes, layout)) };
}

/** What the other side hears of an error. */
export function failureOf(ask: Question, error: unknown): Failure {
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  if (error instanceof ClosedError) return { kind: "closed", message: "the worker was closed" };
  if (error instanceof DivergedError) {
    // Which round it is, the client knows.
    return { kind: "round", message: `${error.what} at step ${error.step}` };
  }
  if (error instanceof UserError) return { kind: "user", message };
  // A round may go well the next time; what else the client asks for, it cannot do without.
  if (error instanceof DeviceLostError && ask !== "round") {
    return { kind: "user", message: lostDeviceText(error) };
  }
  return { kind: ask === "round" ? "round" : "fault", message, stack };
}
