/**
 * How a program of the benchmark measures: warm-up, then repetitions, each a line of JSON. Programs in Python (peers/repetitions.py) do the same:
 *
 * - first line: what was set up, `{"facts": {…}}`
 * - a line for each repetition, `{"seconds": …}`: of one step or product, with further figures beside it
 *
 * With `--wait` a repetition waits for a line on stdin, so that programs can take turns; the end of stdin ends the program.
 *
 * @module
 */

/** What a program tells of its set-up: adapter, threads, sizes. */
export type Facts = Readonly<Record<string, string | number | boolean>>;

/** Figures of one repetition. */
export interface Repetition {
  /** Seconds of one step, product or measurement. */
  readonly seconds: number;
  /** Figures that only some programs have. */
  readonly [figure: string]: number;
}

/** When to repeat. */
export interface RepetitionOptions {
  /** Repetitions without `wait`. */
  readonly repetitions: number;
  /** Repeat when a line comes on stdin. */
  readonly wait: boolean;
}

/** Seconds that a repetition takes at least, so that the clock and a read-back do not count. */
const LONG_ENOUGH = 0.5;
/** A first run of so many seconds has warmed up what there is to warm up. */
const WARM = 2;

/**
 * Measures `run`, which does the work `times` times and waits until it is done.
 *
 * @param figuresOf further figures of the repetition that ended just now.
 */
export async function repeat(
  facts: Facts,
  run: (times: number) => Promise<void>,
  options: RepetitionOptions,
  figuresOf: () => Record<string, number> | Promise<Record<string, number>> = () => ({}),
): Promise<void> {
  const secondsOf = async (times: number): Promise<number> => {
    const start = performance.now();
    await run(times);
    return (performance.now() - start) / 1000;
  };
  const times = await warmUp(secondsOf);
  await figuresOf();
  console.log(JSON.stringify({ facts }));
  const wanted = options.wait ? requests() : undefined;
  for (let done = 0; wanted ? await wanted() : done < options.repetitions; done++) {
    const seconds = await secondsOf(times) / times;
    console.log(JSON.stringify({ seconds, ...await figuresOf() } satisfies Repetition));
  }
}

/** Warms up work of which `secondsOf(times)` tells how long it took; how many times it is to be done for a repetition to be long enough. */
export async function warmUp(secondsOf: (times: number) => Promise<number>): Promise<number> {
  let times = 1;
  let taken = await secondsOf(times);
  if (taken < WARM) taken = await secondsOf(times);
  while (taken < LONG_ENOUGH) {
    times = Math.ceil(times * Math.min(10, 1.2 * LONG_ENOUGH / taken));
    taken = await secondsOf(times);
  }
  return times;
}

/** Waits for the next line of stdin; false at its end. Who asks waits for the answer, so a read never brings two lines. */
function requests(): () => Promise<boolean> {
  const reader = Deno.stdin.readable.getReader();
  return async () => !(await reader.read()).done;
}
