import { serveThread } from "../../../src/engine/cpu/worker_thread.ts";
import { increaseOp, lookupAmong, refuseOp, reverseOp, waitOp } from "./fake_operations.ts";

serveThread(lookupAmong(increaseOp, refuseOp, reverseOp, waitOp));
