/**
 * How the threads of a CPU device talk: words of shared memory for commands, for a barrier, and for the first failure of a run.
 *
 * Waiting spins for a while, because nodes are short, and then sleeps where the thread may (a browser's main thread may not).
 *
 * @module
 */

/** Bytes of the control area. */
export const CONTROL_BYTES = 4096;

/** Tells workers to leave; other commands are positions of programs. */
export const LEAVE = -1;

/** A failed operation: its position in the program and what it said. */
export interface Failure {
  readonly position: number;
  readonly message: string;
}

/** One thread's access to the control area. */
export interface Control {
  /** Gives every worker a command. Only the calling thread of the device does so, when no command is under way. */
  command(value: number): void;
  /** Waits for the next command. */
  nextCommand(): number;
  /** Waits until every thread has arrived. */
  barrier(): void;
  /** A number that no other thread has been given since the last barrier, counted from 0. */
  take(): number;
  /** Records a failure, unless another came first. */
  fail(position: number, message: string): void;
  /** Whether a node up to `position` failed. Answers alike on all threads after a barrier that follows that node. */
  failedUpTo(position: number): boolean;
  /** The recorded failure, which is cleared. */
  takeFailure(): Failure | undefined;
}

// One word per cache line, so that waiting on one does not slow the others down.
const COMMANDS_GIVEN = 0;
const COMMAND = 16;
const ARRIVED = 32;
const EPOCH = 48;
const FAILED = 64;
const MESSAGE_LENGTH = 80;
const TAKEN = 96;
const MESSAGE_BYTE = 512;

/** Loads before a waiting thread goes to sleep: some 40 microseconds, about what a wake-up costs. */
const SPINS = 3000;

/** Access to the control area at `address` for one of `threads` threads. */
export function openControl(
  memory: WebAssembly.Memory,
  address: number,
  threads: number,
): Control {
  const words = new Int32Array(memory.buffer, address, MESSAGE_BYTE / 4);
  const text = new Uint8Array(
    memory.buffer,
    address + MESSAGE_BYTE,
    CONTROL_BYTES - MESSAGE_BYTE,
  );
  const sleep = maySleep(words);
  let seen = Atomics.load(words, COMMANDS_GIVEN);

  const waitWhile = (word: number, value: number): void => {
    for (let spin = 0; spin < SPINS || !sleep; spin++) {
      if (Atomics.load(words, word) !== value) return;
    }
    while (Atomics.load(words, word) === value) Atomics.wait(words, word, value);
  };
  const release = (word: number): void => {
    Atomics.add(words, word, 1);
    Atomics.notify(words, word);
  };

  return {
    command(value) {
      Atomics.store(words, COMMAND, value);
      release(COMMANDS_GIVEN);
    },
    nextCommand() {
      waitWhile(COMMANDS_GIVEN, seen);
      seen = Atomics.load(words, COMMANDS_GIVEN);
      return Atomics.load(words, COMMAND);
    },
    barrier() {
      const epoch = Atomics.load(words, EPOCH);
      if (Atomics.add(words, ARRIVED, 1) + 1 < threads) return waitWhile(EPOCH, epoch);
      Atomics.store(words, ARRIVED, 0);
      Atomics.store(words, TAKEN, 0);
      release(EPOCH);
    },
    take: () => Atomics.add(words, TAKEN, 1),
    fail(position, message) {
      if (Atomics.compareExchange(words, FAILED, 0, position + 1) !== 0) return;
      const bytes = new TextEncoder().encode(message).subarray(0, text.length);
      text.set(bytes);
      Atomics.store(words, MESSAGE_LENGTH, bytes.length);
    },
    failedUpTo(position) {
      const failed = Atomics.load(words, FAILED);
      return failed !== 0 && failed - 1 <= position;
    },
    takeFailure() {
      const failed = Atomics.exchange(words, FAILED, 0);
      if (failed === 0) return undefined;
      const bytes = text.slice(0, Atomics.load(words, MESSAGE_LENGTH));
      return { position: failed - 1, message: new TextDecoder().decode(bytes) };
    },
  };
}

/** Whether this thread may block; asking with a value that the word does not have returns at once. */
function maySleep(words: Int32Array<ArrayBufferLike>): boolean {
  try {
    Atomics.wait(words, EPOCH, Atomics.load(words, EPOCH) + 1, 0);
    return true;
  } catch {
    return false;
  }
}
