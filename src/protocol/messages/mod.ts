/**
 * Messages between server and clients, as safetensors: nothing executable, sizes known, every byte counted by purpose.
 *
 * @module
 */

export { decodeChoice, encodeChoice } from "./choice.ts";
export {
  applyDownload,
  type ClientAdapter,
  decodeDownload,
  type Download,
  encodeDownload,
  planDownload,
} from "./download.ts";
export {
  type EncodedMessage,
  type MessageAddress,
  MessageError,
  type MessageSizes,
} from "./frame.ts";
export { type MessagePlan, wholeMessage } from "./message_plan.ts";
export { encodeStack } from "./stack.ts";
export { decodeUpdate, encodeUpdate } from "./upload.ts";
