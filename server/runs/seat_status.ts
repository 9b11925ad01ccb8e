import type { CurrentRound, SeatStatus } from "../../src/protocol/http/documents.ts";
import { recentContact } from "./contacts.ts";
import { type SeatRow, seatsOf } from "./rows.ts";
import type { Service } from "./service.ts";

/** Silence after which a client counts as absent: two long polls and a half. */
const ABSENT_AFTER = 150_000;

/** The seats of a run, ascending, with what they do now. */
export async function seatStatuses(
  service: Service,
  run: string,
  current: CurrentRound | null,
): Promise<SeatStatus[]> {
  const downloads = current === null ? [] : await service.db.query<{ client: number }>(
    "SELECT client FROM downloads WHERE run = $1 AND round = $2 AND attempt = $3",
    [run, current.round, current.attempt],
  );
  const parts = {
    sampled: new Set(current?.sampled),
    downloaded: new Set(downloads.map(({ client }) => client)),
    received: new Set(current?.received),
  };
  const seats = await seatsOf(service.db, run);
  return seats.map((seat) => statusOf(service, run, seat, current, parts));
}

/** Clients by how far they are in the attempt in progress. */
type RoundParts = Readonly<Record<"sampled" | "downloaded" | "received", ReadonlySet<number>>>;

function statusOf(
  service: Service,
  run: string,
  seat: SeatRow,
  current: CurrentRound | null,
  { sampled, downloaded, received }: RoundParts,
): SeatStatus {
  const { client, role, state, name, rank, samples } = seat;
  const recent = recentContact(service, run, client);
  const lastContact = recent?.time ?? seat.lastContact;
  const known: SeatStatus["progress"] = recent?.progress ??
    (seat.progress === null ? null : JSON.parse(seat.progress));
  const progress = known?.round === current?.round && known?.attempt === current?.attempt
    ? known
    : null;
  const silent = lastContact === null || service.now() - lastContact > ABSENT_AFTER;
  const activity = state === "withdrawn" || silent
    ? "absent"
    : received.has(client)
    ? "uploaded"
    : downloaded.has(client)
    ? "training"
    : sampled.has(client)
    ? "sampled"
    : "idle";
  return {
    client,
    role,
    state,
    name,
    rank,
    samples,
    lastContact,
    activity,
    progress: activity === "training" ? progress : null,
  };
}
