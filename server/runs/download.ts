import { type MessagePlan, planDownload } from "../../src/protocol/messages/mod.ts";
import { requireOpenAttempt } from "./attempts.ts";
import { currentBank } from "./banks.ts";
import { changeRun } from "./change_run.ts";
import { dealFor } from "./deals.ts";
import { recorded } from "./refusals.ts";
import { requireMember, requireRun } from "./rows.ts";
import type { RoundAddress, Service } from "./service.ts";

/**
 * What a sampled client starts its local steps from. The attempt is being collected from the first download on; a client's second download is the
 * same and is not counted.
 *
 * @throws {ServiceError} round-closed, not-sampled, withdrawn, or conflict when the client has to choose first.
 */
export async function openDownload(
  service: Service,
  run: string,
  address: RoundAddress,
): Promise<MessagePlan> {
  const { round, attempt, client } = address;
  return await recorded(service, run, address, async () => {
    const row = await requireRun(service.db, run);
    await requireMember(service.db, run, client);
    const open = await requireOpenAttempt(service.db, row, address, service.now());
    const deal = await dealFor(service, row, open, client);
    const message = planDownload(await currentBank(service, row), deal, { run });
    const [taken] = await service.db.query(
      "SELECT 1 AS found FROM downloads " +
        "WHERE run = $1 AND round = $2 AND attempt = $3 AND client = $4",
      [run, round, attempt, client],
    );
    if (!taken) await take(service, run, address, message);
    return message;
  });
}

async function take(
  service: Service,
  run: string,
  address: RoundAddress,
  { sizes }: MessagePlan,
): Promise<void> {
  const { round, attempt, client } = address;
  const now = service.now();
  await changeRun(service, "take-download", run, async (transaction, row) => {
    await requireOpenAttempt(transaction, row, address, now);
    await transaction.query(
      "INSERT INTO downloads (run, round, attempt, client, sizes, sent_at) " +
        "VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (run, round, attempt, client) DO NOTHING",
      [run, round, attempt, client, JSON.stringify(sizes), now],
    );
    await transaction.query(
      "UPDATE rounds SET state = 'collecting' " +
        "WHERE run = $1 AND round = $2 AND attempt = $3 AND state = 'open'",
      [run, round, attempt],
    );
  });
}
