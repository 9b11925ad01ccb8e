/** A machine's report as people read it. @module */

import { baseDtypes } from "../../lora/adapted_model.ts";
import { deviceText } from "../device_text.ts";
import { printable } from "../printable.ts";
import { textTable } from "../run/text_table.ts";
import { bytesText, counted, countText } from "../units.ts";
import type { AdapterFacts } from "./adapters.ts";
import type { DeviceReport, DoctorReport } from "./report.ts";
import type { TrainingMemory, TrainingSize } from "./sizes.ts";
import type { DeviceSpeed } from "./speed.ts";

/** The lines of a report. */
export function reportText(report: DoctorReport): string {
  const { deno, system, memory, load, adapters, devices, checks, canTrain } = report;
  const unused = adapters.filter(({ description }) =>
    !devices.some((device) => device.description === description)
  );
  const missing = checks.filter(({ there, needed }) => needed && !there).map(({ name }) => name);
  return [
    titled("Deno", `${deno}, ${system}`),
    titled("Memory", `${bytesText(memory.available)} free of ${bytesText(memory.total)}`),
    ...busyLines(load),
    ...devices.flatMap((device) => deviceLines(device, adapters)),
    ...unused.map(({ description }) => titled("Beside", printable(description))),
    "",
    ...sizeLines(report),
    "",
    ...checks.map(({ name, there, text }) =>
      `${there ? "yes" : "no "}  ${name.padEnd(15)}  ${printable(text)}`
    ),
    "",
    canTrain
      ? "This machine can train."
      : `This machine cannot train; what is missing: ${missing.join(", ")}`,
  ].join("\n");
}

/** Speeds of a busy machine are lower than what it can do. */
function busyLines({ programs, processors }: DoctorReport["load"]): string[] {
  if (programs < processors / 2) return [];
  return [
    titled(
      "Load",
      `${programs.toFixed(1)} programs on ${
        counted(processors, "processor")
      }: the speeds below are what they leave`,
    ),
  ];
}

function titled(title: string, text: string): string {
  return `${title.padEnd(8)} ${text}`;
}

function deviceLines(device: DeviceReport, adapters: readonly AdapterFacts[]): string[] {
  const { kind, description, speed, failure } = device;
  const adapter = kind === "webgpu"
    ? adapters.find((adapter) => adapter.description === description)
    : undefined;
  const api = kind === "webgpu" ? ", WebGPU" : "";
  const software = adapter?.software ? ", software that runs on the processor" : "";
  return [
    titled("Device", `${printable(deviceText(device))}${api}${software}`),
    ...(adapter ? [titled("", limitsText(adapter))] : []),
    ...(speed ? [titled("", speedText(speed))] : []),
    ...(failure === undefined ? [] : [titled("", `does not work: ${printable(failure)}`)]),
  ];
}

function limitsText({ limits }: AdapterFacts): string {
  const { maxStorageBufferBindingSize: binding, maxBufferSize: buffer } = limits;
  return `at most ${bytesText(binding)} a binding, ${bytesText(buffer)} a buffer`;
}

function speedText({ matmulFlopsPerSecond, memoryBytesPerSecond }: DeviceSpeed): string {
  const giga = (matmulFlopsPerSecond / 1e9).toPrecision(3);
  const memory = memoryBytesPerSecond === undefined
    ? ""
    : `, ${bytesText(memoryBytesPerSecond)}/s of memory`;
  return `${giga} GFLOP/s in a matrix product${memory}`;
}

function sizeLines({ devices, adapters, settings }: DoctorReport): string[] {
  const { task, batch, seqLen, evalBatch, rank } = settings;
  return [
    `Memory to train at --task ${task} --batch ${batch} --seq-len ${seqLen} --eval-batch ${evalBatch}, rank ${rank}; after the stroke with --recompute.`,
    "Planned as a run plans it; texts, tokens and what the runtime takes for them come on top.",
    '"no" is more than is free, or than the device takes.',
    ...(adapters.length > 0 && !adapters[0].software
      ? [
        "How much memory a GPU has, WebGPU does not tell: its table goes by the limits above alone.",
      ]
      : []),
    ...devices.filter(({ sizes }) => sizes.length > 0).flatMap(sizeTable),
  ];
}

function sizeTable({ kind, sizes }: DeviceReport): string[] {
  const columns = [
    { heading: kind === "cpu" ? "CPU" : "WebGPU" },
    ...["parameters", ...baseDtypes].map((heading) => ({ heading, right: true })),
  ];
  return ["", ...textTable(columns, sizes.map(sizeRow))];
}

function sizeRow({ name, parameters, memory }: TrainingSize): string[] {
  const cell = ({ bytes, fits }: TrainingMemory) => `${bytesText(bytes)}${fits ? "" : " no"}`;
  return [
    name,
    countText(parameters),
    ...baseDtypes.map((dtype) =>
      memory.filter(({ baseDtype }) => baseDtype === dtype).map(cell).join(" / ")
    ),
  ];
}
