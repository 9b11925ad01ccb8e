import { serveThread } from "../../../src/engine/cpu/worker_thread.ts";
import { increaseOp, lookupAmong } from "./fake_operations.ts";

serveThread(lookupAmong(increaseOp));
