/**
 * The protocol over HTTP: its JSON documents, its errors, and how clients sign requests.
 *
 * @module
 */

export { fromBase64url, toBase64url } from "./base64url.ts";
export type * from "./documents.ts";
export { type Problem, type ProblemCode, problemCode, problemType, problemUri } from "./problem.ts";
export {
  importPublicKey,
  keyIdOf,
  newNonce,
  type ParsedSignature,
  parseSignature,
  type SignatureHeaders,
  type SignedFacts,
  signRequest,
  verifySignature,
} from "./request_signature.ts";
export { isTokenReport, isTokenScore, scoreMerit } from "./scores.ts";
