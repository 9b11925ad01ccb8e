import { serveThread } from "../../../src/engine/cpu/worker_thread.ts";
import { increaseOp, lookupAmong, refuseOp, reverseOp } from "./fake_operations.ts";

serveThread(lookupAmong(increaseOp, refuseOp, reverseOp));
