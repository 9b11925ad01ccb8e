/** Prints the name of the WebGPU adapter, or nothing where there is none. A program of its own, because a driver is only seen by a process that starts after it was installed. */

import { describeAdapter, findAdapter } from "../engine/webgpu/adapter.ts";
import { prepareGraphics } from "./graphics.ts";

prepareGraphics();
const adapter = await findAdapter();
if (adapter !== undefined) console.log(describeAdapter(adapter));
