import type { Queries } from "../store/database.ts";
import { ServiceError, type Signed } from "./service.ts";

/** How long a nonce is remembered: signatures are good for 300 s before and after the server's clock. */
export const NONCE_LIFE = 15 * 60_000;

/**
 * Spends a request's nonce, for good once the transaction of its effect commits.
 *
 * @throws {ServiceError} replay when it was spent before.
 */
export async function spendNonce(
  transaction: Queries,
  { keyId, nonce }: Signed,
  now: number,
): Promise<void> {
  const [fresh] = await transaction.query(
    "INSERT INTO nonces (key_id, nonce, seen_at) VALUES ($1, $2, $3) " +
      "ON CONFLICT (key_id, nonce) DO NOTHING RETURNING nonce",
    [keyId, nonce, now],
  );
  if (fresh) return;
  throw new ServiceError(
    "replay",
    "Cannot take the request: its nonce was used before; sign each request anew",
    "replay",
  );
}
