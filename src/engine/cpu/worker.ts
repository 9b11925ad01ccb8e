/** Entry of a CPU device's workers. @module */

import { operation } from "../ops/registry.ts";
import { serveThread } from "./worker_thread.ts";

serveThread(operation);
