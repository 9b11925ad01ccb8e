/** How a shared model reaches the clients of a simulated round. @module */

import type { Session } from "../lora/session.ts";
import type { AdapterBank } from "../protocol/bank.ts";
import type { Deal } from "../protocol/deal.ts";
import {
  type EncodedMessage,
  encodeDownload,
  type MessageSizes,
} from "../protocol/messages/mod.ts";
import { NO_BYTES } from "../protocol/records.ts";
import { type LocalSettings, receiveDownload, type ReceivedRound } from "./client_round.ts";
import type { Federation } from "./federation.ts";
import type { FederationState } from "./state.ts";

/** The messages to clients, and what these make of them. */
export interface Exchange {
  /** Before anyone's turn: brings the run's clients, sampled or not, what all of them need; the bytes of that. */
  announce(federation: Federation, session: Session, state: FederationState): Promise<MessageSizes>;
  /** The message to a client that takes part. */
  download(federation: Federation, bank: AdapterBank, deal: Deal): EncodedMessage;
  /** What the client that was dealt this starts from, given the message's bytes. */
  receive(local: LocalSettings, deal: Deal, bytes: Uint8Array): ReceivedRound;
}

/** Clients receive what they hold of the bank, and start from it. */
export const bankExchange: Exchange = {
  announce: () => Promise.resolve(NO_BYTES),
  download: ({ run }, bank, deal) => encodeDownload(bank, deal, { run }),
  receive: ({ layout }, _deal, bytes) => receiveDownload(layout, bytes),
};
