/** What every database must do; sqlite_test.ts and postgres_test.ts run it. */

import { testBlobs } from "./blob_conformance.ts";
import { testProcesses } from "./process_conformance.ts";
import type { StoreKind } from "./stores.ts";
import { testTransactions } from "./transaction_conformance.ts";
import { testValues } from "./value_conformance.ts";

/** Defines the tests of one database. */
export function testStore(kind: StoreKind): void {
  testValues(kind);
  testTransactions(kind);
  testBlobs(kind);
  testProcesses(kind);
}
