/** A session that survives the loss of its device. @module */

import { type DeviceInfo, DeviceLostError } from "../engine/device.ts";
import type { TrainableModel } from "../federated/federation.ts";
import { type DeviceChoice, openSession } from "../federated/open_session.ts";
import type { Session } from "../lora/session.ts";
import { deviceMistake } from "./device_mistake.ts";

/** A session whose device is opened anew when it is lost. */
export interface LastingSession {
  /** The device in use. */
  readonly device: DeviceInfo;
  /**
   * Does work that can be done again from its start: when the device is lost under it, the device is opened anew and the work repeated, once.
   *
   * @throws DeviceLostError when the device is lost a second time, or cannot be opened anew; the next work tries to.
   */
  run<T>(what: string, work: (session: Session) => Promise<T>): Promise<T>;
  /** Frees the device. */
  close(): Promise<void>;
}

/**
 * Opens a model on a device.
 *
 * @param note told when work is repeated
 * @param advice what to do where the programs do not fit into memory
 * @throws UserError when there is no such device, or the programs do not fit on it.
 */
export async function openLastingSession(
  model: TrainableModel,
  choice: DeviceChoice,
  note: (text: string) => void,
  advice =
    "try --recompute, --base-dtype f16 or int8, or a smaller --batch, --eval-batch, --seq-len or --rank",
): Promise<LastingSession> {
  let current: Session | undefined = await openOrExplain(model, choice, advice);
  let { device } = current.executor;
  const opened = async (): Promise<Session> => {
    if (current !== undefined) return current;
    // The same kind of device and variants, measured or not: others would not give the same bytes.
    const { kind, tuning } = device;
    current = await openOrExplain(model, { ...choice, device: kind, tuning }, advice);
    device = current.executor.device;
    return current;
  };
  const close = async (): Promise<void> => {
    const closing = current;
    current = undefined;
    await closing?.executor.close();
  };
  return {
    get device() {
      return device;
    },
    async run(what, work) {
      const session = await opened();
      try {
        return await work(session);
      } catch (error) {
        if (!(error instanceof DeviceLostError)) throw error;
        note(`${error.message}. Repeating ${what}.`);
        await close().catch(() => {});
        return await work(await opened());
      }
    },
    close,
  };
}

async function openOrExplain(
  model: TrainableModel,
  choice: DeviceChoice,
  advice: string,
): Promise<Session> {
  try {
    return await openSession(model, choice);
  } catch (error) {
    throw deviceMistake(error, advice);
  }
}
