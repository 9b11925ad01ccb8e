/**
 * Pieces that several documents share.
 *
 * @module
 */

import { z } from "@hono/zod-openapi";
import { sha256Form } from "../../../src/protocol/hash.ts";

/** A whole number of at least 0. */
export const count = z.int().min(0);

/** A time, in milliseconds since 1970 by the server's clock. */
export const time = z.int().min(0).describe("Milliseconds since 1970, by the server's clock");

/** A client's index in its run. */
export const clientIndex = z.int().min(0).describe("The client's index in its run");

/** Lowercase SHA-256. */
export const sha256 = z.string().regex(
  sha256Form,
  "expected 64 lowercase hexadecimal digits",
);

/** Indices of clients, ascending. */
export const clientList = z.array(clientIndex).readonly();

/** What a seat is for. */
export const seatRole = z.enum(["client", "evaluator"]);
