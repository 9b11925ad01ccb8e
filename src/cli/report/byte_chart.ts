import type { MessageSizes } from "../../protocol/messages/mod.ts";
import type { RoundFacts } from "../../protocol/records.ts";
import { bytesText, roundBytesText } from "../units.ts";
import { legend } from "./line_chart.ts";
import {
  axes,
  element,
  type Frame,
  label,
  linearScale,
  niceTicks,
  picture,
  tooltip,
} from "./svg.ts";

const kinds = [
  { key: "lora", name: "LoRA components", color: "var(--lora)" },
  { key: "head", name: "Head", color: "var(--head)" },
  { key: "overhead", name: "Overhead", color: "var(--overhead)" },
] as const;

const width = 520;
const height = 290;
const frame: Frame = { left: 62, right: 506, top: 30, bottom: 244 };

/** Bytes of each round as stacked bars: to the server above the axis, to the clients below it. Kinds that no message has, as a language model has no head, are left out. */
export function byteChart(records: readonly RoundFacts[]): string {
  const sent = kinds.filter(({ key }) =>
    records.some(({ upBytes, downBytes }) => upBytes[key] + downBytes[key] > 0)
  );
  const up = Math.max(...records.map((record) => record.upBytes.total));
  const down = Math.max(...records.map((record) => record.downBytes.total));
  const above = niceTicks(0, up, Math.max(1, Math.round(5 * up / (up + down))));
  const below = niceTicks(0, down, Math.max(1, Math.round(5 * down / (up + down))));
  const step = Math.max(above[1], below[1]);
  const highest = Math.ceil(up / step - 1e-9) * step;
  const lowest = -Math.ceil(down / step - 1e-9) * step;
  const ticks: number[] = [];
  for (let value = lowest; value <= highest + step / 2; value += step) ticks.push(value);

  const first = records[0].round;
  const last = records[records.length - 1].round;
  const slot = (frame.right - frame.left) / (last - first + 1);
  const bar = Math.min(28, Math.max(1, slot * 0.64));
  const x = linearScale(
    [first, Math.max(last, first + 1)],
    [frame.left + slot / 2, frame.left + slot / 2 + slot * Math.max(1, last - first)],
  );
  const y = linearScale([lowest, highest], [frame.bottom, frame.top]);
  const xTicks = niceTicks(first, last, 6, 1).filter((value) => value >= first && value <= last);

  const stack = (bytes: MessageSizes, round: number, sign: 1 | -1, direction: string): string => {
    let from = 0;
    const parts = sent.map(({ key, color }) => {
      const to = from + bytes[key];
      const edges = [y(sign * from), y(sign * to)];
      from = to;
      return element("rect", {
        x: x(round) - bar / 2,
        width: bar,
        y: Math.min(...edges),
        height: Math.abs(edges[1] - edges[0]),
        style: `fill: ${color}`,
      });
    });
    const told = sent.map(({ key, name }) => `${name} ${bytesText(bytes[key])}`).join(", ");
    return element(
      "g",
      { class: "bar" },
      ...parts,
      tooltip(`Round ${round}, ${direction}: ${bytesText(bytes.total)} (${told})`),
    );
  };
  return legend(sent) + picture(
    width,
    height,
    "Bytes per round",
    axes(
      frame,
      { scale: x, ticks: xTicks, format: String, title: "round" },
      { scale: y, ticks, format: (value) => roundBytesText(Math.abs(value)) },
    ),
    ...records.map((record) =>
      stack(record.upBytes, record.round, 1, "to the server") +
      stack(record.downBytes, record.round, -1, "to the clients")
    ),
    element("line", { class: "zero", x1: frame.left, x2: frame.right, y1: y(0), y2: y(0) }),
    label(frame.left, frame.top - 14, "↑ to the server", { class: "axis-title" }),
    label(frame.left, frame.bottom + 36, "↓ to the clients", { class: "axis-title" }),
  );
}
