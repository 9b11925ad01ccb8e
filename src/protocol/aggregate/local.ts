import { type Aggregation, type Aggregator, aggregatorByModule } from "./aggregator.ts";

/**
 * No aggregation, the rule of the baseline `local`: every client keeps what it trains, and the server's adapter and head stay as they were drawn. What
 * the bank knows of its components is kept up: which were trained, and the mean of their scores.
 */
export const local: Aggregator = (bank): Aggregation => {
  const aggregation = aggregatorByModule((module) => ({
    add() {},
    finish: () => ({ ...module, a: module.a.slice(), b: module.b.slice() }),
  }))(bank);
  return {
    add: aggregation.add,
    finish() {
      const head = bank.head.map((tensor) => ({ ...tensor, data: tensor.data.slice() }));
      return { ...aggregation.finish(), head };
    },
  };
};
