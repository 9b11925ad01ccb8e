/** A further thread of read.ts. */

import { LEAVE } from "../../src/engine/cpu/control.ts";
import { readControl, readPart, type ReadSetup } from "./read_loop.ts";

self.onmessage = ({ data }: MessageEvent<ReadSetup>) => {
  const control = readControl(data);
  const read = readPart(data);
  self.postMessage("ready");
  while (control.nextCommand() !== LEAVE) {
    read();
    control.barrier();
  }
  self.close();
};
