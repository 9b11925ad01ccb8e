/**
 * Signs of life of clients: soft state, kept in memory and written in batches, so that a poll costs no disk flush.
 *
 * @module
 */

import type { Progress } from "../../src/protocol/http/documents.ts";
import type { Contact, Service } from "./service.ts";

/** Remembers a sign of life; {@linkcode flushContacts} writes it. */
export function noteContact(
  service: Service,
  run: string,
  client: number,
  progress?: Progress,
): void {
  const { contacts } = service.memory;
  const key = contactKey(run, client);
  const kept = progress ?? contacts.get(key)?.progress;
  contacts.set(key, { run, client, time: service.now(), progress: kept });
}

/** What this process heard of a client since the last flush. */
export function recentContact(service: Service, run: string, client: number): Contact | undefined {
  return service.memory.contacts.get(contactKey(run, client));
}

/** Writes what was heard since the last time. */
export async function flushContacts(service: Service): Promise<void> {
  const { contacts } = service.memory;
  const batch = [...contacts];
  if (batch.length === 0) return;
  await service.db.transaction("note-progress", async (transaction) => {
    // In one order, so that two processes that flush do not wait for each other in a circle.
    const ordered = batch.toSorted(([x], [y]) => x < y ? -1 : 1);
    // Sent without waiting for each answer: updates of these clients wait for the rows.
    await Promise.all(ordered.map(([, { run, client, time, progress }]) =>
      transaction.query(
        "UPDATE seats SET last_contact = $3, progress = COALESCE($4, progress) " +
          "WHERE run = $1 AND client = $2 AND COALESCE(last_contact, 0) <= $3",
        [run, client, time, progress ? JSON.stringify(progress) : null],
      )
    ));
  });
  // What was heard meanwhile waits for the next flush.
  for (const [key, contact] of batch) {
    if (contacts.get(key) === contact) contacts.delete(key);
  }
}

function contactKey(run: string, client: number): string {
  return `${run} ${client}`;
}
