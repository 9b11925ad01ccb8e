/** How a watched run is shown: a table that stays in place on a terminal, plain lines elsewhere, JSON lines for programs. @module */

import type { RoundStatus, RunStatus } from "../../protocol/http/documents.ts";
import { printable } from "../printable.ts";
import { bytesText, counted, durationText } from "../units.ts";
import type { Print } from "./command.ts";
import { scoreText, seatTable, statusLines } from "./status_text.ts";

/** Receives a run's changes in order. */
export interface WatchView {
  show(status: RunStatus): void;
  /** The server cannot be reached for now. */
  lost(reason: string): void;
  /** Ends what is still drawn. */
  close(): void;
}

/** One JSON object a change. */
export function jsonView(print: Print): WatchView {
  return { show: (status) => print(JSON.stringify(status)), lost() {}, close() {} };
}

/** A line whenever something worth one has changed. */
export function lineView(print: Print): WatchView {
  let before: RunStatus | undefined;
  let isLost = false;
  return {
    show(status) {
      if (isLost) print("The server can be reached again");
      isLost = false;
      for (const line of changeLines(before, status)) print(line);
      before = status;
    },
    lost(reason) {
      if (!isLost) print(reason);
      isLost = true;
    },
    close() {},
  };
}

/** What has changed between two statuses that follow each other, in lines; at first, where the run stands. */
export function changeLines(before: RunStatus | undefined, now: RunStatus): string[] {
  if (before === undefined) return statusLines(now, now.serverTime);
  const lines: string[] = [];
  const ready = readyClients(now);
  if (readyClients(before) !== ready && now.state === "waiting") {
    lines.push(`${counted(ready, "client")} ready`);
  }
  for (const round of now.published) {
    const old = before.published.find((other) => other.round === round.round);
    if (old === undefined) lines.push(publishedLine(round, now));
    if (isScored(round, now) && !(old && isScored(old, before))) {
      lines.push(`round ${round.round}/${now.rounds}  ${scoreText(round.heldOut!)}`);
    }
  }
  if (now.retries > before.retries) lines.push("a round missed its quorum and is tried again");
  if (now.state !== before.state) lines.push(now.state);
  return lines.map(printable);
}

function publishedLine(round: RoundStatus, { rounds }: RunStatus): string {
  const { openedAt, publishedAt, contributors, upBytes, downBytes } = round;
  const time = openedAt === null ? "" : ` in ${durationText((publishedAt - openedAt) / 1000)}`;
  return `round ${round.round}/${rounds}  ${counted(contributors.length, "update")}${time}, ` +
    `${bytesText(upBytes.total)} up, ${bytesText(downBytes.total)} down`;
}

/** Whether nobody is expected to score the round any more: all clients have, or the next round is out. */
export function isScored({ round, heldOut }: RoundStatus, status: RunStatus): boolean {
  return heldOut !== null &&
    (heldOut.parties >= readyClients(status) || round < status.published.at(-1)!.round);
}

function readyClients({ seats }: RunStatus): number {
  return seats.filter(({ role, state }) => role === "client" && state === "ready").length;
}

/** The part of a terminal that is used. */
export interface Screen {
  write(text: string): void;
  size(): { readonly columns: number; readonly rows: number };
}

/** A table that is drawn anew in its place, at every change and with every tick of the clock. */
export function liveView(
  screen: Screen,
  now: () => number,
  every: (tick: () => void) => Disposable,
) {
  let status: RunStatus | undefined;
  let offset = 0; // of the server's clock to ours
  let trouble = "";
  let drawn = 0;
  const draw = () => {
    if (status === undefined) return;
    const lines = frame(status, now() + offset, screen.size());
    if (trouble !== "") lines[lines.length - 1] = trouble;
    const up = drawn === 0 ? "" : `\x1b[${drawn}A`;
    const text = lines.map((line) => `${line}\n`).join("");
    // Without wrapping: a name of wide characters would take a second line, which nobody counts.
    screen.write(`${up}\x1b[0J\x1b[?7l${text}\x1b[?7h`);
    drawn = lines.length;
  };
  const clock = every(draw);
  const view: WatchView = {
    show(next) {
      status = next;
      offset = next.serverTime - now();
      trouble = "";
      draw();
    },
    lost(reason) {
      trouble = reason.slice(0, screen.size().columns);
      draw();
    },
    close: () => clock[Symbol.dispose](),
  };
  return view;
}

/** The lines of a run on a screen: what fits, each no longer than the screen is wide. The last is empty. */
export function frame(
  status: RunStatus,
  now: number,
  { columns, rows }: ReturnType<Screen["size"]>,
): string[] {
  const head = [...statusLines(status, now), ""];
  const table = seatTable(status.seats, now);
  // The cursor takes the last line.
  const room = Math.max(2, rows - head.length - 2);
  const seats = table.length <= room
    ? table
    : [...table.slice(0, room - 1), `… and ${counted(table.length - room + 1, "seat")} more`];
  return [...head, ...seats, ""].map((line) => line.slice(0, columns));
}
